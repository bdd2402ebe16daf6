"""The command ``lrs-explorer``."""

from __future__ import annotations

import importlib
import os
import re
import select
import sys
from collections.abc import Sequence
from typing import Final, TextIO

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["COMMANDS", "main"]

COMMANDS: Final = {
    "fetch": ("fetch", "an observation from the archive MAST, into a folder"),
    "extract": ("extract", "a spectrum without a screen, in memory"),
    "sweep": ("sweep", "how much choices matter, and which of them where"),
    "reprocess": ("reprocess", "products of the real pipeline, made as a recipe says"),
    "export": ("export", "a recipe as a script and files that the pipeline alone runs"),
    "apply": ("apply", "one recipe over many observations"),
    "inspect": ("inspect", "which observations there are, and what each is made of"),
    "photometry": (
        "photometry",
        "whether the flux of a spectrum agrees with photometry of the star",
    ),
    "figure": ("figure", "a figure for print: spectrum, image or light curves"),
    "report": ("report", "what was delivered, found and changed, on one HTML page"),
    "diagnose": ("diagnose", "what is wrong with observations, as a table or JSON"),
    "demo": ("dashboard", "the dashboard on a simulated observation"),
}
"""Commands: the module that holds a function of that name, and what they give in a few words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    0; 2 after bad input, 130 after Ctrl-C, 141 where nobody reads on (``| head``). ``diagnose``
    returns 1 where it finds something.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        try:
            return _run(arguments)
        except LRSExplorerError as error:
            print(f"lrs-explorer: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            return 130
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        broken = [stream for stream in (sys.stdout, sys.stderr) if _is_broken(stream)]
        if not broken:  # it was another pipe
            raise
        for stream in broken:  # else Python tries once more when it ends, and says so
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 141


def _is_broken(stream: TextIO | None) -> bool:
    """Tell whether nobody reads what is written to a stream."""
    try:
        assert stream is not None
        watch = select.poll()
        watch.register(stream.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in watch.poll(0))
    except (AssertionError, OSError, ValueError):  # it is closed, or no file
        return False


def _run(arguments: list[str]) -> int:
    """Run the command that the arguments begin with, else the dashboard."""
    name = home = "dashboard"
    first = arguments[0] if arguments else ""
    if first in COMMANDS:
        name = arguments.pop(0)
        home, _ = COMMANDS[name]
    elif re.fullmatch(r"[A-Za-z][\w-]*", first) and not os.path.lexists(first):
        raise LRSExplorerError(
            f"{first} is neither a command nor a file or folder here; commands are "
            f"{', '.join(COMMANDS)} (lrs-explorer --help)."
        )
    module = importlib.import_module(f"lrs_explorer.cli.{home}")
    status: int = getattr(module, name)(arguments)
    return status
