"""Runs of the real pipeline for the explorer: one at a time, the latest wins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol, TypeVar

from lrs_explorer.background_work import BackgroundWork
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.runs.reprocessor import Report, StepProgress
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.page_gate import PageGate
from lrs_explorer.widgets.run_bar import RunBar

__all__ = ["ExactRuns"]


class Logged(Protocol):
    """What a run gives has a log."""

    @property
    def log(self) -> str:
        """What the pipeline said."""


T = TypeVar("T", bound=Logged)


class ExactRuns:
    """Starts runs in the background, tells the run bar, and drops results that come too late.

    Parameters
    ----------
    bar : RunBar
    page : PageGate

    Attributes
    ----------
    running : Recipe or None
        The recipe whose image is being made.
    stopped : Recipe or None
        The recipe whose run failed or was cancelled last; it is not run again unasked.
    """

    def __init__(self, bar: RunBar, page: PageGate) -> None:
        self._bar = bar
        self._work = BackgroundWork(page)
        self._work.begin()  # a run is asked for on a page that is drawn
        self._cancelled = threading.Event()
        self._before = threading.Lock()  # runs for one observation do not overlap
        self.running: Recipe | None = None
        self.stopped: Recipe | None = None

    def start(
        self,
        run: Callable[[Report, threading.Event], T],
        then: Callable[[Future[T]], None],
        recipe: Recipe | None = None,
    ) -> None:
        """Run the pipeline; a run that is under way is cancelled.

        Parameters
        ----------
        run : callable(Report, Event)
            Called in a thread; tells its progress and stops when the event is set.
        then : callable(Future)
            Called when it has ended, in whichever way, unless another run has taken its place.
        recipe : Recipe, optional
            Where it makes an image to be shown.
        """
        self.cancel()
        cancelled = self._cancelled = threading.Event()
        self.running, self.stopped = recipe, None
        begun = time.monotonic()
        self._bar.show_step("waiting", 1, 1, 0.0, 0.0)

        def report(progress: StepProgress) -> None:
            self._work.hand_over(lambda: self._show(progress, cancelled))

        def wait_and_run() -> T:
            with self._before:
                if cancelled.is_set():
                    raise CancelledError("the run was cancelled before it began.")
                return run(report, cancelled)

        def ended(future: Future[T]) -> None:
            if cancelled is not self._cancelled:
                return  # another run has taken its place
            self._cancelled = threading.Event()  # what is still to be told of its progress is not
            error = future.exception()
            self.running, self.stopped = None, recipe if error else None
            if error is None:
                self._bar.show_done(f"run in {time.monotonic() - begun:.1f} s")
                self._bar.show_log(future.result().log)
            elif isinstance(error, CancelledError):
                self._bar.show_stopped("cancelled; the image shown is the one before")
            else:
                self._bar.show_stopped("failed; the image shown is the one before")
                notes = "\n".join(getattr(error, "__notes__", ()))
                self._bar.show_log(notes or str(error))
            then(future)

        self._work.start(wait_and_run, ended)

    def _show(self, progress: StepProgress, cancelled: threading.Event) -> None:
        if cancelled is self._cancelled and not cancelled.is_set():
            self._bar.show_step(
                progress.step, progress.number, progress.total, progress.seconds, progress.elapsed
            )

    def cancel(self) -> None:
        """Stop the run that is under way, if there is one."""
        self._cancelled.set()

    def finish(self) -> None:
        """Wait for the run that is under way."""
        self._work.finish()

    def forget(self) -> None:
        """Stop the run that is under way and take no note of its end: its observation is closed."""
        self.cancel()
        self._cancelled = threading.Event()
        self.running = self.stopped = None
        self._bar.show_idle()
        self._bar.show_log("")
