"""The last recipe of each observation, kept for when its page was closed or its kernel has died."""

from __future__ import annotations

import hashlib
import json

from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.files.dataset import Observation
from lrs_explorer.model.files.disk import read_json, write_text
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.runs.product_cache import cache_folder

__all__ = ["recall", "remember"]


def remember(observation: Observation, recipe: Recipe) -> None:
    """Keep the recipe of an observation.

    Raises
    ------
    LRSExplorerError
        It cannot be written.
    """
    path = cache_folder() / "sessions" / _name(observation)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LRSExplorerError(
            f"the recipe cannot be kept in {path.parent} ({error.strerror}); save it to a file."
        ) from None
    write_text(path, json.dumps(recipe.to_dict()), overwrite=True)


def recall(observation: Observation) -> Recipe | None:
    """Return the recipe that was kept; None where there is none, or none that can be read."""
    path = cache_folder() / "sessions" / _name(observation)
    if not path.is_file():
        return None
    try:
        return Recipe.from_dict(read_json(path))
    except LRSExplorerError:  # of another version: of no use
        return None


def _name(observation: Observation) -> str:
    place = f"{observation.folder.absolute()}\n{observation.name}"
    return hashlib.sha256(place.encode()).hexdigest()[:24] + ".json"
