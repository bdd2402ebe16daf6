"""The process that runs pipeline steps, one job after another.

It is the program of the process that `lrs_explorer.model.runs.worker` starts:
``python -m lrs_explorer.model.runs.child`` reads jobs from standard input, a line of JSON each, and
answers with lines of JSON: the steps as they begin, then the result or what went wrong. Whatever
steps print goes to standard error, with their log.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import os
import queue
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, NoReturn

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.references.complete_files import keep_complete_files
from lrs_explorer.model.references.crds_query import SILENCE, fetching_in
from lrs_explorer.model.runs.calibration import (
    STAGES,
    StepParameters,
    extraction_references,
    keep_open,
    step_class,
)

__all__ = ["main", "refuse_commands"]

REFUSED: Final = ("pre_hooks", "post_hooks", "logcfg", "output_dir", "output_file")
"""Parameters with which a parameter file runs commands, or writes into files of its choice."""


MEMBER: Final = "_pixel_replace.fits"
"""How the names of exposures end, as they went into a combined image."""


class _Channel:
    """The way back to the process that asked."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.step = ""

    def send(self, **event: Any) -> None:
        """Send one event."""
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()

    def begin(self, step: str) -> None:
        """Say that a step begins."""
        self.step = step
        self.send(event="step", name=step)


def main() -> NoReturn:
    """Answer jobs; the end of standard input ends the process."""
    channel = _Channel(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what steps print must not be taken for an answer
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s - %(name)s - %(levelname)s - %(message)s"
    )
    jobs: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(jobs,), daemon=True).start()
    _announce_steps(channel)
    _announce_files(channel)
    refuse_commands()
    keep_complete_files()
    _load()
    while True:
        job = json.loads(jobs.get())
        channel.step = ""
        try:
            # A CRDS step parameter file may make a step save something where it runs.
            with contextlib.chdir(job["folder"]):
                result = _JOBS[job["kind"]](job)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - everything goes back to the user
            channel.send(
                event="failed",
                step=channel.step,
                type=type(error).__name__,
                module=type(error).__module__,
                message=str(error),
            )
        else:
            channel.send(event="done", result=result)


def _listen(jobs: queue.SimpleQueue[str]) -> None:
    """Pass on jobs; end the process, in whatever step it is, when nobody is left to ask for it."""
    for line in sys.stdin:
        jobs.put(line)
    os._exit(0)


def _announce_steps(channel: _Channel) -> None:
    """Have every step, also those within pipelines, tell when it begins."""
    from stpipe import Step

    run = Step.run

    @functools.wraps(run)
    def announced(self: Any, *args: Any) -> Any:
        channel.begin(str(self.class_alias or self.name))
        return run(self, *args)

    Step.run = announced


def _announce_files(channel: _Channel) -> None:
    """Tell of each file that CRDS fetches, and give up a connection that has fallen silent."""
    socket.setdefaulttimeout(SILENCE)

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            one = fetching_in(record.getMessage())
            if one is not None:
                channel.begin(f"fetching {one.file} ({one.number} of {one.total})")

    logging.getLogger("CRDS").addHandler(Listener())


def refuse_commands() -> None:
    """Have no parameter file run commands, whichever CRDS, file or parameter has named it.

    All of them pass through one function of stpipe. StepParameters of our own do not.
    """
    from stpipe import config_parser

    load = config_parser.load_config_file

    @functools.wraps(load)
    def checked(config_file: Any) -> Any:
        config = load(config_file)
        refused = sorted(set(_refused(config)))
        if refused:
            raise LRSExplorerError(
                f"the parameter file {config_file} sets {' and '.join(refused)}, which can run "
                "commands or write over files, and is not used; remove it, or choose another CRDS "
                "cache or context"
            )
        return config

    config_parser.load_config_file = checked


def _refused(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of parameters, also those of a pipeline's steps, that are not to be set."""
    for name, value in parameters.items():
        if name in REFUSED:
            if value and value != "None":
                yield name
        elif isinstance(value, Mapping):
            yield from _refused(value)


def _load() -> None:
    """Load the pipeline, and have it lose no time on what is known already."""
    import asdf
    import jwst.pipeline

    # What this process reads, it or the pipeline has written.
    asdf.get_config().validate_on_read = False
    # Models are validated often, and asdf parses a schema anew for each reference to it: a fifth
    # of the time from pathloss to s2d. Without this name in another version it only takes longer.
    make_loader = getattr(asdf.schema, "_make_schema_loader", None)
    if make_loader is not None:
        loader = functools.cache(make_loader())
        asdf.schema._make_schema_loader = lambda: loader
    # Steps collect garbage at each start; what the imports left need not be searched again.
    assert jwst.pipeline
    gc.collect()
    gc.freeze()


def _pipeline(job: StepParameters) -> StepParameters:
    """Run a step or pipeline by its alias; its products go to the job's folder."""
    inputs = job["inputs"]
    step_class(job["step"]).call(
        inputs[0] if len(inputs) == 1 else inputs,
        configure_log=False,
        **{"output_dir": job["folder"], "save_results": True, **job["parameters"]},
    )
    return {}


def _stage(job: StepParameters) -> StepParameters:
    """Run one stage, write its product and return where it is and what it was made with."""
    notes: list[str] = [job["parameters"]["note"]] if "note" in job["parameters"] else []
    model = STAGES[job["stage"]](job["inputs"], job["parameters"], notes)
    path = Path(job["folder"]) / job["name"]
    if job["stage"] != "level_3":  # the pipeline has saved it, with HDRTAB, which a model forgets
        model.meta.filename = path.name
        model.save(path)
    for other in path.parent.iterdir():
        member = job["stage"] == "level_3" and other.name.endswith(MEMBER)
        if other != path and not member:  # what a step saved on its own account
            other.unlink()
    references = {
        name: str(reference["name"])
        for name, reference in model.meta.ref_file.instance.items()
        if isinstance(reference, dict) and reference.get("name") not in (None, "N/A")
    }
    context = model.meta.ref_file.crds.context_used
    steps = {k: v for k, v in model.meta.cal_step.instance.items() if v is not None}
    keep_open(path, model)
    if job["stage"] == "x1d":
        references |= extraction_references(job["inputs"][0])
    return {"references": references, "context": context, "steps": steps, "notes": notes}


def _references(job: StepParameters) -> StepParameters:
    """Fetch the reference files, and the parameters, of steps for the headers of exposures."""
    from stpipe import crds_client

    classes = [step_class(alias) for alias in job["steps"]]
    classes += [one for each in classes for one in getattr(each, "step_defs", {}).values()]
    kinds = {kind for one in classes for kind in one.reference_file_types}
    kinds |= {one.get_config_reftype() for one in classes}
    files: set[str] = set()
    for parameters in job["parameters"]:
        for kind in sorted(kinds):
            try:
                found = crds_client.get_multiple_reference_paths(parameters, [kind], "jwst")
            except LookupError:  # this context knows no such type
                continue
            files.update(found.values())
    context = crds_client.get_context_used("jwst")
    return {"files": sorted(files - {"N/A"}), "context": context}


_JOBS: dict[str, Callable[[StepParameters], StepParameters]] = {
    "pipeline": _pipeline,
    "references": _references,
    "stage": _stage,
}


if __name__ == "__main__":
    main()
