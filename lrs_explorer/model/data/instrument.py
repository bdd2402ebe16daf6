"""The numbers of MIRI's Low Resolution Spectrometer, each once.

Rows and columns are 0-indexed pixels; rows are the dispersion axis, wavelength falls as the row
rises. *along* and *across* are the directions of the slit: columns and rows.

Sources: JDox "MIRI Low Resolution Spectroscopy", "MIRI Detector Overview" and "MIRI Time Series
Observations"; the SIAF apertures MIRIM_SLIT, MIRIM_TALRS and MIRIM_SLITLESSPRISM; the wavelength
solutions measured in flight (jwst_miri_specwcs_0005 and 0006); for the wings of the PSF, a real
frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ACCURACY",
    "DETECTOR_SHAPE",
    "EXP_TYPES",
    "FOLDED_BELOW",
    "NOMINAL_RANGE",
    "POINTING",
    "PSF_CORE_WIDTH",
    "PSF_FWHM",
    "PSF_HALO",
    "PSF_RING",
    "REFERENCE_COLUMNS",
    "REFERENCE_PIXELS",
    "SCALE_ACROSS",
    "SCALE_ALONG",
    "SLIT_LENGTH",
    "SLIT_WIDTH",
    "SOLUTIONS",
    "SUBARRAYS",
    "Mode",
    "Subarray",
    "corner",
    "moved_ranges",
    "reference_columns",
    "source_shift",
    "subarray_of",
    "wavelength_at_row",
]

Mode = Literal["slit", "slitless"]
"""The optics: with the slit in the way, or without. Whether integrations are looked at one by one,
as a time series, is another question."""

EXP_TYPES: dict[Mode, str] = {"slit": "MIR_LRS-FIXEDSLIT", "slitless": "MIR_LRS-SLITLESS"}
"""EXP_TYPE of each mode; also the aperture ``id`` in an extract1d reference file."""

# Detector -----------------------------------------------------------------------------------------
DETECTOR_SHAPE: Final = (1024, 1032)
"""Rows and columns of the MIRI imager's detector."""

REFERENCE_COLUMNS: Final = 4
"""Columns 0 to 3 of the detector are reference pixels, which see no light."""


@dataclass(frozen=True)
class Subarray:
    """A part of the detector that is read out.

    Parameters
    ----------
    name : str
        SUBARRAY in headers.
    mode : {"slit", "slitless"}
        What it is for.
    shape : (rows, columns)
    origin : (row, column)
        Pixel of the detector where it begins.
    reference : (row, column)
        Where sources are placed, in pixels of the subarray: the middle of the slit without nods,
        the reference point of the SIAF aperture.
    frame_time : float
        Time between two frames, s.
    """

    name: str
    mode: Mode
    shape: tuple[int, int]
    origin: tuple[int, int]
    reference: tuple[float, float]
    frame_time: float

    @property
    def reference_columns(self) -> int:
        """How many columns at its left are reference pixels."""
        return max(0, REFERENCE_COLUMNS - self.origin[1])

    @property
    def cards(self) -> dict[str, int]:
        """Keywords that say which part of the detector it is."""
        (row, column), (rows, columns) = self.origin, self.shape
        return {
            "SUBSTRT1": column + 1,
            "SUBSTRT2": row + 1,
            "SUBSIZE1": columns,
            "SUBSIZE2": rows,
        }

    def part(self, detector: NDArray[Any]) -> NDArray[Any]:
        """Return its part of an array of the whole detector."""
        (row, column), (rows, columns) = self.origin, self.shape
        return detector[row : row + rows, column : column + columns].copy()


SUBARRAYS: Final[dict[str, Subarray]] = {
    one.name: one
    for one in (
        Subarray("FULL", "slit", DETECTOR_SHAPE, (0, 0), (299.70, 325.13), 2.775),
        Subarray("SUBSLIT", "slit", (384, 140), (7, 300), (292.70, 25.13), 0.279),
        Subarray("SLITLESSPRISM", "slitless", (416, 72), (528, 0), (300.0, 37.5), 0.15904),
        Subarray("SLITLESSPRISM_IP", "slitless", (384, 68), (630, 12), (289.5, 33.5), 0.156),
        Subarray("SLITLESSPRISM_IPS", "slitless", (256, 52), (752, 12), (163.5, 25.5), 0.118),
    )
}
"""The subarrays of the LRS, by the SIAF of July 2026. Frame times of the last two are reckoned from
their size."""

