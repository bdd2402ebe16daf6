"""Background that nobody subtracted: the default of slitless data, and of single slit exposures.

Measures the level of the image beside the trace. Statistic: by how many standard errors of a
spectral element the background in the aperture changes the spectrum, where that is most, between
5 and 12 micron; or how much of the source's light it is.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
from astropy.stats import mad_std

from lrs_explorer.diagnosis.case import MATTERS, Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve
from lrs_explorer.diagnosis.light import enclosed, pixel_share
from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.diagnosis.profile import negative_images
from lrs_explorer.diagnosis.words import judged_range, signed
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Background, Recipe
from lrs_explorer.model.series.background import columns_beside

ISSUE: Final = "background"
TITLE: Final = "Background not subtracted"

SHARE: Final = 1.0
"""Per cent of the source's light from which a background matters: the accuracy of the photometric
calibration is 2 to 4 per cent, and transits are diluted by as much."""

SIGNIFICANT: Final = 5.0
"""Standard errors of the level."""

FAR: Final = 8.0
"""Pixels from the trace beyond which the star's halo is faint (two FWHM at 12 micron), and what
there is of it is taken off."""

BESIDE: Final = "Choose background regions beside the trace."


def judge(case: Case) -> Finding:
    """Measure what the aperture holds beside the source."""
    recipe, image = case.recipe, case.image
    if _subtracted_in_extraction(case):
        blind = _blind_regions(case)
        if blind:
            return _blind(case, blind)
        return Finding(ISSUE, TITLE, "ok", "background regions are subtracted in the extraction.")
    if recipe.slitless.subtract:
        return Finding(ISSUE, TITLE, "ok", "a two-dimensional background is subtracted.")
    source = case.source
    wavelength = image.row_wavelength
    columns = np.arange(image.shape[1])
    clear = np.abs(columns - source.center) > FAR
    troughs = negative_images(case)
    for trough in troughs:
        clear &= np.abs(columns - trough) > FAR
    away = clear[None, :] & np.isfinite(image.data) & np.isfinite(image.wavelength)
    away[:, : case.reference_columns] = False
    low, high = SPECTRUM_RANGE
    rows = np.flatnonzero((wavelength >= low) & (wavelength <= high) & (away.sum(axis=1) >= 5))
    level, error = np.full((2, len(wavelength)), np.nan)
    beside = image.data - _wings(case, troughs)
    for row in rows:
        values = beside[row, away[row]]
        level[row] = np.median(values)
        error[row] = 1.25 * mad_std(values) / np.sqrt(len(values))
    if not len(rows):
        return Finding(ISSUE, TITLE, "unknown", "no pixel beside the trace tells the background.")
    signal = case.signal
    width = case.edges.width
    lit = rows[signal.flux[rows] > 0]
    if not len(lit):
        why = "the aperture holds no light of the source that a background could be compared with."
        return Finding(ISSUE, TITLE, "unknown", why)
    share = 100 * float(np.median(level[lit] * width / signal.flux[lit]))
    counts = signal.counts & np.isfinite(level)
    change = np.where(counts, np.abs(level) * width / np.where(counts, signal.error, 1.0), 0.0)
    # What is seen of the level's noise alone does not count.
    change[~(np.abs(level) > SIGNIFICANT * error)] = 0.0
    worst = float(change.max(initial=0.0))
    significance = float(abs(np.median(level[rows] / np.maximum(error[rows], 1e-30))))
    significance *= float(np.sqrt(len(rows)))
    evidence = (
        Evidence("largest change of the spectrum", worst, "standard errors", MATTERS),
        Evidence("background in the aperture", share, "% of the source", SHARE),
        Evidence("significance of its level", significance, "sigma"),
        Evidence("level", float(np.median(level[rows])), image.unit),
    )
    order = np.argsort(wavelength[rows])
    figure = Figure(
        curves=(
            FindingCurve(
                "level beside the trace", wavelength[rows][order], level[rows][order], image.unit
            ),
        )
    )
    sentence = (
        f"the background makes {signed(share, 1)} % of the source's light in the aperture, and "
        f"up to {worst:.1f} standard errors at {judged_range()}"
    )
    if significance < SIGNIFICANT or (abs(share) < SHARE and worst < MATTERS):
        return Finding(ISSUE, TITLE, "ok", f"{sentence}.", evidence, figure)
    remedy, advice = _two_dimensional(case, recipe)
    if remedy is None and _other_nod_subtracted(case):
        why = f"{sentence}, although another exposure was subtracted: the background has changed."
        advice = BESIDE
        return Finding(ISSUE, TITLE, "suspect", why, evidence, figure, advice=advice)
    if remedy is None and not case.observation.why_not("nods"):
        remedy = recipe.replace(nods=dataclasses.replace(recipe.nods, subtract=True))
        advice = "Subtracts the other nod."
    return Finding(ISSUE, TITLE, "found", f"{sentence}.", evidence, figure, remedy, advice)


def _wings(case: Case, troughs: list[float]) -> FloatArray:
    """Return the light of the star itself and of its negative images, of the image's shape."""
    wavelength = np.nan_to_num(case.image.row_wavelength, nan=10.0)
    half, mode = case.edges.width / 2, case.observation.mode
    seen = np.nan_to_num(case.signal.flux) / enclosed(wavelength, -half, half, mode)
    offset = np.arange(case.image.shape[1]) - case.on_trace[:, np.newaxis]
    wavelength = wavelength[:, np.newaxis]
    share = pixel_share(wavelength, offset, mode)
    for trough in troughs:
        share = share - pixel_share(wavelength, offset + case.source.center - trough, mode)
    return np.asarray(seen[:, np.newaxis] * share)


