"""Two nods side by side: how their spectra differ, and an extract1d reference for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, Spectrum, Trace
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.recipe.recipe import Aperture, Recipe

__all__ = ["COMPARED", "SpectrumComparison", "compare_spectra", "nod_reference"]

COMPARED = (5.5, 11.5)
"""Wavelengths over which spectra are compared, micron: where both sensitivity and PSF are known."""

_LEAST = 12  # common wavelengths
_CLIP = 5.0  # standard errors beyond which a wavelength does not count for the overall ratio
_REAL = 3.0  # standard errors from which two spectra are said to differ
_SINGLE = 4.5  # the same for one wavelength of some hundred
_NEIGHBOURS = 25  # wavelengths whose median tells what is broad
_BLOCK = 12  # wavelengths that share what is wrong with them


@dataclass(frozen=True, eq=False)
class SpectrumComparison:
    """Ratio of two spectra, with errors that the scatter justifies; made by `compare_spectra`.

    Parameters
    ----------
    names : (str, str)
        What the first and the second are called.
    wavelength : ndarray, shape (n,), micron, ascending
    ratio : ndarray, shape (n,)
        Second over first; NaN where either has no value or the first is not positive.
    ratio_error : ndarray, shape (n,)
        Standard error of ``ratio``.
    significance : ndarray, shape (n,)
        Second less first in standard errors of that difference.
    error_scale : float
        Observed scatter over the spectra's own errors, at least 1; applied to all errors here.
    wavelength_range : (float, float), micron
        What the rest is about.
    overall : float
        Second over first, one number for the whole range, single odd wavelengths left out.
    overall_error : float
        Its standard error, larger where the ratio changes with wavelength.
    change, change_error : float
        By how much the ratio changes from the lower to the upper end of the range.
    odd : ndarray, shape (m,), micron
        Wavelengths within the range that differ from the overall ratio significantly.
    """

    names: tuple[str, str]
    wavelength: FloatArray
    ratio: FloatArray
    ratio_error: FloatArray
    significance: FloatArray
    error_scale: float
    wavelength_range: tuple[float, float]
    overall: float
    overall_error: float
    change: float
    change_error: float
    odd: FloatArray

    @property
    def overall_significance(self) -> float:
        """How far ``overall`` is from 1, in standard errors."""
        return (self.overall - 1.0) / self.overall_error

    @property
    def sentence(self) -> str:
        """What came out, in words."""
        first, second = self.names
        low, high = self.wavelength_range
        difference, error = 100.0 * (self.overall - 1.0), 100.0 * self.overall_error
        digits = 1 if error >= 0.1 else 2
        amount = f"{abs(difference):.{digits}f} ± {error:.{digits}f} %"
        word = "brighter" if difference > 0 else "fainter"
        where = f"over {low:g}–{high:g} µm"
        if abs(self.overall_significance) >= _REAL:
            said = f"{second} is {amount} {word} than {first} {where}"
        else:
            said = f"{first} and {second} agree {where}: {second} is {amount} {word}"
        if abs(self.change) >= _REAL * self.change_error:
            rises = "rises" if self.change > 0 else "falls"
            said += (
                f"; their ratio {rises} by {100 * abs(self.change):.1f} ± "
                f"{100 * self.change_error:.1f} % from end to end"
            )
        if len(self.odd):
            plural = "s" if len(self.odd) > 1 else ""
            shown = ", ".join(f"{wavelength:.2f}" for wavelength in self.odd[:3])
            more = ", …" if len(self.odd) > 3 else ""
            said += f"; they differ at {len(self.odd)} single wavelength{plural} ({shown}{more} µm)"
        return said


def compare_spectra(
    first: Spectrum,
    second: Spectrum,
    names: tuple[str, str] = ("nod 1", "nod 2"),
    wavelength_range: tuple[float, float] = COMPARED,
) -> SpectrumComparison:
    """Compare two spectra of the same source.

    The second is interpolated linearly to the wavelengths of the first. Errors are scaled by the
    scatter of the spectra about each other, where their own are too small for it (MR-LRS05).

    Parameters
    ----------
    first, second : Spectrum
    names : (str, str), optional
    wavelength_range : (float, float), micron, optional
        For the overall ratio, in either order.

    Raises
    ------
    LRSExplorerError
        Their units differ, or they have too few wavelengths in common.
    """
    if first.unit != second.unit:
        raise LRSExplorerError(
            f"{names[0]} is in {first.unit}, {names[1]} in {second.unit}; compare spectra in one "
            "unit."
        )
    low, high = sorted(wavelength_range)
    shared = (first.wavelength >= second.wavelength.min()) & (
        first.wavelength <= second.wavelength.max()
    )
    wavelength = np.asarray(first.wavelength[shared], dtype=float)
    a = np.asarray(first.flux[shared], dtype=float)
    a_error = _errors(first)[shared]
    b, b_error = _interpolated(second, wavelength)
    within = (wavelength >= low) & (wavelength <= high)
    used = within & np.isfinite(a + a_error + b + b_error)
    if used.sum() < _LEAST:
        raise LRSExplorerError(
            f"{names[0]} and {names[1]} have {used.sum()} valid wavelengths in common between "
            f"{low:g} and {high:g} micron; {_LEAST} are needed."
        )
    scale = 1.0
    overall = float(np.median(b[used]) / np.median(a[used])) or 1.0
    for _ in range(3):
        overall = _total_ratio(a[used], a_error[used], b[used], b_error[used], overall)
        sigma = np.hypot(b_error, overall * a_error)
        deviation = (b - overall * a) / sigma
        scale = max(1.0, _roughness(deviation[used]))
        used &= np.abs(deviation - _broad(deviation)) <= _CLIP * scale
        if used.sum() < _LEAST:
            raise LRSExplorerError(
                f"{names[0]} and {names[1]} have nothing in common between {low:g} and {high:g} "
                "micron: they differ at nearly every wavelength."
            )
    # In units of sigma: deviation = (offset + change * coordinate) * a / sigma.
    coordinate = (wavelength - (low + high) / 2) / (high - low)
    basis = np.stack([a / sigma, coordinate * a / sigma], axis=1)
    solution = np.linalg.lstsq(basis[used], deviation[used], rcond=None)[0]
    covariance = np.linalg.inv(basis[used].T @ basis[used])
    straight = (deviation - basis @ solution) / scale
    overall_error = np.sqrt(1.0 / np.sum(basis[used, 0] ** 2))
    overall_error *= scale * _block_excess(deviation[used] / scale)
    change_error = np.sqrt(covariance[1, 1]) * scale * _block_excess(straight[used])
    odd = within & (np.abs(straight - _broad(straight)) > _SINGLE)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(a > 0, b / a, np.nan)
        ratio_error = np.where(a > 0, scale * np.hypot(b_error, ratio * a_error) / a, np.nan)
        significance = (b - a) / (scale * np.hypot(a_error, b_error))
    return SpectrumComparison(
        names=names,
        wavelength=wavelength,
        ratio=ratio,
        ratio_error=ratio_error,
        significance=significance,
        error_scale=scale,
        wavelength_range=(low, high),
        overall=overall,
        overall_error=float(overall_error),
        change=float(solution[1]),
        change_error=float(change_error),
        odd=wavelength[odd],
    )


def _errors(spectrum: Spectrum) -> FloatArray:
    """Return the errors of a spectrum; where they are unknown, too small ones, to be scaled."""
    error = np.asarray(spectrum.flux_error, dtype=float)
    known = np.isfinite(error) & (error > 0)
    flux = np.abs(spectrum.flux[np.isfinite(spectrum.flux)])
    typical = float(np.median(error[known]) if known.any() else 1e-6 * flux.max(initial=0.0))
    return np.where(known, error, max(typical, float(np.finfo(float).tiny)))


def _interpolated(spectrum: Spectrum, wavelength: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Flux and error at other wavelengths, linearly; NaN beside a missing value."""
    flux, error = np.asarray(spectrum.flux, dtype=float), _errors(spectrum)
    grid = np.asarray(spectrum.wavelength, dtype=float)
    after = np.clip(np.searchsorted(grid, wavelength), 1, len(grid) - 1)
    before = after - 1
    share = (wavelength - grid[before]) / (grid[after] - grid[before])
    left, right = np.where(share < 1, 1 - share, 0.0), np.where(share > 0, share, 0.0)

    def weighted(values: FloatArray) -> FloatArray:
        # A neighbour of weight 0 does not matter, even where it is NaN.
        low = np.where(left > 0, left * values[before], 0.0)
        return low + np.where(right > 0, right * values[after], 0.0)

    return weighted(flux), np.hypot(*(w * error[i] for w, i in ((left, before), (right, after))))


