"""The real pipeline, run on a simulated observation, gives back what was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from common import Processed
from scipy.optimize import curve_fit

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.observation import simulate_slit
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.processing import true_trace_in_s2d
from lrs_explorer.simulator.references import crds_environment
from lrs_explorer.simulator.truth import true_spectrum


def deviation(
    x1d: Path, truth: Path, low: float = 5.5, high: float = 11.5, fewest: int = 180
) -> np.ndarray:
    """Relative deviation of an extracted flux from the truth between two wavelengths."""
    spectrum = fits.getdata(x1d, "EXTRACT1D")
    table = Table.read(truth, format="ascii.ecsv")
    wavelength, flux = spectrum["WAVELENGTH"], spectrum["FLUX"]
    true_flux = np.interp(wavelength, table["wavelength"], table["flux"])
    use = (wavelength > low) & (wavelength < high) & np.isfinite(flux)
    assert use.sum() > fewest
    return flux[use] / true_flux[use] - 1.0


def test_right_extraction_recovers_the_truth(processed: Processed) -> None:
    relative = deviation(processed.corrected_x1d, processed.files.truth)
    assert abs(np.median(relative)) < 0.01
    assert np.median(np.abs(relative)) < 0.02
    for low in np.arange(5.5, 11.5, 1.0):  # nowhere in this range is it off
        part = deviation(processed.corrected_x1d, processed.files.truth, low, low + 1.0, 15)
        assert abs(np.median(part)) < 0.02, low


def test_right_extraction_recovers_the_truth_outside_the_nominal_range(
    processed: Processed,
) -> None:
    truth = processed.files.truth
    spectrum = fits.getdata(processed.corrected_x1d, "EXTRACT1D")
    table = Table.read(truth, format="ascii.ecsv")
    wavelength = spectrum["WAVELENGTH"]
    relative = spectrum["FLUX"] / np.interp(wavelength, table["wavelength"], table["flux"]) - 1
    assert abs(np.nanmedian(relative[wavelength > 12])) < 0.04


def test_delivered_extraction_loses_half_the_light(processed: Processed) -> None:
    relative = deviation(processed.delivered_x1d, processed.files.truth)
    assert -0.65 < np.median(relative) < -0.35


def test_errors_describe_the_scatter(processed: Processed) -> None:
    spectrum = fits.getdata(processed.corrected_x1d, "EXTRACT1D")
    use = (spectrum["WAVELENGTH"] > 9.0) & (spectrum["WAVELENGTH"] < 12.0)
    flux, error = spectrum["FLUX"][use], spectrum["FLUX_ERROR"][use]
    # Second differences drop the smooth spectrum; they have sqrt(6) times the noise. Resampling
    # shares noise between rows, so the scatter comes out a little low, never far off.
    second = (flux[2:] - 2 * flux[1:-1] + flux[:-2]) / np.sqrt(6.0) / error[1:-1]
    scatter = 1.4826 * np.median(np.abs(second - np.median(second)))
    assert 0.5 < scatter < 1.5


def test_nod_subtraction_leaves_a_negative_trace(processed: Processed) -> None:
    image = fits.getdata(processed.s2d, "SCI")
    inner = np.isfinite(image[150:320]).any(axis=0)
    profile = np.where(inner, 0.0, np.nan)
    profile[inner] = np.nanmedian(image[150:320, inner], axis=0)
    rows, columns = true_trace_in_s2d(processed.scene, processed.s2d)
    positive = np.median(columns[(rows >= 150) & (rows < 320)])
    separation = 2 * instrument.NOD_OFFSET / instrument.SCALE_ALONG
    assert abs(int(np.nanargmax(profile)) - positive) < 0.6
    assert abs(int(np.nanargmin(profile)) - (positive + separation)) < 0.6
    assert np.nanmin(profile) == pytest.approx(-np.nanmax(profile), rel=0.1)


def test_sky_is_subtracted(processed: Processed) -> None:
    image = fits.getdata(processed.s2d, "SCI")
    # Columns left of the positive trace: sky of 5 to 20 MJy/sr before subtraction. What is left is
    # the halo of the star, by both nods.
    rows, trace = true_trace_in_s2d(processed.scene, processed.s2d)
    wavelength = instrument.wavelength_at_row(rows + instrument.FIRST_ROW)[:, np.newaxis]
    grid, flux, _ = true_spectrum(processed.scene)
    halo = np.zeros((len(rows), 5))
    for sign, moved in ((1, 0.0), (-1, 2 * instrument.NOD_OFFSET)):
        offset = (np.arange(3, 8) - trace[:, np.newaxis]) * instrument.SCALE_ALONG - moved
        half = instrument.SCALE_ALONG / 2
        halo += sign * instrument.profile_integral(wavelength, offset - half, offset + half)
    halo *= np.interp(wavelength, grid, flux) / instrument.JY_PER_MJY_SR
    used = (rows >= 150) & (rows < 320)
    expected = np.median(halo[used] / instrument.slit_transmission(wavelength[used]))
    assert 0.3 < expected < 1.0, "as bright as all that was allowed for, were there no wings"
    assert np.nanmedian(image[150:320, 3:8]) == pytest.approx(expected, abs=0.3)


def test_true_trace_is_where_the_light_is(processed: Processed) -> None:
    image = fits.getdata(processed.s2d, "SCI")
    rows, columns = true_trace_in_s2d(processed.scene, processed.s2d)
    index = np.arange(image.shape[1])
    for low, high in ((80, 140), (170, 230), (260, 330)):
        expected = np.median(columns[(rows >= low) & (rows < high)])
        near = np.abs(index - expected) < 3.5  # within the ring
        profile = np.nanmedian(image[low:high, near], axis=0)
        core, _ = curve_fit(gaussian, index[near], profile, [profile.max(), expected, 1.4, 0.0])
        assert core[1] == pytest.approx(expected, abs=0.08)


def gaussian(x: np.ndarray, height: float, at: float, sigma: float, level: float) -> np.ndarray:
    return height * np.exp(-0.5 * ((x - at) / sigma) ** 2) + level


def test_every_product_says_it_is_simulated(processed: Processed) -> None:
    folder = processed.s2d.parent
    products = [*folder.glob("*.fits"), processed.corrected_x1d]
    assert {path.stem.rsplit("_", 1)[1] for path in products} >= {"rate", "cal", "s2d", "x1d"}
    for path in products:
        header = fits.getheader(path)
        assert header["TITLE"].startswith("SIMULATED (LRS Explorer)"), path.name
        assert header["TARGPROP"] == "SIMULATED", path.name


def test_light_lost_off_center_comes_back_with_the_right_slit_position(
    processed: Processed, crds_cache: Path, tmp_path: Path
) -> None:
    scene = replace(processed.scene, slit_offset=0.12)
    files = simulate_slit(scene, tmp_path)
    offset = scene.position_error / instrument.SCALE_ALONG
    run = run_pipeline(
        "calwebb_spec2",
        files.spec2_associations[0],
        tmp_path,
        parameters={
            "steps": {
                "pathloss": {"user_slit_loc": 0.12},
                "extract_1d": {"position_offset": offset},
            }
        },
        crds=crds_environment(crds_cache),
    )
    (x1d,) = (path for path in run.products if path.stem.endswith("_x1d"))
    relative = deviation(x1d, files.truth)
    lost = instrument.slit_transmission(8.0, 0.12) / instrument.slit_transmission(8.0, 0.0)
    assert lost < 0.93  # otherwise this test would prove nothing
    assert abs(np.median(relative)) < 0.015
    assert np.median(np.abs(relative)) < 0.02
