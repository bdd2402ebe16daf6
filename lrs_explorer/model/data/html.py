"""What values look like as the last line of a notebook cell."""

from __future__ import annotations

import html
from collections.abc import Iterable

__all__ = ["facts_html"]


def facts_html(title: str, rows: Iterable[tuple[str, object]]) -> str:
    """Return a heading and a table of names and values, in which every text is escaped."""
    lines = "".join(
        f'<tr><th style="text-align:left;vertical-align:top">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(str(value))}</td></tr>'
        for name, value in rows
    )
    return f"<div><b>{html.escape(title)}</b><table>{lines}</table></div>"
