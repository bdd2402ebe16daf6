"""Figures and the report from the page: what is on the screen, in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from astropy.table import Table
from live_kernel import LiveKernel, live_kernel

import lrs_explorer as lrs
from lrs_explorer.widgets.handover_panel import HandoverControls


@pytest.fixture(scope="module")
def kernel() -> Iterator[LiveKernel]:
    with live_kernel() as kernel:
        yield kernel


@pytest.fixture
def controls(kernel: LiveKernel) -> HandoverControls:
    found = kernel.tab("RecipeTab").handing_over.controls
    assert isinstance(found, HandoverControls)
    return found


def save(kernel: LiveKernel, controls: HandoverControls, path: Path, kind: str) -> None:
    def press() -> None:
        controls.kind.value = kind
        controls.file_name.value = str(path)
        controls.data.value = True
        controls.save.click()

    kernel.do(press)
    kernel.until(lambda: "being made" not in controls.result.value)


def test_the_figure_is_what_is_on_the_screen(
    kernel: LiveKernel, controls: HandoverControls, tmp_path: Path
) -> None:
    kernel.drag(2.0)
    before = dict(mpl.rcParams)
    save(kernel, controls, tmp_path / "a.svg", "spectrum")
    assert f"written to {tmp_path / 'a.svg'}" in controls.result.value
    table = Table.read(tmp_path / "a.ecsv")
    own = table[table["curve"] == "spectrum"]
    spectrum = kernel.ui.spectrum
    assert spectrum is not None
    np.testing.assert_allclose(own["flux"], 1e3 * spectrum.flux, rtol=1e-15)
    assert table.meta["recipe"]["aperture"]["center"] == pytest.approx(kernel.center())
    save(kernel, controls, tmp_path / "b.pdf", "image")
    assert (tmp_path / "b.pdf").read_bytes().startswith(b"%PDF-")
    assert dict(mpl.rcParams) == before


def test_names_follow_kind_and_format(kernel: LiveKernel, controls: HandoverControls) -> None:
    assert [kind for _, kind in controls.kind.options] == ["spectrum", "image"]

    def choose() -> None:
        controls.file_name.value = "figures/mine.pdf"
        controls.kind.value = "image"
        controls.format.value = "png"

    kernel.do(choose)
    assert controls.file_name.value == "figures/jw90010-o001_image.png"
    assert controls.report_name.value == "jw90010-o001_report.html"


def test_no_file_is_replaced_unasked(
    kernel: LiveKernel, controls: HandoverControls, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_text("mine")
    save(kernel, controls, path, "spectrum")
    assert "exists" in controls.result.value
    assert path.read_text() == "mine"
    save(kernel, controls, tmp_path / "a.eps", "spectrum")
    assert "ends in .pdf, .png, .svg" in controls.result.value


def test_the_report_is_of_the_recipe_on_the_screen(
    kernel: LiveKernel, controls: HandoverControls, tmp_path: Path
) -> None:
    kernel.drag(1.0)
    path = tmp_path / "report.html"

    def press() -> None:
        controls.report_name.value = str(path)
        controls.report.click()

    kernel.do(press)
    center = kernel.center()
    kernel.drag(-1.0)  # the page goes on
    kernel.until(lambda: "being made" not in controls.result.value)
    assert f"written to {path}" in controls.result.value
    text = path.read_text()
    assert f"aperture at {center:.2f}, 8.00 wide" in text
    assert text.count("<img ") >= 8


def test_a_series_has_light_curves(tmp_path: Path) -> None:
    with live_kernel(lrs.demo("slitless")) as kernel:
        controls = kernel.tab("RecipeTab").handing_over.controls
        kinds = [kind for _, kind in controls.kind.options]
        assert kinds == ["spectrum", "image", "light_curves"]
        save(kernel, controls, tmp_path / "a.svg", "light_curves")
        series = lrs.extract(kernel.ui.observation, kernel.ui.recipe)
        assert isinstance(series, lrs.TimeSeries)
        table = Table.read(tmp_path / "a.ecsv")
        white = table[(table["wavelength_min"] == 5.0) & (table["wavelength_max"] == 12.0)]
        np.testing.assert_allclose(white["relative_flux"], series.light_curve().relative)
