"""The tab "Nods": which exposures go into the image, and how their jumps are found."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future

from lrs_explorer.app.comparing import pin_beside_live
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.recipe.recipe import Aperture, Recipe
from lrs_explorer.model.stages.jumps import jump_changes
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.exposures_panel import JumpControls, NodControls

__all__ = ["ExposuresTab"]


class ExposuresTab:
    """Turns nod subtraction and jump threshold into recipes, and tells what they change.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.nods = NodControls(self._subtract, self._compare)
        self.jump = JumpControls(
            lambda jump: controller.change(jump=jump), lambda: controller.screen.show_dq(True)
        )
        controller.screen.add_tab(
            "Nods", ("Nods", self.nods.widget), ("Jump detection", self.jump.widget), shown=False
        )

    def _subtract(self, subtract: bool | None) -> None:
        nods = dataclasses.replace(self._controller.shown.recipe.nods, subtract=subtract)
        self._controller.change(nods=nods)

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe's choices, and what the shown image owes to them."""
        stages, recipe = now.stages, now.recipe
        if stages is None:
            return
        observation, other = stages.observation, stages is not before.stages
        if other:
            self._controller.screen.show_tab("Nods", observation.is_slit_image)
        if other or recipe.nods != before.recipe.nods:
            number = observation.number(recipe.nods)
            alone = "" if observation.exposures > 1 else "only one exposure is here."
            self.nods.show(
                recipe.nods.subtract,
                default=observation.subtraction(number),
                why_not=observation.why_not("nods"),
                alone=alone,
            )
        if other or recipe.jump != before.recipe.jump:
            self.jump.show(recipe.jump, why_not=observation.why_not("jump"))
        if other or now.image is not before.image or now.drawn.jump != before.drawn.jump:
            self._tell_jumps(stages, now.drawn)

    def _tell_jumps(self, stages: Stages, recipe: Recipe) -> None:
        """Say, in the background, which pixels have other flags than in the delivered rates."""
        if recipe.jump.rejection_threshold is None:
            self.jump.show_result("")
            return

        def compare_flags() -> str:
            changes = jump_changes(stages, recipe)
            return "; ".join(f"exposure {n}: {c.sentence}" for n, c in changes.items())

        def show(future: Future[str]) -> None:
            same = self._controller.shown.drawn.jump == recipe.jump
            if same and self._controller.succeeded(future):
                self.jump.show_result(future.result())

        self._controller.start(compare_flags, show)

    def _compare(self) -> None:
        """Extract the other nod on its own trace, in the background, and pin it."""
        controller = self._controller
        shown = controller.shown
        stages, recipe, aperture = shown.stages, shown.recipe, shown.aperture
        if stages is None or aperture is None:
            return
        number = stages.observation.number(recipe.nods)
        others = [n for n in range(1, stages.observation.exposures + 1) if n != number]
        width = aperture.width
        self.nods.show_result("the other nod is being extracted …")

        def extract() -> tuple[str, Spectrum]:
            nods = dataclasses.replace(recipe.nods, exposure=others[0])
            other = recipe.replace(nods=nods, aperture=None, background=None)
            if stages.find_image(other) is None:
                stages.make(other)
            trace = stages.trace(other)
            if trace is None:
                raise LRSExplorerError(
                    f"no trace found in exposure {others[0]}: there is nothing to compare with."
                )
            other = other.replace(aperture=Aperture(trace.center, width))
            return f"exposure {others[0]}, on its trace", stages.spectrum(other)

        controller.start(extract, self._compared)

    def _compared(self, future: Future[tuple[str, Spectrum]]) -> None:
        self.nods.show_result(pin_beside_live(self._controller, future))
