"""Environments without LRS Explorer, in which other people's tools are tried."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock

OTHER_TOOLS: Final = "LRS_EXPLORER_OTHER_TOOLS"
"""Environment variable: set, tests install and run other people's tools."""


def wanted() -> bool:
    """Tell whether other tools are to be installed: they take 2 GB, and minutes the first time."""
    return bool(os.environ.get(OTHER_TOOLS))


def python_with(*requirements: str) -> Path:
    """Return the Python of an environment with these packages alone, brought up to date.

    It is kept in the user's cache for the next run of the tests.
    """
    key = hashlib.sha256(repr((sys.version, requirements)).encode()).hexdigest()[:12]
    folder = platformdirs.user_cache_path("lrs-explorer-tests") / key
    folder.parent.mkdir(parents=True, exist_ok=True)
    python = folder / "bin" / "python"
    with FileLock(f"{folder}.lock"):
        if not python.exists():
            venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "-U", *requirements], check=True)
    return python
