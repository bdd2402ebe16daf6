"""The picture of the README: the real screen, after the first minute."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from explorer_page import IMAGE, PASSED, ExplorerPage
from PIL import Image

PICTURE = Path(__file__).parents[2] / "docs" / "images" / "explorer.png"


def test_picture_of_the_readme(demo: ExplorerPage, request: pytest.FixtureRequest) -> None:
    """Written anew with ``pytest tests/explorer/test_picture.py --picture``."""
    explorer = demo
    explorer.button("add region").click()
    explorer.until(lambda: len(explorer.regions()) == 1)
    explorer.button("add region").click()
    explorer.until(lambda: len(explorer.regions()) == 2)
    figure = explorer.plot(IMAGE)
    figure.drag((9.0, 14.2), 0, round(-4.1 / figure.pixel))
    explorer.until(lambda: explorer.median == pytest.approx(PASSED, abs=0.03))
    seen = Image.open(io.BytesIO(explorer.page.screenshot()))
    assert seen.size == (1280, 900)
    if request.config.getoption("--picture"):
        PICTURE.parent.mkdir(exist_ok=True)
        seen.convert("RGB").quantize(255).save(PICTURE, optimize=True)
    with Image.open(PICTURE) as kept:
        assert kept.size == seen.size
    assert PICTURE.stat().st_size < 400_000
