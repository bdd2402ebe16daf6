"""Errors from the data themselves, by the bootstrap (known issue MR-LRS05).

Slit: what is left of each pixel when its smooth surroundings along the dispersion are taken away
(`lrs_explorer.model.measure.scatter`) is its noise, in units of its quoted error. For each draw
every row of the image gets the noise of a row nearby, whole, so that what resampling has correlated
across the slit stays so; the image is then extracted as it was. The scatter of the draws is the
error of the spectrum, whatever the quoted errors are scaled by.

Time series: the errors of each wavelength are scaled to its scatter in time, and those of each
integration to how much its wavelengths scatter about its neighbours in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import (
    FloatArray,
    SpectralImage,
    Spectrum,
    covariance_of,
)
from lrs_explorer.model.data.robust import median
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.measure.scatter import DIFFERENCE, residuals, robust_scale
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.products import TimeSeries

__all__ = [
    "Bootstrap",
    "believed",
    "believed_series",
    "bootstrap",
    "row_correlation",
]

Progress = Callable[[int, int], None]
"""Told how many of how many draws are done."""

WINDOW: Final = 20
"""Rows either side from which a row's noise is taken: half a micron at most, over which the mix of
noise sources changes little."""

LAGS: Final = 3
"""Neighbouring elements whose correlation is measured."""

LEAST_WAVELENGTHS: Final = 20
"""From which on an integration tells how noisy it is."""

DOUBTED: Final = 3.0
"""Standard errors of its variance at which an integration's scale is half drawn to 1."""

LEAST_POWER: Final = 0.02
"""Variance, relative to an element's own, that any combination of elements keeps at least."""

VARIANCES: Final = (0.25, 100.0)
"""Limits of an integration's variance over what its errors say."""

_OUTLIER: Final = 4.0  # standard deviations; bad pixels are not noise
_QUANTILES: Final = (0.1587, 0.8413)  # one standard deviation either side
_MEDIAN_ROWS: Final = 21
_FAINT: Final = 3.0  # standard errors that the surroundings of a pixel without source may have
_LEAST_PIXELS: Final = 200


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """The errors of a spectrum by resampling.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wave,), micron, ascending
    flux : ndarray, shape (n_wave,)
    flux_error : ndarray, shape (n_wave,)
        Standard deviation of the draws.
    lower, upper : ndarray, shape (n_wave,)
        The 68 % band.
    correlation : tuple of float
        Of the noise of neighbouring elements, at a distance of 1, 2, … elements.
    draws, seed : int
    method : str
        What was resampled, in words.
    ratio : float
        Median of the error over the pipeline's.
    """

    wavelength: FloatArray
    flux: FloatArray
    flux_error: FloatArray
    lower: FloatArray
    upper: FloatArray
    correlation: tuple[float, ...]
    draws: int
    seed: int
    method: str
    ratio: float

    def covariance(self) -> FloatArray:
        """Return the covariance matrix of the flux, shape (n_wave, n_wave)."""
        return covariance_of(self.flux_error, self.correlation)

    @property
    def sentence(self) -> str:
        """What was done and found, in words."""
        told = ", ".join(f"{value:+.2f}" for value in self.correlation).replace("-", "−")
        return (
            f"errors by bootstrap ({self.method}, {self.draws} draws, seed {self.seed}): "
            f"{self.ratio:.2f} times the pipeline's; correlation of neighbouring elements {told}"
        )


