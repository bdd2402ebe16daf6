"""What leaves the page by its one form: what is on the screen, in files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import Table
from explorer_page import DEMO
from live_kernel import LiveKernel, live_kernel

import lrs_explorer as lrs
from lrs_explorer.widgets.export_form import EXPORTS, ExportForm


@pytest.fixture(scope="module")
def kernel() -> Iterator[LiveKernel]:
    with live_kernel() as kernel:
        yield kernel


@pytest.fixture
def form(kernel: LiveKernel) -> ExportForm:
    return form_of(kernel)


def form_of(kernel: LiveKernel) -> ExportForm:
    kernel.do(kernel.ui._screen.messages.clear)
    return kernel.ui._screen.toolbar.form


def said(kernel: LiveKernel) -> str:
    return " ".join(one.text for one in kernel.ui._screen.messages.messages)


def details(kernel: LiveKernel) -> str:
    return kernel.ui._screen.messages.messages[0].details


def save(kernel: LiveKernel, form: ExportForm, path: Path, what: str) -> None:
    """Have something written, and wait until it is, or the form says why it is not."""

    def press() -> None:
        form.open(what)
        form.file_name.value = str(path)
        form.data.value = True
        form.save.click()

    kernel.do(press)
    kernel.until(lambda: form.result.value == "" or not WAITING.search(form.result.value))
    assert form.is_open == (form.result.value != "")


WAITING = re.compile("being|drawn")


def test_the_figure_is_what_is_on_the_screen(
    kernel: LiveKernel, form: ExportForm, tmp_path: Path
) -> None:
    kernel.drag(2.0)
    before = dict(mpl.rcParams)
    save(kernel, form, tmp_path / "a.svg", "figure spectrum")
    assert f"written to {tmp_path / 'a.svg'}" in said(kernel)
    table = Table.read(tmp_path / "a.ecsv")
    own = table[table["curve"] == "spectrum"]
    spectrum = kernel.ui.spectrum
    assert spectrum is not None
    np.testing.assert_allclose(own["flux"], 1e3 * spectrum.flux, rtol=1e-15)
    assert table.meta["recipe"]["aperture"]["center"] == pytest.approx(kernel.center())
    save(kernel, form, tmp_path / "b.pdf", "figure image")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF-")
    assert dict(mpl.rcParams) == before


def test_names_follow_the_choice(kernel: LiveKernel, form: ExportForm) -> None:
    whats = [what for _, what in form.what.options]
    assert whats == [what for what in EXPORTS if what != "figure light_curves"]

    def choose() -> None:
        form.open("figure spectrum")
        form.file_name.value = "figures/mine.pdf"
        form.what.value = "report"

    kernel.do(choose)
    assert form.file_name.value == "figures/jw90010-o001_report.html"
    assert form.save.description == "save report"
    kernel.do(form.close)


def test_no_file_is_replaced_unasked(kernel: LiveKernel, form: ExportForm, tmp_path: Path) -> None:
    for what, ending in (("figure spectrum", "png"), ("recipe", "json"), ("package", "zip")):
        path = tmp_path / f"a.{ending}"
        path.write_text("mine")
        save(kernel, form, path, what)
        assert "exists" in form.result.value
        assert path.read_text() == "mine"
    save(kernel, form, tmp_path / "a.eps", "figure spectrum")
    assert "ends in .pdf, .png, .svg" in form.result.value
    kernel.do(form.close)


def test_the_report_is_of_the_recipe_on_the_screen(
    kernel: LiveKernel, form: ExportForm, tmp_path: Path
) -> None:
    kernel.drag(1.0)
    path = tmp_path / "report.html"

    def press() -> None:
        form.open("report")
        form.file_name.value = str(path)
        form.save.click()

    kernel.do(press)
    center = kernel.center()
    kernel.drag(-1.0)  # the page goes on
    kernel.until(lambda: f"written to {path}" in said(kernel))
    text = path.read_text()
    assert f"aperture at {center:.2f}, 8.00 wide" in text
    assert text.count("<img ") >= 8


def test_files_for_the_pipeline(kernel: LiveKernel, form: ExportForm, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    kernel.drag(0.5)
    recipe = kernel.do(lambda: kernel.ui.recipe)
    save(kernel, form, folder, "pipeline")
    assert f"files written to {folder}" in said(kernel)
    assert "_pipeline.py: Python script" in details(kernel)
    (written,) = folder.glob("*_recipe.json")
    assert lrs.Recipe.from_json(written) == recipe
    (reference,) = folder.glob("*_extract1d.json")
    (aperture,) = json.loads(reference.read_text())["apertures"]
    assert recipe.aperture is not None
    assert aperture["xstart"] == recipe.aperture.center - (recipe.aperture.width - 1) / 2
    save(kernel, form, folder, "pipeline")
    assert "choose another folder" in form.result.value
    kernel.do(form.close)


@pytest.mark.pipeline
def test_a_package_is_made_and_opened(kernel: LiveKernel, form: ExportForm, tmp_path: Path) -> None:
    """The figures are drawn between messages; it opens with its recipe, a step to undo."""
    kernel.drag(1.0)
    recipe, spectrum = kernel.do(lambda: kernel.ui.recipe), kernel.ui.spectrum
    path, before = tmp_path / "paper.zip", dict(mpl.rcParams)
    save(kernel, form, path, "package")
    kernel.until(lambda: f"package written to {path}" in said(kernel))
    assert "README.md: " in details(kernel)
    assert [one.name for one in tmp_path.iterdir()] == ["paper.zip"]
    assert dict(mpl.rcParams) == before
    panel = kernel.ui._screen.open

    def open_it() -> None:
        panel.open()
        panel.data.value = str(DEMO)
        panel.path.value = str(path)
        panel.open_path.click()

    kernel.do(open_it)
    kernel.until(lambda: kernel.ui._controller.shown.spectrum is not None)
    assert not panel.shown
    assert kernel.do(lambda: kernel.ui.recipe) == recipe
    again = kernel.ui.spectrum
    assert spectrum is not None
    assert again is not None
    for name, values in spectrum.columns.items():
        np.testing.assert_array_equal(again.columns[name], values, err_msg=name)
    kernel.do(kernel.ui.undo)
    assert kernel.do(lambda: kernel.ui.recipe.aperture) is None


def test_a_series_has_light_curves(tmp_path: Path) -> None:
    with live_kernel(lrs.demo("slitless")) as kernel:
        form = form_of(kernel)
        assert [what for _, what in form.what.options] == [*EXPORTS]
        save(kernel, form, tmp_path / "a.svg", "figure light_curves")
        series = lrs.extract(kernel.ui.observation, kernel.ui.recipe)
        assert isinstance(series, lrs.TimeSeries)
        table = Table.read(tmp_path / "a.ecsv")
        white = table[(table["wavelength_min"] == 5.0) & (table["wavelength_max"] == 12.0)]
        np.testing.assert_allclose(white["relative_flux"], series.light_curve().relative)
