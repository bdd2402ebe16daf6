"""The one form from which all that leaves the page can be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

import ipywidgets

from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)

__all__ = ["EXPORTS", "ExportChoice", "ExportForm"]

EXPORTS: Final = {
    "spectrum": (
        "spectrum",
        "Write the live spectrum as an x1d file with all columns of extract_1d (.fits), or as a "
        "table (.ecsv).",
    ),
    "recipe": (
        "recipe",
        "Write every choice made here as a recipe file, to be applied to other observations.",
    ),
    "pipeline": (
        "for the pipeline",
        "Write what makes the same spectrum without LRS Explorer: a Python script and strun lines "
        "for the pipeline, its parameter files and the extract1d reference. Runs no step.",
    ),
    "package": (
        "package of a paper",
        "Write one zip with spectrum, recipe, script, figures and the numbers in them, report, "
        "checksums of all inputs, reference files, versions and what to cite. open… opens it "
        "again.",
    ),
    "report": (
        "report",
        "Write one page that stands alone: what was delivered, what was found, what the recipe "
        "changes and by how much, how well errors hold, what remains, the recipe.",
    ),
    "figure spectrum": (
        "figure: spectrum",
        "Draw the spectrum with its errors and the delivered one as for print, and write it.",
    ),
    "figure image": (
        "figure: image",
        "Draw the image with aperture and background as for print, and write it.",
    ),
    "figure light_curves": (
        "figure: light curves",
        "Draw the light curves of the series as for print, and write them.",
    ),
}
"""What can be had: its name in the menu, and what that gives."""


@dataclass(frozen=True)
class ExportChoice:
    """What is to be written, and how.

    Parameters
    ----------
    what : str
        A key of `EXPORTS`.
    path : str
        A file; for the pipeline, a folder.
    width : str
        Of a figure.
    data, overwrite, without_references : bool
    """

    what: str
    path: str
    width: str = "column"
    data: bool = False
    overwrite: bool = False
    without_references: bool = False

    @property
    def figure(self) -> str:
        """Which figure it is; "" for anything else."""
        return self.what.removeprefix("figure ") if self.what.startswith("figure ") else ""


class ExportForm:
    """Asks what is to be written, and where; lies over what is below it, so that nothing moves.

    Attributes
    ----------
    widget : ipywidgets.Widget
    what, width : ipywidgets.Dropdown
    file_name : ipywidgets.Text
    data, overwrite, without : ipywidgets.Checkbox
    save, cancel : ipywidgets.Button
    result : ipywidgets.HTML
        What is being done, or what was wrong.
    """

    def __init__(self) -> None:
        self._answer: Callable[[ExportChoice], None] = lambda _choice: None
        self._user = UserChanges()
        self._suggested: dict[str, str] = {}
        self.what = ipywidgets.Dropdown(
            options=[(name, what) for what, (name, _) in EXPORTS.items()],
            tooltip="What is to be written.",
        )
        self.file_name = ipywidgets.Text(
            continuous_update=True,
            tooltip="File to save to (for the pipeline, a folder); a relative path starts at the "
            "working folder. The ending chooses the format: of a spectrum .fits or .ecsv, of a "
            "figure .pdf, .svg or .png.",
        )
        self.width = ipywidgets.Dropdown(
            options=[("1 column", "column"), ("2 columns", "page")],
            tooltip="Width of the figure on paper: 3.5 or 7.1 inches.",
        )
        self._width = field("for", self.width, width="98px")
        self.data = checkbox(
            "with a table", "Also write the numbers that are drawn beside the figure (.ecsv)."
        )
        self.overwrite = checkbox(
            "replace an existing file", "Replace what there is of the same name."
        )
        self.without = checkbox(
            "without reference files",
            "Write it although reference files could not be had that would change it, such as that "
            "of the aperture correction.",
        )
        self.save = button("save", "", self._save)
        self.cancel = button("cancel", "Close without saving.", self.close)
        self.result = note_box()
        self._user.watch(self.what, self._chosen)
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("export", self.what, width="160px"),
                    field("to", self.file_name, width="360px"),
                ),
                row(self._width, self.data, self.overwrite, self.without, self.save, self.cancel),
                self.result,
            ]
        )
        self.widget.add_class("lrs-popup").add_class("lrs-export")
        self._arrange()
        self.close()

    def answer(self, on_save: Callable[[ExportChoice], None]) -> None:
        """Call ``on_save(choice)`` from now on; the form stays open until `close` is called."""
        self._answer = on_save

    def offer(self, suggested: Mapping[str, str]) -> None:
        """Offer what has a suggested file name here; what was typed is forgotten."""
        self._suggested = dict(suggested)
        chosen = self.what.value
        with self._user.silence():
            self.what.options = [(EXPORTS[what][0], what) for what in EXPORTS if what in suggested]
            if chosen in suggested:
                self.what.value = chosen
        self.file_name.value = self._suggested[self.what.value]
        self._arrange()

    def open(self, what: str) -> None:
        """Show the form for ``what``, with a suggested file name."""
        with self._user.silence():
            if what in self._suggested:
                self.what.value = what
        self.file_name.value = self._suggested.get(self.what.value, "")
        self.overwrite.value = False
        self._arrange()
        self.widget.layout.display = ""

    def reopen(self, what: str) -> None:
        """Show the form as it was for ``what``, unless it is about something else by now."""
        if self.what.value == what:
            self.widget.layout.display = ""

    def toggle(self, what: str) -> None:
        """Show the form for ``what``; close it where it is shown for that."""
        if self.is_open and self.what.value == what:
            self.close()
        else:
            self.open(what)

    @property
    def is_open(self) -> bool:
        """Whether the form is shown."""
        return bool(self.widget.layout.display != "none")

    def close(self) -> None:
        """Hide the form."""
        self.widget.layout.display = "none"

    def offer_without(self) -> None:
        """Offer to write what lacks reference files."""
        self.without.layout.display = ""

    def show_result(self, text: str) -> None:
        """Say what is being done, or what was wrong."""
        self.result.value = note_html(text)

    def _chosen(self) -> None:
        """Suggest a name for another choice, in the folder that was typed."""
        folder = PurePath(self.file_name.value).parent
        self.file_name.value = str(folder / self._suggested[self.what.value])
        self._arrange()

    def _arrange(self) -> None:
        """Show what belongs to the choice alone."""
        what = str(self.what.value)
        _, gives = EXPORTS[what]
        self.save.description = f"save {'files' if what == 'pipeline' else what.partition(' ')[0]}"
        self.save.tooltip = gives
        figure = what.startswith("figure ")
        self._width.layout.display = self.data.layout.display = "" if figure else "none"
        self.without.layout.display = "none"
        self.without.value = False
        self.show_result("")

    def _save(self) -> None:
        path = self.file_name.value.strip()
        if path:
            self._answer(
                ExportChoice(
                    str(self.what.value),
                    path,
                    str(self.width.value),
                    self.data.value,
                    self.overwrite.value,
                    self.without.value,
                )
            )
