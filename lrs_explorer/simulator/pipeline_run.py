"""One pipeline, or one step, on files: like ``strun``, but without harm to the kernel."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.runs.worker import worker_for

__all__ = ["PipelineRun", "run_pipeline"]


@dataclass(frozen=True)
class PipelineRun:
    """What one run of a step or pipeline made.

    Attributes
    ----------
    products : tuple of Path
        Files it wrote, in their final place, sorted by name.
    log : str
        Everything the run printed.
    """

    products: tuple[Path, ...]
    log: str


def run_pipeline(
    step: str,
    inputs: str | Path | Sequence[str | Path],
    output_dir: str | Path,
    *,
    parameters: Mapping[str, Any] | None = None,
    crds: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> PipelineRun:
    """Run one jwst step or pipeline in a process of its own and keep its products.

    Parameters
    ----------
    step : str
        The pipeline's own alias, such as "calwebb_spec2", "calwebb_spec3" or "extract_1d".
    inputs : path or sequence of paths
        A product or an association; several products for steps that take a list.
    output_dir : path
        Where products go. They are written aside and moved there when the run has succeeded, so a
        failed run leaves nothing and never harms older products.
    parameters : mapping, optional
        Step parameters. For a pipeline, ``{"steps": {"extract_1d": {...}}}`` reaches its steps.
    crds : mapping, optional
        Environment variables that name a CRDS cache (``CRDS_PATH``, ``CRDS_CONTEXT``, ...), for
        the child alone. When None the child uses whatever the user has set.
    timeout : float, optional
        Seconds after which the run is stopped.

    Returns
    -------
    PipelineRun

    Raises
    ------
    LRSExplorerError
        When an input is missing or the run fails, exits or crashes. The message names the step,
        the file and what to do; the end of the log is attached as a note.
    """
    paths = [inputs] if isinstance(inputs, str | Path) else list(inputs)
    absolute = [Path(path).expanduser().resolve() for path in paths]
    missing = [path.name for path in absolute if not path.is_file()]
    if not absolute or missing:
        what = f"{missing[0]} does not exist" if missing else "no input file was given"
        raise LRSExplorerError(f"Cannot run {step}: {what}. Check the path.")
    target = Path(output_dir).expanduser().resolve()
    try:
        target.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(dir=target, prefix=".lrs-run-")
    except OSError as error:
        raise LRSExplorerError(
            f"Cannot write into {target}: {error.strerror}. Choose another output folder."
        ) from error
    with scratch as name:
        made = Path(name)
        job = {
            "kind": "pipeline",
            "step": step,
            "inputs": [str(path) for path in absolute],
            "folder": str(made),
            "parameters": dict(parameters or {}),
        }
        where = f"{step} on {absolute[0].name}"
        _, log = worker_for(crds).run(job, where, timeout=timeout)
        products = []
        for path in sorted(made.iterdir()):
            # Same file system: the product appears whole or not at all.
            products.append(path.replace(target / path.name))
    return PipelineRun(tuple(products), log)
