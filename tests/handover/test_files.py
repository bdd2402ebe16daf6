"""What is written when a recipe is handed over; nothing is run."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import asdf
import pytest

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.handover.script import relative_names

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"

ROOT = "jw90010001001_03102_00001_mirimage"

RECIPE = lrs.Recipe(
    aperture=lrs.Aperture(18.3, 8.0),
    pathloss=lrs.Pathloss("offset", 0.1),
    pixel_replace=lrs.PixelReplace("fit_profile", n_adjacent_cols=5),
    nods=lrs.Nods(1),
)


def texts(exported: lrs.Exported) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in exported.files}


def test_each_file_says_what_it_is_for(tmp_path: Path) -> None:
    exported = lrs.export(lrs.demo("slit"), RECIPE, tmp_path / "new")
    assert {path.name.removeprefix(f"{ROOT}_") for path in exported.files} == {
        "pipeline.py",
        "pipeline.sh",
        "extract1d.json",
        "pars-spec2pipeline.asdf",
        "pars-extract1dstep.asdf",
        "recipe.json",
    }
    assert all(path.is_file() and what for path, what in exported.files.items())
    assert sorted(exported.files) == sorted((tmp_path / "new").iterdir())
    assert lrs.Recipe.from_json(tmp_path / "new" / f"{ROOT}_recipe.json") == RECIPE
    with asdf.open(tmp_path / "new" / f"{ROOT}_pars-spec2pipeline.asdf") as file:
        steps = {step["name"]: step["parameters"] for step in file["steps"]}
    assert steps["pixel_replace"] == {
        "skip": False,
        "algorithm": "fit_profile",
        "n_adjacent_cols": 5,
    }


def test_small_numbers_stay_numbers(tmp_path: Path) -> None:
    recipe = RECIPE.replace(pathloss=lrs.Pathloss("offset", 1e-7), jump=lrs.Jump(1e16))
    lrs.export(lrs.demo("slit"), recipe, tmp_path)
    with asdf.open(tmp_path / f"{ROOT}_pars-spec2pipeline.asdf") as file:
        (pathloss,) = (step for step in file["steps"] if step["name"] == "pathloss")
        assert pathloss["parameters"] == {"skip": False, "user_slit_loc": 1e-7}
    with asdf.open(tmp_path / f"{ROOT}_pars-detector1pipeline.asdf") as file:
        assert file["steps"][0]["parameters"] == {"rejection_threshold": 1e16}


def test_the_script_names_no_folder_and_imports_no_lrs_explorer(tmp_path: Path) -> None:
    exported = lrs.export(lrs.demo("slit"), RECIPE, tmp_path)
    for name, text in texts(exported).items():
        assert str(DEMO) not in text, name
        assert str(tmp_path) not in text, name
    script = texts(exported)[f"{ROOT}_pipeline.py"]
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(script))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    }
    assert imported == {"__future__", "jwst", "logging", "os", "pathlib", "stdatamodels", "sys"}
    assert "user_slit_loc=0.1" in script
    assert 'setdefault("CRDS_CONTEXT", "jwst_0001.pmap")' in script
    assert "trace_model=" not in script.split("def opened")[0]


def test_a_recipe_of_everything_defines_every_name(tmp_path: Path) -> None:
    """Linted as a file of the user's would be, but for the names of sums and the like."""
    recipe = RECIPE.replace(
        jump=lrs.Jump(12.0),
        uncertainty=lrs.Uncertainty("bootstrap"),
        wavelength=lrs.Wavelength(0.1),
        pixel_replace=lrs.PixelReplace("mingrad", flagged=((1, 100, 320), (1, 101, 320))),
    )
    slit = lrs.export(lrs.demo("slit"), recipe, tmp_path)
    series = lrs.Recipe(
        mode="slitless",
        aperture=lrs.Aperture(36.0, 9.0),
        slitless=lrs.SlitlessBackground(True, ((14.5, 24.5), (56.5, 66.5)), "mean", False),
        series=lrs.SeriesOptions("mask"),
        uncertainty=lrs.Uncertainty("bootstrap"),
    )
    slitless = lrs.export(lrs.demo("slitless"), series, tmp_path)
    scripts = [str(path) for path in (*slit.files, *slitless.files) if path.suffix == ".py"]
    assert len(scripts) == 2
    command = f"{sys.executable} -m ruff check --isolated --select E,F,W,B --line-length 110"
    run = subprocess.run([*command.split(), *scripts], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    run = subprocess.run(["sh", "-n", *(s[:-2] + "sh" for s in scripts[:1])], check=False)
    assert run.returncode == 0
    told = " ".join(slit.notes)
    assert "pixels flagged by hand" in told
    assert "jump and ramp_fit" in told
    assert "less than 1e-6 of itself" in told
    assert "errors" in told
    assert "wavelengths" in told


def test_nothing_is_replaced_unasked(tmp_path: Path) -> None:
    observation = lrs.demo("slit")
    lrs.export(observation, RECIPE, tmp_path)
    before = texts(lrs.export(observation, RECIPE, tmp_path, overwrite=True))
    other = RECIPE.replace(aperture=lrs.Aperture(20.0, 6.0))
    with pytest.raises(lrs.LRSExplorerError, match="overwrite=True"):
        lrs.export(observation, other, tmp_path)
    now = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert now == before
    lrs.export(observation, other, tmp_path, overwrite=True)
    assert "18.3" not in (tmp_path / f"{ROOT}_recipe.json").read_text()


def test_without_a_recipe_it_is_the_default(tmp_path: Path) -> None:
    observation = lrs.demo("slit")
    exported = lrs.export(observation, None, tmp_path)
    (recipe,) = [path for path in exported.files if path.name.endswith("_recipe.json")]
    assert lrs.Recipe.from_json(recipe) == lrs.Recipe.from_observation(observation)


def test_a_recipe_for_another_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="the recipe is for slitless data"):
        lrs.export(lrs.demo("slit"), lrs.Recipe(mode="slitless"), tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_own_reference_file_is_handed_over(tmp_path: Path) -> None:
    aperture = {"id": "MIR_LRS-FIXEDSLIT", "region_type": "target", "xstart": 11, "xstop": 16}
    own = tmp_path / "mine.json"
    own.write_text(json.dumps({"apertures": [aperture]}))
    recipe = lrs.Recipe(nods=lrs.Nods(1))
    lrs.export(lrs.demo("slit"), recipe, tmp_path / "new", extract1d=own)
    written = json.loads((tmp_path / "new" / f"{ROOT}_extract1d.json").read_text())
    assert written["apertures"] == [aperture]


def test_files_of_several_folders_are_named_from_the_one_they_share(tmp_path: Path) -> None:
    one, other = tmp_path / "a" / "one.fits", tmp_path / "b" / "c" / "other.fits"
    assert relative_names([one, other]) == {one: "a/one.fits", other: "b/c/other.fits"}
    assert relative_names([one]) == {one: "one.fits"}


def test_a_name_runs_nothing(tmp_path: Path) -> None:
    """Whatever a file is called: in the script, in the shell, and in the association there."""
    harm = tmp_path / "harm"
    harm.mkdir()
    rates = [(harm / path.name).symlink_to(path) or path for path in DEMO.glob("*3102*_rate*.gz")]
    for path in (*DEMO.glob("*3102*_cal*.gz"), *DEMO.glob("*3102*_s2d.fits")):
        (harm / path.name).symlink_to(path)
    first = harm / min(path.name for path in rates)
    nasty = "a\"\"\" + open('x','w') #`touch y`$(touch z)';touch w;'_rate.fits.gz"
    first.rename(harm / nasty)
    exported = lrs.export(lrs.open_observation(harm), RECIPE, tmp_path / "new")
    (script,) = [path for path in exported.files if path.suffix == ".py"]
    tree = ast.parse(script.read_text())
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "open"]
    names = {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}
    assert nasty in names
    (shell,) = [path for path in exported.files if path.suffix == ".sh"]
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "strun").write_text("#!/bin/sh\n")
    (tools / "strun").chmod(0o755)
    run = tmp_path / "run"
    run.mkdir()
    out = tmp_path / "out"
    path = f"{tools}:/usr/bin:/bin"
    subprocess.run(["sh", str(shell), str(harm), str(out)], cwd=run, env={"PATH": path}, check=True)
    assert not [*run.iterdir()]
    (association,) = out.glob("*_asn.json")
    members = json.loads(association.read_text())["products"][0]["members"]
    assert Path(members[0]["expname"]) == harm / nasty


