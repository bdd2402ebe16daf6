"""The live path for series: to the bit what Extract1dStep writes, and light curves beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from extraction.real_step import RealStep

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS
from lrs_explorer.model.live.references import References
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.references.crds_settings import crds_settings
from lrs_explorer.model.references.references import find_references
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import open_series
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.series_stages import SeriesStages

from .series_files import DAYS, N_CROSS, N_WAVE, write_segment

SLITLESS = lrs.Recipe(mode="slitless")
RECIPES = {
    "default": SLITLESS,
    "none": SLITLESS.replace(background=lrs.Background()),
    "mean": SLITLESS.replace(
        background=lrs.Background(((10, 18.3), (52.3, 60)), "mean"),
        aperture=lrs.Aperture(36.3, 9.4),
    ),
    "line": SLITLESS.replace(background=lrs.Background(((10, 18.3), (52.3, 60)), "poly", 1)),
    "smoothed": SLITLESS.replace(
        background=lrs.Background(((10, 18), (52.3, 60)), "poly", 2, smoothing_length=5)
    ),
    "smoothed median": SLITLESS.replace(
        background=lrs.Background(((10, 18), (52.3, 60)), "median", smoothing_length=7)
    ),
    "traced": SLITLESS.replace(
        aperture=lrs.Aperture(36, 9, (0.3, -1e-3)), background=lrs.Background(((10, 18.5),), "mean")
    ),
    "wide": SLITLESS.replace(aperture=lrs.Aperture(36, 31)),
}


@pytest.fixture(scope="module")
def references(shared_slitless: SeriesObservation) -> References:
    return find_references(shared_slitless)


@pytest.fixture(scope="module")
def short(shared_slitless: SeriesObservation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a calints with seven of the sixty integrations, one of them without any pixel."""
    path = (
        tmp_path_factory.mktemp("short") / "jw90002001001_04103_00001-seg001_mirimage_calints.fits"
    )
    with fits.open(shared_slitless.products["calints"][0]) as hdus:
        for hdu in hdus:
            if hdu.data is not None and hdu.data.ndim == 3:
                hdu.data = hdu.data[20:27].copy()
        hdus["DQ"].data[4] |= 1
        hdus["SCI"].data[5, 100:140, 30:50] = np.nan  # a whole aperture, without a flag
        hdus["SCI"].data[6, 200, 12:15] = np.nan  # some of the background
        hdus["DQ"].data[2, 150, 36] |= 1
        hdus.writeto(path)
    return path


@pytest.fixture(scope="module")
def extractor(short: Path, references: References) -> SeriesExtractor:
    return SeriesExtractor(open_series("calints", [short]), references)


@pytest.fixture(scope="module")
def step(
    shared_slitless: SeriesObservation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealStep]:
    settings, _ = crds_settings(shared_slitless)
    step = RealStep(settings, tmp_path_factory.mktemp("real_step"))
    yield step
    step.close()


def test_all_integrations_are_those_of_the_delivered_spectra(
    shared_slitless: SeriesObservation,
) -> None:
    live, delivered = lrs.extract(shared_slitless), shared_slitless.delivered_series()
    assert isinstance(live, TimeSeries)
    assert delivered is not None
    assert live.flux.shape == (60, 388)
    assert np.array_equal(live.time, delivered.time)
    for name in COLUMN_UNITS:
        assert np.array_equal(live.columns[name], delivered.columns[name], equal_nan=True), name


@pytest.mark.parametrize("name", RECIPES)
def test_every_column_is_that_of_the_step(
    name: str, extractor: SeriesExtractor, step: RealStep, short: Path, references: References
) -> None:
    live = extractor.extract(RECIPES[name])
    real = step.run(short, *extractor.step_parameters(RECIPES[name]), references).table
    for column in COLUMN_UNITS:
        expected = real[column][0] if column == "WAVELENGTH" else real[column]
        assert np.array_equal(live.columns[column], expected, equal_nan=True), column
    assert np.isnan(live.flux[4]).all()
    assert any("without a usable pixel: 5" in note for note in live.notes)


