"""Which files the archive has that LRS Explorer can use, and how large they are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from lrs_explorer.archive.mast import Fileset, Mast
from lrs_explorer.archive.request import ArchiveRequest, archive_request
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES

__all__ = [
    "LEVELS",
    "ArchiveFile",
    "ArchiveListing",
    "Level",
    "Role",
    "archive_listing",
    "check_level",
    "size_words",
]

Level = Literal["spectra", "reruns", "ramps"]
"""How much is fetched; see `archive_listing`."""

LEVELS: Final[tuple[Level, ...]] = get_args(Level)

Role = Literal["association", "science", "background", "acquisition", "combined"]
"""What a file is there for."""

ACQUISITION: Final = ("MIR_TACQ", "MIR_TACONFIRM")
"""EXP_TYPE of the images taken to place the target, and to check where it is."""

SPECTRA: Final = frozenset(["s2d", "x1d", "c1d", "calints", "x1dints"])
"""What is needed to see spectra, and to extract them from other apertures."""

WANTED: Final[Mapping[Role, Mapping[Level, frozenset[str]]]] = {
    "science": {
        "spectra": SPECTRA,
        "reruns": SPECTRA | {"cal", "rate", "rateints"},
        "ramps": SPECTRA | {"cal", "rate", "rateints", "uncal"},
    },
    "combined": dict.fromkeys(LEVELS, frozenset(["s2d", "x1d", "c1d", "x1dints"])),
    "acquisition": {
        "spectra": frozenset(),
        "reruns": frozenset(["rate"]),
        "ramps": frozenset(["rate"]),
    },
    "background": {
        "spectra": frozenset(),
        "reruns": frozenset(["rate", "rateints", "x1d"]),
        "ramps": frozenset(["rate", "rateints", "x1d", "uncal"]),
    },
}
"""Kinds of files by what they are there for. The pipeline subtracts count rates of backgrounds, or
their spectra (master_background)."""

EXPOSURE_FILE: Final = re.compile(
    r"(?P<root>jw\d{11}_\d{3}[0-9a-z]{2}_\d{5}(-seg\d{3})?)_mirimage_(?P<kind>[0-9a-z]+)\.fits",
    re.ASCII,
)
COMBINED_FILE: Final = re.compile(
    r"(?P<root>jw\d{5}-(?P<candidate>[a-z]\d{3,4})_[ts]\d+_miri_p750l(-\w+)?)_(?P<kind>[0-9a-z]+)\.fits",
    re.ASCII,
)
ASSOCIATION_FILE: Final = re.compile(
    r"jw\d{5}-(?P<candidate>[a-z]\d{3,4})_\w+?_(tso-)?(?P<kind>spec2|spec3|tso3)_\d{5}_asn\.json",
    re.ASCII,
)
"""Names of the files that can be used; no other name is ever written to a disk."""

COMBINED_SET: Final = re.compile(r"jw\d{5}-(?P<candidate>[a-z]\d{3,4})_\w+_miri_p750l\S*", re.ASCII)
"""Name of the file set of a combined LRS product."""

MOST_NAMED: Final = 8
"""Names that one sentence lists."""


@dataclass(frozen=True)
class ArchiveFile:
    """A file in the archive.

    Parameters
    ----------
    name : str
    size : int
        Bytes.
    uri : str
        What the archive calls it.
    kind : str
        "rate", "cal", "s2d", …; "asn" for associations.
    role : {"association", "science", "background", "acquisition", "combined"}
    public : bool
        Whether anyone may have it.
    """

    name: str
    size: int
    uri: str
    kind: str
    role: Role
    public: bool = True


@dataclass(frozen=True)
class ArchiveListing:
    """What the archive has of an observation, a program or an exposure.

    Parameters
    ----------
    name : str
        What was asked for, as file names begin: ``jw01536022``.
    level : {"spectra", "reruns", "ramps"}
    files : tuple of ArchiveFile
        Those that LRS Explorer can use, associations first.
    notes : tuple of str
        What is not known, or left out.
    """

    name: str
    level: Level
    files: tuple[ArchiveFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    @property
    def restricted(self) -> tuple[ArchiveFile, ...]:
        """Files that are not public yet."""
        return tuple(file for file in self.files if not file.public)

    @property
    def folder(self) -> Path:
        """Where they are put, unless another folder is named."""
        return Path(self.name)

    @property
    def words(self) -> str:
        """How many files there are, and how large they are together."""
        many = "1 file" if len(self.files) == 1 else f"{len(self.files)} files"
        return f"{many}, {size_words(self.size)}"

    @property
    def lines(self) -> list[str]:
        """How many files of each kind there are, a line each, with their size."""
        counted = Counter((file.role, file.kind) for file in self.files)
        sizes = Counter[tuple[Role, str]]()
        for file in self.files:
            sizes[file.role, file.kind] += file.size
        return [
            f"{role:<11} {kind:<8} {number:>4} {size_words(sizes[role, kind]):>10}"
            for (role, kind), number in counted.items()
        ]


def size_words(size: float) -> str:
    """Return a number of bytes in words: 12.3 MB (a million bytes each)."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.1f} {unit}"
    return f"{size:.0f} B"


