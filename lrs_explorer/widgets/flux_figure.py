"""The figure of flux against wavelength: curves, error band, ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from bqplot import Axis, Figure, Label, LinearScale, Lines, LogScale, PanZoom, Scatter
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.widgets.layout import (
    DELIVERED_COLOR,
    DQ_COLORS,
    FIGURE_WIDTH,
    FLUX_HEIGHT,
    LIVE_COLOR,
    SYSTEMATIC_COLOR,
    figure_layout,
    figure_margin,
)
from lrs_explorer.widgets.overlay import PlotOverlay
from lrs_explorer.widgets.plot_parts import (
    TICK_FORMAT,
    WAVELENGTH_LABEL,
    log_ticks,
    nice_ticks,
    outside_nominal,
    set_line,
    shaded_ranges,
)
from lrs_explorer.widgets.units import Curve, flux_range, on_log_scale, stepped

__all__ = ["FluxFigure", "LineStyle"]


@dataclass(frozen=True)
class LineStyle:
    """How a curve is drawn: colour, "solid" or "dashed", and width in CSS pixels."""

    color: str
    dashes: str = "solid"
    width: float = 1.6


class FluxFigure:
    """Curves of flux against wavelength, the live one with an error band.

    Parameters
    ----------
    x_scale : bqplot.LinearScale
        Wavelength, micron.

    Attributes
    ----------
    figure : bqplot.Figure
    overlay : PlotOverlay
        Show its ``widget``. Its y coordinate is the height in the figure, 0 to 1, not a flux.
    lines : dict of str to bqplot.Lines
        By curve; see `set_curves`.
    band, systematic : bqplot.Lines
        Error band of the live curve, and that of its variants.
    log, steps, error_band : bool
        How curves are drawn from the next `draw` on; set them with `set_style`.
    """

    def __init__(self, x_scale: LinearScale) -> None:
        self.x_scale = x_scale
        self._y_scales = {False: LinearScale(min=0.0, max=1.0), True: LogScale(min=0.1, max=1.0)}
        self.log, self.steps, self.error_band = False, False, True
        self._curves: dict[str, Curve] = {}
        self._automatic = True
        self._styles: dict[str, LineStyle] = {}
        self.lines: dict[str, Lines] = {}
        self.band, self.believed = self._make_band(LIVE_COLOR), self._make_believed()
        self.systematic = self._make_band(SYSTEMATIC_COLOR, 0.4)
        # What stands at the same height whatever the flux: shading, accuracy bar, pointer.
        height_scale = LinearScale(min=0.0, max=1.0)
        fixed = {"x": x_scale, "y": height_scale}
        self._accuracy = 0.0
        self._accuracy_bar = Lines(
            x=[0.0, 0.0], y=[0.11, 0.11], scales=fixed, colors=["#888888"], stroke_width=4
        )
        self._accuracy_text = Label(
            x=[0.0],
            y=[0.11],
            text=[""],
            scales=fixed,
            colors=["#888888"],
            default_size=11,
            font_weight="normal",
            align="end",
            x_offset=-8,
            y_offset=4,
        )
        self._affected = Scatter(
            x=[],
            y=[],
            scales=fixed,
            colors=list(DQ_COLORS.values()),
            marker="rectangle",
            default_size=24,
            stroke_width=0,
        )
        self._ranges = shaded_ranges(x_scale, DELIVERED_COLOR)
        self._below = [
            outside_nominal(x_scale),
            self._ranges,
            self._accuracy_bar,
            self._accuracy_text,
            self._affected,
        ]
        self._y_axes = {
            log: Axis(scale=scale, side="left", label_offset="54px", tick_format=TICK_FORMAT)
            for log, scale in self._y_scales.items()
        }
        self._x_axis = Axis(scale=x_scale, label=WAVELENGTH_LABEL, label_offset="28px")
        self.figure = Figure(
            marks=[*self._below, self.systematic, self.band, self.believed],
            axes=[self._x_axis, self._y_axes[False]],
            fig_margin=figure_margin(top=6, bottom=36),
            layout=figure_layout(FIGURE_WIDTH, FLUX_HEIGHT),
            interaction=PanZoom(scales={"x": [x_scale]}),
            display_toolbar=False,
        )
        self.overlay = PlotOverlay(self.figure, x_scale, height_scale, marker_axes="x")
        x_scale.observe(lambda _change: self._place_accuracy(), names=["min", "max"])

    # -- curves --------------------------------------------------------------------------------

    def set_curves(self, styles: Mapping[str, LineStyle]) -> None:
        """Make lines for these curves and no others, lowest first."""
        if list(self._styles.items()) == list(styles.items()):
            return
        kept = {k: line for k, line in self.lines.items() if self._styles[k] == styles.get(k)}
        self.lines = {
            key: kept.get(key)
            or self._line(style.color, line_style=style.dashes, stroke_width=style.width)
            for key, style in styles.items()
        }
        self._styles = dict(styles)
        self._curves = {k: c for k, c in self._curves.items() if k in styles}
        bands = (self.systematic, self.band, self.believed)
        self.figure.marks = [*self._below, *bands, *self.lines.values()]

    def set_style(self, *, log: bool, steps: bool, error_band: bool, label: str) -> None:
        """Choose axis and drawing; curves then have to be set and drawn again."""
        self.steps, self.error_band = steps, error_band
        if log != self.log:
            # Axis and marks that change their scale in the browser draw wrong ticks and values
            # that the new scale has no place for: they are made anew.
            self.log, self._automatic = log, True
            self.lines, self._styles, self._curves = {}, {}, {}
            self.band, self.believed = self._make_band(LIVE_COLOR), self._make_believed()
            self.systematic = self._make_band(SYSTEMATIC_COLOR, 0.4)
            self.figure.axes = [self._x_axis, self._y_axes[log]]
        self._y_axes[log].label = label

    def label_wavelength(self, shown: bool) -> None:
        """Write the name of the wavelength axis, or leave that to the figure below."""
        self._x_axis.label = WAVELENGTH_LABEL if shown else ""
        self.figure.fig_margin = figure_margin(top=6, bottom=36 if shown else 20)

    def show_ranges(self, ranges: Sequence[tuple[float, float]]) -> None:
        """Shade these wavelength ranges, micron; none where there is none to show."""
        with self._ranges.hold_sync():
            self._ranges.visible = bool(ranges)
            if ranges:
                self._ranges.x = np.array(ranges, dtype=float)
                self._ranges.y = np.ones((len(ranges), 2))
                self._ranges.fill_colors = [DELIVERED_COLOR] * len(ranges)
                self._ranges.opacities = [0.0] * len(ranges)
                self._ranges.fill_opacities = [0.25] * len(ranges)

    def show_affected(self, wavelengths: Mapping[str, ArrayLike]) -> None:
        """Mark wavelengths below the curves, micron, by name in `layout.DQ_COLORS`."""
        colors = [c for name, x in wavelengths.items() for c in [DQ_COLORS[name]] * np.size(x)]
        x = np.concatenate([np.ravel(x) for x in wavelengths.values()] or [np.empty(0)])
        with self._affected.hold_sync():
            self._affected.colors = colors or ["#888888"]
            self._affected.x, self._affected.y = x, np.full(len(x), 0.015)

    def draw(self, key: str, curve: Curve | None) -> int:
        """Draw ``curve``, or nothing; return how many values the log axis has no place for."""
        line = self.lines[key]
        if curve is None:
            self._curves.pop(key, None)
            line.visible = False
            if key == "live":
                self.band.visible = False
            return 0
        self._curves[key] = curve
        x, y, left_out = curve.wavelength, curve.value, 0
        if self.log:
            y, left_out = on_log_scale(y)
        band = key == "live" and self.error_band
        if band:
            edges = np.stack([y - curve.error, y + curve.error])
            if self.log:
                # The lower edge ends at the axis where value - error is not positive.
                edges[0] = np.where(edges[0] > 0, edges[0], y * 1e-3)
            edges[:, np.isnan(edges).any(axis=0)] = np.nan
            bx = x
            if self.steps:
                bx, lower, upper = stepped(x, *edges)
                edges = np.stack([lower, upper])
            set_line(self.band, bx, edges)
        elif key == "live":
            self.band.visible = False
        if self.steps:
            x, y = stepped(x, y)
        set_line(line, x, y)
        return left_out

    def draw_believed(self, curve: Curve | None) -> None:
        """Draw the edges of another error band about the live curve, or none."""
        if curve is None:
            self.believed.visible = False
            return
        edges = np.stack([curve.value - curve.error, curve.value + curve.error])
        if self.log:
            edges = np.where(edges > 0, edges, np.nan)
        edges[:, np.isnan(edges).any(axis=0)] = np.nan
        set_line(self.believed, curve.wavelength, edges)

    def draw_systematic(
        self, wavelength: NDArray[np.float64] | None, edges: NDArray[np.float64] | None
    ) -> None:
        """Draw the band of variants of the live curve, shape (2, n_wave), or none."""
        if wavelength is None or edges is None:
            self.systematic.visible = False
            return
        edges = np.array(edges, float)
        if self.log:
            edges[0] = np.where(edges[0] > 0, edges[0], edges[1] * 1e-3)
            edges[:, ~(edges[1] > 0)] = np.nan
        edges[:, np.isnan(edges).any(axis=0)] = np.nan
        if self.steps:
            wavelength, lower, upper = stepped(wavelength, *edges)
            edges = np.stack([lower, upper])
        set_line(self.systematic, wavelength, edges)

    def fade(self, key: str, faded: bool) -> None:
        """Draw a curve faintly: it is not up to date."""
        wanted = [0.35] if faded else [1.0]
        if self.lines[key].opacities != wanted:
            self.lines[key].opacities = wanted

    # -- flux axis -----------------------------------------------------------------------------

    @property
    def y_scale(self) -> LinearScale | LogScale:
        """The flux scale in use: one for linear, another for logarithmic."""
        return self._y_scales[self.log]

    def fit_y(self) -> None:
        """Fit the flux axis to the curves, and keep it so."""
        self._automatic = True
        self.adapt_y()

    def adapt_y(self, *, dragging: bool = False) -> None:
        """Fit the flux axis, unless it was zoomed by hand.

        While dragging only if the live curve leaves the axis or shrinks to a flat line on it.
        """
        if not self._automatic:
            return
        window = self._window()
        if dragging and "live" in self._curves:
            wanted = flux_range([self._curves["live"]], log=self.log, window=window)
            scale = self.y_scale
            if wanted is None or (
                scale.min <= wanted[0]
                and wanted[1] <= scale.max
                and (self.log or wanted[1] - wanted[0] > 0.1 * (scale.max - scale.min))
            ):
                return
        wanted = flux_range(self._curves.values(), log=self.log, window=window)
        if wanted is not None:
            self._set_y(*wanted)

    def zoom_y(self, factor: float) -> None:
        """Make the flux range ``factor`` times as long about its middle; it then stays put."""
        self._automatic = False
        low, high = self.y_scale.min, self.y_scale.max
        if self.log:
            middle, half = np.sqrt(low * high), (high / low) ** (factor / 2)
            self._set_y(middle / half, middle * half)
        else:
            middle, half = (low + high) / 2, (high - low) * factor / 2
            self._set_y(middle - half, middle + half)

    def _set_y(self, low: float, high: float) -> None:
        scale = self.y_scale
        with scale.hold_sync():
            scale.min, scale.max = float(low), float(high)
        ticks = log_ticks(low, high) if self.log else nice_ticks(low, high, 8)
        self._y_axes[self.log].tick_values = ticks

    def _view(self) -> tuple[float, float]:
        """Wavelengths in view, micron; until the shared scale has a range, the nominal ones."""
        left, right = self.x_scale.min, self.x_scale.max
        return NOMINAL_RANGE if left is None or right is None else (left, right)

    def _window(self) -> tuple[float, float]:
        """Wavelengths that count: the nominal ones in view, or all in view if there are none."""
        left, right = self._view()
        window = max(left, NOMINAL_RANGE[0]), min(right, NOMINAL_RANGE[1])
        return window if window[0] < window[1] else (left, right)

    # -- the rest ------------------------------------------------------------------------------

    def show_accuracy(self, best: float, worst: float) -> None:
        """Show how well wavelengths are known: a bar ± ``worst`` micron long, and the numbers."""
        self._accuracy = worst
        self._accuracy_text.text = [f"wavelength accuracy ±{best:g}–{worst:g} µm"]
        self._place_accuracy()

    def _place_accuracy(self) -> None:
        left, right = self._view()
        end = right - 0.012 * (right - left)
        self._accuracy_bar.x = [end - 2 * self._accuracy, end]
        self._accuracy_text.x = [end - 2 * self._accuracy]

    def _line(self, color: str, **style: Any) -> Lines:
        scales = {"x": self.x_scale, "y": self.y_scale}
        return Lines(x=[], y=[], scales=scales, colors=[color], visible=False, **style)

    def _make_believed(self) -> Lines:
        return self._line(LIVE_COLOR, line_style="dotted", stroke_width=1.0)

    def _make_band(self, color: str, opacity: float = 0.25) -> Lines:
        return self._line(
            color,
            fill="between",
            fill_colors=[color, color],
            opacities=[0.0, 0.0],
            fill_opacities=[opacity, opacity],
        )
