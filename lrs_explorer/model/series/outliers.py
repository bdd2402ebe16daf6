"""Outliers in time: pixels far from their neighbours in time, such as cosmic rays.

Each pixel is compared with its running median, in units of its noise: that of the file's variances,
scaled to what the pixels of its row really show, or what the pixel itself shows where that is more
(a pixel that flickers). What changes slowly, a transit or a drift, is in the running median; what a
whole integration shows, a source that is fainter or elsewhere, or another sky, is fitted and added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import DO_NOT_USE, FLAGS
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.robust import mean, median, quantile
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.series.file import SeriesFile
from lrs_explorer.model.series.images import Chunk, TimeSeriesImages
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.time import breaks

__all__ = ["Outliers", "find_outliers", "unfollowed", "window_warning"]

BLOCK_BYTES: Final = 32_000_000
"""Bytes of all integrations of a few dispersion elements that are held at once."""

MOST_MISSING: Final = 0.5
"""Part of the time for which a pixel may be flagged and still be replaced in between."""

LEAST_OWN: Final = 30
"""Integrations from which a pixel's own scatter tells its noise."""

TAIL: Final = 0.9545
TAIL_SIGMAS: Final = 2.0
ONE_SIGMA: Final = 0.6827
"""Parts of a normal distribution within two sigmas and one. A pixel is part of its own running
median, which pulls its residual to zero: the middle of the distribution tells nothing of its width.
"""

ITERATIONS: Final = 4
"""Fits of what an integration's pixels share."""

LEFT_BEHIND: Final = 3.0
"""Standard deviations of an integration by which neighbours must lie off their running mean on one
side. Under much noise a running median is like the mean: within its window the source changes."""

MOST_VARIANCES: Final = 16
"""Integrations whose variances are looked at; they hardly change in time."""


@dataclass(frozen=True, eq=False)
class Outliers:
    """Pixels that stand out in time.

    Parameters
    ----------
    integration, row, column : ndarray of int, shape (n_found,)
        Sorted by integration.
    value : ndarray, shape (n_found,)
        What the pixel should have been.
    significance : ndarray, shape (n_found,), noise sigmas
        How far the pixel is from it; NaN for a pixel that was flagged already.
    """

    integration: NDArray[np.intp]
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    value: FloatArray
    significance: FloatArray

    def __len__(self) -> int:
        """Return how many there are, without those that were flagged already."""
        return int(np.isfinite(self.significance).sum())

    def image(self, shape: tuple[int, int]) -> NDArray[np.intp]:
        """Return how often each pixel stands out, shape (n_wave, n_cross)."""
        new = np.isfinite(self.significance)
        counts = np.zeros(shape, np.intp)
        np.add.at(counts, (self.row[new], self.column[new]), 1)
        return counts

    def fix(self, chunk: Chunk, how: str) -> Chunk:
        """Return integrations with outliers flagged OUTLIER.

        Parameters
        ----------
        chunk : Chunk
        how : {"mask", "replace"}
            "mask" flags them DO_NOT_USE too; "replace" gives them what they should have been, also
            those flagged before, whose DO_NOT_USE becomes FLUX_ESTIMATED, as by pixel_replace.
        """
        first, last = np.searchsorted(self.integration, (chunk.first, chunk.first + len(chunk)))
        part = slice(first, last)
        at = (self.integration[part] - chunk.first, self.row[part], self.column[part])
        new = np.isfinite(self.significance[part])
        data = chunk.data.copy()
        dq = np.zeros(data.shape, np.uint32) if chunk.dq is None else chunk.dq.copy()
        found = tuple(index[new] for index in at)
        dq[found] |= FLAGS["OUTLIER"]
        if how == "mask":
            dq[found] |= DO_NOT_USE
            data[found] = np.nan
            return replace(chunk, data=data, dq=dq)
        if how != "replace":
            raise unknown("treatment of outliers", how)
        data[at] = self.value[part]
        dq[at] = (dq[at] | FLAGS["FLUX_ESTIMATED"]) & ~np.uint32(DO_NOT_USE)
        planes = {}
        for name in ("var_poisson", "var_rnoise", "var_flat", "err"):
            plane = getattr(chunk, name)
            if plane is None or not plane.strides[0]:
                continue
            # A pixel without a variance gets the usual one of its place.
            plane = plane.copy()
            missing = np.isnan(plane[at])
            places = tuple(index[missing] for index in at)
            usual = median(plane[:, at[1][missing], at[2][missing]])
            plane[places] = usual
            planes[name] = plane
        return replace(chunk, data=data, dq=dq, **planes)


