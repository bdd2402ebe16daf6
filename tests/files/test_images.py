"""Reading images: the values and types that the pipeline's own data model gives."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from lrs_explorer import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_header, read_image

from .conftest import Edit

ARRAYS = {
    "data": "data",
    "err": "err",
    "wavelength": "wavelength",
    "var_poisson": "var_poisson",
    "var_rnoise": "var_rnoise",
    "var_flat": "var_flat",
}


def assert_equals_data_model(image: SpectralImage, path: Path, with_dq: bool) -> None:
    from stdatamodels.jwst.datamodels import SlitModel

    arrays = ARRAYS | ({"dq": "dq"} if with_dq else {})
    with SlitModel(path) as model:
        for ours, theirs in arrays.items():
            mine, expected = getattr(image, ours), getattr(model, theirs)
            assert mine.dtype == expected.dtype.newbyteorder("="), ours
            assert mine.dtype.isnative, ours
            assert mine.flags["C_CONTIGUOUS"], ours
            assert mine.tobytes() == np.ascontiguousarray(expected, mine.dtype).tobytes(), ours


def test_s2d_is_bit_equal_to_the_data_model(s2d: Path) -> None:
    image = read_image(s2d)
    assert_equals_data_model(image, s2d, with_dq=False)
    assert image.dq is None
    assert image.kind == "s2d"
    assert image.unit == "MJy/sr"
    assert image.path == s2d
    assert image.shape == (387, 46)
    assert image.row_wavelength[10] > image.row_wavelength[300]


def test_cal_is_bit_equal_to_the_data_model(shared_slit: Path) -> None:
    path = next(shared_slit.glob("*_00002_mirimage_cal.fits.gz"))
    image = read_image(path)
    assert image.shape == (1024, 1032)
    assert image.kind == "cal"
    assert image.dq is not None
    assert_equals_data_model(image, path, with_dq=True)


def test_header_merges_primary_and_image(s2d: Path) -> None:
    image = read_image(s2d)
    with fits.open(s2d) as hdus:
        assert image.pixel_area_sr == hdus["SCI"].header["PIXAR_SR"]
        assert image.header["SRCTYPE"] == hdus["SCI"].header["SRCTYPE"]
        assert image.header["XOFFSET"] == hdus[0].header["XOFFSET"]
    assert "NAXIS1" not in image.header
    assert "EXTNAME" not in image.header
    assert "" not in image.header


def test_a_compressed_image_reads_the_same_whatever_its_name(s2d: Path) -> None:
    plain = read_image(s2d)
    packed = s2d.with_name("renamed.fits")
    packed.write_bytes(gzip.compress(s2d.read_bytes()))
    assert read_image(packed).data.tobytes() == plain.data.tobytes()


def test_missing_variances_are_zero(s2d: Path, edit: Edit) -> None:
    edit(s2d, drop=("VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "ERR"))
    image = read_image(s2d)
    for variance in (image.var_poisson, image.var_rnoise, image.var_flat):
        assert variance.shape == image.shape
        assert not variance.any()
    assert image.err is None


@pytest.mark.parametrize("how", ["dropped", "zero"])
def test_wavelengths_come_from_the_wcs_when_they_are_not_stored(
    s2d: Path, edit: Edit, how: str
) -> None:
    stored = read_image(s2d).wavelength

    def blank(hdus: fits.HDUList) -> None:
        hdus["WAVELENGTH"].data[:] = 0

    if how == "dropped":
        edit(s2d, drop=("WAVELENGTH",))
    else:
        edit(s2d, change=blank)
    computed = read_image(s2d).wavelength
    assert computed.dtype == np.float64
    np.testing.assert_array_equal(computed.astype(np.float32), stored)


def test_no_wavelengths_at_all(s2d: Path, edit: Edit) -> None:
    edit(s2d, drop=("WAVELENGTH", "ASDF"))
    with pytest.raises(LRSExplorerError, match="has no wavelengths: neither"):
        read_image(s2d)


def test_an_unreadable_wcs_is_told(s2d: Path, edit: Edit) -> None:
    def spoil(hdus: fits.HDUList) -> None:
        hdus["ASDF"].data["ASDF_METADATA"][0, :200] = ord("x")

    edit(s2d, drop=("WAVELENGTH",), change=spoil)
    with pytest.raises(LRSExplorerError, match="WCS cannot be read"):
        read_image(s2d)


def test_an_image_along_columns_is_turned(s2d: Path, edit: Edit) -> None:
    upright = read_image(s2d)

    def turn(hdus: fits.HDUList) -> None:
        for hdu in hdus:
            if hdu.is_image and hdu.data is not None and hdu.data.ndim == 2:
                hdu.data = np.ascontiguousarray(hdu.data.T)
        hdus["SCI"].header["DISPAXIS"] = 1

    edit(s2d, change=turn)
    image = read_image(s2d)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(image, name), getattr(upright, name))


def test_units_before_photom(s2d: Path, edit: Edit) -> None:
    def forget(hdus: fits.HDUList) -> None:
        del hdus["SCI"].header["BUNIT"]

    edit(s2d, {"S_PHOTOM": "SKIPPED"}, change=forget)
    assert read_image(s2d).unit == "DN/s"


def test_reading_imports_no_jwst() -> None:
    code = (
        "import sys, lrs_explorer as lrs; lrs.demo('slit').image(); lrs.demo('slit').delivered();"
        "sys.exit(any(m in sys.modules for m in ('jwst', 'stdatamodels', 'asdf', 'crds')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_read_header(s2d: Path) -> None:
    header = read_header(s2d)
    assert header["EXP_TYPE"] == "MIR_LRS-FIXEDSLIT"
    assert header["TITLE"].startswith("SIMULATED (LRS Explorer)")
    assert "BUNIT" not in header
