"""Pinned spectra: kept beside the live one to compare with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import ipywidgets

from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.widgets.fields import UserChanges, button, note_html, replace_children
from lrs_explorer.widgets.layout import PIN_COLORS

__all__ = ["Pin", "PinList"]


@dataclass(frozen=True, eq=False)
class Pin:
    """A spectrum that was kept.

    Parameters
    ----------
    key : str
        Stays the same when the pin is renamed: "pin 1", "pin 2", ...
    name : str
    spectrum : Spectrum
    color : str
    shown : bool
    """

    key: str
    name: str
    spectrum: Spectrum
    color: str
    shown: bool = True


class PinRow:
    """The controls of one pin: ``shown``, ``color``, ``name`` and ``remove``."""

    def __init__(
        self,
        pin: Pin,
        on_shown: Callable[[], None],
        on_name: Callable[[], None],
        on_color: Callable[[], None],
        on_remove: Callable[[], None],
    ) -> None:
        self._user = UserChanges()
        self.shown = ipywidgets.Checkbox(
            value=pin.shown,
            indent=False,
            tooltip=f"Show {pin.name} in the spectrum. Display only: no pipeline parameter.",
            layout={"width": "20px", "flex": "0 0 auto"},
        )
        self.name = ipywidgets.Text(
            value=pin.name,
            continuous_update=False,
            tooltip="Name of this pinned spectrum. Display only: no pipeline parameter.",
            layout={"flex": "1 1 auto", "width": "auto", "min_width": "80px"},
        )
        self.remove = button("✕", f"Remove {pin.name}", on_remove, width="32px")
        self.color = ipywidgets.ColorPicker(
            value=pin.color,
            concise=True,
            tooltip="Colour of this pinned spectrum. Display only: no pipeline parameter.",
            layout={"width": "32px", "flex": "0 0 auto"},
        )
        self.widget = ipywidgets.HBox([self.shown, self.color, self.name, self.remove])
        self.widget.add_class("lrs-row")
        self._user.watch(self.shown, on_shown)
        self._user.watch(self.name, on_name)
        self._user.watch(self.color, on_color)

    def show_name(self, name: str) -> None:
        """Show ``name`` without calling back."""
        with self._user.silence():
            self.name.value = name


class PinList:
    """The list of pinned spectra; any number.

    Parameters
    ----------
    on_change : callable(tuple of Pin)
        Called with all pins after the user has renamed, coloured, hidden, shown or removed one. Not
        called for `add`, `remove` and `clear`, which Python calls.

    Attributes
    ----------
    widget : ipywidgets.Widget
    pins : tuple of Pin
    rows : dict of str to PinRow
        The controls of each pin, by its key.
    """

    def __init__(self, on_change: Callable[[tuple[Pin, ...]], None] = lambda pins: None) -> None:
        self._on_change = on_change
        self._pins: dict[str, Pin] = {}
        self._made = 0
        self.rows: dict[str, PinRow] = {}
        self._list = ipywidgets.VBox().add_class("lrs-pins")
        self._empty = ipywidgets.HTML(
            note_html(
                "Nothing pinned yet. Press “pin” to keep the current spectrum for comparison.",
                "hint",
            )
        )
        self.widget = ipywidgets.VBox([self._list, self._empty])
        self._arrange()

    @property
    def pins(self) -> tuple[Pin, ...]:
        """All pins, oldest first."""
        return tuple(self._pins.values())

    def add(self, spectrum: Spectrum, name: str = "") -> Pin:
        """Keep ``spectrum`` under ``name``; a name that is taken gets a number behind it."""
        self._made += 1
        key = f"pin {self._made}"
        in_use = [pin.color for pin in self._pins.values()]
        # The colour that is used least; on a tie the first in the list.
        color = min(PIN_COLORS, key=lambda c: (in_use.count(c), PIN_COLORS.index(c)))
        pin = Pin(key, self._free_name(name.strip() or key, key), spectrum, color)
        self._pins[key] = pin
        self.rows[key] = PinRow(
            pin,
            on_shown=lambda: self._show(key),
            on_name=lambda: self._rename(key),
            on_color=lambda: self._recolor(key),
            on_remove=lambda: self._remove_by_user(key),
        )
        self._arrange()
        return pin

    def remove(self, key: str) -> None:
        """Forget the pin ``key``."""
        del self._pins[key], self.rows[key]
        self._arrange()

    def clear(self) -> None:
        """Forget all pins, as when another observation is opened."""
        self._pins.clear()
        self.rows.clear()
        self._arrange()

    def _free_name(self, name: str, key: str) -> str:
        taken = {pin.name for pin in self._pins.values() if pin.key != key}
        free, number = name, 2
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        return free

    def _show(self, key: str) -> None:
        pin = self._pins[key]
        self._pins[key] = dataclasses.replace(pin, shown=self.rows[key].shown.value)
        self._on_change(self.pins)

    def _rename(self, key: str) -> None:
        wanted = self.rows[key].name.value.strip()
        pin = self._pins[key]
        name = self._free_name(wanted, key) if wanted else pin.name
        self.rows[key].show_name(name)
        if name != pin.name:
            self._pins[key] = dataclasses.replace(pin, name=name)
            self._on_change(self.pins)

    def _recolor(self, key: str) -> None:
        self._pins[key] = dataclasses.replace(self._pins[key], color=self.rows[key].color.value)
        self._on_change(self.pins)

    def _remove_by_user(self, key: str) -> None:
        self.remove(key)
        self._on_change(self.pins)

    def _arrange(self) -> None:
        rows = [r.widget for r in self.rows.values()]
        replace_children(self._list, rows)
        self._empty.layout.display = "none" if rows else None
