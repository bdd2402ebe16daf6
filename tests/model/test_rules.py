"""Rules beside values: one file for many observations."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.data.instrument import NOMINAL_RANGE

BESIDE = ((-12.0, -7.0), (6.0, 8.0))
PLACED = lrs.Rules(lrs.Recipe(), center="trace", width=7.0, background=BESIDE)


def test_rules_come_back_from_their_file(tmp_path: Path) -> None:
    rules = PLACED.replace(fix=("MR-LRS02", "weights"))
    path = rules.to_json(tmp_path / "rules.json")
    assert lrs.Rules.from_json(path) == rules
    assert json.loads(path.read_text())["lrs_explorer_recipe"] == 2
    assert rules.describe() == (
        "center on the trace, width 7, background beside the aperture, fix MR-LRS02, weights"
    )
    with pytest.raises(lrs.LRSExplorerError, match=r"rules\.json holds rules.*lrs\.settle"):
        lrs.Recipe.from_json(path)


def test_a_recipe_is_rules_without_any(tmp_path: Path) -> None:
    recipe = lrs.Recipe(aperture=lrs.Aperture(18.0, 6.0))
    path = recipe.to_json(tmp_path / "recipe.json")
    rules = lrs.Rules.from_json(path)
    assert not rules
    assert rules.recipe == recipe
    assert rules.to_dict() == recipe.to_dict()  # versions before that of rules read it
    assert lrs.settle(lrs.demo("slit"), rules).recipe == recipe
    newer = tmp_path / "newer.json"
    newer.write_text(json.dumps(recipe.to_dict() | {"lrs_explorer_recipe": 2}))
    assert lrs.Recipe.from_json(newer) == recipe


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"lrs_explorer_recipe": 3}, "format 3, written by a newer LRS Explorer; .* to format 2"),
        ({"lrs_explorer_recipe": "2"}, "format '2', which there is not"),
        ({"lrs_explorer_recipe": 2, "rules": {"middle": "trace"}}, "rules has no field 'middle'"),
        ({"lrs_explorer_recipe": 2, "rules": {"recipe": {}}}, "rules has no field 'recipe'"),
        ({"lrs_explorer_recipe": 2, "rules": {"center": 3}}, "center must be one of null, trace"),
        ({"lrs_explorer_recipe": 2, "rules": {"width": 0}}, "width must be more than 0"),
        ({"lrs_explorer_recipe": 2, "rules": {"background": [[3, 1]]}}, "lower < upper"),
        ({"lrs_explorer_recipe": 2, "rules": {"fix": "all"}}, '"found" or a list of issues'),
        ({"lrs_explorer_recipe": 2, "rules": {"fix": [3]}}, "3 is no name"),
        ({"lrs_explorer_recipe": 2, "rules": []}, "rules must be an object"),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(content))
    with pytest.raises(lrs.LRSExplorerError, match=rf"mine\.json.*{message}"):
        lrs.Rules.from_json(path)


@pytest.mark.parametrize("nod", [1, 2])
def test_the_aperture_goes_with_the_trace(nod: int) -> None:
    """One file for both nods, whose traces are 17 pixels apart."""
    demo = lrs.demo("slit")
    settled = lrs.settle(demo, PLACED.replace(recipe=lrs.Recipe(nods=lrs.Nods(nod))))
    trace = lrs.find_trace(demo, lrs.Nods(nod))
    assert trace is not None
    assert settled.recipe.aperture == lrs.Aperture(trace.center, 7.0)
    assert settled.recipe.background is not None
    expected = np.add(trace.center, BESIDE)
    np.testing.assert_allclose(settled.recipe.background.regions, expected)
    (line,) = settled.lines
    assert line.startswith(f"aperture: center {trace.center:.2f} (trace), width 7 pixels; backg")


def test_what_is_named_is_fixed_and_nothing_else() -> None:
    demo = lrs.demo("slit")
    rules = lrs.Rules(lrs.Recipe(nods=lrs.Nods(1)), fix=("MR-LRS01",))
    settled = lrs.settle(demo, rules)
    trace = lrs.find_trace(demo, lrs.Nods(1))
    assert trace is not None
    assert settled.recipe.aperture is not None
    assert settled.recipe.aperture.center == pytest.approx(trace.center, abs=0.05)
    assert settled.recipe.replace(aperture=None) == rules.recipe
    assert settled.lines[0].startswith("round 1: ")
    assert any(line.startswith("left: ") for line in settled.lines)
    with pytest.raises(lrs.LRSExplorerError, match=r"MR-LRS1, which is no issue; known are MR-"):
        lrs.settle(demo, rules.replace(fix=("MR-LRS1",)))


def test_without_a_trace_the_rule_cannot_be_followed(tmp_path: Path) -> None:
    from astropy.io import fits

    with fits.open(lrs.demo("slit").products["s2d"][0], memmap=False) as hdus:
        hdus["SCI"].data[...] = np.random.default_rng(1).normal(size=hdus["SCI"].shape)
        path = tmp_path / "jw90010001001_03102_00001_mirimage_s2d.fits"
        hdus.writeto(path)
    with pytest.raises(
        lrs.LRSExplorerError, match=r"no trace found in .*_s2d\.fits, so the aperture"
    ):
        lrs.settle(lrs.open_observation(path), PLACED)


@pytest.mark.pipeline
def test_one_file_serves_many_observations(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``apply`` and ``extract`` follow it alike, and the result is that of fixing what is found."""
    demo = lrs.demo("slit")
    assert demo.truth is not None
    truth = np.asarray(demo.truth["wavelength"]), np.asarray(demo.truth["flux"])
    rules = lrs.Rules(lrs.Recipe(), center="trace", width=8.0, fix="found")
    path = str(rules.to_json(tmp_path / "rules.json"))
    files = [str(path) for path in demo.products["s2d"] if "_0310" in path.name]
    assert main(["apply", path, *files, "-o", str(tmp_path / "mine")]) == 0
    printed = capsys.readouterr()
    assert printed.err.count("(trace), width 8 pixels") == len(files) == 2
    assert "nothing more is found" in printed.err
    lines = sorted(printed.out.splitlines(), key=lambda line: files.index(line.split(": ")[0]))
    for file, line in zip(files, lines, strict=True):
        spectrum = lrs.open_observation(line.split(": ")[1]).delivered()
        inside = (spectrum.wavelength > NOMINAL_RANGE[0]) & (spectrum.wavelength < NOMINAL_RANGE[1])
        true = np.interp(spectrum.wavelength, *truth)
        assert np.nanmedian(np.abs(spectrum.flux / true - 1)[inside]) < 0.015
        out = tmp_path / f"{Path(file).name[:25]}_x1d.fits"
        assert main(["extract", file, "--recipe", path, "-o", str(out)]) == 0
        again = lrs.open_observation(out).delivered()
        np.testing.assert_array_equal(again.flux, spectrum.flux)
        recipe = lrs.Recipe.from_json(
            next((tmp_path / "mine").glob(f"{Path(file).name[:25]}*recipe.json"))
        )
        assert recipe.aperture is not None  # values, by which it can be repeated
    # What is there by the same rules is not made anew.
    assert main(["apply", path, files[0], "-o", str(tmp_path / "mine")]) == 0
    assert "1 of 1 were made before" in capsys.readouterr().err
