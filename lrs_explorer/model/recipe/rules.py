"""Rules beside values: what is chosen for each observation anew, so that one file serves many."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.checks import choice, number, ranges
from lrs_explorer.model.recipe.recipe import (
    FORMAT,
    FORMAT_WITH_RULES,
    KEY,
    Recipe,
    checked_keys,
    checked_version,
)
from lrs_explorer.model.recipe.saved import Saved

__all__ = ["FOUND", "Rules"]

FOUND: Final = "found"
"""Of `Rules.fix`: all that is found."""


@dataclass(frozen=True)
class Rules(Saved):
    """A recipe, and what is to be decided for each observation by what its image shows.

    `lrs_explorer.diagnosis.settle.settle` makes a recipe of it. Its file is that of a recipe with
    one more entry, "rules".

    Parameters
    ----------
    recipe : Recipe
        All that no rule decides.
    center : "trace" or None
        Center the aperture on the measured trace. None = as the recipe says.
    width : float or None
        Width of the aperture, pixels; None = that of the recipe, or else the pipeline's.
    background : tuple of (float, float) or None
        Edges of background regions in pixels from the aperture's center, which go with it; empty =
        none. None = as the recipe says.
    fix : "found" or tuple of str
        Issues of `lrs.diagnose` that are fixed where they are found, by name ("MR-LRS02", …), or
        all of them. Empty = none.
    """

    recipe: Recipe
    center: str | None = None
    width: float | None = None
    background: tuple[tuple[float, float], ...] | None = None
    fix: str | tuple[str, ...] = ()

    CENTERS: ClassVar[tuple[str, ...]] = ("trace",)

    def __post_init__(self) -> None:
        if not isinstance(self.recipe, Recipe):
            raise LRSExplorerError(f"rules stand beside a recipe, not {self.recipe!r}.")
        choice("rules.center", self.center, (None, *self.CENTERS))
        if self.width is not None:
            width = number("rules.width", self.width)
            if width <= 0:
                raise LRSExplorerError(f"rules.width must be more than 0 pixels, not {width:g}.")
            object.__setattr__(self, "width", width)
        if self.background is not None:
            regions = ranges("background region of rules", self.background)
            object.__setattr__(self, "background", regions)
        if self.fix != FOUND:
            object.__setattr__(self, "fix", _issues(self.fix))

    def __bool__(self) -> bool:
        """Whether there are any rules."""
        places = (self.center, self.width, self.background)
        return bool(self.fix) or any(value is not None for value in places)

    def describe(self) -> str:
        """Say in a few words what is decided for each observation."""
        told = []
        if self.center is not None:
            told.append("center on the trace")
        if self.width is not None:
            told.append(f"width {self.width:g}")
        if self.background is not None:
            told.append("background beside the aperture" if self.background else "no background")
        if self.fix:
            told.append(f"fix {'what is found' if self.fix == FOUND else ', '.join(self.fix)}")
        return ", ".join(told)

    def to_dict(self) -> dict[str, Any]:
        """Return the rules and their recipe as plain JSON values."""
        content = self.recipe.to_dict()
        if not self:
            return content
        rules = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "recipe"}
        return content | {KEY: FORMAT_WITH_RULES, "rules": rules}

    @classmethod
    def from_dict(cls, content: Any, source: str = "the recipe") -> Rules:
        """Make rules of what `to_dict` of rules or of a recipe returned.

        Parameters
        ----------
        content : dict
        source : str
            What it is called in error messages.

        Raises
        ------
        LRSExplorerError
            It is no recipe, of a newer format, or has values that are none.
        """
        checked_version(content, source)
        values = {name: value for name, value in content.items() if name != "rules"}
        recipe = Recipe.from_dict(values | {KEY: FORMAT}, source)
        given = content.get("rules", {})
        try:
            known = checked_keys(given, cls, "rules", without=("recipe",))
            fix = known.get("fix", ())
            return cls(recipe, **(known | {"fix": tuple(fix) if isinstance(fix, list) else fix}))
        except LRSExplorerError as error:
            raise LRSExplorerError(f"{source}: {error}") from None

    def replace(self, **changes: Any) -> Rules:
        """Return a copy with some of its fields replaced.

        Parameters
        ----------
        **changes
            Fields by name.

        Raises
        ------
        LRSExplorerError
            A value is none of that field.
        """
        return dataclasses.replace(self, **changes)


def _issues(values: Any) -> tuple[str, ...]:
    """Return names of issues, each once, or say what is at fault."""
    if isinstance(values, str) or not isinstance(values, (tuple, list)):
        raise LRSExplorerError(f'rules.fix must be "{FOUND}" or a list of issues, not {values!r}.')
    for value in values:
        if not isinstance(value, str) or not value:
            raise LRSExplorerError(f"rules.fix must name issues, and {value!r} is no name.")
    return tuple(dict.fromkeys(values))
