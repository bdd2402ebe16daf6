"""What the real pipeline redoes at a touch: positions, pathloss, pixels, nods, jumps."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from explorer_page import IMAGE, SPECTRUM, ExplorerPage
from playwright.sync_api import Error, Locator

from lrs_explorer.widgets.layout import LIVE_COLOR

ROOT = "jw90001001001_03102_00001_mirimage"


@pytest.fixture
def slit(slit_page: ExplorerPage) -> Iterator[ExplorerPage]:
    """Return a page as the archive left the observation; it must stay sound."""
    go_back(slit_page)
    slit_page.until_live()
    yield slit_page
    assert slit_page.page.problems == []  # type: ignore[attr-defined]


def go_back(page: ExplorerPage) -> None:
    """Undo everything, one step after the other, until the archive's products are shown."""
    undo, redo = page.button("↶ undo"), page.button("↷ redo")

    def titles() -> list[str | None]:
        return [button.get_attribute("title") for button in (undo, redo)]

    def delivered() -> bool:
        if not undo.is_enabled():
            return state(page) == "delivered"
        before = titles()
        try:
            undo.click(timeout=3000)
        except Error:
            return False  # what was undone before has only now taken away its button
        page.until(lambda: titles() != before)
        return False

    page.until(delivered)


def state(page: ExplorerPage) -> str:
    """Return what the pipeline's line says: delivered, running, done or stopped."""
    return str(page.root.locator("[data-run]").get_attribute("data-run"))


def until_done(page: ExplorerPage) -> None:
    page.until(lambda: state(page) == "done")
    page.until_live()


def use(page: ExplorerPage, name: str) -> Locator:
    """Return the button that lets a position drive everything."""
    page.tab("Slit")
    lines = page.root.locator(".lrs-positions .widget-hbox")
    line = lines.filter(has=page.page.get_by_text(name, exact=True))
    line.first.wait_for()
    return line.get_by_role("button", name="use")


def test_one_position_drives_aperture_and_pathloss(slit: ExplorerPage) -> None:
    as_delivered = pytest.approx(0.436, abs=0.01)  # 56 % too low
    slit.until(lambda: slit.live_to_truth() == as_delivered)
    use(slit, "TA verification, 2-D Gaussian").click()
    until_done(slit)
    slit.until(lambda: slit.live_to_truth() == pytest.approx(1.0, abs=0.02))
    slit.until(lambda: "+0.12″ across" in slit.text(".lrs-tabs"))
    slit.until(lambda: slit.field("correct for").input_value() == "offset")
    slit.screenshot("slit-90001-position")
    slit.button("↶ undo").click()
    slit.until(lambda: slit.live_to_truth() == as_delivered)
    slit.until(lambda: state(slit) == "delivered")
    slit.button("↷ redo").click()
    slit.until(lambda: state(slit) != "delivered")
    assert state(slit) == "done", "what was run once is not run again"
    slit.until(lambda: slit.live_to_truth() == pytest.approx(1.0, abs=0.02))


def test_sliding_previews_and_then_runs(slit: ExplorerPage) -> None:
    slit.tab("Slit")
    use(slit, "Measured trace")  # positions are there
    before = slit.at_rest(slit.live_to_truth)
    slider = slit.page.locator(".lrs-field", has=slit.page.get_by_text("offset", exact=True))
    handle = slider.get_by_role("slider")
    handle.focus()
    for _ in range(20):
        handle.press("ArrowRight")
    offset = float(handle.get_attribute("aria-valuetext"))  # valuenow is rounded to tenths
    slit.until(lambda: "(approximate preview)" in slit.legend)
    slit.until(lambda: f"{offset:+.2f}″ across" in slit.root.inner_text())
    slit.until(lambda: state(slit) == "running")
    preview = slit.at_rest(slit.live_to_truth, looks=3)
    assert preview > 1.05 * before
    assert slit.live_to_truth() == pytest.approx(preview, rel=1e-3), "until the run has ended"
    until_done(slit)
    assert slit.at_rest(slit.live_to_truth) == pytest.approx(preview, rel=1e-3)
    for _ in range(7):  # to a place for which no other test has run the pipeline
        handle.press("ArrowRight")
    slit.until(lambda: "(approximate preview)" in slit.legend)
    slit.button("cancel", ".lrs-run").click()
    slit.until(lambda: "(stale: the last good result)" in slit.legend)
    assert slit.at_rest(slit.live_to_truth) == pytest.approx(preview, rel=1e-3)


