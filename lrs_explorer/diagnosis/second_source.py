"""Scattered light or a second source in the slit: light beside the trace.

Measures the profile along the slit, combined over 5 to 12 micron, less the star on the trace and
its negative images. Statistic: the highest peak that is left, fitted with a star's profile, in
standard errors; and how bright it is beside the source.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place
from lrs_explorer.diagnosis.light import pixel_share
from lrs_explorer.diagnosis.profile import WAVELENGTH, negative_images, star_height
from lrs_explorer.model.position import spatial_profile
from lrs_explorer.model.products import FloatArray
from lrs_explorer.model.recipe_series import REFERENCE_COLUMNS

ISSUE: Final = "second_source"
TITLE: Final = "Other light in the slit"

SIGNIFICANT: Final = 6.0
"""Standard errors of the profile's own scatter from which a peak counts, as in trace finding."""

SHARE: Final = 1.0
"""Per cent of the source from which a peak counts: diffraction and wings of the PSF make less at
more than `BESIDE` pixels."""

BESIDE: Final = 6.0
"""Pixels from the trace and from negative traces within which their own wings hide everything."""


def judge(case: Case) -> Finding:
    """Look for peaks beside the trace."""
    image, trace = case.image, case.trace
    case.on_trace  # noqa: B018  says that there is no trace
    assert trace is not None
    profile = spatial_profile(image)
    value, position = np.array(profile.value), profile.position
    if case.observation.mode == "slitless":
        value[:REFERENCE_COLUMNS] = np.nan
    known = np.isfinite(value)
    if known.sum() < 10:
        return Finding(ISSUE, TITLE, "unknown", "the image is too narrow to tell.")
    trunk = star_height(value, position, trace.center)
    clear = known & (np.abs(position - trace.center) > BESIDE)
    for trough in negative_images(case):
        clear &= np.abs(position - trough) > BESIDE
    # The slit's ends are half lit.
    inner = np.flatnonzero(known)
    clear[inner[:2]] = clear[inner[-2:]] = False
    if clear.sum() < 8:
        why = "the source and its negative images leave too little of the slit to tell."
        return Finding(ISSUE, TITLE, "unknown", why)
    fit = np.polynomial.Polynomial.fit(position[clear], value[clear], 1)
    residual = np.where(clear, value - fit(position), 0.0)
    noise = _noise(value, clear)
    grid = position[clear]
    heights = np.array([star_height(residual, position, center, clear) for center in grid])
    share_squared = np.array(
        [(pixel_share(WAVELENGTH, position[clear] - center) ** 2).sum() for center in grid]
    )
    significance = heights * np.sqrt(share_squared) / noise if noise > 0 else np.zeros(len(grid))
    index = int(np.argmax(significance))
    relative = 100 * heights[index] / trunk if trunk > 0 else float("nan")
    place = float(grid[index])
    evidence = (
        Evidence(
            "highest peak beside the source", float(significance[index]), "sigma", SIGNIFICANT
        ),
        Evidence("its brightness", relative, "% of the source"),
        Evidence("its position", place, "pixels"),
    )
    figure = Figure(
        places=(Place("other light", place),),
        curves=(),
    )
    found = significance[index] >= SIGNIFICANT and relative >= SHARE
    if not found:
        why = (
            f"the highest peak beside the source has {relative:.1f} % of its light "
            f"({significance[index]:.1f}σ)."
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
    why = (
        f"light {where} that is not the source's: {relative:.1f} % of it "
        f"({significance[index]:.0f}σ)."
    )
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, remedy, advice)


def _noise(value: FloatArray, clear: np.ndarray) -> float:
    """Return the pixel-to-pixel scatter of the profile, from second differences."""
    second = value[:-2] - 2 * value[1:-1] + value[2:]
    used = clear[:-2] & clear[1:-1] & clear[2:]
    if used.sum() < 4:
        return float("nan")
    return float(1.4826 * np.median(np.abs(second[used])) / np.sqrt(6.0))
