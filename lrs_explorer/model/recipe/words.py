"""Recipes in words, for those who read what a step back or forward would change."""

from __future__ import annotations

import dataclasses

from lrs_explorer.model.recipe.recipe import Extraction, Nods, Recipe, SlitlessBackground

__all__ = ["changes_in_words", "in_words"]


def in_words(now: Recipe, then: Recipe | None) -> str:
    """Say what ``then`` has that ``now`` has not; "" where there is no ``then``."""
    return "" if then is None else "; ".join(changes_in_words(now, then))


def changes_in_words(now: Recipe, then: Recipe) -> list[str]:
    """Return what ``then`` has that ``now`` has not, each change in words."""
    changes = []
    if then.nods != now.nods:
        exposure = then.nods.exposure
        image = "as opened" if exposure is None else str(exposure)
        changes.append(f"image {image}, {_subtracted(then.nods)}")
    if then.aperture != now.aperture:
        aperture = then.aperture
        changes.append(
            "aperture as the pipeline places it"
            if aperture is None
            else f"aperture at {aperture.center:.2f}, {aperture.width:.2f} wide"
        )
    if then.background != now.background:
        regions = then.background.regions if then.background else None
        changes.append(
            "background as the reference file says"
            if regions is None
            else "background " + (", ".join(f"{a:.1f}–{b:.1f}" for a, b in regions) or "none")
        )
    if then.extraction != now.extraction:
        changes += _extraction(now.extraction, then.extraction)
    changes += _pixels(now, then)
    if then.pathloss != now.pathloss:
        mode, offset = then.pathloss.mode, then.pathloss.user_slit_loc
        changes.append(f"pathloss {mode}" + (f" {offset:+.3f}″" if mode == "offset" else ""))
    if then.jump != now.jump:
        threshold = then.jump.rejection_threshold
        changes.append(
            f"jump {'as delivered' if threshold is None else f'threshold {threshold:g}'}"
        )
    if then.slitless != now.slitless:
        changes.append(_background(then.slitless))
    if then.series.follow_trace != now.series.follow_trace:
        does = "follows" if then.series.follow_trace else "does not follow"
        changes.append(f"the aperture {does} the trace in time")
    if dataclasses.replace(then.series, follow_trace=now.series.follow_trace) != now.series:
        limit = f" from {then.series.outlier_threshold:g} sigma"
        changes.append(
            f"outliers in time {then.series.outliers}"
            + (limit if then.series.outliers in ("mask", "replace") else "")
        )
    if then.uncertainty != now.uncertainty:
        changes.append(f"errors by {then.uncertainty.method}")
    if then.wavelength != now.wavelength:
        changes.append(f"wavelengths for a source at {then.wavelength.source_offset:+.3f}″")
    return changes


def _extraction(now: Extraction, then: Extraction) -> list[str]:
    """Name the parameters of the extraction that differ, as the pipeline does."""
    changes = []
    if then.extraction_type != now.extraction_type:
        changes.append(f"{then.extraction_type} extraction")
    if then.use_source_posn != now.use_source_posn:
        asked = {None: "as the reference file says", True: "on", False: "off"}
        changes.append(f"use_source_posn {asked[then.use_source_posn]}")
    if then.position_offset != now.position_offset:
        changes.append(f"position_offset {then.position_offset:+.2f} px")
    if then.apply_apcorr != now.apply_apcorr:
        changes.append(f"aperture correction {'on' if then.apply_apcorr else 'off'}")
    return changes


def _pixels(now: Recipe, then: Recipe) -> list[str]:
    changes = []
    trace, replace = then.adaptive_trace_model, then.pixel_replace
    if trace != now.adaptive_trace_model:
        asked = {None: "as CRDS says", True: "off", False: "on"}[trace.skip]
        changes.append(f"adaptive_trace_model {asked}")
    if then.resample != now.resample:
        changes.append(f"resampling weights {then.resample.weight_type or 'as delivered'}")
    if replace != now.pixel_replace:
        changes.append(
            f"pixel_replace {replace.algorithm}, {len(replace.flagged)} pixels flagged by hand"
        )
    return changes


def _subtracted(nods: Nods) -> str:
    if nods.backgrounds is None:
        subtract = {None: "as delivered", True: "on", False: "off"}[nods.subtract]
        return f"nod subtraction {subtract}"
    which = "the other nods" if nods.backgrounds == "nods" else ", ".join(nods.backgrounds)
    return f"{which} subtracted"


def _background(slitless: SlitlessBackground) -> str:
    if slitless.subtract:
        columns = ", ".join(f"{low:.1f}–{high:.1f}" for low, high in slitless.columns)
        return f"2-D background from columns {columns}"
    if slitless.backgrounds is None:
        return "no 2-D background"
    return f"{', '.join(slitless.backgrounds) or 'no background'} subtracted"
