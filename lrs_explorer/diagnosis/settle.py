"""Rules become values for one observation: `lrs.settle`."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from lrs_explorer.diagnosis.diagnose import JUDGES
from lrs_explorer.diagnosis.rounds import fix_all
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.given import Given, given_observation
from lrs_explorer.model.recipe.recipe import Aperture, Background, Recipe
from lrs_explorer.model.recipe.rules import FOUND, Rules
from lrs_explorer.model.runs.reprocessor import Report
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.model.stages.stages import Stages

__all__ = ["Settled", "settle"]


@dataclass(frozen=True, eq=False)
class Settled:
    """A recipe that rules have led to.

    Parameters
    ----------
    recipe : Recipe
        Values alone.
    lines : tuple of str
        What each rule has decided, and what is found still, in words; empty without rules.
    """

    recipe: Recipe
    lines: tuple[str, ...] = ()

    @property
    def log(self) -> str:
        """The lines, one below the other."""
        return "\n".join(self.lines)


def settle(
    observation: Given,
    rules: Rules | Recipe,
    *,
    stages: Stages | None = None,
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Settled:
    """Decide for one observation what rules leave open.

    The aperture first, by the trace of the image that the recipe asks for, then background regions
    beside it; then what is found is fixed as `lrs.fix_all` does, which judges that aperture.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    rules : Rules or Recipe
        A recipe is returned as it is.
    stages : Stages, optional
        Those in use for the observation.
    report : callable(StepProgress), optional
        Told of the step that is running.
    cancelled : threading.Event, optional
        Stops the run when set.

    Returns
    -------
    Settled
        The recipe, values alone, and what each rule has decided.

    Raises
    ------
    LRSExplorerError
        The image shows no trace, an issue that is to be fixed is not known, a step failed, or it
        was cancelled.
    """
    observation = given_observation(observation)
    if isinstance(rules, Recipe):
        return Settled(rules)
    recipe = rules.recipe
    if not rules:
        return Settled(recipe)
    issues = _known_issues(rules)
    stages = stages or kept_stages(observation)
    stages.find_references()
    lines = []
    if rules.center is not None or rules.width is not None or rules.background is not None:
        if stages.find_image(recipe) is None:
            stages.make(recipe, report, cancelled)
        recipe, line = _placed(recipe, rules, stages)
        lines.append(line)
    if rules.fix:
        fixed = fix_all(
            observation, recipe, issues=issues, stages=stages, report=report, cancelled=cancelled
        )
        recipe = fixed.recipe
        lines += fixed.lines
    return Settled(recipe, tuple(lines))


def _known_issues(rules: Rules) -> tuple[str, ...] | None:
    """Return which issues are to be fixed; None for all."""
    if rules.fix == FOUND:
        return None
    known = dict.fromkeys(judge.issue for judge in JUDGES)
    if unknown := [issue for issue in rules.fix if issue not in known]:
        raise LRSExplorerError(
            f"rules.fix names {', '.join(unknown)}, which is no issue; known are "
            f"{', '.join(known)}."
        )
    return tuple(rules.fix)


def _placed(recipe: Recipe, rules: Rules, stages: Stages) -> tuple[Recipe, str]:
    """Return the recipe with aperture and background where rules want them, and say where."""
    placement = stages.placement(recipe)
    aperture = placement.aperture
    center, where, curve = aperture.center, "", aperture.trace
    if rules.center is not None:
        trace = stages.trace(recipe)
        if trace is None:
            raise LRSExplorerError(
                f"no trace found in {stages.image(recipe).path}, so the aperture cannot be "
                "centered on it as the rule says; give a recipe with a center."
            )
        center, where, curve = trace.center, " (trace)", None
    recipe = recipe.replace(aperture=Aperture(center, rules.width or aperture.width, curve))
    assert recipe.aperture is not None
    told = f"aperture: center {center:.2f}{where}, width {recipe.aperture.width:g} pixels"
    if rules.background is not None:
        regions = tuple((center + low, center + high) for low, high in rules.background)
        background = placement.background
        recipe = recipe.replace(
            background=Background(
                regions, background.bkg_fit, background.bkg_order, background.smoothing_length
            )
        )
        edges = " and ".join(f"{low:.2f}–{high:.2f}" for low, high in regions)
        told += f"; background: {edges or 'none'}"
    return recipe, told
