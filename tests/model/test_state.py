"""Undo and redo."""

from __future__ import annotations

from lrs_explorer.model.recipe import Aperture, Recipe
from lrs_explorer.model.state import History, State

FIRST, SECOND, THIRD = (Recipe(aperture=Aperture(center, 8)) for center in (10, 20, 30))


def test_undo_and_redo_walk_the_steps() -> None:
    history = History(FIRST)
    assert not history.can_undo
    history.commit(SECOND)
    history.commit(THIRD)
    assert history.undo() == SECOND
    assert history.undo() == FIRST
    assert history.undo() == FIRST
    assert history.redo() == SECOND
    assert history.can_redo


def test_a_new_step_forgets_what_was_undone() -> None:
    history = History(FIRST)
    history.commit(SECOND)
    history.undo()
    history.commit(THIRD)
    assert not history.can_redo
    assert history.undo() == FIRST


def test_an_equal_recipe_is_no_step() -> None:
    history = History(FIRST)
    history.commit(Recipe(aperture=Aperture(10.0, 8.0)))
    assert not history.can_undo


def test_an_equal_recipe_fires_no_event() -> None:
    state = State(recipe=FIRST)
    seen: list[Recipe] = []
    state.observe(lambda change: seen.append(change.new), "recipe")
    state.recipe = Recipe(aperture=Aperture(10.0, 8.0))
    state.recipe = SECOND
    assert seen == [SECOND]
