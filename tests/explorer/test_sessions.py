"""The recipes of earlier sessions: read when asked for, and several of them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from ipywidgets.widgets import widget as registry

import lrs_explorer as lrs
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.gestures import Gestures
from lrs_explorer.app.session import KEPT, Session
from lrs_explorer.app.tabs.recipe import RecipeTab
from lrs_explorer.widgets.screen import Screen


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LRS_EXPLORER_CACHE", str(tmp_path))
    yield
    for made in list(registry._instances.values()):
        made.close()


@pytest.fixture
def observation() -> lrs.Observation:
    return lrs.demo("slit")


def recipe(center: float) -> lrs.Recipe:
    return lrs.Recipe(aperture=lrs.Aperture(center, 8.0))


class Opened:
    """The demo, opened with nothing but the tab "Recipe"."""

    def __init__(self) -> None:
        gestures = Gestures()
        self.controller = gestures.controller = Controller(Screen(gestures))
        self.tab = RecipeTab(self.controller)
        self.controller.panels = [self.tab]
        self.controller.open(None)
        self.change = self.controller.attempt

    @property
    def recipe(self) -> lrs.Recipe:
        return self.controller.shown.recipe

    def restore(self) -> None:
        self.tab.recipe.restore.click()


def test_a_kernel_that_was_started_beforehand_restores_the_newest_recipe() -> None:
    """It had read the session at its start, and wrote over what came later."""
    preheated = Opened()
    first = Opened()
    first.change(recipe(19.5))
    preheated.restore()
    assert preheated.recipe == recipe(19.5)
    preheated.change(recipe(12.0))
    first.change(recipe(20.5))
    third = Opened()
    third.restore()
    assert third.recipe == recipe(20.5)


def test_recipes_of_other_sessions_can_be_chosen() -> None:
    for center in (19.5, 20.5):
        Opened().change(recipe(center))
    ui = Opened()
    ui.restore()
    assert ui.recipe == recipe(20.5)
    words = [label for label, _ in ui.tab.recipe.earlier.options]
    assert "aperture at 20.50" in words[0]
    assert "aperture at 19.50" in words[1]
    ui.tab.recipe.earlier.index = 1
    assert ui.recipe == recipe(19.5)
    assert ui.controller.history.earlier == recipe(20.5), "one step to undo"


def test_there_may_be_nothing_to_restore() -> None:
    ui = Opened()
    before = ui.recipe
    ui.restore()
    assert "no other recipe" in ui.tab.recipe.result.value
    assert ui.recipe == before


def test_a_file_of_before_is_read(observation: lrs.Observation) -> None:
    """Until November 2026 all sessions of an observation had one file."""
    session = Session(observation)
    session._old.parent.mkdir(parents=True)
    session._old.write_text(json.dumps(recipe(17.0).to_dict()))
    assert [one.recipe for one in session.earlier()] == [recipe(17.0)]
    session.keep(recipe(18.0))
    assert [one.recipe for one in Session(observation).earlier()] == [recipe(18.0), recipe(17.0)]


def test_sessions_do_not_take_one_anothers_place(observation: lrs.Observation) -> None:
    one, other = Session(observation), Session(observation)
    one.keep(recipe(10.0))
    other.keep(recipe(11.0))
    one.keep(recipe(12.0))
    assert [kept.recipe for kept in other.earlier()] == [recipe(12.0)]
    assert [kept.recipe for kept in one.earlier()] == [recipe(11.0)]


def test_old_and_broken_files_are_left_out(observation: lrs.Observation) -> None:
    for number in range(KEPT + 3):
        session = Session(observation)
        session.keep(recipe(10.0 + number))
        os.utime(session._own, (number, number))
    session._own.write_text("{")
    kept = [one.recipe for one in Session(observation).earlier()]
    assert kept == [recipe(10.0 + number) for number in range(KEPT + 1, 2, -1)]
