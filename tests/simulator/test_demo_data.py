"""The packaged demo: there, small, honest, and true."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.make_demo import DEMO_SCENE
from lrs_explorer.simulator.observation import read_nods

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
NODS = ("jw90010001001_03102_00001_mirimage", "jw90010001001_03102_00002_mirimage")
ROOTS = (*NODS, "jw90010-o001_t001_miri_p750l")
RECORD = json.loads((DEMO / "defects.json").read_text())
DO_NOT_USE, JUMP_DET = 1, 4


def relative_deviation(wavelength: np.ndarray, flux: np.ndarray) -> np.ndarray:
    truth = Table.read(DEMO / "truth.ecsv", format="ascii.ecsv")
    use = (wavelength > 5.5) & (wavelength < 11.5) & np.isfinite(flux)
    assert use.sum() > 180
    return flux[use] / np.interp(wavelength[use], truth["wavelength"], truth["flux"]) - 1


def box_sum(root: str, center: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Sum an aperture by hand, fractional edges included, and correct it for its size."""
    image = fits.getdata(DEMO / f"{root}_s2d.fits", "SCI")
    wavelength = np.max(fits.getdata(DEMO / f"{root}_s2d.fits", "WAVELENGTH"), axis=1)
    columns = np.arange(image.shape[1])
    upper = np.minimum(columns + 0.5, center + width / 2)
    lower = np.maximum(columns - 0.5, center - width / 2)
    weight = np.clip(upper - lower, 0, None)
    flux = np.sum(image[:, weight > 0] * weight[weight > 0], axis=1) * instrument.JY_PER_MJY_SR
    table = fits.getdata(DEMO / "references" / "jwst_miri_apcorr_0001.fits", 1)
    apcorr = np.interp(wavelength, table["wavelength"][0], table["apcorr"][0][:, int(width) - 1])
    return wavelength, flux * apcorr


def true_center(root: str) -> float:
    return RECORD["true_trace"][f"{root}_s2d.fits"]["median_column_5.5_to_11.5_um"]


def test_everything_is_there_and_small() -> None:
    files = {path.relative_to(DEMO).as_posix() for path in DEMO.rglob("*") if path.is_file()}
    assert files == {
        *(f"{root}_{kind}.fits" for root in ROOTS for kind in ("s2d", "x1d")),
        *(f"{root}_{kind}.fits.gz" for root in NODS for kind in ("dark_current", "rate", "cal")),
        *(f"jw90010001001_{taken}_00001_mirimage_rate.fits.gz" for taken in ("02101", "03101")),
        *(f"jw90010-o001_{kind}_asn.json" for kind in ("spec2_00001", "spec2_00002")),
        "jw90010-o001_spec3_00001_asn.json",
        "truth.ecsv",
        "defects.json",
        "references/jwst_miri_apcorr_0001.fits",
        "references/jwst_miri_extract1d_0001.json",
        "references/jwst_miri_psf_0001.fits",
    }
    assert sum((DEMO / name).stat().st_size for name in files) < 8e6


def test_associations_name_files_of_the_demo() -> None:
    for path in DEMO.glob("*_asn.json"):
        (product,) = json.loads(path.read_text())["products"]
        for member in product["members"]:
            assert (DEMO / member["expname"]).is_file(), (path.name, member)


def test_it_opens_with_everything_that_can_be_redone() -> None:
    demo = lrs.demo("slit")
    kinds = {kind: len(paths) for kind, paths in demo.products.items()}
    assert kinds == {"ramp": 2, "ta": 2, "rate": 2, "cal": 2, "s2d": 3, "x1d": 3, "asn": 3}
    assert all(demo.can_reprocess.values())


def test_every_file_says_it_is_simulated() -> None:
    for path in DEMO.glob("*.fits*"):
        assert fits.getheader(path)["TITLE"].startswith("SIMULATED (LRS Explorer)")
        assert fits.getheader(path)["TARGPROP"] == "SIMULATED"
    assert RECORD["simulated"] is True
    assert "SIMULATED" in (DEMO / "truth.ecsv").read_text()[:2000]


def test_no_file_names_a_place_on_the_machine_that_made_it() -> None:
    for path in DEMO.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                assert content[4:8] == bytes(4)  # no time of packing
                content = gzip.decompress(content)
            for word in (b"/tmp", b"/home", b"/root", b"/work", b"/Users", b"site-packages"):
                assert word not in content, (path.name, word)


@pytest.mark.parametrize("root", ROOTS)
def test_delivered_spectrum_is_visibly_wrong(root: str) -> None:
    spectrum = fits.getdata(DEMO / f"{root}_x1d.fits", "EXTRACT1D")
    relative = relative_deviation(spectrum["WAVELENGTH"], spectrum["FLUX"])
    assert -0.65 < np.median(relative) < -0.45


