"""The exact path: real jwst steps on real files, in a child process.

This is the only module that runs pipeline steps. A child process is used because a step may end
the interpreter (CRDS calls ``sys.exit`` when it finds no references), may run for a minute, and
reads its CRDS settings from the environment, which must not leak between a user's own data and
simulated data in one kernel.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lrs_explorer.model.errors import LRSExplorerError

__all__ = ["PipelineRun", "run_pipeline"]

_PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_LOG_TAIL = 12  # lines of the log that go with an error


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
    """Run one jwst step or pipeline in a child process and keep its products.

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
        made, control = Path(name, "made"), Path(name, "control")
        made.mkdir()
        control.mkdir()
        log = _run_child(step, absolute, made, control, dict(parameters or {}), crds, timeout)
        products = []
        for path in sorted(made.iterdir()):
            # Same file system: the product appears whole or not at all.
            products.append(path.replace(target / path.name))
    return PipelineRun(tuple(products), log)


def _run_child(
    step: str,
    inputs: list[Path],
    made: Path,
    control: Path,
    parameters: dict[str, Any],
    crds: Mapping[str, str] | None,
    timeout: float | None,
) -> str:
    request, outcome, log_file = (control / name for name in ("request", "outcome", "log"))
    request.write_text(
        json.dumps(
            {
                "step": step,
                "inputs": [str(path) for path in inputs],
                "output_dir": str(made),
                "parameters": parameters,
                "outcome": str(outcome),
            },
            default=str,
        ),
        encoding="utf-8",
    )
    environment = {**os.environ, **(crds or {})}
    # The child must find this very package, installed or not.
    search = [str(_PACKAGE_ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(part for part in search if part)
    command = [sys.executable, "-m", "lrs_explorer.model.steps", str(request)]
    with log_file.open("w", encoding="utf-8") as stream:
        try:
            code: int | None = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=made,
                env=environment,
                timeout=timeout,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    log = log_file.read_text(encoding="utf-8", errors="replace")
    if code != 0:
        failure = LRSExplorerError(_explain(step, inputs[0], code, outcome, timeout))
        failure.add_note("\n".join(log.splitlines()[-_LOG_TAIL:]))
        raise failure
    return log


def _explain(step: str, path: Path, code: int | None, outcome: Path, timeout: float | None) -> str:
    """Say in one or two sentences why a run failed and what helps."""
    where = f"{step} on {path.name}"
    if code is None:
        return f"{where} was stopped after {timeout:g} s. Allow more time or use a smaller file."
    if not outcome.is_file():
        return (
            f"{where} crashed (exit status {code}). Check that the machine has memory to spare "
            "and that the jwst package is installed."
        )
    error = json.loads(outcome.read_text(encoding="utf-8"))
    kind = error["type"]
    # A pipeline wraps what its steps raise as a printed traceback: the cause is its last line.
    reason = error["message"].strip().split("\n")[-1].rstrip(".")
    if kind == "SystemExit" or "crds" in f"{error['module']} {reason}".lower():
        return (
            f"{where} found no reference files ({reason or kind}). Set CRDS_PATH and "
            "CRDS_SERVER_URL, or check that the CRDS server can be reached."
        )
    return (
        f"{where} failed with {kind}: {reason}. Check that the file is complete and of the kind "
        "this step takes."
    )


def _find_step(alias: str) -> Any:
    """Return the step or pipeline class with an alias."""
    import importlib

    from jwst.stpipe.integration import get_steps

    for path, name, _ in get_steps():
        if name != alias:
            continue
        module, class_name = path.rsplit(".", 1)
        try:
            # jwst.step loads every step there is; most have a package named like their alias.
            return getattr(importlib.import_module(f"jwst.{alias}"), class_name)
        except (ModuleNotFoundError, AttributeError):
            return getattr(importlib.import_module(module), class_name)
    raise ValueError(f"jwst has no step called {alias!r}")


def _main(request_file: str) -> None:
    """Run the request in this process: the child's side of `run_pipeline`."""
    import gc

    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    try:
        cls = _find_step(request["step"])
        # Steps collect garbage at each start; what the imports left need not be searched again.
        gc.collect()
        gc.freeze()
        inputs = request["inputs"]
        cls.call(
            inputs[0] if len(inputs) == 1 else inputs,
            **{"output_dir": request["output_dir"], "save_results": True, **request["parameters"]},
        )
    except BaseException as error:
        report = {
            "type": type(error).__name__,
            "module": type(error).__module__,
            "message": str(error),
        }
        Path(request["outcome"]).write_text(json.dumps(report), encoding="utf-8")
        raise


if __name__ == "__main__":
    _main(sys.argv[1])