def test_a_product_of_any_name_ends_no_docstring(tmp_path: Path) -> None:
    nasty = tmp_path / 'a""" + open("x") + """\\_s2d.fits'
    shutil.copy(DEMO / f"{ROOT}_s2d.fits", nasty)
    exported = lrs.export(lrs.open_observation(nasty), None, tmp_path / "new")
    (script,) = [path for path in exported.files if path.suffix == ".py"]
    tree = ast.parse(script.read_text())
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "open"]
    assert nasty.name in {n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)}


def test_a_name_of_two_lines_is_refused(tmp_path: Path) -> None:
    nasty = tmp_path / "a\nb_s2d.fits"
    shutil.copy(DEMO / f"{ROOT}_s2d.fits", nasty)
    with pytest.raises(lrs.LRSExplorerError, match="control character"):
        lrs.export(lrs.open_observation(nasty), None, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--exposure", "1", "--pixel-replace", "fit_profile", "--user-slit-loc", "0.12"]
    assert main(["export", str(DEMO), "-o", str(tmp_path), *options]) == 0
    told = capsys.readouterr()
    written = [Path(line) for line in told.out.splitlines()]
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert "note: the script runs all steps at once" in told.err
    assert "user_slit_loc=0.12" in (tmp_path / f"{ROOT}_pipeline.py").read_text()
    assert main(["export", str(DEMO), "-o", str(tmp_path), *options]) == 2
    assert "--overwrite" in capsys.readouterr().err
