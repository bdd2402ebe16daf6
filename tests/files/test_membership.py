"""What belongs together is read from associations, whatever and wherever they are."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.model.observation.associations import find_associations, read_association
from lrs_explorer.model.observation.opening import list_observations

from .conftest import COMBINED, DEMO, STEM, Edit


def association(path: Path, kind: str, *members: str, rule: str = "x", name: str = "n") -> Path:
    """Write an association of science members."""
    named = [{"expname": member, "exptype": "science"} for member in members]
    content = {"asn_type": kind, "asn_rule": rule, "products": [{"name": name, "members": named}]}
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("named", ["absolute", "relative"])
@pytest.mark.parametrize("name", ["stage3_asn.json", "my_association.json", "list.json"])
def test_members_are_where_it_says(slit: Path, tmp_path: Path, named: str, name: str) -> None:
    folder = tmp_path / "stage3"
    folder.mkdir()
    paths = [slit / f"{STEM.format(n)}_s2d.fits" for n in (1, 2)]
    members = [str(p) if named == "absolute" else os.path.relpath(p, folder) for p in paths]
    path = association(folder / name, "None", *members, rule="DMS_Level3_Base")
    observation = lrs.open_observation(path)
    assert {path.parent for path in observation.products["s2d"]} == {slit}
    assert observation.products["asn"] == [path]
    assert [found.path for found in find_associations([folder])] == [path]


@pytest.mark.parametrize("written", ["cal.fits", "cal.fits.gz"])
def test_a_member_may_be_compressed(tmp_path: Path, written: str) -> None:
    packed = Path(shutil.copy(DEMO / f"{STEM.format(1)}_cal.fits.gz", tmp_path))
    path = association(tmp_path / "x_asn.json", "spec3", f"{STEM.format(1)}_{written}")
    (member,) = read_association(path).members
    assert member.path == packed


@pytest.mark.parametrize(
    ("kind", "rule", "suffix", "level"),
    [
        ("spec2", "", "rate", 2),
        ("tso3", "", "calints", 3),
        ("None", "DMSLevel2bBase", "rate", 2),
        ("None", "Asn_Lv3MIRSpec", "cal", 3),
        ("None", "", "rateints", 2),
        ("None", "", "cal", 3),
        ("None", "", "something", None),
    ],
)
def test_its_level(tmp_path: Path, kind: str, rule: str, suffix: str, level: int | None) -> None:
    path = association(tmp_path / "x_asn.json", kind, f"a_{suffix}.fits", rule=rule)
    assert read_association(path).level == level


def test_a_member_that_is_missing_is_named(tmp_path: Path) -> None:
    path = association(tmp_path / "x_asn.json", "spec3", "/nowhere/of/mine/a_cal.fits")
    with pytest.raises(lrs.LRSExplorerError, match=r"first missing: /nowhere/of/mine/a_cal\.fits"):
        lrs.open_observation(path)


def test_members_that_are_not_at_hand_are_told(slit: Path) -> None:
    here, lost = f"{STEM.format(1)}_s2d.fits", f"{STEM.format(7)}_s2d.fits"
    observation = lrs.open_observation(association(slit / "x_asn.json", "spec3", here, lost))
    assert observation.notes == (
        f"x_asn.json names {lost} (science), of which nothing is at hand.",
    )


@pytest.mark.parametrize("name", ["", "..", "/", "a" * 5000, "a/" * 3000, "a\0b", "~", "."])
def test_members_with_impossible_names(slit: Path, name: str) -> None:
    path = association(slit / "x_asn.json", "spec3", name, name=name)
    with pytest.raises(lrs.LRSExplorerError, match=r"x_asn\.json"):
        lrs.open_observation(path)
    assert lrs.open_observation(slit).exposures == 2


def test_other_json_files_are_no_associations(tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text('{"lrs_explorer_recipe": 1}')
    (tmp_path / "broken_asn.json").write_text("{")
    (tmp_path / "folder.json").mkdir()
    assert find_associations([tmp_path]) == []


def test_a_download_from_mast_opens_from_any_folder(slit: Path, tmp_path: Path) -> None:
    tree = tmp_path / "mastDownload" / "JWST"
    for path in sorted(slit.glob("jw*.fits")):
        folder = tree / path.name.rpartition("_")[0]
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(path, folder)
    members = [f"{STEM.format(n)}_cal.fits" for n in (1, 2)]
    association(tree / COMBINED / "a_asn.json", "spec3", *members, name=COMBINED)
    for source in (tmp_path, tree.parent, tree, tree / STEM.format(2), tree / COMBINED):
        observation = lrs.open_observation(source)
        counts = {kind: len(paths) for kind, paths in observation.products.items()}
        assert counts == {"s2d": 3, "x1d": 3, "asn": 1}, source
    for source in (tmp_path, tree):
        (found,) = list_observations(source)
        assert len(found.products["s2d"]) == 3


def test_a_combined_product_may_have_any_name(slit: Path, edit: Edit) -> None:
    for kind in ("s2d", "x1d"):
        path = (slit / f"{COMBINED}_{kind}.fits").rename(slit / f"Stage3_{kind}.fits")
        edit(path, {"ASNTABLE": "stage3_asn.json"})
    observation = lrs.open_observation(slit / "Stage3_s2d.fits")
    assert observation.number() == "combined"
    delivered = observation.delivered()
    assert delivered is not None
    assert delivered.path == slit / "Stage3_x1d.fits"
    assert observation.combined_members() == [1, 2]  # by HDRTAB


def test_a_member_of_the_combined_product_is_missing(slit: Path) -> None:
    for path in slit.glob(f"{STEM.format(1)}*"):
        path.unlink()
    observation = lrs.open_observation(slit)
    with pytest.raises(lrs.LRSExplorerError, match=f"of which {STEM.format(1)} cannot be found"):
        observation.combined_members()
