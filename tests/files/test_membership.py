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


def spec2(path: Path, number: int, **members: str) -> Path:
    """Write a level 2 association of one exposure, with members by their role."""
    named = [{"expname": f"{STEM.format(number)}_rate.fits", "exptype": "science"}]
    named += [{"expname": name, "exptype": role} for role, name in members.items()]
    products = [{"name": STEM.format(number), "members": named}]
    path.write_text(json.dumps({"asn_type": "spec2", "asn_rule": "x", "products": products}))
    return path


VERIFICATION = "jw90010001001_03101_00001_mirimage_rate.fits"


@pytest.fixture
def acquired(slit: Path, edit: Edit) -> Path:
    """Return the folder with three verification images, of which the third came too late."""
    for exposure, start in ((1, 1.0), (2, 2.0), (3, 1e6)):
        name = VERIFICATION.replace("_00001_", f"_0000{exposure}_")
        edit(DEMO / f"{VERIFICATION}.gz", {"EXPOSURE": exposure, "EXPSTART": start}, to=slit / name)
    return slit


def test_the_last_verification_image_before_the_exposure_counts(acquired: Path) -> None:
    observation = lrs.open_observation(acquired)
    path = observation.verification_image(1)
    assert path == acquired / VERIFICATION.replace("_00001_", "_00002_")
    lines = [one.line for one in observation.made_of if one.role == "target_acquisition"]
    assert lines[0] == (
        "· verification image",
        f"{path.name} – the last one before the exposure (EXPSTART)",
    )


@pytest.mark.parametrize("suffix", ["rate", "cal"])
def test_an_association_says_which_verification_image_counts(acquired: Path, suffix: str) -> None:
    spec2(acquired / "x_asn.json", 1, target_acquisition=VERIFICATION.replace("rate", suffix))
    observation = lrs.open_observation(acquired)
    assert observation.verification_image(1) == acquired / VERIFICATION
    assert observation.acquisition_images()[-1] == acquired / VERIFICATION
    other = observation.verification_image(2)  # of which it says nothing
    assert other == acquired / VERIFICATION.replace("_00001_", "_00002_")


def test_a_verification_image_that_is_named_and_missing(acquired: Path) -> None:
    spec2(acquired / "x_asn.json", 1, target_acquisition="jw90010001001_09101_00001_mirimage_cal")
    observation = lrs.open_observation(acquired)
    with pytest.raises(lrs.LRSExplorerError, match=r"as target_acquisition, and .* download it"):
        observation.verification_image(1)
    assert any("as target_acquisition" in one.what for one in observation.made_of)


def test_of_a_verification_image_that_is_named_the_ramp_alone_is_here(
    acquired: Path, edit: Edit
) -> None:
    """That of another exposure is not taken in its place."""
    root = "jw90010001001_09101_00001_mirimage"
    cards = {"DATAMODL": "Level1bModel", "EXPOSURE": 9}
    edit(acquired / VERIFICATION, cards, to=acquired / f"{root}_uncal.fits")
    spec2(acquired / "x_asn.json", 1, target_acquisition=f"{root}_cal.fits")
    with pytest.raises(lrs.LRSExplorerError, match="no rate or cal of it is here; download it"):
        lrs.open_observation(acquired).verification_image(1)


def test_acquisition_images_are_in_the_order_of_time(acquired: Path, edit: Edit) -> None:
    names = [VERIFICATION.replace("_00001_", f"_0000{n}_") for n in (4, 5)]
    for name, start in zip(names, (1000.0, 999.5), strict=True):
        cards = {"EXP_TYPE": "MIR_TACQ", "EXPOSURE": int(name[20:25]), "EXPSTART": start}
        edit(acquired / VERIFICATION, cards, to=acquired / name)
    images = lrs.open_observation(acquired).acquisition_images()
    assert [path.name for path in images if path.name in names] == names[::-1]
    assert images[-1] == lrs.open_observation(acquired).verification_image(1)


def test_verification_images_without_times(slit: Path, edit: Edit) -> None:
    for exposure in (1, 2):
        name = VERIFICATION.replace("_00001_", f"_0000{exposure}_")
        edit(DEMO / f"{VERIFICATION}.gz", {"EXPOSURE": exposure, "EXPSTART": None}, to=slit / name)
    with pytest.raises(lrs.LRSExplorerError, match="which verification image counts is not known"):
        lrs.open_observation(slit).verification_image(1)


def test_a_visit_has_its_own_verification_image(acquired: Path, edit: Edit) -> None:
    for path in acquired.glob(f"{STEM.format(2)}*"):
        edit(path, {"VISIT": "002"})
    late = acquired / VERIFICATION.replace("_00001_", "_00003_")
    edit(late, {"VISIT": "002"})
    observation = lrs.open_observation(acquired)
    assert observation.verification_image(2) == late


