"""What image and spatial profile have in common: bands across the cross-dispersion axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bqplot import Axis, Figure, LinearScale

from lrs_explorer.widgets.overlay import Band, PlotOverlay
from lrs_explorer.widgets.plot_parts import nice_ticks

__all__ = ["SAME", "BandedPlot", "Region", "have_moved", "legend_layout", "position_axis"]

Region = tuple[float, float]
"""Lower and upper edge, image pixels; pixel *i* covers [i - 0.5, i + 0.5]."""

SAME = 1e-5
"""Edges closer than this, in pixels, have not been moved; the browser rounds to 1e-6."""


class BandedPlot:
    """A figure with a draggable aperture, background regions and off-trace columns.

    Parameters
    ----------
    figure : bqplot.Figure
    x_scale, y_scale : bqplot.LinearScale
        ``y_scale`` is the cross-dispersion position, pixels.

    Attributes
    ----------
    figure : bqplot.Figure
    overlay : PlotOverlay
        Its ``cursor`` and ``marker`` can be linked to those of other views.
    """

    def __init__(self, figure: Figure, x_scale: LinearScale, y_scale: LinearScale) -> None:
        self.figure = figure
        self.x_scale = x_scale
        self.y_scale = y_scale
        self.overlay = PlotOverlay(figure, x_scale, y_scale)
        self._seeing = self.overlay.limits[0]

    def limit_bands(self, lower: float, upper: float, seeing: int = 0) -> None:
        """Keep the edges of all bands within these positions, pixels.

        Those of columns of a 2-D background are kept off the columns before ``seeing`` as well,
        which are reference pixels.
        """
        self.overlay.limits = (float(lower), float(upper))
        self._seeing = max(float(lower), seeing - 0.5)

    def show_bands(
        self,
        aperture: Region | None,
        regions: Sequence[Region] = (),
        columns: Sequence[Region] = (),
    ) -> None:
        """Show where aperture, background regions and the columns of a 2-D background are.

        Columns stay off the reference pixels. Calls no callback, sends nothing where nothing has
        changed, and does not disturb a drag under way in this view.
        """
        bands = [] if aperture is None else [Band("aperture", "aperture", *aperture)]
        for number, region in enumerate(regions, start=1):
            label = f"background {number}" if len(regions) > 1 else "background"
            bands.append(Band(f"background-{number}", "background", *region, label=label))
        seeing = self._seeing, self.overlay.limits[1]
        for number, edges in enumerate(columns, start=1):
            label = f"columns {number} of the 2-D background"
            bands.append(Band(f"columns-{number}", "columns", *edges, label=label, limits=seeing))
        self.overlay.show_bands(bands)

    def on_bands(
        self,
        callback: Callable[[Region | None, tuple[Region, ...], tuple[Region, ...], bool], Any],
    ) -> None:
        """Call ``callback(aperture, regions, columns, released)`` when the user moved a band.

        ``released`` tells that a drag has ended (or an arrow key was let go).
        """

        def notify(bands: tuple[Band, ...], released: bool) -> None:
            def of(kind: str) -> tuple[Region, ...]:
                return tuple((band.lower, band.upper) for band in bands if band.kind == kind)

            aperture = of("aperture")
            callback(aperture[0] if aperture else None, of("background"), of("columns"), released)

        self.overlay.on_bands(notify)

    def on_center_request(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` on a double click: the aperture shall go to the trace."""
        self.overlay.on_double_click(lambda _x, _y: callback())


def have_moved(regions: Sequence[Region], shown: Sequence[Region]) -> bool:
    """Tell whether some of as many regions have been moved."""
    return len(regions) == len(shown) and any(
        abs(new - old) > SAME
        for one, other in zip(regions, shown, strict=True)
        for new, old in zip(one, other, strict=True)
    )


def position_axis(scale: LinearScale, label_offset: str) -> Axis:
    """Return the axis of cross-dispersion positions, with ticks that fit the lowest figure."""
    axis = Axis(
        scale=scale,
        side="left",
        label="cross-disp. [px]",
        label_offset=label_offset,
        grid_lines="none",
    )

    def changed(_change: Any) -> None:
        if None not in (scale.min, scale.max) and scale.min < scale.max:
            axis.tick_values = nice_ticks(scale.min, scale.max, 6)

    scale.observe(changed, ["min", "max"])
    return axis


def legend_layout(width: str) -> dict[str, str]:
    """Return the layout of the line below a figure.

    Of fixed height, so that no text that grows moves the figures below it in mid-drag.
    """
    return {
        "width": width,
        "height": "24px",
        "padding": "0 4px",
        "flex": "0 0 auto",
        "overflow": "hidden",
    }
