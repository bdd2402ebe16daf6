"""The demo's defects, fixed by hand with the real steps that are meant for them."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment

pytestmark = pytest.mark.pipeline

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
NODS = ("jw90010001001_03102_00001_mirimage", "jw90010001001_03102_00002_mirimage")
RECORD = json.loads((DEMO / "defects.json").read_text())
PLANES = ("SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE")
DEFAULT, HIGHER = 4.0, 8.0
DO_NOT_USE, JUMP_DET = 1, 4
# Where the ramps were cut out, by their headers.
CUTOUT = (slice(1, 400), slice(296, 354))


@dataclass(frozen=True)
class Fitted:
    """What the real jump and ramp_fit steps make of one ramp: the ramp with its flags, the rate."""

    flags: np.ndarray
    rate: dict[str, np.ndarray]


@pytest.fixture(scope="session")
def fitted(
    crds_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, float], Fitted]:
    crds = crds_environment(crds_cache)
    made = {}
    for root in NODS:
        for threshold in (DEFAULT, HIGHER):
            folder = tmp_path_factory.mktemp("jump")
            ramp = DEMO / f"{root}_dark_current.fits.gz"
            parameters = {"rejection_threshold": threshold} if threshold != DEFAULT else {}
            (jump,) = run_pipeline("jump", ramp, folder, parameters=parameters, crds=crds).products
            rate, _ = run_pipeline("ramp_fit", jump, folder, crds=crds).products
            made[root, threshold] = Fitted(
                fits.getdata(jump, "GROUPDQ"),
                {name: fits.getdata(rate, name) for name in PLANES},
            )
    return made


@pytest.mark.parametrize("root", NODS)
def test_jump_and_ramp_fit_on_the_ramps_give_the_rates(
    root: str, fitted: dict[tuple[str, float], Fitted]
) -> None:
    with fits.open(DEMO / f"{root}_rate.fits.gz") as hdus:
        for name in PLANES:
            np.testing.assert_array_equal(
                hdus[name].data[CUTOUT], fitted[root, DEFAULT].rate[name], err_msg=name
            )
        assert np.isfinite(hdus["SCI"].data).sum() == np.isfinite(hdus["SCI"].data[CUTOUT]).sum()


@pytest.mark.parametrize("root", NODS)
def test_higher_threshold_clears_the_false_dropouts_and_keeps_the_cosmic_rays(
    root: str, fitted: dict[tuple[str, float], Fitted]
) -> None:
    origin = np.array([CUTOUT[0].start, CUTOUT[1].start])
    pattern = tuple((np.array(RECORD["jump_false_positives"][root]) - origin).T)
    default, higher = fitted[root, DEFAULT], fitted[root, HIGHER]
    assert np.isnan(default.rate["SCI"][pattern]).all()
    assert (default.rate["DQ"][pattern] == DO_NOT_USE + JUMP_DET).all()
    assert np.isfinite(higher.rate["SCI"][pattern]).all()
    assert not (higher.rate["DQ"][pattern] & DO_NOT_USE).any()
    for ray in RECORD["cosmic_rays"][root]:
        row, column = ray["pixel"] - origin
        for made in (default, higher):
            assert made.flags[ray["integration"], ray["group"], row, column] & JUMP_DET, ray


@pytest.fixture(scope="session")
def fixed(
    fitted: dict[tuple[str, float], Fitted],
    crds_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Return the x1d of the first nod after every workaround."""
    folder = tmp_path_factory.mktemp("fixed")
    unflagged = RECORD["hot_pixels_unflagged"] + RECORD["dead_pixels_unflagged"]
    rows, columns = np.transpose(unflagged)
    for root in NODS:
        with fits.open(DEMO / f"{root}_rate.fits.gz") as hdus:
            for name in PLANES:
                hdus[name].data[CUTOUT] = fitted[root, HIGHER].rate[name]
            hdus["SCI"].data[rows, columns] = np.nan
            hdus["DQ"].data[rows, columns] |= np.uint32(DO_NOT_USE)
            hdus.writeto(folder / f"{root}_rate.fits")
    association = json.loads((DEMO / "jw90010-o001_spec2_00001_asn.json").read_text())
    for member in association["products"][0]["members"]:
        if member["exptype"] == "target_acquisition":
            shutil.copy(DEMO / member["expname"], folder)
        else:
            member["expname"] = member["expname"].removesuffix(".gz")
    path = folder / "fixed_asn.json"
    path.write_text(json.dumps(association))
    steps = {
        "pathloss": {"user_slit_loc": RECORD["slit_offset_across_arcsec"]},
        "pixel_replace": {"skip": False, "algorithm": "fit_profile"},
        "extract_1d": {"position_offset": RECORD["position_error_along_slit_pixels"]},
    }
    run = run_pipeline(
        "calwebb_spec2",
        path,
        folder,
        parameters={"steps": steps},
        crds=crds_environment(crds_cache),
    )
    return next(path for path in run.products if path.name.endswith("_x1d.fits"))


def test_all_workarounds_together_recover_the_truth(fixed: Path) -> None:
    spectrum = fits.getdata(fixed, "EXTRACT1D")
    truth = Table.read(DEMO / "truth.ecsv", format="ascii.ecsv")
    wavelength, flux = spectrum["WAVELENGTH"], spectrum["FLUX"]
    use = (wavelength > 5.5) & (wavelength < 11.5)
    assert np.isfinite(flux[use]).all()
    relative = flux[use] / np.interp(wavelength[use], truth["wavelength"], truth["flux"]) - 1.0
    assert abs(np.median(relative)) < 0.01
    assert np.median(np.abs(relative)) < 0.02
    assert np.percentile(np.abs(relative), 90) < 0.04


def test_errors_are_too_small(fixed: Path) -> None:
    """MR-LRS05: the scatter of the spectrum is more than its errors say."""
    spectrum = fits.getdata(fixed, "EXTRACT1D")
    # Here the spectrum is smooth; second differences drop what is left of its slope.
    use = (spectrum["WAVELENGTH"] > 8.8) & (spectrum["WAVELENGTH"] < 11.0)
    flux, error = spectrum["FLUX"][use], spectrum["FLUX_ERROR"][use]
    second = (flux[2:] - 2 * flux[1:-1] + flux[:-2]) / np.sqrt(6.0) / error[1:-1]
    scatter = 1.4826 * np.median(np.abs(second - np.median(second)))
    assert 1.25 < scatter < 2.2