def check_level(level: str) -> Level:
    """Return a level, or raise `LRSExplorerError` where there is none of that name."""
    for one in LEVELS:
        if level == one:
            return one
    raise LRSExplorerError(f"{level!r} is no level of files; choose from {', '.join(LEVELS)}.")


def archive_listing(what: str, level: str = "reruns") -> ArchiveListing:
    """List the files of an LRS observation at MAST, with their sizes; nothing is fetched.

    Parameters
    ----------
    what : str
        An observation (``1536/22`` or ``jw01536022``), all LRS observations of a program
        (``1536``), or an exposure (``jw01536022001_03102_00001``).
    level : {"spectra", "reruns", "ramps"}, optional
        "spectra": what is needed to see spectra and extract them anew (s2d and x1d; calints and
        x1dints of time series). "reruns": also what steps of the pipeline are run from again (cal,
        rate, rateints), images of target acquisition, and the exposures that associations name as
        background. "ramps": also uncal, from which jumps are looked for again.

    Returns
    -------
    ArchiveListing
        Hand it to `fetch`.

    Raises
    ------
    LRSExplorerError
        No such observation, none with LRS, or the archive cannot be reached.
    """
    request, checked = archive_request(what), check_level(level)
    return _Lister(Mast(), request, checked).listing()


