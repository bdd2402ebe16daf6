"""Findings as text."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable, Iterable
from typing import Final

from lrs_explorer.diagnosis.finding import STATUSES, Finding
from lrs_explorer.diagnosis.words import capital, counted
from lrs_explorer.model.data.html import facts_html

__all__ = ["Findings", "groups", "names", "summary", "table"]

_WIDTH: Final = 100
_MARGIN: Final = 32


class Findings(list[Finding]):
    """A list of findings, one for each issue, that prints as a table.

    Parameters
    ----------
    iterable : iterable of Finding
    """

    def __repr__(self) -> str:
        """Return the table."""
        return table(self)

    def _repr_html_(self) -> str:
        rows = [
            (group[0].verdict, f"{names(group)}: {group[0].why} {group[0].advice}".strip())
            for group in groups(self)
        ]
        return facts_html(f"{capital(summary(self))}.", rows)


def groups(findings: Iterable[Finding]) -> list[list[Finding]]:
    """Return findings, the most urgent first; those that one thing leaves unknown together.

    Parameters
    ----------
    findings : iterable of Finding
    """
    found: dict[Hashable, list[Finding]] = {}
    for finding in sorted(findings, key=_urgency):
        key = finding.why if finding.status == "unknown" else finding
        found.setdefault(key, []).append(finding)
    return list(found.values())


def _urgency(finding: Finding) -> int:
    return STATUSES.index("ok" if finding.corrected else finding.status)


def names(group: Iterable[Finding]) -> str:
    """Return the names of findings in a line, with the numbers of known issues."""
    return ", ".join(
        f"{f.name} ({f.issue})" if f.issue.startswith("MR-") else f.name for f in group
    )


def summary(findings: Iterable[Finding]) -> str:
    """Return how many findings there are of each kind; problems are told even where none is."""
    states = [finding.state for finding in findings]
    problems, warnings = states.count("found"), states.count("suspect")
    passed, unknown = states.count("ok"), states.count("unknown")
    corrected = states.count("corrected")
    told = [
        counted(problems, "problem") if problems else "no problems",
        counted(warnings, "warning") if warnings else "",
        f"{corrected} corrected automatically" if corrected else "",
        f"{counted(passed, 'check')} passed" if passed else "",
        f"{unknown} undetermined" if unknown else "",
    ]
    return ", ".join(filter(None, told))


def table(findings: Iterable[Finding]) -> str:
    """Return findings as lines of text, the most urgent first.

    What cannot be told for the same reason is told in one sentence.

    Parameters
    ----------
    findings : iterable of Finding
    """
    lines = []
    for group in groups(findings):
        finding = group[0]
        one = len(group) == 1
        issue = finding.issue if one else f"{len(group)} issues"
        head = f"{finding.verdict:12} {issue}".ljust(_MARGIN)
        text = f"{finding.name if one else names(group)}: {finding.why}"
        if finding.status in ("found", "suspect") and finding.advice:
            text += f" {finding.advice}"
        lines += textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=head,
            subsequent_indent=" " * _MARGIN,
            break_on_hyphens=False,
        )
    return "\n".join(lines)
