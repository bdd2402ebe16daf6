"""The legend of the spectrum view, as HTML that a person and a browser test can read."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["STATES", "LegendEntry", "legend_html", "notes_html"]

STATES = {
    "live": "live",
    "pipeline": "pipeline run",
    "approximate": "approximate preview",
    "stale": "stale: the last good result",
    "failed": "failed: the last good result",
    "none": "nothing to show",
    "delivered": "archive x1d",
    "c1d": "archive c1d",
    "saved": "saved from here",
    "truth": "simulated input",
    "pinned": "pinned",
    "systematic": "68 % of the variants",
}
"""The words that stand beside a curve, by its state."""


@dataclass(frozen=True)
class LegendEntry:
    """One curve in the legend.

    Parameters
    ----------
    key : str
        "live", "delivered", "truth", "systematic" or the key of a pin.
    label : str
    color : str
    state : str
        A key of `STATES`.
    line : {"solid", "dashed", "dotted"}
    detail : str
        Shown on hovering: why it failed, which file it is from.
    """

    key: str
    label: str
    color: str
    state: str
    line: str = "solid"
    detail: str = ""


def legend_html(entries: Iterable[LegendEntry]) -> str:
    """Return the legend; every text in it is escaped."""
    parts = []
    for entry in entries:
        key, state = html.escape(entry.key), html.escape(entry.state)
        sample = f"border-top: 3px {html.escape(entry.line)} {html.escape(entry.color)}"
        parts.append(
            f'<span class="lrs-curve" data-curve="{key}" data-state="{state}" '
            f'title="{html.escape(entry.detail)}">'
            f'<span class="lrs-sample" style="{sample}"></span>'
            f'<span class="lrs-curve-name">{html.escape(entry.label)}</span> '
            f'<span class="lrs-state">({html.escape(STATES[entry.state])})</span></span>'
        )
    return f'<div class="lrs-legend">{"".join(parts)}</div>'


def notes_html(notes: Iterable[tuple[str, str]]) -> str:
    """Return remarks, each a pair (curve, sentence), in one line; the whole text on hovering."""
    lines = [f"{curve}: {sentence}" for curve, sentence in notes]
    title = html.escape("\n".join(lines))
    text = " · ".join(f'<span class="lrs-warning">{html.escape(line)}</span>' for line in lines)
    return f'<div class="lrs-line" title="{title}">{text}</div>'
