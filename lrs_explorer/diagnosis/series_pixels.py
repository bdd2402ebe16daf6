"""MR-LRS02 in a time series: bad pixels in the aperture, flagged ones and others without a flag.

Its spectra are extracted from detector pixels, so a pixel without a value (DO_NOT_USE) takes
its share of the star's light with it. Hot and dead pixels without a flag are found on a typical
image (`lrs_explorer.model.measure.pixels.outliers.find_outliers`). Statistic: by how many standard
errors of a spectral element of one integration the worst pixel changes the spectrum; those beside
the aperture count where they spoil what is put in place of others
(`lrs_explorer.diagnosis.replacing`).
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import MATTERS, Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.light import pixel_share
from lrs_explorer.diagnosis.replacing import ALGORITHM, spoiled
from lrs_explorer.diagnosis.words import counted, spans
from lrs_explorer.model.data.dq import flagged
from lrs_explorer.model.measure.pixels.outliers import find_outliers

ISSUE: Final = "MR-LRS02"
TITLE: Final = "Bad pixels in the aperture"


def judge(case: Case) -> Finding:
    """Look for pixels that change the spectrum."""
    image, signal, edges = case.image, case.signal, case.edges
    column = np.arange(image.shape[1])
    part = np.minimum(edges.upper[:, None], column + 0.5) - np.maximum(
        edges.lower[:, None], column - 0.5
    )
    inside = (part > 0) & np.isfinite(image.wavelength) & signal.counts[:, None]
    error = np.where(signal.counts, signal.error, np.inf)[:, None]
    wavelength = np.nan_to_num(image.wavelength, nan=10.0)
    share = pixel_share(wavelength, column[None, :] - case.on_trace[:, None])
    light = np.clip(np.nan_to_num(signal.flux), 0.0, None)[:, None]
    holes = np.where(inside & ~np.isfinite(image.data), share * light / error, 0.0)
    wrong = np.zeros(image.shape)
    outliers = find_outliers(image)
    for outlier in outliers:
        if inside[outlier.place]:
            wrong[outlier.place] = abs(outlier.value - outlier.expected) / error[outlier.row, 0]
    if case.recipe.pixel_replace.algorithm == ALGORITHM:
        replaced = inside & ((holes > 0) | (wrong >= MATTERS))
        if image.dq is not None:
            replaced |= inside & flagged(image.dq, "FLUX_ESTIMATED")
        for outlier in outliers:
            if not inside[outlier.place]:
                change = spoiled(image.data, outlier, replaced[outlier.row])
                wrong[outlier.place] = change / error[outlier.row, 0]
    missing, hidden = holes >= MATTERS, wrong >= MATTERS
    worst = float(max(holes.max(), wrong.max()))
    evidence = (
        Evidence("largest change of the spectrum", worst, "standard errors", MATTERS),
        Evidence("pixels without a value that matter", int(missing.sum()), "pixels"),
        Evidence("unflagged hot and dead pixels that matter", int(hidden.sum()), "pixels"),
    )
    chosen = missing | hidden
    figure = Figure(
        wavelengths=spans(signal.wavelength, np.asarray(chosen.any(axis=1))),
        pixels=tuple((1, int(r), int(c)) for r, c in np.argwhere(chosen)),
    )
    if not chosen.any():
        why = f"no pixel in the aperture changes the spectrum by {MATTERS:g} standard errors."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    why = (
        f"{counted(int(missing.sum()), 'pixel')} without a value and "
        f"{counted(int(hidden.sum()), 'unflagged hot or dead pixel')} change the spectrum, by up "
        f"to {worst:.0f} standard errors."
    )
    replace = case.recipe.pixel_replace
    by_hand = (*replace.flagged, *((1, int(r), int(c)) for r, c in np.argwhere(hidden)))
    algorithm = "mingrad" if replace.algorithm == "off" else replace.algorithm
    remedy = case.recipe.replace(
        pixel_replace=dataclasses.replace(replace, algorithm=algorithm, flagged=by_hand)
    )
    if remedy == case.recipe:
        why = f"{why[:-1]} in the images as they are; the recipe replaces them."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure, advice="Run the pipeline.")
    why_not = case.observation.why_not("pixel_replace")
    return Finding(
        ISSUE,
        TITLE,
        "found",
        why,
        evidence,
        figure,
        None if why_not else remedy,
        why_not or f"Flags {counted(int(hidden.sum()), 'pixel')} and replaces all flagged ones.",
    )
