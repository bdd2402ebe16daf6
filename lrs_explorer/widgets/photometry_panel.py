"""Controls and results of "Is the flux right?"."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ipywidgets

from lrs_explorer.widgets.fields import button, note_box, note_html, row
from lrs_explorer.widgets.layout import CONTROLS_WIDTH
from lrs_explorer.widgets.photometry_plot import PhotometryPlot

__all__ = ["FluxResult", "PhotometryPanel"]


@dataclass(frozen=True)
class FluxResult:
    """One comparison, in words.

    Parameters
    ----------
    title : str
    result : str
        The ratio, in a few words.
    status : {"comparable", "limited", "not comparable"}
    why : str
    details : tuple of str
        What it rests on.
    """

    title: str
    result: str
    status: str
    why: str
    details: tuple[str, ...]


class PhotometryPanel:
    """Catalogue fluxes to be typed, a button, the results and their figure.

    Parameters
    ----------
    on_compare : callable()

    Attributes
    ----------
    widget : ipywidgets.Widget
    catalogue : ipywidgets.Textarea
        One flux a line.
    results, note : ipywidgets.HTML
    plot : PhotometryPlot
    """

    def __init__(self, on_compare: Callable[[], None]) -> None:
        self.catalogue = ipywidgets.Textarea(
            placeholder="F770W = 12.3 mJy ± 0.2\nwise_w3 = 5.2 Vega mag",
            tooltip="Catalogue fluxes, one a line: filter = value unit ± error, with Jy, mJy, µJy, "
            "AB mag or Vega mag. No pipeline parameter: the spectrum is never changed.",
            rows=3,
            layout={"width": "97%"},
        ).add_class("lrs-catalogue")
        self.compare = button(
            "compare",
            "Compare the spectrum as it is shown with the star on the acquisition images and with "
            "the catalogue fluxes.",
            on_compare,
        )
        self.note, self.results = note_box(), ipywidgets.HTML().add_class("lrs-flux-results")
        self.plot = PhotometryPlot(f"calc({CONTROLS_WIDTH} - 24px)", "230px")
        label = ipywidgets.HTML('<span class="lrs-label">catalogue fluxes, one a line</span>')
        self.widget = ipywidgets.VBox(
            [label, self.catalogue, row(self.compare), self.note, self.plot.widget, self.results]
        )

    @property
    def entries(self) -> list[str]:
        """The catalogue fluxes that were typed."""
        lines = self.catalogue.value.replace(";", "\n").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def say(self, text: str, kind: str = "note") -> None:
        """Say what is under way or went wrong; "" for nothing."""
        self.note.value = note_html(text, kind)

    def show(self, results: Sequence[FluxResult], notes: Sequence[str]) -> None:
        """Show these results; a click on one shows what it rests on."""
        parts = [] if not results else [note_html("spectrum / photometry:", "hint")]
        for one in results:
            sure = one.status == "comparable"
            details = "".join(f"<li>{html.escape(line)}</li>" for line in one.details)
            parts.append(
                f'<details data-status="{html.escape(one.status)}"{"" if sure else " open"}>'
                f"<summary>{html.escape(one.title)}: <b>{html.escape(one.result)}</b></summary>"
                f"{note_html(one.why, 'note' if sure else 'warning')}<ul>{details}</ul></details>"
            )
        parts += [f"<div>{note_html(note)}</div>" for note in notes]
        self.results.value = "".join(parts)
