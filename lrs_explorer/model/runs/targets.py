"""What a recipe asks the pipeline for, of one exposure and of many alike."""

from __future__ import annotations

from pathlib import Path

from lrs_explorer.model.background import check_columns
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.files.dataset import Observation
from lrs_explorer.model.position import find_trace
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.runs.chain import Stage, plan
from lrs_explorer.model.series.chain import plan_series
from lrs_explorer.model.series.observation import SlitlessObservation

__all__ = ["check_recipe", "targets"]


def targets(observation: Observation, recipe: Recipe) -> list[Path | Stage]:
    """Return what gives the images that a recipe extracts from.

    An exposure of the slit and a combined product have one, a time series has one for each of its
    segments, in time order. Each is a delivered file, or the last of some stages.

    Raises
    ------
    LRSExplorerError
        The recipe is for another mode; or a product is missing, and the message says which, and
        how to come by it.
    """
    if recipe.mode != observation.mode:
        raise LRSExplorerError(
            f"the recipe is for {recipe.mode} data and {observation.name} is {observation.mode}; "
            "make a recipe for it with Recipe.from_observation."
        )
    if isinstance(observation, SlitlessObservation):
        return plan_series(observation, recipe)
    return [plan(observation, recipe)]


def check_recipe(observation: Observation, recipe: Recipe) -> None:
    """Find out by the pixels whether what `targets` returns can be made, before anything is run.

    Raises
    ------
    LRSExplorerError
        A range of background columns lies over the trace, or outside the image.
    """
    if isinstance(observation, SlitlessObservation) and recipe.slitless.subtract:
        check_columns(observation.series(), recipe.slitless, find_trace(observation.image()))
