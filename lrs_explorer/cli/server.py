"""The server of the dashboard: Voilà behind a door that opens to one user only.

Whoever reaches a kernel has the user's rights. So every request must carry the cookie that the
address with the token gave (other users of this machine have neither), be for a name that is known
(a page elsewhere may have its own name lead here) and come from no other page. The door stands
before all routes of Voilà, whatever they are. Nothing is read or run from the folder in which the
command was given: downloads lie there.

Another server may stand in front, such as JupyterHub with jupyter-server-proxy, and show the page
under a path of its own. A Jupyter server that starts the dashboard itself reaches it by a socket in
the file system, which is closed to other users, and asks who comes: there is no token then.

Kernels are reached on ports of 127.0.0.1; what goes there is signed, and encrypted where the kernel
can: the keys lie in a folder of the user's own.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import os
import re
import secrets
import signal
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets, bind_unix_socket
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler
from traitlets import Instance, List, Unicode
from traitlets.config import Config
from voila.app import Voila

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["Reach", "serve"]

HOST: Final = "127.0.0.1"

LOCAL_NAMES: Final = ("localhost", HOST, "::1")
"""Names of this machine. The port is left open: at the near end of a tunnel it may be another."""

REFUSED: Final = (
    "This page opens only at the address that lrs-explorer printed when it was started, with all "
    "that follows the question mark; another name of its machine it takes with --allow-host.\n"
)

OPEN: Final = (
    "Other machines reach it too, and nothing is encrypted on the way: who sees that address can "
    "do what you can."
)

PATH: Final = re.compile(r"(/[\w.~!$&'()*+,=:@%-]+)*/?", re.ASCII)
"""What a path of an address may be, in which each part has a name."""

NAME: Final = re.compile(r"[\w.-]+|\[[0-9A-Fa-f:.]+\]", re.ASCII)
"""What a name of a host may be; that of an address of version 6 has brackets."""

EVERYWHERE: Final = {"0.0.0.0": HOST, "::": "::1"}
"""Addresses that stand for all of this machine, and where it finds itself then."""


@dataclass(frozen=True)
class Reach:
    """Where a server listens, and how it may be asked.

    Parameters
    ----------
    port : int, optional
        Without it a free one is taken.
    ip : str
        Address of this machine; others than those of the loopback can be reached from outside.
    base_url : str
        Where the page begins for the browser: a path, or the whole address at which a server in
        front of this one shows it. That server may pass the path on or take it away.
    allow_hosts : tuple of str
        Names, besides those of this machine, under which the page may be asked for.
    unix_socket : Path, optional
        Listen on this socket in the file system instead of a port, and leave it to the server that
        reaches it to ask who comes.

    Raises
    ------
    LRSExplorerError
        The base URL or a name is none.
    """

    port: int | None = None
    ip: str = HOST
    base_url: str = "/"
    allow_hosts: tuple[str, ...] = ()
    unix_socket: Path | None = None

    def __post_init__(self) -> None:
        for name in self.allow_hosts:
            if not NAME.fullmatch(name):
                raise LRSExplorerError(
                    f"--allow-host takes a name such as hub.example.org, without http:// and port, "
                    f"and {name!r} is none."
                )
        front, _, path = self.base_url.partition("://")
        host, slash, path = path.partition("/") if path else ("", "/", front.removeprefix("/"))
        in_front = front.lower() in ("http", "https") and _name_in(host) is not None
        if not (in_front or self.base_url.startswith("/")) or not PATH.fullmatch(slash + path):
            raise LRSExplorerError(
                f"--base-url takes a path such as /user/me/proxy/8866/, or the address that begins "
                f"with it, as in https://hub.example.org/user/me/proxy/8866/; {self.base_url!r} is "
                "neither."
            )

    @property
    def path(self) -> str:
        """The path with which all of the page's addresses begin; it ends with a slash."""
        return urlsplit(self.base_url).path.rstrip("/") + "/"

    @property
    def names(self) -> set[str]:
        """Under which names the page may be asked for."""
        front = urlsplit(self.base_url).hostname
        named = {name.strip("[]").lower() for name in self.allow_hosts}
        listens = {self.ip} - set(EVERYWHERE)
        return {*LOCAL_NAMES, *listens, *named, *([front] if front else [])}

    def address(self, port: int) -> str:
        """Return where the user finds the page of the server on ``port``."""
        parts = urlsplit(self.base_url)
        if parts.netloc:
            return f"{parts.scheme}://{parts.netloc}{self.path}"
        host = EVERYWHERE.get(self.ip, self.ip)
        return f"http://{f'[{host}]' if ':' in host else host}:{port}{self.path}"

    def listen(self) -> list[socket.socket]:
        """Return sockets that listen.

        Raises
        ------
        LRSExplorerError
            The port cannot be used.
        """
        if self.unix_socket is not None:
            return [bind_unix_socket(str(self.unix_socket), mode=0o600)]
        try:
            if not self.ip:  # tornado would take all
                raise OSError("no address")
            if not 0 <= (self.port or 0) < 2**16:  # the resolver counts on from 0
                raise OSError("ports are 0 to 65535")
            return bind_sockets(self.port or 0, self.ip)
        except (OSError, UnicodeError) as error:
            raise LRSExplorerError(
                f"port {self.port or 'any'} on {self.ip} cannot be used ({error}); choose another "
                f"--port{'' if self.ip == HOST else ' or --ip'}."
            ) from None


