"""Files arrive whole or not at all, whatever happens on the way."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.archive.fetching import missing_files
from lrs_explorer.model.runs.worker import CancelledError

from .stand_in import TOKEN, Fault, Handler, StandIn, answers, cut, stalls

S2D = "jw90010001001_03102_00001_mirimage_s2d.fits"
ASSOCIATION = "jw90010-o001_20260901t120000_spec2_00001_asn.json"
CUT_FOR_EVER = [cut(0.5), *[cut(0.0)] * 9]


def fetched(mast: StandIn, folder: Path, name: str = S2D) -> lrs.Fetched:
    """Fetch one file, as the archive lists it."""
    listing = lrs.archive_listing("90010/1")
    (file,) = (file for file in listing.files if file.name == name)
    mast.asked.clear()
    return lrs.fetch(lrs.ArchiveListing(listing.name, listing.level, (file,)), folder)


def test_what_is_fetched_is_an_observation(mast: StandIn, tmp_path: Path) -> None:
    told: list[lrs.FetchProgress] = []
    found = lrs.fetch("90010/1", tmp_path / "new" / "folder", progress=told.append)
    assert {path.name for path in found.files} == {p.name for p in found.folder.iterdir()}
    for path in found.files:
        assert path.read_bytes() == mast.files[path.name]
    assert found.skipped == ()
    done = [one.done for one in told]
    assert done == sorted(done)
    assert done[-1] == told[-1].size == sum(path.stat().st_size for path in found.files)
    assert told[-1].number == told[-1].total == len(found.files)
    assert told[-1].fraction == 1.0
    observation, demo = lrs.open_observation(found.folder), lrs.demo("slit")
    assert observation.name.partition(" ")[0] == demo.name
    for kind in ("rate", "cal", "s2d", "x1d", "ta"):
        assert len(observation.products[kind]) == len(demo.products[kind]), kind
    for step in ("extract_1d", "pixel_replace", "nods"):
        assert observation.can_reprocess[step] == demo.can_reprocess[step]


def test_what_is_there_is_kept(mast: StandIn, tmp_path: Path) -> None:
    first = lrs.fetch("90010/1", tmp_path)
    dates = [path.stat().st_mtime_ns for path in first.files]
    (tmp_path / S2D).unlink()
    mast.asked.clear()
    again = lrs.fetch("90010/1", tmp_path)
    assert len(mast.get(S2D)) == 1
    assert not any(
        mast.get(path.name) for path in first.files if path.suffix == ".fits" and path.name != S2D
    )
    assert set(again.skipped) == {path for path in first.files if path.name != S2D}
    assert [path.stat().st_mtime_ns for path in again.files] == dates


def test_a_time_series_opens(mast: StandIn, tmp_path: Path) -> None:
    mast.program, mast.sets, mast.files = 90011, {}, {}
    mast.add_demo("demo_slitless", {"jw90011001001_04103_00001": "MIR_LRS-SLITLESS"})
    found = lrs.fetch("jw90011001", tmp_path)
    observation = lrs.open_observation(found.folder)
    assert observation.mode == "slitless"
    assert len(observation.products["calints"]) == 2


@pytest.mark.parametrize("dates", [True, False])
def test_a_cut_connection_goes_on(mast: StandIn, tmp_path: Path, dates: bool) -> None:
    mast.dates = dates
    mast.faults[S2D] = [cut(0.3), cut(0.6)]
    found = fetched(mast, tmp_path)
    assert found.files[0].read_bytes() == mast.files[S2D]
    asked = [headers.get("Range") for headers in mast.get(S2D)]
    assert asked[0] is None
    assert all(asked[1:])
    assert len(asked) == 3


def test_a_stalled_connection_is_left(
    mast: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lrs_explorer.archive.mast.TIMEOUT", (1.0, 0.3))
    mast.faults[S2D] = [stalls(0.5, 5.0)]
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]
    assert len(mast.get(S2D)) == 2


def test_a_server_without_ranges_sends_all_again(mast: StandIn, tmp_path: Path) -> None:
    mast.ranges = False
    mast.faults[S2D] = [cut(0.5)]
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]
    assert len(mast.get(S2D)) == 2


def test_what_always_breaks_off_ends(mast: StandIn, tmp_path: Path) -> None:
    """A server without ranges, which breaks off at the same place, must not be asked for ever."""
    mast.ranges = False
    mast.faults[S2D] = [cut(0.5)] * 9
    with pytest.raises(lrs.LRSExplorerError, match="the connection broke off"):
        fetched(mast, tmp_path)
    assert len(mast.get(S2D)) == 4


def made_anew(mast: StandIn) -> None:
    """Change a file in the archive, at both ends; its size stays."""
    content = bytearray(mast.files[S2D])
    for place in (100_000, len(content) - 4000):
        content[place] ^= 1
    mast.files[S2D] = bytes(content)
    mast.made += 1000


def test_two_versions_are_not_mixed(mast: StandIn, tmp_path: Path) -> None:
    """Products made by a newer pipeline often have the same size."""
    mast.faults[S2D] = list(CUT_FOR_EVER)
    with pytest.raises(lrs.LRSExplorerError, match="connection broke off"):
        fetched(mast, tmp_path)
    there = (tmp_path / f"{S2D}.part").stat().st_size
    made_anew(mast)
    mast.faults.clear()
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]
    assert [one["Range"] for one in mast.get(S2D)] == [f"bytes={there}-"]


def test_a_rest_of_another_version_is_not_taken(mast: StandIn, tmp_path: Path) -> None:
    """A server may know ranges and not If-Range."""

    def ignores_if_range(handler: Handler, content: bytes) -> bool:
        del handler.headers["If-Range"]
        handler.file(content)
        return True

    mast.faults[S2D] = list(CUT_FOR_EVER)
    with pytest.raises(lrs.LRSExplorerError):
        fetched(mast, tmp_path)
    made_anew(mast)
    mast.faults[S2D] = [ignores_if_range]
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]


def test_the_next_fetch_goes_on(mast: StandIn, tmp_path: Path) -> None:
    mast.faults[S2D] = list(CUT_FOR_EVER)
    with pytest.raises(lrs.LRSExplorerError, match="fetch again to go on") as error:
        fetched(mast, tmp_path)
    part = tmp_path / f"{S2D}.part"
    assert str(part) in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == [part.name]
    there = part.stat().st_size
    mast.faults.clear()
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]
    assert [one["Range"] for one in mast.get(S2D)] == [f"bytes={there}-"]
    assert [path.name for path in tmp_path.iterdir()] == [S2D]


@pytest.mark.parametrize("more", [0, 5])
def test_incomplete_files_of_any_length(mast: StandIn, tmp_path: Path, more: int) -> None:
    """A fetch may have been killed when all bytes were there; or the archive's file was longer."""
    content = mast.files[S2D] + bytes(more)
    (tmp_path / f"{S2D}.part").write_bytes(content)
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]
    assert len(mast.get(S2D)) == (1 if more else 0)
    assert not (tmp_path / f"{S2D}.part").exists()


