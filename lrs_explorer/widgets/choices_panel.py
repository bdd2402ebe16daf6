"""How much choices matter: what is varied, over which values, and which choice matters where."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import ipywidgets
import numpy as np
from bqplot import Axis, Figure, LinearScale, Lines

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.systematic import TOGETHER, Systematic
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    heading,
    note_box,
    note_html,
    row,
)
from lrs_explorer.widgets.layout import CONTROLS_WIDTH, figure_layout, figure_margin
from lrs_explorer.widgets.plot_parts import TICK_FORMAT, WAVELENGTH_LABEL, nice_ticks
from lrs_explorer.widgets.time_plot import COLORS, key_html

__all__ = ["ChoicesPanel", "PartsPlot", "Row", "parts_html"]

PLOT_WIDTH, PLOT_HEIGHT = f"calc({CONTROLS_WIDTH} - 24px)", "190px"

CURVES = ("#444444", *COLORS, "#D55E00", "#E69F00", "#888888")
"""Colours of the whole error and of its parts, in order, then from the first again."""

MOST_DRAWN = 6
"""Choices that are drawn: those that cause most. The table has all."""


class Row:
    """One choice: whether it is varied, and over which values.

    Attributes
    ----------
    widget : ipywidgets.Widget
    varied : ipywidgets.Checkbox
    values : ipywidgets.Text
    edited : bool
        Whether the user has typed values, which then stay.
    """

    def __init__(self, name: str, title: str, tooltip: str, on_change: Callable[[], None]) -> None:
        self.edited = False
        self.user = UserChanges()
        self.varied = checkbox(title, tooltip)
        self.varied.layout.width = "170px"
        self.values = ipywidgets.Text(
            continuous_update=False,
            placeholder="values, between commas",
            tooltip=f"{tooltip} “as chosen” is what the recipe has.",
            layout={"width": "190px", "flex": "0 0 auto"},
        ).add_class(f"lrs-choice-{name}")
        self.user.watch(self.varied, on_change)
        self.user.watch(self.values, partial(self._typed, on_change))
        self.widget = ipywidgets.HBox([self.varied, self.values]).add_class("lrs-choice")

    def _typed(self, on_change: Callable[[], None]) -> None:
        self.edited = bool(self.values.value.strip())
        if self.edited:
            with self.user.silence():
                self.varied.value = True
        on_change()


class ChoicesPanel:
    """What is varied, and what that gives.

    Parameters
    ----------
    choices : Mapping of str to (str, str, bool)
        By name: a title, a tooltip, and whether the pipeline has to run for it.
    on_run, on_change, on_clear : callable()
        Called to vary what is ticked, when that is another, and to forget what came out.

    Attributes
    ----------
    controls, results : ipywidgets.Widget
    rows : dict of str to Row
    run, clear : ipywidgets.Button
    count, result, table : ipywidgets.HTML
    plot : PartsPlot
    """

    def __init__(
        self,
        choices: Mapping[str, tuple[str, str, bool]],
        on_run: Callable[[], None],
        on_change: Callable[[], None],
        on_clear: Callable[[], None],
    ) -> None:
        self.rows = {
            name: Row(name, title, tooltip, on_change)
            for name, (title, tooltip, _) in choices.items()
        }
        runs = {name for name, (_, _, needs_run) in choices.items() if needs_run}
        self.run = button(
            "vary",
            "Extract the spectrum with every combination of these values: a band in the figure, "
            "and which choice matters where. The recipe stays as it is.",
            on_run,
        )
        self.clear = button(
            "clear",
            "Take the band away: a spectrum that is saved then has no systematic error.",
            on_clear,
        )
        self.count, self.result, self.table = note_box(), note_box(), note_box()
        self.plot = PartsPlot()
        live = [one.widget for name, one in self.rows.items() if name not in runs]
        exact = [one.widget for name, one in self.rows.items() if name in runs]
        self.controls = ipywidgets.VBox(
            [
                *live,
                heading("By runs of the pipeline"),
                *exact,
                row(self.run, self.clear, self.count),
            ]
        )
        self.results = ipywidgets.VBox([self.result, self.plot.widget, self.table])
        self.show_result(None, "")

    @property
    def chosen(self) -> dict[str, str]:
        """The values of what is ticked, as they stand in the fields."""
        return {name: one.values.value for name, one in self.rows.items() if one.varied.value}

    def suggest(self, values: Mapping[str, str], ticked: Sequence[str], *, anew: bool) -> None:
        """Put values into the fields that the user has not filled.

        Parameters
        ----------
        values : Mapping of str to str
            By name of the choice; none where there are none to suggest.
        ticked : sequence of str
            What is varied at first.
        anew : bool
            Forget what the user has typed and ticked.
        """
        for name, one in self.rows.items():
            with one.user.silence():
                if anew:
                    one.edited, one.varied.value = False, name in ticked
                if not one.edited:
                    one.values.value = values.get(name, "")

    def offer(self, why_not: Mapping[str, str]) -> None:
        """Let choices be varied, or not: ``why_not`` says why, "" where they can."""
        for name, one in self.rows.items():
            reason = why_not.get(name, "")
            one.varied.disabled = one.values.disabled = bool(reason)
            if reason:
                one.values.placeholder = reason
                with one.user.silence():
                    one.varied.value = False

    def show_count(self, text: str, *, problem: bool = False) -> None:
        """Say how many variants there will be, or why there are none."""
        self.count.value = note_html(text, "warning" if problem else "note")
        self.run.disabled = problem

    def show_result(self, systematic: Systematic | None, text: str) -> None:
        """Show what came out, but for the figure; None and a sentence why there is nothing."""
        lines = [note_html(text)] if text else []
        if systematic is not None:
            sentence = systematic.sentence
            lines.append(note_html(f"{sentence[:1].upper()}{sentence[1:]}."))
            told = (*systematic.notes, *systematic.failures)
            lines += [note_html(note, "warning") for note in told]
        self.result.value = "".join(f"<div>{line}</div>" for line in lines)
        self.clear.disabled = systematic is None
        self.table.value = "" if systematic is None else parts_html(systematic)


def parts_html(systematic: Systematic) -> str:
    """Return which choice matters where as a table: a row each, a column for each bin."""
    heads, rows = systematic.cells()
    columns = zip(heads, *rows, strict=True)
    lines = []
    for number, (name, *cells) in enumerate(columns):
        tag = "th" if number == 0 else "td"
        told = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells)
        lines.append(f'<tr><th scope="row">{html.escape(name)}</th>{told}</tr>')
    text = (
        "Systematic error of the mean flux over a micron; of its variance, in per cent, what each "
        "choice causes alone / alone or with others, and what choices cause only together."
    )
    return f'<div class="lrs-note">{text}</div><table class="lrs-parts">{"".join(lines)}</table>'


class PartsPlot:
    """The systematic error over wavelength, whole and what each choice causes alone.

    Attributes
    ----------
    widget : ipywidgets.VBox
        Empty until there is something: bqplot cannot lay out a figure without a size.
    figure : bqplot.Figure
    """

    def __init__(self) -> None:
        self._scales = {
            "x": LinearScale(min=NOMINAL_RANGE[0], max=NOMINAL_RANGE[1], allow_padding=False),
            "y": LinearScale(min=0.0, max=1.0, allow_padding=False),
        }
        self._y_axis = Axis(
            scale=self._scales["y"],
            side="left",
            label="of the flux [%]",
            label_offset="34px",
            tick_format=TICK_FORMAT,
        )
        x_axis = Axis(
            scale=self._scales["x"],
            label=WAVELENGTH_LABEL,
            label_offset="28px",
            tick_values=nice_ticks(*NOMINAL_RANGE, 10),
        )
        self.figure = Figure(
            marks=[],
            axes=[x_axis, self._y_axis],
            fig_margin={**figure_margin(top=6, bottom=36), "left": 50, "right": 10},
            layout=figure_layout(PLOT_WIDTH, PLOT_HEIGHT),
            display_toolbar=False,
        )
        self._key = ipywidgets.HTML()
        self.widget = ipywidgets.VBox()

    def show(self, systematic: Systematic | None) -> None:
        """Draw a systematic error; None takes the figure away."""
        if systematic is None:
            self.widget.children = ()
            return
        inside = (systematic.wavelength >= NOMINAL_RANGE[0]) & (
            systematic.wavelength <= NOMINAL_RANGE[1]
        )
        x, flux = systematic.wavelength[inside], np.abs(systematic.flux[inside])
        causes = {**systematic.parts, TOGETHER: systematic.together}
        size = {name: float(np.nan_to_num(values[inside]).sum()) for name, values in causes.items()}
        drawn = sorted(causes, key=lambda name: -size[name])[:MOST_DRAWN]
        curves = {"all": systematic.error, **{name: causes[name] for name in drawn}}
        percent = {
            name: np.divide(
                100 * values[inside], flux, out=np.full(len(flux), np.nan), where=flux > 0
            )
            for name, values in curves.items()
        }
        known = percent["all"][np.isfinite(percent["all"])]
        self._fit(float(np.percentile(known, 97.0)) if known.size else 1.0)
        self.figure.marks = [
            Lines(
                x=x,
                y=values,
                scales=self._scales,
                colors=[CURVES[i % len(CURVES)]],
                stroke_width=2.0 if name == "all" else 1.4,
                line_style="dashed" if name == TOGETHER else "solid",
            )
            for i, (name, values) in enumerate(percent.items())
        ]
        self._key.value = key_html(list(percent), colors=CURVES)
        self.widget.children = (self._key, self.figure)

    def _fit(self, highest: float) -> None:
        y = self._scales["y"]
        y.max = 1.3 * highest or 1.0
        self._y_axis.tick_values = nice_ticks(0.0, y.max, 5)
