"""Controls of bad pixels: their replacement, those flagged by hand, and those proposed."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from functools import partial

import ipywidgets

from lrs_explorer.model.recipe.recipe import AdaptiveTraceModel, PixelReplace, Resample
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    replace_children,
    row,
)

__all__ = ["FlagControls", "ReplaceControls"]

Pixel = tuple[int, int, int]

TRACE_MODEL = {"as CRDS says": None, "off": True, "on": False}
"""What a menu calls values of ``adaptive_trace_model.skip``: None is no option that it can show."""

WEIGHTS = {"as delivered": None, "by read noise (ivm)": "ivm", "alike (exptime)": "exptime"}
"""What a menu calls values of ``resample_spec.weight_type``."""

MOST_LISTED = 40
"""Proposed pixels beyond this number can be flagged all at once, but not one by one."""


class ReplaceControls:
    """The algorithm of ``pixel_replace``, and its comparison with another.

    Parameters
    ----------
    on_replace : callable
        Called with fields of `PixelReplace` by name.
    on_trace : callable
        Called with fields of `AdaptiveTraceModel` by name.
    on_weights : callable(str or None)
        Called with the ``weight_type`` of `Resample`.
    on_compare : callable(str)
        Called with the algorithm to compare with.

    Attributes
    ----------
    widget : ipywidgets.Widget
    algorithm, other, trace, weights : ipywidgets.Dropdown
    n_adjacent_cols : ipywidgets.BoundedIntText
    compare : ipywidgets.Button
    note, result : ipywidgets.HTML
    """

    def __init__(
        self,
        on_replace: Callable[..., None],
        on_trace: Callable[..., None],
        on_weights: Callable[[str | None], None],
        on_compare: Callable[[str], None],
    ) -> None:
        self._user, self._on_replace, self._on_trace = UserChanges(), on_replace, on_trace
        self.algorithm = ipywidgets.Dropdown(
            options=PixelReplace.ALGORITHMS,
            tooltip="How pixels without a value are estimated before resampling. Pipeline: "
            "pixel_replace.algorithm.",
        )
        self.n_adjacent_cols = ipywidgets.BoundedIntText(
            value=3,
            min=1,
            max=20,
            tooltip="Neighbouring dispersion elements that a profile is made of. Pipeline: "
            "pixel_replace.n_adjacent_cols.",
        )
        self.trace = ipywidgets.Dropdown(
            options=tuple(TRACE_MODEL),
            tooltip="Model the trace by splines before pixels are replaced. Pipeline: "
            "adaptive_trace_model.skip.",
        )
        self.weights = ipywidgets.Dropdown(
            options=tuple(WEIGHTS),
            tooltip="How detector pixels weigh that fall into one pixel of the s2d. Pipeline: "
            "resample_spec.weight_type.",
        )
        self.other = ipywidgets.Dropdown(
            options=PixelReplace.ALGORITHMS,
            value="mingrad",
            tooltip="Another algorithm, to see both spectra with their ratio. Pipeline: "
            "pixel_replace.algorithm.",
        )
        self.compare = button(
            "compare",
            "Run the pipeline with the other algorithm as well, pin its spectrum, and show the "
            "ratio.",
            lambda: on_compare(self.other.value),
        )
        self.note, self.result = note_box(), note_box()
        for control in (self.algorithm, self.n_adjacent_cols):
            self._user.watch(control, self._chosen)
        self._user.watch(self.trace, lambda: self._on_trace(skip=TRACE_MODEL[self.trace.value]))
        self._user.watch(self.weights, lambda: on_weights(WEIGHTS[self.weights.value]))
        self._weights_row = row(field("resampling weights", self.weights, width="160px"))
        self._trace_row = row(field("trace model", self.trace, width="120px"))
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("replace", self.algorithm, width="120px"),
                    field("adjacent", self.n_adjacent_cols, width="58px"),
                ),
                self._trace_row,
                self._weights_row,
                row(field("beside", self.other, width="120px"), self.compare),
                self.result,
                self.note,
            ]
        )

    def _chosen(self) -> None:
        self._on_replace(algorithm=self.algorithm.value, n_adjacent_cols=self.n_adjacent_cols.value)

    def show_trace(self, part: AdaptiveTraceModel, *, why_not: str) -> None:
        """Show the recipe's choice; where it cannot be changed there is none."""
        with self._user.silence():
            self.trace.value = next(word for word, skip in TRACE_MODEL.items() if skip is part.skip)
        self._trace_row.layout.display = "none" if why_not else None

    def show_weights(self, part: Resample, *, why_not: str) -> None:
        """Show the recipe's choice; where it cannot be changed there is none."""
        with self._user.silence():
            self.weights.value = next(w for w, kind in WEIGHTS.items() if kind == part.weight_type)
        self._weights_row.layout.display = "none" if why_not else None

    def show_result(self, text: str) -> None:
        """Show what a comparison gave."""
        self.result.value = note_html(text)

    def show(self, replace: PixelReplace, *, why_not: str) -> None:
        """Show the recipe's choice; ``why_not`` says why it cannot be changed."""
        with self._user.silence():
            self.algorithm.value = replace.algorithm
            self.n_adjacent_cols.value = replace.n_adjacent_cols
        for control in (self.algorithm, self.n_adjacent_cols, self.other, self.compare):
            control.disabled = bool(why_not)
        self.note.value = note_html(why_not, "hint")


