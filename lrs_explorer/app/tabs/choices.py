"""The tab "Choices": how much what was chosen matters, and which of it where."""

from __future__ import annotations

import math
from concurrent.futures import Future
from typing import Any

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.sweep.choices import CHOICES, in_words, read_values
from lrs_explorer.model.sweep.defaults import default_values, offered_values, why_not
from lrs_explorer.model.sweep.sweep import MOST, Sweep, swept
from lrs_explorer.widgets.choices_panel import ChoicesPanel

__all__ = ["ChoicesTab"]

DEBOUNCE = 0.5
"""Seconds without a change after which values are suggested for what is shown then."""

NOT_YET = "Nothing varied yet."
RUNNING = "Varying choices; the line above the image says how far that is."
DATED = "Out of date: recipe, image or reference files have changed. Vary again."
WAITS = "The pipeline has yet to made with this recipe; vary choices after that."
CANCELLED = "Cancelled."


class ChoicesTab:
    """Varies choices in the background, and shows the band and what causes it.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._running = self._anew = False
        self._suggested: dict[str, str] = {}
        self._said = NOT_YET
        self._debounce = Debounce(DEBOUNCE, controller.page)
        self.panel = ChoicesPanel(
            {
                name: (
                    name,
                    f"{one.title}. Recipe: {_place(name)}.",
                    one.step != "",
                )
                for name, one in CHOICES.items()
            },
            self._vary,
            self._edited,
            self._clear,
        )
        controller.screen.add_tab(
            "Choices",
            ("What is varied", self.panel.controls),
            ("Which choice matters where", self.panel.results),
        )
        controller.screen.on_tab(self._draw)

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the band where it holds; suggest values once the recipe rests."""
        stages = now.stages
        if stages is None:
            return
        if stages is not before.stages:
            self._running, self._said, self._anew = False, NOT_YET, True
            self._suggested = {}
            self.panel.suggest({}, (), anew=True)
            self.panel.offer({name: why_not(stages, name) for name in CHOICES})
        systematic = now.systematic
        if systematic is not before.systematic or stages is not before.stages:
            self._controller.screen.spectrum.show_systematic(systematic)
            self._show(now)
        if now.placement is not before.placement or now.trace is not before.trace:
            self._debounce.call(self._suggest)

    def _draw(self) -> None:
        """Draw the figure while it is seen: bqplot cannot lay out one in a hidden tab."""
        systematic = self._controller.shown.systematic
        self.panel.plot.show(systematic if self._controller.screen.is_in_front("Choices") else None)

    def _show(self, now: Shown) -> None:
        if now.systematic is not None:
            self.panel.show_result(now.systematic, RUNNING if self._running else "")
        elif self._running or now.sweep is None:
            self.panel.show_result(None, self._said)
        else:
            self.panel.show_result(None, DATED)
        self._draw()

    def _suggest(self) -> None:
        """Put values into the fields that fit the image and the aperture."""
        shown = self._controller.shown
        if shown.stages is None or shown.placement is None or shown.waits:
            return
        try:
            values = default_values(shown.stages, shown.recipe)
            more = offered_values(shown.stages, shown.recipe)
        except LRSExplorerError as error:
            self.panel.show_count(str(error), problem=True)
            return
        self._suggested = {
            name: ", ".join(in_words(name, value) for value in of) for name, of in more.items()
        }
        self.panel.suggest(self._suggested, tuple(values), anew=self._anew)
        self._anew = False
        self._count()

    def _edited(self) -> None:
        """Take note of what was ticked or typed; an empty field has what is suggested again."""
        self.panel.suggest(self._suggested, (), anew=False)
        self._count()

    def _read(self) -> dict[str, tuple[Any, ...]]:
        """Return what is to be varied, and over which values."""
        return {name: read_values(name, text) for name, text in self.panel.chosen.items()}

    def _count(self) -> None:
        """Say how many variants there will be."""
        try:
            values = self._read()
        except LRSExplorerError as error:
            self.panel.show_count(str(error), problem=True)
            return
        number = math.prod(len(of) for of in values.values())
        images = math.prod(len(of) for name, of in values.items() if CHOICES[name].step)
        if not values or number < 2:
            self.panel.show_count(
                "Tick what is to be varied, with two values or more.", problem=True
            )
            return
        told = f"{number} variants"
        if images > 1:
            told += f" of {images} images, which the pipeline makes"
        if number > MOST:
            self.panel.show_count(f"{told}, more than {MOST}: give fewer values.", problem=True)
        else:
            self.panel.show_count(f"{told}.")

    def _vary(self) -> None:
        """Vary what is ticked, in the background."""
        controller, shown = self._controller, self._controller.shown
        stages, recipe = shown.stages, shown.recipe
        if stages is None or shown.spectrum is None:
            return
        if shown.waits:
            controller.screen.messages.show(WAITS, "warning")
            return
        try:
            values = self._read()
        except LRSExplorerError as error:
            controller.screen.messages.show(str(error), "error")
            return
        self._running, self._said = True, RUNNING

        def told(future: Future[Sweep]) -> None:
            if controller.shown.stages is stages:
                self._told(future)

        self._show(shown)
        controller.runs.start(
            lambda report, cancelled: swept(
                stages, recipe, choices=values, progress=report, cancelled=cancelled
            ),
            told,
            recipe,
            wanted="sweep",
        )

    def _clear(self) -> None:
        self._said = NOT_YET
        self._controller.learn(self._controller.shown.image, sweep=None)

    def _told(self, future: Future[Sweep]) -> None:
        controller = self._controller
        self._running = False
        if isinstance(future.exception(), CancelledError):
            self._said = CANCELLED
        elif not controller.succeeded(future):
            self._said = str(future.exception())
        else:
            controller.learn(controller.shown.image, sweep=future.result())
        self._show(controller.shown)


def _place(name: str) -> str:
    """Say where a choice stands in a recipe."""
    one = CHOICES[name]
    return f"{one.part}.{one.field or name}"
