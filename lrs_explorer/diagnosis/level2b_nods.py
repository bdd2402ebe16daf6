"""Level 2b nods: each has its trace elsewhere, and is to be extracted on its own.

Measures, for every exposure with an s2d and an x1d, where the trace runs (where one shows none,
where headers put it) and where the spectrum was extracted. Statistic: how differently the aperture
lies on the traces of the nods, in pixels. (That all of them lie wrong by the same is MR-LRS01.)
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place
from lrs_explorer.diagnosis.words import signed
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.recipe import Aperture, Nods
from lrs_explorer.model.slit.frame import read_slit_frame

ISSUE: Final = "nods"
TITLE: Final = "Nods extracted in one place"

DIFFERENT: Final = 1.0
"""Pixels by which the apertures of the nods lie differently on their traces. Reference positions
and curvature make 0.2; nods are 15 pixels apart."""


def judge(case: Case) -> Finding:
    """Compare aperture and trace of every exposure."""
    observation = case.observation
    if observation.exposures < 2:
        return Finding(ISSUE, TITLE, "ok", "there is only one exposure.")
    places: dict[int, tuple[float, float]] = {}
    traces: dict[int, float] = {}
    for number in range(1, observation.exposures + 1):
        nods = Nods(exposure=number)
        try:
            trace, spectrum = case.stages.trace(nods), case.stages.delivered(nods)
        except LRSExplorerError:
            continue
        box = spectrum.box if spectrum else None
        if box is not None:
            places[number] = sum(box) / 2, box[1] - box[0] + 1
            if trace is not None:
                traces[number] = trace.center
    if len(places) < 2:
        why = "fewer than two nods have an s2d, and an x1d that tells its aperture."
        return Finding(ISSUE, TITLE, "unknown", why)
    by_trace = len(traces) == len(places)
    if not by_trace:  # the header tells at least how far nods are apart
        for number in places:
            path = observation.image_path(Nods(exposure=number))
            traces[number] = read_slit_frame(path).extraction
    offsets = {number: center - traces[number] for number, (center, _) in places.items()}
    centers = {number: (traces[number], width) for number, (_, width) in places.items()}
    spread = max(offsets.values()) - min(offsets.values())
    evidence = (
        Evidence("difference between the nods", spread, "pixels", DIFFERENT),
        *(Evidence(f"nod {n}: aperture − trace", o, "pixels") for n, o in offsets.items()),
    )
    figure = Figure(places=tuple(Place(f"trace of nod {n}", c) for n, (c, _) in centers.items()))
    told = ", ".join(f"{signed(o)} in nod {n}" for n, o in offsets.items())
    what = "the traces" if by_trace else "the header's source"
    sentence = f"apertures lie off {what} by {told} (pixels)"
    shown = case.number
    if spread < DIFFERENT:
        return Finding(ISSUE, TITLE, "ok", f"{sentence}.", evidence, figure)
    remedy = None
    if isinstance(shown, int) and by_trace and shown in centers and case.recipe.aperture is None:
        remedy = case.recipe.replace(aperture=Aperture(*centers[shown]))
    elif case.recipe.aperture is not None:
        why = f"{sentence} as delivered; the recipe places its own aperture."
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    return Finding(
        ISSUE,
        TITLE,
        "found",
        f"{sentence}: not each nod was extracted on its own trace.",
        evidence,
        figure,
        remedy,
        "Places the aperture on this nod's trace; do so for each nod.",
    )
