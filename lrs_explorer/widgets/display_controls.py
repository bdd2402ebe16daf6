"""Controls of how image and spectrum are drawn; none of them changes a number."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import ipywidgets

from lrs_explorer.widgets.display import COLOR_MAPS, STRETCHES, Display
from lrs_explorer.widgets.fields import (
    UserChanges,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)
from lrs_explorer.widgets.spectrum_display import SpectrumDisplay
from lrs_explorer.widgets.units import FLUX_UNITS

__all__ = ["ImageDisplayControls", "SpectrumDisplayControls"]

ONLY = "Display only: no pipeline parameter."


class ImageDisplayControls:
    """Stretch, limits, colour map and the DQ overlay of the image.

    Parameters
    ----------
    on_display : callable(Display)
        Called with what the user chose.
    on_dq : callable(bool)
        Called when the user switches the DQ overlay.

    Attributes
    ----------
    widget : ipywidgets.Widget
    stretch, limits, color_map : ipywidgets.Dropdown
    percentile : ipywidgets.BoundedFloatText
        Active with the limits "percentile".
    low, high : ipywidgets.FloatText
        Active with the limits "values"; otherwise they show the limits in use.
    dq : ipywidgets.Checkbox
    note : ipywidgets.HTML
    """

    LIMITS = ("zscale", "percentile", "values")

    def __init__(
        self, on_display: Callable[[Display], None], on_dq: Callable[[bool], None]
    ) -> None:
        self._on_display = on_display
        self._user = UserChanges()
        self._shown = Display()
        self._used = (0.0, 1.0)
        self.stretch = ipywidgets.Dropdown(
            options=STRETCHES, tooltip=f"How values are spread over the colours. {ONLY}"
        )
        self.limits = ipywidgets.Dropdown(
            options=self.LIMITS,
            tooltip=f"How the values of the darkest and brightest colour are found. {ONLY}",
        )
        self.percentile = ipywidgets.BoundedFloatText(
            min=50,
            max=100,
            step=0.1,
            tooltip=f"Per cent of the pixels that lie within the limits. {ONLY}",
        )
        self.low = ipywidgets.FloatText(tooltip=f"Value of the darkest colour. {ONLY}")
        self.high = ipywidgets.FloatText(tooltip=f"Value of the brightest colour. {ONLY}")
        self.color_map = ipywidgets.Dropdown(
            options=COLOR_MAPS, tooltip=f"Colour map; all are safe for colour-blind eyes. {ONLY}"
        )
        self.dq = checkbox(
            "show DQ flags", f"Colour flagged, unusable and estimated pixels by their DQ. {ONLY}"
        )
        self.note = note_box()
        self._user.watch(self.stretch, self._changed)
        self._user.watch(self.limits, self._limits_chosen)
        self._user.watch(self.percentile, self._changed)
        self._user.watch(self.low, self._values_typed)
        self._user.watch(self.high, self._values_typed)
        self._user.watch(self.color_map, self._changed)
        self._user.watch(self.dq, lambda: on_dq(self.dq.value))
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("stretch", self.stretch),
                    field("colours", self.color_map, width="88px"),
                ),
                row(
                    field("limits", self.limits, width="98px"),
                    field("%", self.percentile, width="64px"),
                ),
                row(field("from", self.low, width="96px"), field("to", self.high, width="96px")),
                self.dq,
                self.note,
            ]
        ).add_class("lrs-tab")

    def show(
        self, display: Display, *, used: tuple[float, float], dq: bool = False, no_dq: str = ""
    ) -> None:
        """Show ``display``; calls nothing back.

        Parameters
        ----------
        display : Display
        used : (float, float)
            Values of the darkest and brightest colour of the picture.
        dq : bool
            Whether flagged pixels are coloured.
        no_dq : str
            Why that is not possible; empty = it is.
        """
        self._shown, self._used = display, used
        kind = display.limits if isinstance(display.limits, str) else "values"
        with self._user.silence():
            self.stretch.value = display.stretch
            self.limits.value = kind
            self.percentile.value = display.percentile
            self.color_map.value = display.color_map
            self.low.value, self.high.value = (float(f"{value:.5g}") for value in used)
            self.dq.value = dq and not no_dq
        self._enable(kind)
        self.dq.disabled = bool(no_dq)
        self.note.value = note_html(f"No DQ flags: {no_dq}" if no_dq else "", "hint")

    def _enable(self, kind: str) -> None:
        self.percentile.disabled = kind != "percentile"
        self.low.disabled = self.high.disabled = kind != "values"

    def _choose(self, display: Display) -> None:
        self._shown = display
        self._on_display(display)

    def _changed(self) -> None:
        self._choose(
            replace(
                self._shown,
                stretch=self.stretch.value,
                percentile=self.percentile.value,
                color_map=self.color_map.value,
            )
        )

    def _limits_chosen(self) -> None:
        kind = self.limits.value
        self._enable(kind)
        self._choose(replace(self._shown, limits=self._used if kind == "values" else kind))

    def _values_typed(self) -> None:
        low, high = self.low.value, self.high.value
        if math.isfinite(low) and math.isfinite(high) and low < high:
            self.note.value = ""
            self._used = (low, high)
            self._choose(replace(self._shown, limits=(low, high)))
        else:
            self.note.value = note_html("The lower limit must be below the upper one.", "warning")


class SpectrumDisplayControls:
    """Unit, axis, curves and comparison of the spectrum.

    Parameters
    ----------
    on_display : callable(SpectrumDisplay)
        Called with what the user chose.

    Attributes
    ----------
    widget : ipywidgets.Widget
    unit, scale, comparison, reference : ipywidgets.Dropdown
    steps, error_band, delivered, truth : ipywidgets.Checkbox
    """

    def __init__(self, on_display: Callable[[SpectrumDisplay], None]) -> None:
        self._on_display = on_display
        self._user = UserChanges()
        self._shown = SpectrumDisplay()
        self.unit = ipywidgets.Dropdown(
            options=FLUX_UNITS,
            tooltip=f"Unit of the flux axis; MJy/sr draws the column SURF_BRIGHT. {ONLY}",
        )
        self.scale = ipywidgets.Dropdown(
            options=("linear", "log"),
            tooltip="Flux axis; a logarithmic one leaves out values that are not positive, "
            f"and says how many. {ONLY}",
        )
        self.steps = checkbox(
            "steps", f"Draw each value level over its own wavelength interval. {ONLY}"
        )
        self.error_band = checkbox(
            "error band", f"Shade ± 1 standard error (FLUX_ERROR) of the live spectrum. {ONLY}"
        )
        self.delivered = checkbox(
            "delivered x1d", f"Show the spectrum that the archive delivered. {ONLY}"
        )
        self.truth = checkbox("truth", f"Show what went into the simulation. {ONLY}")
        self.comparison = ipywidgets.Dropdown(
            options=SpectrumDisplay.COMPARISONS,
            tooltip=f"Lower panel: live divided by, or less, a reference spectrum. {ONLY}",
        )
        self.reference = ipywidgets.Dropdown(
            options=[("delivered", "delivered")],
            tooltip=f"What the live spectrum is compared with. {ONLY}",
        )
        for control in (
            self.unit,
            self.scale,
            self.steps,
            self.error_band,
            self.delivered,
            self.truth,
            self.comparison,
            self.reference,
        ):
            self._user.watch(control, self._changed)
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("unit", self.unit),
                    field("flux axis", self.scale),
                    self.steps,
                ),
                row(self.error_band, self.delivered, self.truth),
                row(
                    field("lower panel", self.comparison, width="98px"),
                    field("against", self.reference, width="110px"),
                ),
            ]
        ).add_class("lrs-tab")

    def show(
        self,
        display: SpectrumDisplay,
        references: Sequence[tuple[str, str]] = (("delivered", "delivered"),),
        *,
        has_delivered: bool = True,
        has_truth: bool = False,
    ) -> None:
        """Show ``display``; calls nothing back.

        Parameters
        ----------
        display : SpectrumDisplay
        references : sequence of (label, value)
            What can be compared with: `SpectrumView.references`.
        has_delivered, has_truth : bool
            Whether there are such curves.
        """
        self._shown = display
        options = list(references)
        if display.reference not in [value for _, value in options]:
            options.insert(0, ("nothing", display.reference))
        with self._user.silence():
            if list(self.reference.options) != options:
                self.reference.options = options
            self.unit.value = display.unit
            self.scale.value = "log" if display.log else "linear"
            self.steps.value = display.steps
            self.error_band.value = display.error_band
            self.delivered.value = display.delivered
            self.truth.value = display.truth
            self.comparison.value = display.comparison
            self.reference.value = display.reference
        self.delivered.disabled = not has_delivered
        self.truth.disabled = not has_truth
        self.reference.disabled = display.comparison == "none"

    def _changed(self) -> None:
        self.reference.disabled = self.comparison.value == "none"
        self._shown = SpectrumDisplay(
            unit=self.unit.value,
            log=self.scale.value == "log",
            steps=self.steps.value,
            error_band=self.error_band.value,
            delivered=self.delivered.value,
            truth=self.truth.value,
            comparison=self.comparison.value,
            reference=self.reference.value,
        )
        self._on_display(self._shown)
