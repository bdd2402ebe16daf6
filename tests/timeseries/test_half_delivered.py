"""Series of which some segments were calibrated, and others were not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main
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
        (stage,) = [stage for stage in stages if stage.name in ("calints", "cal", "recal")]
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
    for segment in (1, 2):
        write_segment(tmp_path, segment, 5 * (segment - 1), kind="rateints", cards=SLIT)
    without_photom(write_segment(tmp_path, 2, 5, cards=SLIT))
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


SLIT = {"EXP_TYPE": "MIR_LRS-FIXEDSLIT", "SUBARRAY": "SUBSLIT", "TSOVISIT": True}
LEFT_OUT = (
    "exposure 1, segment 2 of jw90077-o001 has no calints: its integrations are left out; download "
    "jw90077001001_04103_00001-seg002_mirimage_calints.fits"
)


def write_ramp(folder: Path, segment: int, cards: dict[str, Any] | None = None) -> None:
    """Write a segment of which nothing but its ramp is here."""
    made = write_segment(folder, segment, 5 * (segment - 1), kind="rateints", cards=cards)
    fits.setval(made, "DATAMODL", value="Level1bModel")
    made.rename(folder / made.name.replace("rateints", "uncal"))


@pytest.mark.parametrize("cards", [None, SLIT])
@pytest.mark.parametrize("other", ["rateints", "uncal"])
def test_a_segment_without_calints_leaves_the_others_usable(
    tmp_path: Path, other: str, cards: dict[str, Any] | None
) -> None:
    for segment in (1, 3):
        write_segment(tmp_path, segment, 5 * (segment - 1), cards=cards)
    if other == "uncal":
        write_ramp(tmp_path, 2, cards)
    else:
        write_segment(tmp_path, 2, 5, kind="rateints", cards=cards)
    observation = opened(tmp_path)
    assert observation.notes == (f"{LEFT_OUT}.",)
    for name in ("extract_1d", "pixel_replace", "outliers"):
        assert observation.can_reprocess[name], observation.why_not(name)
    series = observation.series()
    assert len(series) == 10
    assert series.notes[0] == LEFT_OUT
    assert "integrations 6 to 10 are missing" in series.notes[1]


def test_what_needs_the_rateints_of_a_segment_that_is_shown_says_so(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0)
    write_segment(tmp_path, 2, 5, kind="rateints")
    why = opened(tmp_path).why_not("slitless_background")
    assert why.endswith("download jw90077001001_04103_00001-seg001_mirimage_rateints.fits.")


def test_several_segments_without_calints_are_told_in_one_sentence(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0)
    write_ramp(tmp_path, 2)
    write_ramp(tmp_path, 3)
    (note,) = opened(tmp_path).notes
    assert note == (
        "exposure 1, segment 2, exposure 1, segment 3 of jw90077-o001 have no calints: their "
        "integrations are left out; download their calints."
    )


def test_the_command_line_says_once_which_segment_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for segment in (1, 3):
        write_segment(tmp_path, segment, 5 * (segment - 1))
    write_ramp(tmp_path, 2)
    assert main(["inspect", str(tmp_path)]) == 0
    assert f"  note: {LEFT_OUT}." in capsys.readouterr().out.splitlines()
    out = tmp_path / "out.ecsv"
    recipe = lrs.Recipe(
        mode="slitless",
        aperture=lrs.Aperture(12, 6),
        background=lrs.Background(),
        extraction=lrs.Extraction(apply_apcorr=False),
    )
    recipe.to_json(tmp_path / "recipe.json")
    arguments = ["--recipe", str(tmp_path / "recipe.json"), "--without-references"]
    main(["extract", str(tmp_path), "-o", str(out), *arguments])
    assert capsys.readouterr().err.count("has no calints") == 1
    assert LEFT_OUT in out.read_text().replace("\n#    ", " ")


def test_no_time_is_guessed_across_a_segment_that_is_not_here(tmp_path: Path) -> None:
    cards = {"INTSTART": None, "INTEND": None}
    write_segment(tmp_path, 1, 0, table=None, cards=cards)
    assert opened(tmp_path).series().time_scale == "UTC"
    write_segment(tmp_path, 3, 10, table=None, cards=cards)
    series = opened(tmp_path).series()
    assert series.time_scale == "index"
    assert any("how many the segments that are not here hold" in note for note in series.notes)
    write_segment(tmp_path, 2, 5, table=None, cards=cards)
    assert opened(tmp_path).series().time_scale == "UTC"
