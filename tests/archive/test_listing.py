"""What is asked for, and what the archive is said to have."""

from __future__ import annotations

import pytest

import lrs_explorer as lrs
from lrs_explorer.archive.listing import size_words
from lrs_explorer.archive.request import ArchiveRequest, archive_request

from .stand_in import StandIn, answers, stalls

NOD = "jw90010001001_03102_0000{}_mirimage_{}.fits"
SPECTRA = {
    *(NOD.format(n, kind) for n in (1, 2) for kind in ("s2d", "x1d")),
    *(f"jw90010-o001_t001_miri_p750l_{kind}.fits" for kind in ("s2d", "x1d")),
    *(f"jw90010-o001_20260901t120000_spec2_0000{n}_asn.json" for n in (1, 2)),
    "jw90010-o001_20260901t120000_spec3_00001_asn.json",
}
RERUNS = {
    *(NOD.format(n, kind) for n in (1, 2) for kind in ("rate", "cal")),
    "jw90010001001_02101_00001_mirimage_rate.fits",
    "jw90010001001_03101_00001_mirimage_rate.fits",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1536/22", ArchiveRequest(1536, 22)),
        (" 01536/022 ", ArchiveRequest(1536, 22)),
        ("JW01536022", ArchiveRequest(1536, 22)),
        ("jw01536-o022", ArchiveRequest(1536, 22)),
        ("1536", ArchiveRequest(1536)),
        ("jw01536", ArchiveRequest(1536)),
        (
            "jw01536022001_03102_00001",
            ArchiveRequest(1536, 22, "jw01536022001_03102_00001"),
        ),
        (
            "jw01536022001_03102_00001-seg002_mirimage_rateints.fits",
            ArchiveRequest(1536, 22, "jw01536022001_03102_00001-seg002"),
        ),
    ],
)
def test_requests(text: str, expected: ArchiveRequest) -> None:
    assert archive_request(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "0", "1536/0", "123456", "1536/1234", "1536/22/1", "jw1536", "٣", "../1536", "x" * 999],
)
def test_what_is_no_request(text: str) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="is no JWST program or observation") as error:
        archive_request(text)
    assert len(str(error.value)) < 300


def test_names_of_requests() -> None:
    names = [archive_request(text).name for text in ("1536", "1536/2", "jw01536002001_03102_00001")]
    assert names == ["jw01536", "jw01536002", "jw01536002001_03102_00001"]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("spectra", SPECTRA),
        ("reruns", SPECTRA | RERUNS),
        ("ramps", SPECTRA | RERUNS | {NOD.format(1, "uncal")}),
    ],
)
def test_levels(mast: StandIn, level: str, expected: set[str]) -> None:
    listing = lrs.archive_listing("90010/1", level)
    assert {file.name for file in listing.files} == expected
    assert len(listing.files) == len(expected)
    assert listing.size == sum(len(mast.files[name]) for name in expected)
    assert listing.files[0].role == "association"
    assert listing.name == "jw90010001"
    assert f"{len(expected)} files, " in listing.words
    assert not listing.restricted
    roles = {file.name: file.role for file in listing.files}
    assert roles[NOD.format(1, "s2d")] == "science"
    assert roles["jw90010-o001_t001_miri_p750l_s2d.fits"] == "combined"


@pytest.mark.parametrize("nested", [False, True])
def test_the_whole_program_and_pages_of_rows(mast: StandIn, nested: bool) -> None:
    mast.most_rows, mast.nested = 3, nested
    listing = lrs.archive_listing("90010")
    assert {file.name for file in listing.files} == SPECTRA | RERUNS
    assert len(mast.get("search")) == 3


def test_one_exposure(mast: StandIn) -> None:
    listing = lrs.archive_listing("jw90010001001_03102_00001")
    names = {file.name for file in listing.files}
    assert {NOD.format(1, kind) for kind in ("s2d", "x1d", "rate", "cal")} <= names
    assert {file.name for file in listing.files if file.role == "background"} == {
        NOD.format(2, "rate"),
        NOD.format(2, "x1d"),
    }
    assert not any("p750l" in name or "spec3" in name for name in names)


def test_backgrounds_of_another_observation(mast: StandIn) -> None:
    """A dedicated background is another observation, which the association alone names."""
    for name, content in dict(mast.files).items():
        if "_spec2_" in name:
            mast.files[name] = content.replace(
                b"jw90010001001_03102_00002", b"jw90010002001_03102_00001"
            )
    mast.sets["jw90010002001_03102_00001"] = "MIR_LRS-FIXEDSLIT"
    for kind in ("uncal", "rate", "cal", "s2d", "x1d"):
        mast.files[f"jw90010002001_03102_00001_mirimage_{kind}.fits"] = b"sky"
    listing = lrs.archive_listing("90010/1")
    assert [file.name for file in listing.files if file.role == "background"] == [
        "jw90010002001_03102_00001_mirimage_rate.fits",
        "jw90010002001_03102_00001_mirimage_x1d.fits",
    ]
    assert all(f.role != "background" for f in lrs.archive_listing("90010/1", "spectra").files)


