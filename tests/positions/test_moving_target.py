"""RA and Dec of one exposure mean nothing on the combined image of a target that moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.slit.frame import read_slit_frame
from lrs_explorer.model.slit.target import score_card
from lrs_explorer.model.stages.extract import stages_of

COMBINED = "jw90001-o001_t001_miri_p750l_s2d.fits"
SINGLE = "jw90001001001_03102_00001_mirimage_s2d.fits"


@pytest.fixture(params=["Fixed", "Moving"])
def target(request: pytest.FixtureRequest, shared_slit: Path, tmp_path: Path) -> tuple[Path, bool]:
    """Return a folder with images of a target, and whether it moves."""
    for name in (COMBINED, SINGLE):
        shutil.copy(shared_slit / name, tmp_path)
        fits.setval(tmp_path / name, "TARGTYPE", value=request.param)
    return tmp_path, request.param == "Moving"


def test_positions_on_the_combined_image_of_a_moving_target_cannot_be_told(
    target: tuple[Path, bool], shared_crds: Path
) -> None:
    folder, moves = target
    observation = lrs.open_observation(folder / COMBINED, crds=shared_crds)
    stages = stages_of(observation)
    stages.find_references()
    recipe = lrs.Recipe.from_observation(observation)
    placed = stages.placement(recipe)
    spectrum = stages.spectrum(recipe)
    findings = {f.issue: f for f in lrs.diagnose(observation, stages=stages)}
    told = "cannot be told: the target moved between the exposures"
    assert any(told in note for note in placed.notes) == moves
    assert any(told in note for note in spectrum.notes) == moves
    assert (placed.source is None) == ("SRCXPIX" not in spectrum.header) == moves
    assert (told in findings["MR-LRS04"].why) == (told in findings["slit_edge"].why) == moves
    if moves:
        with pytest.raises(lrs.LRSExplorerError, match=told):
            score_card(observation)
        assert findings["MR-LRS04"].status == findings["slit_edge"].status == "unknown"
    else:
        assert score_card(observation).get("header") is not None


def test_positions_on_a_single_exposure_are_its_own(target: tuple[Path, bool]) -> None:
    folder, _ = target
    frame = read_slit_frame(folder / SINGLE)
    assert frame.header is not None
    assert frame.pixel(frame.header.along) == pytest.approx(frame.extraction, abs=0.01)
