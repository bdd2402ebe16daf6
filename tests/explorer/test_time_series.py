"""A slitless series on the screen: the aperture drag changes the light curve while dragging."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from explorer_page import DEMO, IMAGE, SPECTRUM, ExplorerPage, Open
from numpy.typing import NDArray
from playwright.sync_api import Locator
from plot_reader import Plot
from test_reprocessing import go_back

import lrs_explorer as lrs

DEMO_SERIES = DEMO.parent / "demo_slitless"

LIGHT = "relative flux"
DYNAMIC = "integration"
"""Labels of figures."""


@pytest.fixture(scope="module")
def series(series_page: ExplorerPage) -> Iterator[ExplorerPage]:
    go_back(series_page)
    series_page.until_live()
    series_page.until(lambda: "ppm" in statistics(series_page))
    yield series_page
    assert series_page.page.problems == []  # type: ignore[attr-defined]


def statistics(series: ExplorerPage) -> str:
    """Return what is told of the light curves."""
    return series.text(".lrs-light-statistics")


def panel(series: ExplorerPage) -> str:
    """Return what is written in the tab in front."""
    return series.text(".lrs-panel:visible")


def figure(series: ExplorerPage, label: str) -> Locator:
    """Return the figure with this text along an axis."""
    labels = series.page.get_by_text(label, exact=True)
    return series.root.locator(".lrs-plot").filter(has=labels)


def chooser(series: ExplorerPage) -> Locator:
    """Return the choice between images of the series."""
    return series.root.locator("select[title*='image of the series']")


def points(where: Locator) -> int:
    """Return how many points are drawn in a figure."""
    return where.locator(".dot").count()


def heights(where: Locator) -> list[float]:
    """Return how far below the top of the plot area each point is drawn, screen pixels."""
    found = where.locator(".object_grp").evaluate_all(
        "dots => dots.map(dot => Number(dot.getAttribute('transform').match(/[-.\\d]+/g)[1]))"
    )
    return list(map(float, found))


def values(where: Locator) -> NDArray[np.floating]:
    """Return how high each point is drawn in a figure, by its axis."""
    plot = Plot(where)
    return plot.y_limits[1] - np.array(heights(where)) * plot.pixel


def scatter(series: ExplorerPage) -> int:
    """Return the scatter of the white light curve from point to point, ppm, once it is told."""
    told: list[str] = []

    def found() -> bool:
        told[:] = re.findall(r": scatter (\d+) ppm", statistics(series))
        return bool(told)

    series.until(found)
    return int(told[0])


def test_the_drag_changes_the_light_curve_while_dragging(series: ExplorerPage) -> None:
    before = scatter(series)
    plot = series.plot(IMAGE)
    x = 0.5 * (plot.x_limits[0] + plot.x_limits[1])
    mouse = series.page.mouse
    mouse.move(*plot.at(x, 33.0))
    mouse.down()
    allan = heights(series.root.locator(".lrs-scatter"))
    mouse.move(*plot.at(x, 27.0), steps=4)
    series.until(lambda: scatter(series) > 1.3 * before)
    series.until(lambda: heights(series.root.locator(".lrs-scatter")) != allan)
    mouse.move(*plot.at(x, 33.0), steps=4)
    series.until(lambda: scatter(series) == pytest.approx(before, rel=0.05))
    mouse.up()


def test_the_quietest_width_is_found(series: ExplorerPage) -> None:
    series.tab("Time")
    series.button("scan apertures").click()
    series.until(lambda: "Recommended: center" in panel(series))
    assert "The scan replaced outliers in time" in panel(series)
    plot = series.root.locator(".lrs-scan")
    series.until(lambda: points(plot) == 6 * 18 + 1)
    series.until(lambda: panel(series).count("center ") in (7, 8))  # that of the quietest, too
    plot.scroll_into_view_if_needed()
    series.screenshot("series-scan")
    before = scatter(series)
    series.button("use the recommended").click()
    series.until(lambda: scatter(series) < before)
    outliers = series.field("outliers")
    assert outliers.input_value() == "replace"  # the scan has replaced them
    series.button("↶ undo").click()
    series.until(lambda: outliers.input_value() == "off")
    series.until(lambda: scatter(series) == before)


def test_integrations_are_browsed(series: ExplorerPage) -> None:
    series.tab("Time")
    legends = set()
    for label in ("one integration", "integration − median", "scatter in time", "typical"):
        before = series.text(".lrs-image-legend")
        chooser(series).select_option(label=label)
        series.until(lambda before=before: series.text(".lrs-image-legend") != before)
        legends.add(series.text(".lrs-image-legend"))
    assert len(legends) == 4, "each is another image"
    series.screenshot("series")


def test_the_background_is_subtracted_and_its_drift_told(series: ExplorerPage) -> None:
    series.tab("Time")
    series.until(lambda: re.search("The sky (falls|rises|varies) by", panel(series)))
    series.until(lambda: figure(series, "sky drift [%]").count() == 1)
    series.until(lambda: points(figure(series, "sky drift [%]")) == 30)
    legend = series.at_rest(lambda: series.text(".lrs-image-legend"))
    series.page.get_by_label("subtract a 2-D background").check()
    series.until(lambda: series.text(".lrs-image-legend") != legend)
    series.until(lambda: "After subtraction" in panel(series))
    told = series.at_rest(lambda: re.findall(r"by ([\d.]+) %", panel(series)))
    before, after = map(float, told)
    assert after < 0.1 * before
    series.until(lambda: points(figure(series, "sky drift [%]")) == 60)
    # left and right of the trace
    series.until(lambda: points(figure(series, "left [DN/s]")) == 60)
    series.page.locator(".lrs-sky").scroll_into_view_if_needed()
    series.screenshot("series-background")
    subtracted = series.text(".lrs-image-legend")
    chooser(series).select_option(label="2-D background")
    series.until(lambda: series.text(".lrs-image-legend") != subtracted)
    chooser(series).select_option(label="typical")
    series.button("↶ undo").click()
    series.until(lambda: series.text(".lrs-image-legend") == legend)


def test_light_curves_are_saved(series: ExplorerPage, tmp_path: Path) -> None:
    from astropy.table import Table

    series.tab("Time")
    path = tmp_path / "curves.ecsv"
    series.field("table").fill(str(path))
    series.button("save light curves").click()
    series.until(path.is_file)
    table = Table.read(path)
    assert len(table) == 30
    assert "relative_flux" in table.colnames


def subtract(series: ExplorerPage) -> None:
    """Ask for a 2-D background, once what went before is undone on the screen."""
    box = series.page.get_by_label("subtract a 2-D background")
    series.until(lambda: not box.is_checked())
    box.check()


def scatter_of(aperture: tuple[float, float], columns: tuple[tuple[float, float], ...]) -> float:
    """Return the scatter of the demo's white light curve less the 2-D background, ppm."""
    observation = lrs.demo("slitless")
    recipe = lrs.Recipe.from_observation(observation).replace(
        aperture=lrs.Aperture(*aperture),
        background=lrs.Background(),
        slitless=lrs.SlitlessBackground(subtract=True, columns=columns),
    )
    spectra = lrs.extract(observation, recipe)
    assert isinstance(spectra, lrs.TimeSeries)
    return 1e6 * spectra.light_curve().scatter.point_to_point


