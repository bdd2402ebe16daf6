"""Control of the wavelengths: where along the dispersion the source is."""

from __future__ import annotations

import math
from collections.abc import Callable

import ipywidgets

from lrs_explorer.model.recipe.recipe import Wavelength
from lrs_explorer.widgets.fields import UserChanges, field, note_box, note_html, row

__all__ = ["WavelengthControls"]


class WavelengthControls:
    """How far the source is from where the wavelength solution takes it to be.

    Parameters
    ----------
    on_wavelength : callable(Wavelength)
        Called with what the user chose.

    Attributes
    ----------
    widget : ipywidgets.Widget
    source_offset : ipywidgets.FloatText
    note : ipywidgets.HTML
    """

    def __init__(self, on_wavelength: Callable[[Wavelength], None]) -> None:
        self._on_wavelength = on_wavelength
        self._user = UserChanges()
        self._shown = Wavelength()
        self.source_offset = ipywidgets.FloatText(
            step=0.01,
            tooltip="Arcsec from the slit's middle, or without the slit from the subarray's "
            "reference point, along the dispersion towards larger detector rows. Corrects the "
            "wavelengths of what is extracted; 0 = as the pipeline has them. No pipeline parameter "
            "(jwst issue 9757). Recipe: wavelength.source_offset.",
        )
        self.note = note_box()
        self._user.watch(self.source_offset, self._changed)
        self.widget = ipywidgets.VBox(
            [row(field("source at", self.source_offset, width="90px")), self.note]
        )

    def show(self, wavelength: Wavelength, note: str = "") -> None:
        """Show ``wavelength`` and what it does; calls nothing back."""
        self._shown = wavelength
        with self._user.silence():
            self.source_offset.value = round(wavelength.source_offset, 4)
        self.note.value = note_html(note, "hint")

    def _changed(self) -> None:
        offset = self.source_offset.value
        if not math.isfinite(offset):
            self.show(self._shown, "The offset must be a number.")
        elif offset != round(self._shown.source_offset, 4):
            self._on_wavelength(Wavelength(offset))
