"""The simulated LRS without its slit: what differs from `lrs_explorer.simulator.instrument`.

Coordinates
-----------
*row* and *column* are 0-indexed pixels of the subarray SLITLESSPRISM (416 rows, 72 columns), whose
first row is row 528 of the detector. Rows are the dispersion axis, wavelength falls as the row
rises. Columns 0 to 3 are reference pixels.

Sources of the numbers
----------------------
`lrs_explorer.model.data.instrument`. The shape of the sky across the columns is a choice of this
simulator.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data import instrument as flight
from lrs_explorer.model.data.instrument import REFERENCE_COLUMNS, SLITLESS_ORIGIN
from lrs_explorer.model.slit.geometry import psf_fwhm
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.instrument import Array

SHAPE: Final = flight.SLITLESS_SHAPE
ROW_OFFSET: Final = SLITLESS_ORIGIN[0]
FRAME_TIME: Final = flight.FRAME_TIME["slitless"]

REFERENCE_COLUMN: Final = flight.REFERENCE_PIXELS["MIRIM_SLITLESSPRISM"][0]
REFERENCE_ROW: Final = flight.REFERENCE_PIXELS["MIRIM_SLITLESSPRISM"][1] - ROW_OFFSET
SCALE_ALONG: Final = flight.SCALE_ALONG["slitless"]
SCALE_ACROSS: Final = flight.SCALE_ACROSS["slitless"]
V2_REF, V3_REF, V3_IDEAL_Y_ANGLE = flight.POINTING["slitless"]
PIXEL_AREA_SR: Final = SCALE_ALONG * SCALE_ACROSS / 206264.806**2
JY_PER_MJY_SR: Final = PIXEL_AREA_SR * 1e6

FIRST_ROW: Final = 7
LAST_ROW: Final = 394


def wavelength_at_row(row: ArrayLike) -> Array:
    """Return the wavelength at a row (0-indexed), micron: strictly falling with the row."""
    return flight.wavelength_at_row(row, "slitless")


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
