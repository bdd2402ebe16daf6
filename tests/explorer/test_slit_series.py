"""A time series in the slit: the tabs Time and Slit together, its pathloss corrected anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from explorer_page import ExplorerPage, Open

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def series(open_explorer: Open, series_in: Callable[[str], Path]) -> Iterator[ExplorerPage]:
    explorer = open_explorer(series_in("SUBSLIT"))
    explorer.until_live()
    yield explorer
    assert explorer.page.problems == []  # type: ignore[attr-defined]
    explorer.page.close()


def test_time_and_slit_are_there_together(series: ExplorerPage) -> None:
    series.tab("Slit")
    series.until(lambda: "TA verification" in series.text(".lrs-panel:visible"))
    series.screenshot("slit-series-slit")
    series.tab("Time")
    series.until(lambda: "ppm" in series.text(".lrs-light-statistics"))
    shown = series.root.locator(".lrs-panel:visible").inner_text()
    assert "Light curves" in shown
    assert "2-D background" not in shown, "through the slit there are no columns of sky"
    series.screenshot("slit-series-time")


def test_one_position_drives_aperture_and_pathloss_of_all_integrations(
    series: ExplorerPage,
) -> None:
    series.tab("Slit")
    before = series.aperture()
    series.until(lambda: "2-D Gaussian" in series.text(".lrs-panel:visible"))
    series.root.locator(".lrs-panel:visible button", has_text="use").nth(2).click()
    series.until(lambda: series.aperture() != before)
    series.until(lambda: "made with this recipe" in series.text(".lrs-run"))
    series.until_live()
    series.screenshot("slit-series-corrected")
    series.tab("Time")
    series.until(lambda: "ppm" in series.text(".lrs-light-statistics"))
