"""Work in the background: when it begins, and that its results come back."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import lrs_explorer as lrs
from lrs_explorer.app.kernel import background_work, page_gate
from lrs_explorer.app.kernel.background_work import BackgroundWork
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.kernel.page_gate import PageGate


def in_a_loop(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a coroutine in a loop of its own, as a kernel's; Playwright has one in this thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: asyncio.run(main())).result()


def test_nothing_begins_before_the_page_is_drawn() -> None:
    work, begun, got = BackgroundWork(PageGate()), threading.Event(), []
    future: Future[int] = work.start(lambda: begun.set() or 7, lambda done: got.append(done))
    assert not begun.wait(0.2)
    work.begin()
    assert future.result(timeout=10) == 7
    assert begun.is_set()
    work.finish()
    assert got == [future]


def test_patience_ends_once_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_work, "WAIT_FOR_PAGE", 0.05)
    work = BackgroundWork(PageGate())
    assert work.start(lambda: 1, lambda _: None).result(timeout=10) == 1
    monkeypatch.setattr(background_work, "WAIT_FOR_PAGE", 1e6)
    assert work.start(lambda: 2, lambda _: None).result(timeout=10) == 2


def test_who_needs_a_result_at_once_waits_for_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background_work, "WAIT_FOR_PAGE", 1e6)
    work, got = BackgroundWork(PageGate()), []
    for number in range(5):
        work.start(lambda number=number: number, lambda done: got.append(done.result()))
    work.finish()
    assert sorted(got) == [0, 1, 2, 3, 4]


def test_results_wait_for_the_page_that_is_loading() -> None:
    """What they make or close under it would leave holes in it."""
    got: list[int] = []

    async def rest(work: BackgroundWork, number: int) -> None:
        future = work.start(lambda: number, lambda done: got.append(done.result()))
        while not future.done():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)

    async def main() -> None:
        page = PageGate()
        work = BackgroundWork(page)
        work.begin()  # as after some seconds
        await rest(work, 1)
        assert got == [], "it is not known yet whether a page comes"
        work.page_drawn()
        await rest(work, 2)
        assert sorted(got) == [1, 2]
        page.asked()
        await rest(work, 3)
        assert sorted(got) == [1, 2], "the page is loaded again"
        work.page_drawn()
        await asyncio.sleep(0.3)
        assert sorted(got) == [1, 2, 3]

    in_a_loop(main)


def test_only_the_last_call_is_made_once_the_page_stands() -> None:
    got: list[int] = []

    async def main() -> None:
        page = PageGate()
        debounce = Debounce(0.01, page)
        for number in range(3):
            debounce.call(lambda number=number: got.append(number))
            await asyncio.sleep(0.05)
        page.drawn()
        await asyncio.sleep(0.3)
        assert got == [2]
        page.asked()
        debounce.call(lambda: got.append(3))
        await asyncio.sleep(0.05)
        debounce.forget()
        page.drawn()
        await asyncio.sleep(0.3)
        assert got == [2]

    in_a_loop(main)


def test_results_do_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_gate, "LONGEST_CLOSED", 0.2)
    got: list[int] = []

    async def main() -> None:
        work = BackgroundWork(PageGate())
        work.begin()
        work.start(lambda: 7, lambda done: got.append(done.result()))
        while not got:
            await asyncio.sleep(0.01)

    in_a_loop(main)
    assert got == [7]


def test_the_pipeline_is_imported_once_the_page_is_drawn() -> None:
    """Importing it before that made the kernel's answers to the page slow."""
    code = """
import asyncio, sys, time
import lrs_explorer as lrs
from lrs_explorer.app.kernel import background_work

def loaded():
    slow = ("jwst", "stdatamodels", "lrs_explorer_jwst", "scipy.stats", "scipy.ndimage",
            "scipy.interpolate", "scipy.optimize")
    return {name for name in sys.modules if name.startswith(slow)}

async def main():
    background_work.WAIT_FOR_PAGE = 1e6
    ui = lrs.Explorer()
    for _ in range(20):
        await asyncio.sleep(0.02)
    assert not loaded(), loaded()
    overlay = ui._screen.spectrum.flux.overlay
    overlay.set_state({"drawn": 1})  # as the browser does
    end = time.monotonic() + 60
    while ui._controller.shown.spectrum is None and time.monotonic() < end:
        await asyncio.sleep(0.02)
    assert loaded()
    assert ui._controller.shown.spectrum is not None

asyncio.run(main())
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr


def test_what_threads_share_is_imported_before_any_of_them_works() -> None:
    """Two that begin at different ends of it wait for one another; one gets an error."""
    code = """
import sys
from lrs_explorer.app.kernel.background_work import SHARED_MODULES, BackgroundWork
from lrs_explorer.app.kernel.page_gate import PageGate

work, seen = BackgroundWork(PageGate()), []
assert not any(name in sys.modules for name in SHARED_MODULES)
for _ in range(6):
    work.start(lambda: [name in sys.modules for name in SHARED_MODULES], seen.append)
work.finish()
assert all(all(future.result()) for future in seen), [future.result() for future in seen]
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr


def test_what_goes_wrong_as_a_result_is_shown_is_said() -> None:
    explorer = lrs.Explorer()
    controller = explorer._controller
    controller.start(lambda: 0, lambda future: 1 // future.result())
    controller.finish()
    (said,) = (m for m in explorer._screen.messages.messages if m.level == "error")
    assert "something unexpected happened (ZeroDivisionError)" in said.text
    assert explorer.spectrum is not None
