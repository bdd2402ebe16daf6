"""MR-LRS06: target acquisition images too bright by the number of frames that were averaged.

Statistic: the factor by which the stored count rate is too high. The star's own count rates decide,
on an image beside the slit and on one through it in the same filter; where they cannot be compared,
the readout pattern and the group and frame times in the header
(`lrs_explorer.model.slit.count_rates`).
"""

from __future__ import annotations

import math
from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Finding
from lrs_explorer.model.slit.count_rates import RateFactor

ISSUE: Final = "MR-LRS06"
TITLE: Final = "Acquisition images too bright"

WRONG: Final = 1.02
"""Factor from which the count rate is wrong; true ones are 4 to 64."""


def judge(case: Case) -> Finding:
    """Check the count rates of the acquisition images."""
    if not case.observation.products.get("ta", []):
        return Finding(ISSUE, TITLE, "unknown", "no target acquisition image lies beside it.")
    rates = case.stages.count_rates()
    if not rates:
        return Finding(ISSUE, TITLE, "unknown", "no target acquisition image can be read.")
    rates = tuple(sorted(rates, key=lambda one: -one.factor))
    evidence = tuple(e for one in rates for e in _evidence(one)[:1])
    evidence += tuple(e for one in rates for e in _evidence(one)[1:])
    said = [f"{_name(one)}: {one.why}" for one in rates if one.why]
    why = f"{'; '.join(said) or 'no acquisition image was averaged on board'}."
    if any(one.agrees is False and one.decided_by == "header" for one in rates):
        advice = "Look at the images: is it the same star? Their headers are followed."
        return Finding(ISSUE, TITLE, "suspect", why, evidence, advice=advice)
    wrong = any(max(one.factor, 1 / one.factor) >= WRONG for one in rates)
    if any(one.agrees is False for one in rates) and not wrong:
        advice = (
            "No action needed: the explorer leaves the count rate as it is. Find out which "
            "program has written the file."
        )
        return Finding(ISSUE, TITLE, "suspect", why, evidence, advice=advice)
    if not wrong:
        return Finding(ISSUE, TITLE, "ok", why, evidence)
    return Finding(
        ISSUE,
        TITLE,
        "found",
        why,
        evidence,
        advice="No action needed: the explorer divides by the factor whenever it uses the "
        "image. For positions prefer the verification image.",
        corrected=True,
    )


def _name(one: RateFactor) -> str:
    return one.image.path.name if one.image.path else one.image.exp_type


def _evidence(one: RateFactor) -> list[Evidence]:
    """Return the decisive number first, then what it rests on."""
    kind = one.image.exp_type
    told = [Evidence(f"{kind} is too bright by", one.factor, "", WRONG)]
    if not math.isnan(one.measured):
        told += [
            Evidence(f"{kind}: measured by the star", one.measured),
            Evidence(f"{kind}: its uncertainty", one.error),
            Evidence(f"{kind}: by the header", one.header),
        ]
    return told
