"""Another spectrum beside the live one: pinned, with their ratio, and in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future

from lrs_explorer.app.controller import Controller
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.nods import SpectrumComparison, compare_spectra

__all__ = ["pin_beside_live"]

Compare = Callable[[Spectrum, Spectrum], SpectrumComparison]
"""Compares the live spectrum with another."""


def pin_beside_live(
    controller: Controller, future: Future[tuple[str, Spectrum]], compare: Compare | None = None
) -> str:
    """Pin a spectrum that was computed in the background and show the ratio to it.

    Parameters
    ----------
    controller : Controller
    future : Future of (str, Spectrum)
        Name of the pin and the spectrum.
    compare : callable(live, spectrum), optional
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
    screen = controller.screen
    screen.pins.add(spectrum, name)
    pins = screen.pins.pins
    screen.spectrum.show_pins(pins)
    screen.show_spectrum_display(
        dataclasses.replace(screen.spectrum.display, comparison="ratio", reference=pins[-1].key)
    )
    live = controller.shown.spectrum
    if live is None:
        return ""
    try:
        if compare is not None:
            return compare(live, spectrum).sentence
        return compare_spectra(live, spectrum, ("the live spectrum", name)).sentence
    except LRSExplorerError as error:
        return str(error)
