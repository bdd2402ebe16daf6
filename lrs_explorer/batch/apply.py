"""One recipe over many observations: `lrs.apply`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from lrs_explorer.batch.applied import Applied, Task
from lrs_explorer.batch.crds import fill_cache
from lrs_explorer.batch.engines import in_processes, in_turn, on_dask
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.recipe.checks import whole
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.recipe.rules import Rules
from lrs_explorer.model.runs.reprocessor import Report, StepProgress

__all__ = ["apply"]

LOCK: Final = ".lrs_explorer_apply.lock"

PASSED_ON: Final = ("CRDS_", "STPIPE_", "LRS_EXPLORER_")
"""Beginnings of the environment variables that tasks are given, wherever they run."""


def apply(
    recipe: Recipe | Rules,
    paths: PathLike | Iterable[PathLike],
    output_dir: PathLike,
    *,
    overwrite: bool = False,
    processes: int = 1,
    dask: str | None = None,
    crds: PathLike | None = None,
    join: bool = False,
    extract1d: PathLike | None = None,
    progress: Callable[[Path, StepProgress], None] | None = None,
    fetching: Callable[[str], None] | None = None,
    finished: Callable[[Applied], None] | None = None,
) -> list[Applied]:
    """Run the pipeline with one recipe on many observations.

    What an earlier call has made in ``output_dir``, of the same files and by the same recipe, is
    not made again, so that a call that was stopped goes on where it was. One observation that fails
    does not stop the others, and a process that is killed only has its own done again.

    Parameters
    ----------
    recipe : Recipe or Rules
        Rules are settled for each observation (`lrs.settle`). Where it chooses no exposure, each
        path's own is taken: that of the file, or the first one of a folder.
    paths : path or iterable of paths
        Each an LRS product, a folder or an association; what is given twice is done once.
    output_dir : path
        Folder for the products of all.
    overwrite : bool
        Make all anew, and replace files of the same name there.
    processes : int
        Processes of this machine, each with one observation at a time; 1 = this one. In a script,
        more need the usual guard: ``if __name__ == "__main__":``.
    dask : str, optional
        In place of processes: the address of a scheduler of Dask distributed, whose workers see the
        same files by the same paths, or "local:N" for N workers of this machine.
    crds : path, optional
        CRDS cache for all of them; see `open_observation`.
    join : bool
        Take time series of several exposures as one; see `open_observation`.
    extract1d : path, optional
        Extract1d reference file for all of them; see `reprocess`.
    progress : callable, optional
        Called with the path and a `StepProgress` five times a second, in this process.
    fetching : callable, optional
        Told in a few words what is being fetched of CRDS, before several processes begin.
    finished : callable, optional
        Called with each `Applied` as it is known.

    Returns
    -------
    list of Applied
        One for each path, in their order.

    Raises
    ------
    LRSExplorerError
        Another `apply` writes into the same folder, or it cannot be written; or there is no Dask.
    """
    whole("processes", processes, 1)
    given = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    rules = Rules(recipe) if isinstance(recipe, Recipe) else recipe
    folder = Path(os.path.expanduser(output_dir)).absolute()
    common: dict[str, Any] = {
        "rules": rules.to_dict(),
        "folder": str(folder),
        "apply": uuid.uuid4().hex,
        "overwrite": overwrite,
        "join": join,
        "crds": None if crds is None else str(Path(crds).absolute()),
        "extract1d": None if extract1d is None else str(Path(extract1d).absolute()),
        "environment": {k: v for k, v in os.environ.items() if k.startswith(PASSED_ON)},
    }
    places = {os.path.abspath(os.path.expanduser(path)): os.fspath(path) for path in given}
    tasks = [Task(path, str(as_given), **common) for path, as_given in places.items()]

    def report(task: Task) -> Report | None:
        return progress and partial(progress, Path(task.given))

    with _alone(folder):
        if dask is not None or processes > 1:
            tasks = fill_cache(tasks, fetching)
        if dask is not None:
            outcomes = on_dask(tasks, dask)
        elif processes > 1:
            outcomes = in_processes(tasks, processes)
        else:
            outcomes = in_turn(tasks, report)
        results: dict[str, Applied] = {}
        for number, applied in outcomes:
            results[tasks[number].path] = applied
            if finished is not None:
                finished(applied)
    return [results[os.path.abspath(os.path.expanduser(path))] for path in given]


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other calls out of a folder; the lock goes with this process, however it ends."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, timeout=0)
        lock.acquire()
    except Timeout:
        raise LRSExplorerError(
            f"another apply is writing into {folder}; wait until it has ended, or choose another "
            "folder."
        ) from None
    except OSError as error:
        raise LRSExplorerError(
            f"{folder} cannot be written ({error.strerror}); choose another folder."
        ) from None
    try:
        yield
    finally:
        lock.release()
