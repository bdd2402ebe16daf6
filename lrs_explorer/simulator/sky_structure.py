"""How the sky of the slitless mode is spread over the subarray, as a real frame shows it.

Source of the numbers
---------------------
A median in time of one segment of WASP-43 (programme 1366), SLITLESSPRISM, sky left in: published
as Fig. 36 of chapter 3 in Jayshil/thesis-figures (CC0-1.0) and read back from its 256 colours, one
to 1.8 DN/s, of which the brightest stands for all above 500. Measured on it were means over many
rows and columns; tests/simulator/test_real_frame_statistics.py measures the same on the frame and
on the simulation.

Orientation
-----------
The figure is mirrored: its column *c* is column 71 - *c* of the subarray. Its columns 68 to 71 are
filled with one value in each row, as the reference pixels are, which are columns 0 to 3; its trace
leans the other way than the flight trace does, by 0.97 of its tilt and bend; and mirrored, the
trace is within 1.2 pixel of the aperture's reference point. Its rows are as in the detector: the
light of the star ends at both ends of the rows where the wavelength solution has it.

One frame does not tell what belongs to the detector and what to the field that was looked at. The
simulator keeps columns to those of the detector and rows to where sources are placed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from lrs_explorer.model.data.instrument import SUBARRAYS, Subarray
from lrs_explorer.simulator.instrument import Array

__all__ = ["FLIGHT_SKY", "PLAIN_SKY", "SkyStructure"]

_PRISM: Final = SUBARRAYS["SLITLESSPRISM"]
_MIDDLE: Final = 208  # row

# Row of SLITLESSPRISM and brightness, DN/s, mean of columns 14 to 21 and 50 to 59 over nine rows.
_ALONG: Final = (
    (0, 61.4), (20, 58.5), (40, 56.1), (60, 54.2), (80, 52.8), (100, 52.2), (120, 53.2),
    (130, 55.3), (140, 58.6), (160, 68.4), (180, 81.0), (200, 93.7), (220, 105.1), (240, 115.0),
    (260, 124.0), (280, 131.0), (300, 134.7), (320, 134.8), (340, 133.1), (360, 131.7),
    (376, 131.1), (384, 129.9), (392, 124.2), (400, 112.5), (408, 102.3), (415, 97.8),
)  # fmt: skip

# Column of the detector and its part of the depth of the dip.
_DIP: Final = (
    (4, 0.75), (5, 1.0), (6, 1.0), (7, 1.0), (8, 0.9),
    (9, 0.35), (10, 0.35), (11, 0.15), (12, 0.15), (13, 0.1), (14, 0.1),
)  # fmt: skip


@dataclass(frozen=True)
class SkyStructure:
    """The shape of the sky in a rate image of the slitless mode; the default is the real frame's.

    Attributes
    ----------
    along : tuple of (float, float)
        Row of SLITLESSPRISM and brightness in any unit; the same everywhere where there is none.
    dip : tuple of (int, float)
        Column of the detector and its part of the depth of the dip beside the reference pixels.
    depth : tuple of (float, float)
        Row of SLITLESSPRISM and depth of the dip there, of the sky.
    odd_columns : tuple of (int, float)
        Column of the detector and its brightness, of its neighbours'.
    slope : float
        Relative change from the left edge to the right.
    """

    along: tuple[tuple[float, float], ...] = _ALONG
    dip: tuple[tuple[int, float], ...] = _DIP
    depth: tuple[tuple[float, float], ...] = ((64, 0.2), (208, 0.125))
    odd_columns: tuple[tuple[int, float], ...] = ((67, 1.025), (68, 0.955))
    slope: float = 0.03

    def rate(self, level: float, subarray: Subarray) -> Array:
        """Return the count rate of sky and telescope, DN/s, shape of the subarray.

        Parameters
        ----------
        level : float, DN/s
            In the middle of SLITLESSPRISM.
        subarray : Subarray
        """
        rows = np.arange(subarray.shape[0]) - subarray.reference[0] + _PRISM.reference[0]
        columns = np.arange(subarray.shape[1]) + subarray.origin[1]
        across = 1.0 + self.slope * (columns - _PRISM.reference[1]) / _PRISM.shape[1]
        for column, factor in self.odd_columns:
            across[columns == column] *= factor
        across[: subarray.reference_columns] = 0.0
        along = _curve(self.along, rows, 1.0) / _curve(self.along, _MIDDLE, 1.0)
        seen = level * np.outer(along, across)
        depth = _curve(self.depth, rows, 0.0)
        for column, part in self.dip:
            seen[:, columns == column] *= 1.0 - part * depth[:, np.newaxis]
        return np.asarray(seen)


def _curve(points: tuple[tuple[float, float], ...], rows: ArrayLike, otherwise: float) -> Array:
    """Interpolate between points, if there are any."""
    if not points:
        return np.full(np.shape(rows), otherwise)
    return np.asarray(np.interp(np.asarray(rows, dtype=float), *np.transpose(points)))


FLIGHT_SKY: Final = SkyStructure()
"""As measured."""

PLAIN_SKY: Final = SkyStructure(along=(), dip=(), odd_columns=(), slope=0.0)
"""The same in all pixels that see light."""
