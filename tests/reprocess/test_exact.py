"""The exact path gives what the pipeline gives with the exported parameters, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer import Aperture, Background, Jump, Pathloss, PixelReplace, Recipe
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.references.crds_settings import simulated_crds
from lrs_explorer.model.reprocess import Run
from lrs_explorer.model.runs.reprocessor import Reprocessor
from lrs_explorer.simulator.observation import SlitScene, simulate_slit
from lrs_explorer.simulator.pipeline_run import run_pipeline

from .conftest import COMBINED, STEM, Link

pytestmark = pytest.mark.pipeline

APERTURE = Aperture(26.3, 7.4)


@pytest.fixture(scope="module")
def crds(shared_data: Path) -> dict[str, str]:
    return {
        "CRDS_PATH": str(shared_data / "crds"),
        "CRDS_SERVER_URL": "https://crds-serverless-mode.stsci.edu",
        "CRDS_CONTEXT": "jwst_0001.pmap",
        "CRDS_READONLY_CACHE": "1",
    }


def exported(run: Run, pipeline: str) -> dict[str, Any]:
    """Return the parameters of a run for one of the pipelines, as its products hold them."""
    (path,) = [p for p in run.products if p.name.endswith("_pipeline.json")]
    parameters = json.loads(path.read_text())[pipeline]
    if "extract_1d" in parameters["steps"]:
        (reference,) = [p for p in run.products if p.name.endswith("_extract1d.json")]
        parameters["steps"]["extract_1d"]["override_extract1d"] = str(reference)
    return parameters


def only(paths: tuple[Path, ...], suffix: str) -> Path:
    (path,) = [p for p in paths if p.name.endswith(f"_{suffix}.fits")]
    return path


def uncompressed(association: Path) -> str:
    """Return an association in which the cal files are named as the pipeline writes them."""
    return association.read_text().replace("_cal.fits.gz", "_cal.fits")


def assert_same_images(ours: Path, theirs: Path) -> None:
    with fits.open(ours) as one, fits.open(theirs) as other:
        names = [hdu.name for hdu in other if hdu.is_image and hdu.data is not None]
        assert "SCI" in names
        for name in names:
            assert one[name].data.tobytes() == other[name].data.tobytes(), name


def assert_same_members(ours: Path, theirs: Path) -> None:
    """Of a combined image: by which association it was made, and of what."""
    with fits.open(ours) as one, fits.open(theirs) as other:
        for card in ("ASNTABLE", "ASNPOOL"):
            assert one[0].header[card] == other[0].header[card]
        ours_of, theirs_of = (hdus["HDRTAB"].data for hdus in (one, other))
        assert ours_of["FILENAME"].tolist() == theirs_of["FILENAME"].tolist()
        assert ours_of.names == theirs_of.names


def assert_same_spectra(ours: Path, theirs: Path) -> None:
    one, other = (fits.getdata(path, "EXTRACT1D") for path in (ours, theirs))
    assert len(other.names) == 18
    assert np.isfinite(other["FLUX"]).sum() > 300
    for name in other.names:
        assert one[name].tobytes() == other[name].tobytes(), name


SPEC2 = [
    Recipe(
        aperture=APERTURE,
        background=Background(((5.0, 12.0), (36.2, 41.0)), bkg_fit="poly", bkg_order=1),
        pixel_replace=PixelReplace("mingrad"),
        pathloss=Pathloss("off"),
        nods=Nods(2, subtract=False),
    ),
    Recipe(
        pixel_replace=PixelReplace("trace_model"),
        resample=lrs.Resample("exptime"),
        pathloss=Pathloss("ta"),
        nods=Nods(1),
    ),
]


@pytest.mark.parametrize(
    "recipe", SPEC2, ids=["no nod subtraction, no pathloss", "from the TA, pixels alike"]
)
def test_an_exposure_equals_calwebb_spec2(
    shared_slit: Path, crds: Mapping[str, str], tmp_path: Path, recipe: Recipe
) -> None:
    run = lrs.reprocess(lrs.open_observation(shared_slit), recipe, tmp_path / "ours")
    association = shared_slit / f"jw90001-o001_spec2_0000{recipe.nods.exposure}_asn.json"
    parameters = exported(run, "calwebb_spec2")
    theirs = run_pipeline(
        "calwebb_spec2", association, tmp_path / "theirs", parameters=parameters, crds=crds
    )
    for suffix in ("cal", "s2d"):
        one, other = only(run.products, suffix), only(theirs.products, suffix)
        assert_same_images(one, other)
        assert set(fits.getheader(one)) == set(fits.getheader(other))
        assert fits.getval(one, "ASNTABLE") == fits.getval(other, "ASNTABLE") == association.name
    assert_same_spectra(only(run.products, "x1d"), only(theirs.products, "x1d"))


@pytest.mark.parametrize("data", ["shared", "simulated"])
def test_nods_and_their_combination_equal_the_pipelines(
    request: pytest.FixtureRequest, tmp_path: Path, data: str
) -> None:
    """From rates alone: calwebb_spec2 on each nod, then calwebb_spec3."""
    folder = tmp_path / "data"
    if data == "shared":
        source = request.getfixturevalue("shared_slit")
        crds = request.getfixturevalue("crds")
        folder.mkdir()
        for path in (*source.glob("*_rate.fits.gz"), *source.glob("*_spec2_*_asn.json")):
            shutil.copy(path, folder)
        combination = source / "jw90001-o001_spec3_00001_asn.json"
        (folder / combination.name).write_text(uncompressed(combination))
    else:
        crds = simulated_crds()
        scene = SlitScene(flux_level=4e-4, n_integrations=2, slit_offset=0.1, seed=5)
        simulate_slit(scene, folder)
    observation = lrs.open_observation(folder)
    recipe = Recipe(
        aperture=APERTURE,
        pixel_replace=PixelReplace("fit_profile", n_adjacent_cols=5),
        resample=lrs.Resample("exptime" if data == "shared" else None),
        pathloss=Pathloss("offset", 0.12),
        nods=Nods(1, subtract=True),
    )
    nod = lrs.reprocess(observation, recipe, tmp_path / "ours")
    both = recipe.replace(nods=Nods("combined", subtract=True))
    combined = lrs.reprocess(observation, both, tmp_path / "ours")

    parameters = exported(nod, "calwebb_spec2")
    second, third = ([*folder.glob(f"*_{kind}_*_asn.json")] for kind in ("spec2", "spec3"))
    for association in sorted(second):
        theirs = run_pipeline(
            "calwebb_spec2", association, folder, parameters=parameters, crds=crds
        )
        if association == min(second):
            assert_same_images(only(nod.products, "cal"), only(theirs.products, "cal"))
            assert_same_spectra(only(nod.products, "x1d"), only(theirs.products, "x1d"))
    theirs = run_pipeline(
        "calwebb_spec3",
        third[0],
        tmp_path / "theirs",
        parameters=exported(combined, "calwebb_spec3"),
        crds=crds,
    )
    assert_same_images(only(combined.products, "s2d"), only(theirs.products, "s2d"))
    assert_same_members(only(combined.products, "s2d"), only(theirs.products, "s2d"))
    assert_same_spectra(only(combined.products, "x1d"), only(theirs.products, "x1d"))


@pytest.fixture(scope="module")
def rejumped(shared_slit: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Nod 1 of the shared observation with another jump threshold."""
    recipe = Recipe(jump=Jump(15.0), nods=Nods(1))
    observation = lrs.open_observation(shared_slit)
    return lrs.reprocess(observation, recipe, tmp_path_factory.mktemp("rejumped"))


