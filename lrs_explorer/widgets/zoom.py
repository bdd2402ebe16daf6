"""How far figures zoom and pan, and what the wheel does over them."""

from __future__ import annotations

from pathlib import Path

import anywidget
import ipywidgets
import traitlets
from bqplot import Scale
from ipywidgets import widget_serialization

__all__ = ["Wheel", "ZoomLimits"]


class Wheel(anywidget.AnyWidget):
    """Lets the wheel scroll the page, and zoom with Ctrl or ⌘, or in a figure that was clicked.

    Invisible; put it beside the views.
    """

    _esm = Path(__file__).with_name("wheel.js")

    def __init__(self) -> None:
        super().__init__(layout=ipywidgets.Layout(display="none"))


class ZoomLimits(anywidget.AnyWidget):
    """Keeps a linear scale within limits in the browser; it is never displayed.

    Parameters
    ----------
    scale : bqplot.LinearScale
        Its ``min`` and ``max`` are numbers.
    least : float
        Smallest width that can be seen, in units of the scale.
    """

    _esm = Path(__file__).with_name("zoom_limits.js")

    scale = traitlets.Instance(Scale).tag(sync=True, **widget_serialization)
    low = traitlets.Float(None, allow_none=True).tag(sync=True)
    high = traitlets.Float(None, allow_none=True).tag(sync=True)
    least = traitlets.Float(0.0).tag(sync=True)

    def __init__(self, scale: Scale, least: float) -> None:
        super().__init__(scale=scale, least=least)

    def show_all(self, low: float, high: float) -> None:
        """Take these as the limits, and show all between them."""
        self.set_limits(low, high)
        with self.scale.hold_sync():
            self.scale.min, self.scale.max = float(low), float(high)

    def set_limits(self, low: float, high: float) -> None:
        """Take these as the limits."""
        with self.hold_sync():
            self.low, self.high = float(low), float(high)

    def set_free(self) -> None:
        """Take the limits away."""
        self.low = self.high = None