# -- evidence that contradicts itself ------------------------------------------------------------


def test_associations_that_contradict_each_other(slit: Path, edit: Edit) -> None:
    spec2(slit / "a_asn.json", 1, background=f"{STEM.format(2)}_rate.fits")
    spec2(slit / "b_asn.json", 1, background="jw90010009001_03102_00001_mirimage_rate.fits")
    observation = lrs.open_observation(slit)
    with pytest.raises(lrs.LRSExplorerError, match=r"a_asn\.json and b_asn\.json name different"):
        observation.backgrounds(1)
    for path in slit.glob(f"{STEM.format(1)}*"):
        edit(path, {"ASNTABLE": "a_asn.json"})
    assert lrs.open_observation(slit).backgrounds(1) == ([2], "a_asn.json")


def test_an_exposure_is_not_its_own_background(slit: Path) -> None:
    spec2(slit / "a_asn.json", 1, background=f"{STEM.format(1)}_rate.fits")
    with pytest.raises(lrs.LRSExplorerError, match="as its own background; fix the association"):
        lrs.open_observation(slit).backgrounds(1)


def test_a_role_that_is_not_known(slit: Path) -> None:
    path = spec2(slit / "a_asn.json", 1, backgroud=f"{STEM.format(2)}_s2d.fits")
    assert any("a role that is not known" in note for note in lrs.open_observation(path).notes)


@pytest.mark.parametrize("made_by", ["x_asn.json", None])
def test_hdrtab_contradicts_the_association(slit: Path, edit: Edit, made_by: str | None) -> None:
    combined = edit(slit / f"{COMBINED}_s2d.fits", {"ASNTABLE": made_by})
    association(slit / "x_asn.json", "spec3", f"{STEM.format(1)}_cal.fits", name=COMBINED)
    observation = lrs.open_observation(combined)
    if made_by is None:  # nothing says that it was made by that association
        assert observation.combined_members() == [1, 2]
        return
    with pytest.raises(lrs.LRSExplorerError, match=rf"x_asn\.json says .* HDRTAB of {COMBINED}"):
        observation.combined_members()
    assert any("is not known: x_asn.json" in one.what for one in observation.made_of)


def test_a_member_twice_counts_once(slit: Path) -> None:
    members = [f"{STEM.format(n)}_cal.fits" for n in (1, 2, 1, 2)]
    path = association(slit / "x_asn.json", "spec3", *members, name=COMBINED)
    assert lrs.open_observation(path).combined_members() == [1, 2]


def test_an_association_that_names_itself(slit: Path) -> None:
    path = association(slit / "x_asn.json", "spec3", "x_asn.json", f"{STEM.format(1)}_s2d.fits")
    (note,) = lrs.open_observation(path).notes
    assert note.startswith("x_asn.json names x_asn.json (science), of which nothing is at hand")


def test_a_member_beyond_a_loop_of_links(slit: Path) -> None:
    (slit / "loop").symlink_to(slit / "loop")
    path = association(slit / "x_asn.json", "spec3", "loop/../loop/a_s2d.fits", "loop/b_s2d.fits")
    with pytest.raises(lrs.LRSExplorerError, match="none of the files that"):
        lrs.open_observation(path)


# -- several observations ------------------------------------------------------------------------


@pytest.fixture
def two_observations(slit: Path, edit: Edit) -> Path:
    """Return the folder with the second nod in an observation of its own, combined as c1001."""
    cards = {"OBSERVTN": "002"}
    for path in slit.glob(f"{STEM.format(2)}*"):
        edit(path, cards, to=slit / path.name.replace("jw90010001", "jw90010002"))
        path.unlink()

    def of_two(hdus: object) -> None:
        names = hdus["HDRTAB"].data["FILENAME"]  # type: ignore[index]
        names[1] = str(names[1]).replace("jw90010001", "jw90010002")

    for kind in ("s2d", "x1d"):
        path = slit / f"{COMBINED}_{kind}.fits"
        change = of_two if kind == "s2d" else None
        edit(path, change=change, to=slit / path.name.replace("-o001", "-c1001"))
        path.unlink()
    return slit


