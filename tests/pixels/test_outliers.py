"""Unflagged hot and dead pixels: found where they matter, and nothing else blamed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.outliers import find_outliers
from lrs_explorer.simulator.detector_scenes import simulate_detector_scene


@pytest.mark.parametrize("subtracted", [True, False])
def test_pixels_that_change_the_spectrum_are_found_and_no_others(subtracted: bool) -> None:
    false = 0
    for seed in range(8):
        scene = simulate_detector_scene(seed, subtracted=subtracted)
        for image, change in zip(scene.images, scene.change, strict=True):
            found = {(o.row, o.column) for o in find_outliers(image)}
            matter = {pixel for pixel, size in change.items() if abs(size) > 5.0}
            assert matter <= found
            false += len(found - set(change))
    assert false <= 4


def test_lines_and_bright_traces_are_not_blamed() -> None:
    """A narrow line, bands, a steep blue end, S/N of hundreds, errors half of the scatter."""
    false = 0
    for seed in range(4):
        scene = simulate_detector_scene(
            seed,
            n_hot=0,
            n_dead=0,
            spectrum="dust_shell",
            flux_level=3e-2,
            underestimated=2.0,
        )
        for image in scene.images:
            false += len(find_outliers(image))
    assert false <= 1


def test_noise_alone_proposes_next_to_nothing() -> None:
    images = [
        simulate_detector_scene(seed, n_hot=0, n_dead=0, flux_level=0.0).images[0]
        for seed in range(6)
    ]
    assert sum(len(find_outliers(image)) for image in images) <= 1


def test_dead_and_hot_are_told_apart_and_described() -> None:
    scene = simulate_detector_scene(13, flux_level=1e-2)
    found = {(o.row, o.column): o for o in find_outliers(scene.images[0])}
    change = scene.change[0]
    dead = [found[pixel] for pixel in scene.dead if abs(change[pixel]) > 10.0]
    hot = [found[pixel] for pixel in scene.hot if abs(change[pixel]) > 10.0]
    assert dead
    assert hot
    assert {outlier.kind for outlier in dead} == {"dead"}
    assert all(abs(o.value) < 0.5 * abs(o.expected) for o in dead)
    assert {outlier.kind for outlier in hot} == {"hot"}
    assert all(np.sign(o.significance) == np.sign(o.value - o.expected) for o in hot)
    assert dead[0].describe().startswith(f"dead pixel at row {dead[0].row}, column")
    order = [abs(o.significance) for o in find_outliers(scene.images[0])]
    assert order == sorted(order, reverse=True)


def test_the_partner_confirms_when_it_is_independent() -> None:
    scene = simulate_detector_scene(5, subtracted=False)
    first, second = scene.images
    alone = find_outliers(first)
    together = find_outliers(first, second)
    assert not any(outlier.confirmed for outlier in alone)
    assert sum(outlier.confirmed for outlier in together) >= 2
    assert {(o.row, o.column) for o in alone} <= {(o.row, o.column) for o in together}
    subtracted = simulate_detector_scene(5)
    assert not any(o.confirmed for o in find_outliers(*subtracted.images))
    # Noise that both share, from one background subtracted from both, say, confirms nothing.
    assert not any(o.confirmed for o in find_outliers(first, first))


def test_flagged_and_replaced_pixels_are_never_proposed() -> None:
    scene = simulate_detector_scene(7)
    image = scene.images[0]
    worst = find_outliers(image)[0]
    for flag in (1, 1 << 28):  # DO_NOT_USE, FLUX_ESTIMATED
        dq = image.dq.copy()  # type: ignore[union-attr]
        dq[worst.row, worst.column] |= flag
        again = find_outliers(replace(image, dq=dq))
        assert (worst.row, worst.column) not in {(o.row, o.column) for o in again}


def test_an_image_that_is_too_small_or_empty_gives_nothing() -> None:
    image = simulate_detector_scene(1).images[0]
    names = ("data", "wavelength", "var_poisson", "var_rnoise", "var_flat", "dq")
    few = replace(image, **{name: getattr(image, name)[:10] for name in names})
    assert find_outliers(few) == []
    assert find_outliers(replace(image, data=np.full_like(image.data, np.nan))) == []


def test_errors_that_are_unknown_are_taken_from_the_scatter() -> None:
    scene = simulate_detector_scene(13, flux_level=1e-3)
    image = scene.images[0]
    nothing = np.zeros_like(image.data)
    blind = replace(image, var_poisson=nothing, var_rnoise=nothing)
    found = {(o.row, o.column) for o in find_outliers(blind)}
    assert any(abs(size) > 20.0 for size in scene.change[0].values())
    assert {pixel for pixel, size in scene.change[0].items() if abs(size) > 20.0} <= found


def test_all_planted_pixels_of_the_shared_observation_are_found(shared_slit: Path) -> None:
    record = json.loads((shared_slit / "defects.json").read_text(encoding="utf-8"))
    planted = {tuple(p) for p in record["unflagged_hot_yx0"] + record["unflagged_dead_yx0"]}
    false = 0
    for number in (1, 2):
        name = f"jw90001001001_03102_0000{number}_mirimage_cal.fits.gz"
        image: SpectralImage = read_image(shared_slit / name)
        found = {(o.row, o.column) for o in find_outliers(image)}
        assert planted <= found
        false += len(found - planted)
    assert false <= 1
