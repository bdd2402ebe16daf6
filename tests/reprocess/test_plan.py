"""What a changed recipe costs: the stages that are planned, from whichever products exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrs_explorer import (
    Aperture,
    Background,
    Extraction,
    Jump,
    LRSExplorerError,
    Pathloss,
    PixelReplace,
    Recipe,
)
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.runs.plan import PlannedProduct, is_delivered, plan
from lrs_explorer.model.runs.targets import targets

from .conftest import COMBINED, STEM, Observe

ALL = ("ramp", "rate", "cal", "s2d", "x1d")


def stages(observation: Observation, recipe: Recipe) -> list[tuple[str, int | str]]:
    """Return names and exposures of the stages that make the image of a recipe, in order."""
    target = plan(observation, recipe)
    if isinstance(target, Path):
        return []
    return [(stage.name, stage.exposure) for stage in target.in_order()]


LIVE = [
    Recipe(),
    Recipe(aperture=Aperture(31.0, 8.0)),
    Recipe(background=Background(((1.0, 5.0),), bkg_fit="median")),
    Recipe(extraction=Extraction("optimal", apply_apcorr=False)),
]


@pytest.mark.parametrize("recipe", LIVE)
@pytest.mark.parametrize("exposure", [1, 2, "combined"])
def test_aperture_and_background_redo_nothing(
    observe: Observe, recipe: Recipe, exposure: int | str
) -> None:
    observation = observe(*ALL, combined=("s2d", "x1d"))
    recipe = recipe.replace(nods=Nods(exposure))
    assert is_delivered(observation, recipe)
    name = COMBINED if exposure == "combined" else STEM.format(exposure)
    assert plan(observation, recipe) == observation.folder / f"{name}_s2d.fits"


REPLACE = [("pixel_replace", 1), ("s2d", 1)]
FROM_RATE = [("flat", 1), ("cal", 1), ("s2d", 1)]
JUMP = [("jump", 1), ("jump", 2)]

COSTS = [
    (Recipe(pixel_replace=PixelReplace("fit_profile")), REPLACE),
    (Recipe(pixel_replace=PixelReplace("trace_model", 7)), REPLACE),
    (Recipe(pixel_replace=PixelReplace(flagged=((1, 300, 320),))), REPLACE),
    (Recipe(pathloss=Pathloss("off")), FROM_RATE),
    (Recipe(pathloss=Pathloss("center")), FROM_RATE),
    (Recipe(pathloss=Pathloss("offset", 0.12)), FROM_RATE),
    (Recipe(nods=Nods(1, subtract=False)), FROM_RATE),
    (Recipe(nods=Nods(1, subtract=True)), []),
    (Recipe(jump=Jump(15.0)), [*JUMP, *FROM_RATE]),
    (Recipe(jump=Jump(15.0), nods=Nods(1, subtract=False)), [JUMP[0], *FROM_RATE]),
    (
        Recipe(pathloss=Pathloss("offset", 0.12), pixel_replace=PixelReplace("mingrad")),
        [*FROM_RATE[:2], *REPLACE],
    ),
    (
        Recipe(jump=Jump(8.0), pathloss=Pathloss("off"), pixel_replace=PixelReplace("mingrad")),
        [*JUMP, *FROM_RATE[:2], *REPLACE],
    ),
]


@pytest.mark.parametrize(("recipe", "expected"), COSTS)
def test_a_change_redoes_what_depends_on_it(
    observe: Observe, recipe: Recipe, expected: list[tuple[str, int | str]]
) -> None:
    assert stages(observe(*ALL), recipe) == expected


def test_the_partner_nod_gets_the_same_threshold(observe: Observe) -> None:
    target = plan(observe(*ALL), Recipe(jump=Jump(15.0)))
    assert isinstance(target, PlannedProduct)
    jumps = [stage for stage in target.in_order() if stage.name == "jump"]
    assert [dict(stage.parameters) for stage in jumps] == [{"rejection_threshold": 15.0}] * 2


COMBINATIONS = [
    (Recipe(pixel_replace=PixelReplace("fit_profile")), ["level_3"]),
    (
        Recipe(pixel_replace=PixelReplace(flagged=((2, 300, 320),))),
        ["pixel_replace 2", "level_3"],
    ),
    (
        Recipe(pathloss=Pathloss("off")),
        ["flat 1", "cal 1", "flat 2", "cal 2", "level_3"],
    ),
    (
        Recipe(jump=Jump(15.0)),
        ["jump 1", "jump 2", "flat 1", "cal 1", "flat 2", "cal 2", "level_3"],
    ),
    (
        Recipe(nods=Nods("combined", subtract=False), pathloss=Pathloss("center")),
        ["flat 1", "cal 1", "flat 2", "cal 2", "level_3"],
    ),
]


@pytest.mark.parametrize(("recipe", "expected"), COMBINATIONS)
def test_the_combination_is_made_of_what_its_nods_need(
    observe: Observe, recipe: Recipe, expected: list[str]
) -> None:
    observation = observe(*ALL, combined=("s2d", "x1d"))
    recipe = recipe.replace(nods=Nods("combined", recipe.nods.subtract))
    found = [
        name if exposure == "combined" else f"{name} {exposure}"
        for name, exposure in stages(observation, recipe)
    ]
    assert found == expected


def test_without_a_delivered_combination_it_is_made(observe: Observe) -> None:
    observation = observe(*ALL)
    assert stages(observation, Recipe(nods=Nods("combined"))) == [("level_3", "combined")]


def test_from_rates_alone_everything_is_made(observe: Observe) -> None:
    observation = observe("rate")
    # No header tells what the archive did: nothing is subtracted unless asked for.
    assert stages(observation, Recipe(nods=Nods(1))) == FROM_RATE
    target = plan(observation, Recipe(nods=Nods(1, subtract=True)))
    assert isinstance(target, PlannedProduct)
    (flat,) = [stage for stage in target.in_order() if stage.name == "flat"]
    assert [Path(str(path)).name for path in flat.inputs] == [
        f"{STEM.format(number)}_rate.fits" for number in (1, 2)
    ]


def test_from_an_uncal_the_ramp_is_made_once(observe: Observe) -> None:
    observation = observe("uncal", "rate", "cal", "s2d")
    recipe = Recipe(jump=Jump(15.0), nods=Nods(1, subtract=False))
    assert stages(observation, recipe) == [("ramp", 1), ("jump", 1), *FROM_RATE]
    first, second = (
        {s.name: s.identity for s in target.in_order()}
        for threshold in (15.0, 8.0)
        if isinstance(
            target := plan(observation, recipe.replace(jump=Jump(threshold))), PlannedProduct
        )
    )
    same = {name for name in first if first[name] == second[name]}
    assert same == {"ramp"}


def test_from_ramps_alone(observe: Observe) -> None:
    recipe = Recipe(jump=Jump(15.0), nods=Nods(1, subtract=True))
    assert stages(observe("ramp"), recipe) == [*JUMP, *FROM_RATE]


def test_with_the_cal_alone_its_pathloss_is_exchanged(observe: Observe) -> None:
    observation = observe("cal", "s2d", "x1d")
    assert stages(observation, Recipe(pathloss=Pathloss("offset", 0.1))) == [
        ("recal", 1),
        ("s2d", 1),
    ]
    assert stages(observation, Recipe(pixel_replace=PixelReplace("mingrad"))) == REPLACE
    assert stages(observation, Recipe()) == []


def test_with_one_rate_of_a_pair_the_cal_is_used(observe: Observe) -> None:
    """The delivered cal has its partner subtracted; without that rate it cannot be made again."""
    observation = observe(*ALL, without=(("rate", 2),))
    assert stages(observation, Recipe(pathloss=Pathloss("off"))) == [("recal", 1), ("s2d", 1)]


def test_with_the_s2d_alone_only_its_extraction_changes(observe: Observe) -> None:
    observation = observe("s2d", combined=("s2d",))
    for exposure in (1, "combined"):
        nods = Nods(exposure)
        assert stages(observation, Recipe(aperture=Aperture(30, 6), nods=nods)) == []
        for recipe in (
            Recipe(pixel_replace=PixelReplace("mingrad"), nods=nods),
            Recipe(pathloss=Pathloss("off"), nods=nods),
        ):
            with pytest.raises(LRSExplorerError, match=r"download jw.*_(rate|cal)\.fits"):
                plan(observation, recipe)


def test_pixels_flagged_in_another_nod_redo_nothing(observe: Observe) -> None:
    observation = observe(*ALL)
    recipe = Recipe(pixel_replace=PixelReplace(flagged=((2, 300, 320),)))
    assert stages(observation, recipe.replace(nods=Nods(1))) == []
    assert stages(observation, recipe.replace(nods=Nods(2))) == [("pixel_replace", 2), ("s2d", 2)]


def test_n_adjacent_cols_without_an_algorithm_redoes_nothing(observe: Observe) -> None:
    assert stages(observe(*ALL), Recipe(pixel_replace=PixelReplace("off", 9))) == []


def test_delivered_pixel_replacement_can_be_switched_off(observe: Observe) -> None:
    observation = observe(*ALL, S_PXREPL="COMPLETE")
    assert Recipe.from_observation(observation).pixel_replace.algorithm == "mingrad"
    assert stages(observation, Recipe.from_observation(observation)) == []
    assert stages(observation, Recipe()) == [("s2d", 1)]


def test_recipes_share_the_stages_they_have_in_common(observe: Observe) -> None:
    observation = observe(*ALL)

    def identities(recipe: Recipe) -> dict[str, str]:
        target = plan(observation, recipe)
        assert isinstance(target, PlannedProduct)
        return {stage.name: stage.identity for stage in target.in_order()}

    one = identities(Recipe(pathloss=Pathloss("offset", 0.1)))
    two = identities(Recipe(pathloss=Pathloss("offset", 0.2)))
    assert one["flat"] == two["flat"]
    assert one["cal"] != two["cal"]
    assert one["s2d"] != two["s2d"]
    assert identities(Recipe(pathloss=Pathloss("offset", 0.1))) == one


def test_another_file_gives_another_identity(observe: Observe) -> None:
    observation = observe(*ALL)
    recipe = Recipe(pathloss=Pathloss("off"))
    target = plan(observation, recipe)
    assert isinstance(target, PlannedProduct)
    before = target.identity
    rate = observation.find("rate", 2)
    assert rate is not None
    rate.write_bytes(rate.read_bytes() + b"\0" * 2880)
    after = plan(observation, recipe)
    assert isinstance(after, PlannedProduct)
    assert after.identity != before


MISSING = [
    (("s2d", "x1d"), Recipe(pathloss=Pathloss("off")), "_00001_mirimage_rate.fits"),
    (("rate", "cal", "s2d"), Recipe(jump=Jump(9.0)), "_00001_mirimage_uncal.fits"),
    (("cal", "s2d"), Recipe(nods=Nods(1, subtract=False)), "_00001_mirimage_rate.fits"),
]


@pytest.mark.parametrize(("kinds", "recipe", "wanted"), MISSING)
def test_what_is_missing_is_named(
    observe: Observe, kinds: tuple[str, ...], recipe: Recipe, wanted: str
) -> None:
    with pytest.raises(LRSExplorerError, match=f"download .*{wanted}") as caught:
        plan(observe(*kinds), recipe)
    assert "\n" not in str(caught.value)


def test_the_partner_s_ramp_is_asked_for(observe: Observe) -> None:
    with pytest.raises(LRSExplorerError, match=r"download .*_00002_mirimage_uncal\.fits"):
        plan(observe(*ALL, without=(("ramp", 2),)), Recipe(jump=Jump(9.0)))


def test_a_missing_verification_image_is_named(observe: Observe) -> None:
    with pytest.raises(LRSExplorerError, match="MIR_TACONFIRM"):
        plan(observe(*ALL), Recipe(pathloss=Pathloss("ta")))


def test_one_exposure_has_no_nod_to_subtract(observe: Observe) -> None:
    with pytest.raises(LRSExplorerError, match="no exposure at another nod position"):
        plan(observe(*ALL, nods=1, S_BKDSUB="SKIPPED"), Recipe(nods=Nods(1, subtract=True)))


def test_a_recipe_for_the_other_mode_is_refused(observe: Observe) -> None:
    with pytest.raises(
        LRSExplorerError, match="the recipe is for slitless data and jw90001-o001 is slit"
    ):
        targets(observe(*ALL), Recipe(mode="slitless"))


@pytest.mark.parametrize("exposure", [1, 2, "combined"])
def test_an_image_of_the_slit_is_one_target(observe: Observe, exposure: int | str) -> None:
    observation = observe(*ALL, combined=("s2d", "x1d"))
    delivered = Recipe(nods=Nods(exposure))
    assert targets(observation, delivered) == [observation.find("s2d", exposure)]
    (target,) = targets(observation, delivered.replace(pathloss=Pathloss("off")))
    assert isinstance(target, PlannedProduct)
    assert target.exposure == exposure


def test_a_vanished_file_is_named(observe: Observe) -> None:
    observation = observe(*ALL)
    target = plan(observation, Recipe(pixel_replace=PixelReplace("mingrad")))
    cal = observation.find("cal", 1)
    assert cal is not None
    cal.unlink()
    assert isinstance(target, PlannedProduct)
    with pytest.raises(LRSExplorerError, match=r"_cal\.fits has vanished"):
        _ = target.identity
