"""The wavelength solution: that of the other mode, or one from before a better one was known.

Measures the product's wavelengths against the row, compared with the solutions that each mode
should have (`lrs_explorer.model.measure.wavelength`). Statistic: rms difference from the mode's own
solution.
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding, FindingCurve, Status
from lrs_explorer.diagnosis.words import signed
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import ACCURACY, Mode
from lrs_explorer.model.measure.wavelength import (
    OFF,
    OffsetShift,
    SolutionMatch,
    compare_solutions,
    epoch,
    offset_shift,
)
from lrs_explorer.model.recipe.recipe import Wavelength
from lrs_explorer.model.slit.acquired import place_without_slit
from lrs_explorer.model.slit.ta_image import read_filter_offset, read_ta_image

ISSUE: Final = "wavelength"
TITLE: Final = "Wavelength solution"

DIFFERENT: Final = 0.06
"""Micron, rms, from which a solution is not the mode's: more than the accuracy of either (0.05 for
the slit), a third of the difference between the two."""

DIFFERENT_SHAPE: Final = 0.02
"""The same for a resampled image, of which only the shape of the solution can be compared."""

FARTHEST: Final[dict[Mode, float]] = {"slit": 1.0, "slitless": 5.0}
"""Arcsec beyond which a place is not that of the source whose spectrum this is."""

SHIFTED: Final = 0.02
"""Micron of shift by a source off the slit's middle from which it counts: the best accuracy of the
slit's solution."""


def judge(case: Case) -> Finding:
    """Compare the wavelengths with those that the mode should have."""
    mode = case.observation.mode
    match = compare_solutions(case.image, mode)
    when = epoch(case.header, mode)
    least = DIFFERENT if match.absolute else DIFFERENT_SHAPE
    accuracy = ACCURACY[mode]
    evidence = [
        Evidence("rms difference from the mode's solution", match.own, "micron", least),
        Evidence("rms difference from the other mode's", match.other, "micron"),
        Evidence("accuracy of the mode's solution", accuracy[1], "micron"),
    ]
    curves = [
        FindingCurve("less the mode's solution", match.wavelength, match.difference, "micron")
    ]
    other = "slitless" if mode == "slit" else "slit"
    if match.own >= least and match.other < 0.5 * match.own:
        return Finding(
            ISSUE,
            TITLE,
            "found",
            f"the wavelengths are those of the {other} mode: they differ by {match.other:.3f} µm "
            f"rms from its solution, and by {match.own:.3f} µm from that of the {mode} mode.",
            tuple(evidence),
            Figure(curves=tuple(curves)),
            advice="Calibrate again with a current CRDS context; the two differ by up to 0.5 µm.",
        )
    if when.outdated:
        return Finding(
            ISSUE,
            TITLE,
            "found" if when.severe else "suspect",
            f"{when.sentence}.",
            tuple(evidence),
            Figure(curves=tuple(curves)),
            advice="Download the product anew, or calibrate it again with a current CRDS context.",
        )
    if not match.own < least:
        return Finding(ISSUE, TITLE, *_unlike(match), tuple(evidence), Figure(curves=tuple(curves)))
    sentence = (
        f"the solution of the {mode} mode, accurate to {accuracy[0]:g}–{accuracy[1]:g} µm; "
        f"{when.sentence}"
    )
    shift = _shift(case)
    if shift is None or shift.largest < SHIFTED:
        return Finding(
            ISSUE, TITLE, "ok", f"{sentence}.", tuple(evidence), Figure(curves=tuple(curves))
        )
    evidence.append(
        Evidence("shift by the source's place along the dispersion", shift.largest, "micron")
    )
    curves.append(FindingCurve("shift", shift.wavelength, shift.value, "micron"))
    return Finding(
        ISSUE,
        TITLE,
        "suspect",
        f"{sentence}. The source lies {signed(shift.across)}″ {OFF[mode]}, which "
        f"shifts its wavelengths by up to {shift.largest:.3f} µm.",
        tuple(evidence),
        Figure(curves=tuple(curves)),
        case.recipe.replace(wavelength=Wavelength(source_offset=round(shift.across, 4))),
        "Corrects the wavelengths for the place of the source.",
    )


def _unlike(match: SolutionMatch) -> tuple[Status, str]:
    if match.own != match.own:
        return "unknown", "the image has no wavelengths between 5 and 12 µm."
    return "suspect", (
        f"the wavelengths differ from both known solutions, by {match.own:.3f} and "
        f"{match.other:.3f} µm rms: of a newer one, or damaged."
    )


def _shift(case: Case) -> OffsetShift | None:
    """Return the shift that is not yet corrected, by where target acquisition saw the source."""
    try:
        seen = _seen(case)
    except LRSExplorerError:
        return None
    if seen is None or not abs(seen) < FARTHEST[case.observation.mode]:
        return None
    across = seen - case.recipe.wavelength.source_offset
    if abs(across) < 1e-3:
        return None
    shift = offset_shift(case.image.row_wavelength, across, case.observation.mode)
    if case.recipe.wavelength.source_offset:
        # The remedy replaces what the recipe corrects already.
        return OffsetShift(seen, shift.wavelength, shift.value)
    return shift


def _seen(case: Case) -> float | None:
    """Return where target acquisition shows the source along the dispersion, arcsec."""
    if case.observation.mode == "slit":
        seen = case.card.seen
        return None if seen is None else seen.across
    images = [read_ta_image(path) for path in case.observation.products.get("ta", [])]
    images = [image for image in images if image.exp_type == "MIR_TACONFIRM" and image.without_slit]
    if not images:
        return None
    reference = case.stages.slit_references().get("filteroffset")
    shift = None if reference is None else read_filter_offset(reference, images[-1].filter)
    return place_without_slit(images[-1], case.header, shift or (0.0, 0.0))[0]
