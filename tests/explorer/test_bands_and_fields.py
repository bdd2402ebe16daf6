"""Bands, keys, number fields, buttons: whichever is used, all agree."""

from __future__ import annotations

import pytest
from explorer_page import IMAGE, PASSED, PROFILE, TRACE, ExplorerPage


def agreed(explorer: ExplorerPage) -> tuple[float, float]:
    """Return center and width on which fields, image, profile and screen reader agree."""

    def drawn(figure: int) -> tuple[float, float]:
        lower, upper = explorer.plot(figure).edges("aperture")
        return (lower + upper) / 2, upper - lower

    def same() -> bool:
        shown = explorer.aperture()
        spoken = explorer.plot(IMAGE).band("aperture").get_attribute("aria-valuetext")
        return (
            all(drawn(figure) == pytest.approx(shown, abs=0.02) for figure in (IMAGE, PROFILE))
            and spoken == f"center {shown[0]:g}, width {shown[1]:g} pixels"
        )

    explorer.until(same)
    return explorer.aperture()


def test_an_edge_is_dragged_alone(demo: ExplorerPage) -> None:
    plot = demo.plot(IMAGE)
    plot.drag((7.0, 18.222), 0, -30)
    moved = 30 * plot.pixel
    demo.until(lambda: demo.aperture()[1] == pytest.approx(8 + moved, abs=2e-3))
    assert agreed(demo)[0] == pytest.approx(14.222 + moved / 2, abs=2e-3)


def test_keys_nudge(demo: ExplorerPage) -> None:
    demo.plot(IMAGE).band("aperture").focus()
    demo.page.keyboard.press("ArrowUp")
    demo.until(lambda: demo.aperture()[0] == 14.322)
    demo.page.keyboard.press("Shift+ArrowUp")
    demo.until(lambda: demo.aperture()[0] == 15.322)
    demo.plot(PROFILE).band("aperture").focus()
    demo.page.keyboard.press("Shift+ArrowDown")
    demo.until(lambda: demo.aperture()[0] == 14.322)
    assert agreed(demo) == (14.322, 8.0)


def test_numbers_are_typed(demo: ExplorerPage) -> None:
    demo.type("center", 20.5)
    demo.until(lambda: demo.plot(PROFILE).edges("aperture")[0] == pytest.approx(16.5, abs=0.02))
    demo.type("width", 5)
    demo.until(lambda: demo.plot(PROFILE).edges("aperture")[0] == pytest.approx(18.0, abs=0.02))
    assert agreed(demo) == (20.5, 5.0)


def test_what_lies_outside_is_kept_inside_and_said(demo: ExplorerPage) -> None:
    demo.type("center", 900)
    demo.until(lambda: "was kept within the image" in demo.text(".lrs-tabs"))
    center, width = agreed(demo)
    assert center + width / 2 <= 45.5
    demo.type("width", -3)
    demo.until(lambda: "The width -3 was kept" in demo.text(".lrs-tabs"))
    assert demo.messages == []


@pytest.mark.parametrize("way", ["button", "double click"])
def test_centered_on_the_trace(demo: ExplorerPage, way: str) -> None:
    if way == "button":
        demo.button("center on trace").click()
    else:
        demo.page.mouse.dblclick(*demo.plot(IMAGE).at(8.0, 28.0))
    demo.until(lambda: demo.aperture()[0] == pytest.approx(TRACE, abs=2e-3))
    demo.until(lambda: demo.median == pytest.approx(PASSED, abs=0.02))
    assert agreed(demo)[1] == 8.0
    demo.root.get_by_role("button", name="pipeline default").first.click()
    demo.until(lambda: demo.aperture()[0] == 14.222)
    demo.until(lambda: "centered on the position in the header" in demo.text(".lrs-tabs"))


def test_the_aperture_follows_the_curved_trace(demo: ExplorerPage) -> None:
    demo.button("center on trace").click()
    demo.root.get_by_label("follow the curved trace").check()
    body = demo.plot(IMAGE).band("aperture").locator(".lrs-body")
    demo.until(lambda: (body.get_attribute("d") or "").count("L") > 20)
    demo.until(lambda: "bent along the trace" in demo.text(".lrs-tabs"))
    demo.until(lambda: demo.median == pytest.approx(PASSED, abs=0.02))
    demo.screenshot("demo-1280-curved")


def test_backgrounds_are_added_dragged_typed_and_removed(demo: ExplorerPage) -> None:
    demo.button("center on trace").click()
    for expected in (1, 2):
        demo.button("add region").click()
        demo.until(lambda expected=expected: len(demo.regions()) == expected)
    demo.until(lambda: "2 regions: chosen by you" in demo.text(".lrs-tabs"))
    median = demo.at_rest(lambda: demo.median)
    assert median == pytest.approx(PASSED, abs=0.02), "no region lies on a trace"
    second = demo.regions()[1]
    for figure, rows in ((IMAGE, -1.1), (PROFILE, -1.0)):
        plot = demo.plot(figure)
        dy = round(rows / plot.pixel)
        before = demo.regions()[0]
        plot.drag((sum(plot.x_limits) / 2, sum(before) / 2), 0, dy)
        expected = [edge - dy * plot.pixel for edge in before]
        demo.until(lambda expected=expected: demo.regions()[0] == pytest.approx(expected, abs=2e-3))
        assert demo.regions()[1] == second
        drawn = pytest.approx(expected, abs=0.02)
        demo.until(lambda drawn=drawn: demo.plot(IMAGE).edges("background-1") == drawn)
    moved = demo.regions()[0]
    demo.plot(IMAGE).drag((6.0, 18.3), 0, -12)
    demo.until(lambda: demo.aperture()[0] > 19)
    assert demo.regions() == [moved, second], "backgrounds stay where they were put"
    demo.root.get_by_title("Lower edge of background region 2").locator("visible=true").last.fill(
        f"{second[0] + 1:.3f}"
    )
    demo.page.keyboard.press("Enter")
    demo.until(lambda: demo.regions()[1][0] == pytest.approx(second[0] + 1))
    demo.button("✕", ".lrs-tabs").first.click()
    demo.until(lambda: len(demo.regions()) == 1)


def test_undo_and_redo(demo: ExplorerPage) -> None:
    demo.type("width", 6)
    demo.until(lambda: demo.aperture() == (14.222, 6.0))
    plot = demo.plot(IMAGE)
    plot.drag((9.0, 14.2), 0, -22, steps=11)
    demo.until(lambda: demo.aperture()[0] > 15)
    dragged = agreed(demo)
    demo.until(lambda: "aperture at 14.22" in demo.button("↶ undo").get_attribute("title"))
    demo.button("↶ undo").click()
    demo.until(lambda: demo.aperture() == (14.222, 6.0))
    demo.button("↶ undo").click()
    demo.until(lambda: demo.aperture() == (14.222, 8.0))
    demo.button("↷ redo").click()
    demo.button("↷ redo").click()
    demo.until(lambda: demo.aperture() == dragged)
    demo.until(demo.button("↷ redo").is_disabled)
    assert agreed(demo) == dragged
