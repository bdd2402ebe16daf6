"""MR-LRS05: errors that are too small or too large for the scatter of the data.

Measures how far the spectrum scatters about its smooth run, by fourth differences, in units of its
errors (good to 8 per cent; for time series along time, good to 1 per cent). Where there is no
spectrum, and to explain, the same is measured on faint detector pixels. Those of nods that were
subtracted from each other scatter by 1.4 times too much even in good data: bkg_subtract adds the
other nod's noise to ERR, and the next step makes ERR anew from variances that know nothing of it. A
bright source's own noise hides that; a faint one's spectrum shows it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Curve, Evidence, Figure, Finding
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.recipe_parts import Uncertainty
from lrs_explorer.model.scatter import Scatter, scatter
from lrs_explorer.model.trace import NOMINAL_RANGE

ISSUE: Final = "MR-LRS05"
TITLE: Final = "Errors that do not fit the scatter"

SIGNIFICANT: Final = 4.0
"""Standard errors by which the ratio must differ from 1."""

WRONG: Final = 1.25
"""Ratio, or its inverse, from which errors are wrong. Jump rejection, flat field and fringes alone
make up to 1.15 in good data; JDox names no number."""

DOUBTFUL: Final = 1.15

FAINT: Final = 3.0
"""Standard errors of a pixel below which its surroundings must be: where traces of either sign are,
their bend is taken for noise."""

_ROWS: Final = 9  # of the running median that tells


def judge(case: Case) -> Finding:
    """Compare errors with the scatter."""
    pixels, spectrum = _of_pixels(case), _of_spectrum(case)
    known = [s for s in (pixels, spectrum) if s is not None and np.isfinite(s.ratio)]
    if not known:
        return Finding(
            ISSUE, TITLE, "unknown", "neither pixels nor a spectrum with errors are here."
        )
    best = known[-1]  # the spectrum, where there is one
    off = max(best.ratio, 1.0 / best.ratio if best.ratio > 0 else np.inf)
    significance = abs(best.ratio - 1.0) / best.uncertainty
    what = "detector pixels" if best is pixels else "spectrum"
    evidence = [
        Evidence("wrong by a factor of", off, "", WRONG),
        Evidence(f"scatter over error ({what})", best.ratio),
        Evidence("uncertainty", best.uncertainty),
    ]
    if pixels is not None and best is not pixels:
        evidence.append(Evidence("scatter over error (faint detector pixels)", pixels.ratio))
    figure = _figure(case, best.ratio)
    verb = "scatter" if best is pixels else "scatters"
    small = "too small" if best.ratio > 1 else "too large"
    sentence = (
        f"the {what} {verb} {best.ratio:.2f} ± {best.uncertainty:.2f} times what the quoted "
        "errors let expect"
    )
    chosen = case.recipe.uncertainty
    if chosen.method == "bootstrap":
        why = f"{sentence}; the recipe makes its own."
        return Finding(ISSUE, TITLE, "ok", why, tuple(evidence), figure)
    remedy = case.recipe.replace(uncertainty=Uncertainty("bootstrap", chosen.draws, chosen.seed))
    advice = "Takes errors from the scatter of the data (bootstrap)."
    if significance > SIGNIFICANT and off >= WRONG:
        why = f"{sentence}: errors are {small}."
        return Finding(ISSUE, TITLE, "found", why, tuple(evidence), figure, remedy, advice)
    if significance > SIGNIFICANT and off >= DOUBTFUL:
        why = f"{sentence}: errors may be {small}."
        return Finding(ISSUE, TITLE, "suspect", why, tuple(evidence), figure, remedy, advice)
    return Finding(ISSUE, TITLE, "ok", f"{sentence}.", tuple(evidence), figure)


def _of_pixels(case: Case) -> Scatter | None:
    """Measure detector pixels away from the trace; None where there are none."""
    try:
        exposures = case.exposures
    except LRSExplorerError:
        return None
    measured = []
    low, high = NOMINAL_RANGE
    for exposure in exposures:
        image = exposure.image
        rows = np.flatnonzero(np.isfinite(exposure.offset).any(axis=1))
        if not len(rows):
            continue
        columns = np.flatnonzero(np.isfinite(exposure.offset).any(axis=0))
        cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        error = np.sqrt(image.var_poisson[cut] + image.var_rnoise[cut])
        if image.err is not None:
            error = image.err[cut]
        wavelength = image.wavelength[cut]
        known = np.isfinite(exposure.offset[cut]) & np.isfinite(image.data[cut])
        used = known & (wavelength > low) & (wavelength < high)
        level = np.where(known, image.data[cut], 0.0)
        level = level - np.median(level, axis=1, keepdims=True)
        smooth = scipy.ndimage.median_filter(level, size=(_ROWS, 1))
        used &= np.abs(smooth) < FAINT * np.nan_to_num(error)
        measured.append(scatter(image.data[cut], error, used))
    measured = [s for s in measured if np.isfinite(s.ratio)]
    if not measured:
        return None
    number = sum(s.number for s in measured)
    ratio = float(np.average([s.ratio for s in measured], weights=[s.number for s in measured]))
    return Scatter(ratio, ratio * float(np.sqrt(1.3 / number)), number)


def _of_spectrum(case: Case) -> Scatter | None:
    """Measure the spectrum itself; None where there is none."""
    try:
        spectrum = case.extracted
    except LRSExplorerError:
        return None
    low, high = NOMINAL_RANGE
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    series = case.series
    if series is not None:  # neighbours in time know of no lines
        inside = (series.wavelength >= low) & (series.wavelength <= high)
        return scatter(series.flux[:, inside], series.flux_error[:, inside])
    return scatter(spectrum.flux, spectrum.flux_error, inside)


def _figure(case: Case, ratio: float) -> Figure:
    try:
        spectrum = case.extracted
    except LRSExplorerError:
        return Figure()
    return Figure(
        curves=(
            Curve("quoted error", spectrum.wavelength, spectrum.flux_error, spectrum.unit),
            Curve("by scatter", spectrum.wavelength, ratio * spectrum.flux_error, spectrum.unit),
        )
    )
