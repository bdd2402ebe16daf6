"""Controls of what is made for a reader: figures for print, and the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

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

__all__ = ["FigureChoice", "HandoverControls"]

FORMATS = ("pdf", "svg", "png")


@dataclass(frozen=True)
class FigureChoice:
    """What figure is to be written, and how.

    Parameters
    ----------
    kind, width, path : str
    data, overwrite, without_references : bool
    """

    kind: str
    width: str
    path: str
    data: bool
    overwrite: bool
    without_references: bool


class HandoverControls:
    """Writes a figure for print, or a report.

    Parameters
    ----------
    on_figure : callable(FigureChoice)
    on_report : callable(str, bool, bool)
        Called with the path, whether an existing file may be replaced, and whether it is wanted
        where reference files are missing.

    Attributes
    ----------
    widget : ipywidgets.Widget
    kind, format, width : ipywidgets.Dropdown
    file_name, report_name : ipywidgets.Text
    data, overwrite, without : ipywidgets.Checkbox
    save, report : ipywidgets.Button
    result : ipywidgets.HTML
    """

    def __init__(
        self,
        on_figure: Callable[[FigureChoice], None],
        on_report: Callable[[str, bool, bool], None],
    ) -> None:
        self._on_figure, self._on_report = on_figure, on_report
        self._user, self._name = UserChanges(), ""
        self.kind = ipywidgets.Dropdown(
            options=[("spectrum", "spectrum")],
            tooltip="What is drawn: the spectrum with its errors and the delivered one, the image "
            "with aperture and background, or the light curves of a time series.",
        )
        self.format = ipywidgets.Dropdown(
            options=FORMATS,
            tooltip="PDF and SVG can be enlarged, and their text stays text; PNG has 300 dots per "
            "inch.",
        )
        self.width = ipywidgets.Dropdown(
            options=[("1 column", "column"), ("2 columns", "page")],
            tooltip="Width on paper: 3.5 or 7.1 inches.",
        )
        self.file_name = ipywidgets.Text(
            continuous_update=True,
            tooltip="File for the figure; a relative path starts at the working folder.",
        )
        self.data = checkbox(
            "with a table", "Also write the numbers that are drawn beside the figure (.ecsv)."
        )
        self.overwrite = checkbox("replace existing files", "Replace files of the same name.")
        self.without = checkbox(
            "without reference files",
            "Write it although reference files could not be had that would change it, such as that "
            "of the aperture correction.",
        )
        self.save = button("save figure", "Draw it as for print and write it.", self._save)
        self.report_name = ipywidgets.Text(
            continuous_update=True,
            tooltip="File for the report (HTML); a relative path starts at the working folder.",
        )
        self.report = button(
            "save report",
            "Write one page that stands alone: what was delivered, what was found, what the recipe "
            "changes and by how much, how well errors hold, what remains, the recipe.",
            self._report,
        )
        self.result = note_box()
        for chooser in (self.kind, self.format):
            self._user.watch(chooser, self._suggest)
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("figure", self.kind, width="98px"),
                    field("as", self.format, width="60px"),
                    field("for", self.width, width="88px"),
                ),
                row(field("figure file", self.file_name, width="260px")),
                row(field("report file", self.report_name, width="260px")),
                row(self.save, self.report, self.data),
                row(self.overwrite, self.without),
                self.result,
            ]
        )

    def offer(self, kinds: Sequence[str], name: str) -> None:
        """Offer figures of these kinds, and files that begin with the observation's name."""
        self._name = name
        with self._user.silence():
            self.kind.options = [(kind.replace("_", " "), kind) for kind in kinds]
        self.report_name.value = f"{name}_report.html"
        self.without.layout.display = "none"
        self.without.value = self.overwrite.value = False
        self.show_result("")
        self._suggest()

    def offer_without(self) -> None:
        """Offer to write what lacks reference files."""
        self.without.layout.display = ""

    def show_result(self, text: str) -> None:
        """Say what was written, or what is being done."""
        self.result.value = note_html(text)

    def _suggest(self) -> None:
        """Name the file by kind and format, in the folder that was typed."""
        folder = PurePath(self.file_name.value).parent
        self.file_name.value = str(folder / f"{self._name}_{self.kind.value}.{self.format.value}")

    def _save(self) -> None:
        path = self.file_name.value.strip()
        if path:
            self._on_figure(
                FigureChoice(
                    self.kind.value,
                    self.width.value,
                    path,
                    self.data.value,
                    self.overwrite.value,
                    self.without.value,
                )
            )

    def _report(self) -> None:
        path = self.report_name.value.strip()
        if path:
            self._on_report(path, self.overwrite.value, self.without.value)
