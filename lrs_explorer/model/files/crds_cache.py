"""A CRDS cache on disk, as far as opening an observation needs to know one."""

from __future__ import annotations

import os
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike

__all__ = ["checked_cache", "is_cache"]


def checked_cache(folder: PathLike) -> Path:
    """Return the absolute path of a CRDS cache that the user chose.

    Raises
    ------
    LRSExplorerError
        It is no CRDS cache.
    """
    cache = Path(os.path.expanduser(folder)).absolute()
    if not is_cache(cache):
        raise LRSExplorerError(
            f"{cache} is no CRDS cache (it has no config/jwst/server_config); give the folder that "
            "CRDS_PATH would name."
        )
    return cache


def is_cache(folder: Path) -> bool:
    """Tell whether a folder is a CRDS cache."""
    return os.path.isfile(folder / "config" / "jwst" / "server_config")
