"""Cosmic rays that are left in the integrations of a time series.

Measures some stretches of neighbouring integrations: pixels in the aperture far above their own
median in time. Statistic: how many of them there are for each integration that change its spectrum.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import scipy
from astropy.stats import mad_std

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.words import spans

ISSUE: Final = "cosmic_rays"
TITLE: Final = "Cosmic rays in the integrations"

STRETCHES: Final = 4
LENGTH: Final = 16
"""Integrations of a stretch; within that the star and the telescope hardly change."""

NEIGHBOURS: Final = 15
"""Pixels along the dispersion whose spread in time is like that of the one in the middle."""

SIGNIFICANT: Final = 6.0
"""Standard deviations of the pixel in time; by chance 0.00001 for each integration."""

MANY: Final = 0.1
"""Hits in the aperture for each integration from which they are found: one light curve point of a
wavelength in 3000."""


def judge(case: Case) -> Finding:
    """Count hits in the aperture."""
    if case.recipe.series.outliers != "off":
        return Finding(ISSUE, TITLE, "ok", "the recipe treats pixels that stand out in time.")
    series = case.stages.series(case.recipe)  # type: ignore[attr-defined]
    length = min(LENGTH, len(series))
    if length < 5:
        why = f"{len(series)} integrations are too few to tell."
        return Finding(ISSUE, TITLE, "unknown", why)
    edges = case.edges
    column = np.arange(case.image.shape[1])
    inside = (column + 0.5 > edges.lower[:, None]) & (column - 0.5 < edges.upper[:, None])
    inside &= np.isfinite(case.image.wavelength)
    hits = np.zeros(case.image.shape)
    looked = 0
    for start in np.unique(np.linspace(0, len(series) - length, STRETCHES).astype(int)):
        data = series.read(int(start), int(start) + length).valid_data
        seen = np.isfinite(data).sum(axis=0) >= 5
        filled = np.where(np.isfinite(data), data, 0.0)
        middle = np.median(filled, axis=0)
        spread = mad_std(filled, axis=0)
        # Few values may lie together by chance: the spread along their column counts too.
        along = scipy.ndimage.median_filter(spread, (NEIGHBOURS, 1), mode="nearest")
        spread = np.maximum(spread, along)
        high = (filled - middle > SIGNIFICANT * spread) & seen & inside & (spread > 0)
        hits += high.sum(axis=0)
        looked += length
    rate = float(hits.sum() / looked)
    number = min(looked, len(series))
    evidence = (
        Evidence("hits in the aperture for each integration", rate, "", MANY),
        Evidence("integrations looked at", number, f"of {len(series)}"),
    )
    figure = Figure(
        wavelengths=spans(case.image.row_wavelength, np.asarray(hits.any(axis=1))),
        pixels=tuple((1, int(r), int(c)) for r, c in np.argwhere(hits > 0)),
    )
    why = f"{rate:.2f} hits in the aperture for each of {number} integrations looked at."
    if rate < MANY:
        return Finding(ISSUE, TITLE, "ok", why, evidence)
    remedy = case.recipe.replace(series=dataclasses.replace(case.recipe.series, outliers="replace"))
    advice = "Replaces pixels that stand out in time by the median of their neighbours in time."
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, remedy, advice)
