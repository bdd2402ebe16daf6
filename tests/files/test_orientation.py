from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer import LRSExplorerError
from lrs_explorer.model.data.orientation import dispersion_axis, dispersion_first


def test_dispersion_runs_along_rows() -> None:
    stored = np.arange(6).reshape(2, 3)
    assert dispersion_first(stored, 2) is stored
    turned = dispersion_first(stored, 1)
    assert turned.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert turned.flags["C_CONTIGUOUS"]


def test_a_series_keeps_its_integrations_first() -> None:
    assert dispersion_first(np.zeros((5, 2, 3)), 1).shape == (5, 3, 2)


def test_axis_comes_from_the_header() -> None:
    assert dispersion_axis({}, "a.fits") == 2
    assert dispersion_axis({"DISPAXIS": 1}, "a.fits") == 1


@pytest.mark.parametrize("value", [0, 3, "x", True + 2])
def test_an_impossible_axis_is_refused(value: object) -> None:
    with pytest.raises(LRSExplorerError, match=r"a\.fits has DISPAXIS"):
        dispersion_axis({"DISPAXIS": value}, "a.fits")
