"""A recipe that cannot be used is refused in one sentence, and what was there is still there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import lrs_explorer as lrs


@pytest.fixture(scope="module")
def ui() -> lrs.Explorer:
    explorer = lrs.Explorer()
    explorer.recipe = explorer.recipe.replace(
        aperture=lrs.Aperture(17, 8), background=lrs.Background(((4, 9),))
    )
    return explorer


def with_aperture(center: float, width: float) -> Callable[[lrs.Recipe, Path], lrs.Recipe]:
    return lambda recipe, _: recipe.replace(aperture=lrs.Aperture(center, width))


def with_regions(*regions: tuple[float, float]) -> Callable[[lrs.Recipe, Path], lrs.Recipe]:
    return lambda recipe, _: recipe.replace(background=lrs.Background(regions))


def from_file(text: str) -> Callable[[lrs.Recipe, Path], lrs.Recipe]:
    def read(_: lrs.Recipe, folder: Path) -> lrs.Recipe:
        path = folder / "recipe.json"
        path.write_text(text)
        return lrs.Recipe.from_json(path)

    return read


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (with_aperture(-40, 8), "lies outside the image"),
        (with_aperture(1e9, 8), "lies outside the image"),
        (with_aperture(20, 0), "width must be more than 0"),
        (with_aperture(20, -1), "width must be more than 0"),
        (with_aperture(20, float("nan")), "must be a finite number"),
        (with_aperture(float("nan"), 8), "must be a finite number"),
        (with_regions((80, 90)), "a background region .* lies outside the image"),
        (with_regions((9, 4)), "lower < upper"),
        (with_regions((4, float("inf"))), "must be a finite number"),
        (lambda recipe, _: recipe.replace(mode="slitless"), "is for slitless data"),
        (lambda recipe, _: recipe.replace(nods=lrs.Nods(7)), "no number 7"),
        (from_file("{"), r"recipe\.json is not valid JSON"),
        (from_file('{"lrs_explorer_recipe": 1, "mode": "slitless"}'), "is for slitless data"),
        (
            from_file('{"lrs_explorer_recipe": 1, "aperture": {"center": 3, "width": 0}}'),
            "width must be more than 0",
        ),
    ],
)
def test_what_was_there_stays(
    ui: lrs.Explorer,
    tmp_path: Path,
    make: Callable[[lrs.Recipe, Path], lrs.Recipe],
    told: str,
) -> None:
    recipe, spectrum, observation = ui.recipe, ui.spectrum, ui.observation
    bands = ui._screen.image.overlay.bands
    assert spectrum is not None
    with pytest.raises(lrs.LRSExplorerError, match=told):
        ui.recipe = make(recipe, tmp_path)
    assert (ui.recipe, ui.spectrum, ui.observation) == (recipe, spectrum, observation)
    assert ui._screen.image.overlay.bands == bands
    ui.undo()
    assert ui.recipe == lrs.Recipe.from_observation(observation)
    ui.redo()
    assert ui.recipe == recipe


def test_overlapping_regions_are_one_background(ui: lrs.Explorer) -> None:
    before = ui.recipe
    ui.recipe = before.replace(background=lrs.Background(((3, 7), (5, 9))))
    overlapping = ui.spectrum
    ui.recipe = before.replace(background=lrs.Background(((3, 9),)))
    assert overlapping is not None
    assert ui.spectrum is not None
    assert list(overlapping.flux) == pytest.approx(list(ui.spectrum.flux), nan_ok=True, abs=0)
    ui.undo()
    ui.undo()
    assert ui.recipe == before


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda ui: ui._gestures.image_chosen(lrs.Nods(9)), "no number 9"),
        (
            lambda ui: ui._controller.change(background=lrs.Background(((400, 420),))),
            "lies outside the image",
        ),
    ],
)
def test_what_a_gesture_cannot_do_is_said_on_the_screen(
    ui: lrs.Explorer, act: Callable[[lrs.Explorer], None], told: str
) -> None:
    before = ui.recipe
    act(ui)
    assert ui.recipe == before
    assert any(told in m.text and m.level == "error" for m in ui._screen.messages.messages)
