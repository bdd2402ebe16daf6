"""Which CRDS the pipeline is to ask, as environment variables for a child process.

They are never set in the kernel itself: simulated and real data can sit in one kernel, and what the
user has set is left as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.runs.product_cache import cache_folder

__all__ = ["EDITION", "crds_settings", "own_simulation", "simulated_crds"]

EDITION: Final = 2
"""Of the simulated reference files; to be raised when they change within a version."""

OWN_SIMULATION: Final = "SIMULATED (LRS Explorer"
"""Start of TITLE in the products of this project's own simulator."""

SIMULATED_CONTEXT: Final = "jwst_0001.pmap"
"""CRDS context of the simulated instrument."""

SERVERLESS: Final = "https://crds-serverless-mode.stsci.edu"
"""What crds takes for "there is no server": it is never contacted."""

SERVER: Final = "https://jwst-crds.stsci.edu"
"""The CRDS server of JWST."""


def own_simulation(header: Mapping[str, Any]) -> bool:
    """Tell whether a product comes from this project's own simulator."""
    return str(header.get("TITLE", "")).startswith(OWN_SIMULATION)


def crds_settings(folder: Path, header: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """Return environment variables that name a CRDS, and where they lead in plain words.

    The first of these that applies: the user's own, when ``CRDS_PATH`` or ``CRDS_SERVER_URL`` is
    set; a CRDS cache in a folder ``crds`` or ``crds_cache`` beside the data or one level up;
    ``~/crds_cache`` with the JWST server. The context is the user's ``CRDS_CONTEXT``, else that of
    the product's header.

    Parameters
    ----------
    folder : Path
        Where the product lies.
    header : Mapping
        Its primary header.
    """
    settings: dict[str, str] = {}
    context = header.get("CRDS_CTX")
    if context and not os.environ.get("CRDS_CONTEXT"):
        settings["CRDS_CONTEXT"] = str(context)
    if os.environ.get("CRDS_PATH") or os.environ.get("CRDS_SERVER_URL"):
        return settings, "the user's CRDS"
    for place in (folder, folder.parent):
        for name in ("crds", "crds_cache"):
            cache = (place / name).absolute()
            mappings = cache / "mappings" / "jwst"
            if (cache / "config" / "jwst" / "server_config").is_file() and (
                not context or (mappings / str(context)).is_file()
            ):
                return settings | _serverless(cache), "the CRDS cache beside the data"
    settings |= {"CRDS_PATH": str(Path.home() / "crds_cache"), "CRDS_SERVER_URL": SERVER}
    return settings, "the JWST CRDS server"


def _serverless(cache: Path) -> dict[str, str]:
    return {
        "CRDS_PATH": str(cache),
        "CRDS_SERVER_URL": SERVERLESS,
        "CRDS_READONLY_CACHE": "1",
    }


def simulated_crds(context: str) -> dict[str, str]:
    """Return the settings for the simulated instrument; its cache is built when it is missing.

    Building takes seconds and 23 MB, once for each user.

    Parameters
    ----------
    context : str
        The product's CRDS_CTX.

    Raises
    ------
    LRSExplorerError
        The cache cannot be built.
    """
    from lrs_explorer._version import __version__

    cache = cache_folder() / f"crds-simulated-{__version__}-{EDITION}"
    settings = _serverless(cache) | {"CRDS_CONTEXT": context}
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
