"""Series of which some segments were calibrated, and others were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.targets import targets

from .series_files import write_segment

SKY = lrs.Recipe(mode="slitless", slitless=lrs.SlitlessBackground(True, ((0.5, 6.5),)))


def opened(path: Path, *, join: bool = False) -> SeriesObservation:
    observation = lrs.open_observation(path, join=join)
    assert isinstance(observation, SeriesObservation)
    return observation


def photom(observation: SeriesObservation, recipe: lrs.Recipe) -> list[Any]:
    """Return what each planned segment says of photom."""
    planned = targets(observation, recipe)
    found = []
    for target in planned:
        assert isinstance(target, PlannedProduct)
        stages = list(target.in_order())
        (stage,) = [stage for stage in stages if stage.name in ("calints", "cal")]
        found.append(stage.parameters.get("photom"))
    return found


def without_photom(path: Path) -> None:
    """Have a product be in DN/s, as where photom was skipped."""
    fits.setval(path, "S_PHOTOM", value="SKIPPED")
    fits.setval(path, "BUNIT", value="DN/s", extname="SCI")


@pytest.mark.parametrize("delivered", [1, 2])
def test_segments_of_one_exposure_stay_in_the_unit_of_the_delivered_one(
    tmp_path: Path, delivered: int
) -> None:
    for segment in (1, 2):
        write_segment(tmp_path, segment, 5 * (segment - 1), kind="rateints")
    calints = write_segment(tmp_path, delivered, 5 * (delivered - 1))
    assert photom(opened(tmp_path), SKY) == [None, None]
    without_photom(calints)
    assert photom(opened(tmp_path), SKY) == ["skip", "skip"]


def test_segments_in_the_slit_too(tmp_path: Path) -> None:
    cards = {"EXP_TYPE": "MIR_LRS-FIXEDSLIT", "SUBARRAY": "SUBSLIT", "TSOVISIT": True}
    for segment in (1, 2):
        write_segment(tmp_path, segment, 5 * (segment - 1), kind="rateints", cards=cards)
    without_photom(write_segment(tmp_path, 2, 5, cards=cards))
    recipe = lrs.Recipe(pathloss=lrs.Pathloss("off"))
    assert photom(opened(tmp_path), recipe) == ["skip", "skip"]


def test_another_exposure_is_asked_on_its_own(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, kind="rateints")
    without_photom(write_segment(tmp_path, 1))
    for path in tmp_path.glob("*.fits"):
        path.rename(tmp_path / path.name.replace("_00001-", "_00002-"))
    for path in tmp_path.glob("*.fits"):
        fits.setval(path, "EXPOSURE", value="2")
    write_segment(tmp_path, 1, kind="rateints")
    observation = opened(tmp_path, join=True)
    asked = [observation.delivered_header(number) for number in (1, 2)]
    assert sorted(bool(header) for header in asked) == [False, True]
