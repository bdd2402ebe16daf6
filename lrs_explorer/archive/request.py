"""What a user asks the archive for: a program, an observation or an exposure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["ArchiveRequest", "archive_request"]

NUMBERS: Final = re.compile(r"(?P<program>\d{1,5})(?:/(?P<observation>\d{1,3}))?", re.ASCII)
"""As the proposal has them: 1536, 1536/22."""

NAME: Final = re.compile(r"jw(?P<program>\d{5})(?:(?:-o)?(?P<observation>\d{3}))?", re.ASCII)
"""As names of files begin: jw01536, jw01536022, jw01536-o022."""

ROOT: Final = re.compile(
    r"(?P<exposure>jw(?P<program>\d{5})(?P<observation>\d{3})\d{3}_\d{3}[0-9a-z]{2}_\d{5}(-seg\d{3})?)"
    r"(_mirimage(_\w+(\.fits)?)?)?",
    re.ASCII,
)
"""What the names of all files of an exposure begin with, or one of those names."""


@dataclass(frozen=True)
class ArchiveRequest:
    """A program, one observation of it, or one exposure of that.

    Parameters
    ----------
    program : int
    observation : int, optional
        None = all observations of the program.
    exposure : str, optional
        What the names of its files begin with; "" = all exposures.
    """

    program: int
    observation: int | None = None
    exposure: str = ""

    @property
    def name(self) -> str:
        """What the archive's file names begin with: jw01536, jw01536022, or an exposure's root."""
        if self.exposure or self.observation is None:
            return self.exposure or f"jw{self.program:05}"
        return f"jw{self.program:05}{self.observation:03}"

    @property
    def words(self) -> str:
        """What a sentence calls it."""
        if self.exposure:
            return f"exposure {self.exposure}"
        if self.observation is None:
            return f"program {self.program}"
        return f"observation {self.observation} of program {self.program}"


def archive_request(text: str) -> ArchiveRequest:
    """Return what a text asks for.

    Parameters
    ----------
    text : str
        ``1536``, ``1536/22``, ``jw01536022`` or what the names of an exposure's files begin with.

    Raises
    ------
    LRSExplorerError
        It is none of these.
    """
    given = text.strip().lower()
    found = next((m for p in (NUMBERS, NAME, ROOT) if (m := p.fullmatch(given))), None)
    if found is None or not int(found["program"]) or found["observation"] in ("0", "00", "000"):
        shown = text if len(text) <= 80 else f"{text[:80]}…"
        raise LRSExplorerError(
            f"{shown!r} is no JWST program or observation; give a program (1536), an observation "
            "(1536/22 or jw01536022) or an exposure (jw01536022001_03102_00001)."
        )
    named = found.groupdict()
    observation = named["observation"]
    return ArchiveRequest(
        program=int(named["program"]),
        observation=int(observation) if observation else None,
        exposure=named.get("exposure") or "",
    )
