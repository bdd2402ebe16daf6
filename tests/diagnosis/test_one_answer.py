"""One question, one answer: screen, Python and command line tell the same of the same files."""

from __future__ import annotations

import dataclasses
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.app.tabs.findings import FindingsTab
from lrs_explorer.cli import main
from lrs_explorer.model.files.image_file import read_spectrum

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
SLITLESS = Path(lrs.__file__).parent / "data" / "demo_slitless"
NOD = "jw90010001001_03102_00001_mirimage_s2d.fits"
SHARED_NOD = "jw90001001001_03102_00001_mirimage_s2d.fits"


@pytest.fixture(params=["demo", "demo_slitless", "shared"])
def source(request: pytest.FixtureRequest) -> Path:
    if request.param == "shared":
        folder: Path = request.getfixturevalue("shared_slit")
        return folder / SHARED_NOD
    return DEMO / NOD if request.param == "demo" else SLITLESS


def changed(recipe: lrs.Recipe) -> lrs.Recipe:
    """Return a recipe that changes the extraction and what comes before it."""
    recipe = recipe.replace(aperture=lrs.Aperture(18.0, 9.0))
    if recipe.mode == "slit":
        return recipe.replace(pathloss=lrs.Pathloss(mode="center"))
    return recipe.replace(aperture=lrs.Aperture(36.4, 9.0))


def on_screen(ui: lrs.Explorer) -> list[dict[str, Any]]:
    """Return the findings behind the tab, once the panel shows every one of them."""
    ui._controller.finish()
    (tab,) = (panel for panel in ui._controller.panels if isinstance(panel, FindingsTab))
    assert tab._judged is not None
    assert tab._judged.recipe == ui.recipe
    findings = list(tab._judged.findings.values())
    assert set(tab.panel.show_buttons) == {finding.issue for finding in findings}
    for finding in findings:
        assert finding.why in {verdict.why for verdict in tab.panel.verdicts}
    return in_order([finding.to_dict() for finding in findings])


def in_order(findings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return findings by their issues: the screen has the most important ones first."""
    return sorted(findings, key=lambda finding: str(finding["issue"]))


def on_command_line(
    capsys: pytest.CaptureFixture[str], source: Path, *arguments: str
) -> list[dict[str, Any]]:
    assert main(["diagnose", "--json", *arguments, str(source)]) in (0, 1)
    (entry,) = json.loads(capsys.readouterr().out)
    findings: list[dict[str, Any]] = entry["findings"]
    return findings


def in_python(source: Path, recipe: lrs.Recipe | None = None) -> list[dict[str, Any]]:
    findings = lrs.diagnose(lrs.open_observation(source), recipe)
    return json.loads(json.dumps([finding.to_dict() for finding in findings]))


def test_screen_python_and_command_line_find_the_same(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ui = lrs.Explorer(source)
    found = in_python(source)
    assert len(found) > 8
    assert on_command_line(capsys, source) == found
    assert json.loads(json.dumps(on_screen(ui))) == in_order(found)

    recipe = changed(ui.recipe)
    path = tmp_path / "recipe.json"
    recipe.to_json(path)
    again = in_python(source, recipe)
    assert again != found
    assert on_command_line(capsys, source, "--recipe", str(path)) == again
    ui.recipe = recipe.replace(pathloss=ui.recipe.pathloss)
    assert json.loads(json.dumps(on_screen(ui))) == in_order(in_python(source, ui.recipe))


def test_the_filters_shift_is_known_everywhere(shared_slit: Path) -> None:
    """Without it the source was 0.006″ from where the screen has it, across the slit."""
    (found,) = (f for f in in_python(shared_slit / SHARED_NOD) if f["issue"] == "MR-LRS04")
    values = {evidence["name"]: evidence["value"] for evidence in found["evidence"]}
    assert values["source across the slit"] == pytest.approx(0.12, abs=0.004)
    assert values["its uncertainty"] < 0.01


def test_a_changed_recipe_is_judged_by_its_own_spectrum() -> None:
    """Without reference files it was judged by the delivered one, extracted elsewhere."""
    observation = lrs.open_observation(DEMO / NOD)
    recipe = lrs.Recipe.from_observation(observation)
    trace = lrs.find_trace(observation)
    assert trace is not None
    best = recipe.replace(aperture=lrs.Aperture(trace.center, 8.0))
    errors = [
        next(f for f in lrs.diagnose(observation, one) if f.issue == "MR-LRS05")
        for one in (recipe, best)
    ]
    assert errors[0].evidence != errors[1].evidence


def test_trace_and_spectrum_are_the_same_everywhere(source: Path, tmp_path: Path) -> None:
    ui, observation = lrs.Explorer(source), lrs.open_observation(source)
    trace = lrs.find_trace(observation)
    assert trace is not None
    assert ui.trace is not None
    assert dataclasses.astuple(trace) == dataclasses.astuple(ui.trace)
    recipe = changed(lrs.Recipe.from_observation(observation))
    recipe = recipe.replace(pathloss=ui.recipe.pathloss)
    ui.recipe = recipe
    if observation.mode == "slitless":
        return
    live, shown = lrs.extract(observation, recipe), ui.spectrum
    recipe.to_json(tmp_path / "recipe.json")
    output = tmp_path / "mine_x1d.fits"
    options = ["--recipe", str(tmp_path / "recipe.json"), "-o", str(output)]
    assert main(["extract", str(source), *options]) == 0
    written = read_spectrum(output)
    assert isinstance(live, lrs.Spectrum)
    assert shown is not None
    for name, values in live.columns.items():
        np.testing.assert_array_equal(shown.columns[name], values, err_msg=name)
        np.testing.assert_array_equal(written.columns[name], values, err_msg=name)


def test_what_is_kept_with_an_observation_goes_with_it() -> None:
    """A loop over many observations kept the images of all of them."""
    observation = lrs.open_observation(DEMO / NOD)
    lrs.extract(observation)
    gone = weakref.ref(observation)
    del observation
    gc.collect()
    assert gone() is None
