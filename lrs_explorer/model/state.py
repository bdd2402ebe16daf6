"""What the explorer is showing: the only traitlets of the model."""

from __future__ import annotations

from traitlets import Any, Bool, HasTraits, Instance

from lrs_explorer.model.recipe import Recipe

__all__ = ["History", "State"]


class State(HasTraits):
    """The recipe and what it became.

    Every value is frozen, so an equal one fires no event and no feedback loop can start.
    """

    recipe = Instance(Recipe, args=())
    placement = Any(None, help="Where aperture and background are: a Placement, or None.")
    spectrum = Any(None, help="The last good live Spectrum, or None.")
    stale = Bool(False, help="The spectrum is not the recipe's: extraction failed or has to wait.")


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
    def can_undo(self) -> bool:
        """Whether there is an earlier recipe."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a later recipe."""
        return self._position < len(self._recipes) - 1

    def commit(self, recipe: Recipe) -> None:
        """Remember ``recipe`` as one step; what had been undone is forgotten."""
        if recipe != self._recipes[self._position]:
            self._recipes[self._position + 1 :] = [recipe]
            self._position += 1

    def undo(self) -> Recipe:
        """Return the recipe before; the current one where there is none."""
        self._position = max(0, self._position - 1)
        return self._recipes[self._position]

    def redo(self) -> Recipe:
        """Return the recipe after; the current one where there is none."""
        self._position = min(len(self._recipes) - 1, self._position + 1)
        return self._recipes[self._position]