def test_cancelling(mast: StandIn, tmp_path: Path) -> None:
    cancelled = threading.Event()

    def stop(one: lrs.FetchProgress) -> None:
        if one.file == S2D and one.done > 0:
            cancelled.set()

    with pytest.raises(CancelledError, match="was cancelled") as error:
        lrs.fetch("90010/1", tmp_path, progress=stop, cancelled=cancelled)
    part = tmp_path / f"{S2D}.part"
    assert f"What has arrived is kept in {part}" in str(error.value)
    assert 0 < part.stat().st_size < len(mast.files[S2D])
    found = lrs.fetch("90010/1", tmp_path)
    assert (tmp_path / S2D).read_bytes() == mast.files[S2D]
    assert found.skipped


def test_a_stalled_connection_is_cancelled_at_once(mast: StandIn, tmp_path: Path) -> None:
    """Not when it times out, after two minutes."""
    cancelled, over = threading.Event(), threading.Event()

    def stall(handler: Handler, content: bytes) -> bool:
        handler.file(content, until=len(content) // 2)
        cancelled.set()
        mast.left.wait(100)
        over.set()
        return True

    mast.faults[S2D] = [stall]
    with pytest.raises(CancelledError, match="was cancelled"):
        lrs.fetch("90010/1", tmp_path, cancelled=cancelled)
    assert not over.is_set()
    cancelled.clear()
    lrs.fetch("90010/1", tmp_path)
    assert (tmp_path / S2D).read_bytes() == mast.files[S2D]


def test_a_busy_server_is_asked_again(mast: StandIn, tmp_path: Path) -> None:
    mast.faults[S2D] = [answers(503), answers(500)]
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]
    mast.faults[ASSOCIATION] = [answers(503)] * 9
    with pytest.raises(lrs.LRSExplorerError, match=r"HTTP 503.*Nothing of it has arrived"):
        fetched_quietly(mast, tmp_path)


