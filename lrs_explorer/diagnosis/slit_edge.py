"""The trace runs near the end of the slit, which cuts off some of its light.

Statistic: part of a star's light at 10 micron that lies beyond the slit's end, by the place of the
measured trace along the slit, or, where the nod shows none, by another nod's.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, Place, Status
from lrs_explorer.diagnosis.light import enclosed
from lrs_explorer.diagnosis.words import signed
from lrs_explorer.model.data.instrument import SLIT_LENGTH
from lrs_explorer.model.slit.geometry import PIXEL_SCALE

ISSUE: Final = "slit_edge"
TITLE: Final = "Source near the slit's end"

CUT: Final = 2.0
"""Per cent of the light beyond the end from which it is found: the accuracy of the photometry."""

NEAR: Final = 0.2
"""Per cent from which it is suspect."""

WAVELENGTH: Final = 10.0


def judge(case: Case) -> Finding:
    """Compare the trace's place with the ends of the slit."""
    source, frame = case.source, case.frame
    along = frame.along(source.center)
    to_end = SLIT_LENGTH / 2 - abs(along)
    cut = 100 * (1 - float(enclosed(WAVELENGTH, -np.inf, to_end / PIXEL_SCALE, "slit")))
    evidence = (
        Evidence("light beyond the slit's end", cut, "%", CUT),
        Evidence("distance from the end", to_end, "arcsec"),
        Evidence("source along the slit", along, "arcsec"),
    )
    figure = Figure(places=(Place("trace", source.center, (along, 0.0)),))
    sentence = f"the source lies {to_end:.2f}″ from the slit's end ({signed(along)}″ along it)"
    if cut < NEAR:
        return Finding(ISSUE, TITLE, "ok", f"{sentence}.", evidence, figure)
    status: Status = "found" if cut >= CUT else "suspect"
    return Finding(
        ISSUE,
        TITLE,
        status,
        f"{sentence}, which cuts off about {cut:.1f} % of its light.",
        evidence,
        figure,
        advice="The pathloss correction takes the place along the slit from the header; no recipe "
        "brings lost light back. Use the other nod.",
    )
