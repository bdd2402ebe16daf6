"""The process that runs steps: it tells what it does, can be stopped, and nothing ends with it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lrs_explorer import LRSExplorerError
from lrs_explorer.model.observation.opening import open_observation
from lrs_explorer.model.references.crds_settings import crds_settings, simulated_crds
from lrs_explorer.model.runs.worker import CancelledError, Job, Worker, worker_for

from .conftest import DEMO, STEM

pytestmark = pytest.mark.pipeline

PATIENCE = 60.0
"""Seconds after which something that should happen never will."""


def settings_of(shared_data: Path) -> dict[str, str]:
    observation = open_observation(shared_data / "slit-90001", crds=shared_data / "crds")
    return crds_settings(observation)[0]


@pytest.fixture(scope="module")
def worker(shared_data: Path) -> Iterator[Worker]:
    worker = Worker(settings_of(shared_data))
    yield worker
    worker.stop()


Stage = Callable[..., Job]


@pytest.fixture
def stage(shared_slit: Path, tmp_path: Path) -> Stage:
    """Return a function that makes a job of a stage on a product of the shared observation."""

    def make(name: str, product: str, **parameters: object) -> Job:
        folder = tmp_path / "made"
        folder.mkdir(exist_ok=True)
        return {
            "kind": "stage",
            "stage": name,
            "inputs": [str(next(shared_slit.glob(f"{STEM.format(1)}_{product}.fits*")))],
            "folder": str(folder),
            "name": "made.fits",
            "parameters": parameters,
        }

    return make


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def in_background(work: Callable[[], object]) -> tuple[threading.Thread, list[Exception]]:
    """Run ``work`` in a thread; return it and the list to which its error goes."""
    errors: list[Exception] = []

    def target() -> None:
        try:
            work()
        except LRSExplorerError as error:
            errors.append(error)

    thread = threading.Thread(target=target)
    thread.start()
    return thread, errors


def assert_works(worker: Worker, stage: Stage) -> None:
    result, _ = worker.run(stage("s2d", "cal"), "resample_spec on a file")
    assert result["steps"]["resample"] == "COMPLETE"


def test_steps_are_named_as_they_begin(worker: Worker, stage: Stage, tmp_path: Path) -> None:
    before = dict(os.environ)
    seen: list[tuple[str, float]] = []
    rate = stage("flat", "rate")
    result, log = worker.run(rate, "flat", lambda step, seconds: seen.append((step, seconds)))
    steps = list(dict.fromkeys(step for step, _ in seen))
    assert [s for s in steps if s in ("assign_wcs", "srctype", "flat_field")] == [
        "assign_wcs",
        "srctype",
        "flat_field",
    ]
    assert all(seconds >= 0 for _, seconds in seen)
    assert "Step flat_field done" in log
    assert result["context"] == "jwst_0001.pmap"
    assert "jwst_miri_flat_simslit.fits" in result["references"]["flat"]
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["made.fits"]
    assert dict(os.environ) == before


def test_the_log_is_that_of_the_job(worker: Worker, stage: Stage) -> None:
    _, first = worker.run(stage("s2d", "cal"), "first")
    _, second = worker.run(stage("flat", "rate"), "second")
    assert "resample_spec" in first
    assert "resample_spec" not in second
    assert "flat_field" in second


def test_cancel_stops_a_running_step(worker: Worker, stage: Stage) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    def progress(step: str, _: float) -> None:
        if step == "resample_spec":
            begun.set()

    thread, errors = in_background(
        lambda: worker.run(stage("s2d", "cal"), "resample_spec on it", progress, cancelled)
    )
    assert begun.wait(PATIENCE)
    pid = worker.pid
    assert pid is not None
    asked = time.monotonic()
    cancelled.set()
    thread.join(PATIENCE)
    assert time.monotonic() - asked < 1.0
    assert isinstance(errors[0], CancelledError)
    assert "was cancelled in resample_spec" in str(errors[0])
    assert not alive(pid)
    assert_works(worker, stage)


def test_a_killed_process_is_reported_and_replaced(worker: Worker, stage: Stage) -> None:
    begun = threading.Event()
    thread, errors = in_background(
        lambda: worker.run(
            stage("s2d", "cal"),
            "resample_spec on it",
            lambda step, _: begun.set() if step == "resample_spec" else None,
        )
    )
    assert begun.wait(PATIENCE)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    thread.join(PATIENCE)
    message = str(errors[0])
    assert "was killed by SIGKILL in resample_spec" in message
    assert "\n" not in message
    assert_works(worker, stage)


def test_a_process_killed_between_jobs_is_replaced(worker: Worker, stage: Stage) -> None:
    assert_works(worker, stage)
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: worker.pid is None)
    assert_works(worker, stage)
    assert worker.pid != pid


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process: Linux only")
def test_lack_of_memory_is_reported(worker: Worker, stage: Stage) -> None:
    import resource

    assert_works(worker, stage)
    assert worker.pid is not None
    pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + 20_000_000
    resource.prlimit(worker.pid, resource.RLIMIT_AS, (limit, limit))
    with pytest.raises(LRSExplorerError, match=r"memory") as caught:
        worker.run(stage("flat", "rate"), "flat on it")
    assert "\n" not in str(caught.value)
    assert_works(worker, stage)


def test_missing_references_are_reported(stage: Stage, tmp_path: Path) -> None:
    """CRDS ends its interpreter when it has no cache."""
    settings = {
        "CRDS_PATH": str(tmp_path / "empty"),
        "CRDS_SERVER_URL": "https://crds-serverless-mode.stsci.edu",
        "CRDS_CONTEXT": "jwst_0001.pmap",
    }
    worker = Worker(settings)
    before = dict(os.environ)
    try:
        with pytest.raises(LRSExplorerError, match=r"flat on it found .*CRDS_PATH") as caught:
            worker.run(stage("flat", "rate"), "flat on it")
    finally:
        worker.stop()
    assert "\n" not in str(caught.value)
    assert dict(os.environ) == before


def test_a_damaged_file_is_reported(worker: Worker, stage: Stage, tmp_path: Path) -> None:
    broken = tmp_path / "broken_cal.fits"
    broken.write_bytes(b"not a FITS file")
    job = stage("s2d", "cal") | {"inputs": [str(broken)]}
    with pytest.raises(LRSExplorerError, match=r"resample_spec|reading|broken_cal") as caught:
        worker.run(job, "s2d on broken_cal.fits")
    assert "\n" not in str(caught.value)
    assert_works(worker, stage)


def test_simulated_and_other_data_sit_in_one_kernel(
    worker: Worker, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_0001.pmap")
    settings = simulated_crds()
    simulated = worker_for(settings)
    assert simulated is worker_for(dict(settings))
    assert simulated is not worker
    before = dict(os.environ)
    job = {
        "kind": "stage",
        "stage": "x1d",
        "inputs": [str(DEMO / "jw90010001001_03102_00001_mirimage_s2d.fits")],
        "folder": str(tmp_path),
        "name": "demo_x1d.fits",
        "parameters": {},
    }
    try:
        ours, _ = simulated.run(job, "extract_1d on the demo")
        theirs, _ = worker.run(stage("x1d", "s2d"), "extract_1d on the shared data")
        assert simulated.pid != worker.pid
    finally:
        simulated.stop()
    assert ours["references"]["apcorr"] == "jwst_miri_apcorr_0001.fits"
    assert theirs["references"]["apcorr"] == "jwst_miri_apcorr_simslit.fits"
    assert dict(os.environ) == before


ORPHAN = """
import json, sys, threading
from lrs_explorer.model.runs.worker import Worker
settings, job = json.loads(sys.argv[1])
worker = Worker(settings)
def progress(step, seconds):
    if step == sys.argv[2]:
        print(worker.pid, flush=True)
worker.run(job, "it", progress)
"""


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
def test_no_process_is_left_when_its_parent_is_killed(
    shared_data: Path, stage: Stage, tmp_path: Path
) -> None:
    text = json.dumps([settings_of(shared_data), stage("s2d", "cal")])
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, text, "resample_spec"], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert alive(pid)
        parent.kill()
    asked = time.monotonic()
    wait_for(lambda: not alive(pid))
    assert time.monotonic() - asked < 10.0
    shutil.rmtree(tmp_path / "made")


def test_few_processes_wait_for_work(tmp_path: Path) -> None:
    """Each set of CRDS settings has one, of a third of a gigabyte."""
    workers = []
    for name in ("first", "second", "third"):
        workers.append(worker_for({"CRDS_PATH": str(tmp_path / name)}))
        workers[-1].start()
    try:
        assert [worker.pid is not None for worker in workers] == [False, True, True]
        assert worker_for({"CRDS_PATH": str(tmp_path / "first")}) is workers[0]
    finally:
        for worker in workers:
            worker.stop()
