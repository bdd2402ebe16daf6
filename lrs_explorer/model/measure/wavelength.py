"""Wavelength solutions: which one a product carries, and what a source off the slit's middle does.

The prism disperses along detector rows, wavelength falling as the row rises. A source that lies
``across`` arcsec towards larger rows (docs/positions.md) is seen ``across / SCALE_ACROSS`` rows
higher than one on the center line, or without the slit at the reference point, for which the
pipeline's solution holds (jwst #9757): the wavelength that the
pipeline gives it is too small by as much as the solution changes over those rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

import numpy as np

from lrs_explorer.model.data.instrument import (
    NOMINAL_RANGE,
    SCALE_ACROSS,
    SUBARRAYS,
    Mode,
    corner,
    wavelength_at_row,
)
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.measure.known_fixes import missing_fixes, unreadable

__all__ = [
    "Epoch",
    "OffsetShift",
    "SolutionMatch",
    "compare_solutions",
    "epoch",
    "offset_shift",
    "shifted",
]

S = TypeVar("S", bound=Any)

OFF: Final[dict[Mode, str]] = {
    "slit": "across the slit",
    "slitless": "along the dispersion from the subarray's reference point",
}
"""What an offset along the dispersion is counted from."""

_FIRST_ROW: Final = 7.0  # detector row of the first row of an s2d
_FREE: Final = 8.0  # rows by which the first row of an s2d may differ from that
_STEP: Final = 0.25  # rows
_ANYWHERE: Final = (-20.0, 150.0)  # rows between SLITLESSPRISM and another slitless subarray


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
    wavelength = image.row_wavelength
    shifts = _rows_of(image, mode)
    absolute = len(shifts) == 1
    rows = np.arange(len(wavelength), dtype=float)
    known = wavelength[np.isfinite(wavelength)]
    if len(known) and known[-1] > known[0]:  # resampling without the slit turns them round
        rows = rows[::-1]
    low, high = NOMINAL_RANGE
    inside = (wavelength >= low) & (wavelength <= high)
    other: Mode = "slitless" if mode == "slit" else "slit"
    own_rms, own_difference = _difference(rows[inside], wavelength[inside], mode, shifts)
    other_rms, _ = _difference(rows[inside], wavelength[inside], other, shifts)
    order = np.argsort(wavelength[inside])
    return SolutionMatch(
        own_rms, other_rms, absolute, wavelength[inside][order], own_difference[order]
    )


def _rows_of(image: SpectralImage, mode: Mode) -> list[float]:
    """Return what to add to a row of an image to have it as `wavelength_at_row` counts.

    One value where that is known, all that it may be where it is not: rows of a resampled image,
    and of a subarray in which the source is placed elsewhere. Of an image whose wavelengths rise
    with the row, rows are counted from its end.
    """
    if image.kind == "s2d" and mode == "slit":
        return list(np.arange(_FIRST_ROW - _FREE, _FIRST_ROW + _FREE + _STEP, _STEP))
    begins = corner(image.header)
    if mode == "slit":
        return [float(begins[0]) if begins else 0.0]
    published = SUBARRAYS["SLITLESSPRISM"]
    if image.kind == "s2d":
        return list(np.arange(*_ANYWHERE, _STEP))
    if begins == published.origin or (begins is None and image.shape == published.shape):
        return [0.0]
    return list(np.arange(*_ANYWHERE, _STEP))


def _difference(
    rows: FloatArray, wavelength: FloatArray, mode: Mode, shifts: Sequence[float]
) -> tuple[float, FloatArray]:
    """Return the least rms difference from a solution, and the difference at each row."""
    best, found = float("nan"), np.full(len(rows), np.nan)
    for shift in shifts if len(rows) else ():
        difference = wavelength - wavelength_at_row(rows + shift, mode)
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
        low, high = NOMINAL_RANGE
        inside = (self.wavelength >= low) & (self.wavelength <= high)
        return float(np.abs(self.value[inside]).max(initial=0.0))


def offset_shift(wavelength: FloatArray, across: float, mode: Mode = "slit") -> OffsetShift:
    """Return the wavelength shift of a source that is off along the dispersion.

    Parameters
    ----------
    wavelength : ndarray, shape (n,), micron
        Of neighbouring detector rows, in either order; rows of an s2d or x1d are such.
    across : float, arcsec
        From the slit's middle or the reference point, positive towards larger rows.
    mode : {"slit", "slitless"}
    """
    finite = np.sort(wavelength[np.isfinite(wavelength)].astype(float))
    dispersion = np.gradient(finite) if len(finite) > 1 else np.zeros(len(finite))
    return OffsetShift(across, finite, dispersion * across / SCALE_ACROSS[mode])


def shifted(spectrum: S, across: float, mode: Mode = "slit") -> S:
    """Return spectra with wavelengths corrected for a source that is off along the dispersion.

    Parameters
    ----------
    spectrum : Spectrum or TimeSeries
    across : float, arcsec
    mode : {"slit", "slitless"}

    Returns
    -------
    Spectrum or TimeSeries
        A note and the header card LRSXWOFF tell the correction.
    """
    shift = offset_shift(spectrum.wavelength, across, mode)
    columns = dict(spectrum.columns)
    wavelength = columns["WAVELENGTH"]
    columns["WAVELENGTH"] = wavelength + np.interp(wavelength, shift.wavelength, shift.value)
    note = (
        f"wavelengths corrected for a source {across:+.3f}″ {OFF[mode]}: by up to "
        f"{shift.largest:.3f} µm".replace("-", "−")
    )
    return replace(
        spectrum,
        columns=columns,
        header={**spectrum.header, "LRSXWOFF": across},
        notes=(*spectrum.notes, note),
    )
