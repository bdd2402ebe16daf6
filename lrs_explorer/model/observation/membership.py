"""What each product is made of, and how that is known: associations first, then the products."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.image_file import hdrtab_members
from lrs_explorer.model.files.recognition import Exposure, ProductFile, root_of
from lrs_explorer.model.observation.associations import Association, Member
from lrs_explorer.model.observation.reductions import version_of

__all__ = ["MadeOf", "Membership"]

SAME_POSITION: Final = 0.2
"""Arcsec by which dither offsets of exposures at the same nod position may differ."""

ORDER: Final = [
    "uncal",
    "ramp",
    "detector1",
    "jump",
    "rate",
    "rateints",
    "cal",
    "calints",
    "crf",
    "crfints",
    "s2d",
    "x1d",
    "x1dints",
    "c1d",
]
"""Kinds of products, in the order in which they are made."""


ROLE_NAMES: Final = {"target_acquisition": "verification image"}
"""What roles are called on the screen: of the images of an acquisition one counts."""


@dataclass(frozen=True)
class MadeOf:
    """One line of what an observation is made of.

    Parameters
    ----------
    product : str
        The exposure, or "Combined", as it is called on the screen.
    role : str
        "product" for itself; of what it is made of "science", "background" or
        "target_acquisition".
    what : str
        Files, or in words what is not known.
    told_by : str
        The association, table or keyword that says so; "" where nothing does.
    """

    product: str
    role: str
    what: str
    told_by: str = ""

    @property
    def line(self) -> tuple[str, str]:
        """Label and value, as they are shown."""
        if self.role == "product":
            return self.product, self.what
        source = f" – {self.told_by}" if self.told_by else ""
        called = ROLE_NAMES.get(self.role, self.role)
        return f"· {called}", f"{self.what}{source}"


class Membership:
    """Which products belong together, of one observation.

    Parameters
    ----------
    files : sequence of ProductFile
    exposures : sequence of Exposure
        In the order in which they are numbered.
    associations : sequence of Association
        Those that name any of the files.

    Attributes
    ----------
    folders : list of Path
        Where the files are.
    """

    def __init__(
        self,
        files: Sequence[ProductFile],
        exposures: Sequence[Exposure],
        associations: Sequence[Association],
    ) -> None:
        self._files = files
        self._exposures = exposures
        self.folders = list(dict.fromkeys(file.path.absolute().parent for file in files))
        # Of a reduction elsewhere there may be others that name the same files.
        self.associations = sorted(
            associations, key=lambda a: a.path.absolute().parent not in self.folders
        )

    # -- single exposures ----------------------------------------------------------------------

    @property
    def numbers(self) -> range:
        """The numbers of the exposures, from 1."""
        return range(1, len(self._exposures) + 1)

    def of(self, number: int) -> list[ProductFile]:
        """Return the products of an exposure."""
        exposure = self._exposures[number - 1]
        return [p for p in self._files if p.exposure == exposure and p.mode is not None]

    def root(self, number: int) -> str:
        """Return the file name root of an exposure."""
        return root_of(self.of(number)[0].path)

    def number_of(self, path: Path) -> int:
        """Return the number of the exposure that a product is of."""
        return next(n for n in self.numbers if path in [file.path for file in self.of(n)])

    def _card(self, number: int, name: str) -> Any:
        """Return a keyword of an exposure from any of its products, None where none has it."""
        values = (file.header.get(name) for file in self.of(number))
        return next((value for value in values if value is not None), None)

    def _offset(self, number: int) -> float:
        """Return the dither offset of an exposure along the slit, arcsec."""
        offset = self._card(number, "XOFFSET")
        # Without the card every exposure is its own position.
        return float(offset) if isinstance(offset, (int, float)) else float(number)

    def _about(self, number: int) -> list[tuple[Association, list[Member]]]:
        """Return the associations that an exposure may have been made by, with their members.

        The one that its product names, else those beside it, else any.
        """
        own, made_by = self.root(number), self._card(number, "ASNTABLE")
        found = []
        for association in self.associations:
            for members in association.products.values():
                if association.level != 3 and own in _roots(members, "science"):
                    found.append((association, [*{(m.name, m.role): m for m in members}.values()]))
        named = [one for one in found if one[0].path.name == made_by]
        beside = [one for one in found if one[0].path.absolute().parent in self.folders]
        return named or beside or found

    def _named(self, number: int, role: str) -> tuple[Association, list[Member]] | None:
        """Return the association that names members of a role for an exposure, and these.

        Raises
        ------
        LRSExplorerError
            Associations contradict each other, or themselves.
        """
        own = self.root(number)
        found = [(a, [m for m in members if m.role == role]) for a, members in self._about(number)]
        if role != "background":  # who names none does not say that there is none
            found = [one for one in found if one[1]]
        if not found:
            return None
        association, members = found[0]
        for other, its in found[1:]:
            if {m.root for m in members} != {m.root for m in its}:
                raise LRSExplorerError(
                    f"what is {role} of {own} is not known: {association.path.name} and "
                    f"{other.path.name} name different exposures, and no product says by which "
                    "it was made; take away the one that does not count."
                )
        if own in _roots(members, role):
            raise LRSExplorerError(
                f"{association.path.name} names {own} as its own {role}; fix the association."
            )
        return association, members

    def backgrounds(self, number: int, asked: bool = False) -> tuple[list[int | Path], str]:
        """Return what is subtracted from an exposure; see `Observation.backgrounds`."""
        named = self._named(number, "background")
        if named is not None and named[1]:
            association, members = named
            return [self._number_or_file(member) for member in members], association.path.name
        if not asked:
            self._check_nods(number)
        return [*self.other_nods(number)], ""

    def other_nods(self, number: int) -> list[int]:
        """Return the exposures at other positions than that of an exposure."""
        offsets = [self._offset(n) for n in self.numbers]
        return [
            n
            for n, offset in enumerate(offsets, start=1)
            if n != number and abs(offset - offsets[number - 1]) > SAME_POSITION
        ]

    def _check_nods(self, number: int) -> None:
        """Check that what was subtracted from an exposure can only be its other nods."""
        for card, bad in (("SRCTYAPT", "EXTENDED"), ("BKGDTARG", True)):
            if self._card(number, card) == bad:
                raise LRSExplorerError(
                    f"what was subtracted as background from {self.root(number)} is not known: no "
                    f"association is at hand ({card} is {bad}, so it need not be the other nod); "
                    "put its spec2 association and the exposures that it names beside it, or "
                    "say what is subtracted (nods.backgrounds), or that nothing is (nods.subtract)."
                )

    def set_aside(self, asked: Association, subtracted: Mapping[int, bool | None]) -> Iterator[str]:
        """Yield what an association that was opened says of backgrounds, where it is not followed.

        Parameters
        ----------
        asked : Association
        subtracted : mapping of int to bool or None
            Whether backgrounds were subtracted from what was delivered of each exposure.
        """
        for number, delivered in subtracted.items():
            root = self.root(number)
            for members in asked.products.values():
                named = [m for m in members if m.role == "background"]
                if delivered is None or not named or root not in _roots(members, "science"):
                    continue
                names = ", ".join(member.file_name for member in named)
                try:
                    counted = self._named(number, "background")
                except LRSExplorerError:  # said when they are asked for
                    continue
                same = counted is not None and set(_roots(counted[1], "background")) == set(
                    _roots(members, "background")
                )
                if same and delivered:
                    continue
                kept = f"as {counted[0].path.name} says" if counted and delivered else "with none"
                yield (
                    f"{asked.path.name} names {names} as background of {root}, and what was "
                    f"delivered was made {kept}: it stays so until you choose these exposures "
                    "(in the page, by nods.backgrounds or slitless.backgrounds, by --subtract)."
                )

    def names_backgrounds(self, number: int) -> bool:
        """Tell whether an association names backgrounds of an exposure, or several disagree."""
        try:
            named = self._named(number, "background")
        except LRSExplorerError:  # said when they are asked for
            return True
        return named is not None and bool(named[1])

    def background_members(self, number: int) -> list[Member]:
        """Return what any association names as background of an exposure."""
        about = self._about(number)
        return [m for _, members in about for m in members if m.role == "background"]

    def dedicated(self, path: Path) -> list[Path]:
        """Return the files that an association names as background of the exposure of ``path``."""
        named = self._named(self.number_of(path), "background")
        return [] if named is None else [_at_hand(member) for member in named[1]]

    def _number_or_file(self, member: Member) -> int | Path:
        """Return the exposure that an association names as background, or its file."""
        found = next((n for n in self.numbers if self.root(n) == member.root), None)
        return _at_hand(member) if found is None else found

    # -- target acquisition --------------------------------------------------------------------

    def verification(self, number: int) -> tuple[Path | None, str]:
        """Return the verification image of an exposure, and what says that it is that one.

        Raises
        ------
        LRSExplorerError
            An association names it, and it is not at hand; or associations contradict each other.
        """
        images = {p.path: p for p in self._files if p.kind == "ta" and _is_verification(p)}
        named = self._named(number, "target_acquisition")
        if named is not None:
            association, members = named
            roots = [member.root for member in members]
            for path in images:
                if root_of(path) in roots:
                    return path, association.path.name
            # The image before the verification is a member as well; it never counts.
            images_before = [p for p in self._files if p.header.get("EXP_TYPE") == "MIR_TACQ"]
            before = {root_of(product.path) for product in images_before}
            lost = [member.name for member in members if member.root not in before]
            if lost:
                raise LRSExplorerError(
                    f"{association.path.name} names {', '.join(lost)} as target_acquisition, and "
                    "no rate or cal of it is here; download it, or choose another pathloss mode."
                )
        visit = self._exposures[number - 1][:3]
        same = [p for p in images.values() if p.exposure[:3] == visit] or list(images.values())
        if len(same) < 2:
            return (same[0].path, "EXP_TYPE") if same else (None, "")
        began = _time_of(self._card(number, "EXPSTART"))
        times = {p.path: _time_of(p.header.get("EXPSTART")) for p in same}
        known = {path: time for path, time in times.items() if time < math.inf and time <= began}
        if not known:
            raise LRSExplorerError(
                "which verification image counts is not known: there are "
                f"{', '.join(path.name for path in times)}, and neither an association nor their "
                "times (EXPSTART) tell; take away those that do not count."
            )
        return max(known, key=known.__getitem__), "the last one before the exposure (EXPSTART)"

    def acquisitions(self, number: int) -> list[Path]:
        """Return the TA images that tell where the source of an exposure is, by time.

        Those of its visit, where there are any; last the verification image that counts.
        """
        images = [p for p in self._files if p.kind == "ta"]
        visit = self._exposures[number - 1][:3]
        images = [p for p in images if p.exposure[:3] == visit] or images
        verified, _ = self.verification(number)
        chosen = [p for p in images if p.path != verified]
        chosen.sort(key=lambda p: (_time_of(p.header.get("EXPSTART")), p.path.name))
        return [p.path for p in chosen] + ([] if verified is None else [verified])

    # -- the combined product ------------------------------------------------------------------

    @cached_property
    def _combined(self) -> ProductFile | None:
        """The combined image, else the combined spectrum."""
        found = [p for p in self._files if p.combined and p.mode is not None]
        return min(found, key=lambda p: p.kind != "s2d", default=None)

    def combined_members(self) -> list[int]:
        """Return the exposures of the combined product; see `Observation.combined_members`."""
        roots = {self.root(n): n for n in self.numbers}
        source, members = self._combined_by()
        missing = [root for root in members if root not in roots]
        if missing:
            raise LRSExplorerError(
                f"the combined product is made of {', '.join(members)} ({source}), of which "
                f"{' and '.join(missing)} cannot be found; download what is missing, or choose a "
                "single exposure."
            )
        return sorted(roots[root] for root in members) or list(roots.values())

    def _combined_by(self) -> tuple[str, list[str]]:
        """Return what tells the members of the combined product, and their file name roots.

        Raises
        ------
        LRSExplorerError
            Association and product contradict each other.
        """
        delivered, associations = self._combined, self._combined_associations
        table: list[str] = []
        if delivered is not None and delivered.path.exists():
            names = [root_of(Path(name)) for name in hdrtab_members(delivered.path)]
            table = list(dict.fromkeys(names))
        made_by = None if delivered is None else delivered.header.get("ASNTABLE")
        named = [one for one in associations if one[0].path.name == made_by]
        if delivered is not None and table and not named:
            agreeing = [one for one in associations if set(one[1]) == set(table)]
            by = f"{delivered.path.name} (HDRTAB)"
            return (agreeing[0][0].path.name if agreeing else by), table
        if not associations:
            return "", []
        association, members = (named or associations)[0]
        if delivered is not None and table and set(table) != set(members):
            raise LRSExplorerError(
                f"what the combined product is made of is not known: {association.path.name} says "
                f"{', '.join(members)}, and HDRTAB of {delivered.path.name} "
                f"{', '.join(table)}; put the association beside it that it was made by, or "
                "choose a single exposure."
            )
        for other, its in associations:
            if not named and set(its) != set(members):
                raise LRSExplorerError(
                    f"what the combined product is made of is not known: {association.path.name} "
                    f"and {other.path.name} name different exposures; take away the one that does "
                    "not count."
                )
        return association.path.name, members

    @cached_property
    def _combined_associations(self) -> list[tuple[Association, list[str]]]:
        """Associations of the combined product, with the roots of their science members."""
        found = []
        for association in self.associations:
            for name, members in association.products.items():
                delivered = self._combined
                known = delivered is None or name in (root_of(delivered.path), delivered.path.name)
                if association.level == 3 and known:
                    found.append((association, list(dict.fromkeys(_roots(members, "science")))))
        return found

    def combined_association(self, root: str) -> tuple[str, str]:
        """Return names of the association and its pool that a combined product is to carry."""
        header = {} if self._combined is None else self._combined.header
        found = [one for one, _ in self._combined_associations]
        return _as_written(header, found) or (f"{root}_asn.json", "none")

    def association_of(self, number: int) -> tuple[str, str] | None:
        """Return names of the association and its pool that an exposure's products carry."""
        header = {name: self._card(number, name) for name in ("ASNTABLE", "ASNPOOL")}
        return _as_written(header, [one for one, _ in self._about(number)])

    # -- all of it -----------------------------------------------------------------------------

    def tree(
        self, labels: Mapping[int, str], subtracted: Mapping[int, bool | None]
    ) -> Iterator[MadeOf]:
        """Yield what each exposure and the combined product are made of.

        Parameters
        ----------
        labels : mapping of int to str
            What the exposures are called.
        subtracted : mapping of int to bool or None
            Whether backgrounds are subtracted in the delivered products; None = not known.
        """
        for number in self.numbers:
            yield MadeOf(labels[number], "product", _listed(self.of(number)), "headers")
            yield from self._background_lines(number, labels, subtracted[number])
            try:
                path, told_by = self.verification(number)
            except LRSExplorerError as error:
                yield MadeOf(labels[number], "target_acquisition", str(error))
                continue
            if path is not None:
                yield MadeOf(labels[number], "target_acquisition", path.name, told_by)
        combined = [p for p in self._files if p.combined and p.mode is not None]
        if combined:
            yield MadeOf("Combined", "product", _listed(combined), "headers")
            yield from self._combined_lines(labels)

    def _background_lines(
        self, number: int, labels: Mapping[int, str], subtracted: bool | None
    ) -> Iterator[MadeOf]:
        label = labels[number]
        try:
            named = self._named(number, "background")
        except LRSExplorerError as error:
            yield MadeOf(label, "background", str(error))
            return
        association, members = named or (None, [])
        if subtracted is False and not members:
            yield MadeOf(label, "background", "not subtracted", "S_BKDSUB")
        elif association is None and subtracted is not False:
            what = "subtracted; of which exposures is not known: no association is here"
            if subtracted is None:
                what = "not known: neither S_BKDSUB nor an association tells"
            yield MadeOf(label, "background", what)
        elif not members:
            yield MadeOf(label, "background", "none", association.path.name if association else "")
        for member in members:
            assert association is not None
            what = member.file_name + (" (not at hand)" if member.path is None else "")
            own = next((n for n in self.numbers if self.root(n) == member.root), None)
            what = what if own is None else f"{labels[own]}: {what}"
            if subtracted is False:
                what += ", not subtracted in the delivered product"
            yield MadeOf(label, "background", what, association.path.name)

    def _combined_lines(self, labels: Mapping[int, str]) -> Iterator[MadeOf]:
        try:
            source, members = self._combined_by()
        except LRSExplorerError as error:
            yield MadeOf("Combined", "science", str(error))
            return
        roots = {self.root(n): n for n in self.numbers}
        for root in members:
            what = f"{labels[roots[root]]}: {root}" if root in roots else f"{root} (not at hand)"
            yield MadeOf("Combined", "science", what, source)
        if not members:
            yield MadeOf("Combined", "science", "not known: neither association nor HDRTAB is here")


