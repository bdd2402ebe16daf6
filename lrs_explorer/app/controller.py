"""Between the screen and the model: what the user does becomes a recipe, its products are shown."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from lrs_explorer.app.exact_runs import ExactRuns
from lrs_explorer.app.kernel.background_work import BackgroundWork
from lrs_explorer.app.kernel.page_gate import PageGate
from lrs_explorer.app.showing import Curve, show_references, true_curve
from lrs_explorer.app.shown import NOTHING, Shown, look, opened
from lrs_explorer.app.undo import History
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage, Trace
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.live.references import References
from lrs_explorer.model.observation.opening import (
    Observation,
    demo,
    leads_to_package,
    open_observation,
)
from lrs_explorer.model.recipe.recipe import Aperture, Background, Nods, Recipe
from lrs_explorer.model.recipe.words import in_words
from lrs_explorer.model.runs.reprocessor import Made
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.screen import Screen

__all__ = ["LOADING", "Controller", "Panel", "Source"]

Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Observation | None

T = TypeVar("T")

WAIT_FOR_REFERENCES = 1.5
"""Seconds that the first live spectrum waits for reference files before it does without."""

LOADING = "the pipeline is being loaded"
NO_IMAGE = "no image: only what was delivered can be shown"
SPECTRUM_ALONE = "Only spectra can be shown: "
NEED_IMAGE = ("Extraction", "Slit", "Pixels", "Choices")
NEED_PRODUCTS = ("Nods", "Recipe")
"""Tabs of what cannot be done without an image, and without anything to make one from."""

WAITING = "previous image: the pipeline has not run for this recipe yet"


class Panel(Protocol):
    """A tab of the screen."""

    def changed(self, before: Shown, now: Shown) -> None:
        """Show what differs between the two; called at every step of a drag."""


class Controller:
    """Holds what is shown, and swaps it whole; all else asks it for changes.

    Attributes
    ----------
    screen : Screen
    panels : list of Panel
        Told of every change.
    page : PageGate
        Whether a page is being loaded.
    runs : ExactRuns
    history : History
    shown : Shown
        What is on the screen.
    """

    def __init__(self, screen: Screen) -> None:
        self.panels: list[Panel] = []
        self.screen = screen
        self.page = PageGate()
        self.shown = NOTHING
        self.history = History(NOTHING.recipe)
        self._work = BackgroundWork(self.page)
        overlay = screen.spectrum.flux.overlay
        overlay.on_asked(self.page.asked)
        overlay.observe(lambda _change: self._work.page_drawn(), "drawn")
        self.runs = ExactRuns(screen.run, self.page)
        self._placed: dict[Any, tuple[Aperture | None, Background | None]] = {}
        self._loaded = False  # the pipeline, so that a spectrum can be had at once

    # -- opening -------------------------------------------------------------------------------

    def open(self, source: Source) -> None:
        """Open an observation; if that fails, what was open stays.

        Raises
        ------
        LRSExplorerError
            ``source`` cannot be opened, or holds nothing that can be shown.
        """
        if source is None:
            source = demo("slit")
        if isinstance(source, Observation):
            observation = source
        else:
            choices = self.screen.open
            observation = open_observation(
                source,
                crds=choices.crds.value.strip() or None,
                join=choices.join.value,
                data=(choices.data.value.strip() or None) if leads_to_package(source) else None,
            )
        stages = stages_of(observation)
        recipe = Recipe.from_observation(observation)
        image, problem = stages.image_or_reason(recipe.nods)
        now = opened(stages, recipe, image)
        self.runs.forget()
        self.history = History(recipe)
        self._placed, self._loaded = {}, False
        self._show_observation(observation)
        self._swap(now)
        if image is None:
            if observation.recipe is None:  # else the notes of its package have said so
                self._say_left_out(problem)
        else:
            self._prepare(stages, image, recipe)
            if observation.recipe is not None:  # a step to undo: what was delivered is one back
                self.attempt(observation.recipe)
        self.screen.messages.make_room()

    def _say_left_out(self, problem: str) -> None:
        """Say why there is no image, and what that means."""
        alone = SPECTRUM_ALONE if self.shown.delivered is not None else ""
        self.screen.messages.show(f"{alone}{problem}", "warning")

    def _show_observation(self, observation: Observation) -> None:
        screen = self.screen
        screen.messages.clear()
        for note in observation.notes:
            screen.messages.show(note, "warning")
        screen.pins.clear()
        screen.spectrum.show_pins(())
        screen.show_mode(observation.mode)
        screen.show_title(observation.name, observation.target, observation.simulated)
        screen.show_truth(None)

        def show_truth(future: Future[Curve | None]) -> None:
            current = self.shown.stages
            if current and current.observation is observation and self.succeeded(future):
                screen.show_truth(future.result())

        self._work.start(lambda: true_curve(observation), show_truth)

    def _prepare(self, stages: Stages, image: SpectralImage, recipe: Recipe) -> None:
        """Do in the background what the first live spectrum needs."""
        references = self._find_references(stages)

        def extractor() -> Extractor:
            wait([references], timeout=WAIT_FOR_REFERENCES)
            prepared = stages.extractor(recipe.nods)
            with suppress(LRSExplorerError):  # it is said where the spectrum is to be shown
                stages.spectrum(recipe)
            return prepared

        self.start(
            lambda: stages.trace(recipe.nods), lambda future: self._trace_measured(image, future)
        )
        self.start(extractor, self._extractor_ready)

    def _find_references(self, stages: Stages, *, again: bool = False) -> Future[References]:
        def search() -> References:
            return self.runs.fetch(
                lambda progress, stop: stages.find_references(progress, stop, again=again)
            )

        return self.start(search, self._references_found)

    def _references_found(self, future: Future[References]) -> None:
        if self.succeeded(future):
            self.refresh()

    def _trace_measured(self, image: SpectralImage, future: Future[Trace | None]) -> None:
        if self.succeeded(future):
            self.learn(image, trace=future.result())

    def _extractor_ready(self, future: Future[Extractor]) -> None:
        self._loaded = self.succeeded(future)
        if self._loaded:
            self.refresh()
        else:
            self._swap(replace(self.shown, problem=str(future.exception())))

    # -- work in the background ----------------------------------------------------------------

    def start(self, work: Callable[[], T], then: Callable[[Future[T]], None]) -> Future[T]:
        """Call ``work()`` in a thread, then ``then(future)``, if the same observation is open."""
        stages = self.shown.stages

        def told(future: Future[T]) -> None:
            if self.shown.stages is not stages:
                return
            try:
                then(future)
            except Exception as error:  # noqa: BLE001 (the kernel's loop would log it, unseen)
                self._unexpected(error)

        return self._work.start(work, told)

    def succeeded(self, future: Future[Any]) -> bool:
        """Tell whether background work went well; if not, say what went wrong."""
        error = future.exception()
        if error is None:
            return True
        if isinstance(error, LRSExplorerError):
            self.screen.messages.show(str(error), "error")
        else:
            self._unexpected(error)
        return False

    def _unexpected(self, error: BaseException) -> None:
        self.screen.messages.show(
            f"something unexpected happened ({type(error).__name__}); what was shown stays.",
            "error",
            "".join(traceback.format_exception(error)),
        )

    def close(self) -> None:
        """Stop all that is under way, and tell nobody what comes of it."""
        self.runs.forget()
        self.runs.stop()
        self._work.stop()
        self.panels = []
        self.shown = NOTHING

    def finish(self) -> None:
        """Wait for all that is under way in the background."""
        self._work.finish()
        self.runs.finish()

    # -- recipes -------------------------------------------------------------------------------

    def change(self, *, dragging: bool = False, **parts: Any) -> None:
        """Change these parts of the current recipe; say what is wrong with them, if anything is.

        An aperture that is placed by hand pins the background: regions of the reference file
        follow the source's position, and stay from now on where the user saw them.

        Parameters
        ----------
        dragging : bool
            More will follow at once: this is no step to undo, and the pipeline does not run yet.
        **parts
            Parts of a `Recipe`.
        """
        shown = self.shown
        if parts.get("aperture") is not None and shown.recipe.background is None:
            parts.setdefault("background", shown.background if shown.background.regions else None)
        self.attempt(shown.recipe.replace(**parts), dragging=dragging)

    def rest(self) -> None:
        """Take what was dragged as it is now: a step to undo, for which the pipeline runs."""
        self.change()

    def attempt(self, recipe: Recipe, *, dragging: bool = False, same_step: bool = False) -> None:
        """Apply ``recipe``, and say in the message bar what is wrong with it, if anything is."""
        try:
            self.apply(recipe, dragging=dragging, same_step=same_step)
        except LRSExplorerError as error:
            self.screen.messages.show(str(error), "error")
            self._swap(self.shown, refused=recipe)
        else:
            if not dragging:
                self.screen.messages.clear("error")

    def apply(self, recipe: Recipe, *, dragging: bool = False, same_step: bool = False) -> None:
        """Make ``recipe`` the current one; if it cannot be extracted, the current one stays.

        Parameters
        ----------
        recipe : Recipe
        dragging : bool
            See `change`.
        same_step : bool
            To undo, it is one step with the one before.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or does not fit the image.
        """
        now = self._look(recipe)
        assert now.stages is not None
        number = now.stages.observation.number(recipe.nods)
        self._placed[number] = recipe.aperture, recipe.background
        if not dragging:
            self.history.commit(recipe, same_step=same_step)
            self._run_if_needed(now)
        self._swap(now, dragging=dragging)

    def _look(self, recipe: Recipe) -> Shown:
        return look(
            self.shown,
            recipe,
            extract=self._loaded,
            preview=not self.runs.has_stopped(recipe),
        )

    def _run_if_needed(self, now: Shown) -> None:
        """Start the pipeline for an image that is missing, unless it is at it or has failed."""
        recipe, stages = now.recipe, now.stages
        known = self.runs.awaits(recipe) or self.runs.has_stopped(recipe)
        if now.waits and not known and stages is not None:
            self.runs.start(
                lambda report, cancelled: stages.make(recipe, report, cancelled),
                self._run_ended,
                recipe,
            )

    def run_again(self) -> None:
        """Run the pipeline, or look for reference files, after that failed or was cancelled."""
        if self.runs.lacks_references and self.shown.stages is not None:
            self.runs.look_again()
            self._find_references(self.shown.stages, again=True)
            return
        self.runs.allow_again()
        self.rest()

    def _run_ended(self, future: Future[Made]) -> None:
        """Show what the pipeline has made, or say why it has not."""
        problem = ""
        if not isinstance(future.exception(), CancelledError):
            if self.succeeded(future):
                self.refresh()
                return
            problem = str(future.exception())
        self._swap(replace(self.shown, preview=None, remark="", problem=problem))

    def refresh(self) -> None:
        """Look at the current recipe anew: what it is made with has changed."""
        try:
            self._swap(self._look(self.shown.recipe))
        except LRSExplorerError as error:
            self.screen.messages.show(str(error), "error")
            self._swap(replace(self.shown, problem=str(error)))

    def learn(self, image: SpectralImage | None, **known: Any) -> None:
        """Take note of what has become known of an image, if it is still the one that is shown.

        Parameters
        ----------
        image : SpectralImage or None
        **known
            Fields of `Shown`: ``trace``, ``pixels``, ``positions``, ``sweep``, or the ``columns``
            that are being dragged.
        """
        if image is self.shown.image:
            self._swap(replace(self.shown, **known))

    def choose_image(self, nods: Nods) -> None:
        """Show another image, where the aperture was on it, else by the pipeline's placement."""
        before, stages = self.shown, self.shown.stages
        nods = replace(before.recipe.nods, exposure=nods.exposure)
        aperture, background = self._placed.get(nods.exposure, (None, None))
        recipe = before.recipe.replace(nods=nods, aperture=aperture, background=background)
        if stages is not None and stages.observation.shows_spectrum_alone(nods):
            self._swap(opened(stages, recipe, None))
            if before.image is not None:
                self._say_left_out(stages.image_or_reason(nods)[1])
            return
        self.attempt(recipe)
        image = self.shown.image
        if stages is not None and before.image is None and image is not None and not self._loaded:
            self._prepare(stages, image, recipe)

    def background_name(self, given: str) -> str:
        """Return how a recipe names a background that the user has given by its path."""
        stages = self.shown.stages
        return given if stages is None else stages.observation.background_name(given)

    # -- showing -------------------------------------------------------------------------------

    def _swap(self, now: Shown, *, dragging: bool = True, refused: Recipe | None = None) -> None:
        """Show ``now``; controls may show the recipe that was ``refused`` instead of what is."""
        before, self.shown = self.shown, now
        if refused is not None:
            before = replace(before, recipe=refused)
        stages = now.stages
        if stages is None:
            return
        other = stages is not before.stages
        if other or now.image is not before.image or now.delivered is not before.delivered:
            self._show_image(now, stages)
        elif now.trace is not before.trace:
            self.screen.profile.show_trace(now.trace)
        if other or now.recipe.nods != before.recipe.nods:
            self._show_choices(now.recipe.nods, stages.observation)
        if other or now.references is not before.references or now.drawn.nods != before.drawn.nods:
            show_references(self.screen, stages, now.drawn.nods)
        self._show_curve(before, now, dragging)
        if now.image is not None and not now.waits:
            self.runs.show_image(now.recipe, now.made_by)
        for panel in self.panels:
            panel.changed(before, now)
        self.screen.toolbar.show_history(
            in_words(now.recipe, self.history.earlier), in_words(now.recipe, self.history.later)
        )

    def _show_image(self, now: Shown, stages: Stages) -> None:
        """Show what depends on the image only."""
        screen, image, delivered = self.screen, now.image, now.delivered
        screen.spectrum.show_delivered(delivered, alone=image is None)
        screen.show_spectrum_display(screen.spectrum.display)
        screen.show_image(image)
        left_out: tuple[str, ...] = ()
        if image is None:
            redoable = any(stages.observation.can_reprocess.values())
            left_out = NEED_IMAGE if redoable else (*NEED_IMAGE, *NEED_PRODUCTS)
        screen.leave_out(left_out)
        screen.profile.show_profile(None if image is None else stages.profile(now.drawn))
        screen.profile.show_trace(now.trace)

    def _show_choices(self, nods: Nods, observation: Observation) -> None:
        """Offer the images of the observation and show which one is in use."""
        choices, number = observation.choices(), observation.number(nods)
        shown = (nods for _, nods in choices if observation.number(nods) == number)
        self.screen.show_images(choices, next(shown, None))

    def _show_curve(self, before: Shown, now: Shown, dragging: bool) -> None:
        """Draw the live curve, and say what it is; nothing else does."""
        view = self.screen.spectrum
        if dragging and _curve_of(before) == _curve_of(now):
            return
        if now.spectrum is None:
            view.show_live(None, reason=now.problem or (LOADING if now.image else NO_IMAGE))
        elif now.problem:
            view.show_live(now.spectrum, "failed", now.problem, dragging=dragging)
        elif now.preview is not None:
            view.show_live(now.preview, "approximate", now.remark, dragging=dragging)
        elif now.waits:
            view.show_live(now.spectrum, "stale", WAITING, dragging=dragging)
        else:
            view.show_live(now.spectrum, dragging=dragging)


def _curve_of(shown: Shown) -> tuple[Any, ...]:
    """Return all that decides how the live curve is drawn; equal where nothing differs."""
    spectra = id(shown.spectrum), id(shown.preview)
    return shown.stages, shown.image is None, spectra, shown.problem, shown.remark, shown.waits
