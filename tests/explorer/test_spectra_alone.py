"""Spectra without an image: what needs one is left out, and what does not works."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from explorer_page import DEMO, Open
from test_time_series import DEMO_SERIES, DYNAMIC, LIGHT, figure, points, statistics
from voila_server import SCREENSHOTS

import lrs_explorer as lrs
from lrs_explorer.model.files.image_file import read_spectrum

STEM = "jw90010001001_03102_0000{}_mirimage"
LEFT_OUT = "Only spectra can be shown: "


@pytest.fixture
def spectra(tmp_path: Path) -> Path:
    """Return a folder with the spectra of two nods, and the image of the first in another."""
    folder = tmp_path / "spectra"
    folder.mkdir()
    for number in (1, 2):
        shutil.copy(DEMO / f"{STEM.format(number)}_x1d.fits", folder)
    return folder


def tabs(ui: lrs.Explorer) -> list[str]:
    return [title.split(" (")[0] for title in ui._screen.tabs.titles]


def test_a_spectrum_alone_is_pinned_saved_and_compared(spectra: Path, tmp_path: Path) -> None:
    ui = lrs.Explorer(spectra)
    assert tabs(ui) == ["Findings", "Flux", "Display", "Pins", "Info"]
    (message,) = ui._screen.messages.messages
    assert LEFT_OUT in message.text
    assert ui._screen.toolbar.undo.disabled
    ui.pin()
    (pin,) = ui._screen.pins.pins
    assert pin.name == f"{STEM.format(1)}_x1d.fits"
    (first, _), (second, other) = ui._screen.toolbar.image.options
    assert (first, second) == ("Nod 1 (−0.94″), x1d", "Nod 2 (+0.94″), x1d")
    ui._controller.choose_image(other)
    shown = ui._controller.shown.delivered
    assert shown is not None
    assert shown.path == spectra / f"{STEM.format(2)}_x1d.fits"
    assert ui._screen.messages.messages == (message,)
    saved = ui.save_spectrum(tmp_path / "saved_x1d.fits")
    again = lrs.open_observation(saved).delivered()
    assert again is not None
    np.testing.assert_array_equal(again.flux, shown.flux)
    assert fits.getheader(saved)["LRSXORIG"] == "delivered"


def test_between_an_image_and_a_spectrum_alone(spectra: Path) -> None:
    shutil.copy(DEMO / f"{STEM.format(1)}_s2d.fits", spectra)
    ui = lrs.Explorer(spectra / f"{STEM.format(2)}_x1d.fits")
    assert ui.spectrum is None  # the one that was opened has no image
    (_, with_image), (_, alone) = ui._screen.toolbar.image.options
    ui._controller.choose_image(with_image)
    assert ui.spectrum is not None
    assert tabs(ui)[0] == "Extraction"
    ui._screen.messages.clear()
    ui._controller.choose_image(alone)
    assert ui.spectrum is None
    assert "Extraction" not in tabs(ui)
    (message,) = ui._screen.messages.messages
    assert LEFT_OUT in message.text


def test_of_spectra_of_a_series_alone_nothing_is_offered_that_needs_images(tmp_path: Path) -> None:
    for path in DEMO_SERIES.glob("*x1dints.fits*"):
        shutil.copy(path, tmp_path)
    ui = lrs.Explorer(tmp_path)
    ui._controller.finish()
    (time,) = (tab for tab in ui._screen._tabs if tab.name == "Time")
    shown = [part.title for part in time.content.children if part.layout.display != "none"]
    assert shown == ["Integrations", "Light curves"]
    tab = next(one for one in ui._controller.panels if type(one).__name__ == "TimeTab")
    assert tab.light.scan.disabled
    assert not tab.light.save.disabled


def test_the_page_of_a_spectrum_alone(open_explorer: Open, spectra: Path) -> None:
    page = open_explorer(spectra)
    page.button("pin").click()
    page.field("image").select_option("Nod 2 (+0.94″), x1d")
    page.until(lambda: re.search(r"delivered ÷ \S+: median (?!1,)", page.root.inner_text()))
    assert any(LEFT_OUT in one for one in page.messages)
    assert page.root.locator("[data-curve=live]").count() == 0
    page.screenshot("spectra-alone")
    assert page.page.problems == []  # type: ignore[attr-defined]
    page.page.close()


def test_joined_visits_have_a_gap_in_time(open_explorer: Open, tmp_path: Path) -> None:
    for path in DEMO_SERIES.glob("*-seg*x1dints.fits*"):
        for visit in (1, 2):
            with fits.open(path) as hdus:
                hdus[0].header["VISIT"] = f"{visit:03d}"
                for hdu in hdus[1:]:
                    for name in getattr(hdu, "columns", fits.ColDefs([])).names:
                        if "MJD" in name or "TDB" in name:
                            hdu.data[name] += 0.05 * (visit - 1)
                name = path.name.removesuffix(".gz").replace("001001_", f"001{visit:03d}_")
                hdus.writeto(tmp_path / name)
    page = open_explorer(tmp_path)
    page.until(lambda: points(figure(page, LIGHT)) == 30)
    assert any("visit 2, exposure" in one for one in page.messages)
    first = next(tmp_path.glob("*001002_*"))
    page.button("open…").click()
    page.page.get_by_label("join exposures").check()
    page.field("path").fill(str(first))
    page.button("open path").click()
    page.until(lambda: points(figure(page, LIGHT)) == 60)
    page.until(lambda: "ppm" in statistics(page))
    page.screenshot("series-joined")
    figure(page, DYNAMIC).screenshot(path=SCREENSHOTS / "series-joined-dynamic.png")
    figure(page, LIGHT).screenshot(path=SCREENSHOTS / "series-joined-light.png")
    drawn = figure(page, DYNAMIC).locator("path.line")
    page.until(lambda: any(one.get_attribute("d") for one in drawn.all()), 20)
    assert page.page.problems == []  # type: ignore[attr-defined]
    page.page.close()


def test_what_needs_an_image_is_one_line_among_the_findings(
    open_explorer: Open, spectra: Path
) -> None:
    page = open_explorer(spectra)
    page.tab("Findings")
    page.until(lambda: "undetermined" in page.text(".lrs-tabs"))
    page.root.get_by_role("button", name="undetermined").first.click()
    lines = page.root.locator(".lrs-card", has_text="Aperture position")
    page.until(lambda: lines.is_visible())
    assert lines.count() == 1
    assert "Pathloss (MR-LRS04)" in lines.inner_text()
    page.until(lambda: "has no image to show" in page.text(".lrs-panel:visible"))
    page.screenshot("findings-without-images")
    assert page.page.problems == []  # type: ignore[attr-defined]
    page.page.close()


def test_a_spectrum_is_saved_with_the_errors_that_the_recipe_asks_for(tmp_path: Path) -> None:
    ui = lrs.Explorer(lrs.demo())
    errors = lrs.Uncertainty("bootstrap", 20, 3)
    ui.recipe = ui.recipe.replace(aperture=lrs.Aperture(18.3, 8.0), uncertainty=errors)
    saved = read_spectrum(ui.save_spectrum(tmp_path / "mine_x1d.fits"))
    assert ui.observation is not None
    expected = lrs.extract(ui.observation, ui.recipe)
    np.testing.assert_array_equal(saved.flux_error, expected.flux_error)
    np.testing.assert_allclose(saved.covariance, expected.covariance)
