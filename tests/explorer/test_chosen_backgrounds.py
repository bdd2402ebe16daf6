"""Dedicated backgrounds on the screen: listed, checked, subtracted by the real step, compared."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from common import series_with_sky, slit_series_with_sky, slit_with_sky
from explorer_page import ExplorerPage, Open
from live_kernel import LiveKernel, live_kernel
from test_reprocessing import go_back, state, until_done

import lrs_explorer as lrs

SCIENCE = "jw90001001001_03102_00001_mirimage_s2d.fits"
OTHER = "jw90001001001_03102_00002_mirimage_rate.fits"


@pytest.fixture(scope="module")
def slit_folder(shared_slit: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sky")
    slit_with_sky(shared_slit, folder)
    return folder


@pytest.fixture(scope="module")
def series_folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sky")
    series_with_sky(shared_data / "slitless-90002", folder)
    return folder


@pytest.fixture(scope="module")
def sky(slit_folder: Path) -> list[str]:
    return sorted(path.name for path in slit_folder.glob("jw90001002*"))


# -- in a browser ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(open_explorer: Open, slit_folder: Path) -> Iterator[ExplorerPage]:
    explorer = open_explorer(slit_folder / SCIENCE)
    explorer.until_live()
    yield explorer
    explorer.page.close()


def exposures(page: ExplorerPage) -> list[str]:
    return page.root.locator(".lrs-exposures:visible .widget-checkbox").all_inner_texts()


def test_a_dedicated_background_is_chosen_and_compared(page: ExplorerPage, sky: list[str]) -> None:
    page.tab("Nods")
    subtract = page.field("subtract")
    ways = [one.replace("\u00a0", " ") for one in subtract.locator("option").all_inner_texts()]
    assert ways == ["as delivered (on)", "the other nods", "dedicated exposures", "nothing"]
    subtract.select_option("dedicated exposures")
    page.until(lambda: len(exposures(page)) == 3)
    listed = exposures(page)
    assert [OTHER in listed[0], sky[0] in listed[1], sky[1] in listed[2]] == [True] * 3
    assert "BLANK-SKY (background target), observation 2" in listed[1]
    assert "Check the exposures to subtract" in page.text(".lrs-panel:visible")
    assert state(page) == "delivered", "nothing is chosen yet, and nothing is run"
    box = page.root.locator(".lrs-exposures input").nth(1)
    box.focus()
    box.press("Space")
    until_done(page)
    page.button("compare backgrounds").click()
    page.until(lambda: "the other nods subtracted (pinned)" in page.legend)
    page.until(lambda: "nothing subtracted (pinned)" in page.legend)
    page.until(lambda: "comparison made in" in page.text("[data-run]"))
    page.until(lambda: "against the live spectrum" in page.text(".lrs-panel:visible"))
    page.screenshot("slit-90001-backgrounds-compared")
    go_back(page)
    page.until(lambda: not exposures(page))
    assert page.page.problems == []  # type: ignore[attr-defined]


def test_a_series_has_one_too(open_explorer: Open, series_folder: Path) -> None:
    (science,) = series_folder.glob("jw90002001*_calints.fits")
    page = open_explorer(science)
    page.until_live()
    page.tab("Time")
    page.field("subtract").select_option("dedicated exposures")
    page.until(lambda: len(exposures(page)) == 1)
    page.root.locator(".lrs-exposures input").first.check()
    until_done(page)
    page.button("compare backgrounds").click()
    page.until(lambda: "dedicated background" in page.text(".lrs-light-statistics"))
    page.until(lambda: "dedicated background (pinned)" in page.legend)
    page.root.locator(".lrs-exposures").scroll_into_view_if_needed()
    page.screenshot("series-90002-backgrounds-compared")
    page.page.get_by_label("subtract a 2-D background").check()
    chosen = page.field("subtract").locator("option:checked")
    page.until(lambda: "2-D" in chosen.inner_text())
    page.until(lambda: not exposures(page))
    assert page.page.problems == []  # type: ignore[attr-defined]
    page.page.close()


@pytest.mark.pipeline
def test_a_series_in_the_slit_has_one_too(
    open_explorer: Open, series_in: Callable[[str], Path], tmp_path: Path
) -> None:
    sky = slit_series_with_sky(series_in("SUBSLIT"), tmp_path)
    page = open_explorer(min(tmp_path.glob("*-seg001_*_calints.fits")))
    page.until_live()
    page.tab("Nods")
    subtract = page.field("subtract")
    ways = [one.replace("\u00a0", " ") for one in subtract.locator("option").all_inner_texts()]
    assert ways == ["as delivered (off)", "dedicated exposures", "nothing"]
    panel = page.text(".lrs-panel:visible")
    assert "Jump detection" not in panel, "integrations are not made anew of ramps"
    assert "compare nods" not in panel
    subtract.select_option("dedicated exposures")
    page.until(lambda: len(exposures(page)) == 1)
    assert sky.name in exposures(page)[0]
    page.root.locator(".lrs-exposures input").first.check()
    until_done(page)
    page.button("compare backgrounds").click()
    page.until(lambda: "nothing subtracted (pinned)" in page.legend)
    page.until(lambda: "comparison made in" in page.text("[data-run]"))
    page.until(lambda: "against the live spectrum" in page.text(".lrs-panel:visible"))
    page.screenshot("slit-series-backgrounds-compared")
    assert page.page.problems == []  # type: ignore[attr-defined]
    page.page.close()


# -- in a kernel alone -----------------------------------------------------------------------------


@pytest.mark.pipeline
def test_what_is_about_to_be_checked_waits(series_folder: Path) -> None:
    """Other news must not take the list away before anything is checked in it."""
    (science,) = series_folder.glob("jw90002001*_calints.fits")
    with live_kernel(science) as kernel:
        controls = kernel.tab("TimeTab").sky.controls
        kernel.until(lambda: len(controls.background.exposures) == 1)
        kernel.do(lambda: setattr(controls.background.way, "value", "dedicated exposures"))
        expected = dataclasses.replace(kernel.ui.recipe.slitless, statistic="mean")
        kernel.do(lambda: setattr(controls.statistic, "value", "mean"))
        kernel.until(lambda: kernel.ui.recipe.slitless == expected)
        assert controls.background.way.value == "dedicated exposures"
        assert "Check the exposures to subtract" in controls.background.note.value
        kernel.do(lambda: setattr(controls.background.way, "value", "nothing"))
        assert kernel.ui.recipe.slitless.backgrounds == ()
        kernel.until(lambda: kernel.run[0] == "done")


@pytest.mark.pipeline
def test_without_rateints_it_is_said_why_nothing_can_be_chosen(
    series_folder: Path, tmp_path: Path
) -> None:
    (science,) = series_folder.glob("jw90002001*_calints.fits")
    with live_kernel(shutil.copy(science, tmp_path)) as kernel:
        choice = kernel.tab("TimeTab").sky.controls.background
        assert choice.way.disabled
        assert "backgrounds cannot be redone: this simulated observation" in choice.note.value


@pytest.fixture(scope="module")
def opened(slit_folder: Path) -> Iterator[LiveKernel]:
    with live_kernel(slit_folder / SCIENCE) as kernel:
        choice = kernel.tab("ExposuresTab").nods.background
        kernel.until(lambda: len(choice.exposures) == 3)
        yield kernel


@pytest.fixture
def kernel(opened: LiveKernel) -> LiveKernel:
    observation = opened.ui.observation
    assert observation is not None
    recipe = lrs.Recipe.from_observation(observation)
    opened.do(lambda: opened.ui._controller.apply(recipe))
    return opened


def check(kernel: LiveKernel, *names: str) -> None:
    """Check exposures one after the other, from none."""
    choice = kernel.tab("ExposuresTab").nods.background
    for box in choice.exposures.values():
        kernel.do(lambda box=box: setattr(box, "value", False))
    kernel.do(lambda: setattr(choice.way, "value", "dedicated exposures"))
    for name in names:
        kernel.do(lambda name=name: setattr(choice.exposures[name], "value", True))


@pytest.mark.pipeline
def test_checks_become_a_recipe_and_are_undone(kernel: LiveKernel, sky: list[str]) -> None:
    choice = kernel.tab("ExposuresTab").nods.background
    check(kernel, sky[1], sky[0])
    assert kernel.ui.recipe.nods == lrs.Nods(None, True, tuple(sky))
    assert kernel.run[0] == "running"
    kernel.do(kernel.ui.undo)
    assert kernel.ui.recipe.nods == lrs.Nods(None, True, (sky[1],))
    assert kernel.do(lambda: choice.checked) == (sky[1],)
    kernel.do(kernel.ui.redo)
    kernel.until(lambda: kernel.run[0] == "done")
    assert kernel.do(lambda: choice.checked) == tuple(sky)
    told = kernel.ui._screen.toolbar.undo.tooltip
    assert f"{sky[1]} subtracted" in told


@pytest.mark.pipeline
def test_without_a_check_it_is_as_delivered_again(kernel: LiveKernel, sky: list[str]) -> None:
    choice = kernel.tab("ExposuresTab").nods.background
    check(kernel, sky[0])
    kernel.do(lambda: setattr(choice.exposures[sky[0]], "value", False))
    assert kernel.ui.recipe.nods == lrs.Nods()
    assert choice.way.value == "as delivered (on)"
    assert kernel.run[0] == "delivered"


@pytest.mark.pipeline
def test_another_image_cannot_be_its_own_background(kernel: LiveKernel) -> None:
    check(kernel, OTHER)
    assert kernel.ui.recipe.nods.backgrounds == (OTHER,)
    kernel.do(lambda: kernel.ui._controller.choose_image(lrs.Nods(2)))
    (message,) = kernel.do(lambda: [m.text for m in kernel.ui._screen.messages.messages])
    assert "no exposure can be its own background; choose another" in message
    assert kernel.ui.recipe.nods.exposure != 2


@pytest.mark.pipeline
def test_a_recipe_names_one_that_is_not_listed(
    kernel: LiveKernel, slit_folder: Path, tmp_path: Path, sky: list[str]
) -> None:
    elsewhere = tmp_path / "elsewhere_rate.fits"
    shutil.copy(slit_folder / sky[0], elsewhere)
    nods = lrs.Nods(1, backgrounds=(str(elsewhere),))
    kernel.do(lambda: kernel.ui._controller.attempt(kernel.ui.recipe.replace(nods=nods)))
    choice = kernel.tab("ExposuresTab").nods.background
    assert kernel.do(lambda: choice.checked) == (str(elsewhere),)
    kernel.until(lambda: kernel.run[0] == "done")


@pytest.mark.pipeline
def test_one_that_is_not_listed_is_given_by_its_path(
    kernel: LiveKernel, slit_folder: Path, tmp_path: Path, sky: list[str]
) -> None:
    choice = kernel.tab("ExposuresTab").nods.background
    check(kernel)
    for given in ("nowhere_rate.fits", str(tmp_path / "nowhere_rate.fits")):
        kernel.do(lambda given=given: setattr(choice.path, "value", given))
        message = kernel.do(lambda: kernel.ui._screen.messages.messages[0].text)
        assert f"{given}, which is to be subtracted as background, is not at hand" in message
        assert kernel.ui.recipe.nods == lrs.Nods()
        assert given not in choice.exposures
    elsewhere = tmp_path / "elsewhere_rate.fits"
    shutil.copy(slit_folder / sky[0], elsewhere)
    kernel.do(lambda: setattr(choice.path, "value", f" {elsewhere}"))
    assert kernel.ui.recipe.nods.backgrounds == (str(elsewhere),)
    kernel.do(lambda: setattr(choice.path, "value", str(slit_folder / sky[1])))
    assert kernel.ui.recipe.nods.backgrounds == (str(elsewhere), sky[1])
    assert kernel.do(lambda: set(choice.checked)) == {str(elsewhere), sky[1]}
    kernel.until(lambda: kernel.run[0] == "done")


@pytest.mark.pipeline
def test_a_comparison_is_cancelled(kernel: LiveKernel) -> None:
    """It takes the place of the run for the image; that can be run again."""
    nods, controller = kernel.tab("ExposuresTab").nods, kernel.ui._controller
    kernel.do(lambda: controller.change(pathloss=lrs.Pathloss("offset", 0.0123)))
    kernel.do(nods.compare_backgrounds.click)
    kernel.do(controller.runs.cancel)
    kernel.until(lambda: "the comparison was cancelled" in nods.result.value)
    state, words = kernel.run
    assert state == "stopped"
    assert "comparison not made: cancelled" in words
    assert not kernel.ui._screen.pins.pins
    kernel.do(controller.run_again)
    kernel.until(lambda: kernel.run[0] == "done")


@pytest.mark.pipeline
def test_screen_and_python_give_the_same_spectrum(
    kernel: LiveKernel, slit_folder: Path, tmp_path: Path, sky: list[str]
) -> None:
    check(kernel, sky[0])
    kernel.until(lambda: kernel.run[0] == "done")
    spectrum = kernel.do(lambda: kernel.ui._controller.shown.spectrum)
    observation = lrs.open_observation(slit_folder / SCIENCE)
    run = lrs.reprocess(observation, kernel.ui.recipe, tmp_path / "out")
    assert spectrum is not None
    assert spectrum.flux.tobytes() == run.spectrum.flux.tobytes()
