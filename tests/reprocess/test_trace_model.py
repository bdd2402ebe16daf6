"""adaptive_trace_model runs where a parameter file of CRDS asks for it, as in the pipeline."""

from __future__ import annotations

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


@pytest.mark.parametrize("algorithm", ["off", "mingrad"])
def test_it_runs_where_crds_asks_for_it(
    shared_slit: Path, asking: Path, tmp_path: Path, algorithm: str
) -> None:
    observation = lrs.open_observation(shared_slit, crds=asking)
    recipe = Recipe(
        pathloss=Pathloss("center"),
        pixel_replace=PixelReplace(algorithm),
        nods=Nods(1, subtract=False),
    )
    run = lrs.reprocess(observation, recipe, tmp_path / "ours")
    theirs = run_pipeline(
        "calwebb_spec2",
        next(shared_slit.glob("*_03102_00001_mirimage_rate.fits*")),
        tmp_path / "theirs",
        parameters={"steps": {"pixel_replace": {"skip": algorithm == "off"}}},
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
    assert fits.getdata(ours).shape[0] > 1.5 * fits.getdata(delivered).shape[0] or (
        fits.getdata(ours).shape[1] > 1.5 * fits.getdata(delivered).shape[1]
    )
    for name in ("SCI", "ERR", "WAVELENGTH"):
        assert fits.getdata(ours, name).tobytes() == fits.getdata(of_pipeline, name).tobytes()
