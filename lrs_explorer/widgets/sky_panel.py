"""Controls of the background of a slitless series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import ipywidgets

from lrs_explorer.model.recipe.recipe import SlitlessBackground
from lrs_explorer.widgets.background_choice import BackgroundChoice, Subtracted
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)
from lrs_explorer.widgets.region_row import RegionRow, show_rows

__all__ = ["SkyActions", "SkyControls"]

PARAMETER = "Recipe: slitless.columns."

WAYS: Final[list[tuple[str, Subtracted]]] = [
    ("as delivered", None),
    ("the 2-D background", True),
    ("nothing", ()),
]
"""What can be subtracted beside other exposures."""


@dataclass(frozen=True)
class SkyActions:
    """What the user can ask of a 2-D background.

    Attributes
    ----------
    choose : callable(**changes)
        Change these fields of the `SlitlessBackground`.
    subtract : callable(Subtracted)
        Subtract this; True = the 2-D background.
    name_of : callable(str) -> str
        Returns how a recipe names the exposure at a path.
    add, take_bands, compare : callable()
        Add a range of columns; take the background bands on the image as columns; compare the ways
        to a background.
    """

    choose: Callable[..., None]
    subtract: Callable[[Subtracted], None]
    name_of: Callable[[str], str]
    add: Callable[[], None]
    take_bands: Callable[[], None]
    compare: Callable[[], None]


class SkyControls:
    """The background of a slitless series: that of other exposures, or two-dimensional.

    Parameters
    ----------
    actions : SkyActions

    Attributes
    ----------
    widget : ipywidgets.Widget
    background : BackgroundChoice
    subtract, per_integration : ipywidgets.Checkbox
    statistic : ipywidgets.Dropdown
    rows : list of RegionRow
        In the order of ``SlitlessBackground.columns``.
    add, take_bands, compare : ipywidgets.Button
    result : ipywidgets.HTML
    """

    def __init__(self, actions: SkyActions) -> None:
        self._user = UserChanges()
        self._choose = actions.choose
        self._sky = SlitlessBackground()
        self.background = BackgroundChoice(
            "Pipeline: bkg_subtract; recipe: slitless.backgrounds.",
            actions.subtract,
            actions.name_of,
        )
        self.subtract = checkbox(
            "subtract a 2-D background",
            "From off-trace columns at the edges, before extraction, in place of extract_1d's "
            "regions; drag the columns on the image. Recipe: slitless.subtract; in the pipeline it "
            "is subtracted from the rateints.",
        )
        self.per_integration = checkbox(
            "for each integration",
            "Else one for the whole exposure. Recipe: per_integration.",
            True,
        )
        self.statistic = ipywidgets.Dropdown(
            options=SlitlessBackground.STATISTICS,
            tooltip="Of the pixels of a row. Recipe: slitless.statistic.",
        )
        self.add = button(
            "add columns",
            f"Add a range of columns where there is room and least signal. {PARAMETER}",
            actions.add,
        )
        self.take_bands = button(
            "use the background regions",
            "Take the background bands, as they are dragged on the image, as the off-trace "
            f"columns. {PARAMETER}",
            actions.take_bands,
        )
        self.compare = button(
            "compare backgrounds",
            "Draw the light curves without a background, with extract_1d's regions, with the 2-D "
            "background, and with the exposures that are checked, for which the pipeline runs; "
            "their spectra are then pinned. Display only: no pipeline parameter.",
            actions.compare,
        )
        self.rows: list[RegionRow] = []
        self._ranges = ipywidgets.VBox()
        self.result = note_box()
        for control in (self.subtract, self.per_integration, self.statistic):
            self._user.watch(control, self._changed)
        self.widget = ipywidgets.VBox(
            [
                self.background.widget,
                row(self.subtract, self.per_integration),
                self._ranges,
                row(self.add, self.take_bands),
                row(field("statistic", self.statistic, width="100px"), self.compare),
                self.result,
            ]
        )

    def _changed(self) -> None:
        self._choose(
            subtract=self.subtract.value,
            statistic=self.statistic.value,
            per_integration=self.per_integration.value,
        )

    def _row(self, i: int) -> RegionRow:
        return RegionRow(
            f"columns {i + 1}",
            f"range {i + 1} of off-trace columns",
            PARAMETER,
            partial(self._edges_typed, i),
            partial(self._remove, i),
        )

    def _edges_typed(self, i: int) -> None:
        columns = list(self._sky.columns)
        columns[i] = self.rows[i].typed
        self._choose(columns=tuple(columns))

    def _remove(self, i: int) -> None:
        columns = self._sky.columns
        self._choose(columns=columns[:i] + columns[i + 1 :])

    def show(self, sky: SlitlessBackground, lines: Sequence[str] | None = None) -> None:
        """Show a choice, and what is known of the background; None = what was known before."""
        self._sky = sky
        with self._user.silence():
            self.subtract.value = sky.subtract
            self.per_integration.value = sky.per_integration
            self.statistic.value = sky.statistic
        self.background.show(True if sky.subtract else sky.backgrounds, WAYS)
        show_rows(self.rows, self._ranges, sky.columns, self._row)
        if lines is not None:
            self.result.value = "".join(f"<div>{note_html(line)}</div>" for line in lines)
