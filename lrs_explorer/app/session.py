"""The recipes of earlier sessions, kept for when a page was closed or its kernel has died.

Each session (one opening of an observation) has a file of its own: two that are open at once do not
take one another's place.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import cache_folder, read_json, write_text
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.recipe import Recipe

__all__ = ["KEPT", "Kept", "Session"]

KEPT = 10
"""Sessions of one observation that are kept."""


@dataclass(frozen=True)
class Kept:
    """The last recipe of an earlier session, and when it was kept."""

    when: datetime
    recipe: Recipe


class Session:
    """One opening of an observation.

    Parameters
    ----------
    observation : Observation
    """

    def __init__(self, observation: Observation) -> None:
        place = f"{observation.folder.absolute()}\n{observation.name}"
        if observation.reduction:
            place += f"\n{observation.reduction}"
        name = hashlib.sha256(place.encode()).hexdigest()[:24]
        self._folder = cache_folder() / "sessions" / name
        self._old = self._folder.with_suffix(".json")  # where there was one for all sessions
        self._own = self._folder / f"{uuid.uuid4().hex}.json"

    def keep(self, recipe: Recipe) -> None:
        """Keep the recipe, in place of the one that this session kept before.

        Raises
        ------
        LRSExplorerError
            It cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LRSExplorerError(
                f"the recipe cannot be kept in {self._folder} ({error.strerror}); save it to a "
                "file."
            ) from None
        write_text(self._own, json.dumps(recipe.to_dict()), overwrite=True)
        for _, path in list(self._others())[KEPT - 1 :]:
            with suppress(OSError):  # another session does the same
                path.unlink()

    def earlier(self) -> list[Kept]:
        """Return what other sessions have kept, as it is now, the last first.

        What cannot be read is left out: it is of another version, and of no use.
        """
        found = []
        for when, path in self._others():
            with suppress(LRSExplorerError):
                found.append(Kept(datetime.fromtimestamp(when), Recipe.from_dict(read_json(path))))
        return found

    def _others(self) -> Iterator[tuple[float, Path]]:
        """Yield time and path of the files of other sessions, the last first."""
        found = []
        for path in (self._old, *self._folder.glob("*.json")):
            with suppress(OSError):
                found.append((path.stat().st_mtime, path))
        yield from (one for one in sorted(found, reverse=True) if one[1] != self._own)
