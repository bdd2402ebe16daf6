from __future__ import annotations

import warnings

import numpy as np
import pytest

from lrs_explorer.model.data.robust import median


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [0.0, 0.1, 0.9])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_the_median_is_that_of_numpy_to_the_bit(dtype: type, missing: float, axis: int) -> None:
    rng = np.random.default_rng(3)
    values = rng.normal(size=(9, 16, 7)).astype(dtype)
    values[rng.random(values.shape) < missing] = np.nan
    values[rng.random(values.shape) < 0.02] = np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = np.nanmedian(values, axis=axis)
    found = median(values, axis)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
