"""How bright a star could be at each place beside the source.

Where nods were subtracted from each other, the profile along the slit tells, as the sky is gone.
Otherwise each column is a part that has the sky's spectrum and one that has the source's: columns
that are darker or brighter than their neighbours by the same part of the sky at all wavelengths are
no light of a star. What is to be found must be there whichever block of wavelengths is left out, as
no structure of the point-spread function is: that moves and fades with wavelength.

The source's own wings are taken away by their symmetry about the trace, row by row, as the trace
may be tilted; where its mirror image falls beside the image only peaks count that stand out of
their surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.light import pixel_share
from lrs_explorer.diagnosis.profile import WAVELENGTH, star_height
from lrs_explorer.model.data.dq import unusable
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN, median
from lrs_explorer.model.measure.position import spatial_profile

__all__ = ["OtherLight", "other_light"]

BESIDE: Final = 4.0
"""Pixels from the trace and from negative traces within which nothing can be told."""

ROUND: Final = 3
"""Columns on either side of a peak that must stand clear of all stars where symmetry tells
nothing."""

END_COLUMNS: Final = 2
"""At each end of the slit, which are lit in part."""

MARGIN: Final = 2.0
"""By which errors may be too small (MR-LRS05)."""

LIGHT: Final = 0.5
"""Of the height of a peak above its surroundings, that must be there where symmetry tells what is
light at all."""

BLOCKS: Final = 8
"""Blocks of wavelengths that are left out in turn."""

_WINDOW: Final = 6.0  # pixels from a place within which its surroundings are fitted
_OUTLIER: Final = 4.0  # robust standard deviations of a column
_PASSES: Final = 4
_SMOOTH: Final = 9  # rows of the source's spectrum

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OtherLight:
    """The light of a star at each place where it can be told.

    Parameters
    ----------
    place : ndarray, shape (n,), pixels
    share : ndarray, shape (n,)
        Per cent of the source's light.
    significance : ndarray, shape (n,)
        Standard errors.
    """

    place: FloatArray
    share: FloatArray
    significance: FloatArray

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self.place)


def other_light(case: Case, negative: list[float]) -> OtherLight:
    """Measure what a star at each place beside the source could be.

    Parameters
    ----------
    case : Case
    negative : list of float
        Where nod subtraction has left negative images, pixels, the deepest first.
    """
    if negative or case.trace is None:
        return _of_profile(case, negative)
    return _of_spectra(case)


def _of_profile(case: Case, negative: list[float]) -> OtherLight:
    """Measure the profile of subtracted nods.

    It is antisymmetric about the middle between the traces, halo and all; without a negative image
    symmetric about the source.
    """
    center = case.source.center
    profile = spatial_profile(case.image)
    value, place = np.array(profile.value), profile.position
    value[: case.reference_columns] = np.nan
    known = np.isfinite(value)
    curve = scipy.interpolate.CubicSpline(place[known], value[known], extrapolate=False)
    if negative:
        residual = value + curve(_mirror(value, place, center, negative[0]) - place)
    else:
        residual = value - curve(2 * center - place)
    free = known & _away(place, center, *negative)
    clear = _inner(free & np.isfinite(residual))
    residual -= np.median(residual[clear]) if clear.any() else 0.0
    trunk = star_height(value, place, center)
    height = np.full(len(place), np.nan)
    for i in np.flatnonzero(clear):
        height[i] = star_height(residual, place, place[i], clear)
    # Its own side of the source: wings of a negative image look like a hill. A combination of nods
    # has two of them.
    outer = known.copy()
    for other in negative:
        outer &= np.abs(place - center) < np.abs(place - other)
    alone = _surrounded(free) & ~clear & outer
    for i in np.flatnonzero(alone):
        height[i], _ = _star(value, place, place[i], free, 1)
    told = np.flatnonzero(clear | alone)
    seen = np.array([(pixel_share(WAVELENGTH, place[free] - p) ** 2).sum() for p in place[told]])
    noise = _noise(case, free)
    share = 100 * height[told] / trunk if trunk > 0 else np.zeros(len(told))
    significance = height[told] * np.sqrt(seen) / noise if noise > 0 else np.zeros(len(told))
    return OtherLight(place[told], share, significance)


def _mirror(value: FloatArray, place: FloatArray, center: float, negative: float) -> float:
    """Return where the profile's antisymmetry puts the sum of source and negative image, pixels.

    A negative image that the slit's end cuts seems to lie where the last columns, half lit, are
    deepest. What is seen of its flank tells where it lies; the end columns are left out.
    """
    known = np.flatnonzero(np.isfinite(value))
    if min(negative - place[known[0]], place[known[-1]] - negative) > BESIDE:
        return center + negative
    used = known[END_COLUMNS:-END_COLUMNS]
    curve = scipy.interpolate.CubicSpline(place[used], value[used], extrapolate=False)
    near = used[np.abs(place[used] - center) <= 2 * BESIDE]
    sums = center + negative + np.arange(-BESIDE / 2, BESIDE / 2, 0.02)
    away = np.abs(value[near] + curve(sums[:, None] - place[near]))
    seen = np.isfinite(away).sum(axis=1)
    mean = np.where(seen >= BESIDE, np.nansum(away, axis=1) / np.maximum(seen, 1), np.inf)
    return float(sums[np.argmin(mean)]) if np.isfinite(mean).any() else center + negative


def _of_spectra(case: Case) -> OtherLight:
    """Measure the part of each column that has the source's spectrum, beside that of the sky."""
    trace, place = case.on_trace, np.arange(case.image.shape[1], dtype=float)
    center = float(np.median(trace))
    data, mirrored = _mirrored(_pixels(case), trace)
    part, error, sky = _parts(case, data, np.abs(place - center) > 2 * BESIDE)
    free = np.isfinite(part).all(axis=0) & np.isfinite(sky) & _away(place, center)
    clear = _inner(free & mirrored)
    alone = _surrounded(_inner(free & ~mirrored))
    told = np.flatnonzero(clear | alone)
    share, significance = np.zeros((2, len(told)))
    for n, i in enumerate(told):
        used, order = (clear, 0) if clear[i] else (free & ~mirrored, 1)
        fits = [_star(one, place, place[i], used, order) for one in part]
        heights = np.array([height for height, _ in fits])
        apart = np.sqrt((BLOCKS - 1) * np.var(heights))  # a jackknife
        noise = np.hypot(apart, error[i] * fits[0][1])
        # Most of what stands out must have the source's spectrum, and not the sky's; and less the
        # mirror image, what lies between two stars' negatives is a hill in a hollow.
        structure, _ = _star(sky, place, place[i], used, order)
        light = _bare(part[0], place, place[i], used) if clear[i] else heights.min()
        if heights.min() > abs(structure) and light > LIGHT * heights.min() and noise > 0:
            share[n], significance[n] = 100 * heights.min(), heights.mean() / noise
    return OtherLight(place[told], share, significance)


