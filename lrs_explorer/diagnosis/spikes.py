"""Spikes and divots in the spectrum, one element wide, where only the x1d may be at hand.

A resolution element of the prism is two to three elements wide, so nothing real is sharper than its
line-spread function. Statistic: height of an element above its neighbours in standard errors,
scaled to the scatter, for those that are sharper than a line can be.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve
from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.diagnosis.words import counted, judged_range, spans
from lrs_explorer.model.data.products import FloatArray, Spectrum
from lrs_explorer.model.measure.scatter import scatter

ISSUE: Final = "spikes"
TITLE: Final = "Spikes and divots in the spectrum"

SIGNIFICANT: Final = 5.0
"""Standard errors from which an element counts: 0.0002 false ones in a spectrum of noise."""

SUSPECT: Final = 4.0

REPORTED: Final = 14.0
"""Micron up to which spikes are counted, if not judged: beyond, little light is left."""

SHARP: Final = 0.6
"""Height above the mean of both neighbours over height above the continuum. A Gaussian line of 2.5
elements' width makes 0.36, a single element 1."""

_CONTINUUM: Final = 9  # elements of the running median


def judge(case: Case) -> Finding:
    """Look for elements that no light can make."""
    spectrum = case.extracted
    height, sharp = sharp_elements(spectrum)
    low, high = SPECTRUM_RANGE
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    size = np.where(inside & sharp, np.abs(height), 0.0)
    hit, likely = size >= SIGNIFICANT, size >= SUSPECT
    worst = float(size.max(initial=0.0))
    outside = (spectrum.wavelength > high) & (spectrum.wavelength <= REPORTED)
    beyond = int((outside & sharp & (np.abs(height) >= SIGNIFICANT)).sum())
    missing = int((inside & ~np.isfinite(spectrum.flux)).sum())
    evidence = (
        Evidence("highest spike or divot", worst, "standard errors", SIGNIFICANT),
        Evidence("spikes and divots", int(hit.sum()), "elements"),
        Evidence("elements without a value", missing, "elements"),
        Evidence(f"the same at {high:g}–{REPORTED:g} µm, not judged", beyond, "elements"),
    )
    figure = Figure(
        wavelengths=spans(spectrum.wavelength, hit | (inside & ~np.isfinite(spectrum.flux))),
        curves=(
            FindingCurve("above its neighbours", spectrum.wavelength, height, "standard errors"),
        ),
    )
    if not (hit.any() or missing):
        if likely.any():
            why = (
                f"{counted(int(likely.sum()), 'element')} at {judged_range()} sharper than a line, "
                f"up to {worst:.1f}σ."
            )
            return Finding(ISSUE, TITLE, "suspect", why, evidence, figure)
        why = f"no element at {judged_range()} stands out more sharply than a line can."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    verb = "stands" if hit.sum() == 1 else "stand"
    why = (
        f"{counted(int(hit.sum()), 'element')} at {judged_range()} {verb} out more sharply than a "
        f"line can, by up to {worst:.0f} standard errors; {missing} have no value."
    )
    advice = "See which pixels make them (MR-LRS02); they are replaced before extraction."
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, advice=advice)


def sharp_elements(spectrum: Spectrum) -> tuple[FloatArray, np.ndarray]:
    """Return each element's height over its neighbours, and whether it is sharper than a line.

    Parameters
    ----------
    spectrum : Spectrum

    Returns
    -------
    height : ndarray, shape (n_wave,)
        In standard errors of the difference, scaled to the scatter that is seen; 0 at the ends and
        beside elements without a value.
    sharp : ndarray of bool, shape (n_wave,)
    """
    flux = np.asarray(spectrum.flux, dtype=float)
    error = np.asarray(spectrum.flux_error, dtype=float)
    ratio = scatter(flux, error).ratio
    if np.isfinite(ratio):
        error = error * max(ratio, 1e-3)
    height, sharp = np.zeros(len(flux)), np.zeros(len(flux), dtype=bool)
    if len(flux) < _CONTINUUM:
        return height, sharp
    # A linear flux in between: its neighbours' errors count a quarter each.
    above = flux[1:-1] - (flux[:-2] + flux[2:]) / 2
    # The error of a wrong element is itself wrong: that of its neighbours is taken.
    typical = scipy.ndimage.median_filter(np.nan_to_num(error), _CONTINUUM)
    expected = np.sqrt(1.5) * typical[1:-1]
    filled = np.where(np.isfinite(flux), flux, np.nan)
    known = np.isfinite(filled)
    if known.sum() < _CONTINUUM:
        return height, sharp
    filled = np.interp(np.arange(len(flux)), np.flatnonzero(known), filled[known])
    continuum = scipy.ndimage.median_filter(filled, _CONTINUUM, mode="nearest")
    deviation = (filled - continuum)[1:-1]
    good = np.isfinite(above) & (expected > 0)
    height[1:-1][good] = above[good] / expected[good]
    sharp[1:-1] = good & (np.abs(above) > SHARP * np.abs(deviation)) & (above * deviation > 0)
    # Beside a spike its neighbours look like divots of half its height: the middle one counts.
    size = np.abs(height)
    sharp[1:-1] &= (size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:])
    return height, sharp
