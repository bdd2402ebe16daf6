"""Segments become one series in time order, read in pieces; what is wrong is said in a sentence."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import wavelength_at_row
from lrs_explorer.model.observation.series import SeriesObservation

from .series_files import (
    DAYS,
    N_CROSS,
    N_WAVE,
    START,
    data_of,
    int_times,
    pixel,
    write_segment,
)


def opened(path: Path) -> SeriesObservation:
    observation = lrs.open_observation(path)
    assert isinstance(observation, SeriesObservation)
    return observation


def test_segments_are_one_series_in_time_order(three_segments: list[Path]) -> None:
    series = opened(three_segments[0].parent).series()
    assert series.shape == (15, N_WAVE, N_CROSS)
    assert series.paths == tuple(sorted(three_segments))
    assert series.time_scale == "BJD_TDB"
    np.testing.assert_allclose(series.time, START + 0.01 + (np.arange(15) + 0.5) * DAYS, atol=1e-9)
    for integration in range(15):
        assert series.image(integration).data[7, 5] == pixel(integration, 7, 5)
    assert series.notes == ()


def test_opening_any_segment_opens_all(three_segments: list[Path]) -> None:
    assert len(opened(three_segments[0]).series()) == 15


def test_pieces_cross_segments_and_add_up(three_segments: list[Path]) -> None:
    series = opened(three_segments[0].parent).series()
    piece = series.read(3, 12, slice(4, 9))
    assert np.array_equal(piece.data, data_of(3, 9)[:, 4:9])
    walked = np.concatenate([chunk.data for chunk in series.chunks(size=2)])
    assert np.array_equal(walked, data_of(0, 15))
    firsts = [chunk.first for chunk in series.chunks(size=2)]
    assert firsts == [0, 2, 4, 5, 7, 9, 11, 13]  # a piece ends where its file does


def test_a_compressed_segment_is_read_the_same(three_segments: list[Path]) -> None:
    path = three_segments[0]
    with path.open("rb") as plain, gzip.open(f"{path}.gz", "wb") as packed:
        shutil.copyfileobj(plain, packed)
    path.unlink()
    series = opened(path.parent).series()
    assert np.array_equal(series.read(0, 15).data, data_of(0, 15))


def test_statistics_leave_flagged_pixels_out(tmp_path: Path) -> None:
    dq = np.zeros((5, N_WAVE, N_CROSS))
    dq[4, 10, 3] = 1  # DO_NOT_USE: the largest value of this pixel
    dq[:, 11, 4] = 1
    dq[4, 12, 5] = 4  # JUMP_DET alone counts
    series = opened(write_segment(tmp_path, dq=dq)).series()
    median = series.statistic("median").data
    assert median[10, 3] == pixel(1, 10, 3) + 5000  # between the second and third of four
    assert np.isnan(median[11, 4])
    assert median[12, 5] == pixel(2, 12, 5)
    assert series.statistic("mean").data[12, 5] == pixel(2, 12, 5)
    assert series.statistic("std").data[12, 5] == pytest.approx(10000 * np.sqrt(2))
    assert series.difference(3).data[12, 5] == 10000
    assert series.image(4).dq[12, 5] == 4
    with pytest.raises(lrs.LRSExplorerError, match="no image 'mode'"):
        series.statistic("mode")


def test_a_typical_image_needs_a_pixel_in_some_integrations_only(tmp_path: Path) -> None:
    path = write_segment(tmp_path)
    with fits.open(path, mode="update") as hdus:  # as outlier_detection leaves a cosmic ray
        hdus["DQ"].data[2, 10, 3] = 1 | 16
        for name in ("SCI", "ERR", "VAR_POISSON", "VAR_RNOISE"):
            hdus[name].data[2, 10, 3] = np.nan
        hdus["DQ"].data[:, 11, 4] = 1
    typical = opened(path).series().typical
    assert typical.data[10, 3] == np.median([pixel(i, 10, 3) for i in (0, 1, 3, 4)])
    assert (typical.var_poisson[10, 3], typical.var_rnoise[10, 3]) == (4.0, 1.0)
    assert np.isnan([typical.data[11, 4], typical.var_poisson[11, 4]]).all()
    assert typical.dq is not None
    assert (typical.dq[10, 3], typical.dq[11, 4]) == (0, 1)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (int_times(0, 0), "is empty"),
        (None, "is missing"),
        (int_times(0, 3), "has 3 rows for 5 integrations"),
        (int_times(0, 5)[::-1], "does not rise"),
        (int_times(40, 9), "lacks these integrations"),
    ],
)
def test_without_usable_int_times_times_follow_from_the_header(
    tmp_path: Path, table: np.ndarray | None, reason: str
) -> None:
    series = opened(write_segment(tmp_path, first=20, table=table)).series()
    assert series.time_scale == "UTC"
    np.testing.assert_allclose(series.time, START + (20.5 + np.arange(5)) * DAYS, atol=1e-9)
    (note,) = series.notes
    assert "EXPSTART + n × EFFINTTM" in note
    assert reason in note


def test_a_table_of_the_whole_exposure_serves_each_segment(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0, 5, table=int_times(0, 9))
    write_segment(tmp_path, 2, 5, 4, table=int_times(0, 9))
    series = opened(tmp_path).series()
    np.testing.assert_allclose(np.diff(series.time), DAYS, atol=1e-9)
    assert series.notes == ()


def test_without_any_time_integrations_are_numbered(tmp_path: Path) -> None:
    series = opened(write_segment(tmp_path, table=None, cards={"EXPSTART": None})).series()
    assert series.time_scale == "index"
    assert series.time.tolist() == [0, 1, 2, 3, 4]
    assert "numbered, not timed" in series.notes[0]


def test_missing_segments_are_noted(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0, 5, cards={"EXSEGTOT": 3})
    write_segment(tmp_path, 3, 9, 6, cards={"EXSEGTOT": 3})
    series = opened(tmp_path).series()
    assert len(series) == 11
    assert "integrations 6 to 9 are missing" in series.notes[0]
    assert "2 of 3 segments" in series.notes[1]


def test_segments_with_the_same_integrations_are_refused(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0, 5)
    write_segment(tmp_path, 2, 3, 4)
    with pytest.raises(lrs.LRSExplorerError, match="both hold integrations 4 to 5"):
        opened(tmp_path).series()


def test_segments_of_different_shapes_are_refused(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0, 5)
    write_segment(tmp_path, 2, 5, 4, data=np.ones((4, N_WAVE, N_CROSS + 1), np.float32))
    with pytest.raises(lrs.LRSExplorerError, match="different sizes"):
        opened(tmp_path).series()


def test_a_segment_without_its_calints_is_noted(tmp_path: Path) -> None:
    write_segment(tmp_path, 1, 0, 5)
    write_segment(tmp_path, 1, 0, 5, kind="rateints")
    write_segment(tmp_path, 2, 5, 4, kind="rateints")
    observation = opened(tmp_path)
    assert len(observation.series()) == 5
    assert "segment 2 of jw90077-o001 has no calints" in observation.series().notes[0]
    assert len(observation.series("rateints")) == 9


def test_rateints_take_wavelengths_from_calints_or_the_published_solution(tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    shape = (3, 416, 72)
    path = write_segment(alone, kind="rateints", data=np.ones(shape, np.float32), count=3)
    series = opened(path).series()
    assert series.nominal_wavelengths
    assert series.wavelength[287, 36] == pytest.approx(wavelength_at_row(287, "slitless"))
    assert np.isnan(series.wavelength[0]).all()
    write_segment(alone, data=np.ones(shape, np.float32), count=3)
    beside = opened(alone).series("rateints")
    assert not beside.nominal_wavelengths
    assert beside.wavelength[287, 36] == opened(alone).series().wavelength[287, 36]


def test_one_integration_is_a_series(tmp_path: Path) -> None:
    series = opened(write_segment(tmp_path, count=1)).series()
    assert series.shape == (1, N_WAVE, N_CROSS)
    folder = tmp_path / "flat"
    folder.mkdir()
    path = write_segment(folder, count=1, data=data_of(0, 1)[0])
    assert opened(path).series().image(0).data[7, 5] == pixel(0, 7, 5)


def test_a_series_without_any_pixel_is_refused(tmp_path: Path) -> None:
    data = np.full((5, N_WAVE, N_CROSS), np.nan, np.float32)
    with pytest.raises(lrs.LRSExplorerError, match="no usable pixel in 5 integrations"):
        opened(write_segment(tmp_path, data=data)).image()


def test_a_file_that_changed_is_noticed_while_reading(three_segments: list[Path]) -> None:
    series = opened(three_segments[0].parent).series()
    first = series.paths[0]
    first.write_bytes(first.read_bytes()[:9000])
    with pytest.raises(lrs.LRSExplorerError, match="truncated or damaged"):
        series.image(4)
    first.unlink()
    with pytest.raises(lrs.LRSExplorerError, match="cannot be read any more"):
        series.image(0)


def test_no_number_beyond_the_last_integration(three_segments: list[Path]) -> None:
    series = opened(three_segments[0].parent).series()
    with pytest.raises(lrs.LRSExplorerError, match="15 integrations, no number 16"):
        series.image(15)
    with pytest.raises(lrs.LRSExplorerError, match="no kind of time series"):
        opened(three_segments[0].parent).series("s2d")


def test_spectra_alone_open_and_say_what_is_missing(tmp_path: Path, shared_data: Path) -> None:
    name = "jw90002001001_04103_00001-seg001_mirimage_x1dints.fits"
    shutil.copy(shared_data / "slitless-90002" / name, tmp_path)
    observation = opened(tmp_path / name)
    delivered = observation.delivered_series()
    assert delivered is not None
    assert delivered.flux.shape == (60, 388)
    with pytest.raises(lrs.LRSExplorerError, match="no calints to show"):
        observation.series()
    assert not observation.can_reprocess["extract_1d"]


def test_what_other_projects_made_opens(shared_data: Path) -> None:
    observation = opened(shared_data / "third_party" / "eureka")
    for kind in ("rateints", "calints"):
        series = observation.series(kind)
        assert series.shape == (4, 416, 72)
        assert series.unit == "DN/s"
        assert "INT_TIMES table" in series.notes[0]
        assert np.diff(series.time) * 86400 == pytest.approx(47.712, abs=1e-3)
