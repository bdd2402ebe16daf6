"""Spectra of the layouts that pipelines have written, and writing our own."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS, Spectrum
from lrs_explorer.model.files import disk
from lrs_explorer.model.files.image_file import read_spectrum, write_spectrum, write_text

from .conftest import Edit


def rebuilt(edit: Edit, path: Path, names: dict[str, str]) -> None:
    """Rewrite the table with some of its columns, under the given names."""

    def change(hdus: fits.HDUList) -> None:
        table = hdus["EXTRACT1D"]
        columns = [
            fits.Column(new, format=table.columns[old].format, bzero=table.columns[old].bzero,
                        unit=table.columns[old].unit, array=table.data[old])
            for new, old in names.items()
        ]  # fmt: skip
        index = hdus.index_of("EXTRACT1D")
        hdus[index] = fits.BinTableHDU.from_columns(columns, name="EXTRACT1D")

    edit(path, change=change)


def test_columns_are_those_of_the_file(x1d: Path) -> None:
    spectrum = read_spectrum(x1d)
    with fits.open(x1d) as hdus:
        table = hdus["EXTRACT1D"].data
        assert list(spectrum.columns) == list(COLUMN_UNITS) == list(table.names)
        for name, values in spectrum.columns.items():
            np.testing.assert_array_equal(values, table[name])
            assert values.dtype.isnative
        assert spectrum.columns["DQ"].dtype == np.uint32
        assert spectrum.header["EXTRXSTR"] == hdus["EXTRACT1D"].header["EXTRXSTR"]
    assert spectrum.origin == "delivered"
    assert spectrum.unit == "Jy"
    assert spectrum.notes == ()
    assert np.all(np.diff(spectrum.wavelength) > 0)


def test_layout_before_variances(x1d: Path, edit: Edit) -> None:
    new = read_spectrum(x1d)
    rebuilt(
        edit,
        x1d,
        {
            "WAVELENGTH": "WAVELENGTH", "FLUX": "FLUX", "ERROR": "FLUX_ERROR",
            "SURF_BRIGHT": "SURF_BRIGHT", "SB_ERROR": "SB_ERROR", "DQ": "DQ",
            "BACKGROUND": "BACKGROUND", "BERROR": "BKGD_ERROR", "NPIXELS": "NPIXELS",
        },
    )  # fmt: skip
    old = read_spectrum(x1d)
    assert list(old.columns) == list(COLUMN_UNITS)
    np.testing.assert_array_equal(old.flux_error, new.flux_error)
    np.testing.assert_array_equal(old.column("BKGD_ERROR"), new.column("BKGD_ERROR"))
    assert np.isnan(old.column("FLUX_VAR_POISSON")).all()
    assert old.table["FLUX"].unit == "Jy"


def test_further_columns_and_another_order(x1d: Path, edit: Edit) -> None:
    new = read_spectrum(x1d)
    names = {name: name for name in reversed(COLUMN_UNITS)}
    rebuilt(edit, x1d, {"EXTRA": "FLUX", **names})
    np.testing.assert_array_equal(read_spectrum(x1d).flux, new.flux)


@pytest.mark.parametrize("bad", ["nan", "zero", "repeated"])
def test_ends_without_wavelengths_of_their_own(x1d: Path, edit: Edit, bad: str) -> None:
    whole = read_spectrum(x1d)

    def spoil(hdus: fits.HDUList) -> None:
        wavelength = hdus[1].data["WAVELENGTH"]
        for rows, good in ((slice(None, 3), wavelength[3]), (slice(-3, None), wavelength[-4])):
            wavelength[rows] = {"nan": np.nan, "zero": 0.0, "repeated": good}[bad]

    edit(x1d, change=spoil)
    spectrum = read_spectrum(x1d)
    np.testing.assert_array_equal(spectrum.wavelength, whole.wavelength[3:-3])
    np.testing.assert_array_equal(spectrum.flux, whole.flux[3:-3])
    assert len(spectrum.table) == len(whole.wavelength)
    assert spectrum.to_specutils().shape == spectrum.flux.shape


def test_without_dq(x1d: Path, edit: Edit) -> None:
    rebuilt(edit, x1d, {"WAVELENGTH": "WAVELENGTH", "FLUX": "FLUX"})
    dq = read_spectrum(x1d).column("DQ")
    assert dq.dtype == np.uint32
    assert not dq.any()


def test_several_spectra(x1d: Path, edit: Edit) -> None:
    first = read_spectrum(x1d)

    def double(hdus: fits.HDUList) -> None:
        again = hdus["EXTRACT1D"].copy()
        again.data["FLUX"] *= 2
        hdus.insert(2, again)

    edit(x1d, change=double)
    spectrum = read_spectrum(x1d)
    np.testing.assert_array_equal(spectrum.flux, first.flux)
    assert spectrum.notes == (f"{x1d.name} holds 2 spectra; the first is shown.",)


def test_a_spectrum_of_nothing_is_noted(x1d: Path, edit: Edit) -> None:
    def blank(hdus: fits.HDUList) -> None:
        hdus["EXTRACT1D"].data["FLUX"] = np.nan

    edit(x1d, change=blank)
    assert read_spectrum(x1d).notes == (f"{x1d.name} holds no finite flux.",)


@pytest.mark.parametrize("model", ["TSOMultiSpecModel", "MultiSpecModel"])
def test_time_series_are_refused(x1d: Path, edit: Edit, model: str) -> None:
    path = edit(
        x1d,
        {"EXP_TYPE": "MIR_LRS-SLITLESS", "DATAMODL": model},
        to=x1d.with_name("some_x1dints.fits"),
    )
    with pytest.raises(lrs.LRSExplorerError, match="is a time series of spectra"):
        read_spectrum(path)


# Writing ----------------------------------------------------------------------------------------


@pytest.fixture
def live(x1d: Path) -> Spectrum:
    """Return a spectrum as a live extraction would give it."""
    read = read_spectrum(x1d)
    with fits.open(x1d.parents[1] / "observation" / x1d.name.replace("x1d", "s2d")) as hdus:
        image = {**hdus["SCI"].header, **hdus[0].header}
    return dataclasses.replace(
        read,
        origin="live",
        header=image
        | dict(read.header)
        | {"recipe": {"mode": "slit"}, "limits": (1.5, 2.5), "NAN": float("nan")},
        notes=("offset −0.1″, λ > 5 µm",),
    )


def test_written_spectra_read_back_exactly(live: Spectrum, tmp_path: Path) -> None:
    path = write_spectrum(live, tmp_path / "mine_x1d.fits")
    again = read_spectrum(path)
    for name, values in live.columns.items():
        np.testing.assert_array_equal(again.columns[name], values)
        assert again.columns[name].dtype == values.dtype
    assert again.header["TARGNAME"] == live.header["TARGNAME"]
    assert again.header["XOFFSET"] == live.header["XOFFSET"]


def test_written_spectra_tell_where_they_come_from(live: Spectrum, tmp_path: Path) -> None:
    path = write_spectrum(live, tmp_path / "mine_x1d.fits")
    with fits.open(path) as hdus:
        header = hdus[0].header
        assert header["FILENAME"] == "mine_x1d.fits"
        assert header["LRSXVER"] == lrs.__version__
        assert header["LRSXORIG"] == "live"
        assert header["LRSXSRC"] == live.path.name  # name only: paths are nobody's business
        assert json.loads(header["LRSXRCP"]) == {"mode": "slit"}
        history = list(header["HISTORY"])
        assert "limits: [1.5, 2.5]" in history
        assert any(line.startswith("note: offset") for line in history)
        assert "PHOTMJSR" not in header
        table = hdus["EXTRACT1D"]
        assert table.header["EXTRXSTR"] == live.header["EXTRXSTR"]
        assert [c.unit or "" for c in table.columns] == list(COLUMN_UNITS.values())


def test_what_was_extracted_tells_by_which_recipe_and_of_what(tmp_path: Path) -> None:
    demo = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(demo).replace(
        aperture=lrs.Aperture(18.3, 8.0), uncertainty=lrs.Uncertainty("bootstrap", 20)
    )
    path = write_spectrum(lrs.extract(demo, recipe), tmp_path / "mine_x1d.fits")
    header = fits.getheader(path)
    assert lrs.Recipe.from_dict(json.loads(header["LRSXRCP"])) == recipe
    assert header["LRSXSRC"] == demo.image_path(recipe.nods).name
    assert not any("recipe" in line or "source" in line for line in header["HISTORY"])
    assert any("bootstrap" in line and "?" not in line for line in header["HISTORY"])


def test_written_spectra_open_in_jwst_tools(live: Spectrum, tmp_path: Path) -> None:
    from specutils import Spectrum as SpecutilsSpectrum
    from stdatamodels.jwst import datamodels

    path = write_spectrum(live, tmp_path / "mine_x1d.fits")
    with datamodels.open(path) as model:
        assert type(model) is datamodels.MultiSpecModel
        assert model.meta.exposure.type == "MIR_LRS-FIXEDSLIT"
        np.testing.assert_array_equal(model.spec[0].spec_table["FLUX"], live.columns["FLUX"])
        assert model.spec[0].source_type == "POINT"
    opened = SpecutilsSpectrum.read(path)
    np.testing.assert_array_equal(opened.flux.value, live.columns["FLUX"])
    assert str(opened.flux.unit) == "Jy"


def test_a_table_with_units(live: Spectrum, tmp_path: Path) -> None:
    path = write_spectrum(live, tmp_path / "mine.ecsv")
    table = Table.read(path)
    assert table.colnames == list(COLUMN_UNITS)
    assert table["SURF_BRIGHT"].unit == "MJy/sr"
    np.testing.assert_array_equal(table["FLUX"], live.columns["FLUX"])
    assert table.meta["LRSXORIG"] == "live"
    assert table.meta["notes"] == list(live.notes)


def test_a_saved_spectrum_is_not_taken_for_the_delivered_one(slit: Path) -> None:
    observation = lrs.open_observation(slit)
    delivered = observation.delivered()
    assert delivered is not None
    name = "jw90010001001_03102_00001_mirimage_aperture_x1d.fits"
    write_spectrum(dataclasses.replace(delivered, origin="live"), slit / name)
    again = lrs.open_observation(slit)
    assert again.products["x1d"] == observation.products["x1d"]
    assert [path.name for path in again.products["live"]] == [name]


@pytest.mark.parametrize("name", ["mine.fits", "mine.ecsv"])
def test_nothing_is_overwritten_unasked(live: Spectrum, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("precious")
    with pytest.raises(lrs.LRSExplorerError, match="exists; choose another name"):
        write_spectrum(live, path)
    assert path.read_text() == "precious"
    write_spectrum(live, path, overwrite=True)
    assert path.stat().st_size > 10_000


def test_an_unknown_format(live: Spectrum, tmp_path: Path) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=r"must end in \.fits"):
        write_spectrum(live, tmp_path / "mine.csv")


def test_a_folder_is_no_file_name(live: Spectrum, tmp_path: Path) -> None:
    (tmp_path / "a.fits").mkdir()
    with pytest.raises(lrs.LRSExplorerError, match="is a folder"):
        write_spectrum(live, tmp_path / "a.fits", overwrite=True)


def test_no_such_folder(live: Spectrum, tmp_path: Path) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="could not be written: no such file"):
        write_spectrum(live, tmp_path / "nowhere" / "a.fits")


def full_disk(*_: object, **__: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    "write",
    [
        lambda path, live: write_spectrum(live, path.with_suffix(".fits"), overwrite=True),
        lambda path, live: write_spectrum(live, path.with_suffix(".ecsv"), overwrite=True),
        lambda path, _: write_text(path.with_suffix(".json"), "{}", overwrite=True),
    ],
)
def test_a_full_disk_harms_nothing(
    live: Spectrum,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    write: Callable[[Path, Spectrum], Path],
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    for ending in (".fits", ".ecsv", ".json"):
        (folder / f"mine{ending}").write_text("precious")
    monkeypatch.setattr(disk.os, "replace", full_disk)
    with pytest.raises(lrs.LRSExplorerError, match="could not be written: no space left"):
        write(folder / "mine", live)
    assert {p.read_text() for p in folder.iterdir()} == {"precious"}
    assert len(list(folder.iterdir())) == 3


def test_text_is_written_whole(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.json", "µ\n")
    assert path.read_text(encoding="utf-8") == "µ\n"
    with pytest.raises(lrs.LRSExplorerError, match="exists"):
        write_text(path, "")
