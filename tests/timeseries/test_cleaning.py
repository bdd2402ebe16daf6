"""Background, outliers, motion of the trace and width scan, against what is in the pixels."""

from __future__ import annotations

import gc
import json
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

import lrs_explorer as lrs
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.model.series.background import measure_background
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import open_series
from lrs_explorer.model.series.outliers import (
    Outliers,
    find_outliers,
    unfollowed,
    window_warning,
)
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.sky import SkySource, response_of
from lrs_explorer.model.stages.extract import stages_of
from lrs_explorer.model.stages.series_stages import SeriesStages

from .series_files import N_CROSS, N_WAVE, write_segment

SLITLESS = lrs.Recipe(mode="slitless")


@pytest.fixture(scope="module")
def stages() -> SeriesStages:
    made = stages_of(lrs.demo("slitless"))
    assert isinstance(made, SeriesStages)
    made.find_references()
    return made


@pytest.fixture(scope="module")
def truth(stages: SeriesStages) -> Table:
    return Table.read(stages.observation.folder / "truth_lightcurve.ecsv")


def choice(*columns: tuple[float, float], **changes: object) -> lrs.SlitlessBackground:
    return lrs.SlitlessBackground(True, columns, **changes)  # type: ignore[arg-type]


def sky_and_source(n: int = 6) -> np.ndarray:
    """Sky 100 + 10 t + row, and a source of 1000 in columns 10 to 12."""
    i, r, c = np.indices((n, N_WAVE, N_CROSS))
    data = 100.0 + 10.0 * i + r + np.where((c >= 10) & (c <= 12), 1000.0, 0.0)
    return data.astype(np.float32)


def test_the_background_of_each_integration_is_found_by_hand(tmp_path: Path) -> None:
    path = write_segment(tmp_path, data=sky_and_source(), count=6, kind="rateints")
    series = open_series("rateints", [path])
    background = measure_background(series, choice((3.5, 7.5), (17.5, 22.5)))
    by_hand = 100 + 10 * np.arange(6)[:, None] + np.arange(N_WAVE)
    np.testing.assert_allclose(background.level, by_hand)
    assert background.image(N_CROSS).shape == (N_WAVE, N_CROSS)
    np.testing.assert_allclose(background.image(N_CROSS)[4], 125 + 4)
    np.testing.assert_allclose(background.residuals, 0, atol=1e-4)
    assert background.drift[-1] > background.drift[0]
    # 9 pixels of variance 5, and a median's noise.
    np.testing.assert_allclose(background.variance, 1.2533**2 * 5 / 9, rtol=1e-6)
    left = background.subtracted(series).read(0, 6)
    np.testing.assert_allclose(left.data[..., 5], 0, atol=1e-3)
    np.testing.assert_allclose(left.data[..., 11], 1000, atol=1e-3)
    np.testing.assert_allclose(left.var_poisson / left.var_rnoise, 4.0, rtol=1e-5)


def test_one_background_for_the_exposure_leaves_the_drift(tmp_path: Path) -> None:
    path = write_segment(tmp_path, data=sky_and_source(), count=6, kind="rateints")
    series = open_series("rateints", [path])
    both = choice((3.5, 7.5), (17.5, 22.5), per_integration=False)
    background = measure_background(series, both)
    np.testing.assert_allclose(background.level, 125 + np.arange(N_WAVE) + np.zeros((6, 1)))
    np.testing.assert_allclose(background.residuals[0], 10 * np.arange(6) - 25, atol=1e-4)


