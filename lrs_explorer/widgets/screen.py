"""The whole screen: every view and control, built once and laid out."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import ipywidgets
import numpy as np
from bqplot import LinearScale
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.instrument import Mode, reference_columns
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.widgets.display import Display, flag_layers
from lrs_explorer.widgets.display_controls import ImageDisplayControls, SpectrumDisplayControls
from lrs_explorer.widgets.fields import heading
from lrs_explorer.widgets.image_view import ImageView
from lrs_explorer.widgets.information import InformationPanel
from lrs_explorer.widgets.layout import CONTROLS_WIDTH, FIGURE_WIDTH
from lrs_explorer.widgets.message_bar import MessageBar
from lrs_explorer.widgets.open_panel import OpenPanel
from lrs_explorer.widgets.pins import Pin, PinList
from lrs_explorer.widgets.profile_view import ProfileView
from lrs_explorer.widgets.readout import Readout
from lrs_explorer.widgets.run_bar import RunBar
from lrs_explorer.widgets.spectrum_display import SpectrumDisplay
from lrs_explorer.widgets.spectrum_view import SpectrumView
from lrs_explorer.widgets.status_line import StatusLine
from lrs_explorer.widgets.style import ROOT_CLASS, KernelWatch, Tooltips, style_widget
from lrs_explorer.widgets.toolbar import Toolbar
from lrs_explorer.widgets.zoom import Wheel

__all__ = ["Actions", "Screen"]

Region = tuple[float, float]


@dataclass
class _Tab:
    """A tab: what is in it, whether it is there, and its title."""

    name: str
    content: ipywidgets.Widget
    shown: bool = True
    count: int = 0

    @property
    def title(self) -> str:
        return f"{self.name} ({self.count})" if self.count else self.name


class Actions(Protocol):
    """What the user can do on the screen, answered by its owner."""

    def image_chosen(self, value: Any) -> None:
        """Show another nod, or the combined image."""

    def image_display_chosen(self, display: Display) -> None:
        """Colour the image otherwise."""

    def dq_chosen(self, show: bool) -> None:
        """Show DQ flags on the image, or not."""

    def spectrum_display_chosen(self, display: SpectrumDisplay) -> None:
        """Draw the spectra otherwise."""

    def pins_changed(self, pins: tuple[Pin, ...]) -> None:
        """Take note that a pinned spectrum was renamed, coloured, hidden or removed."""

    def cursor_moved(self, wavelength: float | None, position: float | None) -> None:
        """Take note of the pointer, micron and pixel; None where it says nothing."""

    def undo(self) -> None:
        """Go one step back."""

    def redo(self) -> None:
        """Go one step forward."""

    def pin(self) -> None:
        """Keep the live spectrum."""

    def run_cancelled(self) -> None:
        """Stop the pipeline."""

    def run_again(self) -> None:
        """Run the pipeline after it failed or was cancelled."""

    def list_asked(self) -> None:
        """List the observations that can be opened."""

    def path_chosen(self, path: str) -> None:
        """Open this file, or list this folder."""


class Screen:
    """All views and controls.

    Parameters
    ----------
    actions : Actions
        Whom to call when the user does something.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to display.
    """

    def __init__(self, actions: Actions) -> None:
        self._image: SpectralImage | None = None
        self._display = Display()
        self._dq = False
        self._layers: Mapping[str, NDArray[np.bool_]] | None = None
        wavelength_scale = LinearScale(min=4.5, max=14.0)
        position_scale = LinearScale(min=-0.5, max=44.5)

        self.messages = MessageBar()
        self.status = StatusLine()
        self.status.answer("undo", actions.undo)
        self.run = RunBar(actions.run_cancelled, actions.run_again)
        self.image = ImageView(wavelength_scale, position_scale)
        self.profile = ProfileView(position_scale)
        self.spectrum = SpectrumView(wavelength_scale)
        self.readout = Readout()
        self.image_display = ImageDisplayControls(actions.image_display_chosen, actions.dq_chosen)
        self.spectrum_display = SpectrumDisplayControls(actions.spectrum_display_chosen)
        self.pins = PinList(actions.pins_changed)
        self.information = InformationPanel()
        self.open = OpenPanel(actions.path_chosen)
        self.toolbar = Toolbar(
            on_undo=actions.undo,
            on_redo=actions.redo,
            on_reset_zoom=self.reset_zoom,
            on_pin=actions.pin,
            on_open=actions.list_asked,
            on_image=actions.image_chosen,
        )
        self.image.on_cursor(actions.cursor_moved)
        self.profile.on_cursor(lambda position: actions.cursor_moved(None, position))
        self.spectrum.on_hover(lambda wavelength: actions.cursor_moved(wavelength, None))

        self.title = ipywidgets.HTML().add_class("lrs-title")
        display = ("Image", self.image_display.widget), ("Spectrum", self.spectrum_display.widget)
        self._tabs = [
            _Tab("Display", _panel(*display)),
            _Tab("Pins", _panel(("Pinned spectra", self.pins.widget))),
            _Tab("Info", _panel(("", self.information.widget))),
        ]
        self._left_out: set[str] = set()
        self.tabs = ipywidgets.Tab().add_class("lrs-tabs")
        self._arrange_tabs()
        self._figures = ipywidgets.VBox(
            [self.image.widget, self.readout.widget, self.spectrum.widget],
            layout={"width": FIGURE_WIDTH, "flex": "0 0 auto"},
        )
        self._first = ipywidgets.Box().add_class("lrs-first")
        self.widget = ipywidgets.VBox(
            [
                style_widget(),
                Wheel(),
                Tooltips(),
                KernelWatch(),
                ipywidgets.HBox([self.title, self.toolbar.widget, self.open.widget]).add_class(
                    "lrs-head"
                ),
                ipywidgets.HBox([self.status.widget, self.run.widget]).add_class("lrs-under-head"),
                self.messages.widget,
                self._first,
                ipywidgets.HBox(
                    [
                        self._figures,
                        ipywidgets.VBox(
                            [self.profile.widget, self.tabs],
                            layout={"width": CONTROLS_WIDTH, "flex": "0 0 auto"},
                        ).add_class("lrs-side"),
                    ]
                ).add_class("lrs-main"),
            ]
        ).add_class(ROOT_CLASS)

    def show_title(self, name: str, target: str, simulated: bool) -> None:
        """Show what is open."""
        text = " · ".join(html.escape(part) for part in (target, name) if part)
        mark = ' <span class="lrs-simulated">simulated</span>' if simulated else ""
        self.title.value = f"<b>{text}</b>{mark}"

    def show_images(self, choices: Sequence[tuple[str, Nods]], value: Nods | None) -> None:
        """Offer these images and show which one is open."""
        self.toolbar.show_images(choices, value)

    def show_information(
        self,
        observation: Sequence[tuple[str, str]],
        made_of: Sequence[tuple[str, str]],
        references: Mapping[str, str],
        notes: Sequence[str],
    ) -> None:
        """Show what is known of the observation and of the reference files of the live view."""
        self.information.show(
            [
                ("Observation", observation),
                ("What it is made of", made_of),
                (
                    "Reference files of the live spectrum",
                    [*references.items(), *(("note", note) for note in notes)],
                ),
            ]
        )

    def show_image(self, image: SpectralImage | None) -> None:
        """Show another image, coloured as the user chose; None shows none."""
        self._image, self._layers = image, None
        if image is None:
            self.image.show_nothing()
        self._color_image()

    @property
    def shown(self) -> SpectralImage | None:
        """The image that is drawn."""
        return self._image

    def show_image_display(self, display: Display) -> None:
        """Colour the image as ``display`` says."""
        self._display = display
        self._color_image()

    def show_layers(self, layers: Mapping[str, NDArray[np.bool_]] | None) -> None:
        """Draw these pixels of an image that has no flags of its own, once flags are shown.

        Parameters
        ----------
        layers : Mapping of str to ndarray of bool, shape (n_wave, n_cross), or None
            By name in `layout.DQ_COLORS`; None = not known.
        """
        self._layers = layers
        self._color_image()

    def show_dq(self, show: bool) -> None:
        """Show the flags of the image's pixels, or not."""
        self._dq = show
        self._color_image()

    def _color_image(self) -> None:
        image = self._image
        if image is None:
            return
        layers = self._layers if image.dq is None else flag_layers(image.dq)
        has_dq = layers is not None
        self.image.show_image(image, self._display, layers if self._dq else None)
        picture = self.image.picture
        assert picture is not None
        self.profile.limit_bands(*picture.position, reference_columns(image.header))
        self.image_display.show(
            self._display,
            used=picture.limits,
            dq=self._dq,
            no_dq="" if has_dq else f"{image.kind} products carry none.",
        )

    def show_truth(self, curve: tuple[ArrayLike, ArrayLike] | None) -> None:
        """Show what went into a simulation, micron and Jy, and compare with it; None = unknown."""
        self.spectrum.show_truth(*(curve or (None, None)))
        reference = "truth" if curve else "delivered"
        self.show_spectrum_display(replace(self.spectrum.display, reference=reference))

    def show_spectrum_display(self, display: SpectrumDisplay) -> None:
        """Draw the spectra as ``display`` says, and offer what they can be compared with."""
        references = self.spectrum.references
        keys = [key for _, key in references]
        if display.reference not in keys and keys:
            display = replace(display, reference=keys[0])
        self.spectrum.show_display(display)
        self.spectrum_display.show(
            display,
            references,
            has_delivered="delivered" in keys,
            has_truth="truth" in keys,
        )

    def show_bands(
        self,
        aperture: Region | None,
        regions: tuple[Region, ...] = (),
        columns: tuple[Region, ...] = (),
    ) -> None:
        """Show aperture, background regions and off-trace columns on image and profile."""
        self.image.show_bands(aperture, regions, columns)
        self.profile.show_bands(aperture, regions, columns)

    def show_marker(self, wavelength: float | None, position: float | None) -> None:
        """Mark a wavelength (micron) and a position (pixel) in every view that has that axis."""
        self.image.show_marker(wavelength, position)
        self.profile.show_marker(position)
        self.spectrum.show_marker(wavelength)

    def add_tab(
        self, name: str, *sections: tuple[str, ipywidgets.Widget], shown: bool = True
    ) -> None:
        """Add a tab before "Display": sections, each a heading and what stands below it."""
        place = [tab.name for tab in self._tabs].index("Display")
        self._tabs.insert(place, _Tab(name, _panel(*sections), shown))
        self._arrange_tabs()

    def bring_to_front(self, name: str) -> None:
        """Show what is in a tab."""
        self.tabs.selected_index = [tab.name for tab in self._present].index(name)

    def is_in_front(self, name: str) -> bool:
        """Tell whether a tab is the one that is seen."""
        chosen = self.tabs.selected_index
        content = next(tab.content for tab in self._tabs if tab.name == name)
        return chosen is not None and self.tabs.children[chosen] is content

    def on_tab(self, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when another tab has come to the front."""
        self.tabs.observe(lambda _change: callback(), names="selected_index")

    def show_tab(self, name: str, shown: bool) -> None:
        """Show a tab, or take it away: not all are for every observation."""
        tab = next(tab for tab in self._tabs if tab.name == name)
        if tab.shown != shown:
            tab.shown = shown
            self._arrange_tabs()

    def show_section(self, name: str, title: str, shown: bool) -> None:
        """Show a section of a tab, or take it away."""
        tab = next(tab for tab in self._tabs if tab.name == name)
        (section,) = (part for part in tab.content.children if part.title == title)
        section.layout.display = None if shown else "none"

    def leave_out(self, names: Sequence[str]) -> None:
        """Take away these tabs, whatever they are for, and give back all others."""
        if set(names) != self._left_out:
            self._left_out = set(names)
            self._arrange_tabs()

    @property
    def _present(self) -> list[_Tab]:
        return [tab for tab in self._tabs if tab.shown and tab.name not in self._left_out]

    def show_mode(self, mode: Mode) -> None:
        """Show how accurate the wavelengths of this mode are."""
        self.spectrum.show_mode(mode)

    def _arrange_tabs(self) -> None:
        tabs = self._present
        contents = tuple(tab.content for tab in tabs)
        if contents != self.tabs.children:
            chosen = self.tabs.selected_index
            front = None if chosen is None else self.tabs.children[chosen]
            self.tabs.children = contents
            self.tabs.selected_index = contents.index(front) if front in contents else 0
        self.tabs.titles = tuple(tab.title for tab in tabs)

    def add_views(self, first: ipywidgets.Widget, below: ipywidgets.Widget) -> None:
        """Put further views above all others, as wide as the screen, and below the spectrum."""
        self._first.children = (first,)
        self._figures.children = (*self._figures.children, below)

    def count_on_tab(self, name: str, count: int) -> None:
        """Write a number behind the title of a tab; none where it is 0."""
        next(tab for tab in self._tabs if tab.name == name).count = count
        self._arrange_tabs()

    def reset_zoom(self) -> None:
        """Show all wavelengths, the whole slit and all of the spectra again."""
        self.image.zoom_out()
        self.spectrum.flux.fit_y()


def _panel(*sections: tuple[str, ipywidgets.Widget]) -> ipywidgets.VBox:
    """Return the content of a tab: sections under headings."""
    return ipywidgets.VBox([_Section(*section) for section in sections]).add_class("lrs-panel")


class _Section(ipywidgets.VBox):  # type: ignore[misc]
    """A part of a tab under its heading."""

    def __init__(self, title: str, widget: ipywidgets.Widget) -> None:
        self.title = title
        super().__init__([heading(title), widget] if title else [widget])
