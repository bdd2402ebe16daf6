from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.diagnosis.light import enclosed, passed, pixel_share
from lrs_explorer.simulator import instrument


def test_aperture_on_the_star():
    # A Gaussian within ±sigma; sigma at 7.5 micron: 0.30 arcsec / 2.3548 / 0.1106, and the pixel.
    sigma = np.hypot(0.30 / 2.3548 / 0.1106, 0.5)
    assert enclosed(7.5, -sigma, sigma) == pytest.approx(0.6827, abs=1e-4)
    assert enclosed(7.5, -100, 100) == pytest.approx(1.0)
    assert enclosed(7.5, -100, 0) == pytest.approx(0.5)


def test_pixels_share_all_light():
    assert pixel_share(9.0, np.arange(-20, 21)).sum() == pytest.approx(1.0)


def test_slit_cuts_as_the_simulator_does():
    for across in (0.0, 0.1, 0.2):
        ratio = passed(8.0, across) / passed(8.0, 0.0)
        truth = instrument.slit_transmission(8.0, across) / instrument.slit_transmission(8.0)
        assert float(ratio) == pytest.approx(float(truth), abs=0.05)
    assert passed(8.0, 1.0) < 0.01
    assert passed(8.0, 0.12) == passed(8.0, -0.12)
