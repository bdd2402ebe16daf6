"""Which exposures are subtracted as background, and how that is known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.opening import open_observation
from lrs_explorer.model.recipe.recipe import Nods, Pathloss, Recipe
from lrs_explorer.model.runs.plan import PlannedProduct, plan

from .conftest import COMBINED, STEM, Observe

DEDICATED = "jw90001002001_03102_00001_mirimage_rate.fits"


def associate(folder: Path, background: str, number: int = 1, name: str = "a_asn.json") -> None:
    """Say what the background of an exposure is."""
    stem = STEM.format(number)
    members = [
        {"expname": f"{stem}_rate.fits", "exptype": "science"},
        {"expname": background, "exptype": "background"},
        {"expname": "jw90001001001_02101_00001_mirimage_cal.fits", "exptype": "target_acquisition"},
    ]
    content = {"asn_type": "spec2", "products": [{"name": stem, "members": members}]}
    (folder / name).write_text(json.dumps(content))


def flat(target: object) -> PlannedProduct:
    assert isinstance(target, PlannedProduct)
    return next(stage for stage in target.in_order() if stage.name == "flat")


def names(stage: PlannedProduct) -> list[str]:
    return [path.name for path in stage.inputs if isinstance(path, Path)]


@pytest.mark.parametrize("kinds", [("rate",), ("rate", "cal", "s2d")])
def test_a_dedicated_background_is_subtracted(
    observe: Observe, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    """Also where nothing was delivered: the association asks for it."""
    observe(*kinds)
    shutil.copy(tmp_path / f"{STEM.format(1)}_rate.fits", tmp_path / DEDICATED)
    associate(tmp_path, DEDICATED)
    observation = open_observation(tmp_path / f"{STEM.format(1)}_rate.fits")
    made = flat(plan(observation, Recipe(nods=Nods(1), pathloss=Pathloss("center"))))
    assert names(made) == [f"{STEM.format(1)}_rate.fits", DEDICATED]
    assert made.parameters == {"association": ["a_asn.json", "none"]}


def test_one_that_is_missing_is_named(observe: Observe, tmp_path: Path) -> None:
    observe("rate")
    associate(tmp_path, DEDICATED)
    observation = open_observation(tmp_path / f"{STEM.format(1)}_rate.fits")
    with pytest.raises(LRSExplorerError, match=f"a_asn.json names {DEDICATED} as background"):
        plan(observation, Recipe(nods=Nods(1)))
    assert names(flat(plan(observation, Recipe(nods=Nods(1, subtract=False))))) == [
        f"{STEM.format(1)}_rate.fits"
    ]


@pytest.mark.parametrize("status", ["COMPLETE", "SKIPPED"])
def test_one_that_is_opened_and_not_followed_is_told(
    observe: Observe, tmp_path: Path, status: str
) -> None:
    """What was delivered stays as it is until the user chooses, and says so."""
    observe("rate", "cal", "s2d", ASNTABLE="z_asn.json", S_BKDSUB=status)
    associate(tmp_path, f"{STEM.format(2)}_rate.fits", name="z_asn.json")
    shutil.copy(tmp_path / f"{STEM.format(1)}_rate.fits", tmp_path / DEDICATED)
    associate(tmp_path, DEDICATED, name="mine_asn.json")
    notes = open_observation(tmp_path / "mine_asn.json").notes
    (note,) = [one for one in notes if "as background of" in one]
    made = "as z_asn.json says" if status == "COMPLETE" else "with none"
    assert f"mine_asn.json names {DEDICATED} as background of {STEM.format(1)}" in note
    assert f"was made {made}: it stays so until you choose" in note
    followed = open_observation(tmp_path / "z_asn.json").notes
    assert any("as background of" in one for one in followed) == (status == "SKIPPED")


def test_of_several_associations_the_delivered_ones_counts(
    observe: Observe, tmp_path: Path
) -> None:
    observe("rate", "cal", "s2d", ASNTABLE="z_asn.json")
    associate(tmp_path, DEDICATED, name="a_asn.json")
    associate(tmp_path, f"{STEM.format(2)}_rate.fits", name="z_asn.json")
    backgrounds, source = open_observation(tmp_path).backgrounds(1)
    assert (backgrounds, source) == ([2], "z_asn.json")


def test_without_an_association_the_other_nod_is_taken_aloud(observe: Observe) -> None:
    made = flat(plan(observe("rate", "s2d"), Recipe(nods=Nods(1), pathloss=Pathloss("off"))))
    assert names(made) == [f"{STEM.format(n)}_rate.fits" for n in (1, 2)]
    assert "no association says what is subtracted" in made.parameters["note"]


@pytest.mark.parametrize("card", [{"SRCTYAPT": "EXTENDED"}, {"BKGDTARG": True}])
def test_it_is_not_taken_where_it_may_be_something_else(
    observe: Observe, card: dict[str, object]
) -> None:
    observation = observe("cal", "s2d", "rate", **card)
    for path in observation.products["rate"]:
        path.unlink()
    observation = open_observation(observation.folder)
    with pytest.raises(LRSExplorerError, match="is not known: no association is at hand"):
        observation.backgrounds(1)
    # Another pathloss correction needs no rate: it is exchanged in what was delivered.
    target = plan(observation, Recipe(nods=Nods(1), pathloss=Pathloss("off")))
    assert isinstance(target, PlannedProduct)
    assert [stage.name for stage in target.in_order()] == ["recal", "s2d"]


def test_who_asks_for_the_other_nod_gets_it(observe: Observe) -> None:
    observation = observe("rate", "s2d", S_BKDSUB="SKIPPED", SRCTYAPT="EXTENDED")
    made = flat(plan(observation, Recipe(nods=Nods(1, subtract=True))))
    assert names(made) == [f"{STEM.format(n)}_rate.fits" for n in (1, 2)]
    assert "no association says what is subtracted" in made.parameters["note"]


def test_the_combined_product_has_its_own_members_alone(observe: Observe, tmp_path: Path) -> None:
    observe("rate", "cal", "s2d", nods=3, combined=("s2d",))
    members = [{"expname": f"{STEM.format(n)}_cal.fits", "exptype": "science"} for n in (3, 1)]
    content = {"asn_type": "spec3", "products": [{"name": COMBINED, "members": members}]}
    (tmp_path / "c_asn.json").write_text(json.dumps(content))
    observation = open_observation(tmp_path)
    assert observation.combined_members() == [1, 3]
    target = plan(observation, Recipe(nods=Nods("combined"), pathloss=Pathloss("off")))
    assert isinstance(target, PlannedProduct)
    assert [stage.exposure for stage in target.in_order() if stage.name == "cal"] == [1, 3]


def test_a_combined_product_is_not_made_of_others(observe: Observe, tmp_path: Path) -> None:
    observe("rate", "cal", "s2d", combined=("s2d",))
    members = [{"expname": f"{STEM.format(n)}_cal.fits", "exptype": "science"} for n in (1, 2, 7)]
    content = {"asn_type": "spec3", "products": [{"name": COMBINED, "members": members}]}
    (tmp_path / "c_asn.json").write_text(json.dumps(content))
    with pytest.raises(LRSExplorerError, match=f"of which {STEM.format(7)} cannot be found"):
        plan(
            open_observation(tmp_path),
            Recipe(nods=Nods("combined"), pathloss=Pathloss("off")),
        )


def notes(target: object) -> list[str]:
    assert isinstance(target, PlannedProduct)
    return [stage.parameters["note"] for stage in target.in_order() if "note" in stage.parameters]


def test_where_nothing_tells_the_run_says_what_it_took(observe: Observe) -> None:
    observation = observe("rate")
    assert observation.subtracted(1) is None
    assert observation.subtraction(1) == "not known (off)"
    background, pathloss = notes(plan(observation, Recipe(nods=Nods(1))))
    assert background.startswith("nothing delivered, and no association, tells whether a backgr")
    assert "the pipeline's default was taken" in pathloss
    chosen = Recipe(nods=Nods(1, subtract=False), pathloss=Pathloss("center"))
    assert notes(plan(observation, chosen)) == []


def test_what_a_recipe_leaves_and_nothing_tells_is_called_not_known(observe: Observe) -> None:
    rates = observe("rate")
    whole = Recipe(nods=Nods(1))
    assert rates.not_known(whole) == [
        "background (S_BKDSUB)",
        "pathloss (S_PTHLOS)",
        "pixel replacement (S_PXREPL)",
    ]
    chosen = whole.replace(nods=Nods(1, subtract=False), pathloss=Pathloss("center"))
    assert rates.not_known(chosen) == ["pixel replacement (S_PXREPL)"]
    assert lrs.demo().not_known(Recipe()) == []
    assert lrs.demo("slitless").not_known(Recipe(mode="slitless")) == []


def test_where_an_association_tells_it_is_followed(observe: Observe, tmp_path: Path) -> None:
    observe("rate")
    associate(tmp_path, f"{STEM.format(2)}_rate.fits")
    observation = open_observation(tmp_path)
    assert observation.subtraction(1) == "as associated (on)"
    made = flat(plan(observation, Recipe(nods=Nods(1), pathloss=Pathloss("off"))))
    assert names(made) == [f"{STEM.format(n)}_rate.fits" for n in (1, 2)]
    assert "note" not in made.parameters


def test_a_product_that_does_not_tell_is_not_made_anew_silently(observe: Observe) -> None:
    """Of another package, say: pathloss is exchanged in it, the rest stays as it is."""
    observation = observe("rate", "cal", "s2d", S_BKDSUB=None)
    assert observation.subtracted(1) is None
    assert observation.subtraction(1) == "as delivered (not known)"
    target = plan(observation, Recipe(nods=Nods(1), pathloss=Pathloss("off")))
    assert isinstance(target, PlannedProduct)
    assert [stage.name for stage in target.in_order()] == ["recal", "s2d"]
    (line,) = [one for one in observation.made_of if one.role == "background"][:1]
    assert line.what == "not known: neither S_BKDSUB nor an association tells"


@pytest.mark.parametrize(("asked", "rates"), [(True, 2), (False, 1)])
def test_who_says_what_is_subtracted_gets_it_made_anew(
    observe: Observe, asked: bool, rates: int
) -> None:
    """Of a product that does not tell, nobody knows whether it is as asked for."""
    observation = observe("rate", "cal", "s2d", S_BKDSUB=None)
    target = plan(observation, Recipe(nods=Nods(1, subtract=asked)))
    assert len(flat(target).inputs) == rates
