"""Nods in the subarray of the slit: the same steps, other pixels."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from common import Once

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import SUBARRAYS
from lrs_explorer.model.references.crds_settings import SERVERLESS
from lrs_explorer.simulator.observation import simulate_slit
from lrs_explorer.simulator.processing import process_slit
from lrs_explorer.simulator.references import CONTEXT, reference_paths
from lrs_explorer.simulator.scene import SlitScene

pytestmark = pytest.mark.pipeline

SCENE = SlitScene(
    subarray="SUBSLIT", ramps=True, n_groups=15, n_integrations=1, flux_level=0.01, cosmic_rays=40
)


@pytest.fixture(scope="module")
def folder(crds_cache: Path, once: Once) -> Path:
    """Return the folder of two nods in SUBSLIT, as the pipeline makes them of ramps."""

    def make(folder: Path) -> Path:
        process_slit(simulate_slit(SCENE, folder), crds_cache, folder, combine=False)
        return folder

    return once("subslit", make)


def test_its_nods_are_extracted_where_the_pipeline_does(folder: Path) -> None:
    observation = lrs.open_observation(folder)
    assert not observation.is_series
    assert observation.find("cal", 1) is not None
    for number in (1, 2):
        delivered = observation.delivered(lrs.Nods(number))
        assert delivered is not None
        live = lrs.extract(observation, lrs.Recipe(nods=lrs.Nods(number)))
        np.testing.assert_array_equal(live.flux, delivered.flux)


def test_another_threshold_is_pasted_where_the_subarray_begins(
    folder: Path, tmp_path: Path
) -> None:
    observation = lrs.open_observation(folder)
    recipe = lrs.Recipe(jump=lrs.Jump(4.0))  # that of the pipeline: the same rate
    run = lrs.reprocess(observation, recipe, tmp_path)
    rate = next(path for path in run.products if path.name.endswith("_00001_mirimage_rate.fits"))
    assert fits.getdata(rate, "SCI").shape == SUBARRAYS["SUBSLIT"].shape
    delivered = fits.getdata(observation.find("rate", 1), "SCI")
    np.testing.assert_array_equal(fits.getdata(rate, "SCI"), delivered)
    assert isinstance(run.spectrum, lrs.Spectrum)
    expected = observation.delivered(lrs.Nods(1))
    assert expected is not None
    np.testing.assert_array_equal(run.spectrum.flux, expected.flux)


def test_positions_are_those_of_the_whole_detector(folder: Path, tmp_path: Path) -> None:
    """On the cal, whose pixels are those of the subarray, as on the s2d."""
    whole = lrs.open_observation(folder)
    for name in ("cal", "rate"):
        for path in whole.products[name]:
            (tmp_path / path.name).symlink_to(path)
    for path in whole.products["ta"]:
        (tmp_path / path.name).symlink_to(path)
    found = {}
    for observation in (whole, lrs.open_observation(tmp_path)):
        findings = {finding.issue: finding for finding in lrs.diagnose(observation)}
        assert findings["MR-LRS04"].status == "ok", findings["MR-LRS04"].why
        evidence = {one.name: one.value for one in findings["MR-LRS04"].evidence}
        found[observation.number(), len(found)] = evidence["source across the slit"]
    first, second = found.values()
    assert first == pytest.approx(second, abs=1e-3)
    assert first == pytest.approx(SCENE.slit_offset, abs=0.01)


def test_a_verification_image_that_jwst_misplaces_is_refused(folder: Path, tmp_path: Path) -> None:
    """It would correct for a place outside of the slit, in silence."""
    observation = lrs.open_observation(folder)
    recipe = lrs.Recipe(pathloss=lrs.Pathloss("ta"))
    with pytest.raises(lrs.LRSExplorerError, match="counts pixels of the verification image as"):
        lrs.reprocess(observation, recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_where_jwst_cannot_place_the_slit_one_sentence_says_so(
    folder: Path, crds_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CRDS with the specwcs of the whole detector alone, which jwst 3.0 does not convert."""
    cache = tmp_path / "crds"
    shutil.copytree(crds_cache, cache)
    whole, part = reference_paths(cache, "specwcs", "slit")
    shutil.copyfile(whole, part)
    rates = tmp_path / "rates"
    rates.mkdir()
    for path in lrs.open_observation(folder).products["rate"]:
        (rates / path.name).symlink_to(path)
    monkeypatch.setenv("CRDS_CONTEXT", CONTEXT)
    monkeypatch.setenv("CRDS_SERVER_URL", SERVERLESS)
    observation = lrs.open_observation(rates, crds=cache)
    with pytest.raises(lrs.LRSExplorerError) as error:
        lrs.reprocess(observation, lrs.Recipe(), tmp_path / "out")
    assert "cannot calibrate the slit in SUBSLIT with jwst_miri_specwcs_0003.fits" in str(
        error.value
    )
    assert not (tmp_path / "out").exists()
