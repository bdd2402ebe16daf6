"""The style sheet, for every view inside an element of class ``lrs-explorer``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import ipywidgets

__all__ = ["ROOT_CLASS", "style_sheet", "style_widget"]

ROOT_CLASS = "lrs-explorer"
"""Class of the outermost element: no rule reaches outside it."""


@cache
def style_sheet() -> str:
    """Return the CSS."""
    return Path(__file__).with_name("style.css").read_text(encoding="utf-8")


def style_widget() -> ipywidgets.HTML:
    """Return an invisible widget that brings the style sheet; put it beside the views."""
    return ipywidgets.HTML(f"<style>{style_sheet()}</style>", layout={"display": "none"})
