"""The spectrum: live, delivered, true and pinned curves, and their ratio or difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets
import numpy as np
from bqplot import LinearScale
from numpy.typing import ArrayLike

from lrs_explorer.model.data.instrument import ACCURACY, Mode
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.data.systematic import Systematic
from lrs_explorer.widgets.comparison_panel import ComparisonPanel
from lrs_explorer.widgets.fields import button
from lrs_explorer.widgets.flux_figure import FluxFigure, LineStyle
from lrs_explorer.widgets.layout import (
    DELIVERED_COLOR,
    FIGURE_WIDTH,
    LIVE_COLOR,
    SYSTEMATIC_COLOR,
    TRUTH_COLOR,
)
from lrs_explorer.widgets.legend import LegendEntry, legend_html, notes_html
from lrs_explorer.widgets.pins import Pin
from lrs_explorer.widgets.spectrum_display import SpectrumDisplay
from lrs_explorer.widgets.units import Curve, curve, flux_band, flux_curve

__all__ = ["SpectrumView"]

_QUANTITIES = {"Jy": "flux density", "mJy": "flux density", "MJy/sr": "surface brightness"}


class SpectrumView:
    """Spectra on the wavelength axis that the image shares.

    Nothing here computes a spectrum: it draws what it is shown.

    Parameters
    ----------
    x_scale : bqplot.LinearScale, optional
        Wavelength, micron, with ``min`` and ``max`` set; shared with the image view.
    mode : {"slit", "slitless"}
        Which wavelength accuracy is shown.

    Attributes
    ----------
    widget : ipywidgets.Widget
    x_scale : bqplot.LinearScale
    flux : FluxFigure
    comparison : ComparisonPanel
    legend, notes : ipywidgets.HTML
        Name and state of each curve; remarks, in one line.
    fit_y, zoom_in_y, zoom_out_y : ipywidgets.Button
    """

    def __init__(
        self,
        x_scale: LinearScale | None = None,
        *,
        mode: Mode = "slit",
    ) -> None:
        self.x_scale = LinearScale(min=4.5, max=14.0) if x_scale is None else x_scale
        self._display = SpectrumDisplay()
        self._live: Spectrum | None = None
        self._believed: Spectrum | None = None
        self._systematic: Systematic | None = None
        self._state, self._reason = "none", ""
        self._delivered: Spectrum | None = None
        self._truth: tuple[ArrayLike, ArrayLike] | None = None
        self._pins: tuple[Pin, ...] = ()
        self._curves: dict[str, Curve] = {}
        self._alone = False
        self._left_out: dict[str, int] = {}

        self.flux = FluxFigure(self.x_scale)
        self.comparison = ComparisonPanel(self.x_scale)
        self.legend = ipywidgets.HTML(layout={"flex": "1 1 auto", "min_width": "0"})
        self.notes = ipywidgets.HTML()
        only = "Display only: no pipeline parameter."
        self.zoom_in_y = button(
            "y +",
            f"Zoom in on the flux axis. {only}",
            lambda: self.flux.zoom_y(0.7),
        )
        self.zoom_out_y = button(
            "y −",
            f"Zoom out of the flux axis. {only}",
            lambda: self.flux.zoom_y(1 / 0.7),
        )
        self.fit_y = button(
            "fit y", f"Fit the flux axis to the curves, spikes aside. {only}", self.flux.fit_y
        )
        first = ipywidgets.HBox([self.legend, self.zoom_in_y, self.zoom_out_y, self.fit_y])
        first.add_class("lrs-curves")
        self.widget = ipywidgets.VBox(
            [first, self.notes, self.flux.overlay.widget, self.comparison.widget],
            layout={"flex": "0 0 auto", "width": FIGURE_WIDTH},
        ).add_class("lrs-spectrum")
        self.show_mode(mode)
        self._redraw()

    # -- what to show --------------------------------------------------------------------------

    def show_live(
        self,
        spectrum: Spectrum | None,
        state: str = "",
        reason: str = "",
        *,
        dragging: bool = False,
    ) -> None:
        """Show the live spectrum; None = there is none, for ``reason``.

        Parameters
        ----------
        state : {"", "live", "pipeline", "approximate", "stale", "failed"}
            The word beside the curve; empty = the spectrum's origin.
        reason : str
            Why it is stale, failed or approximate.
        dragging : bool
            More will follow at once: leave the flux axis alone unless the curve leaves it.
        """
        unit_changed = (spectrum and spectrum.unit) != (self._live and self._live.unit)
        self._live, self._reason = spectrum, reason
        self._state = "none" if spectrum is None else state or spectrum.origin
        if unit_changed:  # what can be drawn together has changed
            self._redraw()
            return
        if spectrum is not None:
            self._curves["live"] = curve(spectrum, self._display.unit)
            self._left_out["live"] = self.flux.draw("live", self._curves["live"])
        self._compare(dragging)
        self.flux.adapt_y(dragging=dragging)
        self._write()

    def show_believed(self, spectrum: Spectrum | None) -> None:
        """Draw the error band of ``spectrum``, dotted, beside that of the live one; None = none."""
        self._believed = spectrum
        self.flux.draw_believed(curve(spectrum, self._display.unit) if spectrum else None)

    def show_systematic(self, systematic: Systematic | None) -> None:
        """Draw the band of the live spectrum's variants behind it; None = none."""
        self._systematic = systematic
        self._draw_systematic()
        self._write()

    def _draw_systematic(self) -> None:
        found = self._systematic
        edges = None if found is None else flux_band(found, self._display.unit)
        wavelength = None if found is None else np.asarray(found.wavelength, float)
        self.flux.draw_systematic(wavelength, edges)

    def show_delivered(self, spectrum: Spectrum | None, *, alone: bool = False) -> None:
        """Show the archive's x1d spectrum; None = there is none.

        Parameters
        ----------
        spectrum : Spectrum or None
        alone : bool
            There will be no live spectrum: it is this one that is compared with others.
        """
        self._delivered, self._alone = spectrum, alone and spectrum is not None
        self._redraw()

    def show_truth(
        self, wavelength: ArrayLike | None = None, flux: ArrayLike | None = None
    ) -> None:
        """Show the spectrum that went into a simulation, micron and Jy; None = unknown."""
        self._truth = None if wavelength is None or flux is None else (wavelength, flux)
        self._redraw()

    def show_pins(self, pins: Sequence[Pin]) -> None:
        """Show these pinned spectra and no others."""
        self._pins = tuple(pins)
        self._redraw()

    def show_display(self, display: SpectrumDisplay) -> None:
        """Draw everything as ``display`` says."""
        unit_changed = display.unit != self._display.unit
        self._display = display
        self._redraw()
        if unit_changed:
            self.flux.fit_y()

    def show_mode(self, mode: Mode) -> None:
        """Show the wavelength accuracy of ``mode``, "slit" or "slitless"."""
        self.flux.show_accuracy(*ACCURACY[mode])

    def show_marker(self, wavelength: float | None) -> None:
        """Draw a vertical line at ``wavelength``, micron; None takes it away."""
        self.flux.overlay.show_marker(wavelength)
        self.comparison.overlay.show_marker(wavelength)

    def on_hover(self, callback: Callable[[float | None], None]) -> None:
        """Call ``callback(wavelength)``, micron, as the pointer moves; None when it leaves."""
        for overlay in (self.flux.overlay, self.comparison.overlay):
            overlay.on_cursor(lambda x, _y: callback(x))

    @property
    def display(self) -> SpectrumDisplay:
        """How the curves are drawn."""
        return self._display

    @property
    def references(self) -> list[tuple[str, str]]:
        """What the live spectrum can be compared with, best first: (label, value) for a chooser."""
        found = [("truth", "truth")] if self._truth is not None else []
        if self._delivered is not None and not self._alone:
            found.append(("delivered", "delivered"))
        return found + [(pin.name, pin.key) for pin in self._pins]

    def live_at(self, wavelength: float) -> tuple[float, float, str] | None:
        """Return (flux, error, unit) of the live curve at the nearest wavelength, micron.

        None where there is no live curve, or ``wavelength`` is beyond its ends.
        """
        live = self._curves.get("live")
        if live is None or not live.wavelength.size:
            return None
        if not live.wavelength[0] <= wavelength <= live.wavelength[-1]:
            return None
        nearest = int(abs(live.wavelength - wavelength).argmin())
        return float(live.value[nearest]), float(live.error[nearest]), live.unit

    # -- drawing -------------------------------------------------------------------------------

    def _redraw(self) -> None:
        """Draw every curve anew: for everything but a changed live spectrum."""
        display, unit = self._display, self._display.unit
        self._curves = {}
        if self._live is not None:
            self._curves["live"] = curve(self._live, unit)
        if self._delivered is not None:
            self._curves["delivered"] = curve(self._delivered, unit)
        if self._truth is not None:
            self._curves["truth"] = flux_curve(*self._truth, unit)
        self._curves.update({pin.key: curve(pin.spectrum, unit) for pin in self._pins})
        self._unit = next((one.unit for one in self._curves.values()), unit)
        self.flux.set_style(
            log=display.log,
            steps=display.steps,
            error_band=display.error_band,
            label=f"{_QUANTITIES.get(self._unit, 'signal')} [{self._unit}]",
        )
        self.flux.set_curves(
            {
                # Wider than the live curve, so that it is seen where that lies on it.
                "delivered": LineStyle(DELIVERED_COLOR, width=3.2),
                **{pin.key: LineStyle(pin.color) for pin in self._pins},
                "live": LineStyle(LIVE_COLOR),
                "truth": LineStyle(TRUTH_COLOR, "dashed"),  # its gaps show what it lies on
            }
        )
        shown = {"delivered": display.delivered, "truth": display.truth}
        shown |= {pin.key: pin.shown for pin in self._pins}
        for key in self.flux.lines:
            one = self._curves.get(key)
            drawn = one is not None and one.unit == self._unit and shown.get(key, True)
            self._left_out[key] = self.flux.draw(key, one if drawn else None)
        self.show_believed(self._believed)
        self._draw_systematic()
        self.comparison.widget.layout.display = "none" if display.comparison == "none" else ""
        self.flux.label_wavelength(display.comparison == "none")
        self._compare()
        self.flux.adapt_y()
        self._write()

    def _compare(self, dragging: bool = False) -> None:
        display = self._display
        if display.comparison == "none":
            return
        key = display.reference
        label = {pin.key: pin.name for pin in self._pins}.get(key, key)
        name = "delivered" if self._alone else "live"
        live, reference = self._curves.get(name), self._curves.get(key)
        if self._alone and (reference is None or key == name):
            self.comparison.say("No comparison: there is no other spectrum; pin one.")
        elif live is None:
            self.comparison.say("No comparison: there is no live spectrum.")
        elif reference is None:
            self.comparison.say(f"No comparison: there is no {label} spectrum.")
        else:
            self.comparison.show(
                live,
                reference,
                label,
                display.comparison,
                name=name,
                steps=display.steps,
                keep_range=dragging,
            )

    def _write(self) -> None:
        """Write name, state and remarks of each curve."""
        self.flux.fade("live", self._state in ("stale", "failed"))
        legend = legend_html(self._entries())
        notes = notes_html(self._remarks())
        if legend != self.legend.value:
            self.legend.value = legend
        if notes != self.notes.value:
            self.notes.value = notes

    def _entries(self) -> list[LegendEntry]:
        entries = []
        if not self._alone:
            entries = [
                LegendEntry("live", "spectrum", LIVE_COLOR, self._state, detail=self._reason)
            ]
        if self._systematic is not None:
            sentence = self._systematic.sentence
            entries.append(
                LegendEntry(
                    "systematic", "choices", SYSTEMATIC_COLOR, "systematic", detail=sentence
                )
            )
        if self._delivered is not None and self._display.delivered:
            file_name = self._delivered.path.name if self._delivered.path else ""
            state = {"c1d": "c1d", "live": "saved"}.get(self._delivered.kind, "delivered")
            entries.append(
                LegendEntry("delivered", "delivered", DELIVERED_COLOR, state, "solid", file_name)
            )
        if self._truth is not None and self._display.truth:
            entries.append(LegendEntry("truth", "truth", TRUTH_COLOR, "truth", "dashed"))
        entries += [
            LegendEntry(pin.key, pin.name, pin.color, "pinned") for pin in self._pins if pin.shown
        ]
        return entries

    def _remarks(self) -> list[tuple[str, str]]:
        """Return pairs (curve, sentence) of what must be known of the curves that are drawn."""
        remarks = [("live", self._reason)] if self._reason else []
        if self._systematic is not None and flux_band(self._systematic, self._unit) is None:
            remarks.append(("choices", f"known in Jy only, not in {self._unit}"))
        spectra = {"live": self._live, "delivered": self._delivered}
        spectra |= {pin.key: pin.spectrum for pin in self._pins}
        for entry in self._entries():
            key, one = entry.key, self._curves.get(entry.key)
            if one is None:
                continue
            spectrum = spectra.get(key)
            sentences = [*(spectrum.notes if spectrum else ()), *one.notes]
            if one.unit != self._unit:
                sentences.append(f"in {one.unit}, so not drawn beside {self._unit}")
            if self._left_out.get(key):
                number = self._left_out[key]
                sentences.append(f"{number} left out of the log axis, not being positive")
            remarks += [(entry.label, sentence) for sentence in sentences]
        return remarks