def _pixels(case: Case) -> FloatArray:
    """Return the usable pixels of the nominal range, NaN elsewhere."""
    image = case.image
    low, high = NOMINAL_RANGE
    data = np.where(np.isfinite(image.wavelength), image.data, np.nan).astype(float)
    if image.dq is not None:
        data[unusable(image.dq)] = np.nan
    data[~np.isfinite(data)] = np.nan
    data[~((image.row_wavelength >= low) & (image.row_wavelength <= high))] = np.nan
    data[:, : case.reference_columns] = np.nan
    return data


def _mirrored(data: FloatArray, trace: FloatArray) -> tuple[FloatArray, Mask]:
    """Return rows less their mirror image about the trace, where most rows have one.

    Returns
    -------
    data : ndarray, shape (n_wave, n_cross)
    mirrored : ndarray of bool, shape (n_cross,)
    """
    column = np.arange(data.shape[1])
    found = np.full(data.shape, np.nan)
    for row in np.flatnonzero(np.isfinite(data).sum(axis=1) > _WINDOW):
        known = np.isfinite(data[row])
        curve = scipy.interpolate.CubicSpline(column[known], data[row, known], extrapolate=False)
        found[row] = data[row] - curve(2 * trace[row] - column)
    mirrored = np.isfinite(found).sum(axis=0) > 0.9 * np.isfinite(data).sum(axis=0)
    return np.where(mirrored, found, data), mirrored


