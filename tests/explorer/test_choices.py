"""The tab "Choices": the band behind the live curve, and which choice matters where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from explorer_page import DEMO, ExplorerPage
from live_kernel import LiveKernel, live_kernel

import lrs_explorer as lrs
from lrs_explorer.app.tabs.choices import CANCELLED, DATED
from lrs_explorer.model.files.image_file import read_spectrum
from lrs_explorer.model.sweep.sweep import Sweep


@pytest.fixture(scope="module")
def opened() -> Iterator[LiveKernel]:
    with live_kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(opened: LiveKernel) -> LiveKernel:
    """Return the demo with its aperture on the trace, and nothing varied but the width."""
    tab = opened.tab("ChoicesTab")
    recipe = lrs.Recipe.from_observation(opened.ui.observation)
    recipe = recipe.replace(aperture=lrs.Aperture(18.3, 8.0))
    opened.do(lambda: opened.ui._screen.bring_to_front("Choices"))

    def start_over() -> None:
        for one in tab.panel.rows.values():
            one.values.value = ""
        opened.ui._controller.apply(recipe)

    opened.do(start_over)
    opened.until(lambda: "18.05, as chosen, 18.55" in tab.panel.rows["center"].values.value)

    def tick() -> None:
        for name, one in tab.panel.rows.items():
            one.varied.value = name == "width"

    opened.do(tick)
    return opened


def varied(kernel: LiveKernel) -> Sweep:
    """Vary what is ticked, and return what is then shown."""
    before = kernel.ui._controller.shown.sweep
    kernel.do(kernel.tab("ChoicesTab").panel.run.click)
    kernel.until(lambda: kernel.ui._controller.shown.sweep is not before)
    assert kernel.ui._controller.shown.sweep is not None
    return kernel.ui._controller.shown.sweep


def test_what_is_varied_by_default_is_that_of_python() -> None:
    with live_kernel() as kernel:
        tab = kernel.tab("ChoicesTab")
        kernel.until(lambda: tab.panel.chosen and not tab.panel.run.disabled)
        found = varied(kernel)
        expected = lrs.sweep(lrs.demo("slit"))
        assert found.systematic.values == expected.systematic.values
        np.testing.assert_array_equal(found.systematic.error, expected.systematic.error)
        np.testing.assert_array_equal(found.systematic.low, expected.systematic.low)


def test_the_band_is_shown_and_saved(kernel: LiveKernel, tmp_path: Path) -> None:
    tab = kernel.tab("ChoicesTab")
    assert "5 variants." in tab.panel.count.value
    found = varied(kernel)
    expected = lrs.sweep(lrs.demo("slit"), kernel.ui.recipe, choices=["width"])
    np.testing.assert_array_equal(found.systematic.error, expected.systematic.error)
    view = kernel.ui._screen.spectrum
    assert view.flux.systematic.visible
    drawn = np.asarray(view.flux.systematic.y)
    low = 1e3 * expected.systematic.low
    np.testing.assert_allclose(drawn[0], low[: drawn.shape[1]])  # mJy
    assert 'data-curve="systematic"' in view.legend.value
    assert found.systematic.sentence[1:] in tab.panel.result.value
    assert "<td>100/100</td>" in tab.panel.table.value
    assert kernel.run[1].startswith("pipeline: as delivered; choices varied in ")
    path = kernel.do(lambda: kernel.ui._handing_over.save_spectrum(tmp_path / "a_x1d.fits", False))
    saved = read_spectrum(path).systematic
    assert saved is not None
    np.testing.assert_array_equal(saved.error, expected.systematic.error)


def test_the_band_goes_with_its_recipe(kernel: LiveKernel, tmp_path: Path) -> None:
    tab, view = kernel.tab("ChoicesTab"), kernel.ui._screen.spectrum
    varied(kernel)
    kernel.drag(0.4)
    assert not view.flux.systematic.visible
    assert 'data-curve="systematic"' not in view.legend.value
    assert DATED in tab.panel.result.value
    assert not tab.panel.plot.widget.children
    path = kernel.do(lambda: kernel.ui._handing_over.save_spectrum(tmp_path / "b_x1d.fits", False))
    assert read_spectrum(path).systematic is None
    kernel.do(kernel.ui.undo)
    assert view.flux.systematic.visible
    assert tab.panel.plot.widget.children
    # Where its errors come from changes nothing of the flux.
    bootstrap = lrs.Uncertainty("bootstrap", 20)
    kernel.do(lambda: kernel.ui._controller.change(uncertainty=bootstrap))
    assert view.flux.systematic.visible
    kernel.do(lambda: kernel.ui._controller.change(extraction=lrs.Extraction(apply_apcorr=False)))
    assert not view.flux.systematic.visible


def test_nothing_is_drawn_in_a_hidden_tab(kernel: LiveKernel) -> None:
    """In bqplot's console: <rect> attribute width: a negative value is not valid."""
    screen, plot = kernel.ui._screen, kernel.tab("ChoicesTab").panel.plot
    kernel.do(lambda: screen.bring_to_front("Pins"))
    varied(kernel)
    assert screen.spectrum.flux.systematic.visible
    assert not plot.widget.children
    kernel.do(lambda: screen.bring_to_front("Choices"))
    assert plot.widget.children
    kernel.do(lambda: screen.bring_to_front("Pins"))
    assert not plot.widget.children


