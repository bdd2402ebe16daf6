"""Work that must not keep the page waiting, and its way back to the kernel's loop."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from lrs_explorer.app.kernel.page_gate import PageGate

__all__ = ["BackgroundWork"]

T = TypeVar("T")

THREADS = 6
"""Most of them wait for a child process: what a click asks for must not queue behind those."""

WAIT_FOR_PAGE = 3.0
"""Seconds that work waits for the page at most: nobody may be looking yet."""

SHARED_MODULES = (
    "astropy.table",
    "astropy.nddata",
    "asdf",
    "gwcs",
    "stdatamodels.jwst.datamodels",
)
"""What work in several threads would import at once. Their parts import one another: of threads
that begin at different ends one gets an error (deadlock detected), or waits for ever."""

_importing = threading.Lock()


def _import_shared() -> None:
    """Import what threads share: in one of them, while the others wait."""
    with _importing:
        for name in SHARED_MODULES:
            while name not in sys.modules:
                try:
                    importlib.import_module(name)
                except RuntimeError as error:  # the kernel's own thread was at it as well
                    if "deadlock" not in str(error):
                        raise
                    time.sleep(0.1)


class BackgroundWork:
    """Runs functions in threads and hands their results back where widgets may be touched.

    In a notebook or Voilà kernel results are handed over by the kernel's event loop. In a plain
    script there is no such loop: there, and wherever a result is needed at once, `finish` waits.

    Nothing begins before the page is drawn, or `WAIT_FOR_PAGE` is over: what is done here, such as
    importing the pipeline, would slow down the kernel's answers to the page that is being drawn.
    Results wait longer for it, see `PageGate`.

    Parameters
    ----------
    page : PageGate
    """

    def __init__(self, page: PageGate) -> None:
        self._page = page
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="lrs-explorer")
        self._waiting: dict[Future[Any], Callable[[], None]] = {}
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            self._loop = None
        self._may_begin = threading.Event()

    def begin(self) -> None:
        """Let work begin, whether or not the page is drawn."""
        self._may_begin.set()

    def page_drawn(self) -> None:
        """Take note that the page stands: work begins, and results may be shown."""
        self._page.drawn()
        self.begin()

    def start(self, work: Callable[[], T], then: Callable[[Future[T]], None]) -> Future[T]:
        """Call ``work()`` in a thread, then ``then(future)`` where `start` was called.

        ``then`` is called once, with a future that is done; it has to look for an exception.
        """

        def wait_and_work() -> T:
            self._may_begin.wait(WAIT_FOR_PAGE)
            self.begin()  # what comes next waits no longer
            _import_shared()
            return work()

        future = self._pool.submit(wait_and_work)
        self._waiting[future] = lambda: then(future)
        future.add_done_callback(
            lambda done: self.hand_over(lambda: self._page.call(lambda: self._deliver(done)))
        )
        return future

    def hand_over(self, call: Callable[[], None]) -> None:
        """Have the kernel's loop call something, from a thread; a plain script does without."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call)

    def _deliver(self, future: Future[Any]) -> None:
        deliver = self._waiting.pop(future, None)
        if deliver is not None:
            deliver()

    def finish(self) -> None:
        """Wait for all that was started and hand its results over."""
        self.begin()
        while self._waiting:
            future = next(iter(self._waiting))
            future.exception()  # waits
            self._deliver(future)

    def stop(self) -> None:
        """Start nothing any more and forget what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._waiting.clear()
