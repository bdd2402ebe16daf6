"""Images that stand for many integrations: median, mean and standard deviation in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lrs_explorer.model.dq import DO_NOT_USE
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.products import FloatArray
from lrs_explorer.model.robust import mean, median

if TYPE_CHECKING:
    from lrs_explorer.model.series.images import TimeSeriesImages

__all__ = ["in_time", "typical_pixels"]

MOST_TYPICAL: Final = 32
"""Integrations from which a typical image is made."""

BLOCK_BYTES: Final = 32_000_000
"""Bytes of all integrations of a few dispersion elements that are held at once."""


def typical_pixels(series: TimeSeriesImages) -> dict[str, Any]:
    """Return the planes of a typical image, from up to 32 integrations spread evenly.

    Median of the data, mean of the variances, and the DQ flags that a pixel has in all of them.

    Raises
    ------
    LRSExplorerError
        None of them has a usable pixel.
    """
    wanted = np.unique(np.linspace(0, len(series) - 1, MOST_TYPICAL).astype(int))
    chunks = [series.read(int(i), int(i) + 1) for i in wanted]
    stacked = np.concatenate([chunk.valid_data for chunk in chunks])
    missing = np.concatenate([chunk.invalid for chunk in chunks])
    variances = {
        name: mean(
            np.where(missing, np.nan, np.concatenate([getattr(c, name) for c in chunks])), axis=0
        )
        for name in ("var_poisson", "var_rnoise", "var_flat")
    }
    if not np.isfinite(stacked).any():
        raise LRSExplorerError(
            f"{series.name} holds no usable pixel in {len(wanted)} integrations looked at: all are "
            "NaN or flagged DO_NOT_USE; download it again."
        )
    flags = [chunk.dq[0] for chunk in chunks if chunk.dq is not None]
    dq = np.bitwise_and.reduce(flags) if len(flags) == len(chunks) else None
    return {"data": median(stacked), "dq": dq, **variances}


def in_time(series: TimeSeriesImages) -> dict[str, FloatArray]:
    """Return median, mean and standard deviation ("std") of each pixel, flagged ones left out."""
    n_integrations, n_wave, n_cross = series.shape
    found = {name: np.full((n_wave, n_cross), np.nan) for name in ("median", "mean", "std")}
    step = max(1, BLOCK_BYTES // (n_integrations * n_cross * 4))
    for first in range(0, n_wave, step):
        rows = slice(first, min(first + step, n_wave))
        values = _all_integrations(series, rows)
        finite = np.isfinite(values)
        count = finite.sum(axis=0)
        usable = np.where(count > 0, count, 1)
        found["mean"][rows] = average = mean(values, axis=0)
        square = np.where(finite, (values - average) ** 2, 0.0).sum(axis=0, dtype=float)
        found["std"][rows] = np.where(count > 0, np.sqrt(square / usable), np.nan)
        found["median"][rows] = median(values)
    return found


def _all_integrations(series: TimeSeriesImages, rows: slice) -> FloatArray:
    """Return some dispersion elements of all integrations, NaN where flagged."""
    if series.is_adjusted:  # an adjustment may need whole images
        return np.concatenate([chunk.valid_data[:, rows] for chunk in series.chunks()])
    parts = []
    for segment in series.segments:
        data = segment.read("SCI", 0, len(segment), rows)
        assert data is not None
        dq = segment.read("DQ", 0, len(segment), rows)
        if dq is not None:
            data[(dq & DO_NOT_USE).astype(bool)] = np.nan
        parts.append(data)
    return np.concatenate(parts)
