"""In-memory scenes: their truth must be true."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.simulator import instrument, simulate_s2d_scene


def test_same_seed_same_scene() -> None:
    first, second = simulate_s2d_scene(7), simulate_s2d_scene(7)
    np.testing.assert_array_equal(first.data, second.data)
    np.testing.assert_array_equal(first.trace, second.trace)
    assert not np.array_equal(first.data, simulate_s2d_scene(8).data, equal_nan=True)


def test_shape_and_orientation() -> None:
    scene = simulate_s2d_scene(1, n_wave=120, n_cross=50)
    for array in (scene.data, scene.var_rnoise, scene.var_poisson, scene.var_flat):
        assert array.shape == (120, 50)
    assert scene.wavelength.shape == scene.flux.shape == scene.trace.shape == (120,)
    assert (np.diff(scene.wavelength) < 0).all()


@pytest.mark.parametrize("center", [8.3, 22.0, 35.7])
def test_light_is_on_the_trace(center: float) -> None:
    scene = simulate_s2d_scene(
        3, 300.0, center=center, negative_traces=0, bad_pixel_fraction=0, hot_pixel_count=0
    )
    columns = np.arange(scene.data.shape[1])
    sky = instrument.thermal_background(scene.wavelength, 12.0)
    for row in (150, 250, 330):
        near = np.abs(columns - scene.trace[row]) < 5
        light = scene.data[row, near] - sky[row]
        assert np.sum(columns[near] * light) / light.sum() == pytest.approx(
            scene.trace[row], abs=0.1
        )


def test_flux_is_what_a_wide_aperture_holds() -> None:
    scene = simulate_s2d_scene(
        5, 500.0, center=22.0, negative_traces=0, bad_pixel_fraction=0, hot_pixel_count=0
    )
    sky = instrument.thermal_background(scene.wavelength, 12.0)
    light = np.nansum(scene.data - sky[:, None], axis=1) * instrument.JY_PER_MJY_SR
    use = slice(150, 340)
    assert np.median(light[use] / scene.flux[use]) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("snr", [3.0, 50.0])
def test_signal_to_noise_is_as_asked(snr: float) -> None:
    """Between a scene and the same scene without source the difference is the signal."""
    choices = {"center": 20.0, "negative_traces": 0, "bad_pixel_fraction": 0, "hot_pixel_count": 0}
    scene = simulate_s2d_scene(4, snr, **choices)
    empty = simulate_s2d_scene(4, snr, blank=True, **choices)
    signal = scene.data - empty.data
    variance = scene.var_rnoise + scene.var_poisson
    per_row = np.sqrt(np.nansum(signal**2 / variance, axis=1))
    use = (scene.wavelength > 5) & (scene.wavelength < 12)
    assert np.median(per_row[use]) == pytest.approx(snr, rel=0.02)


def test_noise_has_the_stated_variance() -> None:
    scene = simulate_s2d_scene(6, blank=True, negative_traces=1, background_level=1.0)
    good = np.isfinite(scene.data) & ~scene.hot
    pull = scene.data[good] / np.sqrt((scene.var_rnoise + scene.var_poisson)[good])
    assert np.std(pull) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize(("count", "depth"), [(1, 1.0), (2, 0.5)])
def test_negative_traces_are_negative(count: int, depth: float) -> None:
    scene = simulate_s2d_scene(
        2, 400.0, n_cross=63, center=31.0, negative_traces=count, hot_pixel_count=0
    )
    assert len(scene.negative_traces) == count
    rows = slice(200, 300)

    def height(trace: np.ndarray) -> float:
        column = round(float(np.median(trace[rows])))
        return float(np.nanmedian(scene.data[rows, column - 1 : column + 2].sum(axis=1)))

    positive = height(scene.trace)
    for trace in scene.negative_traces:
        assert height(trace) / positive == pytest.approx(-depth, abs=0.06)


def test_a_negative_trace_outside_the_image_is_left_out() -> None:
    scene = simulate_s2d_scene(2, center=20.0, n_cross=30, negative_traces=2)
    assert [float(np.median(t)) > 0 for t in scene.negative_traces] == [True]


def test_blank_scene_has_no_trace() -> None:
    scene = simulate_s2d_scene(9, blank=True)
    assert scene.trace is None
    assert scene.center is None
    assert scene.negative_traces == ()
    assert not scene.flux.any()
    assert scene.snr_per_row == 0


def test_defects_are_as_recorded() -> None:
    scene = simulate_s2d_scene(10, bad_pixel_fraction=0.02, hot_pixel_count=9)
    inner = np.isnan(scene.data[:, 1:-1])
    np.testing.assert_array_equal(inner, scene.bad[:, 1:-1])
    assert 0.01 < inner.mean() < 0.03
    assert 5 < scene.hot.sum() <= 9
    assert np.isfinite(scene.data[scene.hot][:, None]).any()


def test_fixing_one_choice_leaves_the_others() -> None:
    free = simulate_s2d_scene(11, negative_traces=0)
    fixed = simulate_s2d_scene(11, negative_traces=0, center=free.trace.mean())
    sigma = np.sqrt(free.var_rnoise + free.var_poisson)
    # Other noise would differ by several sigma; the center agrees to the accuracy of a mean.
    assert np.nanmax(np.abs(fixed.data - free.data) / sigma) < 0.5
    np.testing.assert_array_equal(fixed.bad, free.bad)


@pytest.mark.parametrize("wrong", [{"n_cross": 8}, {"n_wave": 3}, {"negative_traces": 5}])
def test_impossible_scenes_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError, match=r"too small|0, 1 or 2"):
        simulate_s2d_scene(1, **wrong)
