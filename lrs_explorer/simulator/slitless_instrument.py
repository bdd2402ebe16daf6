"""The simulated LRS without its slit: what differs from `lrs_explorer.simulator.instrument`.

Coordinates
-----------
*row* and *column* are 0-indexed pixels of a subarray. Rows are the dispersion axis, wavelength
falls as the row rises. Subarrays differ in where the source is placed, and with it in the
wavelength of a row.

Sources of the numbers
----------------------
`lrs_explorer.model.data.instrument`. The shape of the sky across the columns is a choice of this
simulator.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from lrs_explorer.model.data import instrument as flight
from lrs_explorer.model.data.instrument import REFERENCE_COLUMNS, SUBARRAYS, Subarray
from lrs_explorer.model.slit.geometry import psf_fwhm
from lrs_explorer.simulator import instrument, pointing
from lrs_explorer.simulator.instrument import Array

PRISM: Final = SUBARRAYS["SLITLESSPRISM"]
"""The subarray in which the wavelength solution was measured."""

SCALE_ALONG: Final = flight.SCALE_ALONG["slitless"]
SCALE_ACROSS: Final = flight.SCALE_ACROSS["slitless"]
V2_REF, V3_REF, V3_IDEAL_Y_ANGLE = flight.POINTING["slitless"]
PIXEL_AREA_SR: Final = SCALE_ALONG * SCALE_ACROSS / 206264.806**2
JY_PER_MJY_SR: Final = PIXEL_AREA_SR * 1e6

_FIRST_ROW: Final = 7  # of SLITLESSPRISM
_LAST_ROW: Final = 394


def row_of_prism(row: ArrayLike, subarray: Subarray) -> Array:
    """Return the row of SLITLESSPRISM that is as far from where a source is placed."""
    return np.asarray(row, dtype=float) - subarray.reference[0] + PRISM.reference[0]


def lit_rows(subarray: Subarray) -> tuple[int, int]:
    """Return the first and the last row that sees light of the source."""
    moved = subarray.reference[0] - PRISM.reference[0]
    first, last = int(np.ceil(_FIRST_ROW + moved)), int(_LAST_ROW + moved)
    return max(first, 0), min(last, subarray.shape[0] - 1)


def wavelength_at_row(row: ArrayLike, subarray: Subarray = PRISM) -> Array:
    """Return the wavelength at a row (0-indexed), micron: strictly falling with the row."""
    return flight.wavelength_at_row(row_of_prism(row, subarray), "slitless")


def trace_shift(row: ArrayLike, subarray: Subarray = PRISM) -> Array:
    """Column of the trace less its column at the reference row, pixels: bent like in flight."""
    offset = np.asarray(row, dtype=float) - subarray.reference[0]
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


def sky(level: float, subarray: Subarray = PRISM) -> Array:
    """Return the count rate of sky and telescope, DN/s, shape of the subarray.

    Without a slit every pixel sees the sky at all wavelengths: it changes little along the rows. A
    slope of 4 % across the columns is its own, and a glow at the detector's left edge, which no
    background region should touch.

    Parameters
    ----------
    level : float, DN/s
        In the middle of SLITLESSPRISM.
    subarray : Subarray
    """
    rows = row_of_prism(np.arange(subarray.shape[0]), subarray)
    columns = np.arange(subarray.shape[1]) + subarray.origin[1]
    n_rows, n_columns = PRISM.shape
    along = 1.0 - 0.15 * np.cos(2.0 * np.pi * (rows - n_rows / 3) / n_rows)
    slope = 1.0 + 0.04 * (columns - PRISM.reference[1]) / n_columns
    glow = 0.08 * np.exp(-(columns - REFERENCE_COLUMNS) / 3.0)
    across = np.where(columns < REFERENCE_COLUMNS, 0.0, slope + glow)
    return np.asarray(level * along[:, np.newaxis] * across)


def pointing_at(subarray: Subarray) -> tuple[float, float]:
    """Return V2 and V3 (arcsec) of where sources are placed in a subarray."""
    rows, columns = (
        subarray.reference[axis]
        + subarray.origin[axis]
        - (PRISM.reference[axis] + PRISM.origin[axis])
        for axis in (0, 1)
    )
    v2, v3 = pointing.ideal_to_v2v3(columns * SCALE_ALONG, rows * SCALE_ACROSS, V3_IDEAL_Y_ANGLE)
    return V2_REF + v2, V3_REF + v3
