"""When each integration of a time series was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["SegmentTimes", "TimeAxis", "breaks", "gaps", "in_time_order", "time_axis"]

SECONDS: Final = 86400.0

SCALES: Final = {
    "BJD_TDB": "int_mid_BJD_TDB",
    "UTC": "int_mid_MJD_UTC",
}
"""Columns of INT_TIMES with mid-times (days, less 2400000.5 in both), the better one first."""

EXPOSURE: Final = ("PROGRAM", "OBSERVTN", "VISIT", "VISITGRP", "SEQ_ID", "ACT_ID", "EXPOSURE")
"""Cards that segments of one exposure have in common."""

LONG_STEP: Final = 1.5
"""Usual times from one integration to the next that make a gap; one that is missing makes 2."""


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
    numbers : ndarray of int, shape (count,), or None
        Of all its integrations, where it tells; else they follow each other.
    ordered : bool
        Whether they are known to be in time order.
    counted : bool
        Whether it is known how many integrations of its exposure come before.
    """

    name: str
    count: int
    table: NDArray[Any] | None
    header: Mapping[str, Any]
    first: int = 0
    numbers: NDArray[np.intp] | None = None
    ordered: bool = True
    counted: bool = True

    def __post_init__(self) -> None:
        if not self.first and self.numbers is not None:
            object.__setattr__(self, "first", int(self.numbers[0]))
        if not self.first:
            object.__setattr__(self, "first", int(_number(self.header, "INTSTART")))

    @property
    def start(self) -> tuple[float, float, int, str]:
        """What segments are sorted by: the time of the first integration, else its number."""
        column = self.column(SCALES["UTC"])
        begun = float(column[0]) if column is not None else _number(self.header, "EXPSTART")
        return begun, _number(self.header, "EXSEGNUM"), self.first, self.name

    @property
    def exposure(self) -> tuple[Any, ...]:
        """What the segments of one exposure have in common."""
        return tuple(self.header.get(card) for card in EXPOSURE)

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
        Barycentric dynamical time at the barycenter, UTC at the telescope, or the number of the
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
        same = last is not None and last.exposure == segment.exposure
        following = last.first + last.count if last and same else 1
        if not segment.first:
            before = _number(last.header, "EXSEGNUM") if last and same else 0
            counted = _number(segment.header, "EXSEGNUM") <= before + 1
            counted &= last.counted if last and same else True
            segment = replace(segment, first=following, counted=counted)
        ordered.append(segment)
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
        if before.exposure != after.exposure:
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
    for own in _by_exposure(segments):
        total = own[0].header.get("EXSEGTOT")
        if isinstance(total, int) and len(own) < total:
            of = "" if len(own) == len(segments) else f" of the exposure of {own[0].name}"
            notes.append(f"{len(own)} of {total} segments{of} are here")
    return notes


def breaks(time: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return the integrations, from 0, before which there is a gap in time.

    Parameters
    ----------
    time : ndarray, shape (n_integrations,)
        Rising.
    """
    steps = np.diff(time)
    return np.flatnonzero(steps > LONG_STEP * np.median(steps)) + 1 if len(steps) else np.arange(0)


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
    ordered = all(segment.ordered for segment in segments)
    exposures = _by_exposure(segments)
    counted = all(_begin_themselves(own) or all(s.counted for s in own) for own in exposures)
    cards = [_number(s.header, card) for s in segments for card in ("EXPSTART", "EFFINTTM")]
    if ordered and counted and all(cards):
        values = np.concatenate([_by_header(own) for own in exposures])
        return TimeAxis(values, "UTC", (f"times are EXPSTART + n × EFFINTTM: {reason}",))
    numbers = np.zeros(0)
    for own in exposures:
        numbers = np.concatenate([numbers, _numbers(own) + np.max(numbers, initial=-1.0) + 1.0])
    lacking = "EXPSTART or EFFINTTM is missing"
    if not ordered:
        lacking = "nothing tells their order"
    elif not counted:
        lacking = "nothing tells how many the segments that are not here hold"
    return TimeAxis(
        numbers, "index", (f"integrations are numbered, not timed: {reason}, and {lacking}",)
    )


def _by_exposure(segments: Sequence[SegmentTimes]) -> list[list[SegmentTimes]]:
    """Return segments that follow each other, those of one exposure together."""
    return [list(own) for _, own in groupby(segments, lambda segment: segment.exposure)]


def _numbers(segments: Sequence[SegmentTimes]) -> NDArray[np.float64]:
    """Return the numbers of the integrations of one exposure, from 0."""
    parts = [s.first + np.arange(s.count) if s.numbers is None else s.numbers for s in segments]
    return np.concatenate(parts).astype(float) - 1


def _by_header(segments: Sequence[SegmentTimes]) -> NDArray[np.float64]:
    """Return the times of the integrations of one exposure by EXPSTART and EFFINTTM, days."""
    counts = [segment.count for segment in segments]
    starts = [_number(segment.header, "EXPSTART") for segment in segments]
    lengths = [_number(segment.header, "EFFINTTM") for segment in segments]
    own = _begin_themselves(segments)
    numbers = np.concatenate([np.arange(n) for n in counts]) if own else _numbers(segments)
    return np.repeat(starts, counts) + (numbers + 0.5) * np.repeat(lengths, counts) / SECONDS


def _begin_themselves(segments: Sequence[SegmentTimes]) -> bool:
    """Tell whether EXPSTART is that of the segment, as some software writes it."""
    starts = {_number(segment.header, "EXPSTART") for segment in segments}
    return len(starts) == len(segments) > 1


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
