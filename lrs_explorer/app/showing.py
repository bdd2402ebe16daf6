"""Small steps between products and screen."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from lrs_explorer.model.data import dq
from lrs_explorer.model.data.products import FloatArray, SpatialProfile, SpectralImage, Spectrum
from lrs_explorer.model.live.extractor import Placement
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.recipe import Aperture, Nods
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.readout import Reading
from lrs_explorer.widgets.screen import Screen
from lrs_explorer.widgets.spectrum_view import SpectrumView

__all__ = [
    "Curve",
    "band_curve",
    "delivered_aperture",
    "show_cursor",
    "show_references",
    "true_curve",
]

Curve = tuple[FloatArray, FloatArray]
"""Wavelength, micron, and flux density, Jy."""


def band_curve(placement: Placement, image: SpectralImage) -> list[tuple[float, float]]:
    """Return how far a bent aperture lies from its center: pairs of micron and pixels."""
    if placement.aperture.trace is None:
        return []
    offset = placement.lower - placement.aperture.lower
    shown = np.isfinite(offset) & np.isfinite(image.row_wavelength)
    rows = np.flatnonzero(shown)[:: max(1, int(shown.sum()) // 60)]
    return [(float(image.row_wavelength[row]), float(offset[row])) for row in rows]


def delivered_aperture(spectrum: Spectrum) -> Aperture | None:
    """Return where a delivered spectrum was extracted; None where it has no aperture."""
    if spectrum.box is None:
        return None
    start, stop = spectrum.box
    return Aperture((start + stop) / 2, stop - start + 1) if stop > start - 1 else None


def true_curve(observation: Observation) -> Curve | None:
    """Return what went into a simulated observation; None for a real one."""
    table = observation.truth  # reading a table for the first time takes long
    return None if table is None else (np.asarray(table["wavelength"]), np.asarray(table["flux"]))


def show_references(screen: Screen, stages: Stages, nods: Nods) -> None:
    """Tell of an observation and its reference files."""
    references = stages.references
    information = stages.observation.information(nods)
    made_of = [one.line for one in stages.observation.made_of]
    screen.show_information(information, made_of, references.names, references.notes)


def show_cursor(
    screen: Screen,
    image: SpectralImage | None,
    wavelength: float | None,
    position: float | None,
    describe_pixel: Callable[[int, int], str] | None = None,
) -> None:
    """Mark a wavelength (micron) and a position (pixel) everywhere and tell what is there."""
    screen.show_marker(wavelength, position)
    reading = profile = None
    if wavelength is not None or position is not None:
        reading = _reading_at(image, screen.spectrum, wavelength, position)
        if describe_pixel and reading.row is not None and reading.column is not None:
            words = describe_pixel(reading.row, reading.column)
            reading = dataclasses.replace(reading, detector=words)
        if image is not None and reading.row is not None:
            at = float(image.row_wavelength[reading.row])
            profile = SpatialProfile(
                np.arange(float(image.shape[1])), image.data[reading.row], (at, at), image.unit
            )
    screen.readout.show(reading)
    screen.profile.show_cursor_profile(profile)


def _reading_at(
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
