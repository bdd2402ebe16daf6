"""Who may reach the dashboard's server, and what it takes from where it was started."""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import psutil
import pytest
from dashboard_server import COMMAND, kernels, served, visit
from playwright.sync_api import Browser
from voila_server import PATIENCE, SCREENSHOTS, open_page
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import lrs_explorer as lrs
from lrs_explorer.cli.jupyter import launcher
from lrs_explorer.cli.server import Reach

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    text: str


class Server(NamedTuple):
    """A dashboard that is served."""

    port: int
    token: str
    kernel: str
    folder: Path

    @property
    def cookie(self) -> str:
        """What a browser sends that has been at the address with the token."""
        return f"lrs-explorer-127-0-0-1-{self.port}={self.token}"

    def ask(self, path: str = "/", method: str = "GET", **headers: str) -> Answer:
        """Send a request with just these headers; the host is right unless it is given."""
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            link.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in ({"Host": f"127.0.0.1:{self.port}"} | headers).items():
                link.putheader(name, value)
            link.endheaders()
            answer = link.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            link.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a dashboard with one kernel, which waits for the first page."""
    folder = tmp_path_factory.mktemp("served")
    with served(folder, "demo", "--no-browser") as (_, address):
        parts = urlsplit(address)
        assert parts.port is not None
        end = time.monotonic() + 60
        while not (running := kernels(folder)) and time.monotonic() < end:
            time.sleep(0.1)
        kernel = re.search(r"kernel-([\w-]+)\.json", running[0])
        assert kernel
        yield Server(parts.port, parse_qs(parts.query)["token"][0], kernel[1], folder)


ROUTES = [
    ("GET", "/"),
    ("HEAD", "/"),
    ("POST", "/"),
    ("GET", "/nothing/of/the/kind"),
    ("GET", "/api/kernels"),
    ("GET", "/api/kernels/{kernel}"),
    ("DELETE", "/api/kernels/{kernel}"),
    ("POST", "/voila/api/shutdown/{kernel}"),
    ("GET", "/voila/query/{kernel}"),
    ("GET", "/voila/static/voila.js"),
    ("GET", "/voila/templates/lab/static/voila.js"),
    ("GET", "/voila/api/themes/@jupyterlab/theme-dark-extension/index.css"),
    ("GET", "/voila/labextensions/@jupyter-widgets/jupyterlab-manager/package.json"),
    ("GET", "/voila/files/picture.png"),
    ("GET", "/voila/render/LRS%20Explorer.ipynb"),
    ("GET", "/login"),
    ("POST", "/login"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nothing_is_told_or_done_without_the_token(server: Server, method: str, path: str) -> None:
    answer = server.ask(path.format(kernel=server.kernel), method)
    assert answer.status == 403
    assert "Set-Cookie" not in answer.headers
    if method != "HEAD":
        assert answer.text.startswith("This page opens only at the address that lrs-explorer")
        assert answer.text.count("\n") == 1
    assert [server.kernel in line for line in kernels(server.folder)] == [True]


def test_a_wrong_token_or_cookie_opens_nothing(server: Server) -> None:
    for wrong in (
        "",
        "x",
        server.token[:-1],
        server.token + "A",
        server.token.swapcase(),
        "%C3%A9",
    ):
        answer = server.ask(f"/?token={wrong}")
        assert (answer.status, answer.headers["Set-Cookie"]) == (403, None), wrong
        name, _, _ = server.cookie.partition("=")
        assert server.ask(Cookie=f"{name}={wrong}").status == 403, wrong
    # Only a page that is asked for gives the cookie, and the token is not taken from elsewhere.
    assert server.ask(f"/?token={server.token}", "POST").status == 403
    assert server.ask(Authorization=f"token {server.token}").status == 403


def test_the_token_gives_a_cookie_and_goes_out_of_the_address(server: Server) -> None:
    answer = server.ask(f"/?token={server.token}")
    assert (answer.status, answer.headers["Location"]) == (302, "./")
    parts = answer.headers["Set-Cookie"].split("; ")
    assert parts[0] == server.cookie
    assert {part.lower() for part in parts[1:]} == {"httponly", "path=/", "samesite=lax"}
    # Wherever that path seems to lead: a name relative to where the browser is stays there.
    for path in ("//elsewhere.example/page", "/\\elsewhere.example/page"):
        location = server.ask(f"{path}?token={server.token}").headers["Location"]
        assert location == "./page"
    # The address with the token, opened once more.
    again = server.ask(f"/?token={server.token}", Cookie=server.cookie)
    assert (again.status, again.headers["Location"]) == (302, "./")
    # With the cookie, the kernel can be asked for.
    told = server.ask(f"/api/kernels/{server.kernel}", Cookie=server.cookie)
    assert (told.status, json.loads(told.text)["id"]) == (200, server.kernel)
    assert server.ask("/voila/static/voila.js", Cookie=server.cookie).status == 200


FOREIGN = [
    "",
    "attacker.example",
    "attacker.example:{port}",
    "localhost.attacker.example:{port}",
    "127.0.0.1.attacker.example:{port}",
    "127.0.0.1:{port}@attacker.example",
    "localhost.",
    "[::1",
    "0.0.0.0:{port}",
]


@pytest.mark.parametrize("host", FOREIGN)
def test_a_page_elsewhere_whose_name_leads_here_is_refused(server: Server, host: str) -> None:
    host = host.format(port=server.port)
    answer = server.ask(f"/?token={server.token}", Host=host)
    assert answer.status in (400, 403)  # tornado itself refuses what is no name at all
    assert "Set-Cookie" not in answer.headers
    assert server.ask(f"/api/kernels/{server.kernel}", Host=host, Cookie=server.cookie).status in (
        400,
        403,
    )


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "[::1]:{port}", "127.0.0.1:9000", "localhost"]
)
def test_this_machine_may_be_called_by_each_of_its_names(server: Server, host: str) -> None:
    """The near end of a tunnel may have another port."""
    host = host.format(port=server.port)
    answer = server.ask(f"/?token={server.token}", Host=host)
    assert answer.status == 302
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert server.ask("/voila/static/voila.js", Host=host, Cookie=cookie).status == 200


def test_no_other_page_may_ask(server: Server) -> None:
    """A page of another server on this machine is sent with the cookie, as cookies know no port."""
    path = f"/api/kernels/{server.kernel}"
    for origin in ("http://attacker.example", f"http://127.0.0.1:{server.port + 1}", "null"):
        assert server.ask(path, Cookie=server.cookie, Origin=origin).status == 403
    own = f"http://127.0.0.1:{server.port}"
    assert server.ask(path, Cookie=server.cookie, Origin=own).status == 200
    # Browsers tell where a request comes from that changes something.
    assert server.ask(path, "DELETE", Cookie=server.cookie).status == 403


INFO = {
    "channel": "shell",
    "header": {"msg_id": "1", "msg_type": "kernel_info_request", "version": "5.3"}
    | {"username": "", "session": "1", "date": "2026-01-01T00:00:00Z"},
    "parent_header": {},
    "metadata": {},
    "content": {},
}
"""What a client asks of a kernel first."""


def test_a_channel_to_the_kernel_opens_with_the_cookie_only(server: Server) -> None:
    own = f"http://127.0.0.1:{server.port}"
    for path in (f"/api/kernels/{server.kernel}/channels", f"/voila/query/{server.kernel}"):
        address = f"ws://127.0.0.1:{server.port}{path}"
        for refused, headers in (
            (address, {}),
            (f"{address}?token={server.token}", {}),
            (address, {"Cookie": server.cookie[:-1], "Origin": own}),
            (address, {"Cookie": server.cookie, "Origin": "http://attacker.example"}),
        ):
            with (
                pytest.raises(InvalidStatus) as error,
                connect(refused, additional_headers=headers, proxy=None),
            ):
                pass
            assert error.value.response.status_code == 403
    address = f"ws://127.0.0.1:{server.port}/api/kernels/{server.kernel}/channels"
    headers = {"Cookie": server.cookie, "Origin": own}
    # The server opens it once the kernel, busy with the notebook, has answered.
    with connect(address, additional_headers=headers, proxy=None, open_timeout=PATIENCE) as channel:
        channel.send(json.dumps(INFO))
        kinds = set()
        while "kernel_info_reply" not in kinds:
            kinds.add(json.loads(channel.recv(timeout=PATIENCE))["msg_type"])


PREFIX = "/user/me/proxy/8866/"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Return a dashboard that another server shows under a path, and under its own name."""
    folder = tmp_path_factory.mktemp("behind")
    options = ("--base-url", PREFIX, "--allow-host", "Hub.example.org")
    with served(folder, "demo", "--no-browser", *options) as (_, address):
        parts = urlsplit(address)
        assert parts.port is not None
        assert parts.path == PREFIX
        yield Server(parts.port, parse_qs(parts.query)["token"][0], "", folder)


