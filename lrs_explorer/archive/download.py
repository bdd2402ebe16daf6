"""One file from the archive: goes on where it stopped, and has its name only when it is whole."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from lrs_explorer.archive.listing import EXPOSURE_FILE, ArchiveFile
from lrs_explorer.archive.mast import CHUNK, TOKEN, TOKEN_HELP, Mast, token_for
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.fitsfile import open_fits, primary_header
from lrs_explorer.model.files.recognition import recognise
from lrs_explorer.model.observation.associations import read_association
from lrs_explorer.model.runs.worker import CancelledError

if TYPE_CHECKING:
    import requests

__all__ = ["Download", "part_of"]

PAUSES: Final = (1.0, 4.0)
"""Seconds before a transfer that broke off is tried again, and again where no byte was gained."""

BUSY: Final = (429, 500, 502, 503, 504)
"""HTTP states that may have passed a moment later."""

_TICK: Final = 0.2  # seconds between looks at whether a transfer was cancelled


class _BrokenError(Exception):
    """A transfer broke off; the message says how."""


def part_of(path: Path) -> Path:
    """Return what a file is called while it is incomplete."""
    return path.with_name(f"{path.name}.part")


class Download:
    """Fetches one file.

    Parameters
    ----------
    mast : Mast
    file : ArchiveFile
    folder : Path
        It exists.
    """

    def __init__(self, mast: Mast, file: ArchiveFile, folder: Path) -> None:
        self._mast, self._file = mast, file
        self.path = folder / file.name
        self.part = part_of(self.path)

    def run(
        self,
        report: Callable[[int], None],
        cancelled: threading.Event,
        *,
        overwrite: bool = False,
    ) -> Path:
        """Fetch what is missing of the file, look at it, and give it its name.

        Parameters
        ----------
        report : callable(int)
            Told how many of its bytes are there.
        cancelled : threading.Event
            Stops it when set.
        overwrite : bool, optional
            Whether a file of that name may be replaced.

        Raises
        ------
        LRSExplorerError
            It could not be fetched or written, or is not what it should be; `CancelledError` where
            it was stopped. What has arrived is kept as ``NAME.part``, unless it is of no use.
        """
        try:
            with self._alone() as stream:
                self._complete(stream, report, cancelled)
                stream.flush()
                os.fsync(stream.fileno())
                self._verify()
                if not overwrite and os.path.lexists(self.path):
                    raise LRSExplorerError(
                        f"{self.path} has come to exist meanwhile; move it away and fetch again."
                    )
                os.replace(self.part, self.path)
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            advice = "make room and fetch again to go on" if full else "choose another folder"
            raise LRSExplorerError(
                f"{self.part} could not be written: {reason}; {advice}."
            ) from None
        return self.path

    @contextmanager
    def _alone(self) -> Iterator[BinaryIO]:
        """Open the incomplete file, for this process alone."""
        with open(self.part, "ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LRSExplorerError(
                    f"{self.part} is being written by another process; wait until it has ended."
                ) from None
            except OSError:  # a file system without locks
                pass
            yield stream

    def _complete(
        self, stream: BinaryIO, report: Callable[[int], None], cancelled: threading.Event
    ) -> None:
        """Fetch until all bytes are there, however often the connection breaks."""
        best, failures = stream.tell(), 0
        while (there := stream.tell()) != self._file.size:
            try:
                if there > self._file.size:
                    _empty(stream)
                self._transfer(stream, report, cancelled)
            except _BrokenError as broken:
                failures = 0 if stream.tell() > best else failures + 1
                best = max(best, stream.tell())
                if failures > len(PAUSES):
                    raise LRSExplorerError(
                        f"{self._file.name} could not be fetched from MAST ({self._mast.host}): "
                        f"{broken}; try again later. {self._kept}"
                    ) from None
                pause = PAUSES[max(failures - 1, 0)]
                if cancelled.wait(pause):
                    raise self._cancelled() from None
        report(stream.tell())

    def _transfer(
        self, stream: BinaryIO, report: Callable[[int], None], cancelled: threading.Event
    ) -> None:
        """Fetch the rest, in one go."""
        from requests import RequestException

        try:
            with self._response(stream) as response, _ending(response, cancelled):
                modified = _modified(response)
                try:
                    for chunk in response.iter_content(CHUNK):
                        stream.write(chunk)
                        _settle(stream, modified)
                        if stream.tell() > self._file.size:
                            _empty(stream)
                            raise self._other_size("more")
                        report(stream.tell())
                        if cancelled.is_set():
                            raise self._cancelled()
                finally:  # however it ends, Ctrl-C included
                    _settle(stream, modified)
        except RequestException as error:
            if cancelled.is_set():
                raise self._cancelled() from None
            raise _BrokenError(_words(error)) from None
        if stream.tell() < self._file.size:
            raise _BrokenError("the connection broke off")

    def _response(self, stream: BinaryIO) -> requests.Response:
        """Ask for what is missing; the file is emptied where all of it comes again.

        The archive may have another version of the file than when the transfer broke off, often of
        the same size. So an incomplete file carries the date of its version, and the rest is taken
        only if it has the same one.
        """
        there = stream.tell()
        headers = {}
        if there:
            headers["Range"] = f"bytes={there}-"
            dated = os.fstat(stream.fileno()).st_mtime_ns
            if not dated % 1_000_000_000:  # set by _settle, in whole seconds
                headers["If-Range"] = formatdate(dated // 1_000_000_000, usegmt=True)
        restricted = not self._file.public
        response = self._mast.get(self._file.uri, restricted=restricted, headers=headers)
        try:
            self._check(response)
            if response.status_code == 206 and not self._continues(response, there, stream):
                response.close()
                _empty(stream)
                response = self._mast.get(self._file.uri, restricted=restricted)
                self._check(response)
            if response.status_code != 206:
                _empty(stream)
                length = response.headers.get("Content-Length", "")
                if length.isdecimal() and int(length) != self._file.size:
                    raise self._other_size(length)
        except BaseException:
            response.close()
            raise
        return response

    def _continues(self, response: requests.Response, there: int, stream: BinaryIO) -> bool:
        """Tell whether a partial answer is the rest of what has arrived."""
        expected = f"bytes {there}-{self._file.size - 1}/{self._file.size}"
        modified = _modified(response)
        same = modified is None or modified == int(os.fstat(stream.fileno()).st_mtime)
        return same and response.headers.get("Content-Range", "").strip() == expected

    def _check(self, response: requests.Response) -> None:
        """Raise where the answer is not the file."""
        status, name = response.status_code, self._file.name
        if status in (401, 403):
            raise LRSExplorerError(self._not_allowed(status))
        if status in BUSY:
            raise _BrokenError(f"it answers with an error (HTTP {status})")
        if status not in (200, 206):
            raise LRSExplorerError(
                f"MAST ({self._mast.host}) does not give {name} (HTTP {status}), though it lists "
                "it; try again later."
            )
        if "html" in response.headers.get("Content-Type", "").lower():
            raise LRSExplorerError(
                f"MAST ({self._mast.host}) sends a web page in place of {name}; try again later. "
                f"{self._kept}"
            )

    def _not_allowed(self, status: int) -> str:
        name, host = self._file.name, self._mast.host
        if not self._file.public and token_for(self._mast.address(self._file.uri)):
            return (
                f"MAST ({host}) refuses {name} (HTTP {status}): the token in {TOKEN} has expired, "
                "or its account may not have this file; make a new one at "
                "auth.mast.stsci.edu/tokens."
            )
        return f"MAST ({host}) refuses {name} (HTTP {status}) to the public; {TOKEN_HELP}."

    def _other_size(self, sent: str) -> LRSExplorerError:
        return LRSExplorerError(
            f"MAST ({self._mast.host}) sends {self._file.name} with {sent} bytes, but lists it "
            f"with {self._file.size}; it may just have been replaced: list it anew."
        )

    @property
    def _kept(self) -> str:
        """What becomes of the bytes that have arrived."""
        if not self.part.exists() or not self.part.stat().st_size:
            return "Nothing of it has arrived."
        return f"What has arrived is kept in {self.part}; fetch again to go on."

    def _cancelled(self) -> CancelledError:
        return CancelledError(f"the download of {self._file.name} was cancelled. {self._kept}")

    def _verify(self) -> None:
        """See that the file is what its name says; throw it away if not."""
        try:
            if self._file.kind == "asn":
                read_association(self.part)
                return
            header = primary_header(self.part)
            recognise(self.path, header)
            said = EXPOSURE_FILE.fullmatch(str(header.get("FILENAME")))
            named = EXPOSURE_FILE.fullmatch(self._file.name)
            if said and named and said["root"] != named["root"]:
                raise LRSExplorerError(f"its header calls it {said[0]}.")
            with open_fits(self.part):
                pass
        except LRSExplorerError as error:
            with suppress(OSError):
                self.part.unlink()
            reason = str(error).replace(str(self.part), self._file.name).rstrip(".")
            raise LRSExplorerError(
                f"what MAST ({self._mast.host}) sent as {self._file.name} is not that file and was "
                f"thrown away: {reason}."
            ) from None


@contextmanager
def _ending(response: requests.Response, cancelled: threading.Event) -> Iterator[None]:
    """End a transfer when it is cancelled, also while nothing arrives."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_TICK):
            if cancelled.is_set():
                with suppress(ValueError, RuntimeError, OSError):  # it has ended by itself
                    response.raw.shutdown()
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _settle(stream: BinaryIO, modified: int | None) -> None:
    """Write what has arrived, and give the file the date of its version; see `_response`."""
    stream.flush()
    if modified is not None:
        os.utime(stream.fileno(), (modified, modified))


def _empty(stream: BinaryIO) -> None:
    if stream.tell():
        stream.truncate(0)
        stream.seek(0)


def _modified(response: requests.Response) -> int | None:
    """Return when a file was last modified, in seconds since 1970; None where that is not told."""
    try:
        return int(parsedate_to_datetime(response.headers["Last-Modified"]).timestamp())
    except (KeyError, ValueError, TypeError):
        return None


def _words(error: Exception) -> str:
    """Say in a few words how a transfer broke off; addresses and headers stay out of it."""
    from requests import ConnectTimeout, ReadTimeout

    if isinstance(error, (ConnectTimeout, ReadTimeout)) or "timed out" in str(error):
        return "it does not answer"
    from requests.exceptions import ChunkedEncodingError, ContentDecodingError

    if isinstance(error, (ChunkedEncodingError, ContentDecodingError)):
        return "the connection broke off"
    return "it cannot be reached"
