"""MR-LRS04: pathloss was corrected for another place in the slit than the source's.

Measures where all target acquisition images together show the source across the slit, and for
which place the recipe corrects. Statistic: by how many standard errors of a spectral element the
ratio of the light that passes the slit at the two places changes the spectrum, where that is most.
The slit's transmission is that of a Gaussian of JDox's width; the exact correction is the
pipeline's.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import MATTERS, Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve, Place
from lrs_explorer.diagnosis.light import passed
from lrs_explorer.diagnosis.words import judged_range, signed, spans
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.slit.frame import SlitPosition
from lrs_explorer.model.slit.geometry import HALF_WIDTH, outside_slit
from lrs_explorer.model.slit.pathloss import resolve

ISSUE: Final = "MR-LRS04"
TITLE: Final = "Pathloss corrected for another place"

SIGNIFICANT: Final = 4.0
"""Standard errors of the centroid that the two places must differ by."""


def judge(case: Case) -> Finding:
    """Compare the place that is corrected for with the one that was seen."""
    if case.recipe.pathloss.mode == "off":
        why = (
            "the recipe leaves pathloss uncorrected: the spectrum is that of the light in the slit."
        )
        return Finding(ISSUE, TITLE, "suspect", why, advice="Correct for where the source is.")
    card, frame = case.card, case.frame
    seen = card.seen
    if seen is None or not np.isfinite(seen.across):
        notes = "; ".join(card.notes)
        why = (
            "no acquisition image tells where the source is across the slit"
            f"{': ' if notes else ''}{notes}."
        )
        return Finding(
            ISSUE, TITLE, "unknown", why, advice="Download the MIR_TACONFIRM image beside it."
        )
    place = SlitPosition(seen.along, seen.across)
    choice = resolve(case.recipe.pathloss, frame, place)
    corrected = choice.position
    if corrected is None:
        why = f"{choice.sentence}."
        return Finding(ISSUE, TITLE, "suspect", why, advice="Set the source type to POINT.")
    assumed = 0.0 if np.isnan(corrected.across) else corrected.across
    signal = case.signal
    wavelength = np.nan_to_num(signal.wavelength, nan=10.0)
    ratio = passed(wavelength, assumed) / passed(wavelength, seen.across)
    change = np.abs(ratio - 1.0) * signal.signal_to_noise
    worst = float(change.max(initial=0.0))
    error = seen.across_uncertainty if np.isfinite(seen.across_uncertainty) else 0.0
    significance = abs(seen.across - assumed) / max(error, 1e-3)
    missing = float(100 * np.median(ratio[signal.counts] - 1)) if signal.counts.any() else np.nan
    evidence = (
        Evidence("largest change of the spectrum", worst, "standard errors", MATTERS),
        Evidence("source across the slit", seen.across, "arcsec"),
        Evidence("its uncertainty", error, "arcsec"),
        Evidence("corrected for", assumed, "arcsec"),
        Evidence("flux that the correction misses", missing, "%"),
        Evidence("half width of the slit", HALF_WIDTH, "arcsec"),
    )
    order = np.argsort(wavelength)
    figure = Figure(
        wavelengths=spans(signal.wavelength, change >= MATTERS),
        places=(
            Place("corrected for", slit=(corrected.along, assumed)),
            Place("seen by target acquisition", slit=(seen.along, seen.across)),
        ),
        curves=(FindingCurve("missing factor", wavelength[order], ratio[order], "fraction"),),
    )
    sentence = (
        f"target acquisition shows the source {signed(seen.across)}″ across the slit, and pathloss "
        f"is corrected for {signed(assumed)}″: {signed(missing, 1)} % of flux"
    )
    outside = outside_slit(seen.across, 0.0)
    location = round(float(seen.across), 4)
    remedy: Recipe | None = case.recipe.replace(
        pathloss=dataclasses.replace(case.recipe.pathloss, mode="offset", user_slit_loc=location)
    )
    advice = f"Corrects for {signed(location, 3)}″ across the slit (user_slit_loc)."
    why_not = case.observation.why_not("pathloss")
    if why_not and case.observation.why_not("pixel_replace"):  # neither rate nor cal
        remedy, advice = None, why_not
    if outside:
        why = f"{sentence}. Beware: {outside}."
        return Finding(ISSUE, TITLE, "found", why, evidence, figure, remedy, advice)
    if significance > SIGNIFICANT and worst >= MATTERS:
        why = f"{sentence}, up to {worst:.0f} standard errors at {judged_range()}."
        return Finding(ISSUE, TITLE, "found", why, evidence, figure, remedy, advice)
    return Finding(ISSUE, TITLE, "ok", f"{sentence}.", evidence, figure)
