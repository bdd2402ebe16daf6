"""Stages that are really run: each once, also after a restart and in another process."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer import (
    Aperture,
    Jump,
    LRSExplorerError,
    Nods,
    Pathloss,
    PixelReplace,
    Recipe,
)
from lrs_explorer.model.runs.product_cache import ProductCache
from lrs_explorer.model.runs.reprocessor import Reprocessor, StepProgress
from lrs_explorer.model.runs.worker import CancelledError, Worker
from lrs_explorer.model.stages.stages import Stages

from .conftest import STEM, Disk, Link

pytestmark = pytest.mark.pipeline


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the stages that workers run."""
    counter: Counter[str] = Counter()
    run = Worker.run

    def counted(self: Worker, job: dict[str, Any], *rest: Any) -> Any:
        counter[job["stage"]] += 1
        return run(self, job, *rest)

    monkeypatch.setattr(Worker, "run", counted)
    return counter


BASE = Recipe(pathloss=Pathloss("offset", 0.12), nods=Nods(1))


def test_each_change_runs_what_it_changes(
    shared_slit: Path, tmp_path: Path, ran: Counter[str]
) -> None:
    """And undo runs nothing, nor does another kernel."""
    runner = Reprocessor(lrs.open_observation(shared_slit), ProductCache(tmp_path))
    history = [
        (BASE, {"flat": 1, "cal": 1, "s2d": 1}),
        (BASE.replace(pathloss=Pathloss("offset", 0.1)), {"cal": 1, "s2d": 1}),
        (BASE.replace(pixel_replace=PixelReplace("mingrad")), {"pixel_replace": 1, "s2d": 1}),
        (BASE.replace(aperture=Aperture(26, 8)), {}),
        (BASE.replace(nods=Nods(2)), {"flat": 1, "cal": 1, "s2d": 1}),
        (BASE.replace(nods=Nods("combined")), {"level_3": 1}),
    ]
    images = []
    for recipe, expected in history:
        ran.clear()
        images.append(runner.make(recipe).image)
        assert ran == expected, recipe
    for (recipe, _), image in zip(reversed(history), reversed(images), strict=True):
        ran.clear()
        assert runner.missing(recipe) == []
        assert runner.make(recipe).image == image
        assert not ran
    again = Reprocessor(lrs.open_observation(shared_slit), ProductCache(tmp_path))
    found = again.made(BASE)
    assert found is not None
    assert found.image == images[0]
    assert "flat_field" in found.log
    assert not ran


ELSEWHERE = """
import sys
import lrs_explorer as lrs
from lrs_explorer.model.runs.reprocessor import Reprocessor
recipe = lrs.Recipe(pathloss=lrs.Pathloss("offset", 0.12), nods=lrs.Nods(1))
runner = Reprocessor(lrs.open_observation(sys.argv[1]))
made = runner.make(recipe)
print(made.image, runner.worker.pid)
"""


def test_another_process_finds_the_products(shared_slit: Path) -> None:
    image = Reprocessor(lrs.open_observation(shared_slit)).make(BASE).image
    found = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, str(shared_slit)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.split() == [str(image), "None"]  # and it started no worker


def test_live_extraction_goes_on_from_what_was_made(
    shared_slit: Path, tmp_path: Path, ran: Counter[str]
) -> None:
    observation = lrs.open_observation(shared_slit)
    recipe = BASE.replace(aperture=Aperture(26.0, 8.0))
    run = lrs.reprocess(observation, recipe, tmp_path)
    ran.clear()
    stages = Stages(observation)
    stages.find_references()
    live = stages.spectrum(recipe)
    for name, values in run.spectrum.columns.items():
        np.testing.assert_array_equal(live.columns[name], values, err_msg=name)
    moved = stages.spectrum(recipe.replace(aperture=Aperture(27.0, 8.0)))
    assert not np.array_equal(moved.flux, live.flux, equal_nan=True)
    assert not ran