@pytest.mark.parametrize("path", [PREFIX, "/"], ids=["passed on", "cut"])
def test_another_server_may_show_the_page_under_a_path(behind: Server, path: str) -> None:
    hub = {"Host": "hub.example.org"}
    answer = behind.ask(f"{path}?token={behind.token}", **hub)
    assert (answer.status, answer.headers["Location"]) == (302, "./")
    cookie, *rules = answer.headers["Set-Cookie"].split("; ")
    assert f"path={PREFIX}" in {rule.lower() for rule in rules}, (
        "other users' servers do not see it"
    )
    page = behind.ask(path, Cookie=cookie, **hub)
    assert page.status == 200
    assert configuration(page.text)["baseUrl"] == PREFIX
    links = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
    assert links
    assert [link for link in links if not link.startswith(PREFIX)] == []
    assert behind.ask(f"{path}voila/static/voila.js", Cookie=cookie, **hub).status == 200


@pytest.mark.parametrize("path", [PREFIX, "/"], ids=["passed on", "cut"])
def test_behind_another_server_the_door_is_as_closed(behind: Server, path: str) -> None:
    hub = {"Host": "hub.example.org"}
    cookie = behind.ask(f"{path}?token={behind.token}", **hub).headers["Set-Cookie"].split(";")[0]
    for _, route in ROUTES:
        assert behind.ask(path + route[1:].format(kernel="x"), **hub).status == 403
    foreign = {"Host": "hub.example.org.attacker.example"}
    assert behind.ask(f"{path}?token={behind.token}", **foreign).status == 403
    assert behind.ask(path, Cookie=cookie, Origin="https://attacker.example", **hub).status == 403
    kernel = "00000000-0000-0000-0000-000000000000"
    address = f"ws://hub.example.org{path}api/kernels/{kernel}/channels"
    for headers in (
        {"Origin": "https://hub.example.org"},
        {"Origin": "https://attacker.example", "Cookie": cookie},
    ):
        with (
            pytest.raises(InvalidStatus) as error,
            socket.create_connection(("127.0.0.1", behind.port)) as link,
            connect(address, additional_headers=headers, proxy=None, sock=link),
        ):
            pass
        assert error.value.response.status_code == 403


