"""Rows that the weights of resampling have bent: told before it is run, gone with pixels alike."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.diagnosis import weights
from lrs_explorer.diagnosis.case import Case
from lrs_explorer.model.stages.extract import kept_stages

pytestmark = pytest.mark.pipeline

ALIKE = lrs.Recipe(resample=lrs.Resample("exptime"))


def judged(observation: lrs.Observation, recipe: lrs.Recipe) -> lrs.Finding:
    return weights.judge(Case(observation, recipe))


@pytest.mark.parametrize("nod", [1, 2, "combined"])
def test_what_is_told_is_what_a_run_changes(nod: int | str) -> None:
    """Of each row, within a tenth: the map of pixels is not drizzle's own to the last digit."""
    observation = lrs.demo("slit")
    recipe = ALIKE.replace(nods=lrs.Nods(nod))
    trace = lrs.find_trace(observation, lrs.Nods(nod))
    assert trace is not None
    placed = lrs.Recipe(nods=lrs.Nods(nod), aperture=lrs.Aperture(trace.center, 8.0))
    finding = judged(observation, placed)
    assert finding.status == "found"
    assert finding.remedy == placed.replace(resample=recipe.resample)
    stages = kept_stages(observation)
    assert finding.remedy is not None
    stages.make(finding.remedy)
    before, after = (stages.image(one) for one in (placed, finding.remedy))
    column = np.arange(before.shape[1])
    low, high = trace.center - 4.0, trace.center + 4.0
    part = np.clip(np.minimum(high, column + 0.5) - np.maximum(low, column - 0.5), 0, 1)
    change = np.nansum(part * (before.data - after.data), axis=1)
    told, _ = weights._change(Case(observation, placed))
    inside = (before.row_wavelength > 5) & (before.row_wavelength < 12)
    worst = np.argsort(-np.abs(change * inside))[:8]
    np.testing.assert_allclose(told[worst], change[worst], rtol=0.1)


def test_nothing_is_bent_where_pixels_weigh_alike() -> None:
    observation = lrs.demo("slit")
    stages = kept_stages(observation)
    stages.make(ALIKE)
    finding = judged(observation, ALIKE)
    assert finding.status == "ok"
    assert "exptime weights" in finding.why
    assert stages.image(ALIKE).header["RESWHT"] == "exptime"


def test_what_a_recipe_asks_for_waits_for_its_run() -> None:
    observation = lrs.demo("slit")
    recipe = ALIKE.replace(pathloss=lrs.Pathloss("offset", 0.0371))  # never run
    finding = judged(observation, recipe)
    assert finding.status == "ok"
    assert "the recipe has pixels weigh alike" in finding.why


@pytest.mark.parametrize("nod", [1, 2, "combined"])
def test_after_all_rounds_no_element_is_off(nod: int | str) -> None:
    """Over 5 to 12 micron, by more than five of its own scatter, or more than all of them are."""
    observation = lrs.demo("slit")
    done = lrs.fix_all(observation, lrs.Recipe(nods=lrs.Nods(nod)))
    assert done.left == [], done.lines
    assert 1 <= len(done.rounds) <= 3
    assert done.lines[-1] == "nothing more is found that needs fixing"
    assert [f.verdict for f in done.findings if f.issue == "MR-LRS06"] == ["corrected"]
    truth = Table.read(observation.folder / "truth.ecsv")
    spectrum = lrs.extract(observation, done.recipe)
    inside = (spectrum.wavelength > 5) & (spectrum.wavelength < 12)
    true = np.interp(spectrum.wavelength, truth["wavelength"], truth["flux"])
    off = (spectrum.flux / true - 1)[inside]
    scatter = 1.48 * np.median(np.abs(np.diff(off))) / np.sqrt(2)
    assert abs(np.median(off)) < 0.01
    assert np.sqrt(np.mean(off**2)) < 0.01
    noise = spectrum.flux_error[inside] / true[inside]
    size = np.abs(off - np.median(off)) / (noise * scatter / np.median(noise))
    assert size.max() < 5
