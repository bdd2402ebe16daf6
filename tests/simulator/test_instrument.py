"""The simulated optics, against numbers known from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.spectra import SPECTRA, source_flux


@pytest.mark.parametrize(
    ("row", "wavelength"),
    [(10, 13.98), (100, 12.63), (200, 10.80), (300, 8.34), (350, 6.56), (385, 4.43)],
)
def test_wavelength_follows_the_flight_solution(row: int, wavelength: float) -> None:
    assert float(instrument.wavelength_at_row(row)) == pytest.approx(wavelength, abs=0.02)


def test_wavelength_falls_as_the_row_rises() -> None:
    rows = np.arange(instrument.FIRST_ROW - 0.5, instrument.LAST_ROW + 0.6, 0.5)
    assert (np.diff(instrument.wavelength_at_row(rows)) < 0).all()


@pytest.mark.parametrize(("wavelength", "fwhm"), [(5, 0.29), (7.5, 0.30), (10, 0.36), (12, 0.42)])
def test_profile_has_the_stated_width(wavelength: float, fwhm: float) -> None:
    """Measured on the painted profile itself, not on the function that states the width.

    As seen through a pixel: no width that was measured in flight is that of the light itself.
    """
    position = np.linspace(-1.0, 1.0, 4001)
    half = instrument.SCALE_ALONG / 2
    light = instrument.profile_integral(wavelength, position - half, position + half)
    wide = position[light > light.max() / 2]
    # The slit trims the halo more than the core, which narrows the profile by some per cent.
    assert wide[-1] - wide[0] == pytest.approx(fwhm, rel=0.04)


def test_all_light_is_somewhere() -> None:
    wavelength = np.array([5.0, 8.0, 12.0])
    behind = instrument.profile_integral(wavelength, -np.inf, np.inf)
    np.testing.assert_allclose(behind, instrument.slit_transmission(wavelength), rtol=1e-3)
    np.testing.assert_allclose(instrument.enclosed_fraction(wavelength, 200), 1.0, rtol=1e-6)
    edges = np.arange(-21.5, 22) * instrument.SCALE_ALONG
    pixels = instrument.profile_integral(wavelength[:, None], edges[:-1], edges[1:])
    np.testing.assert_allclose(pixels.sum(axis=1), behind, rtol=1e-3)


def test_slit_passes_half_of_a_source_on_its_edge_and_little_of_one_outside() -> None:
    assert instrument.slit_transmission(7.0, 0.0) > 0.85
    assert instrument.slit_transmission(7.0, 0.255) == pytest.approx(0.5, abs=0.03)
    assert instrument.slit_transmission(7.0, 0.7) < 0.1
    assert instrument.slit_transmission(7.0, 0.1) == instrument.slit_transmission(7.0, -0.1)


def test_response_is_one_at_its_reference_and_falls_off_beyond_12_micron() -> None:
    assert float(instrument.relative_response(7.5)) == pytest.approx(1.0)
    response = instrument.relative_response(np.array([10.0, 12.0, 14.0]))
    assert (np.diff(response) > 0).all()  # fewer counts: a larger factor to undo them
    assert response[-1] > 30


def test_blurring_keeps_a_constant_and_the_area_of_a_line() -> None:
    wavelength = np.arange(6.0, 12.0, 0.01)
    np.testing.assert_allclose(instrument.blur_to_resolution(wavelength, np.full(600, 2.0)), 2.0)
    line = np.zeros(600)
    line[300] = 1.0
    seen = instrument.blur_to_resolution(wavelength, line)
    assert seen.sum() == pytest.approx(1.0, rel=0.02)
    wide = wavelength[seen > seen.max() / 2]
    expected = 9.0 / float(instrument.resolving_power(9.0))
    assert wide[-1] - wide[0] == pytest.approx(expected, rel=0.2)


def test_background_has_its_level_at_ten_micron_and_is_thermal() -> None:
    background = instrument.thermal_background([6.0, 10.0, 13.0], 12.0)
    assert background[1] == pytest.approx(12.0)
    assert background[0] < background[1] < background[2]


@pytest.mark.parametrize("name", sorted(SPECTRA))
def test_spectra_are_positive_and_scaled_at_eight_micron(name: str) -> None:
    wavelength = np.linspace(4.0, 14.0, 500)
    assert (source_flux(name, 0.01, wavelength) > 0).all()
    assert source_flux(name, 0.01, np.array([8.0]))[0] == pytest.approx(0.01)


def test_a_spectrum_may_be_any_function() -> None:
    flux = source_flux(lambda wavelength: 3.0 * wavelength, 1.0, np.array([4.0, 8.0]))
    np.testing.assert_allclose(flux, [0.5, 1.0])
    with pytest.raises(ValueError, match="positive at 8 micron"):
        source_flux(lambda wavelength: 0.0 * wavelength, 1.0, np.array([8.0]))
