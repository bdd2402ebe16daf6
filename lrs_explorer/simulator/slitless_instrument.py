"""The simulated LRS without its slit: what differs from `lrs_explorer.simulator.instrument`.

Coordinates
-----------
*row* and *column* are 0-indexed pixels of a subarray. Rows are the dispersion axis, wavelength
falls as the row rises. Subarrays differ in where the source is placed, and with it in the
wavelength of a row.

Sources of the numbers
----------------------
`lrs_explorer.model.data.instrument`. The shape of the sky stands in
`lrs_explorer.simulator.sky_structure`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from lrs_explorer.model.data import instrument as flight
from lrs_explorer.model.data.instrument import SUBARRAYS, Subarray
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
    lower, upper = np.asarray(lower) * SCALE_ALONG, np.asarray(upper) * SCALE_ALONG
    parts = instrument.psf_parts(wavelength)
    return np.asarray(sum(part.share * part.along(lower, upper) for part in parts))


def enclosed_fraction(wavelength: ArrayLike, width: ArrayLike) -> Array:
    """Return the fraction of the light inside a centered aperture, ``width`` in pixels."""
    half = 0.5 * np.asarray(width, dtype=float)
    return pixel_share(wavelength, -half, half)


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