def bootstrap(extractor: Extractor, recipe: Recipe, progress: Progress | None = None) -> Bootstrap:
    """Return the errors of a slit spectrum from the scatter of the image's pixels.

    Parameters
    ----------
    extractor : Extractor
        Prepared for the image that the recipe asks for.
    recipe : Recipe
        Its part ``uncertainty`` gives draws and seed.
    progress : callable, optional

    Raises
    ------
    LRSExplorerError
        The recipe cannot be extracted, or the image is too small to tell its noise.
    """
    chosen = recipe.uncertainty
    settled = extractor.settle(recipe)
    pixels = extractor.pixels(settled.rows)
    image = extractor.image
    error = _errors(image)
    noise = residuals(image.data, error)[settled.rows]
    error = error[settled.rows]
    correlation = row_correlation(image)
    # Correlated rows share noise, of which differences see less.
    noise /= np.sqrt(_seen(correlation))
    scale = robust_scale(noise)
    if not scale > 0:
        raise LRSExplorerError(
            "the image is too small, or without noise: no bootstrap can be made."
        )
    noise = np.clip(noise, -_OUTLIER * scale, _OUTLIER * scale)
    known: NDArray[np.bool_] = np.asarray(np.isfinite(noise).any(axis=1))
    if known.sum() < 2 * WINDOW:
        raise LRSExplorerError("too few rows of the image hold data for a bootstrap.")
    random = np.random.default_rng(chosen.seed)
    pool = _Pool(noise, known)
    first, _ = settled.columns(pixels)
    draws = np.empty((chosen.draws, len(first["FLUX"])))
    for number in range(chosen.draws):
        resampled = pixels.data + (pool.draw(random) * error).astype(pixels.data.dtype)
        columns, _ = settled.columns(replace(pixels, data=resampled))
        draws[number] = columns["FLUX"]
        if progress is not None:
            progress(number + 1, chosen.draws)
    order = np.argsort(first["WAVELENGTH"], kind="stable")
    shift = (draws - first["FLUX"])[:, order]
    return _summarised(
        first["WAVELENGTH"][order],
        first["FLUX"][order],
        first["FLUX_ERROR"][order],
        shift,
        correlation,
        (chosen.draws, chosen.seed, "noise of the rows' pixels"),
    )


class _Pool:
    """Noise of rows, from which others are drawn."""

    def __init__(self, noise: FloatArray, known: NDArray[np.bool_]) -> None:
        self._noise = noise
        rows = np.flatnonzero(known)
        number = np.arange(len(noise))
        self._rows = rows
        self._first = np.searchsorted(rows, number - WINDOW)
        self._last = np.searchsorted(rows, number + WINDOW, side="right")
        # Beyond the ends the nearest rows stand for those that are missing.
        self._first = np.minimum(self._first, len(rows) - WINDOW)
        self._last = np.maximum(self._last, WINDOW)

    def draw(self, random: np.random.Generator) -> FloatArray:
        """Return noise for every row, in units of its errors."""
        chosen = self._rows[random.integers(self._first, self._last)]
        drawn = self._noise[chosen]
        # Where a row lacks a pixel (a bad one, or its neighbour), another row stands in.
        for _ in range(5):
            missing = ~np.isfinite(drawn)
            if not missing.any():
                break
            other = self._noise[self._rows[random.integers(self._first, self._last)]]
            drawn = np.where(missing, other, drawn)
        return np.nan_to_num(drawn)


def _summarised(
    wavelength: FloatArray,
    flux: FloatArray,
    quoted: FloatArray,
    shift: FloatArray,
    correlation: tuple[float, ...],
    told: tuple[int, int, str],
) -> Bootstrap:
    """Summarise draws (``shift``, shape (n_draws, n_wave), from the flux)."""
    error = np.std(shift, axis=0, ddof=1)
    lower, upper = np.quantile(shift, _QUANTILES, axis=0)
    good = np.isfinite(error) & (quoted > 0)
    ratio = float(np.median(error[good] / quoted[good])) if good.any() else float("nan")
    possible = _possible(correlation)
    return Bootstrap(wavelength, flux, error, flux + lower, flux + upper, possible, *told, ratio)


def _possible(correlation: tuple[float, ...]) -> tuple[float, ...]:
    """Return a correlation drawn to 0 as far as a covariance needs it: no negative variances."""
    angle = np.linspace(0, np.pi, 181)
    power = 2 * sum(rho * np.cos(lag * angle) for lag, rho in enumerate(correlation, start=1))
    least = float(np.min(power, initial=0.0))
    return tuple(
        rho * min(1.0, (LEAST_POWER - 1.0) / least) if least else rho for rho in correlation
    )


