"""`lrs.sweep`: every variant is what `lrs.extract` gives, and the error is theirs."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.runs.reprocessor import StepProgress
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.model.sweep.choices import CHOICES, checked, in_words, read_choice, read_values
from lrs_explorer.model.sweep.defaults import default_values, offered_values
from lrs_explorer.model.sweep.sweep import Sweep, at_wavelengths

DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"
STEM = "jw90010001001_03102_00001_mirimage"
SIDES = ((2.0, 6.0), (25.0, 29.0))


@pytest.fixture(scope="module")
def demo() -> lrs.Observation:
    return lrs.demo("slit")


@pytest.fixture(scope="module")
def recipe(demo: lrs.Observation) -> lrs.Recipe:
    trace = lrs.find_trace(demo)
    assert trace is not None
    return lrs.Recipe.from_observation(demo).replace(aperture=lrs.Aperture(trace.center, 8.0))


@pytest.fixture(scope="module")
def found(demo: lrs.Observation, recipe: lrs.Recipe) -> Sweep:
    """Return a sweep in which a variant leaves the image."""
    return lrs.sweep(
        demo,
        recipe,
        choices={
            "width": [None, 6.0, 10.5],
            "center": [18.0, None, 99.0],
            "background": ["none", SIDES],
            "bkg_fit": ["poly", "median"],
            "extraction_type": ["box", "optimal"],
        },
    )


def test_every_variant_is_what_extract_gives(demo: lrs.Observation, found: Sweep) -> None:
    assert len(found.variants) == 3 * 3 * 2 * 2 * 2
    for variant in found.variants:
        if variant.problem:
            with pytest.raises(lrs.LRSExplorerError) as refused:
                lrs.extract(demo, variant.recipe)
            assert variant.problem == str(refused.value)
            assert np.isnan(variant.flux).all()
            continue
        spectrum = lrs.extract(demo, variant.recipe)
        assert isinstance(spectrum, lrs.Spectrum)
        expected = np.full(len(found.wavelength), np.nan)
        # Of a mean over other columns wavelengths are rounded otherwise.
        same = np.isin(np.round(found.wavelength, 9), np.round(spectrum.wavelength, 9))
        expected[same] = spectrum.flux
        np.testing.assert_array_equal(variant.flux, expected, err_msg=variant.label)


def test_the_band_is_that_of_the_variants(found: Sweep) -> None:
    systematic, good = found.systematic, [v for v in found.variants if not v.problem]
    assert systematic.variants == len(good) == 48
    assert systematic.number_failed == len(found.failed) == 24
    assert all("lies outside the image" in why for why in systematic.failed)
    flux = np.array([variant.flux for variant in good])
    inside = (systematic.wavelength > 5) & (systematic.wavelength < 12)
    low, high = np.percentile(flux[:, inside], (15.87, 84.13), axis=0)
    np.testing.assert_allclose(systematic.low[inside], low)
    np.testing.assert_allclose(systematic.high[inside], high)
    np.testing.assert_allclose(systematic.error[inside], flux[:, inside].std(axis=0))
    relative = systematic.error / systematic.flux
    np.testing.assert_allclose(systematic.relative_error[inside], relative[inside])
    for one in systematic.bins:
        within = (systematic.wavelength >= one.lower) & (systematic.wavelength < one.upper)
        assert one.error == pytest.approx(flux[:, within].mean(axis=1).std())
        assert one.flux == pytest.approx(found.spectrum.flux[within].mean())
    assert [(one.lower, one.upper) for one in systematic.bins] == [(n, n + 1) for n in range(5, 12)]


def test_its_own_spectrum_is_that_of_the_recipe(
    demo: lrs.Observation, recipe: lrs.Recipe, found: Sweep
) -> None:
    own = lrs.extract(demo, recipe)
    for name, values in own.columns.items():
        np.testing.assert_array_equal(found.spectrum.columns[name], values)
    assert found.spectrum.systematic is found.systematic
    (same,) = [v for v in found.variants if v.recipe == recipe and v.values["bkg_fit"] == "poly"]
    assert same.label == "as chosen"
    np.testing.assert_array_equal(same.flux, own.flux)


def test_what_does_nothing_contributes_nothing(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    """There is no background, so how it is fitted, and smoothed, does not matter."""
    found = lrs.sweep(
        demo, recipe, choices={"bkg_fit": ["poly", "median"], "width": [7, 9], "bkg_order": [0, 1]}
    )
    for name in ("bkg_fit", "bkg_order"):
        for parts in (found.systematic.parts, found.systematic.with_others):
            part = parts[name] / found.systematic.error
            np.testing.assert_allclose(part[np.isfinite(part)], 0, atol=1e-9)
    np.testing.assert_allclose(found.systematic.parts["width"], found.systematic.error, rtol=1e-9)
    assert all(one.shares["width"] == pytest.approx(1) for one in found.systematic.bins)


def test_what_is_varied_by_default(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    values = default_values(kept_stages(demo), recipe)
    center = recipe.aperture.center  # type: ignore[union-attr]
    assert values["center"] == (round(center - 0.25, 3), None, round(center + 0.25, 3))
    assert values["width"] == (6, 7, None, 9, 10)
    none, sides = values["background"]
    assert none is None
    for lower, upper in sides:
        assert upper <= center - 6 or lower >= center + 6
    assert set(values) == {"center", "width", "background", "bkg_fit", "bkg_order"}
    # A nod was subtracted, whose trace the PSF of optimal extraction does not have: if named only.
    more = default_values(kept_stages(demo), recipe, exact=True)
    assert set(more) == {*values, "pixel_replace", "rejection_threshold"}
    offered = offered_values(kept_stages(demo), recipe)
    assert offered == more | {"extraction_type": (None, "optimal")}
    assert more["pixel_replace"] == (None, "fit_profile", "mingrad", "trace_model")
    assert more["rejection_threshold"] == (None, 6, 8)
    found = lrs.sweep(demo, recipe)
    assert len(found.variants) == 3 * 5 * 2 * 2 * 2
    assert not found.failed
    # The aperture lies on the trace: what an aperture of another width misses is corrected for, but
    # for half a per cent.
    assert all(0 < one.relative < 0.01 for one in found.systematic.bins)
    most = [max(one.shares, key=one.shares.__getitem__) for one in found.systematic.bins]
    assert set(most) == {"width"}
    assert found.systematic.notes == ()
    both = lrs.sweep(demo, recipe, choices=[*values, "extraction_type"])
    assert len(both.variants) == 2 * len(found.variants)
    (note,) = both.systematic.notes
    assert note.startswith("optimal against box extraction, all else as chosen, is −")


def test_regions_that_there_are_are_moved(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    own = recipe.replace(background=lrs.Background(((3.0, 7.0), (25.0, 29.0)), bkg_fit="median"))
    values = default_values(kept_stages(demo), own)
    moved = ((2.0, 6.0), (26.0, 30.0)), ((4.0, 8.0), (24.0, 28.0))
    # The other nod has been subtracted, so it can do without.
    assert values["background"] == (None, *moved, ())
    assert values["bkg_fit"] == (None, "poly")
    alone = own.replace(background=lrs.Background(SIDES[:1]))
    assert "bkg_order" not in default_values(kept_stages(demo), alone)


def test_an_aperture_beside_the_trace_is_told(demo: lrs.Observation) -> None:
    found = lrs.sweep(demo, choices=["center"])
    assert "the trace is at 18.33 px" in found.systematic.notes[0]


def test_how_far_it_is_is_told_and_it_can_be_cancelled(
    demo: lrs.Observation, recipe: lrs.Recipe
) -> None:
    told: list[StepProgress] = []
    lrs.sweep(demo, recipe, choices={"width": [6, 7, 8]}, progress=told.append)
    assert (told[-1].step, told[-1].number, told[-1].total) == ("extract_1d", 3, 3)
    stop = threading.Event()
    stop.set()
    with pytest.raises(lrs.LRSExplorerError, match="was cancelled"):
        lrs.sweep(demo, recipe, cancelled=stop)


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"widht": [6, 7]}, "'widht' is no choice that can be varied; there are center, width"),
        ({"width": []}, "width has no values"),
        ({}, "no choice is given"),
        ({"width": "6,7"}, "values of width must be a list"),
        ({"width": [6, -1]}, "values of width: aperture width must be more than 0 pixels"),
        ({"width": [6, "x"]}, "values of width: aperture width must be a number"),
        ({"background": [SIDES[0]]}, "values of background: a background region must be a pair"),
        ({"background": [lrs.Background(SIDES)]}, "values of background are regions alone"),
        ({"pixel_replace": ["magic"]}, "values of pixel_replace: pixel_replace algorithm must be"),
        ({"rejection_threshold": [0]}, "values of rejection_threshold: .* more than 0 sigma"),
        ({"apply_apcorr": None}, "apply_apcorr has no values by default"),
        ({"width": [7]}, "1 of 1 variants could be extracted, and two are needed"),
        ({"center": [99, 100]}, "0 of 2 variants .* lies outside the image"),
        ({"center": np.arange(200.0), "width": np.arange(1, 200)}, "39800 variants, more than"),
    ],
)
def test_bad_choices(
    demo: lrs.Observation, recipe: lrs.Recipe, choices: dict[str, Any], message: str
) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=message):
        lrs.sweep(demo, recipe, choices=choices)


def edited(folder: Path, change: Callable[[fits.HDUList], None]) -> lrs.Observation:
    with fits.open(DEMO / f"{STEM}_s2d.fits") as hdus:
        change(hdus)
        hdus.writeto(folder / f"{STEM}_s2d.fits")
    return lrs.open_observation(folder / f"{STEM}_s2d.fits")


def test_an_image_without_a_value(tmp_path: Path) -> None:
    def empty(hdus: fits.HDUList) -> None:
        hdus["SCI"].data[:] = np.nan

    with pytest.raises(lrs.LRSExplorerError, match="holds no usable pixel: all of SCI is NaN"):
        lrs.sweep(edited(tmp_path, empty))


def test_an_aperture_on_nothing(tmp_path: Path) -> None:
    def empty(hdus: fits.HDUList) -> None:
        hdus["SCI"].data[:, :22] = np.nan

    observation = edited(tmp_path, empty)
    with pytest.raises(lrs.LRSExplorerError, match="covers no valid pixel: all are NaN"):
        lrs.sweep(observation, lrs.Recipe(aperture=lrs.Aperture(10.0, 6.0)))
    found = lrs.sweep(
        observation,
        lrs.Recipe(aperture=lrs.Aperture(28.0, 6.0)),
        choices={"center": [10, 28, 29], "width": [5, 6]},
    )
    assert found.systematic.variants == 4
    assert {v.values["center"] for v in found.failed} == {"10"}
    assert "2 of 6 variants could not be extracted" not in found.systematic.sentence
    assert sum("covers no valid pixel" in text for text in found.systematic.failures) == 2


def test_jumps_of_a_series_are_refused() -> None:
    series = lrs.demo("slitless")
    with pytest.raises(lrs.LRSExplorerError, match="rejection_threshold cannot be varied: jump"):
        lrs.sweep(series, choices=["rejection_threshold"])


def test_a_series_by_its_typical_image() -> None:
    series = lrs.demo("slitless")
    recipe = lrs.Recipe.from_observation(series)
    found = lrs.sweep(series, recipe, choices={"width": [None, 10], "background": [None, "none"]})
    assert "of the typical image" in found.systematic.notes[0]
    own = kept_stages(series).spectrum(recipe)
    np.testing.assert_array_equal(found.spectrum.flux, own.flux)
    # Without a background all of the sky is in the flux; below 7 µm the star outshines it.
    shares = [one.shares["background"] for one in found.systematic.bins]
    assert min(shares) > 0.85
    assert min(shares[2:]) > 0.95
    suggested = default_values(kept_stages(series), recipe)["background"]
    assert () not in suggested
    assert len(suggested) == 3


def test_errors_by_the_bootstrap_stay(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    own = recipe.replace(uncertainty=lrs.Uncertainty("bootstrap", 20))
    found = lrs.sweep(demo, own, choices={"width": [7, 9]})
    np.testing.assert_array_equal(found.spectrum.flux_error, lrs.extract(demo, own).flux_error)


def test_wavelengths_that_are_corrected(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    own = recipe.replace(wavelength=lrs.Wavelength(0.1))
    found = lrs.sweep(demo, own, choices={"width": [7, None, 9]})
    np.testing.assert_array_equal(found.wavelength, lrs.extract(demo, own).wavelength)
    np.testing.assert_array_equal(found.variants[1].flux, lrs.extract(demo, own).flux)


@pytest.mark.pipeline
def test_images_that_the_pipeline_makes(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    """Each algorithm runs once; every variant is what `lrs.extract` then gives."""
    told: list[StepProgress] = []
    # Images that no other test looks for: they share what is kept of runs.
    recipe = recipe.replace(pixel_replace=lrs.PixelReplace("off", n_adjacent_cols=5))
    found = lrs.sweep(
        demo,
        recipe,
        choices={"pixel_replace": ["fit_profile", "mingrad"], "width": [6.0, None]},
        progress=told.append,
    )
    assert {"pixel_replace", "resample_spec", "extract_1d"} <= {one.step for one in told}
    assert len(found.variants) == 4
    for variant in found.variants:
        spectrum = lrs.extract(demo, variant.recipe)
        np.testing.assert_array_equal(variant.flux, spectrum.flux)
    algorithms = [v.recipe.pixel_replace.algorithm for v in found.variants]
    assert algorithms == ["fit_profile", "mingrad"] * 2
    assert found.log
    again: list[StepProgress] = []
    lrs.sweep(demo, recipe, choices=found_choices(found), progress=again.append)
    assert {one.step for one in again} == {"extract_1d"}  # the cache has them


def found_choices(found: Sweep) -> dict[str, tuple[Any, ...]]:
    """Return what was varied, read from its words."""
    return {n: read_values(n, ", ".join(v)) for n, v in found.systematic.values.items()}


def test_an_image_that_cannot_be_made_is_counted(
    demo: lrs.Observation, recipe: lrs.Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = kept_stages(demo)
    whole = stages.find_image

    def find(one: lrs.Recipe) -> Any:
        if one.resample.weight_type == "exptime":
            raise lrs.LRSExplorerError("a product is missing.")
        return whole(one)

    monkeypatch.setattr(stages, "find_image", find)
    choices = {"weight_type": [None, "exptime"], "width": [7, 8]}
    found = lrs.sweep(demo, recipe, choices=choices)
    assert found.systematic.failed == {"a product is missing.": 2}
    assert found.systematic.variants == 2


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("width=6,7.5, as chosen", (6.0, 7.5, None)),
        ("background=none, 2:6+25:29, as chosen", ((), SIDES, None)),
        ("bkg-order=0,1", (0, 1)),
        ("apply_apcorr=yes,no", (True, False)),
        ("rejection_threshold=as delivered,8,8.0", ("as delivered", 8.0)),
        ("pixel_replace=off,mingrad", ("off", "mingrad")),
        ("user_slit_loc=-0.1,0.1", (-0.1, 0.1)),
        ("center", None),
    ],
)
def test_words_and_values(text: str, values: tuple[Any, ...] | None) -> None:
    name, found = read_choice(text)
    assert name in CHOICES
    assert found == values
    if values is not None:
        words = ", ".join(in_words(name, value) for value in values)
        assert read_values(name, words) == values
        assert checked({name: values}) == {name: values}


@pytest.mark.parametrize("text", ["width=six", "background=3", "bkg_order=1.5", "apply_apcorr=2"])
def test_words_that_mean_nothing(text: str) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=f"values of {text.partition('=')[0]}: "):
        read_choice(text)


def test_what_a_value_does_to_a_recipe(demo: lrs.Observation, recipe: lrs.Recipe) -> None:
    def variants(**choices: Any) -> list[lrs.Recipe]:
        return [v.recipe for v in lrs.sweep(demo, recipe, choices=choices).variants]

    one, other = variants(extraction_type=["box"], width=[6, 8])
    assert (one.aperture, other) == (dataclasses.replace(recipe.aperture, width=6.0), recipe)
    # An optimal extraction has no width.
    assert len(set(variants(extraction_type=["optimal"], width=[6, 8]))) == 1
    one, other = variants(smoothing_length=[3, 5], background=[SIDES])
    assert one.background == lrs.Background(SIDES, smoothing_length=3)
    assert other.background == lrs.Background(SIDES, smoothing_length=5)


def test_flux_at_other_wavelengths() -> None:
    wavelength = np.array([5.0, 5.1, 5.2, 5.3, 5.6, 5.7])
    flux = np.array([1.0, 2.0, np.nan, 4.0, 7.0, 8.0])
    wanted = np.array([4.9, 5.0 + 1e-12, 5.1 - 1e-12, 5.2, 5.3 - 1e-9, 5.45, 5.6, 5.65, 5.8])
    found = at_wavelengths(wavelength, flux, wanted)
    np.testing.assert_allclose(found, [np.nan, 1, 2, np.nan, 4, np.nan, 7, 7.5, np.nan])
    np.testing.assert_array_equal(at_wavelengths(wavelength, flux, wavelength), flux)
    assert np.isnan(at_wavelengths(wavelength[:1], flux[:1], wanted)).all()
