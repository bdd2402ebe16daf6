"""Opening, information, saving; and files that are not what they should be, or vanish."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from explorer_page import DEMO, IMAGE, PASSED, TRACE, ExplorerPage, Open

import lrs_explorer
from lrs_explorer.model.references.crds_settings import SERVERLESS

NOD_2 = "jw90010001001_03102_00002_mirimage_s2d.fits"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two observations and files that are none."""
    folder = tmp_path_factory.mktemp("programs")
    shutil.copytree(DEMO, folder / "first")
    second = folder / "second"
    second.mkdir()
    name = "jw90010001001_03102_00001_mirimage_s2d.fits"
    with fits.open(DEMO / name) as hdus:
        hdus[0].header.update(OBSERVTN="007", OBS_ID="V90010007001P0000000003102", TARGNAME="OTHER")
        hdus[0].header["FILENAME"] = name.replace("90010001", "90010007")
        hdus.writeto(second / name.replace("90010001", "90010007"))
    (folder / "notes.txt").write_text("not a product")
    (second / "broken_s2d.fits").write_bytes(b"SIMPLE  =                    T")
    return folder


@pytest.fixture(scope="module")
def explorer(open_explorer: Open, folder: Path) -> ExplorerPage:
    """Return an explorer that was started on the first observation's folder."""
    explorer = open_explorer(folder / "first")
    explorer.until_live()
    return explorer


def test_information_tells_what_matters(explorer: ExplorerPage) -> None:
    explorer.tab("Info")
    for expected in (
        "simulated, not a JWST observation",
        "SIM-DUSTY-STAR",
        "LRS fixed slit",
        "jwst 3.0.0",
        "CRDS context",
        "pixel_replace",
        "extract1d",
    ):
        explorer.until(lambda expected=expected: expected in explorer.text(".lrs-information"))
    explorer.screenshot("demo-1280-information")


def test_observations_of_a_folder_are_listed_by_what_they_are(
    explorer: ExplorerPage, folder: Path
) -> None:
    explorer.button("open…").click()
    listed = explorer.root.locator(".lrs-open select option")
    explorer.until(lambda: listed.count() == 1)
    words = listed.first.inner_text().replace("\u00a0", " ").split()
    assert words[:2] == ["SIM-DUSTY-STAR", "jw90010-o001"]
    assert "slit" in words
    assert {"s2d", "x1d"} <= {word.strip(",") for word in words}
    assert ".fits" not in listed.first.inner_text()
    explorer.type("path", str(folder))
    explorer.button("open path").click()
    explorer.until(lambda: listed.count() == 2)
    explorer.until(lambda: any("could not be read" in text for text in explorer.messages))
    explorer.screenshot("demo-1280-open")
    warning = explorer.root.locator(".lrs-message-list > *").filter(has_text="could not be read")
    details = warning.get_by_text("broken_s2d.fits")
    assert not details.is_visible()
    warning.locator("summary").click()
    details.wait_for()
    warning.get_by_role("button").click()
    warning.wait_for(state="detached")
    explorer.field("filter").fill("other")
    explorer.until(lambda: listed.count() == 1)
    explorer.button("open", ".lrs-open").click()
    explorer.until(lambda: "OTHER" in explorer.text(".lrs-title"))
    explorer.until(lambda: explorer.legend.strip() == "spectrum (live)")  # it has no x1d
    explorer.until(lambda: "No comparison: there is no" in explorer.text(".lrs-spectrum"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nowhere.fits", "does not exist"),
        ("notes.txt", "notes.txt"),
        ("second/broken_s2d.fits", "broken_s2d.fits"),
    ],
)
def test_what_cannot_be_opened_is_said_and_what_is_open_stays(
    explorer: ExplorerPage, folder: Path, name: str, expected: str
) -> None:
    title, aperture = explorer.text(".lrs-title"), explorer.aperture()
    explorer.button("open…").click()
    explorer.type("path", str(folder / name))
    explorer.button("open path").click()
    message = ""

    def said() -> str:
        nonlocal message  # messages come and go: what was found need not be there at a second look
        message = next((text for text in explorer.messages if expected in text), "")
        return message

    explorer.until(said)
    assert "Traceback" not in message
    assert len(message.splitlines()) <= 2, "one sentence"
    assert (explorer.text(".lrs-title"), explorer.aperture()) == (title, aperture)
    explorer.button("cancel", ".lrs-open").click()


