"""What the page needs besides views: style sheet, tooltips, word of a kernel that has gone."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import anywidget
import ipywidgets

__all__ = ["ROOT_CLASS", "KernelWatch", "Tooltips", "style_sheet", "style_widget"]

ROOT_CLASS = "lrs-explorer"
"""Class of the outermost element: no rule reaches outside it."""


@cache
def style_sheet() -> str:
    """Return the CSS."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def style_widget() -> ipywidgets.HTML:
    """Return an invisible widget that brings the style sheet; put it beside the views."""
    return ipywidgets.HTML(f"<style>{style_sheet()}</style>", layout={"display": "none"})


class Tooltips(anywidget.AnyWidget):
    """Gives each control in the explorer the tooltip and the name of the text beside it.

    Invisible; put it beside the views. ipywidgets itself leaves some out: see tooltips.js.
    """

    _esm = Path(__file__).with_name("tooltips.js")

    def __init__(self) -> None:
        super().__init__(layout=ipywidgets.Layout(display="none"))


class KernelWatch(anywidget.AnyWidget):
    """Invisible until the kernel has ended or cannot be reached; then it says so."""

    _esm = Path(__file__).with_name("kernel_watch.js")
