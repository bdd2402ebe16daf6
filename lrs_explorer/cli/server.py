"""The server of the dashboard: Voilà behind a door that opens to one user only.

Whoever reaches a kernel has the user's rights. So every request must carry the cookie that the
address with the token gave (other users of this machine have neither), be for this machine by name
(a page elsewhere may have its own name lead here) and come from no other page. The door stands
before all routes of Voilà, whatever they are. Nothing is read or run from the folder in which the
command was given: downloads lie there.

Kernels are reached on ports of 127.0.0.1; what goes there is signed, and encrypted where the kernel
can: the keys lie in a folder of the user's own.
"""

from __future__ import annotations

import contextlib
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
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.ioloop import IOLoop
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler
from traitlets import Unicode
from traitlets.config import Config
from voila.app import Voila

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["serve"]

HOST: Final = "127.0.0.1"

LOCAL_NAMES: Final = ("localhost", HOST, "::1")
"""Names of this machine. The port is left open: at the near end of a tunnel it may be another."""

REFUSED: Final = (
    "This page opens only at the address that lrs-explorer printed when it was started, with all "
    "that follows the question mark.\n"
)


class _Outside(Matcher):
    """Matches each request that is for the door, and must not go on to Voilà."""

    def __init__(self, token: str) -> None:
        self._token = token

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        known = _is_local(request) and self.is_token(_cookie(request))
        return None if known and "token" not in request.query_arguments else {}

    def is_token(self, value: str) -> bool:
        """Compare in a time that does not tell how much is right."""
        return secrets.compare_digest(value.encode(), self._token.encode())


class _Door(RequestHandler):
    """Gives the cookie for the token, and refuses everybody else."""

    def initialize(self, outside: _Outside) -> None:
        self._outside = outside

    def prepare(self) -> None:
        request = self.request
        self.set_header("Cache-Control", "no-store")
        token = self.get_query_argument("token", "")
        if request.method == "GET" and _is_local(request) and self._outside.is_token(token):
            # "lax": the browser comes from a file, or from a link in a mail.
            self.set_cookie(_cookie_name(request), token, httponly=True, samesite="lax")
            # The token need not stay in the address bar, nor be in what the kernel is told.
            self.redirect("/" + request.path.lstrip("/\\"))
            return
        self.set_status(403)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(REFUSED)


def _is_local(request: HTTPServerRequest) -> bool:
    """Tell whether a request is for this machine by name, and from no other page."""
    host = request.headers.get("Host", "")
    origin = request.headers.get("Origin")
    try:
        name = urlsplit(f"//{host}").hostname
        return name in LOCAL_NAMES and (origin is None or urlsplit(origin).netloc == host)
    except ValueError:  # no host at all
        return False


def _cookie_name(request: HTTPServerRequest) -> str:
    """Return a name of its own for each port: a browser does not keep their cookies apart."""
    return re.sub(r"[^A-Za-z0-9]", "-", f"lrs-explorer-{request.host}")


def _cookie(request: HTTPServerRequest) -> str:
    morsel = request.cookies.get(_cookie_name(request))
    return morsel.value if morsel is not None else ""


class _Server(Voila):  # type: ignore[misc]
    """Voilà behind the door."""

    secret = Unicode(help="What the address must carry.")

    @property
    def address(self) -> str:
        """Where the user finds the page."""
        return f"http://{HOST}:{self.port}/?token={self.secret}"

    def init_handlers(self) -> list[Any]:
        """Return Voilà's rules for requests, after one that matches all that stay outside."""
        outside = _Outside(self.secret)
        return [Rule(outside, _Door, {"outside": outside}), *super().init_handlers()]

    def listen(self) -> None:
        """Say where the page is once it can be asked for, and answer until the end."""
        ready = f"LRS Explorer is at {self.address} (stop it with Ctrl-C)"
        IOLoop.current().add_callback(print, ready, flush=True)
        super().listen()

    def launch_browser(self) -> None:
        """Open the address by way of a file: other users can read what commands are called with."""
        number, page = tempfile.mkstemp(suffix=".html", dir=Path.cwd())
        with open(number, "w", encoding="utf-8") as stream:
            stream.write(f'<meta http-equiv="refresh" content="0; url={self.address}">')
        # Some browsers return only when they are closed.
        threading.Thread(target=webbrowser.open, args=(Path(page).as_uri(),), daemon=True).start()


def serve(
    target: Path,
    port: int | None,
    open_browser: bool,
    settings: Mapping[str, Mapping[str, object]] | None = None,
) -> None:
    """Serve a notebook, or a folder of notebooks, until it is interrupted.

    Parameters
    ----------
    target : Path
        Absolute. Server and kernels work in its folder, where they also put what they need
        meanwhile: it must hold nothing that others could have written.
    port : int, optional
        Of 127.0.0.1; without it a free one is taken.
    open_browser : bool
    settings : mapping, optional
        More settings of Voilà and Jupyter: values by class and name.

    Raises
    ------
    LRSExplorerError
        The port cannot be used.
    """
    port = _checked_port(port)
    os.environ["PYTHONSAFEPATH"] = "1"  # kernels import nothing from where they work, as -P does
    if hasattr(signal, "SIGHUP"):
        # A closed terminal: Voilà stops its kernels on SIGTERM only.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
    config = Config(
        # A template is a program: the address must not choose one.
        VoilaConfiguration={"allow_template_override": "NO", "allow_theme_override": "NO"},
        # After its own 4 s a busy machine would get an empty page: the explorer's widgets are
        # there, but what shows them is not.
        VoilaExecutor={"iopub_timeout": 120},
        KernelManager={"transport_encryption": "auto"},  # ipykernel warns without it
    )
    config.merge(Config(settings or {}))
    served = {"root_dir": str(target)} if target.is_dir() else {"notebook_path": str(target)}
    with contextlib.chdir(target if target.is_dir() else target.parent):
        _Server.launch_instance(
            argv=[],
            config=config,
            config_file_paths=[],  # of Voilà's own; one is the working folder
            secret=secrets.token_urlsafe(32),
            ip=HOST,
            port=port,
            port_retries=0,
            open_browser=open_browser,
            log_level=logging.ERROR,
            **served,
        )


def _checked_port(port: int | None) -> int:
    """Return ``port`` if it is free, or a free one for None."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port or 0))
        except (OSError, OverflowError) as error:
            raise LRSExplorerError(
                f"port {port} on {HOST} cannot be used ({error}); choose another --port."
            ) from None
        return int(probe.getsockname()[1])
