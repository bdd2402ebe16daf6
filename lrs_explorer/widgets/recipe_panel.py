"""Controls of the recipe as a whole: its products, its files, and what it says."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence

import ipywidgets

from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)

__all__ = ["ProductControls", "RecipeControls"]


class ProductControls:
    """Runs the whole pipeline as the recipe says and keeps its products.

    Parameters
    ----------
    on_run : callable(str, bool)
        Called with the folder and whether files in it may be replaced.

    Attributes
    ----------
    widget : ipywidgets.Widget
    folder : ipywidgets.Text
    overwrite : ipywidgets.Checkbox
    run : ipywidgets.Button
    result : ipywidgets.HTML
    """

    def __init__(self, on_run: Callable[[str, bool], None]) -> None:
        self.folder = ipywidgets.Text(
            continuous_update=True,
            tooltip="Folder for the products; a relative path starts at the working folder.",
        )
        self.overwrite = checkbox(
            "replace existing files", "Replace files of the same name in that folder."
        )
        self.run = button(
            "run and save products",
            "Run the real pipeline as the recipe says and write s2d, x1d (and rate and cal where "
            "they change), the recipe, the extract1d reference, the parameters and the log.",
            lambda: on_run(self.folder.value.strip(), self.overwrite.value),
        )
        self.result = note_box()
        self.widget = ipywidgets.VBox(
            [
                row(field("folder", self.folder, width="280px")),
                row(self.run, self.overwrite),
                self.result,
            ]
        )

    def show_result(self, text: str) -> None:
        """Show what was written."""
        self.result.value = note_html(text)


class RecipeControls:
    """Applies recipes from files and from earlier sessions; shows the current one.

    Parameters
    ----------
    on_load : callable(str)
        Called with the path of a recipe file.
    on_restore : callable()
        Called to take up the recipe of the last session.
    on_chosen : callable(Recipe)
        Called with the recipe of another session.

    Attributes
    ----------
    widget : ipywidgets.Widget
    path : ipywidgets.Text
    load, restore : ipywidgets.Button
    earlier : ipywidgets.Dropdown
        Recipes of all earlier sessions, once they were asked for.
    result, text : ipywidgets.HTML
    """

    def __init__(
        self,
        on_load: Callable[[str], None],
        on_restore: Callable[[], None],
        on_chosen: Callable[[Recipe], None],
    ) -> None:
        self._user = UserChanges()
        self.path = ipywidgets.Text(
            continuous_update=True,
            tooltip="A recipe file that was saved here or by Recipe.to_json, or rules.",
        )
        self.load = button(
            "apply recipe file",
            "Make the recipe in this file the current one, as one step to undo; rules in it are "
            "followed first, with the pipeline where they ask for it.",
            lambda: on_load(self.path.value.strip()),
        )
        self.restore = button(
            "restore the last recipe",
            "Take up the recipe that this observation had in its last session; those of other "
            "sessions can then be chosen.",
            on_restore,
        )
        self.earlier = ipywidgets.Dropdown(
            tooltip="Recipes that this observation had in earlier sessions, the last first."
        )
        self._user.watch(self.earlier, lambda: on_chosen(self.earlier.value))
        self._earlier = field("session", self.earlier, width="280px")
        self.result, self.text = note_box(), ipywidgets.HTML()
        self.widget = ipywidgets.VBox(
            [
                row(field("file", self.path, width="280px")),
                row(self.load, self.restore),
                row(self._earlier),
                self.result,
                self.text,
            ]
        )
        self.offer(())

    def offer(self, earlier: Sequence[tuple[str, Recipe]]) -> None:
        """Offer the recipes of earlier sessions, in words, and show the first as chosen."""
        with self._user.silence():
            self.earlier.options = list(earlier)
        self._earlier.layout.display = "" if len(earlier) > 1 else "none"

    def tell(self, text: str) -> None:
        """Say what was restored, or why not."""
        self.result.value = note_html(text)

    def show(self, text: str, unknown: Sequence[str] = ()) -> None:
        """Show the recipe as it would be written, and what of the rest is not known."""
        value = f'<pre class="lrs-recipe">{html.escape(text)}</pre>'
        if unknown:
            value = (
                note_html(f"Not known, as nothing delivered tells: {'; '.join(unknown)}.") + value
            )
        if value != self.text.value:
            self.text.value = value
