"""Controls of where the source is: score card of positions, and the pathloss correction."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import ipywidgets

from lrs_explorer.model.recipe.recipe import Pathloss
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    field,
    note_box,
    note_html,
    replace_children,
    row,
)

__all__ = ["PathlossControls", "PositionRow", "PositionTable"]


STEP = 0.005
"""Of the offset's slider, arcsec."""


@dataclass(frozen=True)
class PositionRow:
    """One line of the score card.

    Parameters
    ----------
    key, name : str
    along, across : float, arcsec
        NaN where unknown.
    along_uncertainty, across_uncertainty : float, arcsec
        NaN where unknown.
    details : str
        For those who hover: where it is from, what follows, what to mind.
    usable : bool
        Whether it can be chosen.
    loud : bool
        Whether it lies outside the slit.
    """

    key: str
    name: str
    along: float
    across: float
    along_uncertainty: float
    across_uncertainty: float
    details: str
    usable: bool = True
    loud: bool = False


class PositionTable:
    """The score card: who says that the source is where.

    Parameters
    ----------
    on_use : callable(str)
        Called with the key of the position that is to drive extraction and pathloss.

    Attributes
    ----------
    widget : ipywidgets.Widget
    use : dict of str to ipywidgets.Button
        By key.
    """

    def __init__(self, on_use: Callable[[str], None]) -> None:
        self._on_use = on_use
        self.use: dict[str, ipywidgets.Button] = {}
        self._texts: list[ipywidgets.HTML] = []
        self._note = note_box()
        self._lines = ipywidgets.VBox()
        head = ipywidgets.HTML(
            '<span class="lrs-position"><b>position [″]</b><b>along</b><b>across</b></span>'
        )
        self.widget = ipywidgets.VBox([head, self._lines, self._note]).add_class("lrs-positions")

    def show(self, rows: Sequence[PositionRow], note: str = "") -> None:
        """Show these positions, and a remark below them."""
        if [one.key for one in rows] != list(self.use):
            self._rebuild([one.key for one in rows])
        for one, text, use in zip(rows, self._texts, self.use.values(), strict=True):
            kind = "lrs-warning" if one.loud else "lrs-note"
            details = html.escape(one.details)
            text.value = (
                f'<span class="lrs-position {kind}" title="{details}">'
                f"<span>{html.escape(one.name)}</span>"
                f"<span>{_arcsec(one.along, one.along_uncertainty)}</span>"
                f"<span>{_arcsec(one.across, one.across_uncertainty)}</span></span>"
            )
            use.tooltip = (
                f"Extract and correct pathloss for this position: {one.details} Pipeline: "
                "extract_1d aperture, pathloss.user_slit_loc."
            )
            use.disabled = not one.usable
        self._note.value = note_html(note, "hint")

    def _rebuild(self, keys: Sequence[str]) -> None:
        """Make lines for these positions: not for each drag, widgets are slow to make."""
        self._texts = [ipywidgets.HTML() for _ in keys]
        self.use = {
            key: button("use", "", partial(self._on_use, key), width="48px") for key in keys
        }
        pairs = zip(self._texts, self.use.values(), strict=True)
        replace_children(self._lines, [ipywidgets.HBox(pair) for pair in pairs])


def _arcsec(value: float, uncertainty: float) -> str:
    """Return an offset in arcsec, with its error where it is known."""
    if math.isnan(value):
        return "—"
    text = f"{value:+.3f}".replace("-", "−")
    return text + (f" ±{uncertainty:.3f}" if uncertainty > 0 else "")


class PathlossControls:
    """For which position in the slit the light lost is corrected.

    Parameters
    ----------
    on_pathloss : callable(Pathloss, bool)
        Called with the choice, and whether it is only being slid over.
    on_wavelength : callable(float)
        Called with the wavelength (micron) at which the star is to be drawn.

    Attributes
    ----------
    widget : ipywidgets.Widget
    mode : ipywidgets.Dropdown
    offset, wavelength : ipywidgets.FloatSlider
    drawing, note : ipywidgets.HTML
    """

    MODES = (
        ("as delivered", "as_delivered"),
        ("slit center", "center"),
        ("offset", "offset"),
        ("TA position", "ta"),
        ("off", "off"),
    )

    def __init__(
        self,
        on_pathloss: Callable[[Pathloss, bool], None],
        on_wavelength: Callable[[float], None],
    ) -> None:
        self._user = UserChanges()
        self._on_pathloss = on_pathloss
        self._shown = 0.0
        self.mode = ipywidgets.Dropdown(
            options=self.MODES,
            tooltip="Position in the slit for which light lost at its edges is corrected. "
            "Pipeline: pathloss, targ_centroid.",
        )
        self.offset = ipywidgets.FloatSlider(
            min=-0.5,
            max=0.5,
            step=STEP,
            readout_format="+.3f",
            tooltip="Arcsec across the slit, towards larger detector rows; the slit's edges are at "
            "±0.255. Pipeline: pathloss.user_slit_loc.",
        )
        self.wavelength = ipywidgets.FloatSlider(
            value=8.0,
            min=5.0,
            max=13.0,
            step=0.5,
            readout_format=".1f",
            tooltip="Wavelength, micron, at which the star is drawn. Display only: no pipeline "
            "parameter.",
        )
        self.drawing, self.note = ipywidgets.HTML(), note_box()
        self._user.watch(self.mode, lambda: self._chosen(sliding=False))
        self._user.watch(self.offset, lambda: self._chosen(sliding=True))
        self._user.watch(self.wavelength, lambda: on_wavelength(self.wavelength.value))
        self.widget = ipywidgets.VBox(
            [
                row(field("correct for", self.mode, width="140px")),
                row(field("offset", self.offset, width="270px")),
                self.drawing,
                row(field("draw PSF at", self.wavelength, width="270px")),
                self.note,
            ]
        )

    def _chosen(self, *, sliding: bool) -> None:
        if sliding and abs(self.offset.value - self._shown) < STEP / 2:
            return  # the browser has rounded what it was given
        if sliding and self.mode.value != "offset":
            with self._user.silence():
                self.mode.value = "offset"
        self._shown = self.offset.value
        mode = self.mode.value
        offset = self.offset.value if mode == "offset" else 0.0
        self._on_pathloss(Pathloss(mode, offset), sliding)

    def show(
        self,
        pathloss: Pathloss,
        *,
        across: float,
        sentence: str,
        warnings: Sequence[str],
        why_not: str,
    ) -> None:
        """Show the recipe's choice, in words as well.

        Parameters
        ----------
        pathloss : Pathloss
        across : float, arcsec
            The place that it stands for, where the slider is; NaN where unknown.
        sentence : str
        warnings : sequence of str
        why_not : str
            Why it is the only choice; empty otherwise.
        """
        with self._user.silence():
            self.mode.value = pathloss.mode
            if math.isfinite(across):
                reach = max(0.5, math.ceil(abs(across) * 10) / 10)
                self.offset.min, self.offset.max = -reach, reach
                self.offset.value = self._shown = across
        for control in (self.mode, self.offset):
            control.disabled = bool(why_not)
        self.note.value = (
            "".join(f"<div>{note_html(text, 'warning')}</div>" for text in warnings)
            + f"<div>{note_html(sentence)}</div><div>{note_html(why_not, 'hint')}</div>"
        )

    def show_drawing(self, svg: str) -> None:
        """Show a drawing of the slit."""
        self.drawing.value = svg
