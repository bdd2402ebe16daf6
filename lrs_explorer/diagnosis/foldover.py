"""Slitless spectra fold over onto themselves at their blue end.

Elements there hold light of two wavelengths. Statistic: number of elements below 4.5 micron. Every
slitless product has them, so they are "suspect", not "found".
"""

from __future__ import annotations

from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.words import counted, spans
from lrs_explorer.model.data.instrument import FOLDED_BELOW

ISSUE: Final = "foldover"
TITLE: Final = "Folded spectrum below 4.5 µm"


def judge(case: Case) -> Finding:
    """Count the elements that hold folded light."""
    spectrum = case.extracted
    folded = (spectrum.wavelength < FOLDED_BELOW) & np.isfinite(spectrum.flux)
    number = int(folded.sum())
    ratio = np.zeros(number)
    error = spectrum.flux_error[folded]
    np.divide(spectrum.flux[folded], error, out=ratio, where=error > 0)
    evidence = (
        Evidence("elements below 4.5 µm", number, "elements", 1.0),
        Evidence("their largest signal-to-noise ratio", float(ratio.max(initial=0.0))),
    )
    if not number:
        return Finding(ISSUE, TITLE, "ok", "the spectrum ends above 4.5 µm.", evidence)
    return Finding(
        ISSUE,
        TITLE,
        "suspect",
        f"{counted(number, 'element')} below {FOLDED_BELOW:g} µm, where the spectrum folds "
        "over onto itself: each holds light of two wavelengths.",
        evidence,
        Figure(wavelengths=spans(spectrum.wavelength, folded)),
        advice="Leave them out.",
    )