def _total_ratio(
    a: FloatArray, a_error: FloatArray, b: FloatArray, b_error: FloatArray, start: float
) -> float:
    """Ratio b / a by least squares with errors in both, which faint spectra do not bias."""
    ratio = start
    for _ in range(20):
        weight = 1.0 / (b_error**2 + (ratio * a_error) ** 2)
        best = weight * (b_error**2 * a + ratio * a_error**2 * b)
        total = np.sum(weight * best * a)
        if not total > 0:
            return ratio
        step = np.sum(weight * best * b) / total - ratio
        ratio += step
        if abs(step) < 1e-9 * abs(ratio):
            break
    return float(ratio)


def _roughness(deviation: FloatArray) -> float:
    """Scatter of neighbours about each other, which broad differences do not raise."""
    bend = deviation[1:-1] - 0.5 * (deviation[:-2] + deviation[2:])
    return SIGMA_PER_MEDIAN * float(np.median(np.abs(bend))) / np.sqrt(1.5)


def _broad(deviation: FloatArray) -> FloatArray:
    """Return what neighbours have in common: no single wavelength differs because all do."""
    known = np.isfinite(deviation)
    if not known.any():
        return np.zeros(len(deviation))
    place = np.arange(len(deviation))
    filled = np.interp(place, place[known], deviation[known])
    return np.asarray(scipy.ndimage.median_filter(filled, _NEIGHBOURS, mode="nearest"))


