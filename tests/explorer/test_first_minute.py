"""The demo's first minute: a wrong spectrum gets its light back under the pointer."""

from __future__ import annotations

import numpy as np
import pytest
from explorer_page import COMPARISON, IMAGE, PASSED, PROFILE, SPECTRUM, ExplorerPage
from playwright.sync_api import Locator

import lrs_explorer as lrs


def test_first_figure_shows_what_was_delivered(demo: ExplorerPage) -> None:
    demo.until(lambda: "SIM-DUSTY-STAR" in demo.text(".lrs-title"))
    assert "simulated" in demo.text(".lrs-title")
    curves = ["spectrum (live", "delivered (archive x1d", "truth (simulated input", ""]
    demo.until(lambda: [part.strip() for part in demo.legend.split(")")] == curves)
    demo.until(lambda: "centered on the position in the header" in demo.text(".lrs-tabs"))
    # The delivered place is wrong.
    demo.until(lambda: demo.live_to_truth() == pytest.approx(0.515, abs=0.02))
    demo.screenshot("demo-1280-delivered")


@pytest.mark.parametrize("figure", [IMAGE, PROFILE])
def test_dragging_onto_the_trace_brings_the_light_back(demo: ExplorerPage, figure: int) -> None:
    plot = demo.plot(figure)
    x = 0.3 * plot.x_limits[0] + 0.7 * plot.x_limits[1]
    mouse = demo.page.mouse
    mouse.move(*plot.at(x, 14.2))
    mouse.down()
    seen = []
    for position in (15.0, 16.0, 17.0, 18.33):
        mouse.move(*plot.at(x, position), steps=3)
        center = position
        demo.until(lambda center=center: abs(demo.aperture()[0] - center) < 1.5 * plot.pixel)
        demo.until(lambda: abs(demo.live_to_truth() - demo.median) < 0.02)
        seen.append(demo.live_to_truth())
    assert seen == sorted(seen), "each step brings more light"
    # and the button is still held
    demo.until(lambda: demo.live_to_truth() == pytest.approx(PASSED, abs=0.02))
    assert "(live)" in demo.legend
    mouse.up()
    demo.until(lambda: demo.median == pytest.approx(PASSED, abs=0.02))
    demo.until(demo.button("↶ undo").is_enabled)
    demo.until(lambda: "placed by you" in demo.text(".lrs-tabs"))
    demo.screenshot(f"demo-1280-dragged-{figure}")


def test_the_same_wavelength_is_at_the_same_place(demo: ExplorerPage) -> None:
    def limits(figure: int) -> tuple[float, float]:
        return demo.at_rest(lambda: demo.plot(figure).x_limits)

    for figure in (SPECTRUM, COMPARISON):
        assert limits(figure) == pytest.approx(limits(IMAGE), abs=1e-4)
    image, spectrum, ratio = (demo.plot(figure) for figure in (IMAGE, SPECTRUM, COMPARISON))
    assert (spectrum.left, spectrum.width) == (image.left, image.width) == (ratio.left, ratio.width)
    profile = demo.plot(PROFILE)
    assert (profile.top, profile.height) == (image.top, image.height)
    assert profile.y_limits == pytest.approx(image.y_limits, abs=1e-4)
    assert spectrum.top > image.top + image.height


def test_zoom_and_pan_are_linked(demo: ExplorerPage) -> None:
    image = demo.plot(IMAGE)
    demo.page.mouse.move(*image.at(9.0, 14.0))
    demo.page.keyboard.down("Control")
    demo.page.mouse.wheel(0, -400)
    demo.page.keyboard.up("Control")
    demo.until(lambda: demo.plot(IMAGE).x_limits[0] > image.x_limits[0] + 1)
    demo.at_rest(lambda: demo.plot(IMAGE).x_limits)
    zoomed = demo.plot(IMAGE)
    across = pytest.approx(zoomed.x_limits, abs=1e-3)
    for figure in (SPECTRUM, COMPARISON):
        demo.until(lambda figure=figure: demo.plot(figure).x_limits == across)
    down = pytest.approx(zoomed.y_limits, abs=1e-3)
    demo.until(lambda: demo.plot(PROFILE).y_limits == down)
    spectrum = demo.plot(SPECTRUM)
    spectrum.drag((9.0, sum(spectrum.y_limits) / 2), 60, 0)
    demo.until(lambda: demo.plot(IMAGE).x_limits[0] < zoomed.x_limits[0] - 0.1)
    panned = pytest.approx(demo.at_rest(lambda: demo.plot(IMAGE).x_limits), abs=1e-3)
    demo.until(lambda: demo.plot(SPECTRUM).x_limits == panned)
    demo.button("reset zoom").click()
    demo.until(lambda: demo.plot(IMAGE).x_limits == pytest.approx(image.x_limits, abs=1e-3))


def middle(line: Locator) -> tuple[float, float]:
    """Return where the middle of a line is drawn, screen pixels."""
    box = line.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_hovering_tells_everything_and_marks_it_everywhere(demo: ExplorerPage) -> None:
    image = demo.plot(IMAGE)
    demo.page.mouse.move(*image.at(9.96, 18.0))
    demo.page.mouse.move(*image.at(10.0, 18.0))
    demo.until(lambda: "10.0" in demo.text(".lrs-readout"))
    words = demo.at_rest(lambda: demo.text(".lrs-readout").split())
    assert words[words.index("column") + 1] == "18"
    assert words[words.index("row") + 1].isdecimal()
    wavelength = float(words[words.index("µm") - 1])
    assert wavelength == pytest.approx(10.0, abs=0.01)
    value = words.index("value")
    assert float(words[value + 1]) > 100
    assert words[value + 2] == "MJy/sr"
    flux = words.index("flux")
    delivered = lrs.demo("slit").delivered()
    element = np.argmin(abs(delivered.wavelength - wavelength))
    assert float(words[flux + 1]) == pytest.approx(1e3 * delivered.flux[element], abs=0.001)
    assert (words[flux + 2], words[flux + 4]) == ("±", "mJy")
    for figure in (IMAGE, SPECTRUM, COMPARISON):
        line = demo.plot(figure).root.locator("line.lrs-marker").first
        demo.until(lambda line=line: middle(line)[0] == pytest.approx(image.at(10.0, 0)[0], abs=1))
    line = demo.plot(PROFILE).root.locator("line.lrs-marker").nth(1)
    demo.until(lambda: middle(line)[1] == pytest.approx(image.at(10.0, 18.0)[1], abs=1))
    demo.until(lambda: "µm" in demo.text(".lrs-profile-legend").split("trace")[0])
    demo.page.mouse.move(2, 2)
    demo.until(lambda: "10.0" not in demo.text(".lrs-readout"))
