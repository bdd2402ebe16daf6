"""The choice of what is subtracted as background: one of some ways, or exposures from a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets

from lrs_explorer.widgets.fields import (
    UserChanges,
    field,
    note_box,
    note_html,
    replace_children,
    row,
)

__all__ = ["BackgroundChoice", "Subtracted"]

Subtracted = bool | str | tuple[str, ...] | None
"""One of the ways that are offered, or the names of the exposures that are subtracted."""

DEDICATED: Final = "dedicated exposures"

NONE_CHECKED: Final = "Check the exposures to subtract; until then nothing changes."
NONE_HERE: Final = (
    "No other exposure that can be subtracted is beside this observation; give the path of one."
)


class BackgroundChoice:
    """A way to a background, and for dedicated exposures the list to check them in.

    Parameters
    ----------
    parameter : str
        The pipeline's parameter behind it, for tooltips.
    on_chosen : callable(Subtracted)
    name_of : callable(str) -> str
        Returns how a recipe names the exposure at a path.

    Attributes
    ----------
    widget : ipywidgets.Widget
    way : ipywidgets.Dropdown
    exposures : dict of str to ipywidgets.Checkbox
        By the name of the exposure.
    path : ipywidgets.Text
        For an exposure that is not listed.
    note : ipywidgets.HTML
    """

    def __init__(
        self,
        parameter: str,
        on_chosen: Callable[[Subtracted], None],
        name_of: Callable[[str], str],
    ) -> None:
        self._user = UserChanges()
        self._parameter = parameter
        self._on_chosen, self._name_of = on_chosen, name_of
        self._ways: list[tuple[str, Subtracted]] = []
        self._offered: dict[str, str] = {}
        self._named: tuple[str, ...] = ()  # by the recipe
        self._shown: tuple[Any, ...] | None = None
        self._why_not = ""
        self.way = ipywidgets.Dropdown(
            options=[DEDICATED], tooltip=f"What is subtracted as background. {parameter}"
        )
        self.path = ipywidgets.Text(
            continuous_update=False,
            placeholder="path of a rate or rateints",
            tooltip=f"Subtract an exposure that is not listed, from another folder. {parameter}",
        )
        self.exposures: dict[str, ipywidgets.Checkbox] = {}
        self._list = ipywidgets.VBox().add_class("lrs-exposures")
        self._elsewhere = row(field("elsewhere", self.path, width="230px"))
        self.note = note_box()
        self._user.watch(self.way, self._way_chosen)
        self._user.watch(self.path, self._path_typed)
        self.widget = ipywidgets.VBox(
            [
                row(field("subtract", self.way, width="230px")),
                self._list,
                self._elsewhere,
                self.note,
            ]
        )

    @property
    def checked(self) -> tuple[str, ...]:
        """The names of the exposures that are checked, whether they are subtracted or not."""
        return tuple(name for name, box in self.exposures.items() if box.value)

    def offer(self, exposures: Sequence[tuple[str, str]]) -> None:
        """List exposures, by name and in words; those that are checked and listed again stay so."""
        self._offered = dict(exposures)
        self._check(self.checked)

    def clear(self) -> None:
        """Forget all exposures, as when another observation is opened."""
        self._offered, self._named, self._shown = {}, (), None
        self._check(())

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
        self._named = subtracted if isinstance(subtracted, tuple) else ()
        with self._user.silence():
            self._ways = list(ways)
            *others, last = (label for label, _ in ways)
            labels = [*others, DEDICATED, last]
            if list(self.way.options) != labels:
                self.way.options = labels
            way = (label for label, value in ways if value == subtracted)
            self.way.value = DEDICATED if self._named else next(way)
        self._check(self._named or self.checked)

    def enable(self, why_not: str) -> None:
        """Let the user choose, or say why not."""
        self._why_not = why_not
        for control in (self.way, self.path, *self.exposures.values()):
            control.disabled = bool(why_not)
        self._show_list()

    def _check(self, names: tuple[str, ...]) -> None:
        """Check these exposures alone, among those that are offered and those of the recipe."""
        listed = self._offered | {n: "" for n in self._named if n not in self._offered}
        if list(self.exposures) != list(listed):
            self.exposures = {name: self._box(name, words) for name, words in listed.items()}
            replace_children(self._list, self.exposures.values())
        with self._user.silence():
            for name, box in self.exposures.items():
                box.value = name in names
        self._show_list()

    def _box(self, name: str, words: str) -> ipywidgets.Checkbox:
        box = ipywidgets.Checkbox(
            description=f"{words}: {name}" if words else name,
            tooltip=f"Subtract {name}; of several their mean. {self._parameter}",
            indent=False,
            disabled=self.way.disabled,
        )
        self._user.watch(box, self._checks_changed)
        return box

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

    def _path_typed(self) -> None:
        """Subtract what is checked and the exposure at a path; refused, it is not listed."""
        given = self.path.value.strip()
        if given:
            with self._user.silence():
                self.path.value = ""
            self._choose(tuple(sorted({*self.checked, self._name_of(given)})))

    def _choose(self, subtracted: Subtracted) -> None:
        self._shown = None  # what holds is to be shown, also where this is refused
        self._on_chosen(subtracted)

    def _show_list(self) -> None:
        dedicated = self.way.value == DEDICATED
        self._list.layout.display = None if dedicated else "none"
        self._elsewhere.layout.display = "" if dedicated else "none"
        hint = self._why_not
        if not hint and dedicated and not self.checked:
            hint = NONE_CHECKED if self.exposures else NONE_HERE
        self.note.value = note_html(hint, "hint")
