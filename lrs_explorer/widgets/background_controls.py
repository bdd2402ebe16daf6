"""Controls of the background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import ipywidgets
import numpy as np

from lrs_explorer.model.data.products import SpatialProfile
from lrs_explorer.model.recipe.recipe import Aperture, Background
from lrs_explorer.widgets.banded_plot import Region
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    counted,
    field,
    note_box,
    note_html,
    row,
)
from lrs_explorer.widgets.region_row import RegionRow, show_rows

__all__ = ["BackgroundControls", "free_region"]

NARROWEST = 0.1
"""Least width of a region that can be typed, pixels."""


def free_region(
    aperture: Aperture,
    regions: tuple[Region, ...],
    limits: tuple[float, float],
    profile: SpatialProfile | None = None,
    width: float = 5.0,
) -> Region | None:
    """Return where a further background region fits best.

    It keeps clear of aperture, regions and the ends of the slit. Among the places that are left it
    lies where there is least signal, positive or negative, such as the trace of the other nod; of
    those that are equal to a hundredth of the peak, nearest to the aperture.

    Parameters
    ----------
    aperture : Aperture
        Kept clear, with one pixel to either side.
    regions : tuple of (float, float)
        Present regions, pixels.
    limits : (float, float)
        Edges of the image along the cross-dispersion axis, pixels; the outermost pixel on each
        side is avoided, since resampling leaves it without full signal.
    profile : SpatialProfile or None
        Where there is signal; None = not known.
    width : float
        Wanted width, pixels; less where there is less room.

    Returns
    -------
    (float, float) or None
        None where no stretch of at least one pixel is free.
    """
    taken = sorted([(aperture.lower - 1, aperture.upper + 1), *regions])
    first, last = limits[0] + 1, limits[1] - 1
    free, start = [], first
    for lower, upper in [*taken, (last, last)]:
        free.append((start, min(lower, last)))
        start = max(start, upper)
    width = min(width, max(end - begin for begin, end in free))
    if width < 1:
        return None
    places = [
        begin + shift
        for begin, end in free
        if end - begin >= width
        for shift in np.arange(0.0, end - begin - width + 1e-9, 0.5)
    ]

    signal = np.zeros(0)
    if profile is not None and np.isfinite(profile.value).any():
        signal = np.abs(profile.value - np.nanmedian(profile.value))
        signal = np.nan_to_num(signal / (np.nanmax(signal) or 1.0), nan=1.0)

    def cost(lower: float) -> tuple[float, float]:
        distance = abs(lower + width / 2 - aperture.center)
        if profile is None or not signal.size:
            return 0.0, distance
        inside = (profile.position > lower - 0.5) & (profile.position < lower + width + 0.5)
        return round(float(signal[inside].mean()), 2) if inside.any() else 1.0, distance

    lower = min(places, key=cost)
    return round(float(lower), 3), round(float(lower + width), 3)


class BackgroundControls:
    """Background regions as numbers, and how the background is made from them.

    Parameters
    ----------
    on_background : callable(Background or None)
        Called with what the user chose, kept within the image; None = as the reference file says.

    Attributes
    ----------
    widget : ipywidgets.Widget
    enabled : ipywidgets.Checkbox
    add, reference_default : ipywidgets.Button
    rows : list of RegionRow
        In the order of ``Background.regions``.
    bkg_fit : ipywidgets.Dropdown
    bkg_order, smoothing_length : ipywidgets.BoundedIntText
    source, note : ipywidgets.HTML
    """

    MOST_ORDER = 5
    """Highest polynomial order offered: more would run wild between two regions."""

    def __init__(self, on_background: Callable[[Background | None], None]) -> None:
        self._on_background = on_background
        self._user = UserChanges()
        self._shown = Background()
        self._switched_off: tuple[Region, ...] = ()
        self._aperture = Aperture(0.0, 1.0)
        self._profile: SpatialProfile | None = None
        self._limits = (-0.5, 0.5)
        self.enabled = checkbox(
            "subtract background",
            "Subtract a background made from the regions below. extract_1d: subtract_background.",
        )
        self.add = button(
            "add region",
            "Add a background region where there is room and least signal. extract_1d: bkg_coeff.",
            self._add,
        )
        self.reference_default = button(
            "pipeline default",
            "Regions and fit as the extract1d reference file says: bkg_coeff, bkg_fit, bkg_order, "
            "smoothing_length.",
            lambda: self._on_background(None),
        )
        self.bkg_fit = ipywidgets.Dropdown(
            options=Background.FITS,
            tooltip="How the background is found at each wavelength: a polynomial across the "
            "regions, their mean or their median. extract_1d: bkg_fit.",
        )
        self.bkg_order = ipywidgets.BoundedIntText(
            min=0,
            max=self.MOST_ORDER,
            tooltip='Order of the polynomial; only with "poly". extract_1d: bkg_order.',
        )
        self.smoothing_length = ipywidgets.BoundedIntText(
            min=0,
            max=999,
            step=2,
            tooltip="Smooth the background along the dispersion over this odd number of pixels; "
            "0 = not. extract_1d: smoothing_length.",
        )
        self.source = ipywidgets.HTML()
        self.note = note_box()
        self.rows: list[RegionRow] = []
        self._regions = ipywidgets.VBox()
        self._user.watch(self.enabled, self._switch)
        self._user.watch(self.bkg_fit, self._fit_changed)
        self._user.watch(self.bkg_order, self._fit_changed)
        self._user.watch(self.smoothing_length, self._smoothing_typed)
        self.widget = ipywidgets.VBox(
            [
                row(self.enabled, self.add, self.reference_default),
                self._regions,
                row(
                    field("fit", self.bkg_fit, width="70px"),
                    field("order", self.bkg_order, width="44px"),
                    field("smoothing", self.smoothing_length, width="50px"),
                ),
                self.source,
                self.note,
            ]
        ).add_class("lrs-tab")

    def show(
        self,
        background: Background,
        *,
        source: str,
        limits: tuple[float, float],
        aperture: Aperture,
        profile: SpatialProfile | None = None,
    ) -> None:
        """Show the background that is really used; calls nothing back.

        Parameters
        ----------
        background : Background
            Whoever chose it.
        source : str
            Who did: "as extract1d_0005 says", "chosen by you", ...
        limits : (float, float)
            Edges of the image along the cross-dispersion axis, pixels: (-0.5, n_cross - 0.5).
        aperture : Aperture
            Where the aperture is; new regions keep clear of it.
        profile : SpatialProfile or None
            Where there is signal; new regions keep clear of that, too.
        """
        if background != self._shown:  # a note stays until what it is about is no longer so
            self.note.value = ""
        self._shown, self._limits = background, limits
        self._aperture, self._profile = aperture, profile
        if background.regions:
            self._switched_off = ()
        with self._user.silence():
            self.enabled.value = bool(background.regions)
            self.bkg_fit.value = background.bkg_fit
            self.bkg_order.max = max(self.MOST_ORDER, background.bkg_order)
            self.bkg_order.value = background.bkg_order
            self.smoothing_length.value = background.smoothing_length
        self.bkg_order.disabled = background.bkg_fit != "poly"
        self._show_regions()
        text = note_html(f"{counted(len(background.regions), 'region')}: {source}.")
        if text != self.source.value:
            self.source.value = text

    def _show_regions(self) -> None:
        show_rows(self.rows, self._regions, self._shown.regions, self._row)

    def _row(self, i: int) -> RegionRow:
        return RegionRow(
            f"region {i + 1}",
            f"background region {i + 1}",
            "extract_1d: bkg_coeff.",
            partial(self._edges_typed, i),
            partial(self._remove, i),
        )

    def _choose(self, background: Background) -> None:
        self.note.value = ""
        self._shown = background
        self._show_regions()
        self._on_background(background)

    def _say(self, sentence: str) -> None:
        """Say what was done; call it after a callback, which may call `show`."""
        self.note.value = note_html(sentence, "warning")

    def _switch(self) -> None:
        if not self.enabled.value:
            off = self._shown.regions
            self._choose(replace(self._shown, regions=()))
            self._switched_off = off
        elif self._switched_off:
            self._choose(replace(self._shown, regions=self._switched_off))
        else:
            self._add()

    def _add(self) -> None:
        region = free_region(self._aperture, self._shown.regions, self._limits, self._profile)
        if region is None:
            with self._user.silence():
                self.enabled.value = bool(self._shown.regions)
            self._say("There is no room for another region.")
            return
        self._choose(replace(self._shown, regions=(*self._shown.regions, region)))

    def _remove(self, i: int) -> None:
        regions = self._shown.regions
        self._choose(replace(self._shown, regions=regions[:i] + regions[i + 1 :]))

    def _edges_typed(self, i: int) -> None:
        (first, last), old = self._limits, self._shown.regions[i]
        typed = self.rows[i].typed
        if typed[0] == old[0]:
            kept = old[0], min(max(typed[1], old[0] + NARROWEST), max(last, old[1]))
        else:
            kept = max(min(typed[0], old[1] - NARROWEST), min(first, old[0])), old[1]
        regions = list(self._shown.regions)
        regions[i] = kept
        self._choose(replace(self._shown, regions=tuple(regions)))
        if kept != typed:
            self._say(
                f"The edge was kept within the image and region {i + 1}: "
                f"{kept[0]:.4g} to {kept[1]:.4g}."
            )

    def _fit_changed(self) -> None:
        self.bkg_order.disabled = self.bkg_fit.value != "poly"
        self._choose(
            replace(self._shown, bkg_fit=self.bkg_fit.value, bkg_order=self.bkg_order.value)
        )

    def _smoothing_typed(self) -> None:
        typed = self.smoothing_length.value
        length = 0 if typed < 2 else typed + 1 - typed % 2
        with self._user.silence():
            self.smoothing_length.value = length
        if length != self._shown.smoothing_length:
            self._choose(replace(self._shown, smoothing_length=length))
        if length != typed:
            self._say(f"The smoothing length must be 0 or odd: {length} is used, not {typed}.")
