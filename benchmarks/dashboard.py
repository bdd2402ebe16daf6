"""How the dashboard feels: first figure, drags, and memory, in headless Chromium.

Run ``python benchmarks/dashboard.py [first-figure] [dragging] [memory]``, with the packages of the
benchmark extra; without a name all are run, which takes a quarter of an hour. Each serves
the demo with ``lrs-explorer``, as a user would, and drives it with real pointer events.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from playwright.sync_api import Browser, Page

TESTS = Path(__file__).parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "explorer")]

from explorer_page import IMAGE, ExplorerPage  # noqa: E402
from voila_server import launch_chromium, open_page  # noqa: E402

from lrs_explorer.widgets.layout import LIVE_COLOR  # noqa: E402

WATCH = """
window.seen = {moves: [], changes: [], figure: null, live: null};
addEventListener('pointermove', event => seen.moves.push(event.timeStamp), {capture: true});
const color = '%s', probe = document.createElement('i');
probe.style.stroke = color;
const isLive = node => node.matches?.('path.line') && node.style.stroke === probe.style.stroke;
new MutationObserver(records => {
  const now = performance.now();
  if (records.some(one => one.attributeName === 'd' && isLive(one.target))) seen.changes.push(now);
  if (seen.figure === null && document.querySelector('.lrs-band')) {
    // Drawn means painted: after the next frame.
    seen.figure = now;
    requestAnimationFrame(() => { seen.figure = performance.now(); });
  }
  if (seen.live === null && document.querySelector('[data-curve=live][data-state=live]'))
    seen.live = now;
}).observe(document, {subtree: true, childList: true, attributes: true,
                      attributeFilter: ['d', 'data-state']});
"""
"""Notes when pointers move, when the live curve changes and when figure and curve first appear."""


@contextmanager
def served() -> Iterator[tuple[str, psutil.Process]]:
    """Serve the demo; yield its address and the server's process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lrs_explorer.cli", "demo", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[4]
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def wait_until_idle(server: psutil.Process) -> None:
    """Wait until neither the server nor its kernels have anything to do."""
    quiet = 0
    while quiet < 3:
        before = busy(server)
        time.sleep(1.0)
        quiet = quiet + 1 if server.children() and busy(server) - before < 0.03 else 0


def busy(server: psutil.Process) -> float:
    """Return the processor seconds that the server and its kernels have had."""
    return sum(sum(one.cpu_times()[:2]) for one in (server, *server.children(recursive=True)))


def visit(browser: Browser, address: str) -> Page:
    """Open the dashboard in a new tab that watches itself."""
    page = open_page(browser, "about:blank", 1280, 900)
    page.add_init_script(WATCH % LIVE_COLOR)
    page.goto(address)
    return page


def summary(values: Any) -> str:
    """Return median, 95th percentile and maximum in words."""
    median, high = np.percentile(values, [50, 95])
    return f"median {median:.0f} ms, p95 {high:.0f} ms, max {np.max(values):.0f} ms"


def first_figure(browser: Browser, repeats: int) -> None:
    """Time from the request to the first figure and to the first live spectrum."""
    print("First figure, from the request")
    for title, waiting in (("at once after the start", False), ("kernel at hand", True)):
        figures, lives = [], []
        for number in range(repeats + 1):
            with served() as (address, server):
                if waiting:
                    wait_until_idle(server)
                page = visit(browser, address)
                page.wait_for_function("seen.figure !== null && seen.live !== null")
                if number:  # the first run warms the disk
                    figures.append(page.evaluate("seen.figure"))
                    lives.append(page.evaluate("seen.live"))
                page.close()
        print(f"   {title:<24} figure: {summary(figures)}; live spectrum: {summary(lives)}")


