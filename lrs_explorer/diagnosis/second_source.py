"""Scattered light or a second source in the slit: light beside the trace.

Measures the profile along the slit, combined over 5 to 12 micron, less the star on the trace and
its negative images. Statistic: the highest peak that is left, fitted with a star's profile, in
standard errors; and how bright it is beside the source.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place
from lrs_explorer.diagnosis.light import pixel_share
from lrs_explorer.diagnosis.profile import WAVELENGTH, negative_images, star_height
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.measure.position import spatial_profile

ISSUE: Final = "second_source"
TITLE: Final = "Other light in the slit"

SIGNIFICANT: Final = 6.0
"""Standard errors of the profile from which a peak counts, as in trace finding."""

SHARE: Final = 1.0
"""Per cent of the source from which a peak counts: diffraction and wings of the PSF make less at
more than `BESIDE` pixels."""

MARGIN: Final = 2.0
"""By which errors may be too small (MR-LRS05)."""

LEAST: Final = 5
"""Pixels of the profile that must be clear of the source and its negative image."""

BESIDE: Final = 4.0
"""Pixels from the trace and from negative traces within which nothing can be told."""


def judge(case: Case) -> Finding:
    """Look for peaks beside the trace."""
    image, source = case.image, case.source
    profile = spatial_profile(image)
    value, position = np.array(profile.value), profile.position
    value[: case.reference_columns] = np.nan
    known = np.isfinite(value)
    if known.sum() < 10:
        return Finding(ISSUE, TITLE, "unknown", "the image is too narrow to tell.")
    trunk = star_height(value, position, source.center)
    negative = negative_images(case)
    residual, clear = _without_source(value, position, source.center, negative)
    if clear.sum() < LEAST:
        why = "the source and its negative images leave too little of the slit to tell."
        return Finding(ISSUE, TITLE, "unknown", why)
    noise = _noise(case, clear)
    grid = position[clear]
    heights = np.array([star_height(residual, position, center, clear) for center in grid])
    share_squared = np.array(
        [(pixel_share(WAVELENGTH, position[clear] - center) ** 2).sum() for center in grid]
    )
    significance = heights * np.sqrt(share_squared) / noise if noise > 0 else np.zeros(len(grid))
    index = int(np.argmax(significance))
    relative = 100 * heights[index] / trunk if trunk > 0 else float("nan")
    place = float(grid[index])
    if negative:  # the mirror shows it in two places; it is where there really is light
        partner = min(negative, key=lambda trough: abs(trough - source.center))
        mirrored = source.center + partner - place
        place = max(place, mirrored, key=lambda center: star_height(value, position, center))
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


def _without_source(
    value: FloatArray, position: FloatArray, center: float, negative: list[float]
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Take the source away from a profile by its own symmetry, halo and all.

    Two nods less each other are antisymmetric about the middle between the traces, a single star is
    symmetric about its own.

    Returns
    -------
    residual : ndarray, shape (n_cross,)
    clear : ndarray of bool, shape (n_cross,)
        Where it tells: mirrored within the image, not on a trace.
    """
    known = np.isfinite(value)
    curve = scipy.interpolate.CubicSpline(position[known], value[known], extrapolate=False)
    clear = known & (np.abs(position - center) > BESIDE)
    if negative:
        partner = min(negative, key=lambda trough: abs(trough - center))
        residual = value + curve(center + partner - position)
        for trough in negative:
            clear &= np.abs(position - trough) > BESIDE
    else:
        residual = value - curve(2 * center - position)
    clear &= np.isfinite(residual)
    # The slit's ends are half lit.
    inner = np.flatnonzero(clear)
    if len(inner) > 4:
        clear[inner[:1]] = clear[inner[-1:]] = False
    residual = np.where(clear, residual, 0.0)
    if clear.any():
        residual = np.where(clear, residual - np.median(residual[clear]), 0.0)
    return residual, clear


def _noise(case: Case, clear: NDArray[np.bool_]) -> float:
    """Return the noise of a pixel of the mirrored profile, by the errors of the image."""
    image = case.image
    low, high = NOMINAL_RANGE
    rows = (image.row_wavelength >= low) & (image.row_wavelength <= high)
    variance = (image.var_poisson + image.var_rnoise)[rows][:, clear]
    known = variance[np.isfinite(variance) & (variance > 0)]
    if not known.size:
        return float("nan")
    # Of a mean of the middle half, of two mirrored pixels.
    one = float(np.sqrt(np.median(known)) * 1.1 / np.sqrt(rows.sum()))
    return float(MARGIN * np.sqrt(2.0) * one)
