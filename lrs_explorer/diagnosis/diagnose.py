"""All diagnoses of one observation: `lrs.diagnose`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from lrs_explorer.diagnosis import (
    acquisition,
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
    series_pixels,
    slit_edge,
    spikes,
    versions,
    wavelength,
    weights,
)
from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.diagnosis.report import Findings
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.stages.stages import Stages

__all__ = ["JUDGES", "diagnose"]


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
    of : callable
        Tells of an observation whether it is for such.
    """

    issue: str
    title: str
    judge: Callable[[Case], Finding]
    of: Callable[[Observation], bool]


def _judges(of: Callable[[Observation], bool], *modules: _Module) -> tuple[Judge, ...]:
    return tuple(Judge(m.ISSUE, m.TITLE, m.judge, of) for m in modules)


def _all(_observation: Observation) -> bool:
    return True


def _slit_images(observation: Observation) -> bool:
    return observation.is_slit_image


def _slit(observation: Observation) -> bool:
    return observation.mode == "slit"


def _slitless(observation: Observation) -> bool:
    return observation.mode == "slitless"


def _series(observation: Observation) -> bool:
    return observation.is_series


JUDGES: Final = (
    *_judges(_all, mr_lrs01),
    *_judges(_slit_images, mr_lrs02, mr_lrs03, weights),
    *_judges(_series, series_pixels),
    *_judges(_slit, mr_lrs04),
    *_judges(_series, cosmic_rays),
    *_judges(_all, mr_lrs05),
    *_judges(_slit, mr_lrs06, acquisition),
    *_judges(_all, wavelength, background),
    *_judges(_slit_images, level2b_nods, combined, nod_disagreement),
    *_judges(_all, versions, spikes, second_source),
    *_judges(_slit, slit_edge),
    *_judges(_slit_images, saturation),
    *_judges(_slitless, foldover),
    *_judges(_all, nominal_range),
)
"""All diagnoses, in the order in which they are told."""


def diagnose(
    observation: Given,
    recipe: Recipe | None = None,
    *,
    stages: Stages | None = None,
    tell: Callable[[Finding], None] | None = None,
) -> Findings:
    """Look for every known issue, without running the pipeline.

    The first call for an observation looks for its reference files, as `lrs.extract` does, which
    takes seconds.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe, optional
        What is judged: its own aperture, pathloss and errors, on its own image where the pipeline
        has made it, else on the delivered one. Default: what the pipeline does by default.
    stages : Stages, optional
        Those in use for the observation, so that nothing is read or computed twice.
    tell : callable, optional
        Told of each finding at once.

    Returns
    -------
    Findings
        A list of `Finding`, one for each issue of such observations, in a fixed order. A diagnosis
        that lacks a product says so ("unknown"). Printed it is a table, in which what one product
        leaves unknown stands together.
    """
    observation = given_observation(observation)
    recipe = given_recipe(recipe, observation)
    case = Case(observation, recipe, stages)
    found = Findings()
    for judge in JUDGES:
        if not judge.of(observation):
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