_PRISM: Final = SUBARRAYS["SLITLESSPRISM"]

NARROWEST: Final = 4
"""Columns of a range for the background, at least."""


def corner(header: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return row and column of the detector where an image begins; None where no card says.

    From SUBSTRT2 and SUBSTRT1: names of subarrays come and go.
    """
    row, column = header.get("SUBSTRT2"), header.get("SUBSTRT1")
    if not (isinstance(row, int) and isinstance(column, int)):
        return None
    return row - 1, column - 1


def subarray_of(header: Mapping[str, Any], shape: tuple[int, int] | None = None) -> Subarray | None:
    """Return the subarray that an image of detector pixels is of; None where it is another one.

    By where it begins (SUBSTRT1, SUBSTRT2) and its size: names of subarrays come and go, and a
    cutout keeps its name. Without those cards by its size alone.

    Parameters
    ----------
    header : Mapping
    shape : (rows, columns), optional
        Of the image; by default that of the header (SUBSIZE2, SUBSIZE1).
    """
    begins, size = corner(header), shape or (header.get("SUBSIZE2"), header.get("SUBSIZE1"))
    for subarray in SUBARRAYS.values():
        if subarray.shape == size and begins in (subarray.origin, None):
            return subarray
    return None


def reference_columns(header: Mapping[str, Any]) -> int:
    """Return how many columns at the left of an image of detector pixels are reference pixels.

    Where no card says where the image begins they are taken for some: columns are left out, and
    nothing is measured on pixels that see no light.
    """
    _, first = corner(header) or (0, 0)
    return max(0, REFERENCE_COLUMNS - first)


def moved_ranges(
    ranges: Sequence[tuple[float, float]], header: Mapping[str, Any]
) -> tuple[tuple[float, float], ...]:
    """Return ranges of columns of SLITLESSPRISM where an image has them beside its source.

    Parameters
    ----------
    ranges : sequence of (float, float)
        Lower and upper edges, pixels. What lies beyond the image is cut off, and a range of which
        fewer than `NARROWEST` columns are left is dropped.
    header : Mapping
        Of the image; without SUBSTRT1 and SUBSIZE1 the ranges stay as they are.
    """
    moved, n_columns = source_shift(header), header.get("SUBSIZE1")
    if not isinstance(n_columns, int) or not moved:
        return tuple(ranges)
    first = reference_columns(header) - 0.5
    found = [(max(a + moved, first), min(b + moved, n_columns - 0.5)) for a, b in ranges]
    return tuple((a, b) for a, b in found if b - a >= NARROWEST)


def source_shift(header: Mapping[str, Any]) -> float:
    """Return how many columns to the right of where SLITLESSPRISM has it a source is placed.

    In a subarray that is not known, it is taken to be in the same columns of the detector.
    """
    subarray, (_, first) = subarray_of(header), corner(header) or _PRISM.origin
    if subarray is None or subarray.mode != "slitless":
        return _PRISM.origin[1] - first
    return subarray.reference[1] - _PRISM.reference[1]


# Geometry -----------------------------------------------------------------------------------------
SLIT_LENGTH: Final = 4.7
"""Length of the slit, arcsec."""

SLIT_WIDTH: Final = 0.51
"""Width of the slit, arcsec."""

SCALE_ALONG: Final[dict[Mode, float]] = {"slit": 0.1106, "slitless": 0.1098}
"""Arcsec per column."""

SCALE_ACROSS: Final[dict[Mode, float]] = {"slit": 0.1108, "slitless": 0.1104}
"""Arcsec per row."""

REFERENCE_PIXELS: Final[dict[str, tuple[float, float]]] = {
    "MIRIM_SLIT": SUBARRAYS["FULL"].reference[::-1],
    "MIRIM_TALRS": (412.5, 288.5),
    **{
        f"MIRIM_{one.name}": (one.origin[1] + one.reference[1], one.origin[0] + one.reference[0])
        for one in SUBARRAYS.values()
        if one.mode == "slitless"
    },
}
"""Column and row on the full detector of the reference points of SIAF apertures: the slit, the
region in which targets are acquired for it, and the subarrays without the slit."""

POINTING: Final[dict[Mode, tuple[float, float, float]]] = {
    "slit": (-414.85, -400.43, 4.758),
    "slitless": (-378.60, -344.75, 4.835),
}
"""V2 and V3 (arcsec) of the reference point, and the angle of its y axis (degrees)."""

PSF_FWHM: Final = ((5.0, 7.5, 10.0, 12.0), (0.29, 0.30, 0.36, 0.42))
"""Wavelength (micron) and full width at half maximum of the point-spread function (arcsec)."""

PSF_RING: Final = (0.09, 0.515, 0.09)
"""Share of the light in two spots beside a star, one on either side along the columns' axis; their
distance from it, and their standard deviation (arcsec at 10 micron; go with the wavelength). They
lie where the first bright ring of a round mirror of 6.5 m is, at 1.6 wavelength / diameter. Fitted
to rows 100 to 274 (9.3 to 12.6 micron) of a real slitless frame: see the simulator's
sky_structure.py."""

PSF_HALO: Final = (0.135, 0.79)
"""Share of the light in a halo of the PSF, and its standard deviation (arcsec at 10 micron): from
the same fit, which reaches 22 pixels from the trace."""

PSF_CORE_WIDTH: Final = 0.96
"""Full width of what is left, as pixels blur it, of `PSF_FWHM`."""

# Wavelengths --------------------------------------------------------------------------------------
NOMINAL_RANGE: Final = (5.0, 12.0)
"""Calibrated wavelengths, micron."""

ACCURACY: Final[dict[Mode, tuple[float, float]]] = {
    "slit": (0.02, 0.05),
    "slitless": (0.010, 0.015),
}
"""Accuracy of the wavelengths of each mode, micron: at best, at worst."""

FOLDED_BELOW: Final = 4.5
"""Micron below which the slitless spectrum folds over onto itself (4.2 to 4.5)."""

_SLIT: Final = (
    (7, 14.016),
    (10, 13.975), (35, 13.621), (60, 13.252), (85, 12.865), (110, 12.461), (135, 12.035),
    (160, 11.584), (185, 11.105), (210, 10.593), (235, 10.040), (260, 9.438), (285, 8.777),
    (310, 8.034), (335, 7.169), (343, 6.855), (352, 6.474), (360, 6.095), (363, 5.945),
    (366, 5.787), (369, 5.615), (372, 5.436), (375, 5.242), (378, 5.029), (381, 4.799),
    (384, 4.533), (387, 4.209), (390, 3.798), (392, 3.394),
)  # fmt: skip
_SLITLESS: Final = (
    (7, 13.992),
    (10, 13.953), (35, 13.615), (60, 13.263), (85, 12.894), (110, 12.508), (135, 12.102),
    (160, 11.671), (185, 11.215), (210, 10.726), (235, 10.200), (260, 9.626), (285, 8.997),
    (310, 8.291), (335, 7.475), (343, 7.182), (352, 6.829), (360, 6.482), (363, 6.346),
    (366, 6.205), (369, 6.053), (372, 5.895), (375, 5.730), (378, 5.550), (381, 5.361),
    (384, 5.151), (387, 4.909), (390, 4.624), (392, 4.367),
)  # fmt: skip
SOLUTIONS: Final[dict[Mode, tuple[tuple[float, float], ...]]] = {
    "slit": _SLIT,
    "slitless": _SLITLESS,
}
"""Row (of the detector, of SLITLESSPRISM) and wavelength (micron) by the flight solutions, at the
reference column; between them `wavelength_at_row` follows the flight solutions to 0.003 micron."""


@cache
def _solution(mode: Mode) -> Any:
    # Steep at the blue end, where no low polynomial follows: through the points, and monotonic.
    rows, wavelength = np.array(SOLUTIONS[mode]).T
    return scipy.interpolate.PchipInterpolator(rows, wavelength, extrapolate=True)


def wavelength_at_row(row: ArrayLike, mode: Mode) -> NDArray[np.float64]:
    """Return the wavelength that a row sees at the reference column, by the flight solution.

    Parameters
    ----------
    row : array_like
        Of the detector for the slit, of SLITLESSPRISM for the slitless mode.
    mode : {"slit", "slitless"}

    Returns
    -------
    ndarray, same shape, micron
        Strictly falling with the row.
    """
    return np.asarray(_solution(mode)(np.asarray(row, dtype=float)))
