"""``lrs-explorer`` and ``lrs-explorer demo``: a real server, in a process of its own."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dashboard_server import COMMAND, kernels, served, visit
from playwright.sync_api import Browser
from voila_server import open_page

import lrs_explorer as lrs

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


def wait_for_end(folder: Path, seconds: float = 15) -> list[str]:
    """Wait until no kernels are there; return what is left."""
    end = time.monotonic() + seconds
    while (left := kernels(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


@pytest.mark.parametrize("stop", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_serves_a_file_and_leaves_nothing_behind(tmp_path: Path, stop: str) -> None:
    target = DEMO / "jw90010001001_03102_00002_mirimage_s2d.fits"
    with served(tmp_path, "--no-browser", str(target)) as (process, address):
        with visit(address) as answer:
            page = answer.read().decode()
        assert answer.status == 200
        # The page was made by a kernel: it holds the widgets' state, and no traceback.
        assert "application/vnd.jupyter.widget-view+json" in page
        assert "Traceback" not in page
        assert kernels(tmp_path)
        process.send_signal(getattr(signal, stop))
        assert process.wait(timeout=30) == 0
    assert wait_for_end(tmp_path) == []
    assert [path.name for path in tmp_path.iterdir() if path.name != "ipython"] == []


def test_serves_the_demo_on_the_port_that_was_asked_for_and_on_this_machine_only(
    tmp_path: Path,
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with served(tmp_path, "demo", "slitless", "--no-browser", "--port", str(port)) as (_, address):
        assert address.startswith(f"http://127.0.0.1:{port}/?token=")
        with visit(address) as answer:
            assert answer.status == 200
        table = Path("/proc/net/tcp")
        if table.is_file():
            listening = [
                row.split()[1].split(":")
                for row in table.read_text().splitlines()[1:]
                if row.split()[3] == "0A"
            ]
            assert [host for host, number in listening if int(number, 16) == port] == ["0100007F"]


def test_the_kernel_of_a_page_that_is_gone_ends(tmp_path: Path) -> None:
    hasty = (
        "import sys; from lrs_explorer.cli import dashboard, main; dashboard.ABANDONED = 2; "
        "sys.exit(main())"
    )
    with served(tmp_path, "--no-browser", command=[sys.executable, "-c", hasty]) as (_, address):
        seen = set()
        for _page in range(2):  # which nobody keeps open
            visit(address).close()
            seen |= set(kernels(tmp_path))  # on a slow machine the first is gone before the second
        assert len(seen) >= 2
        end = time.monotonic() + 90
        while len(left := kernels(tmp_path)) != 1 and time.monotonic() < end:
            time.sleep(0.1)
        assert len(left) == 1, "one is kept ready for the next page"


@pytest.mark.parametrize(("name", "target"), [("slit", "DUSTY-STAR"), ("slitless", "TRANSIT-HOST")])
def test_demos_are_opened_by_name(tmp_path: Path, browser: Browser, name: str, target: str) -> None:
    with served(tmp_path, "demo", name, "--no-browser") as (_, address):
        page = open_page(browser, address)
        page.locator(".lrs-title", has_text=f"SIM-{target}").wait_for()
        page.close()


@pytest.mark.parametrize("port", ["taken", "-1", "70000"])
def test_a_port_that_cannot_be_used_is_one_line(port: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = str(taken.getsockname()[1]) if port == "taken" else port
        run = subprocess.run(
            [*COMMAND, "--port", number, "--no-browser"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert run.stderr.startswith(f"lrs-explorer: port {number} on 127.0.0.1 cannot be used")