def test_a_source_outside_the_slit_is_said_loudly(slit: ExplorerPage) -> None:
    use(slit, "Measured trace")
    slider = slit.page.locator(".lrs-field", has=slit.page.get_by_text("offset", exact=True))
    handle = slider.get_by_role("slider")
    handle.focus()
    for _ in range(60):
        handle.press("ArrowRight")
    until_done(slit)
    slit.until(lambda: any("outside the slit" in message for message in slit.messages))
    slit.until(lambda: "outside the slit" in slit.text(".lrs-tabs"))
    slit.screenshot("slit-90001-outside")


def test_pathloss_can_be_switched_off(slit: ExplorerPage) -> None:
    use(slit, "Measured trace")
    slit.field("correct for").select_option("off")
    until_done(slit)
    slit.until(lambda: "no pathloss correction" in slit.text(".lrs-tabs"))


def test_pathloss_at_other_places(slit: ExplorerPage) -> None:
    use(slit, "Measured trace")
    slit.field("correct for").select_option("TA position")
    until_done(slit)
    slit.until(lambda: "position on the verification image" in slit.text(".lrs-tabs"))
    drawings = slit.root.locator(".lrs-panel:visible svg")
    as_text = "all => all.map(one => one.outerHTML).join()"
    before = slit.at_rest(lambda: drawings.evaluate_all(as_text))
    star = slit.page.locator(".lrs-field", has=slit.page.get_by_text("draw PSF at", exact=True))
    star.get_by_role("slider").press("ArrowRight")
    slit.until(lambda: drawings.evaluate_all(as_text) != before)
    slit.field("correct for").select_option("slit center")
    until_done(slit)
    slit.until(lambda: "on the slit's center line" in slit.text(".lrs-tabs"))


def test_algorithms_are_compared(slit: ExplorerPage) -> None:
    slit.tab("Pixels")
    slit.field("replace").select_option("fit_profile")
    until_done(slit)
    slit.until(lambda: "0 flagged by hand" in slit.text(".lrs-tabs"))
    slit.until(lambda: "138 replaced" in slit.text(".lrs-tabs"))

    def drawn() -> list[float]:
        return slit.plot(SPECTRUM).curve(LIVE_COLOR)[1].tolist()

    before = slit.at_rest(drawn)
    slit.type("adjacent", 8)
    slit.until(lambda: state(slit) == "running")
    until_done(slit)
    slit.until(lambda: drawn() != before)
    slit.field("beside").select_option("mingrad")
    slit.button("compare").click()
    slit.until(lambda: "pixel_replace mingrad (pinned)" in slit.legend)
    slit.until(lambda: "pixel_replace mingrad" in slit.text(".lrs-statistics"))
    slit.screenshot("slit-90001-algorithms")


def test_outliers_are_proposed_and_flagged(slit: ExplorerPage) -> None:
    slit.tab("Pixels")
    slit.until(lambda: "in the slit" in slit.text(".lrs-tabs"))
    slit.button("find outliers").click()
    slit.until(lambda: re.search(r"\d outlier", slit.text(".lrs-tabs")))
    slit.button("flag", ".lrs-proposed").first.click()
    until_done(slit)
    slit.until(lambda: "1 already flagged" in slit.text(".lrs-tabs"))
    slit.button("flag all").click()
    until_done(slit)
    slit.until(lambda: slit.button("flag all").is_disabled())
    slit.button("clear all").click()
    slit.until(lambda: state(slit) == "delivered")


def test_a_click_flags_a_pixel_and_another_clears_it(slit: ExplorerPage) -> None:
    slit.tab("Pixels")
    slit.until(lambda: "in the slit" in slit.text(".lrs-tabs"))
    box = slit.page.get_by_label("a click on the image flags a pixel, or clears it")
    box.check()
    place = slit.plot(IMAGE).at(8.0, 25.0)
    slit.page.mouse.click(*place)
    slit.until(lambda: "flagged by hand in the recipe: 1" in slit.text(".lrs-tabs"))
    until_done(slit)
    slit.until(lambda: " 1 flagged by hand" in slit.text(".lrs-tabs"))  # of the new image
    slit.page.mouse.move(place[0] + 2, place[1])
    slit.until(lambda: "detector (" in slit.text(".lrs-readout"))
    slit.page.wait_for_timeout(600)  # two clicks at one place within that are a double click
    slit.page.mouse.click(*place)
    slit.until(lambda: state(slit) == "delivered")
    box.uncheck()


