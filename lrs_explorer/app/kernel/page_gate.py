"""Whether a page is being loaded: its widgets must not change under it meanwhile.

A page connects to the kernel, reads the state of all widgets, which may take many seconds on a busy
machine, and then builds them. A widget that is made or closed in between leaves a hole in the page:
"widget model not found", "Comm not found". The kernel is not told of the first of these steps, so
what would make or close widgets by itself waits from the beginning until the page stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["PageGate"]

LONGEST_CLOSED = 60.0
"""Seconds after which nobody is taken to look: no page came, or it was closed while loading."""

_AGAIN = 0.1  # seconds between looks


class PageGate:
    """Holds calls back while an explorer's page is being loaded, or may be about to be."""

    def __init__(self) -> None:
        self._since: float | None = time.monotonic()

    def asked(self) -> None:
        """Take note that a page has asked for the widgets' state."""
        self._since = time.monotonic()

    def drawn(self) -> None:
        """Take note that the page stands."""
        self._since = None

    @property
    def loading(self) -> bool:
        """Whether a page is being loaded, as far as is known."""
        return self._since is not None and time.monotonic() - self._since < LONGEST_CLOSED

    def call(self, function: Callable[[], None]) -> None:
        """Call ``function()``, at once or when no page is being loaded; from a kernel's loop."""
        if not self.loading:
            function()
            return
        asyncio.get_running_loop().call_later(_AGAIN, self.call, function)
