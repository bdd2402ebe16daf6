"""The slitless demo: small, opened at once, and its transit is found."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.series.products import TimeSeries

FOLDER = Path(lrs.__file__).parent / "data" / "demo_slitless"


def demo() -> SeriesObservation:
    observation = lrs.demo("slitless")
    assert isinstance(observation, SeriesObservation)
    return observation


def test_it_is_small_and_says_that_it_is_simulated() -> None:
    assert sum(path.stat().st_size for path in FOLDER.rglob("*")) < 8e6
    observation = demo()
    assert observation.simulated
    assert observation.mode == "slitless"
    assert [len(observation.products[kind]) for kind in ("rateints", "calints", "x1dints")] == [
        2
    ] * 3


def test_opening_it_imports_no_pipeline() -> None:
    code = (
        "import sys, lrs_explorer as lrs; o = lrs.demo('slitless'); o.image(); "
        "o.delivered_series(); sys.exit('jwst' in sys.modules or 'stdatamodels' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_live_spectra_are_those_that_the_step_wrote() -> None:
    live, delivered = lrs.extract(demo()), demo().delivered_series()
    assert isinstance(live, TimeSeries)
    assert delivered is not None
    assert len(delivered) == 30
    for name in COLUMN_UNITS:
        assert np.array_equal(live.columns[name], delivered.columns[name], equal_nan=True), name
    assert np.array_equal(live.time, delivered.time)
    assert live.notes == ()


def test_its_transit_is_as_deep_as_the_truth() -> None:
    spectra = lrs.extract(demo())
    assert isinstance(spectra, TimeSeries)
    curve = Table.read(FOLDER / "truth_lightcurve.ecsv")
    truth = Table.read(FOLDER / "truth.ecsv")
    shape = np.asarray(curve["transit_shape"])
    inside = (spectra.wavelength > 5.5) & (spectra.wavelength < 11.5)
    flux = np.interp(spectra.wavelength, truth["wavelength"], truth["flux"])[inside]
    depth = np.interp(spectra.wavelength, truth["wavelength"], truth["transit_depth"])[inside]
    light = spectra.light_curve((5.5, 11.5)).flux / np.asarray(curve["source_factor"])
    found = 1 - np.median(light[shape == 1]) / np.median(light[shape == 0])
    assert abs(found - (flux * depth).sum() / flux.sum()) < 6e-4
