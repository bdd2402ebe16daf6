"""The aperture correction of a point source, from an ``apcorr`` reference file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["ApertureCorrection"]

FloatArray = NDArray[np.floating[Any]]

LINEAR = ("FLUX", "FLUX_ERROR", "SURF_BRIGHT", "SB_ERROR")
SQUARED = tuple(
    f"{name}_VAR_{kind}" for name in ("FLUX", "SB") for kind in ("POISSON", "RNOISE", "FLAT")
)


class ApertureCorrection:
    """Factor by which flux within an aperture falls short of the source's, by width and wavelength.

    It is interpolated as by ``jwst.extract_1d.apply_apcorr.ApCorr``: linearly in both.

    Parameters
    ----------
    path : Path
        The reference file (``MirLrsApcorrModel``), whose sizes are in pixels.
    subarray : str
        SUBARRAY of the image: chooses the row of the table.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, has not one row for the subarray, or gives sizes in arcsec. The
        pipeline stops on the last two as well: the size column is of whole numbers, which jwst
        cannot divide by the pixel scale.
    """

    def __init__(self, path: Path, subarray: str) -> None:
        from scipy.interpolate import RectBivariateSpline

        try:
            with fits.open(path, memmap=False) as hdus:
                unit = str(hdus["APCORR"].header.get("SIZEUNIT", ""))
                rows = [
                    row
                    for row in hdus["APCORR"].data
                    if str(row["subarray"]).strip().upper() == subarray.upper()
                ]
                if len(rows) == 1:
                    n_wave, n_size = int(rows[0]["nelem_wl"]), int(rows[0]["nelem_size"])
                    wavelength = np.asarray(rows[0]["wavelength"], np.float32)[:n_wave]
                    size = np.asarray(rows[0]["size"], np.uint8)[:n_size]
                    factor = np.asarray(rows[0]["apcorr"], np.float32)[:n_wave, :n_size]
        except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
            raise LRSExplorerError(
                f"the aperture correction {path} cannot be read ({error}); choose another "
                "reference file or switch apply_apcorr off."
            ) from None
        if len(rows) != 1:
            raise LRSExplorerError(
                f"the aperture correction {path} has {len(rows)} rows for subarray "
                f"{subarray or '(not told)'} instead of one; choose another reference "
                "file or switch apply_apcorr off."
            )
        if unit.startswith("arcsec"):
            raise LRSExplorerError(
                f"the aperture correction {path} gives sizes in arcsec, which the pipeline cannot "
                "use for MIRI LRS; choose another reference file or switch apply_apcorr off."
            )
        order = np.argsort(wavelength)
        try:
            self._spline = RectBivariateSpline(size, wavelength[order], factor[order].T, kx=1, ky=1)
        except ValueError as error:
            raise LRSExplorerError(
                f"the aperture correction {path} cannot be interpolated ({error}); choose another "
                "reference file or switch apply_apcorr off."
            ) from None

    def factor(self, npixels: FloatArray, wavelength: FloatArray) -> FloatArray:
        """Return the factors for widths (pixels) and wavelengths (micron) of the same shape."""
        return np.asarray(self._spline(npixels, wavelength, grid=False))

    def apply(self, columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Return the columns of an x1d table with source flux and surface brightness corrected."""
        factor = self.factor(columns["NPIXELS"], columns["WAVELENGTH"])
        squared = factor * factor
        corrected = {name: columns[name] * factor for name in LINEAR}
        corrected |= {name: columns[name] * squared for name in SQUARED}
        return columns | corrected