def test_jumps_are_found_anew(slit: ExplorerPage) -> None:
    slit.tab("Nods")
    slit.page.get_by_label("detect jumps anew").check()
    until_done(slit)
    slit.until(lambda: "28 pixels usable again" in slit.text(".lrs-tabs"))
    slit.button("mark them on the image").click()
    legend = slit.root.locator(".lrs-image-legend")
    slit.until(lambda: "flags changed by the jump threshold (" in legend.inner_text())
    slit.screenshot("slit-90001-jumps")
    threshold = slit.page.locator(".lrs-field", has=slit.page.get_by_text("threshold", exact=True))
    threshold.get_by_role("slider").press("Home")  # 3 sigma
    slit.until(lambda: "with a jump now" in slit.text(".lrs-tabs"))
    slit.tab("Display")
    slit.page.get_by_label("show DQ flags").uncheck()


def test_nods_are_subtracted_or_not_and_compared(slit: ExplorerPage) -> None:
    slit.tab("Nods")
    slit.button("compare nods").click()
    slit.until(lambda: "exposure 2, on its trace (pinned)" in slit.legend)
    slit.until(lambda: "than the live spectrum" in slit.text(".lrs-panel:visible"))
    slit.field("subtract").select_option("nothing")
    until_done(slit)
    low, high = slit.plot(IMAGE).y_limits
    assert low < high
    slit.screenshot("slit-90001-no-subtraction")


def test_a_run_is_cancelled_and_run_again(slit: ExplorerPage) -> None:
    slit.tab("Pixels")
    slit.field("replace").select_option("trace_model")
    slit.button("cancel", ".lrs-run").click()
    slit.until(lambda: state(slit) == "stopped")
    slit.until(lambda: "cancelled" in slit.text(".lrs-run-text"))
    slit.until(lambda: "(stale: the last good result)" in slit.legend)
    slit.button("run again").click()
    until_done(slit)
    slit.button("log").click()
    slit.until(lambda: "pixel_replace" in slit.text(".lrs-run-log"))
    slit.button("log").click()


def test_a_killed_worker_is_said_and_replaced(slit: ExplorerPage) -> None:
    slit.tab("Nods")
    slit.field("subtract").select_option("nothing")
    slit.page.get_by_label("detect jumps anew").check()
    slit.until(lambda: state(slit) == "running")

    def told() -> bool:
        kill_workers()  # again: what runs is told before its process has begun
        return any("SIGKILL" in message for message in slit.messages)

    slit.until(told)
    slit.until(lambda: state(slit) == "stopped")
    slit.tab("Extraction")  # the page is alive
    slit.type("center", 20.0)
    slit.until(lambda: slit.aperture()[0] == 20.0)
    assert state(slit) == "stopped", "what has failed is not run again unasked"
    slit.button("run again").click()
    until_done(slit)


def kill_workers() -> None:
    """Kill the pipeline's processes of this test run's kernels."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # gone meanwhile
            if "lrs_explorer.model.runs.child" in process.cmdline():
                os.kill(process.pid, signal.SIGKILL)


def test_products_are_saved_and_not_overwritten(slit: ExplorerPage, tmp_path: Path) -> None:
    slit.tab("Recipe")
    slit.field("folder").fill(str(tmp_path / "out"))
    slit.button("run and save products").click()
    slit.until(lambda: "written to" in slit.text(".lrs-tabs"))
    assert (tmp_path / "out" / f"{ROOT}_x1d.fits").is_file()
    slit.button("run and save products").click()
    slit.until(lambda: any("holds" in message for message in slit.messages))


def test_a_closed_page_leaves_the_last_recipe(open_explorer, demo_folder: Path) -> None:
    first = open_explorer(demo_folder)
    first.until_live()
    first.type("center", 19.5)
    first.until(lambda: first.aperture()[0] == 19.5)
    first.tab("Recipe")
    first.until(lambda: '"center": 19.5' in first.text(".lrs-recipe"))
    first.page.close()
    second = open_explorer(demo_folder)
    second.until_live()
    second.tab("Recipe")
    second.button("restore the last recipe").click()
    second.tab("Extraction")
    second.until(lambda: second.aperture()[0] == 19.5)
    second.page.close()
