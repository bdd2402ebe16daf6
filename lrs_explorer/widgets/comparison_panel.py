"""The lower panel: the live spectrum divided by, or less, a reference."""

from __future__ import annotations

import html

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, PanZoom
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.widgets.layout import (
    COMPARISON_HEIGHT,
    FIGURE_WIDTH,
    LIVE_COLOR,
    figure_layout,
    figure_margin,
)
from lrs_explorer.widgets.overlay import PlotOverlay
from lrs_explorer.widgets.plot_parts import (
    FAR,
    TICK_FORMAT,
    WAVELENGTH_LABEL,
    nice_ticks,
    outside_nominal,
    set_line,
)
from lrs_explorer.widgets.units import COMPARED_RANGE, Comparison, Curve, compare, stepped

__all__ = ["ComparisonPanel"]


class ComparisonPanel:
    """Ratio or difference of the live spectrum and a reference, with median and scatter in words.

    Parameters
    ----------
    x_scale : bqplot.LinearScale
        Wavelength, micron.

    Attributes
    ----------
    widget : ipywidgets.Widget
    figure : bqplot.Figure
    overlay : PlotOverlay
    line : bqplot.Lines
    y_scale : bqplot.LinearScale
    statistics : ipywidgets.HTML
        One line of text.
    result : Comparison or None
        The numbers that are drawn.
    """

    def __init__(self, x_scale: LinearScale) -> None:
        self.y_scale = LinearScale(min=0.9, max=1.1)
        scales = {"x": x_scale, "y": self.y_scale}
        self.line = Lines(x=[], y=[], scales=scales, colors=[LIVE_COLOR], stroke_width=1.5)
        self._level = Lines(
            x=list(FAR), y=[1.0, 1.0], scales=scales, colors=["#888888"], stroke_width=1.0
        )
        self._y_axis = Axis(
            scale=self.y_scale,
            side="left",
            label="ratio",
            label_offset="54px",
            tick_format=TICK_FORMAT,
            tick_values=nice_ticks(self.y_scale.min, self.y_scale.max, 5),
        )
        self.figure = Figure(
            marks=[outside_nominal(x_scale), self._level, self.line],
            axes=[Axis(scale=x_scale, label=WAVELENGTH_LABEL, label_offset="28px"), self._y_axis],
            fig_margin=figure_margin(top=4, bottom=36),
            layout=figure_layout(FIGURE_WIDTH, COMPARISON_HEIGHT),
            interaction=PanZoom(scales={"x": [x_scale]}),
            display_toolbar=False,
        )
        self.statistics = ipywidgets.HTML()
        self.result: Comparison | None = None
        self.overlay = PlotOverlay(self.figure, x_scale, self.y_scale, marker_axes="x")
        self.widget = ipywidgets.VBox([self.statistics, self.overlay.widget])

    def show(
        self,
        live: Curve,
        reference: Curve,
        label: str,
        kind: str,
        *,
        name: str = "live",
        steps: bool,
        keep_range: bool,
    ) -> None:
        """Draw ``live`` against ``reference``.

        Parameters
        ----------
        label : str
            What the reference is called.
        kind : {"ratio", "difference"}
        name : str
            What ``live`` is called.
        steps : bool
            Draw values level over their wavelength intervals.
        keep_range : bool
            Leave the vertical range alone unless the curve leaves it: during a drag.
        """
        if live.unit != reference.unit:
            self.say(
                f"No comparison: the {name} spectrum is in {live.unit}, {label} in "
                f"{reference.unit}."
            )
            return
        result = self.result = compare(live, reference, kind)
        x, y = live.wavelength, result.value
        if steps:
            x, y = stepped(x, y)
        set_line(self.line, x, y)
        level = 1.0 if kind == "ratio" else 0.0
        if self._level.y[0] != level:
            self._level.y = [level, level]
        self._y_axis.label = kind if kind == "ratio" else f"difference [{live.unit}]"
        self._adapt_range(live.wavelength, result, level, keep_range)
        self.statistics.value = statistics_html(result, label, kind, live.unit, name)

    def say(self, sentence: str) -> None:
        """Show why there is no comparison, and no curve."""
        self.result = None
        self.line.visible = False
        self.statistics.value = f'<div class="lrs-line">{html.escape(sentence)}</div>'

    def _adapt_range(
        self, wavelength: NDArray[np.floating], result: Comparison, level: float, keep_range: bool
    ) -> None:
        if not result.count:
            return
        shown = (wavelength >= NOMINAL_RANGE[0]) & (wavelength <= NOMINAL_RANGE[1])
        sample = result.value[shown & np.isfinite(result.value)]
        low, high = (float(v) for v in np.percentile(sample, (2.0, 98.0)))
        low, high = min(low, level), max(high, level)
        now = self.y_scale
        if keep_range and now.min <= low and high <= now.max:
            return
        # At least a per cent of ratio, so that two equal spectra do not show rounding noise.
        least = 0.01 if level == 1.0 else np.finfo(float).tiny
        margin = max(0.2 * (high - low), least)
        with now.hold_sync():
            now.min, now.max = low - margin, high + margin
        self._y_axis.tick_values = nice_ticks(now.min, now.max, 5)


def statistics_html(
    result: Comparison, label: str, kind: str, unit: str, name: str = "live"
) -> str:
    """Return median and scatter of ``result`` as one escaped line."""
    sign, after = ("÷", "") if kind == "ratio" else ("−", f" {unit}")
    text = f"{name} {sign} {label}: "
    if result.count:
        text += (
            f"median {result.median:.4g}{after}, robust scatter {result.scatter:.2g}{after} "
            f"({COMPARED_RANGE[0]:g}–{COMPARED_RANGE[1]:g} µm, {result.count} values)"
        )
    else:
        text += f"no common values in {COMPARED_RANGE[0]:g}–{COMPARED_RANGE[1]:g} µm"
    return f'<div class="lrs-line lrs-statistics">{html.escape(text)}</div>'
