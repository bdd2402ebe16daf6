"""The exact path for series: files that the pipeline's own data models open, equal to the live."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.detector_pixels import series_pixels
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.series_stages import SeriesStages

pytestmark = pytest.mark.pipeline

RECIPE = lrs.Recipe(
    mode="slitless",
    background=lrs.Background(),
    slitless=lrs.SlitlessBackground(True, ((12.5, 20.5), (53.5, 70.5))),
    series=lrs.SeriesOptions("replace"),
)


@pytest.fixture(scope="module")
def demo() -> SeriesObservation:
    observation = lrs.demo("slitless")
    assert isinstance(observation, SeriesObservation)
    return observation


def test_the_stages_of_a_recipe(demo: SeriesObservation) -> None:
    plain = targets(demo, lrs.Recipe(mode="slitless"))
    assert plain == demo.products["calints"]
    first, second = targets(demo, RECIPE)
    assert isinstance(first, PlannedProduct)
    assert isinstance(second, PlannedProduct)
    assert [s.name for s in first.in_order()] == ["background", "calints", "outliers"]
    whole = RECIPE.replace(
        slitless=lrs.SlitlessBackground(True, RECIPE.slitless.columns, per_integration=False)
    )
    of_all, _ = targets(demo, whole)
    assert isinstance(of_all, PlannedProduct)
    assert next(of_all.in_order()).inputs == tuple(demo.products["rateints"])
    with pytest.raises(lrs.LRSExplorerError, match="the recipe is for slit data"):
        targets(demo, lrs.Recipe())


def test_columns_over_the_trace_are_refused_before_anything_runs(
    demo: SeriesObservation, tmp_path: Path
) -> None:
    bad = RECIPE.replace(slitless=lrs.SlitlessBackground(True, ((30, 42),)))
    with pytest.raises(lrs.LRSExplorerError, match="lies over the trace"):
        lrs.reprocess(demo, bad, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def run(
    demo: SeriesObservation, tmp_path_factory: pytest.TempPathFactory
) -> tuple[lrs.Run, Path, list[str]]:
    folder = tmp_path_factory.mktemp("run")
    patch = pytest.MonkeyPatch()
    patch.setenv("LRS_EXPLORER_CACHE", str(tmp_path_factory.mktemp("cache")))
    steps: list[str] = []
    made = lrs.reprocess(demo, RECIPE, folder, lambda p: steps.append(p.step))
    yield made, folder, steps
    patch.undo()


def test_everything_is_written_and_opens_again(run: tuple[lrs.Run, Path, list[str]]) -> None:
    made, folder, steps = run
    suffixes = sorted(p.name.rpartition("_")[2] for p in made.products if p.suffix == ".fits")
    assert suffixes == sorted(["rateints.fits", "calints.fits", "crfints.fits", "x1dints.fits"] * 2)
    assert [s for s in dict.fromkeys(steps) if s in ("assign_wcs", "photom", "extract_1d")] == [
        "assign_wcs",
        "photom",
        "extract_1d",
    ]
    again = lrs.open_observation(folder)
    assert isinstance(again, SeriesObservation)
    assert len(again.series("rateints")) == 30
    delivered = again.delivered_series()
    assert delivered is not None
    assert isinstance(made.spectrum, TimeSeries)
    assert np.array_equal(delivered.flux, made.spectrum.flux, equal_nan=True)
    assert any("HISTORY" in note for note in made.provenance["notes"])


def test_the_rateints_are_the_pipelines_own_kind(
    run: tuple[lrs.Run, Path, list[str]], demo: SeriesObservation
) -> None:
    made, _, _ = run
    path = next(p for p in made.products if p.name.endswith("seg001_mirimage_rateints.fits"))
    with fits.open(path) as hdus, fits.open(demo.products["rateints"][0]) as before:
        assert hdus[0].header["DATAMODL"] == "CubeModel"
        assert hdus[0].header["S_BKDSUB"] == "COMPLETE"
        assert any("2-D background" in str(line) for line in hdus[0].header["HISTORY"])
        taken = before["SCI"].data - hdus["SCI"].data
        row = taken[3, 200]
        assert np.nanstd(row) < 1e-3  # the same in all columns
        sides = before["SCI"].data[3, 200, [*range(13, 21), *range(54, 71)]]
        flags = before["DQ"].data[3, 200, [*range(13, 21), *range(54, 71)]] & 1
        assert np.nanmedian(row) == pytest.approx(np.median(sides[flags == 0]), rel=1e-5)
        assert (hdus["VAR_POISSON"].data[3, 200] > before["VAR_POISSON"].data[3, 200]).any()


def test_the_live_path_takes_over_what_the_pipeline_made(
    run: tuple[lrs.Run, Path, list[str]], demo: SeriesObservation, tmp_path: Path
) -> None:
    made, _, _ = run
    stages = stages_of(demo)
    assert isinstance(stages, SeriesStages)
    stages.find_references()
    preview = SeriesStages(lrs.demo("slitless"))
    preview.find_references()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRS_EXPLORER_CACHE", str(tmp_path))
        before = preview.spectra(RECIPE)
        assert "preview;" in preview.made_by(RECIPE)
    live = stages.spectra(RECIPE)
    assert live.notes == ()
    # The demo's products are rounded, so that its rateints are 1e-4 off its calints.
    for name, part in (("FLUX", 2e-3), ("FLUX_ERROR", 0.02)):
        inside = (live.wavelength > 5) & (live.wavelength < 11)
        shown, made_so = (one.column(name)[:, inside] for one in (before, live))
        assert np.median(np.abs(shown / made_so - 1)) < part / 10, "what the run gives"
        assert np.percentile(np.abs(shown / made_so - 1), 99) < part
    assert isinstance(made.spectrum, TimeSeries)
    assert np.array_equal(live.flux, made.spectrum.flux, equal_nan=True)
    narrower = stages.spectra(RECIPE.replace(aperture=lrs.Aperture(36, 6)))
    assert not np.array_equal(narrower.flux, live.flux, equal_nan=True)


def test_a_background_without_a_run_is_that_of_the_run(
    shared_slitless: SeriesObservation, tmp_path: Path
) -> None:
    recipe = RECIPE.replace(
        slitless=lrs.SlitlessBackground(True, ((5.0, 20.0), (54.0, 70.0))),
        series=lrs.SeriesOptions(),
    )
    other = recipe.replace(
        slitless=lrs.SlitlessBackground(True, ((8.0, 18.0), (56.0, 68.0))),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LRS_EXPLORER_CACHE", str(tmp_path / "cache"))
        stages = stages_of(shared_slitless)
        stages.find_references()
        assert stages.made_by(recipe) == "identical to a pipeline run"
        shown, light = stages.spectra(recipe), stages.light(recipe).light_curve().flux
        stages.light(other)
        dragged = stages.light_of_columns(other, recipe.slitless.columns)
        assert shown.notes == ()
        assert dragged is not None
        made = lrs.reprocess(shared_slitless, recipe, tmp_path / "out").spectrum
    assert isinstance(made, TimeSeries)
    np.testing.assert_allclose(shown.flux, made.flux, rtol=1e-6, atol=2e-8)  # errors are 2e-4
    run = made.light_curve().flux
    np.testing.assert_allclose(light, run, rtol=1e-7)
    np.testing.assert_allclose(dragged.light_curve().flux, run, rtol=1e-7)


def test_images_wait_for_the_pipeline_and_are_kept(demo: SeriesObservation) -> None:
    stages = SeriesStages(demo)
    recipe = lrs.Recipe(
        mode="slitless",
        pixel_replace=lrs.PixelReplace("mingrad", flagged=((1, 200, 36),)),
        series=lrs.SeriesOptions("mask", 6.5),
    )
    assert stages.made_by(lrs.Recipe(mode="slitless")) == ""
    assert stages.find_image(recipe) is None
    told = []
    made = stages.make(recipe, lambda progress: told.append(progress.step))
    assert "pixel_replace" in told
    assert "pixel_replace" in made.log
    image = stages.find_image(recipe)
    assert image is not None
    assert stages.made_by(recipe) == "made with this recipe"
    assert image.dq is not None
    pixels = series_pixels(stages, recipe)
    assert pixels.counts() == {"unusable": 0, "replaced": 40, "flagged": 1}
    assert np.argwhere(pixels.layers()["flagged"]).tolist() == [[200, 36]]
    other = recipe.replace(
        pixel_replace=lrs.PixelReplace(), series=lrs.SeriesOptions("replace", 6.5)
    )
    assert stages.find_image(other) is not None
    assert "preview;" in stages.made_by(other)
    sky = lrs.Recipe(mode="slitless", slitless=lrs.SlitlessBackground(True, ((5.5, 20.5),)))
    assert stages.made_by(sky) == "identical to a pipeline run"


def test_nothing_is_overwritten_unasked(
    run: tuple[lrs.Run, Path, list[str]], demo: SeriesObservation
) -> None:
    _, folder, _ = run
    with pytest.raises(lrs.LRSExplorerError, match="allow overwriting"):
        lrs.reprocess(demo, RECIPE, folder)


def test_a_cancelled_run_leaves_nothing(demo: SeriesObservation, tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(lrs.LRSExplorerError, match="cancelled"):
        lrs.reprocess(demo, RECIPE, tmp_path / "out", cancelled=cancelled)
    assert not (tmp_path / "out").exists()


def test_segments_without_calints_are_made_and_taken_over(
    demo: SeriesObservation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The background is subtracted from all rateints, of whichever segments calints are here."""
    monkeypatch.setenv("LRS_EXPLORER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "half"
    folder.mkdir()
    for path in (*demo.products["rateints"], demo.products["calints"][0]):
        shutil.copy(path, folder)
    half = lrs.open_observation(folder)
    recipe = RECIPE.replace(series=lrs.SeriesOptions())
    assert isinstance(half, SeriesObservation)
    assert len(half.series()) == 15
    made = lrs.reprocess(half, recipe, tmp_path / "out")
    assert isinstance(made.spectrum, TimeSeries)
    stages = stages_of(half)
    assert isinstance(stages, SeriesStages)
    stages.find_references()
    live = stages.spectra(recipe)
    assert len(live) == 30
    assert np.array_equal(live.flux, made.spectrum.flux, equal_nan=True)
    assert stages.light_of_columns(recipe, recipe.slitless.columns) is None
    ui = lrs.Explorer(folder)
    (tab,) = (one for one in ui._controller.panels if type(one).__name__ == "TimeTab")
    assert ui.spectrum is not None  # waits for all that is done in the background
    plain = ui.recipe
    for chosen, count in ((recipe, 30), (plain, 15)):
        ui.recipe = chosen
        ui._controller.finish()
        assert len(tab._curves[0].flux) == len(tab.view._time) == count