def _other_nod_subtracted(case: Case) -> bool:
    subtracted = case.header.get("S_BKDSUB") == "COMPLETE"
    return subtracted and case.recipe.nods.subtract is not False


def _two_dimensional(case: Case, recipe: Recipe) -> tuple[Recipe | None, str]:
    """Return a recipe with the background of off-trace columns, where that can be had."""
    observation = case.observation
    if not isinstance(observation, SeriesObservation) or observation.mode != "slitless":
        return None, BESIDE
    beside = columns_beside(observation.series(), recipe.slitless, case.trace)
    remedy = recipe.replace(
        slitless=dataclasses.replace(
            recipe.slitless, subtract=True, columns=beside, backgrounds=None
        )
    )
    chosen, advice = observation.chosen_columns, "Subtracts the background of off-trace columns"
    if chosen is not None and chosen.columns == beside:
        return remedy, f"{advice}, integration by integration ({chosen.why})."
    return remedy, f"{advice}, integration by integration."


def _blind_regions(case: Case) -> list[tuple[float, float]]:
    """Return the background regions of which no pixel has a value."""
    background = case.recipe.background
    try:
        regions = (background or case.stages.placement(case.measured).background).regions
        column, seen = np.arange(case.image.shape[1]), np.isfinite(case.image.data).any(axis=0)
    except LRSExplorerError:  # there is no image, or no reference to tell
        return []
    return [
        (lower, upper)
        for lower, upper in regions
        if not (seen & (column + 0.5 > lower) & (column - 0.5 < upper)).any()
    ]


def _blind(case: Case, regions: list[tuple[float, float]]) -> Finding:
    """Say that sky is taken from fewer columns than it seems."""
    named = ", ".join(f"{lower:g} to {upper:g}" for lower, upper in regions)
    remedy, advice = _two_dimensional(case, case.recipe.replace(background=Background()))
    return Finding(
        ISSUE,
        TITLE,
        "found",
        f"no pixel of the background region {named} has a value: extract_1d takes the sky from "
        "what is left, or subtracts none.",
        remedy=remedy,
        advice=advice,
    )


def _subtracted_in_extraction(case: Case) -> bool:
    if case.recipe.background is not None:
        return bool(case.recipe.background.regions)
    try:
        background = case.extracted.column("BACKGROUND")
    except LRSExplorerError:  # nothing was delivered, and reference files are missing
        return False
    return bool(np.nanmax(np.abs(background), initial=0.0) > 0)
