"""Controls of the aperture and of the other parameters of ``extract_1d``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import ipywidgets

from lrs_explorer.model.data.products import Trace
from lrs_explorer.model.recipe.recipe import Aperture, Extraction
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)

__all__ = ["ApertureControls", "ExtractionControls"]

NARROWEST = 0.1
"""Least width of an aperture that can be typed, pixels."""


class ApertureControls:
    """The aperture as numbers and buttons.

    Parameters
    ----------
    on_aperture : callable(Aperture or None)
        Called with what the user chose, kept within the image; None = the pipeline's default.

    Attributes
    ----------
    widget : ipywidgets.Widget
    center, width : ipywidgets.FloatText
        Image pixels along the cross-dispersion axis, 0-indexed.
    follow : ipywidgets.Checkbox
        Follow the measured, curved trace.
    center_on_trace, pipeline_default : ipywidgets.Button
    source, note : ipywidgets.HTML
        Where the aperture is and why; what was done to a typed number.
    """

    def __init__(self, on_aperture: Callable[[Aperture | None], None]) -> None:
        self._on_aperture = on_aperture
        self._user = UserChanges()
        self._placed = Aperture(0.0, 1.0)
        self._limits = (-0.5, 0.5)
        self._trace: Trace | None = None
        self.center = ipywidgets.FloatText(
            step=0.1,
            tooltip="Center of the aperture, pixels across the dispersion. "
            "extract_1d: xstart, xstop = center ∓ (width - 1) / 2.",
        )
        self.width = ipywidgets.FloatText(
            step=0.1,
            tooltip="Full width of the aperture, pixels. "
            "extract_1d: xstart, xstop = center ∓ (width - 1) / 2; extract_width.",
        )
        self.follow = checkbox(
            "follow the curved trace",
            "Bend the aperture along the measured trace. "
            "extract_1d: src_coeff, a polynomial in the dispersion pixel.",
        )
        self.center_on_trace = button(
            "center on trace",
            "Put the aperture on the measured trace (also: double-click the image). "
            "extract_1d: xstart, xstop.",
            self._center_on_trace,
        )
        self.pipeline_default = button(
            "pipeline default",
            "Let the pipeline place the aperture: extract1d reference file, "
            "use_source_posn and position_offset.",
            lambda: self._on_aperture(None),
        )
        self.source = ipywidgets.HTML()
        self.note = note_box()
        self._user.watch(self.center, self._center_typed)
        self._user.watch(self.width, self._width_typed)
        self._user.watch(self.follow, self._follow_clicked)
        self.widget = ipywidgets.VBox(
            [
                row(field("center", self.center), field("width", self.width)),
                row(self.center_on_trace, self.pipeline_default),
                self.follow,
                self.source,
                self.note,
            ]
        ).add_class("lrs-tab")

    def show(
        self,
        placed: Aperture,
        *,
        source: str,
        limits: tuple[float, float],
        trace: Trace | None = None,
        no_trace: str = "",
    ) -> None:
        """Show where the aperture is; calls nothing back.

        Parameters
        ----------
        placed : Aperture
            Where it really is, whoever placed it.
        source : str
            Why it is there: "placed by the header position", "placed by you", ...
        limits : (float, float)
            Edges of the image along the cross-dispersion axis, pixels: (-0.5, n_cross - 0.5).
        trace : Trace or None
            The measured trace, if there is one.
        no_trace : str
            Why there is none.
        """
        if placed != self._placed:  # a note stays until what it is about is no longer so
            self.note.value = ""
        self._placed = placed
        self._limits = limits
        self._trace = trace
        self.center_on_trace.disabled = trace is None
        self.follow.disabled = trace is None and placed.trace is None
        self._show_numbers()
        where = f"[{placed.lower:.2f}, {placed.upper:.2f}]"
        if trace is None:
            measured = note_html(no_trace or "No trace was found on this image.", "hint")
        else:
            measured = note_html(
                f"Measured trace: {trace.center:.3f} ± {trace.uncertainty:.3f} px, "
                f"{abs(trace.center - placed.center):.2f} px from the aperture's center.",
                "hint",
            )
        bent = ", bent along the trace" if placed.trace is not None else ""
        text = f"{note_html(f'Pixels {where}{bent}: {source}.')}<br>{measured}"
        if text != self.source.value:
            self.source.value = text

    def _show_numbers(self) -> None:
        with self._user.silence():
            # Three decimals are read easily; the exact value stays in self._placed.
            self.center.value = round(self._placed.center, 3)
            self.width.value = round(self._placed.width, 3)
            self.follow.value = self._placed.trace is not None

    def _center_typed(self) -> None:
        lower, upper = self._limits
        half = min(self._placed.width, upper - lower) / 2
        center, note = _kept("center", self.center.value, lower + half, upper - half)
        self._typed(self._placed if center is None else replace(self._placed, center=center), note)

    def _width_typed(self) -> None:
        lower, upper = self._limits
        room = 2 * min(self._placed.center - lower, upper - self._placed.center)
        width, note = _kept("width", self.width.value, NARROWEST, max(room, NARROWEST))
        self._typed(self._placed if width is None else replace(self._placed, width=width), note)

    def _typed(self, aperture: Aperture, note: str) -> None:
        changed, self._placed = aperture != self._placed, aperture
        self._show_numbers()
        if changed:
            self._on_aperture(aperture)
        # After the callback, which may place it otherwise and so clear the note.
        self.note.value = note_html(note, "warning")

    def _center_on_trace(self) -> None:
        if self._trace is None:
            return
        bent = self._trace.coefficients if self._placed.trace is not None else None
        self._on_aperture(replace(self._placed, center=self._trace.center, trace=bent))

    def _follow_clicked(self) -> None:
        bent = self._trace.coefficients if self.follow.value and self._trace else None
        self._on_aperture(replace(self._placed, trace=bent))


class ExtractionControls:
    """The parameters of ``extract_1d`` that are neither aperture nor background.

    Parameters
    ----------
    on_extraction : callable(Extraction)
        Called with what the user chose.
    on_reference : callable(str)
        Called with the path of an extract1d reference file; "" = that of CRDS.

    Attributes
    ----------
    widget : ipywidgets.Widget
    extraction_type, use_source_posn : ipywidgets.Dropdown
    position_offset : ipywidgets.FloatText
    apply_apcorr : ipywidgets.Checkbox
    reference : ipywidgets.Text
    use_reference : ipywidgets.Button
    note : ipywidgets.HTML
    """

    USE_SOURCE_POSN = (("as reference", "reference"), ("on", "on"), ("off", "off"))

    def __init__(
        self, on_extraction: Callable[[Extraction], None], on_reference: Callable[[str], None]
    ) -> None:
        self._on_extraction = on_extraction
        self._user = UserChanges()
        self._shown = Extraction()
        self.extraction_type = ipywidgets.Dropdown(
            options=Extraction.TYPES,
            tooltip="Sum over the aperture (box), or fit of the PSF (optimal). "
            "extract_1d: extraction_type.",
        )
        self.apply_apcorr = checkbox(
            "aperture correction",
            "Correct for the light of a point source outside the aperture. "
            "extract_1d: apply_apcorr.",
        )
        self.use_source_posn = ipywidgets.Dropdown(
            options=self.USE_SOURCE_POSN,
            tooltip="Shift the reference file's aperture to the source position in the header. "
            "extract_1d: use_source_posn. Acts only while the pipeline places the aperture.",
        )
        self.position_offset = ipywidgets.FloatText(
            step=0.1,
            tooltip="Shift the aperture by this many pixels across the dispersion. "
            "extract_1d: position_offset. Acts only while the pipeline places the aperture.",
        )
        self.reference = ipywidgets.Text(
            placeholder="that of CRDS",
            tooltip="Extract1d reference file (JSON) of your own, which places aperture and "
            "background where you do not; empty: that of CRDS. extract_1d: override_extract1d.",
        )
        self.use_reference = button(
            "use",
            "Take this extract1d reference file from now on. extract_1d: override_extract1d.",
            lambda: on_reference(self.reference.value.strip()),
        )
        self.note = ipywidgets.HTML()
        for control in (
            self.extraction_type,
            self.apply_apcorr,
            self.use_source_posn,
            self.position_offset,
        ):
            self._user.watch(control, self._changed)
        self.widget = ipywidgets.VBox(
            [
                row(field("extraction", self.extraction_type), self.apply_apcorr),
                row(
                    field("position", self.use_source_posn, width="112px"),
                    field("offset", self.position_offset, width="64px"),
                ),
                row(field("extract1d", self.reference, width="190px"), self.use_reference),
                self.note,
            ]
        ).add_class("lrs-tab")

    def show(self, extraction: Extraction, *, drawn: bool, no_optimal: str = "") -> None:
        """Show ``extraction``; calls nothing back.

        Parameters
        ----------
        drawn : bool
            The recipe has an aperture of its own: ``use_source_posn`` and ``position_offset`` do
            nothing.
        no_optimal : str
            Why optimal extraction is not possible; empty = it is.
        """
        self._shown = extraction
        with self._user.silence():
            types = ("box",) if no_optimal and extraction.extraction_type == "box" else None
            options = types or Extraction.TYPES
            if tuple(self.extraction_type.options) != options:
                self.extraction_type.options = options
            self.extraction_type.value = extraction.extraction_type
            self.apply_apcorr.value = extraction.apply_apcorr
            self.use_source_posn.value = _POSN_WORDS[extraction.use_source_posn]
            self.position_offset.value = round(extraction.position_offset, 3)
        self.use_source_posn.disabled = self.position_offset.disabled = drawn
        text = ""
        if drawn:
            text = "Source position and offset apply only to the automatic aperture."
        if no_optimal:
            text = f"{text} No optimal extraction: {no_optimal}".strip()
        note = note_html(text, "hint")
        if note != self.note.value:
            self.note.value = note

    def _changed(self) -> None:
        offset = self.position_offset.value
        if offset == round(self._shown.position_offset, 3) or not math.isfinite(offset):
            offset = self._shown.position_offset
        self._on_extraction(
            Extraction(
                extraction_type=self.extraction_type.value,
                use_source_posn=_POSN_VALUES[self.use_source_posn.value],
                position_offset=offset,
                apply_apcorr=self.apply_apcorr.value,
            )
        )


def _kept(name: str, value: float, least: float, most: float) -> tuple[float | None, str]:
    """Return ``value`` kept between ``least`` and ``most``, None if no number, and a remark."""
    if not math.isfinite(value):
        return None, f"The {name} must be a number."
    kept = min(max(value, least), most)
    if kept == value:
        return kept, ""
    return kept, f"The {name} {value:g} was kept within the image: {least:g} to {most:g}."


_POSN_WORDS = {None: "reference", True: "on", False: "off"}
_POSN_VALUES = {word: value for value, word in _POSN_WORDS.items()}
