"""Intermediate products on disk: made once, found after a restart, forgotten when too many."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import cache_folder

__all__ = ["Entry", "ProductCache"]

DEFAULT_LIMIT: Final = 4_000_000_000
"""Bytes; a full-frame intermediate product of a slit takes 30 to 60 MB."""

RECORD: Final = "record.json"

MAKING: Final = ".making-"
"""Start of the names of entries that are not complete."""

ABANDONED: Final = 86_400.0
"""Seconds after which an entry that is not complete never will be."""


@dataclass(frozen=True)
class Entry:
    """A product in the cache.

    Parameters
    ----------
    path : Path
        The file.
    record : dict
        What it was made with, as plain JSON values.
    """

    path: Path
    record: dict[str, Any]


class ProductCache:
    """Products by key, each in a folder of its own with a record of how it was made.

    Several kernels may use the same cache: entries appear whole, in one move.

    Parameters
    ----------
    folder : Path, optional
        Default: "products" in `cache_folder`.
    limit : int, optional
        Bytes above which the entries that were not used for longest are deleted.
    """

    def __init__(self, folder: Path | None = None, limit: int = DEFAULT_LIMIT) -> None:
        self.folder = folder or cache_folder() / "products"
        self._limit = limit

    def find(self, key: str) -> Entry | None:
        """Return the entry, None where there is none, and note that it was used."""
        place = self.folder / key
        try:
            record = json.loads((place / RECORD).read_text(encoding="utf-8"))
            path = place / str(record["product"])
            if not path.is_file():
                return None
        except (OSError, ValueError, LookupError, TypeError):
            return None
        with contextlib.suppress(OSError):  # a cache that may only be read is of use too
            os.utime(place)
        return Entry(path, record)

    def add(self, key: str, make: Callable[[Path], dict[str, Any]]) -> Entry:
        """Make an entry and return it.

        Parameters
        ----------
        key : str
        make : callable
            Called with an empty folder; writes the product into it and returns the record, in which
            "product" is the file's name.

        Raises
        ------
        LRSExplorerError
            The cache cannot be written, or ``make`` raised it.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            scratch = Path(tempfile.mkdtemp(prefix=MAKING, dir=self.folder))
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            record = make(scratch)
            (scratch / RECORD).write_text(json.dumps(record), encoding="utf-8")
            place = self.folder / key
            try:
                os.rename(scratch, place)
            except OSError as error:
                # Another kernel was faster, or a damaged entry is in the way.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
                if self.find(key) is None:
                    shutil.rmtree(place)
                    os.rename(scratch, place)
        except OSError as error:
            raise self._unwritable(error) from None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        self._forget_oldest(key)
        entry = self.find(key)
        if entry is None:
            raise LRSExplorerError(
                f"an intermediate product vanished from {self.folder}; run it again."
            )
        return entry

    def _unwritable(self, error: OSError) -> LRSExplorerError:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        return LRSExplorerError(
            f"intermediate products cannot be kept in {self.folder}: {reason}; make room, or set "
            "LRS_EXPLORER_CACHE to another folder."
        )

    def _forget_oldest(self, newest: str) -> None:
        """Delete entries that were not used for longest, until the rest is within the limit."""
        entries = []
        for place in self.folder.iterdir():
            try:
                used = place.stat().st_mtime
                size = sum(f.stat().st_size for f in place.iterdir())
            except OSError:  # going or gone
                continue
            if not place.name.startswith(MAKING):
                entries.append((used, size, place))
            elif time.time() - used > ABANDONED:  # by a process that was killed
                shutil.rmtree(place, ignore_errors=True)
        total = sum(size for _, size, _ in entries)
        for _, size, place in sorted(entries):
            if total <= self._limit:
                return
            if place.name != newest:
                shutil.rmtree(place, ignore_errors=True)
                total -= size
