"""Bad pixels and cosmic rays of a slitless series on the screen, fixed by runs of the pipeline."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
from explorer_page import IMAGE, LIVE_COLOR, SPECTRUM, TRUTH_COLOR, ExplorerPage
from test_reprocessing import go_back, state, until_done
from test_time_series import scatter, statistics, typed


@pytest.fixture
def series(series_page: ExplorerPage) -> Iterator[ExplorerPage]:
    """Return a page as the archive left the observation; it must stay sound."""
    series_page.dismiss_messages()
    go_back(series_page)
    series_page.until_live()
    scatter(series_page)
    series_page.at_rest(lambda: statistics(series_page))
    yield series_page
    assert series_page.messages == []
    assert series_page.page.problems == []  # type: ignore[attr-defined]


def deepest(series: ExplorerPage) -> float:
    """Return the least part of the true flux that is drawn, in 5.5 to 11.5 micron."""
    figure = series.plot(SPECTRUM)
    wavelength, flux = figure.curve(LIVE_COLOR)
    inside = (wavelength > 5.5) & (wavelength < 11.5)
    return float(np.min(flux[inside] / np.interp(wavelength[inside], *figure.curve(TRUTH_COLOR))))


def flux_at(series: ExplorerPage, wavelength: float) -> float:
    """Return the flux that is drawn at a wavelength, the least of its neighbours'."""
    at, flux = series.plot(SPECTRUM).curve(LIVE_COLOR)
    return float(np.min(flux[np.abs(at - wavelength) < 0.06]))


def tabs(series: ExplorerPage) -> list[str]:
    return [name.partition(" (")[0] for name in series.root.get_by_role("tab").all_inner_texts()]


def test_tabs_are_those_of_the_mode(series: ExplorerPage, demo: ExplorerPage) -> None:
    common = {"Extraction", "Findings", "Pixels", "Choices", "Flux", "Recipe", "Display"}
    common |= {"Pins", "Info"}
    assert set(tabs(series)) == common | {"Time"}
    assert set(tabs(demo)) == common | {"Slit", "Nods"}


def test_bad_pixels_are_replaced_in_all_integrations(series: ExplorerPage) -> None:
    series.tab("Pixels")
    panel = ".lrs-panel:visible"
    series.until(lambda: "in most integrations" in series.text(panel))
    series.until(lambda: " 0 replaced" in series.text(panel))
    # A pixel without a value takes its light along.
    series.until(lambda: deepest(series) < 0.9)
    series.field("replace").select_option("mingrad")
    until_done(series)
    series.until(lambda: deepest(series) > 0.95)
    series.until(lambda: " 0 replaced" not in series.text(panel))
    scatter(series)
    series.screenshot("series-pixels-replaced")


def test_a_pixel_is_flagged_by_a_click(series: ExplorerPage) -> None:
    series.tab("Pixels")
    series.until(lambda: "in most integrations" in series.text(".lrs-panel:visible"))
    before = series.at_rest(lambda: flux_at(series, 7.0))
    box = series.page.get_by_label("a click on the image flags a pixel, or clears it")
    box.check()
    place = series.plot(IMAGE).at(7.0, 37.0)
    series.page.mouse.click(*place)
    series.until(lambda: "flagged by hand in the recipe: 1" in series.text(".lrs-panel:visible"))
    series.until(lambda: "preview;" in series.text(".lrs-run"))
    series.until(lambda: flux_at(series, 7.0) < 0.9 * before)
    series.page.mouse.move(place[0] + 2, place[1])
    series.until(lambda: "detector (" in series.text(".lrs-readout"))
    box.uncheck()


def test_hot_pixels_are_proposed_flagged_and_replaced(series: ExplorerPage) -> None:
    series.tab("Pixels")
    series.until(lambda: "in most integrations" in series.text(".lrs-panel:visible"))
    series.button("find outliers").click()
    series.until(lambda: re.search(r"\d outlier", series.text(".lrs-panel:visible")))
    series.button("flag all").click()
    series.until(lambda: series.button("flag all").is_disabled())
    series.field("replace").select_option("fit_profile")
    until_done(series)
    series.until(lambda: deepest(series) > 0.9)
    series.until(lambda: "4 flagged by hand" in series.text(".lrs-panel:visible"))
    series.screenshot("series-hot-pixels")


