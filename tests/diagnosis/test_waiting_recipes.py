"""Recipes whose image needs the pipeline, which has not been run: what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.diagnosis.case import Case

SKY = ((8.5, 20.5), (52.5, 68.5))
SLIT = [
    lrs.Recipe(nods=lrs.Nods(1), pixel_replace=lrs.PixelReplace("trace_model")),
    lrs.Recipe(nods=lrs.Nods(2), pathloss=lrs.Pathloss("offset", 0.123)),
    lrs.Recipe(nods=lrs.Nods(1), jump=lrs.Jump(14.5)),
    lrs.Recipe(nods=lrs.Nods("combined", subtract=False)),
]
SERIES = [
    lrs.Recipe(mode="slitless", series=lrs.SeriesOptions("outlier_detection", follow_trace=True)),
    lrs.Recipe(mode="slitless", pixel_replace=lrs.PixelReplace("trace_model")),
    lrs.Recipe(
        mode="slitless",
        slitless=lrs.SlitlessBackground(True, SKY),
        series=lrs.SeriesOptions("outlier_detection"),
        pixel_replace=lrs.PixelReplace("mingrad", flagged=((1, 200, 36),)),
    ),
]


@pytest.fixture(scope="module", autouse=True)
def empty_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing has been run, by other tests neither."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRS_EXPLORER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize("recipe", [*SLIT, *SERIES])
def test_the_delivered_image_is_looked_at(recipe: lrs.Recipe) -> None:
    """Outliers left to the pipeline's outlier_detection ended in an AssertionError."""
    observation = lrs.demo(recipe.mode)
    case = Case(observation, recipe)
    assert case.pending
    assert case.image is observation.image(recipe.nods)
    findings = lrs.diagnose(observation, recipe)
    assert [finding.why for finding in findings if finding.status == "unknown"] == []


def test_the_command_says_so_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = SERIES[0].to_json(tmp_path / "recipe.json")
    folder = lrs.demo("slitless").folder
    assert main(["diagnose", str(folder), "--recipe", str(path)]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "the recipe treats pixels that stand out in time" in said


def test_a_series_whose_spectra_had_pixels_replaced(tmp_path: Path) -> None:
    """Its recipe asks for a pixel_replace after the calints; AssertionError, without a choice."""
    for path in lrs.demo("slitless").folder.glob("*seg001*"):
        with fits.open(path, memmap=False) as hdus:
            if "_x1dints" in path.name:
                hdus[0].header["S_PXREPL"] = "COMPLETE"
            hdus.writeto(tmp_path / path.name.removesuffix(".gz"))
    observation = lrs.open_observation(tmp_path)
    assert lrs.Recipe.from_observation(observation).pixel_replace.algorithm != "off"
    findings = lrs.diagnose(observation)
    assert [finding.why for finding in findings if finding.status == "unknown"] == []
