"""What lies under the pointer."""

from __future__ import annotations

import dataclasses

from lrs_explorer.model import dq
from lrs_explorer.model.products import SpectralImage
from lrs_explorer.widgets.readout import Reading
from lrs_explorer.widgets.spectrum_view import SpectrumView

__all__ = ["reading_at"]


def reading_at(
    image: SpectralImage | None,
    spectrum: SpectrumView,
    wavelength: float | None,
    position: float | None,
) -> Reading:
    """Return what there is to read at a wavelength (micron) and a position (pixel)."""
    reading = Reading(wavelength=wavelength)
    if image is not None:
        reading = dataclasses.replace(reading, unit=image.unit)
        if position is not None and -0.5 <= position < image.shape[1] - 0.5:
            reading = dataclasses.replace(reading, column=round(position))
        if wavelength is not None:
            reading = dataclasses.replace(reading, row=image.row_at(wavelength))
        if reading.row is not None and reading.column is not None:
            pixel = (reading.row, reading.column)
            reading = dataclasses.replace(
                reading,
                value=float(image.data[pixel]),
                flags=None if image.dq is None else dq.names(int(image.dq[pixel])),
            )
    live = None if wavelength is None else spectrum.live_at(wavelength)
    if live is not None:
        flux, error, unit = live
        reading = dataclasses.replace(reading, flux=flux, flux_error=error, flux_unit=unit)
    return reading
