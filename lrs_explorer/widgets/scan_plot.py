"""Scatter of the light curve against width and centre of the aperture."""

from __future__ import annotations

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, LogScale, Scatter

from lrs_explorer.model.width_scan import WidthScan
from lrs_explorer.widgets.layout import figure_layout, figure_margin
from lrs_explorer.widgets.plot_parts import TICK_FORMAT, log_ticks, nice_ticks
from lrs_explorer.widgets.time_plot import COLORS, key_html

__all__ = ["ScanPlot"]


CURVES = (*COLORS, "#444444")
"""Colours of the centres."""


class ScanPlot:
    """A curve for each centre over the widths, and the quietest aperture as a square.

    The dashed curve is what the errors let expect at the quietest centre.

    Parameters
    ----------
    width : str
        CSS width.
    height : int
        CSS pixels.

    Attributes
    ----------
    widget : ipywidgets.VBox
        Empty until there is a scan: bqplot cannot lay out a figure without a size.
    """

    def __init__(self, width: str, height: int) -> None:
        self._scales = {
            "x": LinearScale(min=0.0, max=20.0, allow_padding=False),
            "y": LogScale(min=100.0, max=1000.0, allow_padding=False),
        }
        self._axes = [
            Axis(
                scale=self._scales["x"],
                label="aperture width [pixel]",
                label_offset="28px",
                tick_format=TICK_FORMAT,
            ),
            Axis(
                scale=self._scales["y"],
                side="left",
                label="scatter [ppm]",
                label_offset="40px",
                tick_format=TICK_FORMAT,
            ),
        ]
        self._key = ipywidgets.HTML()
        self._figure = Figure(
            marks=[],
            axes=self._axes,
            fig_margin={**figure_margin(top=6, bottom=36), "left": 54, "right": 10},
            layout=figure_layout(width, height),
            display_toolbar=False,
        ).add_class("lrs-scan")
        self.widget = ipywidgets.VBox()

    def show(self, scan: WidthScan | None) -> None:
        """Draw a scan; None takes the figure away."""
        if scan is None:
            self.widget.children = ()
            return
        scatter = 1e6 * scan.scatter
        best = int(np.argmin(np.abs(scan.centers - scan.best.center)))
        expected = 1e6 * scan.expected[best]
        values = np.concatenate([scatter.ravel(), expected])
        values = values[values > 0]
        self._fit(scan.widths, float(values.min()) / 1.2, float(values.max()) * 1.2)
        lines = [
            Lines(
                x=scan.widths,
                y=values,
                scales=self._scales,
                colors=[CURVES[i % len(CURVES)]],
                stroke_width=1.5,
                marker="circle",
                marker_size=16,
            )
            for i, values in enumerate(scatter)
        ]
        limit = Lines(
            x=scan.widths,
            y=expected,
            scales=self._scales,
            colors=[CURVES[best % len(CURVES)]],
            line_style="dashed",
            stroke_width=1.2,
        )
        quietest = Scatter(
            x=[scan.best.width],
            y=[np.nanmin(scatter)],
            scales=self._scales,
            colors=[CURVES[best % len(CURVES)]],
            marker="square",
            default_size=80,
        )
        self._figure.marks = [limit, *lines, quietest]
        self._key.value = key_html(
            [f"center {center:.2f}" for center in scan.centers], colors=CURVES
        )
        self.widget.children = (self._key, self._figure)

    def _fit(self, widths: np.ndarray, low: float, high: float) -> None:
        x, y = self._scales["x"], self._scales["y"]
        with x.hold_sync():
            x.min, x.max = float(widths.min()) - 0.5, float(widths.max()) + 0.5
        with y.hold_sync():
            y.min, y.max = low, high
        self._axes[0].tick_values = nice_ticks(x.min, x.max, 8)
        self._axes[1].tick_values = log_ticks(low, high)
