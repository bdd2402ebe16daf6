"""The map from detector to resampled pixels, held against what resample_spec really does."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.map import PixelMap, pixel_map

Planted = dict[tuple[int, int], float]


def _weights(pixels: PixelMap, of: Iterable[tuple[int, int]]) -> NDArray[np.floating]:
    """Sum of the shares of detector pixels in each s2d pixel, by the map."""
    total = np.zeros(pixels.shape)
    for row, column in of:
        footprint = pixels.footprint(row, column)
        if footprint is not None:
            total[footprint.rows, footprint.columns] += footprint.share
    return total


def _outermost(image: SpectralImage) -> NDArray[np.bool_]:
    inside = np.isfinite(image.wavelength)
    return inside & ~binary_erosion(inside)


@pytest.mark.parametrize(("product", "nods"), [("single", 1), ("combined", 2)])
def test_footprints_are_where_resampling_puts_bright_pixels(
    product: str,
    nods: int,
    cals: tuple[Path, Path],
    planted: Planted,
    request: pytest.FixtureRequest,
) -> None:
    """Planted in the first nod; the second holds nothing and dilutes them where it overlaps."""
    s2d = read_image(request.getfixturevalue(product))
    exposures = [read_image(path) for path in cals[:nods]]
    maps = [pixel_map(exposure, s2d) for exposure in exposures]
    share = _weights(maps[0], planted)
    assert share.sum() == pytest.approx(len(planted), abs=0.01)
    coverage = sum(
        _weights(pixels, np.argwhere(np.isfinite(exposure.wavelength)))
        for pixels, exposure in zip(maps, exposures, strict=True)
    )
    expected = 1000.0 * np.divide(share, coverage, out=np.zeros_like(share), where=coverage > 0)
    seen = np.nan_to_num(s2d.data)
    # Drizzle leaves out some of the outermost pixels of the slit.
    whole = np.ones(s2d.shape, dtype=bool)
    for pixels, exposure in zip(maps, exposures, strict=True):
        whole &= ~pixels.to_s2d(*np.nonzero(_outermost(exposure)))
    assert (whole & (seen > 100.0)).sum() >= len(planted)
    np.testing.assert_allclose(seen[whole], expected[whole], atol=5.0)
    reached = maps[0].to_s2d(*np.transpose(list(planted)))
    assert reached[seen > 5.0].all()
    assert reached.sum() <= 2 * len(planted)


def test_every_lit_pixel_is_traced_back(
    first_cal: SpectralImage, single: Path, planted: Planted
) -> None:
    s2d = read_image(single)
    pixels = pixel_map(first_cal, s2d)
    found = {
        (reached.row, reached.column)
        for row, column in np.argwhere(np.nan_to_num(s2d.data) > 200.0)
        for reached in pixels.pixels_at(int(row), int(column))
        if (reached.row, reached.column) in planted
    }
    assert found == set(planted)


def test_pixels_of_a_moving_target_lie_where_the_combination_has_put_them(
    moving: tuple[Path, Path], planted: Planted
) -> None:
    exposure, s2d = map(read_image, moving)
    assert s2d.header["MT_AVDEC"] != exposure.header["MT_DEC"]
    places = [pixel_map(exposure, s2d).position(row, column) for row, column in planted]
    lit = np.nan_to_num(s2d.data)
    for place in places:
        assert place is not None
        row, column = (round(at) for at in place)
        assert lit[row - 1 : row + 2, column - 1 : column + 2].sum() > 300.0
    nowhere = dataclasses.replace(
        exposure, header={k: v for k, v in exposure.header.items() if k != "MT_RA"}
    )
    with pytest.raises(LRSExplorerError, match="cannot be told: the target moved"):
        pixel_map(nowhere, s2d)


def test_wavelengths_of_a_pixel(first_cal: SpectralImage, single: Path, planted: Planted) -> None:
    pixels = pixel_map(first_cal, read_image(single))
    (row, column) = next(iter(planted))
    footprint = pixels.footprint(row, column)
    assert footprint is not None
    lower, upper = footprint.wavelengths
    own = float(first_cal.wavelength[row, column])
    assert lower < own < upper
    assert upper - lower < 0.05
    np.testing.assert_allclose(pixels.wavelengths([row], [column])[0], (lower, upper))


def test_outside_the_slit_there_is_nothing(first_cal: SpectralImage, single: Path) -> None:
    pixels = pixel_map(first_cal, read_image(single))
    assert pixels.position(600, 600) is None
    assert pixels.footprint(0, 0) is None
    assert np.isnan(pixels.wavelengths([600], [600])).all()
    assert not pixels.to_s2d([600], [600]).any()


def test_aperture_tells_which_pixels_count(first_cal: SpectralImage, single: Path) -> None:
    pixels = pixel_map(first_cal, read_image(single))
    row = 200
    columns = np.arange(310, 340)
    centers = np.array([pixels.position(row, int(c)) for c in columns])[:, 1]
    lower = np.full(pixels.shape[0], centers[10] - 0.25)
    upper = lower + 0.5
    inside = pixels.in_aperture(np.full(30, row), columns, lower, upper)
    assert inside[10]
    assert inside.sum() <= 2
    assert not pixels.in_aperture([row], [columns[10]], lower * np.nan, upper).any()


def test_the_whole_slit_is_mapped_in_well_under_a_second(
    first_cal: SpectralImage, single: Path
) -> None:
    s2d = read_image(single)
    pixel_map(first_cal, s2d)  # imports
    begin = time.process_time()
    pixels = pixel_map(first_cal, s2d)
    assert time.process_time() - begin < 1.0
    assert np.isfinite(pixels.row).sum() > 15_000


def test_images_without_a_file_or_of_another_place_are_refused(
    first_cal: SpectralImage, single: Path, shared_slit: Path
) -> None:
    s2d = read_image(single)
    loose = SpectralImage(
        *(getattr(s2d, name) for name in ("data", "wavelength")),
        *(s2d.var_poisson, s2d.var_rnoise, s2d.var_flat),
    )
    with pytest.raises(LRSExplorerError, match="read from files"):
        pixel_map(first_cal, loose)
    elsewhere = read_image(shared_slit / "jw90001-o001_t001_miri_p750l_s2d.fits")
    with pytest.raises(LRSExplorerError, match="different places"):
        pixel_map(first_cal, elsewhere)
