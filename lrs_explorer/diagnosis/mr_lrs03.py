"""MR-LRS03: the jump step has rejected good pixels, where the source is brightest.

Cosmic rays hit everywhere alike; false alarms sit on the trace, in runs along it. Measures pixels
in which every group was rejected (DO_NOT_USE and JUMP_DET, in the rate or the cal) within one pixel
of the trace and elsewhere in the slit. Statistic: significance of their excess on the trace, as
that of a binomial draw; runs of at least `RUN` pixels in one column count as found on their own.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.words import counted
from lrs_explorer.model.data.dq import flagged, unusable

ISSUE: Final = "MR-LRS03"
TITLE: Final = "Good pixels rejected as jumps"

NEAR: Final = 1.0
"""Pixels from the trace that hold its peak."""

SIGNIFICANT: Final = 4.0
"""Standard deviations of the excess on the trace; 3 in 100,000 by chance."""

RUN: Final = 3
"""Rejected neighbours along the trace that cosmic rays do not make: with one pixel in 300 rejected
by chance, a run of three comes once in 100,000 images."""

PROPOSED: Final = 8.0
"""rejection_threshold that the remedy begins with. On simulated ramps 8 and more clear all false
alarms and keep real hits (default 4; JDox known issue MR-LRS03)."""

LEAST_RATE: Final = 1.0 / 300.0
"""Share of pixels rejected by cosmic rays that is taken for possible where none is seen."""


def judge(case: Case) -> Finding:
    """Compare rejected pixels on the trace with those elsewhere."""
    on = off = 0
    seen_on = seen_off = 0
    longest = 0
    rejected: list[tuple[int, int, int]] = []
    for exposure in case.exposures:
        known = np.isfinite(exposure.offset) & (exposure.image.wavelength < 12.0)
        near = known & (np.abs(exposure.offset) <= NEAR)
        away = known & (np.abs(exposure.offset) > 4 * NEAR)
        lost = unusable(exposure.dq) & flagged(exposure.dq, "JUMP_DET")
        on, seen_on = on + int((lost & near).sum()), seen_on + int(near.sum())
        off, seen_off = off + int((lost & away).sum()), seen_off + int(away.sum())
        longest = max(longest, _longest_run(lost & near))
        rejected += [(exposure.number, int(r), int(c)) for r, c in np.argwhere(lost & near)]
    by_chance = max((off + 1) / (seen_off + 2), LEAST_RATE)
    probability = float(scipy.stats.binom.sf(on - 1, seen_on, by_chance)) if on else 1.0
    excess = float(np.clip(scipy.stats.norm.isf(probability), 0.0, 30.0))
    evidence = (
        Evidence("significance of rejected pixels on the trace", excess, "sigma", SIGNIFICANT),
        Evidence("pixels without a usable group on the trace", on, f"of {seen_on}"),
        Evidence("the same elsewhere in the slit", off, f"of {seen_off}"),
        Evidence("longest run along the trace", longest, "pixels", RUN),
    )
    wavelengths = []
    for number, row, column in rejected:
        ((low, high),) = case.pixels.maps[number].wavelengths([row], [column])
        if np.isfinite(low + high):
            wavelengths.append((float(low), float(high)))
    figure = Figure(wavelengths=tuple(sorted(wavelengths)), pixels=tuple(rejected))
    sentence = (
        f"{counted(on, 'pixel')} of the trace's peak lost all groups to the jump step, where "
        f"{by_chance * seen_on:.1f} are expected; the longest run has {longest}"
    )
    if not (excess >= SIGNIFICANT or longest >= RUN):
        return Finding(ISSUE, TITLE, "ok", f"{sentence}.", evidence)
    jump = case.recipe.jump
    if case.pending and jump.rejection_threshold:
        why = f"{sentence}, in the delivered image; the recipe has another threshold."
        advice = "Run the pipeline to see it."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure, advice=advice)
    threshold = max(PROPOSED, 1.5 * (jump.rejection_threshold or 0.0))
    why_not = case.observation.why_not("jump")
    remedy = None
    if not why_not:
        remedy = case.recipe.replace(jump=dataclasses.replace(jump, rejection_threshold=threshold))
    advice = (
        f"Runs the jump step again with rejection_threshold {threshold:g}."
        if remedy is not None
        else f"Another rejection_threshold would help, but {why_not} Replacing the pixels is the "
        "next best."
    )
    return Finding(ISSUE, TITLE, "found", f"{sentence}.", evidence, figure, remedy, advice)


def _longest_run(mask: NDArray[np.bool_]) -> int:
    """Return the length of the longest run of neighbouring rows that hold a chosen pixel."""
    longest = run = 0
    for hit in np.asarray(mask.any(axis=1)):
        run = run + 1 if hit else 0
        longest = max(longest, run)
    return longest
