"""The tab "Flux": whether the flux is right, against photometry of the same star."""

from __future__ import annotations

import math
from concurrent.futures import Future

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.measure.bandpass import bandpass
from lrs_explorer.model.stages.photometry import FluxComparison, Photometry, compared_fluxes
from lrs_explorer.widgets.photometry_panel import FluxResult, PhotometryPanel
from lrs_explorer.widgets.photometry_plot import PhotometryPoint

__all__ = ["FluxTab"]

STALE = "of another spectrum than the one that is shown now: press compare again"
WORKING = "the spectrum is being compared …"


class FluxTab:
    """Compares the shown spectrum with photometry, when asked; never changes it.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._compared: Shown | None = None
        self.panel = PhotometryPanel(self._compare)
        controller.screen.add_tab("Flux", ("Is the flux right?", self.panel.widget))

    def changed(self, before: Shown, now: Shown) -> None:
        """Say that a result is of another spectrum; forget it with its observation."""
        if now.stages is not before.stages:
            self._compared = None
            self.panel.plot.clear()
            self.panel.show((), ())
            self.panel.say("")
            self.panel.catalogue.value = ""
        elif self._compared is not None and now.drawn != self._compared.drawn:
            self.panel.say(STALE, "warning")
        elif self._compared is not None and before.drawn != now.drawn:
            self.panel.say("")  # undone

    def _compare(self) -> None:
        """Compare in the background: reference files may have to be fetched."""
        shown, entries = self._controller.shown, self.panel.entries
        stages, recipe = shown.stages, shown.drawn
        if stages is None:
            return
        self.panel.say(WORKING)

        def compared(future: Future[Photometry]) -> None:
            error = future.exception()
            if isinstance(error, LRSExplorerError):
                self.panel.say(str(error), "warning")
            elif self._controller.succeeded(future):
                self._compared = shown
                self._show(future.result())
                stale = self._controller.shown.drawn != shown.drawn
                self.panel.say(STALE if stale else "", "warning")

        self._controller.start(lambda: compared_fluxes(stages, recipe, entries), compared)

    def _show(self, result: Photometry) -> None:
        drawn = [one for one in result.comparisons if one.light == "whole star"]
        spectrum = result.spectrum
        bands = [
            bandpass(name)
            for name in dict.fromkeys(o.filter for o in drawn if not math.isnan(o.wavelength))
        ]
        if spectrum.unit == "Jy":
            self.panel.plot.show(
                spectrum.wavelength,
                spectrum.flux,
                [_point(one) for one in drawn if not math.isnan(one.ratio)],
                [(band.wavelength, band.response) for band in bands],
            )
        else:
            self.panel.plot.clear()
        self.panel.show(
            [
                FluxResult(
                    one.title, one.result, one.status, one.why, tuple(filter(None, _details(one)))
                )
                for one in result.comparisons
            ],
            [result.errors, *result.notes],
        )


def _details(one: FluxComparison) -> tuple[str, ...]:
    return (one.origin, *one.notes)


def _point(one: FluxComparison) -> PhotometryPoint:
    return PhotometryPoint(
        source=one.source,
        name=one.source,
        wavelength=one.wavelength,
        edges=one.edges,
        flux=one.photometry,
        error=one.photometry_error,
        synthetic=one.flux,
    )
