"""Between the screen and the model: what the user does becomes a recipe, its products are shown."""

from __future__ import annotations

import dataclasses
import os
import traceback
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from typing import Any, Protocol

from lrs_explorer.background_work import BackgroundWork
from lrs_explorer.exact_runs import ExactRuns
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.extract import stages_of
from lrs_explorer.model.extraction import Extractor
from lrs_explorer.model.observation import Observation, demo, open_observation
from lrs_explorer.model.products import SpectralImage, Spectrum, Trace
from lrs_explorer.model.recipe import Aperture, Background, Nods, Recipe
from lrs_explorer.model.recipe_scope import with_image_of
from lrs_explorer.model.references import References
from lrs_explorer.model.runs.reprocessor import Made
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.stages import Stages
from lrs_explorer.model.state import History, State
from lrs_explorer.page_gate import PageGate
from lrs_explorer.showing import (
    Curve,
    band_curve,
    delivered_aperture,
    show_references,
    true_curve,
)
from lrs_explorer.widgets.banded_plot import Region
from lrs_explorer.widgets.screen import Screen
from lrs_explorer.words import in_words

__all__ = ["Controller", "Source"]

Source = str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | Observation | None

PATIENCE = 1.5
"""Seconds that the first live spectrum waits for reference files before it does without."""

LOADING = "the pipeline is being loaded"
NO_IMAGE = "there is no image to extract from"
WAITING = "of the image before: the pipeline has not yet run as the recipe says"

PLACED_BY = {
    "user": "placed by you",
    "header": "placed by the source position in the header",
    "reference": "placed by the extract1d reference file",
}


class Panel(Protocol):
    """A tab of the screen with a model of its own."""

    def changed(self) -> None:
        """Take note that another image or recipe is shown; called at every step of a drag."""