def _name_in(host: str) -> str | None:
    """Return the name in a host, which may have a port; None where it is no host."""
    try:
        parts = urlsplit(f"//{host}")
        sound = parts.netloc == host and "@" not in host and parts.port != 0
        return parts.hostname if sound else None
    except ValueError:
        return None


class _Outside(Matcher):
    """Matches each request that is for the door, and must not go on to Voilà."""

    def __init__(self, reach: Reach, token: str) -> None:
        self._reach = reach
        self._token = token

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        if not self.may_ask(request):
            return {}
        if self._reach.unix_socket is not None:
            return None
        known = self.is_token(_cookie(request))
        return None if known and "token" not in request.query_arguments else {}

    def may_ask(self, request: HTTPServerRequest) -> bool:
        """Tell whether a request is for a name that is known, and from no other page."""
        host = request.headers.get("Host", "")
        # Browsers tell it with all but what is only read.
        origin = request.headers.get("Origin")
        try:
            if origin is None:
                own = request.method in ("GET", "HEAD")
            else:
                own = urlsplit(origin).netloc == host
            # What comes by a socket the server in front has let in.
            return own and (
                self._reach.unix_socket is not None or _name_in(host) in self._reach.names
            )
        except ValueError:  # no origin at all
            return False

    def is_token(self, value: str) -> bool:
        """Compare in a time that does not tell how much is right."""
        return secrets.compare_digest(value.encode(), self._token.encode())


class _Door(RequestHandler):
    """Gives the cookie for the token, and refuses everybody else."""

    def initialize(self, outside: _Outside, reach: Reach) -> None:
        self._outside = outside
        self._reach = reach

    def prepare(self) -> None:
        request = self.request
        self.set_header("Cache-Control", "no-store")
        token = self.get_query_argument("token", "")
        let_in = self._outside.may_ask(request) and self._outside.is_token(token)
        if request.method == "GET" and let_in:
            # "lax": the browser comes from a file, or from a link in a mail.
            self.set_cookie(
                _cookie_name(request),
                token,
                httponly=True,
                path=self._reach.path,
                samesite="lax",
                secure=self._reach.base_url.lower().startswith("https:"),
            )
            # The token need not stay in the address bar, nor be in what the kernel is told. Where
            # the path begins for the browser only it knows: a server in front may have cut it.
            self.redirect("./" + re.split(r"[/\\]", request.path)[-1])
            return
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(REFUSED)


def _cookie_name(request: HTTPServerRequest) -> str:
    """Return a name of its own for each port: a browser does not keep their cookies apart."""
    return re.sub(r"[^A-Za-z0-9]", "-", f"lrs-explorer-{request.host}")


def _cookie(request: HTTPServerRequest) -> str:
    morsel = request.cookies.get(_cookie_name(request))
    return morsel.value if morsel is not None else ""


