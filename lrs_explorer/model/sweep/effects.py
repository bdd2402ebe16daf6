"""Which of several choices makes spectra differ: a decomposition of their variance. Only numpy.

Each choice has levels (its values), each variant one level of every choice. The flux is taken as a
mean, plus one number for each level of each choice, plus a rest; the numbers are found by least
squares. What a choice causes alone is the standard deviation of its numbers. Where every
combination of levels is there, these are the means over all else, and the variance is the sum of
those of the choices and that of the rest: the main effects of a factorial analysis of variance, and
its interactions. Where some are missing, least squares keep a choice from being held responsible
for what another one does. What a choice causes with others is what is left of the variance, in the
mean, when all others are settled: the total effect of a sensitivity analysis.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.systematic import QUANTILES

__all__ = ["Effects", "effects"]


@dataclass(frozen=True, eq=False)
class Effects:
    """The spread of variants and what causes it; NaN where fewer than two have a value.

    Parameters
    ----------
    low, high : ndarray, shape (n_wave,)
        See `lrs_explorer.model.data.systematic.QUANTILES`.
    error : ndarray, shape (n_wave,)
        Standard deviation of the variants.
    parts : ndarray, shape (n_choices, n_wave)
        Standard deviation that each choice causes alone.
    with_others : ndarray, shape (n_choices, n_wave)
        Standard deviation that is left of each choice when all others are settled.
    together : ndarray, shape (n_wave,)
        That of the rest.
    """

    low: FloatArray
    high: FloatArray
    error: FloatArray
    parts: FloatArray
    with_others: FloatArray
    together: FloatArray


def effects(flux: FloatArray, levels: NDArray[np.intp]) -> Effects:
    """Return what each choice does to the flux.

    Parameters
    ----------
    flux : ndarray, shape (n_variants, n_wave)
        NaN where a variant has none.
    levels : ndarray of int, shape (n_variants, n_choices)
        Which value of each choice a variant has, from 0.
    """
    number, choices = flux.shape[1], levels.shape[1]
    low, high, error, together = np.full((4, number), np.nan)
    parts, with_others = np.full((2, choices, number), np.nan)
    known = np.isfinite(flux)
    # Wavelengths at which the same variants have flux are done at once.
    patterns, which = np.unique(known, axis=1, return_inverse=True)
    for i, present in enumerate(patterns.T):
        if present.sum() < 2:
            continue
        here = np.flatnonzero(which.ravel() == i)
        values = flux[np.ix_(present, here)]
        low[here], high[here] = np.quantile(values, QUANTILES, axis=0)
        # What all have in common would cost digits.
        values = values - values[0]
        error[here] = np.std(values, axis=0)
        parts[:, here] = _alone(values, levels[present])
        with_others[:, here] = _with_others(values, levels[present])
        rest = error[here] ** 2 - (parts[:, here] ** 2).sum(axis=0)
        together[here] = np.sqrt(np.maximum(rest, 0.0))
    return Effects(low, high, error, parts, with_others, together)


def _alone(values: FloatArray, levels: NDArray[np.intp]) -> FloatArray:
    """Return the standard deviation that each choice causes alone, shape (n_choices, n_wave)."""
    columns, place = [np.ones(len(values))], []
    for choice in levels.T:
        present = np.unique(choice)
        place.append(slice(len(columns), len(columns) + len(present)))
        columns += [(choice == level).astype(float) for level in present]
    # Of the solutions, which differ in what is mean and what is level, the smallest.
    numbers = np.linalg.pinv(np.array(columns).T) @ values
    return np.array([np.std(numbers[one], axis=0) for one in place])


def _with_others(values: FloatArray, levels: NDArray[np.intp]) -> FloatArray:
    """Return the standard deviation left of each choice within variants that share all others."""
    found = []
    for choice in range(levels.shape[1]):
        others = np.delete(levels, choice, axis=1)
        _, group = np.unique(others, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        first = np.flatnonzero(np.diff(group.ravel()[order], prepend=-1))
        count = np.diff(first, append=len(order))
        mean = np.add.reduceat(values[order], first, axis=0) / count[:, np.newaxis]
        rest = values[order] - np.repeat(mean, count, axis=0)
        found.append(np.sqrt((rest**2).mean(axis=0)))
    return np.array(found)
