"""What is subtracted from a series in the slit: chosen, refused, and as calwebb_spec2 does it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from common import slit_series_with_sky

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment

pytestmark = pytest.mark.pipeline


@pytest.fixture
def sky(series_in: Callable[[str], Path], tmp_path: Path) -> Path:
    """Return rateints of empty sky beside a series in the slit."""
    return slit_series_with_sky(series_in("SUBSLIT"), tmp_path)


def stages(observation: lrs.Observation, recipe: lrs.Recipe) -> list[list[str]]:
    """Return the inputs of the first stage of each segment; the file where it is delivered."""
    found = []
    for target in targets(observation, recipe):
        if isinstance(target, Path):
            found.append([target.name])
        else:
            first = next(target.in_order())
            found.append([one.name for one in first.inputs if isinstance(one, Path)])
    return found


def subtracting(*names: str, pathloss: str = "as_delivered") -> lrs.Recipe:
    return lrs.Recipe(
        nods=lrs.Nods(backgrounds=names or None), pathloss=lrs.Pathloss(mode=pathloss)
    )


def test_a_chosen_background_equals_calwebb_spec2(
    sky: Path, crds_cache: Path, tmp_path: Path
) -> None:
    observation = lrs.open_observation(sky.parent / science(sky, "calints")[0])
    assert [one.name for one in observation.background_candidates(1)] == [sky.name]
    recipe = subtracting(sky.name)
    assert stages(observation, recipe) == [[n, sky.name] for n in science(sky, "rateints")]
    run = lrs.reprocess(observation, recipe, tmp_path / "ours")
    associations = sorted(p for p in run.products if p.name.endswith("_asn.json"))
    parameters = sorted(p for p in run.products if p.name.endswith("_pipeline.json"))
    references = sorted(p for p in run.products if p.name.endswith("_extract1d.json"))
    assert len(associations) == len(parameters) == 2
    made = {path.name: path for path in run.products}
    for association, given, extract1d in zip(associations, parameters, references, strict=True):
        assert json.loads(association.read_text())["asn_type"] == "tso-spec2"
        steps = json.loads(given.read_text())["calwebb_spec2"]
        steps["steps"]["extract_1d"]["override_extract1d"] = str(extract1d)
        done = run_pipeline(
            "calwebb_spec2",
            association,
            tmp_path / "theirs",
            parameters=steps,
            crds=crds_environment(crds_cache),
        )
        for path in done.products:
            with fits.open(path) as theirs, fits.open(made[path.name]) as ours:
                for hdu in theirs:
                    if hdu.data is not None and hdu.name != "ASDF":
                        assert hdu.data.tobytes() == ours[hdu.name].data.tobytes(), hdu.name
                for card in ("S_BKDSUB", "ASNTABLE", "S_PTHLOS"):
                    assert theirs[0].header[card] == ours[0].header[card], card
    calints = [path for path in run.products if path.name.endswith("_calints.fits")]
    assert {fits.getval(path, "S_BKDSUB") for path in calints} == {"COMPLETE"}
    assert isinstance(run.spectrum, lrs.TimeSeries)
    np.testing.assert_array_equal(lrs.extract(observation, recipe).flux, run.spectrum.flux)


def science(sky: Path, kind: str) -> list[str]:
    return sorted(p.name for p in sky.parent.glob(f"*_{kind}.fits") if p.name != sky.name)


def associate(sky: Path) -> None:
    """Let an association name the sky as background of each segment."""
    for name in science(sky, "rateints"):
        root = name.removesuffix("_rateints.fits")
        members = [
            {"expname": name, "exptype": "science"},
            {"expname": sky.name, "exptype": "background"},
        ]
        content = {"asn_type": "tso-spec2", "products": [{"name": root, "members": members}]}
        (sky.parent / f"{root}_asn.json").write_text(json.dumps(content))


def test_what_is_delivered_is_taken_where_it_is_what_is_asked_for(sky: Path) -> None:
    observation = lrs.open_observation(sky.parent / science(sky, "calints")[0])
    delivered = [[name] for name in science(sky, "calints")]
    rates = [[name] for name in science(sky, "rateints")]
    assert observation.subtracted(1) is False
    nothing = lrs.Recipe(nods=lrs.Nods(subtract=False))
    assert stages(observation, nothing) == delivered
    np.testing.assert_array_equal(
        lrs.extract(observation, nothing).flux, lrs.extract(observation, lrs.Recipe()).flux
    )
    other = nothing.replace(pathloss=lrs.Pathloss("center"))
    assert stages(observation, other) == rates
    with pytest.raises(lrs.LRSExplorerError, match="no association at hand tells what is to be"):
        targets(observation, lrs.Recipe(nods=lrs.Nods(subtract=True)))
    with pytest.raises(lrs.LRSExplorerError, match="a time series, which has no other nods"):
        targets(observation, lrs.Recipe(nods=lrs.Nods(backgrounds="nods")))
    with pytest.raises(lrs.LRSExplorerError, match="run the pipeline with"):
        lrs.extract(observation, subtracting(sky.name))


def test_an_association_tells_what_is_subtracted_where_nothing_was_delivered(sky: Path) -> None:
    associate(sky)
    for name in science(sky, "calints") + science(sky, "x1dints"):
        (sky.parent / name).unlink()
    observation = lrs.open_observation(sky.parent / science(sky, "rateints")[0])
    assert observation.subtraction(1) == "as associated (on)"
    both = [[name, sky.name] for name in science(sky, "rateints")]
    for nods in (lrs.Nods(), lrs.Nods(subtract=True), lrs.Nods(backgrounds=(sky.name,))):
        assert stages(observation, lrs.Recipe(nods=nods)) == both
    alone = [[name] for name in science(sky, "rateints")]
    assert stages(observation, lrs.Recipe(nods=lrs.Nods(subtract=False))) == alone


def test_what_was_subtracted_and_is_not_at_hand_stays(sky: Path) -> None:
    """Another pathloss then begins with the calibrated images, not with the rateints."""
    for name in science(sky, "calints") + science(sky, "x1dints"):
        fits.setval(sky.parent / name, "S_BKDSUB", value="COMPLETE")
    again = lrs.Recipe(pathloss=lrs.Pathloss("center"))
    observation = lrs.open_observation(sky.parent / science(sky, "calints")[0])
    assert stages(observation, again) == [[name] for name in science(sky, "calints")]
    associate(sky)
    observation = lrs.open_observation(sky.parent / science(sky, "calints")[0])
    both = [[name, sky.name] for name in science(sky, "rateints")]
    assert stages(observation, again) == both


def test_the_rateints_of_every_segment_are_needed(sky: Path) -> None:
    (sky.parent / science(sky, "rateints")[1]).unlink()
    observation = lrs.open_observation(sky.parent / science(sky, "calints")[0])
    assert not observation.can_reprocess["backgrounds"]
    with pytest.raises(lrs.LRSExplorerError, match=r"cannot be chosen alone.*seg002.*rateints"):
        targets(observation, subtracting(sky.name))


def test_where_nothing_tells_a_note_says_so(sky: Path) -> None:
    for name in science(sky, "calints") + science(sky, "x1dints"):
        (sky.parent / name).unlink()
    observation = lrs.open_observation(sky.parent / science(sky, "rateints")[0])
    target, _ = targets(observation, lrs.Recipe())
    assert isinstance(target, PlannedProduct)
    flat = next(target.in_order())
    assert "nothing delivered, and no association, tells" in flat.parameters["note"]


def test_the_command_line_lists_and_subtracts_it(
    sky: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(sky.parent / science(sky, "calints")[0])
    assert main(["inspect", file, "--backgrounds"]) == 0
    assert f"· {sky.name}: BLANK-SKY (background target)" in capsys.readouterr().out
    out = tmp_path / "out"
    assert main(["reprocess", file, "-o", str(out), "--subtract", sky.name]) == 0
    recipe = json.loads(next(out.glob("*_recipe.json")).read_text())
    assert recipe["nods"]["backgrounds"] == [sky.name]
    assert main(["reprocess", file, "-o", str(tmp_path / "no"), "--subtract", "nods"]) == 2
    assert "which has no other nods" in capsys.readouterr().err
