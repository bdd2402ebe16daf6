"""Numbers of a spectrum as they are drawn: units, gaps, ranges and comparisons. Only numpy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.data.robust import SIGMA_PER_MEDIAN
from lrs_explorer.model.data.systematic import Systematic

__all__ = [
    "COMPARED_RANGE",
    "FLUX_UNITS",
    "Comparison",
    "Curve",
    "compare",
    "curve",
    "flux_band",
    "flux_curve",
    "flux_range",
    "on_log_scale",
    "stepped",
]

FLUX_UNITS = ("mJy", "Jy", "MJy/sr")
"""Units that a calibrated spectrum can be drawn in; the last is the SURF_BRIGHT column."""

COMPARED_RANGE = (5.5, 11.5)
"""Wavelengths, micron, over which two spectra are compared: well inside the nominal range."""

_PER_JY = {"Jy": 1.0, "mJy": 1e3}

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """One spectrum in the unit that it is drawn in.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wave,), micron, ascending
    value, error : ndarray, shape (n_wave,), ``unit``
    unit : str
    notes : tuple of str
        What the user must know about these numbers.
    """

    wavelength: FloatArray
    value: FloatArray
    error: FloatArray
    unit: str
    notes: tuple[str, ...] = ()


def curve(spectrum: Spectrum, unit: str) -> Curve:
    """Return ``spectrum`` in ``unit``, one of `FLUX_UNITS`.

    A spectrum that is not in Jy (before photom: DN/s) stays in its own unit, and says so.
    """
    wavelength = np.asarray(spectrum.wavelength, float)
    if spectrum.unit != "Jy":
        note = f"not flux calibrated: shown in {spectrum.unit}"
        flux, error = np.asarray(spectrum.flux, float), np.asarray(spectrum.flux_error, float)
        return Curve(wavelength, flux, error, spectrum.unit, (note,))
    if unit in _PER_JY:
        factor = _PER_JY[unit]
        flux = np.asarray(spectrum.flux, float) * factor
        return Curve(wavelength, flux, np.asarray(spectrum.flux_error, float) * factor, unit)
    value = np.asarray(spectrum.surf_bright, float)
    error = np.asarray(spectrum.column("SB_ERROR"), float)
    if value.size and not np.any(value[np.isfinite(value)]):
        # jwst writes zeros to SURF_BRIGHT in optimal extraction: no measurement, so no curve.
        note = "no surface brightness in this spectrum (optimal extraction gives none)"
        empty = np.full(value.shape, np.nan)
        return Curve(wavelength, empty, empty, unit, (note,))
    return Curve(wavelength, value, error, unit)


def flux_curve(wavelength: ArrayLike, flux: ArrayLike, unit: str) -> Curve:
    """Return a flux density in Jy, over micron, without errors, in ``unit``."""
    x, y = np.asarray(wavelength, float), np.asarray(flux, float)
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    if unit not in _PER_JY:
        note = f"known in Jy only, not in {unit}"
        return Curve(x, empty := np.full(x.shape, np.nan), empty, unit, (note,))
    y = y * _PER_JY[unit]
    return Curve(x, y, np.full(x.shape, np.nan), unit)


def flux_band(systematic: Systematic, unit: str) -> FloatArray | None:
    """Return the edges of a systematic error's band in ``unit``, shape (2, n_wave).

    A band that is not in Jy stays in its own unit, as its spectrum does; None where ``unit`` is
    none of flux.
    """
    edges = np.stack([systematic.low, systematic.high]).astype(float)
    if systematic.unit != "Jy":
        return edges
    return edges * _PER_JY[unit] if unit in _PER_JY else None


def on_log_scale(values: FloatArray) -> tuple[FloatArray, int]:
    """Return ``values`` with NaN where a logarithm has no place for them, and how many these are.

    Values that were not finite before are not counted.
    """
    left_out = values <= 0
    return np.where(left_out, np.nan, values), int(np.count_nonzero(left_out))


def stepped(wavelength: FloatArray, *values: FloatArray) -> tuple[FloatArray, ...]:
    """Return vertices of a histogram-like line: each value is level over its own interval.

    Intervals meet halfway between neighbouring wavelengths. A NaN leaves a gap of one interval.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wave,), ascending
    *values : ndarray, shape (n_wave,)

    Returns
    -------
    tuple of ndarray, each of shape (2 * n_wave,)
        The wavelengths, then the values.
    """
    if wavelength.size < 2:
        return (wavelength, *values)
    middle = (wavelength[1:] + wavelength[:-1]) / 2
    first = wavelength[0] - (middle[0] - wavelength[0])
    last = wavelength[-1] + (wavelength[-1] - middle[-1])
    edges = np.concatenate([[first], np.repeat(middle, 2), [last]])
    return (edges, *(np.repeat(v, 2) for v in values))


def flux_range(
    curves: Iterable[Curve], *, log: bool, window: tuple[float, float] = NOMINAL_RANGE
) -> tuple[float, float] | None:
    """Return a range (low, high) of flux that shows ``curves`` and is not led by a spike.

    From the 2nd to the 98th percentile of each curve within ``window`` (micron), with a margin;
    zero is included when it is near. None when there is nothing to show.
    """
    lows, highs = [], []
    for one in curves:
        inside = (one.wavelength >= window[0]) & (one.wavelength <= window[1])
        inside &= np.isfinite(one.value)
        if log:
            inside &= one.value > 0
        if inside.any():
            low, high = np.percentile(one.value[inside], (2.0, 98.0))
            lows.append(float(low))
            highs.append(float(high))
    if not lows:
        return None
    low, high = min(lows), max(highs)
    if log:
        return low / 1.6, high * 1.6
    if 0 < low < 0.35 * high:
        low = 0.0
    margin = 0.15 * (high - low) or abs(high) * 0.15 or 1.0
    return low - margin, high + margin


@dataclass(frozen=True, eq=False)
class Comparison:
    """A spectrum against a reference.

    Parameters
    ----------
    value : ndarray, shape (n_wave,)
        Ratio or difference at each wavelength; NaN where either has none.
    median, scatter : float
        Median, and standard deviation by the median absolute deviation, within `COMPARED_RANGE`;
        NaN where there is no value.
    count : int
        Number of values within `COMPARED_RANGE`.
    """

    value: FloatArray
    median: float
    scatter: float
    count: int


def compare(one: Curve, reference: Curve, kind: str) -> Comparison:
    """Return ``one`` divided by, or less, ``reference``.

    The reference is interpolated linearly to the wavelengths of ``one`` where they differ; a gap
    in it stays a gap and nothing is extrapolated.

    Parameters
    ----------
    kind : {"ratio", "difference"}
    """
    other = reference.value
    if not np.array_equal(one.wavelength, reference.wavelength):
        if reference.wavelength.size:
            other = np.interp(
                one.wavelength, reference.wavelength, other, left=np.nan, right=np.nan
            )
        else:
            other = np.full(one.wavelength.shape, np.nan)
    if kind == "ratio":
        usable = np.isfinite(other) & (other != 0)
        value = np.divide(one.value, other, out=np.full(other.shape, np.nan), where=usable)
    elif kind == "difference":
        value = one.value - other
    else:
        raise ValueError(f"comparison {kind!r} is not known here")
    value = np.where(np.isfinite(value), value, np.nan)
    inside = (one.wavelength >= COMPARED_RANGE[0]) & (one.wavelength <= COMPARED_RANGE[1])
    sample = value[inside & np.isfinite(value)]
    if not sample.size:
        return Comparison(value, float("nan"), float("nan"), 0)
    median = float(np.median(sample))
    scatter = SIGMA_PER_MEDIAN * float(np.median(np.abs(sample - median)))
    return Comparison(value, median, scatter, int(sample.size))
