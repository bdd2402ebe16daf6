"""adaptive_trace_model runs where a recipe or CRDS asks for it, as in the pipeline."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import asdf
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer import Nods, Pathloss, PixelReplace, Recipe
from lrs_explorer.simulator.pipeline_run import run_pipeline

from .conftest import add_parameters

pytestmark = pytest.mark.pipeline


@pytest.fixture
def asking(cache: Path) -> Path:
    """Return a cache that asks for the step, with its trace oversampled."""
    name = "jwst_miri_pars-adaptivetracemodelstep_0001.asdf"
    path = add_parameters(cache, "adaptivetracemodelstep", name)
    tree = {
        "class": "jwst.adaptive_trace_model.AdaptiveTraceModelStep",
        "name": "adaptive_trace_model",
        "parameters": {"skip": False, "oversample": 2.0},
    }
    asdf.AsdfFile(tree).write_to(path)
    return cache


ASKED = lrs.AdaptiveTraceModel(skip=False, fit_threshold=5.0)


@pytest.mark.parametrize("by", ["recipe", "CRDS"])
@pytest.mark.parametrize("algorithm", ["off", "mingrad"])
def test_it_runs_where_it_is_asked_for(
    shared_slit: Path, request: pytest.FixtureRequest, tmp_path: Path, algorithm: str, by: str
) -> None:
    asking: Path = request.getfixturevalue("asking" if by == "CRDS" else "cache")
    observation = lrs.open_observation(shared_slit, crds=asking)
    recipe = Recipe(
        adaptive_trace_model=ASKED if by == "recipe" else lrs.AdaptiveTraceModel(),
        pathloss=Pathloss("center"),
        pixel_replace=PixelReplace(algorithm),
        nods=Nods(1, subtract=False),
    )
    run = lrs.reprocess(observation, recipe, tmp_path / "ours")
    steps = {"pixel_replace": {"skip": algorithm == "off"}}
    if by == "recipe":
        steps["adaptive_trace_model"] = dataclasses.asdict(ASKED)
    theirs = run_pipeline(
        "calwebb_spec2",
        next(shared_slit.glob("*_03102_00001_mirimage_rate.fits*")),
        tmp_path / "theirs",
        parameters={"steps": steps},
        crds={
            "CRDS_PATH": str(asking),
            "CRDS_SERVER_URL": "https://crds-serverless-mode.stsci.edu",
            "CRDS_CONTEXT": "jwst_0001.pmap",
            "CRDS_READONLY_CACHE": "1",
        },
    )
    ours, of_pipeline = (
        next(path for path in products if path.name.endswith("_s2d.fits"))
        for products in (run.products, theirs.products)
    )
    assert fits.getval(of_pipeline, "S_TRCMOD") == "COMPLETE"
    assert set(fits.getheader(ours)) == set(fits.getheader(of_pipeline))
    delivered = observation.find("s2d", 1)
    assert delivered is not None
    finer = fits.getdata(ours).shape[1] > 1.5 * fits.getdata(delivered).shape[1]
    assert finer == (by == "CRDS")
    said = any("pixels for one of the detector" in one for one in run.provenance["notes"])
    assert said == finer
    for name in ("SCI", "ERR", "WAVELENGTH"):
        assert fits.getdata(ours, name).tobytes() == fits.getdata(of_pipeline, name).tobytes()


def test_a_recipe_leaves_it_out_where_crds_asks_for_it(
    shared_slit: Path, asking: Path, tmp_path: Path
) -> None:
    observation = lrs.open_observation(shared_slit, crds=asking)
    part = lrs.AdaptiveTraceModel(skip=True)
    recipe = Recipe(
        pathloss=Pathloss("center"), nods=Nods(1, subtract=False), adaptive_trace_model=part
    )
    run = lrs.reprocess(observation, recipe, tmp_path)
    s2d = next(path for path in run.products if path.name.endswith("_s2d.fits"))
    assert fits.getval(s2d, "S_TRCMOD") == "SKIPPED"
    handed_over = next(path for path in run.products if path.name.endswith("_pipeline.json"))
    steps = json.loads(handed_over.read_text())["calwebb_spec2"]["steps"]
    assert steps["adaptive_trace_model"] == {"skip": True}


@pytest.mark.parametrize(
    ("field", "value"), [("slope_limit", -0.5), ("skip", "no"), ("fit_threshold", float("nan"))]
)
def test_what_it_cannot_be_asked_for(field: str, value: object) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=f"adaptive_trace_model.{field}"):
        dataclasses.replace(ASKED, **{field: value})


def test_it_is_for_exposures_of_the_slit_alone() -> None:
    series = lrs.demo("slitless")
    assert "cannot be redone here" in series.why_not("adaptive_trace_model")
    assert lrs.demo().can_reprocess["adaptive_trace_model"]
