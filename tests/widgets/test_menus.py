"""A menu shows what holds: none is blank because its value is None."""

from __future__ import annotations

import pytest

from lrs_explorer.model.recipe.recipe import AdaptiveTraceModel, Resample
from lrs_explorer.widgets.pixel_panel import ReplaceControls
from lrs_explorer.widgets.ta_view import TAView
from lrs_explorer.widgets.toolbar import Toolbar


@pytest.mark.parametrize(
    ("skip", "words"),
    [(None, "as CRDS says"), (True, "off"), (False, "on")],
)
def test_the_menu_of_the_trace_model_shows_the_recipe_s_choice(
    skip: bool | None, words: str
) -> None:
    asked: list[bool | None] = []
    controls = ReplaceControls(
        on_replace=lambda **_: None,
        on_trace=lambda skip: asked.append(skip),
        on_weights=lambda _: None,
        on_compare=lambda _: None,
    )
    assert controls.trace.label == "as CRDS says"
    controls.show_trace(AdaptiveTraceModel(skip=not skip), why_not="")
    controls.show_trace(AdaptiveTraceModel(skip=skip), why_not="")
    assert controls.trace.label == words
    assert asked == []
    controls.trace.index = (controls.trace.index + 1) % 3
    assert asked == [{None: True, True: False, False: None}[skip]]


@pytest.mark.parametrize("weight_type", [None, *Resample.TYPES])
def test_the_menu_of_weights_shows_the_recipe_s_choice(weight_type: str | None) -> None:
    asked: list[str | None] = []
    controls = ReplaceControls(
        on_replace=lambda **_: None,
        on_trace=lambda **_: None,
        on_weights=asked.append,
        on_compare=lambda _: None,
    )
    controls.show_weights(Resample(weight_type), why_not="")
    assert (weight_type or "as delivered") in controls.weights.label
    assert asked == []
    controls.weights.index = (controls.weights.index + 1) % 3
    assert asked == [{None: "ivm", "ivm": "exptime", "exptime": None}[weight_type]]


def test_where_there_is_no_image_the_menus_say_so() -> None:
    names = ("undo", "redo", "reset_zoom", "pin", "open", "image")
    toolbar = Toolbar(**{f"on_{name}": lambda *_: None for name in names})
    for choices, value in (([], None), ([("Nod 1", 1)], 1), ([], None)):
        toolbar.show_images(choices, value)
        assert toolbar.image.label == ("Nod 1" if choices else "no image")
    assert TAView().image.label == "none is here"
