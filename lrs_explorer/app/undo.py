"""Undo and redo: the recipes of a session, one after the other."""

from __future__ import annotations

from lrs_explorer.model.recipe.recipe import Recipe

__all__ = ["History"]


class History:
    """Recipes to go back and forth between.

    Parameters
    ----------
    recipe : Recipe
        The one to begin with.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipes = [recipe]
        self._position = 0

    @property
    def earlier(self) -> Recipe | None:
        """The recipe that `undo` goes to, None where there is none."""
        return self._recipes[self._position - 1] if self._position else None

    @property
    def later(self) -> Recipe | None:
        """The recipe that `redo` goes to, None where there is none."""
        following = self._recipes[self._position + 1 :]
        return following[0] if following else None

    def commit(self, recipe: Recipe, *, same_step: bool = False) -> None:
        """Remember ``recipe`` as one step; what had been undone is forgotten.

        Parameters
        ----------
        recipe : Recipe
        same_step : bool
            It takes the place of the last one, as a part of the same step.
        """
        if recipe != self._recipes[self._position]:
            self._position += not (same_step and self._position)
            self._recipes[self._position :] = [recipe]

    def undo(self) -> None:
        """Go one recipe back, where there is one."""
        self._position = max(0, self._position - 1)

    def redo(self) -> None:
        """Go one recipe forward, where there is one."""
        self._position = min(len(self._recipes) - 1, self._position + 1)
