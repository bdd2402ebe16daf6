"""The text of functions, and of all that they need: what a script is put together from.

Functions that run steps stand in ``data/handover/parts.py``; what they do with numbers is the text
of the model's own functions, so that script and explorer cannot differ.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final

__all__ = ["text_of"]

MODULES: Final = (
    "model/data/robust.py",
    "model/measure/scatter.py",
    "model/measure/uncertainty.py",
    "model/series/outliers.py",
    "data/handover/parts.py",
)
"""Where definitions are found."""

IMPORTS: Final = {
    "json": "import json",
    "logging": "import logging",
    "os": "import os",
    "sys": "import sys",
    "tempfile": "import tempfile",
    "Path": "from pathlib import Path",
    "Any": "from typing import Any",
    "jwst": "import jwst",
    "np": "import numpy as np",
    "scipy": "import scipy",
    "Table": "from astropy.table import Table",
    "vstack": "from astropy.table import vstack",
    "Detector1Pipeline": "from jwst.pipeline import Detector1Pipeline",
    "Spec2Pipeline": "from jwst.pipeline import Spec2Pipeline",
    "Spec3Pipeline": "from jwst.pipeline import Spec3Pipeline",
    "Tso3Pipeline": "from jwst.pipeline import Tso3Pipeline",
    "Extract1dStep": "from jwst.step import Extract1dStep",
    "NDArray": "from numpy.typing import NDArray",
    "datamodels": "from stdatamodels.jwst import datamodels",
}
"""What a name in a script is imported by, in the order in which that is written."""

TYPES: Final = {"FloatArray": "NDArray", "SpectralImage": "Any"}
"""Types of the explorer that the text of functions names, and what a script calls them."""


def text_of(names: Iterable[str], *further: str) -> tuple[list[str], str]:
    """Return the text of functions of ``parts.py``, and of what they need.

    Parameters
    ----------
    names : iterable of str
        Functions, in the order in which they are wanted.
    *further : str
        Names that the script uses besides, to be imported.

    Returns
    -------
    list of str
        Lines that import, in order.
    str
        Definitions: constants first, then each function after those that wanted it.
    """
    wanted, used = _closure(names)
    constants = [_definitions()[name] for name in wanted if name.lstrip("_").isupper()]
    others = [_definitions()[name] for name in wanted if not name.lstrip("_").isupper()]
    used |= set(further)
    lines = [line for name, line in IMPORTS.items() if name in used]
    text = "\n\n\n".join(["\n".join(constants), *others] if constants else others)
    for name, known in TYPES.items():
        text = text.replace(f": {name}", f": {known}").replace(f"-> {name}", f"-> {known}")
    return lines, text


def _closure(names: Iterable[str]) -> tuple[list[str], set[str]]:
    """Return names with all definitions that they need, and all other names that these use."""
    wanted: list[str] = []
    used: set[str] = set()

    def visit(name: str) -> None:
        if name in wanted:
            return
        if name not in _definitions():
            used.add(TYPES.get(name, name))
            return
        wanted.append(name)
        for other in _used(_definitions()[name]):
            visit(other)

    for name in names:
        visit(name)
    return wanted, used


@cache
def _definitions() -> dict[str, str]:
    """Return the text of each definition; a name that two modules have is that of the last one."""
    home = files("lrs_explorer")
    found: dict[str, str] = {}
    for module in MODULES:
        found |= _defined((home / module).read_text(encoding="utf-8"))
    return found


def _defined(text: str) -> dict[str, str]:
    """Return functions, classes and constants of a module, each by its name."""
    lines = text.splitlines()
    found = {}
    for node in ast.parse(text).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
                found[name] = "\n".join(lines[first - 1 : node.end_lineno])
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = f"{name} = {ast.get_source_segment(text, value)}"
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = f"{name} = {ast.get_source_segment(text, value)}"
            case _:
                pass
    return found


def _used(text: str) -> list[str]:
    """Return the names that a definition uses and does not make itself, in order."""
    names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
    made = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    made |= {node.arg for node in ast.walk(ast.parse(text)) if isinstance(node, ast.arg)}
    found = (node.id for node in names if node.id not in made)
    return list(dict.fromkeys(found))
