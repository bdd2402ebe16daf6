"""Backgrounds that a recipe names: found, checked, and subtracted as calwebb_spec2 does."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from common import SHARED, series_with_sky, slit_with_sky

import lrs_explorer as lrs
from lrs_explorer.model.references.crds_settings import SERVERLESS
from lrs_explorer.model.reprocess import Run
from lrs_explorer.model.runs.plan import PlannedProduct, is_delivered, plan
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.simulator.pipeline_run import run_pipeline

from .conftest import STEM, Observe
from .test_backgrounds import DEDICATED, associate, flat, names

CRDS = {
    "CRDS_PATH": str(SHARED / "crds"),
    "CRDS_SERVER_URL": SERVERLESS,
    "CRDS_CONTEXT": "jwst_0001.pmap",
    "CRDS_READONLY_CACHE": "1",
}
SHAPE = (6, 4)
OTHER = STEM.format(2) + "_rate.fits"


@pytest.fixture
def two_nods(observe: Observe, tmp_path: Path) -> lrs.Observation:
    """Return two nods with images, and the rate of another observation beside them."""
    observe("rate", "cal", "s2d")
    for path in tmp_path.glob("*_rate.fits"):
        fill(path)
    fill(Path(shutil.copy(tmp_path / OTHER, tmp_path / DEDICATED)), OBSERVTN="002", BKGDTARG=True)
    return lrs.open_observation(tmp_path / OTHER.replace("00002", "00001"))


def fill(path: Path, shape: tuple[int, ...] = SHAPE, **cards: object) -> Path:
    """Give a file of headers alone an image, and other cards."""
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.zeros(shape, np.float32), name="SCI"))
    return with_cards(path, **cards)


def with_cards(path: Path, **cards: object) -> Path:
    with fits.open(path, mode="update") as hdus:
        hdus[0].header.update(cards)
    return path


def chosen(*backgrounds: str, exposure: int | str = 1) -> lrs.Recipe:
    return lrs.Recipe(
        nods=lrs.Nods(exposure, backgrounds=backgrounds), pathloss=lrs.Pathloss("center")
    )


def test_candidates_are_other_nods_and_other_observations(
    two_nods: lrs.Observation, tmp_path: Path
) -> None:
    with_cards(tmp_path / DEDICATED, TARGNAME="SKY", **{"DATE-OBS": "2026-01-02"})
    found = {one.name: one.words for one in two_nods.background_candidates(1)}
    assert found == {
        OTHER: "Nod 2 (+0.95″)",
        DEDICATED: "SKY (background target), observation 2, dither +0.95″, 2026-01-02",
    }
    assert (
        list(two_nods.background_candidates(2)[0].path.parts)[-1] == STEM.format(1) + "_rate.fits"
    )


def test_candidates_of_the_combination_are_those_of_all_its_members(
    two_nods: lrs.Observation,
) -> None:
    assert [one.name for one in two_nods.background_candidates("combined")] == [DEDICATED]


def test_a_candidate_elsewhere_is_found_by_the_association(
    two_nods: lrs.Observation, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    away.mkdir()
    (tmp_path / DEDICATED).rename(away / DEDICATED)
    associate(tmp_path, f"away/{DEDICATED}")
    observation = lrs.open_observation(two_nods.representative.path)
    one = observation.background_candidates(1)[-1]
    assert (one.name, one.path, one.told_by) == (DEDICATED, away / DEDICATED, "a_asn.json")
    assert names(flat(plan(observation, chosen(DEDICATED))))[1:] == [DEDICATED]


def test_a_download_has_them_in_folders_of_their_own(
    two_nods: lrs.Observation, tmp_path: Path
) -> None:
    for path in list(tmp_path.glob("*.fits")):
        folder = tmp_path / "JWST" / path.name.rpartition("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / path.name)
    observation = lrs.open_observation(tmp_path / "JWST" / STEM.format(1))
    found = [one.name for one in observation.background_candidates(1)]
    assert found == [OTHER, DEDICATED]
    assert names(flat(plan(observation, chosen(*found))))[1:] == sorted(found)


ROOT = DEDICATED.removesuffix("_rate.fits")


@pytest.mark.parametrize("place", ["", "path"])
@pytest.mark.parametrize(
    "name",
    [DEDICATED, f"{DEDICATED}.gz", f"{ROOT}_rate", f"{ROOT}_cal", ROOT, ROOT[: -len("_mirimage")]],
)
def test_a_background_is_named_by_file_exposure_or_path(
    two_nods: lrs.Observation, tmp_path: Path, name: str, place: str
) -> None:
    if place and name.endswith(".gz"):
        pytest.skip("a path is that of the file")
    recipe = chosen(str(tmp_path / name) if place else name)
    made = flat(plan(two_nods, recipe))
    assert names(made)[1:] == [DEDICATED]
    assert made.parameters["association"] == [f"{STEM.format(1)}_spec2_asn.json", "none"]


def test_an_own_exposure_is_taken_with_its_own_jumps(two_nods: lrs.Observation) -> None:
    (two_nods.folder / f"{STEM.format(1)}_ramp.fits").touch()
    made = flat(plan(two_nods, chosen(OTHER)))
    assert names(made)[1:] == [OTHER]
    with pytest.raises(lrs.LRSExplorerError, match="another jump threshold needs the ramp"):
        plan(two_nods, chosen(OTHER).replace(jump=lrs.Jump(9.0)))


def test_that_of_another_observation_keeps_its_jumps_aloud(
    observe: Observe, tmp_path: Path
) -> None:
    observe("rate", "ramp", "s2d")
    for path in tmp_path.glob("*_rate.fits"):
        fill(path)
    fill(Path(shutil.copy(tmp_path / OTHER.replace("_rate", "_s2d"), tmp_path / DEDICATED)))
    with_cards(tmp_path / DEDICATED, OBSERVTN="002", DATAMODL="ImageModel", S_WCS="", S_RESAMP="")
    observation = lrs.open_observation(tmp_path / OTHER)
    recipe = chosen(DEDICATED).replace(jump=lrs.Jump(9.0))
    assert "note" not in flat(plan(observation, chosen(DEDICATED))).parameters
    assert flat(plan(observation, recipe)).parameters["note"].startswith(DEDICATED)


def test_every_member_of_a_combination_is_subtracted_from(two_nods: lrs.Observation) -> None:
    target = plan(two_nods, chosen(DEDICATED, exposure="combined"))
    assert isinstance(target, PlannedProduct)
    made = [stage for stage in target.in_order() if stage.name == "flat"]
    rates = [f"{STEM.format(n)}_rate.fits" for n in (1, 2)]
    assert [names(stage) for stage in made] == [[rate, DEDICATED] for rate in rates]
    with pytest.raises(lrs.LRSExplorerError, match="no exposure can be its own background"):
        plan(two_nods, chosen(OTHER, exposure="combined"))


def test_names_of_one_exposure_are_one_background(two_nods: lrs.Observation) -> None:
    made = flat(plan(two_nods, chosen(DEDICATED, DEDICATED.removesuffix("_rate.fits"))))
    assert names(made)[1:] == [DEDICATED]


def test_what_was_subtracted_is_not_subtracted_again(
    two_nods: lrs.Observation, tmp_path: Path
) -> None:
    """As far as the association tells; another choice is made anew."""
    associate(tmp_path, DEDICATED)
    observation = lrs.open_observation(two_nods.representative.path)
    for backgrounds, same in (((DEDICATED,), True), ((OTHER,), False), ("nods", False)):
        recipe = lrs.Recipe(nods=lrs.Nods(1, backgrounds=backgrounds))
        assert is_delivered(observation, recipe) == same
    made = flat(plan(observation, lrs.Recipe(nods=lrs.Nods(1, backgrounds="nods"))))
    assert names(made)[1:] == [OTHER]


CARDS = {
    "BKG is not at hand": {},
    "no exposure can be its own background": {"OBSERVTN": "001", "EXPOSURE": "1"},
    "it is a cal, and here the step subtracts a rate": {
        "S_WCS": "COMPLETE",
        "S_PHOTOM": "COMPLETE",
    },
    "it is a rateints, and here": {"DATAMODL": "CubeModel"},
    "not a MIRI LRS exposure of the same mode, slit": {"EXP_TYPE": "MIR_LRS-SLITLESS"},
    "its SUBARRAY is SUBSLIT, not FULL": {"SUBARRAY": "SUBSLIT"},
    "is a MIRI imaging product": {"EXP_TYPE": "MIR_IMAGE"},
}


@pytest.mark.parametrize("message", CARDS)
def test_what_the_step_cannot_subtract_is_refused(
    two_nods: lrs.Observation, tmp_path: Path, message: str
) -> None:
    for path in tmp_path.glob("*_rate.fits"):
        with_cards(path, SUBARRAY="FULL")
    with_cards(tmp_path / DEDICATED, **CARDS[message])
    observation = lrs.open_observation(two_nods.representative.path)
    name = DEDICATED if CARDS[message] else "BKG"
    with pytest.raises(lrs.LRSExplorerError, match=message.replace("BKG", "BKG, which .*")):
        plan(observation, chosen(name))
    assert (
        DEDICATED not in [one.name for one in observation.background_candidates(1)] or name == "BKG"
    )


def test_images_of_another_size_are_refused(two_nods: lrs.Observation, tmp_path: Path) -> None:
    (tmp_path / DEDICATED).unlink()
    shutil.copy(tmp_path / OTHER.replace("rate", "s2d"), tmp_path / DEDICATED)
    with_cards(tmp_path / DEDICATED, OBSERVTN="002", DATAMODL="ImageModel", S_WCS="", S_RESAMP="")
    fill(tmp_path / DEDICATED, (5, 4))
    with pytest.raises(lrs.LRSExplorerError, match="images have 5 × 4 pixels, not 6 × 4"):
        plan(two_nods, chosen(DEDICATED))


def test_two_files_of_one_name_are_told_apart_by_their_paths(
    two_nods: lrs.Observation, tmp_path: Path
) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(tmp_path / DEDICATED, tmp_path / folder)
        associate(tmp_path, f"{folder}/{DEDICATED}", name=f"{folder}_asn.json")
    (tmp_path / DEDICATED).unlink()
    observation = lrs.open_observation(two_nods.representative.path)
    with pytest.raises(lrs.LRSExplorerError, match=f"several files are called {DEDICATED}"):
        plan(observation, chosen(DEDICATED))
    assert names(flat(plan(observation, chosen(f"two/{DEDICATED}"))))[1:] == [DEDICATED]


def test_other_readouts_are_no_obstacle_to_the_step(
    two_nods: lrs.Observation, tmp_path: Path
) -> None:
    with_cards(tmp_path / DEDICATED, READPATT="SLOWR1", NGROUPS=3)
    assert names(flat(plan(two_nods, chosen(DEDICATED))))[1:] == [DEDICATED]


# -- the real step -------------------------------------------------------------------------------


def assert_same(run: Run, theirs: tuple[Path, ...], suffixes: tuple[str, ...]) -> None:
    """Compare images and headers with those of the pipeline."""
    for suffix in suffixes:
        ours, other = (
            next(p for p in paths if p.name.endswith(f"_{suffix}.fits"))
            for paths in (run.products, theirs)
        )
        with fits.open(ours) as one, fits.open(other) as two:
            for hdu in two:
                if hdu.data is not None and hdu.name != "ASDF":
                    assert one[hdu.name].data.tobytes() == hdu.data.tobytes(), (suffix, hdu.name)
            assert set(one[0].header) == set(two[0].header), suffix
            for card in ("S_BKDSUB", "ASNTABLE", "ASNPOOL"):
                assert one[0].header[card] == two[0].header[card], card


def again(run: Run, folder: Path) -> tuple[Path, ...]:
    """Run calwebb_spec2 with what the products of a run hand over."""
    (association,) = [p for p in run.products if p.name.endswith("_asn.json")]
    (path,) = [p for p in run.products if p.name.endswith("_pipeline.json")]
    parameters = json.loads(path.read_text())["calwebb_spec2"]
    (reference,) = [p for p in run.products if p.name.endswith("_extract1d.json")]
    parameters["steps"]["extract_1d"]["override_extract1d"] = str(reference)
    done = run_pipeline("calwebb_spec2", association, folder, parameters=parameters, crds=CRDS)
    return tuple(done.products)


@pytest.mark.pipeline
@pytest.mark.parametrize("count", [1, 2])
def test_a_dedicated_background_equals_calwebb_spec2(
    shared_slit: Path, tmp_path: Path, count: int
) -> None:
    """One, or the mean of two, of an observation that was delivered with the other nod."""
    sky = slit_with_sky(shared_slit, tmp_path)[:count]
    recipe = chosen(*(path.name for path in sky))
    run = lrs.reprocess(lrs.open_observation(tmp_path / OTHER), recipe, tmp_path / "ours")
    assert_same(run, again(run, tmp_path / "theirs"), ("cal", "s2d", "x1d"))
    (cal,) = [p for p in run.products if p.name.endswith("_cal.fits")]
    assert fits.getval(cal, "S_BKDSUB") == "COMPLETE"
    reopened = lrs.open_observation(tmp_path / "ours")
    assert reopened.backgrounds(1)[0] == sky
    assert lrs.Recipe.from_json(tmp_path / "ours" / f"{STEM.format(1)}_recipe.json") == recipe


@pytest.mark.pipeline
@pytest.mark.parametrize("named", [True, False], ids=["sky", "none"])
def test_a_series_equals_calwebb_spec2(shared_data: Path, tmp_path: Path, named: bool) -> None:
    sky = series_with_sky(shared_data / "slitless-90002", tmp_path)
    background = lrs.SlitlessBackground(backgrounds=(sky.name,) if named else ())
    recipe = lrs.Recipe(mode="slitless", slitless=background)
    (rateints,) = tmp_path.glob("jw90002001*_rateints.fits")
    run = lrs.reprocess(lrs.open_observation(rateints), recipe, tmp_path / "ours")
    assert_same(run, again(run, tmp_path / "theirs"), ("calints", "x1dints"))
    (calints,) = [p for p in run.products if p.name.endswith("_calints.fits")]
    assert fits.getval(calints, "S_BKDSUB") == ("COMPLETE" if named else "SKIPPED")


def test_a_series_takes_rateints_alone(shared_data: Path, tmp_path: Path) -> None:
    """The step averages over as many dimensions as the exposure has."""
    sky = series_with_sky(shared_data / "slitless-90002", tmp_path)
    (rateints,) = tmp_path.glob("jw90002001*_rateints.fits")
    observation = lrs.open_observation(rateints)
    (candidate,) = observation.background_candidates(1)
    assert candidate.name == sky.name
    (target,) = targets(observation, slitless(sky.name))
    assert isinstance(target, PlannedProduct)
    assert target.inputs == (rateints, sky)
    rate = sky.with_name(sky.name.replace("rateints", "rate"))
    with fits.open(sky) as hdus:
        hdus[0].header["DATAMODL"] = "ImageModel"
        hdus["SCI"].data = hdus["SCI"].data[0]
        hdus.writeto(rate)
    with pytest.raises(
        lrs.LRSExplorerError, match="it is a rate, and here the step subtracts a rat"
    ):
        targets(observation, slitless(rate.name))


def slitless(*backgrounds: str) -> lrs.Recipe:
    return lrs.Recipe(mode="slitless", slitless=lrs.SlitlessBackground(backgrounds=backgrounds))
