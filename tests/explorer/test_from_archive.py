"""Fetching from MAST in the page."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from archive.stand_in import Handler, StandIn, serving, settings, slit_archive
from explorer_page import DEMO, Open

S2D = "jw90010001001_03102_00001_mirimage_s2d.fits"


@pytest.fixture
def archive() -> Iterator[StandIn]:
    with serving(slit_archive()) as has:
        yield has


def test_fetching_stopping_and_going_on(
    open_explorer: Open, archive: StandIn, tmp_path: Path
) -> None:
    go_on = threading.Event()

    def stall(handler: Handler, content: bytes) -> bool:
        handler.file(content, until=len(content) // 2)
        go_on.wait(60)
        return True

    archive.faults[S2D] = [stall]
    target = tmp_path / "fetched"
    explorer = open_explorer(
        DEMO.parent / "demo_slitless", **settings(archive, tmp_path / "settings")
    )
    explorer.until_live()
    explorer.button("open…").click()
    assert explorer.button("fetch").is_disabled()
    explorer.type("MAST", "90010/1")
    explorer.type("into", str(target))
    explorer.button("list files").click()
    explorer.until(lambda: "15 files, 138" in explorer.text(".lrs-archive"))
    explorer.screenshot("archive-listed")
    explorer.button("fetch").click()
    explorer.until(lambda: S2D in explorer.text(".lrs-archive"))
    explorer.screenshot("archive-fetching")
    explorer.button("stop").click()
    go_on.set()
    explorer.until(lambda: "was cancelled" in explorer.text(".lrs-archive"))
    assert (target / f"{S2D}.part").exists()
    explorer.button("fetch").click()
    explorer.until(lambda: not explorer.root.locator(".lrs-open").is_visible())
    explorer.until(lambda: "jw90010-o001" in explorer.text(".lrs-title"))
    explorer.until_live()
    assert (target / S2D).read_bytes() == archive.files[S2D]
    assert [one.get("Range") is None for one in archive.get(S2D)] == [True, False]
    explorer.screenshot("archive-opened")
    assert explorer.page.problems == []  # type: ignore[attr-defined]
    explorer.page.close()
