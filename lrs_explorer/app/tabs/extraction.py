"""The tab "Extraction": aperture and background, as bands on the figures and as numbers."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from lrs_explorer.app.controller import LOADING, Controller
from lrs_explorer.app.showing import band_curve
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.measure.wavelength import offset_shift
from lrs_explorer.model.recipe.recipe import Aperture
from lrs_explorer.widgets.aperture_controls import ApertureControls, ExtractionControls
from lrs_explorer.widgets.background_controls import BackgroundControls
from lrs_explorer.widgets.banded_plot import SAME, Region, have_moved
from lrs_explorer.widgets.wavelength_controls import WavelengthControls

__all__ = ["ExtractionTab"]

PLACED_BY = {
    "user": "placed by you",
    "header": "centered on the position in the header",
    "reference": "placed by the extract1d reference file",
}


class ExtractionTab:
    """Turns dragged bands and typed numbers into a recipe, and shows where they are.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._dragging = False
        self.aperture = ApertureControls(lambda aperture: controller.change(aperture=aperture))
        self.background = BackgroundControls(
            lambda background: controller.change(background=background)
        )
        self.extraction = ExtractionControls(
            lambda extraction: controller.change(extraction=extraction), self._use_reference
        )
        self.wavelength = WavelengthControls(
            lambda wavelength: controller.change(wavelength=wavelength)
        )
        screen = controller.screen
        for view in (screen.image, screen.profile):
            view.on_bands(self._bands_moved)
            view.on_center_request(self.center_on_trace)
        screen.add_tab(
            "Extraction",
            ("Aperture", self.aperture.widget),
            ("Background", self.background.widget),
            ("Extraction", self.extraction.widget),
            ("Wavelengths", self.wavelength.widget),
        )

    def changed(self, before: Shown, now: Shown) -> None:
        """Show where aperture and background are, and their parameters."""
        if now.stages is not before.stages:
            self.extraction.reference.value = ""
        screen, recipe, image, placement = (
            self._controller.screen,
            now.recipe,
            now.image,
            now.placement,
        )
        stages, aperture = now.stages, now.aperture
        if stages is None or aperture is None or image is None:
            screen.show_bands(None)
            return
        shift = now.recipe.wavelength.source_offset
        if now.stages is not before.stages or shift != before.recipe.wavelength.source_offset:
            self.wavelength.show(recipe.wavelength, _shift_words(now))
        names = stages.references.names
        screen.image.show_curve(band_curve(placement, image) if placement else [])
        edges = aperture.lower, aperture.upper
        screen.show_bands(edges, now.background.regions, now.columns)
        limits = (-0.5, image.shape[1] - 0.5)
        source = PLACED_BY[placement.placed_by] if placement else LOADING
        self.aperture.show(aperture, source=source, limits=limits, trace=now.trace)
        self.background.show(
            now.background,
            source="chosen by you" if recipe.background else f"as {names['extract1d']} says",
            limits=limits,
            aperture=aperture,
            profile=stages.profile(now.drawn),
        )
        self.extraction.show(
            recipe.extraction,
            drawn=recipe.aperture is not None,
            no_optimal="" if "psf" in names else "PSF reference file not available.",
        )

    # -- what the user does ------------------------------------------------------------------------

    def _bands_moved(
        self,
        aperture: Region | None,
        regions: tuple[Region, ...],
        _columns: tuple[Region, ...],
        released: bool,
    ) -> None:
        """Place aperture and background where their bands are."""
        shown, background = self._controller.shown.aperture, self._controller.shown.background
        parts: dict[str, Any] = {}
        if shown is not None and aperture is not None:
            width = aperture[1] - aperture[0]
            if abs(width - shown.width) < SAME:
                width = shown.width  # the body was moved: no digit of the width is lost
            center = round((aperture[0] + aperture[1]) / 2, 6)
            if abs(center - shown.center) > SAME or width != shown.width:
                parts["aperture"] = Aperture(center, width, shown.trace)
        if have_moved(regions, background.regions):
            parts["background"] = dataclasses.replace(background, regions=regions)
        if parts or self._dragging:  # else it is not these bands that are dragged
            self._dragging = not released
            self._controller.change(dragging=not released, **parts)

    def _use_reference(self, path: str) -> None:
        """Take another extract1d reference file, and place what the recipe does not."""
        stages = self._controller.shown.stages
        if stages is None:
            return
        try:
            stages.use_extract1d(Path(path).expanduser() if path else None)
        except LRSExplorerError as error:
            self._controller.screen.messages.show(str(error), "error")
        else:
            self._controller.refresh()

    def center_on_trace(self) -> None:
        """Put the aperture on the measured trace; nothing happens where there is none."""
        self.aperture.center_on_trace.click()


def _shift_words(shown: Shown) -> str:
    """Say by how much an offset of the source changes the wavelengths."""
    offset, image = shown.recipe.wavelength.source_offset, shown.image
    if not offset or image is None:
        return ""
    low, high = NOMINAL_RANGE
    shift = offset_shift(image.row_wavelength, offset, shown.recipe.mode)
    return f"Wavelengths are corrected by up to {shift.largest:.3f} µm at {low:g}–{high:g} µm."