def _block_excess(deviation: FloatArray) -> float:
    """By how much means of neighbours scatter more than independent noise does, at least 1."""
    starts = np.arange(0, len(deviation), _BLOCK)
    total = np.add.reduceat(deviation, starts)
    number = np.diff(np.append(starts, len(deviation)))
    return max(1.0, float(np.sqrt(np.mean(total**2 / number))))


def nod_reference(
    extractor: Extractor, trace: Trace, recipe: Recipe, width: float | None = None
) -> dict[str, Any]:
    """Return an extract1d reference that places the aperture on a nod's own trace (level 2b).

    Parameters
    ----------
    extractor : Extractor
        Of the nod's image.
    trace : Trace
        As `lrs_explorer.find_trace` measures it on that image.
    recipe : Recipe
        Its background and everything but the aperture are kept.
    width : float, pixels, optional
        Width of the aperture; that of the recipe or of the reference file when not given.

    Returns
    -------
    dict
        Content of a JSON file for ``override_extract1d``; it needs no further parameter.

    Raises
    ------
    LRSExplorerError
        The recipe is for another mode, or cannot be expressed in a reference file.
    """
    if width is None:
        width = extractor.resolve(recipe).aperture.width
    aperture = Aperture(trace.center, width, trace.coefficients)
    reference, _ = extractor.step_parameters(recipe.replace(aperture=aperture))
    return reference
