"""Values that are kept as JSON files."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

from lrs_explorer.model.files.disk import PathLike, read_json, write_text

__all__ = ["Saved"]


class Saved(ABC):
    """A value that a JSON file holds: a recipe, or rules."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return what the file holds."""

    @classmethod
    @abstractmethod
    def from_dict(cls, content: Any, source: str = "the recipe") -> Self:
        """Make a value of what `to_dict` returned; ``source`` is named where it is none."""

    def to_json(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write it to a file and return its path.

        Parameters
        ----------
        path : path
        overwrite : bool
            Replace an existing file.

        Raises
        ------
        LRSExplorerError
            The file exists and ``overwrite`` is False, or it cannot be written.
        """
        return write_text(path, json.dumps(self.to_dict(), indent=2) + "\n", overwrite=overwrite)

    @classmethod
    def from_json(cls, path: PathLike) -> Self:
        """Read what `to_json` wrote, in this version or an older one.

        Rules are also read from a recipe, which is one without any.

        Parameters
        ----------
        path : path

        Raises
        ------
        LRSExplorerError
            The file cannot be read, is not JSON, or holds no valid recipe.
        """
        return cls.from_dict(read_json(path), source=str(path))
