"""Findings as text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final

from lrs_explorer.diagnosis.finding import STATUSES, Finding

__all__ = ["table"]

_WIDTH: Final = 100
_MARGIN: Final = 28


def table(findings: Iterable[Finding]) -> str:
    """Return findings as lines of text, the most urgent first.

    Parameters
    ----------
    findings : iterable of Finding
    """
    ordered = sorted(findings, key=lambda f: STATUSES.index(f.status))
    lines = []
    for finding in ordered:
        head = f"{finding.status:8} {finding.issue:17}  "
        text = f"{finding.title}: {finding.why}"
        if finding.status in ("found", "suspect") and finding.advice:
            text += f" {finding.advice}"
        lines += textwrap.wrap(text, _WIDTH, initial_indent=head, subsequent_indent=" " * _MARGIN)
    return "\n".join(lines)
