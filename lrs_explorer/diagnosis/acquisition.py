"""Target acquisition failed, or took something else for the target.

Looks at all acquisition images together (`lrs_explorer.model.slit.acquired`): one without a source,
a source outside the slit or not where the image before the move lets expect it, two sources.
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place
from lrs_explorer.diagnosis.words import signed

ISSUE: Final = "acquisition"
TITLE: Final = "Target acquisition failed"

ADVICE: Final = (
    "Look at the acquisition images and at the trace before you trust a pathloss correction: where "
    "the source is not in the slit, or another one is, none can be right."
)


def judge(case: Case) -> Finding:
    """Say whether target acquisition put the source into the slit."""
    card = case.card
    seen = card.acquired
    if seen is None:
        why = "; ".join(card.notes) or "no target acquisition image lies beside it"
        return Finding(ISSUE, TITLE, "unknown", f"{why.rstrip('.')}.")
    evidence: tuple[Evidence, ...] = (Evidence("images that agree", len(seen.used)),)
    figure = Figure()
    if seen.position is not None:
        along, across = seen.position.along, seen.position.across
        evidence += (
            Evidence("source along the slit", along, "arcsec"),
            Evidence("its uncertainty", seen.errors[0], "arcsec"),
            Evidence("source across the slit", across, "arcsec"),
            Evidence("its uncertainty", seen.errors[1], "arcsec"),
        )
        figure = Figure(
            places=(Place("seen by target acquisition", card.frame.pixel(along), (along, across)),)
        )
    sentences = ". ".join([*seen.failures, *seen.doubts])
    if seen.failures:
        return Finding(ISSUE, TITLE, "found", f"{sentences}.", evidence, figure, advice=ADVICE)
    if seen.position is None:
        why = sentences or "; ".join(card.notes) or "no acquisition image shows where the source is"
        return Finding(ISSUE, TITLE, "unknown", f"{why.rstrip('.')}.", evidence, figure)
    if seen.doubts:
        return Finding(ISSUE, TITLE, "suspect", f"{sentences}.", evidence, figure, advice=ADVICE)
    count = f"{len(seen.used)} images agree" if len(seen.used) > 1 else "one image tells"
    why = (
        f"{count}: the source is {signed(across)} ± {seen.errors[1]:.3f}″ across and "
        f"{signed(along)} ± {seen.errors[0]:.3f}″ along the slit"
    )
    return Finding(ISSUE, TITLE, "ok", f"{why}.", evidence, figure)
