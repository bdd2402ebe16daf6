"""Sizes and colours that all views share, so that the same wavelength is at the same place.

Image and spectrum figures have the same width and the same left and right margins. Colours are
from the colour-blind safe palette of Okabe and Ito (2008, https://jfly.uni-koeln.de/color/).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = [
    "APERTURE_COLOR",
    "BACKGROUND_COLOR",
    "COMPARISON_HEIGHT",
    "CONTROLS_WIDTH",
    "DELIVERED_COLOR",
    "DQ_COLORS",
    "FIGURE_MARGIN",
    "FIGURE_WIDTH",
    "FLUX_HEIGHT",
    "IMAGE_HEIGHT",
    "LIGHT_HEIGHT",
    "LIVE_COLOR",
    "NAN_COLOR",
    "PIN_COLORS",
    "SYSTEMATIC_COLOR",
    "TRUTH_COLOR",
    "figure_layout",
    "figure_margin",
]

CONTROLS_WIDTH = "var(--lrs-side, 390px)"
"""CSS width of the column beside image and spectrum: the profile, and the controls below it."""

FIGURE_WIDTH = "var(--lrs-figure, 860px)"
"""CSS width of the image and spectrum figures: what the explorer's own width leaves free."""

IMAGE_HEIGHT = "var(--lrs-image, 260px)"
FLUX_HEIGHT = "var(--lrs-flux, 270px)"
COMPARISON_HEIGHT = "var(--lrs-comparison, 140px)"
LIGHT_HEIGHT = "var(--lrs-light, 220px)"
"""CSS heights of figures, which together fill the window: style.css says how."""

FIGURE_MARGIN: Mapping[str, int] = MappingProxyType(
    {"left": 70, "right": 20, "top": 8, "bottom": 40}
)
"""Margins of a figure around its plot area, CSS pixels; left and right are the same everywhere."""

LIVE_COLOR = "#0072B2"
APERTURE_COLOR = LIVE_COLOR
BACKGROUND_COLOR = "#E69F00"
DELIVERED_COLOR = "#D55E00"
TRUTH_COLOR = "#888888"
"""Grey, not black: it is also visible on a dark theme."""

SYSTEMATIC_COLOR = "#E69F00"

PIN_COLORS = ("#009E73", "#CC79A7", "#56B4E9", "#F0E442")
"""Colours of pinned spectra, in order, then from the first again."""

NAN_COLOR = "#9e9e9e"
"""Image pixels without a value."""

DQ_COLORS: Mapping[str, str] = MappingProxyType(
    {
        "DO_NOT_USE": "#D55E00",
        "FLUX_ESTIMATED": "#009E73",
        "flagged by hand": "#CC79A7",
        "jump flags changed": "#000000",
        "other": "#56B4E9",
    }
)
"""Overlay colour of flagged pixels; the first entry that applies to a pixel wins."""


def figure_margin(top: int = 8, bottom: int = 40) -> dict[str, int]:
    """Return a bqplot ``fig_margin`` with the shared left and right margins."""
    return {**FIGURE_MARGIN, "top": top, "bottom": bottom}


def figure_layout(width: str, height: str) -> dict[str, str]:
    """Return an ipywidgets layout of this CSS width and height, which nothing shrinks.

    In a flex box a growing label would shrink a figure in mid-drag and shift what lies under the
    pointer.
    """
    return {
        "width": width,
        "height": height,
        "min_width": width,
        "min_height": height,
        "flex": "0 0 auto",
        "overflow": "hidden",
    }
