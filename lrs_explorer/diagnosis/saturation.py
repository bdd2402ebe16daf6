"""Saturated pixels on the trace.

Measures flags in the rate (or cal). Statistic: pixels within the aperture in which every group is
saturated (SATURATED and DO_NOT_USE); pixels that saturate during the ramp are still used, from the
groups before, and make it suspect.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.words import counted
from lrs_explorer.model.data.dq import flagged, unusable

ISSUE: Final = "saturation"
TITLE: Final = "Saturated pixels"

MANY: Final = 2
"""Saturated pixels from which it is found; a single one is a cosmic ray or a bad pixel."""


def judge(case: Case) -> Finding:
    """Count saturated pixels in the aperture."""
    full: list[tuple[int, int, int]] = []
    partly: list[tuple[int, int, int]] = []
    for exposure in case.exposures:
        saturated = flagged(exposure.dq, "SATURATED") & np.isfinite(exposure.offset)
        rows, columns = np.nonzero(saturated)
        if not len(rows):
            continue
        inside = exposure.map.in_aperture(
            rows,
            columns,
            case.on_trace - case.edges.width / 2,
            case.on_trace + case.edges.width / 2,
        )
        lost = unusable(exposure.dq)
        for row, column in zip(rows[inside], columns[inside], strict=True):
            pixel = (exposure.number, int(row), int(column))
            (full if lost[row, column] else partly).append(pixel)
    evidence = (
        Evidence("pixels saturated from the first group", len(full), "pixels", MANY),
        Evidence("pixels saturated later in the ramp", len(partly), "pixels"),
    )
    wavelengths = []
    for number, row, column in (full or partly)[:400]:
        ((low, high),) = case.pixels.maps[number].wavelengths([row], [column])
        if np.isfinite(low + high):
            wavelengths.append((float(low), float(high)))
    figure = Figure(tuple(sorted(set(wavelengths))), tuple(full or partly))
    if len(full) >= MANY:
        why = f"{counted(len(full), 'pixel')} on the trace saturated in every group."
        advice = "Their light is lost; leave these wavelengths out, or observe with fewer groups."
        return Finding(ISSUE, TITLE, "found", why, evidence, figure, advice=advice)
    if len(partly) >= MANY:
        why = f"{counted(len(partly), 'pixel')} on the trace saturated before the ramp ended."
        advice = "Their first groups are used; compare with the other pixels."
        return Finding(ISSUE, TITLE, "suspect", why, evidence, figure, advice=advice)
    return Finding(ISSUE, TITLE, "ok", "no pixel on the trace is saturated.", evidence)
