"""How things are drawn: colours, flags, units, axes, pins, comparison."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from explorer_page import COMPARISON, DELIVERED, SPECTRUM, ExplorerPage
from plot_reader import number

from lrs_explorer.widgets.layout import DELIVERED_COLOR, LIVE_COLOR, NAN_COLOR, PIN_COLORS


def test_stretches_and_limits_change_the_picture(demo: ExplorerPage) -> None:
    demo.tab("Display")

    def picture() -> bytes:
        return demo.at_rest(lambda: demo.picture().tobytes(), looks=5)

    seen = {picture()}
    limits = {demo.text(".lrs-image-legend")}
    for label, value in (
        ("stretch", "log"),
        ("stretch", "asinh"),
        ("limits", "zscale"),
        ("stretch", "linear"),
        ("colours", "gray"),
    ):
        demo.field(label).select_option(value)
        demo.until(lambda: demo.picture().tobytes() not in seen)
        seen.add(picture())
        limits.add(demo.text(".lrs-image-legend"))
    assert len(limits) == 2, "only zscale has other limits"
    demo.field("colours").select_option("viridis")
    demo.field("limits").select_option("percentile")
    demo.type("%", 90)
    demo.until(lambda: demo.text(".lrs-image-legend") not in limits)
    demo.type("%", 99.5)
    demo.until(lambda: demo.text(".lrs-image-legend") in limits)


def test_missing_pixels_have_their_own_colour(demo: ExplorerPage) -> None:
    gray = tuple(bytes.fromhex(NAN_COLOR.lstrip("#")))

    def seen() -> bool:
        missing = (demo.picture() == gray).all(axis=2)
        assert missing[2].mean() > 0.8, "the uppermost pixels of the demo have no value"
        return 0.01 < missing.mean() < 0.2

    demo.until(seen)
    demo.until(lambda: "no value" in demo.text(".lrs-image-legend"))


def test_a_product_without_flags_says_so(
    open_explorer: Callable[..., ExplorerPage], demo_folder: Path, tmp_path: Path
) -> None:
    """The demo's come from its cal files; an s2d alone has none."""
    alone = shutil.copy(next(demo_folder.glob("*_00001_mirimage_s2d.fits")), tmp_path)
    explorer = open_explorer(Path(alone))
    explorer.tab("Display")
    explorer.until(explorer.root.get_by_label("show DQ flags").is_disabled)
    explorer.until(lambda: "s2d products carry none" in explorer.text(".lrs-tabs"))
    explorer.page.close()


def test_flags_of_the_cal_can_be_shown(demo: ExplorerPage) -> None:
    demo.tab("Display")
    demo.until(demo.root.get_by_label("show DQ flags").is_enabled)


def test_units(demo: ExplorerPage) -> None:
    demo.tab("Display")

    def live(at: float) -> float:
        return float(np.interp(at, *demo.plot(SPECTRUM).curve(LIVE_COLOR)))

    in_mjy = demo.at_rest(lambda: live(10.0))
    assert in_mjy == pytest.approx(DELIVERED, abs=0.01)
    demo.field("unit").select_option("Jy")
    demo.until(lambda: demo.plot(SPECTRUM).root.get_by_text("flux density [Jy]").count())
    demo.until(lambda: live(10.0) == pytest.approx(in_mjy / 1000, rel=1e-3))
    demo.field("unit").select_option("MJy/sr")
    demo.until(lambda: demo.plot(SPECTRUM).root.get_by_text("surface brightness [MJy/sr]").count())
    demo.until(lambda: "truth: known in Jy only" in demo.text(".lrs-spectrum"))
    demo.until(lambda: live(10.0) > 10)
    demo.field("unit").select_option("mJy")
    demo.until(lambda: live(10.0) == pytest.approx(in_mjy, rel=1e-3))


def test_logarithmic_flux(demo: ExplorerPage) -> None:
    demo.type("center", 35.0)  # on the negative trace
    demo.tab("Display")
    demo.field("flux axis").select_option("log")
    demo.until(lambda: "left out of the log axis, not being positive" in demo.text(".lrs-spectrum"))
    ticks = demo.at_rest(lambda: demo.plot_ticks(SPECTRUM))
    values = [number(text) for text, _ in ticks if text]
    assert all(value > 0 for value in values)
    assert len(values) >= 3
    pixels = [pixel for text, pixel in ticks if text]
    assert min(abs(np.diff(sorted(pixels)))) > 10, "labels do not overlap"
    slope = np.diff(pixels) / np.diff(np.log(values))
    assert slope == pytest.approx(slope[0], rel=0.01)
    demo.screenshot("demo-1280-log")
    demo.field("flux axis").select_option("linear")
    demo.until(lambda: "left out of the log axis" not in demo.text(".lrs-spectrum"))


