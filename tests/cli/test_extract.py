"""``lrs-explorer extract``: the same spectrum as `lrs_explorer.extract`, in a file."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.files.image_file import read_spectrum

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
NOD_2 = DEMO / "jw90010001001_03102_00002_mirimage_s2d.fits"


def extracted(tmp_path: Path, *arguments: str | Path) -> lrs.Spectrum:
    """Run the command, which has to succeed, and read what it wrote."""
    output = tmp_path / "mine_x1d.fits"
    assert main(["extract", *map(str, arguments), "-o", str(output)]) == 0
    return read_spectrum(output)


def assert_same(spectrum: lrs.Spectrum, expected: lrs.Spectrum) -> None:
    assert spectrum.unit == expected.unit == "Jy"
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(spectrum.columns[name], values, err_msg=name)


def test_default_is_what_the_archive_delivers(tmp_path: Path) -> None:
    spectrum = extracted(tmp_path, NOD_2)
    delivered = read_spectrum(NOD_2.with_name(NOD_2.name.replace("s2d", "x1d")))
    assert_same(spectrum, delivered)


def on_trace(obs: lrs.Observation) -> lrs.Aperture:
    trace = lrs.find_trace(obs)
    assert trace is not None
    return lrs.Aperture(trace.center, 8.0)


REGIONS = ((4.0, 9.5), (34.25, 40.0))
OPTIONS: dict[str, Callable[[lrs.Observation], dict[str, object]]] = {
    "--center 15.3 --width 6.5": lambda _: {"aperture": lrs.Aperture(15.3, 6.5)},
    "--on-trace --width 8": lambda obs: {"aperture": on_trace(obs)},
    "--center 15 --width 8 --background 4 9.5 --background 34.25 40": lambda _: {
        "aperture": lrs.Aperture(15.0, 8.0),
        "background": lrs.Background(regions=REGIONS),
    },
    "--background 4 9.5 --background 34.25 40 --bkg-fit poly --bkg-order 1": lambda _: {
        "background": lrs.Background(regions=REGIONS, bkg_fit="poly", bkg_order=1)
    },
    "--background 4 9.5 --bkg-fit median --smoothing-length 5": lambda _: {
        "background": lrs.Background(REGIONS[:1], bkg_fit="median", smoothing_length=5)
    },
    "--no-apcorr": lambda _: {"extraction": lrs.Extraction(apply_apcorr=False)},
    "--extraction-type optimal": lambda _: {
        "extraction": lrs.Extraction(extraction_type="optimal")
    },
    "--source-offset -0.08": lambda _: {"wavelength": lrs.Wavelength(-0.08)},
    "--exposure 1": lambda _: {"nods": lrs.Nods(1)},
    "--exposure combined --center 30 --width 7": lambda _: {
        "nods": lrs.Nods("combined"),
        "aperture": lrs.Aperture(30.0, 7.0),
    },
}


@pytest.mark.parametrize("options", OPTIONS)
def test_options_mean_what_the_recipe_means(tmp_path: Path, options: str) -> None:
    obs = lrs.open_observation(NOD_2)
    recipe = lrs.Recipe.from_observation(obs).replace(**OPTIONS[options](obs))
    expected = lrs.extract(obs, recipe)
    assert_same(extracted(tmp_path, NOD_2, *options.split()), expected)
    default = lrs.extract(obs).columns
    changed = [k for k in default if not np.array_equal(default[k], expected.columns[k], True)]
    assert changed  # otherwise the option would prove nothing


def test_width_alone_leaves_the_center_where_the_pipeline_puts_it(tmp_path: Path) -> None:
    limits = [
        (float(one.header["EXTRXSTR"]), float(one.header["EXTRXSTP"]))
        for one in (extracted(tmp_path / d, NOD_2, *a) for d, a in made(tmp_path))
    ]
    assert sum(limits[0]) == pytest.approx(sum(limits[1]), abs=1e-9)
    assert limits[1][1] - limits[1][0] == pytest.approx(3.0, abs=1e-9)


def made(tmp_path: Path) -> list[tuple[str, list[str]]]:
    """Return two runs, default and 4 pixels wide, after making a folder for each."""
    runs = [("default", []), ("narrow", ["--width", "4"])]
    for folder, _ in runs:
        (tmp_path / folder).mkdir()
    return runs


def test_a_recipe_file_and_options_on_top(tmp_path: Path) -> None:
    obs = lrs.open_observation(NOD_2)
    recipe = lrs.Recipe(
        aperture=lrs.Aperture(14.7, 6.0), background=lrs.Background(REGIONS, bkg_fit="median")
    )
    path = recipe.to_json(tmp_path / "recipe.json")
    assert_same(extracted(tmp_path, NOD_2, "--recipe", path), lrs.extract(obs, recipe))
    (tmp_path / "mine_x1d.fits").unlink()
    wider = recipe.replace(aperture=lrs.Aperture(14.7, 9.0))
    spectrum = extracted(tmp_path, NOD_2, "--recipe", path, "--width", "9")
    assert_same(spectrum, lrs.extract(obs, wider))


def test_the_command_in_a_process_of_its_own(tmp_path: Path) -> None:
    output = tmp_path / "mine_x1d.fits"
    command = ["extract", str(DEMO), "-o", str(output), "--on-trace", "--width", "8"]
    run = subprocess.run(
        [sys.executable, "-m", "lrs_explorer.cli", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == f"{output}\n"
    assert run.stderr == ""  # the demo has all its reference files, so nothing is missing
    obs = lrs.demo("slit")
    expected = lrs.extract(obs, lrs.Recipe(aperture=on_trace(obs)))

    from specutils import Spectrum
    from stdatamodels.jwst import datamodels

    opened = Spectrum.read(output)
    np.testing.assert_array_equal(opened.flux.to_value("Jy"), expected.columns["FLUX"])
    with datamodels.open(output) as model:
        table = model.spec[0].spec_table
        for name, values in expected.columns.items():
            np.testing.assert_array_equal(table[name], values, err_msg=name)


def test_a_table(tmp_path: Path) -> None:
    from astropy.table import Table

    output = tmp_path / "mine.ecsv"
    assert main(["extract", str(NOD_2), "-o", str(output)]) == 0
    expected = lrs.extract(lrs.open_observation(NOD_2))
    np.testing.assert_array_equal(Table.read(output)["FLUX"], expected.columns["FLUX"])


def test_what_a_spectrum_lacks_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without reference files, here in an empty CRDS cache, there is no aperture correction."""
    from astropy.io import fits

    monkeypatch.setenv("CRDS_PATH", str(tmp_path / "empty"))
    monkeypatch.setenv("CRDS_SERVER_URL", "https://crds-serverless-mode.stsci.edu")
    real = tmp_path / NOD_2.name
    with fits.open(NOD_2) as hdus:
        del hdus[0].header["TITLE"]  # as though it were not of the simulated instrument
        hdus.writeto(real)
    output = tmp_path / "mine_x1d.fits"
    assert main(["extract", str(real), "-o", str(output), "--without-references"]) == 3
    spectrum = read_spectrum(output)
    error = capsys.readouterr().err
    assert "note: no aperture correction: reference file not available\n" in error
    assert "looked for" not in error
    uncorrected = extracted_without_apcorr(tmp_path)
    np.testing.assert_array_equal(spectrum.flux, uncorrected.flux)


