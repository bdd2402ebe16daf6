"""What each gesture on the screen means for the recipe."""

from __future__ import annotations

import os
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.showing import show_cursor
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.crds_cache import checked_cache
from lrs_explorer.model.files.disk import located
from lrs_explorer.model.observation.opening import Found, Observation, list_observations
from lrs_explorer.model.recipe.recipe import Nods, Recipe
from lrs_explorer.widgets.display import Display
from lrs_explorer.widgets.fields import counted
from lrs_explorer.widgets.open_panel import OpenChoice
from lrs_explorer.widgets.pins import Pin
from lrs_explorer.widgets.screen import Screen
from lrs_explorer.widgets.spectrum_display import SpectrumDisplay

__all__ = ["Gestures"]


class Gestures:
    """Answers the screen; see `lrs_explorer.widgets.screen.Actions` for what each means.

    Attributes
    ----------
    controller : Controller
        Set as soon as there is one: it needs the screen, and the screen needs this.
    folder : Path
        Where the observations that can be opened are looked for.
    """

    controller: Controller

    def __init__(self) -> None:
        self.folder = Path.cwd()
        self._listed: dict[str, Observation] = {}
        self._joined = False

    @property
    def _screen(self) -> Screen:
        return self.controller.screen

    # -- recipes -------------------------------------------------------------------------------

    def run_cancelled(self) -> None:
        """Stop the pipeline."""
        self.controller.runs.cancel()

    def run_again(self) -> None:
        """Run the pipeline after it failed or was cancelled."""
        self.controller.run_again()

    def undo(self) -> None:
        """Go one step back."""
        self._go(self.controller.history.earlier, self.controller.history.undo)

    def redo(self) -> None:
        """Go one step forward."""
        self._go(self.controller.history.later, self.controller.history.redo)

    def _go(self, recipe: Recipe | None, step: Any) -> None:
        if recipe is not None:
            step()  # first: applying the history's own recipe then adds no step
            self.controller.attempt(recipe)

    # -- what is shown -------------------------------------------------------------------------

    def image_chosen(self, value: Nods) -> None:
        """Show another nod, or the combined image."""
        self.controller.choose_image(value)

    def image_display_chosen(self, display: Display) -> None:
        """Colour the image otherwise."""
        self._screen.show_image_display(display)

    def dq_chosen(self, show: bool) -> None:
        """Show DQ flags on the image, or not."""
        self._screen.show_dq(show)

    def spectrum_display_chosen(self, display: SpectrumDisplay) -> None:
        """Draw the spectra otherwise."""
        self._screen.show_spectrum_display(display)

    def cursor_moved(self, wavelength: float | None, position: float | None) -> None:
        """Mark the pointer in all views and tell what lies under it."""
        pixels = self.controller.shown.pixels
        show_cursor(
            self._screen,
            self._screen.shown,
            wavelength,
            position,
            pixels.describe if pixels else None,
        )

    # -- pinned spectra ------------------------------------------------------------------------

    def pin(self, name: str = "") -> None:
        """Keep the live spectrum to compare with; without an image the delivered one."""
        spectrum, aperture = self.controller.shown.own_spectrum, self.controller.shown.aperture
        default = ""
        if spectrum is not None and spectrum.origin == "delivered":
            default = spectrum.path.name if spectrum.path else "delivered"
        elif aperture is not None:
            default = f"center {aperture.center:.1f}, width {aperture.width:.1f}"
        if spectrum is None or not default:
            self._screen.messages.show("there is no live spectrum to pin yet.", "warning")
            return
        self._screen.pins.add(spectrum, name or default)
        self.pins_changed(self._screen.pins.pins)

    def pins_changed(self, pins: tuple[Pin, ...]) -> None:
        """Draw the pinned spectra."""
        self._screen.spectrum.show_pins(pins)
        self._screen.show_spectrum_display(self._screen.spectrum.display)

    # -- files ---------------------------------------------------------------------------------

    def list_asked(self) -> None:
        """List the observations of the folder that the explorer was started on."""
        self._list(self.folder)

    def _list(self, folder: Path) -> None:
        self._screen.open.open()
        self._screen.messages.show(f"looking for LRS observations in {folder} …")
        join = self._screen.open.join.value

        def listed(future: Future[Found]) -> None:
            self._screen.messages.clear("info")
            if self.controller.succeeded(future):
                self.show_list(future.result(), join)

        self.controller.start(lambda: list_observations(folder, join=join), listed)

    def show_list(self, found: Found, join: bool) -> None:
        """Offer observations of a folder, which were looked for with ``join`` or without."""
        folder = self.folder = found.folder
        self._listed = {str(one.representative.path): one for one in found}
        self._joined = join
        self._screen.open.open()
        self._screen.open.show(
            [
                OpenChoice(
                    value=str(one.representative.path),
                    name=one.name,
                    target=one.target,
                    date=one.date,
                    mode=one.mode,
                    products=tuple(one.products),
                    files=len(one.files),
                    reduction=one.reduction,
                )
                for one in found
            ],
            str(folder),
        )
        if found.unreadable:
            self._screen.messages.show(
                f"{counted(len(found.unreadable), 'file')} in {folder} could not be read.",
                "warning",
                "\n".join(found.unreadable),
            )
        for sentence in found.stopped:
            self._screen.messages.show(sentence, "warning")

    def path_chosen(self, path: str) -> None:
        """Open what is listed, or a file; or list a folder."""
        chosen, panel = located(path), self._screen.open
        if os.path.isdir(chosen):
            self._list(chosen)
            return
        # Of what is listed all files are known, in whatever folders they are.
        listed = self._listed.get(path) if panel.join.value == self._joined else None
        try:
            if listed is not None:
                cache = panel.crds.value.strip()
                listed.crds = checked_cache(cache) if cache else None
            self.controller.open(listed or chosen)
        except LRSExplorerError as error:
            self._screen.messages.show(str(error), "error")
        else:
            self._listed = {}
            panel.close()