def test_a_file_that_vanishes_while_open(open_explorer: Open, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(DEMO, copy)
    with fits.open(copy / NOD_2.replace("2_mir", "1_mir"), mode="update") as hdus:
        hdus[0].header["TITLE"] = "of unknown origin"  # no simulation of ours: no references
    explorer = open_explorer(copy, CRDS_PATH=str(tmp_path), CRDS_SERVER_URL=SERVERLESS)
    explorer.until_live()
    explorer.until(lambda: "no aperture correction" in explorer.text(".lrs-spectrum"))
    explorer.until(lambda: "reference file not available" in explorer.text(".lrs-spectrum"))
    shutil.rmtree(copy)
    explorer.button("center on trace").click()
    explorer.until(lambda: explorer.aperture()[0] == pytest.approx(TRACE, abs=2e-3))
    explorer.until(lambda: explorer.live_to_truth() > 0.7)
    aperture, limits = explorer.aperture(), explorer.at_rest(lambda: explorer.plot(IMAGE).y_limits)
    shown = explorer.field("image").input_value()
    explorer.field("image").select_option(label="Nod 2 (+0.94″)")
    explorer.until(lambda: any(NOD_2 in text for text in explorer.messages))
    explorer.until(lambda: explorer.field("image").input_value() == shown)
    assert explorer.at_rest(explorer.aperture) == aperture
    assert explorer.plot(IMAGE).y_limits == limits
    explorer.until_live()
    explorer.plot(IMAGE).drag((8.0, 18.3), 0, 15)
    explorer.until(lambda: explorer.aperture() != aperture)
    explorer.until(lambda: NOD_2 not in "".join(explorer.messages))
    explorer.page.close()


def test_nods_and_combined_image_have_each_their_recipe(demo: ExplorerPage) -> None:
    demo.type("width", 6)
    demo.until(lambda: demo.aperture() == (14.222, 6.0))
    demo.field("image").select_option(label="Nod 2 (+0.94″)")
    demo.until(lambda: demo.aperture()[1] == 8.0)
    demo.until_live()
    demo.until(lambda: demo.aperture()[0] > 28)
    assert not demo.root.locator(".lrs-run-text").get_by_text("fail").count()
    colours = demo.at_rest(lambda: demo.text(".lrs-image-legend"))
    demo.field("image").select_option(label="Combined (level 3)")
    demo.until(lambda: demo.text(".lrs-image-legend") != colours)
    demo.until_live()
    demo.field("image").select_option(label="Nod 1 (−0.94″)")
    demo.until(lambda: demo.aperture() == (14.222, 6.0))
    demo.button("↶ undo").click()
    demo.until(lambda: demo.aperture()[0] != 14.222)
    demo.field("image").select_option(label="Nod 1 (−0.94″)")


def test_spectrum_and_recipe_are_saved_and_nothing_is_overwritten(
    demo: ExplorerPage, tmp_path: Path
) -> None:
    demo.button("center on trace").click()
    demo.until(lambda: demo.aperture()[0] == pytest.approx(TRACE, abs=2e-3))
    demo.button("save spectrum…").click()
    form = demo.root.locator(".lrs-popup:visible")
    suggested = "jw90010001001_03102_00001_mirimage_explorer_x1d.fits"
    where = form.get_by_title("File to save").last
    demo.until(lambda: where.input_value() == suggested)
    path = tmp_path / suggested
    where.fill(str(path))
    form.get_by_role("button", name="save spectrum").click()
    demo.until(lambda: any(f"spectrum written to {path}" in text for text in demo.messages))
    with fits.open(path) as hdus:
        table = hdus["EXTRACT1D"].data
        assert len(table.columns) == 18
        truth = lrs_explorer.demo("slit").truth
        inside = (table["WAVELENGTH"] > 5.5) & (table["WAVELENGTH"] < 11.5)
        true = np.interp(table["WAVELENGTH"][inside], truth["wavelength"], truth["flux"])
        assert np.nanmedian(table["FLUX"][inside] / true) == pytest.approx(PASSED, abs=0.02)
    before = path.read_bytes()
    demo.button("save spectrum…").click()
    form.get_by_title("File to save").last.fill(str(path))
    form.get_by_role("button", name="save spectrum").click()
    demo.until(lambda: any("exists" in text for text in demo.messages))
    assert path.read_bytes() == before
    form.get_by_label("replace an existing file").check()
    form.get_by_role("button", name="save spectrum").click()
    form.wait_for(state="hidden")
    demo.button("save recipe…").click()
    recipe = tmp_path / "mine.json"
    form.get_by_title("File to save").last.fill(str(recipe))
    demo.screenshot("demo-1280-save")
    form.get_by_role("button", name="save recipe").click()
    form.wait_for(state="hidden")
    assert json.loads(recipe.read_text())["aperture"]["center"] == pytest.approx(TRACE, abs=2e-3)
    assert lrs_explorer.Recipe.from_json(recipe).aperture.width == 8.0


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a download from MAST of three targets, and an older reduction of one of them."""
    top = tmp_path_factory.mktemp("mast")
    targets = {"001": "FIRST-STAR", "002": "SECOND-STAR", "003": "THIRD-STAR"}
    for observation, target in targets.items():
        for path in [*DEMO.glob("*mirimage_s2d.fits"), *DEMO.glob("*miri_p750l_?[21]d.fits")]:
            name = path.name.replace("jw90010001", f"jw90010{observation}")
            name = name.replace("-o001", f"-o{observation}")
            place = top / "mastDownload" / "JWST" / name.rpartition("_")[0]
            place.mkdir(parents=True, exist_ok=True)
            with fits.open(path) as hdus:
                hdus[0].header.update(OBSERVTN=observation, TARGNAME=target)
                if "HDRTAB" in hdus:
                    hdus["HDRTAB"].data["FILENAME"] = [
                        str(member).replace("jw90010001", f"jw90010{observation}")
                        for member in hdus["HDRTAB"].data["FILENAME"]
                    ]
                hdus.writeto(place / name)
                if observation == "001":
                    hdus[0].header.update(CRDS_CTX="jwst_0000.pmap", DATE="2025-01-01T00:00:00")
                    (top / "reduced").mkdir(exist_ok=True)
                    hdus.writeto(top / "reduced" / name)
    members = [
        {"expname": f"jw90010001001_03102_0000{n}_mirimage_rate.fits", "exptype": role}
        for n, role in ((1, "science"), (2, "background"))
    ]
    stem = members[0]["expname"].rpartition("_")[0]
    products = [{"name": stem, "members": members}]
    association = top / "mastDownload" / "JWST" / stem / "jw90010-o001_spec2_00001_asn.json"
    association.write_text(json.dumps({"asn_type": "spec2", "products": products}))
    return top


def test_a_download_shows_what_each_observation_is_made_of(
    explorer: ExplorerPage, download: Path
) -> None:
    def pick(words: str) -> None:
        explorer.button("open…").click()
        explorer.type("path", str(download))
        explorer.button("open path").click()
        explorer.until(lambda: listed.count() == 4)
        explorer.field("filter").fill(words)
        explorer.until(lambda: listed.count() == 1)
        explorer.button("open", ".lrs-open").click()

    listed = explorer.root.locator(".lrs-open select option")
    stems = [f"jw90010001001_03102_0000{n}_mirimage" for n in (1, 2)]
    pick("first jwst_0001")
    explorer.until(lambda: "FIRST-STAR" in explorer.text(".lrs-title"))
    explorer.tab("Info")
    for expected in (
        "What it is made of",
        f"{stems[0]} (s2d), jwst 3.0.0, jwst_0001.pmap",
        f"{stems[1]}_rate.fits (not at hand) – jw90010-o001_spec2_00001_asn.json",
        f"Nod 2 (+0.94″): {stems[1]} – jw90010-o001_t001_miri_p750l_s2d.fits (HDRTAB)",
    ):
        explorer.until(lambda expected=expected: expected in explorer.text(".lrs-information"))
    explorer.page.evaluate(  # at one go: the table is made anew when reference files are found
        """() => [...document.querySelectorAll(".lrs-information th")]
          .find(one => one.textContent === "What it is made of")?.scrollIntoView()"""
    )
    explorer.screenshot("demo-1280-made-of")
    pick("first jwst_0000")
    explorer.until(lambda: "jwst_0000.pmap" in explorer.text(".lrs-information"))
    explorer.until(
        lambda: f"{stems[0]} (s2d), jwst 3.0.0, jwst_0000" in explorer.text(".lrs-information")
    )
    pick("third")
    explorer.until(lambda: "THIRD-STAR" in explorer.text(".lrs-title"))
    explorer.button("open…").click()
    explorer.field("filter").fill("")
    explorer.until(lambda: listed.count() == 4)
    lines = [text.replace("\u00a0", " ") for text in listed.all_inner_texts()]
    assert [line.split()[0] for line in lines] == ["FIRST-STAR"] * 2 + ["SECOND-STAR", "THIRD-STAR"]
    assert "jwst_0001.pmap, folder mastDownload/JWST " in lines[0]
    assert "jwst_0000.pmap, folder reduced " in lines[1]
    explorer.screenshot("demo-1280-download")
    explorer.button("cancel", ".lrs-open").click()


TARGETS = ["FIRST-STAR", "FIRST-STAR", "SECOND-STAR", "THIRD-STAR"]


def test_a_folder_of_several_observations_opens_the_list_of_them(
    open_explorer: Open, download: Path
) -> None:
    explorer = open_explorer(download)
    listed = explorer.root.locator(".lrs-open select option")
    explorer.until(lambda: listed.count() == 4)
    lines = [text.replace("\u00a0", " ") for text in listed.all_inner_texts()]
    assert [line.split()[0] for line in lines] == TARGETS
    assert all("2026-" in line and " slit " in line and " 4 files " in line for line in lines)
    assert "jwst_0000.pmap, folder reduced " in lines[1]
    said = f"{download} holds 3 LRS observations in 4 reductions: choose one of the list."
    explorer.until(lambda: any(said in text for text in explorer.messages))
    explorer.screenshot("download-1280-list-first")
    explorer.field("filter").fill("third")
    explorer.until(lambda: listed.count() == 1)
    explorer.button("open", ".lrs-open").click()
    explorer.until(lambda: "THIRD-STAR" in explorer.text(".lrs-title"))
    explorer.until_live()
    explorer.page.close()


@pytest.mark.parametrize("what", ["folder", "file"])
def test_one_exposure_of_a_download_lists_the_other_targets(
    open_explorer: Open, download: Path, what: str
) -> None:
    stem = "jw90010002001_03102_00001_mirimage"
    own = download / "mastDownload" / "JWST" / stem
    explorer = open_explorer(own if what == "folder" else own / f"{stem}_s2d.fits")
    explorer.until(lambda: "SECOND-STAR" in explorer.text(".lrs-title"))
    explorer.button("open…").click()
    listed = explorer.root.locator(".lrs-open select option")
    explorer.until(lambda: listed.count() == 3)
    lines = [text.replace("\u00a0", " ") for text in listed.all_inner_texts()]
    assert [line.split()[0] for line in lines] == TARGETS[1:]
    explorer.page.close()


def test_first_use_on_a_slow_network(
    open_explorer: Open, crds_server: Callable[..., str], shared_data: Path, tmp_path: Path
) -> None:
    """Files are told one by one, it can be cancelled, and goes on where it stopped."""
    first = shared_data / "slit-90001" / "jw90001001001_03102_00001_mirimage_s2d.fits"
    address = crds_server("--mappings", "60", "--delay", "0.3")
    explorer = open_explorer(
        first,
        CRDS_PATH=str(tmp_path / "crds"),
        CRDS_SERVER_URL=address,
        CRDS_CONTEXT="",
        CRDS_READONLY_CACHE="0",
    )
    run = explorer.root.locator(".lrs-run-text")
    explorer.until(lambda: "fetching reference files: jwst_" in run.inner_text())
    # Of 60 mappings; the first may be there before the others are counted.
    assert re.search(r"\(\d+ of (59|60)\)", run.inner_text())
    explorer.screenshot("shared-1280-fetching")
    explorer.button("cancel", ".lrs-run").click()
    explorer.until(lambda: "reference files: it was cancelled" in run.inner_text())
    explorer.until_live()
    output = tmp_path / "mine_x1d.fits"
    explorer.button("save spectrum…").click()
    form = explorer.root.locator(".lrs-popup:visible")
    form.get_by_title("File to save").last.fill(str(output))
    form.get_by_role("button", name="save spectrum").click()
    explorer.until(lambda: any("was not written" in text for text in explorer.messages))
    form.get_by_label("without reference files").wait_for()
    explorer.screenshot("shared-1280-without-references")
    assert not output.exists()
    form.get_by_role("button", name="cancel").click()
    explorer.button("run again", ".lrs-run").click()
    explorer.until(lambda: "reference files: it was cancelled" not in run.inner_text())
    explorer.until(lambda: "as delivered" in run.inner_text())
    explorer.until(lambda: "no aperture correction" not in explorer.text(".lrs-spectrum"))
    explorer.button("save spectrum…").click()
    form.get_by_title("File to save").last.fill(str(output))
    assert not form.get_by_label("without reference files").is_visible()
    form.get_by_role("button", name="save spectrum").click()
    form.wait_for(state="hidden")
    assert "no aperture correction" not in str(fits.getheader(output)["HISTORY"])
    explorer.page.close()


def test_a_reference_file_of_one_s_own(demo: ExplorerPage, tmp_path: Path) -> None:
    entry = {"id": "MIR_LRS-FIXEDSLIT", "region_type": "target", "dispaxis": 2}
    entry |= {"use_source_posn": False, "xstart": 15, "xstop": 21, "bkg_coeff": None}
    own = tmp_path / "mine.json"
    own.write_text(json.dumps({"apertures": [entry]}))
    demo.type("extract1d", str(own))
    demo.button("use").click()
    demo.until(lambda: demo.aperture() == (18.0, 7.0))
    demo.until(lambda: "placed by the extract1d reference file" in demo.text(".lrs-tabs"))
    demo.screenshot("demo-1280-own-reference")
    demo.type("extract1d", str(DEMO / "truth.ecsv"))
    demo.button("use").click()
    demo.until(lambda: any("truth.ecsv" in text for text in demo.messages))
    assert demo.aperture() == (18.0, 7.0)
    demo.type("extract1d", "")
    demo.button("use").click()
    demo.until(lambda: demo.aperture() == (14.222, 8.0))
