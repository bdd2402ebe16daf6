"""The command ``lrs-explorer``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

from lrs_explorer.model.errors import LRSExplorerError

__all__ = ["main"]

COMMANDS: Final = {
    "extract": "extract",
    "reprocess": "reprocess",
    "apply": "apply",
    "diagnose": "diagnose",
    "demo": "dashboard",
}
"""Commands, and the modules that hold a function of their name."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2 after bad input, 130 after Ctrl-C.

    ``diagnose`` returns 1 where it finds something.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = "dashboard"
    if arguments and arguments[0] in COMMANDS:
        name = arguments.pop(0)
    module = importlib.import_module(f"lrs_explorer.cli.{COMMANDS.get(name, name)}")
    try:
        status: int = getattr(module, name)(arguments)
    except LRSExplorerError as error:
        print(f"lrs-explorer: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status
