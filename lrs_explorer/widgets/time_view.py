"""A series in time: light curves, and the dynamic spectrum on the wavelength axis of the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, PanZoom, Scatter
from bqplot import Image as ImageMark
from numpy.typing import NDArray
from PIL import Image

from lrs_explorer.widgets.layout import (
    FIGURE_WIDTH,
    LIVE_COLOR,
    NAN_COLOR,
    PIN_COLORS,
    figure_layout,
    figure_margin,
)
from lrs_explorer.widgets.overlay import PlotOverlay
from lrs_explorer.widgets.plot_parts import TICK_FORMAT, WAVELENGTH_LABEL
from lrs_explorer.widgets.units import NOMINAL_RANGE

__all__ = ["Light", "TimeView"]

FloatArray = NDArray[np.floating[Any]]

_COLUMNS = 700  # of the dynamic spectrum's picture
_KEPT = 5  # pictures that were shown before
_MOST_POINTS = 3000  # of one light curve; more cannot be told apart


@dataclass(frozen=True, eq=False)
class Light:
    """One light curve.

    Parameters
    ----------
    name : str
    relative : ndarray, shape (n_integrations,)
        Flux over its median.
    """

    name: str
    relative: FloatArray


class TimeView:
    """Dynamic spectrum above, light curves below.

    Parameters
    ----------
    x_scale : bqplot.LinearScale
        Wavelength, micron; shared with image and spectrum.
    on_integration : callable(int)
        Called with the number of the integration (from 0) that was clicked.

    Attributes
    ----------
    widget : ipywidgets.VBox
    statistics : ipywidgets.HTML
        What is told of the curves.
    """

    def __init__(self, x_scale: LinearScale, on_integration: Callable[[int], None]) -> None:
        self._on_integration = on_integration
        self._time: FloatArray = np.zeros(0)
        self._former: list[ipywidgets.Image] = []
        integration = LinearScale(min=-0.5, max=0.5)
        self._mark = ImageMark(
            image=ipywidgets.Image(format="png", value=b""),
            scales={"x": x_scale, "y": integration},
            visible=False,
        )
        self._integration_scale = integration
        dynamic = Figure(
            marks=[self._mark],
            axes=[
                Axis(scale=x_scale, label=WAVELENGTH_LABEL, label_offset="28px", grid_lines="none"),
                Axis(
                    scale=integration,
                    side="left",
                    label="integration",
                    label_offset="40px",
                    grid_lines="none",
                ),
            ],
            interaction=PanZoom(scales={"x": [x_scale]}),
            fig_margin=figure_margin(top=6, bottom=36),
            layout=figure_layout(FIGURE_WIDTH, 190),
            display_toolbar=False,
        )
        self._dynamic = PlotOverlay(dynamic, x_scale, integration)
        self._dynamic.on_click(lambda _x, y: self._chosen(round(y)))

        self._hours = LinearScale(min=0.0, max=1.0)
        self._flux = LinearScale(min=0.99, max=1.01)
        self._points: list[Scatter] = []
        self._figure = Figure(
            marks=[],
            axes=[
                Axis(
                    scale=self._hours,
                    label="time since the first integration [h]",
                    label_offset="28px",
                    tick_format=TICK_FORMAT,
                ),
                Axis(scale=self._flux, side="left", label="relative flux", label_offset="54px"),
            ],
            interaction=PanZoom(scales={"x": [self._hours], "y": [self._flux]}),
            fig_margin=figure_margin(top=6, bottom=36),
            layout=figure_layout(FIGURE_WIDTH, 220),
            display_toolbar=False,
        )
        self._curves = PlotOverlay(self._figure, self._hours, self._flux, marker_axes="x")
        self._curves.on_click(self._clicked)
        self.statistics = ipywidgets.HTML().add_class("lrs-light-statistics")
        self._parts = (self._dynamic.widget, self.statistics, self._curves.widget)
        # Not merely hidden: bqplot cannot lay out a figure without a size.
        self.widget = ipywidgets.VBox()

    def show_series(self, hours: FloatArray) -> None:
        """Show a series whose integrations are in the middle at these times, hours."""
        self.widget.children = self._parts
        self._time = hours
        with self._hours.hold_sync():
            margin = 0.02 * max(float(np.ptp(hours)), 1e-6)
            self._hours.min = float(hours.min()) - margin
            self._hours.max = float(hours.max()) + margin
        with self._integration_scale.hold_sync():
            self._integration_scale.min, self._integration_scale.max = -0.5, len(hours) - 0.5

    def show_nothing(self) -> None:
        """Take the views away: there is no series."""
        self.widget.children = ()

    def show_curves(self, curves: Sequence[Light], text: str) -> None:
        """Draw light curves, the first in the colour of the live spectrum."""
        step = max(1, -(-len(self._time) // _MOST_POINTS))
        if len(self._points) != len(curves):
            colors = (LIVE_COLOR, *PIN_COLORS)
            self._points = [
                Scatter(
                    x=[],
                    y=[],
                    scales={"x": self._hours, "y": self._flux},
                    colors=[colors[i % len(colors)]],
                    default_size=9,
                    stroke_width=0,
                )
                for i in range(len(curves))
            ]
            self._figure.marks = self._points
        finite = [c.relative[np.isfinite(c.relative)] for c in curves]
        values = np.concatenate([np.zeros(0), *finite])
        if values.size:
            low, high = np.percentile(values, [0.5, 99.5])
            margin = 0.15 * max(high - low, 1e-5)
            with self._flux.hold_sync():
                self._flux.min, self._flux.max = float(low - margin), float(high + margin)
        for points, one in zip(self._points, curves, strict=True):
            known = np.isfinite(one.relative)
            with points.hold_sync():
                points.x = self._time[known][::step]
                points.y = one.relative[known][::step]
        if text != self.statistics.value:
            self.statistics.value = text

    def show_dynamic(self, wavelength: FloatArray, relative: FloatArray) -> None:
        """Draw the dynamic spectrum.

        Parameters
        ----------
        wavelength : ndarray, shape (n_wave,), micron, ascending
        relative : ndarray, shape (n_integrations, n_wave)
            Flux over its median in time.
        """
        edges = np.concatenate(
            [
                [1.5 * wavelength[0] - 0.5 * wavelength[1]],
                0.5 * (wavelength[1:] + wavelength[:-1]),
                [1.5 * wavelength[-1] - 0.5 * wavelength[-2]],
            ]
        )
        width = (edges[-1] - edges[0]) / _COLUMNS
        centers = edges[0] + width * (np.arange(_COLUMNS) + 0.5)
        element = np.searchsorted(edges[1:-1], centers, side="right")
        # What lies beyond the nominal range is mostly noise, and must not set the contrast.
        nominal = relative[:, (wavelength >= NOMINAL_RANGE[0]) & (wavelength <= NOMINAL_RANGE[1])]
        finite = nominal[np.isfinite(nominal)]
        reach = float(np.percentile(np.abs(finite - 1.0), 95)) if finite.size else 1.0
        level = np.clip((relative - 1.0) / max(reach, 1e-9) * 0.5 + 0.5, 0, 1)[:, element]
        picture = np.empty((*level.shape, 3), np.uint8)
        # Blue where fainter, orange where brighter than in the middle: safe for colour-blind eyes.
        cold, hot = np.array([0, 114, 178]), np.array([230, 159, 0])
        away = np.abs(level - 0.5)[..., np.newaxis] * 2
        toward = np.where(level[..., np.newaxis] < 0.5, cold, hot)
        known = np.isfinite(level)
        gray = tuple(int(NAN_COLOR[i : i + 2], 16) for i in (1, 3, 5))
        picture[:] = np.where(
            known[..., np.newaxis], 255 + np.nan_to_num(away) * (toward - 255), gray
        )
        stream = io.BytesIO()
        Image.fromarray(picture[::-1]).save(stream, format="png", compress_level=1)
        # A page that is still being loaded may yet ask for a picture that was shown a moment ago.
        self._former.append(self._mark.image)
        with self._mark.hold_sync():
            self._mark.image = ipywidgets.Image(format="png", value=stream.getvalue())
            self._mark.x = (float(edges[0]), float(edges[-1]))
            self._mark.y = (-0.5, len(relative) - 0.5)
            self._mark.visible = True
        if len(self._former) > _KEPT:
            self._former.pop(0).close()

    def mark(self, integration: int | None) -> None:
        """Mark an integration in both views."""
        if integration is None:
            self._curves.show_marker()
            self._dynamic.show_marker()
        else:
            self._curves.show_marker(float(self._time[integration]))
            self._dynamic.show_marker(None, float(integration))

    def _clicked(self, hours: float, _flux: float) -> None:
        if self._time.size:
            self._chosen(int(np.argmin(np.abs(self._time - hours))))

    def _chosen(self, integration: int) -> None:
        if 0 <= integration < len(self._time):
            self._on_integration(integration)
