"""The walk of docs/tour.md over the real screen, and the pictures of README and docs.

Each picture is saved in ``screenshots/``. ``python docs/pictures.py`` runs this with
``--pictures``, which writes them into ``docs/images`` too, sharp and small.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from explorer_page import IMAGE, PASSED, ExplorerPage
from PIL import Image
from test_reprocessing import go_back, until_done
from test_time_series import panel, scatter, statistics
from voila_server import SCREENSHOTS

IMAGES = Path(__file__).parents[2] / "docs" / "images"

TALL = 1250
"""Height of a window in which all of the page is in view."""

LARGEST = 150_000
"""Bytes of a picture."""

MARGIN = 6
"""Pixels around what is wanted."""

Take = Callable[..., None]


@pytest.fixture
def take(request: pytest.FixtureRequest) -> Take:
    """Return a function that takes a picture of a page, or of elements of it."""
    kept = request.config.getoption("--pictures")

    def take_one(explorer: ExplorerPage, name: str, *parts: str) -> None:
        explorer.page.mouse.move(2, 2)
        with room(explorer, bool(parts)):
            seen = explorer.at_rest(lambda: shot(explorer, parts), looks=3)
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name.replace('/', '-')}.png"
        Image.open(io.BytesIO(seen)).convert("RGB").quantize(128).save(path, optimize=True)
        if kept:
            (IMAGES / name).parent.mkdir(exist_ok=True)
            (IMAGES / f"{name}.png").write_bytes(path.read_bytes())
        assert (IMAGES / f"{name}.png").stat().st_size < LARGEST

    return take_one


@contextmanager
def room(explorer: ExplorerPage, needed: bool) -> Iterator[None]:
    """Have all of the page in view, where parts of it are wanted."""
    size = explorer.page.viewport_size
    assert size is not None
    if not needed:
        yield
        return
    explorer.page.set_viewport_size({**size, "height": TALL})
    yield
    explorer.page.set_viewport_size(size)


def shot(explorer: ExplorerPage, parts: Sequence[str]) -> bytes:
    """Return a picture of what is in view, or of the part that holds these elements."""
    if not parts:
        return explorer.page.screenshot()
    explorer.root.locator(parts[-1]).first.scroll_into_view_if_needed()
    boxes = [explorer.root.locator(part).first.bounding_box() for part in parts]
    known = [box for box in boxes if box is not None]
    assert len(known) == len(boxes)
    left, top = (min(box[at] for box in known) - MARGIN for at in ("x", "y"))
    right = max(box["x"] + box["width"] for box in known) + MARGIN
    low = max(box["y"] + box["height"] for box in known) + MARGIN
    clip = {"x": left, "y": top, "width": right - left, "height": low - top}
    return explorer.page.screenshot(clip=clip)  # type: ignore[arg-type]


def test_from_the_archives_spectrum_to_a_believed_one(demo: ExplorerPage, take: Take) -> None:
    demo.until(lambda: "7 problems found:" in demo.text(".lrs-status"))
    take(demo, "tour/open")
    demo.plot(IMAGE).drag((9.0, 14.2), 0, round(-4.1 / demo.plot(IMAGE).pixel))
    demo.until(lambda: demo.median == pytest.approx(PASSED, abs=0.03))
    demo.button("add region").click()
    demo.until(lambda: len(demo.regions()) == 1)
    demo.until(lambda: "6 problems found:" in demo.text(".lrs-status"))
    take(demo, "explorer")
    demo.button("↶ undo").click()
    demo.until(lambda: not demo.regions())
    demo.button("pin").click()
    demo.until(lambda: "(pinned)" in demo.legend)
    pinned = re.search(r"center \S+, width 8.0", demo.legend)
    assert pinned
    demo.tab("Findings")
    found = demo.root.locator('.lrs-verdict[data-status="found"]')
    demo.until(lambda: "6 problems" in demo.text(".lrs-tabs") and found.count() == 6)
    demo.root.locator(".lrs-card", has_text="MR-LRS03").get_by_role("button").first.click()
    demo.until(lambda: "found from" in panel(demo))
    take(demo, "tour/findings", ".lrs-spectrum", ".lrs-tabs")
    demo.button("Fix all").click()
    until_done(demo)
    demo.until(lambda: demo.live_to_truth() == pytest.approx(1.0, abs=0.02))
    demo.until(lambda: ". The flux changes by" in panel(demo))
    demo.until(lambda: "errors by bootstrap" in panel(demo))
    demo.tab("Display")
    demo.field("against").select_option(label=pinned[0])
    demo.until(lambda: "live ÷ center" in demo.text(".lrs-statistics"))
    demo.tab("Findings")
    take(demo, "tour/fixed")
    demo.tab("Slit")
    take(demo, "tour/slit", ".lrs-tabs")
    demo.tab("Choices")
    demo.button("vary").click()
    demo.until(lambda: "Systematic error by" in panel(demo))
    take(demo, "tour/choices", ".lrs-tabs")
    demo.button("export…").click()
    take(demo, "tour/export", ".lrs-toolbar", ".lrs-export")
    demo.button("cancel").click()
    go_back(demo)


def test_then_the_transit(series_page: ExplorerPage, take: Take) -> None:
    series = series_page
    go_back(series)
    series.until_live()
    series.until(lambda: "ppm" in statistics(series))
    before = scatter(series)
    take(series, "tour/transit", ".lrs-spectrum", ".lrs-profile-legend", ".lrs-first")
    series.tab("Time")
    series.page.get_by_label("subtract a 2-D background").check()
    series.until(lambda: "After subtraction" in panel(series))
    take(series, "tour/background", ".lrs-tabs")
    take(series, "time_series", ".lrs-statistics", ".lrs-sky")
    go_back(series)
    series.tab("Findings")
    series.until(lambda: "4 problems" in panel(series))
    series.button("Fix all").click()
    until_done(series)
    series.until(lambda: scatter(series) < 0.8 * before)
    series.until(lambda: "Fixed:" in panel(series))
    take(series, "tour/transit-fixed", ".lrs-spectrum", ".lrs-profile-legend", ".lrs-first")
    go_back(series)
    assert series.page.problems == []  # type: ignore[attr-defined]
