"""Every bad file is told in one sentence, and nothing else is raised."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.files.image_file import read_header, read_image, read_json, read_spectrum

from .conftest import Edit


def message(action: Callable[[], object]) -> str:
    """Return what the user is told: one line, not long."""
    with pytest.raises(lrs.LRSExplorerError) as caught:
        action()
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


def open_image(path: Path) -> object:
    return lrs.open_observation(path).image()


def test_no_such_file(tmp_path: Path) -> None:
    path = tmp_path / "none.fits"
    for action in (read_header, read_image, read_spectrum, lrs.open_observation):
        assert message(lambda action=action: action(path)) == (
            f"{path} does not exist; check the path."
        )


def test_an_impossible_path() -> None:
    assert "not a valid path" in message(lambda: lrs.open_observation("a\0b.fits"))
    assert "not a valid path" in message(lambda: read_json("a\0b.json"))
    assert "not a valid path" in message(lambda: lrs.Recipe().to_json("a\0b.json"))
    assert "cannot be read" in message(lambda: lrs.open_observation("x" * 5000))
    assert "cannot be read" in message(lambda: read_json("x" * 5000 + ".json"))
    assert "could not be written" in message(lambda: lrs.Recipe().to_json("x" * 5000 + ".json"))


@pytest.mark.parametrize("value", [None, 5, [5], [None]])
def test_no_path_at_all(value: object) -> None:
    assert "neither a path nor several paths" in message(lambda: lrs.open_observation(value))


def test_an_empty_list() -> None:
    assert "no file was given" in message(lambda: lrs.open_observation([]))


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "jw01536027001_03102_00001_mirimage_s2d.fits"
    path.touch()
    assert "is empty (0 bytes)" in message(lambda: lrs.open_observation(path))


@pytest.mark.parametrize("content", [b"<html>log in</html>", b"\x89PNG\r\n" * 900, b"SIMPLE"])
def test_not_fits(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "page.fits"
    path.write_bytes(content)
    assert "is not a FITS file" in message(lambda: lrs.open_observation(path))


def test_text_packed_as_fits(tmp_path: Path) -> None:
    path = tmp_path / "page.fits.gz"
    path.write_bytes(gzip.compress(b"hello" * 1000))
    assert "is not a FITS file" in message(lambda: lrs.open_observation(path))


@pytest.mark.parametrize("size", [1000, 2880, 20000, 100_000, 300_000, 659_519 - 2880])
def test_a_truncated_file(s2d: Path, size: int) -> None:
    s2d.write_bytes(s2d.read_bytes()[:size])
    assert "truncated or damaged" in message(lambda: open_image(s2d))


@pytest.mark.parametrize("part", [0.001, 0.1, 0.5, 0.99])
def test_a_truncated_compressed_file(s2d: Path, part: float) -> None:
    packed = gzip.compress(s2d.read_bytes())
    path = s2d.with_suffix(".fits.gz")
    path.write_bytes(packed[: int(len(packed) * part)])
    s2d.unlink()
    assert "truncated or damaged" in message(lambda: open_image(path))


def test_a_truncated_spectrum(x1d: Path) -> None:
    x1d.write_bytes(x1d.read_bytes()[:40_000])
    assert "truncated or damaged" in message(lambda: lrs.open_observation(x1d).delivered())


def test_a_corrupted_compressed_file(s2d: Path) -> None:
    packed = bytearray(gzip.compress(s2d.read_bytes()))
    packed[len(packed) // 2 : len(packed) // 2 + 40] = bytes(40)
    s2d.write_bytes(bytes(packed))
    assert "truncated or damaged" in message(lambda: open_image(s2d))


def test_garbled_header(s2d: Path) -> None:
    content = bytearray(s2d.read_bytes())
    start = content.index(b"XTENSION")
    content[start : start + 400] = b"\xff" * 400
    s2d.write_bytes(bytes(content))
    assert "truncated or damaged" in message(lambda: open_image(s2d))


def test_a_folder_without_products(tmp_path: Path) -> None:
    assert message(lambda: lrs.open_observation(tmp_path)) == (
        f"{tmp_path} holds no MIRI LRS products (no FITS files); give the folder that holds them."
    )


def test_a_folder_of_other_modes(slit: Path, edit: Edit) -> None:
    for path in slit.glob("*_s2d.fits"):
        edit(path, {"EXP_TYPE": "MIR_MRS"})
    for path in slit.glob("*_x1d.fits"):
        path.write_bytes(b"")
    assert "(3 MIR_MRS, 3 unreadable)" in message(lambda: lrs.open_observation(slit))


def test_a_folder_where_a_file_is_meant(slit: Path) -> None:
    assert "is a folder, not a file" in message(lambda: read_image(slit))


@pytest.mark.parametrize(
    ("name", "model", "told"),
    [
        ("ch1-short_s3d.fits", "IFUCubeModel", "IFUCubeModel"),
        ("ch1-short_s3d.fits", None, "s3d"),
        ("mrs_cal.fits", "IFUImageModel", "IFUImageModel"),
        ("mrs_x1d.fits", "MRSMultiSpecModel", "MRSMultiSpecModel"),
    ],
)
@pytest.mark.parametrize("exp_type", ["MIR_LRS-FIXEDSLIT", "MIR_LRS-SLITLESS"])
def test_an_integral_field_product_is_no_exposure(
    s2d: Path, edit: Edit, exp_type: str, name: str, model: str | None, told: str
) -> None:
    edit(s2d, {"EXP_TYPE": exp_type, "DATAMODL": model})
    path = s2d.rename(s2d.with_name(name))
    text = message(lambda: lrs.open_observation(path))
    assert text.startswith(f"{name} is an integral-field product ({told}), not MIRI LRS; ")
    assert "(1 integral-field product)" in message(lambda: lrs.open_observation(path.parent))


@pytest.mark.parametrize(
    ("exp_type", "told"),
    [
        ("NRS_FIXEDSLIT", "is a NIRSpec fixed-slit product (EXP_TYPE NRS_FIXEDSLIT)"),
        ("NRS_MSASPEC", "is a NIRSpec product"),
        ("MIR_IMAGE", "is a MIRI imaging product"),
        ("MIR_MRS", "is a MIRI MRS product"),
        ("MIR_DARKIMG", "is a MIRI product"),
        ("NIS_SOSS", "is a NIRISS product"),
        ("NRC_TSGRISM", "is a NIRCam product"),
        ("WHATEVER", "is a product of another mode"),
    ],
)
def test_another_mode(s2d: Path, edit: Edit, exp_type: str, told: str) -> None:
    edit(s2d, {"EXP_TYPE": exp_type})
    text = message(lambda: lrs.open_observation(s2d))
    assert text.startswith(f"{s2d.name} {told}")
    assert "not MIRI LRS" in text
    assert message(lambda: read_image(s2d)) == text


def test_jwst_without_exp_type(s2d: Path, edit: Edit) -> None:
    edit(s2d, {"EXP_TYPE": None})
    assert "is a JWST file without EXP_TYPE" in message(lambda: lrs.open_observation(s2d))


def test_fits_of_another_telescope(tmp_path: Path) -> None:
    path = tmp_path / "other.fits"
    fits.PrimaryHDU(np.ones((4, 3))).writeto(path)
    assert "cannot be recognised as MIRI LRS" in message(lambda: lrs.open_observation(path))


def test_the_transposed_product_of_specreduce_is_not_recognisable(shared_data: Path) -> None:
    path = next((shared_data / "third_party" / "specreduce").glob("*_s2d.fits"))
    assert "cannot be recognised as MIRI LRS: its header has no EXP_TYPE" in message(
        lambda: lrs.open_observation(path)
    )


def test_target_acquisition_alone(s2d: Path, edit: Edit) -> None:
    edit(s2d, {"EXP_TYPE": "MIR_TACQ"})
    assert "is a target acquisition image (EXP_TYPE MIR_TACQ)" in message(
        lambda: lrs.open_observation(s2d)
    )


def test_an_image_without_its_extension(s2d: Path, edit: Edit) -> None:
    edit(s2d, drop=("SCI",))
    assert "has no SCI extension" in message(lambda: open_image(s2d))


def test_an_image_of_nothing(s2d: Path, edit: Edit) -> None:
    def blank(hdus: fits.HDUList) -> None:
        hdus["SCI"].data[:] = np.nan

    edit(s2d, change=blank)
    assert "no usable pixel: all of SCI is NaN" in message(lambda: open_image(s2d))


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((0, 46), "holds no pixels"),
        ((387, 0), "holds no pixels"),
        (None, "holds no pixels"),
        ((387,), "SCI has shape (387,)"),
        ((387, 1), "SCI has shape (387, 1)"),
        ((2, 387, 46), "SCI has shape (2, 387, 46)"),
    ],
)
def test_wrong_shapes(s2d: Path, edit: Edit, shape: tuple[int, ...] | None, told: str) -> None:
    def reshape(hdus: fits.HDUList) -> None:
        hdus["SCI"].data = None if shape is None else np.ones(shape, np.float32)

    edit(s2d, change=reshape)
    assert told in message(lambda: open_image(s2d))


@pytest.mark.parametrize("name", ["WAVELENGTH", "VAR_RNOISE", "ERR"])
def test_arrays_that_do_not_fit(s2d: Path, edit: Edit, name: str) -> None:
    def cut(hdus: fits.HDUList) -> None:
        hdus[name].data = hdus[name].data[:-1]

    edit(s2d, change=cut)
    assert f"its {name} extension has shape (386, 46), its image (387, 46)" in message(
        lambda: open_image(s2d)
    )


def test_a_spectrum_is_no_image(x1d: Path) -> None:
    assert "is a spectrum (x1d), not an image" in message(lambda: read_image(x1d))


def test_an_image_is_no_spectrum(s2d: Path) -> None:
    assert "holds no spectrum" in message(lambda: read_spectrum(s2d))


@pytest.mark.parametrize(
    ("names", "told"),
    [(("FLUX",), "no column FLUX"), (("WAVELENGTH", "FLUX"), "no column FLUX or WAVELENGTH")],
)
def test_a_spectrum_without_its_columns(
    x1d: Path, edit: Edit, names: tuple[str, ...], told: str
) -> None:
    def drop(hdus: fits.HDUList) -> None:
        for name in names:
            hdus["EXTRACT1D"].columns.del_col(name)

    edit(x1d, change=drop)
    assert told in message(lambda: read_spectrum(x1d))


def test_an_empty_spectrum(x1d: Path, edit: Edit) -> None:
    def empty(hdus: fits.HDUList) -> None:
        hdus["EXTRACT1D"].data = hdus["EXTRACT1D"].data[:0]

    edit(x1d, change=empty)
    assert "holds an empty spectrum" in message(lambda: read_spectrum(x1d))


def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "pipe.fits"
    os.mkfifo(path)
    assert "is not a file with data in it" in message(lambda: lrs.open_observation(path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission_denied(s2d: Path) -> None:
    s2d.chmod(0)
    assert "permission denied" in message(lambda: lrs.open_observation(s2d))


def test_permission_denied_as_the_system_tells_it(
    s2d: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied", str(s2d))

    monkeypatch.setattr(Path, "open", refuse)
    assert "permission denied; change its permissions" in message(lambda: read_image(s2d))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[" * 100_000, "is not valid JSON"),
        ("[]", "is not an association"),
        ('{"products": 3}', "is not an association"),
        ('{"products": [{"name": "a", "members": [{}]}]}', "is not an association"),
        ('{"products": [{"name": "a", "members": [{"expname": "b_cal.fits"}]}]}', "b_cal"),
        ('{"products": [{"name": "a", "members": [{"expname": null}]}]}', "is not an association"),
        ('{"lrs_explorer_recipe": 1}', "is not an association"),
    ],
)
def test_bad_associations(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "some_asn.json"
    path.write_text(text)
    assert told in message(lambda: lrs.open_observation(path))


def test_binary_json(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_bytes(b"\xff\xfe\x00")
    assert "is not a JSON file" in message(lambda: read_json(path))


def test_an_association_of_another_mode(slit: Path, edit: Edit) -> None:
    path = slit / "x_asn.json"
    name = "jw90010001001_03102_00001_mirimage_s2d.fits"
    edit(slit / name, {"EXP_TYPE": "MIR_MRS"})
    association = {"products": [{"name": "n", "members": [{"expname": name}]}]}
    path.write_text(json.dumps(association))
    text = message(lambda: lrs.open_observation(path))
    assert text.startswith("x_asn.json names no MIRI LRS product")
    assert "MIRI MRS" in text


def test_a_file_that_vanishes_while_open(slit: Path) -> None:
    observation = lrs.open_observation(slit)
    first = observation.image(lrs.Nods(1))
    for path in slit.iterdir():
        path.unlink()
    assert observation.image(lrs.Nods(1)) is first
    assert "has vanished since jw90010-o001 was opened" in message(
        lambda: observation.image(lrs.Nods(2))
    )
    assert "has vanished" in message(lambda: observation.delivered())
