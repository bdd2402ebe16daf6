"""What is looked for or measured before it is applied gives way to what was chosen meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from ipywidgets.widgets import widget as registry

import lrs_explorer as lrs
from lrs_explorer.model.live.references import References


@pytest.fixture(scope="module")
def opened() -> Iterator[lrs.Explorer]:
    explorer = lrs.Explorer(lrs.demo("slitless"))
    assert explorer.spectrum is not None  # waits for all that is done in the background
    yield explorer
    for made in list(registry._instances.values()):
        made.close()


@pytest.fixture
def ui(opened: lrs.Explorer) -> lrs.Explorer:
    assert opened.observation is not None
    opened.recipe = lrs.Recipe.from_observation(opened.observation)
    return opened


def time_tab(ui: lrs.Explorer) -> Any:
    (tab,) = (one for one in ui._controller.panels if type(one).__name__ == "TimeTab")
    return tab


def test_a_search_for_outliers_gives_way_to_another_choice(ui: lrs.Explorer) -> None:
    options = lrs.SeriesOptions(follow_trace=True)
    time_tab(ui).options.controls.outliers.value = "mask"
    ui._controller.apply(ui.recipe.replace(series=options))  # a recipe file, say, or undo
    ui._controller.finish()
    assert ui.recipe.series == options
    assert time_tab(ui).options.controls.outliers.value == "off"


def test_a_search_for_outliers_takes_the_aperture_of_then(ui: lrs.Explorer) -> None:
    time_tab(ui).options.controls.outliers.value = "mask"
    ui._controller.apply(ui.recipe.replace(aperture=lrs.Aperture(36.0, 10.0)))
    ui._controller.finish()
    assert ui.recipe.series.outliers == "mask"
    assert ui.recipe.aperture == lrs.Aperture(36.0, 10.0)


def test_measuring_a_background_gives_way_to_another_choice(ui: lrs.Explorer) -> None:
    choice = lrs.SlitlessBackground(statistic="mean")
    time_tab(ui).sky.controls.subtract.value = True
    ui._controller.apply(ui.recipe.replace(slitless=choice))
    ui._controller.finish()
    assert ui.recipe.slitless == choice
    assert not time_tab(ui).sky.controls.subtract.value


def test_regions_come_back_when_a_recipe_had_switched_them_off(ui: lrs.Explorer) -> None:
    """They had been remembered only where the box in the tab was ticked."""
    regions = lrs.Background(((8.0, 14.0),))
    ui.recipe = ui.recipe.replace(background=regions)
    sky = lrs.SlitlessBackground(subtract=True)
    ui.recipe = ui.recipe.replace(background=lrs.Background(), slitless=sky)
    time_tab(ui).sky.controls.subtract.value = False
    ui._controller.finish()
    assert ui.recipe.background == regions


def test_a_comparison_is_made_anew_when_reference_files_are_found_meanwhile(
    ui: lrs.Explorer,
) -> None:
    tab, stages = time_tab(ui), ui._controller.shown.stages
    assert stages is not None
    tab._compare()
    ui._controller.finish()
    assert "no background" in tab.view.statistics.value
    found, made = stages.references, stages.computed["light"]

    def find(references: References) -> None:
        stages._found = references  # what any thread that asks gets
        stages.find_references()
        ui._controller.refresh()
        ui._controller.finish()

    find(dataclasses.replace(found, apcorr=None))
    assert "no background" in tab.view.statistics.value
    assert stages.computed["light"] == made + 3, "each way without an aperture correction"
    find(found)
    ui._controller.change(aperture=lrs.Aperture(36.0, 10.0))
    ui._controller.finish()
    assert "no background" not in tab.view.statistics.value