def believed(spectrum: Spectrum, errors: Bootstrap) -> Spectrum:
    """Return a spectrum with the bootstrap's errors in FLUX_ERROR and SB_ERROR.

    Parameters
    ----------
    spectrum : Spectrum
    errors : Bootstrap
        Of the same spectrum.

    Returns
    -------
    Spectrum
        Variances by origin stay the pipeline's; the covariance is known. A note tells, and the
        header cards LRSXDRAW and LRSXSEED.
    """
    columns = dict(spectrum.columns)
    order = np.argsort(columns["WAVELENGTH"], kind="stable")
    new = np.empty(len(order))
    new[order] = errors.flux_error
    old = columns["FLUX_ERROR"]
    factor = np.divide(new, old, out=np.full(len(new), np.nan), where=old > 0)
    columns["FLUX_ERROR"] = new
    columns["SB_ERROR"] = columns["SB_ERROR"] * factor
    header = {**spectrum.header, "LRSXDRAW": errors.draws, "LRSXSEED": errors.seed}
    return replace(
        spectrum,
        columns=columns,
        header=header,
        correlation=errors.correlation,
        notes=(*spectrum.notes, errors.sentence),
    )


def believed_series(series: TimeSeries) -> TimeSeries:
    """Return a time series with errors scaled to its scatter, by wavelength and by integration."""
    flux, error = (np.asarray(series.columns[n], float) for n in ("FLUX", "FLUX_ERROR"))
    noisier = integration_scale(flux, error * _wavelength_scale(flux, error))
    error = error * noisier[:, np.newaxis]
    ratio = _wavelength_scale(flux, error)  # again: differences spread a noisy integration's noise
    scale = ratio * noisier[:, np.newaxis]
    columns = dict(series.columns)
    for name in ("FLUX_ERROR", "SB_ERROR"):
        if name in columns:
            columns[name] = columns[name] * scale
    note = (
        f"errors scaled to the scatter in time, wavelength by wavelength: {np.median(ratio):.2f} "
        f"times the pipeline's in the middle; integration by integration by {noisier.min():.2f} to "
        f"{noisier.max():.2f} more"
    )
    return replace(series, columns=columns, notes=(*series.notes, note))


def _wavelength_scale(flux: FloatArray, error: FloatArray) -> FloatArray:
    """Return how many times more each wavelength scatters in time than its errors say."""
    ratio = np.array([robust_scale(column) for column in residuals(flux, error).T])
    return np.where(np.isfinite(ratio) & (ratio > 0), ratio, 1.0)


def integration_scale(flux: FloatArray, error: FloatArray) -> FloatArray:
    """Return how many times noisier than their errors say the integrations are, one by one.

    Each is compared with the mean of its two neighbours in time. What all its wavelengths share, a
    brighter or fainter source or another sky, is no noise and is fitted. What is left scatters by
    its own noise and that of its neighbours; their variances are the solution of these equations.
    Scales that are within what few wavelengths can tell are drawn to 1.

    Parameters
    ----------
    flux, error : ndarray, shape (n_integrations, n_wave)

    Returns
    -------
    ndarray, shape (n_integrations,)
        1 for fewer than three integrations.
    """
    count = len(flux)
    if count < 3:
        return np.ones(count)
    before, after = np.r_[1, : count - 1], np.r_[1:count, count - 2]  # the ends have one neighbour
    with np.errstate(invalid="ignore", divide="ignore"):
        typical = median(np.where(error > 0, error, np.nan))
        left = (flux - (flux[before] + flux[after]) / 2) / typical
        shapes = np.column_stack([median(flux), np.ones(flux.shape[1])]) / typical[:, np.newaxis]
        quoted = median((error / typical).T ** 2)
    known = np.isfinite(left) & np.isfinite(shapes).all(axis=1)
    number = known.sum(axis=1)
    good = (number >= LEAST_WAVELENGTHS) & (quoted > 0)
    if good.sum() < 3:
        return np.ones(count)
    seen = np.full(count, np.nan)
    for i in np.flatnonzero(good):
        seen[i] = _unshared_scale(left[i, known[i]], shapes[known[i]]) ** 2
    # Own variance, and a quarter of each neighbour's; at the ends all of the only one's.
    bands = np.array([np.full(count, 0.25), np.ones(count), np.full(count, 0.25)])
    bands[0, 1] = bands[2, -2] = 1.0
    expected = quoted + (quoted[before] + quoted[after]) / 4
    seen = np.where(good, seen, expected)
    variance = scipy.linalg.solve_banded((1, 1), bands, seen) / quoted
    off = variance / np.median(variance[good]) - 1.0  # by wavelength they are right on the whole
    doubt = (seen**2 + (seen[before] ** 2 + seen[after] ** 2) / 4) / quoted**2
    doubt *= 3.0 / np.maximum(number, 1)
    drawn = 1.0 + off * off**2 / (off**2 + DOUBTED**2 * doubt)
    return np.where(good, np.sqrt(np.clip(drawn, *VARIANCES)), 1.0)


