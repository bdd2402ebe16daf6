"""One observation, in whichever process: opened, rules settled, run, and noted down.

Nothing heavy is imported before it is called: the process that starts others sets their threads
first.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lrs_explorer.batch.applied import Applied, Task
from lrs_explorer.model.data.errors import LRSExplorerError

if TYPE_CHECKING:
    from lrs_explorer.model.runs.reprocessor import Report

__all__ = ["run_task"]


def run_task(task: Task, report: Report | None = None) -> Applied:
    """Apply a recipe to one observation; what goes wrong is told, not raised.

    Raises
    ------
    CancelledError
        It was cancelled.
    """
    from lrs_explorer.model.runs.worker import CancelledError

    begun = time.monotonic()
    try:
        return _run(task, report, begun)
    except CancelledError:
        raise
    except LRSExplorerError as error:
        seconds = time.monotonic() - begun
        return Applied(Path(task.given), "failed", error=str(error), seconds=seconds)


def _run(task: Task, report: Report | None, begun: float) -> Applied:
    from lrs_explorer.batch.records import Record, key_of
    from lrs_explorer.diagnosis.settle import settle
    from lrs_explorer.model.observation.opening import open_observation
    from lrs_explorer.model.recipe.recipe import Recipe
    from lrs_explorer.model.recipe.rules import Rules
    from lrs_explorer.model.references.crds_settings import crds_settings
    from lrs_explorer.model.reprocess import check_output, reprocess
    from lrs_explorer.model.stages.extract import kept_stages

    os.environ.update(task.environment)
    observation = open_observation(task.path, crds=task.crds, join=task.join)
    rules = Rules.from_dict(task.rules)
    folder, parts = check_output(observation, rules.recipe, task.folder, overwrite=True)
    record = Record(folder, observation.name if observation.is_series else parts[0].root)
    crds = [crds_settings(observation)[0], os.environ.get("CRDS_CONTEXT")]
    key = key_of(observation, task.rules, task.extract1d, crds)
    done = None if task.overwrite else record.done(key)
    if done is not None:
        return Applied(
            Path(task.given),
            "done before",
            tuple(folder / name for name in done["products"]),
            tuple(folder / name for name in done["spectra"]),
            notes=tuple(done["notes"]),
            recipe=Recipe.from_dict(done["recipe"]),
            seconds=time.monotonic() - begun,
        )
    record.check(key, task.apply)
    overwrite = task.overwrite or record.is_of(key)
    check_output(observation, rules.recipe, folder, overwrite=overwrite)
    record.begin(key, task.apply, task.given)
    try:
        stages = kept_stages(observation)
        if rules:
            stages.find_references()
            stages.use_extract1d(task.extract1d)
        settled = settle(observation, rules, stages=stages, report=report)
        run = reprocess(
            observation,
            settled.recipe,
            folder,
            report,
            overwrite=overwrite,
            extract1d=task.extract1d,
        )
    except LRSExplorerError:
        record.forget()
        raise
    notes = (*observation.notes, *settled.lines, *run.provenance["notes"])
    seconds = time.monotonic() - begun
    record.finish(
        {path.name: path.stat().st_size for path in run.products},
        spectra=[path.name for path in run.spectra],
        notes=notes,
        recipe=settled.recipe.to_dict(),
        seconds=round(seconds, 2),
    )
    return Applied(
        Path(task.given), "done", run.products, run.spectra, "", notes, settled.recipe, seconds
    )
