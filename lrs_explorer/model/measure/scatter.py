"""Noise from the data themselves: how far values scatter about their smooth run (MR-LRS05).

The fourth difference along the dispersion axis removes whatever is smooth over five elements; a
resolution element of the prism is two to three elements wide, so of a spectrum it leaves noise.
What it leaves is divided by what the quoted errors let expect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN

__all__ = ["DEPENDENCE", "DIFFERENCE", "Scatter", "residuals", "robust_scale", "scatter"]

DIFFERENCE: Final = np.array([1.0, -4.0, 6.0, -4.0, 1.0])
"""Weights of the fourth difference."""

_REACH: Final = len(DIFFERENCE) // 2
_CLIP: Final = 3.0  # robust standard deviations
_CLIPPED: Final = 0.9866  # standard deviation of a normal distribution cut at 3 sigma
DEPENDENCE: Final = 2.6
"""Fourth differences for each independent one: 1 + 2 x the sum of their correlations squared."""


@dataclass(frozen=True)
class Scatter:
    """How much values scatter, in units of their quoted errors.

    Parameters
    ----------
    ratio : float
        1 for errors that can be believed; NaN where it cannot be measured.
    uncertainty : float
        Its standard error.
    number : int
        Differences that it is made of.
    """

    ratio: float
    uncertainty: float
    number: int


def residuals(values: FloatArray, errors: FloatArray) -> FloatArray:
    """Return fourth differences along axis 0 over the standard error that is expected of them.

    Parameters
    ----------
    values, errors : ndarray, shape (n, ...)

    Returns
    -------
    ndarray, same shape
        NaN within two elements of either end and of a value that is NaN.
    """
    values, errors = np.asarray(values, dtype=float), np.asarray(errors, dtype=float)
    found = np.full(values.shape, np.nan)
    inner = len(values) - 2 * _REACH
    if inner <= 0:
        return found
    difference, variance = np.zeros((2, inner, *values.shape[1:]))
    for shift, weight in enumerate(DIFFERENCE):
        difference += weight * values[shift : shift + inner]
        variance += (weight * errors[shift : shift + inner]) ** 2
    known = variance > 0
    np.divide(difference, np.sqrt(variance), out=difference, where=known)
    found[_REACH:-_REACH] = np.where(known, difference, np.nan)
    return found


def robust_scale(values: FloatArray) -> float:
    """Return the standard deviation about 0, robust against outliers; NaN of no value."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return float("nan")
    first = SIGMA_PER_MEDIAN * float(np.median(np.abs(finite)))
    kept = finite[np.abs(finite) <= _CLIP * first]
    return float(np.sqrt(np.mean(kept**2)) / _CLIPPED) if first > 0 else first


def scatter(
    values: FloatArray, errors: FloatArray, used: NDArray[np.bool_] | None = None
) -> Scatter:
    """Measure how much values scatter, in units of their errors.

    Parameters
    ----------
    values, errors : ndarray, shape (n, ...)
        Axis 0 is the dispersion axis.
    used : ndarray of bool, same shape, optional
        Where differences are to be taken from.
    """
    found = residuals(values, errors)
    known = np.isfinite(found) if used is None else np.isfinite(found) & used
    number = int(known.sum())
    if number < 2 * DIFFERENCE.size:
        return Scatter(float("nan"), float("nan"), number)
    ratio = robust_scale(found[known])
    return Scatter(ratio, ratio * float(np.sqrt(DEPENDENCE / (2 * number))), number)
