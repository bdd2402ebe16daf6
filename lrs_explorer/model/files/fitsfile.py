"""Opening FITS files: plain values out, and one clear sentence for whatever is wrong with them."""

from __future__ import annotations

import gzip
import io
import re
import stat
import unicodedata
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import invalid, sentence

__all__ = [
    "DAMAGED",
    "STRUCTURE",
    "array",
    "cards",
    "damaged",
    "is_compressed",
    "open_fits",
    "primary_header",
    "printable",
]

BLOCK = 2880
"""Bytes in a FITS block (FITS standard 4.0, section 3.1)."""

KNOWN_HDUS: Final = (
    fits.PrimaryHDU,
    fits.ImageHDU,
    fits.CompImageHDU,
    fits.BinTableHDU,
    fits.TableHDU,
)
"""What extensions can be; astropy opens those with a damaged header as something else."""

MOST_BLOCKS = 400
"""A header longer than this (a megabyte) is no JWST header."""

DAMAGED: Final = (
    OSError,
    EOFError,
    zlib.error,
    VerifyError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
)
"""What astropy and gzip raise for damaged content, depending on where the damage is."""

STRUCTURE: Final = re.compile(
    r"|COMMENT|HISTORY|END|SIMPLE|EXTEND|XTENSION|BITPIX|NAXIS\d*|[PG]COUNT|TFIELDS"
    r"|EXTNAME|EXTVER|EXTLEVEL|INHERIT|CHECKSUM|DATASUM|BZERO|BSCALE"
    r"|T(TYPE|FORM|UNIT|DIM|NULL|ZERO|SCAL|DISP)\d+"
)
"""Keywords that tell how a file is laid out or comment on it, not what is in it."""


PLAIN: Final = re.compile(
    r"[A-Z0-9_-]{1,8} *(?<=.{8})= +"
    r"(?:'(?P<text>[^'&]+)'|(?P<logical>[TF])|(?P<whole>[+-]?\d+)"
    r"|(?P<real>[+-]?(?:\d+\.\d*|\.\d+)(?:[ED][+-]?\d+)?))?"
    r" *(?:/.*)?"
)
"""A card with a value of a plain kind, on one line; a string that goes on has an ampersand, and
of one that is empty, or has quotes within, astropy knows more."""


def _check(path: Path) -> int:
    """Return the size of a readable, non-empty file, or say what is wrong with it."""
    try:
        status = path.stat()
        if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
            path.open("rb").close()
    except OSError as error:
        raise LRSExplorerError(sentence(path, error)) from None
    except ValueError:
        raise invalid(path) from None
    if not stat.S_ISREG(status.st_mode):
        raise LRSExplorerError(f"{path} is not a file with data in it; give a FITS file.")
    if status.st_size == 0:
        raise LRSExplorerError(f"{path} is empty (0 bytes); download it again.")
    return status.st_size


def is_compressed(path: Path) -> bool:
    """Tell by its first bytes whether a file is gzip-compressed, whatever its name."""
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def _stream(path: Path) -> BinaryIO:
    """Open a file for reading, decompressed."""
    return cast(BinaryIO, gzip.open(path)) if is_compressed(path) else path.open("rb")


def damaged(path: Path) -> LRSExplorerError:
    """Return the error for a file that is not whole."""
    return LRSExplorerError(f"{path} is truncated or damaged; download it again.")


def primary_header(path: Path) -> dict[str, Any]:
    """Return the cards of the primary header, reading no more of the file than that.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is not FITS or ends within the header.
    """
    _check(path)
    content = bytearray()
    try:
        with _stream(path) as stream:
            for _ in range(MOST_BLOCKS):
                block = stream.read(BLOCK)
                if not content and not block.startswith(b"SIMPLE  ="):
                    raise LRSExplorerError(
                        f"{path} is not a FITS file; give an LRS product or its folder."
                    )
                if len(block) < BLOCK:
                    raise damaged(path)
                content += block
                ends = b"END     " in block  # which a value may hold as well
                if ends and any(block[i : i + 8] == b"END     " for i in range(0, BLOCK, 80)):
                    break
    except (OSError, EOFError, zlib.error):
        raise damaged(path) from None
    try:
        plain = _plain_cards(content)
        return cards(fits.Header.fromstring(bytes(content))) if plain is None else plain
    except (VerifyError, ValueError):
        raise damaged(path) from None


