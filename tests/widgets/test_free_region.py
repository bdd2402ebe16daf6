"""Where a further background region is put."""

from __future__ import annotations

import numpy as np
import pytest

from lrs_explorer.model.data.products import SpatialProfile
from lrs_explorer.model.recipe.recipe import Aperture
from lrs_explorer.widgets.background_controls import free_region

LIMITS = (-0.5, 44.5)
APERTURE = Aperture(20.0, 8.0)
"""Covers 16 to 24, kept clear from 15 to 25."""


def profile(*traces: tuple[float, float]) -> SpatialProfile:
    """Return traces (position, peak) 1.5 pixels wide on nothing; the first pixel has no value."""
    position = np.arange(45.0)
    value = sum(peak * np.exp(-0.5 * ((position - at) / 1.5) ** 2) for at, peak in traces)
    return SpatialProfile(position, np.where(position == 0, np.nan, value), (5.0, 12.0))


@pytest.mark.parametrize(
    ("regions", "expected"),
    [((), (10.0, 15.0)), (((10.0, 15.0),), (25.0, 30.0))],
)
def test_beside_the_aperture_where_nothing_is_known(
    regions: tuple[tuple[float, float], ...], expected: tuple[float, float]
) -> None:
    assert free_region(APERTURE, regions, LIMITS) == expected


def test_away_from_the_trace_of_the_other_nod_and_from_what_has_no_value() -> None:
    seen = profile((20.0, 100.0), (32.0, -100.0), (12.0, 30.0))
    lower, upper = free_region(APERTURE, (), LIMITS, seen)
    assert upper - lower == 5
    assert upper <= 9 or lower >= 37
    assert lower > 0.5


def test_narrower_where_there_is_less_room_and_nowhere_without() -> None:
    assert free_region(Aperture(20.0, 34.0), ((0.5, 2.0),), LIMITS) == (38.0, 43.0)
    assert free_region(Aperture(20.0, 34.0), ((38.0, 43.0),), LIMITS) == (0.5, 2.0)
    assert free_region(Aperture(22.0, 44.0), (), LIMITS) is None
