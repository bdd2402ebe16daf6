"""One recipe over many observations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.observation.opening import open_observation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.reprocess import Run, reprocess
from lrs_explorer.model.runs.reprocessor import StepProgress
from lrs_explorer.model.runs.worker import CancelledError

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
        What of the observation was left out, in sentences.
    """

    path: Path
    run: Run | None
    error: str = ""
    notes: tuple[str, ...] = ()


def apply(
    recipe: Recipe,
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
    recipe : Recipe
        Where it chooses no exposure, each path's own is taken: that of the file, or the first one
        of a folder.
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
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    results = []
    for path in map(Path, given):
        try:
            observation = open_observation(path, crds=crds, join=join)
            run = reprocess(
                observation,
                recipe,
                output_dir,
                progress and partial(progress, path),
                overwrite=overwrite,
                extract1d=extract1d,
            )
            result = Applied(path, run, notes=observation.notes)
        except CancelledError:
            raise
        except LRSExplorerError as error:
            result = Applied(path, None, str(error))
        results.append(result)
        if finished is not None:
            finished(result)
    return results
