"""How much a spectrum changes with what was chosen: its systematic error, and by which choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["QUANTILES", "TOGETHER", "Systematic", "SystematicBin"]

FloatArray = NDArray[np.floating[Any]]

QUANTILES: Final = (0.1587, 0.8413)
"""Of the variants between which the band lies: those of a standard deviation either side."""

MOST_REASONS: Final = 3
"""Reasons why variants could not be extracted that are told each."""

TOGETHER: Final = "together"
"""What is called the part of the spread that no choice causes alone."""


@dataclass(frozen=True, eq=False)
class SystematicBin:
    """The systematic error of the mean flux between two wavelengths.

    Parameters
    ----------
    lower, upper : float, micron
    flux : float
        Mean flux of the spectrum itself, in its unit; NaN where it has none.
    error : float
        Standard deviation of the mean flux of the variants, in the same unit.
    parts : Mapping of str to float
        The standard deviation that each choice causes alone; their squares, with that of
        ``together``, add up to the square of ``error``.
    with_others : Mapping of str to float
        The standard deviation that is left of each choice when all others are settled.
    together : float
        What choices cause only together.
    """

    lower: float
    upper: float
    flux: float
    error: float
    parts: Mapping[str, float]
    with_others: Mapping[str, float]
    together: float

    @property
    def relative(self) -> float:
        """The error over the flux; NaN where there is no flux."""
        return self.error / abs(self.flux) if self.flux else float("nan")

    @property
    def shares(self) -> dict[str, float]:
        """The part of the variance that each choice causes alone, 0 to 1; the rest "together"."""
        return self._shares({**self.parts, TOGETHER: self.together})

    @property
    def shares_with_others(self) -> dict[str, float]:
        """The part of the variance in which each choice has a hand, alone or with others, 0 to 1.

        What two cause together counts for both, so these may add up to more than 1.
        """
        return self._shares(self.with_others)

    def _shares(self, causes: Mapping[str, float]) -> dict[str, float]:
        total = self.error**2
        return {name: value**2 / total if total > 0 else 0.0 for name, value in causes.items()}


@dataclass(frozen=True, eq=False)
class Systematic:
    """What a sweep over choices says of a spectrum, wavelength by wavelength.

    The variants are every combination of the values that each choice was given, all alike; so the
    error is that of these values, no more.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wave,), micron, ascending
        Those of the spectrum.
    flux : ndarray, shape (n_wave,), ``unit``
        Of the spectrum itself; it need not be the middle of the variants, nor within the band.
    low, high : ndarray, shape (n_wave,), ``unit``
        The band: 15.87 and 84.13 % of the variants are lower. NaN where fewer than two have flux.
    error : ndarray, shape (n_wave,), ``unit``
        The systematic error: standard deviation of the variants about their mean.
    parts : Mapping of str to ndarray, shape (n_wave,), ``unit``
        The standard deviation that each choice causes alone (`lrs_explorer.model.sweep.effects`).
    with_others : Mapping of str to ndarray, shape (n_wave,), ``unit``
        The standard deviation that is left of each choice, in the mean, when all others are
        settled: what it causes alone, and what together with them.
    together : ndarray, shape (n_wave,), ``unit``
        What choices cause only together.
    unit : str
        Of the flux, see `Spectrum`.
    values : Mapping of str to tuple of str
        What was varied: the values of each choice, in words.
    variants : int
        How many spectra the band is made of.
    failed : Mapping of str to int
        Why others could not be extracted, and how many.
    bins : tuple of SystematicBin
        The same for the mean flux in bins of 1 micron, 5 to 12 micron.
    notes : tuple of str
        Plain sentences the user must see.
    """

    wavelength: FloatArray
    flux: FloatArray
    low: FloatArray
    high: FloatArray
    error: FloatArray
    parts: Mapping[str, FloatArray]
    with_others: Mapping[str, FloatArray]
    together: FloatArray
    unit: str
    values: Mapping[str, tuple[str, ...]]
    variants: int
    failed: Mapping[str, int] = field(default_factory=dict)
    bins: tuple[SystematicBin, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def relative_error(self) -> FloatArray:
        """The systematic error over the flux, shape (n_wave,); NaN where there is no flux."""
        size = np.abs(self.flux)
        return np.divide(self.error, size, out=np.full(size.shape, np.nan), where=size > 0)

    @property
    def number_failed(self) -> int:
        """How many variants could not be extracted."""
        return sum(self.failed.values())

    @property
    def sentence(self) -> str:
        """What was varied and found, in words."""
        told = f"systematic error by {self.variants} variants of {', '.join(self.values)}"
        known = [one for one in self.bins if np.isfinite(one.relative)]
        if not known:
            return told
        errors = sorted(100 * one.relative for one in known)
        low, high = _two_digits(errors[0]), _two_digits(errors[-1])
        told += f": {low if low == high else f'{low} to {high}'} % in bins of 1 µm"
        worst = max(known, key=lambda one: one.relative)
        name, share = max(worst.shares_with_others.items(), key=lambda item: item[1])
        if share <= 0:
            return told
        alone = worst.shares[name]
        return (
            f"{told}; most at {worst.lower:g}–{worst.upper:g} µm, above all by {name} ({alone:.0%} "
            f"of the variance alone, {share:.0%} with others)"
        )

    @property
    def failures(self) -> tuple[str, ...]:
        """How many variants could not be extracted, and why, a sentence each; of many, the first.

        The reasons name places, so there may be one for each variant.
        """
        total = self.variants + self.number_failed
        if len(self.failed) > MOST_REASONS:
            return (
                f"{self.number_failed} of {total} variants could not be extracted; the first: "
                f"{next(iter(self.failed))}",
            )
        return tuple(
            f"{number} of {total} variants could not be extracted: {why}"
            for why, number in self.failed.items()
        )

    def cells(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Return heading and rows of the bins, as text: micron, error in per cent, each choice.

        Of a choice: per cent of the variance that it causes alone / alone or with others.
        """
        rows = []
        for one in self.bins:
            known = math.isfinite(one.error)
            error = _two_digits(100 * one.relative)
            shares, more = one.shares, one.shares_with_others
            told = [f"{100 * shares[n]:.0f}/{100 * more[n]:.0f}" for n in more] if known else []
            rest = f"{100 * shares[TOGETHER]:.0f}" if known else "–"
            blank = ["–"] * (0 if known else len(more))
            rows.append((f"{one.lower:g}–{one.upper:g}", error, *told, *blank, rest))
        return ("µm", "error %", *self.parts, TOGETHER), rows

    def table(self) -> Table:
        """Return the bins as a table: which choice matters where.

        Columns: ``wavelength_low``, ``wavelength_high`` (micron), ``flux``, ``error`` (unit of the
        spectrum), ``relative_error``; of the variance, 0 to 1, what each choice causes alone (by
        its name), what they cause ``together``, and where each has a hand (``…_with_others``).
        """
        from astropy.table import Table

        shares = [
            one.shares | {f"{name}_with_others": of for name, of in one.shares_with_others.items()}
            for one in self.bins
        ]
        names = (*self.parts, TOGETHER, *(f"{name}_with_others" for name in self.parts))
        return Table(
            {
                "wavelength_low": [one.lower for one in self.bins],
                "wavelength_high": [one.upper for one in self.bins],
                "flux": [one.flux for one in self.bins],
                "error": [one.error for one in self.bins],
                "relative_error": [one.relative for one in self.bins],
                **{name: [one[name] for one in shares] for name in names},
            },
            units={
                "wavelength_low": "um",
                "wavelength_high": "um",
                "flux": self.unit,
                "error": self.unit,
            },
        )


def _two_digits(value: float) -> str:
    """Return a number with two digits, without an exponent where it is large; "–" for none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"
