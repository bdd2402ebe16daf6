"""The tab "Pixels": bad pixels shown, replaced, flagged by hand, and proposed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from lrs_explorer.app.comparing import pin_beside_live
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage, Spectrum
from lrs_explorer.model.measure.pixels.outliers import Outlier
from lrs_explorer.model.recipe.recipe import PixelReplace, Resample
from lrs_explorer.model.stages.detector_pixels import DetectorPixels, series_pixels, slit_pixels
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.fields import counted
from lrs_explorer.widgets.pixel_panel import FlagControls, ReplaceControls

__all__ = ["PixelsTab"]

LAYERS = {
    "unusable": "DO_NOT_USE",
    "replaced": "FLUX_ESTIMATED",
    "flagged": "flagged by hand",
    "jumps": "jump flags changed",
}
"""Name in the views of each category of bad pixels."""

DEBOUNCE = 0.3
"""Seconds without a change after which counts and marks are brought up to date."""

Pixel = tuple[int, int, int]


class PixelsTab:
    """Shows the detector pixels behind the image, and turns flags into recipes.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._problem = ""
        self._proposed: list[tuple[Pixel, Outlier]] = []
        self._debounce = Debounce(DEBOUNCE, controller.page)
        self.replace = ReplaceControls(
            self._replace,
            self._model_trace,
            lambda weight_type: controller.change(resample=Resample(weight_type)),
            self._compare,
        )
        self.flags = FlagControls(self._find, self._flag, self._clear)
        controller.screen.add_tab(
            "Pixels", ("Replacement", self.replace.widget), ("Bad pixels", self.flags.widget)
        )
        controller.screen.image.on_click(self._clicked)

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe's choice; read the pixels anew when another image is shown."""
        stages, image = now.stages, now.image
        if stages is None or image is None:
            return
        other = stages is not before.stages
        if other or now.recipe.pixel_replace != before.recipe.pixel_replace:
            why_not = stages.observation.why_not("pixel_replace")
            self.replace.show(now.recipe.pixel_replace, why_not=why_not)
        if other or now.recipe.adaptive_trace_model != before.recipe.adaptive_trace_model:
            why_not = stages.observation.why_not("adaptive_trace_model")
            self.replace.show_trace(now.recipe.adaptive_trace_model, why_not=why_not)
        if other or now.recipe.resample != before.recipe.resample:
            why_not = stages.observation.why_not("resample")
            self.replace.show_weights(now.recipe.resample, why_not=why_not)
        if other or now.number != before.number:
            self._proposed = []
            self.flags.show_proposed((), "")
        if image is not before.image:
            self._read(now, stages, image)
        if now.pixels is not None and now.pixels is not before.pixels:
            layers = {LAYERS[name]: mask for name, mask in now.pixels.layers().items()}
            self._controller.screen.show_layers(layers)
        # Not at every step of a drag: there may be hundreds of pixels to look at.
        self._debounce.call(self._show)

    def _read(self, now: Shown, stages: Stages, image: SpectralImage) -> None:
        self._problem = ""
        self.flags.show_counts(
            ["the detector pixels are being read …"],
            flagged=len(now.recipe.pixel_replace.flagged),
            why_not="",
        )
        read = series_pixels if stages.observation.is_series else slit_pixels

        def done(future: Future[DetectorPixels]) -> None:
            error = future.exception()
            if image is not self._controller.shown.image:
                return
            if isinstance(error, LRSExplorerError):
                self._problem = str(error)
            elif self._controller.succeeded(future):
                self._controller.learn(image, pixels=future.result())
            self._show()

        self._controller.start(lambda: read(stages, now.drawn), done)

    def _show(self) -> None:
        shown = self._controller.shown
        stages, pixels, placement = shown.stages, shown.pixels, shown.placement
        assert stages is not None
        lines = []
        image = shown.image
        if image is not None and image.kind == "s2d" and "S_PXREPL" not in image.header:
            lines.append("whether the pipeline replaced pixels is not known (no S_PXREPL)")
        affected = {}
        if pixels is not None:
            counts = pixels.counts()
            words = f"{counts['unusable']} unusable, {counts['replaced']} replaced"
            where = "in most integrations" if stages.observation.is_series else "in the slit"
            lines.append(f"{where}: {words}, {counts['flagged']} flagged by hand")
            if placement is not None:
                affected = pixels.affected(placement.lower, placement.upper)
                total = sum(len(wavelengths) for wavelengths in affected.values())
                lines.append(f"in the aperture: {total}, marked below the spectrum")
        self._controller.screen.spectrum.flux.show_affected(
            {LAYERS[name]: wavelengths for name, wavelengths in affected.items()}
        )
        waiting = len(shown.recipe.pixel_replace.flagged)
        if waiting:
            lines.append(f"flagged by hand in the recipe: {waiting}")
        why_not = self._problem or stages.observation.why_not("pixel_replace")
        self.flags.show_counts(lines, flagged=waiting, why_not=why_not)
        if self._proposed:
            self._offer()

    # -- what the user does ------------------------------------------------------------------------

    def _replace(self, **chosen: Any) -> None:
        self._change(lambda old: dataclasses.replace(old, **chosen))

    def _model_trace(self, **chosen: Any) -> None:
        old = self._controller.shown.recipe.adaptive_trace_model
        self._controller.change(adaptive_trace_model=dataclasses.replace(old, **chosen))

    def _change(self, change: Callable[[PixelReplace], PixelReplace]) -> None:
        old = self._controller.shown.recipe.pixel_replace
        self._controller.change(pixel_replace=change(old))

    def _clicked(self, wavelength: float, position: float) -> None:
        image, pixels = self._controller.shown.image, self._controller.shown.pixels
        if not self.flags.by_click.value or image is None:
            return
        if pixels is None:
            why = self._problem or "the detector pixels are still being read; click again."
            self._controller.screen.messages.show(why, "warning")
            return
        row = image.row_at(wavelength)
        pixel = None if row is None else pixels.at(row, round(position))
        if pixel is not None:
            self._change(lambda old: old.toggled(pixel))

    def _flag(self, chosen: tuple[Pixel, ...]) -> None:
        def flag(old: PixelReplace) -> PixelReplace:
            return dataclasses.replace(old, flagged=(*old.flagged, *chosen))

        self._change(flag)

    def _clear(self) -> None:
        self._change(lambda old: dataclasses.replace(old, flagged=()))

    def _find(self) -> None:
        pixels, number = self._controller.shown.pixels, self._controller.shown.number
        if pixels is None:
            return
        self.flags.show_proposed((), "looking for outliers …")

        def found(future: Future[list[tuple[int, Outlier]]]) -> None:
            if number == self._controller.shown.number and self._controller.succeeded(future):
                self._proposed = [((n, o.row, o.column), o) for n, o in future.result()]
                self._offer()

        self._controller.start(pixels.outliers, found)

    def _offer(self) -> None:
        """Show what stands out and is not flagged yet."""
        flagged = self._controller.shown.recipe.pixel_replace.flagged
        left = [(pixel, o.describe()) for pixel, o in self._proposed if pixel not in flagged]
        text = counted(len(self._proposed), "outlier")
        if len(left) < len(self._proposed):
            text += f", {len(self._proposed) - len(left)} already flagged"
        self.flags.show_proposed(left, f"{text}.")

    def _compare(self, algorithm: str) -> None:
        """Run the other algorithm in the background, and pin its spectrum."""
        controller = self._controller
        stages, recipe = controller.shown.stages, controller.shown.recipe
        if stages is None:
            return
        replace = dataclasses.replace(recipe.pixel_replace, algorithm=algorithm)
        other = recipe.replace(pixel_replace=replace)
        self.replace.show_result("the other algorithm is being run …")

        def extract() -> tuple[str, Spectrum]:
            if stages.find_image(other) is None:
                stages.make(other)
            return f"pixel_replace {algorithm}", stages.spectrum(other)

        controller.start(
            extract,
            lambda future: self.replace.show_result(pin_beside_live(controller, future)),
        )