def test_jumps_on_the_cutout_equal_those_on_the_whole_ramp(
    shared_slit: Path, crds: Mapping[str, str], rejumped: Run, tmp_path: Path
) -> None:
    """The slit's part of the rate is that of the whole detector; the rest is as delivered."""
    rows, columns = slice(0, 400), slice(290, 362)
    ramp = shared_slit / f"{STEM.format(1)}_dark_current.fits"
    whole = tmp_path / "whole_dark_current.fits"
    paste_into_full_frame(ramp, whole)
    jump = run_pipeline(
        "jump", whole, tmp_path, parameters={"rejection_threshold": 15.0}, crds=crds
    )
    fit = run_pipeline("ramp_fit", jump.products[0], tmp_path, crds=crds)
    theirs = fit.products[0]  # the second holds each integration
    delivered = next(shared_slit.glob(f"{STEM.format(1)}_rate.fits.gz"))
    with (
        fits.open(only(rejumped.products, "rate")) as ours,
        fits.open(theirs) as whole_frame,
        fits.open(delivered) as before,
    ):
        for name in ("SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE"):
            cut = ours[name].data[rows, columns]
            assert cut.tobytes() == whole_frame[name].data[rows, columns].tobytes(), name
            outside = np.ones(ours[name].data.shape, bool)
            outside[rows, columns] = False
            assert ours[name].data[outside].tobytes() == before[name].data[outside].tobytes()
        changed = ours["DQ"].data != before["DQ"].data
        assert 28 <= np.count_nonzero(changed) < 100  # the planted false positives, at least


