"""Ranges and numbers for sentences and figures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.model.data.products import FloatArray

__all__ = ["capital", "counted", "judged_range", "signed", "spans"]


def spans(wavelength: FloatArray, chosen: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Return the wavelength ranges that neighbouring chosen elements cover, micron, ascending.

    Parameters
    ----------
    wavelength : ndarray, shape (n,), micron
        In any monotonic order.
    chosen : ndarray of bool, shape (n,)
    """
    known = np.flatnonzero(np.isfinite(wavelength))
    if not len(known):
        return ()
    half = np.abs(np.gradient(wavelength[known])) / 2 if len(known) > 1 else np.zeros(1)
    hit = np.flatnonzero(chosen[known])
    found = []
    for run in np.split(hit, np.flatnonzero(np.diff(hit) > 1) + 1):
        if len(run):
            wave = wavelength[known[run]]
            found.append((float((wave - half[run]).min()), float((wave + half[run]).max())))
    return tuple(sorted(found))


def judged_range() -> str:
    """Return the wavelengths at which a spectrum is judged, "5–12 µm"."""
    low, high = SPECTRUM_RANGE
    return f"{low:g}–{high:g} µm"


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign and a real minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def capital(text: str) -> str:
    """Return a text that begins with a capital letter, the rest as it is."""
    return f"{text[:1].upper()}{text[1:]}"


def counted(number: int, noun: str) -> str:
    """Return "1 pixel", "2 pixels"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
