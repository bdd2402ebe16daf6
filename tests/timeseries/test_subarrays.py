"""Each subarray of the LRS: simulated, calibrated by the real pipeline, extracted, fixed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from numpy.typing import NDArray

import lrs_explorer as lrs
from lrs_explorer.diagnosis.fix import fix
from lrs_explorer.model.data.instrument import SUBARRAYS, subarray_of
from lrs_explorer.model.observation.series import SeriesObservation

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module", params=list(SUBARRAYS))
def series(request: pytest.FixtureRequest, series_in: Callable[[str], Path]) -> SeriesObservation:
    """Return a calibrated series in each subarray."""
    observation = lrs.open_observation(series_in(request.param))
    assert isinstance(observation, SeriesObservation)
    return observation


def to_truth(series: SeriesObservation, spectra: lrs.TimeSeries) -> NDArray[np.floating]:
    """Return flux out of transit over that of the truth, where it counts."""
    truth = Table.read(series.folder / "truth.ecsv")
    curve = Table.read(series.folder / "truth_lightcurve.ecsv")
    counts = (spectra.wavelength > 5.2) & (spectra.wavelength < 11.9)
    out = np.asarray(curve["transit_shape"]) == 0
    flux = np.nanmedian(spectra.flux[out], axis=0)
    expected = np.interp(spectra.wavelength, truth["wavelength"], truth["flux"])
    ratio: NDArray[np.floating] = flux[counts] / expected[counts]
    return ratio


def test_it_is_told_by_its_geometry(series: SeriesObservation) -> None:
    header = dict(series.reference_header())
    header["SUBARRAY"] = "GENERIC"
    subarray = subarray_of(header)
    assert subarray is not None
    assert subarray.mode == series.mode
    assert series.series("calints").shape[1:] == subarray.shape


def test_what_is_extracted_is_what_the_pipeline_wrote(series: SeriesObservation) -> None:
    delivered = series.delivered_series()
    assert delivered is not None
    np.testing.assert_array_equal(lrs.extract(series).flux, delivered.flux)


def test_all_that_is_found_is_fixed(series: SeriesObservation, tmp_path: Path) -> None:
    """Every remedy fits the image; after all of them the real pipeline gives the true flux."""
    judged = {finding.issue: finding for finding in lrs.diagnose(series)}
    if series.mode == "slit":  # the source is off the slit's middle: its wavelengths are shifted
        assert judged["wavelength"].status == "suspect"
        assert "The source lies" in judged["wavelength"].why
    else:
        assert judged["wavelength"].status == "ok"
    assert not [one.issue for one in judged.values() if one.status == "unknown"]
    fixed = fix(lrs.Recipe.from_observation(series), judged.values())
    fixed = dataclasses.replace(fixed, uncertainty=lrs.Uncertainty())
    run = lrs.reprocess(series, fixed, tmp_path)
    assert isinstance(run.spectrum, lrs.TimeSeries)
    np.testing.assert_array_equal(lrs.extract(series, fixed).flux, run.spectrum.flux)
    ratio = to_truth(series, run.spectrum)
    assert np.median(ratio) == pytest.approx(1.0, abs=0.01)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.02


def test_the_sky_beside_the_trace_fits_the_image(series: SeriesObservation) -> None:
    if series.mode == "slit":
        pytest.skip("through the slit there are no columns of sky")
    recipe, trace = lrs.Recipe.from_observation(series), lrs.find_trace(series)
    assert trace is not None
    # The published aperture is 2 pixels from where the star is, and loses 3 % in the wings.
    recipe = recipe.replace(
        aperture=lrs.Aperture(trace.center, 12),
        background=lrs.Background(),
        slitless=dataclasses.replace(recipe.slitless, subtract=True),
    )
    ratio = to_truth(series, lrs.extract(series, recipe))
    assert np.median(ratio) == pytest.approx(1.0, abs=0.02)


def test_integrations_are_a_series_where_nothing_says_that_they_are_none(
    series: SeriesObservation, tmp_path: Path
) -> None:
    for path in series.products["rateints"]:
        with fits.open(path) as hdus:
            del hdus[0].header["TSOVISIT"]
            hdus.writeto(tmp_path / path.name)
    observation = lrs.open_observation(tmp_path)
    assert observation.is_series
    assert observation.subtracted(1) is None, "nothing was delivered that tells"
    assert observation.can_reprocess["pixel_replace"]


def test_made_anew_from_its_rateints_it_is_what_was_delivered(
    series: SeriesObservation, tmp_path: Path
) -> None:
    """Of the calints too: with a recipe for what the pipeline does by default."""
    folder = tmp_path / "rates"
    folder.mkdir()
    for path in series.products["rateints"]:
        (folder / path.name).symlink_to(path)
    run = lrs.reprocess(
        lrs.open_observation(folder), lrs.Recipe(mode=series.mode), tmp_path / "out"
    )
    made = {path.name: path for path in run.products}
    for path in (*series.products["calints"], *series.products["x1dints"]):
        assert path.name in made
        with fits.open(path) as ours, fits.open(made[path.name]) as theirs:
            for hdu in ("SCI", "ERR", "DQ") if "SCI" in ours else ("EXTRACT1D",):
                np.testing.assert_array_equal(ours[hdu].data, theirs[hdu].data)
            steps = {card: value for card, value in ours[0].header.items() if card[:2] == "S_"}
            assert steps == {card: theirs[0].header.get(card) for card in steps}
