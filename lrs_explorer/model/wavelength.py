"""Wavelength solutions: which one a product carries, and what a source off the slit's middle does.

The prism disperses along detector rows, wavelength falling as the row rises. A source that lies
``across`` arcsec towards larger rows (docs/positions.md) is seen ``across / 0.1108`` rows higher
than one on the centre line, for which the pipeline's solution holds: the wavelength that the
pipeline gives it is too small by as much as the solution changes over those rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy

from lrs_explorer.model.history import missing_fixes, unreadable
from lrs_explorer.model.products import FloatArray, SpectralImage, Spectrum
from lrs_explorer.model.recipe import Mode

__all__ = [
    "ACCURACY",
    "FOLDED_BELOW",
    "SCALE_ACROSS",
    "Epoch",
    "OffsetShift",
    "SolutionMatch",
    "compare_solutions",
    "epoch",
    "offset_shift",
    "shifted",
]

ACCURACY: Final[dict[Mode, tuple[float, float]]] = {
    "slit": (0.02, 0.05),
    "slitless": (0.010, 0.015),
}
"""Accuracy of the wavelengths of each mode, micron: at best, at worst (JDox, MIRI LRS)."""

FOLDED_BELOW: Final = 4.5
"""Micron below which the slitless spectrum folds over onto itself (4.2 to 4.5, JDox)."""

SCALE_ACROSS: Final = 0.1108
"""Arcsec per detector row at the slit (SIAF, MIRIM_SLIT)."""

_SLIT: Final = (
    (10, 13.975), (35, 13.621), (60, 13.252), (85, 12.865), (110, 12.461), (135, 12.035),
    (160, 11.584), (185, 11.105), (210, 10.593), (235, 10.040), (260, 9.438), (285, 8.777),
    (310, 8.034), (335, 7.169), (360, 6.095), (363, 5.945), (366, 5.787), (369, 5.615),
    (372, 5.436), (375, 5.242), (378, 5.029), (381, 4.799), (384, 4.533), (387, 4.209),
)  # fmt: skip
_SLITLESS: Final = (
    (10, 13.953), (35, 13.615), (60, 13.263), (85, 12.894), (110, 12.508), (135, 12.102),
    (160, 11.671), (185, 11.215), (210, 10.726), (235, 10.200), (260, 9.626), (285, 8.997),
    (310, 8.291), (335, 7.475), (360, 6.482), (363, 6.346), (366, 6.205), (369, 6.053),
    (372, 5.895), (375, 5.730), (378, 5.550), (381, 5.361), (384, 5.151), (387, 4.909),
)  # fmt: skip
SOLUTIONS: Final[dict[Mode, tuple[tuple[float, float], ...]]] = {
    "slit": _SLIT,
    "slitless": _SLITLESS,
}
"""Row (0-indexed; of the detector, of SLITLESSPRISM) and wavelength (micron) by the flight
solutions specwcs 0005 and 0006, at the reference column."""

_COMPARED: Final = (5.0, 12.0)  # micron
_FIRST_ROW: Final = 7.0  # detector row of the first row of an s2d
_FREE: Final = 8.0  # rows by which the first row of an s2d may differ from that
_STEP: Final = 0.25  # rows


@dataclass(frozen=True, eq=False)
class SolutionMatch:
    """How a product's wavelengths compare with the known solutions.

    Parameters
    ----------
    own, other : float, micron
        Rms difference, 5 to 12 micron, from the solution of the product's mode and of the other.
    absolute : bool
        Whether rows of the product are those of the detector. Rows of a resampled image may be
        shifted: then only the shape of the solution is compared, in which the two modes differ by
        0.034 micron rms, where they differ by 0.2 in all.
    wavelength, difference : ndarray, shape (n,), micron
        The product's wavelengths, ascending, and their difference from the own solution.
    """

    own: float
    other: float
    absolute: bool
    wavelength: FloatArray
    difference: FloatArray


def compare_solutions(image: SpectralImage, mode: Mode) -> SolutionMatch:
    """Compare the wavelengths of an image with the known solutions.

    Parameters
    ----------
    image : SpectralImage
        Any with wavelengths; of detector pixels, or resampled.
    mode : {"slit", "slitless"}
        The product's observing mode.
    """
    absolute = image.kind != "s2d"
    wavelength = image.row_wavelength
    rows = np.arange(len(wavelength), dtype=float)
    low, high = _COMPARED
    inside = (wavelength >= low) & (wavelength <= high)
    other: Mode = "slitless" if mode == "slit" else "slit"
    own_rms, own_difference = _difference(rows[inside], wavelength[inside], mode, absolute)
    other_rms, _ = _difference(rows[inside], wavelength[inside], other, absolute)
    order = np.argsort(wavelength[inside])
    return SolutionMatch(
        own_rms, other_rms, absolute, wavelength[inside][order], own_difference[order]
    )


def _difference(
    rows: FloatArray, wavelength: FloatArray, mode: Mode, absolute: bool
) -> tuple[float, FloatArray]:
    """Return the rms difference from a solution, and the difference at each row."""
    known_rows, known = np.array(SOLUTIONS[mode]).T
    solution = scipy.interpolate.PchipInterpolator(known_rows, known, extrapolate=True)
    shifts = [0.0]
    if not absolute:
        shifts = list(np.arange(_FIRST_ROW - _FREE, _FIRST_ROW + _FREE + _STEP, _STEP))
    best, found = float("nan"), np.full(len(rows), np.nan)
    for shift in shifts if len(rows) else ():
        difference = wavelength - solution(rows + shift)
        rms = float(np.sqrt(np.mean(difference**2)))
        if not rms >= best:
            best, found = rms, difference
    return best, found


@dataclass(frozen=True)
class Epoch:
    """From when a wavelength solution is, by the header.

    Parameters
    ----------
    reference : str
        Name of the specwcs reference, "" where the header has none.
    outdated : bool
        Whether a better one has come since.
    severe : bool
        Whether that changes wavelengths beyond their accuracy.
    sentence : str
    """

    reference: str
    outdated: bool
    severe: bool
    sentence: str


def epoch(header: Mapping[str, Any], mode: Mode) -> Epoch:
    """Tell from when the wavelength solution of a product is, by R_SPCWCS, CRDS_CTX and DATE."""
    reference = str(header.get("R_SPCWCS", "")).removeprefix("crds://").strip()
    if reference == "N/A":
        reference = ""
    missed = missing_fixes(header, mode, "wavelength")
    name = f"reference {reference}" if reference else "reference not named"
    if missed:
        what = "; ".join(f"{fix.what} ({fix.since})" for fix in missed)
        return Epoch(
            reference,
            True,
            any(fix.severe for fix in missed),
            f"{name}: from before {what}",
        )
    gaps = unreadable(header)
    note = f", as far as the header tells ({'; '.join(gaps)})" if gaps else ""
    return Epoch(reference, False, False, f"{name}: none newer is known{note}")


@dataclass(frozen=True, eq=False)
class OffsetShift:
    """What a source off the slit's middle does to its wavelengths.

    Parameters
    ----------
    across : float, arcsec
    wavelength : ndarray, shape (n,), micron, ascending
        As the pipeline gives them.
    value : ndarray, shape (n,), micron
        To be added to them.
    """

    across: float
    wavelength: FloatArray
    value: FloatArray

    @property
    def largest(self) -> float:
        """Largest size of the shift from 5 to 12 micron, micron; 0 without any element there."""
        low, high = _COMPARED
        inside = (self.wavelength >= low) & (self.wavelength <= high)
        return float(np.abs(self.value[inside]).max(initial=0.0))


def offset_shift(wavelength: FloatArray, across: float) -> OffsetShift:
    """Return the wavelength shift of a source off the slit's middle.

    Parameters
    ----------
    wavelength : ndarray, shape (n,), micron
        Of neighbouring detector rows, in either order; rows of an s2d or x1d are such.
    across : float, arcsec
        Position across the slit, positive towards larger rows.
    """
    finite = np.sort(wavelength[np.isfinite(wavelength)].astype(float))
    dispersion = np.gradient(finite) if len(finite) > 1 else np.zeros(len(finite))
    return OffsetShift(across, finite, dispersion * across / SCALE_ACROSS)


def shifted(spectrum: Spectrum, across: float) -> Spectrum:
    """Return a spectrum with its wavelengths corrected for a source off the slit's middle.

    Parameters
    ----------
    spectrum : Spectrum
    across : float, arcsec

    Returns
    -------
    Spectrum
        A note and the header card LRSXWOFF tell the correction.
    """
    shift = offset_shift(spectrum.wavelength, across)
    columns = dict(spectrum.columns)
    wavelength = columns["WAVELENGTH"]
    columns["WAVELENGTH"] = wavelength + np.interp(wavelength, shift.wavelength, shift.value)
    note = (
        f"wavelengths corrected for a source {across:+.3f}″ across the slit: by up to "
        f"{shift.largest:.3f} µm".replace("-", "−")
    )
    return replace(
        spectrum,
        columns=columns,
        header={**spectrum.header, "LRSXWOFF": across},
        notes=(*spectrum.notes, note),
    )
