"""The spatial profile beside the image: signal to the right, cross-dispersion upward."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, PanZoom
from numpy.typing import NDArray

from lrs_explorer.model.data.products import SpatialProfile, Trace
from lrs_explorer.widgets.banded_plot import BandedPlot, legend_layout, position_axis
from lrs_explorer.widgets.layout import (
    CONTROLS_WIDTH,
    IMAGE_HEIGHT,
    LIVE_COLOR,
    PIN_COLORS,
    figure_layout,
    figure_margin,
)
from lrs_explorer.widgets.plot_parts import TICK_FORMAT, nice_ticks, set_line

__all__ = ["ProfileView"]

FAR = 1e5
"""A cross-dispersion position, pixels, beyond any detector: end of the zero line."""

CURSOR_COLOR = PIN_COLORS[1]
TRACE_COLOR = PIN_COLORS[0]


class ProfileView(BandedPlot):
    """Spatial profiles with the same draggable bands as the image beside them.

    Parameters
    ----------
    y_scale : bqplot.LinearScale
        Cross-dispersion position, pixels; shared with the image.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to display: the figure and, below it, which curve is which.
    """

    def __init__(self, y_scale: LinearScale) -> None:
        x_scale = LinearScale(min=0.0, max=1.0)
        scales = {"x": x_scale, "y": y_scale}
        across = {"x": LinearScale(min=0.0, max=1.0, allow_padding=False), "y": y_scale}

        def line(color: str, **options: Any) -> Lines:
            return Lines(x=[], y=[], colors=[color], visible=False, **options)

        self._profile = line(LIVE_COLOR, scales=scales, stroke_width=1.5)
        self._cursor_profile = line(CURSOR_COLOR, scales=scales, stroke_width=1.0)
        self._trace = line(TRACE_COLOR, scales=across, line_style="dashed", stroke_width=1.5)
        self._trace_range = line(
            TRACE_COLOR,
            scales=across,
            fill="inside",
            close_path=True,
            fill_colors=[TRACE_COLOR],
            fill_opacities=[0.35],
            stroke_width=0.0,
        )
        zero = Lines(x=[0, 0], y=[-FAR, FAR], scales=scales, colors=["#888888"], stroke_width=1.0)
        self._x_axis = Axis(
            scale=x_scale, label_offset="32px", grid_lines="none", tick_format=TICK_FORMAT
        )
        y_axis = position_axis(y_scale, "34px")
        figure = Figure(
            marks=[
                zero,
                self._trace_range,
                self._trace,
                self._cursor_profile,
                self._profile,
            ],
            axes=[self._x_axis, y_axis],
            interaction=PanZoom(scales={"y": [y_scale]}),
            fig_margin={**figure_margin(), "left": 54, "right": 14},
            layout=figure_layout(CONTROLS_WIDTH, IMAGE_HEIGHT),
            display_toolbar=False,
        )
        super().__init__(figure, x_scale, y_scale)
        self.overlay.marker_axes = "y"
        self._texts = {"profile": "", "cursor": "", "trace": ""}
        self._legend = ipywidgets.HTML(layout=legend_layout(CONTROLS_WIDTH))
        self._legend.add_class("lrs-profile-legend")
        self.widget = ipywidgets.VBox([self.overlay.widget, self._legend])

    def show_profile(self, profile: SpatialProfile | None) -> None:
        """Show the profile that the range of wavelengths has in common; None shows none."""
        self._show(self._profile, "profile", profile)
        if profile is not None:
            self._x_axis.label = f"signal [{profile.unit}]"

    def show_cursor_profile(self, profile: SpatialProfile | None) -> None:
        """Show a second profile, such as that at the wavelength of the cursor; None removes it."""
        self._show(self._cursor_profile, "cursor", profile)

    def show_trace(self, trace: Trace | None) -> None:
        """Mark the measured trace, dashed, within a band of plus and minus its uncertainty."""
        for mark in (self._trace, self._trace_range):
            mark.visible = trace is not None
        if trace is None:
            self._tell("trace", "")
            return
        low, high = trace.center - trace.uncertainty, trace.center + trace.uncertainty
        for mark, x, y in (
            (self._trace, [0, 1], [trace.center, trace.center]),
            (self._trace_range, [0, 1, 1, 0], [low, low, high, high]),
        ):
            with mark.hold_sync():
                mark.x, mark.y = x, y
        self._tell("trace", f"trace {trace.center:.3f} ± {trace.uncertainty:.3f} px")

    def show_marker(self, position: float | None = None) -> None:
        """Draw a horizontal line at this pixel position; None takes it away."""
        self.overlay.show_marker(y=position)

    def on_cursor(self, callback: Callable[[float | None], Any]) -> None:
        """Call ``callback(position)`` on hovering, with None on leaving."""
        self.overlay.on_cursor(lambda _x, position: callback(position))

    def on_click(self, callback: Callable[[float], Any]) -> None:
        """Call ``callback(position)`` on a click."""
        self.overlay.on_click(lambda _x, position: callback(position))

    def _show(self, line: Lines, name: str, profile: SpatialProfile | None) -> None:
        if profile is None:
            line.visible = False
            self._tell(name, "")
        else:
            set_line(line, *_steps(profile))
            low, high = profile.wavelength_range
            at = f"{low:.3f} µm" if low == high else f"{low:.3g}–{high:.3g} µm"
            self._tell(name, at)
        self._fit()

    def _fit(self) -> None:
        """Let the signal axis cover what is shown, zero included."""
        shown = [line.x for line in (self._profile, self._cursor_profile) if line.visible]
        values = np.concatenate([[0.0], *shown])
        values = values[np.isfinite(values)]
        low, high = float(values.min()), float(values.max())
        margin = 0.05 * (high - low) or 1.0
        with self.x_scale.hold_sync():
            self.x_scale.min, self.x_scale.max = low - margin, high + margin
        self._x_axis.tick_values = nice_ticks(low - margin, high + margin, 5)

    def _tell(self, name: str, text: str) -> None:
        self._texts[name] = text
        colors = {"profile": LIVE_COLOR, "cursor": CURSOR_COLOR, "trace": TRACE_COLOR}
        shown = " ".join(
            f'<span style="border-left:10px solid {colors[name]};padding:0 8px 0 4px">'
            f"{html.escape(text)}</span>"
            for name, text in self._texts.items()
            if text
        )
        self._legend.value = f'<div class="lrs-line">{shown}</div>'


def _steps(profile: SpatialProfile) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Return the outline that draws each value over its whole pixel, [i - 0.5, i + 0.5]."""
    value = np.repeat(profile.value, 2)
    position = np.column_stack([profile.position - 0.5, profile.position + 0.5]).ravel()
    # bqplot leaves a gap where y is NaN, and draws an invalid path where x is.
    missing = ~np.isfinite(value)
    return np.where(missing, 0.0, value), np.where(missing, np.nan, position)
