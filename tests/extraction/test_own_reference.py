"""An extract1d reference file of the user's own, in Python and on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.data.instrument import EXP_TYPES
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.simulator.pipeline_run import run_pipeline

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
S2D = DEMO / "jw90010001001_03102_00001_mirimage_s2d.fits"


def write(path: Path, **parameters: Any) -> Path:
    aperture = {
        "id": EXP_TYPES["slit"],
        "region_type": "target",
        "dispaxis": 2,
        "use_source_posn": False,
        "xstart": 15,
        "xstop": 21,
        "bkg_coeff": None,
        **parameters,
    }
    path.write_text(json.dumps({"apertures": [aperture]}))
    return path


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return write(tmp_path / "mine.json", extract_width=None)


def test_it_places_the_aperture_for_one_call(own: Path) -> None:
    observation = lrs.open_observation(S2D)
    default = lrs.extract(observation)
    spectrum = lrs.extract(observation, extract1d=own)
    assert spectrum.header["R_EXTR1D"] == "mine.json"
    recipe = lrs.Recipe(aperture=lrs.Aperture(18.0, 7.0), background=lrs.Background())
    drawn = lrs.extract(observation, recipe)
    np.testing.assert_array_equal(spectrum.columns["FLUX"], drawn.columns["FLUX"])
    again = lrs.extract(observation)  # that of CRDS
    np.testing.assert_array_equal(again.columns["FLUX"], default.columns["FLUX"])
    assert again.header["R_EXTR1D"] == default.header["R_EXTR1D"] != "mine.json"


def test_it_is_for_one_call_and_nothing_is_prepared_twice(own: Path) -> None:
    observation = lrs.open_observation(S2D)
    stages = kept_stages(observation)
    for _ in range(2):
        lrs.extract(observation, extract1d=own)
        assert stages.references.names["extract1d"] != "mine.json", "lrs.diagnose uses these too"
        lrs.extract(observation)
    assert stages.computed["extractor"] == 2


def test_it_is_read_again_when_it_has_changed(own: Path) -> None:
    observation = lrs.open_observation(S2D)
    first = lrs.extract(observation, extract1d=own)
    write(own, xstart=12, xstop=24)
    second = lrs.extract(observation, extract1d=own)
    assert first.header["EXTRXSTR"] != second.header["EXTRXSTR"] == 13


@pytest.mark.parametrize("content", ["[]", "{}", '{"apertures": 3}', '{"apertures": ["a"]}'])
def test_what_is_none_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "odd.json"
    path.write_text(content)
    with pytest.raises(lrs.LRSExplorerError, match=r"odd\.json is no extract1d reference file"):
        lrs.extract(lrs.open_observation(S2D), extract1d=path)


def test_one_for_another_mode_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "mine.json", id=EXP_TYPES["slitless"])
    with pytest.raises(lrs.LRSExplorerError, match="has no aperture for MIR_LRS-FIXEDSLIT"):
        lrs.extract(lrs.open_observation(S2D), extract1d=path)


def test_the_command_line_agrees(own: Path, tmp_path: Path) -> None:
    output = tmp_path / "x1d.fits"
    assert main(["extract", str(S2D), "-o", str(output), "--extract1d", str(own)]) == 0
    expected = lrs.extract(lrs.open_observation(S2D), extract1d=own)
    written = fits.getdata(output, "EXTRACT1D")
    np.testing.assert_array_equal(written["FLUX"], expected.columns["FLUX"])


@pytest.mark.pipeline
def test_a_run_agrees_with_the_step(shared_slit: Path, shared_crds: Path, tmp_path: Path) -> None:
    """Null is absent; the step takes it for a value, and fails."""
    places = {"xstart": 14.5, "xstop": 22.25, "bkg_coeff": [[4.5], [9.5]]}
    own = write(tmp_path / "mine.json", **places, bkg_order=None)
    plain = write(tmp_path / "plain.json", **places)
    observation = lrs.open_observation(shared_slit, crds=shared_crds)
    recipe = lrs.Recipe.from_observation(observation)
    run = lrs.reprocess(observation, recipe, tmp_path / "ours", extract1d=own)
    s2d = observation.image_path()
    theirs = run_pipeline(
        "extract_1d",
        s2d,
        tmp_path / "theirs",
        parameters={"override_extract1d": str(plain)},
        crds={
            "CRDS_PATH": str(shared_crds),
            "CRDS_SERVER_URL": "https://crds-serverless-mode.stsci.edu",
            "CRDS_CONTEXT": "jwst_0001.pmap",
            "CRDS_READONLY_CACHE": "1",
        },
    )
    (of_step,) = [path for path in theirs.products if path.suffix == ".fits"]
    expected = fits.getdata(of_step, "EXTRACT1D")
    for columns in (run.spectrum.columns, lrs.extract(observation, extract1d=own).columns):
        for name in expected.names:
            np.testing.assert_array_equal(columns[name], expected[name], err_msg=name)
