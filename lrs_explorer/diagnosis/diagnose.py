"""All diagnoses of one observation: `lrs.diagnose`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from lrs_explorer.diagnosis import (
    background,
    combined,
    cosmic_rays,
    foldover,
    level2b_nods,
    mr_lrs01,
    mr_lrs02,
    mr_lrs03,
    mr_lrs04,
    mr_lrs05,
    mr_lrs06,
    nod_disagreement,
    nominal_range,
    saturation,
    second_source,
    slit_edge,
    slitless_pixels,
    spikes,
    versions,
    wavelength,
)
from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.observation import Observation
from lrs_explorer.model.recipe import Mode, Recipe
from lrs_explorer.model.stages import Stages

__all__ = ["JUDGES", "diagnose", "issues"]


class _Module(Protocol):
    ISSUE: str
    TITLE: str

    @property
    def judge(self) -> Callable[[Case], Finding]: ...


@dataclass(frozen=True)
class Judge:
    """One diagnosis.

    Parameters
    ----------
    issue, title : str
    judge : callable
        From a `Case` to a `Finding`; raises `LRSExplorerError` where it cannot tell.
    modes : tuple of str
        Observing modes that it is for.
    """

    issue: str
    title: str
    judge: Callable[[Case], Finding]
    modes: tuple[Mode, ...]


def _judges(modes: tuple[Mode, ...], *modules: _Module) -> tuple[Judge, ...]:
    return tuple(Judge(m.ISSUE, m.TITLE, m.judge, modes) for m in modules)


BOTH: Final[tuple[Mode, ...]] = ("slit", "slitless")

JUDGES: Final = (
    *_judges(BOTH, mr_lrs01),
    *_judges(("slit",), mr_lrs02, mr_lrs03, mr_lrs04),
    *_judges(("slitless",), slitless_pixels, cosmic_rays),
    *_judges(BOTH, mr_lrs05),
    *_judges(("slit",), mr_lrs06),
    *_judges(BOTH, wavelength, background),
    *_judges(("slit",), level2b_nods, combined, nod_disagreement),
    *_judges(BOTH, versions, spikes, second_source),
    *_judges(("slit",), slit_edge, saturation),
    *_judges(("slitless",), foldover),
    *_judges(BOTH, nominal_range),
)
"""All diagnoses, in the order in which they are told."""


def issues(mode: Mode) -> list[str]:
    """Return the names of the issues that are looked for, in order."""
    return [judge.issue for judge in JUDGES if mode in judge.modes]


def diagnose(
    observation: Observation,
    recipe: Recipe | None = None,
    *,
    stages: Stages | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> list[Finding]:
    """Look for every known issue, without running the pipeline.

    The first call for an observation looks for its reference files, as `lrs.extract` does, which
    takes seconds.

    Parameters
    ----------
    observation : Observation
    recipe : Recipe, optional
        What is judged: its own aperture, pathloss and errors, on its own image where the pipeline
        has made it, else on the delivered one. Default: what the pipeline does by default.
    stages : Stages, optional
        Those in use for the observation, so that nothing is read or computed twice.
    tell : callable, optional
        Told of each finding at once.

    Returns
    -------
    list of Finding
        One for each issue of the observing mode, in a fixed order. A diagnosis that lacks a product
        says so ("unknown").
    """
    recipe = recipe or Recipe.from_observation(observation)
    case = Case(observation, recipe, stages)
    found = []
    for judge in JUDGES:
        if observation.mode not in judge.modes:
            continue
        try:
            finding = judge.judge(case)
        except LRSExplorerError as error:
            finding = Finding(judge.issue, judge.title, "unknown", _sentence(str(error)))
        found.append(finding)
        if tell is not None:
            tell(finding)
    return found


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
