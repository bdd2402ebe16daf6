"""Box and optimal extractions share their noise."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.box_and_optimal import compare_extractions


def both(factor: float = 1.0, odd: float = 0.0) -> tuple[Spectrum, Spectrum]:
    random = np.random.default_rng(12)
    wavelength = np.linspace(13.0, 4.8, 330)
    true = 1.0 + 0.3 * np.sin(wavelength)
    common, more = 0.01 * random.standard_normal(330), 0.007 * random.standard_normal(330)
    box = true + common + more
    optimal = factor * (true + common)
    optimal[np.argmin(np.abs(wavelength - 8.0))] *= 1.0 + odd

    def spectrum(flux: np.ndarray, error: float) -> Spectrum:
        columns = {
            "WAVELENGTH": wavelength,
            "FLUX": flux,
            "FLUX_ERROR": np.full(330, error),
        }
        return Spectrum(columns)

    return spectrum(box, np.hypot(0.01, 0.007)), spectrum(optimal, 0.01)


def test_they_agree():
    found = compare_extractions(*both())
    assert abs(found.overall_significance) < 3
    assert len(found.odd) <= 1
    assert found.error_scale == pytest.approx(1.0, abs=0.2)
    # The noise that both share does not count.
    assert np.median(found.ratio_error) < 0.9 * 0.01


def test_a_difference_below_their_own_errors_is_seen():
    found = compare_extractions(*both(factor=1.004))
    assert found.overall == pytest.approx(1.004, abs=0.0015)
    assert found.overall_significance > 3


def test_a_bad_pixel_is_named():
    found = compare_extractions(*both(odd=0.06))
    assert any(abs(wavelength - 8.0) < 0.05 for wavelength in found.odd)
    assert "single wavelength" in found.sentence
