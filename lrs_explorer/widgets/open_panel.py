"""Choosing an observation to open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import ipywidgets

from lrs_explorer.widgets.archive_panel import ArchivePanel
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    counted,
    field,
    note_html,
    row,
)

__all__ = ["OpenChoice", "OpenPanel"]


@dataclass(frozen=True)
class OpenChoice:
    """One observation of a folder.

    Parameters
    ----------
    value : str
        What `OpenPanel` hands back: its path.
    name, target, date, mode : str
    products : tuple of str
        Kinds of product that there are: "rate", "s2d", ...
    files : int
        How many there are.
    reduction : str
        What tells it from other reductions of the same observation; "" where there is none.
    """

    value: str
    name: str
    target: str = ""
    date: str = ""
    mode: str = ""
    products: tuple[str, ...] = ()
    files: int = 0
    reduction: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """What is listed, in this order."""
        kinds, files = ", ".join(self.products), counted(self.files, "file")
        return (self.target, self.name, self.date, self.mode, self.reduction, files, kinds)


def table(choices: Sequence[OpenChoice]) -> list[str]:
    """Return a line for each choice; together they read as a table in a font of fixed width."""
    widths = [max(map(len, column)) for column in zip(*(c.columns for c in choices), strict=True)]
    lines = (
        "  ".join(text.ljust(width) for text, width in zip(one.columns, widths, strict=True))
        for one in choices
    )
    # No-break spaces: a browser would run ordinary ones together.
    return [line.rstrip().replace(" ", "\u00a0") for line in lines]


class OpenPanel:
    """Lists observations to choose from, and takes any path; lies over what is below it.

    Parameters
    ----------
    on_open : callable(str)
        Called with the value of the chosen observation or the path that was typed.

    Attributes
    ----------
    widget : ipywidgets.Widget
    filter, path : ipywidgets.Text
    crds : ipywidgets.Text
        CRDS cache that was chosen for what is opened; empty = none.
    data : ipywidgets.Text
        Folder with the inputs of a package; empty = that of the package.
    join : ipywidgets.Checkbox
        Whether time series of several exposures are opened as one.
    list : ipywidgets.Select
    open_selected, open_path, cancel : ipywidgets.Button
    note : ipywidgets.HTML
        How many observations there are and are shown.
    archive : ArchivePanel
        What is fetched from MAST.
    """

    def __init__(self, on_open: Callable[[str], None]) -> None:
        self._on_open = on_open
        self._user = UserChanges()
        self._choices: tuple[OpenChoice, ...] = ()
        self._folder = ""
        self.filter = ipywidgets.Text(
            placeholder="name, target, mode, …",
            tooltip="Show only observations that contain all these words.",
        )
        self.list = ipywidgets.Select(
            rows=10,
            tooltip="LRS observations of this folder: target, name, date, mode, what tells "
            "reductions apart, files and their kinds.",
            layout={"width": "100%"},
        ).add_class("lrs-fixed-width")
        self.open_selected = button("open", "Open the selected observation.", self._open_selected)
        self.path = ipywidgets.Text(
            placeholder="file or folder",
            tooltip="Path of an LRS product, an association, a folder, or the package of a paper "
            "(.zip).",
        )
        self.open_path = button(
            "open path", "Open this file, or list the observations of this folder.", self._open_path
        )
        self.crds = ipywidgets.Text(
            placeholder="that of CRDS_PATH, else the JWST server",
            tooltip="Folder of a CRDS cache to take all reference files from. One beside the data "
            "is not used unasked: who wrote it decides what the pipeline does.",
        )
        self.data = ipywidgets.Text(
            placeholder="that of the package",
            tooltip="Folder in which, and below which, the files are looked for that a package "
            "(.zip) was made of; they are checked.",
        )
        self.join = checkbox(
            "join exposures",
            "Open time series of several exposures or visits as one, with gaps in time; else each "
            "is its own.",
        )
        self.cancel = button("cancel", "Close without opening another observation.", self.close)
        self.note = ipywidgets.HTML()
        self.archive = ArchivePanel()
        self._user.watch(self.filter, self._list)
        self.widget = ipywidgets.VBox(
            [
                row(field("filter", self.filter, width="220px"), self.note),
                self.list,
                row(self.open_selected, self.cancel, self.join),
                row(field("path", self.path, width="520px"), self.open_path),
                row(field("CRDS cache", self.crds, width="520px")),
                row(field("inputs in", self.data, width="520px")),
                self.archive.widget,
            ]
        )
        self.widget.add_class("lrs-popup").add_class("lrs-open")
        self._list()
        self.close()

    def open(self) -> None:
        """Show the panel, unless it is shown already."""
        if not self.shown:
            with self._user.silence():
                self.filter.value = ""
            self._list()
        self.widget.layout.display = ""

    @property
    def shown(self) -> bool:
        """Whether the panel is shown."""
        return bool(self.widget.layout.display == "")

    def close(self) -> None:
        """Hide the panel."""
        self.widget.layout.display = "none"

    def show(self, choices: Iterable[OpenChoice], folder: str = "") -> None:
        """List these observations of ``folder``; calls nothing back.

        What the user has typed since it was asked for stays.
        """
        typing, other = self.path.value.strip() not in ("", self._folder), folder != self._folder
        self._choices, self._folder = tuple(choices), folder
        with self._user.silence():
            if other:
                self.filter.value = ""
            if not typing:  # looking through a folder takes a while
                self.path.value = folder
        self._list()

    @property
    def listed(self) -> tuple[OpenChoice, ...]:
        """The observations that the filter lets through."""
        words = self.filter.value.casefold().split()
        return tuple(
            one
            for one in self._choices
            if all(word in " ".join(one.columns).casefold() for word in words)
        )

    def _list(self) -> None:
        listed = self.listed
        chosen = self.list.value
        options = [(line, one.value) for line, one in zip(table(listed), listed, strict=True)]
        self.list.options = options
        if chosen in [value for _, value in options]:
            self.list.value = chosen
        elif options:
            self.list.value = options[0][1]
        self.open_selected.disabled = not options
        if not self._choices:
            where = f" in {self._folder}" if self._folder else ""
            text = f"No LRS observations were found{where}."
        else:
            text = f"{len(listed)} of {len(self._choices)} listed"
        self.note.value = note_html(text, "hint")

    def _open_selected(self) -> None:
        if self.list.value is not None:
            self._on_open(self.list.value)

    def _open_path(self) -> None:
        path = self.path.value.strip()
        if path:
            self._on_open(path)