def test_flagged_pixels_are_not_in_the_background(tmp_path: Path) -> None:
    data, dq = sky_and_source(), np.zeros((6, N_WAVE, N_CROSS))
    data[:, 3, 4:7] = 9999
    dq[:, 3, 4:7] = 1
    path = write_segment(tmp_path, data=data, dq=dq, count=6, kind="rateints")
    found = measure_background(
        open_series("rateints", [path]), choice((3.5, 7.5), statistic="mean")
    )
    np.testing.assert_allclose(found.level[:, 3], 103 + 10 * np.arange(6))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ((0, 8), r"\(0, 8\) covers reference pixels"),
        ((28, 44), "lies over the trace"),
        ((80, 90), "reaches beyond the image"),
        ((60.5, 72.0), "end at 71.5 or lower"),
        ((9.6, 10.4), "holds no whole pixel"),
    ],
)
def test_columns_that_cannot_serve_are_refused(
    stages: SeriesStages, columns: tuple[float, float], message: str
) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=message):
        stages.background(choice(columns))


def test_the_2d_background_removes_the_drift_of_the_demo(
    stages: SeriesStages, truth: Table
) -> None:
    background = stages.background(choice((12.5, 20.5), (53.5, 70.5)))
    drift = background.drift / background.drift.mean()
    sky = np.asarray(truth["background_factor_row208"])
    np.testing.assert_allclose(drift, sky / sky.mean(), atol=4e-3)


def test_cosmic_rays_are_found_and_little_else(stages: SeriesStages) -> None:
    found = stages.outliers(SLITLESS)
    record = json.loads((stages.observation.folder / "defects.json").read_text())
    planted = {tuple(hit) for hit in record["cosmic_rays"]}
    new = np.isfinite(found.significance)
    where = np.column_stack([found.integration, found.row, found.column])[new]
    flagged = {tuple(pixel) for pixel in where.tolist()}
    assert len(flagged & planted) > 0.9 * len(planted)
    assert len(flagged - planted) < 10
    assert found.image((416, 72)).sum() == len(found)


def test_outliers_are_masked_or_replaced_with_flags(stages: SeriesStages) -> None:
    found = stages.outliers(SLITLESS)
    first = int(np.flatnonzero(np.isfinite(found.significance))[0])
    t, row, column = (int(a[first]) for a in (found.integration, found.row, found.column))
    chunk = stages.observation.series().read(t, t + 1)
    masked, fixed = found.fix(chunk, "mask"), found.fix(chunk, "replace")
    assert np.isnan(masked.data[0, row, column])
    assert masked.dq is not None
    assert masked.dq[0, row, column] & 17 == 17  # DO_NOT_USE, OUTLIER
    assert fixed.dq is not None
    assert fixed.dq[0, row, column] & 1 == 0
    usual = stages.observation.series().statistic("median").data[row, column]
    sigma = np.sqrt(chunk.var_poisson + chunk.var_rnoise)[0, row, column]
    assert abs(fixed.data[0, row, column] - usual) < 5 * sigma
    assert abs(chunk.data[0, row, column] - usual) > 5 * sigma


