from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.model.measure.scatter import residuals, robust_scale, scatter


def test_a_cubic_leaves_nothing():
    x = np.arange(40.0)
    left = residuals(x**3 - 7 * x**2 + 3, np.ones(40))
    assert np.isnan(left[:2]).all()
    assert np.isnan(left[-2:]).all()
    np.testing.assert_allclose(left[2:-2], 0, atol=1e-9)


def test_a_single_spike_of_one_error_is_known_by_hand():
    values = np.zeros(11)
    values[5] = 1.0
    left = residuals(values, np.ones(11))
    np.testing.assert_allclose(left[3:8] * np.sqrt(70), [1, -4, 6, -4, 1])


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_ratio_of_noise_to_errors(factor: float):
    random = np.random.default_rng(4)
    x = np.linspace(0, 6, 400)
    error = 0.1 + 0.05 * np.cos(x)[:, None] * np.ones(30)
    values = 50 * np.sin(x)[:, None] + factor * error * random.standard_normal((400, 30))
    found = scatter(values, error)
    assert found.ratio == pytest.approx(factor, rel=0.03)
    assert found.number == 396 * 30


def test_uncertainty_is_that_of_the_ratio():
    ratios = []
    for seed in range(300):
        values = np.random.default_rng(seed).standard_normal(240)
        found = scatter(values, np.ones(240))
        ratios.append(found.ratio)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)
    assert np.std(ratios) == pytest.approx(found.uncertainty, rel=0.2)


def test_bad_pixels_do_not_raise_the_ratio():
    random = np.random.default_rng(8)
    values = random.standard_normal((300, 20))
    values[::37, 3] += 500
    values[5, 7] = np.nan
    assert scatter(values, np.ones(values.shape)).ratio == pytest.approx(1.0, abs=0.05)


def test_nothing_to_measure():
    assert np.isnan(scatter(np.ones(4), np.ones(4)).ratio)
    assert np.isnan(robust_scale(np.array([np.nan])))
    assert robust_scale(np.zeros(9)) == 0