def test_a_time_series(mast: StandIn) -> None:
    mast.program, mast.sets, mast.files = 90011, {}, {}
    mast.add_demo("demo_slitless", {"jw90011001001_04103_00001": "MIR_LRS-SLITLESS"})
    for kind in ("rate", "uncal"):
        name = f"jw90011001001_04103_00001-seg001_mirimage_{kind}.fits"
        mast.files[name] = b"of no use"
    kinds = {
        level: sorted(file.kind for file in lrs.archive_listing("90011/1", level).files)
        for level in ("spectra", "reruns")
    }
    assert kinds["spectra"] == ["calints"] * 2 + ["x1dints"] * 2
    assert kinds["reruns"] == ["calints"] * 2 + ["rateints"] * 2 + ["x1dints"] * 2


def test_products_of_several_observations(mast: StandIn) -> None:
    mast.sets["jw90010-c1001_t001_miri_p750l"] = "MIR_LRS-FIXEDSLIT"
    mast.files["jw90010-c1001_t001_miri_p750l_s2d.fits"] = b"several"
    listing = lrs.archive_listing("90010/1")
    assert any("jw90010-c1001_t001_miri_p750l" in note for note in listing.notes)
    assert not any("c1001" in file.name for file in listing.files)
    assert any("c1001" in file.name for file in lrs.archive_listing("90010").files)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("1", "MAST has no MIRI data of program 1"),
        ("90010/7", "program 90010 has no LRS observation 7; it has 1."),
        (
            "jw90010001001_03102_00009",
            "there are jw90010001001_03102_00001, jw90010001001_03102_00002",
        ),
    ],
)
def test_nothing_there(mast: StandIn, what: str, sentence: str) -> None:
    with pytest.raises(lrs.LRSExplorerError, match=sentence):
        lrs.archive_listing(what)


def test_another_mode_alone(mast: StandIn) -> None:
    mast.sets = {"jw90010007001_02101_00001": "MIR_IMAGE"}
    with pytest.raises(lrs.LRSExplorerError, match="has MIRI data, but none of LRS"):
        lrs.archive_listing("90010/7")


def test_a_level_that_there_is_not(mast: StandIn) -> None:
    with pytest.raises(lrs.LRSExplorerError, match="choose from spectra, reruns, ramps"):
        lrs.archive_listing("90010/1", "all")
    assert not mast.asked


@pytest.mark.parametrize("service", ["column_list", "search", "post_list_products"])
@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (answers(200), "with something that is not JSON"),
        (answers(200, "[[]]", "application/json"), "in a way that is not understood"),
        (answers(500), r"with an error \(HTTP"),
        (answers(503), r"with an error \(HTTP 503\)"),
    ],
)
def test_answers_that_are_none(mast: StandIn, service: str, fault: object, sentence: str) -> None:
    mast.faults[service] = [fault]  # type: ignore[list-item]
    with pytest.raises(lrs.LRSExplorerError, match=sentence) as error:
        lrs.archive_listing("90010/1")
    assert "127.0.0.1" in str(error.value)


def test_nobody_there(mast: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    from astroquery.mast import conf

    monkeypatch.setattr(conf.__class__, "server", "http://127.0.0.1:9")
    with pytest.raises(lrs.LRSExplorerError, match="cannot be reached; check the network"):
        lrs.archive_listing("90010/1")


def test_no_answer(mast: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lrs_explorer.archive.mast.TIMEOUT", (1.0, 0.2))
    mast.faults["column_list"] = [stalls(0.0, 5.0)]
    with pytest.raises(lrs.LRSExplorerError, match="does not answer; check the network"):
        lrs.archive_listing("90010/1")


def test_files_that_are_not_public(mast: StandIn) -> None:
    mast.closed = set(mast.files)
    listing = lrs.archive_listing("90010/1")
    assert listing.restricted == listing.files
    assert any("may not be read without a token" in note for note in listing.notes)


def test_words_of_sizes() -> None:
    assert [size_words(n) for n in (12, 1500, 2.5e6, 3.21e9)] == [
        "12 B",
        "1.5 kB",
        "2.5 MB",
        "3.2 GB",
    ]
