"""Undo and redo."""

from __future__ import annotations

from lrs_explorer.app.undo import History
from lrs_explorer.model.recipe.recipe import Aperture, Recipe

FIRST, SECOND, THIRD = (Recipe(aperture=Aperture(center, 8)) for center in (10, 20, 30))


def test_undo_and_redo_walk_the_steps() -> None:
    history = History(FIRST)
    assert (history.earlier, history.later) == (None, None)
    history.commit(SECOND)
    history.commit(THIRD)
    assert history.earlier == SECOND
    history.undo()
    history.undo()
    assert (history.earlier, history.later) == (None, SECOND)
    history.undo()
    assert history.later == SECOND
    history.redo()
    assert (history.earlier, history.later) == (FIRST, THIRD)


def test_a_new_step_forgets_what_was_undone() -> None:
    history = History(FIRST)
    history.commit(SECOND)
    history.undo()
    history.commit(THIRD)
    assert (history.earlier, history.later) == (FIRST, None)


def test_an_equal_recipe_is_no_step() -> None:
    history = History(FIRST)
    history.commit(Recipe(aperture=Aperture(10.0, 8.0)))
    assert history.earlier is None
