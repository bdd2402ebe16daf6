"""Statistics that a few wrong values do not lead: NaN are left out of all of them.

For the standard deviation about the values' own median there is `astropy.stats.mad_std`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.model.data.products import FloatArray

__all__ = ["SIGMA_PER_MEDIAN", "mean", "median", "quantile"]

SIGMA_PER_MEDIAN: Final = 1.4826
"""Standard deviation of a normal distribution about a known value, per median absolute deviation
from it."""


def median(values: FloatArray, axis: int = 0) -> FloatArray:
    """Return the median along an axis; NaN where there is nothing else.

    Bit for bit `numpy.nanmedian`, and several times as fast: that takes row after row.
    """
    ordered = np.sort(values, axis=axis)  # NaN come last
    count = np.expand_dims((~np.isnan(ordered)).sum(axis=axis), axis)
    last = values.shape[axis] - 1
    upper = np.take_along_axis(ordered, np.minimum(count // 2, last), axis=axis)
    lower = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0), axis=axis)
    with np.errstate(invalid="ignore"):  # infinities of both signs
        middle = np.where(count > 0, (lower + upper) / 2, np.nan)
    return middle.astype(values.dtype, copy=False).squeeze(axis)


def mean(values: FloatArray, axis: int) -> FloatArray:
    """Return the mean along an axis; NaN where there is nothing else, or infinities."""
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis, dtype=float)
    return np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)


def quantile(values: FloatArray, part: float) -> FloatArray:
    """Return the value below which a part of those along the first axis lies."""
    ordered = np.sort(values, axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    place = np.round(part * np.maximum(count - 1, 0)).astype(int)
    found = np.take_along_axis(ordered, place[np.newaxis], axis=0)[0]
    return np.where(count > 0, found, np.nan)
