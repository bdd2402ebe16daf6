from __future__ import annotations

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import SOLUTIONS
from lrs_explorer.model.data.products import SpectralImage, Spectrum
from lrs_explorer.model.measure.wavelength import compare_solutions, epoch, offset_shift, shifted
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.series_stages import SeriesStages
from lrs_explorer.simulator import instrument

ROWS = np.arange(7.0, 388.0)


FULL, SLITLESSPRISM = ({"SUBSTRT1": 1, "SUBSTRT2": row} for row in (1, 529))
CORNER = {"slit": FULL, "slitless": SLITLESSPRISM}


def image_with(
    wavelength: np.ndarray, kind: str, first_row: int = 0, header: dict[str, int] | None = None
) -> SpectralImage:
    rows = np.full((first_row + len(wavelength), 11), np.nan)
    rows[first_row:] = wavelength[:, None]
    nothing = np.zeros(rows.shape)
    return SpectralImage(nothing, rows, nothing, nothing, nothing, kind=kind, header=header or FULL)


def solution(mode: str) -> np.ndarray:
    rows, wavelength = np.array(SOLUTIONS[mode]).T
    return np.interp(ROWS, rows, wavelength)


@pytest.mark.parametrize(("mode", "other"), [("slit", "slitless"), ("slitless", "slit")])
@pytest.mark.parametrize(("kind", "first"), [("cal", 7), ("s2d", 0)])
def test_the_solution_of_the_other_mode_is_recognised(mode: str, other: str, kind: str, first: int):
    header = CORNER[mode]
    right = compare_solutions(image_with(solution(mode), kind, first, header), mode)
    wrong = compare_solutions(image_with(solution(other), kind, first, header), mode)
    assert right.own < 0.015
    assert right.other > (0.15 if kind == "cal" else 0.02)
    assert wrong.other < 0.015
    assert wrong.own == pytest.approx(right.other, rel=0.2)


def test_rows_are_those_of_the_detector_whatever_the_subarray():
    subslit = image_with(solution("slit"), "cal", 0, {"SUBSTRT1": 301, "SUBSTRT2": 8})
    match = compare_solutions(subslit, "slit")
    assert match.absolute
    assert match.own < 0.015


def test_of_another_slitless_subarray_the_shape_of_the_solution_is_known():
    smaller = image_with(solution("slitless")[9:], "calints", 0, {"SUBSTRT1": 13, "SUBSTRT2": 631})
    match = compare_solutions(smaller, "slitless")
    assert not match.absolute
    assert match.own < 0.015
    assert match.other > 0.02


@pytest.mark.parametrize("first", [0, 11])
def test_wavelengths_may_rise_with_the_row(first: int):
    """Resampled without the slit they do, and rows begin elsewhere in other subarrays."""
    turned = image_with(solution("slitless")[first:][::-1], "s2d", 0, SLITLESSPRISM)
    match = compare_solutions(turned, "slitless")
    assert match.own < 0.015
    assert match.other > 0.02


def test_an_s2d_may_begin_at_another_row():
    match = compare_solutions(image_with(solution("slit")[5:], "s2d"), "slit")
    assert match.own < 0.015
    assert not match.absolute


def test_published_wavelengths():
    # lrs.md of JDox: row 200 of the detector sees 10.80 micron through the slit, 300 sees 8.34.
    rows, wavelength = np.array(SOLUTIONS["slit"]).T
    assert np.interp([200, 300], rows, wavelength) == pytest.approx([10.80, 8.34], abs=0.03)


def test_an_image_without_wavelengths():
    match = compare_solutions(image_with(np.full(381, np.nan), "cal"), "slit")
    assert np.isnan(match.own)


