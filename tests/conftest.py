"""Fixtures shared by all layers of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from common import SHARED, Processed
from playwright.sync_api import Browser
from voila_server import launch_chromium

from lrs_explorer.model.runs.crds_settings import SERVERLESS
from lrs_explorer.model.runs.pipeline_run import run_pipeline
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.observation import SlitFiles, SlitScene, simulate_slit
from lrs_explorer.simulator.references import build_crds_cache, crds_environment


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests make out of the user's cache, also in kernels that they start."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRS_EXPLORER_CACHE", str(tmp_path_factory.mktemp("cache")))
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
def crds_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_crds_cache(tmp_path_factory.mktemp("reference") / "crds")


@pytest.fixture(scope="session")
def scene() -> SlitScene:
    return SlitScene(flux_level=4e-4, n_integrations=2, bad_pixels=40, hot_pixels=4, seed=11)


@pytest.fixture(scope="session")
def observation(scene: SlitScene, tmp_path_factory: pytest.TempPathFactory) -> SlitFiles:
    return simulate_slit(scene, tmp_path_factory.mktemp("observation"))


@pytest.fixture(scope="session")
def processed(scene: SlitScene, observation: SlitFiles, crds_cache: Path) -> Processed:
    environment = crds_environment(crds_cache)
    folder = observation.rates[0].parent
    run = run_pipeline("calwebb_spec2", observation.spec2_associations[0], folder, crds=environment)
    by_kind = {path.stem.rsplit("_", 1)[1]: path for path in run.products}
    corrected = run_pipeline(
        "extract_1d",
        by_kind["s2d"],
        folder / "corrected",
        parameters={"position_offset": scene.position_error / instrument.SCALE_ALONG},
        crds=environment,
    )
    return Processed(
        scene, observation, by_kind["cal"], by_kind["s2d"], by_kind["x1d"], corrected.products[0]
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--picture", action="store_true", help="write the picture of the README (docs/images) anew"
    )
