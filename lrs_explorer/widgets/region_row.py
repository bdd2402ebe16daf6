"""Stretches across the cross-dispersion axis as numbers, a row of controls for each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import ipywidgets

from lrs_explorer.widgets.banded_plot import Region
from lrs_explorer.widgets.fields import UserChanges, button, field, replace_children, row

__all__ = ["RegionRow", "show_rows"]


class RegionRow:
    """``lower``, ``upper`` and ``remove`` of one stretch.

    Parameters
    ----------
    label : str
    name : str
        What it is, for tooltips.
    parameter : str
        The pipeline's or the recipe's parameter behind it, for tooltips.
    on_edges, on_remove : callable()
    """

    def __init__(
        self,
        label: str,
        name: str,
        parameter: str,
        on_edges: Callable[[], None],
        on_remove: Callable[[], None],
    ) -> None:
        self._user = UserChanges()
        self._shown: Region = (0.0, 0.0)
        self.lower, self.upper = (
            ipywidgets.FloatText(
                step=0.1,
                tooltip=f"{edge} edge of {name}, pixels across the dispersion. {parameter}",
            )
            for edge in ("Lower", "Upper")
        )
        self.remove = button("✕", f"Remove {name}. {parameter}", on_remove, width="32px")
        self._user.watch(self.lower, on_edges)
        self._user.watch(self.upper, on_edges)
        self.widget = row(
            field(label, self.lower, width="76px"),
            field("to", self.upper, width="76px"),
            self.remove,
        )

    @property
    def typed(self) -> Region:
        """What the fields say; an edge that was not typed keeps its hidden decimals."""
        old = self._shown
        typed = self.lower.value, self.upper.value
        lower, upper = (
            was if now == round(was, 3) or not math.isfinite(now) else now
            for now, was in zip(typed, old, strict=True)
        )
        return lower, upper

    def show(self, region: Region) -> None:
        """Show ``region``; calls nothing back."""
        self._shown = region
        with self._user.silence():
            self.lower.value, self.upper.value = round(region[0], 3), round(region[1], 3)


def show_rows(
    rows: list[RegionRow],
    box: ipywidgets.VBox,
    regions: Sequence[Region],
    make: Callable[[int], RegionRow],
) -> None:
    """Show regions in rows, as many as it takes; calls nothing back.

    Parameters
    ----------
    rows : list of RegionRow
        Changed in place.
    box : ipywidgets.VBox
        What holds them on the screen.
    regions : sequence of (float, float)
    make : callable(int)
        Returns a further row, whose number it is told, from 0.
    """
    if len(rows) != len(regions):
        del rows[len(regions) :]
        rows += [make(i) for i in range(len(rows), len(regions))]
        replace_children(box, [one.widget for one in rows])
    for one, region in zip(rows, regions, strict=True):
        one.show(region)
