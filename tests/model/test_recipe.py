"""Recipes: what they accept, how they compare, and their way to a file and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lrs_explorer as lrs

finite = st.floats(-500, 500, allow_nan=False)
apertures = st.builds(
    lrs.Aperture,
    center=finite,
    width=st.floats(0.1, 50),
    trace=st.none() | st.tuples(finite, finite),
)
regions = st.tuples(finite, st.floats(0.1, 20)).map(lambda r: (r[0], r[0] + r[1]))
backgrounds = st.builds(
    lrs.Background,
    regions=st.lists(regions, max_size=3).map(tuple),
    bkg_fit=st.sampled_from(["poly", "mean", "median"]),
    bkg_order=st.integers(0, 5),
    smoothing_length=st.sampled_from([0, 3, 5, 21]),
)
exposures = st.lists(st.sampled_from(["a_rate.fits", "b", "/c/d.fits"]), min_size=1).map(tuple)
recipes = st.builds(
    lrs.Recipe,
    aperture=st.none() | apertures,
    background=st.none() | backgrounds,
    extraction=st.builds(
        lrs.Extraction,
        extraction_type=st.sampled_from(["box", "optimal"]),
        use_source_posn=st.sampled_from([None, True, False]),
        position_offset=finite,
        apply_apcorr=st.booleans(),
    ),
    pixel_replace=st.builds(
        lrs.PixelReplace,
        algorithm=st.sampled_from(lrs.PixelReplace.ALGORITHMS),
        n_adjacent_cols=st.integers(1, 9),
        flagged=st.lists(
            st.tuples(st.integers(1, 2), st.integers(0, 400), st.integers(300, 350)), max_size=4
        ).map(tuple),
    ),
    resample=st.builds(lrs.Resample, weight_type=st.sampled_from([None, "ivm", "exptime"])),
    pathloss=st.builds(
        lrs.Pathloss, mode=st.sampled_from(lrs.Pathloss.MODES), user_slit_loc=st.floats(-0.5, 0.5)
    ),
    jump=st.builds(lrs.Jump, rejection_threshold=st.none() | st.floats(1, 100)),
    nods=st.builds(
        lrs.Nods,
        exposure=st.sampled_from([None, "combined", 1, 2]),
        subtract=st.sampled_from([None, True, False]),
    )
    | st.builds(lrs.Nods, subtract=st.sampled_from([None, True]), backgrounds=exposures)
    | st.just(lrs.Nods(backgrounds="nods")),
    slitless=st.builds(
        lrs.SlitlessBackground,
        subtract=st.booleans(),
        columns=st.lists(
            st.tuples(st.floats(3.5, 60), st.floats(0.1, 20)).map(lambda r: (r[0], r[0] + r[1])),
            min_size=1,
            max_size=3,
        ).map(tuple),
        statistic=st.sampled_from(["median", "mean"]),
        per_integration=st.booleans(),
    )
    | st.builds(lrs.SlitlessBackground, backgrounds=st.just(()) | exposures),
    series=st.builds(
        lrs.SeriesOptions,
        outliers=st.sampled_from(["off", "mask", "replace"]),
        outlier_threshold=st.floats(1, 50),
        outlier_window=st.sampled_from([3, 11, 51]),
        follow_trace=st.booleans(),
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # on a busy machine
@given(recipe=recipes)
def test_a_recipe_survives_its_file(recipe: lrs.Recipe) -> None:
    again = lrs.Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again == recipe
    assert hash(again) == hash(recipe)


def test_a_recipe_is_written_once_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    recipe = lrs.Recipe(aperture=lrs.Aperture(center=31.2, width=8.0))
    recipe.to_json(path)
    assert lrs.Recipe.from_json(path) == recipe
    with pytest.raises(lrs.LRSExplorerError, match=r"recipe\.json"):
        lrs.Recipe().to_json(path)
    assert lrs.Recipe.from_json(path) == recipe
    lrs.Recipe().to_json(path, overwrite=True)
    assert lrs.Recipe.from_json(path) == lrs.Recipe()
    assert [p.name for p in tmp_path.iterdir()] == ["recipe.json"]


def test_a_recipe_cannot_be_changed() -> None:
    recipe = lrs.Recipe()
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.mode = "slitless"  # type: ignore[misc]
    assert recipe.replace(aperture=lrs.Aperture(3, 4)) != recipe


def test_a_flagged_pixel_is_cleared_by_flagging_it_again() -> None:
    once = lrs.PixelReplace().toggled((2, 10, 320), (1, 7, 318))
    assert once.flagged == ((1, 7, 318), (2, 10, 320))
    assert once.toggled((2, 10, 320)).flagged == ((1, 7, 318),)
    assert lrs.PixelReplace(flagged=((1, 5, 5), (1, 5, 5))).flagged == ((1, 5, 5),)


def test_backgrounds_are_sorted_each_once_and_asked_for() -> None:
    nods = lrs.Nods(backgrounds=["b_rate.fits", Path("a/c.fits"), "b_rate.fits"])
    assert nods == lrs.Nods(None, True, ("a/c.fits", "b_rate.fits"))
    assert lrs.SlitlessBackground(backgrounds=[]).backgrounds == ()


def test_a_recipe_of_before_names_no_backgrounds() -> None:
    written = lrs.Recipe(nods=lrs.Nods(2, subtract=True)).to_dict()
    del written["nods"]["backgrounds"], written["slitless"]["backgrounds"]
    assert lrs.Recipe.from_dict(written) == lrs.Recipe(nods=lrs.Nods(2, subtract=True))


def test_numpy_numbers_become_plain_ones() -> None:
    aperture = lrs.Aperture(center=np.float32(3.5), width=np.int64(4), trace=np.array([0.5, 0.25]))
    assert aperture == lrs.Aperture(center=3.5, width=4.0, trace=(0.5, 0.25))
    assert type(aperture.center) is float
    json.dumps(dataclasses.asdict(aperture))


def test_the_aperture_covers_its_width() -> None:
    aperture = lrs.Aperture(center=30.5, width=8)
    assert (aperture.lower, aperture.upper) == (26.5, 34.5)  # pixels 27 to 34, whole


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lrs.Aperture(10, 0), "width must be more than 0"),
        (lambda: lrs.Aperture(10, -3), "width must be more than 0"),
        (lambda: lrs.Aperture(10, float("nan")), "width must be a finite number"),
        (lambda: lrs.Aperture(float("inf"), 3), "center must be a finite number"),
        (lambda: lrs.Aperture("ten", 3), "center must be a number"),
        (lambda: lrs.Aperture(True, 3), "center must be a number"),
        (lambda: lrs.Aperture(10, 3, trace=(0, float("nan"))), "trace must be a finite"),
        (lambda: lrs.Background(regions=((5, 3),)), r"lower < upper, not \(5, 3\)"),
        (lambda: lrs.Background(regions=((5,),)), "pair"),
        (lambda: lrs.Background(regions=(5,)), "pair"),
        (lambda: lrs.Background(bkg_fit="spline"), "bkg_fit must be one of poly, mean, median"),
        (lambda: lrs.Background(bkg_order=-1), "bkg_order must be a whole number"),
        (lambda: lrs.Background(bkg_order=1.5), "bkg_order must be a whole number"),
        (lambda: lrs.Background(smoothing_length=4), "odd"),
        (lambda: lrs.Background(smoothing_length=1), "odd"),
        (lambda: lrs.Extraction(extraction_type="psf"), "extraction_type must be one of"),
        (lambda: lrs.Extraction(extraction_type=None), "extraction_type must be one of"),
        (lambda: lrs.Extraction(use_source_posn="yes"), "use_source_posn"),
        (lambda: lrs.Extraction(position_offset=float("nan")), "position_offset"),
        (lambda: lrs.Extraction(apply_apcorr=1), "apply_apcorr"),
        (lambda: lrs.Nods(exposure=0), "nods.exposure"),
        (lambda: lrs.Nods(exposure="both"), "nods.exposure"),
        (lambda: lrs.Nods(subtract="yes"), "nods.subtract must be one of null, true, false"),
        (lambda: lrs.Nods(backgrounds="a.fits"), "nods.backgrounds must be a list of exposures"),
        (lambda: lrs.Nods(backgrounds=(3,)), "nods.backgrounds must name exposures, and 3 is no"),
        (lambda: lrs.Nods(backgrounds=()), "nods.backgrounds names no exposure"),
        (lambda: lrs.Nods(subtract=False, backgrounds="nods"), "leave out one of them"),
        (lambda: lrs.SlitlessBackground(True, backgrounds=("a",)), "not both; leave out one"),
        (lambda: lrs.PixelReplace(algorithm="magic"), "pixel_replace algorithm must be one of off"),
        (lambda: lrs.PixelReplace(n_adjacent_cols=0), "n_adjacent_cols must be a whole number"),
        (lambda: lrs.PixelReplace(flagged=((1, 2),)), r"must be \(exposure, row, column\)"),
        (lambda: lrs.PixelReplace(flagged=((0, 2, 3),)), "exposure of a flagged pixel"),
        (lambda: lrs.Pathloss(mode="edge"), "pathloss mode must be one of as_delivered"),
        (lambda: lrs.Pathloss(user_slit_loc=float("nan")), "user_slit_loc must be a finite"),
        (lambda: lrs.Jump(rejection_threshold=0), "rejection_threshold must be more than 0"),
        (lambda: lrs.SlitlessBackground(columns=((9, 4),)), r"lower < upper, not \(9, 4\)"),
        (lambda: lrs.SlitlessBackground(subtract=True, columns=()), "at least one range"),
        (lambda: lrs.SlitlessBackground(statistic="mode"), "statistic must be one of median, mean"),
        (lambda: lrs.SeriesOptions(outliers="clip"), "outliers must be one of off, mask"),
        (lambda: lrs.SeriesOptions(outlier_threshold=0), "outlier_threshold must be more than 0"),
        (lambda: lrs.SeriesOptions(outlier_window=4), "outlier_window must be odd"),
        (lambda: lrs.Recipe(mode="imaging"), "recipe mode"),
        (lambda: lrs.Recipe(aperture=(3, 4)), "aperture must be of type Aperture"),
        (lambda: lrs.Recipe(extraction=None), "extraction must be"),
        (lambda: lrs.Recipe().replace(apertur=None), "no part 'apertur'"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(make, message: str) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"r\.json"),
        ("[]", "is not a recipe"),
        ("{}", "is not a recipe"),
        ('{"lrs_explorer_recipe": 99}', "format 99"),
        ('{"lrs_explorer_recipe": 1, "spline": 3}', "no field 'spline'"),
        ('{"lrs_explorer_recipe": 1, "aperture": {"center": 3}}', "missing"),
        ('{"lrs_explorer_recipe": 1, "aperture": {"center": 3, "width": -1}}', "width must be"),
        ('{"lrs_explorer_recipe": 1, "aperture": [3, 4]}', "must be an object"),
        ('{"lrs_explorer_recipe": 1, "extraction": null}', "extraction must be"),
    ],
)
def test_a_bad_recipe_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)
    with pytest.raises(lrs.LRSExplorerError, match=message) as caught:
        lrs.Recipe.from_json(path)
    assert "r.json" in str(caught.value)


def test_an_older_name_of_a_field_is_understood() -> None:
    content = lrs.Recipe(wavelength=lrs.Wavelength(0.05)).to_dict()
    content["wavelength"] = {"slit_offset": 0.05}
    assert lrs.Recipe.from_dict(content) == lrs.Recipe(wavelength=lrs.Wavelength(0.05))
