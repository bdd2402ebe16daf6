"""Where the pathloss and filter offset files of an observation come from."""

from __future__ import annotations

from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer._version import __version__
from lrs_explorer.model.references.crds_settings import EDITION
from lrs_explorer.model.references.slit_references import find_slit_references
from lrs_explorer.model.slit.pathloss import read_pathloss
from lrs_explorer.model.slit.ta_image import read_filter_offset
from lrs_explorer.simulator.references import build_crds_cache


@pytest.fixture(autouse=True)
def _no_crds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CRDS_PATH", "CRDS_SERVER_URL", "CRDS_CONTEXT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LRS_EXPLORER_CACHE", str(tmp_path))


def test_a_cache_that_was_chosen(shared_slit: Path, shared_crds: Path) -> None:
    found = find_slit_references(lrs.open_observation(shared_slit, crds=shared_crds))
    assert found["pathloss"].name == "jwst_miri_pathloss_simslit.fits"
    assert read_filter_offset(found["filteroffset"], "F560W") == pytest.approx((-0.08, -0.06))


def test_simulated_instrument_of_the_demo(tmp_path: Path) -> None:
    build_crds_cache(tmp_path / f"crds-simulated-{__version__}-{EDITION}")
    found = find_slit_references(lrs.demo("slit"))
    assert read_pathloss(found["pathloss"]).factor.shape == (61, 41, 47)
    assert read_filter_offset(found["filteroffset"], "F560W") == (0.0, 0.0)


def test_missing_files_are_left_out(shared_slit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRDS_PATH", "/nowhere")
    monkeypatch.setenv("CRDS_SERVER_URL", "https://crds-serverless-mode.stsci.edu")
    assert find_slit_references(lrs.open_observation(shared_slit)) == {}
