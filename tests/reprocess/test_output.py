"""What `reprocess` leaves in the output folder: all of it, or nothing."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from common import SHARED

import lrs_explorer as lrs
from lrs_explorer import Aperture, LRSExplorerError, Nods, Pathloss, Recipe
from lrs_explorer.model.files.image_file import read_spectrum
from lrs_explorer.model.runs.reprocessor import StepProgress
from lrs_explorer.model.runs.worker import CancelledError

from .conftest import STEM, Disk, Link

pytestmark = pytest.mark.pipeline

RECIPE = Recipe(aperture=Aperture(26.0, 8.0), nods=Nods(1))
ROOT = STEM.format(1)
WRITTEN = {
    "s2d.fits",
    "x1d.fits",
    "recipe.json",
    "extract1d.json",
    "pipeline.json",
    "run.json",
    "run.log",
}


@pytest.fixture
def observation(shared_slit: Path) -> lrs.Observation:
    return lrs.open_observation(shared_slit)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_files_are_all_there(observation: lrs.Observation, tmp_path: Path) -> None:
    output = tmp_path / "new" / "folder"
    run = lrs.reprocess(observation, RECIPE, output)
    assert {path.name for path in output.iterdir()} == {f"{ROOT}_{name}" for name in WRITTEN}
    assert run.products == tuple(sorted(output.iterdir()))
    assert Recipe.from_json(output / f"{ROOT}_recipe.json") == RECIPE
    assert run.spectrum.origin == "pipeline"
    again = read_spectrum(output / f"{ROOT}_x1d.fits")
    np.testing.assert_array_equal(again.flux, run.spectrum.flux)
    assert {"jwst", "crds", "context", "references"} <= set(run.provenance)
    assert "Extract1dStep" in run.log


def test_the_x1d_opens_with_jwst_and_specutils(
    observation: lrs.Observation, tmp_path: Path
) -> None:
    from specutils import Spectrum
    from stdatamodels.jwst import datamodels

    run = lrs.reprocess(observation, RECIPE, tmp_path)
    path = tmp_path / f"{ROOT}_x1d.fits"
    with datamodels.open(path) as model:
        assert model.meta.filename == path.name
        assert model.meta.cal_step.extract_1d == "COMPLETE"
        flux = model.spec[0].spec_table["FLUX"]
    np.testing.assert_array_equal(flux[::-1], run.spectrum.flux)
    assert Spectrum.read(path).flux.unit == "Jy"


def test_existing_files_stay_unless_asked(observation: lrs.Observation, tmp_path: Path) -> None:
    (tmp_path / f"{ROOT}_run.log").write_text("precious")
    before = contents(tmp_path)
    with pytest.raises(LRSExplorerError, match=r"_run\.log already; choose another folder"):
        lrs.reprocess(observation, RECIPE, tmp_path)
    assert contents(tmp_path) == before
    lrs.reprocess(observation, RECIPE, tmp_path, overwrite=True)
    assert "precious" not in (tmp_path / f"{ROOT}_run.log").read_text()


def test_it_is_found_out_before_the_work(observation: lrs.Observation, tmp_path: Path) -> None:
    (tmp_path / f"{ROOT}_x1d.fits").write_text("precious")
    seen: list[StepProgress] = []
    with pytest.raises(LRSExplorerError, match="already"):
        lrs.reprocess(
            observation, RECIPE.replace(pathloss=Pathloss("offset", 0.123)), tmp_path, seen.append
        )
    assert not seen


def test_the_observation_s_own_products_are_never_replaced(link: Link) -> None:
    folder = link("*_00001_mirimage_*.fits*")
    observation = lrs.open_observation(folder)
    with pytest.raises(LRSExplorerError, match="is a product of the observation itself"):
        lrs.reprocess(observation, RECIPE, folder, overwrite=True)


def test_a_folder_in_the_way_is_named(observation: lrs.Observation, tmp_path: Path) -> None:
    (tmp_path / f"{ROOT}_x1d.fits").mkdir()
    with pytest.raises(LRSExplorerError, match=r"_x1d\.fits is a folder"):
        lrs.reprocess(observation, RECIPE, tmp_path, overwrite=True)


def test_cancelling_leaves_the_folder_as_it_was(
    observation: lrs.Observation, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    (tmp_path / f"{ROOT}_x1d.fits").write_text("older")
    before = contents(tmp_path)
    for output in (tmp_path, tmp_path / "new"):
        cancelled = threading.Event()
        with pytest.raises(CancelledError):
            lrs.reprocess(
                observation,
                RECIPE,
                output,
                lambda p, c=cancelled: c.set() if p.step == "extract_1d" else None,
                overwrite=True,
                cancelled=cancelled,
            )
        assert contents(tmp_path) == before


def test_a_failure_leaves_the_folder_as_it_was(link: Link, tmp_path: Path) -> None:
    folder = link("*_00001_mirimage_s2d.fits", "*_00001_mirimage_x1d.fits")
    damaged = folder / f"{ROOT}_cal.fits"
    source = next(SHARED.glob(f"slit-90001/{ROOT}_cal.fits.gz"))
    whole = gzip.decompress(source.read_bytes())
    damaged.write_bytes(whole[: len(whole) // 2])
    observation = lrs.open_observation(folder)
    output = tmp_path / "new"
    with pytest.raises(LRSExplorerError, match=r"_cal\.fits") as caught:
        lrs.reprocess(observation, RECIPE.replace(pathloss=Pathloss("off")), output)
    assert "\n" not in str(caught.value)
    assert not output.exists()


def test_a_compressed_image_keeps_its_name(link: Link, tmp_path: Path) -> None:
    folder = link("*_00001_mirimage_x1d.fits")
    source = next(SHARED.glob(f"slit-90001/{ROOT}_s2d.fits"))
    (folder / f"{ROOT}_s2d.fits.gz").write_bytes(gzip.compress(source.read_bytes(), 1))
    run = lrs.reprocess(lrs.open_observation(folder), RECIPE, tmp_path / "out")
    copy = tmp_path / "out" / f"{ROOT}_s2d.fits.gz"
    assert gzip.decompress(copy.read_bytes()) == source.read_bytes()
    plain = lrs.reprocess(lrs.open_observation(source), RECIPE, tmp_path / "plain")
    np.testing.assert_array_equal(run.spectrum.flux, plain.spectrum.flux)


def test_a_file_in_place_of_the_folder_is_named(
    observation: lrs.Observation, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LRSExplorerError, match=r"cannot be written into .*file"):
        lrs.reprocess(observation, RECIPE, tmp_path / "file")


def test_a_full_disk_leaves_nothing(observation: lrs.Observation, disk: Disk) -> None:
    small = disk("400k")
    with pytest.raises(LRSExplorerError, match="no space left on device; choose another folder"):
        lrs.reprocess(observation, RECIPE, small)
    assert list(small.iterdir()) == []


def test_a_read_only_folder_is_named(observation: lrs.Observation, disk: Disk) -> None:
    small = disk("400k")
    subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
    with pytest.raises(LRSExplorerError, match="read-only file system; choose another folder"):
        lrs.reprocess(observation, RECIPE, small)


def test_the_input_folder_is_left_as_it_is(shared_slit: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for path in shared_slit.glob("*_00001_mirimage_*"):
        shutil.copy(path, folder)
    before = contents(folder)
    recipe = RECIPE.replace(pathloss=Pathloss("off"), nods=Nods(1, subtract=False))
    lrs.reprocess(lrs.open_observation(folder), recipe, tmp_path / "out")
    assert contents(folder) == before


def test_a_product_that_left_the_cache_is_made_again(
    observation: lrs.Observation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The image alone had stayed: the run ended with "products cannot be written"."""
    monkeypatch.setenv("LRS_EXPLORER_CACHE", str(tmp_path / "cache"))
    recipe = RECIPE.replace(pathloss=Pathloss("off"))
    lrs.reprocess(observation, recipe, tmp_path / "before")
    (cal,) = (tmp_path / "cache" / "products").glob("*/*_cal.fits")
    shutil.rmtree(cal.parent)
    lrs.reprocess(observation, recipe, tmp_path / "after")
    name = f"{ROOT}_cal.fits"
    before, after = (fits.getdata(tmp_path / folder / name) for folder in ("before", "after"))
    np.testing.assert_array_equal(after, before)
