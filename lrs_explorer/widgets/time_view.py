"""A series in time: light curves, and the dynamic spectrum on the wavelength axis of the others."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, PanZoom
from bqplot import Image as ImageMark
from numpy.typing import NDArray
from PIL import Image

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.widgets.layout import (
    FIGURE_WIDTH,
    LIGHT_HEIGHT,
    NAN_COLOR,
    figure_layout,
    figure_margin,
)
from lrs_explorer.widgets.overlay import PlotOverlay
from lrs_explorer.widgets.plot_parts import FAR, WAVELENGTH_LABEL
from lrs_explorer.widgets.time_plot import (
    HOURS_LABEL,
    Binned,
    Course,
    ScatterPlot,
    TimePlot,
    key_html,
)
from lrs_explorer.widgets.zoom import ZoomLimits

__all__ = ["TimeView"]

FloatArray = NDArray[np.floating[Any]]

_COLUMNS = 700  # of the dynamic spectrum's picture
_KEPT = 5  # pictures that were shown before
_SCATTER_WIDTH = "230px"
_LIGHT_WIDTH = f"calc(100cqw - {_SCATTER_WIDTH} - 6px)"
_HALF, _LOW = f"calc({FIGURE_WIDTH} / 2)", "150px"


class TimeView:
    """Light curves, what they may hang on, and the dynamic spectrum.

    Parameters
    ----------
    x_scale : bqplot.LinearScale
        Wavelength, micron; shared with image and spectrum.
    on_integration : callable(int)
        Called with the number of the integration (from 0) that was clicked.
    on_brush : callable(float, float)
        Called with the wavelengths that were brushed in the dynamic spectrum.

    Attributes
    ----------
    first, widget : ipywidgets.VBox
        The light curve, which comes first on the screen, and all else.
    statistics, motion : ipywidgets.HTML
        What is told of the light curves and of the trace.
    """

    def __init__(
        self,
        x_scale: LinearScale,
        on_integration: Callable[[int], None],
        on_brush: Callable[[float, float], None],
    ) -> None:
        self._on_integration = on_integration
        self._time: FloatArray = np.zeros(0)
        self._former: list[ipywidgets.Image] = []
        integration = LinearScale(min=0.5, max=1.5)  # counted from 1, as everywhere on the screen
        self._mark = ImageMark(
            image=ipywidgets.Image(format="png", value=b""),
            scales={"x": x_scale, "y": integration},
            visible=False,
        )
        self._integration_scale = integration
        self._gaps = Lines(
            x=[],
            y=[],
            scales=self._mark.scales,
            colors=["#333333"],
            line_style="dashed",
            stroke_width=1.5,
            visible=False,
        )
        dynamic = Figure(
            marks=[self._mark, self._gaps],
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
            layout=figure_layout(FIGURE_WIDTH, "190px"),
            display_toolbar=False,
        )
        self._dynamic = PlotOverlay(dynamic, x_scale, integration)
        self._dynamic.on_click(lambda _x, y: self._chosen(round(y) - 1))
        self._dynamic.on_brush(on_brush)
        self._dynamic.brushes = True

        self._hours = LinearScale(min=0.0, max=1.0)
        self._all_hours = ZoomLimits(self._hours, 1e-3)

        def plot(label: str, width: str, height: str) -> TimePlot:
            return TimePlot(self._hours, label, width, height, self._clicked)

        self._light = plot("relative flux", _LIGHT_WIDTH, LIGHT_HEIGHT)
        self._scatter = ScatterPlot(_SCATTER_WIDTH, LIGHT_HEIGHT)
        self._position = plot("trace position [px]", _HALF, _LOW)
        self._fwhm = plot("trace FWHM [px]", _HALF, _LOW)
        self._drift = plot("sky drift [%]", _HALF, _LOW)
        self._residuals = plot("", _HALF, _LOW)
        self._plots = self._light, self._position, self._fwhm, self._drift, self._residuals
        self.statistics = ipywidgets.HTML().add_class("lrs-light-statistics")
        self.motion = ipywidgets.HTML().add_class("lrs-motion")
        # Not merely hidden: bqplot cannot lay out a figure without a size.
        self._moving, self._sky = ipywidgets.VBox(), ipywidgets.VBox()
        self._moving_parts = (
            self.motion,
            ipywidgets.HBox([self._position.widget, self._fwhm.widget]),
        )
        self._keys = ipywidgets.HTML(), ipywidgets.HTML()
        plots = self._drift.widget, self._residuals.widget
        self._sky_parts = (
            ipywidgets.HBox(
                [ipywidgets.VBox(pair) for pair in zip(self._keys, plots, strict=True)]
            ).add_class("lrs-sky"),
        )
        self._first_parts = (
            self.statistics,
            ipywidgets.HBox([self._light.widget, self._scatter.widget]),
        )
        self._parts = (
            self._dynamic.widget,
            self._moving,
            self._sky,  # last: it comes by itself, and must not move others under the pointer
        )
        self.first, self.widget = ipywidgets.VBox(), ipywidgets.VBox()
        self.first.add_class("lrs-series")
        self.widget.add_class("lrs-series")

    def show_series(
        self, hours: FloatArray, starts: Sequence[int] | NDArray[np.intp] = (), timed: bool = True
    ) -> None:
        """Show a series.

        Parameters
        ----------
        hours : ndarray, shape (n_integrations,)
            Middle of each integration, hours; or its number, where its time is not known.
        starts : sequence of int
            Integrations, from 0, before which there is a gap in time: a line in the dynamic
            spectrum, which has a row for each integration.
        timed : bool
            Whether these are times.
        """
        self.first.children, self.widget.children = self._first_parts, self._parts
        self._time = hours
        for one in self._plots:
            one.name_time(HOURS_LABEL if timed else "integrations since the first (not timed)")
        with self._gaps.hold_sync():
            self._gaps.visible = len(starts) > 0
            if len(starts):
                self._gaps.x = np.tile(FAR, (len(starts), 1))
                self._gaps.y = np.repeat(np.asarray(starts)[:, np.newaxis] + 0.5, 2, axis=1)
        self.show_motion(None)
        self.show_background(None)
        margin = 0.02 * (float(np.ptp(hours)) or 1.0)
        self._all_hours.show_all(hours.min() - margin, hours.max() + margin)
        with self._integration_scale.hold_sync():
            self._integration_scale.min, self._integration_scale.max = 0.5, len(hours) + 0.5

    def show_nothing(self) -> None:
        """Take the views away: there is no series."""
        self.first.children = self.widget.children = ()

    def show_curves(
        self, curves: Sequence[Course], binned: Sequence[Binned], words: Sequence[str]
    ) -> None:
        """Draw light curves (flux over its median) and their scatter, and tell of each."""
        self._light.show(self._time, curves)
        self._scatter.show(binned)
        self.tell(key_html([one.name for one in curves], words))

    def tell(self, text: str) -> None:
        """Write this above the light curves."""
        if text != self.statistics.value:
            self.statistics.value = text

    def show_motion(self, courses: tuple[Course, Course] | None, text: str = "") -> None:
        """Draw position and FWHM of the trace, pixels, and tell of them; None takes them away."""
        self.motion.value = text
        if courses is None:
            self._moving.children = ()
            return
        for plot, course in zip((self._position, self._fwhm), courses, strict=True):
            plot.show(self._time, [course])
        self._moving.children = self._moving_parts

    def show_background(
        self,
        drift: Sequence[Course] | None,
        residuals: Sequence[Course] = (),
        unit: str = "",
    ) -> None:
        """Draw what is known of the 2-D background; None, or another series', takes it away.

        Parameters
        ----------
        drift : sequence of Course, per cent, or None
        residuals : sequence of Course
            What is left in each range of columns.
        unit : str
            That of the residuals.
        """
        if drift is None or len(drift[0].values) != len(self._time):
            self._sky.children = ()
            return
        for key, courses in zip(self._keys, (drift, residuals), strict=True):
            key.value = key_html([one.name for one in courses])
        self._drift.show(self._time, drift)
        self._residuals.name(f"left [{unit}]")
        self._residuals.show(self._time, residuals)
        self._sky.children = self._sky_parts

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
            self._mark.y = (0.5, len(relative) + 0.5)
            self._mark.visible = True
        if len(self._former) > _KEPT:
            self._former.pop(0).close()

    def mark(self, integration: int | None) -> None:
        """Mark an integration in all views."""
        hour = row = None
        if integration is not None:
            hour, row = float(self._time[integration]), integration + 1.0
        for plot in self._plots:
            plot.mark(hour)
        self._dynamic.show_marker(None, row)

    def _clicked(self, hours: float) -> None:
        if self._time.size:
            self._chosen(int(np.argmin(np.abs(self._time - hours))))

    def _chosen(self, integration: int) -> None:
        if 0 <= integration < len(self._time):
            self._on_integration(integration)
