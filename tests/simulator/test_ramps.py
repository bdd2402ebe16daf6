"""Simulated ramps: noise, cosmic rays, and the pattern that the jump step falls for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.detector_image import REGION_COLUMNS, REGION_ROWS
from lrs_explorer.simulator.observation import SlitScene, expose_nods, read_nods, simulate_slit

PLAIN = SlitScene(
    flux_level=5e-4,
    n_groups=15,
    n_integrations=1,
    bad_pixels=0,
    hot_pixels=0,
    ramps=True,
    seed=5,
)
ORIGIN = (REGION_ROWS[0], REGION_COLUMNS[0])
REGION = (slice(*REGION_ROWS), slice(*REGION_COLUMNS))


def slopes(data: np.ndarray) -> np.ndarray:
    """Fit straight lines to the groups of one integration, DN/s."""
    n_groups = data.shape[0]
    times = instrument.FRAME_TIME * np.arange(n_groups)
    times = times - times.mean()
    return np.tensordot(times, data, axes=(0, 0)) / np.sum(times**2)


def test_same_scene_gives_the_same_ramps_and_another_seed_others() -> None:
    scene = replace(PLAIN, cosmic_rays=10, jump_runs=3)
    (first, _), _ = read_nods(scene)
    (second, _), _ = read_nods(scene)
    (other, _), _ = read_nods(replace(scene, seed=6))
    np.testing.assert_array_equal(first.data, second.data)
    assert (first.cosmic_rays, first.pattern) == (second.cosmic_rays, second.pattern)
    assert (first.data != other.data).mean() > 0.9


def test_counts_are_whole_and_both_nods_differ() -> None:
    (first, second), _ = read_nods(PLAIN)
    assert first.data.dtype == np.float32
    assert first.data.shape == (1, 15, 399, 58)
    np.testing.assert_array_equal(first.data, np.round(first.data))
    assert (first.data != second.data).mean() > 0.9


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_slopes_scatter_as_the_pipeline_would_say_times_the_factor(factor: float) -> None:
    (expected, _), _ = expose_nods(replace(PLAIN, ramps=False))
    (one, _), _ = read_nods(replace(PLAIN, error_factor=factor))
    (two, _), _ = read_nods(replace(PLAIN, error_factor=factor, seed=77))
    # Straight lines weigh all groups alike, which is best where read noise prevails: the sky.
    sky = expected.var_poisson[REGION] < 0.5 * expected.var_rnoise[REGION]
    sigma = np.sqrt(expected.var_poisson[REGION] + expected.var_rnoise[REGION])
    pull = (slopes(one.data[0]) - slopes(two.data[0]))[sky] / (np.sqrt(2) * sigma[sky])
    assert sky.sum() > 5000
    assert np.std(pull) == pytest.approx(factor, rel=0.05)


def test_cosmic_rays_are_where_the_record_says_and_leave_the_noise_alone() -> None:
    (without, _), _ = read_nods(PLAIN)
    (hit, _), _ = read_nods(replace(PLAIN, cosmic_rays=30))
    difference = hit.data - without.data
    assert len(hit.cosmic_rays) == 30
    for ray in hit.cosmic_rays:
        row, column = ray.row - ORIGIN[0], ray.column - ORIGIN[1]
        step = difference[ray.integration, ray.group, row, column]
        step -= difference[ray.integration, ray.group - 1, row, column]
        assert step == pytest.approx(ray.height, abs=1.1)
        difference[ray.integration, ray.group :, row, column] -= step
    assert np.abs(difference).max() <= 2.0  # rounding


def test_pattern_is_odd_even_and_only_in_the_brightest_rows() -> None:
    (plain, _), _ = read_nods(PLAIN)
    (ramp, _), _ = read_nods(replace(PLAIN, jump_runs=4))
    assert len(ramp.pattern) >= 10
    changed = {tuple(pixel) for pixel in np.argwhere((ramp.data != plain.data).any(axis=(0, 1)))}
    assert changed == {(row - ORIGIN[0], column - ORIGIN[1]) for row, column in ramp.pattern}
    brightness = plain.data[0, -1]
    for row, column in changed:
        assert brightness[row].argmax() in (column - 1, column, column + 1)
        assert brightness[row].max() > 0.4 * brightness.max()
        differences = np.diff(ramp.data[0, :, row, column])
        assert differences[::2].min() > differences[1::2].max()


def test_files_say_what_was_cut_out_and_what_was_done(tmp_path: Path) -> None:
    files = simulate_slit(replace(PLAIN, bad_pixels=5, cosmic_rays=3, jump_runs=2), tmp_path)
    assert [path.name.rsplit("_", 2)[1:] for path in files.ramps] == [["dark", "current.fits"]] * 2
    assert not any(path.exists() for path in files.rates)
    header = fits.getheader(files.ramps[0])
    assert header["TITLE"].startswith("SIMULATED (LRS Explorer)")
    assert (header["SUBSTRT1"], header["SUBSTRT2"]) == (297, 2)
    assert (header["SUBSIZE1"], header["SUBSIZE2"]) == (58, 399)
    assert header["S_DARK"] == header["S_LINEAR"] == "COMPLETE"
    assert "S_JUMP" not in header
    record = json.loads(files.defects.read_text())
    dq = fits.getdata(files.ramps[0], "PIXELDQ")
    bad = np.array(record["bad_pixels_flagged"]) - ORIGIN
    assert (dq[tuple(bad.T)] == 1).all()
    assert np.count_nonzero(dq) == 5
    root = files.ramps[0].name.replace("_dark_current.fits", "")
    assert len(record["cosmic_rays"][root]) == 3
    assert len(record["jump_false_positives"][root]) >= 6
