"""Reference files: the demo's, a chosen cache, the user's CRDS, or none at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.model.live.extractor import NO_APCORR, NO_PSF
from lrs_explorer.model.references import crds_query, crds_settings
from lrs_explorer.model.references.references import built_in_references, find_references
from lrs_explorer.simulator.references import crds_environment, reference_path

from .conftest import STEM, Edit

CRDS_VARIABLES = ("CRDS_PATH", "CRDS_SERVER_URL", "CRDS_CONTEXT", "CRDS_READONLY_CACHE")
NO_EXTRACT1D = (
    "extraction aperture from the published values: extract1d reference file not available"
)


@pytest.fixture(autouse=True)
def no_crds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take away what the user has set, and the server: nothing here may ask it."""
    for name in CRDS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(crds_settings, "SERVER", crds_settings.SERVERLESS)


@pytest.fixture
def foreign(slit: Path, edit: Edit) -> Path:
    """Return a nod that is not from this project's own simulator, in a folder with its siblings."""
    for path in slit.glob("*.fits"):
        edit(path, {"TITLE": "SIMULATED by someone else"})
    return slit / f"{STEM.format(1)}_s2d.fits"


def test_the_demo_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise AssertionError("a process was started")

    monkeypatch.setattr(crds_query.subprocess, "Popen", refuse)
    found = find_references(lrs.demo("slit"))
    assert found.apcorr is not None
    assert found.psf is not None
    assert found.notes == ()
    assert found.names["source"] == "packaged with the demo (simulated instrument)"
    assert set(found.names) == {"extract1d", "apcorr", "psf", "source"}


def test_nothing_anywhere(foreign: Path) -> None:
    """CRDS ends its interpreter when it has no cache and no server."""
    observation = lrs.open_observation(foreign)
    environment = dict(os.environ)
    found = find_references(observation)
    assert (found.apcorr, found.psf) == (None, None)
    assert found.notes == (
        "reference files could not be looked up in the JWST CRDS server",
        NO_EXTRACT1D,
        NO_APCORR,
        NO_PSF,
    )
    assert found.names["problem"]
    assert "source" not in found.names
    assert dict(os.environ) == environment
    (aperture,) = found.extract1d["apertures"]
    assert (aperture["id"], aperture["xstart"], aperture["xstop"]) == ("MIR_LRS-FIXEDSLIT", 27, 34)


def test_the_view_works_without_references(foreign: Path) -> None:
    spectrum = lrs.extract(lrs.open_observation(foreign))
    assert NO_APCORR in spectrum.notes
    assert (spectrum.flux == spectrum.flux).sum() > 300


def test_a_chosen_cache(foreign: Path, crds_cache: Path) -> None:
    found = find_references(lrs.open_observation(foreign, crds=crds_cache))
    assert found.names["source"] == f"the CRDS cache {crds_cache}"
    assert found.names["context"] == "jwst_0001.pmap"
    for kind in ("apcorr", "psf"):
        path = getattr(found, kind)
        assert path is not None
        assert path.samefile(reference_path(crds_cache, kind))
    assert found.notes == ()


def test_a_cache_without_the_products_context_is_not_for_it(
    foreign: Path, crds_cache: Path, edit: Edit
) -> None:
    edit(foreign, {"CRDS_CTX": "jwst_1536.pmap"})
    found = find_references(lrs.open_observation(foreign, crds=crds_cache))
    assert found.apcorr is None
    assert found.notes[0] == (
        f"the CRDS cache {crds_cache} does not hold jwst_1536.pmap, the context of {foreign.name}; "
        "set CRDS_CONTEXT to a context that it holds"
    )


def test_the_users_crds(
    foreign: Path, crds_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in crds_environment(crds_cache).items():
        monkeypatch.setenv(name, value)
    found = find_references(lrs.open_observation(foreign))
    assert found.names["source"] == "the user's CRDS"
    assert found.apcorr == reference_path(crds_cache, "apcorr")
    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "empty"))
    found = find_references(lrs.open_observation(foreign))
    assert found.notes[0] == "reference files could not be looked up in the user's CRDS"


def test_another_context_than_the_products_is_said(
    foreign: Path, crds_cache: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit
) -> None:
    edit(foreign, {"CRDS_CTX": "jwst_1536.pmap"})
    for name, value in crds_environment(crds_cache).items():
        monkeypatch.setenv(name, value)
    found = find_references(lrs.open_observation(foreign))
    assert found.notes == (
        "reference files of jwst_0001.pmap are used; the product was made with jwst_1536.pmap",
    )


def test_a_reference_that_is_listed_but_not_there(
    foreign: Path, crds_cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A cache without a server cannot download what it lacks."""
    cache = tmp_path / "partial"
    for path in crds_cache.rglob("*"):
        if path.is_file() and "apcorr_0001.fits" not in path.name:
            target = cache / path.relative_to(crds_cache)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(path)
    for name, value in crds_environment(cache).items():
        monkeypatch.setenv(name, value)
    found = find_references(lrs.open_observation(foreign))
    assert found.apcorr is None
    assert found.psf is not None
    assert found.notes == (NO_APCORR,)
    assert set(found.missing) == {"apcorr"}


@pytest.mark.parametrize("code", ["print('nonsense')", "import os; os._exit(3)"])
def test_a_child_that_dies(foreign: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(crds_query, "_QUERY", code)
    found = find_references(lrs.open_observation(foreign))
    assert "exit status" in found.names["problem"]
    assert NO_APCORR in found.notes


def test_a_python_that_is_gone(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crds_query.sys, "executable", str(foreign))
    assert "problem" in find_references(lrs.open_observation(foreign)).names


def test_the_aperture_before_2025_did_not_follow_the_header(foreign: Path, edit: Edit) -> None:
    assert "use_source_posn" not in _aperture(foreign)
    for path in foreign.parent.glob("*_x1d.fits"):
        edit(path, {"R_EXTR1D": "crds://jwst_miri_extract1d_0005.json"})
    assert _aperture(foreign)["use_source_posn"] is False


def _aperture(path: Path) -> dict[str, object]:
    found = built_in_references(lrs.open_observation(path))
    (aperture,) = found.extract1d["apertures"]
    return dict(aperture)


def test_observation_90001_finds_the_cache_chosen_for_it(
    shared_slit: Path, shared_crds: Path
) -> None:
    found = find_references(lrs.open_observation(shared_slit, crds=shared_crds))
    assert found.names["apcorr"] == "jwst_miri_apcorr_simslit.fits"
    assert found.notes == ()


def test_crds_is_imported_in_a_child_alone(foreign: Path, crds_cache: Path) -> None:
    code = (
        "import os, sys, lrs_explorer as lrs; before = dict(os.environ);"
        "from lrs_explorer.model.references.references import find_references;"
        f"opened = lrs.open_observation({str(foreign)!r}, crds={str(crds_cache)!r});"
        "found = find_references(opened);"
        "sys.exit(found.apcorr is None or 'crds' in sys.modules or before != dict(os.environ))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
