"""Figures of the report: where a finding lies, what has changed, how well errors hold."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from lrs_explorer.diagnosis.finding import Finding, FindingCurve, Place
from lrs_explorer.handover.contents import ImageContent, SpectrumContent
from lrs_explorer.handover.figures import (
    draw_pixels,
    flux_axis,
    nominal,
    picture,
    quantity,
    sheet,
    wavelength_axis,
)
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.widgets.layout import DELIVERED_COLOR, LIVE_COLOR, PIN_COLORS
from lrs_explorer.widgets.units import Curve, flux_range

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["WIDE", "data_uri", "drawn_panels", "drawn_ratio", "drawn_scatter", "finding_panels"]

Panel: TypeAlias = "Callable[[Axes], None]"
"""Draws one panel."""

WIDE: Final = 6.6
"""Inches of a figure of the report: what A4 and letter leave between their margins."""

LOW: Final = 1.35
"""Inches of a panel."""

MARKS: Final = (LIVE_COLOR, DELIVERED_COLOR, *PIN_COLORS[:2])


def data_uri(made: Figure, caption: str) -> str:
    """Return a figure as an address that holds the figure itself.

    Letters are drawn as outlines: a reader need not have the font.
    """
    drawing = picture(made, "svg", "", caption, {"svg.fonttype": "path"})
    return f"data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}"


def finding_panels(
    finding: Finding, spectrum: SpectrumContent | None, image: ImageContent | None
) -> list[Panel]:
    """Return what shows where a finding lies: on the image, in the spectrum, what was measured.

    Empty where it has no place in any of them.
    """
    shown = finding.figure
    panels: list[Panel] = []
    places = [place for place in shown.places if place.pixel is not None]
    if places and image is not None:
        panels.append(partial(_draw_places, image=image, places=places))
    if shown.wavelengths and spectrum is not None:
        panels.append(partial(_draw_ranges, spectrum=spectrum, ranges=shown.wavelengths))
    curves = [one for one in shown.curves if np.isfinite(one.value).any()]
    if curves:
        panels.append(partial(_draw_curves, curves=curves, ranges=shown.wavelengths))
    return panels


def drawn_panels(panels: Sequence[Panel]) -> Figure:
    """Draw panels below each other, on one wavelength axis."""
    with sheet(WIDE, 0.35 + LOW * len(panels)) as made:
        rows = made.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, draw in zip(rows, panels, strict=True):
            draw(axes)
            if axes is not rows[-1]:
                axes.set_xlabel("")
        made.align_ylabels(rows)
    return made


def drawn_ratio(ratio: FindingCurve) -> Figure:
    """Draw a spectrum over the one before, 5 to 12 micron."""
    with sheet(WIDE, 1.9) as made:
        axes = made.add_subplot()
        wavelength, value = np.asarray(ratio.wavelength, float), np.asarray(ratio.value, float)
        one = Curve(wavelength, value, np.full(value.shape, np.nan), "")
        wavelength_axis(axes, ratio.wavelength, shaded=False)
        axes.axhline(1.0, color="0.5", lw=0.6, ls="--")
        axes.plot(ratio.wavelength, ratio.value, color=LIVE_COLOR)
        limits = flux_range([one], log=False)
        if limits is not None:
            low, high = limits
            axes.set_ylim(min(low, 0.99), max(high, 1.01))
        axes.set_ylabel("Flux after / before")
    return made


def drawn_scatter(bins: Sequence[tuple[float, float]], ratios: dict[str, FloatArray]) -> Figure:
    """Draw scatter over quoted error, bin by bin of wavelength, a line for each spectrum."""
    with sheet(WIDE, 1.9) as made:
        axes = made.add_subplot()
        edges = np.array([bins[0][0], *(high for _, high in bins)])
        wavelength_axis(axes, edges, shaded=False)
        axes.axhline(1.0, color="0.5", lw=0.6, ls="--")
        looks = (("-", DELIVERED_COLOR, "o"), ("-", LIVE_COLOR, "s"))
        middle = (edges[1:] + edges[:-1]) / 2
        for (name, values), (dashes, color, marker) in zip(ratios.items(), looks, strict=False):
            axes.plot(middle, values, ls=dashes, color=color, marker=marker, ms=3, label=name)
        highest = [float(np.nanmax(v)) for v in ratios.values() if np.isfinite(v).any()]
        top = max([1.5, *(1.1 * value for value in highest)])
        axes.set_ylim(0.0, top)
        axes.set_ylabel("Scatter / error")
        made.legend(loc="outside upper center", ncols=2)
    return made


def _draw_places(axes: Axes, image: ImageContent, places: Sequence[Place]) -> None:
    """Mark positions on the image, and name them beside it."""
    draw_pixels(axes, image)
    for number, place in enumerate(places):
        assert place.pixel is not None
        color = MARKS[number % len(MARKS)]
        axes.axhline(
            place.pixel,
            color=color,
            lw=1.0,
            ls=("-", "--", "-.", ":")[number % 4],
            label=f"{place.name} {place.pixel:.2f}",
        )
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_ranges(
    axes: Axes, spectrum: SpectrumContent, ranges: Sequence[tuple[float, float]]
) -> None:
    """Draw a spectrum with the wavelengths that are affected."""
    one = spectrum.curve
    wavelength_axis(axes, one.wavelength[np.isfinite(one.value)])
    low, high = axes.get_xlim()  # and whatever is affected beyond it
    axes.set_xlim(min(low, min(a for a, _ in ranges)), max(high, max(b for _, b in ranges)))
    _shade(axes, ranges)
    axes.plot(one.wavelength, one.value, color=LIVE_COLOR, lw=0.8)
    flux_axis(axes, [one])
    axes.set_ylabel(f"{quantity(one.unit)}\n({one.unit})")


def _draw_curves(
    axes: Axes, curves: Sequence[FindingCurve], ranges: Sequence[tuple[float, float]]
) -> None:
    """Draw what was measured, as far as it has the unit of the first; Jy as mJy."""
    drawn = [_in_mjy(one) for one in curves if one.unit == curves[0].unit]
    wavelength_axis(axes, drawn[0].wavelength[np.isfinite(drawn[0].value)])
    _shade(axes, ranges)
    for number, one in enumerate(drawn):
        axes.plot(
            one.wavelength,
            one.value,
            color=MARKS[number % len(MARKS)],
            ls=("-", "--")[number % 2],
            lw=0.8,
            label=one.name,
        )
    _fit(axes, drawn)
    unit = f"\n({drawn[0].unit})" if drawn[0].unit else ""
    axes.set_ylabel(f"{drawn[0].name if len(drawn) == 1 else 'measured'}{unit}")
    if len(drawn) > 1:
        axes.legend(loc="best")


def _in_mjy(one: FindingCurve) -> FindingCurve:
    """Return a curve as spectra are drawn: what is in Jy in mJy."""
    return replace(one, value=1e3 * one.value, unit="mJy") if one.unit == "Jy" else one


def _fit(axes: Axes, curves: Sequence[FindingCurve]) -> None:
    """Limit the axis to what is in the nominal range: beyond, values grow without bound."""
    inside = [one.value[nominal(one.wavelength) & np.isfinite(one.value)] for one in curves]
    values = np.concatenate([*inside, np.zeros(0)])
    if values.size and np.ptp(values) > 0:
        margin = 0.08 * float(np.ptp(values))
        axes.set_ylim(float(values.min()) - margin, float(values.max()) + margin)


def _shade(axes: Axes, ranges: Sequence[tuple[float, float]]) -> None:
    for low, high in ranges:
        axes.axvspan(low, high, color=DELIVERED_COLOR, alpha=0.3, lw=0, zorder=0.5)
