"""What is wrong with the observation: verdicts, their evidence, and what mends them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import ipywidgets

from lrs_explorer.model.recipe.recipe import Uncertainty
from lrs_explorer.widgets.fields import UserChanges, button, field, note_box, note_html, row

__all__ = ["ErrorControls", "FindingsPanel", "Verdict"]

WORDS = {
    "found": "found",
    "corrected": "corrected",
    "suspect": "suspect",
    "ok": "ok",
    "unknown": "cannot tell",
}
"""What each status is called."""


@dataclass(frozen=True)
class Verdict:
    """One line of the list.

    Parameters
    ----------
    key : str
    title : str
    status : {"found", "corrected", "suspect", "ok", "unknown"}
    why : str
        A plain sentence.
    evidence : tuple of str
        Numbers, one in each line.
    advice : str
        What mends it; "" where nothing is to be done.
    mendable : bool
        Whether a recipe mends it.
    """

    key: str
    title: str
    status: str
    why: str
    evidence: tuple[str, ...]
    advice: str
    mendable: bool


class FindingsPanel:
    """The list of verdicts; a click shows the evidence, another applies the remedy.

    Parameters
    ----------
    on_show, on_mend : callable(str)
        Called with the key of a verdict.
    on_mend_all, on_again : callable()

    Attributes
    ----------
    widget : ipywidgets.Widget
    show_buttons, mend_buttons : dict of str to ipywidgets.Button
        By key.
    mend_all, again : ipywidgets.Button
    summary, details : ipywidgets.HTML
    """

    def __init__(
        self,
        on_show: Callable[[str], None],
        on_mend: Callable[[str], None],
        on_mend_all: Callable[[], None],
        on_again: Callable[[], None],
    ) -> None:
        self._on_show, self._on_mend = on_show, on_mend
        self._verdicts: tuple[Verdict, ...] = ()
        self.show_buttons: dict[str, ipywidgets.Button] = {}
        self.mend_buttons: dict[str, ipywidgets.Button] = {}
        self.mend_all = button(
            "mend all",
            "Apply the remedies of all that was found, run the pipeline, and judge again, until "
            "nothing more is found; at most four rounds, one step to undo.",
            on_mend_all,
        )
        self.again = button("judge again", "Look for known issues anew.", on_again)
        self.summary, self.details = note_box(), note_box()
        self._list = ipywidgets.VBox().add_class("lrs-findings")
        self.widget = ipywidgets.VBox(
            [row(self.mend_all, self.again), self.summary, self._list, self.details]
        )
        self.show((), "")

    def show(self, verdicts: Sequence[Verdict], summary: str) -> None:
        """Show these verdicts, and a line above them."""
        if tuple(verdicts) == self._verdicts:
            self.offer(True, summary)
            return
        self._verdicts = tuple(verdicts)
        self.show_buttons, self.mend_buttons = {}, {}
        self.details.value = ""
        lines = []
        for verdict in verdicts:
            show = button(
                verdict.title,
                f"{verdict.why} Click to see the evidence on the views.",
                partial(self._on_show, verdict.key),
            )
            show.layout.flex = "1 1 auto"
            show.add_class("lrs-finding-title")
            self.show_buttons[verdict.key] = show
            mark = ipywidgets.HTML(
                f'<span class="lrs-verdict" data-status="{verdict.status}">'
                f"{html.escape(WORDS[verdict.status])}</span>"
            )
            children = [mark, show]
            if verdict.mendable and verdict.status in ("found", "suspect"):
                mend = button(
                    "mend",
                    f"{verdict.advice} One step to undo.",
                    partial(self._on_mend, verdict.key),
                )
                self.mend_buttons[verdict.key] = mend
                children.append(mend)
            lines.append(ipywidgets.HBox(children).add_class("lrs-finding"))
        self._list.children = lines
        self.offer(True, summary)

    def offer(self, offered: bool, summary: str) -> None:
        """Let the remedies be applied, or not, as those of another recipe, and say how it is."""
        self.summary.value = note_html(summary)
        for mend in self.mend_buttons.values():
            mend.disabled = not offered
        some = any(v.status == "found" and v.mendable for v in self._verdicts)
        self.mend_all.disabled = not (offered and some)

    def show_details(self, verdict: Verdict) -> None:
        """Show what a verdict rests on."""
        lines = [f"<b>{html.escape(verdict.title)}</b>: {html.escape(verdict.why)}"]
        lines += [html.escape(line) for line in verdict.evidence]
        if verdict.advice:
            lines.append(f"<i>{html.escape(verdict.advice)}</i>")
        self.details.value = "".join(f'<div class="lrs-note">{line}</div>' for line in lines)


class ErrorControls:
    """Where the errors of the spectrum come from.

    Parameters
    ----------
    on_uncertainty : callable(Uncertainty)
    on_compare : callable()
        Called to compare box and optimal extraction.

    Attributes
    ----------
    widget : ipywidgets.Widget
    method : ipywidgets.Dropdown
    draws, seed : ipywidgets.BoundedIntText
    compare : ipywidgets.Button
    result : ipywidgets.HTML
    """

    def __init__(
        self, on_uncertainty: Callable[[Uncertainty], None], on_compare: Callable[[], None]
    ) -> None:
        self._user = UserChanges()
        self._on_uncertainty = on_uncertainty
        self.method = ipywidgets.Dropdown(
            options=Uncertainty.METHODS,
            tooltip="The pipeline's propagated errors, or those of extractions from resampled "
            "data. Recipe: uncertainty.method.",
        )
        self.draws = ipywidgets.BoundedIntText(
            value=200,
            min=20,
            max=5000,
            tooltip="How often the bootstrap resamples. Recipe: uncertainty.draws.",
        )
        self.seed = ipywidgets.BoundedIntText(
            value=1,
            min=0,
            max=2**31 - 1,
            tooltip="The same seed gives the same errors. Recipe: uncertainty.seed.",
        )
        self.compare = button(
            "optimal against box",
            "Extract both ways, pin the other one, show the ratio, and say where they disagree. "
            "Pipeline: extract_1d.extraction_type.",
            on_compare,
        )
        self.result = note_box()
        for control in (self.method, self.draws, self.seed):
            self._user.watch(control, self._changed)
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("errors", self.method, width="104px"),
                    field("draws", self.draws, width="66px"),
                    field("seed", self.seed, width="58px"),
                ),
                row(self.compare),
                self.result,
            ]
        )

    def _changed(self) -> None:
        self._on_uncertainty(Uncertainty(self.method.value, self.draws.value, self.seed.value))

    def show(self, uncertainty: Uncertainty) -> None:
        """Show the recipe's choice."""
        with self._user.silence():
            self.method.value = uncertainty.method
            self.draws.value, self.seed.value = uncertainty.draws, uncertainty.seed

    def offer(self, offered: bool) -> None:
        """Let errors be chosen, or not: they are made from the pixels of an image."""
        for control in (self.method, self.draws, self.seed):
            control.disabled = not offered

    def show_optimal(self, why_not: str) -> None:
        """Offer an optimal extraction, or not: ``why_not`` says why there is none."""
        self.compare.disabled = bool(why_not)

    def show_result(self, text: str) -> None:
        """Show what came out."""
        self.result.value = note_html(text)
