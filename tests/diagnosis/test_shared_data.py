"""Every defect that was planted in the shared observations is found, and nothing that was not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Finding


@pytest.fixture(scope="module")
def record(shared_slit: Path) -> dict:
    return json.loads((shared_slit / "defects.json").read_text())


@pytest.fixture(scope="module")
def nod_1(shared_slit: Path) -> dict[str, Finding]:
    opened = lrs.open_observation(shared_slit / "jw90001001001_03102_00001_mirimage_s2d.fits")
    return {finding.issue: finding for finding in lrs.diagnose(opened)}


@pytest.mark.parametrize(
    "issue", ["MR-LRS01", "MR-LRS02", "MR-LRS03", "MR-LRS04", "MR-LRS05", "MR-LRS06"]
)
def test_planted_issue_is_found(nod_1: dict[str, Finding], issue: str):
    assert nod_1[issue].status == "found"
    assert nod_1[issue].strength > 1


@pytest.mark.parametrize(
    "issue", ["nods", "combined", "background", "second_source", "slit_edge", "saturation"]
)
def test_what_was_not_planted_is_ok(nod_1: dict[str, Finding], issue: str):
    assert nod_1[issue].status == "ok"


def test_position_error_is_measured(nod_1: dict[str, Finding], record: dict):
    offset = nod_1["MR-LRS01"].evidence[1].value
    # The trace departs from the header's by up to 0.33 pixels more.
    assert offset == pytest.approx(-record["along_slit_error_px"], abs=0.35)
    remedy = nod_1["MR-LRS01"].remedy
    assert remedy is not None
    assert remedy.aperture is not None
    assert remedy.aperture.width == pytest.approx(8.0)


def test_rejected_pixels_are_those_that_were_planted(nod_1: dict[str, Finding], record: dict):
    planted = {
        (row, column)
        for run in record["nods"]["nod1"]["jump_false_positive_runs"]
        for row, column in zip(run["rows"], run["cols"], strict=True)
    }
    assert {(r, c) for _, r, c in nod_1["MR-LRS03"].figure.pixels} == planted
    assert nod_1["MR-LRS03"].remedy is not None
    assert nod_1["MR-LRS03"].remedy.jump.rejection_threshold == 8


def test_hot_and_dead_pixels_that_matter_are_flagged(nod_1: dict[str, Finding], record: dict):
    remedy = nod_1["MR-LRS02"].remedy
    assert remedy is not None
    planted = {tuple(p) for p in record["unflagged_hot_yx0"] + record["unflagged_dead_yx0"]}
    flagged = {(row, column) for _, row, column in remedy.pixel_replace.flagged}
    assert flagged
    assert flagged <= planted
    assert remedy.pixel_replace.algorithm == "fit_profile"


def test_offset_across_the_slit_is_measured(nod_1: dict[str, Finding], record: dict):
    remedy = nod_1["MR-LRS04"].remedy
    assert remedy is not None
    assert remedy.pathloss.mode == "offset"
    # Without the filter's shift (0.007 arcsec).
    location = remedy.pathloss.user_slit_loc
    assert location == pytest.approx(record["across_slit_offset_arcsec"], abs=0.012)


def test_count_rates_are_eight_times_too_high(nod_1: dict[str, Finding], record: dict):
    factor = nod_1["MR-LRS06"].evidence[0].value
    assert factor == pytest.approx(record["tacq"]["stored_rate_is_true_times"])


def test_wavelengths_are_those_of_the_slit_and_shifted(nod_1: dict[str, Finding], record: dict):
    finding = nod_1["wavelength"]
    assert finding.evidence[0].value < 0.01
    assert finding.evidence[1].value > 0.02
    assert finding.remedy is not None
    offset = finding.remedy.wavelength.source_offset
    assert offset == pytest.approx(record["across_slit_offset_arcsec"], abs=0.012)


def test_all_remedies_in_one_recipe(shared_slit: Path, nod_1: dict[str, Finding]):
    opened = lrs.open_observation(shared_slit / "jw90001001001_03102_00001_mirimage_s2d.fits")
    recipe = lrs.fix(lrs.Recipe.from_observation(opened), nod_1.values())
    assert recipe.aperture is not None
    assert recipe.pixel_replace.algorithm == "fit_profile"
    assert recipe.jump.rejection_threshold == 8
    assert recipe.pathloss.mode == "offset"
    assert recipe.uncertainty.method == "bootstrap"


def test_a_recipe_with_the_remedy_is_no_longer_blamed(shared_slit: Path, nod_1: dict[str, Finding]):
    opened = lrs.open_observation(shared_slit / "jw90001001001_03102_00001_mirimage_s2d.fits")
    recipe = lrs.fix(lrs.Recipe.from_observation(opened), nod_1.values())
    again = {finding.issue: finding for finding in lrs.diagnose(opened, recipe)}
    for issue in ("MR-LRS01", "MR-LRS02", "MR-LRS03", "MR-LRS04", "MR-LRS05"):
        assert again[issue].status == "ok", again[issue].why


@pytest.fixture(scope="module")
def series(shared_data: Path) -> dict[str, Finding]:
    return {f.issue: f for f in lrs.diagnose(lrs.open_observation(shared_data / "slitless-90002"))}


def test_slitless_series(series: dict[str, Finding]):
    assert series["spikes"].status == "found"
    assert series["wavelength"].status == "ok"
    assert series["wavelength"].evidence[1].value > 0.2  # micron from the slit's solution
    assert series["background"].status == "ok"  # in the extraction, by the reference
    assert series["foldover"].status == "suspect"
    assert series["second_source"].status == "ok"
    assert series["MR-LRS05"].evidence[1].value == pytest.approx(1.0, abs=0.1)
    assert "MR-LRS04" not in series


def test_bad_pixels_and_cosmic_rays_of_a_series(series: dict[str, Finding], shared_data: Path):
    record = json.loads((shared_data / "slitless-90002" / "defects.json").read_text())
    hot = {tuple(pixel) for pixel in record["unflagged_hot_yx0"]}
    bad = {tuple(pixel) for pixel in record["bad_pixels_DO_NOT_USE_yx0"]}
    found = series["MR-LRS02"]
    assert found.status == "found"
    pixels = {(row, column) for _, row, column in found.figure.pixels}
    # Of the five hot ones three lie between 5.5 and 11.5 micron.
    assert {pixel for pixel in hot if 120 < pixel[0] < 377} <= pixels <= hot | bad
    rays = series["cosmic_rays"]
    assert rays.status == "found"
    # 420 in 60 integrations and 388 x 68 pixels, of which the aperture has 12 columns.
    assert 0.5 < rays.evidence[0].value < 3.0
    assert rays.remedy is not None
    assert rays.remedy.series.outliers == "replace"


def test_slitless_background_that_is_not_subtracted(shared_data: Path):
    observation = lrs.open_observation(shared_data / "slitless-90002")
    recipe = lrs.Recipe.from_observation(observation).replace(background=lrs.Background())
    found = {f.issue: f for f in lrs.diagnose(observation, recipe)}["background"]
    assert found.status == "found"
    # Flux is 51 % too high without (README of the data).
    assert found.evidence[1].value == pytest.approx(51, abs=20)
    assert found.remedy is not None
    assert found.remedy.slitless.subtract
    again = {f.issue: f for f in lrs.diagnose(observation, found.remedy)}["background"]
    assert again.status == "ok"


def test_a_background_that_the_extraction_subtracts_is_not_missed(
    shared_data: Path, tmp_path: Path
):
    """With calints alone: the reference file has background regions."""
    for path in (shared_data / "slitless-90002").glob("*_calints.fits"):
        (tmp_path / path.name).symlink_to(path)
    finding = next(
        f for f in lrs.diagnose(lrs.open_observation(tmp_path)) if f.issue == "background"
    )
    assert finding.status == "ok"


def test_x1d_alone(shared_slit: Path, tmp_path: Path):
    name = "jw90001001001_03102_00001_mirimage_x1d.fits"
    (tmp_path / name).write_bytes((shared_slit / name).read_bytes())
    found = {f.issue: f for f in lrs.diagnose(lrs.open_observation(tmp_path / name))}
    assert found["spikes"].status == "found"
    assert found["MR-LRS05"].status == "found"
    assert found["MR-LRS01"].status == "unknown"
    assert "s2d" in found["MR-LRS01"].why
    assert all(np.isfinite(edge) for pair in found["spikes"].figure.wavelengths for edge in pair)
