from __future__ import annotations

import json
from pathlib import Path

import pytest

from lrs_explorer.cli import main


def test_json_of_every_file_and_exit_status(
    shared_slit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    bad = tmp_path / "nothing.fits"
    bad.write_bytes(b"no FITS")
    good = shared_slit / "jw90001001001_03102_00001_mirimage_x1d.fits"
    assert main(["diagnose", "--json", str(good), str(bad)]) == 2
    output = capsys.readouterr()
    first, second = json.loads(output.out)
    assert {f["issue"]: f["status"] for f in first["findings"]}["MR-LRS01"] == "found"
    assert "not a FITS file" in second["error"]
    assert output.err.count("\n") == 1


def test_table_and_something_found(shared_slit: Path, capsys: pytest.CaptureFixture[str]):
    path = str(shared_slit / "jw90001-o001_t001_miri_p750l_s2d.fits")
    assert main(["diagnose", path]) == 1
    text = capsys.readouterr().out
    assert text.startswith(path)
    assert "problem      MR-LRS01" in text
    assert "Traceback" not in text


def test_nothing_found(shared_data: Path, capsys: pytest.CaptureFixture[str]):
    (path,) = (shared_data / "third_party" / "eureka").glob("*rateints.fits")
    assert main(["diagnose", str(path)]) in (0, 1)
    assert "undetermined" in capsys.readouterr().out


def test_help_tells_the_exit_status(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        main(["diagnose", "--help"])
    text = capsys.readouterr().out
    assert "0 nothing found, 1 something found, 2 a file could not be judged" in text
    assert "example:" in text


def test_a_recipe_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["diagnose", "--recipe", str(tmp_path / "none.json"), "x.fits"]) == 2
    assert "none.json" in capsys.readouterr().err