def find_outliers(
    series: TimeSeriesImages,
    threshold: float = 5.0,
    window: int = 11,
    progress: Callable[[int, int], None] | None = None,
) -> Outliers:
    """Find outliers in time, segment by segment.

    Parameters
    ----------
    series : TimeSeriesImages
        Its adjustments are not seen: a background that is subtracted is in the running median.
    threshold : float, noise sigmas
    window : int
        Integrations in the running median.
    progress : callable, optional
        Told how many of how many dispersion elements are done.
    """
    _, n_wave, n_cross = series.shape
    parts: list[tuple[NDArray, ...]] = []
    first = 0
    for segment in series.segments:
        sigma = _sigma(segment)
        step = max(1, BLOCK_BYTES // (len(segment) * n_cross * 4))
        for row in range(0, n_wave, step):
            rows = slice(row, min(row + step, n_wave))
            values = _valid(segment, rows)
            found = _in_block(values, sigma[rows], threshold, min(window, len(segment)))
            parts.append((found[0] + first, found[1] + row, *found[2:]))
            if progress is not None:
                progress(rows.stop, n_wave)
        first += len(segment)
    joined = [np.concatenate(values) for values in zip(*parts, strict=True)]
    order = np.argsort(joined[0], kind="stable")
    return Outliers(*(values[order] for values in joined))


def unfollowed(light: TimeSeries, window: int) -> list[tuple[int, int]]:
    """Return where the source changes within the window of a running median, as in an ingress.

    Parameters
    ----------
    light : TimeSeries
    window : int
        Integrations in the running median.

    Returns
    -------
    list of (int, int)
        First and last integration of each stretch, from 0.
    """
    import scipy

    curve = light.light_curve()
    noise = curve.scatter.point_to_point
    if window < 3 or not noise > 0:
        return []
    starts = breaks(curve.time)
    behind = []
    for part in np.split(curve.relative, starts):
        if len(part) < 3:
            behind.append(np.zeros(len(part), bool))
            continue
        known = np.where(np.isfinite(part), part, 1.0)
        smooth = scipy.ndimage.uniform_filter1d(known, min(window, len(part)), mode="mirror")
        # The middle of three neighbours: one outlier is no change of the source.
        steady = scipy.ndimage.median_filter(known - smooth, 3, mode="nearest")
        behind.append(np.abs(steady) > LEFT_BEHIND * noise)
    edges = np.flatnonzero(np.diff(np.r_[0, np.concatenate(behind).astype(int), 0]))
    found: list[tuple[int, int]] = []
    for first, last in zip(edges[::2], edges[1::2] - 1, strict=True):
        if found and first - found[-1][1] <= window:
            found[-1] = found[-1][0], int(last)
        else:
            found.append((int(first), int(last)))
    return found


def window_warning(
    light: TimeSeries, outliers: Outliers, window: int, *, harmless: bool = True
) -> str:
    """Say where the source changes within the window of the outliers' median; "" if nowhere.

    Parameters
    ----------
    light : TimeSeries
        The spectra of the same integrations.
    outliers : Outliers
    window : int
    harmless : bool
        Whether to say so too where no more outliers were found there than elsewhere.
    """
    stretches = unfollowed(light, window)
    if not stretches:
        return ""
    inside = np.zeros(len(light), bool)
    for first, last in stretches:
        inside[first : last + 1] = True
    where = outliers.integration[np.isfinite(outliers.significance)]
    where = where[where < len(inside)]
    there = int(inside[where].sum())
    expected = inside.sum() * (len(where) - there) / max(int((~inside).sum()), 1)
    named = ", ".join(f"{first + 1}–{last + 1}" for first, last in stretches[:4])
    more = f" and {len(stretches) - 4} more" if len(stretches) > 4 else ""
    text = (
        f"the source changes within the {window} integrations of the outliers' running median at "
        f"integrations {named}{more} (ingress or egress?): {there} outliers were found there"
    )
    if there <= expected + 3 * np.sqrt(max(expected, 1)):
        return f"{text}, no more than elsewhere" if harmless else ""
    shorter = next((w for w in range(window - 2, 2, -2) if not unfollowed(light, w)), None)
    advice = f"a window of {shorter} would follow" if shorter else "no shorter window would follow"
    return (
        f"{text} where {expected:.0f} are to be expected, so it may be the source; {advice} "
        "(series.outlier_window)"
    )


def _valid(segment: SeriesFile, rows: slice) -> FloatArray:
    data = segment.read("SCI", 0, len(segment), rows)
    assert data is not None
    dq = segment.read("DQ", 0, len(segment), rows)
    if dq is not None:
        data[(dq & DO_NOT_USE).astype(bool)] = np.nan
    return data


def _sigma(segment: SeriesFile) -> FloatArray:
    """Return the noise of each pixel by the file's variances, 0 where it has none."""
    wanted = np.unique(np.linspace(0, len(segment) - 1, MOST_VARIANCES).astype(int))
    total: FloatArray = np.zeros(segment.shape[1:])
    for name in ("VAR_POISSON", "VAR_RNOISE"):
        planes = [segment.read(name, int(i), int(i) + 1) for i in wanted]
        present = [plane for plane in planes if plane is not None]
        if present:
            total = total + np.nan_to_num(mean(np.concatenate(present), axis=0))
    return np.sqrt(total)


def _in_block(
    values: FloatArray, sigma: FloatArray, threshold: float, window: int
) -> tuple[NDArray, ...]:
    """Return integration, row, column, value and significance of the outliers of a block."""
    from scipy.ndimage import median_filter

    finite = np.isfinite(values)
    usual = median(values)
    filled = np.where(finite, values, usual).astype(np.float32)
    if window < 3:
        smooth = np.broadcast_to(usual, values.shape)
    else:
        smooth = median_filter(filled, size=(window, 1, 1), mode="mirror")
    residual = np.where(finite, filled - smooth, np.nan)
    shared = _shared(residual, usual, _noise(np.abs(residual), sigma))
    residual = residual - shared
    noise = _noise(np.abs(residual), sigma)
    with np.errstate(invalid="ignore", divide="ignore"):
        significance = np.abs(residual) / np.where(noise > 0, noise, np.nan)
    out = significance > threshold
    # Pixels that are flagged now and then have neighbours in time to be replaced by.
    often = finite.mean(axis=0) > MOST_MISSING
    at = np.nonzero(out | (~finite & often))
    expected = (smooth + shared)[at]
    return (*at, expected.astype(float), np.where(out, significance, np.nan)[at])


def _shared(residual: FloatArray, usual: FloatArray, noise: FloatArray) -> FloatArray:
    """Return what all pixels of an integration share: brighter or fainter, elsewhere, more sky.

    Fitted to residuals that are limited to three sigmas after the first fit, so that outliers weigh
    little.
    """
    level = np.nan_to_num(usual)
    sky = np.repeat(np.nan_to_num(median(usual.T))[:, np.newaxis], level.shape[1], axis=1)
    source = level - sky
    slope = np.gradient(level, axis=1)
    # A gap makes a slope that is none.
    slope[np.abs(slope) > 0.6 * np.abs(level).max(axis=1, keepdims=True)] = 0.0
    sigma = np.where(noise > 0, noise, np.inf)
    weight = np.isfinite(residual) / sigma**2
    filled = np.nan_to_num(residual)
    shapes = (source, slope, sky)
    matrix = np.array(
        [[np.einsum("trc,rc,rc->t", weight, a, b) for b in shapes] for a in shapes]
    ).transpose(2, 0, 1)
    usable = np.linalg.cond(matrix) < 1e12
    total: FloatArray = np.zeros(residual.shape)
    for iteration in range(ITERATIONS):
        limited = filled - total
        if iteration:
            limited = np.clip(limited, -3 * noise, 3 * noise)
        vector = np.stack([np.einsum("trc,trc,rc->t", weight, limited, s) for s in shapes], axis=1)
        change = np.zeros(vector.shape)
        change[usable] = np.linalg.solve(matrix[usable], vector[usable, :, np.newaxis])[..., 0]
        total = total + np.einsum("ts,src->trc", change, np.array(shapes))
    return total


def _noise(deviation: FloatArray, sigma: FloatArray) -> FloatArray:
    """Return the noise of each pixel, shape (n_rows, n_cross)."""
    known = sigma > 0
    noise: Any
    by_row: Any
    if known.any():
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = deviation / np.where(known, sigma, np.nan)
        by_row = np.moveaxis(ratio, 1, 0).reshape(ratio.shape[1], -1)
        scale = quantile(by_row.T, TAIL) / TAIL_SIGMAS
        noise = sigma * np.where(scale > 0, scale, 1.0)[:, np.newaxis]
    else:
        by_row = np.moveaxis(deviation, 1, 0).reshape(deviation.shape[1], -1)
        own = quantile(by_row.T, TAIL) / TAIL_SIGMAS
        noise = np.repeat(own[:, np.newaxis], sigma.shape[1], axis=1)
    if len(deviation) >= LEAST_OWN:
        noise = np.fmax(noise, quantile(deviation, ONE_SIGMA))
    return np.asarray(noise)
