"""Columns that tell the sky of a slitless image, chosen from the image itself.

The sky of the slitless mode is not flat: real frames have columns that are a tenth darker at all
wavelengths, single odd ones, and a slope; and the wings of a bright star reach far at short
wavelengths. On either side of the trace those columns are taken whose level, over the sky of their
row, is the same within `FLAT` in each of some stretches of wavelength.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import unusable
from lrs_explorer.model.data.instrument import NARROWEST, reference_columns
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN, median

__all__ = ["SkyColumns", "choose_columns"]

FLAT: Final = 0.02
"""Of the sky, by which columns of a range may differ from its median: what the flat field leaves
from one row or column to the next in real frames."""

STRETCHES: Final = 4
"""Stretches of rows in which columns are looked at one by one: wings change with wavelength."""

NEAR: Final = 7.0
"""Pixels from the trace that hold its light whatever the image shows: three FWHM at 12 micron, and
one for its tilt."""

BALANCED: Final = 6
"""Columns from which both sides get the same number, so that a slope of the sky cancels."""

WIDEST: Final = 16
"""Columns on either side at most: the flattest of all, which stay clear of what little is left of
wings and glow."""

_SHARPEST: Final = 0.5
"""Of a peak's height, by which its column may be above the brighter of its neighbours: 0.3 where
the PSF is narrowest."""

_SEEN: Final = 5.0  # standard errors from which a trace, or a sky, is seen
_ODD: Final = 3.0  # standard errors by which a column may differ by chance


@dataclass(frozen=True)
class SkyColumns:
    """Ranges of columns for the 2-D background, and what they keep clear of.

    Parameters
    ----------
    columns : tuple of (float, float)
        Lower and upper edges, pixels, as in `SlitlessBackground`.
    why : str
        A sentence.
    """

    columns: tuple[tuple[float, float], ...]
    why: str


def choose_columns(image: SpectralImage) -> SkyColumns | None:
    """Choose columns on either side of the trace; None where the image shows no trace or sky.

    Parameters
    ----------
    image : SpectralImage
        In detector pixels, of the slitless mode; the typical image of a series.
    """
    first, n_cross = reference_columns(image.header), image.shape[1]
    found = _levels(image, first)
    if found is None:
        return None
    level, allowed, left, right = found
    sides = [(first, left), (right + 1, n_cross)]
    chosen = [_widest(level, allowed, *side) for side in sides]
    least = min(upper - lower for lower, upper in chosen)
    most = min(least, WIDEST) if least >= BALANCED else WIDEST
    chosen = [_flattest(level, most, *side) for side in chosen]
    kept = [side for side in chosen if side[1] - side[0] >= NARROWEST]
    if not kept:
        return None
    columns = tuple((lower - 0.5, upper - 0.5) for lower, upper in kept)
    named = " and ".join(f"{lower:g}–{upper:g}" for lower, upper in columns)
    clear = _kept_clear_of(level, allowed, kept, sides)
    return SkyColumns(columns, f"columns {named}: {clear}")


def _levels(image: SpectralImage, first: int) -> tuple[FloatArray, FloatArray, int, int] | None:
    """Return how bright the columns are in each stretch of rows.

    Returns
    -------
    level : ndarray, shape (STRETCHES, n_cross)
        Over the sky, or where none is seen, over its noise; NaN where nothing is known.
    allowed : ndarray, shape (STRETCHES, n_cross)
        By which it may differ from others.
    left, right : int
        First and last column that are the trace's at any rate.
    """
    data = np.array(image.data, dtype=float)
    known = np.isfinite(data)
    if image.dq is not None:
        known &= ~unusable(image.dq)
    if np.isfinite(image.wavelength).any():
        known &= np.isfinite(image.wavelength).any(axis=1, keepdims=True)
    known[:, :first] = False
    data[~known] = np.nan
    rows = np.flatnonzero(known.sum(axis=1) > known.shape[1] // 2)
    if len(rows) < 4 * STRETCHES:
        return None
    data = data[rows]
    row_level = median(data, axis=1)[:, np.newaxis]
    parts = np.array_split(np.arange(len(rows)), STRETCHES)
    light = np.stack([median(data[part] - row_level[part]) for part in parts])
    noise = np.stack([median(_error(data[part] - row_level[part])) for part in parts])
    # A trace is sharper than slopes, wider than an odd column, and no edge; it may be tilted a
    # little.
    lit = np.where(np.isfinite(light), light, np.nanmedian(light, axis=1, keepdims=True))[:, first:]
    sharp = lit - scipy.ndimage.median_filter(lit, (1, 2 * int(NEAR) + 1))
    sharp[:, :2] = sharp[:, -2:] = 0.0
    sharp[lit - scipy.ndimage.median_filter(lit, (1, 3)) > _SHARPEST * sharp] = 0.0
    sharp[scipy.ndimage.maximum_filter1d(lit, 5, axis=1) > lit] = 0.0
    peaks = first + sharp.argmax(axis=1)
    height = sharp.max(axis=1)
    # Columns differ from each other without a star, too.
    odd = FLAT * np.abs([median(row_level[part, 0]) for part in parts])
    seen = height > np.maximum(_SEEN * noise, odd)
    seen &= np.abs(peaks - peaks[height.argmax()]) < NEAR
    if not seen.any():
        return None
    left = max(int(peaks[seen].min() - NEAR), first)
    right = min(int(peaks[seen].max() + NEAR), data.shape[1] - 1)
    beside = np.ones(data.shape[1], dtype=bool)
    beside[left : right + 1] = False
    if not np.isfinite(light[:, beside]).any(axis=1).all():
        return None
    sky = median(data[:, beside], axis=1)[:, np.newaxis]
    level, allowed = np.full((2, *light.shape), np.nan)
    for n, part in enumerate(parts):
        bright = float(np.median(sky[part]))
        error = _error(data[part] - sky[part])
        usual = float(np.nanmedian(error[beside]))
        unit = bright if bright > _SEEN * usual else usual / FLAT
        level[n] = median(data[part] - sky[part]) / unit if unit > 0 else np.nan
        allowed[n] = FLAT + _ODD * error / unit if unit > 0 else np.nan
    return level, allowed, left, right


def _error(values: FloatArray) -> FloatArray:
    """Return the standard error of the median of each column."""
    spread = SIGMA_PER_MEDIAN * median(np.abs(values - median(values)))
    return np.asarray(1.25 * spread / np.sqrt(np.maximum(np.isfinite(values).sum(axis=0), 1)))


def _widest(level: FloatArray, allowed: FloatArray, first: int, end: int) -> tuple[int, int]:
    """Return first and end of the widest run of columns that is flat in every stretch."""
    for width in range(end - first, 0, -1):
        runs = [
            (_roughness(level, allowed, lower, lower + width), lower)
            for lower in range(first, end - width + 1)
        ]
        roughness, lower = min(runs)
        if roughness <= 1:
            return lower, lower + width
    return first, first


def _flattest(level: FloatArray, width: int, first: int, end: int) -> tuple[int, int]:
    """Return that part of a run, so many columns wide at most, whose level differs least."""
    width = min(width, end - first)
    if not width:
        return first, end
    lower = min(
        range(first, end - width + 1), key=lambda n: float(np.ptp(level[:, n : n + width], 1).max())
    )
    return lower, lower + width


def _roughness(level: FloatArray, allowed: FloatArray, lower: int, upper: int) -> float:
    """Return the largest deviation of a run's columns from its median, of what is allowed."""
    run = level[:, lower:upper]
    if not np.isfinite(run).all():
        return float("inf")
    off = np.abs(run - np.median(run, axis=1, keepdims=True))
    return float((off / allowed[:, lower:upper]).max())


