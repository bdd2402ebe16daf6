"""What is known of an observation: files, reference files, versions, steps."""

from __future__ import annotations

import html
from collections.abc import Iterable

import ipywidgets

__all__ = ["InformationPanel", "information_html"]

Rows = Iterable[tuple[str, object]]


def information_html(groups: Iterable[tuple[str, Rows]]) -> str:
    """Return groups of (label, value) as one table; every text is escaped, empty groups left out.

    A value that is None or empty is shown as a dash.
    """
    parts = []
    for title, rows in groups:
        lines = [
            f'<tr><th scope="row">{html.escape(str(label))}</th>'
            f"<td>{'–' if value in (None, '') else html.escape(str(value))}</td></tr>"
            for label, value in rows
        ]
        if lines:
            caption = f'<tr><th scope="rowgroup" colspan="2">{html.escape(title)}</th></tr>'
            parts.append(f"<tbody>{caption}{''.join(lines)}</tbody>")
    return f'<table class="lrs-information">{"".join(parts)}</table>'


class InformationPanel:
    """A table of what is known.

    Attributes
    ----------
    widget : ipywidgets.HTML
    """

    def __init__(self) -> None:
        self.widget = ipywidgets.HTML().add_class("lrs-scroll")

    def show(self, groups: Iterable[tuple[str, Rows]]) -> None:
        """Show these groups, pairs (title, rows) with rows of (label, value)."""
        self.widget.value = information_html(groups)
