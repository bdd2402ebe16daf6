"""Reading and writing files of any kind: one clear sentence for what goes wrong, no half files."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = [
    "PathLike",
    "cache_folder",
    "check_free",
    "invalid",
    "located",
    "read_json",
    "replacing",
    "sentence",
    "write_text",
]

PathLike = str | os.PathLike[str]

LONGEST = 200
"""Characters of a path that a message repeats; of a longer one it shows both ends."""


def cache_folder() -> Path:
    """Return where files may be kept that can be made again: ``LRS_EXPLORER_CACHE``, if set."""
    return Path(os.environ.get("LRS_EXPLORER_CACHE") or platformdirs.user_cache_dir("lrs-explorer"))


def _named(path: Path) -> str:
    """Return what a message calls ``path``."""
    text = str(path)
    half = LONGEST // 2
    return text if len(text) <= LONGEST else f"{text[:half]}…{text[-half:]}"


def invalid(path: Path) -> LRSExplorerError:
    """Return the error for a path that no system takes, such as one with a null byte."""
    return LRSExplorerError(f"{_named(path)!r} is not a valid path.")


def sentence(path: Path, error: OSError) -> str:
    """Say in one sentence why ``path`` could not be read, from the system's error."""
    name = _named(path)
    if isinstance(error, FileNotFoundError):
        return f"{name} does not exist; check the path."
    if isinstance(error, PermissionError):
        return f"{name} may not be read: permission denied; change its permissions."
    if isinstance(error, IsADirectoryError):
        return f"{name} is a folder, not a file; give a file in it."
    return f"{name} cannot be read: {error.strerror or error}."


def located(path: PathLike) -> Path:
    """Return where a path that a user gave leads, however it is written.

    Absolute, ``~`` for the home folder, and folders by their real place, whatever links lead there:
    what lies beside a file, and above it, is told by its folder. A file that is a link keeps its
    name and place.
    """
    given = Path(os.path.expanduser(path))
    try:
        if os.path.isdir(given):  # Path.is_dir raises for a name that is too long
            return Path(os.path.realpath(given))
        return Path(os.path.realpath(given.parent)) / given.name
    except (OSError, ValueError):  # there is no working folder, or no such path: said on reading
        return given


def read_json(path: PathLike) -> Any:
    """Read a JSON file.

    Raises
    ------
    LRSExplorerError
        The file cannot be read or is not JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LRSExplorerError(sentence(path, error)) from None
    except UnicodeDecodeError:
        raise LRSExplorerError(f"{path} is not a JSON file (not UTF-8 text).") from None
    except json.JSONDecodeError as error:
        raise LRSExplorerError(
            f"{path} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise LRSExplorerError(f"{path} is not valid JSON: nested too deeply.") from None
    except ValueError:
        raise invalid(path) from None


def check_free(path: Path, overwrite: bool) -> None:
    """Raise `LRSExplorerError` where ``path`` is a folder, or exists and shall not be replaced."""
    if "\0" in str(path):
        raise invalid(path)
    if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
        raise LRSExplorerError(f"{path} is a folder; give a file name in it.")
    if os.path.exists(path) and not overwrite:
        raise LRSExplorerError(
            f"{path} exists; choose another name or allow overwriting "
            "(overwrite=True, --overwrite)."
        )


@contextmanager
def replacing(path: Path, overwrite: bool) -> Iterator[Path]:
    """Give a temporary path with the final name, and move it into place on success.

    The temporary path lies in a folder of its own beside the final one, so that the move is atomic
    and writers that record the file's name record the final one.

    Raises
    ------
    LRSExplorerError
        The file exists and may not be overwritten, or nothing can be written there.
    """
    check_free(path, overwrite)
    try:
        with tempfile.TemporaryDirectory(prefix=".lrs-explorer-", dir=path.parent) as folder:
            temporary = Path(folder) / path.name
            yield temporary
            os.replace(temporary, path)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise LRSExplorerError(
            f"{_named(path)} could not be written: {reason}; choose another folder or make room."
        ) from None


def write_text(path: PathLike, text: str, overwrite: bool = False) -> Path:
    """Write a text file in one move and return its path.

    Raises
    ------
    LRSExplorerError
        The file exists and ``overwrite`` is False, or it cannot be written; what was there before
        is then still there.
    """
    path = Path(path)
    with replacing(path, overwrite) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
