"""Products of one reduction go together; others are another reduction of the observation."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.files.recognition import tag_of
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.opening import list_observations

from .conftest import COMBINED, STEM, Edit


def again(folder: Path, edit: Edit, to: Path, added: str = "", **cards: str) -> Path:
    """Write the products of a folder once more, as another reduction."""
    to.mkdir(exist_ok=True)
    for path in sorted(folder.glob("jw*.fits")):
        edit(path, {"DATE": "2031-01-01T00:00:00", **cards}, to=to / f"{path.stem}{added}.fits")
    return to


def folders(observation: Observation) -> set[Path]:
    return {path.parent for paths in observation.products.values() for path in paths}


def two(top: Path) -> tuple[Observation, Observation]:
    """Return the two reductions that are listed, the one of the newer files first."""
    first, second = list_observations(top)
    assert first.name == second.name
    return first, second


def test_two_folders(slit: Path, edit: Edit) -> None:
    new = again(slit, edit, slit.parent / "new", CRDS_CTX="jwst_0002.pmap")
    first, second = two(slit.parent)
    assert (folders(first), folders(second)) == ({new}, {slit})
    assert first.reduction == "jwst_0002.pmap, folder new"
    assert second.reduction == "jwst_0001.pmap, folder observation"
    opened = lrs.open_observation(slit.parent)
    assert folders(opened) == {new}
    (note,) = opened.notes
    assert note.startswith(
        "another reduction of this observation is here (jwst_0001.pmap, folder observation); "
    )
    for one in (first, second):  # each opens by the file that stands for it
        assert folders(lrs.open_observation(one.representative.path)) == folders(one)


def test_two_folders_of_the_same_versions(slit: Path, edit: Edit) -> None:
    new = again(slit, edit, slit.parent / "tuned")
    assert [(folders(one), one.reduction) for one in two(slit.parent)] == [
        ({new}, "folder tuned"),
        ({slit}, "folder observation"),
    ]


def test_one_folder_and_names_of_the_user_s_own(slit: Path, edit: Edit) -> None:
    again(slit, edit, slit, "_tuned", CRDS_CTX="jwst_0002.pmap")
    archive, tuned = two(slit)
    assert archive.reduction == "jwst_0001.pmap"
    assert tuned.reduction == "jwst_0002.pmap, tuned"
    for one, added in ((archive, ""), (tuned, "_tuned")):
        assert {tag_of(path) for kind in one.products.values() for path in kind} == {added[1:]}
        assert {kind: len(paths) for kind, paths in one.products.items()} == {"s2d": 3, "x1d": 3}
    opened = lrs.open_observation(slit / f"{COMBINED}_s2d_tuned.fits")
    delivered = opened.delivered()
    assert delivered is not None
    assert delivered.path == slit / f"{COMBINED}_x1d_tuned.fits"


def test_a_spectrum_of_another_version_is_not_delivered_with_the_image(
    slit: Path, edit: Edit
) -> None:
    path = slit / f"{STEM.format(1)}_x1d.fits"
    edit(path, {"CAL_VER": "1.9.9"})
    observation = lrs.open_observation(slit / f"{STEM.format(1)}_s2d.fits")
    assert observation.delivered() is None
    assert str(path) in observation.notes[0]
    alone = lrs.open_observation(path)
    assert alone.products["x1d"] == [path]
    assert "s2d" not in alone.products


def test_stages_of_one_reduction_in_folders_of_their_own(slit: Path, edit: Edit) -> None:
    stage3 = slit.parent / "stage3"
    stage3.mkdir()
    for kind in ("s2d", "x1d"):  # made a little later, by a newer version
        old = slit / f"{COMBINED}_{kind}.fits"
        edit(old, {"CAL_VER": "3.0.1", "ASNTABLE": "n"}, to=stage3 / f"Stage3_{kind}.fits")
        old.unlink()
    (found,) = list_observations(slit.parent)
    assert {kind: len(paths) for kind, paths in found.products.items()} == {"s2d": 3, "x1d": 3}
    lines = {one.line for one in found.made_of}
    assert ("Combined", "Stage3 (s2d, x1d), jwst 3.0.1, jwst_0001.pmap") in lines


def test_products_that_the_user_puts_together_stay_together(slit: Path, edit: Edit) -> None:
    new = again(slit, edit, slit.parent / "new", CRDS_CTX="jwst_0002.pmap")
    files = [slit / f"{STEM.format(1)}_s2d.fits", new / f"{STEM.format(1)}_x1d.fits"]
    observation = lrs.open_observation(files)
    assert observation.image().path == files[0]
    delivered = observation.delivered()
    assert delivered is not None
    assert delivered.path == files[1]


def test_a_compressed_copy_is_no_other_reduction(slit: Path) -> None:
    import gzip

    path = slit / f"{STEM.format(1)}_s2d.fits"
    with gzip.open(f"{path}.gz", "wb") as packed:
        packed.write(path.read_bytes())
    observation = lrs.open_observation(slit)
    assert observation.notes == ()
    assert path in observation.products["s2d"]


def test_two_combined_products_of_the_same_exposures(slit: Path) -> None:
    for added in ("default", "tuned"):
        shutil.copy(slit / f"{COMBINED}_s2d.fits", slit / f"Stage3_s2d_{added}.fits")
    for kind in ("s2d", "x1d"):
        (slit / f"{COMBINED}_{kind}.fits").unlink()
    found = {one.representative.path: one for one in list_observations(slit)}
    assert len(found) == 2
    for one in found.values():  # made of the same: the exposures belong to both
        assert one.exposures == 2
        assert one.combined_members() == [1, 2]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("jw01536027001_03102_00001_mirimage_s2d.fits", ""),
        ("jw01536027001_03102_00001_mirimage_s2d.fits.gz", ""),
        ("jw01536027001_03102_00001_mirimage_s2d_default.fits", "default"),
        ("jw01536027001_03102_00001_mirimage_tweak_clean_cal.fits", "tweak_clean"),
        ("jw01536027001_03102_00001_mirimage_badpixstep.fits", "badpixstep"),
        ("jw01536027001_03102_00001_mirimage_pixel_replace.fits", ""),
        ("jw01536027001_03102_00001_mirimage_s2d_pixel_replace.fits", "pixel_replace"),
        ("jw01536027001_03102_00001_mirimage_0_x1d.fits", ""),
        ("jw01536-o027_t001_miri_p750l-slitlessprism_x1dints.fits", ""),
        ("jw01536-o027_t001_miri_p750l_s2d_old.fits", "old"),
        ("Stage3_s2d.fits", ""),
        ("Stage3_s2d_end2end.fits", "end2end"),
        ("mine.fits", ""),
    ],
)
def test_what_a_user_added_to_a_name(name: str, tag: str) -> None:
    assert tag_of(Path(name)) == tag


def test_rates_of_the_same_reduction_are_taken(slit: Path, edit: Edit, tmp_path: Path) -> None:
    demo = Path(lrs.__file__).parent / "data" / "demo_slit" / f"{STEM.format(1)}_rate.fits.gz"
    for context in ("jwst_0001.pmap", "jwst_0002.pmap"):
        folder = again(slit, edit, tmp_path / context[:9], CRDS_CTX=context)
        edit(demo, {"CRDS_CTX": context}, to=folder / f"{STEM.format(1)}_rate.fits")
    for one in list_observations(tmp_path):
        if one.products.get("rate"):
            rate, s2d = one.products["rate"][0], one.products["s2d"][0]
            assert fits.getval(rate, "CRDS_CTX") == fits.getval(s2d, "CRDS_CTX")


@pytest.mark.parametrize("newer", ["stage2", "stage3"])
def test_stages_of_two_runs(slit: Path, edit: Edit, newer: str) -> None:
    """Of the same names and versions: what lies nearest belongs together."""
    top = slit.parent / "runs"
    for run, year in (("first", 2030), ("second", 2031)):
        for stage, pattern in (("stage2", "*_mirimage_*"), ("stage3", f"{COMBINED}*")):
            folder = top / run / stage
            folder.mkdir(parents=True)
            date = f"{year + (stage == newer) * 10 * (run == 'first')}-01-01T00:00:00"
            for path in slit.glob(f"{pattern}.fits"):
                edit(path, {"DATE": date}, to=folder / path.name)
    first, second = list_observations(top)
    for one in (first, second):
        assert {kind: len(paths) for kind, paths in one.products.items()} == {"s2d": 3, "x1d": 3}
        assert len({folder.parent for folder in folders(one)}) == 1