def test_the_user_s_crds_is_part_of_the_key(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other references give other products; what was made with some is no answer for others."""
    observation = lrs.open_observation(link("*_cal.fits.gz", "*_s2d.fits", "*_x1d.fits"))
    runner = Reprocessor(observation)
    recipe = Recipe(pixel_replace=PixelReplace("mingrad"), nods=Nods(1))
    assert runner.crds["CRDS_PATH"].endswith("/crds")
    runner.make(recipe)
    assert runner.missing(recipe) == []
    monkeypatch.setenv("CRDS_PATH", "/my/crds")
    monkeypatch.setenv("CRDS_CONTEXT", "jwst_9999.pmap")
    assert runner.crds["CRDS_PATH"] == "/my/crds"
    assert runner.crds["CRDS_CONTEXT"] == "jwst_9999.pmap"
    assert [stage.name for stage in runner.missing(recipe)] == ["pixel_replace", "s2d"]


def test_progress_counts_the_steps(shared_slit: Path, tmp_path: Path) -> None:
    runner = Reprocessor(lrs.open_observation(shared_slit), ProductCache(tmp_path))
    recipe = BASE.replace(pixel_replace=PixelReplace("fit_profile"))
    seen: list[StepProgress] = []
    runner.make(recipe, runner.counter(recipe, seen.append))
    steps = dict.fromkeys((p.step, p.number) for p in seen if p.step not in OTHER)
    assert list(steps) == [
        ("assign_wcs", 1),
        ("bkg_subtract", 2),
        ("srctype", 3),
        ("flat_field", 4),
        ("pathloss", 5),
        ("photom", 6),
        ("pixel_replace", 7),
        ("resample_spec", 8),
    ]
    assert {p.total for p in seen} == {8}
    elapsed = [p.elapsed for p in seen]
    assert elapsed == sorted(elapsed)


OTHER = ("loading the pipeline", "reading files")


def test_a_cancelled_run_goes_on_where_it_was(
    shared_slit: Path, tmp_path: Path, ran: Counter[str]
) -> None:
    cache = ProductCache(tmp_path)
    runner = Reprocessor(lrs.open_observation(shared_slit), cache)
    cancelled = threading.Event()

    def report(progress: StepProgress) -> None:
        if progress.step == "resample_spec":
            cancelled.set()

    with pytest.raises(CancelledError, match="was cancelled in resample_spec"):
        runner.make(BASE, runner.counter(BASE, report), cancelled)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    ran.clear()
    runner.make(BASE)
    assert ran == {"s2d": 1}


def test_a_full_disk_is_named_and_room_helps(shared_slit: Path, disk: Disk, tmp_path: Path) -> None:
    cache = ProductCache(disk("60m") / "cache")
    runner = Reprocessor(lrs.open_observation(shared_slit), cache)
    with pytest.raises(LRSExplorerError, match=r"disk full|no space left") as caught:
        runner.make(BASE)
    assert "\n" not in str(caught.value)
    assert not [path for path in cache.folder.iterdir() if path.name.startswith(".")]
    runner.cache = ProductCache(tmp_path / "roomy")
    assert runner.make(BASE).image.is_file()


# -- ramps --


@pytest.fixture(scope="module")
def uncal(shared_slit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the uncal of nod 1, made of its ramp, beside what was delivered of it."""
    from stdatamodels.jwst import datamodels

    folder = tmp_path_factory.mktemp("uncal")
    for pattern in ("*_rate.fits.gz", "*_s2d.fits"):
        for path in shared_slit.glob(f"{STEM.format(1)}{pattern}"):
            (folder / path.name).symlink_to(path)
    ramp = shared_slit / f"{STEM.format(1)}_dark_current.fits"
    with datamodels.RampModel(ramp) as model:
        raw = np.clip(np.round(model.data), 0, 65535).astype(np.uint16)
        level_1 = datamodels.Level1bModel(data=raw)
        level_1.update(model)
        for step in model.meta.cal_step.instance:
            setattr(level_1.meta.cal_step, step, None)
        level_1.save(folder / f"{STEM.format(1)}_uncal.fits")
    return folder


def test_an_uncal_goes_through_detector1_once(
    uncal: Path, ran: Counter[str], tmp_path: Path
) -> None:
    observation = lrs.open_observation(uncal)
    assert "uncal" in observation.products
    runner = Reprocessor(observation, ProductCache(tmp_path))
    recipe = Recipe(jump=Jump(15.0), nods=Nods(1, subtract=False))
    seen: list[StepProgress] = []
    made = runner.make(recipe, runner.counter(recipe, seen.append))
    assert ran == {"ramp": 1, "jump": 1, "flat": 1, "cal": 1, "s2d": 1}
    steps = list(dict.fromkeys(p.step for p in seen))
    assert {"dq_init", "saturation", "linearity", "jump", "ramp_fit"} <= set(steps)
    ran.clear()
    runner.make(recipe.replace(jump=Jump(8.0)))
    assert ran == {"jump": 1, "flat": 1, "cal": 1, "s2d": 1}
    # Reference files of detector1 are not in this cache: its ramp is the uncal, less its rounding.
    (rate,) = [path for stage, path in made.products if stage.name == "jump"]
    delivered = fits.getdata(observation.find("rate", 1))
    with fits.open(rate) as hdus:
        good = (hdus["DQ"].data[10:390, 305:345] & 1) == 0
        difference = (hdus["SCI"].data - delivered)[10:390, 305:345][good]
    assert good.mean() > 0.9
    assert np.nanmedian(np.abs(difference)) < 0.5


def test_ramps_without_rates_give_the_slit_alone(
    link: Link, shared_slit: Path, tmp_path: Path
) -> None:
    recipe = Recipe(jump=Jump(15.0), nods=Nods(1, subtract=True))
    short = lrs.reprocess(lrs.open_observation(link("*_dark_current.fits")), recipe, tmp_path / "a")
    whole = lrs.reprocess(lrs.open_observation(shared_slit), recipe, tmp_path / "b")
    for name, values in whole.spectrum.columns.items():
        np.testing.assert_array_equal(short.spectrum.columns[name], values, err_msg=name)
    assert any("outside the slit" in note for note in short.provenance["notes"])


def test_a_source_outside_the_pathloss_reference_is_said(shared_slit: Path, tmp_path: Path) -> None:
    """The pipeline then corrects as though it were in the center, and says so in its log only."""
    recipe = Recipe(pathloss=Pathloss("offset", 2.0), nods=Nods(1))
    run = lrs.reprocess(lrs.open_observation(shared_slit), recipe, tmp_path)
    assert any("outside the pathloss reference" in note for note in run.provenance["notes"])
    record = json.loads((tmp_path / f"{STEM.format(1)}_run.json").read_text())
    assert record == run.provenance


def test_nothing_is_started_before_it_is_needed(shared_slit: Path) -> None:
    before = set(psutil.Process().children())
    runner = Reprocessor(lrs.open_observation(shared_slit))
    assert runner.made(Recipe(nods=Nods(1))) is not None
    assert set(psutil.Process().children()) <= before
