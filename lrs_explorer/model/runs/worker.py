"""A process that runs pipeline steps, so that the kernel never waits, and nothing ends it.

A step may end its interpreter (CRDS calls ``sys.exit`` when it finds no references), run for
minutes, or use up the memory, and it reads its CRDS settings from the environment. So steps run in
a process of their own, one for each set of CRDS settings: it keeps the pipeline loaded between
jobs, can be killed at any moment, and is replaced when it dies.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.references.crds_settings import child_environment

__all__ = ["CancelledError", "Job", "Progress", "Worker", "worker_for"]

Job = dict[str, Any]
"""What `lrs_explorer.model.runs.child` understands, in plain JSON values."""

Progress = Callable[[str, float], None]
"""Called with the name of the step that has begun, or is still running, and its seconds so far."""

_PACKAGE_ROOT: Final = Path(__file__).resolve().parents[2]
_TICK: Final = 0.2  # seconds between looks at a cancelled flag and calls of progress
_LOG_TAIL: Final = 12  # lines of the log that go with an error


class CancelledError(LRSExplorerError):
    """The user stopped the run."""


class Worker:
    """One process, one job at a time; may be used from any thread.

    Parameters
    ----------
    crds : Mapping of str to str
        Environment variables that name a CRDS cache or server, set for the process alone.
    """

    def __init__(self, crds: Mapping[str, str]) -> None:
        self._crds = dict(crds)
        self._process: subprocess.Popen[str] | None = None
        self._events: queue.Queue[str | None] = queue.Queue()
        self._log: IO[str] | None = None
        self._one_at_a_time = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Process id; None while there is no process."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start the process if it is not running; it loads the pipeline on its own."""
        if self.pid is not None:
            return
        self.stop()
        environment = child_environment(self._crds) | {"PYTHONUNBUFFERED": "1"}
        # The child must find this very package, installed or not.
        search = [str(_PACKAGE_ROOT), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(part for part in search if part)
        try:
            # Kept open as long as the process; appending, as both share one position in it.
            self._log = tempfile.TemporaryFile("a+", encoding="utf-8", errors="replace")  # noqa: SIM115
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "lrs_explorer.model.runs.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                env=environment,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # a key pressed in a terminal is for the parent
            )
        except OSError as error:
            raise LRSExplorerError(
                f"no process for the pipeline could be started ({error}); free memory or disk."
            ) from None
        self._process, self._events = process, queue.Queue()
        threading.Thread(target=_forward, args=(process.stdout, self._events), daemon=True).start()

    def stop(self) -> None:
        """Kill the process, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            # Steps may have children of their own: end the whole group.
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, self._log):
            try:
                if stream is not None:
                    stream.close()
            except OSError:  # what was still to be written to a dead process
                pass

    def stop_if_idle(self) -> None:
        """End the process, unless it is at work; the next job gets a new one."""
        if self._one_at_a_time.acquire(blocking=False):
            try:
                self.stop()
            finally:
                self._one_at_a_time.release()

    def run(
        self,
        job: Job,
        name: str,
        progress: Progress | None = None,
        cancelled: threading.Event | None = None,
        timeout: float | None = None,
    ) -> tuple[dict[str, Any], str]:
        """Run one job and return its result and its log.

        Parameters
        ----------
        job : dict
        name : str
            What is run on which file, for messages: "calwebb_spec2 on jw…_rate.fits".
        progress : callable, optional
            Told of each step as it begins, and five times a second while it runs.
        cancelled : threading.Event, optional
            When set, the process is killed within a fraction of a second.
        timeout : float, optional
            Seconds after which the run is stopped.

        Raises
        ------
        CancelledError
            ``cancelled`` was set.
        LRSExplorerError
            A step failed, or the process ended; the end of the log is attached as a note. The next
            job gets a new process.
        """
        with self._one_at_a_time:
            try:
                return self._run(job, name, progress, cancelled, timeout)
            except BaseException:
                self.stop()  # also on KeyboardInterrupt: what it was doing is of no use any more
                raise

    def _run(
        self,
        job: Job,
        name: str,
        progress: Progress | None,
        cancelled: threading.Event | None,
        timeout: float | None,
    ) -> tuple[dict[str, Any], str]:
        step = "reading files" if self.pid else "loading the pipeline"
        self.start()
        process, log = self._process, self._log
        assert process is not None
        assert process.stdin is not None
        assert log is not None
        beginning = log.seek(0, os.SEEK_END)
        try:
            process.stdin.write(json.dumps(job, default=str) + "\n")
            process.stdin.flush()
        except OSError:
            pass  # it has died: seen as the end of its events below
        since = begun = time.monotonic()
        while True:
            now = time.monotonic()
            if cancelled is not None and cancelled.is_set():
                raise CancelledError(f"{name} was cancelled in {step}; nothing was changed.")
            if timeout is not None and now - begun > timeout:
                raise _with_log(
                    f"{name} was stopped after {timeout:g} s. Allow more time or use a smaller "
                    "file.",
                    _read(log, beginning),
                )
            if progress is not None:
                progress(step, now - since)
            try:
                line = self._events.get(timeout=_TICK)
            except queue.Empty:
                continue
            if line is None:
                raise _with_log(_death(process.wait(), name, step), _read(log, beginning))
            event = json.loads(line)
            if event["event"] == "step":
                step, since = event["name"], time.monotonic()
            elif event["event"] == "done":
                return event["result"], _read(log, beginning)
            else:
                raise _with_log(_failure(event, name), _read(log, beginning))


def _forward(stream: IO[str] | None, events: queue.Queue[str | None]) -> None:
    """Pass on what the process says; None at its end."""
    assert stream is not None
    try:
        for line in stream:
            events.put(line)
    except (OSError, ValueError):  # closed while it was read
        pass
    events.put(None)


def _read(log: IO[str], beginning: int) -> str:
    log.seek(beginning)
    return log.read()


def _with_log(message: str, log: str) -> LRSExplorerError:
    error = LRSExplorerError(message)
    error.add_note("\n".join(log.splitlines()[-_LOG_TAIL:]))
    return error


def _death(status: int, name: str, step: str) -> str:
    """Say that the process has ended in the middle of a job."""
    if status < 0:
        try:
            how = f"was killed by {signal.Signals(-status).name}"
        except ValueError:
            how = f"was killed by signal {-status}"
    else:
        how = f"ended with status {status}"
    return (
        f"the process that ran {name} {how} in {step}, perhaps for lack of memory; nothing was "
        "changed, and the next run gets a new process."
    )


def _failure(event: Mapping[str, Any], name: str) -> str:
    """Say in one or two sentences why a step failed and what helps."""
    kind, step = event["type"], event["step"]
    # A pipeline wraps what its steps raise as a printed traceback: the cause is its last line.
    reason = event["message"].strip().split("\n")[-1].rstrip(".")
    where = name if step in name else f"{step} in {name}"  # "" before the first step
    if kind == "OSError" and ("No space left" in reason or "Not enough space" in reason):
        return f"{where} found the disk full; make room and run it again."
    if kind == "MemoryError":
        return f"{where} ran out of memory; close other programs and run it again."
    if kind == "LRSExplorerError":
        return f"{where}: {reason}."
    if kind == "SystemExit" or "crds" in f"{event['module']} {reason}".lower():
        why = "" if kind == "SystemExit" else f" ({reason})"
        return (
            f"{where} found no reference files{why}. Check that the CRDS server can be reached, or "
            "choose a CRDS cache: with crds=, --crds or CRDS_PATH (one that lies beside the data "
            "is not used unasked)."
        )
    return (
        f"{where} failed with {kind}: {reason}. Check that the file is complete and of the kind "
        "this step takes."
    )


_WORKERS: dict[tuple[tuple[str, str], ...], Worker] = {}
_GUARD = threading.Lock()


MOST_IDLE: Final = 1
"""Processes of other settings that are kept beside the one in use: each holds 0.3 GB."""


def worker_for(crds: Mapping[str, str] | None) -> Worker:
    """Return the worker with these CRDS settings on top of the user's, a new one if need be.

    Of workers that are not in use the processes that were asked for longest ago end.
    """
    effective = {k: v for k, v in os.environ.items() if k.startswith(("CRDS_", "STPIPE_"))}
    key = tuple(sorted({**effective, **(crds or {})}.items()))
    with _GUARD:
        worker = _WORKERS.pop(key, None) or Worker(crds or {})
        others = [one for one in _WORKERS.values() if one.pid is not None]
        _WORKERS[key] = worker  # the last of all
    for other in others[: max(0, len(others) - MOST_IDLE)]:
        other.stop_if_idle()
    return worker


@atexit.register
def _stop_all() -> None:
    for worker in _WORKERS.values():
        worker.stop()
