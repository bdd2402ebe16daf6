"""MR-LRS01: the spectrum is extracted in the wrong place, because the header's position is wrong.

Measures where the trace runs on the image itself, and where the recipe extracts. Statistic: by how
many standard errors of a spectral element the light that is lost changes the spectrum, where that
is most, between 5 and 12 micron.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import MATTERS, Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve, Place
from lrs_explorer.diagnosis.light import enclosed
from lrs_explorer.diagnosis.words import judged_range, signed, spans
from lrs_explorer.model.recipe.recipe import Aperture

ISSUE: Final = "MR-LRS01"
TITLE: Final = "Extracted in the wrong place"

SIGNIFICANT: Final = 4.0
"""Standard errors of the trace that an offset must reach (their reality is measured by
benchmarks/trace_finding.py)."""

TRIFLE: Final = 0.15
"""Pixels below which an offset is of no account: the trace's departure from the reference that is
seen in flight makes as much."""

LARGE: Final = 0.5
"""Pixels from which an offset deserves a look even where it costs nothing yet."""


def judge(case: Case) -> Finding:
    """Compare the aperture with the measured trace."""
    edges, row_trace, source = case.edges, case.on_trace, case.source
    wavelength = np.nan_to_num(case.image.row_wavelength, nan=10.0)
    # On a straight aperture in the best place, which is what the reference's would be.
    bend = row_trace - source.center
    middle = (edges.lower + edges.upper) / 2
    straight = np.ptp(middle) < 1e-9
    offset = edges.center - source.center if straight else float(np.median(middle - row_trace))
    best = enclosed(
        wavelength,
        -edges.width / 2 - bend * straight,
        edges.width / 2 - bend * straight,
        case.observation.mode,
    )
    lost = 1.0 - case.held / best
    signal = case.signal
    change = np.abs(lost) * signal.signal_to_noise
    worst = float(change.max(initial=0.0))
    significance = abs(offset) / source.uncertainty
    share = float(np.median(lost[signal.counts])) if signal.counts.any() else float("nan")
    evidence = (
        Evidence("largest change of the spectrum", worst, "standard errors", MATTERS),
        Evidence("aperture − trace", offset, "pixels"),
        Evidence("uncertainty of the trace", source.uncertainty, "pixels"),
        Evidence("light that is lost", 100 * share, "%"),
        Evidence("aperture's center", edges.center, "pixels"),
        Evidence("trace's center", source.center, "pixels"),
    )
    figure = Figure(
        wavelengths=spans(signal.wavelength, change >= MATTERS),
        places=(Place("aperture", edges.center), Place("trace", source.center)),
        curves=(FindingCurve("light lost", *_ascending(wavelength, lost), "fraction"),),
    )
    sentence = (
        f"the aperture ({edges.origin}) lies {signed(offset)} pixels from the trace and loses "
        f"{100 * share:.1f} % of its light"
    )
    if source.by_nod is not None:
        sentence = f"no trace is seen, and by that of nod {source.by_nod} {sentence}"
    real = significance > SIGNIFICANT and abs(offset) > TRIFLE
    # Where no trace is seen, an aperture elsewhere has none of it either.
    if real and (worst >= MATTERS or (source.by_nod is not None and abs(offset) > LARGE)):
        remedy = case.recipe.replace(aperture=Aperture(source.center, edges.width))
        return Finding(
            ISSUE,
            TITLE,
            "found",
            f"{sentence}: up to {worst:.0f} standard errors at {judged_range()}.",
            evidence,
            figure,
            remedy,
            f"Places the aperture on the trace, at {source.center:.2f}.",
        )
    if real and abs(offset) > LARGE:
        why = f"{sentence}, which is less than the noise at {judged_range()}."
        remedy = case.recipe.replace(aperture=Aperture(source.center, edges.width))
        advice = "Places the aperture on the trace."
        return Finding(ISSUE, TITLE, "suspect", why, evidence, figure, remedy, advice)
    return Finding(ISSUE, TITLE, "ok", f"{sentence}.", evidence, figure)


def _ascending(wavelength: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    order = np.argsort(wavelength)
    return wavelength[order], value[order]
