"""The archive on the screen, without a browser; see tests/explorer/test_from_archive.py."""

from __future__ import annotations

from pathlib import Path

import pytest

import lrs_explorer as lrs

from .stand_in import StandIn, answers, cut

S2D = "jw90010001001_03102_00001_mirimage_s2d.fits"


@pytest.fixture(scope="module")
def ui() -> lrs.Explorer:
    return lrs.Explorer()


@pytest.fixture
def page(ui: lrs.Explorer, mast: StandIn) -> Page:
    return Page(ui)


class Page:
    """What the user does, and sees."""

    def __init__(self, ui: lrs.Explorer) -> None:
        self.ui = ui
        self.panel = ui._screen.open.archive
        ui._screen.open.open()

    def click(self, button: str) -> None:
        getattr(self.panel, button).click()
        self.ui._archive.finish()

    def list(self, what: str, folder: Path, level: str = "reruns") -> None:
        self.panel.folder.value = str(folder)
        self.panel.level.value = level
        self.panel.what.value = what
        self.click("list")

    @property
    def says(self) -> str:
        return str(self.panel.note.value)


def test_listing_fetching_and_opening(page: Page, mast: StandIn, tmp_path: Path) -> None:
    assert page.panel.fetch.disabled
    page.list("90010/1", tmp_path / "one", "spectra")
    assert "9 files, " in page.says
    assert not (tmp_path / "one").exists()
    assert not page.panel.fetch.disabled
    page.click("fetch")
    assert f"all 9 files are in {tmp_path / 'one'}" in page.says
    assert not page.ui._screen.open.shown
    assert page.ui.observation is not None
    assert page.ui.observation.image_path().parent == tmp_path / "one"
    page.list("90010/1", tmp_path / "one")
    assert "; 9 are there, " in page.says


def test_what_was_typed_has_to_be_listed(page: Page, tmp_path: Path) -> None:
    page.list("90010/1", tmp_path)
    page.panel.what.value = "90010/2"
    assert page.panel.fetch.disabled
    page.click("list")
    assert "has no LRS observation 2" in page.says
    assert page.panel.fetch.disabled


def test_a_folder_is_suggested(page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page.panel.folder.value = ""
    page.panel.what.value = "90010/1"
    page.click("list")
    assert page.panel.folder.value == str(tmp_path / "jw90010001")
    page.panel.what.value = "90010"
    page.click("list")
    assert page.panel.folder.value == str(tmp_path / "jw90010")


def test_what_goes_wrong_is_said_there(page: Page, mast: StandIn, tmp_path: Path) -> None:
    mast.faults["search"] = [answers(500)]
    page.list("90010/1", tmp_path / "two")
    assert "answers the search for program 90010 with an error" in page.says
    page.click("list")
    mast.faults[S2D] = [cut(0.5), *[cut(0.0)] * 9]
    page.click("fetch")
    assert "fetch again to go on" in page.says
    mast.faults.clear()
    page.click("fetch")
    assert "all 15 files are in" in page.says


def test_where_the_user_goes_on(page: Page, tmp_path: Path) -> None:
    """What is on the screen is not replaced under somebody who has left the panel."""
    before = page.ui.observation
    page.list("90010/1", tmp_path / "three", "spectra")
    page.ui._screen.open.close()
    page.click("fetch")
    assert page.ui.observation is before
    assert (tmp_path / "three" / S2D).exists()
