"""Runs of the real pipeline for the explorer: one at a time, the latest wins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol, TypeVar

from lrs_explorer.app.kernel.background_work import BackgroundWork
from lrs_explorer.app.kernel.page_gate import PageGate
from lrs_explorer.model.live.references import References
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.recipe.scope import image_of
from lrs_explorer.model.references.crds_query import Fetching
from lrs_explorer.model.runs.reprocessor import Report, StepProgress
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.widgets.run_bar import RunBar

__all__ = ["ExactRuns"]


class Logged(Protocol):
    """What a run gives has a log."""

    @property
    def log(self) -> str:
        """What the pipeline said."""


T = TypeVar("T", bound=Logged)

Wanted = Literal["image", "products", "comparison", "sweep", "rules", "package"]
"""What a run is for: an image that is to be shown, or something that is wanted for itself."""

OUTCOME: Final = {
    "products": ("products written", "products not written"),
    "comparison": ("comparison made", "comparison not made"),
    "sweep": ("choices varied", "choices not varied"),
    "rules": ("rules followed", "rules not followed"),
    "package": ("package computed", "package not made"),
}
"""What is said of a run that went well, and of one that did not."""


@dataclass(eq=False)
class _Run:
    """One run: the recipe that it follows, and what is wanted of it."""

    recipe: Recipe
    wanted: Wanted
    then: Callable[[Future[Any]], None] | None
    cancelled: threading.Event = field(default_factory=threading.Event)
    begun: float = field(default_factory=time.monotonic)


class ExactRuns:
    """Starts runs in the background and drops results that come too late.

    The run bar is written here and nowhere else: the run that is under way; else how the last one
    for the image of the recipe ended; else how the image was made.

    Parameters
    ----------
    bar : RunBar
    page : PageGate
    """

    def __init__(self, bar: RunBar, page: PageGate) -> None:
        self._bar = bar
        self._work = BackgroundWork(page)
        self._work.begin()  # a run is asked for on a page that is drawn
        self._before = threading.Lock()  # runs for one observation do not overlap
        self._run: _Run | None = None
        self._stopped: tuple[Recipe, str] | None = None
        self._seconds: dict[Recipe, float] = {}  # that the run for an image has taken
        self._made_by = self._note = ""
        self._image: Recipe | None = None
        self._fetching: threading.Event | None = None
        self._file: tuple[Fetching, float] | None = None
        self._not_fetched = ""
        self._looking = False

    def awaits(self, recipe: Recipe) -> bool:
        """Tell whether a run that is under way makes the image of ``recipe``."""
        return self._run is not None and _same_image(self._run.recipe, recipe)

    def has_stopped(self, recipe: Recipe) -> bool:
        """Tell whether the last run for that image failed or was cancelled.

        It is not run again unasked.
        """
        return self._stopped is not None and _same_image(self._stopped[0], recipe)

    def start(
        self,
        run: Callable[[Report, threading.Event], T],
        then: Callable[[Future[T]], None],
        recipe: Recipe,
        *,
        wanted: Wanted = "image",
    ) -> None:
        """Run the pipeline; a run that is under way is cancelled.

        Parameters
        ----------
        run : callable(Report, Event)
            Called in a thread; tells its progress and stops when the event is set.
        then : callable(Future)
            Called when it has ended, in whichever way. Of a run for an image, only if no other has
            taken its place.
        recipe : Recipe
        wanted : {"image", "products", "comparison", "sweep", "rules", "package"}
            An image is wanted as long as the recipe is; others are, whatever becomes of it.
        """
        if self._run is not None:  # not what is being fetched for the spectrum
            self._run.cancelled.set()
        current = self._run = _Run(recipe, wanted, then)
        self._stopped, self._note = None, ""
        self._bar.show_step("waiting", 1, 1, 0.0, 0.0)

        def report(progress: StepProgress) -> None:
            self._work.hand_over(lambda: self._show(progress, current))

        def wait_and_run() -> T:
            with self._before:
                if current.cancelled.is_set():
                    raise CancelledError("the run was cancelled before it began.")
                return run(report, current.cancelled)

        self._work.start(wait_and_run, lambda future: self._ended(current, future))

    def _ended(self, run: _Run, future: Future[Any]) -> None:
        if run is self._run:
            self._run = None
            self._take_down(run, future)
        elif run.wanted == "image":
            return  # another one has taken its place
        if run.then is not None:
            run.then(future)
        self._tell()

    def _take_down(self, run: _Run, future: Future[Any]) -> None:
        """Note how a run has ended."""
        error, seconds = future.exception(), time.monotonic() - run.begun
        ending = "cancelled" if isinstance(error, CancelledError) else "failed"
        if error is None:
            self._bar.show_log(future.result().log)
        else:
            if run.wanted not in ("sweep", "rules", "package"):  # which leave the image as it is
                self._stopped = run.recipe, ending
            if ending == "failed":
                self._bar.show_log("\n".join(getattr(error, "__notes__", ())) or str(error))
        if run.wanted != "image":
            good, bad = OUTCOME[run.wanted]
            self._note = f"{good} in {seconds:.1f} s" if error is None else f"{bad}: {ending}"
        elif error is None:
            self._seconds[image_of(run.recipe)] = seconds

    def show_image(self, recipe: Recipe, made_by: str) -> None:
        """Take note that the image of ``recipe`` is there: nobody waits for another one.

        Parameters
        ----------
        recipe : Recipe
        made_by : str
            How it was made; "" for a delivered one.
        """
        image = image_of(recipe)
        if image != self._image:
            self._image, self._note = image, ""
        self._made_by, self._stopped = made_by, None
        if self._run is not None and self._run.wanted == "image":
            self._drop()
        self._tell()

    def _tell(self) -> None:
        """Say what is known; of a run that is under way its steps are told."""
        if self._run is not None:
            return
        if self._file is not None:
            one, elapsed = self._file
            self._bar.show_fetching(one.file, one.number, one.total, elapsed)
            return
        if self._looking:
            self._bar.show_looking()
            return
        if self.lacks_references:
            self._bar.show_not_fetched(self._not_fetched)
            return
        more = f"; {self._note}" if self._note else ""
        if self._stopped is not None:
            self._bar.show_stopped(f"{self._stopped[1]}; still showing the previous image{more}")
        elif self._made_by:
            seconds = self._seconds.get(self._image) if self._image else None
            took = "" if seconds is None else f", in {seconds:.1f} s"
            self._bar.show_done(f"{self._made_by}{took}{more}")
        else:
            self._bar.show_idle(f"as delivered{more}")

    def _show(self, progress: StepProgress, run: _Run) -> None:
        if run is self._run and not run.cancelled.is_set():
            self._bar.show_step(
                progress.step, progress.number, progress.total, progress.seconds, progress.elapsed
            )

    def cancel(self) -> None:
        """Stop the run that is under way, if there is one; else the fetching of references."""
        if self._run is not None:
            self._run.cancelled.set()
        elif self._fetching is not None:
            self._fetching.set()

    def fetch(
        self,
        search: Callable[[Callable[[Fetching], None], threading.Event], References],
    ) -> References:
        """Look for reference files, in the thread that calls this, and tell how far that is.

        A search that has been asked for (`look_again`) is shown from its beginning; another one
        when it turns out that files have to be fetched.

        Parameters
        ----------
        search : callable(progress, Event)
            Tells each file, and stops when the event is set.
        """
        cancelled, begun = threading.Event(), time.monotonic()
        self._fetching = cancelled

        def show(one: Fetching) -> None:
            if self._fetching is cancelled and not cancelled.is_set():
                self._file = one, time.monotonic() - begun
                self._tell()

        def ended(missing: str) -> None:
            if self._fetching is cancelled:
                self._fetching = self._file = None
                self._looking, self._not_fetched = False, missing
                self._tell()

        why = "they could not be looked for"
        try:
            found = search(lambda one: self._work.hand_over(lambda: show(one)), cancelled)
            why = "; ".join(dict.fromkeys(found.missing.values()))
        finally:
            self._work.hand_over(lambda: ended(why))
        return found

    def look_again(self) -> None:
        """Say that reference files are looked for anew; `fetch` does it, in a thread."""
        self._looking = True
        self._tell()

    @property
    def lacks_references(self) -> bool:
        """Whether "run again" looks for reference files that could not be had.

        After a run that failed or was cancelled it runs the pipeline.
        """
        return bool(self._not_fetched) and self._stopped is None

    def allow_again(self) -> None:
        """Forget that a run failed or was cancelled."""
        self._stopped = None

    def stop(self) -> None:
        """Start nothing any more."""
        self._work.stop()

    def finish(self) -> None:
        """Wait for the run that is under way."""
        self._work.finish()

    def _drop(self) -> None:
        """Stop the run that is under way and take no note of its end."""
        self.cancel()
        if self._run is not None:
            self._run.then = None
            self._run = None
        self._bar.show_log("")

    def forget(self) -> None:
        """Stop the run that is under way and forget all others: their observation is closed."""
        self._drop()
        if self._fetching is not None:
            self._fetching.set()
        self._stopped = self._image = self._fetching = self._file = None
        self._looking, self._not_fetched = False, ""
        self._seconds = {}
        self._made_by = self._note = ""
        self._tell()


def _same_image(one: Recipe, other: Recipe) -> bool:
    return image_of(one) == image_of(other)
