"""When each integration of a time series was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["SegmentTimes", "TimeAxis", "gaps", "in_time_order", "time_axis"]

SECONDS: Final = 86400.0

SCALES: Final = {
    "BJD_TDB": "int_mid_BJD_TDB",
    "UTC": "int_mid_MJD_UTC",
}
"""Columns of INT_TIMES with mid-times (days, less 2400000.5 in both), the better one first."""


@dataclass(frozen=True, eq=False)
class SegmentTimes:
    """What one file tells of its times.

    Parameters
    ----------
    name : str
        The file.
    count : int
        Integrations in it.
    table : ndarray or None
        Its INT_TIMES.
    header : Mapping
    first : int
        Number of the first integration within the exposure, from 1; 0 where it is not known.
    """

    name: str
    count: int
    table: NDArray[Any] | None
    header: Mapping[str, Any]
    first: int = 0

    def __post_init__(self) -> None:
        if not self.first:
            object.__setattr__(self, "first", int(_number(self.header, "INTSTART")))

    @property
    def start(self) -> tuple[float, float, int, str]:
        """What segments are sorted by: the time of the first integration, else its number."""
        column = self.column(SCALES["UTC"])
        begun = float(column[0]) if column is not None else _number(self.header, "EXPSTART")
        return begun, _number(self.header, "EXSEGNUM"), self.first, self.name

    def column(self, name: str) -> NDArray[np.float64] | None:
        """Return a column of INT_TIMES for the integrations here; None where it has them not."""
        table = self.table
        if table is None or len(table) < self.count or table.dtype.names is None:
            return None
        names = {n.lower(): n for n in table.dtype.names}
        if name.lower() not in names:
            return None
        values = np.asarray(table[names[name.lower()]], np.float64)
        if len(table) > self.count:  # a table of the whole exposure
            numbers = np.asarray(table[names.get("integration_number", table.dtype.names[0])])
            wanted = np.searchsorted(numbers, self.first)
            values = values[wanted : wanted + self.count]
            if len(values) < self.count or numbers[wanted] != self.first:
                return None
        usable = np.isfinite(values).all() and (values > 0).all() and (np.diff(values) > 0).all()
        return values if usable else None


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """Times of all integrations.

    Parameters
    ----------
    values : ndarray, shape (n_integrations,), days
        Middle of each integration, as a modified Julian date (JD - 2400000.5).
    scale : {"BJD_TDB", "UTC", "index"}
        Barycentric dynamical time at the barycentre, UTC at the telescope, or the number of the
        integration where the files tell nothing.
    notes : tuple of str
        What was used instead of INT_TIMES, if so.
    """

    values: NDArray[np.float64]
    scale: str
    notes: tuple[str, ...] = ()


def in_time_order(segments: Sequence[SegmentTimes]) -> list[SegmentTimes]:
    """Return segments in time order, all with the number of their first integration."""
    ordered: list[SegmentTimes] = []
    for segment in sorted(segments, key=lambda s: s.start):
        last = ordered[-1] if ordered else None
        following = last.first + last.count if last else 1
        ordered.append(segment if segment.first else replace(segment, first=following))
    return ordered


def gaps(segments: Sequence[SegmentTimes]) -> list[str]:
    """Say which integrations are missing between segments; refuse those that are there twice.

    Raises
    ------
    LRSExplorerError
        Two segments of one exposure hold the same integrations.
    """
    notes = []
    for before, after in pairwise(segments):
        if before.header.get("EXPOSURE") != after.header.get("EXPOSURE"):
            continue
        end = before.first + before.count - 1
        if after.first <= end:
            raise LRSExplorerError(
                f"{before.name} and {after.name} both hold integrations {after.first} to "
                f"{min(end, after.first + after.count - 1)}; leave one of them out."
            )
        if after.first > end + 1:
            notes.append(
                f"integrations {end + 1} to {after.first - 1} are missing (between {before.name} "
                f"and {after.name})"
            )
    total = segments[0].header.get("EXSEGTOT")
    if isinstance(total, int) and len(segments) < total:
        notes.append(f"{len(segments)} of {total} segments are here")
    return notes


def time_axis(segments: Sequence[SegmentTimes]) -> TimeAxis:
    """Return the times of segments that follow each other.

    INT_TIMES where every segment has it whole and rising; else EXPSTART plus the number of the
    integration times EFFINTTM (without the detector's reset between integrations, so too short by
    about a frame each); else that number.
    """
    for scale, column in SCALES.items():
        found = [segment.column(column) for segment in segments]
        if all(values is not None for values in found):
            return TimeAxis(np.concatenate([v for v in found if v is not None]), scale)
    reason = _reason(segments)
    numbers = np.concatenate([s.first - 1 + np.arange(s.count) for s in segments]).astype(float)
    starts = [_number(segment.header, "EXPSTART") for segment in segments]
    lengths = [_number(segment.header, "EFFINTTM") for segment in segments]
    if all(starts) and all(lengths):
        start = np.repeat(starts, [s.count for s in segments])
        length = np.repeat(lengths, [s.count for s in segments])
        # EXPSTART is that of the exposure; software that writes that of the segment differs.
        local = np.concatenate([np.arange(s.count) for s in segments])
        own = len(set(starts)) == len(segments) > 1
        values = start + ((local if own else numbers) + 0.5) * length / SECONDS
        return TimeAxis(values, "UTC", (f"times are EXPSTART + n × EFFINTTM: {reason}",))
    return TimeAxis(
        numbers,
        "index",
        (f"integrations are numbered, not timed: {reason}, and EXPSTART or EFFINTTM is missing",),
    )


def _number(header: Mapping[str, Any], name: str) -> float:
    value = header.get(name)
    return float(value) if isinstance(value, (int, float)) else 0.0


def _reason(segments: Sequence[SegmentTimes]) -> str:
    """Say why INT_TIMES is not used."""
    for segment in segments:
        table = segment.table
        if table is None or len(table) == 0:
            what = "missing" if table is None else "empty"
            return f"the INT_TIMES table of {segment.name} is {what}"
        if len(table) < segment.count:
            return (
                f"the INT_TIMES table of {segment.name} has {len(table)} rows for "
                f"{segment.count} integrations"
            )
        if all(segment.column(column) is None for column in SCALES.values()):
            return (
                f"the INT_TIMES table of {segment.name} does not rise steadily, or lacks these "
                "integrations"
            )
    return "the INT_TIMES tables of the segments do not have the same columns"
