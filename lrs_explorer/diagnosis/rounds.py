"""Remedies, the pipeline run, and judging again, until nothing more is found: `lrs.fix_all`."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from lrs_explorer.diagnosis.diagnose import diagnose
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.diagnosis.fix import fix
from lrs_explorer.diagnosis.report import Findings, names
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.runs.reprocessor import Report
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.model.stages.stages import Stages

__all__ = ["ROUNDS", "Fixed", "fix_all", "next_round"]

ROUNDS: Final = 4
"""After which no more is tried: what one round uncovers (a bad pixel beside a worse one) the next
one fixes, and most observations need two."""


@dataclass(frozen=True, eq=False)
class Fixed:
    """What came of fixing all that was found.

    Parameters
    ----------
    recipe : Recipe
        With all remedies; its images have been made.
    rounds : tuple of Findings
        What each round has found and fixed.
    findings : Findings
        The verdicts on the result.
    """

    recipe: Recipe
    rounds: tuple[Findings, ...]
    findings: Findings

    @property
    def left(self) -> list[Finding]:
        """What is found still; each tells why."""
        return [finding for finding in self.findings if finding.is_open]

    @property
    def lines(self) -> list[str]:
        """What each round has fixed, and what is left, in words."""
        told = [f"round {n}: {names(found)}" for n, found in enumerate(self.rounds, start=1)]
        left = [f"left: {finding.title}: {finding.why}" for finding in self.left]
        return [*told, *(left or ["nothing more is found that needs fixing"])]


def next_round(before: Sequence[Recipe], findings: Sequence[Finding]) -> Recipe | None:
    """Return the recipe of the next round; None where there is none.

    Parameters
    ----------
    before : sequence of Recipe
        That with which it began, and that of each round; ``findings`` are of the last one.
    findings : sequence of Finding
    """
    fixed = fix(before[-1], findings)
    # A remedy that leads back to what was tried has not helped.
    return None if fixed in before or len(before) > ROUNDS else fixed


def fix_all(
    observation: Given,
    recipe: Recipe | None = None,
    *,
    issues: Collection[str] | None = None,
    stages: Stages | None = None,
    report: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Fixed:
    """Fix all that is found, with the real pipeline, until nothing more is.

    At most four rounds. Products are kept in the cache, from which `lrs.extract` and
    `lrs.reprocess` take them.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe, optional
        To begin with. Default: what the pipeline does by default.
    issues : collection of str, optional
        Those that are to be fixed, by name; default: all.
    stages : Stages, optional
        Those in use for the observation.
    report : callable(StepProgress), optional
        Told of the step that is running.
    cancelled : threading.Event, optional
        Stops the run when set.

    Returns
    -------
    Fixed
        The recipe with all remedies, what each round has found, and the verdicts on the result.

    Raises
    ------
    LRSExplorerError
        A step failed, or it was cancelled.
    """
    observation = given_observation(observation)
    stages = stages or kept_stages(observation)
    recipes = [given_recipe(recipe, observation)]
    rounds: list[Findings] = []
    while True:
        findings = diagnose(observation, recipes[-1], stages=stages)
        chosen = [f for f in findings if issues is None or f.issue in issues]
        following = next_round(recipes, chosen)
        if following is None:
            return Fixed(recipes[-1], tuple(rounds), findings)
        if stages.find_image(following) is None:
            stages.make(following, report, cancelled)
        recipes.append(following)
        rounds.append(Findings(f for f in chosen if f.is_open and f.remedy is not None))
