"""The tab "Nods": what is subtracted from the image, and how jumps in it are found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Event

from lrs_explorer.app.comparing import pin_all_beside_live, pin_beside_live
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.observation.backgrounds import BackgroundCandidate
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.recipe.recipe import Aperture, Nods, Recipe
from lrs_explorer.model.runs.reprocessor import Report
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.stages.jumps import jump_changes
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.background_choice import Subtracted
from lrs_explorer.widgets.exposures_panel import JumpControls, NodControls

__all__ = ["ExposuresTab"]


class ExposuresTab:
    """Turns backgrounds and jump threshold into recipes, and tells what they change.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._listed: int | str | None = None  # the image whose backgrounds are
        self.nods = NodControls(
            self._subtract, controller.background_name, self._compare, self._compare_backgrounds
        )
        self.jump = JumpControls(
            lambda jump: controller.change(jump=jump), lambda: controller.screen.show_dq(True)
        )
        controller.screen.add_tab(
            "Nods",
            ("Background", self.nods.widget),
            ("Jump detection", self.jump.widget),
            shown=False,
        )

    def _subtract(self, subtracted: Subtracted) -> None:
        self._controller.change(nods=_subtracting(self._controller.shown.recipe.nods, subtracted))

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe's choices, and what the shown image owes to them."""
        stages, recipe = now.stages, now.recipe
        if stages is None:
            return
        observation, other = stages.observation, stages is not before.stages
        if other:
            shown = observation.is_slit_image or (observation.mode == "slit" and bool(now.image))
            self._controller.screen.show_tab("Nods", shown)
            self._controller.screen.show_section(
                "Nods", "Jump detection", not observation.is_series
            )
        if other or recipe.nods != before.recipe.nods:
            number = observation.number(recipe.nods)
            alone = "only one exposure is here." if observation.exposures < 2 else ""
            if other or number != self._listed:
                self._list_backgrounds(observation, number, other)
            named = recipe.nods.backgrounds is not None
            self.nods.show(
                recipe.nods.backgrounds if named else recipe.nods.subtract,
                _ways(observation, recipe.nods),
                why_not=observation.why_not("backgrounds"),
                alone=None if observation.is_series else alone,
            )
        if other or recipe.jump != before.recipe.jump:
            self.jump.show(recipe.jump, why_not=observation.why_not("jump"))
        if other or now.image is not before.image or now.drawn.jump != before.drawn.jump:
            self._tell_jumps(stages, now.drawn)

    def _list_backgrounds(self, observation: Observation, number: int | str, other: bool) -> None:
        """List, in the background, what can be subtracted from the image that is shown."""
        self._listed = number
        if other:
            self.nods.background.clear()
        if observation.mode != "slit":
            return

        def show(future: Future[list[BackgroundCandidate]]) -> None:
            same = observation.number(self._controller.shown.recipe.nods) == number
            if same and self._controller.succeeded(future):
                self.nods.background.offer([(one.name, one.words) for one in future.result()])

        self._controller.start(lambda: observation.background_candidates(number), show)

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

    def _compare_backgrounds(self) -> None:
        """Run the pipeline with each background, and pin the spectra beside the live one."""
        shown, checked = self._controller.shown, self.nods.background.checked
        stages, recipe = shown.stages, shown.recipe
        if stages is None:
            return
        ways: dict[str, Subtracted] = {"nothing subtracted": False}
        if _has_nods(stages.observation, recipe.nods):
            ways = {"the other nods subtracted": "nods", **ways}
        if checked:
            ways = {f"subtracted: {', '.join(checked)}": checked, **ways}
        recipes = {
            name: recipe.replace(nods=_subtracting(recipe.nods, way)) for name, way in ways.items()
        }
        recipes = {name: one for name, one in recipes.items() if one != recipe}
        self.nods.show_result("the other backgrounds are being subtracted …")

        def run(report: Report, cancelled: Event) -> _Compared:
            made = stages.make_all([recipe, *recipes.values()], report, cancelled)
            spectra = {name: stages.spectrum(one) for name, one in recipes.items()}
            return _Compared(made.log, spectra)

        self._controller.runs.start(run, self._backgrounds_compared, recipe, wanted="comparison")

    def _backgrounds_compared(self, future: Future[_Compared]) -> None:
        controller, lines = self._controller, []
        controller.refresh()  # it has made the image that is waited for, too
        if isinstance(future.exception(), CancelledError):
            lines = ["the comparison was cancelled"]
        elif controller.succeeded(future):
            lines = pin_all_beside_live(controller, future.result().spectra)
            if not self.nods.background.checked:
                lines.append("no dedicated exposure is checked: none was compared")
        self.nods.show_result(*lines)


@dataclass(frozen=True)
class _Compared:
    """What a comparison gave: the spectra by name, and what the pipeline said."""

    log: str
    spectra: Mapping[str, Spectrum]


def _subtracting(nods: Nods, subtracted: Subtracted) -> Nods:
    """Return ``nods`` with something else subtracted, or nothing."""
    if subtracted is None or isinstance(subtracted, bool):
        return Nods(nods.exposure, subtracted)
    return Nods(nods.exposure, True, subtracted)


def _ways(observation: Observation, nods: Nods) -> list[tuple[str, Subtracted]]:
    """Return what can be subtracted beside dedicated exposures, as it is called on the screen."""
    ways: list[tuple[str, Subtracted]] = [(observation.subtraction(observation.number(nods)), None)]
    if nods.subtract is True and nods.backgrounds is None:
        nods_too = "" if observation.is_series else ", else the other nods"
        ways.append((f"as associated{nods_too}", True))
    if _has_nods(observation, nods) or nods.backgrounds == "nods":
        ways.append(("the other nods", "nods"))
    return [*ways, ("nothing", False)]


def _has_nods(observation: Observation, nods: Nods) -> bool:
    """Tell whether there are exposures at other positions than that of the image that is shown."""
    if observation.is_series:
        return False
    number = observation.number(nods)
    return bool(observation.other_nods(number if isinstance(number, int) else 1))
