"""What is said of a simulated slitless series that has the sky, wings and odd rows of a real one.

Without a flat field, as the real frame is: odd rows are in the images that are extracted from.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from common import Once
from real_frame import write_real_series

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.simulator import slitless_instrument
from lrs_explorer.simulator.slitless_scene import SlitlessScene, simulate_integrations

SCENE = SlitlessScene(
    n_integrations=16, offset=-1.2, cosmic_rays=0, bad_pixels=0, hot_pixels=0, depth=0, features=(),
    systematic=0, jitter=0, position_drift=0, width_change=0,
)  # fmt: skip


@pytest.fixture(scope="module", params=[0.0115, 0.1], ids=["as the real star", "bright"])
def series(request: pytest.FixtureRequest, once: Once) -> SeriesObservation:
    from dataclasses import replace

    def make(folder: Path) -> Path:
        (piece,) = simulate_integrations(replace(SCENE, flux_level=request.param))
        return write_real_series(folder, frame=np.median(piece.rate, axis=0).astype(float))

    observation = lrs.open_observation(once(f"flight-like-{request.param}", make))
    assert isinstance(observation, SeriesObservation)
    return observation


@pytest.fixture(scope="module")
def found(series: SeriesObservation) -> dict[str, Finding]:
    return {finding.issue: finding for finding in lrs.diagnose(series)}


def test_the_trace_is_where_it_was_painted(series: SeriesObservation) -> None:
    trace = lrs.find_trace(series)
    assert trace is not None
    rows = np.arange(80, 370, 10)
    seen = trace.center + np.polynomial.Polynomial(trace.coefficients)(rows)
    true = SCENE.position.mean() + slitless_instrument.trace_shift(rows)
    np.testing.assert_allclose(seen, true, atol=0.05)


def test_columns_of_the_background_keep_clear_of_dip_odd_columns_and_wings(
    series: SeriesObservation,
) -> None:
    chosen = series.chosen_columns
    assert chosen is not None
    (left, right) = chosen.columns
    assert left[0] > 11.5
    assert right[1] < 67
    assert left[1] < 36 - 8 < 36 + 8 < right[0]
    assert "darker" in chosen.why


def test_nothing_is_found_that_is_not_there(found: dict[str, Finding]) -> None:
    told = {issue for issue, finding in found.items() if finding.status == "found"}
    assert told <= {"MR-LRS01"}, [found[issue].why for issue in told]
    for issue in ("second_source", "MR-LRS02", "cosmic_rays", "MR-LRS05"):
        assert found[issue].status == "ok", found[issue].why
