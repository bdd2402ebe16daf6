"""Exposures and visits of one target are series of their own, and one series only when asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.observation.opening import list_observations
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.series.light_curve import TimeScatter
from lrs_explorer.model.series.time import SegmentTimes, breaks, time_axis

from .series_files import DAYS, START, int_times, write_segment

LATER = 0.3
"""Days from the first visit to the second."""


def write_visit(folder: Path, visit: int, segment: int = 1, first: int = 0, count: int = 5) -> Path:
    """Write a segment of a visit, named as the archive does."""
    table = int_times(first, count)
    for name in table.dtype.names[1:]:
        table[name] += (visit - 1) * LATER
    cards = {"VISIT": f"{visit:03d}", "EXPSTART": START + (visit - 1) * LATER, "TSOVISIT": True}
    made = folder / "made"
    made.mkdir()
    path = write_segment(made, segment, first, count, table=table, cards=cards)
    moved = path.rename(folder / path.name.replace("077001001_", f"077001{visit:03d}_"))
    made.rmdir()
    return moved


@pytest.fixture
def two_visits(tmp_path: Path) -> Path:
    """Return a folder with a visit in two segments, and another in one."""
    write_visit(tmp_path, 2)
    write_visit(tmp_path, 1, 2, 5, 4)
    write_visit(tmp_path, 1, 1, 0, 5)
    return tmp_path


def opened(path: Path | list[Path], *, join: bool = False) -> SeriesObservation:
    observation = lrs.open_observation(path, join=join)
    assert isinstance(observation, SeriesObservation)
    return observation


def test_a_folder_opens_the_first_exposure_with_all_its_segments_and_names_the_other(
    two_visits: Path,
) -> None:
    observation = opened(two_visits)
    assert len(observation.series()) == 9
    assert observation.name == "jw90077001001_04103_00001"
    (note,) = observation.notes
    assert "visit 2, exposure 1" in note
    assert "jw90077001002_04103_00001-seg001_mirimage_calints.fits" in note
    assert "join=True" in note


def test_any_file_opens_its_own_exposure(two_visits: Path) -> None:
    second = opened(next(two_visits.glob("*001002_*")))
    assert len(second.series()) == 5
    assert second.series().time[0] > START + LATER
    assert len(opened(next(two_visits.glob("*001001_*seg002*"))).series()) == 9


def test_joined_exposures_are_one_series_with_a_gap(two_visits: Path) -> None:
    observation = opened(two_visits, join=True)
    series = observation.series()
    assert len(series) == 14
    assert observation.name == "jw90077-o001"
    assert observation.notes == ("2 exposures are joined here to one time series.",)
    assert breaks(series.time).tolist() == [9]
    assert opened(next(two_visits.glob("*001002_*")), join=True).series().paths == series.paths


def test_files_of_two_exposures_need_a_word(two_visits: Path) -> None:
    files = sorted(two_visits.glob("*.fits"))
    with pytest.raises(lrs.LRSExplorerError, match=r"different exposures.*join=True"):
        lrs.open_observation(files)
    assert len(opened(files, join=True).series()) == 14


def test_observations_of_one_target_are_joined_when_asked(two_visits: Path) -> None:
    for path in two_visits.glob("*001002_*"):
        fits.setval(path, "OBSERVTN", value="002")
        path.rename(two_visits / path.name.replace("077001002_", "077002001_"))
    files = sorted(two_visits.glob("*.fits"))
    for source in (two_visits, files):
        with pytest.raises(lrs.LRSExplorerError, match="observations"):
            lrs.open_observation(source)
        assert len(opened(source, join=True).series()) == 14
    for number, path in enumerate(files):
        fits.setval(path, "TARGNAME", value="A" if number else "B")
    with pytest.raises(lrs.LRSExplorerError, match="different targets are no one time series"):
        opened(two_visits, join=True)


def test_the_command_line_lists_them_apart_and_joined(
    two_visits: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert [one.reduction for one in list_observations(two_visits)] == [
        "visit 1, exposure 1",
        "visit 2, exposure 1",
    ]
    assert main(["inspect", str(two_visits), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert main(["inspect", str(two_visits), "--json", "--join"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert len(entry["products"]["calints"]) == 3


def test_spectra_of_two_exposures_in_different_units_are_not_joined(tmp_path: Path) -> None:
    write_visit(tmp_path, 1)
    path = write_visit(tmp_path, 2)
    fits.setval(path, "BUNIT", value="DN/s", extname="SCI")
    with pytest.raises(lrs.LRSExplorerError, match=r"different units \(MJy/sr, DN/s\)"):
        opened(tmp_path, join=True).series()


def test_scatter_does_not_reach_across_a_gap() -> None:
    rng = np.random.default_rng(3)
    run = 1 + 1e-3 * rng.standard_normal(60)
    other = 1.1 + 1e-3 * rng.standard_normal(60)  # another visit, another level
    flux = np.concatenate([run, other])
    whole, apart = TimeScatter.of(flux), TimeScatter.of(flux, [60])
    assert whole.binned[-1] > 0.01 > 10 * apart.binned[-1]
    alone = TimeScatter.of(run)
    assert apart.bin_sizes.tolist() == alone.bin_sizes.tolist()
    assert TimeScatter.of(run).binned.tolist() == TimeScatter.of(run, []).binned.tolist()


def test_a_missing_integration_is_a_gap_and_jitter_is_none() -> None:
    time = START + np.arange(20) * DAYS
    assert not breaks(time + 0.2 * DAYS * (np.arange(20) % 2)).size
    assert breaks(np.delete(time, 7)).tolist() == [7]
    assert not breaks(time[:1]).size


@pytest.mark.parametrize(("known", "scale"), [(True, "UTC"), (False, "index")])
def test_exposures_without_times_of_integrations_do_not_lie_on_each_other(
    known: bool, scale: str
) -> None:
    segments = [
        SegmentTimes(
            f"visit{visit}",
            4,
            None,
            {"VISIT": visit, "INTSTART": 3}
            | ({"EXPSTART": START + visit, "EFFINTTM": 8.64} if known else {}),
        )
        for visit in (1, 2)
    ]
    axis = time_axis(segments)
    assert axis.scale == scale
    assert (np.diff(axis.values) > 0).all()
    if known:  # the third integration of each exposure is its first here
        np.testing.assert_allclose(axis.values[[0, 4]] - START, [1.00025, 2.00025], atol=1e-9)
