"""The choice of what is subtracted as background: one of some ways, or exposures from a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets

from lrs_explorer.widgets.fields import UserChanges, field, note_box, note_html, row

__all__ = ["BackgroundChoice", "Subtracted"]

Subtracted = bool | str | tuple[str, ...] | None
"""One of the ways that are offered, or the names of the exposures that are subtracted."""

DEDICATED: Final = "dedicated exposures"

NONE_CHECKED: Final = "Check the exposures to subtract; until then nothing changes."
NONE_HERE: Final = (
    "No other exposure that can be subtracted is here: put the rate or rateints of one beside this "
    "observation and open it again."
)


class BackgroundChoice:
    """A way to a background, and for dedicated exposures the list to check them in.

    Parameters
    ----------
    parameter : str
        The pipeline's parameter behind it, for tooltips.
    on_chosen : callable(Subtracted)

    Attributes
    ----------
    widget : ipywidgets.Widget
    way : ipywidgets.Dropdown
    exposures : dict of str to ipywidgets.Checkbox
        By the name of the exposure.
    note : ipywidgets.HTML
    """

    def __init__(self, parameter: str, on_chosen: Callable[[Subtracted], None]) -> None:
        self._user = UserChanges()
        self._parameter = parameter
        self._on_chosen = on_chosen
        self._ways: list[tuple[str, Subtracted]] = []
        self._shown: tuple[Any, ...] | None = None
        self.way = ipywidgets.Dropdown(
            options=[DEDICATED], tooltip=f"What is subtracted as background. {parameter}"
        )
        self.exposures: dict[str, ipywidgets.Checkbox] = {}
        self._list = ipywidgets.VBox().add_class("lrs-exposures")
        self.note = note_box()
        self._user.watch(self.way, self._way_chosen)
        self.widget = ipywidgets.VBox(
            [row(field("subtract", self.way, width="230px")), self._list, self.note]
        )

    @property
    def checked(self) -> tuple[str, ...]:
        """The names of the exposures that are checked, whether they are subtracted or not."""
        return tuple(name for name, box in self.exposures.items() if box.value)

    def offer(self, exposures: Sequence[tuple[str, str]]) -> None:
        """List exposures, by name and in words; what is checked stays so, listed or not."""
        checked, listed = self.checked, dict(exposures)
        if self.way.value == DEDICATED:
            listed |= {name: "" for name in checked if name not in listed}
        self.exposures = {}
        for name, words in listed.items():
            self._add(name, words, name in checked)
        self._show_list()

    def clear(self) -> None:
        """Forget all exposures, as when another observation is opened."""
        self.exposures, self._shown = {}, None
        self._show_list()

    def show(self, subtracted: Subtracted, ways: Sequence[tuple[str, Subtracted]]) -> None:
        """Show what is chosen; what the user is about to check stays while that is the same.

        Parameters
        ----------
        subtracted : Subtracted
        ways : sequence of (str, Subtracted)
            Those that are offered beside dedicated exposures, and what they are called; the last
            subtracts nothing.
        """
        if self._shown == (subtracted, list(ways)):
            return
        self._shown = subtracted, list(ways)
        names = subtracted if isinstance(subtracted, tuple) else ()
        with self._user.silence():
            self._ways = list(ways)
            *others, last = (label for label, _ in ways)
            labels = [*others, DEDICATED, last]
            if list(self.way.options) != labels:
                self.way.options = labels
            way = (label for label, value in ways if value == subtracted)
            self.way.value = DEDICATED if names else next(way)
        if names:
            self._check(names)
        self._show_list()

    def enable(self, enabled: bool) -> None:
        """Let the user choose, or not."""
        for control in (self.way, *self.exposures.values()):
            control.disabled = not enabled

    def _check(self, names: tuple[str, ...]) -> None:
        """Check these exposures alone; one that is not listed is added by its name."""
        for name in names:
            if name not in self.exposures:
                self._add(name, "", True)
        with self._user.silence():
            for name, box in self.exposures.items():
                box.value = name in names

    def _add(self, name: str, words: str, checked: bool) -> None:
        box = ipywidgets.Checkbox(
            value=checked,
            description=f"{words}: {name}" if words else name,
            tooltip=f"Subtract {name}; of several their mean. {self._parameter}",
            indent=False,
            disabled=self.way.disabled,
        )
        self.exposures[name] = box
        self._user.watch(box, self._checks_changed)

    def _way_chosen(self) -> None:
        self._show_list()
        if self.way.value != DEDICATED:
            self._choose(next(value for label, value in self._ways if label == self.way.value))
        elif self.checked:
            self._choose(self.checked)

    def _checks_changed(self) -> None:
        """Subtract what is checked; when the last check is taken away, as delivered."""
        self._choose(self.checked or None)
        self._show_list()

    def _choose(self, subtracted: Subtracted) -> None:
        self._shown = None  # what holds is to be shown, also where this is refused
        self._on_chosen(subtracted)

    def _show_list(self) -> None:
        shown = list(self.exposures.values()) if self.way.value == DEDICATED else []
        if list(self._list.children) != shown:
            self._list.children = shown
        hint = ""
        if self.way.value == DEDICATED and not self.checked:
            hint = NONE_CHECKED if self.exposures else NONE_HERE
        self.note.value = note_html(hint, "hint")
