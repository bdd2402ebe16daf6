"""A slitless series on the screen: the aperture drag changes the light curve while dragging."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_page import IMAGE, ExplorerPage
from playwright.sync_api import Browser
from test_reprocessing import LONG
from voila_server import open_page, write_notebook


@pytest.fixture(scope="module")
def series(served: tuple[Path, str], browser: Browser) -> Iterator[ExplorerPage]:
    folder, url = served
    cells = ["import lrs_explorer as lrs", 'lrs.Explorer(lrs.demo("slitless"))']
    write_notebook(cells, folder / "series.ipynb")
    explorer = ExplorerPage(open_page(browser, f"{url}voila/render/series.ipynb"))
    explorer.until_live()
    explorer.until(lambda: "ppm" in explorer.text(".lrs-light-statistics"), LONG)
    yield explorer
    assert explorer.page.problems == []  # type: ignore[attr-defined]
    explorer.page.close()


def scatter(series: ExplorerPage) -> int:
    """Return the scatter of the white light curve from point to point, ppm."""
    found = re.search(r": (\d+) ppm from point", series.text(".lrs-light-statistics"))
    assert found
    return int(found.group(1))


def test_the_drag_changes_the_light_curve_while_dragging(series: ExplorerPage) -> None:
    before = scatter(series)
    plot = series.plot(IMAGE)
    x = 0.5 * (plot.x_limits[0] + plot.x_limits[1])
    mouse = series.page.mouse
    mouse.move(*plot.at(x, 33.0))
    mouse.down()
    mouse.move(*plot.at(x, 27.0), steps=4)
    series.until(lambda: scatter(series) > 1.3 * before, LONG)
    mouse.move(*plot.at(x, 33.0), steps=4)
    series.until(lambda: scatter(series) == pytest.approx(before, rel=0.05), LONG)
    mouse.up()


def test_the_quietest_width_is_found(series: ExplorerPage) -> None:
    series.tab("Time")
    series.button("scan apertures").click()
    series.until(lambda: "quietest at center" in series.text(".lrs-panel:visible"), LONG)
    before = scatter(series)
    series.button("use the quietest").click()
    series.until(lambda: scatter(series) < before, LONG)
    series.button("measure motion").click()
    series.until(lambda: "the trace moves by" in series.text(".lrs-panel:visible"), LONG)


def test_integrations_are_browsed(series: ExplorerPage) -> None:
    series.tab("Time")
    chooser = series.root.locator("select[title*='image of the series']")
    legends = set()
    for label in ("one integration", "integration − median", "scatter in time", "typical"):
        before = series.text(".lrs-image-legend")
        chooser.select_option(label=label)
        series.until(lambda before=before: series.text(".lrs-image-legend") != before, LONG)
        legends.add(series.text(".lrs-image-legend"))
    assert len(legends) == 4, "each is another image"
    series.screenshot("series")


def test_the_background_is_subtracted_and_its_drift_told(series: ExplorerPage) -> None:
    series.tab("Time")
    series.until(lambda: "drifts by" in series.text(".lrs-panel:visible"), LONG)
    legend = series.text(".lrs-image-legend")
    series.page.get_by_label("subtract a 2-D background").check()
    series.until(lambda: series.text(".lrs-image-legend") != legend, LONG)
    series.until(lambda: "drifts by" in series.text(".lrs-panel:visible"), LONG)
    series.button("↶ undo").click()
    series.until(lambda: series.text(".lrs-image-legend") == legend, LONG)


def test_light_curves_are_saved(series: ExplorerPage, tmp_path: Path) -> None:
    from astropy.table import Table

    series.tab("Time")
    path = tmp_path / "curves.ecsv"
    series.field("table").fill(str(path))
    series.button("save light curves").click()
    series.until(path.is_file, LONG)
    table = Table.read(path)
    assert len(table) == 30
    assert "relative_flux" in table.colnames
