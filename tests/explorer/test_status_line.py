"""The line under the title, the wheel, and how figures fill the window, in a real browser."""

from __future__ import annotations

import pytest
from explorer_page import IMAGE, LINKED, PROFILE, ExplorerPage, Open
from test_reprocessing import until_done

SIZES = [(1280, 720), (1440, 900), (1920, 1080), (2560, 1440)]


def test_from_opening_to_the_truth_in_one_press(demo: ExplorerPage) -> None:
    first = "7 problems found: the aperture (the delivered x1d) lies"
    demo.until(lambda: first in demo.at_rest(lambda: demo.text(".lrs-status")))
    demo.button("Fix all").click()
    until_done(demo)
    demo.until(lambda: "Fixed: 7 problems." in demo.text(".lrs-status"))
    demo.until(lambda: demo.live_to_truth() == pytest.approx(1.0, abs=0.02))
    assert "Median flux +" in demo.text(".lrs-status")
    demo.screenshot("status-fixed")
    demo.button("Undo").click()
    demo.until(lambda: "7 problems found:" in demo.text(".lrs-status"))


def test_show_brings_the_evidence(demo: ExplorerPage) -> None:
    demo.until(demo.button("Show").is_visible)
    demo.button("Show").click()
    demo.until(lambda: "found from" in demo.text(".lrs-panel:visible"))
    demo.tab("Extraction")


def test_an_earlier_session_is_offered(open_explorer: Open, demo_folder: object) -> None:
    first = open_explorer(demo_folder)
    first.until_live()
    first.type("center", 18.3)
    first.until(lambda: first.aperture()[0] == 18.3)
    first.page.wait_for_timeout(1500)  # kept once it rests
    first.page.close()
    again = open_explorer(demo_folder)
    again.until(lambda: "Continue where you left off" in again.text(".lrs-left-off"))
    again.screenshot("status-left-off")
    again.button("Continue").click()
    again.until(lambda: again.aperture()[0] == 18.3)
    assert not again.root.locator(".lrs-left-off").is_visible()
    assert again.page.problems == []  # type: ignore[attr-defined]
    again.page.close()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_figures_fill_the_window(demo: ExplorerPage, size: tuple[int, int]) -> None:
    page, (width, height) = demo.page, size
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": width, "height": height})
    try:
        demo.at_rest(lambda: demo.plot(IMAGE).width)
        box = demo.root.locator(".lrs-main").bounding_box()
        assert box is not None
        low = box["y"] + box["height"]
        assert height - 40 <= low <= height, "all of the window, and nothing below it"
        assert box["x"] + box["width"] <= width
        profile, image = demo.plot(PROFILE), demo.plot(IMAGE)
        assert (profile.top, profile.height) == (image.top, image.height)
        demo.screenshot(f"layout-{width}x{height}")
    finally:
        page.set_viewport_size(before)
        demo.at_rest(lambda: demo.plot(IMAGE).width)


def tops(demo: ExplorerPage) -> list[float]:
    """Return where the figures begin, pixels from the top of the window."""
    found: list[float] = demo.root.locator(LINKED).evaluate_all(
        "plots => plots.map(plot => plot.getBoundingClientRect().top)"
    )
    return found


def test_in_a_narrow_window_the_panel_goes_under_the_figures(demo: ExplorerPage) -> None:
    page = demo.page
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({"width": 800, "height": 900})
    try:
        demo.until(lambda: tops(demo)[PROFILE] > tops(demo)[IMAGE] + 400)
        box = demo.root.locator(".lrs-main").bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 800
        demo.screenshot("layout-800x900")
    finally:
        page.set_viewport_size(before)
        demo.until(lambda: tops(demo)[PROFILE] == tops(demo)[IMAGE])


def test_the_wheel_zooms_only_when_that_is_meant(demo: ExplorerPage) -> None:
    page, mouse, keyboard = demo.page, demo.page.mouse, demo.page.keyboard
    demo.dismiss_messages()  # they lie over the top of the image
    before = page.viewport_size
    assert before is not None
    page.set_viewport_size({**before, "height": 500})  # there is something to scroll
    try:
        all_of_it = demo.at_rest(lambda: demo.plot(IMAGE).x_limits)
        y_limits = demo.plot(IMAGE).y_limits

        def turn(way: int) -> float:
            """Turn the wheel over the image; return how far the page was scrolled by that."""
            demo.at_rest(lambda: demo.plot(IMAGE).top)
            mouse.move(*demo.plot(IMAGE).at(9.0, 40.0))
            top = tops(demo)[IMAGE]
            mouse.wheel(0, way)
            return top - demo.at_rest(lambda: tops(demo)[IMAGE])

        assert turn(40) > 20, "the wheel scrolls the page"
        assert demo.plot(IMAGE).x_limits == all_of_it
        mouse.click(*demo.plot(IMAGE).at(9.0, 40.0))
        assert turn(-300) == 0
        demo.until(lambda: demo.plot(IMAGE).x_limits[0] > all_of_it[0] + 0.5)
        keyboard.press("Escape")
        zoomed = demo.at_rest(lambda: demo.plot(IMAGE).x_limits)
        assert turn(40) != 0
        assert demo.plot(IMAGE).x_limits == zoomed
        keyboard.down("Control")
        try:
            assert turn(3000) == 0
            demo.until(lambda: demo.plot(IMAGE).x_limits == pytest.approx(all_of_it, abs=1e-3))
            assert turn(3000) == 0
        finally:
            keyboard.up("Control")
        x_limits = demo.at_rest(lambda: demo.plot(IMAGE).x_limits)
        assert x_limits == pytest.approx(all_of_it, abs=1e-3), "no further than the data"
        assert demo.plot(IMAGE).y_limits == pytest.approx(y_limits, abs=1e-3)
    finally:
        page.set_viewport_size(before)
        demo.at_rest(lambda: demo.plot(IMAGE).height)
