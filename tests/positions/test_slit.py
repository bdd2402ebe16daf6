"""The slit's geometry and the pointing, by hand and against the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.model.slit.frame import Pointing, SlitPosition
from lrs_explorer.model.slit.geometry import outside_slit, psf_fwhm, psf_image
from lrs_explorer.simulator import instrument, pointing


def test_inside_and_outside() -> None:
    assert outside_slit(0.254) == outside_slit(-0.255, 2.35) == outside_slit(np.nan, np.nan) == ""
    assert "0.26″ from the slit's center line, outside the slit (±0.255″)" in outside_slit(-0.26)
    assert "beyond its end (±2.35″)" in outside_slit(0.0, 2.36)


def test_psf_has_the_width_it_says() -> None:
    image = psf_image(10.0, along=0.84, across=-0.1)
    assert image.fwhm == pytest.approx(0.36)
    row, column = np.unravel_index(np.argmax(image.intensity), image.intensity.shape)
    assert image.along[column] == pytest.approx(0.84, abs=0.011)
    assert image.across[row] == pytest.approx(-0.1, abs=0.011)
    above = image.along[image.intensity[row] > 0.5 * image.intensity[row, column]]
    assert np.ptp(above) == pytest.approx(0.36, abs=0.04)
    assert image.intensity.shape == (52, 262)


def test_psf_width_by_jdox() -> None:
    np.testing.assert_allclose(
        psf_fwhm([5.0, 7.5, 10.0, 12.0, 13.2]), [0.29, 0.3, 0.36, 0.42, 0.462]
    )


def test_pointing_agrees_with_the_simulator_and_inverts() -> None:
    seen = Pointing(150.0, 20.0, 77.0, instrument.V3_IDEAL_Y_ANGLE, instrument.IDEAL_PARITY)
    ra, dec = seen.sky(SlitPosition(0.7, -0.2))
    assert (ra, dec) == pytest.approx(pointing.offset_sky(150.0, 20.0, 77.0, 0.7, -0.2), abs=1e-10)
    back = seen.slit(ra, dec)
    assert (back.along, back.across) == pytest.approx((0.7, -0.2), abs=1e-5)


@pytest.mark.parametrize("along", [2.0, -2.0])
def test_pointing_across_the_meridian(along: float) -> None:
    seen = Pointing(359.9999, -60.0, 10.0, 4.76, -1)
    ra, dec = seen.sky(SlitPosition(along, 0.1))
    back = seen.slit(ra % 360, dec)
    assert (back.along, back.across) == pytest.approx((along, 0.1), abs=1e-4)
