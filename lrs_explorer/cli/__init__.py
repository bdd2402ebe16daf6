"""The command ``lrs-explorer``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["COMMANDS", "main"]

COMMANDS: Final = {
    "extract": ("extract", "a spectrum without a screen, in memory"),
    "reprocess": ("reprocess", "products of the real pipeline, made as a recipe says"),
    "apply": ("apply", "one recipe over many observations"),
    "inspect": ("inspect", "which observations there are, and what each is made of"),
    "diagnose": ("diagnose", "what is wrong with observations, as a table or JSON"),
    "demo": ("dashboard", "the dashboard on a simulated observation"),
}
"""Commands: the module that holds a function of that name, and what they give in a few words."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2 after bad input, 130 after Ctrl-C.

    ``diagnose`` returns 1 where it finds something.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    name = home = "dashboard"
    if arguments and arguments[0] in COMMANDS:
        name = arguments.pop(0)
        home, _ = COMMANDS[name]
    module = importlib.import_module(f"lrs_explorer.cli.{home}")
    try:
        status: int = getattr(module, name)(arguments)
    except LRSExplorerError as error:
        print(f"lrs-explorer: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return status
