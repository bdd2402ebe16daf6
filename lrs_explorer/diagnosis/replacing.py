"""What pixel_replace makes of a row in which a bad pixel carries no flag.

Its algorithm ``fit_profile`` scales the profile of the rows around to all pixels of a row, also to
those far from the source: one wrong pixel there, and every value that it puts in place of a flagged
one is wrong with it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.robust import median
from lrs_explorer.model.measure.pixels.outliers import Outlier

__all__ = ["ALGORITHM", "spoiled"]

ALGORITHM: Final = "fit_profile"
"""Proposed for pixels of a point source: it leaves the least error on simulated stars (the other
algorithms interpolate along the spectrum or need a bright trace)."""

_ROWS: Final = 3  # on either side, from which the pipeline takes the profile by default


def spoiled(data: FloatArray, outlier: Outlier, replaced: NDArray[np.bool_]) -> float:
    """Return by how much replaced pixels of an outlier's row are wrong together.

    Parameters
    ----------
    data : ndarray, shape (n_rows, n_columns)
        The image in detector pixels, NaN where it has no value.
    outlier : Outlier
    replaced : ndarray of bool, shape (n_columns,)
        Pixels of its row that are replaced and count.

    Returns
    -------
    float
        In the unit of the image; 0 where the profile is unknown.
    """
    rows = slice(max(outlier.row - _ROWS, 0), outlier.row + _ROWS + 1)
    profile = np.abs(median(np.asarray(data[rows], dtype=float), axis=0))
    known = np.isfinite(profile)
    total = float((profile[known] ** 2).sum())
    if not known[outlier.column] or total <= 0:
        return 0.0
    excess = abs(abs(outlier.value) - abs(outlier.expected))
    scale = float(profile[outlier.column]) * excess / total
    return scale * float(profile[known & replaced].sum())