def test_units_and_axes(kernel: LiveKernel) -> None:
    view = kernel.ui._screen.spectrum
    found = varied(kernel)
    at = np.searchsorted(found.wavelength, 8.0)

    def show(**changes: object) -> None:
        from dataclasses import replace

        kernel.do(lambda: view.show_display(replace(view.display, **changes)))

    show(unit="Jy")
    assert view.flux.systematic.y[1][at] == pytest.approx(found.systematic.high[at])
    show(unit="MJy/sr")
    assert not view.flux.systematic.visible
    assert "known in Jy only" in view.notes.value
    show(unit="mJy", log=True)
    assert view.flux.systematic.visible
    assert np.nanmin(view.flux.systematic.y) > 0
    show(log=False, steps=True)
    assert view.flux.systematic.y[0].size > 1.9 * found.wavelength.size - 20
    show(steps=False)


def test_what_cannot_be_varied_is_said(kernel: LiveKernel) -> None:
    panel = kernel.tab("ChoicesTab").panel
    width = panel.rows["width"]

    def type_in(text: str) -> None:
        kernel.do(lambda: setattr(width.values, "value", text))

    type_in("6, seven")
    assert "values of width: &#x27;seven&#x27; is not a number." in panel.count.value
    assert panel.run.disabled
    type_in("6")
    assert "two values or more" in panel.count.value
    type_in("6, 7, 9")
    assert "3 variants." in panel.count.value
    assert not panel.run.disabled
    kernel.drag(0.3)  # what was typed stays
    kernel.until(lambda: "18.35" in panel.rows["center"].values.value)
    assert width.values.value == "6, 7, 9"
    assert varied(kernel).systematic.values == {"width": ("6", "7", "9")}
    type_in("")
    assert width.values.value == "6, 7, as chosen, 9, 10"


def test_it_can_be_cancelled(kernel: LiveKernel) -> None:
    panel = kernel.tab("ChoicesTab").panel
    before = kernel.ui._controller.shown.sweep

    def begin() -> None:
        width, center = panel.rows["width"].values, panel.rows["center"]
        width.value = ", ".join(f"{6 + 0.01 * i:.2f}" for i in range(100))
        center.values.value = ", ".join(f"{18 + 0.01 * i:.2f}" for i in range(100))
        panel.run.click()

    kernel.do(begin)
    kernel.until(lambda: "extract_1d" in kernel.run[1])
    kernel.do(kernel.ui._gestures.run_cancelled)
    kernel.until(lambda: "choices not varied: cancelled" in kernel.run[1])
    assert kernel.run[0] == "delivered"
    kernel.until(lambda: CANCELLED in panel.result.value or before is not None)
    assert kernel.ui._controller.shown.sweep is before


@pytest.mark.pipeline
def test_two_algorithms_by_the_pipeline(kernel: LiveKernel) -> None:
    panel = kernel.tab("ChoicesTab").panel

    def choose() -> None:
        panel.rows["width"].varied.value = False
        panel.rows["pixel_replace"].values.value = "fit_profile, mingrad"
        # Images that no other test looks for: they share what is kept of runs.
        replace = lrs.PixelReplace("off", n_adjacent_cols=7)
        kernel.ui._controller.change(pixel_replace=replace)

    kernel.do(choose)
    assert "2 variants of 2 images, which the pipeline makes." in panel.count.value
    found = varied(kernel)
    assert found.systematic.values == {"pixel_replace": ("fit_profile", "mingrad")}
    assert kernel.ui._screen.spectrum.flux.systematic.visible  # the recipe has stayed as it was
    assert kernel.run[1].startswith("pipeline: as delivered; choices varied in ")


def test_without_an_image_there_is_no_such_tab(tmp_path: Path) -> None:
    name = "jw90010001001_03102_00001_mirimage_x1d.fits"
    (tmp_path / name).write_bytes((DEMO / name).read_bytes())
    ui = lrs.Explorer(tmp_path)
    assert "Choices" not in [title.split(" (")[0] for title in ui._screen.tabs.titles]


def test_a_series_says_what_it_is_of() -> None:
    with live_kernel(DEMO.parent / "demo_slitless") as kernel:
        panel = kernel.tab("ChoicesTab").panel
        kernel.until(lambda: panel.chosen and not panel.run.disabled)
        assert panel.rows["rejection_threshold"].varied.disabled
        assert "jump cannot be redone" in panel.rows["rejection_threshold"].values.placeholder
        varied(kernel)
        assert "of the typical image of the series" in panel.result.value


def test_the_page(demo: ExplorerPage) -> None:
    demo.tab("Choices")
    panel = ".lrs-panel:visible"
    demo.until(lambda: "120 variants" in demo.text(panel))
    demo.button("vary").click()
    demo.until(lambda: "Systematic error by 120 variants" in demo.text(panel))
    demo.until(lambda: "choices (68 % of the variants)" in demo.text(".lrs-legend"))
    lines = demo.root.locator(".lrs-parts tr")
    bins = ["5–6", "6–7", "7–8", "8–9", "9–10", "10–11", "11–12"]
    demo.until(lambda: lines.nth(0).inner_text().split()[1:] == bins)
    names = [text.split()[0] for text in lines.all_inner_texts()]
    assert names[1:4] == ["error", "center", "width"]
    demo.screenshot("choices")
    demo.tab("Extraction")
    demo.type("width", 9)
    demo.until(lambda: "choices (" not in demo.text(".lrs-legend"))
    demo.button("↶ undo").click()
    demo.until(lambda: "choices (" in demo.text(".lrs-legend"))
    demo.tab("Choices")
    demo.until(lambda: demo.root.locator(".lrs-panel:visible .bqplot").count() == 1)
    demo.button("clear").click()
    demo.until(lambda: "Nothing varied yet" in demo.text(".lrs-panel:visible"))
    demo.until(lambda: "choices (" not in demo.text(".lrs-legend"))
