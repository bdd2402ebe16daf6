"""Target acquisition images, with the source as it was measured on them."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lrs_explorer.widgets.fields import UserChanges, field, note_box, note_html, row
from lrs_explorer.widgets.layout import PIN_COLORS

__all__ = ["TAPicture", "TAView"]

NO_PICTURE = "none is here"

_PIXEL = 8  # drawing units per pixel
_NO_VALUE = 158  # grey, as in the other views


@dataclass(frozen=True, eq=False)
class TAPicture:
    """The part of an acquisition image that is shown.

    Parameters
    ----------
    name : str
    data : ndarray, shape (ny, nx), ``unit``
        NaN where there is no usable value.
    corner : (int, int)
        Column and row on the full detector of its first pixel, 0-indexed.
    marks : tuple of (str, float, float)
        What was measured there: name, column and row on the full detector.
    remarks : tuple of str
    unit : str
    """

    name: str
    data: NDArray[Any]
    corner: tuple[int, int]
    marks: tuple[tuple[str, float, float], ...]
    remarks: tuple[str, ...]
    unit: str = "DN/s"


class TAView:
    """One acquisition image at a time.

    Attributes
    ----------
    widget : ipywidgets.Widget
    image : ipywidgets.Dropdown
    picture, note : ipywidgets.HTML
    """

    def __init__(self) -> None:
        self._user = UserChanges()
        self.image = ipywidgets.Dropdown(
            tooltip="Which acquisition image is shown. Display only: no pipeline parameter."
        )
        self.picture, self.note = ipywidgets.HTML(), note_box()
        self._user.watch(self.image, self._draw)
        self.widget = ipywidgets.VBox(
            [row(field("image", self.image, width="270px")), self.picture, self.note]
        )
        self.show(())

    def show(self, pictures: Sequence[TAPicture]) -> None:
        """Show the last of these pictures, and offer the others."""
        with self._user.silence():
            self.image.options = [(p.name, p) for p in pictures] or [NO_PICTURE]
            self.image.value = pictures[-1] if pictures else NO_PICTURE
        self.image.disabled = not pictures
        self._draw()

    def _draw(self) -> None:
        picture: TAPicture | str = self.image.value
        if isinstance(picture, str):
            self.picture.value = self.note.value = ""
            return
        ny, nx = picture.data.shape
        finite = picture.data[np.isfinite(picture.data)]
        faint, bright = np.percentile(finite, [5, 99.8]) if finite.size else (0.0, 1.0)
        level = np.clip((picture.data - faint) / max(bright - faint, 1e-30), 0, 1)
        gray = np.nan_to_num(255 * np.sqrt(level), nan=_NO_VALUE).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(gray[::-1]).save(stream, format="png")
        encoded = base64.b64encode(stream.getvalue()).decode()
        parts = [
            f'<image href="data:image/png;base64,{encoded}" width="{nx * _PIXEL}" '
            f'height="{ny * _PIXEL}" style="image-rendering: pixelated"/>'
        ]
        words = []
        for number, (name, column, line) in enumerate(picture.marks):
            color = PIN_COLORS[number % len(PIN_COLORS)]
            x = (column - picture.corner[0] + 0.5) * _PIXEL
            y = (ny - (line - picture.corner[1] + 0.5)) * _PIXEL
            parts.append(
                f'<g><title>{html.escape(name)}</title><path d="M{x - 9:.1f} {y:.1f}h18'
                f'M{x:.1f} {y - 9:.1f}v18" stroke="{color}" stroke-width="2"/></g>'
            )
            words.append(
                f'<span style="color:{color}">✚</span> {html.escape(name)}: column {column:.2f}, '
                f"row {line:.2f}"
            )
        self.picture.value = (
            f'<svg class="lrs-ta" viewBox="0 0 {nx * _PIXEL} {ny * _PIXEL}" role="img" '
            f'aria-label="acquisition image, {html.escape(picture.unit)}">{"".join(parts)}</svg>'
        )
        scale = f"{faint:.3g} to {bright:.3g} {picture.unit}"
        lines = [html.escape(scale), *words]
        lines += [note_html(remark, "warning") for remark in picture.remarks]
        self.note.value = "".join(f"<div>{line}</div>" for line in lines)
