"""The score card on the shared observation, whose truth is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.slit.frame import SlitPosition, read_slit_frame
from lrs_explorer.model.slit.target import ScoreCard, score_card

from .conftest import NOD_1

SCALE = 0.1105  # arcsec per pixel of this simulation


@pytest.fixture(scope="module", params=[1, 2, "combined"])
def nod(request: pytest.FixtureRequest) -> int | str:
    return request.param


@pytest.fixture(scope="module")
def card(nod: int | str, shared_slit: Path, filter_offsets: Path) -> ScoreCard:
    observation = lrs.open_observation(shared_slit)
    return score_card(observation, Nods(exposure=nod), filter_offsets=filter_offsets)


@pytest.fixture(scope="module")
def truth(shared_slit: Path) -> dict[str, float]:
    return json.loads((shared_slit / "defects.json").read_text())


def test_who_answers(card: ScoreCard) -> None:
    assert [candidate.key for candidate in card.candidates] == [
        "nominal",
        "header",
        "ta_gaussian",
        "ta_flux",
        "tacq_gaussian",
        "tacq_flux",
        "ta_all",
        "trace",
    ]
    assert card.notes == ()
    assert not any(candidate.outside for candidate in card.candidates)


def test_the_header_is_where_the_pipeline_extracts(card: ScoreCard, nod: int | str) -> None:
    for key in ("nominal", "header"):
        candidate = card.get(key)
        assert candidate is not None
        assert candidate.position_offset == pytest.approx(0.0, abs=1e-3)
        assert candidate.along == pytest.approx(0.95 if nod == 2 else -0.95, abs=1e-4)
        assert candidate.across == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize(
    ("key", "tolerance"),
    [("ta_gaussian", 0.02), ("ta_flux", 0.05), ("tacq_gaussian", 0.02), ("ta_all", 0.02)],
)
def test_acquisition_tells_the_truth(
    key: str, tolerance: float, card: ScoreCard, truth: dict[str, float]
) -> None:
    candidate, nominal = card.get(key), card.get("nominal")
    assert candidate is not None
    assert nominal is not None
    along = truth["along_slit_error_px"]
    assert candidate.position_offset == pytest.approx(along, abs=0.03)
    assert candidate.along - nominal.along == pytest.approx(0.45, abs=0.02)
    assert candidate.user_slit_loc == pytest.approx(0.12, abs=tolerance * SCALE)
    assert candidate.across == candidate.user_slit_loc
    assert 0 < candidate.along_uncertainty < 0.01


def test_trace_tells_the_place_along_the_slit(card: ScoreCard, truth: dict[str, float]) -> None:
    trace = card.get("trace")
    assert trace is not None
    # The trace departs from the reference's by -0.02 to +0.33 pixels.
    assert -0.02 < trace.position_offset - truth["along_slit_error_px"] < 0.33
    assert np.isnan(trace.across)
    assert trace.user_slit_loc is None


def test_acquisition_before_the_move_is_told_apart(card: ScoreCard) -> None:
    candidate = card.get("tacq_gaussian")
    assert candidate is not None
    assert any("MR-LRS06" in note for note in candidate.notes)
    assert any("before the telescope moved" in note for note in candidate.notes)
    assert card.verified is card.get("ta_gaussian")


def test_a_place_by_hand_drives_both_steps(card: ScoreCard) -> None:
    nominal = card.get("nominal")
    assert nominal is not None
    user = card.user(nominal.along + 0.2212, -0.3)
    assert user.position_offset == pytest.approx(2.0, abs=0.01)
    assert user.user_slit_loc == -0.3
    assert user.outside
    assert user.notes[0].startswith("the source lies 0.30″")


def test_detector_pixels(shared_slit: Path, filter_offsets: Path, truth: dict) -> None:
    observation = lrs.open_observation(shared_slit)
    user = SlitPosition(-0.5, 0.12)
    card = score_card(observation, Nods(exposure=1), filter_offsets=filter_offsets, user=user)
    chosen = card.get("user")
    assert chosen is not None
    column = truth["nods"]["nod1"]["trace_x0_row300_true"]
    # At row 300 the trace departs from the reference's by nothing.
    assert chosen.detector[0] == pytest.approx(column, abs=0.02)
    assert chosen.detector[1] == pytest.approx(299.7 + truth["across_slit_offset_px"], abs=0.01)


def test_without_filter_offsets_it_is_said(shared_slit: Path) -> None:
    card = score_card(lrs.open_observation(shared_slit), Nods(exposure=1))
    candidate = card.get("ta_gaussian")
    assert candidate is not None
    assert any("shift of the filter F560W is not known" in note for note in candidate.notes)
    assert candidate.position_offset == pytest.approx(4.15, abs=0.02)


def test_frames_of_cal_and_s2d_agree(shared_slit: Path) -> None:
    cal = read_slit_frame(shared_slit / f"{NOD_1}_cal.fits.gz")
    s2d = read_slit_frame(shared_slit / f"{NOD_1}_s2d.fits")
    assert cal.step / s2d.step == pytest.approx(1.0, abs=2e-3)
    assert cal.pathloss.along == pytest.approx(s2d.pathloss.along, abs=1e-3)
    for along in (-1.4, 0.3):
        for frame in (cal, s2d):
            assert frame.along(frame.pixel(along)) == pytest.approx(along)
    moved = [frame.pixel(-0.5) - frame.extraction for frame in (cal, s2d)]
    assert moved[0] == pytest.approx(moved[1], abs=0.05)


def test_extraction_is_where_jwst_has_it(shared_slit: Path) -> None:
    for name in (f"{NOD_1}_s2d.fits", f"{NOD_1}_cal.fits.gz"):
        from lrs_explorer.model.files.image_file import read_image
        from lrs_explorer.model.live.source import SourceFinder

        found = SourceFinder(read_image(shared_slit / name)).header_source
        assert found is not None
        frame = read_slit_frame(shared_slit / name)
        assert frame.extraction == pytest.approx(found.location, abs=1e-4)
        assert round(frame.row) == found.row
