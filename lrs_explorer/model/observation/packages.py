"""What a package of a paper leads to: its inputs where they are at hand, else its spectra.

Inputs are found by name and taken by checksum. They are opened by links in a folder of the user's
own, with nothing beside them, so that no other file of the observation changes what is made of
them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike, cache_folder, located
from lrs_explorer.model.files.package_file import (
    INPUT_PART,
    InputFile,
    Package,
    checked_name,
    checksum,
    is_package,
    read_package,
    unpack,
)
from lrs_explorer.model.observation.folders import DEPTH, TIME_LIMIT
from lrs_explorer.model.recipe.recipe import Recipe

__all__ = ["Unpacked", "is_package", "unpacked"]

BESIDE: Final = 3
"""Levels of folders below a package in which its inputs are looked for unasked: those of a
download from MAST."""

KEPT: Final = 8
"""Unpacked packages that stay in the cache; beyond, those that were not opened for a day go."""

DAY: Final = 86_400.0

SPECTRA: Final = "spectra"
INPUTS: Final = "inputs"


@dataclass(frozen=True, eq=False)
class Unpacked:
    """What is to be opened of a package.

    Parameters
    ----------
    package : Package
    paths : list of Path
        Links to the inputs that open the observation; without inputs the packaged spectra.
    join : bool
        Whether they are time series of several exposures, as one.
    recipe : Recipe or None
        That the package is of; None where it holds a delivered spectrum alone.
    notes : tuple of str
        What must be known of it, a sentence each.
    """

    package: Package
    paths: list[Path]
    join: bool
    recipe: Recipe | None
    notes: tuple[str, ...]


def unpacked(path: Path, data: PathLike | None = None) -> Unpacked:
    """Check a package, find its inputs, and return what is to be opened.

    Parameters
    ----------
    path : Path
    data : path, optional
        Folder in which the inputs are looked for, and below it. By default that of the package; the
        spectra are then opened where inputs are missing.

    Raises
    ------
    LRSExplorerError
        The package cannot be read, or a file in it is missing or changed; or ``data`` was given,
        and an input is not there, or is another file.
    """
    package = read_package(path)
    content = package.content
    recipe = _recipe(package)
    top = located(data) if data is not None else path.parent
    if data is not None and not os.path.isdir(top):
        raise LRSExplorerError(f"{top} is no folder; give that with the inputs of {path.name}.")
    search = _Search(package, top, DEPTH if data is not None else BESIDE)
    notes = [*_notes(package)]
    needed = [one for one in package.inputs if one.needed]
    if not needed or search.problem:
        if search.problem and data is not None:
            raise LRSExplorerError(search.problem)
        told = "it holds a delivered spectrum, of which there was no image"
        notes.insert(0, f"{path.name} opens as a spectrum alone: {search.problem or told}")
        place = _place(package, {})
        names = _names(content, "spectra", package)
        if not names:
            raise LRSExplorerError(f"{path} holds no spectrum to open: {search.problem}")
        paths = [place / SPECTRA / PurePosixPath(name).name for name in names]
        return Unpacked(package, paths, content.get("join") is True, recipe, tuple(notes))
    place = _place(package, search.found)
    opened = checked_name(content.get("opened"), path, INPUT_PART)
    if opened not in {one.name for one in search.found}:
        raise LRSExplorerError(f"{path} does not say which of its inputs opens it; make it anew.")
    if search.left_out:
        notes.append(
            f"of what {path.name} was made beside, {_some(search.left_out)} "
            f"{'is' if len(search.left_out) == 1 else 'are'} not at hand: the spectrum is the "
            "same, findings may differ."
        )
    return Unpacked(
        package, [place / INPUTS / opened], content.get("join") is True, recipe, tuple(notes)
    )


def _recipe(package: Package) -> Recipe | None:
    """Return the recipe that the manifest repeats."""
    content = package.content.get("recipe")
    return None if content is None else Recipe.from_dict(content, package.path.name)


def _notes(package: Package) -> Iterator[str]:
    """Say what is otherwise here than where the package was made."""
    versions = package.content.get("versions")
    made = versions.get("jwst") if isinstance(versions, dict) else None
    if made and made != version("jwst"):
        yield (
            f"{package.path.name} was made with jwst {made}, here is {version('jwst')}: spectra "
            "may differ from those in it."
        )
    own = package.content.get("extract1d")
    if isinstance(own, str) and own in package.files:
        yield (
            f"{package.path.name} was made with an extract1d reference file of its author's own; "
            f"unpack {own} and choose it (extract1d=, --extract1d, in the page under Extraction)."
        )


def _names(content: Mapping[str, Any], key: str, package: Package) -> list[str]:
    names = content.get(key)
    known = isinstance(names, list) and all(
        isinstance(one, str) and one in package.files for one in names
    )
    if not known:
        raise LRSExplorerError(f"{package.path} does not say which are its {key}; make it anew.")
    assert isinstance(names, list)
    return list(dict.fromkeys(names))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} others" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


# -- inputs ----------------------------------------------------------------------------------------


@dataclass(eq=False)
class _Search:
    """Looks for the inputs of a package.

    Attributes
    ----------
    found : dict of InputFile to Path
    problem : str
        Why the spectrum cannot be made anew, a sentence; "" where it can.
    left_out : list of str
        Inputs that are not needed, and not at hand.
    """

    package: Package
    top: Path
    levels: int
    found: dict[InputFile, Path] = field(default_factory=dict)
    problem: str = ""
    left_out: list[str] = field(default_factory=list)
    _in_time: bool = True

    def __post_init__(self) -> None:
        wanted = {PurePosixPath(one.name).name for one in self.package.inputs}
        candidates: dict[str, list[Path]] = {}
        for path in self._files():
            if path.name in wanted:
                candidates.setdefault(path.name, []).append(path)
        missing: list[InputFile] = []
        changed: list[tuple[InputFile, Path]] = []
        for one in self.package.inputs:
            named = candidates.get(PurePosixPath(one.name).name, [])
            same = next((path for path in named if _is(path, one)), None)
            if same is not None:
                self.found[one] = same
            elif not one.needed:
                self.left_out.append(PurePosixPath(one.name).name)
            elif named:
                changed.append((one, named[0]))
            else:
                missing.append(one)
        if changed:
            self.problem = self._changed(*changed[0])
        elif missing:
            self.problem = self._missing(missing)

    def _files(self) -> Iterator[Path]:
        """Yield the files in the folder and below it, the nearest first, as long as there is time.

        Hidden folders, and links to folders, are left out.
        """
        deadline = time.monotonic() + TIME_LIMIT
        level = [self.top]
        for _ in range(self.levels + 1):
            below: list[Path] = []
            for folder in level:
                if time.monotonic() > deadline:
                    self._in_time = False
                    return
                with suppress(OSError), os.scandir(folder) as found:
                    for entry in sorted(found, key=lambda entry: entry.name):
                        if entry.is_dir(follow_symlinks=False):
                            if not entry.name.startswith("."):
                                below.append(folder / entry.name)
                        elif entry.is_file():
                            yield folder / entry.name
            level = below

    def _changed(self, one: InputFile, path: Path) -> str:
        return (
            f"{path} is another file than the package was made of (its checksum is another); "
            f"{self._remedy(one)}. MAST may have processed it anew since."
        )

    def _missing(self, missing: Sequence[InputFile]) -> str:
        first = missing[0]
        others = f", nor {len(missing) - 1} more of its inputs" if len(missing) > 1 else ""
        where = "or the folders below"
        if not self._in_time:
            where = f"as far as that was looked through within {TIME_LIMIT:g} s"
        return (
            f"{PurePosixPath(first.name).name} is not in {self.top} {where}{others}; "
            f"{self._remedy(first)}."
        )

    def _remedy(self, one: InputFile) -> str:
        """Say how to come by an input."""
        give = f"put it beside {self.package.path.name}, or name its folder (data=, --inputs)"
        if one.mast is None:
            return (
                "its identifier at MAST is not known: get it from who made the package, then "
                f"{give}"
            )
        told = self.package.content.get("observation")
        fetch = told.get("fetch") if isinstance(told, dict) else None
        by = f" (lrs-explorer fetch {fetch})" if isinstance(fetch, str) and fetch else ""
        return f"fetch {one.mast} from MAST{by}, then {give}"


def _is(path: Path, one: InputFile) -> bool:
    """Tell whether a file is the one that a package was made of."""
    try:
        return path.stat().st_size == one.size and checksum(path) == one.sha256
    except (OSError, LRSExplorerError):
        return False


# -- a folder of the user's own --------------------------------------------------------------------


def _place(package: Package, found: Mapping[InputFile, Path]) -> Path:
    """Return a folder with the spectra of a package, and links to inputs where they were found.

    It appears whole, in one move; none but the user may look into it.
    """
    told = [package.key, *(f"{one.name}\n{path}" for one, path in found.items())]
    key = hashlib.sha256("\n".join(told).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    top = cache_folder() / "packages"
    place = top / key
    try:
        top.mkdir(parents=True, exist_ok=True)
        top.chmod(0o700)
        _forget_oldest(top, place)
        if place.is_dir():
            os.utime(place)
            return place
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=top) as scratch:
            new = Path(scratch) / key
            new.mkdir(mode=0o700)
            (new / SPECTRA).mkdir()
            unpack(package, _names(package.content, "spectra", package), new / SPECTRA)
            for one, path in found.items():
                link = new / INPUTS / one.name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path.absolute())
            try:
                new.rename(place)
            except OSError:
                if not place.is_dir():  # else another kernel has made the same meanwhile
                    raise
    except OSError as error:
        raise LRSExplorerError(
            f"{package.path.name} cannot be unpacked into {top}: {error.strerror or error}; make "
            "room, or set LRS_EXPLORER_CACHE to another folder."
        ) from None
    return place


def _forget_oldest(top: Path, own: Path) -> None:
    """Delete what was unpacked longest ago, beyond `KEPT` and a day."""
    entries = []
    for place in top.iterdir():
        with suppress(OSError):  # going or gone
            entries.append((place.stat().st_mtime, place))
    for used, place in sorted(entries)[: -KEPT or None]:
        if place != own and time.time() - used > DAY:
            shutil.rmtree(place, ignore_errors=True)
