"""One recipe over many observations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrs_explorer.diagnosis.settle import settle
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.observation.opening import open_observation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.recipe.rules import Rules
from lrs_explorer.model.reprocess import Run, check_output, reprocess
from lrs_explorer.model.runs.reprocessor import StepProgress
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.stages.extract import kept_stages

__all__ = ["Applied", "apply"]


@dataclass(frozen=True)
class Applied:
    """What became of one observation.

    Parameters
    ----------
    path : Path
        As it was given.
    run : Run or None
        What the pipeline made; None where it failed.
    error : str
        Why it failed; "" where it did not.
    notes : tuple of str
        What of the observation was left out, and what rules have decided.
    recipe : Recipe or None
        That by which it was run: values alone.
    """

    path: Path
    run: Run | None
    error: str = ""
    notes: tuple[str, ...] = ()
    recipe: Recipe | None = None


def apply(
    recipe: Recipe | Rules,
    paths: PathLike | Iterable[PathLike],
    output_dir: PathLike,
    *,
    overwrite: bool = False,
    crds: PathLike | None = None,
    join: bool = False,
    extract1d: PathLike | None = None,
    progress: Callable[[Path, StepProgress], None] | None = None,
    finished: Callable[[Applied], None] | None = None,
) -> list[Applied]:
    """Run the pipeline with one recipe on many observations, one after the other.

    Parameters
    ----------
    recipe : Recipe or Rules
        Rules are settled for each observation (`lrs.settle`). Where it chooses no exposure, each
        path's own is taken: that of the file, or the first one of a folder.
    paths : path or iterable of paths
        Each an LRS product, a folder or an association.
    output_dir : path
        Folder for the products of all.
    overwrite : bool
        Replace files of the same name there.
    crds : path, optional
        CRDS cache for all of them; see `open_observation`.
    join : bool
        Take time series of several exposures as one; see `open_observation`.
    extract1d : path, optional
        Extract1d reference file for all of them; see `reprocess`.
    progress : callable, optional
        Called with the path and a `StepProgress` five times a second.
    finished : callable, optional
        Called with each `Applied` as it is known.

    Returns
    -------
    list of Applied
        One for each path, in their order. One that fails does not stop the others.
    """
    rules = Rules(recipe) if isinstance(recipe, Recipe) else recipe
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    results = []
    for path in map(Path, given):
        try:
            observation = open_observation(path, crds=crds, join=join)
            report = progress and partial(progress, path)
            stages = kept_stages(observation)
            if rules:  # before the long work
                check_output(observation, rules.recipe, output_dir, overwrite=overwrite)
                stages.find_references()
                stages.use_extract1d(extract1d)
            settled = settle(observation, rules, stages=stages, report=report)
            run = reprocess(
                observation,
                settled.recipe,
                output_dir,
                report,
                overwrite=overwrite,
                extract1d=extract1d,
            )
            notes = (*observation.notes, *settled.lines)
            result = Applied(path, run, notes=notes, recipe=settled.recipe)
        except CancelledError:
            raise
        except LRSExplorerError as error:
            result = Applied(path, None, str(error))
        results.append(result)
        if finished is not None:
            finished(result)
    return results
