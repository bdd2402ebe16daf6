"""A real Voilà server and a real browser for tests that drive the page.

Use them as::

    cells = ["import ipywidgets", "ipywidgets.Label('ready')"]
    with voila(cells) as address, launch_chromium() as browser:
        page = open_page(browser, address)
        page.get_by_text("ready").wait_for()
        assert page.problems == []
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

SCREENSHOTS = Path(__file__).parents[1] / "screenshots"
"""Git-ignored folder for pictures of what a test saw."""

PATIENCE = 120.0
"""Seconds after which a page is taken to stand still, however busy the machine."""

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*\?token=[\w-]+")
"""What the server says when it listens."""

NOT_OURS = ("/favicon.ico", "@fortawesome")
"""What Voilà's own page asks for in vain: its icon, and icon fonts from a public server."""


def write_notebook(cells: Sequence[str], path: Path) -> Path:
    """Write a notebook of code cells and return its path."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.write(notebook, path)
    return path


SERVE = """
import sys
from pathlib import Path
from lrs_explorer.cli.server import Reach, serve
shown = {"VoilaConfiguration": {"show_tracebacks": True}}
reach = Reach(port=int(sys.argv[2]), base_url=sys.argv[3])
serve(Path(sys.argv[1]), reach, open_browser=False, settings=shown)
"""
"""Serves as the command does."""


@contextmanager
def voila(
    notebook: Path | Sequence[str], port: int = 0, base_url: str = "/", **environment: str
) -> Iterator[str]:
    """Serve a notebook, or a notebook of these code cells, on this machine; yield its address.

    The server is the dashboard's, so a page opens with its token only: see `at`. It sees none of
    the user's Jupyter settings and is gone, kernels included, on exit.
    """
    with tempfile.TemporaryDirectory() as scratch:
        if not isinstance(notebook, Path):
            notebook = write_notebook(notebook, Path(scratch) / "page.ipynb")
        own = {
            "JUPYTER_CONFIG_DIR": f"{scratch}/config",
            "JUPYTER_RUNTIME_DIR": f"{scratch}/runtime",
            "IPYTHONDIR": f"{scratch}/ipython",
        }
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", SERVE, str(notebook.absolute()), str(port), base_url],
            env=os.environ | own | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        log: list[str] = []
        for line in process.stdout:
            log.append(line)
            if address := ADDRESS.search(line):
                break
        else:
            pytest.fail(f"Voilà did not start: {''.join(log)}")
        # A full pipe would stop the server.
        drain = threading.Thread(target=log.extend, args=(process.stdout,), daemon=True)
        drain.start()
        try:
            yield address[0]
        finally:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            drain.join()
            process.stdout.close()


def at(address: str, path: str) -> str:
    """Return where a path of a server is, given the address of its first page with the token."""
    return address.replace("/?", f"/{path}?")


@contextmanager
def launch_chromium() -> Iterator[Browser]:
    """Start Chromium: the system's if there is one, else Playwright's own; skip without any."""
    with sync_playwright() as playwright:
        names = ("chromium", "chromium-browser", "google-chrome")
        executable = next(filter(None, map(shutil.which, names)), None)
        if executable is None and not Path(playwright.chromium.executable_path).exists():
            message = "no Chromium: install it, or run `playwright install chromium`"
            if os.environ.get("LRS_EXPLORER_REQUIRE_BROWSER"):
                pytest.fail(message)
            pytest.skip(message)
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def open_page(
    browser: Browser, url: str, width: int = 1280, height: int = 900, sharpness: float = 1.0
) -> Page:
    """Open ``url`` in a new tab; what goes wrong in the page gathers in ``page.problems``.

    ``sharpness`` is that of screenshots: their pixels to one of the window.

    Problems are errors in the browser's console, uncaught exceptions, and requests that leave
    this machine.
    """
    page = browser.new_page(
        viewport={"width": width, "height": height}, device_scale_factor=sharpness
    )
    page.set_default_timeout(PATIENCE * 1000)
    problems: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        address = message.location.get("url", "")
        if message.type == "error" and not any(part in address for part in NOT_OURS):
            problems.append(f"console: {message.text} ({address})")

    def asked(request: Request) -> None:
        address = urlsplit(request.url)
        local = address.hostname == "127.0.0.1" or address.scheme in ("data", "blob")
        if not local and not any(part in request.url for part in NOT_OURS):
            problems.append(f"request to {request.url}")

    page.route("**/*fontawesome*/**", lambda route: route.abort())
    page.on("console", heard)
    page.on("pageerror", lambda error: problems.append(f"uncaught: {error.stack or error}"))
    page.on("request", asked)
    page.problems = problems  # type: ignore[attr-defined]
    _close_as_a_tab(page)
    page.goto(url)
    return page


def _close_as_a_tab(page: Page) -> None:
    """Have ``page.close()`` end the page's kernel, as closing a tab does.

    A page tells the server at its end that its kernel is no longer needed. Closed at once, its
    context takes that along, and kernels of half a gigabyte pile up behind the tests.
    """
    close = page.close

    def leave() -> None:
        page.unroute_all()  # a request of a page that is left could not be passed on
        page.goto("about:blank")
        close()

    page.close = leave  # type: ignore[assignment]