def test_the_columns_of_the_background_are_dragged(series: ExplorerPage) -> None:
    series.tab("Time")
    subtract(series)
    series.until(lambda: series.plot(IMAGE).band("columns-1").count() == 1)
    assert series.plot(IMAGE).band("background-1").count() == 0, "one background at a time"
    series.until(lambda: "After subtraction" in panel(series))
    assert typed(series) == [("14.5", "24.5"), ("56.5", "66.5")]
    assert "columns 14.5–24.5 and 56.5–66.5: clear of the trace and its wings" in panel(series)
    # Columns for which no other test has run the pipeline: a run has not been rounded as the
    # demo's products have, and what is shown of the dragged columns is made of it.
    scatter(series)
    before = series.at_rest(lambda: statistics(series))
    series.type("columns 2", 58.5)
    series.until(lambda: statistics(series) != before and scatter(series))
    told = series.at_rest(lambda: statistics(series))
    series.root.locator(".lrs-head").scroll_into_view_if_needed()
    plot = series.plot(IMAGE)
    x = 0.5 * sum(plot.x_limits)
    mouse = series.page.mouse
    mouse.move(*plot.at(x, 19.5))
    mouse.down()
    mouse.move(*plot.at(x, 34.0), steps=4)
    series.until(lambda: "lies over the trace, whose light fills" in panel(series))
    mouse.move(*plot.at(x, 4.0), steps=4)
    series.until(lambda: "let go to measure the background of these columns" in panel(series))
    kept = [("3.5", "13.5"), ("58.5", "66.5")]  # off the reference pixels
    series.until(lambda: typed(series) == kept)
    # The curve under the drag is the one of these columns.
    expected = pytest.approx(scatter_of(series.aperture(), ((3.5, 13.5), (58.5, 66.5))), abs=1)
    series.until(lambda: scatter(series) == expected)
    mouse.up()
    series.until(lambda: "After subtraction" in panel(series))
    assert series.at_rest(lambda: scatter(series)) == expected
    series.screenshot("series-columns")  # of the whole page, which moves it under a pointer

    def edges() -> tuple[float, float]:
        return series.plot(IMAGE).edges("columns-1")  # anew: the page scrolls as texts grow

    series.until(lambda: edges() == pytest.approx((3.5, 13.5), abs=0.2))
    plot = series.plot(IMAGE)
    mouse.move(*plot.at(x, 7.5))
    mouse.down()
    mouse.move(*plot.at(x, 33.0), steps=4)
    series.until(lambda: "lies over the trace, whose light fills" in panel(series))
    mouse.up()
    series.until(lambda: any("over the trace" in one for one in series.messages))
    series.until(lambda: edges() == pytest.approx((3.5, 13.5), abs=0.2))
    series.button("↶ undo").click()
    series.until(lambda: statistics(series) == told)
    series.button("↶ undo").click()
    series.until(lambda: statistics(series) == before)
    series.button("↶ undo").click()
    series.until(lambda: plot.band("columns-1").count() == 0)


