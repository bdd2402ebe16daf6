"""Time series to open and to extract from."""

from __future__ import annotations

from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.model.observation.series import SeriesObservation

from .series_files import write_segment


@pytest.fixture
def three_segments(tmp_path: Path) -> list[Path]:
    """Return segments of 5, 4 and 6 integrations, not in order."""
    return [
        write_segment(tmp_path, 3, 9, 6),
        write_segment(tmp_path, 1, 0, 5),
        write_segment(tmp_path, 2, 5, 4),
    ]


@pytest.fixture(scope="session")
def shared_slitless(shared_data: Path) -> SeriesObservation:
    """Return the simulated slitless observation 90002 (read-only)."""
    observation = lrs.open_observation(shared_data / "slitless-90002", crds=shared_data / "crds")
    assert isinstance(observation, SeriesObservation)
    return observation
