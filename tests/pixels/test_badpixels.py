"""Bad pixels by category, on products of the real pipeline with known bad pixels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from common import Processed

from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.bad import BadPixels, bad_pixels
from lrs_explorer.model.measure.pixels.map import pixel_map


def _planted(processed: Processed) -> set[tuple[int, int]]:
    record = json.loads(processed.files.defects.read_text(encoding="utf-8"))
    return {(row, column) for row, column in record["bad_pixels_flagged"]}


def _places(bad: BadPixels) -> set[tuple[int, int]]:
    return set(zip(bad.row.tolist(), bad.column.tolist(), strict=True))


def test_bad_pixels_are_unusable_before_and_replaced_after_pixel_replace(
    processed: Processed, first_cal: SpectralImage, replaced: SpectralImage
) -> None:
    planted = _planted(processed)
    before = bad_pixels(first_cal)
    assert before.counts()["replaced"] == 0
    assert _places(before.of("unusable")) == planted
    after = bad_pixels(replaced)
    estimated = after.of("replaced")
    assert len(_places(estimated) & planted) > 0.8 * len(planted)
    assert all("FLUX_ESTIMATED" in estimated.names(i) for i in range(len(estimated)))
    assert _places(after.of("unusable")) < planted or not len(after.of("unusable"))


def test_a_pixel_flagged_by_hand_is_told_apart(cals: tuple[Path, Path]) -> None:
    image = read_image(cals[1])
    bad = bad_pixels(image, [(200, 320), (900, 900), (-1, 5)])
    flagged = bad.of("flagged")
    assert (flagged.row.tolist(), flagged.column.tolist()) == ([200], [320])
    assert flagged.describe(0) == "row 200, column 320: flagged by hand (no DQ flag)"
    assert bad.counts()["flagged"] == 1


def test_categories_are_mapped_onto_image_and_wavelengths(
    first_cal: SpectralImage, single: Path
) -> None:
    s2d = read_image(single)
    pixels = pixel_map(first_cal, s2d)
    bad = bad_pixels(first_cal, [(200, 320)])
    overlay = bad.on_s2d(pixels)
    assert set(overlay) == {"unusable", "replaced", "flagged"}
    assert all(mask.shape == s2d.shape for mask in overlay.values())
    assert 1 <= overlay["flagged"].sum() <= 4
    lower, upper = bad.of("flagged").wavelengths(pixels)[0]
    assert lower < first_cal.wavelength[200, 320] < upper
    position = pixels.position(200, 320)
    assert position is not None
    edges = np.full(s2d.shape[0], position[1] - 2.0)
    inside = bad.in_aperture(pixels, edges, edges + 4.0)
    assert inside.counts()["flagged"] == 1
    assert len(inside) < len(bad)
    assert bad.in_aperture(pixels, edges + 3.0, edges + 7.0).counts()["flagged"] == 0