@pytest.mark.parametrize("root", ROOTS)
def test_aperture_on_the_true_trace_leaves_the_loss_at_the_slit(root: str) -> None:
    """Off its middle the slit lets less through than the correction for its middle gives back."""
    wavelength, flux = box_sum(root, true_center(root), 8.0)
    across = RECORD["slit_offset_across_arcsec"]
    lost = instrument.slit_transmission(wavelength, across)
    lost = lost / instrument.slit_transmission(wavelength)
    assert 0.97 < np.median(lost) < 0.985
    relative = relative_deviation(wavelength, flux / lost)
    assert abs(np.median(relative)) < 0.02
    assert np.median(np.abs(relative)) < 0.03


@pytest.mark.parametrize("root", ROOTS)
def test_header_position_is_four_pixels_off(root: str) -> None:
    header = fits.getheader(DEMO / f"{root}_x1d.fits", "EXTRACT1D")
    delivered = 0.5 * (header["EXTRXSTR"] + header["EXTRXSTP"]) - 1.0  # keywords count from 1
    assert true_center(root) - delivered == pytest.approx(4.07, abs=0.1)


def test_nods_leave_negative_traces() -> None:
    separation = 2 * instrument.NOD_OFFSET / instrument.SCALE_ALONG
    for root, sides in zip(ROOTS, ((1,), (-1,), (-1, 1)), strict=True):
        center = true_center(root)
        _, positive = box_sum(root, center, 4.0)
        for side in sides:
            _, negative = box_sum(root, center + side * separation, 4.0)
            ratio = np.nanmedian(negative[100:330] / positive[100:330])
            assert -1.1 < ratio < -0.4, (root, side)


@pytest.mark.parametrize("root", ROOTS[:2])
def test_bad_pixels_are_to_be_seen_without_drowning_the_spectrum(root: str) -> None:
    relative = relative_deviation(*box_sum(root, true_center(root), 8.0))
    departure = np.abs(relative - np.median(relative))
    assert 0.02 < np.mean(departure > 0.05) < 0.2
    assert np.median(departure) < 0.03
    assert departure.max() < 1.0


def test_half_of_the_wrong_pixels_are_on_a_trace() -> None:
    traces = [RECORD["true_trace"][f"{root}_rate.fits"] for root in NODS]
    for kind, number in (("bad_pixels_flagged", 24), ("hot_pixels_unflagged", 3)):
        pixels = np.array(RECORD[kind])
        away = [pixels[:, 1] - np.interp(pixels[:, 0], t["row"], t["column"]) for t in traces]
        assert np.sum(np.min(np.abs(away), axis=0) < 1.6) >= number


@pytest.mark.parametrize("root", NODS)
def test_jump_false_positives_blank_the_brightest_pixels_of_the_rate(root: str) -> None:
    pixels = tuple(np.transpose(RECORD["jump_false_positives"][root]))
    assert len(pixels[0]) > 15
    rate, dq = (fits.getdata(DEMO / f"{root}_rate.fits.gz", name) for name in ("SCI", "DQ"))
    assert np.isnan(rate[pixels]).all()
    assert (dq[pixels] == DO_NOT_USE + JUMP_DET).all()
    beside = np.nanmedian(rate[pixels[0], pixels[1] + 1])
    assert beside > 0.5 * np.nanmax(np.nanmedian(rate[250:390, 300:350], axis=0))


def test_acquisition_image_is_too_bright_by_the_frames_averaged() -> None:
    name = "jw90010001001_02101_00001_mirimage_rate.fits.gz"
    truth = RECORD["acquisition"][name.removesuffix(".gz")]
    assert fits.getheader(DEMO / name)["READPATT"] == "FASTGRPAVG8"
    image = fits.getdata(DEMO / name, "SCI")
    row, column = round(truth["row"]), round(truth["column"])
    near = image[row - 12 : row + 13, column - 12 : column + 13]
    sky = np.nanmedian(image[row - 25 : row + 26, column - 25 : column + 26])
    seen = np.nansum(near - sky)
    assert seen / truth["true_count_rate_DN_s"] == pytest.approx(8.0, rel=0.03)


@pytest.mark.parametrize("number", [1, 2])
def test_ramps_are_what_the_script_makes(number: int) -> None:
    ramps, _ = read_nods(DEMO_SCENE)
    with fits.open(DEMO / f"{NODS[number - 1]}_dark_current.fits.gz") as hdus:
        np.testing.assert_array_equal(hdus["SCI"].data, ramps[number - 1].data)
        np.testing.assert_array_equal(hdus["PIXELDQ"].data, ramps[number - 1].pixel_dq)