class Controller:
    """Holds state and screen together.

    Attributes
    ----------
    state : State
    screen : Screen
    stages : Stages or None
        Products of the open observation.
    describe_pixel : callable(row, column) or None
        Says which detector pixel lies at a pixel of the image, once that is known.
    panels : list of Panel
        Told of every change.
    image : SpectralImage or None
        What is shown.
    page : PageGate
        Whether a page is being loaded.
    shown : Recipe
        What it was made with: the state's recipe, once the pipeline has run as that says.
    trace : Trace or None
        The measured trace on the image that is shown.
    aperture, background : Aperture or None, Background
        What the bands show: where they are, whoever placed them.
    columns : tuple of (float, float)
        Where the bands of a 2-D background are; none unless it is subtracted.
    columns_moved : callable(columns, released) or None
        Told when the user moves those.
    """

    def __init__(self, screen: Screen) -> None:
        self.panels: list[Panel] = []
        self.describe_pixel: Callable[[int, int], str] | None = None
        self.state = State()
        self.screen = screen
        self.page = PageGate()
        self.work = BackgroundWork(self.page)
        overlay = screen.spectrum.flux.overlay
        overlay.on_asked(self.page.asked)
        overlay.observe(lambda _change: self.work.page_drawn(), "drawn")
        self.runs = ExactRuns(screen.run, self.page)
        self.stages: Stages | None = None
        self.history = History(self.state.recipe)
        self._placed: dict[Any, tuple[Aperture | None, Background | None]] = {}
        self.image: SpectralImage | None = None
        self.shown = self.state.recipe
        self.trace: Trace | None = None
        self._loaded = False
        self.aperture: Aperture | None = None
        self.background = Background()
        self.columns: tuple[Region, ...] = ()
        self.columns_moved: Callable[[tuple[Region, ...], bool], None] | None = None

    @property
    def drawn(self) -> Recipe:
        """The recipe on the images that are shown: its own, once the pipeline has run."""
        return with_image_of(self.shown, self.state.recipe)

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
            observation = open_observation(source, crds=self.screen.open.crds.value.strip() or None)
        stages = stages_of(observation)
        recipe = Recipe.from_observation(observation)
        image, problem = stages.image_or_reason(recipe.nods)
        self.runs.forget()
        self.stages, self.image, self.trace, self._loaded = stages, image, None, False
        self.shown = recipe
        self.history = History(recipe)
        self._placed = {}
        with self.state.hold_trait_notifications():
            self.state.recipe, self.state.placement, self.state.spectrum = recipe, None, None
        self._show_observation(observation)
        self._show_image()
        self._show_recipe()
        if image is None:
            self.screen.messages.show(problem, "warning")
        else:
            self._prepare(stages, recipe.nods)

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
            if self._open_stages().observation is observation and self.succeeded(future):
                screen.show_truth(future.result())

        self.work.start(lambda: true_curve(observation), show_truth)

    def _show_image(self) -> None:
        """Show what depends on the chosen image only."""
        stages, nods = self._open_stages(), self.state.recipe.nods
        screen, image, delivered = self.screen, self.image, stages.delivered(nods)
        screen.spectrum.show_delivered(delivered)
        screen.spectrum.show_live(None, reason=NO_IMAGE if image is None else LOADING)
        self._show_choices()
        show_references(screen, stages, nods)
        screen.show_spectrum_display(screen.spectrum.display)
        path = image.path if image is not None else delivered.path if delivered else None
        screen.suggest_files(path.name.split(".")[0] if path else stages.observation.name)
        screen.show_image(image)
        screen.profile.show_profile(None if image is None else stages.profile(self.shown))
        screen.profile.show_trace(self.trace)

    def _show_choices(self) -> None:
        """Offer the images of the observation and show which one is in use."""
        observation = self._open_stages().observation
        choices, number = observation.choices(), observation.number(self.state.recipe.nods)
        shown = (nods for _, nods in choices if observation.number(nods) == number)
        self.screen.show_images(choices, next(shown, None))

    def _prepare(self, stages: Stages, nods: Nods) -> None:
        """Do in the background what the first live spectrum needs."""
        references = self.work.start(
            stages.find_references, lambda future: self._references_found(stages, future)
        )

        def extractor() -> Extractor:
            wait([references], timeout=PATIENCE)
            return stages.extractor(nods)

        self.work.start(
            lambda: stages.trace(nods), lambda future: self._trace_measured(stages, nods, future)
        )
        self.work.start(extractor, lambda future: self._extractor_ready(stages, future))

    def _references_found(self, stages: Stages, future: Future[References]) -> None:
        if stages is self.stages and self.succeeded(future):
            show_references(self.screen, stages, self.state.recipe.nods)
            if self._loaded:
                self._refresh()

    def _trace_measured(self, stages: Stages, nods: Nods, future: Future[Trace | None]) -> None:
        if stages is self.stages and nods == self.state.recipe.nods and self.succeeded(future):
            self.trace = future.result()
            self.screen.profile.show_trace(self.trace)
            self._show_recipe()

    def _extractor_ready(self, stages: Stages, future: Future[Extractor]) -> None:
        if stages is self.stages and self.succeeded(future):
            self._loaded = True
            self._refresh()

    def succeeded(self, future: Future[Any]) -> bool:
        """Tell whether background work went well; if not, say what went wrong."""
        error = future.exception()
        if error is None:
            return True
        if isinstance(error, LRSExplorerError):
            self.screen.messages.show(str(error), "error")
        else:
            self.screen.messages.show(
                f"something unexpected happened ({type(error).__name__}); what was shown stays.",
                "error",
                "".join(traceback.format_exception(error)),
            )
        self.screen.spectrum.mark_live("failed", str(error))
        return False

    # -- recipes -------------------------------------------------------------------------------

    def _open_stages(self) -> Stages:
        if self.stages is None:
            raise LRSExplorerError("no observation is open; open an LRS product or a folder first.")
        return self.stages

    def apply(self, recipe: Recipe, *, dragging: bool = False) -> None:
        """Make ``recipe`` the current one; if it cannot be extracted, the current one stays.

        Parameters
        ----------
        recipe : Recipe
        dragging : bool
            More will follow at once: this is no step to undo.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or does not fit the image.
        """
        stages = self._open_stages()
        image = stages.find_image(recipe)
        # Until the pipeline has run, apertures move on the image that is shown.
        shown = self.shown if image is None else recipe
        placement = spectrum = None
        if self._loaded:
            there = with_image_of(shown, recipe)
            placement, spectrum = stages.placement(there), stages.spectrum(there)
        with self.state.hold_trait_notifications():
            self.state.recipe = recipe
            self.state.placement = placement
            self.state.spectrum = spectrum
        self._placed[stages.observation.number(recipe.nods)] = recipe.aperture, recipe.background
        self._run_if_needed(recipe, image)
        if image is not None:
            self.shown = recipe
            if image is not self.image:
                self.image = image
                self.trace = stages.trace(recipe)
                self._show_image()
        if not dragging:
            self.history.commit(recipe)
        self._show_recipe(dragging=dragging)

    def _run_if_needed(self, recipe: Recipe, image: SpectralImage | None) -> None:
        """Start the pipeline where its image is missing; stop it where nobody waits for it."""
        if image is not None:
            self.runs.stopped = None
            if self.runs.running is not None:
                self.runs.forget()
            made_by = self._open_stages().made_by(recipe)
            if made_by:
                self.screen.run.show_done(made_by)
            else:
                self.screen.run.show_idle()
        elif not any(
            known is not None and with_image_of(known, recipe) == recipe
            for known in (self.runs.running, self.runs.stopped)
        ):
            stages = self._open_stages()
            self.runs.start(
                lambda report, cancelled: stages.make(recipe, report, cancelled),
                self._run_ended,
                recipe,
            )

    def finish(self) -> None:
        """Wait for all that is under way in the background."""
        self.work.finish()
        self.runs.finish()

    def run_again(self) -> None:
        """Run the pipeline for the current recipe, after it failed or was cancelled."""
        self.runs.stopped = None
        self.attempt(self.state.recipe, dragging=True)

    def _run_ended(self, future: Future[Made]) -> None:
        """Show what the pipeline has made, or say why it has not."""
        error = future.exception()
        if error is not None:
            self._show_recipe(dragging=True)  # what a tab had shown of it beforehand is no more
        if not isinstance(error, CancelledError) and self.succeeded(future):
            self._refresh()

    def attempt(self, recipe: Recipe, *, dragging: bool = False) -> None:
        """Apply ``recipe``, and say in the message bar what is wrong with it, if anything is."""
        try:
            self.apply(recipe, dragging=dragging)
        except LRSExplorerError as error:
            self.screen.messages.show(str(error), "error")
            if self.stages is not None:
                self._show_recipe()
                self._show_choices()
        else:
            if not dragging:
                self.screen.messages.clear("error")

    def _refresh(self) -> None:
        """Extract the current recipe anew: what it is made with has changed."""
        recipe = self.state.recipe
        try:
            self.apply(recipe, dragging=True)
        except LRSExplorerError as error:
            self.screen.messages.show(str(error), "error")
            self.screen.spectrum.mark_live("failed", str(error))

    def choose_image(self, nods: Nods) -> None:
        """Show another image, where the aperture was on it, else by the pipeline's placement."""
        current = self.state.recipe
        nods = dataclasses.replace(nods, subtract=current.nods.subtract)
        aperture, background = self._placed.get(nods.exposure, (None, None))
        self.attempt(current.replace(nods=nods, aperture=aperture, background=background))

    # -- showing -------------------------------------------------------------------------------

    def _show_recipe(self, *, dragging: bool = False) -> None:
        """Show where the recipe puts aperture and background, and its spectrum."""
        recipe, placement = self.state.recipe, self.state.placement
        spectrum: Spectrum | None = self.state.spectrum
        if spectrum is not None:
            state = () if self.shown == recipe else ("stale", WAITING)
            self.screen.spectrum.show_live(spectrum, *state, dragging=dragging)
        if placement is not None:
            self.aperture, self.background = placement.aperture, placement.background
            source = PLACED_BY[placement.placed_by]
        else:
            self.aperture, source = recipe.aperture, LOADING
            if self.aperture is None:
                delivered = self._open_stages().delivered(recipe.nods)
                self.aperture = delivered_aperture(delivered) if delivered else None
            self.background = recipe.background or Background()
        self.columns = recipe.slitless.columns if recipe.slitless.subtract else ()
        if self.aperture is None or self.image is None:
            self.screen.show_bands(None)
        else:
            self._show_bands(self.aperture, self.image, source)
        for panel in self.panels:
            panel.changed()
        self.screen.toolbar.show_history(
            in_words(recipe, self.history.earlier), in_words(recipe, self.history.later)
        )

    def _show_bands(self, aperture: Aperture, image: SpectralImage, source: str) -> None:
        recipe, placement = self.state.recipe, self.state.placement
        self.screen.image.show_curve(band_curve(placement, image) if placement else [])
        edges = aperture.lower, aperture.upper
        self.screen.show_bands(edges, self.background.regions, self.columns)
        limits = (-0.5, image.shape[1] - 0.5)
        self.screen.aperture.show(aperture, source=source, limits=limits, trace=self.trace)
        names = self._open_stages().references.names
        self.screen.background.show(
            self.background,
            source="chosen by you" if recipe.background else f"as {names['extract1d']} says",
            limits=limits,
            aperture=aperture,
            profile=self._open_stages().profile(self.shown),
        )
        self.screen.extraction.show(
            recipe.extraction,
            drawn=recipe.aperture is not None,
            no_optimal="" if "psf" in names else "PSF reference file not available.",
        )