def test_where_the_page_is_found() -> None:
    hub = Reach(base_url="https://hub.example.org/user/me/proxy/8866")
    assert hub.address(1) == "https://hub.example.org/user/me/proxy/8866/"
    assert hub.names == {"localhost", "127.0.0.1", "::1", "hub.example.org"}
    assert Reach().address(80) == "http://127.0.0.1:80/"
    assert Reach(ip="0.0.0.0", base_url="/a/b%20c/").address(80) == "http://127.0.0.1:80/a/b%20c/"
    assert Reach(ip="::").address(80) == "http://[::1]:80/"
    assert Reach(ip="192.0.2.1", allow_hosts=("[::FFFF]",)).names >= {"192.0.2.1", "::ffff"}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hub",
        "hub.example.org/user",
        "//elsewhere.example/",
        "/a//b/",
        "/a;b/",
        "/a?b",
        "/a b/",
        "/a\nb/",
        "ftp://hub.example.org/",
        "https://",
        "https:///user/",
        "https://me@hub.example.org/",
        "https://hub.example.org:port/",
        "https://[::1/",
    ],
)
def test_what_is_no_base_url_is_told(url: str) -> None:
    with pytest.raises(
        lrs.LRSExplorerError, match=r"^--base-url takes a path such as .* neither\.$"
    ):
        Reach(base_url=url)


