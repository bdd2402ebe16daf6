"""What is wrong with the observation: verdicts, their evidence, and what fixes them."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import ipywidgets

from lrs_explorer.model.recipe.recipe import Uncertainty
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    field,
    note_box,
    note_html,
    replace_children,
    row,
)

__all__ = ["ErrorControls", "FindingsPanel", "Verdict"]

FOLDED = {
    "corrected": ("corrected automatically", "corrected automatically"),
    "ok": ("check passed", "checks passed"),
    "unknown": ("undetermined", "undetermined"),
}
"""What is said of verdicts that need no attention: of one, and of several."""


@dataclass(frozen=True)
class Verdict:
    """One card of the list.

    Parameters
    ----------
    key : str
    title : str
    status : {"found", "corrected", "suspect", "ok", "unknown"}
    word : str
        What people read of the status.
    why : str
        A plain sentence.
    code : str
        Number of the known issue, "MR-LRS01"; "" where it has none.
    evidence : tuple of str
        Numbers, one in each line.
    advice : str
        What fixes it; "" where nothing is to be done.
    fixable : bool
        Whether a recipe fixes it.
    """

    key: str
    title: str
    status: str
    word: str
    why: str
    code: str
    evidence: tuple[str, ...]
    advice: str
    fixable: bool


class FindingsPanel:
    """Verdicts as cards: what needs attention, then what does not, folded into a line of each kind.

    A click on a title shows the evidence, another button applies the remedy.

    Parameters
    ----------
    on_show, on_fix : callable(str)
        Called with the key of a verdict.
    on_again : callable()

    Attributes
    ----------
    widget : ipywidgets.Widget
    verdicts : tuple of Verdict
    show_buttons, fix_buttons : dict of str to ipywidgets.Button
        By key.
    again : ipywidgets.Button
    summary : ipywidgets.HTML
    """

    def __init__(
        self,
        on_show: Callable[[str], None],
        on_fix: Callable[[str], None],
        on_again: Callable[[], None],
    ) -> None:
        self._on_show, self._on_fix = on_show, on_fix
        self.verdicts: tuple[Verdict, ...] = ()
        self._evidence: dict[str, ipywidgets.HTML] = {}
        self.show_buttons: dict[str, ipywidgets.Button] = {}
        self.fix_buttons: dict[str, ipywidgets.Button] = {}
        self.again = button("Check again", "Look for known issues anew.", on_again)
        self.summary = note_box()
        self._list = ipywidgets.VBox().add_class("lrs-findings")
        self.widget = ipywidgets.VBox([row(self.again), self.summary, self._list])
        self.show((), "")

    def show(self, verdicts: Sequence[Verdict], summary: str) -> None:
        """Show these verdicts, and a line above them."""
        if tuple(verdicts) == self.verdicts:
            self.offer(True, summary)
            return
        self.verdicts = tuple(verdicts)
        self.show_buttons, self.fix_buttons, self._evidence = {}, {}, {}
        lines: list[ipywidgets.Widget] = []
        folded: dict[str, list[ipywidgets.Widget]] = {}
        for verdict in verdicts:
            card = self._card(verdict)
            if verdict.status in ("found", "suspect"):
                lines.append(card)
            else:
                folded.setdefault(verdict.status, []).append(card)
        lines += [_Fold(FOLDED[status], cards) for status, cards in folded.items()]
        replace_children(self._list, lines)
        self.offer(True, summary)

    def _card(self, verdict: Verdict) -> ipywidgets.Widget:
        show = button(
            verdict.title,
            "Show the evidence here and on the figures.",
            partial(self._on_show, verdict.key),
        )
        show.layout.flex = "1 1 auto"
        show.add_class("lrs-finding-title")
        self.show_buttons[verdict.key] = show
        mark = ipywidgets.HTML(
            f'<span class="lrs-verdict" data-status="{verdict.status}">'
            f"{html.escape(verdict.word)}</span>"
        )
        head = [mark, show]
        if verdict.fixable and verdict.status in ("found", "suspect"):
            fix = button(
                "Fix", f"{verdict.advice} One step to undo.", partial(self._on_fix, verdict.key)
            )
            self.fix_buttons[verdict.key] = fix
            head.append(fix)
        code = f' <span class="lrs-hint">{verdict.code}</span>' if verdict.code else ""
        text = html.escape(_sentence(verdict.why))
        why = ipywidgets.HTML(f'<div class="lrs-why">{text}{code}</div>')
        self._evidence[verdict.key] = note_box()
        parts = [ipywidgets.HBox(head).add_class("lrs-finding"), why, self._evidence[verdict.key]]
        return ipywidgets.VBox(parts).add_class("lrs-card").add_class(f"lrs-{verdict.status}")

    def offer(self, offered: bool, summary: str) -> None:
        """Let the remedies be applied, or not, as those of another recipe, and say how it is."""
        self.summary.value = note_html(summary)
        for fix in self.fix_buttons.values():
            fix.disabled = not offered

    def show_details(self, verdict: Verdict) -> None:
        """Show what a verdict rests on, in its card."""
        lines = [html.escape(line) for line in verdict.evidence]
        if verdict.advice:
            lines.append(f"<i>{html.escape(verdict.advice)}</i>")
        for key, box in self._evidence.items():
            told = lines if key == verdict.key else []
            box.value = "".join(f'<div class="lrs-note">{line}</div>' for line in told)


class _Fold(ipywidgets.VBox):  # type: ignore[misc]
    """Cards that need no attention, behind a button that counts them."""

    def __init__(self, words: tuple[str, str], cards: list[ipywidgets.Widget]) -> None:
        self._words = f"{len(cards)} {words[len(cards) > 1]}"
        self._inside = ipywidgets.VBox(cards)
        self._button = button("", "Show or hide them.", self._turn)
        self._button.add_class("lrs-fold")
        super().__init__([self._button, self._inside])
        self._open = True
        self._turn()

    def _turn(self) -> None:
        self._open = not self._open
        self._inside.layout.display = None if self._open else "none"
        self._button.description = f"{'▾' if self._open else '▸'} {self._words}"


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


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
