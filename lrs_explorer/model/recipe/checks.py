"""Checks of the values in a recipe: what is wrong is said with the name of the field."""

from __future__ import annotations

import math
import numbers
import os
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["choice", "names", "number", "ranges", "unknown", "whole"]


def number(name: str, value: Any) -> float:
    """Return ``value`` as a finite float, or say which field is at fault."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise LRSExplorerError(f"{name} must be a number, not {value!r}.")
    if not math.isfinite(value):
        raise LRSExplorerError(f"{name} must be a finite number, not {value!r}.")
    return float(value)


def whole(name: str, value: Any, minimum: int) -> int:
    """Return ``value`` as an int of at least ``minimum``, or say which field is at fault."""
    found = number(name, value)
    if found != int(found) or found < minimum:
        raise LRSExplorerError(
            f"{name} must be a whole number of at least {minimum}, not {value!r}."
        )
    return int(found)


def ranges(name: str, values: Any) -> tuple[tuple[float, float], ...]:
    """Return ranges (lower, upper) as floats, or say which one is at fault."""
    found = []
    for value in values:
        try:
            lower, upper = value
        except (TypeError, ValueError):
            raise LRSExplorerError(
                f"a {name} must be a pair (lower, upper), not {value!r}."
            ) from None
        lower, upper = number(f"{name} edge", lower), number(f"{name} edge", upper)
        if upper <= lower:
            raise LRSExplorerError(f"a {name} must have lower < upper, not ({lower:g}, {upper:g}).")
        found.append((lower, upper))
    return tuple(found)


def names(name: str, values: Any) -> tuple[str, ...]:
    """Return names or paths as text, sorted, each once, or say which one is at fault."""
    if isinstance(values, str) or not isinstance(values, (tuple, list)):
        raise LRSExplorerError(f"{name} must be a list of exposures, not {values!r}.")
    for value in values:
        if not isinstance(value, (str, os.PathLike)) or not os.fspath(value):
            raise LRSExplorerError(f"{name} must name exposures, and {value!r} is no name.")
    return tuple(sorted({str(os.fspath(value)) for value in values}))


def choice(name: str, value: Any, choices: tuple[Any, ...]) -> None:
    """Check that ``value`` is one of ``choices``."""
    if value not in choices:
        known = ", ".join("null" if c is None else str(c).lower() for c in choices)
        raise LRSExplorerError(f"{name} must be one of {known}, not {value!r}.")


def unknown(name: str, value: Any) -> LRSExplorerError:
    """Return the error for one of several choices that the code at hand has no branch for."""
    return LRSExplorerError(
        f"{name} {value!r} is not known here; choose another, or update LRS Explorer."
    )
