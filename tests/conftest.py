"""Fixtures shared by all layers of tests."""

from __future__ import annotations

import asyncio
import functools
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from common import SHARED, Once, Processed
from environments import OTHER_TOOLS, python_with, wanted
from filelock import FileLock
from playwright.sync_api import Browser
from voila_server import launch_chromium
from xdist.scheduler import LoadScopeScheduling

from lrs_explorer._version import __version__
from lrs_explorer.app.kernel.background_work import BackgroundWork
from lrs_explorer.app.kernel.page_gate import PageGate
from lrs_explorer.model.files.disk import cache_folder
from lrs_explorer.model.references.crds_settings import EDITION, SERVERLESS
from lrs_explorer.model.runs.worker import Worker
from lrs_explorer.simulator.pipeline_run import run_pipeline

if TYPE_CHECKING:  # the simulator imports the pipeline's data models, which takes seconds
    from lrs_explorer.simulator.observation import SlitFiles, SlitScene

USES = {"browser": "browser", "processed": "pipeline", "real_step": "pipeline"}
"""Fixtures, and how tests are marked that use them."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by what they use, and say in what order they begin.

    One process begins with the explorer's pages, the other with the pipeline. What comes last is
    short, so that both have something to do until the end.
    """
    turns: dict[Path, int] = {}
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for mark in {USES[name] for name in fixtures if name in USES}:
            item.add_marker(mark)
        marks = ("pipeline", "browser")
        turn = next((n for n, mark in enumerate(marks, 1) if item.get_closest_marker(mark)), 3)
        turn = 0 if "served" in fixtures else turn
        turns[item.path] = min(turn, turns.get(item.path, turn))
    items.sort(key=lambda item: turns[item.path])
    if "exhaustive" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


class Groups(LoadScopeScheduling):
    """Gives a process whole modules, and one all that share the explorer's pages.

    Marks for groups (``--dist=loadgroup``) have no effect with pytest 9.2 and xdist 3.8.
    """

    def _split_scope(self, nodeid: str) -> str:
        return _group(self.config.rootpath / nodeid.partition("::")[0])


