"""The tab "Recipe": the whole recipe in words and files, and the products that it makes."""

from __future__ import annotations

import json
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path
from threading import Event

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.session import Kept, Session
from lrs_explorer.app.shown import Shown
from lrs_explorer.diagnosis.settle import Settled, settle
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.recipe.rules import Rules
from lrs_explorer.model.recipe.words import in_words
from lrs_explorer.model.reprocess import Run, reprocess
from lrs_explorer.model.runs.reprocessor import Report
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.recipe_panel import ProductControls, RecipeControls

__all__ = ["RecipeTab"]

DEBOUNCE = 0.4
"""Seconds without a change after which the recipe is written down."""

NOT_KEPT = "no other recipe of this observation is kept from an earlier session."


class RecipeTab:
    """Keeps the recipe for the next session, applies others, and has the pipeline run.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._session: Session | None = None
        self._kept: Recipe | None = None
        self._offered = False
        self._debounce = Debounce(DEBOUNCE, controller.page)
        self.products = ProductControls(self._run)
        self.recipe = RecipeControls(self._load, self._restore, controller.attempt)
        controller.screen.add_tab(
            "Recipe",
            ("Products", self.products.widget),
            ("Recipe", self.recipe.widget),
        )

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe, and keep it once it rests."""
        stages = now.stages
        if stages is None:
            return
        if stages is not before.stages:
            self._session, self._kept = Session(stages.observation), now.recipe
            self.recipe.offer(())
            self.recipe.tell("")
            self._offered = False
            self._controller.screen.status.withdraw()
            self.products.folder.value = f"{stages.observation.name}_explorer"
            self.products.show_result("")
        elif now.recipe == before.recipe:
            return
        else:
            self._controller.screen.status.withdraw()  # the user has begun anew
        self._debounce.call(self._rest)

    def _rest(self) -> None:
        recipe = self._controller.shown.recipe
        if not self._offered:
            self._offered = True
            if recipe == self._kept:
                self._offer_last(recipe)
        stages = self._controller.shown.stages
        unknown = [] if stages is None else stages.observation.not_known(recipe)
        self.recipe.show(json.dumps(recipe.to_dict(), indent=1), unknown)
        if self._session is not None and recipe != self._kept:
            self._kept = recipe
            try:
                self._session.keep(recipe)
            except LRSExplorerError as error:
                self._controller.screen.messages.show(str(error), "warning")

    def _earlier(self, now: Recipe) -> list[Kept]:
        """Return other recipes that earlier sessions have left, the last first."""
        if self._session is None:
            return []
        by_recipe = {one.recipe: one for one in reversed(self._session.earlier())}
        by_recipe.pop(now, None)
        return sorted(by_recipe.values(), key=lambda one: one.when, reverse=True)

    def _offer_last(self, now: Recipe) -> None:
        """Offer, on the line under the title, to go on where the last session was left."""
        earlier = self._earlier(now)
        if not earlier:
            return
        when, words = earlier[0].when, in_words(now, earlier[0].recipe)
        today = when.date() == datetime.now().date()
        at = f"{when:%H:%M}" if today else f"{when:%d %b %Y, %H:%M}"
        self._controller.screen.status.offer(
            f"Continue where you left off, {at}?", words, self._restore
        )

    def _restore(self) -> None:
        """Take up the last recipe that another session has kept, and offer the others."""
        now = self._controller.shown.recipe
        earlier = self._earlier(now)
        if not earlier:
            self.recipe.tell(NOT_KEPT)
            return
        self.recipe.offer(
            [
                (f"{one.when:%d %b %H:%M}: {in_words(now, one.recipe)}", one.recipe)
                for one in earlier
            ]
        )
        last = earlier[0]
        self.recipe.tell(f"restored, of {last.when:%d %b %Y, %H:%M}: {in_words(now, last.recipe)}")
        self._controller.attempt(last.recipe)

    def _load(self, path: str) -> None:
        try:
            rules = Rules.from_json(Path(path).expanduser())
        except LRSExplorerError as error:
            self._controller.screen.messages.show(str(error), "error")
        else:
            if rules:
                self._settle(rules)
            else:
                self._controller.attempt(rules.recipe)

    def _settle(self, rules: Rules) -> None:
        """Decide in the background what rules leave open, then take the recipe they lead to."""
        controller, shown = self._controller, self._controller.shown
        stages = shown.stages
        if stages is None:
            return
        self.recipe.tell(f"rules are followed: {rules.describe()} …")

        def settled(future: Future[Settled]) -> None:
            if controller.shown.stages is not stages:
                return
            error = future.exception()
            if isinstance(error, LRSExplorerError):
                self.recipe.tell(str(error))
                if not isinstance(error, CancelledError):
                    controller.screen.messages.show(str(error), "error")
            elif controller.succeeded(future):
                self.recipe.tell("; ".join(future.result().lines))
                controller.attempt(future.result().recipe)
            controller.refresh()

        controller.runs.start(
            lambda report, cancelled: settle(
                stages.observation, rules, stages=stages, report=report, cancelled=cancelled
            ),
            settled,
            shown.recipe,
            wanted="rules",
        )

    def _run(self, folder: str, overwrite: bool) -> None:
        """Run the pipeline and keep its products; the page goes on meanwhile."""
        controller, shown = self._controller, self._controller.shown
        if shown.stages is None or not folder:
            return
        self.products.show_result("the pipeline is running …")
        controller.runs.start(
            lambda report, cancelled: _reprocessed(
                shown.stages, shown.recipe, folder, overwrite, report, cancelled
            ),
            self._ran,
            shown.recipe,
            wanted="products",
        )

    def _ran(self, future: Future[Run]) -> None:
        error = future.exception()
        if isinstance(error, LRSExplorerError):
            self.products.show_result(str(error))
            if not isinstance(error, CancelledError):
                self._controller.screen.messages.show(str(error), "error")
        elif self._controller.succeeded(future):
            products = future.result().products
            names = ", ".join(path.name for path in products)
            self.products.show_result(f"written to {products[0].parent}: {names}")
        self._controller.refresh()  # it may have made the image that is waited for


def _reprocessed(
    stages: Stages | None,
    recipe: Recipe,
    folder: str,
    overwrite: bool,
    report: Report,
    cancelled: Event,
) -> Run:
    assert stages is not None
    return reprocess(
        stages.observation,
        recipe,
        Path(folder).expanduser(),
        report,
        overwrite=overwrite,
        cancelled=cancelled,
        references=stages.references,
    )
