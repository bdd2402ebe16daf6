"""Work that waits until the user rests: a slider has no moment at which it is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lrs_explorer.app.kernel.page_gate import PageGate

__all__ = ["Debounce"]


class Debounce:
    """Calls the last of several functions once nothing has come for a while.

    Without a kernel's loop (in a plain script) it calls at once.

    Parameters
    ----------
    seconds : float
    page : PageGate
    """

    def __init__(self, seconds: float, page: PageGate) -> None:
        self._seconds = seconds
        self._page = page
        self._waiting: asyncio.TimerHandle | None = None
        self._last: Callable[[], None] | None = None

    def call(self, function: Callable[[], None]) -> None:
        """Call ``function()`` after a while, unless another one comes before that."""
        self.forget()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            function()
            return
        self._last = function
        self._waiting = loop.call_later(self._seconds, self._page.call, self._rested)

    def _rested(self) -> None:
        function, self._last = self._last, None
        if function is not None:  # not forgotten while a page was being loaded
            function()

    def forget(self) -> None:
        """Do not call what is waiting."""
        self._last = None
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
