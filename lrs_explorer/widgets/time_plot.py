"""Figures of a series: values against time, and scatter against the number of integrations."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, LogScale, PanZoom, Scatter
from numpy.typing import NDArray

from lrs_explorer.widgets.layout import LIVE_COLOR, PIN_COLORS, figure_layout, figure_margin
from lrs_explorer.widgets.overlay import PlotOverlay
from lrs_explorer.widgets.plot_parts import TICK_FORMAT, log_ticks, nice_ticks
from lrs_explorer.widgets.zoom import ZoomLimits

__all__ = [
    "COLORS",
    "HOURS_LABEL",
    "Binned",
    "Course",
    "ScatterPlot",
    "TimePlot",
    "key_html",
    "scatter_figure",
]

FloatArray = NDArray[np.floating[Any]]

COLORS = (LIVE_COLOR, *PIN_COLORS)
"""Of the curves in a figure, in order, then from the first again."""

HOURS_LABEL = "time since the first integration [h]"

_MOST_POINTS = 3000  # of one curve; more cannot be told apart


@dataclass(frozen=True, eq=False)
class Course:
    """Values in time.

    Parameters
    ----------
    name : str
    values : ndarray, shape (n_integrations,)
    """

    name: str
    values: FloatArray


@dataclass(frozen=True, eq=False)
class Binned:
    """Scatter of averages over several integrations.

    Parameters
    ----------
    sizes : ndarray of int, shape (n_sizes,)
        Numbers of integrations that are averaged.
    scatter : ndarray, shape (n_sizes,), ppm
    white : ndarray, shape (n_sizes,), ppm
        What it would be for noise without memory.
    """

    sizes: NDArray[np.integer[Any]]
    scatter: FloatArray
    white: FloatArray


class TimePlot:
    """Values against time; a click chooses a moment.

    Parameters
    ----------
    hours : bqplot.LinearScale
        Time, shared by all figures of a series.
    label : str
        Of the vertical axis.
    width : str
        CSS width.
    height : str
        CSS height.
    on_hours : callable(float)
        Called with the time of a click.

    Attributes
    ----------
    widget : ipywidgets.Widget
    figure : bqplot.Figure
    """

    def __init__(
        self,
        hours: LinearScale,
        label: str,
        width: str,
        height: str,
        on_hours: Callable[[float], None],
    ) -> None:
        self._scales = {"x": hours, "y": LinearScale(min=0.0, max=1.0)}
        self._limits = ZoomLimits(self._scales["y"], 0.0)
        self._points: list[Scatter] = []
        self._axis = Axis(
            scale=self._scales["y"],
            side="left",
            label=label,
            label_offset="54px",
            tick_format=TICK_FORMAT,
        )
        self._time = Axis(
            scale=hours, label=HOURS_LABEL, label_offset="28px", tick_format=TICK_FORMAT
        )
        for axis, most in ((self._time, 6), (self._axis, 5)):
            _keep_ticks(axis, most)
        self.figure = Figure(
            marks=[],
            axes=[self._time, self._axis],
            interaction=PanZoom(scales={name: [scale] for name, scale in self._scales.items()}),
            fig_margin=figure_margin(top=6, bottom=36),
            layout=figure_layout(width, height),
            display_toolbar=False,
        )
        self._overlay = PlotOverlay(self.figure, hours, self._scales["y"], marker_axes="x")
        self._overlay.on_click(lambda x, _y: on_hours(x))
        self.widget = self._overlay.widget

    def name(self, label: str) -> None:
        """Write this along the vertical axis."""
        self._axis.label = label

    def name_time(self, label: str) -> None:
        """Write this along the horizontal axis."""
        self._time.label = label

    def show(self, hours: FloatArray, curves: Sequence[Course]) -> None:
        """Draw curves, the first in the colour of the live spectrum.

        Parameters
        ----------
        hours : ndarray, shape (n_integrations,)
        curves : sequence of Course
        """
        step = max(1, -(-len(hours) // _MOST_POINTS))
        if len(self._points) != len(curves):
            self._points = [
                Scatter(
                    x=[],
                    y=[],
                    scales=self._scales,
                    colors=[COLORS[i % len(COLORS)]],
                    default_size=9,
                    stroke_width=0,
                )
                for i in range(len(curves))
            ]
            self.figure.marks = self._points
        finite = [c.values[np.isfinite(c.values)] for c in curves]
        values = np.concatenate([np.zeros(0), *finite])
        if values.size:
            low, high = np.percentile(values, [0.5, 99.5])
            margin = 0.15 * max(high - low, 1e-5)
            low, high = float(low - margin), float(high + margin)
            self._limits.set_limits(min(low, values.min()), max(high, values.max()))
            scale = self._scales["y"]
            with scale.hold_sync():
                scale.min, scale.max = low, high
        for points, one in zip(self._points, curves, strict=True):
            known = np.isfinite(one.values)
            with points.hold_sync():
                points.x = hours[known][::step]
                points.y = one.values[known][::step]

    def mark(self, hour: float | None) -> None:
        """Mark a moment; None takes the mark away."""
        self._overlay.show_marker(hour)


def scatter_figure(
    x_scale: LinearScale | LogScale, x_label: str, y_label: str, width: str, height: str
) -> Figure:
    """Return an empty figure with a logarithmic vertical axis, ppm."""
    y_scale = LogScale(min=10.0, max=1000.0, allow_padding=False)
    return Figure(
        marks=[],
        axes=[
            Axis(scale=x_scale, label=x_label, label_offset="28px", tick_format=TICK_FORMAT),
            Axis(
                scale=y_scale,
                side="left",
                label=y_label,
                label_offset="40px",
                tick_format="~s",
            ),
        ],
        fig_margin={**figure_margin(top=6, bottom=36), "left": 54, "right": 10},
        layout=figure_layout(width, height),
        display_toolbar=False,
    )


class ScatterPlot:
    """Allan deviation of a light curve against the number of integrations in a bin.

    Both axes are logarithmic.

    Points are what is measured, dashed lines what noise without memory would give.

    Parameters
    ----------
    width : str
        CSS width.
    height : str
        CSS height.

    Attributes
    ----------
    widget : bqplot.Figure
    """

    def __init__(self, width: str, height: str) -> None:
        x_scale = LogScale(min=0.8, max=10.0, allow_padding=False)
        self.widget = scatter_figure(
            x_scale, "integrations in a bin", "Allan dev. [ppm]", width, height
        ).add_class("lrs-scatter")
        self._axes = self.widget.axes
        self._scales = dict(zip("xy", (axis.scale for axis in self._axes), strict=True))
        self._marks: list[tuple[Lines, Scatter]] = []

    def show(self, curves: Sequence[Binned]) -> None:
        """Draw curves in the colours of the light curves."""
        if len(self._marks) != len(curves):
            self._marks = [self._pair(COLORS[i % len(COLORS)]) for i in range(len(curves))]
            self.widget.marks = [mark for pair in self._marks for mark in pair]
        values = np.concatenate([np.zeros(0), *(v for c in curves for v in (c.scatter, c.white))])
        values = values[values > 0]
        if values.size:
            self._fit("y", float(values.min()) / 1.3, float(values.max()) * 1.3)
            self._fit("x", 0.8, 1.25 * max(float(c.sizes.max(initial=2)) for c in curves))
        else:
            self._fit("y", 10.0, 1000.0)
            self._fit("x", 0.8, 10.0)
        for (line, points), one in zip(self._marks, curves, strict=True):
            known = (one.scatter > 0) & (one.white > 0)
            for mark, y in ((line, one.white), (points, one.scatter)):
                with mark.hold_sync():
                    mark.x, mark.y = one.sizes[known].astype(float), y[known]
                    mark.visible = bool(known.any())

    def _fit(self, name: str, low: float, high: float) -> None:
        scale = self._scales[name]
        with scale.hold_sync():
            scale.min, scale.max = low, high
        self._axes["xy".index(name)].tick_values = log_ticks(low, high)

    def _pair(self, color: str) -> tuple[Lines, Scatter]:
        line = Lines(
            x=[],
            y=[],
            scales=self._scales,
            colors=[color],
            line_style="dashed",
            stroke_width=1.2,
            visible=False,
        )
        points = Scatter(
            x=[], y=[], scales=self._scales, colors=[color], default_size=20, stroke_width=0
        )
        return line, points


def _keep_ticks(axis: Axis, most: int) -> None:
    """Let an axis have a few round ticks, however far it is zoomed."""

    def fit(_change: object = None) -> None:
        low, high = axis.scale.min, axis.scale.max
        if low < high:  # they are not set at the same time
            axis.tick_values = nice_ticks(low, high, most)

    axis.scale.observe(fit, ["min", "max"])
    fit()


def key_html(
    names: Sequence[str], words: Sequence[str] = (), colors: Sequence[str] = COLORS
) -> str:
    """Name curves in their colours: a line for each with what is told of it, else all in one."""
    mark = '<{0} style="border-left:10px solid {1};padding:0 12px 0 4px;{2}">{3}</{0}>'
    tag, style = ("div", "") if words else ("span", "display:inline-block")
    texts = [f"{name}: {text}" for name, text in zip(names, words, strict=True)] if words else names
    lines = [
        mark.format(tag, colors[i % len(colors)], style, html.escape(text))
        for i, text in enumerate(texts)
    ]
    return "".join(lines)
