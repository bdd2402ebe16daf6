"""What there is of an observation is shown; what is missing is named with a way to come by it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from common import Processed

import lrs_explorer as lrs
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.position import spatial_profile

Alone = Callable[[Path], Path]


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    """Return a function that copies a product into a folder of its own."""

    def copy(path: Path) -> Path:
        folder = tmp_path / path.stem
        folder.mkdir()
        return Path(shutil.copy(path, folder))

    return copy


def test_a_cal_is_shown_where_there_is_no_s2d(processed: Processed, alone: Alone) -> None:
    path = alone(processed.cal)
    for source in (path, path.parent):
        observation = lrs.open_observation(source)
        assert observation.image_path() == path
        assert observation.choices() == [("Exposure 1, cal", lrs.Nods(1))]
        assert observation.image().shape == (1024, 1032)
        assert observation.can_reprocess["extract_1d"]
        assert ("Source type", "POINT") in observation.information()


def test_an_s2d_is_preferred_to_a_cal(processed: Processed) -> None:
    assert lrs.open_observation(processed.cal).image_path() == processed.s2d


def test_a_cal_beside_the_s2d_of_another_exposure(processed: Processed, slit: Path) -> None:
    """The nods of one observation are chosen among, each with the best image that it has."""
    target = slit / processed.cal.name
    shutil.copy(processed.cal, target)
    (slit / processed.s2d.name).unlink()
    observation = lrs.open_observation(slit)
    kinds = [observation.image(nods).kind for _, nods in observation.choices()]
    assert kinds == ["cal", "s2d", "s2d"]
    assert observation.image().kind == "s2d"
    assert observation.image(lrs.Nods(1)).path == target


def test_trace_and_profile_of_a_full_frame_are_those_of_the_slit(processed: Processed) -> None:
    """Light of the imager beside the slit must not be taken for the source."""
    image = read_image(processed.cal)
    outside = ~np.isfinite(image.wavelength)
    columns = np.flatnonzero(~outside.any(axis=0) | ~outside.all(axis=0))
    data = image.data.copy()
    data[outside] = 1e6
    spoilt = dataclasses.replace(image, data=data, dq=None)
    profile = spatial_profile(spoilt)
    assert set(np.flatnonzero(np.isfinite(profile.value))) <= set(columns)
    assert np.nanmax(profile.value) < 1e5
    trace, expected = lrs.find_trace(spoilt), lrs.find_trace(image)
    assert trace is not None
    assert expected is not None
    assert trace.center == pytest.approx(expected.center, abs=0.02)


def test_the_explorer_shows_the_slit_of_a_full_frame(processed: Processed, alone: Alone) -> None:
    ui = lrs.Explorer(alone(processed.cal))
    assert ui.spectrum is not None
    assert ui.trace is not None
    picture = ui._screen.image.picture
    assert picture is not None
    lower, upper = picture.position
    assert lower < ui.trace.center < upper
    assert upper - lower < 60


@pytest.mark.parametrize("kind", ["rate", "delivered_x1d"])
def test_a_product_without_an_image(processed: Processed, alone: Alone, kind: str) -> None:
    source = processed.files.rates[0] if kind == "rate" else processed.delivered_x1d
    ui = lrs.Explorer(alone(source))
    (message,) = ui._screen.messages.messages
    assert message.level == "warning"
    assert "Exposure 1 has no image to show" in message.text
    assert processed.s2d.name in message.text
    assert ("it can be made from the rate" in message.text) == (kind == "rate")
    assert ui.observation is not None
    shown = [] if kind == "rate" else [("Exposure 1, x1d", lrs.Nods(1))]
    assert ui.observation.choices() == shown
    assert ui.spectrum is None
    assert (ui.observation.delivered() is None) == (kind == "rate")
    if kind == "rate":
        assert "Program" in dict(ui.observation.information())
    with pytest.raises(lrs.LRSExplorerError, match="has no image to show"):
        ui.recipe = ui.recipe.replace(aperture=lrs.Aperture(20, 8))
    assert ui.recipe.aperture is None


def test_no_image_is_left_from_before(processed: Processed, alone: Alone) -> None:
    ui = lrs.Explorer()
    assert ui._screen.image.picture is not None
    ui.open(alone(processed.delivered_x1d))
    assert ui._screen.image.picture is None
    ui.open()
    assert ui._screen.image.picture is not None


def test_what_to_download_for_a_ramp(shared_slit: Path, alone: Alone) -> None:
    path = alone(shared_slit / "jw90001001001_03102_00001_mirimage_dark_current.fits")
    with pytest.raises(lrs.LRSExplorerError, match="_00001_mirimage_s2d"):
        lrs.open_observation(path).image()