def paste_into_full_frame(ramp: Path, whole: Path) -> None:
    """Write a ramp of the whole detector, that of the slit within noise-like surroundings."""
    from stdatamodels.jwst import datamodels

    with datamodels.RampModel(ramp) as cutout:
        integrations, groups, n_rows, n_columns = cutout.data.shape
        shape = (integrations, groups, 1024, 1032)
        noise = np.random.default_rng(3).normal(0.0, 6.0, shape).astype("f4")
        full = datamodels.RampModel(data=noise)
        full.update(cutout)
        row, column = cutout.meta.subarray.ystart - 1, cutout.meta.subarray.xstart - 1
        place = (..., slice(row, row + n_rows), slice(column, column + n_columns))
        full.data[place] = cutout.data
        full.groupdq[place] = cutout.groupdq
        full.pixeldq[place[1:]] = cutout.pixeldq
        full.meta.subarray.name = "FULL"
        full.meta.subarray.xstart = full.meta.subarray.ystart = 1
        full.meta.subarray.ysize, full.meta.subarray.xsize = 1024, 1032
        full.save(whole)


def test_a_new_rate_goes_through_spec2_unchanged(
    shared_slit: Path, crds: Mapping[str, str], rejumped: Run, tmp_path: Path
) -> None:
    """With the same threshold for the partner nod, which is its background."""
    observation = lrs.open_observation(shared_slit)
    made = Reprocessor(observation).make(Recipe(jump=Jump(15.0), nods=Nods(1)))
    rates = [path for stage, path in made.products if stage.name == "jump"]
    for path in rates:
        shutil.copy(path, tmp_path)
    association = json.loads((shared_slit / "jw90001-o001_spec2_00001_asn.json").read_text())
    members = association["products"][0]["members"]
    kept = [m for m in members if m["exptype"] in ("science", "background")]
    for member in kept:
        member["expname"] = member["expname"].removesuffix(".gz")
    association["products"][0]["members"] = kept
    path = tmp_path / "spec2_asn.json"
    path.write_text(json.dumps(association))
    theirs = run_pipeline(
        "calwebb_spec2",
        path,
        tmp_path / "theirs",
        parameters=exported(rejumped, "calwebb_spec2"),
        crds=crds,
    )
    assert_same_spectra(only(rejumped.products, "x1d"), only(theirs.products, "x1d"))
    assert exported(rejumped, "calwebb_detector1") == {
        "steps": {"jump": {"rejection_threshold": 15.0}}
    }


