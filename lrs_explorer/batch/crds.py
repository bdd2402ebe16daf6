"""The CRDS cache, filled by one process before many read it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
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


def fill_cache(tasks: Sequence[Task], told: Callable[[str], None] | None = None) -> dict[str, str]:
    """Fetch what the tasks need of CRDS; return the environment in which they read it alone.

    Observations that cannot be opened are left for their own task to tell of.

    Parameters
    ----------
    tasks : sequence of Task
    told : callable, optional
        Told in a few words what is being fetched.

    Returns
    -------
    dict
        Read-only; empty where there is no server, so that nothing has to be fetched.

    Raises
    ------
    LRSExplorerError
        Something could not be fetched.
    """
    groups: dict[tuple[tuple[str, str], ...], tuple[dict[str, Any], set[str]]] = {}
    for task in tasks:
        try:
            observation = open_observation(task.path, crds=task.crds, join=task.join)
            rules = Rules.from_dict(task.rules)
            settings, _ = crds_settings(observation)
            wanted = _steps(targets(observation, rules.recipe))
        except LRSExplorerError:
            continue
        if settings.get("CRDS_SERVER_URL", os.environ.get("CRDS_SERVER_URL")) == SERVERLESS:
            continue
        if rules.fix:
            wanted |= {step for step in BY_RULES if step in observation.can_reprocess}
        exposures, steps = groups.setdefault(tuple(sorted(settings.items())), ({}, set()))
        parameters = crds_parameters(observation.reference_header(rules.recipe.nods))
        exposures[str(sorted(parameters.items()))] = parameters
        steps |= wanted
    for settings_of, (exposures, steps) in groups.items():
        with tempfile.TemporaryDirectory(prefix="lrs-explorer-") as folder:
            job = {
                "kind": "references",
                "steps": sorted(steps),
                "parameters": list(exposures.values()),
                "folder": folder,
            }
            worker = worker_for(dict(settings_of))
            what = "the search for reference files"
            worker.run(job, what, told and (lambda step, _seconds: told(step)))
    return READ_ONLY if groups else {}


def _steps(wanted: Sequence[Any]) -> set[str]:
    """Return the steps that lead to products, and that of the extraction."""
    found = {"extract_1d"}
    for target in wanted:
        if isinstance(target, PlannedProduct):
            found.update(step for stage in target.in_order() for step in STEPS[stage.name])
    return found
