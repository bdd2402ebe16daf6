"""The one kind of error that reaches a user."""

from __future__ import annotations

__all__ = ["LRSExplorerError"]


class LRSExplorerError(Exception):
    """Something is wrong with the user's input or surroundings.

    The message is one clear sentence (or two) that says what is wrong, with which file, and what
    to do about it. The command line prints it and exits with status 2; the widget shows it in its
    message bar, and IPython the message alone, without the frames that led to it.
    """

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows in place of a traceback."""
        return [f"{LRSExplorerError.__name__}: {self}"]
