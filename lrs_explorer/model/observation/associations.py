"""Associations: which files belong together, and what each is there for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import located, read_json
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.observation.siblings import entries, is_fits

__all__ = ["Association", "FilesAtHand", "Member", "find_associations", "read_association"]

LARGEST: Final = 20_000_000
"""Bytes of a file that is read in search of associations; one that is opened by name always is."""

MOST_NAMED: Final = 8
"""Members that one sentence names."""

PEEK: Final = 4096
"""Bytes in which a JSON file that is an association says so, whatever it is called."""

ROLES: Final = [
    "science",
    "background",
    "target_acquisition",
    "imprint",
    "psf",
    "direct_image",
    "segmap",
    "sourcecat",
    "dark",
    "flat",
    "autoflat",
    "autowave",
    "engineering",
]
"""What the pipeline's members are there for; here science, background and acquisition are used."""


class FilesAtHand:
    """The FITS files of folders, looked at once, by the beginning of their names."""

    def __init__(self) -> None:
        self._found: dict[Path, dict[str, list[Path]]] = {}
        self._beside: dict[Path, set[str]] = {}

    def all_in(self, folder: Path) -> list[Path]:
        """Return all FITS files of a folder."""
        return list(dict.fromkeys(path for found in self._look(folder).values() for path in found))

    def called(self, folder: Path, *beginnings: str | None) -> list[Path]:
        """Return those whose name without endings, or without its suffix, is one of these."""
        known = self._look(folder)
        return list(dict.fromkeys(p for name in beginnings if name for p in known.get(name, ())))

    def beside(self, folder: Path) -> set[str]:
        """Return the names of a folder and of its neighbours."""
        parent = folder.absolute().parent
        if parent not in self._beside:
            with suppress(OSError):
                self._beside[parent] = {e.name for e in os.scandir(parent) if e.is_dir()}
        return self._beside.get(parent, set())

    def _look(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._found:
            known: dict[str, list[Path]] = {}
            for path in entries(folder):
                if is_fits(path):
                    for name in dict.fromkeys((_stem(path.name), root_of(path))):
                        known.setdefault(name, []).append(path)
            self._found[folder] = known
        return self._found[folder]


@dataclass(frozen=True)
class Member:
    """A file that an association names.

    Parameters
    ----------
    name : str
        As it stands there: a name, or a path, relative to the association's folder.
    role : str
        Its ``exptype``, in lower case: "science", "background", "target_acquisition", …
    association : Path
        The file that names it.
    """

    name: str
    role: str
    association: Path
    _at_hand: FilesAtHand = field(default_factory=FilesAtHand, repr=False, compare=False)

    @property
    def file_name(self) -> str:
        """The name without folders."""
        return Path(self.name).name

    @cached_property
    def root(self) -> str:
        """What the file names of all products of this member's exposure begin with."""
        return root_of(Path(self.name))

    @cached_property
    def path(self) -> Path | None:
        """The file that is named, compressed or not; None where it is not at hand."""
        stem, plain = _stem(self.name), self.file_name.removesuffix(".gz")
        for folder in self.folders:
            named = [p for p in self._at_hand.called(folder, stem) if _stem(p.name) == stem]
            if named:
                return min(named, key=lambda p: (p.name != plain, p.name != f"{plain}.gz"))
        return None

    @cached_property
    def folders(self) -> list[Path]:
        """Where it may be: where it is said to be, beside the association, in a download.

        A download from MAST has a folder for each exposure, named like its files.
        """
        own = self.association.parent
        found = [own]
        if os.sep in self.name:
            said = own / Path(self.name).parent  # an absolute path replaces the folder
            if os.path.isdir(said) and (said := located(said)) != located(own):
                found.insert(0, said)
        neighbour = self._exposure or _stem(self.name)
        if neighbour in self._at_hand.beside(own) and neighbour != own.absolute().name:
            found.append(own.absolute().parent / neighbour)
        return found

    @property
    def elsewhere(self) -> bool:
        """Whether it is not where it is said to be, and one of its name was found elsewhere."""
        said = Path(self.name).parent
        if self.path is None or str(said) == ".":
            return False
        own = self.association.parent / said
        return os.path.realpath(self.path.parent) != os.path.realpath(own)

    @cached_property
    def files(self) -> list[Path]:
        """The file that is named; where it is not at hand, the other products of its exposure."""
        if self.path is not None:
            return [self.path]
        roots = [_stem(self.name), self._exposure]
        places = [p for folder in self.folders for p in self._at_hand.called(folder, *roots)]
        return [path for path in dict.fromkeys(places) if root_of(path) in roots]

    @property
    def _exposure(self) -> str | None:
        """Return the root where the name ends with a suffix, None where it is short of one."""
        return self.root if self.root.endswith("_mirimage") else None


@dataclass(frozen=True)
class Association:
    """What an association file says.

    Parameters
    ----------
    path : Path
    level : {2, 3} or None
        Of the pipeline that takes it; None where that is not told.
    products : dict of str to tuple of Member
        Members by the name of the product that is made of them.
    pool : str
        The association pool that it was made from.
    """

    path: Path
    level: int | None
    products: dict[str, tuple[Member, ...]]
    pool: str = "none"
    _at_hand: FilesAtHand = field(default_factory=FilesAtHand, repr=False, compare=False)

    @property
    def members(self) -> Iterator[Member]:
        """All members, science first."""
        everything = [member for members in self.products.values() for member in members]
        yield from sorted(everything, key=lambda member: member.role != "science")

    @cached_property
    def made(self) -> list[Path]:
        """Files at hand that carry the name of a product."""
        folders = dict.fromkeys(f for m in self.members for f in m.folders)
        found = []
        for name in self.products:
            stem = _stem(name)
            for folder in folders or [self.path.parent]:
                found += self._at_hand.called(folder, stem)
            mast = self.path.absolute().parent.parent / stem
            if (
                stem
                and os.path.isdir(mast)
                and mast not in [folder.absolute() for folder in folders]
            ):
                found += self._at_hand.all_in(mast)
        return list(dict.fromkeys(found))

    def names(self, roots: Iterable[str]) -> bool:
        """Tell whether it names any product whose file name begins with one of ``roots``."""
        return not self._names.isdisjoint(roots)

    @cached_property
    def _names(self) -> set[str]:
        members = {name for m in self.members for name in (m.root, _stem(m.name))}
        return members.union(map(_stem, self.products))

    def makes(self, path: Path) -> bool:
        """Tell whether a file is one of its products."""
        return not {_stem(path.name), root_of(path)}.isdisjoint(map(_stem, self.products))

    @property
    def notes(self) -> list[str]:
        """Sentences about members that are not at hand, or have a role that is not known."""
        lost, odd, elsewhere = [], [], []
        for member in self.members:
            named = f"{member.name} ({member.role or 'no exptype'})"
            if not member.files:
                lost.append(named)
            if member.role not in ROLES:
                odd.append(named)
            if member.elsewhere:
                elsewhere.append(f"{member.path} for {member.name}")
        name, notes = self.path.name, []
        if lost:
            notes.append(f"{name} names {_some(lost)}, of which nothing is at hand.")
        if elsewhere:
            notes.append(f"{name} names files that are not there; taken are {_some(elsewhere)}.")
        if odd:
            notes.append(
                f"{name} gives {_some(odd)} a role that is not known, so what it is for is not "
                f"known; roles are {', '.join(ROLES[:3])} and others of the pipeline."
            )
        if not any(member.role == "science" for member in self.members):
            notes.append(f"{name} names no science exposure; fix it, or open a product.")
        return notes

    def with_roles(self) -> Iterator[tuple[Path, str]]:
        """Yield each file at hand of what it names, once: products, then members by their role."""
        found = dict.fromkeys(self.made, "product")
        for member in self.members:
            for path in member.files:
                found.setdefault(path, member.role)
        yield from found.items()

    def files(self) -> list[Path]:
        """Return all that is at hand of what it names: products first, then members."""
        return [path for path, _ in self.with_roles()]


def read_association(path: Path, at_hand: FilesAtHand | None = None) -> Association:
    """Read an association file.

    Parameters
    ----------
    path : Path
    at_hand : FilesAtHand, optional
        What has been looked at already.

    Raises
    ------
    LRSExplorerError
        It cannot be read, or is no association.
    """
    content, at_hand = read_json(path), at_hand or FilesAtHand()
    try:
        products: dict[str, tuple[Member, ...]] = {}
        for product in content["products"]:
            members = [
                Member(m["expname"], str(m.get("exptype", "")).lower(), path, at_hand)
                for m in product["members"]
            ]
            if not all(isinstance(member.name, str) for member in members):
                raise TypeError("a member has no name")
            name = str(product["name"])
            if any("\0" in text for text in (name, *(m.name for m in members))):
                raise TypeError("no file has such a name")
            products[name] = (*products.get(name, ()), *members)
        level = _level(content, [m for members in products.values() for m in members])
        pool = str(content.get("asn_pool") or "none")
    except (KeyError, TypeError, AttributeError):
        raise LRSExplorerError(
            f"{path} is not an association (no products with members); give an association that "
            "calwebb_spec2 or calwebb_spec3 takes, or an LRS product."
        ) from None
    return Association(path, level, products, pool, at_hand)


def find_associations(
    folders: Iterable[Path], at_hand: FilesAtHand | None = None
) -> list[Association]:
    """Return the associations in some folders, whatever they are called.

    Files that cannot be read, and other JSON files, are passed over.
    """
    at_hand = at_hand or FilesAtHand()
    found = []
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            if not _may_be_one(path):
                continue
            try:
                found.append(read_association(path, at_hand))
            except LRSExplorerError:  # it was not asked for
                continue
    return found


def _may_be_one(path: Path) -> bool:
    """Tell from size, name and beginning whether a JSON file may be an association."""
    try:
        if path.stat().st_size > LARGEST:
            return False
        if path.stem.lower().endswith(("asn", "association")):
            return True
        with path.open("rb") as file:
            return b'"asn_' in file.read(PEEK)
    except OSError:
        return False


def _level(content: Any, members: Iterable[Member]) -> int | None:
    """Return the level of an association: by its type, its rule, or what it is made of."""
    kind, rule = (str(content.get(key, "")).lower() for key in ("asn_type", "asn_rule"))
    for level in (2, 3):
        told = (f"level{level}", f"lv{level}")
        if kind.endswith(str(level)) or any(word in rule for word in told):
            return level
    suffixes = {_stem(m.name).rpartition("_")[2] for m in members if m.role == "science"}
    if suffixes and suffixes <= {"rate", "rateints"}:
        return 2
    if suffixes and suffixes <= {"cal", "calints", "crf", "crfints"}:
        return 3
    return None


def _some(names: list[str]) -> str:
    """Return the first of many names, in a sentence."""
    more = f" and {len(names) - MOST_NAMED} others" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _stem(name: str) -> str:
    """Return a file name without folder and endings."""
    return Path(name).name.split(".")[0]
