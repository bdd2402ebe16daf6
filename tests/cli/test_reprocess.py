"""``lrs-explorer reprocess`` and ``apply``: the real pipeline without a screen."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from common import slit_with_sky

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.files.image_file import read_spectrum

pytestmark = pytest.mark.pipeline

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
STEM = "jw90001001001_03102_00001_mirimage"


OPTIONS = {
    "--exposure 2 --pixel-replace mingrad --n-adjacent-cols 5": {
        "nods": lrs.Nods(2),
        "pixel_replace": lrs.PixelReplace("mingrad", 5),
    },
    "--flag-pixel 1 300 320 --flag-pixel 2 10 330": {
        "pixel_replace": lrs.PixelReplace(flagged=((1, 300, 320), (2, 10, 330))),
    },
    "--user-slit-loc 0.12": {"pathloss": lrs.Pathloss("offset", 0.12)},
    "--pathloss offset --user-slit-loc -0.1": {"pathloss": lrs.Pathloss("offset", -0.1)},
    "--weight-type exptime": {"resample": lrs.Resample("exptime")},
    "--pathloss ta": {"pathloss": lrs.Pathloss("ta")},
    "--rejection-threshold 15": {"jump": lrs.Jump(15.0)},
    "--no-nod-subtraction": {"nods": lrs.Nods(subtract=False)},
    "--nod-subtraction --exposure combined": {"nods": lrs.Nods("combined", subtract=True)},
    "--subtract nods --exposure 2": {"nods": lrs.Nods(2, backgrounds="nods")},
    "--subtract none": {"nods": lrs.Nods(subtract=False)},
    f"--subtract b_rate.fits --subtract {STEM.replace('001_03', '002_03')}": {
        "nods": lrs.Nods(backgrounds=("b_rate.fits", STEM.replace("001_03", "002_03")))
    },
    "--extraction-type optimal --no-apcorr": {
        "extraction": lrs.Extraction("optimal", apply_apcorr=False)
    },
}


def options_of(observation: lrs.Observation, *options: str) -> lrs.Recipe:
    """Return the recipe that options of ``reprocess`` ask for."""
    from lrs_explorer.cli.parsing import (
        add_extraction_options,
        add_pipeline_options,
        new_parser,
        pipeline_recipe,
    )

    parser = new_parser("test", "", "")
    add_extraction_options(parser)
    add_pipeline_options(parser)
    return pipeline_recipe(parser.parse_args(["file", *options]), observation)


@pytest.mark.parametrize("options", OPTIONS)
def test_options_become_a_recipe(options: str) -> None:
    observation = lrs.demo()
    recipe = options_of(observation, *shlex.split(options))
    assert recipe == lrs.Recipe.from_observation(observation).replace(**OPTIONS[options])


def test_options_change_only_what_they_name(tmp_path: Path) -> None:
    recipe = lrs.Recipe(
        pixel_replace=lrs.PixelReplace("trace_model", 7, ((1, 2, 3),)),
        pathloss=lrs.Pathloss("offset", 0.1),
        jump=lrs.Jump(9.0),
        nods=lrs.Nods(1, subtract=False),
    )
    path = recipe.to_json(tmp_path / "recipe.json")
    found = options_of(lrs.demo(), "--recipe", str(path), "--exposure", "2")
    assert found == recipe.replace(nods=lrs.Nods(2, subtract=False))


def test_a_background_is_named_so_that_it_is_found_elsewhere(
    shared_slit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its file's name where that leads to it; screen, Python and command line then agree."""
    data, away = tmp_path / "data", tmp_path / "away"
    data.mkdir()
    away.mkdir()
    sky, other = slit_with_sky(shared_slit, data)
    other.rename(away / other.name)
    monkeypatch.chdir(tmp_path)
    command = (
        f"reprocess data/{STEM}_s2d.fits -o mine --exposure 1 --pathloss center "
        f"--subtract data/{sky.name} --subtract away/{other.name}"
    )
    assert main(shlex.split(command)) == 0
    recipe = lrs.Recipe.from_json(tmp_path / "mine" / f"{STEM}_recipe.json")
    assert recipe.nods.backgrounds == tuple(sorted((sky.name, str(away / other.name))))
    run = lrs.reprocess(lrs.open_observation(data / f"{STEM}_s2d.fits"), recipe, tmp_path / "again")
    written = read_spectrum(tmp_path / "mine" / f"{STEM}_x1d.fits")
    np.testing.assert_array_equal(run.spectrum.flux, written.flux)


