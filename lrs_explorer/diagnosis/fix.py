"""All remedies in one recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.model.recipe.recipe import Aperture, PixelReplace, Recipe

__all__ = ["fix"]


def fix(recipe: Recipe, findings: Iterable[Finding]) -> Recipe:
    """Return a recipe that holds the remedies of all that was found.

    Parameters
    ----------
    recipe : Recipe
        The one that was judged.
    findings : iterable of Finding
        In any order: the result does not depend on it. Only those that are "found" and have a
        remedy count.

    Returns
    -------
    Recipe
        ``recipe`` with every value that any remedy changes; pixels to be flagged are collected.
        Where two remedies change the same value, that of the issue named first by alphabet stands.
    """
    chosen = [f for f in findings if f.remedy is not None and f.is_open]
    fixed = recipe
    for finding in sorted(chosen, key=lambda f: f.issue, reverse=True):
        assert finding.remedy is not None
        fixed = _changed(fixed, recipe, finding.remedy)
    return fixed


def _changed(fixed: Recipe, before: Recipe, remedy: Recipe) -> Recipe:
    """Return ``fixed`` with what ``remedy`` changes of ``before``."""
    parts: dict[str, Any] = {}
    for part in dataclasses.fields(Recipe):
        old, new = getattr(before, part.name), getattr(remedy, part.name)
        if new == old:
            continue
        now = getattr(fixed, part.name)
        whole = old is None or new is None or now is None or isinstance(new, (str, Aperture))
        parts[part.name] = new if whole else _merged(now, old, new)
    return fixed.replace(**parts)


def _merged(now: Any, old: Any, new: Any) -> Any:
    """Return a part of a recipe with the fields that differ between ``old`` and ``new``."""
    changes: dict[str, Any] = {}
    for field in dataclasses.fields(new):
        value = getattr(new, field.name)
        if value == getattr(old, field.name):
            continue
        if isinstance(new, PixelReplace) and field.name == "flagged":
            kept = (set(now.flagged) - set(old.flagged)) | set(value)
            value = tuple(kept)
        changes[field.name] = value
    return dataclasses.replace(now, **changes)
