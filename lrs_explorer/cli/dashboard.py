"""``lrs-explorer`` and ``lrs-explorer demo``: the dashboard in a browser."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lrs_explorer import __version__
from lrs_explorer.cli import COMMANDS
from lrs_explorer.cli.parsing import (
    add_crds_option,
    add_inputs_option,
    add_join_option,
    new_parser,
)
from lrs_explorer.model.files.disk import located
from lrs_explorer.model.recipe.recipe import Nods

if TYPE_CHECKING:
    from lrs_explorer.cli.server import Reach

__all__ = ["dashboard", "demo", "serve_explorer"]

ABANDONED = 120
"""Seconds after which the kernel of a page that was cut off is ended."""

DESCRIPTION = "See, drag and trust JWST MIRI LRS spectra."

ADDRESS = """\
The address of the page is printed. It is for you alone: whoever has all of
it can do what you can. To see the page on another machine, choose a --port
here, run there
  ssh -L PORT:127.0.0.1:PORT this-machine
and open the printed address in a browser there."""


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="port to listen on (default: a free one)")
    parser.add_argument(
        "--ip",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on: 0.0.0.0 lets other machines in, with the token and "
        "without encryption (default: 127.0.0.1, this machine alone)",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another name under which the page may be asked for; can be repeated",
    )
    parser.add_argument(
        "--base-url",
        default="/",
        metavar="URL",
        help="where a server in front shows the page, as in "
        "https://hub.example.org/user/me/proxy/8866/, or the path of that alone",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")


def _reach(options: argparse.Namespace) -> Reach:
    from lrs_explorer.cli.server import Reach

    return Reach(options.port, options.ip, options.base_url, tuple(options.allow_host))


def _other_commands() -> str:
    return "\n".join(f"  {name:<10} {gives}" for name, (_, gives) in COMMANDS.items())


def dashboard(arguments: Sequence[str]) -> int:
    """Open the dashboard on what the arguments name."""
    parser = new_parser(
        "lrs-explorer",
        f"{DESCRIPTION}\n\nOpens the dashboard in a browser.\n\n{ADDRESS}\n\n"
        f"other commands (lrs-explorer extract --help, and so on):\n{_other_commands()}",
        "lrs-explorer jw01234005001_04103_00001_mirimage_s2d.fits",
    )
    parser.add_argument(
        "file",
        nargs="*",
        type=Path,
        help="an s2d, cal, rate or x1d file, a folder, an association or a package (.zip); none = "
        "the demo",
    )
    parser.add_argument("--version", action="version", version=f"LRS Explorer {__version__}")
    add_join_option(parser)
    add_inputs_option(parser)
    add_crds_option(parser)
    _add_server_options(parser)
    options = parser.parse_args(arguments)
    crds = None if options.crds is None else os.path.abspath(os.path.expanduser(options.crds))
    data = None if options.inputs is None else str(located(options.inputs))
    paths = [str(located(path)) for path in options.file]
    if paths:
        from lrs_explorer.model.observation.opening import (
            SeveralObservationsError,
            open_observation,
        )
        from lrs_explorer.model.stages.extract import stages_of

        # What cannot be opened is said here, not in a browser; there is a list of several there.
        with suppress(SeveralObservationsError):
            found = open_observation(paths, crds=crds, join=options.join, data=data)
            stages_of(found).image_or_reason(Nods())
    source = repr(paths[0] if len(paths) == 1 else paths or None)
    given = f"{source}, crds={crds!r}, join={options.join}"
    given += "" if data is None else f", data={data!r}"
    serve_explorer(given, _reach(options), not options.no_browser)
    return 0


def demo(arguments: Sequence[str]) -> int:
    """Open the dashboard on a demo."""
    parser = new_parser(
        "lrs-explorer demo",
        f"Open the dashboard on a simulated observation whose truth is known.\n\n{ADDRESS}",
        "lrs-explorer demo slitless",
    )
    parser.add_argument(
        "name",
        nargs="?",
        default="slit",
        choices=["slit", "slitless"],
        help="a pair of nods in the slit (default), or a slitless time series of a transit",
    )
    _add_server_options(parser)
    options = parser.parse_args(arguments)
    serve_explorer(f"lrs.demo({options.name!r})", _reach(options), not options.no_browser)
    return 0


def serve_explorer(source: str, reach: Reach, open_browser: bool) -> None:
    """Serve the dashboard on a source, in Python, until it is interrupted.

    Raises
    ------
    LRSExplorerError
        The port cannot be used.
    """
    from lrs_explorer.cli.server import serve

    cells = (
        # Files are listed and saved where the command was given, not where this notebook lies.
        f"import os\nos.chdir({os.getcwd()!r})",
        f"import lrs_explorer as lrs\nlrs.Explorer({source})",
    )
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{number}",
                "metadata": {},
                "outputs": [],
                "source": cell,
            }
            for number, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    settings = {
        # A kernel that has run the notebook before the page asks for it; not where memory is
        # counted, and the server started by who asks for the page.
        "VoilaConfiguration": {"preheat_kernel": reach.unix_socket is None, "default_pool_size": 1},
        # The next one starts when the first page is there: both at once are slow.
        "VoilaKernelManager": {"fill_delay": 20},
        # A page that is closed says so, but not one that is cut off.
        "MappingKernelManager": {
            "cull_idle_timeout": ABANDONED,
            "cull_interval": max(1, ABANDONED // 4),
        },
    }
    with tempfile.TemporaryDirectory(prefix="lrs-explorer-") as folder:
        path = Path(folder) / "LRS Explorer.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        serve(path, reach, open_browser, settings)
