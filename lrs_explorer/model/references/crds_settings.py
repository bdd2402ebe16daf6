"""Which CRDS the pipeline is to ask, as environment variables for a child process.

They are never set in the kernel itself: simulated and real data can sit in one kernel, and what the
user has set is left as it is.

A CRDS cache decides what the pipeline does: nothing that comes with the data chooses one. The
header of a product names a context by its number, and no more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.crds_cache import is_cache
from lrs_explorer.model.files.disk import cache_folder

if TYPE_CHECKING:
    from lrs_explorer.model.observation.observation import Observation
    from lrs_explorer.model.recipe.recipe import Nods

__all__ = [
    "EDITION",
    "child_environment",
    "crds_settings",
    "own_simulation",
    "simulated_crds",
    "unused_cache",
]

EDITION: Final = 6
"""Of the simulated reference files; to be raised when they change within a version."""

OWN_SIMULATION: Final = "SIMULATED (LRS Explorer"
"""Start of TITLE in the products of this project's own simulator."""

SIMULATED_CONTEXT: Final = "jwst_0001.pmap"
"""CRDS context of the simulated instrument."""

CONTEXT: Final = re.compile(r"jwst_[0-9]{4}\.pmap")
"""What the header of a product may call a context: crds would also open any path."""

SERVERLESS: Final = "https://crds-serverless-mode.stsci.edu"
"""What crds takes for "there is no server": it is never contacted."""

SERVER: Final = "https://jwst-crds.stsci.edu"
"""The CRDS server of JWST."""

NO_PICKLES: Final = {"CRDS_USE_PICKLED_CONTEXTS": "0", "CRDS_AUTO_PICKLE_CONTEXTS": "0"}
"""Whoever wrote a pickle runs code where it is read."""

PATIENT: Final = {"CRDS_CLIENT_RETRY_COUNT": "3", "CRDS_CLIENT_RETRY_DELAY_SECONDS": "2"}
"""A file that does not arrive is asked for again, unless the user has set it otherwise."""


def own_simulation(header: Mapping[str, Any]) -> bool:
    """Tell whether a product comes from this project's own simulator."""
    return str(header.get("TITLE", "")).startswith(OWN_SIMULATION)


def child_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process that asks CRDS: the user's, with these settings."""
    return {**PATIENT, **os.environ, **settings, **NO_PICKLES}


def crds_settings(observation: Observation, nods: Nods | None = None) -> tuple[dict[str, str], str]:
    """Return environment variables that name a CRDS, and where they lead in plain words.

    The first of these that applies: the cache that was chosen for the observation; that of the
    simulated instrument, which is built when it is missing, for products of this project's own
    simulator; the user's, when ``CRDS_PATH`` or ``CRDS_SERVER_URL`` is set; ``~/crds_cache`` with
    the JWST server. The context is the user's ``CRDS_CONTEXT``, else that of the product's header.

    Parameters
    ----------
    observation : Observation
    nods : Nods, optional
        Which image; the one the observation was opened on by default.

    Raises
    ------
    LRSExplorerError
        The product names no context of CRDS, the chosen cache lacks it, or the cache of the
        simulated instrument cannot be made.
    """
    header = observation.reference_header(nods)
    if observation.crds is None and own_simulation(header):
        return simulated_crds(), "the simulated instrument"
    settings: dict[str, str] = {}
    if not os.environ.get("CRDS_CONTEXT"):
        context = _context(header, observation.reference_path(nods), observation.crds)
        if context:
            settings["CRDS_CONTEXT"] = context
    if observation.crds is not None:
        return settings | _serverless(observation.crds), f"the CRDS cache {observation.crds}"
    if os.environ.get("CRDS_PATH") or os.environ.get("CRDS_SERVER_URL"):
        return settings, "the user's CRDS"
    settings |= {"CRDS_PATH": str(Path.home() / "crds_cache"), "CRDS_SERVER_URL": SERVER}
    return settings, "the JWST CRDS server"


def _context(header: Mapping[str, Any], path: Path, cache: Path | None) -> str:
    """Return the context that a product was made with; "" where it names none."""
    name = str(header.get("CRDS_CTX") or "").strip()
    if name and not CONTEXT.fullmatch(name):
        raise LRSExplorerError(
            f"CRDS_CTX of {path.name} is {name!r}, which is no context of CRDS (jwst_NNNN.pmap); "
            "set CRDS_CONTEXT to the context that is to be used."
        )
    if name and cache is not None and not (cache / "mappings" / "jwst" / name).is_file():
        raise LRSExplorerError(
            f"the CRDS cache {cache} does not hold {name}, the context of {path.name}; set "
            "CRDS_CONTEXT to a context that it holds."
        )
    return name


def unused_cache(observation: Observation) -> str:
    """Say that a CRDS cache lies beside the data while none was chosen; "" where that is not so."""
    chosen = observation.crds or os.environ.get("CRDS_PATH") or os.environ.get("CRDS_SERVER_URL")
    if chosen or own_simulation(observation.reference_header()):
        return ""
    for place in (observation.folder, observation.folder.parent):
        for name in ("crds", "crds_cache"):
            if is_cache(place / name):
                return (
                    f"the CRDS cache {(place / name).absolute()} beside the data is not used "
                    "unasked; if you trust it, choose it (crds= in Python, --crds on the command "
                    "line, CRDS cache under open on the screen, or CRDS_PATH)"
                )
    return ""


def _serverless(cache: Path) -> dict[str, str]:
    return {
        "CRDS_PATH": str(cache),
        "CRDS_SERVER_URL": SERVERLESS,
        "CRDS_READONLY_CACHE": "1",
    }


def simulated_crds() -> dict[str, str]:
    """Return the settings for the simulated instrument; its cache is built when it is missing.

    Building takes seconds and 23 MB, once for each user.

    Raises
    ------
    LRSExplorerError
        The cache cannot be built.
    """
    from lrs_explorer._version import __version__

    cache = cache_folder() / f"crds-simulated-{__version__}-{EDITION}"
    settings = _serverless(cache) | {"CRDS_CONTEXT": SIMULATED_CONTEXT}
    if cache.is_dir():  # it appears whole, in one move
        return settings
    # In a process of its own: the simulator builds on the model, and the data models are slow.
    built = subprocess.run(
        [sys.executable, "-P", "-m", "lrs_explorer.simulator", "crds", str(cache)],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0 and not cache.is_dir():  # another process may have been faster
        reason = built.stderr.strip().rpartition("\n")[2] or f"status {built.returncode}"
        raise LRSExplorerError(
            f"the reference files of the simulated instrument cannot be made in {cache} "
            f"({reason}); make room, or set LRS_EXPLORER_CACHE to another folder."
        )
    return settings