def _unshared_scale(values: FloatArray, shapes: FloatArray) -> float:
    """Return how much values scatter about what they share, shape (n_wave, n_shapes)."""
    for _ in range(3):
        limit = 3 * robust_scale(values)  # outliers weigh little
        inside = np.abs(values) <= limit if limit > 0 else np.ones(len(values), bool)
        values = values - shapes @ np.linalg.lstsq(shapes[inside], values[inside], rcond=None)[0]
    return robust_scale(values)


def _errors(image: SpectralImage) -> FloatArray:
    """Return the quoted error of each pixel; 1 where the image has none."""
    variance = sum(
        np.asarray(v, dtype=float) for v in (image.var_poisson, image.var_rnoise, image.var_flat)
    )
    variance = np.where(np.isfinite(variance) & (variance > 0), variance, 0.0)
    return np.sqrt(variance) if variance.any() else np.ones(image.shape)


def row_correlation(image: SpectralImage) -> tuple[float, ...]:
    """Return the correlation of the noise of rows 1, 2, 3 apart, from pixels without source.

    Resampling makes it where rows of the resampled image are no rows of the detector; 0 where too
    few pixels tell.

    Parameters
    ----------
    image : SpectralImage
    """
    error = _errors(image)
    known = np.isfinite(image.data) & np.isfinite(image.wavelength) & (error > 0)
    if known.sum() < _LEAST_PIXELS:
        return (0.0,) * LAGS
    level = np.where(known, image.data, 0.0).astype(float)
    level -= np.median(level, axis=1, keepdims=True)
    smooth = scipy.ndimage.median_filter(level, size=(_MEDIAN_ROWS, 1))
    noise = np.divide(level - smooth, error, out=np.full(level.shape, np.nan), where=known)
    scale = robust_scale(noise)
    faint = known & (np.abs(smooth) < _FAINT * scale * error) & (np.abs(noise) < _OUTLIER * scale)
    noise[~faint] = np.nan
    if faint.sum() < _LEAST_PIXELS:
        return (0.0,) * LAGS
    found = (_correlation(noise, axis=0, lag=lag) for lag in range(1, LAGS + 1))
    # The running median takes a little of every pixel's noise from its neighbours.
    return tuple(value + 1.0 / _MEDIAN_ROWS for value in found)


def _correlation(values: FloatArray, axis: int, lag: int) -> float:
    """Return the correlation of values ``lag`` apart along an axis; NaN are left out."""
    moved = np.moveaxis(values, axis, 0)
    one, other = moved[:-lag], moved[lag:]
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 3:
        return 0.0
    a, b = one[known], other[known]
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / norm) if norm > 0 else 0.0


def _seen(correlation: tuple[float, ...]) -> float:
    """Return how much of correlated noise's variance fourth differences see."""
    own = np.correlate(DIFFERENCE, DIFFERENCE, mode="full")[len(DIFFERENCE) - 1 :]
    total = own[0] + 2 * sum(w * rho for w, rho in zip(own[1:], correlation, strict=False))
    return max(float(total / own[0]), 0.05)
