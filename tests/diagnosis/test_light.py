from __future__ import annotations

import math

import numpy as np
import pytest

from lrs_explorer.diagnosis import other_light
from lrs_explorer.diagnosis.light import enclosed, passed, pixel_share
from lrs_explorer.simulator import instrument, slitless_instrument


def test_aperture_on_the_star():
    # Within ±sigma of the core, which holds 0.775 of the light; no ring and a tenth of the halo.
    sigma = 0.96 * 0.30 / 2.3548 / 0.1106
    halo = 0.135 * math.erf(sigma * 0.1106 / 0.79 / 0.75 / np.sqrt(2))
    assert enclosed(7.5, -sigma, sigma) == pytest.approx(0.775 * 0.6827 + halo, abs=1e-3)
    assert enclosed(7.5, -100, 100) == pytest.approx(1.0)
    assert enclosed(7.5, -100, 0) == pytest.approx(0.5)


def test_pixels_share_all_light():
    assert pixel_share(9.0, np.arange(-40, 41)).sum() == pytest.approx(1.0)


@pytest.mark.parametrize("wavelength", [5.0, 8.0, 12.0])
def test_apertures_hold_what_the_simulated_ones_do(wavelength: float) -> None:
    for lower, upper in ((-4, 4), (-2, 6), (-8, 4), (-10, 10)):
        truth = slitless_instrument.pixel_share(wavelength, lower, upper)
        assert float(enclosed(wavelength, lower, upper)) == pytest.approx(float(truth), abs=0.01)
        edges = np.array([lower, upper, -np.inf, np.inf]) * instrument.SCALE_ALONG
        behind = instrument.profile_integral(wavelength, edges[::2], edges[1::2])
        held = enclosed(wavelength, lower, upper, "slit")
        assert float(held) == pytest.approx(behind[0] / behind[1], abs=0.01)


def test_slit_cuts_as_the_simulator_does():
    for across in (0.0, 0.1, 0.2):
        ratio = passed(8.0, across) / passed(8.0, 0.0)
        truth = instrument.slit_transmission(8.0, across) / instrument.slit_transmission(8.0)
        assert float(ratio) == pytest.approx(float(truth), abs=0.05)
    assert passed(8.0, 1.0) < 0.01
    assert passed(8.0, 0.12) == passed(8.0, -0.12)


@pytest.mark.parametrize("off", [0.4, 1.3])
def test_a_negative_image_that_the_slits_end_cuts_is_placed_by_its_flank(off: float) -> None:
    """The last column is half lit, and made up for: it is the deepest, wherever the star lies."""
    source, apart, number = 25.7, 17.0, 46
    place = np.arange(number, dtype=float)
    value = pixel_share(8.0, place - source) - pixel_share(8.0, place - source - apart)
    value[-1] = np.nan
    value[-2] *= 2.5
    mirror = other_light._mirror(value, place, source, source + apart + off)
    assert mirror == pytest.approx(2 * source + apart, abs=0.05)
    # Where it is not cut, where it is seen is where it is.
    assert other_light._mirror(value, place, source, 36.0) == source + 36.0