class _Server(Voila):  # type: ignore[misc]
    """Voilà behind the door."""

    reach = Instance(Reach)
    sockets: List[socket.socket] = List(help="Where it listens.")
    secret = Unicode(help="What the address must carry.")

    @property
    def address(self) -> str:
        """Where the user finds the page."""
        return f"{self.reach.address(self.port)}?token={self.secret}"

    def init_handlers(self) -> list[Any]:
        """Return Voilà's rules for requests, after one that matches all that stay outside.

        They are there with the path that the browser sees and, as a server in front may cut it,
        without; on a socket only with it: Jupyter asks for ``/`` to learn whether this one answers.
        """
        outside = _Outside(self.reach, self.secret)
        rules = [Rule(outside, _Door, {"outside": outside, "reach": self.reach})]
        paths = {self.reach.path} if self.reach.unix_socket is not None else {self.reach.path, "/"}
        for path in sorted(paths, reverse=True):
            self.server_url = re.escape(path)
            rules += super().init_handlers()
        return rules

    def listen(self) -> None:
        """Say where the page is once it can be asked for, and answer until the end."""
        HTTPServer(self.app).add_sockets(self.sockets)
        self.ioloop = IOLoop.current()  # which Voilà stops on SIGTERM
        if self.reach.unix_socket is None:
            self.ioloop.add_callback(self._tell)
        if self.open_browser:
            self.launch_browser()
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass
        finally:
            self.stop()

    def _tell(self) -> None:
        print(f"LRS Explorer is at {self.address} (stop it with Ctrl-C)", flush=True)
        own = (ipaddress.ip_address(one.getsockname()[0]).is_loopback for one in self.sockets)
        if not all(own):
            print(OPEN, flush=True)

    def launch_browser(self) -> None:
        """Open the address by way of a file: other users can read what commands are called with."""
        number, page = tempfile.mkstemp(suffix=".html", dir=Path.cwd())
        with open(number, "w", encoding="utf-8") as stream:
            stream.write(f'<meta http-equiv="refresh" content="0; url={self.address}">')
        # Some browsers return only when they are closed.
        threading.Thread(target=webbrowser.open, args=(Path(page).as_uri(),), daemon=True).start()


def serve(
    target: Path,
    reach: Reach,
    open_browser: bool,
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """Serve a notebook, or a folder of notebooks, until it is interrupted.

    Parameters
    ----------
    target : Path
        Absolute. Server and kernels work in its folder, where they also put what they need
        meanwhile: it must hold nothing that others could have written.
    reach : Reach
    open_browser : bool
    settings : mapping, optional
        More settings of Voilà and Jupyter: values by class and name.

    Raises
    ------
    LRSExplorerError
        The port cannot be used.
    """
    sockets = reach.listen()
    os.environ["PYTHONSAFEPATH"] = "1"  # kernels import nothing from where they work, as -P does
    if hasattr(signal, "SIGHUP"):
        # A closed terminal: Voilà stops its kernels on SIGTERM only.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    config = Config(
        # A template is a program: the address must not choose one.
        VoilaConfiguration={
            "allow_template_override": "NO",
            "allow_theme_override": "NO",
            # It puts tiles into JupyterLab's launcher, and fails in a page without one.
            "extension_denylist": ["@jupyterhub/jupyter-server-proxy"],
        },
        # After its own 4 s a busy machine would get an empty page: the explorer's widgets are
        # there, but what shows them is not.
        VoilaExecutor={"iopub_timeout": 120},
        KernelManager={"transport_encryption": "auto"},  # ipykernel warns without it
    )
    config.merge(Config(settings or {}))
    served: dict[str, Any] = (
        {"root_dir": str(target)} if target.is_dir() else {"notebook_path": str(target)}
    )
    if reach.unix_socket is None:
        served["port"] = sockets[0].getsockname()[1]
    try:
        with contextlib.chdir(target if target.is_dir() else target.parent):
            _Server.launch_instance(
                argv=[],
                config=config,
                config_file_paths=[],  # of Voilà's own; one is the working folder
                reach=reach,
                sockets=sockets,
                secret=secrets.token_urlsafe(32),
                base_url=reach.path,
                # The door knows whose page asks. Without this check Voilà heeds a page that says,
                # on closing, that its kernel is no longer needed.
                tornado_settings={"disable_check_xsrf": True},
                open_browser=open_browser,
                log_level=logging.ERROR,
                **served,
            )
    finally:
        if reach.unix_socket is not None:
            reach.unix_socket.unlink(missing_ok=True)
