"""When each field of a recipe acts, and what is derived from it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

import lrs_explorer as lrs
from lrs_explorer.model.recipe.scope import ACTS, extraction_of, image_of, with_image_of
from lrs_explorer.model.recipe.series_parts import SeriesOptions

SLIT = lrs.Recipe(
    aperture=lrs.Aperture(31.0, 7.0),
    background=lrs.Background(((4.0, 9.0),)),
    extraction=lrs.Extraction(apply_apcorr=False),
    adaptive_trace_model=lrs.AdaptiveTraceModel(False, 8.0, 0.2, True),
    pixel_replace=lrs.PixelReplace("fit_profile", 5, ((1, 30, 310),)),
    resample=lrs.Resample("exptime"),
    pathloss=lrs.Pathloss("offset", 0.1),
    jump=lrs.Jump(9.0),
    nods=lrs.Nods(2, subtract=True),
    uncertainty=lrs.Uncertainty("bootstrap"),
    wavelength=lrs.Wavelength(0.05),
)
SERIES = lrs.Recipe(
    mode="slitless",
    aperture=lrs.Aperture(36.0, 10.0),
    slitless=lrs.SlitlessBackground(True, ((9.0, 15.0),), "mean", False),
    series=SeriesOptions("mask", 7.0, 5, follow_trace=True),
    uncertainty=lrs.Uncertainty("bootstrap"),
)
DELIVERED = {"slit": lrs.Recipe(), "slitless": lrs.Recipe(mode="slitless")}


def leaves(recipe: lrs.Recipe) -> dict[tuple[str, str], tuple[str, Any]]:
    """Return when each field of each part acts, and its value, read straight from the metadata."""
    found = {}
    for part in dataclasses.fields(lrs.Recipe):
        value, acts = getattr(recipe, part.name), part.metadata["acts"]
        if part.metadata["acts"] == "extraction" or not dataclasses.is_dataclass(value):
            found[part.name, ""] = acts, value
            continue
        for leaf in dataclasses.fields(value):
            own = leaf.metadata.get("acts", acts)
            found[part.name, leaf.name] = own, getattr(value, leaf.name)
    return found


def test_every_field_says_when_it_acts() -> None:
    for recipe in (SLIT, SERIES):
        assert {acts for acts, _ in leaves(recipe).values()} <= set(ACTS)
    said = {part: acts for (part, _), (acts, _) in leaves(SLIT).items() if part != "series"}
    assert {part for part, acts in said.items() if acts == "image"} == {
        "mode", "adaptive_trace_model", "pixel_replace", "resample", "pathloss", "jump", "nods",
        "slitless",
    }  # fmt: skip
    assert {part for part, acts in said.items() if acts == "after"} == {"uncertainty", "wavelength"}
    assert leaves(SERIES)["series", "follow_trace"][0] == "extraction"


@pytest.mark.parametrize("recipe", [SLIT, SERIES], ids=["slit", "slitless"])
def test_an_image_depends_on_all_that_acts_on_it_and_on_nothing_else(recipe: lrs.Recipe) -> None:
    kept, default = leaves(image_of(recipe)), leaves(DELIVERED[recipe.mode])
    for name, (acts, value) in leaves(recipe).items():
        expected = value if acts == "image" else default[name][1]
        assert kept[name][1] == expected, name


@pytest.mark.parametrize("recipe", [SLIT, SERIES], ids=["slit", "slitless"])
def test_an_extraction_does_not_depend_on_what_comes_after(recipe: lrs.Recipe) -> None:
    kept, default = leaves(extraction_of(recipe)), leaves(DELIVERED[recipe.mode])
    for name, (acts, value) in leaves(recipe).items():
        assert kept[name][1] == (default[name][1] if acts == "after" else value), name


@pytest.mark.parametrize("recipe", [SLIT, SERIES], ids=["slit", "slitless"])
def test_a_recipe_can_be_put_on_the_image_of_another(recipe: lrs.Recipe) -> None:
    shown = DELIVERED[recipe.mode]
    mixed, there = leaves(with_image_of(shown, recipe)), leaves(shown)
    for name, (acts, value) in leaves(recipe).items():
        assert mixed[name][1] == (there[name][1] if acts == "image" else value), name
    assert with_image_of(recipe, recipe) == recipe


@pytest.mark.parametrize(
    "recipe",
    [
        lrs.Recipe(pathloss=lrs.Pathloss("center", user_slit_loc=0.2)),
        lrs.Recipe(pixel_replace=lrs.PixelReplace(n_adjacent_cols=7)),
        lrs.Recipe(slitless=lrs.SlitlessBackground(True)),
        lrs.Recipe(mode="slitless", slitless=lrs.SlitlessBackground(False, ((9.0, 15.0),), "mean")),
        lrs.Recipe(mode="slitless", series=SeriesOptions("off", 9.0, 21)),
        lrs.Recipe(mode="slitless", series=SeriesOptions("outlier_detection", 9.0, 21)),
        lrs.Recipe(mode="slitless", jump=lrs.Jump(8.0), pathloss=lrs.Pathloss("off")),
    ],
)
def test_what_does_nothing_makes_no_other_image(recipe: lrs.Recipe) -> None:
    plain = lrs.Recipe(
        mode=recipe.mode,
        pathloss=lrs.Pathloss(recipe.pathloss.mode if recipe.mode == "slit" else "as_delivered"),
        series=SeriesOptions(recipe.series.outliers),
    )
    assert image_of(recipe) == image_of(plain)


def test_a_fields_condition_names_a_field_beside_it() -> None:
    for value in (lrs.Recipe(), *(getattr(SLIT, f.name) for f in dataclasses.fields(lrs.Recipe))):
        if not dataclasses.is_dataclass(value):
            continue
        names = {field.name for field in dataclasses.fields(value)}
        for field in dataclasses.fields(value):
            name, values = field.metadata.get("only_with", (field.name, (None,)))
            assert name in names
            assert values