def extracted_without_apcorr(tmp_path: Path) -> lrs.Spectrum:
    (tmp_path / "without").mkdir()
    return extracted(tmp_path / "without", NOD_2, "--no-apcorr")


def test_an_existing_file_is_kept_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine_x1d.fits"
    output.write_text("precious")
    command = ["extract", str(NOD_2), "-o", str(output)]
    assert main(command) == 2
    assert output.read_text() == "precious"
    assert "exists; choose another name" in capsys.readouterr().err
    assert main([*command, "--overwrite"]) == 0
    assert read_spectrum(output).wavelength.size > 300


def spoiled(kind: str, folder: Path) -> Path:
    """Return an input that cannot be extracted."""
    path = folder / "some_s2d.fits"
    whole = NOD_2.read_bytes()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("this is no FITS file")
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 3])
    elif kind == "folder":
        path.mkdir()
    elif kind == "association":
        path = folder / "some_asn.json"
        path.write_text("{")
    return path


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "truncated", "folder", "association"])
@pytest.mark.parametrize("command", ["dashboard", "extract"])
def test_a_bad_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, command: str
) -> None:
    path = spoiled(kind, tmp_path)
    output = tmp_path / "mine_x1d.fits"
    arguments = ["--no-browser", str(path)]
    if command == "extract":
        arguments = ["extract", str(path), "-o", str(output)]
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("lrs-explorer: ")
    assert path.name in printed.err
    assert not output.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--center 400", "image"),
        ("--width 0", "width"),
        ("--width -3", "width"),
        ("--width nan", "width"),
        ("--background 9 4", "region"),
        ("--exposure 7", "7"),
        ("--exposure both", "both"),
        ("--bkg-fit poly --bkg-order -1 --background 4 9", "bkg_order"),
        ("--smoothing-length 4 --background 4 9", "smoothing_length"),
        ("--recipe nowhere.json", "nowhere.json"),
    ],
)
def test_a_bad_choice_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    output = tmp_path / "mine_x1d.fits"
    assert main(["extract", str(NOD_2), "-o", str(output), *options.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not output.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        "extract",
        "extract file.fits",
        "extract file.fits -o a.fits --width wide",
        "extract file.fits -o a.fits --center 3 --on-trace",
        "extract file.fits -o a.fits --bkg-fit cubic",
        "--port many",
        "--verbose",
        "demo imaging",
    ],
)
def test_a_bad_option_is_one_line(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments.split())
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--help" in error


def test_output_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, message in (("mine.csv", ".ecsv"), ("nowhere/mine_x1d.fits", "no such file")):
        assert main(["extract", str(NOD_2), "-o", str(tmp_path / name)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert message in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["", "extract", "demo"])
def test_help_shows_an_example_that_works(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as caught:
        main([*command.split(), "--help"])
    assert caught.value.code == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    example = shlex.split(lines[lines.index("example:") + 1])
    assert example[: 1 + len(command.split())] == ["lrs-explorer", *command.split()]
    if command != "demo":  # which would be served
        files = [part for part in example if part.endswith("s2d.fits")]
        assert len(files) == 1
        # All that is wrong with the example is that its file is not here.
        assert main(example[1:]) == 2
        assert f"{files[0]} does not exist" in capsys.readouterr().err


def test_version_and_the_installed_command(capsys: pytest.CaptureFixture[str]) -> None:
    (command,) = entry_points(group="console_scripts", name="lrs-explorer")
    assert command.load() is main
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"LRS Explorer {lrs.__version__}\n"
