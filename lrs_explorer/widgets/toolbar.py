"""The toolbar: history, image chooser, pinning, opening and saving."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from lrs_explorer.widgets.fields import UserChanges, button, checkbox, field, row

__all__ = ["SaveForm", "Toolbar"]

NO_IMAGE = "no image"
"""What the menu of images shows where there is none; a menu shows no option whose value is None."""


class SaveForm:
    """Asks for a file name; lies over what is below it, so that nothing moves.

    Parameters
    ----------
    on_save : callable(str, bool)
        Called with the file name and whether an existing file may be replaced. The form stays
        open until `close` is called, so that a name can be mended after an error.

    Attributes
    ----------
    widget : ipywidgets.Widget
    file_name : ipywidgets.Text
    overwrite, without : ipywidgets.Checkbox
    save, cancel : ipywidgets.Button
    """

    def __init__(self, what: str, on_save: Callable[[str, bool], None]) -> None:
        self._on_save = on_save
        self.file_name = ipywidgets.Text(
            continuous_update=True,
            tooltip=f"File to save the {what} to; a relative path starts at the working folder.",
        )
        self.overwrite = checkbox(
            "replace an existing file", "Replace the file if there is one of this name."
        )
        self.without = checkbox(
            "without reference files",
            "Write it although reference files could not be had that would change it, such as that "
            "of the aperture correction.",
        )
        self.save = button(f"save {what}", f"Write the {what} to this file.", self._save)
        self.cancel = button("cancel", "Close without saving.", self.close)
        self.widget = row(
            field("file", self.file_name, width="330px"),
            self.overwrite,
            self.without,
            self.save,
            self.cancel,
        )
        self.widget.add_class("lrs-popup")
        self.close()

    def open(self, suggested: str) -> None:
        """Show the form with a suggested file name."""
        self.file_name.value = suggested
        self.overwrite.value = self.without.value = False
        self.without.layout.display = "none"
        self.widget.layout.display = ""

    def offer_without(self) -> None:
        """Offer to write what lacks reference files."""
        self.without.layout.display = ""

    def close(self) -> None:
        """Hide the form."""
        self.widget.layout.display = "none"

    @property
    def is_open(self) -> bool:
        """Whether the form is shown."""
        return bool(self.widget.layout.display != "none")

    def _save(self) -> None:
        name = self.file_name.value.strip()
        if name:
            self._on_save(name, self.overwrite.value)


class Toolbar:
    """One line of buttons.

    Parameters
    ----------
    on_undo, on_redo, on_reset_zoom, on_pin, on_open : callable()
    on_image : callable(value)
        Called with the value of the chosen image.
    on_save_spectrum, on_save_recipe : callable(str, bool)
        Called with a file name and whether an existing file may be replaced.

    Attributes
    ----------
    widget : ipywidgets.Widget
    undo, redo, reset_zoom, pin, open, save_spectrum, save_recipe : ipywidgets.Button
    image : ipywidgets.Dropdown
    spectrum_form, recipe_form : SaveForm
        Call their ``close`` once the file is written.
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
        on_save_spectrum: Callable[[str, bool], None],
        on_save_recipe: Callable[[str, bool], None],
    ) -> None:
        self._user = UserChanges()
        self._suggested = {"spectrum": "spectrum_x1d.fits", "recipe": "recipe.json"}
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
            lambda: self._toggle("spectrum"),
        )
        self.save_recipe = button(
            "save recipe…",
            "Write every choice made here as a recipe file, to be applied to other observations.",
            lambda: self._toggle("recipe"),
        )
        self.spectrum_form = SaveForm("spectrum", on_save_spectrum)
        self.recipe_form = SaveForm("recipe", on_save_recipe)
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
        )
        self.widget = ipywidgets.VBox([line, self.spectrum_form.widget, self.recipe_form.widget])
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

    def suggest_files(self, *, spectrum: str, recipe: str) -> None:
        """Suggest these file names when the user wants to save."""
        self._suggested = {"spectrum": spectrum, "recipe": recipe}

    def _toggle(self, what: str) -> None:
        forms = {"spectrum": self.spectrum_form, "recipe": self.recipe_form}
        wanted = forms.pop(what)
        for other in forms.values():
            other.close()
        if wanted.is_open:
            wanted.close()
        else:
            wanted.open(self._suggested[what])
