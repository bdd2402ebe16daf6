"""The dashboard behind a Jupyter server, under a path: Binder, JupyterLab's launcher, a proxy."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import requests
from explorer_page import IMAGE, PASSED, ExplorerPage
from jupyter_server_process import Memory, jupyter
from playwright.sync_api import Browser, Page
from test_reprocessing import state
from voila_server import PATIENCE, SCREENSHOTS, open_page, voila
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

ROOT = Path(__file__).parents[2]

BASE = "/user/somebody/"

TOKEN = "of-jupyter"

ENOUGH = 2 * 2**30
"""Memory that Binder gives, bytes."""


class Served(NamedTuple):
    """A Jupyter server that Binder's script has started."""

    process: psutil.Process
    address: str

    def at(self, path: str, token: str = TOKEN) -> str:
        return f"{self.address}{BASE}{path}?token={token}"

    def kernels(self) -> list[psutil.Process]:
        every = self.process.children(recursive=True)
        return [one for one in every if any("ipykernel" in part for part in one.cmdline())]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("binder")
    with jupyter(
        folder,
        f"--ServerApp.base_url={BASE}",
        token=TOKEN,
        command=["bash", str(ROOT / "binder" / "start"), sys.executable, "-m", "jupyterlab"],
        LRS_EXPLORER_CACHE=str(folder / "cache"),  # empty: the pipeline runs
    ) as (process, address):
        yield Served(process, address)


def watched(page: Page, server: Served) -> Page:
    """Note what is not there, and what is asked for outside the path, beside other problems."""
    problems: list[str] = page.problems  # type: ignore[attr-defined]
    within = (f"{server.address}{BASE}", "data:", "blob:")

    def answered(url: str, status: int) -> None:
        if "fortawesome" in url:  # of Voilà's own page, and never sent
            return
        if not url.startswith(within) or status >= 400:
            problems.append(f"{status} {url}")

    page.on("response", lambda response: answered(response.url, response.status))
    page.on("request", lambda request: answered(request.url, 0))
    return page


def drag(explorer: ExplorerPage) -> None:
    """Move the aperture onto the trace, and wait until the spectrum follows."""
    explorer.until_live()
    figure = explorer.plot(IMAGE)
    figure.drag((9.0, 14.2), 0, round(-4.1 / figure.pixel))
    explorer.until(lambda: explorer.live_to_truth() == pytest.approx(PASSED, abs=0.02))


def ask(url: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    """Return the status of an answer, and where it sends to."""
    with requests.request(
        method, url, headers=headers, allow_redirects=False, timeout=PATIENCE
    ) as answer:
        return answer.status_code, answer.headers.get("Location", "")


def test_binder_shows_the_demo_in_two_gigabytes(server: Served, browser: Browser) -> None:
    with Memory(server.process) as memory:
        page = watched(open_page(browser, server.at("", TOKEN), 1400, 1000), server)
        explorer = ExplorerPage(page)
        drag(explorer)
        explorer.tab("Pixels")
        explorer.field("replace").select_option("fit_profile")
        explorer.screenshot("binder-runs")
        explorer.until(lambda: state(explorer) == "done", 5 * PATIENCE)  # the first run of all
        explorer.until_live()
        explorer.screenshot("binder")
    assert page.url.startswith(f"{server.address}{BASE}lrs-explorer/")
    assert page.problems == []  # type: ignore[attr-defined]
    assert 2**28 < memory.most < ENOUGH, memory.parts
    # A kernel holds much of that, and is not wanted any longer than its page.
    before = server.kernels()
    assert len(before) == 1
    page.reload()
    ExplorerPage(page)
    _, alive = psutil.wait_procs(before, timeout=PATIENCE)
    assert alive == []
    last = server.kernels()
    assert len(last) == 1
    page.close()
    _, alive = psutil.wait_procs(last, timeout=PATIENCE)
    assert alive == []


def test_the_launcher_opens_it(server: Served, browser: Browser) -> None:
    lab = open_page(browser, server.at("lab"), 1400, 1000)
    tile = lab.locator(".jp-LauncherCard", has_text="LRS Explorer")
    tile.locator("img, svg").first.wait_for()
    tile.scroll_into_view_if_needed()
    SCREENSHOTS.mkdir(exist_ok=True)
    lab.screenshot(path=SCREENSHOTS / "launcher.png")
    with lab.context.expect_page() as opened:
        tile.click()
    page = opened.value
    page.set_default_timeout(PATIENCE * 1000)
    drag(ExplorerPage(page))
    ExplorerPage(page).screenshot("from-launcher")
    page.close()
    lab.close()


def test_only_whom_jupyter_knows_reaches_it(server: Served) -> None:
    door = f"{server.address}{BASE}lrs-explorer/"
    for path in ("", "voila/static/voila.js", "api/kernels/x", "nothing/of/the/kind"):
        status, location = ask(door + path)
        assert (status, location.split("?")[0]) == (302, f"{BASE}login")
    known = {"Authorization": f"token {TOKEN}"}
    script = f"{door}voila/static/voila.js"
    assert ask(script, **known)[0] == 200
    assert ask(script, **known, Origin="https://attacker.example")[0] == 403
    # A page elsewhere cannot end a kernel either.
    shutdown = f"{door}voila/api/shutdown/x"
    assert ask(shutdown, "POST", **known, Origin="https://attacker.example")[0] == 403
    # Jupyter takes who tells it the token himself for no browser, whatever page that is from.
    with requests.get(server.at("api"), timeout=PATIENCE) as answer:
        cookie = "; ".join(f"{one.name}={one.value}" for one in answer.cookies)
    kernel = "00000000-0000-0000-0000-000000000000"
    channel = f"{door}api/kernels/{kernel}/channels".replace("http://", "ws://")
    for headers in (
        {"Origin": server.address},
        {"Origin": "https://attacker.example", "Cookie": cookie},
    ):
        with (
            pytest.raises(InvalidStatus) as error,
            connect(channel, additional_headers=headers, proxy=None),
        ):
            pass
        assert error.value.response.status_code == 403


@pytest.mark.parametrize("path", ["proxy", "proxy/absolute"])
def test_a_dashboard_of_ones_own_is_shown_by_its_port(
    server: Served, browser: Browser, path: str
) -> None:
    """Jupyter cuts the path, or passes it on; the dashboard asks for its own token all the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"{BASE}{path}/{port}/"
    cells = ["import lrs_explorer as lrs\nlrs.Explorer()"]
    known = {"Authorization": f"token {TOKEN}"}
    with voila(cells, port, base) as address:
        assert address.startswith(f"http://127.0.0.1:{port}{base}?token=")
        assert ask(f"{server.address}{base}", **known)[0] == 403
        page = watched(open_page(browser, server.at("api")), server)  # gives Jupyter's cookie
        page.goto(address.replace(f"http://127.0.0.1:{port}", server.address))
        assert page.url == f"{server.address}{base}"
        drag(ExplorerPage(page))
        assert page.problems == []  # type: ignore[attr-defined]
        page.close()
