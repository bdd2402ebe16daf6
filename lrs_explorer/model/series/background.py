"""The two-dimensional background of a slitless series, from columns beside the trace.

At each row of each integration it is the median or mean of off-trace columns. Subtracted from
rateints, before the flat field, it removes what drifts in time, which one background for the whole
exposure cannot; JDox, "MIRI LRS known issues", describes it for lack of a step that does it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import reference_columns
from lrs_explorer.model.data.products import FloatArray, Trace
from lrs_explorer.model.data.robust import mean, median
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.series_parts import SlitlessBackground
from lrs_explorer.model.series.images import Chunk, TimeSeriesImages

__all__ = [
    "SeriesBackground",
    "check_columns",
    "columns_beside",
    "light_of",
    "measure_background",
]

LEAST_COLUMNS: Final = 2
"""Columns that a range beside the trace has at least."""


TRACE_HALF_WIDTH = 6.0
"""Pixels on either side of the trace that hold its light: three FWHM at 12 µm."""

MEDIAN_NOISE = 1.2533
"""Noise of a median over that of a mean, for many pixels with Gaussian noise."""


@dataclass(frozen=True, eq=False)
class SeriesBackground:
    """A background measured beside the trace.

    Parameters
    ----------
    choice : SlitlessBackground
        How it was measured.
    level : ndarray, shape (n_integrations, n_wave)
        What is subtracted from each row; the same for all integrations where the choice says so.
        0 where no column could be used.
    variance : ndarray, shape (n_integrations, n_wave)
        Of the level.
    sides : ndarray, shape (n_ranges, n_integrations, n_wave)
        The same from each range of columns alone; NaN where none could be used.
    unit : str
        Of all these.
    response : ndarray, shape (n_wave, n_cross), or None
        What calibration makes of that unit in each pixel of the images that it is subtracted from;
        None where these have the same unit.
    """

    choice: SlitlessBackground
    level: FloatArray
    variance: FloatArray
    sides: FloatArray
    unit: str
    response: FloatArray | None = None

    def image(self, n_cross: int) -> FloatArray:
        """Return the median in time as an image, shape (n_wave, n_cross)."""
        level = np.repeat(median(self.level)[:, np.newaxis], n_cross, axis=1)
        return level if self.response is None else level * self.response

    @property
    def shared_variance(self) -> FloatArray:
        """What the variances of all pixels of a row get in common, in the square of their unit.

        Shape (n_integrations, n_wave).
        """
        if self.response is None:
            return self.variance
        return self.variance * np.nan_to_num(median(self.response.T)) ** 2

    @property
    def drift(self) -> FloatArray:
        """Background of each integration over its median in time, shape (n_integrations,).

        Median over the rows, each relative to itself; from all ranges together, whether the
        background is subtracted by integration or not.
        """
        level = mean(self.sides, axis=0)
        usual = median(level)
        relative = np.divide(level, usual, out=np.full(level.shape, np.nan), where=usual > 0)
        return median(relative.T)

    @property
    def left_over(self) -> FloatArray:
        """What is left of the background after subtraction, relative to it, as `drift` is made.

        Shape (n_integrations,); 0 where nothing is left.
        """
        level = mean(self.sides, axis=0)
        usual = median(level)
        left = level - self.level
        relative = np.divide(left, usual, out=np.full(level.shape, np.nan), where=usual > 0)
        return median(relative.T)

    @property
    def residuals(self) -> FloatArray:
        """What is left in each range of columns, shape (n_ranges, n_integrations), mean of rows."""
        return mean(self.sides - self.level, axis=2)

    def subtracted(self, series: TimeSeriesImages, *notes: str) -> TimeSeriesImages:
        """Return a series less this background; ``notes`` are sentences that the user must see."""
        other = series.adjusted(self.subtract_from, *notes)
        other.shared_variance = self.shared_variance
        return other

    def subtract_from(self, chunk: Chunk) -> Chunk:
        """Return integrations less their background; its variance is added to theirs."""
        part = slice(chunk.first, chunk.first + len(chunk))
        level, variance = self.level[part, :, np.newaxis], self.variance[part, :, np.newaxis]
        if self.response is not None:
            level, variance = level * self.response, variance * self.response**2
        level, variance = (values.astype(chunk.data.dtype) for values in (level, variance))
        # The noise of the background is that of its photons and reads, in the pixels' own shares.
        total = chunk.var_poisson + chunk.var_rnoise
        share = np.divide(chunk.var_poisson, total, out=np.zeros_like(total), where=total > 0)
        data, var_flat = chunk.data - level, chunk.var_flat
        if self.response is not None:  # the error of the flat field is a part of what it divides
            part_left = np.divide(data, chunk.data, out=np.ones_like(data), where=chunk.data != 0)
            var_flat = var_flat * part_left**2
        changed = variance + var_flat - chunk.var_flat
        err = chunk.err if chunk.err is None else np.sqrt(np.maximum(chunk.err**2 + changed, 0))
        return replace(
            chunk,
            data=data,
            var_poisson=chunk.var_poisson + variance * share,
            var_rnoise=chunk.var_rnoise + variance * (1 - share),
            var_flat=var_flat,
            err=err,
        )


def measure_background(
    series: TimeSeriesImages,
    choice: SlitlessBackground,
    trace: Trace | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> SeriesBackground:
    """Measure the background of a series.

    Parameters
    ----------
    series : TimeSeriesImages
    choice : SlitlessBackground
    trace : Trace, optional
        Where the source is, which the columns must not touch.
    progress : callable, optional
        Told how many of how many integrations are done.

    Raises
    ------
    LRSExplorerError
        A range of columns lies over the trace or outside the image, or holds no whole pixel.
    """
    n_integrations, n_wave, _ = series.shape
    ranges = check_columns(series, choice, trace)
    every = np.unique(np.concatenate(ranges))
    level = np.empty((n_integrations, n_wave))
    variance = np.empty((n_integrations, n_wave))
    sides = np.empty((len(ranges), n_integrations, n_wave))
    for chunk in series.chunks():
        part = slice(chunk.first, chunk.first + len(chunk))
        data = chunk.valid_data
        level[part] = _statistic(data[..., every], choice.statistic)
        for side, columns in zip(sides, ranges, strict=True):
            side[part] = _statistic(data[..., columns], choice.statistic)
        variance[part] = _variance(chunk, every, choice.statistic)
        if progress is not None:
            progress(part.stop, n_integrations)
    if not choice.per_integration:
        level = np.broadcast_to(median(level), level.shape)
        # Read-only views would surprise those who change them.
        variance = np.broadcast_to(median(variance) / n_integrations, variance.shape)
    level, variance = np.nan_to_num(level), np.nan_to_num(variance)
    return SeriesBackground(choice, level, variance, sides, series.unit)


def check_columns(
    series: TimeSeriesImages, choice: SlitlessBackground, trace: Trace | None
) -> list[NDArray[np.intp]]:
    """Return the columns of each range, or say what is wrong with it.

    Raises
    ------
    LRSExplorerError
        There is no range, or one lies over the trace, over reference pixels or outside the image,
        or holds no whole pixel.
    """
    if not choice.columns:
        raise LRSExplorerError(
            "a 2-D background needs at least one range of columns; add one beside the trace."
        )
    _, n_wave, n_cross = series.shape
    first = reference_columns(series.header)
    return [_columns(edges, first, n_cross, trace, n_wave) for edges in choice.columns]


def columns_beside(
    series: TimeSeriesImages, choice: SlitlessBackground, trace: Trace | None
) -> tuple[tuple[float, float], ...]:
    """Return the columns of a choice where the images have them free, else those beside the trace.

    Raises
    ------
    LRSExplorerError
        There is no free column.
    """
    try:
        check_columns(series, choice, trace)
    except LRSExplorerError:
        if trace is None:
            raise
    else:
        return choice.columns
    _, n_wave, n_cross = series.shape
    left, right = light_of(trace, n_wave)
    first = reference_columns(series.header) - 0.5
    beside = (first, np.floor(left - 0.5) + 0.5), (np.ceil(right - 0.5) + 0.5, n_cross - 0.5)
    found = tuple((float(a), float(b)) for a, b in beside if b - a >= LEAST_COLUMNS)
    if not found:
        raise LRSExplorerError(
            f"{series.name} has no column beside the trace, whose light fills columns {left:.1f} "
            f"to {right:.1f}, to take a background from."
        )
    return found


def _columns(
    edges: tuple[float, float], first: int, n_cross: int, trace: Trace | None, n_wave: int
) -> NDArray[np.intp]:
    """Return the columns wholly within a range, or say what is wrong with it.

    Columns before the ``first`` are reference pixels.
    """
    lower, upper = edges
    if lower < first - 0.5 - 1e-9 and first > 0:
        raise LRSExplorerError(
            f"the column range ({lower:g}, {upper:g}) covers reference pixels (columns 0 to "
            f"{first - 1}); begin at {first - 0.5:g} or higher."
        )
    if lower < -0.5 - 1e-9:
        raise LRSExplorerError(
            f"the column range ({lower:g}, {upper:g}) begins before the image; begin at -0.5 or "
            "higher."
        )
    if upper > n_cross - 0.5 + 1e-9:
        raise LRSExplorerError(
            f"the column range ({lower:g}, {upper:g}) reaches beyond the image (columns 0 to "
            f"{n_cross - 1}); end at {n_cross - 0.5:g} or lower."
        )
    columns = np.arange(n_cross)
    inside = columns[(columns - 0.5 >= lower - 1e-9) & (columns + 0.5 <= upper + 1e-9)]
    if not inside.size:
        raise LRSExplorerError(
            f"the column range ({lower:g}, {upper:g}) holds no whole pixel of the image (columns 0 "
            f"to {n_cross - 1}); move or widen it."
        )
    if trace is not None:
        left, right = light_of(trace, n_wave)
        if lower < right and upper > left:
            raise LRSExplorerError(
                f"the column range ({lower:g}, {upper:g}) lies over the trace, whose light fills "
                f"columns {left:.1f} to {right:.1f}; move it away."
            )
    return inside


def light_of(trace: Trace, n_wave: int) -> tuple[float, float]:
    """Return the edges of the columns that hold a trace's light."""
    shift = np.polynomial.Polynomial(trace.coefficients)(np.arange(n_wave, dtype=float))
    center = trace.center + shift
    return float(center.min()) - TRACE_HALF_WIDTH, float(center.max()) + TRACE_HALF_WIDTH


def _statistic(values: FloatArray, name: str) -> FloatArray:
    """Return the median or mean along the last axis, NaN left out."""
    match name:
        case "median":
            return median(np.moveaxis(values, -1, 0))
        case "mean":
            return mean(values, axis=-1)
        case _:
            raise unknown("background statistic", name)


def _variance(chunk: Chunk, columns: NDArray[np.intp], statistic: str) -> FloatArray:
    """Return the variance of the level, shape (n, n_wave)."""
    valid = ~chunk.invalid[..., columns]
    count = valid.sum(axis=-1)
    noise: Any = chunk.var_poisson[..., columns] + chunk.var_rnoise[..., columns]
    total = np.where(valid, noise, 0.0).sum(axis=-1, dtype=float)
    match statistic:
        case "median":
            factor = MEDIAN_NOISE**2
        case "mean":
            factor = 1.0
        case _:
            raise unknown("background statistic", statistic)
    usable = np.where(count > 0, count, 1)
    return np.asarray(factor * total / usable**2)