def test_the_pipelines_own_outlier_detection_is_run(series: ExplorerPage) -> None:
    series.tab("Time")
    before, notch = scatter(series), series.at_rest(lambda: deepest(series))
    series.field("outliers").select_option("outlier_detection")
    until_done(series)
    series.until(lambda: scatter(series) != before)
    left = series.at_rest(lambda: deepest(series))
    assert left > notch - 0.02, "no pixel is lost that some integrations have"
    series.until(lambda: "times as noisy" in series.text(".lrs-panel:visible"))
    series.page.get_by_text("times as noisy").scroll_into_view_if_needed()
    series.screenshot("series-outlier-detection")
    series.button("↶ undo").click()
    series.until(lambda: "times as noisy" not in series.text(".lrs-panel:visible"))


def watch(series: ExplorerPage) -> None:
    """Note from now on whatever is told of the light curves, however short it stands."""
    series.page.evaluate(
        """() => {
          const text = () => document.querySelector('.lrs-light-statistics')?.textContent ?? '';
          window.told = [text()];
          window.watching?.disconnect();
          window.watching = new MutationObserver(() => window.told.push(text()));
          window.watching.observe(document.querySelector('.lrs-explorer'),
            { childList: true, characterData: true, subtree: true });
        }"""
    )


def told(series: ExplorerPage) -> list[int]:
    """Return each scatter from point to point that was told since `watch`, ppm."""
    texts: list[str] = series.page.evaluate("window.told")
    return [int(one) for text in texts for one in re.findall(r": scatter (\d+) ppm", text)]


def test_the_light_curve_follows_columns_while_pixels_are_replaced(series: ExplorerPage) -> None:
    series.tab("Time")
    series.page.get_by_label("subtract a 2-D background").check()
    series.until(lambda: "After subtraction" in series.text(".lrs-panel:visible"))
    series.tab("Pixels")
    series.field("replace").select_option("mingrad")
    until_done(series)
    series.until(lambda: " 0 replaced" not in series.text(".lrs-panel:visible"))
    series.at_rest(lambda: scatter(series))
    series.tab("Time")
    plot, mouse = series.plot(IMAGE), series.page.mouse
    x = 0.5 * sum(plot.x_limits)
    mouse.move(*plot.at(x, 14.5))
    began = float(typed(series)[0][0])
    for position in (13.0, 10.0):  # the second while the run for the first is under way
        lower = began + position - 14.5
        mouse.down()
        mouse.move(*plot.at(x, position), steps=4)
        series.until(
            lambda at=lower: float(typed(series)[0][0]) == pytest.approx(at, abs=1.1 * plot.pixel)
        )
        dragged = series.at_rest(lambda: scatter(series))
        if position == 10.0:
            watch(series)
            until_done(series)
            last = series.at_rest(lambda: scatter(series))
            assert told(series) == pytest.approx([dragged] * len(told(series)), rel=0.05), (
                "never the curve of the columns that the run was for"
            )
            assert last == pytest.approx(dragged, rel=0.05), "still these columns"
        mouse.up()
        series.until(lambda: state(series) == "running")
    until_done(series)
    assert series.at_rest(lambda: scatter(series)) == pytest.approx(dragged, rel=0.05)


def test_everything_found_is_fixed_at_once(series: ExplorerPage) -> None:
    before = scatter(series)
    series.tab("Findings")
    series.until(series.button("Fix all").is_enabled)
    series.button("Fix all").click()
    until_done(series)
    series.until(lambda: deepest(series) > 0.95)
    series.until(lambda: "No problems, " in series.text(".lrs-panel:visible"))
    series.until(lambda: scatter(series) < 0.8 * before)
    series.screenshot("series-fixed")
