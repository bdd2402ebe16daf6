"""Spectra of all integrations, light curves and their scatter: numbers known by hand."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from astropy.timeseries import TimeSeries as AstropyTimeSeries

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.series.light_curve import LightCurve, TimeScatter
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.spectrum_file import read_series, write_series

WAVELENGTH = np.array([12.5, 11.0, 8.0, 5.5, 4.5])  # as the pipeline writes them, falling


def series(flux: np.ndarray, **changes: object) -> TimeSeries:
    columns = {name: np.full(flux.shape, 0.5) for name in COLUMN_UNITS}
    columns |= {"WAVELENGTH": WAVELENGTH, "FLUX": flux, "DQ": np.zeros(flux.shape, np.uint32)}
    values: dict[str, object] = {"time": 60000.0 + np.arange(len(flux)), "time_scale": "BJD_TDB"}
    return TimeSeries(columns, **(values | changes))  # type: ignore[arg-type]


def test_the_white_light_curve_sums_the_nominal_range() -> None:
    spectra = series(np.array([[9.0, 1, 2, 4, 7], [9, 2, 4, 8, 7], [9, np.nan, 4, 8, 7]]))
    white = spectra.light_curve()
    assert white.flux.tolist() == [7, 14, 12]  # 5.5, 8 and 11 µm; NaN are left out
    assert white.flux_error is not None
    np.testing.assert_allclose(white.flux_error, np.sqrt(0.75))
    assert spectra.light_curve((4.0, 6.0)).flux.tolist() == [11, 15, 15]
    first, second = spectra.light_curves([4.0, 6.0, 13.0])
    assert second.flux.tolist() == [12, 15, 13]
    assert first.wavelength_range == (4.0, 6.0)
    with pytest.raises(lrs.LRSExplorerError, match=r"no wavelength between 20 and 30 µm"):
        spectra.light_curve((20, 30))


def test_an_integration_without_a_pixel_has_no_flux() -> None:
    white = series(np.array([[1.0] * 5, [np.nan] * 5, [3.0] * 5])).light_curve()
    assert white.flux[[0, 2]].tolist() == [3, 9]
    assert np.isnan(white.flux[1])
    assert np.isnan(white.flux_error[1])
    np.testing.assert_allclose(white.relative[[0, 2]], [0.5, 1.5])


def test_wavelengths_ascend_and_the_table_is_as_in_x1dints() -> None:
    spectra = series(np.arange(10.0).reshape(2, 5))
    assert spectra.wavelength.tolist() == sorted(WAVELENGTH)
    assert spectra.flux[1].tolist() == [9, 8, 7, 6, 5]
    table = spectra.table
    assert table.colnames == ["INT_NUM", "TIME", *COLUMN_UNITS]
    assert table["FLUX"][1].tolist() == [5, 6, 7, 8, 9]
    assert table["TIME"].unit == "d"
    single = spectra.spectrum(1)
    assert single.flux.tolist() == [9, 8, 7, 6, 5]
    assert spectra.median.flux.tolist() == [6.5, 5.5, 4.5, 3.5, 2.5]


def test_the_dynamic_spectrum_is_relative_to_the_median_in_time() -> None:
    flux = np.array([[2.0, 4, 0, 1, 1], [4, 4, 0, 1, 1], [6, 8, 0, 1, np.nan]])
    dynamic = series(flux).dynamic_spectrum
    np.testing.assert_allclose(dynamic[:, 4], [0.5, 1, 1.5])  # 12.5 µm comes last
    np.testing.assert_allclose(dynamic[:, 3], [1, 1, 2])
    assert np.isnan(dynamic[:, 2]).all()  # no flux, no ratio


def test_scatter_of_white_noise_falls_with_the_root_of_the_bin_size() -> None:
    rng = np.random.default_rng(7)
    scatter = TimeScatter.of(1 + 1e-3 * rng.standard_normal(20000))
    assert scatter.point_to_point == pytest.approx(1e-3, rel=0.03)
    assert scatter.rms == pytest.approx(1e-3, rel=0.03)
    small = scatter.bin_sizes < 200
    np.testing.assert_allclose(scatter.binned[small], scatter.white[small], rtol=0.2)


def test_a_drift_shows_in_the_bins_and_not_from_point_to_point() -> None:
    rng = np.random.default_rng(8)
    scatter = TimeScatter.of(1 + np.linspace(-0.01, 0.01, 2000) + 1e-3 * rng.standard_normal(2000))
    assert scatter.point_to_point == pytest.approx(1e-3, rel=0.1)
    assert scatter.rms > 5e-3
    assert scatter.binned[-1] > 5 * scatter.white[-1]


def test_two_integrations_have_no_scatter() -> None:
    scatter = TimeScatter.of(np.array([1.0, np.nan, 2.0]))
    assert np.isnan(scatter.point_to_point)
    assert scatter.bin_sizes.size == 0


def test_a_light_curve_is_a_table_and_an_astropy_series(tmp_path: Path) -> None:
    curve = series(np.arange(15.0).reshape(3, 5)).light_curve()
    curve.table.write(tmp_path / "curve.ecsv")
    again = AstropyTimeSeries.read(
        tmp_path / "curve.ecsv", format="ascii.ecsv", time_column="time", time_format="mjd"
    )
    assert again["flux"].value.tolist() == curve.flux.tolist()
    timeseries = curve.to_timeseries()
    assert timeseries.time.scale == "tdb"
    assert timeseries["flux"].unit == "Jy"
    assert timeseries.time[0] == Time(60000.0, format="mjd", scale="tdb")
    both = series(np.arange(15.0).reshape(3, 5)).to_timeseries()
    assert both["flux"].shape == (3, 5)
    numbered = LightCurve(np.arange(3.0), np.ones(3), (5, 12), "index")
    with pytest.raises(lrs.LRSExplorerError, match="numbered, not timed"):
        numbered.to_timeseries()


def test_specutils_takes_all_spectra_at_once() -> None:
    spectrum = series(np.arange(10.0).reshape(2, 5)).to_specutils()
    assert spectrum.flux.shape == (2, 5)
    assert spectrum.spectral_axis.to_value("um").tolist() == sorted(WAVELENGTH)


def test_delivered_spectra_are_read_with_their_times(shared_slitless: SeriesObservation) -> None:
    delivered = shared_slitless.delivered_series()
    assert delivered is not None
    (path,) = delivered.paths
    with fits.open(path) as hdus:
        table = hdus["EXTRACT1D"].data
        assert np.array_equal(delivered.columns["FLUX"], table["FLUX"], equal_nan=True)
        np.testing.assert_array_equal(delivered.time, table["TDB-MID"])
    assert delivered.time_scale == "BJD_TDB"


def test_the_white_light_curve_is_that_of_the_pipeline(
    shared_slitless: SeriesObservation,
) -> None:
    from astropy.table import QTable

    name = "jw90002-o001_t001_miri_p750l-slitlessprism"
    combined = read_series([shared_slitless.folder / f"{name}_x1dints.fits"])
    table = QTable.read(shared_slitless.folder / f"{name}_whtlt.ecsv")
    curve = combined.light_curve((0.0, 30.0))
    np.testing.assert_allclose(curve.flux, table["whitelight_flux"].value, rtol=1e-12)


def test_an_extension_for_each_integration_is_the_older_layout(
    tmp_path: Path, shared_slitless: SeriesObservation
) -> None:
    delivered = shared_slitless.delivered_series()
    assert delivered is not None
    hdus = fits.HDUList([fits.PrimaryHDU(header=_primary(delivered.paths[0]))])
    hdus[0].header["DATAMODL"] = "MultiSpecModel"
    for i in range(4):
        columns = [
            fits.Column({"FLUX_ERROR": "ERROR", "BKGD_ERROR": "BERROR"}.get(name, name), "D",
                        array=delivered.columns[name] if name == "WAVELENGTH"
                        else delivered.columns[name][i].astype(float))
            for name in COLUMN_UNITS
        ]  # fmt: skip
        table = fits.BinTableHDU.from_columns(columns, name="EXTRACT1D", ver=i + 1)
        table.header["TDB-MID"] = 60000.5 + i
        table.header["MJD-AVG"] = 60000.4 + i
        hdus.append(table)
    path = tmp_path / "jw90002001001_04103_00001-seg001_mirimage_x1dints.fits"
    hdus.writeto(path)
    observation = lrs.open_observation(path)
    assert isinstance(observation, SeriesObservation)
    older = observation.delivered_series()
    assert older is not None
    assert np.array_equal(older.flux, delivered.flux[:4], equal_nan=True)
    assert np.array_equal(older.flux_error, delivered.flux_error[:4], equal_nan=True)
    assert older.time.tolist() == [60000.5, 60001.5, 60002.5, 60003.5]


def _primary(path: Path) -> fits.Header:
    with fits.open(path) as hdus:
        return hdus[0].header.copy()


def test_spectra_of_segments_follow_each_other(
    tmp_path: Path, shared_slitless: SeriesObservation
) -> None:
    delivered = shared_slitless.delivered_series()
    assert delivered is not None
    names = []
    for segment, part in ((2, slice(20, 60)), (1, slice(0, 20))):
        name = f"jw90002001001_04103_00001-seg00{segment}_mirimage_x1dints.fits"
        path = tmp_path / name
        shutil.copy(delivered.paths[0], path)
        path.chmod(0o644)
        with fits.open(path) as hdus:
            hdus[0].header["INTSTART"], hdus[0].header["EXSEGNUM"] = part.start + 1, segment
            hdus["EXTRACT1D"].data = hdus["EXTRACT1D"].data[part]
            hdus.writeto(path, overwrite=True)
        names.append(path)
    together = read_series(names)
    assert np.array_equal(together.flux, delivered.flux, equal_nan=True)
    assert np.array_equal(together.time, delivered.time)


def test_spectra_of_a_series_are_written_as_a_table(tmp_path: Path) -> None:
    spectra = series(np.arange(10.0).reshape(2, 5), notes=("a note",))
    path = write_series(spectra, tmp_path / "spectra.ecsv")
    again = Table.read(path)
    assert np.array_equal(again["FLUX"], spectra.columns["FLUX"])
    assert again["FLUX"].unit == "Jy"
    assert again.meta["notes"] == ["a note"]
    with pytest.raises(lrs.LRSExplorerError, match="exists"):
        write_series(spectra, path)
    with pytest.raises(lrs.LRSExplorerError, match=r"must end in \.ecsv"):
        write_series(spectra, tmp_path / "spectra.fits")


def test_the_command_line_extracts_a_series(tmp_path: Path) -> None:
    folder = Path(lrs.__file__).parent / "data" / "demo_slitless"
    command = [sys.executable, "-m", "lrs_explorer.cli", "extract", str(folder), "-o"]
    done = subprocess.run(
        [*command, str(tmp_path / "all.ecsv"), "--width", "9"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert Table.read(tmp_path / "all.ecsv")["FLUX"].shape == (30, 388)
    refused = subprocess.run([*command, str(tmp_path / "all.fits")], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "must end in .ecsv" in refused.stderr
