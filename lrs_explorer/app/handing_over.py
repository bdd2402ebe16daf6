"""Figures for print and the report, from the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.handover.contents import (
    Content,
    content,
    spectrum_content,
)
from lrs_explorer.handover.figures import check_figure_path, drawn, figure_width, load, save_figure
from lrs_explorer.handover.report import Draft, check_report_path, draft
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.widgets.handover_panel import FigureChoice, HandoverControls

__all__ = ["HandingOver"]

FIGURE = "the figure is being made …"
REPORT = "the report is being made …"


class HandingOver:
    """Writes figures and reports of what is shown.

    Numbers are computed in threads, figures drawn between the page's messages: matplotlib's
    settings belong to all threads, and a notebook's own figures must not see ours.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self.controls = HandoverControls(self._figure, self._report)

    def changed(self, before: Shown, now: Shown) -> None:
        """Offer what can be drawn of another observation."""
        if now.stages is None or now.stages is before.stages:
            return
        series = now.stages.observation.is_series
        kinds = ["spectrum"]
        if now.image is not None:
            kinds.append("image")
        if series:
            kinds.append("light_curves")
        self.controls.offer(kinds, now.stages.observation.name)

    def _figure(self, choice: FigureChoice) -> None:
        shown = self._controller.shown
        path = Path(choice.path).expanduser()
        how = {"data": choice.data, "overwrite": choice.overwrite}

        def write(made: Content) -> Path:
            figure = drawn(made, figure_width(choice.width))
            save_figure(figure, made, path, **how, without_references=choice.without_references)
            return path

        self._start(
            FIGURE,
            lambda: check_figure_path(path, **how),
            lambda: _shown_content(shown, choice.kind),
            lambda made: self._finish(lambda: write(made)),
        )

    def _report(self, name: str, overwrite: bool, without_references: bool) -> None:
        shown = self._controller.shown
        path = Path(name).expanduser()
        stages, recipe = shown.stages, shown.drawn
        if stages is None:
            return

        def draw(made: Draft, left: Iterator[None]) -> None:
            """Draw a figure, and go on when the page has had its turn."""
            try:
                next(left)
            except StopIteration:
                self._finish(lambda: made.write(path, overwrite, without_references))
            else:
                self._controller.start(lambda: None, lambda _: draw(made, left))

        self._start(
            REPORT,
            lambda: check_report_path(path, overwrite),
            lambda: draft(stages, recipe),
            lambda made: draw(made, made.draw()),
        )

    def _start(
        self,
        words: str,
        check: Callable[[], object],
        compute: Callable[[], Any],
        then: Callable[[Any], None],
    ) -> None:
        """Check what can be checked at once, compute in a thread, and go on where widgets are."""

        def loaded() -> Any:
            load()
            return compute()

        def computed(future: Future[Any]) -> None:
            error = future.exception()
            if isinstance(error, LRSExplorerError):
                self._failed(error)
            elif self._controller.succeeded(future):
                then(future.result())
            else:
                self.controls.show_result("")

        try:
            check()
        except LRSExplorerError as error:
            self._failed(error)
            return
        self.controls.show_result(words)
        self._controller.start(loaded, computed)

    def _finish(self, write: Callable[[], Path]) -> None:
        try:
            self.controls.show_result(f"written to {write().absolute()}")
        except LRSExplorerError as error:
            self._failed(error)

    def _failed(self, error: LRSExplorerError) -> None:
        self.controls.show_result(str(error))
        self._controller.screen.messages.show(str(error), "error")
        if "without_references=True" in str(error):
            self.controls.offer_without()


def _shown_content(shown: Shown, kind: str) -> Content:
    """Return what is to be drawn of what is shown; the spectrum is that on the screen."""
    assert shown.stages is not None
    if kind == "spectrum" and shown.image is not None:
        own = shown.spectrum_with_errors()
        return spectrum_content(shown.stages, shown.drawn, spectrum=own)
    return content(shown.stages, shown.drawn, kind)
