"""``lrs-explorer sweep``: the same numbers as `lrs_explorer.sweep`, as a table and in a file."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.files.image_file import read_spectrum
from lrs_explorer.model.sweep.sweep import Sweep

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


def assert_same(path: Path, expected: Sweep) -> None:
    spectrum = read_spectrum(path)
    systematic = spectrum.systematic
    assert systematic is not None
    np.testing.assert_array_equal(spectrum.flux, expected.spectrum.flux)
    for name in ("low", "high", "error", "together"):
        one, other = getattr(systematic, name), getattr(expected.systematic, name)
        np.testing.assert_array_equal(one, other)
    for name, part in expected.systematic.parts.items():
        np.testing.assert_array_equal(systematic.parts[name], part)
    assert systematic.values == expected.systematic.values


def test_default_is_that_of_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "mine_x1d.fits"
    assert main(["sweep", str(DEMO), "--on-trace", "-o", str(output)]) == 0
    observation = lrs.demo("slit")
    trace = lrs.find_trace(observation)
    assert trace is not None
    recipe = lrs.Recipe.from_observation(observation)
    expected = lrs.sweep(observation, recipe.replace(aperture=lrs.Aperture(trace.center, 8.0)))
    assert_same(output, expected)
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[0].lower() == f"{expected.systematic.sentence}.".lower()
    assert lines[-1] == str(output)
    heading, rows = expected.systematic.cells()
    told_rows = [re.split(r"\s{2,}", line.strip()) for line in lines[-9:-1]]
    assert told_rows == [list(row) for row in (heading, *rows)]
    for note in expected.systematic.notes:
        assert f"note: {note}" in told.err


def test_choices_are_those_of_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "mine_x1d.fits"
    options = ["--center", "18.3", "--width", "8", "--vary", "width=6,as chosen,12"]
    options += ["--vary", "background=none,2:6+25:29", "--vary", "center=18.1,as chosen,77"]
    assert main(["sweep", str(DEMO), *options, "-o", str(output)]) == 0
    recipe = lrs.Recipe.from_observation(lrs.demo("slit"))
    expected = lrs.sweep(
        lrs.demo("slit"),
        recipe.replace(aperture=lrs.Aperture(18.3, 8.0)),
        choices={
            "width": [6, None, 12],
            "background": ["none", ((2, 6), (25, 29))],
            "center": [18.1, None, 77],
        },
    )
    assert_same(output, expected)
    told = capsys.readouterr()
    assert "of 18 variants could not be extracted" in told.err
    assert "background: none, 2:6+25:29" in told.out


def test_without_a_file_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", str(DEMO), "--vary", "width"]) == 0
    assert "width" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vary", "widht=3,4"], "'widht' is no choice that can be varied"),
        (["--vary", "width="], "width has no values"),
        (["--vary", "width=6,7", "--vary", "width=8"], "width is given twice"),
        (["--vary", "background=3"], "values of background: '3' gives no background regions"),
        (["-o", "mine.txt"], "mine.txt must end in .fits"),
    ],
)
def test_bad_options(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sweep", str(DEMO), *options]) == 2
    assert message in capsys.readouterr().err
