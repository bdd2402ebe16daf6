"""Fetching what a listing names into a folder."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lrs_explorer.archive.download import Download, part_of
from lrs_explorer.archive.listing import (
    ArchiveFile,
    ArchiveListing,
    archive_listing,
    size_words,
)
from lrs_explorer.archive.mast import TOKEN_HELP, Mast, token_for
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike, located
from lrs_explorer.model.runs.worker import CancelledError

__all__ = ["FetchProgress", "Fetched", "fetch", "missing_files"]


@dataclass(frozen=True)
class FetchProgress:
    """How far fetching is.

    Parameters
    ----------
    file : str
        Name of the file that is arriving.
    number, total : int
        It is the number-th of total files that are fetched.
    done, size : int
        Bytes of these files that are there, and of all of them.
    elapsed : float
        Seconds since it began.
    """

    file: str
    number: int
    total: int
    done: int
    size: int
    elapsed: float

    @property
    def fraction(self) -> float:
        """How much is there, 0 to 1."""
        return self.done / self.size if self.size else 1.0

    @property
    def words(self) -> str:
        """How much is there, and of how much."""
        return f"{size_words(self.done)} of {size_words(self.size)}"


@dataclass(frozen=True)
class Fetched:
    """What was fetched.

    Parameters
    ----------
    folder : Path
        Where the files are; open it with `lrs_explorer.open_observation`.
    files : tuple of Path
        All files of the listing: those that were fetched and those that were there.
    skipped : tuple of Path
        Those that were there before, whole.
    notes : tuple of str
        What is not known, or left out.
    """

    folder: Path
    files: tuple[Path, ...]
    skipped: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()


Report = Callable[[FetchProgress], None]

TELL_EVERY: Final = 0.2
"""Seconds between two reports on the same file."""


def missing_files(listing: ArchiveListing, folder: PathLike | None = None) -> list[ArchiveFile]:
    """Return the files of a listing that are not in a folder with the size that they should have.

    Parameters
    ----------
    listing : ArchiveListing
    folder : path, optional
        Default: ``listing.folder``.
    """
    place = located(listing.folder if folder is None else folder)
    return [file for file in listing.files if _size(place / file.name) != file.size]


def fetch(
    what: str | ArchiveListing,
    folder: PathLike | None = None,
    *,
    level: str = "reruns",
    overwrite: bool = False,
    progress: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Fetched:
    """Fetch an LRS observation from MAST into a folder.

    Files that are there with the size that the archive lists are kept. What breaks off goes on
    where it stopped when it is called again: an incomplete file is called ``NAME.part`` and gets
    its name only when all of it is there and it is the product that its name says.

    What is not public yet needs a token of an account that may have it, in the environment variable
    ``MAST_API_TOKEN``. It is sent with those files alone, and kept nowhere.

    Parameters
    ----------
    what : str or ArchiveListing
        ``1536/22``, ``jw01536022``, …, or what `archive_listing` found.
    folder : path, optional
        Made if missing. Default: the observation's name, in the working folder.
    level : {"spectra", "reruns", "ramps"}, optional
        How much; see `archive_listing`. A listing has its own.
    overwrite : bool, optional
        Whether files of the same name and another size are replaced.
    progress : callable(FetchProgress), optional
        Called, in this thread, as bytes arrive: of each file as it begins and ends, and five times
        a second.
    cancelled : threading.Event, optional
        Stops it when set.

    Returns
    -------
    Fetched
        The folder and its files.

    Raises
    ------
    LRSExplorerError
        Nothing was found, the archive cannot be reached or refuses, or a file could not be written
        or is not what it should be. What has arrived until then stays.
    """
    listing = archive_listing(what, level) if isinstance(what, str) else what
    place = located(listing.folder if folder is None else folder)
    missing = missing_files(listing, place)
    if not overwrite:
        _refuse_others(place, missing)
    if missing:
        mast = Mast()
        _refuse_restricted(mast, missing)
        _make(place)
        _check_room(place, missing)
        _fetch_all(mast, missing, place, overwrite, progress, cancelled or threading.Event())
    skipped = [file for file in listing.files if file not in missing]
    return Fetched(
        folder=place,
        files=tuple(place / file.name for file in listing.files),
        skipped=tuple(place / file.name for file in skipped),
        notes=listing.notes,
    )


def _fetch_all(
    mast: Mast,
    missing: Sequence[ArchiveFile],
    place: Path,
    overwrite: bool,
    progress: Report | None,
    cancelled: threading.Event,
) -> None:
    begun, before = time.monotonic(), 0
    size, told = sum(file.size for file in missing), 0.0
    for number, file in enumerate(missing, 1):
        if cancelled.is_set():
            raise CancelledError("fetching was cancelled; fetch again to go on.")

        def report(
            there: int, number: int = number, file: ArchiveFile = file, before: int = before
        ) -> None:
            nonlocal told
            now = time.monotonic()
            due = there == file.size or now - told > TELL_EVERY
            if progress is not None and due:
                told, done = now, before + there
                progress(FetchProgress(file.name, number, len(missing), done, size, now - begun))

        told = 0.0  # of each file as it begins
        Download(mast, file, place).run(report, cancelled, overwrite=overwrite)
        before += file.size


def _size(path: Path) -> int | None:
    """Return the size of a file; None where there is none."""
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return None


def _refuse_others(place: Path, missing: Sequence[ArchiveFile]) -> None:
    """Raise where there are files of these names that are others."""
    for file in missing:
        path = place / file.name
        if os.path.lexists(path):
            raise LRSExplorerError(
                f"{path} exists with {_size(path)} bytes, where MAST has {file.size}; choose "
                "another folder or allow overwriting (overwrite=True, --overwrite)."
            )


def _refuse_restricted(mast: Mast, missing: Sequence[ArchiveFile]) -> None:
    """Raise where files are not public and there is no token."""
    closed = [file for file in missing if not file.public]
    if closed and not token_for(mast.address(closed[0].uri)):
        more = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        raise LRSExplorerError(f"{closed[0].name}{more} cannot be had by all yet; {TOKEN_HELP}.")


def _make(place: Path) -> None:
    """Make the folder."""
    try:
        place.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise LRSExplorerError(f"{place} is a file; give a folder.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LRSExplorerError(
            f"the folder {place} cannot be made: {reason.lower()}; choose another one."
        ) from None


def _check_room(place: Path, missing: Sequence[ArchiveFile]) -> None:
    """Raise where there is too little room for what is missing."""
    there = sum(min(_size(part_of(place / file.name)) or 0, file.size) for file in missing)
    needed, room = sum(file.size for file in missing) - there, shutil.disk_usage(place)
    if needed > room.free and room.total:  # some file systems do not tell
        raise LRSExplorerError(
            f"{place} has room for {size_words(room.free)}, but {size_words(needed)} are to be "
            "fetched; make room, choose another folder or a smaller level."
        )
