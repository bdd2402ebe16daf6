"""The explorer tells what is wrong by itself, and fixes it at one touch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from explorer_page import PASSED, ExplorerPage
from playwright.sync_api import Locator
from test_reprocessing import state, until_done

AS_DELIVERED = pytest.approx(0.515, abs=0.02)
"""Part of the true light in an aperture at the wrong place."""


@pytest.fixture
def page(demo: ExplorerPage) -> Iterator[ExplorerPage]:
    demo.tab("Findings")
    demo.until(lambda: "passed" in demo.text(".lrs-tabs"))
    yield demo
    demo.tab("Extraction")


def test_a_new_user_reads_what_is_wrong_and_fixes_it_with_one_button(page: ExplorerPage) -> None:
    page.root.locator(".lrs-verdict").first.wait_for()
    for number in range(1, 6):
        page.until(lambda name=f"MR-LRS0{number}": name in page.text(".lrs-findings"))
    found = page.root.locator('.lrs-verdict[data-status="found"]')
    page.until(lambda: found.count() >= 6)
    page.until(lambda: page.live_to_truth() == AS_DELIVERED)
    page.until(lambda: "7 problems found:" in page.text(".lrs-status"))
    card(page, "MR-LRS02").get_by_role("button").first.click()
    page.until(lambda: "found from" in page.text(".lrs-panel:visible"))
    page.screenshot("findings-before")
    assert "loses" in card(page, "MR-LRS01").inner_text()
    card(page, "MR-LRS01").get_by_role("button", name="Fix", exact=True).click()
    page.until(lambda: page.live_to_truth() == pytest.approx(PASSED, abs=0.01))
    page.button("↶ undo").click()
    page.until(lambda: page.live_to_truth() == AS_DELIVERED)
    page.button("Fix all").click()
    until_done(page)
    page.until(lambda: page.live_to_truth() == pytest.approx(1.0, abs=0.02))
    page.until(lambda: "Fixed: 7 problems." in page.text(".lrs-status"))
    page.until(lambda: ". The flux changes by" in page.text(".lrs-panel:visible"))
    page.until(lambda: "errors by bootstrap" in page.text(".lrs-panel:visible"))
    page.until(lambda: found.count() == 0)
    assert "No problems, " in page.text(".lrs-panel:visible")
    page.root.get_by_role("button", name="1 corrected automatically").click()
    page.until(lambda: "MR-LRS06" in page.text(".lrs-findings"))  # there is nothing to be chosen
    page.screenshot("findings-after")
    page.button("What changed").click()
    page.until(lambda: "before the fix (pinned)" in page.legend)
    page.until(lambda: page.button("What changed").count() == 0)
    page.screenshot("findings-what-changed")
    page.button("Undo").click()
    page.until(lambda: state(page) == "delivered")
    page.until(lambda: page.live_to_truth() == AS_DELIVERED)
    assert page.page.problems == []  # type: ignore[attr-defined]


def card(page: ExplorerPage, issue: str) -> Locator:
    """Return what the list says of an issue."""
    return page.root.locator(".lrs-card", has_text=issue)


def test_optimal_and_box_extraction_are_compared(page: ExplorerPage) -> None:
    page.tab("Extraction")
    page.button("center on trace").click()
    page.until(lambda: page.median == pytest.approx(PASSED, abs=0.01))
    page.tab("Findings")
    page.button("optimal against box").click()
    page.until(lambda: "optimal extraction is" in page.text(".lrs-panel:visible"))
    page.until(lambda: "than box extraction" in page.text(".lrs-panel:visible"))
    page.screenshot("optimal-against-box")
