"""Nods that disagree: their spectra differ by more than their errors.

Compares the delivered spectra two by two (`lrs_explorer.model.measure.nods.compare_spectra`, 5.5 to
11.5 micron, errors scaled to the scatter). Statistic: the difference over the whole range, or from
end to end, in per cent, where it is also significant. What makes it is told by the other issues:
position, pathloss, bad pixels.
"""

from __future__ import annotations

from itertools import combinations
from typing import Final

import numpy as np

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.nods import SpectrumComparison, compare_spectra
from lrs_explorer.model.recipe.recipe import Nods

ISSUE: Final = "nod_disagreement"
TITLE: Final = "Nods disagree"

DIFFERENT: Final = 3.0
"""Per cent: flat field and slit position make nods of a good observation differ by 1 to 2 (JDox,
MIRI LRS repeatability)."""

SIGNIFICANT: Final = 5.0
"""Standard errors of the difference."""


def judge(case: Case) -> Finding:
    """Compare the nods' spectra, two by two."""
    observation = case.observation
    spectra: dict[int, Spectrum] = {}
    for number in range(1, observation.exposures + 1):
        try:
            spectrum = case.stages.delivered(Nods(exposure=number))
        except LRSExplorerError:
            continue
        if spectrum is not None:
            spectra[number] = spectrum
    if len(spectra) < 2:
        return Finding(ISSUE, TITLE, "unknown", "fewer than two nods have a spectrum.")
    compared = [
        compare_spectra(spectra[one], spectra[other], (f"nod {one}", f"nod {other}"))
        for one, other in combinations(spectra, 2)
    ]
    worst = max(compared, key=_difference)
    size = _difference(worst)
    evidence = (
        Evidence("largest significant difference", size, "%", DIFFERENT),
        Evidence("difference over the whole range", 100 * (worst.overall - 1), "%"),
        Evidence("its error", 100 * worst.overall_error, "%"),
        Evidence("change from end to end", 100 * worst.change, "%"),
        Evidence("its error", 100 * worst.change_error, "%"),
        Evidence("single wavelengths that differ", len(worst.odd)),
    )
    known = np.isfinite(worst.ratio)
    figure = Figure(
        curves=(FindingCurve("ratio of the nods", worst.wavelength[known], worst.ratio[known]),)
    )
    why = f"as delivered, {worst.sentence}."
    if size < DIFFERENT:
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    advice = "Correct position, pathloss and bad pixels of each nod, then compare again."
    return Finding(ISSUE, TITLE, "found", why, evidence, figure, advice=advice)


def _difference(compared: SpectrumComparison) -> float:
    """Return the largest significant difference, per cent; 0 where none is significant."""
    pairs = (
        (compared.overall - 1.0, compared.overall_error),
        (compared.change, compared.change_error),
    )
    return max(
        100 * abs(value) if abs(value) > SIGNIFICANT * error else 0.0 for value, error in pairs
    )