def test_a_source_off_the_middle_is_seen_at_another_wavelength():
    """Light of a line falls on other rows, for which the solution names a wrong wavelength."""
    across = 0.1
    line = 8.0
    rows = np.arange(200.0, 380.0, 0.001)
    true_row = np.interp(line, instrument.wavelength_at_row(rows)[::-1], rows[::-1])
    seen_at = true_row + across / instrument.SCALE_ACROSS  # towards larger rows
    assigned = float(instrument.wavelength_at_row(seen_at))
    assert assigned < line
    shift = offset_shift(instrument.wavelength_at_row(np.arange(7.0, 394.0)), across)
    corrected = assigned + np.interp(assigned, shift.wavelength, shift.value)
    assert corrected == pytest.approx(line, abs=0.001)
    assert shift.largest > 0.02


def test_shifted_spectrum_tells_what_was_done():
    wavelength = np.linspace(12.0, 5.0, 8)  # one micron a row
    spectrum = Spectrum({"WAVELENGTH": wavelength, "FLUX": np.arange(8.0)})
    found = shifted(spectrum, -0.1108)  # one row towards smaller rows
    np.testing.assert_allclose(found.columns["WAVELENGTH"], wavelength - 1.0)
    assert found.header["LRSXWOFF"] == -0.1108
    assert "−0.111″" in found.notes[-1]
    np.testing.assert_array_equal(found.columns["FLUX"], spectrum.columns["FLUX"])


def test_without_the_slit_rows_have_another_scale():
    wavelength = np.linspace(12.0, 5.0, 8)  # one micron a row
    spectrum = Spectrum({"WAVELENGTH": wavelength, "FLUX": np.arange(8.0)})
    found = shifted(spectrum, 0.2208, "slitless")
    np.testing.assert_allclose(found.columns["WAVELENGTH"], wavelength + 2.0)
    assert "from the subarray's reference point" in found.notes[-1]


def test_all_integrations_of_a_series_are_shifted():
    wavelength = np.linspace(12.0, 5.0, 8)
    flux = np.arange(24.0).reshape(3, 8)
    series = TimeSeries({"WAVELENGTH": wavelength, "FLUX": flux}, np.arange(3.0))
    found = shifted(series, 0.1104, "slitless")
    np.testing.assert_allclose(found.wavelength, np.arange(6.0, 14.0))
    assert found.columns["FLUX"] is flux
    assert found.header["LRSXWOFF"] == 0.1104


def test_series_are_extracted_at_the_wavelengths_of_the_source():
    observation = lrs.demo("slitless")
    plain = lrs.Recipe.from_observation(observation)
    moved = plain.replace(wavelength=lrs.Wavelength(-0.1104))  # one row
    stages = stages_of(observation)
    assert isinstance(stages, SeriesStages)
    for spectra in (stages.spectra, stages.light, stages.spectrum):
        one, other = spectra(plain), spectra(moved)
        middle = slice(40, -40)
        expected = one.wavelength[middle] - np.gradient(one.wavelength)[middle]
        np.testing.assert_allclose(other.wavelength[middle], expected, atol=1e-3)
        np.testing.assert_array_equal(one.flux, other.flux)


def test_epochs():
    old = {"DATE": "2022-08-01T00:00:00", "CRDS_CTX": "jwst_0980.pmap", "CAL_VER": "1.6.2"}
    assert epoch(old, "slit").severe
    assert "October 2022" in epoch(old, "slit").sentence
    middle = {"DATE": "2024-01-01", "CRDS_CTX": "jwst_1180.pmap", "R_SPCWCS": "crds://a_0003.fits"}
    assert not epoch(middle, "slit").outdated
    assert epoch(middle, "slitless").severe
    assert epoch(middle, "slitless").reference == "a_0003.fits"
    now = {"DATE": "2026-01-01", "CRDS_CTX": "jwst_1536.pmap", "CAL_VER": "2.0.0"}
    assert not epoch(now, "slitless").outdated
    own = epoch({"CRDS_CTX": "jwst_0001.pmap"}, "slit")
    assert not own.outdated
    assert "not a context of operations" in own.sentence
