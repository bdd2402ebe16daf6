"""How the trace moves and widens from integration to integration.

A typical image f, moved by a fraction of a pixel, is nearly itself less its slope times the motion,
and widened by a fraction of itself, nearly f less that fraction of (f + x f'), x being the distance
from the trace. So brightness, position, width and a constant background of every integration follow
from one linear fit to all its pixels. The slope is that of a cubic spline along each row, good
to 1 % of a motion for a PSF of three pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray, SpectralImage, Trace
from lrs_explorer.model.data.robust import median
from lrs_explorer.model.series.images import TimeSeriesImages

__all__ = ["TraceMotion", "trace_motion"]

HALF_WIDTH: Final = 7
"""Pixels on either side of the trace that are fitted."""

SMOOTHED_ROWS: Final = 15
"""Rows over which the profile is averaged: the trace moves by a tenth of a pixel."""

ITERATIONS: Final = 3
OUTLIER: Final = 5.0  # sigmas of residuals that are limited from the second fit on


@dataclass(frozen=True, eq=False)
class TraceMotion:
    """Position and width of the trace in time.

    Parameters
    ----------
    position : ndarray, shape (n_integrations,), pixels
        Center of the trace; NaN where it could not be fitted.
    position_error : ndarray, shape (n_integrations,), pixels
    fwhm : ndarray, shape (n_integrations,), pixels
    fwhm_error : ndarray, shape (n_integrations,), pixels
    brightness : ndarray, shape (n_integrations,)
        Flux relative to the typical image.
    """

    position: FloatArray
    position_error: FloatArray
    fwhm: FloatArray
    fwhm_error: FloatArray
    brightness: FloatArray

    @property
    def shifts(self) -> FloatArray:
        """By how much an aperture follows: position less its median, 0 where unknown."""
        moved = self.position - median(self.position)
        return np.nan_to_num(moved)

    def correlation(self, flux: FloatArray) -> dict[str, float]:
        """Return how a light curve goes with "position" and "fwhm": rank correlations, -1 to 1.

        NaN for fewer than three integrations.
        """
        found = {}
        for name, values in (("position", self.position), ("fwhm", self.fwhm)):
            good = np.isfinite(values) & np.isfinite(flux)
            ranks = [np.argsort(np.argsort(v[good])).astype(float) for v in (values, flux)]
            few = good.sum() < 3
            found[name] = np.nan if few else float(np.corrcoef(ranks[0], ranks[1])[0, 1])
        return found


def trace_motion(
    series: TimeSeriesImages,
    trace: Trace | None,
    progress: Callable[[int, int], None] | None = None,
) -> TraceMotion:
    """Measure the motion of the trace.

    Parameters
    ----------
    series : TimeSeriesImages
    trace : Trace or None
        Where it is in the typical image.
    progress : callable, optional
        Told how many of how many integrations are done.

    Raises
    ------
    LRSExplorerError
        There is no trace.
    """
    if trace is None:
        raise LRSExplorerError(
            f"{series.name} has no trace that could be followed: no source was found."
        )
    image = series.typical
    pixels, shapes, sigma, fwhm = _model(image, trace)
    # All in units of the noise, so that each pixel counts by what it tells.
    design = shapes / sigma[:, np.newaxis]
    background = _background(image, pixels)
    found = np.full((len(series), shapes.shape[1]), np.nan)
    error = np.full(found.shape, np.nan)
    for chunk in series.chunks():
        values = chunk.valid_data[:, pixels[0], pixels[1]] - background
        values = values / sigma
        part = slice(chunk.first, chunk.first + len(chunk))
        found[part], error[part] = _fit(values, design)
        if progress is not None:
            progress(part.stop, len(series))
    brightness = found[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        moved = -found[:, 1] / brightness
        widened = found[:, 2] / brightness
    return TraceMotion(
        position=trace.center + moved,
        position_error=error[:, 1] / np.abs(brightness),
        fwhm=fwhm * (1.0 + widened),
        fwhm_error=fwhm * error[:, 2] / np.abs(brightness),
        brightness=brightness,
    )


def _model(
    image: SpectralImage, trace: Trace
) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], FloatArray, FloatArray, float]:
    """Return pixels (row, column), their shapes (brightness, slope, widening, 1), noise, FWHM."""
    from scipy.interpolate import CubicSpline

    n_wave, n_cross = image.shape
    rows = np.arange(n_wave)
    center = trace.center + np.polynomial.Polynomial(trace.coefficients)(rows.astype(float))
    columns = np.arange(n_cross)
    inside = np.abs(columns - center[:, np.newaxis]) <= HALF_WIDTH
    wavelength = image.row_wavelength
    with np.errstate(invalid="ignore"):
        nominal = (wavelength >= NOMINAL_RANGE[0]) & (wavelength <= NOMINAL_RANGE[1])
        inside &= nominal[:, np.newaxis]
    data = image.data - _row_level(image)[:, np.newaxis]
    good = np.isfinite(data)
    filled = _filled(np.where(good, data, np.nan))
    slope = CubicSpline(columns, filled, axis=1)(columns, 1)
    smooth = _smoothed(filled, inside)
    steep = CubicSpline(columns, smooth, axis=1)(columns, 1)
    widening = -(smooth + (columns - center[:, np.newaxis]) * steep)
    # The spline takes a bad pixel's neighbours along: leave them out too.
    near = good.copy()
    near[:, 1:] &= good[:, :-1]
    near[:, :-1] &= good[:, 1:]
    used = np.nonzero(inside & near)
    variance = (image.var_poisson + image.var_rnoise)[used]
    usable = np.isfinite(variance) & (variance > 0)
    if usable.mean() < 0.5:
        variance, usable = np.ones(variance.shape), np.ones(variance.shape, bool)
    pixels = (used[0][usable], used[1][usable])
    if pixels[0].size < 50:
        raise LRSExplorerError("too few usable pixels lie on the trace to follow it.")
    ones = np.ones(pixels[0].size)
    shapes = np.column_stack([filled[pixels], slope[pixels], widening[pixels], ones])
    return pixels, shapes, np.sqrt(variance[usable]), _fwhm(filled, center, wavelength)


def _smoothed(data: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    """Average the profile of the trace over some rows, each at its own brightness.

    Far from the trace the widening is mostly noise of the typical image, which makes every change
    look smaller than it is.
    """
    from scipy.ndimage import uniform_filter1d

    flux = np.where(inside, data, 0.0).sum(axis=1)
    bright = np.where(flux > 0, flux, np.inf)
    profile = uniform_filter1d(data / bright[:, np.newaxis], SMOOTHED_ROWS, axis=0, mode="nearest")
    return np.asarray(profile * np.where(flux > 0, flux, 0.0)[:, np.newaxis])


def _row_level(image: SpectralImage) -> FloatArray:
    """Return the background of each row: the median of its pixels, most of which are sky."""
    return median(image.data.T.astype(float))


def _background(
    image: SpectralImage, pixels: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> FloatArray:
    return np.nan_to_num(_row_level(image))[pixels[0]]


def _filled(data: FloatArray) -> FloatArray:
    """Interpolate over missing pixels along the dispersion axis; 0 where there is nothing."""
    filled = data.copy()
    rows = np.arange(len(data))
    for column in np.flatnonzero(~np.isfinite(data).all(axis=0)):
        good = np.isfinite(data[:, column])
        filled[:, column] = np.interp(rows, rows[good], data[good, column]) if good.any() else 0.0
    return filled


def _fwhm(data: FloatArray, center: FloatArray, wavelength: FloatArray) -> float:
    """Return the full width at half maximum of the mean profile, pixels."""
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((wavelength >= NOMINAL_RANGE[0]) & (wavelength <= NOMINAL_RANGE[1]))
    columns = np.arange(data.shape[1])
    offset = np.arange(-HALF_WIDTH, HALF_WIDTH + 0.05, 0.1)
    profile = np.mean([np.interp(center[r] + offset, columns, data[r]) for r in rows], axis=0)
    half = profile.max() / 2
    above = offset[profile >= half]
    return float(above[-1] - above[0] + 0.1)


def _fit(values: FloatArray, design: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit all integrations; return coefficients and errors, shape (n, n_shapes)."""
    normal = np.linalg.inv(design.T @ design)
    missing = ~np.isfinite(values)
    filled = np.where(missing, 0.0, values)
    coefficients = np.zeros((len(values), design.shape[1]))
    coefficients[:, 0] = 1.0
    scatter = np.ones(len(values))
    for _ in range(ITERATIONS):
        model = coefficients @ design.T
        residual = np.where(missing, 0.0, filled - model)
        limit = OUTLIER * scatter[:, np.newaxis]
        # Missing pixels and outliers take the model's value.
        clean = model + np.clip(residual, -limit, limit)
        coefficients = clean @ design @ normal
        left = np.clip(filled - coefficients @ design.T, -limit, limit)
        scatter = np.sqrt(np.mean(np.where(missing, 0.0, left) ** 2, axis=1))
        scatter = np.maximum(scatter, 1e-6)
    error = np.sqrt(np.diag(normal))[np.newaxis] * scatter[:, np.newaxis]
    empty = missing.mean(axis=1) > 0.5
    coefficients[empty] = np.nan
    error[empty] = np.nan
    return coefficients, error
