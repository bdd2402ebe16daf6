"""An observation opens from whatever the user points at, with all that belongs to it."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from common import SHARED

import lrs_explorer as lrs
from lrs_explorer.model.observation.opening import list_observations

from .conftest import COMBINED, STEM, Edit

KINDS_OF_90001 = {"rate": 2, "ramp": 2, "cal": 2, "s2d": 3, "x1d": 3, "ta": 2, "asn": 3}


def counts(observation: lrs.Observation) -> dict[str, int]:
    return {kind: len(paths) for kind, paths in observation.products.items()}


def test_a_folder(slit: Path) -> None:
    observation = lrs.open_observation(slit)
    assert (observation.name, observation.mode) == ("jw90010-o001", "slit")
    assert observation.target == "SIM-DUSTY-STAR"
    assert counts(observation) == {"s2d": 3, "x1d": 3}
    assert [nods.exposure for _, nods in observation.choices()] == [1, 2, "combined"]


@pytest.mark.parametrize("name", [f"{STEM.format(n)}_{k}" for n in (1, 2) for k in ("s2d", "x1d")])
def test_a_file_brings_its_siblings_and_is_shown(slit: Path, name: str) -> None:
    observation = lrs.open_observation(slit / f"{name}.fits")
    assert counts(observation) == {"s2d": 3, "x1d": 3}
    assert observation.image_path().name == f"{name[:-4]}_s2d.fits"


def test_the_combined_product_is_shown_when_opened(slit: Path) -> None:
    observation = lrs.open_observation(slit / f"{COMBINED}_x1d.fits")
    assert observation.image_path().name == f"{COMBINED}_s2d.fits"
    assert observation.number() == "combined"


def test_a_compressed_file_is_as_good(slit: Path) -> None:
    path = slit / f"{STEM.format(2)}_s2d.fits"
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    for source in (slit, packed):
        observation = lrs.open_observation(source)
        assert observation.image_path(lrs.Nods(2)) == packed
        assert observation.image(lrs.Nods(2)).shape == (387, 46)


def test_several_paths(slit: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = shutil.move(slit / f"{STEM.format(2)}_s2d.fits", elsewhere)
    first = slit / f"{STEM.format(1)}_s2d.fits"
    assert counts(lrs.open_observation(first))["s2d"] == 2
    assert counts(lrs.open_observation([first, moved]))["s2d"] == 3
    assert counts(lrs.open_observation([str(elsewhere), slit]))["s2d"] == 3


def test_files_of_two_observations_are_not_mixed(slit: Path, tmp_path: Path, edit: Edit) -> None:
    ours = slit / f"{STEM.format(1)}_s2d.fits"
    other = slit / f"{STEM.format(1)}_s2d.fits".replace("jw90010001", "jw90010007")
    shutil.copy(ours, other)
    edit(other, {"OBSERVTN": "007"})
    assert counts(lrs.open_observation(ours)) == {"s2d": 3, "x1d": 3}
    assert counts(lrs.open_observation(other)) == {"s2d": 1}
    with pytest.raises(lrs.LRSExplorerError, match="belong to different observations"):
        lrs.open_observation([ours, other])
    with pytest.raises(lrs.LRSExplorerError, match="holds 2 LRS observations"):
        lrs.open_observation(slit)
    assert sorted(o.name for o in list_observations(slit)) == ["jw90010-o001", "jw90010-o007"]


def test_a_download_with_a_folder_for_each_exposure(slit: Path) -> None:
    for path in list(slit.glob("*_mirimage_*.fits")):
        folder = slit / path.name.rpartition("_")[0]
        folder.mkdir(exist_ok=True)
        shutil.move(path, folder)
    for path in slit.glob(f"{COMBINED}*"):
        path.unlink()
    inside = slit / STEM.format(1) / f"{STEM.format(1)}_s2d.fits"
    assert counts(lrs.open_observation(inside)) == {"s2d": 2, "x1d": 2}
    assert counts(lrs.open_observation(slit)) == {"s2d": 2, "x1d": 2}


@pytest.mark.parametrize(("level", "shown"), [("spec2", f"{STEM.format(1)}"), ("spec3", COMBINED)])
def test_an_association(slit: Path, level: str, shown: str) -> None:
    members = [
        {"expname": f"{STEM.format(n)}_cal.fits", "exptype": kind}
        for n, kind in ((2, "background"), (1, "science"))
    ]
    name = STEM.format(1) if level == "spec2" else COMBINED
    path = slit / f"jw90010-o001_{level}_00001_asn.json"
    content = {"asn_type": level, "products": [{"name": name, "members": members}]}
    path.write_text(json.dumps(content))
    observation = lrs.open_observation(path)
    assert counts(observation) == {"s2d": 3, "x1d": 3, "asn": 1}
    assert observation.image_path().name == f"{shown}_s2d.fits"


def files_of_90001() -> list[str]:
    folder = SHARED / "slit-90001"
    found = sorted(p.name for p in folder.glob("jw*")) if folder.is_dir() else []
    return found or ["(absent)"]


@pytest.mark.parametrize("name", files_of_90001())
def test_observation_90001_opens_from_any_of_its_files(shared_slit: Path, name: str) -> None:
    observation = lrs.open_observation(shared_slit / name)
    assert observation.name == "jw90001-o001"
    assert counts(observation) == KINDS_OF_90001
    assert observation.image().kind == "s2d"
    delivered = observation.delivered()
    assert delivered is not None
    assert np.isfinite(delivered.flux).any()


def test_observation_90001_opens_as_a_folder(shared_slit: Path) -> None:
    observation = lrs.open_observation(shared_slit)
    assert counts(observation) == KINDS_OF_90001
    labels = [label for label, _ in observation.choices()]
    assert labels == ["Nod 1 (−0.95″)", "Nod 2 (+0.95″)", "Combined (level 3)"]
    assert all(observation.can_reprocess.values())


def test_what_the_demo_does_not_allow(slit: Path) -> None:
    for path in slit.glob("*_00002_mirimage_s2d.fits"):
        path.unlink()
    observation = lrs.open_observation(slit)
    assert not any(observation.can_reprocess.values())
    missing = f"this simulated observation comes without {STEM.format(2)}_s2d.fits"
    assert observation.why_not("extract_1d") == f"extract_1d cannot be redone: {missing}."
    with pytest.raises(lrs.LRSExplorerError, match="'wavelength' cannot be reprocessed"):
        observation.why_not("wavelength")
