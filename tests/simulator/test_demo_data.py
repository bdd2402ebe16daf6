"""The packaged demo: there, small, honest, and true."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer
from lrs_explorer.simulator import instrument

DEMO = Path(lrs_explorer.__file__).parent / "data" / "demo_slit"
ROOTS = (
    "jw90010001001_03102_00001_mirimage",
    "jw90010001001_03102_00002_mirimage",
    "jw90010-o001_t001_miri_p750l",
)


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
    record = json.loads((DEMO / "defects.json").read_text())
    return record["true_trace"][f"{root}_s2d.fits"]["median_column_5.5_to_11.5_um"]


def test_everything_is_there_and_small() -> None:
    files = {path.relative_to(DEMO).as_posix() for path in DEMO.rglob("*") if path.is_file()}
    assert files == {
        *(f"{root}_{kind}.fits" for root in ROOTS for kind in ("s2d", "x1d")),
        "truth.ecsv",
        "defects.json",
        "references/jwst_miri_apcorr_0001.fits",
        "references/jwst_miri_extract1d_0001.json",
        "references/jwst_miri_psf_0001.fits",
    }
    assert sum((DEMO / name).stat().st_size for name in files) < 4e6


def test_every_file_says_it_is_simulated() -> None:
    for path in DEMO.glob("*.fits"):
        assert fits.getheader(path)["TITLE"].startswith("SIMULATED (LRS Explorer)")
        assert fits.getheader(path)["TARGPROP"] == "SIMULATED"
    assert json.loads((DEMO / "defects.json").read_text())["simulated"] is True
    assert "SIMULATED" in (DEMO / "truth.ecsv").read_text()[:2000]


def test_no_file_names_a_place_on_the_machine_that_made_it() -> None:
    for path in DEMO.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for word in (b"/tmp", b"/home", b"/root", b"/work", b"/Users", b"site-packages"):
                assert word not in content, (path.name, word)


@pytest.mark.parametrize("root", ROOTS)
def test_delivered_spectrum_is_visibly_wrong(root: str) -> None:
    spectrum = fits.getdata(DEMO / f"{root}_x1d.fits", "EXTRACT1D")
    relative = relative_deviation(spectrum["WAVELENGTH"], spectrum["FLUX"])
    assert -0.6 < np.median(relative) < -0.4


@pytest.mark.parametrize("root", ROOTS)
def test_aperture_on_the_true_trace_gives_the_truth(root: str) -> None:
    relative = relative_deviation(*box_sum(root, true_center(root), 8.0))
    assert abs(np.median(relative)) < 0.02
    assert np.median(np.abs(relative)) < 0.02
    assert np.percentile(np.abs(relative), 90) < 0.03


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


def test_no_unflagged_pixel_ruins_the_trace() -> None:
    """The demo shows a wrong place, not a wall of bad pixels."""
    for root in ROOTS:
        image = fits.getdata(DEMO / f"{root}_s2d.fits", "SCI")
        center = round(true_center(root))
        assert np.isfinite(image[20:370, center - 4 : center + 5]).mean() > 0.99
