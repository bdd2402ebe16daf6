"""The CRDS cache, filled by one process before many read it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from lrs_explorer.batch.applied import Task
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.opening import open_observation
from lrs_explorer.model.recipe.rules import Rules
from lrs_explorer.model.references.crds_query import crds_parameters
from lrs_explorer.model.references.crds_settings import SERVERLESS, crds_settings
from lrs_explorer.model.runs.plan import STEPS, PlannedProduct
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.model.runs.worker import worker_for

__all__ = ["fill_cache"]

READ_ONLY: Final = {"CRDS_READONLY_CACHE": "1"}

BY_RULES: Final = ("jump", "ramp_fit", "pathloss", "pixel_replace", "resample_spec")
"""Steps that fixing what is found may run, beside those that the recipe names."""


@dataclass
class _Wanted:
    """What is fetched by one process: the same settings of CRDS serve all of it."""

    exposures: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: set[str] = field(default_factory=set)
    tasks: list[int] = field(default_factory=list)


def fill_cache(tasks: Sequence[Task], told: Callable[[str], None] | None = None) -> list[Task]:
    """Fetch what the tasks need of CRDS; return them such that they only read it.

    Those whose files name no context are given the one in force now, so that a newer one that
    comes meanwhile does not divide them. Observations that cannot be opened are left for their own
    task to tell of; where there is no server, nothing has to be fetched.

    Parameters
    ----------
    tasks : sequence of Task
    told : callable, optional
        Told in a few words what is being fetched.

    Returns
    -------
    list of Task

    Raises
    ------
    LRSExplorerError
        Something could not be fetched.
    """
    groups: dict[tuple[tuple[str, str], ...], _Wanted] = {}
    for number, task in enumerate(tasks):
        try:
            observation = open_observation(task.path, crds=task.crds, join=task.join)
            rules = Rules.from_dict(task.rules)
            settings, _ = crds_settings(observation)
            steps = _steps(targets(observation, rules.recipe))
        except LRSExplorerError:
            continue
        if settings.get("CRDS_SERVER_URL", os.environ.get("CRDS_SERVER_URL")) == SERVERLESS:
            continue
        if rules.fix:
            steps |= {step for step in BY_RULES if step in observation.can_reprocess}
        wanted = groups.setdefault(tuple(sorted(settings.items())), _Wanted())
        parameters = crds_parameters(observation.reference_header(rules.recipe.nods))
        wanted.exposures[str(sorted(parameters.items()))] = parameters
        wanted.steps |= steps
        wanted.tasks.append(number)
    ready = list(tasks)
    for settings_of, wanted in groups.items():
        with tempfile.TemporaryDirectory(prefix="lrs-explorer-") as folder:
            job = {
                "kind": "references",
                "steps": sorted(wanted.steps),
                "parameters": list(wanted.exposures.values()),
                "folder": folder,
            }
            worker = worker_for(dict(settings_of))
            what = "the search for reference files"
            found, _ = worker.run(job, what, told and (lambda step, _seconds: told(step)))
        pinned = READ_ONLY
        if "CRDS_CONTEXT" not in dict(settings_of):
            pinned = READ_ONLY | {"CRDS_CONTEXT": found["context"]}
        for number in wanted.tasks:
            task = tasks[number]
            ready[number] = replace(task, environment={**task.environment, **pinned})
    return ready


def _steps(wanted: Sequence[Any]) -> set[str]:
    """Return the steps that lead to products, and that of the extraction."""
    found = {"extract_1d"}
    for target in wanted:
        if isinstance(target, PlannedProduct):
            found.update(step for stage in target.in_order() for step in STEPS[stage.name])
    return found
