"""The simulated LRS without its slit: what differs from `lrs_explorer.simulator.instrument`.

Coordinates
-----------
*row* and *column* are 0-indexed pixels of the subarray SLITLESSPRISM (416 rows, 72 columns), whose
first row is row 528 of the detector. Rows are the dispersion axis, wavelength falls as the row
rises. Columns 0 to 3 are reference pixels.

Sources of the numbers
----------------------
JDox "MIRI Low Resolution Spectroscopy" and "MIRI Time Series Observations", the SIAF aperture
MIRIM_SLITLESSPRISM, and the flight wavelength solution (jwst_miri_specwcs_0006) at eight rows. The
shape of the sky across the columns is a choice of this simulator.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from lrs_explorer.model.recipe_series import REFERENCE_COLUMNS
from lrs_explorer.model.slit.geometry import psf_fwhm
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.instrument import Array

SHAPE: Final = (416, 72)
ROW_OFFSET: Final = 528
FRAME_TIME: Final = 0.15904  # s

REFERENCE_COLUMN: Final = 38.5 - 1.0  # SIAF values are 1-indexed
REFERENCE_ROW: Final = 829.0 - 1.0 - ROW_OFFSET
SCALE_ALONG: Final = 0.1098  # arcsec / pixel, along the columns' direction of the slit
SCALE_ACROSS: Final = 0.1104
V2_REF: Final = -378.60  # arcsec
V3_REF: Final = -344.75
V3_IDEAL_Y_ANGLE: Final = 4.835  # degrees
PIXEL_AREA_SR: Final = SCALE_ALONG * SCALE_ACROSS / 206264.806**2
JY_PER_MJY_SR: Final = PIXEL_AREA_SR * 1e6

FIRST_ROW: Final = 7
LAST_ROW: Final = 394

_KNOWN_ROWS = np.array([7.0, 87.0, 147.0, 207.0, 287.0, 347.0, 387.0, 394.0])
_KNOWN_WAVELENGTHS = np.array([14.05, 12.89, 11.91, 10.78, 8.93, 7.05, 5.09, 4.06])
# Steep at the blue end, where no low polynomial follows: through the points, and monotonic.
_SOLUTION = PchipInterpolator(_KNOWN_ROWS, _KNOWN_WAVELENGTHS)


def wavelength_at_row(row: ArrayLike) -> Array:
    """Return the wavelength at a row (0-indexed), micron: strictly falling with the row."""
    return np.asarray(_SOLUTION(np.asarray(row, dtype=float)))


def trace_shift(row: ArrayLike) -> Array:
    """Column of the trace less its column at the reference row, pixels: bent like in flight."""
    offset = np.asarray(row, dtype=float) - REFERENCE_ROW
    return np.asarray(1.95e-3 * offset - 6.72e-6 * offset**2)


def pixel_share(wavelength: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> Array:
    """Return the fraction of a point source's light between two columns.

    Parameters
    ----------
    wavelength : array_like, micron
    lower, upper : array_like, pixels
        Edges, measured from the source. All three broadcast.
    """
    total = np.zeros(())
    for fraction, sigma in instrument.psf_parts(psf_fwhm(wavelength) / SCALE_ALONG):
        total = total + fraction * instrument.gaussian_integral(lower, upper, sigma)
    return np.asarray(total)


def enclosed_fraction(wavelength: ArrayLike, width: ArrayLike) -> Array:
    """Return the fraction of the light inside a centred aperture, ``width`` in pixels."""
    half = 0.5 * np.asarray(width, dtype=float)
    return pixel_share(wavelength, -half, half)


def sky(level: float) -> Array:
    """Return the count rate of sky and telescope, DN/s, shape `SHAPE`.

    Without a slit every pixel sees the sky at all wavelengths: it changes little along the rows. A
    slope of 4 % across the columns is its own, and a glow at the left edge, which no background
    region should touch.

    Parameters
    ----------
    level : float, DN/s
        In the middle of the subarray.
    """
    rows, columns = np.arange(SHAPE[0]), np.arange(SHAPE[1])
    along = 1.0 - 0.15 * np.cos(2.0 * np.pi * (rows - SHAPE[0] / 3) / SHAPE[0])
    slope = 1.0 + 0.04 * (columns - REFERENCE_COLUMN) / SHAPE[1]
    glow = 0.08 * np.exp(-(columns - REFERENCE_COLUMNS) / 3.0)
    across = np.where(columns < REFERENCE_COLUMNS, 0.0, slope + glow)
    return np.asarray(level * along[:, np.newaxis] * across)


def subarray_of(detector: NDArray[Any]) -> NDArray[Any]:
    """Return the part of a full detector's array that SLITLESSPRISM reads."""
    rows, columns = SHAPE
    return detector[ROW_OFFSET : ROW_OFFSET + rows, :columns].copy()