def _parts(case: Case, data: FloatArray, away: Mask) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Split each column into the source's spectrum and the sky's.

    Returns
    -------
    part : ndarray, shape (BLOCKS, n_cross)
        Of the source's light, with one block of wavelengths left out each time.
    error : ndarray, shape (n_cross,)
        Of the mean of those.
    sky : ndarray, shape (n_cross,)
        The sky's part, in the same unit: of the source's light.
    """
    pixels, trace = _pixels(case)[:, away], case.on_trace
    light = case.light(trace - BESIDE, trace + BESIDE).flux
    rows = np.flatnonzero(np.isfinite(light) & (np.isfinite(pixels).sum(axis=1) > _WINDOW))
    if len(rows) < 4 * BLOCKS or not np.median(light[rows]) > 0:
        nothing = np.full((BLOCKS, data.shape[1]), np.nan)
        return nothing, nothing[0], nothing[0]
    light = scipy.ndimage.median_filter(light[rows], _SMOOTH)
    level = np.nanmedian(pixels[rows], axis=1)
    spread = SIGMA_PER_MEDIAN * np.nanmedian(np.abs(pixels[rows] - level[:, None]), axis=1)
    noise = np.maximum(spread, 1e-6 * np.abs(light).max())[:, None]
    seen = np.isfinite(data[rows])
    value = np.where(seen, data[rows], 0.0) / noise
    x, y = (np.broadcast_to(v[:, None] / noise, value.shape) for v in (level, light))
    starts, used = np.arange(BLOCKS) * len(rows) // BLOCKS, seen
    for _ in range(_PASSES):
        # Normal equations of each column, block by block.
        products = np.stack([x * x, x * y, y * y, x * value, y * value]) * used
        sums = np.add.reduceat(products, starts, axis=1)
        sky, part, _ = _solved(sums.sum(axis=1))
        residual = np.where(used, np.abs(value - sky * x - part * y), np.nan)
        scale = SIGMA_PER_MEDIAN * median(residual)
        used = seen & (np.abs(value - sky * x - part * y) <= _OUTLIER * scale)
    _, parts, _ = _solved(sums.sum(axis=1, keepdims=True) - sums)
    _, _, variance = _solved(sums.sum(axis=1))
    return parts, scale * np.sqrt(variance), sky * float(np.median(level) / np.median(light))


def _solved(sums: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Solve the normal equations of ``value = a x + b y`` with errors of 1.

    Parameters
    ----------
    sums : ndarray, shape (5, ...)
        Of x x, x y, y y, x value and y value.

    Returns
    -------
    a, b, variance : ndarray, shape (...)
        The last one is that of b; NaN where they are not determined.
    """
    xx, xy, yy, xv, yv = sums
    determinant = xx * yy - xy**2
    determinant = np.where(determinant > 1e-6 * xx * yy, determinant, np.nan)
    return (
        (yy * xv - xy * yv) / determinant,
        (xx * yv - xy * xv) / determinant,
        xx / determinant,
    )


def _star(
    value: FloatArray, place: FloatArray, center: float, used: Mask, order: int
) -> tuple[float, float]:
    """Fit a star and a polynomial to the surroundings of ``center``.

    Returns
    -------
    height, error : float
        Light of the star, and its standard error where values have errors of 1; NaN where too
        few columns are used.
    """
    near = used & (np.abs(place - center) <= _WINDOW)
    offset = place[near] - center
    if len(offset) < order + 4:
        return float("nan"), float("nan")
    powers = [offset**power for power in range(order + 1)]
    basis = np.stack([pixel_share(WAVELENGTH, offset), *powers])
    covariance = np.linalg.inv(basis @ basis.T)
    return float(covariance[0] @ (basis @ value[near])), float(np.sqrt(covariance[0, 0]))


def _bare(value: FloatArray, place: FloatArray, center: float, used: Mask) -> float:
    """Fit a star at ``center`` alone, where there is no light without one."""
    near = used & (np.abs(place - center) <= BESIDE)
    share = pixel_share(WAVELENGTH, place[near] - center)
    return float(share @ value[near] / (share @ share))


def _away(place: FloatArray, *stars: float) -> Mask:
    return np.asarray(np.abs(place - np.reshape(stars, (-1, 1))).min(axis=0) > BESIDE)


def _inner(columns: Mask) -> Mask:
    """Leave out the first and the last column: the slit's ends are half lit."""
    inner, found = columns.copy(), np.flatnonzero(columns)
    inner[found[:1]] = inner[found[-1:]] = False
    return inner


def _surrounded(columns: Mask) -> Mask:
    return np.asarray(scipy.ndimage.binary_erosion(columns, np.ones(2 * ROUND + 1, dtype=bool)))


def _noise(case: Case, clear: Mask) -> float:
    """Return the noise of a pixel of the mirrored profile, by the errors of the image."""
    image = case.image
    low, high = NOMINAL_RANGE
    rows = (image.row_wavelength >= low) & (image.row_wavelength <= high)
    variance = (image.var_poisson + image.var_rnoise)[rows][:, clear]
    known = variance[np.isfinite(variance) & (variance > 0)]
    if not known.size:
        return float("nan")
    # Of a mean of the middle half, of two mirrored pixels.
    one = float(np.sqrt(np.median(known)) * 1.1 / np.sqrt(rows.sum()))
    return float(MARGIN * np.sqrt(2.0) * one)