@pytest.mark.parametrize("by", ["product", "association"])
def test_a_combination_of_observations(two_observations: Path, by: str) -> None:
    name = COMBINED.replace("-o001", "-c1001")
    path = two_observations / f"{name}_s2d.fits"
    members = [STEM.format(1), STEM.format(2).replace("jw90010001", "jw90010002")]
    if by == "association":
        files = [f"{member}_cal.fits" for member in members]
        path = association(two_observations / "c_asn.json", "spec3", *files, name=name)
    observation = lrs.open_observation(path)
    assert observation.name == "jw90010-c1001"
    assert observation.number() == "combined"
    assert [observation.root(n) for n in (1, 2)] == members
    assert observation.combined_members() == [1, 2]
    science = [one for one in observation.made_of if one.product == "Combined"][1:]
    assert [one.what.rpartition(" ")[2] for one in science] == members


def test_it_has_its_own_name_without_its_members(two_observations: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    for path in two_observations.glob("*c1001*"):
        path.rename(alone / path.name)
    assert lrs.open_observation(alone).name == "jw90010-c1001"


def test_its_exposures_open_alone(two_observations: Path) -> None:
    path = next(two_observations.glob("jw90010002*_s2d.fits"))
    observation = lrs.open_observation(path)
    assert (observation.name, observation.exposures) == ("jw90010-o002", 1)


def test_files_of_two_observations_are_not_joined(two_observations: Path) -> None:
    files = [next(two_observations.glob(f"jw9001000{n}*_s2d.fits")) for n in (1, 2)]
    with pytest.raises(lrs.LRSExplorerError, match="belong to different observations"):
        lrs.open_observation(files)


def test_members_of_another_target(two_observations: Path, edit: Edit) -> None:
    files = sorted(two_observations.glob("jw9001000*_s2d.fits"))
    edit(files[1], {"TARGNAME": "Vega"})
    path = association(two_observations / "c_asn.json", "spec3", *(p.name for p in files))
    with pytest.raises(lrs.LRSExplorerError, match=r"joins exposures of different targets .*Vega"):
        lrs.open_observation(path)


def test_a_combined_product_brings_its_members_from_other_folders(slit: Path) -> None:
    stage3 = slit.parent / "stage3"
    stage3.mkdir()
    for kind in ("s2d", "x1d"):
        shutil.move(slit / f"{COMBINED}_{kind}.fits", stage3)
    members = [f"../{slit.name}/{STEM.format(n)}_cal.fits" for n in (1, 2)]
    association(stage3 / "stage3_asn.json", "spec3", *members, name=COMBINED)
    for source in (stage3 / f"{COMBINED}_s2d.fits", stage3):
        observation = lrs.open_observation(source)
        assert observation.exposures == 2
        assert observation.combined_members() == [1, 2]


def test_a_folder_of_several_observations_lists_them_all(two_observations: Path) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="holds 2 LRS observations") as error:
        lrs.open_observation(two_observations)
    for name in ("jw90010-c1001", "jw90010001001", "jw90010002001"):
        assert name in str(error.value)


def test_a_file_that_is_not_where_it_is_said_to_be(slit: Path) -> None:
    path = association(slit / "x_asn.json", "spec3", f"/no/where/{STEM.format(1)}_s2d.fits")
    (note,) = lrs.open_observation(path).notes
    assert note.startswith("x_asn.json names files that are not there; taken are ")


def test_an_association_without_science(slit: Path) -> None:
    members = [{"expname": f"{STEM.format(1)}_s2d.fits", "exptype": "background"}]
    path = slit / "x_asn.json"
    path.write_text(json.dumps({"products": [{"name": "n", "members": members}]}))
    assert "x_asn.json names no science exposure; fix it, or open a product." in (
        lrs.open_observation(path).notes
    )


def test_many_members_take_one_sentence(slit: Path) -> None:
    members = [f"jw{n:05d}001001_03102_00001_mirimage_cal.fits" for n in range(2000)]
    path = association(slit / "x_asn.json", "spec3", f"{STEM.format(1)}_s2d.fits", *members)
    (note,) = lrs.open_observation(path).notes
    assert "and 1992 others, of which nothing is at hand" in note


SEGMENTS = DEMO.parent / "demo_slitless"


def test_a_segment_is_missing(tmp_path: Path) -> None:
    for path in SEGMENTS.glob("*-seg002*"):
        shutil.copy(path, tmp_path)
    (note,) = lrs.open_observation(tmp_path).notes
    assert note == (
        "of jw90011-o001 no file of segment 1 is here: its integrations are missing; download them."
    )


def test_a_segment_is_there_twice(tmp_path: Path) -> None:
    for path in SEGMENTS.glob("*mirimage*"):
        shutil.copy(path, tmp_path)
    (first,) = tmp_path.glob("*-seg001*_calints.fits.gz")
    copy = Path(shutil.copy(first, tmp_path / first.name.replace("calints", "calints_copy")))
    observation = lrs.open_observation(tmp_path)
    assert copy not in observation.products["calints"]
    (note,) = observation.notes
    assert str(copy) in note
