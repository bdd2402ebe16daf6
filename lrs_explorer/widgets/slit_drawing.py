"""A drawing of the slit with the star in it, as SVG that scales with its place."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

from lrs_explorer.widgets.layout import APERTURE_COLOR, DELIVERED_COLOR, PIN_COLORS

__all__ = ["Marker", "slit_svg"]

_SCALE = 70.0  # drawing units per arcsec along the slit
_STRETCH = 2.2  # the same across it: the slit is nine times longer than wide
_MARGIN = 26.0


@dataclass(frozen=True)
class Marker:
    """A position in the slit.

    Parameters
    ----------
    name : str
    along, across : float, arcsec
        From the slit's center; ``across`` is None where it is not known.
    uncertainty : float, arcsec
        Along the slit; 0 where not known.
    chosen : bool
        Whether the pathloss correction is for this place.
    """

    name: str
    along: float
    across: float | None
    uncertainty: float = 0.0
    chosen: bool = False


def slit_svg(
    markers: Sequence[Marker],
    *,
    length: float,
    width: float,
    wavelength: float,
    fwhm: float,
) -> str:
    """Draw slit, star and markers.

    Parameters
    ----------
    markers : sequence of Marker
    length, width : float, arcsec
        Of the slit.
    wavelength : float, micron
        At which the star is drawn.
    fwhm : float, arcsec
        Of the point-spread function there.
    """
    half, span = width / 2, width  # half a slit beyond each edge is shown
    across = _SCALE * _STRETCH
    total = length * _SCALE + 2 * _MARGIN
    middle_x, middle_y = total / 2, span * across

    def place(along: float, offset: float) -> tuple[float, float]:
        return middle_x + along * _SCALE, middle_y - max(-span, min(span, offset)) * across

    left, top = place(-length / 2, half)
    parts = [
        f'<rect class="lrs-slit-plate" width="{total:.0f}" height="{2 * middle_y:.0f}"/>',
        f'<rect class="lrs-slit-hole" x="{left:.1f}" y="{top:.1f}" '
        f'width="{length * _SCALE:.1f}" height="{width * across:.1f}"/>',
        f'<line class="lrs-slit-axis" x1="{left:.1f}" x2="{total - left:.1f}" '
        f'y1="{middle_y:.1f}" y2="{middle_y:.1f}"/>',
    ]
    for number, marker in enumerate(markers):
        color = APERTURE_COLOR if marker.chosen else PIN_COLORS[number % len(PIN_COLORS)]
        x, y = place(marker.along, marker.across or 0.0)
        title = f"<title>{html.escape(marker.name)}</title>"
        if marker.chosen:
            parts.append(
                f'<ellipse class="lrs-slit-star" cx="{x:.1f}" cy="{y:.1f}" '
                f'rx="{fwhm / 2 * _SCALE:.1f}" ry="{fwhm / 2 * across:.1f}" fill="{color}"/>'
            )
        if marker.across is None:  # a line: anywhere across the slit
            parts.append(
                f'<g>{title}<line x1="{x:.1f}" x2="{x:.1f}" y1="{top:.1f}" '
                f'y2="{top + width * across:.1f}" stroke="{color}" stroke-width="2.5" '
                'stroke-dasharray="4 3"/></g>'
            )
        else:
            beyond = abs(marker.across) > half or abs(marker.along) > length / 2
            stroke = DELIVERED_COLOR if beyond else color
            parts.append(
                f'<g>{title}<path d="M{x - 6:.1f} {y:.1f}h12M{x:.1f} {y - 6:.1f}v12" '
                f'stroke="{stroke}" stroke-width="2.5"/></g>'
            )
    parts.append(
        f'<text class="lrs-slit-text" x="6" y="{2 * middle_y - 6:.0f}">'
        f"slit {length:g}″ × {width:g}″; star at {wavelength:.1f} µm, FWHM {fwhm:.2f}″</text>"
    )
    return (
        f'<svg class="lrs-slit" viewBox="0 0 {total:.0f} {2 * middle_y:.0f}" role="img" '
        f'aria-label="the slit and the source positions">{"".join(parts)}</svg>'
    )
