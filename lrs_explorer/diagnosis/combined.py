"""The combined s2d was built as though there were no nod (jwst #8484).

Both traces and both negative ones then lie on top of each other and cancel. Its extent and
variances tell (`lrs_explorer.model.measure.nod_combination`); where they do not, the trace's
signal-to-noise ratio does. Statistic: by which factor it is weaker on the combined image than on
the best nod's; two nods should make it 1.4 times stronger.
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place, Status
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Trace
from lrs_explorer.model.measure.nod_combination import combined_without_nods
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.slit.geometry import PIXEL_SCALE

ISSUE: Final = "combined"
TITLE: Final = "Nods combined without their offsets"

WEAKENED: Final = 0.5
"""Of the best nod's signal-to-noise ratio, below which the combination has lost the source."""

APART: Final = 3.0
"""Pixels along the slit between nods from which a combination without offsets shows."""


def judge(case: Case) -> Finding:
    """Compare the combined trace with those of the nods."""
    observation, stages = case.observation, case.stages
    image_path = observation.find("s2d", "combined")
    if image_path is None:
        return Finding(ISSUE, TITLE, "ok", "there is no combined image.")
    offsets = []
    for number in range(1, observation.exposures + 1):
        value = observation.delivered_header(number).get("XOFFSET")
        if isinstance(value, (int, float)):
            offsets.append(float(value))
    if len(offsets) < 2 or (max(offsets) - min(offsets)) / PIXEL_SCALE < APART:
        return Finding(ISSUE, TITLE, "ok", "its exposures are not nodded.")
    traces: dict[int, Trace | None] = {}
    for number in range(1, observation.exposures + 1):
        if observation.find("s2d", number) is not None:
            try:
                traces[number] = stages.trace(Nods(exposure=number))
            except LRSExplorerError:
                continue
    seen = {n: t for n, t in traces.items() if t is not None}
    if not seen:
        why = "no nod has an image with a trace to compare with."
        return Finding(ISSUE, TITLE, "unknown", why)
    best = max(seen, key=lambda n: seen[n].signal_to_noise)
    combined = stages.trace(Nods(exposure="combined"))
    strength = 0.0 if combined is None else combined.signal_to_noise
    ratio = strength / seen[best].signal_to_noise
    evidence = (
        Evidence("weaker than the best nod by a factor of", 1 / max(ratio, 1e-3), "", 1 / WEAKENED),
        Evidence("signal-to-noise ratio, combined", strength),
        Evidence(f"signal-to-noise ratio, nod {best}", seen[best].signal_to_noise),
    )
    figure = Figure(
        places=() if combined is None else (Place("trace of the combined image", combined.center),)
    )
    built = combined_without_nods(stages.image(Nods(exposure="combined")))
    sentence = (
        f"the combined trace has {ratio:.2f} times the signal-to-noise ratio of nod {best}; "
        f"{built.evidence}"
    )
    wrong = ratio < WEAKENED if built.without_nods is None else built.without_nods
    if not wrong:
        status: Status = "suspect" if ratio < WEAKENED else "ok"
        return Finding(ISSUE, TITLE, status, sentence, evidence, figure)
    remedy = None
    if case.number == "combined":
        remedy = case.recipe.replace(nods=Nods(exposure=best), aperture=None)
    return Finding(
        ISSUE,
        TITLE,
        "found",
        f"traces and negative traces lie on top of each other: {sentence}",
        evidence,
        figure,
        remedy,
        f"Shows nod {best} instead; combine the nods anew with calwebb_spec3.",
    )
