"""What has been made in a folder: a small file for each observation, written first and last.

Whoever finds a record that was begun by the same recipe, of the same files, may write over what
lies there: it is what a killed process has left. One that is done is not done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lrs_explorer._version import __version__
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import read_json, write_text
from lrs_explorer.model.observation.opening import Observation

__all__ = ["Record", "key_of"]

FORMAT: Final = 1
_KEY: Final = "lrs_explorer_apply"
_TOLD: Final = ("spectra", "notes", "recipe", "seconds")


def key_of(
    observation: Observation, rules: Mapping[str, Any], extract1d: str | None, crds: Any
) -> str:
    """Return what decides the result: recipe, files by name, size and time, references, versions.

    Raises
    ------
    LRSExplorerError
        A file is gone.
    """
    files = [path for of in observation.products.values() for path in of]
    if extract1d is not None:
        files.append(Path(extract1d))
    try:
        seen = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(files)]
    except OSError as error:
        raise LRSExplorerError(f"{error.filename} is gone ({error.strerror}).") from None
    content = [FORMAT, __version__, version("jwst"), rules, seen, observation.name, crds]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Record:
    """The record of one observation.

    Parameters
    ----------
    folder : Path
    root : str
        With which the names of the observation's products begin.
    """

    def __init__(self, folder: Path, root: str) -> None:
        self.path = folder / f"{root}_apply.json"
        self._content = self._read()

    def _read(self) -> dict[str, Any]:
        """Return what the record says; nothing where it is none, or not as it was written."""
        with suppress(LRSExplorerError):
            content = read_json(self.path)
            if not isinstance(content, dict) or content.get(_KEY) != FORMAT:
                return {}
            if content.get("state") != "done" or content.keys() >= {"products", *_TOLD}:
                return content
        return {}

    def is_of(self, key: str) -> bool:
        """Tell whether it was begun, or done, for this very key."""
        return self._content.get("key") == key

    def done(self, key: str) -> dict[str, Any] | None:
        """Return what was made for this key, if it is still there as it was written."""
        if not self.is_of(key) or self._content.get("state") != "done":
            return None
        for name, size in self._content["products"].items():
            with suppress(OSError):
                if (self.path.parent / name).stat().st_size == size:
                    continue
            return None
        return self._content

    def check(self, key: str, apply: str) -> None:
        """Check that no other observation of the same `apply` has the names.

        Raises
        ------
        LRSExplorerError
            One has.
        """
        if self._content and not self.is_of(key) and self._content.get("apply") == apply:
            raise LRSExplorerError(
                f"{self._content.get('source')} has the products of the same names; apply the "
                "recipe to one of them in another folder."
            )

    def begin(self, key: str, apply: str, source: str) -> None:
        """Claim the names of the observation's products for this key.

        Raises
        ------
        LRSExplorerError
            Another observation of the same `apply` has them, or the record cannot be written.
        """
        content = {_KEY: FORMAT, "state": "begun", "key": key, "apply": apply, "source": source}
        text = json.dumps(content, indent=1) + "\n"
        if not self._content:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("x", encoding="utf-8") as stream:
                    stream.write(text)
            except FileExistsError:
                self._content = self._read()
            except OSError as error:
                raise LRSExplorerError(
                    f"{self.path} cannot be written ({error.strerror}); choose another folder."
                ) from None
        self.check(key, apply)
        if self._content:
            write_text(self.path, text, overwrite=True)
        self._content = content

    def finish(self, products: Mapping[str, int], **told: Any) -> None:
        """Note what was made: names and sizes of files, and what else is told of it."""
        self._content |= {"state": "done", "products": dict(products), **told}
        write_text(self.path, json.dumps(self._content, indent=1) + "\n", overwrite=True)

    def forget(self) -> None:
        """Take the record away: nothing was made."""
        with suppress(OSError):
            self.path.unlink()