def test_error_band_and_curves_are_switched(demo: ExplorerPage) -> None:
    demo.tab("Display")
    figure = demo.plot(SPECTRUM).root
    bands = figure.locator("path.area[style*='rgb(0, 114, 178)'][style*='opacity: 0.25']")
    drawn = "all => all.some(e => e.getBoundingClientRect().width > 0)"
    demo.until(lambda: bands.evaluate_all(drawn))
    demo.root.get_by_label("error band").uncheck()
    demo.until(lambda: not bands.evaluate_all(drawn))
    demo.root.get_by_label("error band").check()
    demo.root.get_by_label("delivered x1d").uncheck()
    demo.until(lambda: "delivered" not in demo.legend)
    demo.root.get_by_label("delivered x1d").check()
    demo.until(lambda: "delivered (archive x1d)" in demo.legend)
    shown = pytest.approx(DELIVERED, abs=0.01)
    demo.until(lambda: np.interp(10.0, *demo.plot(SPECTRUM).curve(DELIVERED_COLOR)) == shown)


def test_pins_are_named_coloured_compared_and_removed(demo: ExplorerPage) -> None:
    demo.button("pin").click()
    demo.until(lambda: "center 14.2, width 8.0 (pinned)" in demo.legend)
    demo.button("center on trace").click()
    demo.tab("Pins")
    name = demo.root.get_by_title("Name of this pinned spectrum")
    name.fill("header <place>")
    name.press("Enter")
    demo.until(lambda: "header <place> (pinned)" in demo.legend)
    as_it_was = pytest.approx(DELIVERED, abs=0.01)
    demo.until(lambda: np.interp(10.0, *demo.plot(SPECTRUM).curve(PIN_COLORS[0])) == as_it_was)
    demo.root.locator(".lrs-pins input[type=color]").fill("#112233")
    demo.until(
        lambda: demo.plot(SPECTRUM).root.locator("path.line[style*='rgb(17, 34, 51)']").count()
    )
    demo.tab("Display")
    demo.field("against").select_option("header <place>")
    demo.until(lambda: "live ÷ header <place>" in demo.text(".lrs-statistics"))
    demo.until(lambda: demo.median == pytest.approx(1.90, abs=0.05))
    demo.field("lower panel").select_option("difference")
    demo.until(lambda: "live − header <place>" in demo.text(".lrs-statistics"))
    demo.until(demo.plot(COMPARISON).root.get_by_text("difference [mJy]").count)
    demo.screenshot("demo-1280-pin")
    demo.field("lower panel").select_option("none")
    demo.until(lambda: not demo.root.locator(".lrs-statistics").is_visible())
    demo.until(demo.plot(SPECTRUM).root.get_by_text("wavelength [µm]").count)
    demo.field("lower panel").select_option("ratio")
    demo.tab("Pins")
    demo.root.locator(".lrs-pins").get_by_role("checkbox").uncheck()
    demo.until(lambda: "pinned" not in demo.legend)
    demo.button("✕", ".lrs-pins").click()
    demo.until(lambda: "Nothing pinned yet" in demo.text(".lrs-tabs"))
    demo.until(lambda: re.search("live ÷ (delivered|truth)", demo.text(".lrs-statistics")))
    demo.tab("Display")
    demo.field("against").select_option("truth")  # as it was, for the tests that follow
    demo.until(lambda: "live ÷ truth" in demo.text(".lrs-statistics"))


def test_flux_axis_is_zoomed_by_buttons(demo: ExplorerPage) -> None:
    before = demo.at_rest(lambda: demo.plot(SPECTRUM).y_limits)
    demo.button("y +").click()
    demo.until(lambda: demo.plot(SPECTRUM).y_limits[1] < before[1] * 0.95)
    demo.button("fit y").click()
    demo.until(lambda: demo.plot(SPECTRUM).y_limits == pytest.approx(before, rel=1e-3))
