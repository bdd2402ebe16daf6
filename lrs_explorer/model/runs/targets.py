"""What a recipe asks the pipeline for, of one exposure and of many alike."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.model.observation.needs import image_parts
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Nods, Recipe
from lrs_explorer.model.recipe.scope import image_of
from lrs_explorer.model.runs.plan import PlannedProduct, plan
from lrs_explorer.model.runs.series_plan import plan_series
from lrs_explorer.model.series.background import check_columns

__all__ = ["check_parts", "check_recipe", "targets"]


def targets(observation: Observation, recipe: Recipe) -> list[Path | PlannedProduct]:
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
            "take a recipe of the same mode (save recipe… in the page, Recipe.from_observation in "
            "Python)."
        )
    check_parts(observation, recipe)
    if isinstance(observation, SeriesObservation):
        return plan_series(observation, recipe)
    return [plan(observation, recipe)]


def check_parts(observation: Observation, recipe: Recipe) -> None:
    """Refuse what a recipe asks of its image and this kind of observation does not know.

    Raises
    ------
    LRSExplorerError
        A part of the recipe would be left undone.
    """
    asked, default = image_of(recipe), image_of(Recipe.from_observation(observation))
    known = image_parts(observation.mode, observation.is_series)
    if observation.is_series and asked.nods.exposure is not None:
        raise LRSExplorerError(
            f"{observation.name} is a time series, of which all exposures are taken; leave the "
            "choice of one out of the recipe."
        )
    if observation.is_series and asked.nods.backgrounds == "nods":
        raise LRSExplorerError(
            f"{observation.name} is a time series, which has no other nods; name the exposures "
            "that are to be subtracted, or leave nods.backgrounds out of the recipe."
        )
    if not observation.is_series:  # the exposure is chosen, not redone
        default = default.replace(nods=Nods(asked.nods.exposure))
    for part in dataclasses.fields(Recipe):
        value = getattr(asked, part.name)
        if part.name not in known and value != getattr(default, part.name):
            raise LRSExplorerError(
                f"{part.name} cannot be redone here for {observation.what}, such as "
                f"{observation.name}; leave it out of the recipe."
            )


def check_recipe(observation: Observation, recipe: Recipe) -> None:
    """Find out by the pixels whether what `targets` returns can be made, before anything is run.

    Raises
    ------
    LRSExplorerError
        A range of background columns lies over the trace, or outside the image.
    """
    if isinstance(observation, SeriesObservation) and recipe.slitless.subtract:
        series = observation.integrations("rateints")
        trace = find_trace(series.typical) if series.knows_wavelengths else None
        check_columns(series, recipe.slitless, trace)