def fetched_quietly(mast: StandIn, folder: Path) -> lrs.Fetched:
    """Fetch an association, which is not read before as it is for a listing."""
    faults, mast.faults = mast.faults, {}
    (file,) = (f for f in lrs.archive_listing("90010/1").files if f.name == ASSOCIATION)
    mast.faults = faults
    return lrs.fetch(lrs.ArchiveListing("jw90010001", "reruns", (file,)), folder)


def damaged(handler: Handler, content: bytes) -> bool:
    handler.file(content[:80] + bytes(len(content) - 80))
    return True


def another_exposure(handler: Handler, content: bytes) -> bool:
    handler.file(handler.has.files[S2D.replace("_00001_", "_00002_")])
    return True


def another_mode(handler: Handler, content: bytes) -> bool:
    handler.file(content.replace(b"'MIR_LRS-FIXEDSLIT'", b"'NRS_FIXEDSLIT'    "))
    return True


def shorter(handler: Handler, content: bytes) -> bool:
    handler.file(content[:-2880])
    return True


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (answers(200), "sends a web page in place of"),
        (answers(404), r"does not give .* \(HTTP 404\)"),
        (answers(403), r"refuses .* \(HTTP 403\).*set MAST_API_TOKEN"),
        (shorter, "but lists it with"),
        (damaged, "is not that file and was thrown away"),
        (another_exposure, "its header calls it jw90010001001_03102_00002_mirimage_s2d"),
        (another_mode, "is a NIRSpec fixed-slit product"),
    ],
)
def test_what_is_not_the_file(mast: StandIn, tmp_path: Path, fault: Fault, sentence: str) -> None:
    mast.faults[S2D] = [fault]
    with pytest.raises(lrs.LRSExplorerError, match=sentence) as error:
        fetched(mast, tmp_path)
    assert S2D in str(error.value)
    assert not (tmp_path / S2D).exists()
    part = tmp_path / f"{S2D}.part"
    assert not part.exists() or part.stat().st_size == 0
    assert fetched(mast, tmp_path).files[0].read_bytes() == mast.files[S2D]


def test_an_association_that_is_none(mast: StandIn, tmp_path: Path) -> None:
    size = len(mast.files[ASSOCIATION])
    mast.faults[ASSOCIATION] = [answers(200, "{" + " " * (size - 1), "application/json")]
    with pytest.raises(lrs.LRSExplorerError, match="is not valid JSON"):
        fetched_quietly(mast, tmp_path)
    assert not any(tmp_path.iterdir())


# -- what is not public ----------------------------------------------------------------------------


