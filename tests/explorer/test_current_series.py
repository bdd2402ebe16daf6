"""What is looked for or measured before it is applied gives way to what was chosen meanwhile."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table
from ipywidgets.widgets import widget as registry

import lrs_explorer as lrs
from lrs_explorer.app.shown import look
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


def test_a_scan_is_forgotten_with_the_recipe_that_it_was_made_for(ui: lrs.Explorer) -> None:
    tab = time_tab(ui)
    tab.light.scan.click()
    ui._controller.finish()
    assert not tab.light.use.disabled
    ui.recipe = ui.recipe.replace(aperture=lrs.Aperture(36.0, 10.0))  # what it scans
    assert not tab.light.use.disabled
    tab._use_scanned()
    ui._controller.finish()
    assert ui.recipe.series.outliers == "replace"
    assert ui.recipe.aperture == tab._scan_found.best
    assert not tab.light.use.disabled
    ui.recipe = ui.recipe.replace(series=lrs.SeriesOptions("mask"))
    ui._controller.finish()
    assert tab.light.use.disabled
    assert "scan again" in tab.light.result.value
    before = ui.recipe
    tab._use_scanned()
    assert ui.recipe == before


def test_a_scan_that_ends_too_late_is_not_offered(ui: lrs.Explorer) -> None:
    tab = time_tab(ui)
    tab.light.scan.click()
    ui._controller.apply(ui.recipe.replace(series=lrs.SeriesOptions("mask")))
    ui._controller.finish()
    assert tab.light.use.disabled


def test_while_the_pipeline_runs_one_background_is_subtracted(ui: lrs.Explorer) -> None:
    """With bad pixels to be replaced the 2-D background waits for the run; the bands do not go."""
    stages = ui._controller.shown.stages
    assert stages is not None
    bands = lrs.Background(regions=((10.0, 18.0), (53.0, 61.0)))
    recipe = ui.recipe.replace(background=bands)
    now = look(ui._controller.shown, recipe, extract=True, preview=False)
    sky = dataclasses.replace(recipe.slitless, subtract=True)
    # For which no test runs the pipeline: what has been made is there at once.
    pixels = lrs.PixelReplace("fit_profile", 9, ((1, 100, 5),))
    to_run = recipe.replace(slitless=sky, background=lrs.Background(), pixel_replace=pixels)
    waiting = look(now, to_run, extract=True, preview=False)
    assert waiting.waits
    assert waiting.drawn.background == bands
    assert not waiting.drawn.slitless.subtract
    assert waiting.spectrum is now.spectrum
    back = look(waiting, recipe, extract=True, preview=False)
    assert back.drawn == recipe
    both = recipe.replace(slitless=sky, background=lrs.Background())
    subtracted = look(now, both, extract=True, preview=False)
    again = recipe.replace(pixel_replace=pixels)
    waiting = look(subtracted, again, extract=True, preview=False)
    assert waiting.drawn.background == lrs.Background()
    assert waiting.drawn.slitless.subtract


def test_saved_light_curves_have_the_error_of_each_integration(
    ui: lrs.Explorer, tmp_path: Path
) -> None:
    """Those of the spectra, which are not one and the same for all."""
    tab, path = time_tab(ui), tmp_path / "curves.ecsv"
    tab.light.file_name.value = str(path)
    tab.light.save.click()
    ui._controller.finish()
    assert str(path) in tab.light.result.value
    table = Table.read(path)
    assert ui.observation is not None
    curve = lrs.extract(ui.observation, ui.recipe).light_curve()
    np.testing.assert_array_equal(table["flux"], curve.flux)
    np.testing.assert_array_equal(table["flux_error"], curve.flux_error)
    assert len(set(table["flux_error"])) > 10
