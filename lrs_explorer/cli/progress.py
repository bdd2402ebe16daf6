"""How far a run of the pipeline is, on standard error."""

from __future__ import annotations

import shutil
import sys
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from lrs_explorer.archive.fetching import FetchProgress
    from lrs_explorer.model.references.crds_query import Fetching
    from lrs_explorer.model.runs.reprocessor import StepProgress

__all__ = ["ProgressLine"]

BAR: Final = 20
"""Characters of the bar."""


class ProgressLine:
    """One line that is kept up to date on a terminal; elsewhere a line for each step.

    Used as a context: the line is gone after it.
    """

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._last = ("", 0)

    def __call__(self, progress: StepProgress) -> None:
        """Show a step."""
        took = f", {progress.elapsed:.0f} s"
        self._show(progress.step, progress.number, progress.total, took)

    def fetching(self, one: Fetching) -> None:
        """Show which reference file is being fetched; there may be hundreds."""
        if self._terminal or one.number in (1, one.total) or one.number % 25 == 0:
            self._show(f"fetching {one.file}", one.number, one.total)

    def say(self, what: str) -> None:
        """Show what is going on, of which no number of steps is known."""
        self._show(what, 1, 1)

    def count(self, number: int, total: int, what: str) -> None:
        """Show how many of many are through."""
        if self._terminal:
            self._show(what, number, total)

    def arriving(self, one: FetchProgress) -> None:
        """Show how much of some files has arrived."""
        what = one.file
        if self._terminal:
            what = f"{one.words}, {one.elapsed:.0f} s: {one.file}"
        self._show(what, one.number, one.total, fraction=one.fraction)

    def _show(
        self, what: str, number: int, total: int, took: str = "", fraction: float | None = None
    ) -> None:
        if self._terminal:
            done = (number - 1) / max(total, 1) if fraction is None else fraction
            bar = "█" * int(BAR * done)
            line = f"{bar:░<{BAR}} {number}/{total} {what}{took}"
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)
        elif self._last != (what, number):
            self._last = (what, number)
            print(f"{number}/{total} {what}", file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Clear the line."""
        self.clear()

    def clear(self) -> None:
        """Take the line away, so that others can be printed."""
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
