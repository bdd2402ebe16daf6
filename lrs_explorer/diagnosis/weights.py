"""Weights of resampling that bend the row's profile.

resample_spec weighs detector pixels by the inverse variance of their read noise (weight_type
"ivm"). Where a cosmic ray has cut a pixel's ramp short, or a bad pixel was replaced, that variance
differs from its neighbours', and a pixel of the s2d, which is the weighted mean of those that it
overlaps, takes more of one flank of the star: the row's flux is wrong by up to ten per cent, with
no flag. Seen in flight data too (jwst issue 7779). Statistic: change of the spectrum in standard
errors, where that is most, when the same pixels weigh alike.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import MATTERS, Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve
from lrs_explorer.diagnosis.parts import Exposure
from lrs_explorer.diagnosis.words import judged_range, signed, spans
from lrs_explorer.model.data.dq import unusable
from lrs_explorer.model.data.products import FloatArray

ISSUE: Final = "weights"
TITLE: Final = "Resampling weights bend the profile"

ALIKE: Final = "exptime"
"""The weight_type with which all pixels of an exposure weigh the same."""

REACHED: Final = 3
"""Pixels of the s2d, in each direction, that one of the detector overlaps at most."""


def judge(case: Case) -> Finding:
    """Resample with both kinds of weights, and compare."""
    used = str(case.image.header.get("RESWHT") or "ivm")
    if used != "ivm":
        return Finding(ISSUE, TITLE, "ok", f"pixels were resampled with {used} weights, alike.")
    change, flux = _change(case)
    signal = case.signal
    size = np.where(signal.counts & np.isfinite(change), np.abs(change), 0.0)
    size = np.divide(size, signal.error, out=np.zeros_like(size), where=signal.counts)
    hit = size >= MATTERS
    worst = int(np.argmax(size))
    share = 100 * float(change[worst] / flux[worst]) if flux[worst] > 0 else float("nan")
    evidence = (
        Evidence("largest change of the spectrum", float(size[worst]), "standard errors", MATTERS),
        Evidence("largest change of the flux", share, "%"),
        Evidence("elements that it changes", int(hit.sum()), "elements"),
    )
    wavelength = case.image.row_wavelength
    figure = Figure(
        wavelengths=spans(wavelength, hit),
        curves=(FindingCurve("changed by the weights", wavelength, size, "standard errors"),),
    )
    if not hit.any():
        why = f"the weights change no element at {judged_range()} by {MATTERS:g} standard errors."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    why = (
        f"pixels whose read noise differs from their neighbours' (cosmic rays, replaced pixels) "
        f"bend the profile in {int(hit.sum())} rows at {judged_range()}, by up to "
        f"{signed(share, 1)} % of the flux or {size[worst]:.0f} standard errors, at "
        f"{wavelength[worst]:.2f} µm."
    )
    remedy = case.recipe.replace(
        resample=dataclasses.replace(case.recipe.resample, weight_type=ALIKE)
    )
    if remedy == case.recipe:
        why = f"{why[:-1]}, in the delivered image; the recipe has pixels weigh alike."
        advice = "Run the pipeline to see it."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure, advice=advice)
    advice = "Resamples with pixels that weigh alike (weight_type exptime)."
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, remedy, advice)


def _change(case: Case) -> tuple[FloatArray, FloatArray]:
    """Return what the weights add to the flux in the aperture, and that flux without them.

    In the aperture or in one on the trace, whichever is changed more. Shape (n_wave,) each.
    """
    weighted, alike = (
        _resampled(case.exposures, case.image.shape, by_noise=by_noise)
        for by_noise in (True, False)
    )
    column = np.arange(case.image.shape[1])
    change, flux = np.zeros((2, len(weighted)))
    for lower, upper in case.boxes:
        edges = np.minimum(upper[:, None], column + 0.5) - np.maximum(lower[:, None], column - 0.5)
        part = np.clip(edges, 0.0, 1.0)
        one, other = (np.nansum(part * image, axis=1) for image in (weighted, alike))
        larger = np.abs(one - other) > np.abs(change)
        change, flux = np.where(larger, one - other, change), np.where(larger, other, flux)
    return change, flux


def _resampled(exposures: list[Exposure], shape: tuple[int, int], *, by_noise: bool) -> FloatArray:
    """Return the image that detector pixels make: their mean, weighted by overlap and noise."""
    total, weights = np.zeros((2, *shape))
    for exposure in exposures:
        pixels, image = exposure.map, exposure.image
        rows, columns = (
            slice(first, first + number)
            for first, number in zip(pixels.corner, pixels.row.shape, strict=True)
        )
        data, noise = (np.asarray(a[rows, columns], float) for a in (image.data, image.var_rnoise))
        good = np.isfinite(data) & np.isfinite(pixels.row)
        if image.dq is not None:
            good &= ~unusable(image.dq[rows, columns])
        if by_noise:
            good &= np.isfinite(noise) & (noise > 0)
        weight = 1 / noise[good] if by_noise else np.ones(int(good.sum()))
        values = data[good]
        along, across = pixels.row_edges[:, good], pixels.column_edges[:, good]
        for i in range(REACHED):
            row, share = _overlap(along, i)
            for j in range(REACHED):
                col, part = _overlap(across, j)
                inside = (share * part > 0) & (row >= 0) & (row < shape[0])
                inside &= (col >= 0) & (col < shape[1])
                place = row[inside], col[inside]
                falls = (share * part * weight)[inside]
                np.add.at(weights, place, falls)
                np.add.at(total, place, falls * values[inside])
    made = np.full(shape, np.nan)
    np.divide(total, weights, out=made, where=weights > 0)
    return made


def _overlap(edges: FloatArray, number: int) -> tuple[np.ndarray, FloatArray]:
    """Return the pixel, by number from the first, that intervals overlap, and by how much."""
    lower, upper = edges
    pixel = np.floor(lower + 0.5).astype(int) + number
    within = np.minimum(upper, pixel + 0.5) - np.maximum(lower, pixel - 0.5)
    return pixel, np.clip(within, 0.0, None)
