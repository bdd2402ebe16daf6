"""Where tasks run: in turn in this process, in several here, or on Dask distributed.

Each yields what becomes of the tasks as it is known, with their numbers. A process that is killed
takes nothing with it: its task is done again by another.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrs_explorer.batch.applied import Applied, Task
from lrs_explorer.batch.task import run_task
from lrs_explorer.model.data.errors import LRSExplorerError

if TYPE_CHECKING:
    from lrs_explorer.model.runs.reprocessor import Report

__all__ = ["in_processes", "in_turn", "on_dask"]

Outcomes = Iterator[tuple[int, Applied]]

TRIES: Final = 3
"""For a task whose process is killed: it may have been by chance in that of another."""

ONE_THREAD: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
"""One process a task is all the parallel work there is."""

PACKAGES: Final = ("lrs_explorer", "jwst")
"""Whose versions must be the same on all workers."""


def in_turn(tasks: Sequence[Task], report: Callable[[Task], Report | None]) -> Outcomes:
    """Run tasks one after the other, in this process."""
    for number, task in enumerate(tasks):
        yield number, run_task(task, report(task))


def in_processes(tasks: Sequence[Task], processes: int) -> Outcomes:
    """Run tasks in so many processes of this machine, started anew: one task each at a time."""
    waiting = deque((number, 1) for number in range(len(tasks)))
    while waiting:
        with _pool(processes) as pool:
            running: dict[Future[Applied], tuple[int, int]] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < processes:
                        number, tries = waiting.popleft()
                        running[pool.submit(run_task, tasks[number])] = number, tries
                    ended, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        error = future.exception()
                        if isinstance(error, BrokenProcessPool):
                            raise error
                        number, _ = running.pop(future)
                        task = tasks[number]
                        yield number, _failed(task, error) if error else future.result()
            except BrokenProcessPool:
                for number, tries in running.values():
                    if tries < TRIES:
                        waiting.append((number, tries + 1))
                    else:
                        yield number, _killed(tasks[number])


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Return a pool of processes that are ended, with what they run, whatever happens here."""
    pool = ProcessPoolExecutor(
        processes, multiprocessing.get_context("spawn"), initializer=_begin_process
    )
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)  # read by libraries on import, in the processes
    try:
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        raise
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        pool.shutdown(cancel_futures=True)


def _begin_process() -> None:
    """Leave a key pressed in the terminal to the parent; end tidily when it says so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _killed(task: Task) -> Applied:
    error = (
        f"the process that ran {task.given} was killed {TRIES} times, perhaps for lack of memory; "
        "use fewer processes."
    )
    return Applied(Path(task.given), "failed", error=error)


def on_dask(tasks: Sequence[Task], where: str) -> Outcomes:
    """Run tasks on Dask distributed.

    Parameters
    ----------
    tasks : sequence of Task
    where : str
        "local:N" for N workers of this machine, else the address of a scheduler.

    Raises
    ------
    LRSExplorerError
        Dask is not installed, the scheduler cannot be reached or is gone, or a worker has other
        versions.
    """
    try:
        distributed: Any = importlib.import_module("distributed")
    except ImportError:
        raise LRSExplorerError(
            "Dask is not installed; install it with: pip install 'lrs-explorer[dask]'."
        ) from None
    # What matters of it is told in sentences; it logs connections that are lost as tracebacks.
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with _client(distributed, where) as client:
        _check_versions(client)
        futures = client.map(
            run_task,
            tasks,
            key=[f"lrs-explorer-{task.apply}-{number}" for number, task in enumerate(tasks)],
            pure=False,
        )
        numbers = {future.key: number for number, future in enumerate(futures)}
        ended: Any = distributed.as_completed(futures, raise_errors=False)
        del futures  # each is let go as it is known
        for known, future in enumerate(ended):
            number = numbers[future.key]
            if future.status == "finished":
                applied = future.result()
            elif future.status == "error":
                applied = _failed(tasks[number], future.exception())
            else:
                raise LRSExplorerError(
                    f"the scheduler {where} is gone; {known} of {len(tasks)} are done and kept: "
                    "run the same again to go on."
                )
            yield number, applied


@contextmanager
def _client(distributed: Any, where: str) -> Iterator[Any]:
    """Return a client of a scheduler that is there, or of a cluster of this machine."""
    kind, _, number = where.partition(":")
    if kind != "local":
        try:
            client = distributed.Client(where, timeout="10s")
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise LRSExplorerError(
                f"no Dask scheduler can be reached at {where} ({reason}); check the address."
            ) from None
        with client:
            yield client
        return
    if not number.isdecimal() or int(number) < 1:
        raise LRSExplorerError(f"local:N needs a number of workers from 1, not {where!r}.")
    # Environment variables for threads are Dask's own default.
    with (
        distributed.LocalCluster(
            n_workers=int(number), threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _check_versions(client: Any) -> None:
    told = client.get_versions(packages=list(PACKAGES))
    own = told["client"]["packages"]
    for address, worker in told["workers"].items():
        for package in PACKAGES:
            theirs = worker["packages"].get(package)
            if theirs != own.get(package):
                raise LRSExplorerError(
                    f"worker {address} has {package} {theirs or 'not at all'}, here it is "
                    f"{own.get(package)}; install the same on all workers."
                )


def _failed(task: Task, error: BaseException) -> Applied:
    if type(error).__name__ == "KilledWorker":
        return _killed(task)
    said = str(error).strip().split("\n")[-1].rstrip(".")
    return Applied(
        Path(task.given),
        "failed",
        error=f"{task.given} failed on its worker with {type(error).__name__}: {said}.",
    )
