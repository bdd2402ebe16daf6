"""Scattered light or a second source: light beside the trace.

Measures the light of a star at each place beside the trace (`other_light`). Statistic: the highest
peak, in standard errors; and how bright it is beside the source.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place
from lrs_explorer.diagnosis.other_light import other_light
from lrs_explorer.diagnosis.profile import negative_images, star_height
from lrs_explorer.model.measure.position import spatial_profile

ISSUE: Final = "second_source"
TITLE: Final = "Other light beside the source"

SIGNIFICANT: Final = 6.0
"""Standard errors of the profile from which a peak counts, as in trace finding."""

SHARE: Final = 1.0
"""Per cent of the source from which a peak counts: diffraction and wings of the PSF make less at
more than 4 pixels."""

LEAST: Final = 5
"""Pixels of the profile that must be clear of the source and its negative image."""


def judge(case: Case) -> Finding:
    """Look for peaks beside the trace."""
    source, negative = case.source, negative_images(case)
    light = other_light(case, negative)
    if len(light) < LEAST:
        why = "the source and its negative images leave too little of the image to tell."
        return Finding(ISSUE, TITLE, "unknown", why)
    counts = (light.share >= SHARE) & (light.significance >= SIGNIFICANT)
    found = bool(counts.any())
    index = int(np.argmax(np.where(counts, light.share, 0.0) if found else light.significance))
    significance, relative = float(light.significance[index]), float(light.share[index])
    place = float(light.place[index])
    if negative:  # the mirror shows it in two places; it is where there really is light
        profile = spatial_profile(case.image)
        mirrored = source.center + negative[0] - place
        place = max(place, mirrored, key=lambda p: star_height(profile.value, profile.position, p))
    evidence = (
        Evidence("highest peak beside the source", significance, "sigma", SIGNIFICANT),
        Evidence("its brightness", relative, "% of the source"),
        Evidence("its position", place, "pixels"),
    )
    figure = Figure(
        places=(Place("other light", place),),
        curves=(),
    )
    if not found:
        why = (
            f"the highest peak beside the source has {relative:.1f} % of its light "
            f"({significance:.1f}σ)."
        )
        return Finding(ISSUE, TITLE, "ok", why, evidence)
    edges = case.edges
    inside = edges.lower.min() - 2 < place < edges.upper.max() + 2
    regions = case.recipe.background.regions if case.recipe.background else ()
    touched = [r for r in regions if r[0] - 3 < place < r[1] + 3]
    remedy = None
    advice = "Keep background regions away from it."
    if touched and case.recipe.background is not None:
        kept = tuple(r for r in regions if r not in touched)
        remedy = case.recipe.replace(
            background=type(case.recipe.background)(
                kept,
                case.recipe.background.bkg_fit,
                case.recipe.background.bkg_order,
                case.recipe.background.smoothing_length,
            )
        )
        advice = "Leaves out the background regions that it lies in."
    where = "within the aperture" if inside else f"at pixel {place:.0f}"
    why = f"light {where} that is not the source's: {relative:.1f} % of it ({significance:.0f}σ)."
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, remedy, advice)
