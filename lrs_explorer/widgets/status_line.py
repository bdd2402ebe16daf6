"""The line under the title: what is wrong, what is done about it, and what came of that."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection
from typing import Final

import ipywidgets

from lrs_explorer.widgets.fields import button

__all__ = ["KINDS", "StatusLine"]

KINDS: Final = ("checking", "problems", "fine", "fixing", "fixed", "unknown")

BUTTONS: Final = {
    "show": ("Show", "Show what was found, with the evidence on the figures."),
    "fix": (
        "Fix all",
        "Apply the remedies of all problems, run the pipeline, and check again, until nothing "
        "more is found; at most four rounds, one step to undo.",
    ),
    "changed": (
        "What changed",
        "Pin the spectrum as it was before, and show the ratio of the two.",
    ),
    "undo": ("Undo", "Go back to how it was before the fix, in one step."),
}
"""Name on the screen, and what each does; by the name under which it is answered."""


class StatusLine:
    """One sentence, the buttons that belong to it, and where an earlier session was left.

    It has a height of its own, whatever it says, so that no figure moves under a pointer.

    Attributes
    ----------
    widget : ipywidgets.Widget
    text : ipywidgets.HTML
    buttons : dict of str to ipywidgets.Button
        By name: those of `BUTTONS`.
    left_off : ipywidgets.HTML
    proceed, forget : ipywidgets.Button
        Take up an earlier session, or do not.
    """

    def __init__(self) -> None:
        self._answers: dict[str, Callable[[], None]] = {}
        self._proceed: Callable[[], None] | None = None
        self.text = ipywidgets.HTML().add_class("lrs-status-text")
        self.buttons = {
            name: button(word, tooltip, lambda name=name: self._pressed(name))  # type: ignore[misc]
            for name, (word, tooltip) in BUTTONS.items()
        }
        self.buttons["fix"].add_class("lrs-primary")
        self.left_off = ipywidgets.HTML().add_class("lrs-left-off-text")
        self.proceed = button("Continue", "Take up that recipe again; one step to undo.", self._go)
        self.forget = button("✕", "Begin anew; the tab Recipe keeps what was.", self.withdraw)
        self._offer = ipywidgets.HBox([self.left_off, self.proceed, self.forget])
        self._offer.add_class("lrs-left-off")
        self.widget = ipywidgets.HBox([self.text, *self.buttons.values(), self._offer])
        self.widget.add_class("lrs-status")
        self.withdraw()
        self.show("checking", "")

    def answer(self, name: str, callback: Callable[[], None]) -> None:
        """Call ``callback()`` when the button of this name is pressed."""
        assert name in BUTTONS
        self._answers[name] = callback

    def show(
        self,
        kind: str,
        headline: str,
        more: str = "",
        buttons: Collection[str] = (),
        *,
        pressable: bool = True,
    ) -> None:
        """Say how things are.

        Parameters
        ----------
        kind : {"checking", "problems", "fine", "fixing", "fixed", "unknown"}
        headline, more : str
            What is read first, and the rest of it.
        buttons : collection of str
            Names of those that are offered.
        pressable : bool
            Whether they can be pressed now.
        """
        assert kind in KINDS
        said = f"{headline} {more}".strip()
        value = (
            f'<div class="lrs-line" data-status="{kind}" role="status" '
            f'title="{html.escape(said)}"><b>{html.escape(headline)}</b> '
            f"{html.escape(more)}</div>"
        )
        if value != self.text.value:
            self.text.value = value
        for name, control in self.buttons.items():
            display = None if name in buttons else "none"
            if control.layout.display != display:
                control.layout.display = display
            control.disabled = not pressable

    def offer(self, text: str, tooltip: str, proceed: Callable[[], None]) -> None:
        """Offer to go on where an earlier session was left."""
        self._proceed = proceed
        self.left_off.value = (
            f'<div class="lrs-line" title="{html.escape(tooltip)}">{html.escape(text)}</div>'
        )
        self._offer.layout.display = None

    def withdraw(self) -> None:
        """Offer no earlier session any more."""
        self._proceed = None
        self._offer.layout.display = "none"

    def _pressed(self, name: str) -> None:
        if answer := self._answers.get(name):
            answer()

    def _go(self) -> None:
        proceed = self._proceed
        self.withdraw()
        if proceed is not None:
            proceed()