def typed(series: ExplorerPage) -> list[tuple[str, str]]:
    """Return the edges of the columns as the fields show them."""
    rows = series.root.locator(".lrs-row:visible").filter(has_text=re.compile(r"^columns \d"))
    found = []
    for one in rows.all():
        lower, upper = one.locator("input").all()
        found.append((lower.input_value(), upper.input_value()))
    return found


def test_columns_are_typed_added_and_removed(series: ExplorerPage) -> None:
    series.tab("Time")
    subtract(series)

    def band(number: int) -> Locator:
        return series.plot(IMAGE).band(f"columns-{number}")

    series.until(lambda: band(2).count() == 1)
    series.type("columns 2", 60.5)
    series.until(
        lambda: series.plot(IMAGE).edges("columns-2") == pytest.approx((60.5, 66.5), abs=0.2)
    )
    series.button("add columns").click()
    series.until(lambda: band(3).count() == 1)
    series.until(lambda: len(typed(series)) == 3)
    series.page.locator("button[title*='Remove range 1']").click()
    series.until(lambda: band(3).count() == 0)
    series.until(lambda: typed(series)[0] == ("60.5", "66.5"))
    for edge, wrong in ((2, "covers reference pixels"), (70, "must have lower < upper")):
        series.type("columns 1", edge)
        series.until(lambda wrong=wrong: [wrong in one for one in series.messages] == [True])
        series.until(lambda: typed(series)[0] == ("60.5", "66.5"))  # what held before holds on
    for _ in range(4):
        series.button("↶ undo").click()
    series.until(lambda: band(1).count() == 0)


def test_three_ways_to_a_background_are_compared(series: ExplorerPage) -> None:
    series.tab("Time")
    series.button("compare backgrounds").click()
    series.until(lambda: "no background" in statistics(series))
    series.until(lambda: points(figure(series, LIGHT)) == 90)
    for way in ("extract_1d's regions", "2-D background"):
        series.until(lambda way=way: way in statistics(series))
    series.screenshot("series-three-ways")


def test_the_motion_of_the_trace_is_drawn_and_goes_with_the_flux(series: ExplorerPage) -> None:
    series.tab("Time")
    series.button("measure motion").click()
    series.until(lambda: points(figure(series, "trace position [px]")) == 30)
    series.until(lambda: points(figure(series, "trace FWHM [px]")) == 30)
    correlated = r"flux with position [+-]0\.\d\d, with FWHM [+-]0"
    series.until(lambda: re.search(correlated, series.text(".lrs-motion")))
    position = figure(series, "trace position [px]")
    position.scroll_into_view_if_needed()
    series.screenshot("series-motion")
    middle = {"x": 0.5 * Plot(position).width, "y": 8}
    position.locator(".plotarea_events").click(position=middle, force=True)
    series.until(lambda: integration(series) in (15, 16))


def integration(series: ExplorerPage) -> int:
    """Return which integration the slider stands at."""
    return int(series.root.locator(".widget-readout:visible").first.inner_text())


