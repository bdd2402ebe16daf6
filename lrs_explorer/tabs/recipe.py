"""The tab "Recipe": the whole recipe in words and files, and the products it makes."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from threading import Event

from lrs_explorer.controller import Controller
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.files.session import recall, remember
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.reprocess import Run, reprocess
from lrs_explorer.model.runs.reprocessor import Report
from lrs_explorer.model.stages import Stages
from lrs_explorer.settling import Settling
from lrs_explorer.widgets.recipe_panel import ProductControls, RecipeControls
from lrs_explorer.words import in_words

__all__ = ["RecipeTab"]

SETTLED = 0.4
"""Seconds without a change after which the recipe is written down."""


class RecipeTab:
    """Keeps the recipe for the next session, applies others, and has the pipeline run.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._stages: Stages | None = None
        self._last: Recipe | None = None
        self._kept: Recipe | None = None
        self._settling = Settling(SETTLED, controller.page)
        self.products = ProductControls(self._run)
        self.recipe = RecipeControls(self._load, self._restore)
        controller.screen.add_tab(
            "Recipe", ("Products", self.products.widget), ("Recipe", self.recipe.widget)
        )

    def changed(self) -> None:
        """Show the recipe, and keep it once it rests."""
        stages = self._controller.stages
        if stages is None:
            return
        recipe = self._controller.state.recipe
        if stages is not self._stages:
            self._stages, self._kept = stages, recipe
            last = recall(stages.observation)
            self._last = last if last is not None and last != recipe else None
            self.recipe.offer_last(in_words(recipe, self._last))
            self.products.folder.value = f"{stages.observation.name}_explorer"
            self.products.show_result("")
        self._settling.call(lambda: self._rest(stages))

    def _rest(self, stages: Stages) -> None:
        recipe = self._controller.state.recipe
        self.recipe.show(json.dumps(recipe.to_dict(), indent=1))
        if stages is self._controller.stages and recipe != self._kept:
            self._kept = recipe
            try:
                remember(stages.observation, recipe)
            except LRSExplorerError as error:
                self._controller.screen.messages.show(str(error), "warning")

    def _restore(self) -> None:
        if self._last is not None:
            self._controller.attempt(self._last)

    def _load(self, path: str) -> None:
        try:
            recipe = Recipe.from_json(Path(path).expanduser())
        except LRSExplorerError as error:
            self._controller.screen.messages.show(str(error), "error")
        else:
            self._controller.attempt(recipe)

    def _run(self, folder: str, overwrite: bool) -> None:
        """Run the pipeline and keep its products; the page goes on meanwhile."""
        controller, stages = self._controller, self._controller.stages
        if stages is None or not folder:
            return
        recipe, references = controller.state.recipe, stages.references
        self.products.show_result("the pipeline is running …")

        def run(report: Report, cancelled: Event) -> Run:
            return reprocess(
                stages.observation,
                recipe,
                Path(folder).expanduser(),
                report,
                overwrite=overwrite,
                cancelled=cancelled,
                references=references,
            )

        controller.runs.start(run, self._ran)

    def _ran(self, future: Future[Run]) -> None:
        error = future.exception()
        if isinstance(error, LRSExplorerError):
            self.products.show_result(str(error))
            self._controller.screen.messages.show(str(error), "error")
            return
        if self._controller.succeeded(future):
            products = future.result().products
            names = ", ".join(path.name for path in products)
            self.products.show_result(f"written to {products[0].parent}: {names}")
