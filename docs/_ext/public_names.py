"""Names in docstrings lead to where they are documented, whatever they are called there.

``lrs.extract`` and ``lrs_explorer.model.stages.extract.extract`` are ``lrs_explorer.extract``.
Names of the package that are not public, and fields of a class, stay text; what does not exist is
told.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import lrs_explorer

PACKAGE = lrs_explorer.__name__

NOTHING = object()
"""What a name stands for that does not exist."""


def meant(name: str) -> Any:
    """Return what a full name in the package stands for, `NOTHING` where that does not exist."""
    parts = name.split(".")
    for number in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:number]))
        except ImportError:
            continue
        for part in parts[number:]:
            fields = dataclasses.fields(found) if dataclasses.is_dataclass(found) else ()
            found = next((one for one in fields if one.name == part), getattr(found, part, NOTHING))
        return found
    return NOTHING


def resolve(
    app: Sphinx, environment: BuildEnvironment, reference: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Return the link, or the text, for a Python name that is documented nowhere as it stands."""
    if reference.get("refdomain") != "py":
        return None
    python = environment.domains.python_domain
    target = reference["reftarget"].removeprefix("lrs.").removeprefix(f"{PACKAGE}.")
    within = (reference.get("py:class") or "").removeprefix(f"{PACKAGE}.")
    for name in (f"{PACKAGE}.{target}", f"{PACKAGE}.{within}.{target}"):
        found = meant(name)
        if found is NOTHING:
            continue
        known = next((one for one in python.objects if meant(one) is found), None)
        if known is None:
            return content
        break
    else:  # a class by its name alone
        homes = [one for one in python.objects if one.endswith(f".{target}")]
        if len(homes) != 1:
            return None
        known = homes[0]
    return python.resolve_xref(
        environment, reference["refdoc"], app.builder, "obj", known, reference, content
    )


def readable(_: Sphinx, *told: Any) -> tuple[str | None, str | None]:
    """Return a signature in which defaults that are made anew for each object are left open."""
    signature, returns = told[-2:]
    return signature and signature.replace("=<factory>", "=..."), returns


def setup(app: Sphinx) -> dict[str, bool]:
    """Have references looked up here that lead nowhere, and signatures made readable."""
    app.connect("missing-reference", resolve)
    app.connect("autodoc-process-signature", readable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