@pytest.mark.parametrize(
    "name",
    ["", "*", "http://hub.example.org", "hub.example.org:80", "a/b", "me@hub", "a b", "[::1"],
)
def test_what_is_no_name_of_a_host_is_told(name: str) -> None:
    with pytest.raises(
        lrs.LRSExplorerError, match=r"^--allow-host takes a name such as .* none\.$"
    ):
        Reach(allow_hosts=(name,))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # tornado's socket
@pytest.mark.parametrize("ip", ["", "192.0.2.1", "no.such.name.invalid", "a" * 70])
def test_an_address_of_no_use_to_listen_on_is_told(ip: str) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=r"cannot be used .*; choose another --port or"):
        Reach(ip=ip).listen()


def test_a_server_that_others_can_reach_says_so(tmp_path: Path) -> None:
    with served(tmp_path, "demo", "--no-browser", "--ip", "0.0.0.0") as (process, address):
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Other machines reach it too, and nothing is")
        parts = urlsplit(address)
        server = Server(parts.port or 0, parse_qs(parts.query)["token"][0], "", tmp_path)
        assert server.ask("/").status == 403
        assert server.ask("/", Cookie=server.cookie).status == 200
        for host in ("0.0.0.0", "192.0.2.1"):
            assert server.ask(f"/?token={server.token}", Host=host).status == 403


def test_the_socket_for_jupyter_is_the_users_own(tmp_path: Path) -> None:
    """Jupyter starts the dashboard, asks who comes, and may be killed."""
    place, prefix = tmp_path / "socket", "/user/me/lrs-explorer/"
    command = [part.format(unix_socket=place, base_url="/user/me/") for part in START]
    jupyter = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT, *command],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert jupyter.stdout is not None
    dashboard = psutil.Process(int(jupyter.stdout.readline()))
    try:
        end = time.monotonic() + PATIENCE
        while not place.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert stat.S_IMODE(place.stat().st_mode) == 0o600

        def ask(path: str, method: str = "GET", **headers: str) -> int:
            link = http.client.HTTPConnection("hub.example.org", timeout=PATIENCE)
            link.sock = socket.socket(socket.AF_UNIX)
            link.sock.connect(str(place))
            with closing(link):
                link.request(method, path, headers=headers)
                return link.getresponse().status

        assert ask("/") == 404, "Jupyter asks whether it is there; no kernel starts for that"
        assert kernels(tmp_path) == []
        script = f"{prefix}voila/static/voila.js"
        assert ask(script) == 200
        assert ask(script, Origin="https://hub.example.org") == 200
        assert ask(script, Origin="https://attacker.example") == 403
        shutdown = f"{prefix}voila/api/shutdown/x"
        assert ask(shutdown, "POST") == ask(shutdown, "POST", Origin="null") == 403
        assert ask(prefix) == 200
        assert len(kernels(tmp_path)) == 1
    finally:
        jupyter.kill()
        jupyter.communicate()
        with suppress(psutil.NoSuchProcess):
            dashboard.wait(timeout=PATIENCE)
    assert not place.exists()
    assert kernels(tmp_path) == []


START = launcher()["command"]
"""What jupyter-server-proxy runs."""

START_AND_WAIT = """
import subprocess, sys, time
print(subprocess.Popen(sys.argv[1:]).pid, flush=True)
time.sleep(1000)
"""


