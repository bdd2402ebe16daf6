"""What lies under the pointer, in one line."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

import ipywidgets

__all__ = ["Reading", "Readout", "format_reading"]


@dataclass(frozen=True)
class Reading:
    """What is known at the pointer; None where it is not over something that has it.

    Parameters
    ----------
    row, column : int or None
        Image pixel, 0-indexed: row along the dispersion axis, column across it.
    wavelength : float or None
        Micron.
    value : float or None
        Value of the pixel, ``unit``; NaN where it has none.
    unit : str
    flags : sequence of str or None
        Names of the pixel's DQ flags; None where the product has no DQ.
    flux, flux_error : float or None
        Live spectrum at that wavelength, ``flux_unit``.
    flux_unit : str
    detector : str
        Which detector pixel lies there and what is known of it; "" where that is not known.
    """

    row: int | None = None
    column: int | None = None
    wavelength: float | None = None
    value: float | None = None
    unit: str = "MJy/sr"
    flags: Sequence[str] | None = None
    flux: float | None = None
    flux_error: float | None = None
    flux_unit: str = "Jy"
    detector: str = ""


def format_reading(reading: Reading) -> str:
    """Return ``reading`` as two lines in which each quantity always has the same place.

    Numbers are padded, unknown ones are dashes. The second line has what may be long: DQ flags,
    and the detector pixel.
    """
    parts = [
        f"row {_whole(reading.row)}",
        f"column {_whole(reading.column)}",
        f"{_padded(reading.wavelength, '.3f', 7)} µm",
        f"value {_padded(reading.value, '.4g', 10)} {_unit(reading.value, reading.unit)}",
        f"flux {_padded(reading.flux, '.4g', 10)} ± {_padded(reading.flux_error, '.2g', 8)} "
        f"{_unit(reading.flux, reading.flux_unit)}",
    ]
    below = [] if reading.flags is None else [f"DQ {', '.join(reading.flags) or 'good'}"]
    below += [reading.detector] if reading.detector else []
    return "  ".join(parts) + "\n" + "  ".join(below)


def _whole(value: int | None) -> str:
    return f"{'–' if value is None else value:>4}"


def _unit(value: float | None, unit: str) -> str:
    return f"{'' if value is None else unit:<6}"


def _padded(value: float | None, form: str, width: int) -> str:
    if value is None:
        return f"{'–':>{width}}"
    text = format(value, form) if math.isfinite(value) else "NaN"
    return f"{text:>{width}}"


class Readout:
    """Shows a `Reading` at a fixed size: a growing label would shift what lies under the pointer.

    Attributes
    ----------
    widget : ipywidgets.HTML
    """

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML().add_class("lrs-readout")
        self.show(None)

    def show(self, reading: Reading | None) -> None:
        """Show ``reading``; None = the pointer is nowhere."""
        text = html.escape(format_reading(reading or Reading()))
        value = f'<pre title="{text}">{text}</pre>'
        if value != self.widget.value:
            self.widget.value = value
