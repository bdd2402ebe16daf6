"""What a user gave in place of an observation and a recipe: taken as it is meant, or refused."""

from __future__ import annotations

import os
from collections.abc import Iterable

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.opening import open_observation
from lrs_explorer.model.recipe.recipe import Recipe

__all__ = ["Given", "given_observation", "given_recipe"]

Given = Observation | PathLike | Iterable[PathLike]
"""An observation, or what `open_observation` opens."""


def given_observation(given: Given) -> Observation:
    """Return an observation: as it is, or opened from its path or paths.

    Raises
    ------
    LRSExplorerError
        It is neither, or cannot be opened.
    """
    if isinstance(given, Observation):
        return given
    if isinstance(given, (str, os.PathLike, list, tuple)):
        return open_observation(given)
    raise LRSExplorerError(
        f"an observation is needed, or the path of a product, and {_named(given)} was given."
    )


def given_recipe(given: Recipe | None, observation: Observation) -> Recipe:
    """Return a recipe: as it is, or what the pipeline does by default.

    Raises
    ------
    LRSExplorerError
        It is something else.
    """
    if given is None:
        return Recipe.from_observation(observation)
    if isinstance(given, Recipe):
        return given
    read = "; Recipe.from_json reads a file" if isinstance(given, (str, os.PathLike)) else ""
    raise LRSExplorerError(f"a Recipe is needed, and {_named(given)} was given{read}.")


def _named(thing: object) -> str:
    """Return what something is, short."""
    shown = repr(thing)
    name = type(thing).__name__
    return f"{shown} ({name})" if len(shown) <= 60 and "\n" not in shown else f"a {name}"