def configuration(page: str) -> dict[str, str]:
    """Return what a page tells its scripts."""
    found = re.search(r'<script id="jupyter-config-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    values: dict[str, str] = json.loads(found[1])
    return values


def test_the_address_chooses_no_theme_and_no_template(tmp_path: Path) -> None:
    with served(tmp_path, "demo", "--no-browser") as (_, address):
        with visit(address) as answer:
            plain = answer.read().decode()
        parts = urlsplit(address)
        token = parse_qs(parts.query)["token"][0]
        server = Server(parts.port or 0, token, "", tmp_path)
        asked = server.ask("/?theme=dark&template=reveal", Cookie=server.cookie)
    assert asked.status == 200
    assert configuration(asked.text)["jupyterLabTheme"] == "light"
    assert "reveal" not in asked.text
    # Apart from what belongs to their kernels the two pages are the same.
    names = [set(configuration(text)) for text in (plain, asked.text)]
    assert names[0] == names[1]
    styles = [re.findall(r'<link rel="stylesheet"[^>]*>', text) for text in (plain, asked.text)]
    assert styles[0] == styles[1] != []


RUN = "import pathlib\npathlib.Path({mark!r}).touch()\n"

MODULES = [
    # Settings that Jupyter, Voilà and IPython look for.
    "voila.py",
    "jupyter_config.py",
    "jupyter_server_config.py",
    "jupyter_notebook_config.py",
    "ipython_config.py",
    "ipython_kernel_config.py",
    "profile_default/startup/00.py",
    ".ipython/profile_default/startup/00.py",
    # What the command, the server, the kernels and the pipeline import.
    "IPython.py",
    "anywidget.py",
    "argparse.py",
    "asdf.py",
    "astropy.py",
    "bqplot.py",
    "crds.py",
    "ipykernel.py",
    "ipykernel_launcher.py",
    "ipywidgets.py",
    "jinja2.py",
    "jupyter_client.py",
    "jwst.py",
    "numpy.py",
    "scipy.py",
    "sitecustomize.py",
    "socket.py",
    "tempfile.py",
    "tornado.py",
    "traitlets.py",
    "usercustomize.py",
]


@pytest.fixture
def download(tmp_path: Path) -> tuple[Path, Path]:
    """Return a folder of data with files that would be run, and the folder of their marks."""
    folder, marks = tmp_path / "download", tmp_path / "marks"
    shutil.copytree(DEMO, folder)
    marks.mkdir()
    for name in MODULES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RUN.format(mark=str(marks / name.replace("/", "-"))))
    dark = {"VoilaConfiguration": {"theme": "dark"}}
    for name in ("voila", "jupyter_config", "jupyter_server_config"):
        (folder / f"{name}.json").write_text(json.dumps(dark))
    for template in ("lab", "base"):
        (folder / template).mkdir()
        (folder / template / "index.html.j2").write_text("a template of the download")
    return folder, marks


INSTALLED = [str(Path(sys.executable).parent / "lrs-explorer")]


@pytest.mark.browser
@pytest.mark.parametrize("command", [INSTALLED, COMMAND], ids=["lrs-explorer", "python -m"])
def test_nothing_is_run_from_the_folder_of_a_download(
    download: tuple[Path, Path], tmp_path: Path, browser: Browser, command: list[str]
) -> None:
    folder, marks = download
    file = "jw90010001001_03102_00002_mirimage_s2d.fits"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    before = sorted(folder.rglob("*"))
    with served(folder, file, "--no-browser", command=command, scratch=scratch) as (_, address):
        page = open_page(browser, address, 1280, 1000)
        page.locator("[data-curve=live][data-state=live]").first.wait_for()
        # Findings have been looked for, and with that all reference files.
        page.get_by_role("tab", name=re.compile(r"^Findings \(\d+\)$")).click()
        shown = page.locator("#jupyter-config-data").inner_text()
        assert json.loads(shown)["jupyterLabTheme"] == "light"
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"download-{len(command)}.png")
        assert page.url == address.partition("?")[0]
        assert page.problems == []  # type: ignore[attr-defined]
        page.close()
    assert sorted(path.name for path in marks.iterdir()) == []
    assert sorted(folder.rglob("*")) == before


@pytest.mark.browser
def test_the_browser_is_sent_by_a_file_that_only_the_user_can_read(
    tmp_path: Path, browser: Browser
) -> None:
    """Every user of a machine can read what commands are called with."""
    told, program = tmp_path / "told", tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$@" > {shlex.quote(str(told))}.part\n')
    with program.open("a") as script:
        script.write(f"mv {shlex.quote(str(told))}.part {shlex.quote(str(told))}\n")
    program.chmod(0o700)
    with served(tmp_path, "demo", BROWSER=f"{program} %s") as (_, address):
        end = time.monotonic() + 60
        while not told.exists() and time.monotonic() < end:
            time.sleep(0.1)
        opened = told.read_text().strip()
        assert parse_qs(urlsplit(address).query)["token"][0] not in opened
        assert opened.startswith("file://")
        path = Path(unquote(urlsplit(opened).path))
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        page = browser.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.goto(opened)
        page.locator(".lrs-title", has_text="SIM-DUSTY-STAR").wait_for()
        assert page.url == address.partition("?")[0]
        page.close()
    assert not path.exists()