@pytest.mark.parametrize("pathloss", [Pathloss("offset", 0.12), Pathloss("off")])
def test_exchanged_pathloss_stays_within_its_bound(
    link: Link, shared_slit: Path, tmp_path: Path, pathloss: Pathloss
) -> None:
    """Rounding of single-precision numbers: the bounds of `lrs_explorer.model.runs.calibration`."""
    recipe = Recipe(aperture=APERTURE, pathloss=pathloss, nods=Nods(1))
    short = lrs.open_observation(link("*_cal.fits.gz", "*_s2d.fits", "*_x1d.fits"))
    run = lrs.reprocess(short, recipe, tmp_path / "short")
    whole = lrs.reprocess(lrs.open_observation(shared_slit), recipe, tmp_path / "whole")
    bounds = {"SCI": 4e-7, "ERR": 4e-7, "VAR_POISSON": 1e-6, "VAR_RNOISE": 1e-6, "VAR_FLAT": 1e-6}
    with fits.open(only(run.products, "cal")) as one, fits.open(only(whole.products, "cal")) as two:
        for name, bound in bounds.items():
            np.testing.assert_allclose(one[name].data, two[name].data, rtol=bound, err_msg=name)
        assert one["DQ"].data.tobytes() == two["DQ"].data.tobytes()
    ours, theirs, delivered = (
        fits.getdata(path, "EXTRACT1D")
        for path in (
            only(run.products, "x1d"),
            only(whole.products, "x1d"),
            shared_slit / f"{STEM.format(1)}_x1d.fits",
        )
    )
    off = np.abs(ours["FLUX"] - theirs["FLUX"]) / theirs["FLUX_ERROR"]
    assert 0 < np.nanmax(off) < 1e-4
    np.testing.assert_allclose(ours["FLUX_ERROR"], theirs["FLUX_ERROR"], rtol=1e-6)
    for name in ("WAVELENGTH", "DQ", "NPIXELS"):
        assert ours[name].tobytes() == theirs[name].tobytes(), name
    assert np.nanmax(np.abs(ours["FLUX"] - delivered["FLUX"]) / delivered["FLUX_ERROR"]) > 1


