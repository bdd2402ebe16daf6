"""When each part of a recipe acts: on the image, on the extraction, or after it.

The fields say so themselves, once, in their metadata: ``acts`` of a part in `Recipe`, or of a field
that differs from the rest of its part. ``only_with`` names another field beside it, and the values
of that one without which a field does nothing. What makes another image, what a cached product
depends on and what is "as delivered" is all derived from that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from lrs_explorer.model.data.instrument import Mode
from lrs_explorer.model.recipe.recipe import Recipe

__all__ = ["ACTS", "extraction_of", "image_of", "with_image_of"]

ACTS = ("image", "extraction", "after")
"""What ``acts`` may be: before the extraction, in extract_1d, or on the spectrum it gave."""


def image_of(recipe: Recipe) -> Recipe:
    """Return what a recipe says of its image; two recipes with equal answers have the same image.

    All that acts later, or does nothing at all, is at its default.
    """
    default = _default(recipe.mode)
    return _image_alone(_composed({"image": recipe, "extraction": default, "after": default}))


@cache
def _default(mode: Mode) -> Recipe:
    return Recipe(mode=mode)


@lru_cache(maxsize=64)
def _image_alone(recipe: Recipe) -> Recipe:
    acting = _acting(recipe)
    parts = {part.name: getattr(acting, part.name) for part in dataclasses.fields(Recipe)}
    return Recipe(**{k: _acting(v) if dataclasses.is_dataclass(v) else v for k, v in parts.items()})


def extraction_of(recipe: Recipe) -> Recipe:
    """Return what a recipe says of image and extraction, and nothing of what comes after."""
    return _composed({"image": recipe, "extraction": recipe, "after": _default(recipe.mode)})


def with_image_of(shown: Recipe, recipe: Recipe) -> Recipe:
    """Return ``recipe`` with all of ``shown`` that acts before the extraction."""
    return _composed({"image": shown, "extraction": recipe, "after": recipe})


def _composed(source: Mapping[str, Recipe]) -> Recipe:
    """Return a recipe each of whose fields is that of the recipe for when it acts."""
    parts: dict[str, Any] = {}
    for name, acts, own in _fields():
        parts[name] = getattr(source[acts], name)
        changed = {leaf: getattr(getattr(source[when], name), leaf) for leaf, when in own}
        if any(getattr(parts[name], leaf) != value for leaf, value in changed.items()):
            parts[name] = dataclasses.replace(parts[name], **changed)
    return Recipe(**parts)


@cache
def _fields() -> list[tuple[str, str, list[tuple[str, str]]]]:
    """Return name of each part, when it acts, and the same of its fields that differ from that."""
    default = Recipe()
    found = []
    for part in dataclasses.fields(Recipe):
        value = getattr(default, part.name)
        leaves = dataclasses.fields(value) if dataclasses.is_dataclass(value) else ()
        own = [(leaf.name, leaf.metadata["acts"]) for leaf in leaves if "acts" in leaf.metadata]
        found.append((part.name, part.metadata["acts"], own))
    return found


def _acting(value: Any) -> Any:
    """Return a part of a recipe, or a recipe, with all that does nothing in it at its default."""
    idle = {}
    for field in dataclasses.fields(value):
        name, values = field.metadata.get("only_with", ("", ()))
        if name and getattr(value, name) not in values:
            made = field.default_factory
            idle[field.name] = field.default if made is dataclasses.MISSING else made()
    return dataclasses.replace(value, **idle) if idle else value