@functools.cache
def _group(module: Path) -> str:
    drives_pages = "from explorer_page import" in module.read_text(encoding="utf-8")
    return "pages" if drives_pages else str(module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


@contextmanager
def _as_in_a_script(item: pytest.Item) -> Iterator[None]:
    """Hide the loop that Playwright keeps running in this thread from tests of no page."""
    loop = None if item.get_closest_marker("browser") else asyncio._get_running_loop()
    if loop is None:
        yield
        return
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    with _as_in_a_script(item):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    with _as_in_a_script(item):
        yield


@pytest.fixture(autouse=True)
def _nothing_runs_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait for what an explorer of a test does in threads: filters of warnings are everybody's."""
    made: list[BackgroundWork] = []
    init = BackgroundWork.__init__

    def noted(self: BackgroundWork, page: PageGate) -> None:
        init(self, page)
        made.append(self)

    monkeypatch.setattr(BackgroundWork, "__init__", noted)
    yield
    for work in made:
        work.begin()
        wait(list(work._waiting))


def _refuse(*_: Any, **__: Any) -> NoReturn:
    pytest.fail("a test that runs the pipeline needs the mark pytest.mark.pipeline", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool, bool]:
    """Keep the pipeline from tests that do not say that they run it."""
    with pytest.MonkeyPatch.context() as patch:
        if item.get_closest_marker("pipeline") is None:
            patch.setattr(Worker, "run", _refuse)
        return (yield)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Return a function that makes something once for all processes of this test run.

    It takes a name and what makes it in an empty folder, and returns what that returned.
    """
    folder = _common_folder(tmp_path_factory)

    def make_once(name: str, make: Any) -> Any:
        place, made = folder / name, folder / f"{name}.made"
        with FileLock(folder / f"{name}.lock"):
            if not made.is_file():
                shutil.rmtree(place, ignore_errors=True)  # another process has failed to make it
                place.mkdir()
                made.write_bytes(pickle.dumps(make(place)))
            return pickle.loads(made.read_bytes())

    return make_once


def _common_folder(factory: pytest.TempPathFactory) -> Path:
    """Return the folder of this test run; each process of it has one of its own within."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests make out of the user's cache, also in kernels that they start.

    All processes of a test run have one cache: what one of them has made the others find.
    """
    cache = _common_folder(tmp_path_factory) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRS_EXPLORER_CACHE", str(cache))
        yield


@pytest.fixture(scope="session", autouse=True)
def shared_crds() -> Iterator[Path]:
    """Have the user's CRDS be the cache of the shared data, also in kernels that tests start.

    It lies beside those data, and is not used unasked.
    """
    cache = SHARED / "crds"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CRDS_PATH", str(cache))
        patch.setenv("CRDS_SERVER_URL", SERVERLESS)
        patch.setenv("CRDS_READONLY_CACHE", "1")
        patch.delenv("CRDS_CONTEXT", raising=False)
        yield cache


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache for this test alone, in which nothing was made before."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("LRS_EXPLORER_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of LRS products beside the repository; skip where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no shared/data beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def shared_slit(shared_data: Path) -> Path:
    """Return the folder of the simulated slit observation 90001 (read-only)."""
    return shared_data / "slit-90001"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a Chromium for all browser tests; skip where there is none."""
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def stranger() -> Path:
    """Return a Python that knows the pipeline and not LRS Explorer.

    It is one of its own where other tools are wanted, else that of these tests: tests that use it
    keep it from importing LRS Explorer.
    """
    if not wanted():
        return Path(sys.executable)
    # The same bits need the same numbers underneath.
    same = ("jwst", "stcal", "stdatamodels", "drizzle", "gwcs", "astropy", "numpy", "scipy")
    return python_with(*(f"{name}=={version(name)}" for name in same))


@pytest.fixture(scope="session")
def jdaviz() -> Path:
    """Return a Python with jdaviz, and with it specutils, that does not know LRS Explorer."""
    if not wanted():
        pytest.skip(f"{OTHER_TOOLS} is not set")
    return python_with("jdaviz")


@pytest.fixture(scope="session")
def crds_cache(once: Once) -> Path:
    """Return the reference files of the simulated instrument, where the pipeline has them made."""
    from lrs_explorer.simulator.references import build_crds_cache

    place = cache_folder() / f"crds-simulated-{__version__}-{EDITION}"
    return once("references", lambda _: build_crds_cache(place))


@pytest.fixture(scope="session")
def series_in(crds_cache: Path, once: Once) -> Callable[[str], Path]:
    """Return a function that returns the folder of a calibrated short series in a subarray."""
    from lrs_explorer.model.data.instrument import SUBARRAYS
    from lrs_explorer.simulator.scene import SlitScene
    from lrs_explorer.simulator.slit_series import (
        SlitSeriesScene,
        process_slit_series,
        simulate_slit_series,
    )
    from lrs_explorer.simulator.slitless_observation import process_slitless, simulate_slitless
    from lrs_explorer.simulator.slitless_scene import SlitlessScene

    def make(name: str, folder: Path) -> Path:
        if SUBARRAYS[name].mode == "slitless":
            scene = SlitlessScene(subarray=name, n_integrations=8, hot_pixels=2, seed=8)
            process_slitless(simulate_slitless(scene, folder), crds_cache, folder)
        else:
            slit = SlitScene(
                subarray=name, nod_offsets=(0.0,), flux_level=0.02, n_groups=30, slit_offset=0.1
            )
            series = SlitSeriesScene(slit=slit, n_integrations=6, n_segments=2)
            process_slit_series(simulate_slit_series(series, folder), crds_cache, folder)
        return folder

    return lambda name: once(f"series-{name}", lambda folder: make(name, folder))


@pytest.fixture(scope="session")
def scene() -> SlitScene:
    from lrs_explorer.simulator.observation import SlitScene

    return SlitScene(flux_level=4e-4, n_integrations=2, bad_pixels=40, hot_pixels=4, seed=11)


@pytest.fixture(scope="session")
def observation(scene: SlitScene, once: Once) -> SlitFiles:
    from lrs_explorer.simulator.observation import simulate_slit

    return once("observation", lambda folder: simulate_slit(scene, folder))


@pytest.fixture(scope="session")
def processed(scene: SlitScene, observation: SlitFiles, crds_cache: Path, once: Once) -> Processed:
    from lrs_explorer.simulator import instrument
    from lrs_explorer.simulator.references import crds_environment

    environment = crds_environment(crds_cache)

    def make(_: Path) -> Processed:
        first = observation.spec2_associations[0]
        folder = first.parent
        run = run_pipeline("calwebb_spec2", first, folder, crds=environment)
        by_kind = {path.stem.rsplit("_", 1)[1]: path for path in run.products}
        corrected = run_pipeline(
            "extract_1d",
            by_kind["s2d"],
            folder / "corrected",
            parameters={"position_offset": scene.position_error / instrument.SCALE_ALONG},
            crds=environment,
        )
        made = (by_kind["cal"], by_kind["s2d"], by_kind["x1d"], corrected.products[0])
        return Processed(scene, observation, *made)

    return once("processed", make)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--pictures", action="store_true", help="write the pictures of README and docs anew"
    )


@pytest.fixture
def crds_server(shared_data: Path) -> Iterator[Callable[..., str]]:
    """Return a function that starts a CRDS server and returns its address."""
    program = shared_data.parent / "tools" / "crds_server.py"
    if not program.is_file():
        pytest.skip("no CRDS server to test with")
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        command = [sys.executable, str(program), *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(server)
        assert server.stdout is not None
        return f"http://localhost:{int(server.stdout.readline())}"

    yield start
    for server in started:
        with server:
            server.kill()


@pytest.fixture
def first_use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Return a function that sets a CRDS server, with an empty cache."""
    for name in ("CRDS_CONTEXT", "CRDS_READONLY_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "crds"))
    monkeypatch.setenv("CRDS_CLIENT_RETRY_COUNT", "1")

    def use(address: str) -> None:
        monkeypatch.setenv("CRDS_SERVER_URL", address)

    return use