def _plain_cards(content: bytearray) -> dict[str, Any] | None:
    """Return what `cards` returns of a header in which all cards are plain; None for any other.

    Folders hold thousands of files, of 200 cards each, and astropy takes 4 ms for a header; this
    takes a tenth.
    """
    if not content.isascii():
        return None
    text, values = content.decode("ascii"), dict[str, Any]()
    for start in range(0, len(text), 80):
        keyword = text[start : start + 8].rstrip()
        if keyword == "END":
            return values
        if keyword in ("", "COMMENT", "HISTORY"):
            continue
        card = PLAIN.fullmatch(text, start, start + 80)
        if card is None:
            return None
        if STRUCTURE.fullmatch(keyword):
            continue
        kind, value = card.lastgroup, card[card.lastgroup] if card.lastgroup else ""
        match kind:
            case "text":
                values.setdefault(keyword, value.rstrip())
            case "logical":
                values.setdefault(keyword, value == "T")
            case "whole":
                values.setdefault(keyword, int(value))
            case "real":
                values.setdefault(keyword, float(value.replace("D", "E")))
    return None  # without an end


def cards(header: fits.Header) -> dict[str, Any]:
    """Return keyword and value of all cards that tell something about the data."""
    values: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        for card in header.cards:
            keyword = card.keyword
            if STRUCTURE.fullmatch(keyword):
                continue
            try:
                value = card.value
            except VerifyError:  # one unreadable card must not cost the others
                continue
            if not isinstance(value, fits.Undefined):
                values.setdefault(keyword, value)
    return values


@contextmanager
def open_fits(path: Path) -> Iterator[fits.HDUList]:
    """Open a FITS file, ``.gz`` or not, and make sure that all of it is there.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is not FITS, is truncated or is damaged.
    """
    size = _check(path)
    primary_header(path)
    source: Path | io.BytesIO = path
    try:
        if is_compressed(path):
            # Unpacked here, because astropy takes the end of a truncated stream for the file's.
            with gzip.open(path) as packed:
                content = packed.read()
            source, size = io.BytesIO(content), len(content)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            hdus = fits.open(source, memmap=False, lazy_load_hdus=False)
    except DAMAGED:
        raise damaged(path) from None
    with hdus:
        last = hdus[-1].fileinfo()
        # Some writers leave out the padding of the last block.
        short = last["datLoc"] + hdus[-1].size > size
        if short or last["datLoc"] + last["datSpan"] < size:
            raise damaged(path)
        if not all(isinstance(hdu, KNOWN_HDUS) for hdu in hdus):
            raise damaged(path)
        yield hdus


def array(hdus: fits.HDUList, name: str, path: Path) -> NDArray[Any] | None:
    """Return an extension's data in native byte order, its own type; None if it is not there.

    Raises
    ------
    LRSExplorerError
        The data cannot be read.
    """
    if name not in hdus:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            data = hdus[name].data
    except DAMAGED:
        raise damaged(path) from None
    if data is None:
        return None
    return np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("="))


_ASCII: Final = str.maketrans(
    {"µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "×": "x", "÷": "/", "±": "+/-", "∓": "-/+"}
    | {"′": "'", "″": '"', "“": '"', "”": '"', "‘": "'", "’": "'", "λ": "lambda", "σ": "sigma"}
    | {"Δ": "delta ", "χ": "chi", "·": "*", "→": "->", "≤": "<=", "≥": ">=", "√": "sqrt"}
)
"""What stands for characters that FITS does not know."""


def printable(text: str) -> str:
    """Return a text in one line as FITS knows it: printable ASCII only."""
    line = " ".join(text.translate(_ASCII).split())
    return unicodedata.normalize("NFKD", line).encode("ascii", "replace").decode()