def test_all_is_fixed_as_in_python(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    wide = ["--exposure", "2", "--center", "22", "--width", "30"]
    assert main(["reprocess", str(DEMO), *wide, "--fix-all", "-o", str(out)]) == 0
    recipe = lrs.Recipe(nods=lrs.Nods(2), aperture=lrs.Aperture(22.0, 30.0))
    done = lrs.fix_all(lrs.demo(), recipe)
    told = capsys.readouterr().err
    assert all(line in told for line in done.lines)
    assert "round 2: " in told
    assert "nothing more is found that needs fixing" in told
    (recipe,) = out.glob("*_recipe.json")
    assert lrs.Recipe.from_json(recipe) == done.recipe


CONTRADICTIONS = {
    "--subtract nods --no-nod-subtraction": "leave out --nod-subtraction",
    "--subtract nothing_rate.fits": "nothing_rate.fits, which is to be subtracted as background",
}


@pytest.mark.parametrize("options", CONTRADICTIONS)
def test_a_background_that_cannot_be_subtracted_ends_in_a_sentence(
    options: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reprocess", str(DEMO), "-o", str(tmp_path / "out"), *shlex.split(options)]) == 2
    assert CONTRADICTIONS[options] in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_options_take_the_place_of_what_a_recipe_names(tmp_path: Path) -> None:
    recipe = lrs.Recipe(nods=lrs.Nods(1, backgrounds=("b_rate.fits",)))
    path = recipe.to_json(tmp_path / "recipe.json")
    found = {"--no-nod-subtraction": lrs.Nods(1, False), "--nod-subtraction": recipe.nods}
    for option, nods in found.items():
        assert options_of(lrs.demo(), "--recipe", str(path), option).nods == nods


def test_a_series_has_exposures_to_subtract_and_no_nods() -> None:
    series = lrs.demo("slitless")
    recipe = options_of(series, "--subtract", "b_rateints.fits")
    default = lrs.Recipe.from_observation(series).slitless
    assert recipe.slitless == dataclasses.replace(default, backgrounds=("b_rateints.fits",))
    assert options_of(series, "--subtract", "none").slitless.backgrounds == ()
    with pytest.raises(lrs.LRSExplorerError, match="without the slit and has no nods"):
        options_of(series, "--subtract", "nods")


@pytest.mark.usefixtures("empty_cache")
def test_it_writes_what_the_function_makes(
    shared_slit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = (
        f"reprocess {shared_slit} -o {tmp_path / 'mine'} --exposure 1 --on-trace --width 7 "
        "--background 4 9.5 --pathloss off --pixel-replace mingrad"
    )
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr()
    paths = [Path(line) for line in printed.out.splitlines()]
    assert sorted(paths) == sorted((tmp_path / "mine").iterdir())
    steps = [line.split(" ", 1)[1] for line in printed.err.splitlines()]
    assert "pathloss" not in steps  # it is off
    assert [s for s in steps if s in ("photom", "pixel_replace", "resample_spec")] == [
        "photom",
        "pixel_replace",
        "resample_spec",
    ]
    assert steps[-1] == "extract_1d"
    recipe = lrs.Recipe.from_json(tmp_path / "mine" / f"{STEM}_recipe.json")
    trace = lrs.find_trace(lrs.open_observation(shared_slit))
    assert trace is not None
    assert recipe.aperture is not None
    assert recipe.aperture.center == pytest.approx(trace.center, abs=0.2)
    assert recipe.aperture.width == 7
    run = lrs.reprocess(lrs.open_observation(shared_slit), recipe, tmp_path / "again")
    theirs = read_spectrum(tmp_path / "mine" / f"{STEM}_x1d.fits")
    np.testing.assert_array_equal(run.spectrum.flux, theirs.flux)
    record = json.loads((tmp_path / "mine" / f"{STEM}_run.json").read_text())
    assert record["context"] == "jwst_0001.pmap"
    assert {"flat", "photom", "apcorr", "extract1d", "specwcs"} <= set(record["references"])


REPROCESS = [sys.executable, "-m", "lrs_explorer.cli", "reprocess"]


@pytest.mark.parametrize(("stop", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_it_leaves_nothing(
    shared_slit: Path, tmp_path: Path, empty_cache: Path, stop: signal.Signals, status: int
) -> None:
    output = tmp_path / "mine"
    with subprocess.Popen(
        [*REPROCESS, str(shared_slit), "-o", str(output), "--user-slit-loc", f"0.0{status}"],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "pathloss" in line or "resample_spec" in line:
                break
        process.send_signal(stop)
        assert process.wait(timeout=30) == status
        assert "Traceback" not in process.stderr.read()
    assert not output.exists()
    assert not [path for path in (empty_cache / "products").iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("empty_cache")
def test_a_terminal_sees_a_bar(shared_slit: Path, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [*REPROCESS, str(shared_slit), "-o", str(tmp_path / "mine"), "--pixel-replace"]
    with subprocess.Popen([*command, "trace_model"], stderr=theirs, stdout=subprocess.PIPE) as run:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        assert run.wait(timeout=60) == 0
    os.close(ours)
    lines = seen.decode().split("\r\x1b[K")
    assert any("░ 1/3 pixel_replace, " in line for line in lines)
    assert any("█░" in line and " 3/3 extract_1d, " in line for line in lines)
    assert lines[-1] == ""  # it is gone at the end


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--pathloss center --user-slit-loc 0.1", "--pathloss offset"),
        ("--rejection-threshold 0", "rejection_threshold"),
        ("--n-adjacent-cols 0", "n_adjacent_cols"),
        ("--flag-pixel 0 1 1", "flagged pixel"),
        ("--pathloss off", "download|comes without"),
        ("--rejection-threshold 9", "download|comes without"),
        ("--recipe nowhere.json", "nowhere.json"),
    ],
)
def test_a_bad_choice_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    import re

    path = tmp_path / "data" / "jw90010001001_03102_00001_mirimage_s2d.fits"
    path.parent.mkdir()
    path.write_bytes((DEMO / path.name).read_bytes())  # alone: nothing to reprocess
    output = tmp_path / "mine"
    assert main(["reprocess", str(path), "-o", str(output), *options.split()]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert not output.exists()


def test_apply_goes_on_after_a_failure(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nods = [str(path) for path in sorted((shared_data / "slit-90001").glob("*_0310*_s2d.fits"))]
    recipe = lrs.Recipe(aperture=lrs.Aperture(28.0, 6.0))
    path = str(recipe.to_json(tmp_path / "recipe.json"))
    files = [nods[0], str(tmp_path / "nowhere.fits"), str(shared_data / "slitless-90002"), nods[1]]
    assert main(["apply", path, *files, "-o", str(tmp_path / "mine")]) == 2
    printed = capsys.readouterr()
    lines = sorted(printed.out.splitlines(), key=lambda line: files.index(line.split(": ")[0]))
    assert [line.split(": ")[0] for line in lines] == files  # as they are ready
    assert [line.split(": ")[1] == "failed" for line in lines] == [False, True, True, False]
    failures = printed.err[printed.err.index("lrs-explorer: 2 of 4 failed:\n") :].splitlines()
    assert "nowhere.fits does not exist" in failures[1]
    assert "the recipe is for slit data" in failures[2]
    for file, line in zip((files[0], files[3]), (lines[0], lines[3]), strict=True):
        observation = lrs.open_observation(file)
        expected = lrs.extract(observation, recipe)
        written = read_spectrum(Path(line.split(": ")[1]))
        np.testing.assert_array_equal(written.flux, expected.flux)
    # Again: what is there is not made anew. Of another recipe nothing is replaced unasked.
    assert main(["apply", path, nods[0], "-o", str(tmp_path / "mine")]) == 0
    assert "1 of 1 were made before" in capsys.readouterr().err
    other = str(recipe.replace(aperture=None).to_json(tmp_path / "other.json"))
    assert main(["apply", other, nods[0], "-o", str(tmp_path / "mine")]) == 2
    assert "already; choose another folder" in capsys.readouterr().err
    assert main(["apply", other, nods[0], "-o", str(tmp_path / "mine"), "--overwrite"]) == 0


def test_apply_from_python_reports(shared_slit: Path, tmp_path: Path) -> None:
    told: list[tuple[str, str]] = []
    results = lrs.apply(
        lrs.Recipe(),
        shared_slit,
        tmp_path / "mine",
        progress=lambda path, progress: told.append((path.name, progress.step)),
    )
    (result,) = results
    assert (result.state, result.error) == ("done", "")
    assert {path.name for path in result.spectra} <= {path.name for path in result.products}
    assert ("slit-90001", "extract_1d") in told


SERIES = DEMO.parent / "demo_slitless"
SEGMENTS = [f"jw90011001001_04103_00001-seg00{number}_mirimage" for number in (1, 2)]


@pytest.fixture
def short_series(tmp_path: Path) -> Path:
    """Return a folder with the first segment of the demo series, and its reference files."""
    folder = tmp_path / "short"
    folder.mkdir()
    for path in SERIES.iterdir():
        if path.name.startswith((SEGMENTS[0], "references", "truth")):
            (folder / path.name).symlink_to(path)
    return folder


def test_a_series_is_reprocessed_segment_by_segment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It was refused by the slit's plan, though three messages sent users to this command."""
    output = tmp_path / "mine"
    command = (
        f"reprocess {SERIES} -o {output} --on-trace --width 8 --background 13 20.5 "
        "--bkg-fit median --pixel-replace mingrad --flag-pixel 1 200 36"
    )
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr()
    assert sorted(map(Path, printed.out.splitlines())) == sorted(output.iterdir())
    assert {path.name for path in output.iterdir()} == {
        *(
            f"{segment}_{name}"
            for segment in SEGMENTS
            for name in (
                "pixel_replace.fits",
                "x1dints.fits",
                "recipe.json",
                "extract1d.json",
                "pipeline.json",
            )
        ),
        "jw90011-o001_run.json",
        "jw90011-o001_run.log",
    }
    steps = printed.err.splitlines()
    assert [step for step in steps if "pixel_replace" in step] == [
        "1/2 pixel_replace",
        "2/2 pixel_replace",
    ]
    assert [step for step in steps if "extract_1d" in step] == ["1/2 extract_1d", "2/2 extract_1d"]
    recipe = lrs.Recipe.from_json(output / f"{SEGMENTS[1]}_recipe.json")
    assert recipe.aperture is not None
    assert recipe.aperture.width == 8
    assert recipe.background == lrs.Background(((13.0, 20.5),), "median")
    assert recipe.pixel_replace == lrs.PixelReplace("mingrad", flagged=((1, 200, 36),))
    live = lrs.extract(lrs.demo("slitless"), recipe)
    written = lrs.open_observation(output).delivered_series()
    np.testing.assert_array_equal(written.flux, live.flux)


def test_apply_takes_series_and_slit_alike(
    short_series: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After the first series it ended in a traceback."""
    recipe = lrs.Recipe(mode="slitless", aperture=lrs.Aperture(37.0, 8.0))
    path = str(recipe.to_json(tmp_path / "recipe.json"))
    output = tmp_path / "mine"
    files = [str(SERIES), str(DEMO), str(short_series)]
    command = ["apply", path, "-o", str(output), "--processes", "1"]
    assert main([*command, *files]) == 2
    printed = capsys.readouterr()
    both, failed, one = printed.out.splitlines()
    first, second = (output / f"{segment}_x1dints.fits" for segment in SEGMENTS)
    assert both == f"{SERIES}: {first}, {second}"
    assert failed == f"{DEMO}: failed"
    assert one == f"{short_series}: failed"
    shown = printed.err.splitlines()
    assert "2/2 extract_1d" in shown
    assert "the recipe is for slitless data and jw90010-o001 is slit" in shown[-2]
    assert f"{SERIES} has the products of the same names" in shown[-1]
    assert main([*command, str(short_series)]) == 2
    assert "already; choose another folder" in capsys.readouterr().err
    assert main([*command, str(short_series), "--overwrite"]) == 0
    assert "1/1 extract_1d" in capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--pathloss off", "--pathloss is not for jw90011-o001: pathloss cannot be redone"),
        ("--user-slit-loc 0.1", "--user-slit-loc is not for jw90011-o001: pathloss cannot"),
        ("--rejection-threshold 9", "--rejection-threshold is not for jw90011-o001: jump cannot"),
        ("--no-nod-subtraction", "--nod-subtraction is not for jw90011-o001: nods cannot"),
        ("--recipe {recipe}", "the recipe is for slit data and jw90011-o001 is slitless"),
        ("--recipe {sky}", "the column range (30, 42) lies over the trace"),
    ],
)
def test_what_cannot_be_done_with_a_series_is_one_line(
    options: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    over_the_trace = lrs.SlitlessBackground(True, ((30.0, 42.0),))
    files = {
        "recipe": lrs.Recipe().to_json(tmp_path / "recipe.json"),
        "sky": lrs.Recipe(mode="slitless", slitless=over_the_trace).to_json(tmp_path / "sky.json"),
    }
    output = tmp_path / "mine"
    command = ["reprocess", str(SERIES), "-o", str(output), *options.format(**files).split()]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert message in error
    assert not output.exists()


@pytest.mark.parametrize("command", ["reprocess", "apply"])
def test_help_shows_an_example_that_works(
    command: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    example = shlex.split(lines[lines.index("example:") + 1])
    assert example[:2] == ["lrs-explorer", command]
    if command == "apply":
        lrs.Recipe().to_json("mine_recipe.json")
    assert main(example[1:]) == 2
    assert "_s2d.fits does not exist" in capsys.readouterr().err