def dragging(browser: Browser, moves: int, fast_drags: int) -> None:
    """Time from a pointer move to the changed curve, and what is left after a fast drag."""
    with served() as (address, _):
        explorer = ExplorerPage(visit(browser, address))
        explorer.until_live()
        page, plot = explorer.page, explorer.plot(IMAGE)
        random = np.random.default_rng(1)
        x, y = plot.at(8.0, 14.2)
        page.mouse.move(x, y)
        page.mouse.down()
        latencies = []
        height = 0
        for _ in range(moves):
            step = random.integers(1, 4) * (1 if height < -60 else -1 if height > 0 else 1)
            height += int(random.choice([-1, 1]) * step) or 1
            page.evaluate("seen.moves = []; seen.changes = []")
            page.mouse.move(x, y + height)
            page.wait_for_function("seen.changes.length > 0")
            moved, changed = page.evaluate("[seen.moves[0], seen.changes[0]]")
            latencies.append(changed - moved)
            page.wait_for_timeout(float(random.uniform(30, 80)))
        page.mouse.up()
        print(f"Dragging: pointer move to changed curve, {moves} single moves")
        print(f"   {summary(latencies)}")
        backlogs, changes = [], []
        for _ in range(fast_drags):
            explorer.start_over()
            page.wait_for_timeout(500)
            page.evaluate("seen.moves = []; seen.changes = []")
            plot.drag((8.0, 14.2), 0, -60, steps=90)
            released = page.evaluate("performance.now()")
            page.wait_for_timeout(1500)
            seen = page.evaluate("seen.changes")
            backlogs.append(max(0.0, seen[-1] - released))
            changes.append(len(seen))
        lasted = page.evaluate("seen.moves.at(-1) - seen.moves[0]")
        print(f"   after a fast drag of 90 moves in {lasted:.0f} ms, {fast_drags} times: the curve")
        print(f"   changed {np.median(changes):.0f} times, last after release: {summary(backlogs)}")


def kernel_of(page: Page) -> psutil.Process:
    """Return the process of the kernel behind a page."""
    configuration = page.locator("#jupyter-config-data").evaluate("tag => JSON.parse(tag.text)")
    for process in psutil.process_iter(["cmdline"]):
        if any(configuration["kernelId"] in part for part in process.info["cmdline"] or []):
            return process
    raise RuntimeError("the page's kernel is not running")


def memory(browser: Browser, drags: int) -> None:
    """Memory of kernel and page before and after many drags, each of one move."""
    with served() as (address, server):
        explorer = ExplorerPage(visit(browser, address))
        explorer.until_live()
        page, plot = explorer.page, explorer.plot(IMAGE)
        kernel, tools = kernel_of(page), page.context.new_cdp_session(page)
        x, y = plot.at(8.0, 14.2)
        page.mouse.move(x, y)

        def used() -> tuple[float, float]:
            tools.send("HeapProfiler.collectGarbage")
            heap = tools.send("Runtime.getHeapUsage")["usedSize"]
            return kernel.memory_full_info().uss / 1e6, heap / 1e6

        print(f"Memory: {drags} drags of one move, MB")
        done, spent = 0, 0.0
        for count in np.r_[drags // 20, np.linspace(drags // 4, drags, 4).astype(int)]:
            begin = time.perf_counter()
            while done < count:
                done += 1
                # No two steps in a row cancel: were they merged, the curve would not change.
                top = y - (7 * done) % 41
                page.evaluate("seen.moves = []; seen.changes = []")
                page.mouse.down()
                page.mouse.move(x, top)
                page.mouse.up()
                page.wait_for_function("seen.changes.length > 0")
            spent += time.perf_counter() - begin
            wait_until_idle(server)  # what is read once, for the diagnosis say, has been read
            now = used()
            if count == drags // 20:
                first = now  # by then caches are full
            print(
                f"   after {done:6d}: kernel {now[0]:6.1f} ({now[0] - first[0]:+.1f}), "
                f"page {now[1]:6.1f} ({now[1] - first[1]:+.1f}), "
                f"{spent / done * 1e3:.0f} ms each",
                flush=True,
            )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    names = ["first-figure", "dragging", "memory"]
    parser.add_argument("name", nargs="*", choices=names, default=names)
    parser.add_argument("--repeats", type=int, default=5, help="starts for the first figure")
    parser.add_argument("--moves", type=int, default=300)
    parser.add_argument("--fast-drags", type=int, default=20)
    parser.add_argument("--drags", type=int, default=10_000, help="for the memory")
    options = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with launch_chromium() as browser:
        if "first-figure" in options.name:
            first_figure(browser, options.repeats)
        if "dragging" in options.name:
            dragging(browser, options.moves, options.fast_drags)
        if "memory" in options.name:
            memory(browser, options.drags)


if __name__ == "__main__":
    main()
