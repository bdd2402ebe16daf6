"""MR-LRS05: errors that are too small or too large for the scatter of the data.

Measures how far the detector pixels within the aperture scatter about their smooth run along the
dispersion, by fourth differences, in units of their errors (good to 5 per cent). Where there are
none, the same is measured on the spectrum (good to 8 per cent). Of time series it is measured along
time (good to 1 per cent). Statistic: scatter over error, or its inverse.

Spectra of faint sources are always found: jwst's bkg_subtract adds the other nod's noise to ERR,
but not to the variances, and flat_field makes ERR anew from those. Where noise is the sky's and the
detector's, errors of nods that were subtracted from each other are 1.4 times too small.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.measure.scatter import DEPENDENCE, Scatter, residuals, robust_scale, scatter
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.parts import Uncertainty

ISSUE: Final = "MR-LRS05"
TITLE: Final = "Errors that do not fit the scatter"

SIGNIFICANT: Final = 4.0
"""Standard errors by which the ratio must differ from 1."""

WRONG: Final = 1.25
"""Ratio, or its inverse, from which errors are wrong. Jump rejection, flat field and fringes alone
make up to 1.15 in good data; JDox names no number."""

DOUBTFUL: Final = 1.15

LEAST_PIXELS: Final = 200

LOOKED_AT: Final = 32
"""Integrations of a series without spectra in which scatter is measured."""


def judge(case: Case) -> Finding:
    """Compare errors with the scatter."""
    in_time = _of_integrations(case)
    pixels = None if in_time else _of_pixels(case)
    spectrum = in_time or _of_spectrum(case)
    known = [s for s in (pixels, spectrum) if s is not None and np.isfinite(s.ratio)]
    if not known:
        return Finding(
            ISSUE, TITLE, "unknown", "neither pixels nor a spectrum with errors are here."
        )
    best = known[0]  # the pixels, where there are some
    off = max(best.ratio, 1.0 / best.ratio if best.ratio > 0 else np.inf)
    significance = abs(best.ratio - 1.0) / best.uncertainty
    what = "pixels in the aperture" if best is pixels else "spectrum"
    evidence = [
        Evidence("wrong by a factor of", off, "", WRONG),
        Evidence(f"scatter over error ({what})", best.ratio),
        Evidence("uncertainty", best.uncertainty),
    ]
    if spectrum is not None and best is not spectrum:
        evidence.append(Evidence("scatter over error (spectrum)", spectrum.ratio))
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
    advice = "Replaces the errors by bootstrapped ones."
    if significance > SIGNIFICANT and off >= WRONG:
        why = f"{sentence}: errors are {small}."
        return Finding(ISSUE, TITLE, "found", why, tuple(evidence), figure, remedy, advice)
    if significance > SIGNIFICANT and off >= DOUBTFUL:
        why = f"{sentence}: errors may be {small}."
        return Finding(ISSUE, TITLE, "suspect", why, tuple(evidence), figure, remedy, advice)
    return Finding(ISSUE, TITLE, "ok", f"{sentence}.", tuple(evidence), figure)


def _of_pixels(case: Case) -> Scatter | None:
    """Measure the detector pixels of the aperture; None where there are none.

    By distance from the aperture's middle, because bright and faint pixels may differ; each
    distance counts by its part in the variance of the spectrum.
    """
    try:
        exposures = case.exposures
    except LRSExplorerError:
        return None
    low, high = NOMINAL_RANGE
    half = case.edges.width / 2
    middle = (case.edges.lower + case.edges.upper) / 2 - case.on_trace
    found: list[FloatArray] = []
    place: list[FloatArray] = []
    variance: list[FloatArray] = []
    for exposure in exposures:
        image = exposure.image
        error = image.err
        if error is None:
            error = np.sqrt(image.var_poisson + image.var_rnoise)
        shift = float(np.median(middle))
        inside = np.abs(exposure.offset - shift) < half
        inside &= (image.wavelength > low) & (image.wavelength < high)
        rows = np.flatnonzero(inside.any(axis=1))
        if not len(rows):
            continue
        # Differences reach two rows beyond.
        cut = slice(max(rows[0] - 2, 0), rows[-1] + 3)
        inside = inside[cut]
        found.append(residuals(image.data[cut], error[cut])[inside])
        place.append(np.abs(exposure.offset[cut] - shift)[inside].astype(int))
        variance.append(np.asarray(error[cut][inside], dtype=float) ** 2)
    if not found:
        return None
    left, distance, weight = (np.concatenate(parts) for parts in (found, place, variance))
    known = np.isfinite(left) & np.isfinite(weight)
    total, counted = 0.0, 0
    for step in np.unique(distance[known]):
        chosen = known & (distance == step)
        total += float(weight[chosen].sum() * robust_scale(left[chosen]) ** 2)
        counted += int(chosen.sum())
    if counted < LEAST_PIXELS or not total > 0:
        return None
    ratio = float(np.sqrt(total / weight[known].sum()))
    # The variance lies in the few bright pixels: about a third of all.
    return Scatter(ratio, ratio * float(np.sqrt(3 * DEPENDENCE / (2 * counted))), counted)


def _of_spectrum(case: Case) -> Scatter | None:
    """Measure the spectrum itself; None where there is none."""
    try:
        spectrum = case.extracted
    except LRSExplorerError:
        return None
    low, high = NOMINAL_RANGE
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength <= high)
    return scatter(spectrum.flux, spectrum.flux_error, inside)


def _of_integrations(case: Case) -> Scatter | None:
    """Measure along time: neighbours there know of no lines, and of no flat field.

    The delivered spectra, or where there are none, the light within the aperture of `LOOKED_AT`
    integrations. None of an image, and of too few integrations.
    """
    if not isinstance(case.observation, SeriesObservation):
        return None
    low, high = NOMINAL_RANGE
    delivered = case.series
    if delivered is not None:
        inside = (delivered.wavelength >= low) & (delivered.wavelength <= high)
        return scatter(delivered.flux[:, inside], delivered.flux_error[:, inside])
    try:
        series, wavelength = case.stages.series(case.measured), case.image.row_wavelength  # type: ignore[attr-defined]
    except LRSExplorerError:
        return None
    chunk = series.read(0, min(len(series), LOOKED_AT))
    column, edges = np.arange(case.image.shape[1]), case.edges
    part = np.clip(
        np.minimum(edges.upper[:, None], column + 0.5)
        - np.maximum(edges.lower[:, None], column - 0.5),
        0.0,
        1.0,
    )
    rows = (wavelength >= low) & (wavelength <= high)
    reach = part.max(axis=0) > 0
    weight = part[rows][:, reach]
    flux = (weight * chunk.valid_data[:, rows][:, :, reach]).sum(axis=2)  # NaN where a pixel is
    variance = (chunk.var_poisson + chunk.var_rnoise)[:, rows][:, :, reach]
    error = np.sqrt((weight**2 * variance).sum(axis=2))
    found = scatter(flux, error)
    return found if np.isfinite(found.ratio) else None


def _figure(case: Case, ratio: float) -> Figure:
    try:
        spectrum = case.extracted
    except LRSExplorerError:
        return Figure()
    return Figure(
        curves=(
            FindingCurve("quoted error", spectrum.wavelength, spectrum.flux_error, spectrum.unit),
            FindingCurve(
                "by scatter", spectrum.wavelength, ratio * spectrum.flux_error, spectrum.unit
            ),
        )
    )
