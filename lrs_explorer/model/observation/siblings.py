"""Finding the files of one observation among many, by their headers."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES
from lrs_explorer.model.files.disk import sentence
from lrs_explorer.model.files.fitsfile import primary_header
from lrs_explorer.model.files.recognition import (
    COMBINED_NAME,
    EXPOSURE_NAME,
    ProductFile,
    recognise,
    root_of,
)

__all__ = [
    "Listing",
    "entries",
    "is_fits",
    "is_named",
    "key_of",
    "list_products",
    "named_key",
    "named_kind",
    "product_of",
]

ObservationKey = tuple[str, str]

ENDINGS: Final = (".fits", ".fits.gz", ".fit", ".fit.gz")
MOST_FILES: Final = 5000
"""Headers read in one folder at most; about a millisecond each."""


@dataclass
class Listing:
    """What a folder holds.

    Parameters
    ----------
    products : list of ProductFile
    others : dict of str to int
        Number of readable FITS files of other modes, by EXP_TYPE, and of reference files.
    unreadable : list of str
        Why files could not be read, a sentence each.
    complete : bool
        False when there were too many files, or no time, to look at all.
    """

    products: list[ProductFile] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    complete: bool = True


def product_of(path: Path) -> ProductFile:
    """Return what the file at ``path`` is.

    Raises
    ------
    LRSExplorerError
        It cannot be read or is no MIRI LRS product.
    """
    return recognise(path, primary_header(path))


def key_of(product: ProductFile) -> ObservationKey:
    """Return what the products of one observation have in common."""
    if product.program or product.observation:
        return product.program, product.observation
    stem = root_of(product.path)
    return "", stem


def entries(folder: Path) -> list[Path]:
    """Return the contents of a folder by name.

    Raises
    ------
    LRSExplorerError
        It cannot be read.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise LRSExplorerError(sentence(folder, error)) from None


def list_products(
    folder: Path,
    keys: Collection[ObservationKey] | None = None,
    deadline: float = float("inf"),
) -> Listing:
    """Look at the FITS files in a folder, reading primary headers only.

    Parameters
    ----------
    folder : Path
    keys : collection of (str, str), optional
        Programs and observations; files whose JWST name tells of others are passed over.
    deadline : float, optional
        Value of `time.monotonic` after which no further file is looked at.

    Raises
    ------
    LRSExplorerError
        The folder cannot be read.
    """
    listing = Listing()
    for number, path in enumerate(_candidates(folder, keys)):
        if number >= MOST_FILES or time.monotonic() > deadline:
            listing.complete = False
            break
        try:
            header = primary_header(path)
        except LRSExplorerError as error:
            listing.unreadable.append(str(error))
            continue
        try:
            product = recognise(path, header)
        except LRSExplorerError:
            kind = str(header.get("EXP_TYPE") or "no EXP_TYPE")
            if header.get("REFTYPE"):
                kind = "reference file"
            elif kind in EXP_TYPES.values():
                kind = "integral-field product"
            listing.others[kind] = listing.others.get(kind, 0) + 1
            continue
        if keys is None or key_of(product) in keys:
            listing.products.append(product)
    return listing


def _candidates(folder: Path, keys: Collection[ObservationKey] | None) -> Iterator[Path]:
    """Yield the FITS files of a folder that may belong to one of ``keys``."""
    chosen = keys is not None and all(program for program, _ in keys)
    for path in entries(folder):
        if chosen and (named := named_key(path)) is not None and named not in (keys or ()):
            continue
        if is_fits(path):
            yield path


def is_fits(path: Path) -> bool:
    """Tell whether a path is a file with the name of a FITS file."""
    name = path.name.lower()
    return name.endswith(ENDINGS) and not name.startswith(".") and path.is_file()


def named_key(path: Path) -> ObservationKey | None:
    """Return the program and observation in a JWST file or folder name, None without them."""
    match = EXPOSURE_NAME.match(path.name) or COMBINED_NAME.match(path.name)
    if match is None or match.groupdict().get("kind") == "c":
        return None  # a combination of several observations carries the numbers of its first
    return match["program"].lstrip("0"), match["observation"].lstrip("0")


def named_kind(path: Path) -> str:
    """Return "o" for a JWST file name, "c" for that of a combination of observations, else ""."""
    if EXPOSURE_NAME.match(path.name):
        return "o"
    match = COMBINED_NAME.match(path.name)
    return match["kind"].lower() if match else ""


def is_named(folder: Path) -> bool:
    """Tell whether a folder is named like a product, as MAST names one for each exposure."""
    return named_kind(folder) != ""
