"""Rate files of a simulated observation: noise, defects, geometry, reproducibility."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from lrs_explorer.simulator import detector_image, instrument, pointing
from lrs_explorer.simulator.detector_image import draw_defects, flight_bad_pixels
from lrs_explorer.simulator.observation import SlitFiles, SlitScene, expose_nods
from lrs_explorer.simulator.truth import true_spectrum

REGION = (slice(*detector_image.REGION_ROWS), slice(*detector_image.REGION_COLUMNS))


def test_same_seed_gives_the_same_pixels(scene: SlitScene, observation: SlitFiles) -> None:
    again, defects = expose_nods(scene)
    for path, exposure in zip(observation.rates, again, strict=True):
        np.testing.assert_array_equal(fits.getdata(path, "SCI"), exposure.rate)
        np.testing.assert_array_equal(fits.getdata(path, "DQ"), exposure.dq)
    record = json.loads(observation.defects.read_text())
    assert record["hot_pixels_unflagged"] == [list(pixel) for pixel in defects.hot]


def test_another_seed_gives_other_pixels(scene: SlitScene) -> None:
    first, _ = expose_nods(scene)
    second, _ = expose_nods(replace(scene, seed=scene.seed + 1))
    assert np.nanmax(np.abs(first[0].rate - second[0].rate)) > 1.0


def test_more_bad_pixels_leave_the_noise_alone(scene: SlitScene) -> None:
    few, _ = expose_nods(replace(scene, bad_pixels=10, hot_pixels=0))
    many, _ = expose_nods(replace(scene, bad_pixels=200, hot_pixels=0))
    both = np.isfinite(few[0].rate) & np.isfinite(many[0].rate)
    np.testing.assert_array_equal(few[0].rate[both], many[0].rate[both])


def test_noise_has_the_stated_variance(scene: SlitScene) -> None:
    quiet = replace(scene, bad_pixels=0, hot_pixels=0)
    (first, _), _ = expose_nods(quiet)
    (second, _), _ = expose_nods(replace(quiet, seed=99))
    variance = first.var_poisson[REGION] + first.var_rnoise[REGION]
    pull = (first.rate[REGION] - second.rate[REGION]) / np.sqrt(2 * variance)
    assert np.std(pull) == pytest.approx(1.0, abs=0.03)
    assert np.mean(pull) == pytest.approx(0.0, abs=0.03)


def test_errors_can_be_too_small_by_a_factor(scene: SlitScene) -> None:
    quiet = replace(scene, bad_pixels=0, hot_pixels=0)
    (first, _), _ = expose_nods(replace(quiet, error_factor=2.0))
    (second, _), _ = expose_nods(replace(quiet, error_factor=2.0, seed=99))
    variance = first.var_poisson[REGION] + first.var_rnoise[REGION]
    pull = (first.rate[REGION] - second.rate[REGION]) / np.sqrt(2 * variance)
    assert np.std(pull) == pytest.approx(2.0, abs=0.06)


def test_dead_pixels_hardly_respond(scene: SlitScene) -> None:
    (exposure, _), defects = expose_nods(replace(scene, dead_pixels=20, on_trace=1.0))
    (healthy, _), _ = expose_nods(replace(scene, bad_pixels=0, hot_pixels=0))
    dead = tuple(np.transpose(defects.dead))
    assert len(dead[0]) == 20
    bright = healthy.rate[dead] > 10
    assert bright.any()
    assert (exposure.rate[dead][bright] < 0.1 * healthy.rate[dead][bright]).all()
    assert not exposure.dq[dead].any()


def test_nods_do_not_share_their_noise(scene: SlitScene) -> None:
    (first, second), _ = expose_nods(
        replace(scene, flux_level=0.0, bad_pixels=0, hot_pixels=0, background_drift=0.0)
    )
    variance = first.var_poisson[REGION] + first.var_rnoise[REGION]
    pull = (first.rate[REGION] - second.rate[REGION]) / np.sqrt(2 * variance)
    assert np.std(pull) == pytest.approx(1.0, abs=0.03)


def test_defects_are_as_recorded(observation: SlitFiles) -> None:
    record = json.loads(observation.defects.read_text())
    bad = tuple(np.transpose(record["bad_pixels_flagged"]))
    hot = tuple(np.transpose(record["hot_pixels_unflagged"]))
    images = [fits.getdata(path, "SCI") for path in observation.rates]
    for path, image in zip(observation.rates, images, strict=True):
        dq = fits.getdata(path, "DQ")
        assert np.isnan(image[bad]).all()
        assert (dq[bad] & 1).all()
        assert not dq[hot].any()
        in_slit = np.zeros(image.shape, dtype=bool)
        in_slit[REGION] = True
        assert np.count_nonzero(dq[in_slit]) == len(record["bad_pixels_flagged"])
    # Nod subtraction must not remove them.
    assert (np.abs(images[0][hot] - images[1][hot]) > 1.0).sum() >= len(hot[0]) - 1


def test_light_falls_on_the_recorded_trace(scene: SlitScene, observation: SlitFiles) -> None:
    record = json.loads(observation.defects.read_text())
    columns = np.arange(instrument.DETECTOR_SHAPE[1])
    images = [fits.getdata(path, "SCI") for path in observation.rates]
    for number, path in enumerate(observation.rates):
        trace = record["true_trace"][path.name]
        row = trace["row"].index(289)
        expected = trace["column"][row]
        nominal = (
            instrument.REFERENCE_COLUMN
            + (scene.nod_offsets[number] + scene.position_error) / instrument.SCALE_ALONG
        )
        assert expected == pytest.approx(nominal, abs=0.1)
        difference = images[number] - images[1 - number]
        near = np.abs(columns - expected) < 4.5
        profile = np.nanmedian(difference[284:295, near], axis=0)
        assert np.sum(columns[near] * profile) / profile.sum() == pytest.approx(expected, abs=0.1)


def test_both_nods_point_at_the_same_target(scene: SlitScene, observation: SlitFiles) -> None:
    for path in observation.rates:
        primary, science = fits.getheader(path, 0), fits.getheader(path, 1)
        assert (primary["TARG_RA"], primary["TARG_DEC"]) == (scene.ra, scene.dec)
        ra, dec = pointing.offset_sky(
            science["RA_REF"], science["DEC_REF"], science["ROLL_REF"], primary["XOFFSET"], 0.0
        )
        assert (ra - scene.ra) * 3600 == pytest.approx(0.0, abs=1e-4)
        assert (dec - scene.dec) * 3600 == pytest.approx(0.0, abs=1e-4)


def test_true_position_is_the_planted_error_away(scene: SlitScene, observation: SlitFiles) -> None:
    record = json.loads(observation.defects.read_text())
    header, true = record["header_position"], record["true_position"]
    east = (true["ra_deg"] - header["ra_deg"]) * 3600 * np.cos(np.deg2rad(scene.dec))
    north = (true["dec_deg"] - header["dec_deg"]) * 3600
    assert np.hypot(east, north) == pytest.approx(abs(scene.position_error), rel=1e-6)


def test_truth_file_holds_the_true_spectrum(scene: SlitScene, observation: SlitFiles) -> None:
    table = Table.read(observation.truth, format="ascii.ecsv")
    assert [str(table[name].unit) for name in ("wavelength", "flux")] == ["um", "Jy"]
    wavelength, seen, intrinsic = true_spectrum(scene)
    np.testing.assert_allclose(table["wavelength"], wavelength)
    np.testing.assert_allclose(table["flux"], seen, rtol=1e-6)
    at_eight = np.interp(8.0, wavelength, intrinsic)
    assert at_eight == pytest.approx(scene.flux_level, rel=1e-6)
    assert table.meta["comment"].startswith("SIMULATED")


def test_associations_pair_the_nods(observation: SlitFiles) -> None:
    names = [path.name for path in observation.rates]
    for number, path in enumerate(observation.spec2_associations):
        (product,) = json.loads(path.read_text())["products"]
        uses = {member["exptype"]: member["expname"] for member in product["members"]}
        assert uses == {
            "science": names[number],
            "background": names[1 - number],
            "target_acquisition": observation.acquisitions[1].name,
        }
    (product,) = json.loads(observation.spec3_association.read_text())["products"]
    assert [member["expname"] for member in product["members"]] == [
        name.replace("_rate", "_cal") for name in names
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_groups": 1},
        {"n_integrations": 0},
        {"flux_level": -1.0},
        {"spectrum": "comet"},
        {"error_factor": 0.5},
        {"on_trace": 1.5},
        {"cosmic_rays": 3},
        {"jump_runs": 2, "ramps": True, "n_groups": 20},
    ],
)
def test_impossible_scenes_are_refused(wrong: dict, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs?|negative|no spectrum named|must"):
        true_spectrum(SlitScene(**wrong))


def test_bad_pixels_are_those_of_the_flight_detector() -> None:
    """730 are listed, 85 of them beyond the calibrated region; a third touch no other."""
    clusters = flight_bad_pixels()
    listed = {pixel for cluster in clusters for pixel in cluster}
    assert len(listed) == 645
    assert (10, 318) in listed
    assert max(map(len, clusters)) == 14
    alone = sum(len(cluster) == 1 for cluster in clusters)
    assert 0.3 < alone / len(listed) < 0.4
    drawn = draw_defects(np.random.default_rng(3), (70, 6, 4))
    planted = [*drawn.bad, *drawn.hot, *drawn.dead]
    assert len(set(planted)) == 80
    assert set(planted) < listed
    whole = [cluster for cluster in clusters if set(cluster) <= set(planted)]
    cut = sum(0 < len(set(cluster) & set(planted)) < len(cluster) for cluster in clusters)
    assert cut <= 1, "clusters stay together"
    assert max(map(len, whole)) > 3


def test_more_bad_pixels_than_are_known_are_drawn_anywhere() -> None:
    drawn = draw_defects(np.random.default_rng(3), (900, 50, 50))
    planted = [*drawn.bad, *drawn.hot, *drawn.dead]
    assert len(set(planted)) == 1000
    assert {pixel for cluster in flight_bad_pixels() for pixel in cluster} < set(planted)
