"""The trace is found where it truly is, and nowhere where there is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.measure.position import spatial_profile
from lrs_explorer.simulator import instrument, simulate_s2d_scene

SEEDS = range(30)


def error(seed: int, signal_to_noise: float, **options: object) -> float:
    """Return how far a trace is found from the truth along the nominal range, pixels, rms."""
    scene = simulate_s2d_scene(seed, signal_to_noise, **options)
    trace = lrs.find_trace(scene.image)
    assert trace is not None
    assert scene.trace is not None
    rows = np.arange(len(scene.trace))
    found = trace.center + np.polynomial.polynomial.polyval(rows, trace.coefficients)
    nominal = (scene.wavelength >= 5) & (scene.wavelength <= 12)
    return float(np.sqrt(np.mean((found - scene.trace)[nominal] ** 2)))


def test_bright_traces_are_found_exactly() -> None:
    errors = [error(seed, 60.0) for seed in SEEDS]
    assert np.median(errors) < 0.02
    assert max(errors) < 0.06


@pytest.mark.parametrize("negative_traces", [0, 1, 2])
def test_faint_traces_are_found_beside_negative_ones(negative_traces: int) -> None:
    errors = [error(seed, 10.0, negative_traces=negative_traces, n_cross=63) for seed in SEEDS]
    assert np.median(errors) < 0.06
    assert max(errors) < 0.25


def test_many_bad_pixels() -> None:
    errors = [error(seed, 30.0, hot_pixel_count=60, bad_pixel_fraction=0.05) for seed in SEEDS]
    assert max(errors) < 0.15


def test_the_uncertainty_is_that_of_the_error() -> None:
    ratios = []
    for seed in range(100, 160):
        scene = simulate_s2d_scene(seed, 15.0, max_curvature=0.0)
        trace = lrs.find_trace(scene.image)
        assert trace is not None
        ratios.append((trace.center - scene.center) / trace.uncertainty)
    assert 0.7 < np.std(ratios) < 1.3


@pytest.mark.parametrize("options", [{}, {"hot_pixel_count": 60}, {"negative_traces": 0}])
def test_blank_sky_has_no_trace(options: dict[str, int]) -> None:
    scenes = (simulate_s2d_scene(seed, blank=True, **options) for seed in SEEDS)
    assert [lrs.find_trace(scene.image) for scene in scenes] == [None] * len(SEEDS)


def test_negative_traces_alone_are_no_trace() -> None:
    for seed in SEEDS:
        scene = simulate_s2d_scene(seed, 50.0, negative_traces=0)
        assert lrs.find_trace(replace(scene.image, data=-scene.data)) is None


@pytest.mark.parametrize("value", [np.nan, 0.0, 7.0])
def test_an_image_of_one_value(value: float) -> None:
    image = simulate_s2d_scene(1, 20.0).image
    assert lrs.find_trace(replace(image, data=np.full(image.shape, value))) is None


def test_too_few_rows() -> None:
    scene = simulate_s2d_scene(1, 100.0)
    data = scene.data.copy()
    data[40:] = np.nan
    assert lrs.find_trace(replace(scene.image, data=data)) is None


def test_a_hot_column_is_no_trace() -> None:
    scene = simulate_s2d_scene(3, blank=True)
    data = scene.data.copy()
    data[:, 20] += 50.0
    assert lrs.find_trace(replace(scene.image, data=data)) is None


def test_flagged_pixels_do_not_count() -> None:
    """A column of cosmic rays beside the trace, all flagged, moves nothing."""
    scene = simulate_s2d_scene(5, 40.0, center=20.0, negative_traces=0)
    data, dq = scene.data.copy(), np.zeros(scene.data.shape, np.uint32)
    data[100:160, 22:24] += 500.0
    dq[100:160, 22:24] = 1
    trace = lrs.find_trace(replace(scene.image, data=data, dq=dq))
    clean = lrs.find_trace(scene.image)
    assert trace is not None
    assert clean is not None
    assert trace.center == pytest.approx(clean.center, abs=0.02)


def test_no_wavelengths() -> None:
    image = simulate_s2d_scene(1, 20.0).image
    with pytest.raises(lrs.LRSExplorerError, match="has no wavelengths"):
        lrs.find_trace(replace(image, wavelength=np.full(image.shape, np.nan)))


@pytest.mark.parametrize("nods", [lrs.Nods(1), lrs.Nods(2)])
def test_the_demos_wrong_header_position_does_not_mislead(nods: lrs.Nods) -> None:
    demo = lrs.demo("slit")
    trace = lrs.find_trace(demo, nods)
    assert trace is not None
    placed = lrs.extract(demo, lrs.Recipe(nods=nods))
    middle = (placed.header["EXTRXSTR"] + placed.header["EXTRXSTP"]) / 2 - 1
    assert trace.center - middle == pytest.approx(0.45 / instrument.SCALE_ALONG, abs=0.7)
    assert trace.uncertainty < 0.05


def by_hand() -> SpectralImage:
    """Return an image with a value for each column and wavelengths from 12 down to 5 micron."""
    n_wave, n_cross = 20, 7
    zero = np.zeros((n_wave, n_cross))
    return SpectralImage(
        data=np.tile(np.arange(n_cross, dtype=float), (n_wave, 1)),
        wavelength=np.tile(np.linspace(12, 5, n_wave)[:, None], (1, n_cross)),
        var_poisson=zero,
        var_rnoise=zero,
        var_flat=zero,
    )


def test_a_profile_by_hand() -> None:
    image = by_hand()
    image.data[3, 2] = 1e6
    image.data[:, 5] = np.nan
    profile = spatial_profile(image)
    np.testing.assert_array_equal(profile.position, np.arange(7))
    np.testing.assert_array_equal(profile.value, [0, 1, 2, 3, 4, np.nan, 6])
    assert profile.wavelength_range == (5.0, 12.0)


def test_a_profile_of_a_range_of_wavelengths() -> None:
    image = by_hand()
    image.data[image.wavelength > 9] += 100
    assert spatial_profile(image, (11, 10)).value[1] == 101
    assert spatial_profile(image, (5, 8)).value[1] == 1
    with pytest.raises(lrs.LRSExplorerError, match="has no data between 20 and 21 micron"):
        spatial_profile(image, (20, 21))