def _kept_clear_of(
    level: FloatArray,
    allowed: FloatArray,
    kept: list[tuple[int, int]],
    sides: list[tuple[int, int]],
) -> str:
    """Say where the trace's wings end, and which other columns differ from those chosen."""
    n_cross = level.shape[1]
    off = np.full(n_cross, np.nan)
    odd = np.zeros(n_cross, dtype=bool)
    for first, end in sides:
        own = [side for side in kept if first <= side[0] < end] or kept
        usual = np.median(
            np.concatenate([level[:, lower:upper] for lower, upper in own], axis=1), axis=1
        )[:, np.newaxis]
        differs = (level - usual)[:, first:end]
        odd[first:end] = (np.abs(differs) > allowed[:, first:end]).any(axis=0)
        off[first:end] = np.median(differs, axis=0)
    (_, left), (right, _) = sides
    while left > sides[0][0] and odd[left - 1] and off[left - 1] > 0:
        left -= 1
    while right < n_cross and odd[right] and off[right] > 0:
        right += 1
    told = [f"clear of the trace and its wings (columns {left}–{right - 1})"]
    odd[left:right] = False
    odd &= np.abs(np.nan_to_num(off)) > FLAT
    for lower, upper in _runs(odd, np.sign(np.nan_to_num(off))):
        size = 100 * float(np.median(off[lower:upper]))
        name = (
            f"column {lower}, which is"
            if upper - lower == 1
            else (f"columns {lower}–{upper - 1}, which are")
        )
        told.append(f"of {name} {abs(size):.0f} % {'brighter' if size > 0 else 'darker'}")
    return ", ".join(told[:-1]) + f" and {told[-1]}" if told[1:] else told[0]


def _runs(chosen: NDArray[np.bool_], kind: FloatArray) -> list[tuple[int, int]]:
    """Return first and end of each run of chosen columns of one kind."""
    code = np.concatenate([[0], np.where(chosen, kind, 0), [0]])
    edges = np.flatnonzero(np.diff(code))
    return [(int(a), int(b)) for a, b in pairwise(edges) if code[a + 1]]