def test_pixels_flagged_by_hand_enter_the_combination(
    shared_slit: Path, crds: Mapping[str, str], tmp_path: Path
) -> None:
    """As though the pipeline had flagged them in the cal files that calwebb_spec3 gets."""
    flagged = ((1, 300, 320), (1, 301, 320), (2, 250, 338))
    recipe = Recipe(
        pixel_replace=PixelReplace("fit_profile", flagged=flagged), nods=Nods("combined")
    )
    run = lrs.reprocess(lrs.open_observation(shared_slit), recipe, tmp_path / "ours")
    for number in (1, 2):
        name = f"{STEM.format(number)}_cal.fits"
        with fits.open(shared_slit / f"{name}.gz") as hdus:
            for exposure, row, column in flagged:
                if exposure == number:
                    hdus["DQ"].data[row, column] |= 1
                    for plane in ("SCI", "ERR", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT"):
                        hdus[plane].data[row, column] = np.nan
            hdus.writeto(tmp_path / name)
    association = tmp_path / "asn_spec3_asn.json"
    association.write_text(uncompressed(shared_slit / "jw90001-o001_spec3_00001_asn.json"))
    theirs = run_pipeline(
        "calwebb_spec3",
        association,
        tmp_path / "theirs",
        parameters=exported(run, "calwebb_spec3"),
        crds=crds,
    )
    assert_same_images(only(run.products, "s2d"), only(theirs.products, "s2d"))
    assert_same_spectra(only(run.products, "x1d"), only(theirs.products, "x1d"))
    assert any("flagged by hand" in note for note in run.provenance["notes"])
    delivered = fits.getdata(shared_slit / f"{COMBINED}_s2d.fits")
    assert not np.array_equal(fits.getdata(only(run.products, "s2d")), delivered, equal_nan=True)


def test_a_dedicated_background_without_the_slit_equals_calwebb_spec2(
    shared_data: Path, crds: Mapping[str, str], tmp_path: Path
) -> None:
    """The rateints alone, and an association that names one of another observation."""
    (source,) = (shared_data / "slitless-90002").glob("*-seg001_mirimage_rateints.fits.gz")
    name, sky = source.name[:-3], source.name[:-3].replace("jw90002001", "jw90002002")
    with fits.open(source) as hdus:
        for hdu in hdus:
            if hdu.data is not None and len(hdu.data) > 8:
                hdu.data = hdu.data[:8]
        hdus[0].header.update(NINTS=8, INTEND=8)
        hdus.writeto(tmp_path / name)
        hdus[0].header.update(OBSERVTN="002", TARGNAME="SKY", BKGDTARG=True)
        hdus["SCI"].data *= 0.5
        hdus.writeto(tmp_path / sky)
    members = [{"expname": name, "exptype": "science"}, {"expname": sky, "exptype": "background"}]
    association = tmp_path / "jw90002-o001_tso-spec2_00001_asn.json"
    products = [{"name": name.removesuffix("_rateints.fits"), "members": members}]
    content = {"asn_type": "tso-spec2", "asn_rule": "x", "asn_pool": "p", "asn_id": "o001"}
    association.write_text(json.dumps(content | {"products": products}))

    observation = lrs.open_observation(tmp_path / name)
    run = lrs.reprocess(observation, Recipe.from_observation(observation), tmp_path / "ours")
    theirs = run_pipeline("calwebb_spec2", association, tmp_path / "theirs", crds=crds)
    ours, of_pipeline = only(run.products, "calints"), only(theirs.products, "calints")
    assert_same_images(ours, of_pipeline)
    one, other = fits.getheader(ours), fits.getheader(of_pipeline)
    assert other["S_BKDSUB"] == "COMPLETE"
    assert (one["ASNTABLE"], one["ASNPOOL"]) == (association.name, "p")
    assert set(one) == set(other)


@pytest.mark.usefixtures("shared_crds")
def test_what_was_delivered_in_dn_per_s_equals_calwebb_spec2_without_photom(
    link: Link, crds: Mapping[str, str], tmp_path: Path
) -> None:
    folder = link("*_03102_*_rate.fits.gz", "*_spec2_*")
    association = folder / "jw90001-o001_spec2_00001_asn.json"
    steps: dict[str, Any] = {"photom": {"skip": True}, "pixel_replace": {"skip": True}}
    delivered = run_pipeline(
        "calwebb_spec2", association, tmp_path / "first", parameters={"steps": steps}, crds=crds
    )
    for path in delivered.products:
        shutil.copy(path, folder)
    observation = lrs.open_observation(folder / f"{STEM.format(1)}_s2d.fits")
    live = lrs.extract(observation)
    assert live.unit == "DN/s"
    run = lrs.reprocess(observation, Recipe(pathloss=Pathloss("offset", 0.1)), tmp_path / "ours")
    theirs = run_pipeline(
        "calwebb_spec2",
        association,
        tmp_path / "theirs",
        parameters=exported(run, "calwebb_spec2"),
        crds=crds,
    )
    for suffix in ("cal", "s2d"):
        one = only(run.products, suffix)
        assert fits.getval(one, "BUNIT", extname="SCI") == "DN/s"
        assert_same_images(one, only(theirs.products, suffix))
    ours = only(run.products, "x1d")
    assert_same_spectra(ours, only(theirs.products, "x1d"))
    again = lrs.open_observation(ours).delivered()
    assert again is not None
    assert again.unit == run.spectrum.unit == "DN/s"
    assert again.table["SURF_BRIGHT"].unit == "DN/s"