def _as_written(
    header: Mapping[str, Any], associations: Sequence[Association]
) -> tuple[str, str] | None:
    """Return ASNTABLE and ASNPOOL: as a product has them, else of the association at hand."""
    table = os.path.basename(str(header.get("ASNTABLE") or ""))
    if table.endswith(".json"):
        return table, str(header.get("ASNPOOL") or "none")
    return (associations[0].path.name, associations[0].pool) if associations else None


def _is_verification(product: ProductFile) -> bool:
    """Tell whether this is an image of the source in the slit, rather than the one before."""
    return product.header.get("EXP_TYPE") == "MIR_TACONFIRM"


def _time_of(value: Any) -> float:
    """Return a time (MJD) as a header has it, infinity where it has none."""
    return float(value) if isinstance(value, (int, float)) else math.inf


def _roots(members: Sequence[Member], role: str) -> list[str]:
    return [member.root for member in members if member.role == role]


def _at_hand(member: Member) -> Path:
    """Return the file of a background, or say that it is missing."""
    if member.path is None:
        raise LRSExplorerError(
            f"{member.association.name} names {member.name} as background, and there is no such "
            "file; download it, or choose others (nods.backgrounds, slitless.backgrounds)."
        )
    return member.path


def _listed(products: Sequence[ProductFile]) -> str:
    """Return products of one exposure in a line: name, kinds and by what they were made."""
    by_root: dict[str, list[str]] = {}
    for product in sorted(products, key=lambda p: [*ORDER, p.kind].index(p.kind)):
        root = root_of(product.path) or product.path.name
        by_root.setdefault(root, []).append(product.kind)
    names = "; ".join(f"{root} ({', '.join(kinds)})" for root, kinds in by_root.items())
    versions = dict.fromkeys(
        ", ".join(part for part in (f"jwst {version}", context) if part)
        for version, context in map(version_of, products)
        if version
    )
    return ", ".join((names, *versions))