def test_integrations_are_stepped_by_keys_played_and_picked(series: ExplorerPage) -> None:
    series.tab("Time")
    dynamic = figure(series, DYNAMIC)
    dynamic.scroll_into_view_if_needed()
    series.page.mouse.click(*Plot(dynamic).at(9.0, 21.0))
    series.until(lambda: integration(series) == 21)
    handle = series.root.locator(".noUi-handle:visible").first
    handle.press("ArrowRight")
    series.until(lambda: integration(series) == 22)
    play, stop = series.root.locator(".widget-play button:visible").all()[:2]
    series.page.evaluate(
        """() => {
          const readout = [...document.querySelectorAll('.lrs-explorer .widget-readout')]
            .find(e => e.getBoundingClientRect().width > 0);
          window.played = [];
          new MutationObserver(() => window.played.push(Number(readout.textContent)))
            .observe(readout, { childList: true, characterData: true, subtree: true });
        }"""
    )
    play.click()
    series.until(lambda: 4 in series.page.evaluate("window.played"))
    stop.click()
    chooser(series).select_option(label="typical")


def test_wavelengths_are_brushed(series: ExplorerPage) -> None:
    series.tab("Time")
    series.button("white light only").click()
    series.until(lambda: len(statistics(series).splitlines()) == 1)
    roots = {6.0: series.plot(SPECTRUM).root, 8.0: figure(series, DYNAMIC)}
    for number, (low, root) in enumerate(roots.items(), start=1):
        root.scroll_into_view_if_needed()
        plot = Plot(root)
        height = 0.5 * sum(plot.y_limits)
        across = plot.at(low + 1, height)[0] - plot.at(low, height)[0]
        series.page.keyboard.down("Shift")
        plot.drag((low, height), across, 0)
        series.page.keyboard.up("Shift")
        series.until(lambda n=number: len(statistics(series).splitlines()) == 1 + n)
        assert Plot(root).x_limits == pytest.approx(plot.x_limits, abs=0.02), "nothing was panned"
    told = re.findall(r"(\d+\.\d\d)–(\d+\.\d\d) µm", statistics(series))
    assert [tuple(map(float, one)) for one in told[1:]] == [
        pytest.approx((6, 7), abs=0.02),
        pytest.approx((8, 9), abs=0.02),
    ]
    series.button("white light only").click()
    series.until(lambda: len(statistics(series).splitlines()) == 1)


def test_outliers_are_replaced(series: ExplorerPage) -> None:
    series.tab("Time")
    before = scatter(series)
    series.field("outliers").select_option("replace")
    series.until(lambda: scatter(series) < before)
    series.button("↶ undo").click()
    series.until(lambda: scatter(series) == before)


@pytest.mark.parametrize("width", [1280, 1920])
def test_the_shared_series_shows_its_transit(
    shared_data: Path, open_explorer: Open, width: int
) -> None:
    series = open_explorer(shared_data / "slitless-90002", width, 1080)
    series.until_live()
    series.until(lambda: "ppm" in statistics(series))
    series.until(lambda: points(figure(series, LIGHT)) == 60)
    before = series.at_rest(lambda: scatter(series))
    seen = series.at_rest(lambda: heights(figure(series, LIGHT)))
    plot = series.plot(IMAGE)
    x = 0.5 * sum(plot.x_limits)
    aperture = 0.5 * sum(plot.edges("aperture"))
    series.page.mouse.move(*plot.at(x, aperture))
    series.page.mouse.down()
    series.page.mouse.move(*plot.at(x, aperture - 5.0), steps=4)
    series.until(lambda: scatter(series) > 2 * before)
    series.until(lambda: heights(figure(series, LIGHT)) != seen)
    series.page.mouse.move(*plot.at(x, aperture), steps=4)
    series.page.mouse.up()
    # A click may overtake what is left of a drag, which would then end the comparison.
    series.until(series.button("↶ undo").is_enabled)
    series.tab("Time")
    series.button("compare backgrounds").click()
    series.until(lambda: "no background" in statistics(series))
    series.until(lambda: points(figure(series, LIGHT)) == 180)
    drawn = series.at_rest(lambda: values(figure(series, LIGHT)).tolist())
    raw, _regions, sky = np.reshape(drawn, (3, 60))
    depth = 1 - np.median(sky[25:36]) / np.median(np.r_[sky[8:19], sky[43:]])
    assert depth == pytest.approx(0.01045, abs=6e-4), "the truth"
    assert np.median(raw[50:]) - np.median(raw[8:19]) > 0.005, "the drift of the background"
    assert np.median(sky[50:]) - np.median(sky[8:19]) == pytest.approx(0, abs=1e-3)
    figure(series, "sky drift [%]").scroll_into_view_if_needed()
    series.screenshot(f"series-shared-{width}")
    wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert series.page.evaluate(wide), "nothing is cut off"
    assert series.page.problems == []  # type: ignore[attr-defined]
    series.page.close()
