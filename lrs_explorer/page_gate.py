"""Whether a page is being loaded: its widgets must not change under it meanwhile.

A page reads the state of all widgets, which may take seconds while the kernel is busy, and then
builds them. A widget that is made or closed in between leaves a hole in the page: "widget model not
found". So what would make or close widgets by itself waits until the page stands.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["PAGE", "PageGate"]

PATIENCE = 30.0
"""Seconds after which a page that asked for widgets is taken to have been closed."""

_AGAIN = 0.1  # seconds between looks


class PageGate:
    """Holds calls back while a page is being loaded."""

    def __init__(self) -> None:
        self._asked: float | None = None

    def asked(self) -> None:
        """Take note that a page has asked for the widgets' state."""
        self._asked = time.monotonic()

    def drawn(self) -> None:
        """Take note that the page stands."""
        self._asked = None

    @property
    def loading(self) -> bool:
        """Whether a page is being loaded."""
        return self._asked is not None and time.monotonic() - self._asked < PATIENCE

    def call(self, function: Callable[[], None]) -> None:
        """Call ``function()``, at once or when no page is being loaded; from a kernel's loop."""
        if not self.loading:
            function()
            return
        asyncio.get_running_loop().call_later(_AGAIN, self.call, function)


PAGE = PageGate()
"""Of this kernel."""
