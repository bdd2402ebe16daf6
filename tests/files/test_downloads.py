"""Downloads from MAST, at whatever depth and however they are named, give one answer."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.observation import folders
from lrs_explorer.model.observation.opening import list_observations

from .conftest import COMBINED, DEMO, STEM, Edit

NOD_1 = f"{STEM.format(1)}/{STEM.format(1)}_s2d.fits"
WHOLE = {"cal": 2, "s2d": 3, "x1d": 3}


def download(top: Path, *observations: str, **cards: str) -> Path:
    """Write a download of some observations below a folder; return the folder of folders."""
    place = top / "mastDownload" / "JWST"
    for observation in observations:
        names = [*DEMO.glob("*_s2d.fits"), *DEMO.glob("*_x1d.fits"), *DEMO.glob("*_cal.fits.gz")]
        for path in names:
            name = path.name.replace("jw90010001", f"jw90010{observation}")
            name = name.replace("-o001", f"-o{observation}")
            folder = place / name.rpartition("_")[0]
            folder.mkdir(parents=True, exist_ok=True)
            if observation == "001" and not cards:
                shutil.copy(path, folder / name)
                continue
            with fits.open(path) as hdus:
                hdus[0].header.update(OBSERVTN=observation, TARGNAME=f"STAR-{observation}", **cards)
                hdus.writeto(folder / name)
    return place


def counts(observation: lrs.Observation) -> dict[str, int]:
    return {kind: len(paths) for kind, paths in observation.products.items()}


def test_a_file_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = download(tmp_path / "data", "001")
    own, name = place / STEM.format(1), f"{STEM.format(1)}_s2d.fits"
    links, alone = tmp_path / "links", tmp_path / "alone"
    links.mkdir()
    alone.mkdir()
    (links / "folder").symlink_to(own)
    (links / "download").symlink_to(place)
    (links / "star.fits").symlink_to(own / name)
    (alone / name).symlink_to(own / name)
    monkeypatch.setenv("HOME", str(tmp_path))
    whole = lrs.open_observation(own / name)
    assert counts(whole) == WHOLE
    for here, path in (
        (own, name),
        (own, f"./{name}"),
        (own, f"../{STEM.format(1)}/{name}"),
        (own, f"../{STEM.format(2)}/../{STEM.format(1)}//{name}"),
        (place, NOD_1),
        (tmp_path, f"data/mastDownload/JWST/{NOD_1}"),
        (tmp_path, f"~/data/mastDownload/JWST/{NOD_1}"),
        (tmp_path, f"links/folder/{name}"),
        (tmp_path, f"links/folder/../{NOD_1}"),
        (links, f"download/{NOD_1}"),
        (links, "star.fits"),
        (alone, name),
    ):
        monkeypatch.chdir(here)
        opened = lrs.open_observation(path)
        assert opened.products == whole.products, (here, path)
        assert opened.notes == ()
        assert opened.image_path() == whole.image_path()


def test_a_folder_however_its_path_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = download(tmp_path / "data", "001")
    own = place / STEM.format(1)
    (tmp_path / "link").symlink_to(own)
    whole = lrs.open_observation(own)
    assert counts(whole) == WHOLE
    for here, path in (
        (own, "."),
        (own, ""),
        (own, ".."),
        (own, "../.."),
        (place, f"{STEM.format(2)}/"),
        (place.parent, "JWST/"),
        (tmp_path, "data"),
        (tmp_path, "link"),
        (tmp_path, "link/"),
        (tmp_path, "link/.."),
        (own, f"../{COMBINED}"),
    ):
        monkeypatch.chdir(here)
        (listed,) = list_observations(path)
        for one in (lrs.open_observation(path), listed):
            assert one.products == whole.products, (here, path)
            assert one.notes == ()
            assert one.representative.path == whole.representative.path


def test_links_among_other_files_are_as_good_as_files(tmp_path: Path) -> None:
    """Who puts links into a folder of his own has chosen what belongs together."""
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    for kind in ("s2d", "x1d"):
        name = f"{STEM.format(1)}_{kind}.fits"
        (chosen / name).symlink_to(DEMO / name)
    opened = lrs.open_observation(chosen / f"{STEM.format(1)}_s2d.fits")
    assert counts(opened) == {"s2d": 1, "x1d": 1}


def test_links_to_what_is_there_anyhow_are_no_other_reduction(tmp_path: Path) -> None:
    place = download(tmp_path, "001")
    (tmp_path / "latest").symlink_to(place)
    (tmp_path / "round").symlink_to(tmp_path)
    best = tmp_path / "best"
    best.mkdir()
    (best / Path(NOD_1).name).symlink_to(place / NOD_1)
    (found,) = list_observations(tmp_path)
    assert counts(found) == WHOLE
    assert found.notes == ()


Layout = Callable[[Path], Path]


def older_beside(top: Path) -> Path:
    """One of three targets, reduced by an older version in a flat folder beside the download."""
    download(top, "001", "002", "003")
    old = download(top / "made", "001", CAL_VER="1.17.1", DATE="2025-01-01T00:00:00")
    (top / "older").mkdir()
    for path in old.rglob("*.fits*"):
        shutil.move(path, top / "older")
    shutil.rmtree(top / "made")
    return top


def older_download(top: Path) -> Path:
    """A download, and an older one in a folder beside it."""
    download(top, "001")
    download(top / "older", "001", "002", CAL_VER="1.17.1", DATE="2025-01-01T00:00:00")
    return top


def two_downloads(top: Path) -> Path:
    """Two downloads, each in a folder of its own."""
    for name, version in (("new", "3.0.0"), ("old", "1.17.1")):
        download(top / name, "001", CAL_VER=version)
    return top


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (
            older_beside,
            [("001", "jwst 3.0.0"), ("001", "jwst 1.17.1"), ("002", ""), ("003", "")],
        ),
        (older_download, [("001", "jwst 3.0.0"), ("001", "jwst 1.17.1"), ("002", "")]),
        (two_downloads, [("001", "jwst 3.0.0"), ("001", "jwst 1.17.1")]),
    ],
)
def test_all_that_is_there_is_listed(
    tmp_path: Path, layout: Layout, expected: list[tuple[str, str]]
) -> None:
    found = list_observations(layout(tmp_path))
    assert [(one.name[-3:], one.reduction.split(",")[0]) for one in found] == expected
    assert all(counts(one) == WHOLE for one in found)
    assert found.complete
    for one in found:  # and each opens by the file that stands for it, with the same files
        assert lrs.open_observation(one.representative.path).products == one.products


def test_a_download_of_several_targets_is_refused_in_a_short_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = older_beside(tmp_path / "B")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(lrs.LRSExplorerError) as error:
        lrs.open_observation("B")
    message = str(error.value)
    assert message.startswith("B holds 3 LRS observations in 4 reductions; name one of: ")
    assert message.endswith(" and 1 more (lrs-explorer inspect lists them).")
    named = [word.strip(",") for word in message.split() if word.strip(",").endswith(".gz")]
    assert [lrs.open_observation(path).name[-3:] for path in named] == ["001", "001", "002"]
    assert not any(os.path.isabs(path) for path in named)
    assert len(message) < 450
    monkeypatch.chdir(top / "older")
    with pytest.raises(lrs.LRSExplorerError, match=r"one of: mastDownload/JWST/\S+, older/jw"):
        lrs.open_observation(top)


def test_of_two_reductions_below_a_folder_one_is_opened_and_the_other_told(tmp_path: Path) -> None:
    opened = lrs.open_observation(two_downloads(tmp_path))
    (note,) = opened.notes
    assert opened.reduction == "jwst 3.0.0, folder new/mastDownload/JWST"
    assert "another reduction of this observation is here (jwst 1.17.1, folder old/" in note


def test_what_lies_in_the_folder_itself_comes_before_what_was_made_of_it(
    slit: Path, edit: Edit
) -> None:
    (slit / "mine").mkdir()
    for path in slit.glob("*.fits"):
        edit(path, {"DATE": "2031-01-01T00:00:00"}, to=slit / "mine" / path.name)
    opened = lrs.open_observation(slit)
    assert {path.parent for path in opened.products["s2d"]} == {slit}
    assert "another reduction of this observation is here (folder mine); " in opened.notes[0]
    assert [one.reduction for one in list_observations(slit)] == [
        "folder observation",
        "folder mine",
    ]


def test_a_delivered_product_beside_a_tuned_one_is_called_so(slit: Path) -> None:
    for path in slit.glob(f"{STEM.format(1)}_*.fits"):
        shutil.copy(path, path.with_name(f"{path.stem}_tuned.fits"))
    found = list_observations(slit)
    assert [one.reduction for one in found] == ["as delivered", "tuned"]


def test_a_search_that_stops_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "DEPTH", 2)
    download(tmp_path, "001")
    found = list_observations(tmp_path)
    assert (list(found), found.complete) == ([], False)
    assert found.stopped == [f"{tmp_path} was looked through down to 2 levels of folders."]
    with pytest.raises(lrs.LRSExplorerError, match=r"products down to 2 levels \(no"):
        lrs.open_observation(tmp_path)
    found = list_observations(tmp_path, time_limit=-1)
    assert found.stopped == [
        f"not all of {tmp_path} was looked at within -1 s; name a folder in it."
    ]


def test_associations_in_a_folder_of_their_own_are_followed_from_the_list(slit: Path) -> None:
    """Files are elsewhere than the list was asked for: opened and listed are the same."""
    stage2 = slit.parent / "stage2"
    stage2.mkdir()
    for path in slit.glob("*_mirimage_*.fits"):
        shutil.move(path, stage2)
    members = ", ".join(
        f'{{"expname": "../stage2/{STEM.format(n)}_s2d.fits", "exptype": "science"}}'
        for n in (1, 2)
    )
    (slit / "stage3_asn.json").write_text(
        f'{{"asn_type": "spec3", "products": [{{"name": "{COMBINED}", "members": [{members}]}}]}}'
    )
    (listed,) = list_observations(slit)
    assert listed.exposures == 2
    assert listed.products == lrs.open_observation(slit).products
