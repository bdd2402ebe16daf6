"""Draggable bands, hover cursor and marker lines inside a bqplot figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import anywidget
import traitlets
from bqplot import Figure, Scale
from ipywidgets import Box, Layout, widget_serialization

__all__ = ["Band", "PlotOverlay"]

TOLERANCE = 1e-6
"""Edges that differ by less are the same; the browser rounds to this, in pixels."""


@dataclass(frozen=True)
class Band:
    """A band across the plot that can be dragged up and down.

    Parameters
    ----------
    id : str
        Name that tells the overlay's bands apart.
    kind : {"aperture", "background", "columns"}
        Decides the colour; only an aperture follows the overlay's curve.
    lower, upper : float
        Edges in coordinates of the vertical axis.
    label : str
        What screen readers and the tooltip call it; its kind if empty.
    limits : (float, float) or None
        Range that its edges stay in; None = that of the overlay.
    """

    id: str
    kind: Literal["aperture", "background", "columns"]
    lower: float
    upper: float
    label: str = ""
    limits: tuple[float, float] | None = None

    def is_same(self, other: Band) -> bool:
        """Tell whether both are one band at one place, to within `TOLERANCE`."""
        near = replace(self, lower=other.lower, upper=other.upper)
        return near == other and (
            abs(self.lower - other.lower) <= TOLERANCE
            and abs(self.upper - other.upper) <= TOLERANCE
        )


class PlotOverlay(anywidget.AnyWidget):
    """Bands, cursor and markers drawn over a bqplot figure.

    Show `widget`, which holds the figure, in place of the figure. Padding of both scales is
    switched off: it would move the marks, but not what the scales say.

    Parameters
    ----------
    figure : bqplot.Figure
        The figure to draw in; its interaction (such as `bqplot.PanZoom`) keeps working.
    x_scale, y_scale : bqplot.LinearScale or bqplot.LogScale
        Scales of the figure's axes. Bands need a linear ``y_scale``.
    marker_axes : {"x", "y", "xy", ""}
        Which marker lines are drawn: "x" is a vertical line at an x value.

    Attributes
    ----------
    brushes : bool
        Whether a range of x is chosen by dragging with Shift held; see `on_brush`.
    limits : tuple of float
        Range that the edges of the bands stay in.
    curve : list of [x, offset]
        Offset of an aperture from its edges along the horizontal axis; empty = straight.
    cursor : dict
        ``{"x", "y"}`` under the pointer, empty outside the plot. Can be linked in the browser to
        the ``marker`` of another overlay with `ipywidgets.jsdlink`.
    marker : dict
        ``{"x", "y"}`` of the marker lines; a missing one is not drawn.
    """

    _asked: Callable[[], Any] | None = None
    _esm = Path(__file__).with_name("overlay.js")
    _css = Path(__file__).with_name("overlay.css")

    x_scale = traitlets.Instance(Scale).tag(sync=True, **widget_serialization)
    y_scale = traitlets.Instance(Scale).tag(sync=True, **widget_serialization)
    limits = traitlets.Tuple(traitlets.Float(), traitlets.Float(), default_value=(-1e9, 1e9)).tag(
        sync=True
    )
    curve: traitlets.List[Any] = traitlets.List().tag(sync=True)
    brushes = traitlets.Bool(False).tag(sync=True)
    brushed: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True, echo_update=False)
    marker_axes = traitlets.Unicode("xy").tag(sync=True)
    marker: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True, echo_update=False)
    # Written by the kernel, and by the browser: see overlay.js for who is right when.
    shown: traitlets.Dict[str, Any] = traitlets.Dict({"after": 0, "bands": []}).tag(sync=True)
    gesture: traitlets.Dict[str, Any] = traitlets.Dict({"n": 0, "bands": [], "releases": 0}).tag(
        sync=True, echo_update=False
    )
    cursor: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True, echo_update=False)
    drawn = traitlets.Int(0, help="How often a browser has drawn the figure.").tag(sync=True)
    clicked: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True, echo_update=False)
    double_clicked: traitlets.Dict[str, Any] = traitlets.Dict().tag(sync=True, echo_update=False)

    def __init__(
        self, figure: Figure, x_scale: Scale, y_scale: Scale, marker_axes: str = "xy"
    ) -> None:
        x_scale.allow_padding = False
        y_scale.allow_padding = False
        super().__init__(
            x_scale=x_scale,
            y_scale=y_scale,
            marker_axes=marker_axes,
            layout=Layout(display="none"),
        )
        self.widget = Box([figure, self], layout=Layout(flex="0 0 auto", overflow="hidden"))
        self.widget.add_class("lrs-plot")

    @property
    def bands(self) -> tuple[Band, ...]:
        """The bands as they are on the screen, as far as the kernel has heard."""
        latest = self.gesture if self.gesture["n"] > self.shown["after"] else self.shown
        # JSON from the browser has no floats, 20.0 comes as 20, and no tuples.
        return tuple(
            Band(
                **{
                    **band,
                    "lower": float(band["lower"]),
                    "upper": float(band["upper"]),
                    "limits": band["limits"] and tuple(map(float, band["limits"])),
                }
            )
            for band in latest["bands"]
        )

    def on_asked(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` when a page asks for the overlay, which it is then about to draw."""
        self._asked = callback

    def get_state(self, key: Any = None, drop_defaults: bool = False) -> Any:
        """Return the state that is sent to a page; see `ipywidgets.Widget`."""
        if key is None and self._asked is not None:
            self._asked()
        return super().get_state(key, drop_defaults)

    def show_bands(self, bands: Sequence[Band]) -> None:
        """Show these bands; nothing is sent where they already are.

        A drag under way in the browser goes on: it is newer than what the caller knew.
        """
        present = self.bands
        if len(present) == len(bands) and all(map(Band.is_same, present, bands)):
            return
        self.shown = {
            "after": self.gesture["n"],
            "bands": [
                {**asdict(band), "lower": float(band.lower), "upper": float(band.upper)}
                for band in bands
            ],
        }

    def on_bands(self, callback: Callable[[tuple[Band, ...], bool], Any]) -> None:
        """Call ``callback(bands, released)`` when the user moved a band.

        ``released`` is True when a drag or a held key ended since the last call. Never called for
        what `show_bands` does.
        """

        def notify(change: Any) -> None:
            callback(self.bands, change.new["releases"] != change.old["releases"])

        self.observe(notify, "gesture")

    def on_cursor(self, callback: Callable[[float | None, float | None], Any]) -> None:
        """Call ``callback(x, y)`` when the pointer moves; ``(None, None)`` when it leaves."""
        self.observe(lambda change: callback(change.new.get("x"), change.new.get("y")), "cursor")

    def on_click(self, callback: Callable[[float, float], Any]) -> None:
        """Call ``callback(x, y)`` on a click in the plot; a double click counts as one click."""
        self.observe(lambda change: callback(change.new["x"], change.new["y"]), "clicked")

    def on_brush(self, callback: Callable[[float, float], Any]) -> None:
        """Call ``callback(low, high)`` when a range of x was brushed; `brushes` switches it on."""
        self.observe(lambda change: callback(change.new["low"], change.new["high"]), "brushed")

    def on_double_click(self, callback: Callable[[float, float], Any]) -> None:
        """Call ``callback(x, y)`` on a double click in the plot."""
        self.observe(lambda change: callback(change.new["x"], change.new["y"]), "double_clicked")

    def show_marker(self, x: float | None = None, y: float | None = None) -> None:
        """Draw marker lines at ``x`` and ``y``; None takes a line away."""
        self.marker = {
            name: float(value) for name, value in (("x", x), ("y", y)) if value is not None
        }
