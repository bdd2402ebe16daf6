"""The directive ``commands``: what ``--help`` of each command says, as the command says it."""

from __future__ import annotations

import contextlib
import io
import os
import re

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx

from lrs_explorer.cli import COMMANDS, main

COLUMNS = 80
"""How wide the help is, characters."""


def help_of(*command: str) -> str:
    """Return what ``lrs-explorer COMMAND --help`` prints."""
    text = io.StringIO()
    known = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(COLUMNS + 2)  # argparse leaves two free
    try:
        with contextlib.redirect_stdout(text), contextlib.suppress(SystemExit):
            main([*command, "--help"])
    finally:
        if known is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = known
    return re.sub(r"\x1b\[[0-9;]*m", "", text.getvalue())


class Commands(Directive):
    """A section for the dashboard and for each command."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        made: list[nodes.Node] = []
        for command in [(), *((name,) for name in COMMANDS)]:
            title = " ".join(("lrs-explorer", *command))
            section = nodes.section(ids=[title.replace(" ", "-")], names=[title])
            section += nodes.title(title, title)
            if command:
                gives = COMMANDS[command[0]][1]
                section += nodes.paragraph("", f"{gives[0].upper()}{gives[1:]}.")
            text = help_of(*command)
            section += nodes.literal_block(text, text, language="none")
            made.append(section)
        return made


def setup(app: Sphinx) -> dict[str, bool]:
    """Tell Sphinx of the directive."""
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
