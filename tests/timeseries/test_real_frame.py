"""What is said of a real slitless frame: the sky is not flat, and there is no second source."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from common import SHARED, Once
from real_frame import DIP, FRAME, write_real_series

import lrs_explorer as lrs
from lrs_explorer.diagnosis import second_source
from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.simulator.slitless_instrument import pixel_share

Findings = dict[str, Finding]


@pytest.fixture(scope="module", params=[False, True], ids=["as it is", "mirrored"])
def mirrored(request: pytest.FixtureRequest) -> bool:
    """Tell whether the columns are in the opposite order: the dip lies left, the tilt is turned."""
    if not FRAME.is_file():
        pytest.skip("no real frame beside the repository")
    return bool(request.param)


@pytest.fixture(scope="module")
def real(mirrored: bool, once: Once) -> SeriesObservation:
    """Return a series made of the real frame."""

    def make(folder: Path) -> Path:
        return write_real_series(folder, mirrored=mirrored)

    path = once(f"real-frame-{mirrored}", make)
    observation = lrs.open_observation(path, crds=SHARED / "crds")
    assert isinstance(observation, SeriesObservation)
    return observation


@pytest.fixture(scope="module")
def found(real: SeriesObservation) -> Findings:
    """Return the findings of its default."""
    return {finding.issue: finding for finding in lrs.diagnose(real)}


def column(place: float, mirrored: bool) -> float:
    """Return where a column of the frame is."""
    return 71 - place if mirrored else place


def test_the_trace_is_found_with_its_tilt(real: SeriesObservation, mirrored: bool) -> None:
    trace = lrs.find_trace(real)
    assert trace is not None
    for row, place in ((115, 35.3), (295, 34.7)):
        seen = trace.center + np.polynomial.Polynomial(trace.coefficients)(row)
        assert column(seen, mirrored) == pytest.approx(place, abs=0.1)


def test_its_width_is_that_of_a_star(real: SeriesObservation) -> None:
    from lrs_explorer.model.series.motion import trace_motion

    # 3.9 pixels at row 115, 3.2 at row 265; clipped pixels make it look wider above.
    motion = trace_motion(real.series(), lrs.find_trace(real))
    assert 3.2 < np.median(motion.fwhm) < 4.4


def test_nothing_is_found_that_is_not_there(found: Findings) -> None:
    told = {issue for issue, finding in found.items() if finding.status == "found"}
    # Single pixels that are 15 to 25 per cent above all their neighbours.
    assert told == {"MR-LRS02"}, [found[issue].why for issue in told]
    for issue in ("second_source", "cosmic_rays", "MR-LRS05", "background"):
        assert found[issue].status == "ok", found[issue].why
    assert found["versions"].status == "unknown", "no header tells"


def test_the_hot_pixels_are_those_of_the_frame(found: Findings, mirrored: bool) -> None:
    frame = np.load(FRAME).astype(float)
    for _, row, place in found["MR-LRS02"].figure.pixels:
        c = int(column(place, mirrored))
        beside = max(frame[row - 1, c], frame[row + 1, c])
        assert frame[row, c] > 1.1 * beside, "it stands out along the dispersion"


@pytest.mark.parametrize("away", [-22, -12, -8, 8, 15, 20])
def test_a_second_source_would_be_found(real: SeriesObservation, away: int) -> None:
    case = Case(real, lrs.Recipe.from_observation(real))
    image, light = case.image, np.nan_to_num(case.signal.flux)[:, np.newaxis]
    offset = np.arange(image.shape[1]) - case.on_trace[:, np.newaxis] - away
    wavelength = np.nan_to_num(image.row_wavelength, nan=8.0)[:, np.newaxis]
    star = 0.03 * light * pixel_share(wavelength, offset - 0.5, offset + 0.5)
    edges, source, trace = case.edges, case.source, case.trace
    planted = Case(real, case.recipe)
    planted.__dict__.update(
        image=dataclasses.replace(image, data=image.data + star),
        edges=edges,
        source=source,
        trace=trace,
    )
    finding = second_source.judge(planted)
    assert finding.status == "found", finding.why
    assert finding.evidence[1].value == pytest.approx(3.0, rel=0.35)
    assert finding.evidence[2].value == pytest.approx(source.center + away, abs=1.0)


def test_the_columns_of_the_background_keep_clear_of_the_dip(
    real: SeriesObservation, mirrored: bool
) -> None:
    chosen = real.chosen_columns
    assert chosen is not None
    assert lrs.Recipe.from_observation(real).slitless.columns == chosen.columns
    (left, right) = chosen.columns
    assert right[1] - right[0] == left[1] - left[0] >= 8, "quiet, and balanced"
    dip = sorted(column(c, mirrored) for c in DIP)
    for lower, upper in chosen.columns:
        assert upper < dip[0] or lower > dip[1]
    # Of the sky beside the trace nothing is left by the median of these columns.
    data = real.image().data[250:350]
    used = [c for lower, upper in chosen.columns for c in np.arange(lower + 0.5, upper)]
    seen = np.median(data[:, np.array(used, int)], axis=0)
    assert np.ptp(seen) / np.median(seen) < 0.1
    assert f"{dip[0]:g}" in chosen.why or f"{dip[1]:g}" in chosen.why
    assert "% darker" in chosen.why
    assert "clear of the trace and its wings" in chosen.why


def test_the_remedy_of_the_background_takes_them_and_says_why(real: SeriesObservation) -> None:
    plain = lrs.Recipe.from_observation(real).replace(background=lrs.Background())
    finding = {one.issue: one for one in lrs.diagnose(real, plain)}["background"]
    assert finding.status == "found"
    assert finding.remedy is not None
    chosen = real.chosen_columns
    assert chosen is not None
    assert finding.remedy.slitless.columns == chosen.columns
    assert chosen.why in (finding.advice or "")
