"""The explorer as a value in Python: what it tells, what it refuses, and how it ends."""

from __future__ import annotations

import base64
import gc
from pathlib import Path

import numpy as np
import pytest
from ipywidgets.widgets import widget as registry

import lrs_explorer as lrs


@pytest.fixture
def ui() -> lrs.Explorer:
    return lrs.Explorer()


def test_it_says_in_a_line_what_it_shows(ui: lrs.Explorer) -> None:
    assert repr(ui).startswith("LRS Explorer: jw90010-o001, SIM-DUSTY-STAR, slit mode, aperture")


def test_without_a_kernel_there_is_a_line_and_a_picture(ui: lrs.Explorer) -> None:
    bundle = ui._repr_mimebundle_()
    assert bundle["text/plain"] == repr(ui)
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_findings_are_those_of_lrs_diagnose(ui: lrs.Explorer) -> None:
    assert [f.to_dict() for f in ui.findings] == [
        f.to_dict() for f in lrs.diagnose(lrs.demo(), ui.recipe)
    ]


def test_light_curves_are_those_of_the_spectra() -> None:
    assert lrs.Explorer().light_curves == ()
    ui = lrs.Explorer(lrs.demo("slitless"))
    (white,) = ui.light_curves
    spectra = lrs.extract(lrs.demo("slitless"), ui.recipe)
    assert isinstance(spectra, lrs.TimeSeries)
    np.testing.assert_allclose(white.flux, spectra.light_curve().flux, rtol=1e-12)


def test_its_recipe_is_saved(ui: lrs.Explorer, tmp_path: Path) -> None:
    path = ui.save_recipe(tmp_path / "mine.json")
    assert lrs.Recipe.from_json(path) == ui.recipe
    with pytest.raises(lrs.LRSExplorerError, match="exists"):
        ui.save_recipe(path)


def test_what_it_does_not_have_is_refused(ui: lrs.Explorer) -> None:
    with pytest.raises(AttributeError, match="no 'center' to set; set its recipe"):
        ui.center = 18  # type: ignore[attr-defined]


def test_closed_it_leaves_no_widgets(ui: lrs.Explorer) -> None:
    gc.collect()
    before = set(registry._instances)
    other = lrs.Explorer()
    observation = other.observation
    assert other.spectrum is not None
    other.close()
    other.close()  # is closed already
    left = [registry._instances[key] for key in set(registry._instances) - before]
    assert [one for one in left if type(one).__name__ != "Layout"] == []
    assert repr(other) == "LRS Explorer (closed)"
    assert observation is not None
    assert lrs.extract(observation).flux.any()


@pytest.mark.parametrize("given", [5, None, {}, 1.5])
def test_what_is_no_observation_is_told_in_a_sentence(given: object) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=r"^an observation is needed, .* was given\.$"):
        lrs.extract(given)  # type: ignore[arg-type]


def test_a_path_is_opened() -> None:
    observation = lrs.demo()
    path = observation.representative.path
    opened = lrs.extract(lrs.open_observation(path))
    np.testing.assert_array_equal(lrs.extract(path).flux, opened.flux)
    with pytest.raises(
        lrs.LRSExplorerError, match=r"^a Recipe is needed, .*from_json reads a file"
    ):
        lrs.extract(observation, "mine.json")  # type: ignore[arg-type]


def test_values_show_themselves_in_a_cell() -> None:
    observation = lrs.demo()
    recipe = lrs.Recipe.from_observation(observation).replace(aperture=lrs.Aperture(18.3, 8.0))
    pages = [one._repr_html_() for one in (observation, recipe, lrs.extract(observation, recipe))]
    pages.append(lrs.diagnose(observation, recipe)._repr_html_())
    assert all(page.startswith("<div><b>") for page in pages)
    assert "SIM-DUSTY-STAR" in pages[0]
    assert "center=18.3" in pages[1]
    assert "signal to noise" in pages[2]
    assert "problem" in pages[3]


def test_errors_come_without_the_frames_that_led_to_them() -> None:
    error = lrs.LRSExplorerError("this file is missing.")
    assert error._render_traceback_() == ["LRSExplorerError: this file is missing."]
