"""Whatever takes its time changes the recipe of then, and not the one it began with."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import ipywidgets
import pytest
from live_kernel import LiveKernel, live_kernel

import lrs_explorer as lrs
from lrs_explorer.diagnosis.fix import fix
from lrs_explorer.model.runs.reprocessor import Made

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def opened() -> Iterator[LiveKernel]:
    with live_kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(opened: LiveKernel) -> LiveKernel:
    """Return the demo as the archive left it."""
    recipe = lrs.Recipe.from_observation(opened.ui.observation)
    opened.do(lambda: opened.ui._controller.apply(recipe))
    opened.until(lambda: opened.run[0] == "delivered" and opened.curve == "live")
    return opened


def test_a_slider_that_comes_to_rest_does_not_undo_a_drag(kernel: LiveKernel) -> None:
    slit = kernel.tab("SlitTab")
    kernel.until(lambda: slit.positions.use)
    before = kernel.center()

    def slide() -> None:
        slit.pathloss.offset.value = 0.1

    kernel.do(slide)
    kernel.drag(1.5)
    kernel.until(lambda: kernel.run[0] == "running")
    recipe = kernel.ui.recipe
    assert recipe.pathloss == lrs.Pathloss("offset", 0.1)
    assert recipe.aperture is not None
    assert recipe.aperture.center == pytest.approx(before + 1.5)
    assert kernel.center() == pytest.approx(before + 1.5)


def test_what_a_run_has_taken_stays_on_the_run_bar(kernel: LiveKernel) -> None:
    def choose() -> None:
        kernel.tab("PixelsTab").replace.algorithm.value = "mingrad"

    kernel.do(choose)
    kernel.until(lambda: kernel.run[0] == "done")
    assert kernel.run[1].endswith(" s")
    said = kernel.run[1]
    kernel.drag(0.5)
    assert kernel.run == ("done", said), "a drag tells nothing of runs"
    kernel.do(kernel.ui.undo)
    kernel.do(kernel.ui.undo)
    assert kernel.run == ("delivered", "pipeline: as delivered")
    kernel.do(kernel.ui.redo)
    assert kernel.run == ("done", said)


def test_a_drag_does_not_hide_a_run_for_products(kernel: LiveKernel, tmp_path: Path) -> None:
    products = kernel.tab("RecipeTab").products

    def run() -> None:
        products.folder.value = str(tmp_path / "out")
        products.run.click()

    kernel.do(run)
    states = set()
    for upwards in (0.5, -0.5, 0.25):
        kernel.drag(upwards)
        states.add(kernel.run[0])
    kernel.until(lambda: "written to" in products.result.value)
    assert states == {"running"}
    state, words = kernel.run
    assert state == "delivered"
    assert "products written in" in words


def test_a_run_for_products_that_gives_way_is_told(kernel: LiveKernel, tmp_path: Path) -> None:
    products, pixels = kernel.tab("RecipeTab").products, kernel.tab("PixelsTab").replace

    def run_and_change() -> None:
        products.folder.value = str(tmp_path / "out")
        products.run.click()
        pixels.algorithm.value = "trace_model"

    kernel.do(run_and_change)
    kernel.until(lambda: "cancelled" in products.result.value)


def is_offered(button: ipywidgets.Button) -> bool:
    """Tell whether a button is there, and can be pressed."""
    return button.layout.display is None and not button.disabled


def test_remedies_are_not_offered_for_another_recipe(kernel: LiveKernel) -> None:
    """After undo they were applied to the recipe that they had been judged for no more."""
    panel, fix_all = kernel.tab("FindingsTab").panel, kernel.ui._screen.status.buttons["fix"]
    kernel.until(lambda: is_offered(fix_all))
    before, observation = kernel.ui.recipe, kernel.ui.observation
    assert observation is not None
    kernel.drag(-3.0)
    assert not is_offered(fix_all)
    kernel.do(kernel.ui.undo)
    assert is_offered(fix_all), "these were judged for the recipe before"
    kernel.do(fix_all.click)
    fixed = kernel.ui.recipe
    assert fixed != before
    kernel.until(lambda: kernel.run[0] == "done")
    kernel.until(lambda: ". The flux changes by" in panel.summary.value)
    kernel.do(kernel.ui.undo)
    assert kernel.ui.recipe == before
    kernel.do(fix_all.click)  # too early, as a page may do that has not heard yet
    assert kernel.ui.recipe in (before, fixed), "all that was found, or nothing"
    kernel.until(lambda: is_offered(fix_all))
    kernel.do(fix_all.click)
    assert kernel.ui.recipe == fixed


def test_what_a_round_uncovers_the_next_one_fixes(kernel: LiveKernel) -> None:
    """All of them are one step to undo, and what Python makes of the same."""
    controller, panel = kernel.ui._controller, kernel.tab("FindingsTab").panel
    fix_all = kernel.ui._screen.status.buttons["fix"]
    kernel.do(lambda: controller.choose_image(lrs.Nods(2)))
    # So wide that how much light the slit has cut shows only once it is narrower.
    kernel.do(lambda: controller.change(aperture=lrs.Aperture(22.0, 30.0)))
    kernel.until(lambda: is_offered(fix_all))
    before, observation = kernel.ui.recipe, kernel.ui.observation
    assert observation is not None
    kernel.do(fix_all.click)
    kernel.until(
        lambda: "In 2 rounds." in panel.summary.value and "No problems, " in panel.summary.value
    )
    done = lrs.fix_all(observation, before)
    assert len(done.rounds) == 2
    assert kernel.ui.recipe == done.recipe
    kernel.do(kernel.ui.undo)
    assert kernel.ui.recipe == before
    kernel.do(kernel.ui.redo)
    assert kernel.ui.recipe == done.recipe


def test_rounds_end_where_the_user_goes_on_otherwise(kernel: LiveKernel) -> None:
    controller, panel = kernel.ui._controller, kernel.tab("FindingsTab").panel
    fix_all = kernel.ui._screen.status.buttons["fix"]
    kernel.do(lambda: controller.choose_image(lrs.Nods(2)))
    kernel.until(lambda: is_offered(fix_all))
    kernel.do(fix_all.click)
    kernel.do(lambda: controller.change(aperture=lrs.Aperture(25.0, 6.0)))
    kernel.until(lambda: is_offered(fix_all))
    assert "Fixed:" not in panel.summary.value
    assert kernel.ui.recipe.aperture == lrs.Aperture(25.0, 6.0)


def test_all_found_is_what_lrs_diagnose_finds(kernel: LiveKernel) -> None:
    fix_all = kernel.ui._screen.status.buttons["fix"]
    kernel.until(lambda: is_offered(fix_all))
    judged = kernel.ui.recipe
    findings = kernel.tab("FindingsTab")._judged.findings.values()
    kernel.do(fix_all.click)
    assert kernel.ui.recipe == fix(judged, findings)


def test_other_work_that_fails_says_nothing_of_the_curve(kernel: LiveKernel) -> None:
    failed: Future[None] = Future()
    failed.set_exception(lrs.LRSExplorerError("nothing to compare with."))
    assert not kernel.do(lambda: kernel.ui._controller.succeeded(failed))
    assert any("nothing to compare" in m.text for m in kernel.ui._screen.messages.messages)
    assert kernel.curve == "live"


def test_placing_the_aperture_pins_the_background(kernel: LiveKernel) -> None:
    """Regions of the reference file follow the source; placed by hand, they stay."""
    regions = ((3.0, 6.0), (22.0, 26.0))
    shown = kernel.ui._controller.shown
    assert shown.placement is not None
    kernel.do(
        lambda: kernel.ui._controller.change(
            background=lrs.Background(regions), aperture=shown.aperture
        )
    )
    kernel.drag(1.0)
    assert kernel.ui.recipe.background == lrs.Background(regions)


def test_run_again_means_what_has_failed_last(
    kernel: LiveKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pipeline where a run has failed, whatever became of reference files before."""
    controller = kernel.ui._controller
    runs, stages, refresh = controller.runs, controller.shown.stages, controller.refresh
    assert stages is not None
    looked: list[bool] = []
    monkeypatch.setattr(controller, "refresh", lambda: looked.append(refresh() is None))
    found = stages.references
    stages._found = dataclasses.replace(found, missing={"apcorr": "no network"})
    kernel.do(lambda: kernel.ui._controller._find_references(stages))
    lacking = ("stopped", "reference files: no network")
    kernel.until(lambda: kernel.run == lacking and looked)  # and nothing comes of it any more

    def fail(*_: object) -> Made:
        raise lrs.LRSExplorerError("the step died.")

    recipe = kernel.ui.recipe
    kernel.do(lambda: runs.start(fail, lambda future: None, recipe))
    kernel.until(lambda: "failed" in kernel.run[1])
    assert not runs.lacks_references
    kernel.do(kernel.ui._controller.run_again)
    kernel.until(lambda: kernel.run == lacking)
    stages._found = found
    kernel.do(kernel.ui._controller.run_again)
    kernel.until(lambda: kernel.run[0] == "delivered")


def test_a_trace_is_modelled_where_that_is_chosen(kernel: LiveKernel) -> None:
    controls = kernel.tab("PixelsTab").replace

    def choose() -> None:
        controls.trace.value = "on"

    kernel.do(choose)
    assert kernel.ui.recipe.adaptive_trace_model == lrs.AdaptiveTraceModel(skip=False)
    kernel.until(lambda: kernel.run[0] == "done")
    image = kernel.ui._controller.shown.image
    assert image is not None
    assert image.header["S_TRCMOD"] == "COMPLETE"
