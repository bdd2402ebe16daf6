"""The median of a few large arrays, element by element, by a sorting network.

A sort of each element's values would take them one by one. A network compares whole arrays, always
the same pairs whatever the values, which numpy does many elements at a time; comparisons that do
not decide the middle are left out. The network is Batcher's merge exchange (Knuth, The Art of
Computer Programming, volume 3, 5.2.2, algorithm M).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["median_of"]


def median_of(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Return the median of arrays of one shape, in their own type; NaN where one of them is.

    Parameters
    ----------
    arrays : sequence of ndarray
        At least one; they stay what they are.
    """
    rank = [array.copy() for array in arrays]
    spare = np.empty_like(rank[0])
    for low, high, keep_low, keep_high in _network(len(rank)):
        if keep_low and keep_high:
            np.minimum(rank[low], rank[high], out=spare)
            np.maximum(rank[low], rank[high], out=rank[high])
            rank[low], spare = spare, rank[low]
        elif keep_low:
            np.minimum(rank[low], rank[high], out=rank[low])
        else:
            np.maximum(rank[low], rank[high], out=rank[high])
    middle = len(rank) // 2
    if len(rank) % 2:
        return rank[middle]
    half: NDArray[Any] = (rank[middle - 1] + rank[middle]) / 2
    return half


@lru_cache
def _network(count: int) -> tuple[tuple[int, int, bool, bool], ...]:
    """Return which two to compare, and whether the lesser and the greater matter to the middle."""
    needed = {(count - 1) // 2, count // 2}
    kept = []
    for low, high in reversed(_exchanges(count)):
        if needed & {low, high}:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return tuple(reversed(kept))


def _exchanges(count: int) -> list[tuple[int, int]]:
    """Return the pairs that sort ``count`` values."""
    pairs = []
    largest = 1 << max((count - 1).bit_length() - 1, 0)
    step = largest
    while step and count > 1:
        reach, rest, apart = largest, 0, step
        while True:
            pairs += [(i, i + apart) for i in range(count - apart) if i & step == rest]
            if reach == step:
                break
            apart, reach, rest = reach - step, reach >> 1, step
        step >>= 1
    return pairs
