"""The one place that knows ``DISPAXIS``: inside, axis 0 is dispersion, axis 1 cross-dispersion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["dispersion_axis", "dispersion_first"]

LRS_DISPERSION_AXIS = 2
"""DISPAXIS of every LRS product: the spectrum runs along FITS axis 2, the rows of the array."""


def dispersion_axis(header: Mapping[str, Any], source: str) -> int:
    """Return the FITS axis (1 or 2) along which the spectrum runs.

    Parameters
    ----------
    header : Mapping
        Cards of the product. Without ``DISPAXIS``, 2 is assumed, as it is for all of MIRI LRS.
    source : str
        Names the file in the error message.

    Raises
    ------
    LRSExplorerError
        ``DISPAXIS`` is neither 1 nor 2.
    """
    axis = header.get("DISPAXIS", LRS_DISPERSION_AXIS)
    if axis not in (1, 2):
        raise LRSExplorerError(
            f"{source} has DISPAXIS = {axis!r}; it must be 1 or 2 (2 for MIRI LRS). "
            "Correct the card or download the file again."
        )
    return int(axis)


def dispersion_first(array: NDArray[Any], axis: int) -> NDArray[Any]:
    """Return ``array`` with dispersion along its second to last axis.

    Parameters
    ----------
    array : ndarray, shape (..., n_rows, n_columns)
        As stored in the file.
    axis : {1, 2}
        FITS axis of the dispersion.

    Returns
    -------
    ndarray, shape (..., n_wave, n_cross), contiguous
    """
    return array if axis == LRS_DISPERSION_AXIS else np.ascontiguousarray(array.swapaxes(-1, -2))
