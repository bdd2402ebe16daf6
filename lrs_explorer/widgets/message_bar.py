"""Messages to the user: one sentence each, details on demand."""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import partial

import ipywidgets

from lrs_explorer.widgets.fields import button, replace_children

__all__ = ["LEVELS", "Message", "MessageBar", "message_html"]

LEVELS = ("info", "warning", "error")

MOST_MESSAGES = 5
"""Older messages beyond this number are dropped."""


@dataclass(frozen=True)
class Message:
    """One sentence and, where there is more to say, details.

    Parameters
    ----------
    text : str
    level : {"info", "warning", "error"}
    details : str
        Plain text of any length, e.g. what a pipeline step logged.
    """

    text: str
    level: str = "info"
    details: str = ""


def message_html(message: Message) -> str:
    """Return ``message`` as HTML in which every text is escaped.

    Screen readers interrupt for a warning or an error (``role="alert"``), not for information.
    """
    role = "status" if message.level == "info" else "alert"
    text = html.escape(message.text)
    if message.details:
        details = html.escape(message.details)
        text = f"<details><summary>{text}</summary><pre>{details}</pre></details>"
    return f'<div class="lrs-message" data-level="{message.level}" role="{role}">{text}</div>'


class MessageBar:
    """Messages, newest first, which lie over what is below.

    A message must not push a figure away under a dragging pointer. There is a line of room where
    there was something to say when the observation was opened, until that is dismissed.

    Attributes
    ----------
    widget : ipywidgets.Widget
    messages : tuple of Message
        Newest first.
    dismiss : dict of Message to ipywidgets.Button
    """

    def __init__(self) -> None:
        self.messages: tuple[Message, ...] = ()
        self.dismiss: dict[Message, ipywidgets.Button] = {}
        self._rows: dict[Message, ipywidgets.HBox] = {}
        self._list = ipywidgets.VBox().add_class("lrs-message-list")
        self.widget = ipywidgets.Box([self._list]).add_class("lrs-messages")

    def show(self, text: str, level: str = "info", details: str = "") -> None:
        """Show a message; one that is already there comes to the front and is not repeated."""
        if level not in LEVELS:
            raise ValueError(f"level must be one of {LEVELS}, not {level!r}")
        message = Message(text, level, details)
        others = tuple(one for one in self.messages if one != message)
        self._arrange((message, *others)[:MOST_MESSAGES])

    def clear(self, level: str | None = None) -> None:
        """Remove all messages, or those of one level."""
        kept = () if level is None else tuple(m for m in self.messages if m.level != level)
        if kept != self.messages:
            self._arrange(kept)

    def remove(self, message: Message) -> None:
        """Remove one message."""
        self._arrange(tuple(one for one in self.messages if one != message))

    def make_room(self) -> None:
        """Keep a line free for the messages there are; call it when nothing is being dragged."""
        if self.messages:
            self.widget.add_class("lrs-room")
        else:
            self.widget.remove_class("lrs-room")

    def _dismissed(self, message: Message) -> None:
        self.remove(message)
        if not self.messages:
            self.make_room()

    def _arrange(self, messages: tuple[Message, ...]) -> None:
        self.messages = messages
        for message in messages:
            if message not in self._rows:
                self.dismiss[message] = button(
                    "✕",
                    "Dismiss this message",
                    partial(self._dismissed, message),
                    width="32px",
                )
                text = ipywidgets.HTML(message_html(message), layout={"flex": "1 1 auto"})
                self._rows[message] = ipywidgets.HBox([text, self.dismiss[message]])
        for gone in set(self._rows) - set(messages):
            del self._rows[gone], self.dismiss[gone]
        replace_children(self._list, [self._rows[message] for message in messages])
