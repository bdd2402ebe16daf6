"""Another spectrum beside the live one: pinned, with their ratio, and in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from concurrent.futures import Future

from lrs_explorer.app.controller import Controller
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.nods import SpectrumComparison, compare_spectra
from lrs_explorer.widgets.units import COMPARED_RANGE, compare, curve

__all__ = ["pin_all_beside_live", "pin_beside_live"]

Compare = Callable[[Spectrum, Spectrum], SpectrumComparison]
"""Compares the live spectrum with another."""


def pin_beside_live(
    controller: Controller,
    future: Future[tuple[str, Spectrum]],
    compare_with: Compare | None = None,
) -> str:
    """Pin a spectrum that was computed in the background and show the ratio to it.

    Parameters
    ----------
    controller : Controller
    future : Future of (str, Spectrum)
        Name of the pin and the spectrum.
    compare_with : callable(live, spectrum), optional
        Compares the two; by default as spectra whose noise is independent.

    Returns
    -------
    str
        By how much the two differ, and whether that means anything; "" where there is nothing to
        compare, and the message bar says why.
    """
    if not controller.succeeded(future):
        return ""
    name, spectrum = future.result()
    _pin(controller, name, spectrum)
    live = controller.shown.spectrum
    if live is None:
        return ""
    try:
        if compare_with is not None:
            return compare_with(live, spectrum).sentence
        return compare_spectra(live, spectrum, ("the live spectrum", name)).sentence
    except LRSExplorerError as error:
        return str(error)


def pin_all_beside_live(controller: Controller, spectra: Mapping[str, Spectrum]) -> list[str]:
    """Pin spectra of the same exposure, show the ratio to the last, and say how they compare.

    Their noise is in part the same, so it is not told whether a difference means anything.
    """
    lines = []
    for name, spectrum in spectra.items():
        _pin(controller, name, spectrum)
        live = controller.shown.spectrum
        if live is not None:
            lines.append(f"{name}: {_change(live, spectrum)}")
    return lines


def _change(live: Spectrum, other: Spectrum) -> str:
    """Say by how much the flux of a spectrum is more than that of the live one, in the median."""
    against = compare(curve(other, "mJy"), curve(live, "mJy"), "ratio")
    if not against.count:
        return "nothing in common with the live spectrum"
    change = f"{round(100 * (against.median - 1), 1) + 0.0:+.1f}".replace("-", "−")
    low, high = COMPARED_RANGE
    return f"flux {change} % against the live spectrum (median, {low:g}–{high:g} µm)"


def _pin(controller: Controller, name: str, spectrum: Spectrum) -> None:
    """Pin a spectrum and show the ratio to it."""
    screen = controller.screen
    pin = screen.pins.add(spectrum, name)
    screen.spectrum.show_pins(screen.pins.pins)
    screen.show_spectrum_display(
        dataclasses.replace(screen.spectrum.display, comparison="ratio", reference=pin.key)
    )
