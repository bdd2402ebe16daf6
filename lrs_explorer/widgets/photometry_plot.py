"""The figure of a spectrum, bandpasses, and photometry with its errors."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines, Scatter
from numpy.typing import ArrayLike

from lrs_explorer.widgets.layout import LIVE_COLOR, PIN_COLORS, figure_layout, figure_margin
from lrs_explorer.widgets.plot_parts import (
    TICK_FORMAT,
    WAVELENGTH_LABEL,
    nice_ticks,
    outside_nominal,
    set_line,
)

__all__ = ["PhotometryPlot", "PhotometryPoint"]

COLORS = {
    "acquisition image": "#D55E00",
    "verification image": "#009E73",
    "catalogue": "#CC79A7",
}
"""Of points, by where their numbers are from."""

BAND_HEIGHT = 0.3
"""Height of the bandpasses in the figure."""


@dataclass(frozen=True)
class PhotometryPoint:
    """Photometry beside a spectrum.

    Parameters
    ----------
    source : str
        Where it is from; a key of `COLORS`.
    name : str
        What is written in the key.
    wavelength : float, micron
    edges : (float, float), micron
        Half-response wavelengths of the filter.
    flux, error : float, Jy
        The error may be NaN.
    synthetic : float, Jy
        Of the spectrum in the filter.
    """

    source: str
    name: str
    wavelength: float
    edges: tuple[float, float]
    flux: float
    error: float
    synthetic: float


BESIDE = 0.15
"""Microns by which a point is drawn beside another one in the same filter."""


class PhotometryPlot:
    """A spectrum, the bandpasses below it, photometry as points with error bars.

    Squares are the spectrum in the same filter.

    Parameters
    ----------
    width : str
        CSS width.
    height : str
        CSS pixels.

    Attributes
    ----------
    widget : ipywidgets.VBox
        Empty until there is something to show: bqplot cannot lay out a figure without a size.
    """

    def __init__(self, width: str, height: str) -> None:
        self._x = LinearScale(min=4.5, max=14.0, allow_padding=False)
        self._y = LinearScale(min=0.0, max=1.0, allow_padding=False)
        self._height = LinearScale(min=0.0, max=1.0, allow_padding=False)
        scales = {"x": self._x, "y": self._y}
        self._spectrum = Lines(
            x=[], y=[], scales=scales, colors=[LIVE_COLOR], stroke_width=1.3, visible=False
        )
        self._synthetic = Scatter(
            x=[], y=[], scales=scales, marker="square", default_size=40, colors=[LIVE_COLOR]
        )
        axes = [
            Axis(scale=self._x, label=WAVELENGTH_LABEL, label_offset="28px"),
            Axis(
                scale=self._y,
                side="left",
                label="flux [mJy]",
                label_offset="50px",
                tick_format=TICK_FORMAT,
            ),
        ]
        self._axes = axes
        self._shading = outside_nominal(self._x)
        self.figure = Figure(
            marks=[self._shading, self._spectrum, self._synthetic],
            axes=axes,
            fig_margin=figure_margin(top=6, bottom=36),
            layout=figure_layout(width, height),
            display_toolbar=False,
        ).add_class("lrs-photometry")
        self._key = ipywidgets.HTML().add_class("lrs-photometry-key")
        self.widget = ipywidgets.VBox()

    def show(
        self,
        wavelength: ArrayLike,
        flux: ArrayLike,
        points: Sequence[PhotometryPoint],
        bands: Sequence[tuple[ArrayLike, ArrayLike]],
    ) -> None:
        """Draw a spectrum (micron, Jy), points and bandpasses (micron, response)."""
        x, y = np.asarray(wavelength, dtype=float), 1e3 * np.asarray(flux, dtype=float)
        shown = (x >= 4.5) & (x <= 14.0) & np.isfinite(y)
        top = [1e3 * p.flux for p in points] + [1e3 * p.synthetic for p in points]
        top = [value for value in top if np.isfinite(value)]
        if shown.any():
            top.append(float(np.percentile(y[shown & (x >= 5) & (x <= 12)], 99)))
        if not top or max(top) <= 0:
            self.widget.children = ()
            return
        low, high = 0.0, 1.15 * max(top)
        with self._y.hold_sync():
            self._y.min, self._y.max = low, high
        self._axes[1].tick_values = nice_ticks(low, high, 6)
        reach = [4.5, 14.0, *(w for p in points for w in p.edges)]
        with self._x.hold_sync():
            self._x.min, self._x.max = float(min(reach)), float(max(reach))
        self._axes[0].tick_values = nice_ticks(float(min(reach)), float(max(reach)), 8)
        set_line(self._spectrum, x, np.where(np.isfinite(y), y, np.nan))
        good = [p for p in points if np.isfinite(p.synthetic)]
        with self._synthetic.hold_sync():
            self._synthetic.x = np.array([p.wavelength for p in good])
            self._synthetic.y = np.array([1e3 * p.synthetic for p in good])
        marks = [self._shading]
        marks += [self._band(*band) for band in bands]
        marks += [self._spectrum, self._synthetic]
        placed: dict[float, int] = {}
        for point in points:
            if np.isfinite(point.flux):
                before = placed[point.wavelength] = placed.get(point.wavelength, -1) + 1
                marks += self._point(point, point.wavelength + BESIDE * before)
        self.figure.marks = marks
        entries = [(LIVE_COLOR, "spectrum (square: in the filter)")]
        entries += dict.fromkeys((_color(p), p.name) for p in points if np.isfinite(p.flux))
        self._key.value = " ".join(
            f'<span style="white-space:nowrap"><span style="color:{color}">●</span> '
            f"{html.escape(name)}</span>"
            for color, name in entries
        )
        self.widget.children = (self.figure, self._key)

    def clear(self) -> None:
        """Take the figure away."""
        self.widget.children = ()

    def _band(self, wavelength: ArrayLike, response: ArrayLike) -> Lines:
        high = np.asarray(response, dtype=float)
        return Lines(
            x=np.asarray(wavelength, dtype=float),
            y=BAND_HEIGHT * high / high.max(),
            scales={"x": self._x, "y": self._height},
            colors=["#888888"],
            fill="bottom",
            fill_colors=["#888888"],
            fill_opacities=[0.15],
            stroke_width=0.8,
        )

    def _point(self, point: PhotometryPoint, at: float) -> list[Lines | Scatter]:
        scales, color = {"x": self._x, "y": self._y}, _color(point)
        flux = 1e3 * point.flux
        bars = [Lines(x=list(point.edges), y=[flux, flux], scales=scales, colors=[color])]
        if np.isfinite(point.error):
            ends = [flux - 1e3 * point.error, flux + 1e3 * point.error]
            bars.append(Lines(x=[at, at], y=ends, scales=scales, colors=[color]))
        dot = Scatter(x=[at], y=[flux], scales=scales, colors=[color], default_size=36)
        return [*bars, dot]


def _color(point: PhotometryPoint) -> str:
    return COLORS.get(point.source, PIN_COLORS[2])
