"""``lrs-explorer inspect``: the same as the page and Python say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


def test_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("first", "second"):
        shutil.copytree(DEMO, tmp_path / name)
    assert main(["inspect", str(tmp_path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    heads = [line for line in printed if not line.startswith(" ")]
    assert [head.rpartition(" · ")[2] for head in heads] == ["folder first", "folder second"]
    observation = lrs.demo("slit")
    for one in observation.made_of:
        label, text = one.line
        assert any(line.strip() == f"{label}: {text}" for line in printed)
    assert sum("another reduction of this observation is here" in line for line in printed) == 2


def test_json_and_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    observation = lrs.demo("slit")
    path = observation.image_path()
    assert main(["inspect", "--json", str(path)]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["name"] == observation.name
    assert entry["opens by"] == str(path)
    assert [one["what"] for one in entry["made of"]] == [one.what for one in observation.made_of]
    assert str(path) in entry["products"]["s2d"]


def test_what_can_be_subtracted(capsys: pytest.CaptureFixture[str]) -> None:
    observation = lrs.demo("slit")
    assert main(["inspect", "--backgrounds", str(DEMO)]) == 0
    printed = capsys.readouterr().out
    assert main(["inspect", "--backgrounds", "--json", str(DEMO)]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    for number in (1, 2):
        (one,) = observation.background_candidates(number)
        root = observation.root(number)
        assert f"  {root} can have subtracted:\n    · {one.name}: {one.words}" in printed
        assert entry["backgrounds"][root][0]["path"] == str(one.path)


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(tmp_path), str(DEMO)]) == 2
    printed = capsys.readouterr()
    assert "holds no MIRI LRS products" in printed.err
    assert "jw90010-o001" in printed.out


def header_alone(path: Path, **cards: object) -> Path:
    """Write a FITS file with nothing in it but these cards."""
    hdu = fits.PrimaryHDU()
    hdu.header.update(cards)
    hdu.writeto(path)
    return path


@pytest.mark.parametrize(
    ("cards", "held"),
    [
        ({}, "1 no EXP_TYPE"),
        ({"EXP_TYPE": ""}, "1 no EXP_TYPE"),
        ({"EXP_TYPE": "   ", "TELESCOP": "JWST"}, "1 no EXP_TYPE"),
        ({"REFTYPE": "flat"}, "1 reference file"),
        ({"EXP_TYPE": "MIR_TACQ", "DATAMODL": "ImageModel"}, "1 MIR_TACQ"),
    ],
)
def test_a_folder_says_what_it_holds_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], cards: dict[str, object], held: str
) -> None:
    header_alone(tmp_path / "a.fits", **cards)
    assert main(["inspect", str(tmp_path)]) == 2
    assert f"holds no MIRI LRS products ({held}); give" in capsys.readouterr().err


def test_json_tells_of_a_path_without_products_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.fits"
    empty.touch()
    assert main(["inspect", "--json", str(empty), str(DEMO)]) == 2
    first, second = json.loads(capsys.readouterr().out)
    assert first == {"path": str(empty), "error": f"{empty} is empty (0 bytes); download it again."}
    assert second["name"] == "jw90010-o001"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("mine.fits", "Exposure 1: mine (other)"),
        ("s2d.fits", "Exposure 1: s2d.fits (s2d)"),
        (".hidden.fits", "Exposure 1: .hidden.fits (other)"),
    ],
)
def test_files_of_any_name_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, line: str
) -> None:
    path = header_alone(tmp_path / name, EXP_TYPE="MIR_LRS-FIXEDSLIT")
    assert main(["inspect", str(path)]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split(" · ")[0]
    assert first.strip() == line


def test_files_that_say_nothing_are_not_taken_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one.fits", "two.fits"):
        header_alone(tmp_path / name, EXP_TYPE="MIR_LRS-FIXEDSLIT")
    assert main(["inspect", "--json", str(tmp_path)]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["one", "two"]


def test_a_member_without_a_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x_asn.json"
    members = [{"expname": "", "exptype": "science"}]
    path.write_text(
        json.dumps({"asn_type": "spec2", "products": [{"name": "a", "members": members}]})
    )
    assert main(["inspect", str(path)]) == 2
    assert "(first missing: no members)" in capsys.readouterr().err


def test_a_file_by_a_relative_path_in_a_folder_of_a_download(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same is printed from wherever the path begins, and for the folder."""
    for path in DEMO.glob("jw*_[sx]?d.fits"):
        folder = tmp_path / "mastDownload" / "JWST" / path.name.rpartition("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    name = "jw90010001001_03102_00001_mirimage_s2d.fits"
    own = tmp_path / "mastDownload" / "JWST" / name.rpartition("_")[0]
    printed = []
    for here, given in (
        (own, own / name),
        (own, name),
        (own.parent, f"{own.name}/{name}"),
        (own, "."),
        (own, ".."),
        (tmp_path, "mastDownload"),
    ):
        monkeypatch.chdir(here)
        assert main(["inspect", str(given)]) == 0
        printed.append(capsys.readouterr().out)
    assert "not at hand" not in printed[0]
    assert "Combined: jw90010-o001_t001_miri_p750l (s2d, x1d)" in printed[0]
    assert set(printed) == {printed[0]}


def test_a_folder_deep_above_its_downloads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("new", "old"):
        shutil.copytree(DEMO, tmp_path / "a" / "b" / name / "mastDownload" / "JWST" / "x")
    assert main(["inspect", str(tmp_path)]) == 0
    printed = capsys.readouterr()
    heads = [line for line in printed.out.splitlines() if not line.startswith(" ")]
    folders = [head.rpartition(" · ")[2] for head in heads]
    assert folders == [f"folder {name}/mastDownload/JWST/x" for name in ("new", "old")]
    assert printed.err == ""