@pytest.mark.parametrize("name", RECIPES)
def test_the_quick_flux_agrees_to_1e_10(name: str, extractor: SeriesExtractor) -> None:
    quick, full = extractor.flux(RECIPES[name]).flux, extractor.extract(RECIPES[name]).flux
    assert np.array_equal(np.isnan(quick), np.isnan(full))
    scale = np.nanmax(np.abs(full))
    np.testing.assert_allclose(quick, full, rtol=1e-10, atol=1e-13 * scale)


def test_an_aperture_that_follows_the_trace_moves_by_parts_of_pixels(
    extractor: SeriesExtractor,
) -> None:
    shifts = np.array([0.0, 0.4, -1.0, 2.7, 0, -0.2, 0.1])
    recipe = SLITLESS.replace(aperture=lrs.Aperture(36, 9), background=lrs.Background())
    moved = extractor.extract(recipe, shifts)
    quick = extractor.flux(recipe, shifts)
    np.testing.assert_allclose(quick.flux, moved.flux, rtol=1e-10, atol=1e-14)
    for i in (1, 3):
        there = recipe.replace(aperture=lrs.Aperture(36 + shifts[i], 9))
        np.testing.assert_allclose(
            moved.flux[i], extractor.extract(there).flux[i], rtol=1e-12, atol=1e-14
        )


def test_sums_of_pixels_that_are_known(tmp_path: Path) -> None:
    """Each pixel says which it is, so every sum can be done by hand."""
    write_segment(tmp_path, 1, 0, 2)
    write_segment(tmp_path, 2, 2, 3)
    observation = lrs.open_observation(tmp_path)
    stages = stages_of(observation)
    assert isinstance(stages, SeriesStages)
    recipe = SLITLESS.replace(
        aperture=lrs.Aperture(10, 3),
        background=lrs.Background(),
        extraction=lrs.Extraction(apply_apcorr=False),
    )
    for spectra in (stages.spectra(recipe), stages.light(recipe)):
        assert spectra.flux.shape == (5, N_WAVE - 2)
        # Wavelength rises as the row falls; a pixel is 1e-6 sr, so Jy = MJy/sr.
        rows = np.arange(N_WAVE - 1, 1, -1)
        by_hand = 3 * (10000.0 * np.arange(1, 6)[:, None] + 100.0 * rows + 10)
        np.testing.assert_allclose(spectra.flux, by_hand, rtol=1e-12)
        np.testing.assert_allclose(spectra.flux_error, np.sqrt(3 * 5.0), rtol=1e-6)
        np.testing.assert_allclose(np.diff(spectra.time), DAYS, atol=1e-9)
    assert N_CROSS > 12


def test_two_drags_read_the_files_once(
    shared_slitless: SeriesObservation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = stages_of(shared_slitless)
    assert isinstance(stages, SeriesStages)
    stages.light(SLITLESS)
    monkeypatch.setattr("lrs_explorer.model.series.file.SeriesFile.read", None)
    stages.light(SLITLESS.replace(aperture=lrs.Aperture(35, 8)))
    stages.light(SLITLESS.replace(background=lrs.Background(((10, 14),), "mean")))
    assert stages.computed["light"] == 3
    assert stages.computed["series_extractor"] == 1


def test_an_optimal_extraction_of_a_series_is_refused(
    short: Path, references: References, shared_data: Path
) -> None:
    from dataclasses import replace

    psf = shared_data / "crds" / "references" / "jwst" / "miri" / "jwst_miri_psf_simslit.fits"
    extractor = SeriesExtractor(open_series("calints", [short]), replace(references, psf=psf))
    with pytest.raises(lrs.LRSExplorerError, match="extracted with a box"):
        extractor.extract(SLITLESS.replace(extraction=lrs.Extraction("optimal")))


def test_a_slit_recipe_is_refused(extractor: SeriesExtractor) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="the recipe is for slit data"):
        extractor.flux(lrs.Recipe())
