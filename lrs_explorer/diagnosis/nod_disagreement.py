"""Nods that disagree: their spectra differ by more than their errors.

Measures the ratio of the nods' spectra in bins of `BIN` elements. Statistic: the largest deviation
of a bin's ratio from 1, in per cent, where it is also significant. What makes it is told by the
other issues: position, pathloss, bad pixels.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import SPECTRUM_RANGE, Case
from lrs_explorer.diagnosis.finding import Curve, Evidence, Figure, Finding
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.products import FloatArray, Spectrum
from lrs_explorer.model.recipe import Nods
from lrs_explorer.model.scatter import scatter

ISSUE: Final = "nod_disagreement"
TITLE: Final = "Nods disagree"

BIN: Final = 15
"""Elements of a bin; six resolution elements, more than what a bad pixel touches."""

DIFFERENT: Final = 3.0
"""Per cent by which a bin must differ: flat field and slit position make nods of a good observation
differ by 1 to 2 per cent (JDox, MIRI LRS repeatability)."""

SIGNIFICANT: Final = 5.0
"""Standard errors of a bin."""


def judge(case: Case) -> Finding:
    """Compare the nods' spectra, two by two."""
    observation = case.observation
    spectra: dict[int, Spectrum] = {}
    for number in range(1, observation.exposures + 1):
        try:
            spectrum = case.stages.delivered(Nods(exposure=number))
        except LRSExplorerError:
            continue
        if spectrum is not None:
            spectra[number] = spectrum
    if len(spectra) < 2:
        return Finding(ISSUE, TITLE, "unknown", "fewer than two nods have a spectrum.")
    worst, significance, pair = 0.0, 0.0, (0, 0)
    curve: Curve | None = None
    ranges: list[tuple[float, float]] = []
    for one, other in combinations(spectra, 2):
        wavelength, ratio, error = _binned_ratio(spectra[one], spectra[other])
        if not len(ratio):
            continue
        real = np.abs(ratio - 1) > SIGNIFICANT * error
        deviation = np.where(real, 100 * np.abs(ratio - 1), 0.0)
        index = int(np.argmax(deviation))
        if curve is None or deviation[index] > worst:
            worst, pair = float(deviation[index]), (one, other)
            significance = float(abs(ratio[index] - 1) / error[index])
            curve = Curve(f"nod {one} over nod {other}", wavelength, ratio)
            half = np.gradient(wavelength) / 2 if len(wavelength) > 1 else np.zeros(len(wavelength))
            hit = deviation >= DIFFERENT
            ranges = [
                (float(w - h), float(w + h))
                for w, h in zip(wavelength[hit], half[hit], strict=True)
            ]
    if curve is None:
        return Finding(ISSUE, TITLE, "unknown", "no part of the nods' spectra can be compared.")
    evidence = (
        Evidence("largest significant difference", worst, "%", DIFFERENT),
        Evidence("its significance", significance, "standard errors"),
        Evidence("median ratio", float(np.median(curve.value))),
    )
    figure = Figure(wavelengths=tuple(ranges), curves=(curve,))
    if worst < DIFFERENT:
        why = f"binned over {BIN} elements the nods agree to {DIFFERENT:g} %, as delivered."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    why = (
        f"the delivered spectra of nods {pair[0]} and {pair[1]} differ by up to {worst:.0f} % over "
        f"{BIN} elements ({significance:.0f} standard errors)."
    )
    advice = "Mend position, pathloss and bad pixels of each nod, then compare again."
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, advice=advice)


def _binned_ratio(one: Spectrum, other: Spectrum) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return wavelength, ratio and its error in bins; medians, which single pixels cannot shift."""
    low, high = SPECTRUM_RANGE
    inside = (one.wavelength >= low) & (one.wavelength <= high)
    wavelength = one.wavelength[inside]
    flux, error = one.flux[inside], _believable(one)[inside]
    good = np.isfinite(other.flux)
    if not (len(wavelength) and good.sum() > BIN):
        return np.empty(0), np.empty(0), np.empty(0)
    against = np.interp(wavelength, other.wavelength[good], other.flux[good])
    against_error = np.interp(wavelength, other.wavelength, np.nan_to_num(_believable(other)))
    found = []
    for start in range(0, len(wavelength) - BIN + 1, BIN):
        part = slice(start, start + BIN)
        known = np.isfinite(flux[part]) & np.isfinite(error[part])
        if known.sum() < BIN // 2:
            continue
        top, bottom = np.median(flux[part][known]), np.median(against[part][known])
        if top <= 0 or bottom <= 0:
            if max(top, bottom) <= 0:
                continue
            bottom = np.maximum(bottom, 1e-3 * top)
        variance = np.median(error[part][known]) ** 2 + np.median(against_error[part][known]) ** 2
        sigma = 1.25 * np.sqrt(variance / known.sum()) / bottom
        found.append((float(np.mean(wavelength[part])), float(top / bottom), float(sigma)))
    if not found:
        return np.empty(0), np.empty(0), np.empty(0)
    bins = np.array(found)
    return bins[:, 0], bins[:, 1], np.maximum(bins[:, 2], 1e-9)


def _believable(spectrum: Spectrum) -> FloatArray:
    """Return errors scaled to the scatter, where that is larger."""
    ratio = scatter(spectrum.flux, spectrum.flux_error).ratio
    return spectrum.flux_error * max(ratio if np.isfinite(ratio) else 1.0, 1.0)
