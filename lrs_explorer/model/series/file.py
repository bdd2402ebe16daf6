"""One product with integrations on disk, read piece by piece.

Files are not mapped into memory: one that shrinks while it is mapped would end the process. Pieces
are read where they are wanted, so that what is in memory does not grow with the file. A compressed
file is unpacked into the temporary folder when its first pixel is wanted.
"""

from __future__ import annotations

import gzip
import shutil
import tempfile
import weakref
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.orientation import LRS_DISPERSION_AXIS, dispersion_axis
from lrs_explorer.model.files.fitsfile import array, cards, damaged, is_compressed, open_fits
from lrs_explorer.model.files.wcs import wcs_wavelengths

__all__ = ["PLANES", "SeriesFile"]

PLANES: Final = ("SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")
"""Extensions with a value for each pixel of each integration."""

UNSIGNED: Final = 1 << 31
"""BZERO of an image of unsigned 32-bit integers (FITS standard 4.0, table 19)."""


@dataclass(frozen=True)
class _Plane:
    """Where an extension's values lie in a file."""

    offset: int
    dtype: np.dtype[Any]
    unsigned: bool


class SeriesFile:
    """A rateints, calints or crfints product.

    Parameters
    ----------
    path : Path

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is damaged, or holds no images.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._opened() as hdus:
            header = cards(hdus[0].header)
            if "SCI" not in hdus:
                raise LRSExplorerError(
                    f"{path.name} has no SCI extension; it is incomplete: download it again."
                )
            header |= {k: v for k, v in cards(hdus["SCI"].header).items() if k not in header}
            self.header: Mapping[str, Any] = header
            stored = hdus["SCI"].shape
            if len(stored) not in (2, 3) or min(stored) < 1 or min(stored[-2:]) < 2:
                raise LRSExplorerError(
                    f"{path.name} does not hold a series of images: SCI has shape {stored}."
                )
            self.shape = (1, *stored) if len(stored) == 2 else tuple(stored)
            if dispersion_axis(header, path.name) != LRS_DISPERSION_AXIS:
                raise LRSExplorerError(
                    f"{path.name} has its spectra along rows (DISPAXIS 1), which no MIRI LRS time "
                    "series has; correct the card or download it again."
                )
            self._planes = {name: _plane(hdus, name, stored, path) for name in PLANES}
            self.int_times = array(hdus, "INT_TIMES", path)

    def _opened(self) -> Any:
        return open_fits(self._unpacked)

    @cached_property
    def _unpacked(self) -> Path:
        """The file itself, or an unpacked copy that lives as long as this object."""
        if not self.path.exists() or not is_compressed(self.path):
            return self.path
        folder = tempfile.mkdtemp(prefix="lrs-explorer-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder) / self.path.name.removesuffix(".gz")
        try:
            with gzip.open(self.path) as packed, copy.open("wb") as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise damaged(self.path) from None
        except OSError as error:
            raise LRSExplorerError(
                f"{self.path.name} cannot be unpacked into {folder} ({error.strerror or error}); "
                "make room, or set TMPDIR to another folder."
            ) from None
        return copy

    def __len__(self) -> int:
        """Return the number of integrations."""
        return self.shape[0]

    @cached_property
    def wavelength(self) -> NDArray[Any] | None:
        """Wavelengths, micron, shape (n_wave, n_cross); None where the file has none."""
        with self._opened() as hdus:
            stored = array(hdus, "WAVELENGTH", self.path)
            if (
                stored is not None
                and stored.shape == self.shape[1:]
                and np.nan_to_num(stored).any()
            ):
                return stored
            return wcs_wavelengths(hdus, self.shape[1:], self.path)

    def read(
        self, name: str, start: int, stop: int, rows: slice = slice(None)
    ) -> NDArray[Any] | None:
        """Return some integrations of an extension; None where the file does not have it.

        Parameters
        ----------
        name : str
            One of `PLANES`.
        start, stop : int
            Integrations of this file, 0-indexed, end excluded.
        rows : slice
            Dispersion elements wanted.

        Returns
        -------
        ndarray, shape (stop - start, n_rows, n_cross), native byte order

        Raises
        ------
        LRSExplorerError
            The file has vanished or was changed since it was opened.
        """
        plane = self._planes[name]
        if plane is None:
            return None
        _, n_wave, n_cross = self.shape
        first, last, _ = rows.indices(n_wave)
        count, size = (last - first) * n_cross, plane.dtype.itemsize
        found = np.empty((stop - start, last - first, n_cross), plane.dtype)
        try:
            with self._unpacked.open("rb") as stream:
                for i in range(start, stop) if count < n_wave * n_cross else (start,):
                    stream.seek(plane.offset + (i * n_wave + first) * n_cross * size)
                    part = found if count == n_wave * n_cross else found[i - start]
                    if stream.readinto(part.data.cast("B")) != part.nbytes:
                        raise damaged(self.path)
        except OSError as error:
            raise LRSExplorerError(
                f"{self.path} cannot be read any more ({error.strerror or error}); put it back or "
                "open the observation again."
            ) from None
        if plane.unsigned:
            return found.astype(np.int32).view(np.uint32) ^ np.uint32(UNSIGNED)
        return found.astype(plane.dtype.newbyteorder("="))


def _plane(hdus: fits.HDUList, name: str, shape: tuple[int, ...], path: Path) -> _Plane | None:
    """Return where an extension's values are; None where there is no such extension."""
    if name not in hdus or not hdus[name].shape:
        return None
    hdu = hdus[name]
    if hdu.shape != shape:
        raise LRSExplorerError(
            f"{path.name} is damaged: its {name} extension has shape {hdu.shape}, its images "
            f"{shape}; download it again."
        )
    header = hdu.header
    unsigned = header["BITPIX"] == 32 and hdu._orig_bzero == UNSIGNED
    scaled = (hdu._orig_bzero, hdu._orig_bscale) != (0, 1) and not unsigned
    if scaled or not isinstance(hdu, fits.ImageHDU):
        raise LRSExplorerError(
            f"{path.name} has its {name} extension compressed or scaled, which JWST products "
            "are not; unpack it (funpack) or download it again."
        )
    kinds = {-32: ">f4", -64: ">f8", 8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8"}
    return _Plane(hdu.fileinfo()["datLoc"], np.dtype(kinds[header["BITPIX"]]), unsigned)
