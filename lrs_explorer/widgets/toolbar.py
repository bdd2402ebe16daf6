"""The toolbar: history, image chooser, pinning, opening and saving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from lrs_explorer.widgets.export_form import ExportForm
from lrs_explorer.widgets.fields import UserChanges, button, field, row

__all__ = ["Toolbar"]

NO_IMAGE = "no image"
"""What the menu of images shows where there is none; a menu shows no option whose value is None."""


class Toolbar:
    """One line of buttons.

    Parameters
    ----------
    on_undo, on_redo, on_reset_zoom, on_pin, on_open : callable()
    on_image : callable(value)
        Called with the value of the chosen image.

    Attributes
    ----------
    widget : ipywidgets.Widget
    undo, redo, reset_zoom, pin, open, save_spectrum, save_recipe, export : ipywidgets.Button
    image : ipywidgets.Dropdown
    form : ExportForm
        Opened by the last three; what is to be had of it answers it.
    """

    def __init__(
        self,
        *,
        on_undo: Callable[[], None],
        on_redo: Callable[[], None],
        on_reset_zoom: Callable[[], None],
        on_pin: Callable[[], None],
        on_open: Callable[[], None],
        on_image: Callable[[Any], None],
    ) -> None:
        self._user = UserChanges()
        self.form = ExportForm()
        self.open = button("open…", "Open another LRS observation.", on_open)
        self.undo = button("↶ undo", "Undo", on_undo)
        self.redo = button("↷ redo", "Redo", on_redo)
        self.reset_zoom = button(
            "reset zoom",
            "Show all wavelengths and the whole slit again. Display only: no pipeline parameter.",
            on_reset_zoom,
        )
        self.pin = button(
            "pin",
            "Keep the live spectrum to compare with. Display only: no pipeline parameter.",
            on_pin,
        )
        self.image = ipywidgets.Dropdown(
            options=[NO_IMAGE],
            tooltip="Which exposure (nod) or combined image is extracted. Recipe: nods.exposure.",
        )
        self.save_spectrum = button(
            "save spectrum…",
            "Write the live spectrum as an x1d file with all columns of extract_1d.",
            lambda: self.form.toggle("spectrum"),
        )
        self.save_recipe = button(
            "save recipe…",
            "Write every choice made here as a recipe file, to be applied to other observations.",
            lambda: self.form.toggle("recipe"),
        )
        self.export = button(
            "export…",
            "Choose what to write: spectrum, recipe, files for the pipeline, the package of a "
            "paper, report, figures.",
            lambda: self.form.toggle("package"),
        )
        self._user.watch(self.image, lambda: on_image(self.image.value))
        line = row(
            self.open,
            field("image", self.image, width="170px"),
            self.undo,
            self.redo,
            self.reset_zoom,
            self.pin,
            self.save_spectrum,
            self.save_recipe,
            self.export,
        )
        self.widget = ipywidgets.VBox([line, self.form.widget])
        self.widget.add_class("lrs-toolbar")
        self.show_history("", "")

    def show_history(self, undo: str | None, redo: str | None) -> None:
        """Say what can be undone and redone, in words; empty or None = nothing."""
        for control, word, what in ((self.undo, "Undo", undo), (self.redo, "Redo", redo)):
            control.disabled = not what
            control.tooltip = f"{word}: {what}" if what else f"{word}: nothing to {word.lower()}"

    def show_images(self, choices: Sequence[tuple[str, Any]], value: Any) -> None:
        """Offer these images, pairs (label, value), and show which is in use."""
        with self._user.silence():
            options: list[Any] = list(choices) or [NO_IMAGE]
            if list(self.image.options) != options:
                self.image.options = options
            self.image.value = value if choices else NO_IMAGE
        self.image.disabled = len(choices) < 2
