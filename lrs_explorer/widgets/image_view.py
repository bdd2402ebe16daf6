"""The two-dimensional spectrum, wavelength to the right and cross-dispersion upward."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, PanZoom
from bqplot import Image as ImageMark
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import reference_columns
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.widgets.banded_plot import BandedPlot, legend_layout, position_axis
from lrs_explorer.widgets.display import Display, Picture, render
from lrs_explorer.widgets.layout import (
    DQ_COLORS,
    FIGURE_WIDTH,
    IMAGE_HEIGHT,
    NAN_COLOR,
    figure_layout,
    figure_margin,
)
from lrs_explorer.widgets.plot_parts import WAVELENGTH_LABEL
from lrs_explorer.widgets.zoom import ZoomLimits

__all__ = ["ImageView"]

LEAST_WAVELENGTHS = 0.05
"""Micron that fill a view at least, however far it is zoomed in."""

LEAST_POSITIONS = 2.0
"""Pixels that do."""

FLAG_WORDS = {
    "DO_NOT_USE": "DO_NOT_USE: left out",
    "FLUX_ESTIMATED": "FLUX_ESTIMATED: replaced",
    "flagged by hand": "flagged by hand",
    "jump flags changed": "flags changed by the jump threshold",
    "other": "other flags",
}


class ImageView(BandedPlot):
    """A `SpectralImage` with draggable aperture and background regions.

    Parameters
    ----------
    x_scale : bqplot.LinearScale
        Wavelength, micron; shared with the spectrum.
    y_scale : bqplot.LinearScale
        Cross-dispersion position, pixels; shared with the spatial profile.

    Attributes
    ----------
    widget : ipywidgets.VBox
        What to display: the figure and, below it, what its colours mean.
    picture : Picture or None
        What is drawn.
    """

    def __init__(self, x_scale: LinearScale, y_scale: LinearScale) -> None:
        scales = {"x": x_scale, "y": y_scale}
        self._mark = ImageMark(
            image=ipywidgets.Image(format="png", value=b""), scales=scales, visible=False
        )
        figure = Figure(
            marks=[self._mark],
            axes=[
                Axis(scale=x_scale, label=WAVELENGTH_LABEL, label_offset="32px", grid_lines="none"),
                position_axis(y_scale, "40px"),
            ],
            interaction=PanZoom(scales={name: [scale] for name, scale in scales.items()}),
            fig_margin=figure_margin(),
            layout=figure_layout(FIGURE_WIDTH, IMAGE_HEIGHT),
            display_toolbar=False,
        )
        super().__init__(figure, x_scale, y_scale)
        self.picture: Picture | None = None
        self._across = ZoomLimits(x_scale, LEAST_WAVELENGTHS)
        self._down = ZoomLimits(y_scale, LEAST_POSITIONS)
        self._legend = ipywidgets.HTML(layout=legend_layout(FIGURE_WIDTH))
        self._legend.add_class("lrs-image-legend")
        self.widget = ipywidgets.VBox([self.overlay.widget, self._legend])

    def show_image(
        self,
        image: SpectralImage,
        display: Display,
        layers: Mapping[str, NDArray[np.bool_]] | None = None,
    ) -> None:
        """Colour and show an image; zoom out to all of it if it covers another range than before.

        Parameters
        ----------
        image : SpectralImage
        display : Display
        layers : Mapping of str to ndarray of bool, optional
            Pixels to draw in distinct colours, by name in `layout.DQ_COLORS`.

        Raises
        ------
        LRSExplorerError
            The image has no wavelengths; what was shown stays.
        """
        before = self.picture
        picture = render(image, display, layers=layers)
        self.picture = picture
        # A mark takes no notice of a new value in the image that it has.
        former = self._mark.image
        with self._mark.hold_sync():
            self._mark.image = ipywidgets.Image(format="png", value=picture.png)
            self._mark.x = picture.wavelength
            self._mark.y = picture.position
            self._mark.visible = True
        former.close()
        self.limit_bands(*picture.position, reference_columns(image.header))
        self._legend.value = _legend_html(picture, image, layers is not None)
        if before is None or (before.wavelength, before.position) != (
            picture.wavelength,
            picture.position,
        ):
            self.zoom_out()

    def show_nothing(self) -> None:
        """Take the image away."""
        self.picture = None
        self._mark.visible = False
        self._legend.value = ""
        self._across.set_free()  # spectra alone may reach further
        self._down.set_free()

    def zoom_out(self) -> None:
        """Let both axes cover the whole image."""
        if self.picture is None:
            return
        self._across.show_all(*self.picture.wavelength)
        self._down.show_all(*self.picture.position)

    def show_curve(self, curve: Sequence[tuple[float, float]] = ()) -> None:
        """Bend the aperture along a trace; empty = straight.

        Parameters
        ----------
        curve : sequence of (wavelength, offset)
            Micron in either order, and pixels to add to both edges there.
        """
        self.overlay.curve = [[float(x), float(offset)] for x, offset in curve]

    def show_marker(self, wavelength: float | None = None, position: float | None = None) -> None:
        """Draw a vertical and a horizontal line, at micron and pixel; None takes one away."""
        self.overlay.show_marker(wavelength, position)

    def on_cursor(self, callback: Callable[[float | None, float | None], Any]) -> None:
        """Call ``callback(wavelength, position)`` on hovering, with None twice on leaving."""
        self.overlay.on_cursor(callback)

    def on_click(self, callback: Callable[[float, float], Any]) -> None:
        """Call ``callback(wavelength, position)`` on a click."""
        self.overlay.on_click(callback)


def _legend_html(picture: Picture, image: SpectralImage, show_dq: bool) -> str:
    """Return what the colours of the picture mean."""
    low, high = picture.limits
    entries = [("", f"{low:.4g} to {high:.4g} {image.unit}"), (NAN_COLOR, "no value")]
    entries += [
        (DQ_COLORS[name], f"{FLAG_WORDS[name]} ({count})")
        for name, count in picture.flags.items()
        if count
    ]
    if show_dq and not any(picture.flags.values()):
        entries.append(("", "no pixel is flagged"))
    swatch = (
        '<span style="display:inline-block;width:10px;height:10px;margin-right:4px;'
        'background:{}"></span>'
    )
    texts = ((swatch.format(color) if color else "") + html.escape(text) for color, text in entries)
    shown = "".join(f'<span style="margin-right:14px">{text}</span> ' for text in texts)
    title = html.escape(" · ".join(text for _, text in entries))
    return f'<div class="lrs-line" title="{title}">{shown}</div>'