class FlagControls:
    """Pixels flagged by hand, and those that are proposed.

    Parameters
    ----------
    on_find, on_clear : callable()
    on_flag : callable(tuple of Pixel)
        Called with (exposure, row, column) of proposed pixels that the user accepts.

    Attributes
    ----------
    widget : ipywidgets.Widget
    by_click : ipywidgets.Checkbox
        Whether a click on the image flags a pixel.
    find, flag_all, clear : ipywidgets.Button
    accept : dict of Pixel to ipywidgets.Button
    counts, result : ipywidgets.HTML
    """

    def __init__(
        self,
        on_find: Callable[[], None],
        on_flag: Callable[[tuple[Pixel, ...]], None],
        on_clear: Callable[[], None],
    ) -> None:
        self._on_flag = on_flag
        self._proposed: tuple[Pixel, ...] = ()
        self.accept: dict[Pixel, ipywidgets.Button] = {}
        self.by_click = checkbox(
            "a click on the image flags a pixel, or clears it",
            "The detector pixel with the largest share there is taken as DO_NOT_USE before "
            "pixel_replace and resample_spec.",
        )
        self.find = button(
            "find outliers",
            "Look for unflagged hot and dead pixels, and propose them.",
            on_find,
        )
        self.flag_all = button(
            "flag all",
            "Flag all proposed pixels: taken as DO_NOT_USE before pixel_replace.",
            lambda: on_flag(self._proposed),
        )
        self.clear = button(
            "clear all",
            "Clear all pixels flagged by hand. Recipe: pixel_replace.flagged.",
            on_clear,
        )
        self.counts, self.result = note_box(), note_box()
        self._list = ipywidgets.VBox().add_class("lrs-proposed")
        self.widget = ipywidgets.VBox(
            [
                self.counts,
                row(self.by_click),
                row(self.find, self.flag_all, self.clear),
                self.result,
                self._list,
            ]
        )
        self.show_proposed((), "")

    def show_counts(self, lines: Sequence[str], *, flagged: int, why_not: str) -> None:
        """Show what is known of bad pixels; ``why_not`` says why none can be flagged."""
        self.counts.value = "".join(f"<div>{note_html(line)}</div>" for line in lines) + note_html(
            why_not, "hint"
        )
        self.clear.disabled = not flagged
        for control in (self.by_click, self.find):
            control.disabled = bool(why_not)

    def show_proposed(self, proposed: Sequence[tuple[Pixel, str]], text: str) -> None:
        """Offer pixels, each with a sentence, and say what the search has given."""
        self._proposed = tuple(pixel for pixel, _ in proposed)
        self.flag_all.disabled = not proposed
        self.result.value = note_html(text)
        self.accept, lines = {}, []
        for pixel, sentence in proposed[:MOST_LISTED]:
            self.accept[pixel] = button(
                "flag",
                "Take this pixel as DO_NOT_USE before pixel_replace.",
                partial(self._on_flag, (pixel,)),
                width="48px",
            )
            words = html.escape(sentence)
            label = ipywidgets.HTML(
                f'<span class="lrs-note" title="{words}">{words}</span>',
                layout={"flex": "1 1 auto", "min_width": "0"},
            )
            lines.append(ipywidgets.HBox([self.accept[pixel], label]).add_class("lrs-proposal"))
        replace_children(self._list, lines)
