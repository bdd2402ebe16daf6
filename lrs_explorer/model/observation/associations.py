"""Associations: which files belong together, and what each is there for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import read_json
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.observation.siblings import entries, is_fits

__all__ = ["Association", "Member", "find_associations", "read_association"]

LARGEST: Final = 20_000_000
"""Bytes of a file that is read in search of associations; one that is opened by name always is."""

PEEK: Final = 4096
"""Bytes in which a JSON file that is an association says so, whatever it is called."""

ROLES: Final = [
    "science",
    "background",
    "target_acquisition",
    "imprint",
    "psf",
    "wavecal",
    "autowave",
    "autoflat",
    "autoflatlamp",
    "catalog",
    "tacq",
    "taconfirm",
    "direct_image",
    "segmap",
    "sourcecat",
    "reference_star",
    "guidestar",
    "engineering",
    "template_eng",
]
"""What members are there for; what is not science, background or acquisition is not used here."""


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

    @property
    def file_name(self) -> str:
        """The name without folders."""
        return Path(self.name).name

    @property
    def root(self) -> str:
        """What the file names of all products of this member's exposure begin with."""
        return root_of(Path(self.name))

    @cached_property
    def path(self) -> Path | None:
        """The file that is named, compressed or not; None where it is not at hand."""
        stem = _stem(self.name)
        for folder in _folders(self):
            for ending in ("", ".gz"):
                path = folder / (self.file_name.removesuffix(".gz") + ending)
                if os.path.isfile(path) and is_fits(path):  # is_file raises for too long a name
                    return path
            found = [p for p in _fits_in(folder) if _stem(p.name) == stem]
            if found:
                return found[0]
        return None

    @cached_property
    def files(self) -> list[Path]:
        """The file that is named; where it is not at hand, the other products of its exposure."""
        if self.path is not None:
            return [self.path]
        roots = {_stem(self.name), self._exposure}
        places = [path for folder in _folders(self) for path in _fits_in(folder)]
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

    @property
    def members(self) -> Iterator[Member]:
        """All members, science first."""
        everything = [member for members in self.products.values() for member in members]
        yield from sorted(everything, key=lambda member: member.role != "science")

    @cached_property
    def made(self) -> list[Path]:
        """Files at hand that carry the name of a product."""
        folders = dict.fromkeys(f for m in self.members for f in _folders(m))
        found = []
        for name in self.products:
            stem = _stem(name)
            for folder in folders or [self.path.parent]:
                found += [p for p in _fits_in(folder) if stem in (_stem(p.name), root_of(p))]
            mast = self.path.absolute().parent.parent / stem
            if (
                stem
                and os.path.isdir(mast)
                and mast not in [folder.absolute() for folder in folders]
            ):
                found += _fits_in(mast)
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
        lost, odd = [], []
        for member in self.members:
            named = f"{member.name} ({member.role or 'no exptype'})"
            if not member.files:
                lost.append(named)
            if member.role not in ROLES:
                odd.append(named)
        notes = []
        if lost:
            notes.append(f"{self.path.name} names {', '.join(lost)}, of which nothing is at hand.")
        if odd:
            notes.append(
                f"{self.path.name} gives {', '.join(odd)} a role that is not known, so what it is "
                f"for is not known; roles are {', '.join(ROLES[:3])} and others of the pipeline."
            )
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


def read_association(path: Path) -> Association:
    """Read an association file.

    Raises
    ------
    LRSExplorerError
        It cannot be read, or is no association.
    """
    content = read_json(path)
    try:
        products: dict[str, tuple[Member, ...]] = {}
        for product in content["products"]:
            members = [
                Member(str(m["expname"]), str(m.get("exptype", "")).lower(), path)
                for m in product["members"]
            ]
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
    return Association(path, level, products, pool)


def find_associations(folders: Iterable[Path]) -> list[Association]:
    """Return the associations in some folders, whatever they are called.

    Files that cannot be read, and other JSON files, are passed over.
    """
    found = []
    for folder in folders:
        for path in sorted(folder.glob("*.json")):
            if not _may_be_one(path):
                continue
            try:
                found.append(read_association(path))
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


def _folders(member: Member) -> list[Path]:
    """Return where a member may be: where it is said to be, beside the association, in a download.

    A download from MAST has a folder for each exposure, named like its files.
    """
    own = member.association.parent
    said = own / Path(member.name).parent  # an absolute path replaces the folder
    said = Path(os.path.realpath(said)) if ".." in said.parts else said
    name = member._exposure or _stem(member.name)
    neighbours = [own.absolute().parent / name] if name else []
    folders = [folder for folder in (said, own, *neighbours) if os.path.isdir(folder)]
    return list({folder.absolute(): folder for folder in reversed(folders)}.values())[::-1]


def _fits_in(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if is_fits(path)]


def _stem(name: str) -> str:
    """Return a file name without folder and endings."""
    return Path(name).name.split(".")[0]
