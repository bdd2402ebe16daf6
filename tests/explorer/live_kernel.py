"""A kernel's loop in a thread: widgets change there, as they do behind a page."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TypeVar

from ipywidgets.widgets import widget as registry
from voila_server import PATIENCE

import lrs_explorer as lrs

T = TypeVar("T")


class LiveKernel:
    """An explorer in a loop of its own, driven like a page drives it.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        Runs in another thread.
    source : object
        What the explorer opens.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, source: object = None) -> None:
        self._loop = loop

        async def opened() -> lrs.Explorer:
            return lrs.Explorer(source)

        self.ui = asyncio.run_coroutine_threadsafe(opened(), loop).result()
        self.do(lambda: self.ui._screen.spectrum.flux.overlay.set_state({"drawn": 1}))
        self.until(lambda: self.ui._screen.spectrum.live_at(8.0) is not None)

    def do(self, call: Callable[[], T]) -> T:
        """Return ``call()``, made in the loop."""

        async def made() -> T:
            return call()

        return asyncio.run_coroutine_threadsafe(made(), self._loop).result()

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait until ``condition()`` holds in the loop."""
        end = time.monotonic() + timeout
        while not self.do(condition):
            assert time.monotonic() < end, f"still not so after {timeout} s"
            time.sleep(0.02)

    def tab(self, name: str) -> Any:
        """Return a tab by the name of its class."""
        (tab,) = (one for one in self.ui._controller.panels if type(one).__name__ == name)
        return tab

    def drag(self, upwards: float, *, released: bool = True) -> None:
        """Move the aperture as the browser does: by a message of the image's overlay."""
        overlay = self.ui._screen.image.overlay

        def moved() -> None:
            bands = [
                {**asdict(one), "lower": one.lower + upwards, "upper": one.upper + upwards}
                for one in overlay.bands
                if one.id == "aperture"
            ]
            last = overlay.gesture
            n = max(last["n"], overlay.shown["after"]) + 1
            releases = last["releases"] + released
            overlay.set_state({"gesture": {"n": n, "bands": bands, "releases": releases}})

        self.do(moved)

    @property
    def run(self) -> tuple[str, str]:
        """What the pipeline's line says: its state, and its words."""
        line = re.search('data-run="([a-z]+)".*>(.*)</div>', self.ui._screen.run.text.value)
        assert line is not None
        return line.group(1), line.group(2)

    @property
    def curve(self) -> str:
        """The word for the state of the live curve."""
        legend = self.ui._screen.spectrum.legend.value
        found = re.search('data-curve="live"[^>]*data-state="([a-z]+)"', legend)
        assert found is not None, legend
        return found.group(1)

    def center(self) -> float:
        """Return where the aperture's band is."""
        (band,) = (b for b in self.ui._screen.image.overlay.bands if b.id == "aperture")
        return 0.5 * (band.lower + band.upper)


@contextmanager
def live_kernel(source: object = None) -> Iterator[LiveKernel]:
    """Open an explorer and end it with its loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        kernel = LiveKernel(loop, source)
        yield kernel
        kernel.do(kernel.ui._controller.runs.forget)
        for made in list(registry._instances.values()):
            kernel.do(made.close)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
