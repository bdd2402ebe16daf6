"""MR-LRS06: target acquisition images too bright by the number of frames that were averaged.

Statistic: the factor by which the stored count rate is too high, from the readout pattern and the
group and frame times in the header (`lrs_explorer.model.slit.ta_image.count_rate_factor`).
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Finding
from lrs_explorer.model.slit.ta_image import count_rate_factor

ISSUE: Final = "MR-LRS06"
TITLE: Final = "Acquisition images too bright"

WRONG: Final = 1.02
"""Factor from which the count rate is wrong; true ones are 4 to 64."""


def judge(case: Case) -> Finding:
    """Check the count rates of the acquisition images."""
    paths = case.observation.products.get("ta", [])
    if not paths:
        return Finding(ISSUE, TITLE, "unknown", "no target acquisition image lies beside it.")
    evidence, notes, wrong = [], [], False
    for path in paths:
        header = case.observation.header(path)
        factor, note = count_rate_factor(header)
        off = max(factor, 1 / factor)
        wrong |= off >= WRONG
        evidence.append(Evidence(f"{header.get('EXP_TYPE')} is too bright by", factor, "", WRONG))
        if note:
            notes.append(f"{path.name}: {note}")
    evidence.sort(key=lambda e: -e.value)
    if not wrong:
        why = "; ".join(notes) or "no acquisition image was averaged on board"
        return Finding(ISSUE, TITLE, "ok", f"{why}.", tuple(evidence))
    return Finding(
        ISSUE,
        TITLE,
        "found",
        f"{'; '.join(notes)}.",
        tuple(evidence),
        advice="Nothing to be chosen: the explorer divides by the factor whenever it uses the "
        "image. For positions the verification image is to be preferred.",
        corrected=True,
    )