def test_a_transit_is_no_outlier(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    data = sky_and_source(40) + rng.normal(0, 2, (40, N_WAVE, N_CROSS))
    data[15:25, :, 10:13] *= 0.9  # fifty sigmas deep
    data[8, 5, 11] += 60
    path = write_segment(tmp_path, data=data.astype(np.float32), count=40)
    found = find_outliers(open_series("calints", [path]), 8.0)
    assert list(zip(found.integration, found.row, found.column, strict=True)) == [(8, 5, 11)]


def test_the_scatter_falls_when_outliers_are_replaced(stages: SeriesStages, truth: Table) -> None:
    model = np.asarray(truth["source_factor"]) * (1 - 0.0106 * np.asarray(truth["transit_shape"]))
    rms = {}
    # The published aperture ends in the ring of this star's PSF, and would see the star move.
    on_trace = SLITLESS.replace(aperture=lrs.Aperture(37.4, 12))
    for how in ("off", "replace"):
        curve = stages.light(on_trace.replace(series=lrs.SeriesOptions(how))).light_curve(
            (5.5, 11.5)
        )
        rms[how] = np.std(curve.flux / model) / np.median(curve.flux)
    assert rms["replace"] < 0.7 * rms["off"]
    assert rms["replace"] < 1.2 * curve.expected_scatter


def test_pixels_flagged_by_hand_are_left_out_at_once(stages: SeriesStages) -> None:
    flagged = SLITLESS.replace(pixel_replace=lrs.PixelReplace(flagged=((1, 200, 36),)))
    row = 394 - 200
    before, after = stages.spectra(SLITLESS), stages.spectra(flagged)
    assert (after.column("NPIXELS")[:, row] == before.column("NPIXELS")[:, row] - 1).all()
    assert np.array_equal(after.flux[:, :row], before.flux[:, :row], equal_nan=True)


@pytest.mark.usefixtures("empty_cache")
def test_what_only_the_pipeline_can_do_is_said() -> None:
    stages = stages_of(lrs.demo("slitless"))
    stages.find_references()
    step = SLITLESS.replace(series=lrs.SeriesOptions("outlier_detection"))
    with pytest.raises(lrs.LRSExplorerError, match="run the pipeline"):
        stages.light(step)
    with pytest.raises(lrs.LRSExplorerError, match="mask or replace them"):
        stages.ways_to_background(step)
    replaced = SLITLESS.replace(pixel_replace=lrs.PixelReplace("fit_profile"))
    assert any("needs a pipeline run" in note for note in stages.light(replaced).notes)
    assert stages.light(_subtracted()).notes == (), "a 2-D background needs none"


def test_without_rateints_a_2d_background_is_a_preview(
    stages: SeriesStages, tmp_path: Path
) -> None:
    for path in stages.observation.products["calints"]:
        (tmp_path / path.name).symlink_to(path)
    alone = SeriesStages(lrs.open_observation(tmp_path))
    assert any("preview of the 2-D" in note for note in alone.series(_subtracted()).notes)
    assert alone.background(choice((12.5, 20.5), (53.5, 70.5))).unit == "MJy/sr"


def test_what_the_pipeline_makes_of_a_background_is_known(tmp_path: Path) -> None:
    """A flat field of columns, a conversion of rows, and a pixel that is missing at first."""
    rates = sky_and_source()
    made = np.outer(np.arange(N_WAVE) + 1.0, np.linspace(0.9, 1.1, N_CROSS))
    dq = np.zeros((6, N_WAVE, N_CROSS))
    dq[:, 5, 8] = 1
    paths = [
        write_segment(tmp_path, data=data.astype(np.float32), dq=flags, count=6, kind=kind)
        for kind, data, flags in (("rateints", rates, None), ("calints", rates * made, dq))
    ]
    rateints, calints = (
        open_series(k, [p]) for k, p in zip(("rateints", "calints"), paths, strict=True)
    )
    sky = SkySource(calints, rateints)
    assert sky.images is rateints
    assert sky.response is not None
    away = np.abs(sky.response / made - 1)
    assert away[5, 8] < 0.1, "as the others of its row"
    away[5, 8] = 0
    assert away.max() < 1e-6
    background = sky.measure(choice((3.5, 7.5), (17.5, 22.5)), None)
    assert background.unit == "DN/s"
    left = background.subtracted(calints).read(0, 6)
    np.testing.assert_allclose(left.data[..., 11], 1000 * made[:, 11] + np.zeros((6, 1)), rtol=1e-5)
    np.testing.assert_allclose(left.data[..., 20], 0, atol=2e-3)
    np.testing.assert_allclose(
        background.shared_variance, background.variance * (np.arange(N_WAVE) + 1.0) ** 2, rtol=0.02
    )
    taken = sky_and_source()
    taken[..., :] -= np.arange(6)[:, None, None] * 10.0
    other = write_segment(tmp_path, 2, data=taken, count=6, kind="calints")
    assert response_of(open_series("calints", [other]), rateints) is None, "not in proportion"
    assert SkySource(calints, None).images is calints


def _subtracted() -> lrs.Recipe:
    return SLITLESS.replace(
        slitless=choice((12.5, 20.5), (53.5, 70.5)), background=lrs.Background()
    )


def test_the_trace_is_followed_to_a_thousandth_of_a_pixel(
    stages: SeriesStages, truth: Table
) -> None:
    motion = stages.motion()
    moved = np.asarray(truth["position"])
    left = (motion.position - motion.position.mean()) - (moved - moved.mean())
    assert left.std() < 5e-4
    assert left.std() == pytest.approx(np.median(motion.position_error), rel=0.5)
    slope = np.polyfit(moved - moved.mean(), motion.position - motion.position.mean(), 1)[0]
    assert slope == pytest.approx(1.0, abs=0.05)
    phase = (np.arange(30) + 0.5) / 30
    widening = np.polyfit(phase, motion.fwhm / motion.fwhm.mean(), 1)[0]
    assert widening == pytest.approx(0.0037, abs=0.001)  # 0.004, but pixels do not widen
    assert motion.brightness[12:18].mean() / motion.brightness[[5, 6, 24, 25]].mean() < 0.992
    assert set(motion.correlation(motion.brightness)) == {"position", "fwhm"}


def test_an_aperture_that_follows_differs_by_the_motion(stages: SeriesStages) -> None:
    narrow = SLITLESS.replace(aperture=lrs.Aperture(36.2, 4))
    follows = narrow.replace(series=lrs.SeriesOptions(follow_trace=True))
    still, moving = stages.light(narrow), stages.light(follows)
    assert not np.array_equal(still.flux, moving.flux, equal_nan=True)
    np.testing.assert_allclose(moving.flux, stages.spectra(follows).flux, rtol=1e-10, atol=1e-13)


def test_without_a_trace_nothing_can_be_followed(stages: SeriesStages) -> None:
    from lrs_explorer.model.series.motion import trace_motion

    with pytest.raises(lrs.LRSExplorerError, match="no trace that could be followed"):
        trace_motion(stages.observation.series(), None)


def test_the_scan_finds_the_quietest_width(stages: SeriesStages) -> None:
    calls = []
    scan = stages.scan(
        SLITLESS.replace(series=lrs.SeriesOptions("replace")),
        progress=lambda done, total: calls.append((done, total)),
    )
    assert scan.scatter.shape == (len(scan.centers), len(scan.widths))
    assert calls[-1] == (scan.scatter.size, scan.scatter.size)
    least = np.unravel_index(np.nanargmin(scan.scatter), scan.scatter.shape)
    quietest = (scan.quietest.center, scan.quietest.width)
    assert quietest == (scan.centers[least[0]], scan.widths[least[1]])
    assert scan.of(scan.quietest) == np.nanmin(scan.scatter)
    # Narrow apertures lose light when the trace moves; from 5 to 9 pixels, what the wings have is
    # less than the sky's noise.
    assert scan.best.width >= 5
    assert (scan.expected > 0).all()
    assert not scan.cleaned


def test_the_scan_recommends_what_lies_on_the_trace(stages: SeriesStages) -> None:
    """Whatever the noise prefers by less than it can tell."""
    scan, trace = stages.scan(SLITLESS), stages.trace(SLITLESS)
    assert trace is not None
    assert scan.of(scan.best) <= np.nanmin(scan.scatter) * (1 + scan.tolerance)
    alike = (scan.scatter <= np.nanmin(scan.scatter) * (1 + scan.tolerance)).any(axis=1)
    nearest = np.abs(scan.centers[alike] - trace.center).min()
    assert abs(scan.best.center - trace.center) == nearest


def test_cosmic_rays_do_not_choose_an_aperture(stages: SeriesStages) -> None:
    """A scan of a recipe that keeps them is that of one that replaces them."""
    kept = stages.scan(SLITLESS)
    assert kept.cleaned
    replaced = stages.scan(SLITLESS.replace(series=lrs.SeriesOptions("replace")))
    np.testing.assert_array_equal(kept.scatter, replaced.scatter)
    assert kept.best == replaced.best


def _stepping(n: int, ingress: int) -> TimeSeries:
    """Return spectra of a source that loses 2 % within some integrations, and gains it again."""
    shape = np.ones(n)
    fall = np.linspace(0, 0.02, ingress + 1)[1:]
    middle = n // 2
    shape[middle - 20 : middle - 20 + ingress] -= fall
    shape[middle - 20 + ingress : middle + 20] -= 0.02
    shape[middle + 20 : middle + 20 + ingress] -= 0.02 - fall
    noise = np.random.default_rng(3).normal(0, 1e-4 * np.sqrt(50), (n, 50))
    flux = 1e-3 * (shape[:, None] + noise)
    columns = {
        "WAVELENGTH": np.linspace(5, 12, 50),
        "FLUX": flux,
        "FLUX_ERROR": np.full_like(flux, 1e-6),
    }
    return TimeSeries(columns, np.arange(n) * 1e-3)


def test_where_the_running_median_is_left_behind() -> None:
    fast, slow = _stepping(200, 4), _stepping(200, 16)
    ((first, last),) = unfollowed(fast, 41)
    assert first <= 84
    assert last >= 120
    ((first, one), (two, last)) = unfollowed(fast, 11)
    assert first <= 84 <= one < 100 < two <= 124 <= last
    assert unfollowed(slow, 3) == []
    none = Outliers(*(np.zeros(0, int),) * 3, np.zeros(0), np.zeros(0))
    said = window_warning(fast, none, 41)
    assert said.startswith("the source changes within the 41 integrations of the outliers' running")
    assert said.endswith("0 outliers were found there, no more than elsewhere")
    assert window_warning(fast, none, 41, harmless=False) == ""
    at = np.arange(76, 88)  # all within the stretch
    many = Outliers(at, at, at, np.ones(12), np.full(12, 6.0))
    said = window_warning(fast, many, 11)
    assert "12 outliers were found there where 0 are to be expected" in said
    assert said.endswith("a window of 3 would follow (series.outlier_window)")
    assert window_warning(slow, none, 3) == ""


def test_the_warning_is_among_the_notes(stages: SeriesStages) -> None:
    for window in (3, 11):
        recipe = SLITLESS.replace(series=lrs.SeriesOptions("replace", outlier_window=window))
        spectra = stages.spectra(recipe)
        said = stages.outlier_warning(recipe, spectra)
        assert bool(unfollowed(spectra, window)) is bool(said)
        harm = stages.outlier_warning(recipe, spectra, harmless=False)
        assert harm == ("" if "no more than elsewhere" in said else said)
        assert (harm in spectra.notes) is bool(harm)


@pytest.mark.parametrize(
    ("sky", "series"),
    [
        ({}, {}),
        ({"statistic": "mean"}, {}),
        ({"per_integration": False}, {}),
        ({}, {"outliers": "replace"}),
        ({"statistic": "mean"}, {"outliers": "mask"}),
        ({}, {"follow_trace": True}),
    ],
)
def test_while_columns_are_dragged_the_light_is_that_of_the_subtracted_images(
    stages: SeriesStages, sky: dict[str, object], series: dict[str, object]
) -> None:
    dragged = (4.7, 12.5), (53.5, 70.5)
    recipe = SLITLESS.replace(
        background=lrs.Background(),
        slitless=choice((12.5, 20.5), (53.5, 70.5), **sky),
        series=lrs.SeriesOptions(**series),  # type: ignore[arg-type]
    )
    now = stages.light(recipe)
    found = stages.light_of_columns(recipe, dragged)
    assert found is not None
    released = stages.light(recipe.replace(slitless=replace(recipe.slitless, columns=dragged)))
    before, under, after = (one.light_curve().flux for one in (now, found, released))
    assert np.abs(under / before - 1).max() > 1e-4, "it follows"
    follows = "follow_trace" in series  # the motion is that of what is shown
    np.testing.assert_allclose(under, after, rtol=2e-7 if follows else 1e-8)
    np.testing.assert_allclose(found.flux, released.flux, rtol=1e-4 if follows else 1e-6, atol=2e-8)
    np.testing.assert_array_equal(found.flux_error, now.flux_error)


def test_columns_whose_light_has_to_be_measured_first_have_none(stages: SeriesStages) -> None:
    recipe = _subtracted()
    stages.light(recipe)
    columns = ((4.7, 12.5), (53.5, 70.5))
    regions = recipe.replace(background=lrs.Background(((20, 25),)))
    assert stages.light_of_columns(regions, columns) is None, "two backgrounds"
    unread = recipe.replace(series=lrs.SeriesOptions("mask", 7.5))
    assert stages.light_of_columns(unread, columns) is None
    with pytest.raises(lrs.LRSExplorerError, match="lies over the trace"):
        stages.light_of_columns(recipe, ((28, 40),))


def test_pixels_are_not_read_again_for_other_reference_files() -> None:
    made = stages_of(lrs.demo("slitless"))
    assert isinstance(made, SeriesStages)
    before = made.light(SLITLESS)
    made.find_references()
    assert made.is_prepared(SLITLESS), "no wait in the middle of a drag"
    assert made.computed["series_extractor"] == 2
    assert made.computed["pixels"] == 1
    assert not np.array_equal(made.light(SLITLESS).flux, before.flux), "corrected for the aperture"


def test_pixels_of_former_backgrounds_are_not_kept(stages: SeriesStages) -> None:
    recipe = _subtracted()
    stages.light(recipe)
    former = weakref.ref(stages.series_extractor(recipe))
    for lower in (4.5, 5.5, 6.5, 7.5):
        stages.light(recipe.replace(slitless=choice((lower, 15.5), (53.5, 70.5))))
    gc.collect()
    assert former() is None


@pytest.mark.parametrize("statistic", ["median", "mean"])
def test_errors_hold_the_noise_of_a_background_that_pixels_share(
    tmp_path: Path, statistic: str
) -> None:
    n = 400
    noise = np.random.default_rng(3).normal(0.0, np.sqrt(5.0), (n, N_WAVE, N_CROSS))
    data = (100.0 + noise).astype(np.float32)
    data[..., 9:15] += 500.0
    made = open_series("calints", [write_segment(tmp_path, data=data, count=n)])
    background = measure_background(made, choice((3.5, 7.5), statistic=statistic))
    recipe = SLITLESS.replace(aperture=lrs.Aperture(11.5, 6.0), background=lrs.Background())
    extractor = SeriesExtractor(background.subtracted(made), packaged_references("slitless"))
    for found in (extractor.extract(recipe), extractor.flux(recipe)):
        light = found.light_curve((4.0, 14.0))
        assert np.std(light.flux) / np.median(light.flux) == pytest.approx(
            light.expected_scatter, rel=0.15
        )
    alone = extractor.extract(recipe).column("FLUX_ERROR")
    assert np.median(extractor.extract(recipe).flux_error / alone) > 1.4


def test_one_integration_goes_all_the_way(tmp_path: Path) -> None:
    observation = lrs.open_observation(write_segment(tmp_path, data=sky_and_source(1), count=1))
    assert isinstance(observation, SeriesObservation)
    single = stages_of(observation)
    recipe = SLITLESS.replace(
        aperture=lrs.Aperture(11, 3), background=lrs.Background(((3.5, 7.5),), "mean")
    )
    curve = single.light(recipe).light_curve()
    assert np.isfinite(curve.flux).all()
    assert np.isnan(curve.scatter.point_to_point)
    assert len(find_outliers(observation.series())) == 0
    swept = replace(recipe, series=lrs.SeriesOptions("replace"))
    np.testing.assert_allclose(single.light(swept).flux, single.light(recipe).flux)
