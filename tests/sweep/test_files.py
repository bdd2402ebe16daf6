"""The systematic error in the spectrum's file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from specutils import Spectrum
from stdatamodels.jwst import datamodels

import lrs_explorer as lrs
from lrs_explorer.model.files.image_file import read_spectrum, write_spectrum
from lrs_explorer.model.sweep.sweep import Sweep


@pytest.fixture(scope="module")
def found() -> Sweep:
    """Return a sweep in which a variant fails, and an optimal one has fewer wavelengths."""
    return lrs.sweep(
        lrs.demo("slit"),
        lrs.Recipe(aperture=lrs.Aperture(18.3, 8.0)),
        choices={"width": [7, 8, 9], "center": [None, 99], "extraction_type": ["box", "optimal"]},
    )


@pytest.fixture
def written(found: Sweep, tmp_path: Path) -> Path:
    return write_spectrum(found.spectrum, tmp_path / "mine_x1d.fits")


def test_python_writes_and_reads_it(found: Sweep, tmp_path: Path) -> None:
    path = found.write(tmp_path / "mine_x1d.fits")
    again = lrs.open_observation(path).delivered()
    assert again is not None
    assert again.systematic is not None
    np.testing.assert_array_equal(again.systematic.error, found.systematic.error)
    with pytest.raises(lrs.LRSExplorerError, match="exists; choose another name"):
        found.write(path)


def test_it_reads_back(found: Sweep, written: Path) -> None:
    spectrum = read_spectrum(written)
    again, before = spectrum.systematic, found.systematic
    assert again is not None
    for name in ("wavelength", "flux", "low", "high", "error", "together"):
        np.testing.assert_array_equal(getattr(again, name), getattr(before, name), err_msg=name)
    for name in ("parts", "with_others"):
        one, other = getattr(again, name), getattr(before, name)
        assert list(one) == list(other)
        for choice in other:
            np.testing.assert_array_equal(one[choice], other[choice])
    assert (again.unit, again.values, again.variants) == ("Jy", before.values, before.variants)
    assert again.failed == before.failed
    assert again.sentence == before.sentence
    assert list(map(dataclasses.astuple, again.bins)) == list(map(dataclasses.astuple, before.bins))
    assert spectrum.notes == ()


def test_what_the_extension_holds(found: Sweep, written: Path) -> None:
    with fits.open(written) as hdus:
        assert [hdu.name for hdu in hdus][:2] == ["PRIMARY", "EXTRACT1D"]
        table, own = hdus["SYSTEMATIC"], hdus["EXTRACT1D"].data
        np.testing.assert_array_equal(table.data["WAVELENGTH"], own["WAVELENGTH"])
        good = np.isfinite(table.data["ERROR"])
        parts = sum(table.data[n] ** 2 for n in ("CENTER", "WIDTH", "EXTRACTION_TYPE", "TOGETHER"))
        np.testing.assert_allclose(parts[good], table.data["ERROR"][good] ** 2, rtol=1e-6)
        assert table.header["NVARIANT"] == 6
        assert table.header["NFAILED"] == 6
        assert table.header["CHOICE2"] == "width"
        assert table.header["VALUES2"] == "7, 8, 9"
        assert "lies outside the image" in table.header["FAIL1"]
        assert len(hdus["SYSTEMATIC_BINS"].data) == 7
        assert any("systematic error by 6 variants" in line for line in hdus[0].header["HISTORY"])
        hdus.verify("exception")


def test_others_open_it(found: Sweep, written: Path) -> None:
    opened = Spectrum.read(written)
    np.testing.assert_array_equal(opened.flux.to_value("Jy"), found.spectrum.columns["FLUX"])
    with datamodels.open(written) as model:
        assert isinstance(model, datamodels.MultiSpecModel)
        (one,) = model.spec
        np.testing.assert_array_equal(one.spec_table["FLUX"], found.spectrum.columns["FLUX"])


def test_a_table(found: Sweep, tmp_path: Path) -> None:
    table = Table.read(write_spectrum(found.spectrum, tmp_path / "mine.ecsv"))
    np.testing.assert_array_equal(table["WAVELENGTH"], found.spectrum.columns["WAVELENGTH"])
    error = np.ma.filled(table["SYSTEMATIC_ERROR"][::-1], np.nan)
    np.testing.assert_array_equal(error, found.systematic.error)
    assert table["SYSTEMATIC_WIDTH"].unit == "Jy"
    told = table.meta["systematic"]
    assert told["values"]["width"] == ["7", "8", "9"]
    assert told["bins"]["ERROR"][0] == found.systematic.bins[0].error


def test_a_file_without_one(tmp_path: Path) -> None:
    spectrum = lrs.extract(lrs.demo("slit"))
    path = write_spectrum(spectrum, tmp_path / "mine_x1d.fits")
    with fits.open(path) as hdus:
        assert "SYSTEMATIC" not in hdus
    assert read_spectrum(path).systematic is None


@pytest.mark.parametrize("damage", ["column", "card", "rows", "unit"])
def test_what_cannot_be_read_is_left_out(written: Path, found: Sweep, damage: str) -> None:
    with fits.open(written, mode="update") as hdus:
        table = hdus["SYSTEMATIC"]
        if damage == "column":
            table.columns.change_name("HIGH", "TALL")
        elif damage == "card":
            del table.header["NVARIANT"]
        elif damage == "rows":
            table.data["WAVELENGTH"][3] += 0.1
        else:
            for number in range(1, 8):
                table.header[f"TUNIT{number}"] = "mJy"
    spectrum = read_spectrum(written)
    assert spectrum.systematic is None
    assert "systematic error (extension SYSTEMATIC) cannot be read" in spectrum.notes[0]
    np.testing.assert_array_equal(spectrum.flux, found.spectrum.flux)


def test_the_table_of_bins(found: Sweep) -> None:
    table = found.table()
    assert list(table["wavelength_low"]) == list(range(5, 12))
    assert table["error"].unit == "Jy"
    total = table["width"] + table["center"] + table["extraction_type"] + table["together"]
    np.testing.assert_allclose(total, 1)
    assert (table["width_with_others"] >= table["width"] - 1e-12).all()
