"""Scatter of the light curve against width and center of the aperture."""

from __future__ import annotations

import ipywidgets
import numpy as np
from bqplot import LinearScale, Lines, Scatter

from lrs_explorer.model.series.width_scan import WidthScan
from lrs_explorer.widgets.plot_parts import log_ticks, nice_ticks
from lrs_explorer.widgets.time_plot import COLORS, key_html, scatter_figure

__all__ = ["ScanPlot"]


CURVES = (*COLORS, "#444444")
"""Colours of the centers."""


class ScanPlot:
    """A curve for each center over the widths, and the recommended aperture as a square.

    The dashed curve is what the errors let expect at its center.

    Parameters
    ----------
    width : str
        CSS width.
    height : str
        CSS pixels.

    Attributes
    ----------
    widget : ipywidgets.VBox
        Empty until there is a scan: bqplot cannot lay out a figure without a size.
    """

    def __init__(self, width: str, height: str) -> None:
        x_scale = LinearScale(min=0.0, max=20.0, allow_padding=False)
        self._figure = scatter_figure(
            x_scale, "aperture width [pixel]", "scatter [ppm]", width, height
        ).add_class("lrs-scan")
        self._axes = self._figure.axes
        self._scales = dict(zip("xy", (axis.scale for axis in self._axes), strict=True))
        self._key = ipywidgets.HTML()
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
        recommended = Scatter(
            x=[scan.best.width],
            y=[1e6 * scan.of(scan.best)],
            scales=self._scales,
            colors=[CURVES[best % len(CURVES)]],
            marker="square",
            default_size=80,
        )
        self._figure.marks = [limit, *lines, recommended]
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
