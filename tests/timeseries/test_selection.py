"""The median of a few arrays by a sorting network."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.model.series.selection import median_of


@pytest.mark.parametrize("count", [*range(1, 20), 33, 64])
def test_it_is_the_median_to_the_bit(count: int) -> None:
    values = np.random.default_rng(count).normal(size=(count, 7, 5)).astype(np.float32)
    values[:, 0] = np.round(values[:, 0])  # equal ones
    before = values.copy()
    found = median_of(list(values))
    assert found.dtype == np.float32
    assert np.array_equal(found, np.median(values, axis=0))
    assert np.array_equal(values, before), "the arrays stay what they are"


def test_one_missing_value_is_told() -> None:
    values = np.arange(12.0).reshape(3, 4)
    values[1, 2] = np.nan
    assert np.array_equal(median_of(list(values)), [4, 5, np.nan, 7], equal_nan=True)