class _Lister:
    """Puts a listing together."""

    def __init__(self, mast: Mast, request: ArchiveRequest, level: Level) -> None:
        self._mast, self._request, self._level = mast, request, level
        self._filesets = mast.filesets(request)
        self._notes: list[str] = []

    def listing(self) -> ArchiveListing:
        sets = self._chosen_sets()
        rows = self._mast.products(one.name for one in sets)
        series = _series_roots(rows)
        files = [file for row in rows if (file := self._file(row, sets, series))]
        files += self._backgrounds(files)
        if not files:
            raise LRSExplorerError(
                f"MAST lists no file of {self._request.words} that LRS Explorer can use; they may "
                "not be processed yet."
            )
        order = list(get_args(Role))
        files.sort(key=lambda file: (order.index(file.role), file.kind, file.name))
        return ArchiveListing(self._request.name, self._level, tuple(files), tuple(self._notes))

    def _chosen_sets(self) -> list[Fileset]:
        """Return the file sets of what is asked for."""
        request = self._request
        lrs = [one for one in self._filesets if one.exp_type in EXP_TYPES.values()]
        lrs += [one for one in self._filesets if not one.exp_type and COMBINED_SET.match(one.name)]
        chosen = [one for one in lrs if self._is_asked_for(one)]
        if not chosen:
            raise LRSExplorerError(self._nothing(lrs))
        several = [
            one.name
            for one in lrs
            if request.observation
            and (match := COMBINED_SET.match(one.name))
            and match[1][0] != "o"
        ]
        if several:
            self._notes.append(
                f"products that combine several observations ({_listed(several)}) come with the "
                f"whole program ({request.program})."
            )
        observations = {one.observation for one in chosen}
        acquisitions = [
            one
            for one in self._filesets
            if one.exp_type in ACQUISITION and one.observation in observations
        ]
        return chosen + acquisitions

    def _is_asked_for(self, one: Fileset) -> bool:
        request, combined = self._request, COMBINED_SET.match(one.name)
        if request.exposure:
            return one.covers(request.exposure) or one.name.startswith(f"{request.exposure}-seg")
        if request.observation is None:
            return True
        if combined:
            return combined["candidate"] == f"o{request.observation:03}"
        return one.observation == request.observation

    def _nothing(self, lrs: Sequence[Fileset]) -> str:
        """Say why there is nothing to be listed."""
        request = self._request
        if not self._filesets:
            return f"MAST has no MIRI data of program {request.program}; check the number."
        if not lrs:
            return f"program {request.program} has MIRI data, but none of LRS; check the number."
        if request.exposure:
            same = [one for one in lrs if one.observation == request.observation]
            roots = [one.name for one in same if not COMBINED_SET.match(one.name)]
            there = f"; there are {_listed(roots)}" if roots else ""
            return f"MAST has no LRS {request.words}{there}; check the name."
        numbers = sorted({one.observation for one in lrs if one.observation is not None})
        return (
            f"program {request.program} has no LRS observation {request.observation}; it has "
            f"{_listed(list(map(str, numbers)))}."
        )

    def _file(
        self, row: Mapping[str, Any], sets: Sequence[Fileset], series: frozenset[str]
    ) -> ArchiveFile | None:
        """Return a file that is wanted; None for any other."""
        name = str(row.get("filename") or "")
        if match := ASSOCIATION_FILE.fullmatch(name):
            return _archive_file(row, "asn", "association") if self._names(match) else None
        if match := COMBINED_FILE.fullmatch(name):
            mine = any(one.covers(match["root"]) for one in sets)
            role: Role = "combined"
        elif match := EXPOSURE_FILE.fullmatch(name):
            own = next((one for one in sets if one.covers(match["root"])), None)
            mine = own is not None
            role = "acquisition" if own and own.exp_type in ACQUISITION else "science"
        else:
            return None
        return self._wanted(row, match, role, series) if mine else None

    def _names(self, association: re.Match[str]) -> bool:
        """Tell whether an association is about what is asked for."""
        request, candidate = self._request, association["candidate"]
        if request.observation is None:
            return True
        own = candidate == f"o{request.observation:03}"
        return own and (association["kind"] == "spec2" or not request.exposure)

    def _wanted(
        self, row: Mapping[str, Any], match: re.Match[str], role: Role, series: frozenset[str]
    ) -> ArchiveFile | None:
        kind = match["kind"]
        if kind not in WANTED[role][self._level]:
            return None
        # The pipeline writes both of exposures of several integrations.
        if kind == ("rate" if match["root"] in series else "rateints") and role != "acquisition":
            return None
        return _archive_file(row, kind, role)

    def _backgrounds(self, files: Sequence[ArchiveFile]) -> Iterator[ArchiveFile]:
        """Find exposures of other observations that associations name as background."""
        if not any(WANTED["background"][self._level]):
            return
        roots: dict[str, None] = {}
        unread = []
        for file in files:
            if file.role == "association":
                named = self._mast.association(
                    file.uri, _background_roots, restricted=not file.public
                )
                if named is None:
                    unread.append(file.name)
                else:
                    roots |= dict.fromkeys(named)
        if unread:
            self._notes.append(
                f"{_listed(unread)} may not be read without a token, so exposures of other "
                "observations that are subtracted as background are not listed."
            )
        known = {match["root"] for f in files if (match := EXPOSURE_FILE.fullmatch(f.name))}
        wanted = [root for root in roots if root not in known]
        if not wanted:
            return
        sets = {one.name: one for one in self._filesets}
        names = [
            next((name for name, one in sets.items() if one.covers(root)), root) for root in wanted
        ]
        rows = self._mast.products(dict.fromkeys(names))
        series = _series_roots(rows)
        for row in rows:
            match = EXPOSURE_FILE.fullmatch(str(row.get("filename") or ""))
            if match and match["root"] in wanted:
                found = self._wanted(row, match, "background", series)
                if found:
                    yield found


def _series_roots(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the exposures of time series: those of which integrations are kept apart."""
    matches = (EXPOSURE_FILE.fullmatch(str(row.get("filename") or "")) for row in rows)
    return frozenset(m["root"] for m in matches if m and m["kind"] in ("calints", "x1dints"))


def _archive_file(row: Mapping[str, Any], kind: str, role: Role) -> ArchiveFile:
    name = str(row["filename"])
    try:
        size = int(row["size"])
    except (KeyError, TypeError, ValueError):
        size = 0
    uri = str(row.get("uri") or "")
    if size <= 0 or not uri:
        raise LRSExplorerError(
            f"MAST lists {name} without its size or its place; try again later, or a smaller level."
        )
    public = str(row.get("access") or "PUBLIC").strip().upper() == "PUBLIC"
    return ArchiveFile(name, size, uri, kind, role, public)


def _background_roots(content: Any) -> list[str]:
    """Return what the names of the background exposures of an association begin with."""
    members = [member for product in content["products"] for member in product["members"]]
    names = [
        Path(str(member["expname"])).name
        for member in members
        if str(member.get("exptype")).lower() == "background"
    ]
    return [match["root"] for name in names if (match := EXPOSURE_FILE.match(name))]


def _listed(names: Sequence[str]) -> str:
    """Return the first of some names in a row."""
    more = f", … ({len(names)} in all)" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