def test_without_a_token(mast: StandIn, tmp_path: Path) -> None:
    mast.closed = {S2D, ASSOCIATION}
    with pytest.raises(lrs.LRSExplorerError, match=r"_asn.json and 1 more .* set MAST_API_TOKEN"):
        lrs.fetch("90010/1", tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_the_token_goes_with_what_is_not_public(
    mast: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mast.closed = {S2D}
    monkeypatch.setenv("MAST_API_TOKEN", f" {TOKEN}\n")
    found = lrs.fetch("90010/1", tmp_path)
    assert (tmp_path / S2D).read_bytes() == mast.files[S2D]
    assert [name for name, headers in mast.asked if TOKEN in str(headers)] == [S2D]
    assert not any(TOKEN.encode() in path.read_bytes() for path in found.files)


@pytest.mark.parametrize("token", ["another", "two words", "naïve"])
def test_a_token_that_is_none(
    mast: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    mast.closed = {S2D}
    monkeypatch.setenv("MAST_API_TOKEN", token)
    with pytest.raises(lrs.LRSExplorerError, match="MAST_API_TOKEN") as error:
        fetched(mast, tmp_path)
    assert token not in str(error.value)


def test_the_token_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    from lrs_explorer.archive.mast import token_for

    monkeypatch.setenv("MAST_API_TOKEN", TOKEN)
    assert token_for("https://mast.stsci.edu/search") == TOKEN
    assert token_for("http://mast.stsci.edu/search") == ""


# -- folders ---------------------------------------------------------------------------------------


def test_a_file_of_yours_is_not_replaced_unasked(mast: StandIn, tmp_path: Path) -> None:
    (tmp_path / S2D).write_bytes(b"mine")
    with pytest.raises(lrs.LRSExplorerError, match="exists with 4 bytes, where MAST has"):
        lrs.fetch("90010/1", tmp_path)
    assert (tmp_path / S2D).read_bytes() == b"mine"
    assert len(list(tmp_path.iterdir())) == 1
    lrs.fetch("90010/1", tmp_path, overwrite=True)
    assert (tmp_path / S2D).read_bytes() == mast.files[S2D]


def test_a_file_that_comes_to_exist_meanwhile(mast: StandIn, tmp_path: Path) -> None:
    def meanwhile(one: lrs.FetchProgress) -> None:
        (tmp_path / one.file).touch()

    with pytest.raises(lrs.LRSExplorerError, match="has come to exist meanwhile"):
        lrs.fetch("90010/1", tmp_path, progress=meanwhile)


def test_a_full_disk(mast: StandIn, tmp_path: Path) -> None:
    (tmp_path / f"{S2D}.part").symlink_to("/dev/full")
    with pytest.raises(lrs.LRSExplorerError, match="no space left on device; make room"):
        fetched(mast, tmp_path)


def test_too_little_room(mast: StandIn, tmp_path: Path) -> None:
    mast.sizes[S2D] = 10**18
    with pytest.raises(
        lrs.LRSExplorerError, match=r"has room for .*, but 1000000000.0 GB are to be"
    ):
        fetched(mast, tmp_path)


def test_a_folder_that_is_a_file(mast: StandIn, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(lrs.LRSExplorerError, match="is a file; give a folder"):
        lrs.fetch("90010/1", tmp_path / "file")
    with pytest.raises(lrs.LRSExplorerError, match="cannot be made: not a directory"):
        lrs.fetch("90010/1", tmp_path / "file" / "folder")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder(mast: StandIn, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(lrs.LRSExplorerError, match="permission denied; choose another folder"):
        lrs.fetch("90010/1", tmp_path)


def test_a_folder_in_which_nothing_can_be_made(mast: StandIn) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=r"/proc/jw90010001 cannot be made.*; choose"):
        lrs.fetch("90010/1", "/proc/jw90010001")
    with pytest.raises(
        lrs.LRSExplorerError, match=r"could not be written.*; choose another folder"
    ):
        lrs.fetch("90010/1", "/proc/self")


def test_two_at_a_time(mast: StandIn, tmp_path: Path) -> None:
    with (tmp_path / f"{S2D}.part").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(lrs.LRSExplorerError, match="is being written by another process"):
            fetched(mast, tmp_path)
    assert fetched(mast, tmp_path).files


def test_what_is_missing(mast: StandIn, tmp_path: Path) -> None:
    listing = lrs.archive_listing("90010/1")
    assert missing_files(listing, tmp_path) == list(listing.files)
    (tmp_path / S2D).write_bytes(mast.files[S2D])
    assert S2D not in {file.name for file in missing_files(listing, tmp_path)}
    assert len(missing_files(listing, tmp_path)) == len(listing.files) - 1
