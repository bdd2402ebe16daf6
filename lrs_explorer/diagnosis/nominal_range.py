"""Elements outside the nominal range of 5 to 12 micron, of which the calibration is not assured.

Every product has them; they are pointed out, not held against it.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.words import spans
from lrs_explorer.model.data.instrument import NOMINAL_RANGE

ISSUE: Final = "range"
TITLE: Final = "Outside 5–12 µm"


def judge(case: Case) -> Finding:
    """Count the elements outside."""
    spectrum = case.extracted
    low, high = NOMINAL_RANGE
    known = np.isfinite(spectrum.flux)
    outside = known & ((spectrum.wavelength < low) | (spectrum.wavelength > high))
    evidence = (
        Evidence("elements outside 5–12 µm", int(outside.sum()), f"of {int(known.sum())}"),
        Evidence(
            "shortest wavelength", float(spectrum.wavelength[known].min(initial=np.inf)), "µm"
        ),
        Evidence("longest wavelength", float(spectrum.wavelength[known].max(initial=0.0)), "µm"),
    )
    why = (
        f"{int(outside.sum())} of {int(known.sum())} elements lie outside {low:g}–{high:g} µm: "
        "steep dispersion below, little throughput above; use them with care."
    )
    figure = Figure(wavelengths=spans(spectrum.wavelength, outside))
    return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
