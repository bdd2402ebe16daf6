"""The explorer tells what is wrong by itself, and mends it at one touch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from explorer_page import PASSED, ExplorerPage
from test_reprocessing import state, until_done

AS_DELIVERED = pytest.approx(0.515, abs=0.02)
"""Part of the true light in an aperture at the wrong place."""


@pytest.fixture
def page(demo: ExplorerPage) -> Iterator[ExplorerPage]:
    demo.tab("Findings")
    demo.until(lambda: "in order" in demo.text(".lrs-tabs"))
    yield demo
    demo.tab("Extraction")


def test_a_new_user_reads_what_is_wrong_and_mends_it_with_one_button(page: ExplorerPage) -> None:
    page.root.locator(".lrs-verdict").first.wait_for()
    for number in range(1, 7):
        page.until(lambda name=f"MR-LRS0{number}": name in page.text(".lrs-findings"))
    found = page.root.locator('.lrs-verdict[data-status="found"]')
    page.until(lambda: found.count() >= 6)
    page.until(lambda: page.live_to_truth() == AS_DELIVERED)
    page.root.get_by_role("button", name="MR-LRS02").click()
    page.until(lambda: "found from" in page.text(".lrs-panel:visible"))
    page.screenshot("findings-before")
    page.root.get_by_role("button", name="MR-LRS01").click()
    page.until(lambda: "loses" in page.text(".lrs-panel:visible"))
    page.root.get_by_role("button", name="mend", exact=True).first.click()
    page.until(lambda: page.live_to_truth() == pytest.approx(PASSED, abs=0.01))
    page.button("↶ undo").click()
    page.until(lambda: page.live_to_truth() == AS_DELIVERED)
    page.button("mend all").click()
    until_done(page)
    page.until(lambda: page.live_to_truth() == pytest.approx(1.0, abs=0.02))
    page.until(lambda: ". The flux changes by" in page.text(".lrs-panel:visible"))
    page.until(lambda: "errors by bootstrap" in page.text(".lrs-panel:visible"))
    page.until(lambda: found.count() == 0)
    corrected = page.root.locator('.lrs-verdict[data-status="corrected"]')
    assert corrected.count() == 1  # MR-LRS06: there is nothing to be chosen
    assert "mended in 1 round. 0 found, 1 corrected by itself" in page.text(".lrs-panel:visible")
    page.screenshot("findings-after")
    page.button("↶ undo").click()
    page.until(lambda: state(page) == "delivered")
    page.until(lambda: page.live_to_truth() == AS_DELIVERED)
    assert page.page.problems == []  # type: ignore[attr-defined]


def test_optimal_and_box_extraction_are_compared(page: ExplorerPage) -> None:
    page.tab("Extraction")
    page.button("center on trace").click()
    page.until(lambda: page.median == pytest.approx(PASSED, abs=0.01))
    page.tab("Findings")
    page.button("optimal against box").click()
    page.until(lambda: "optimal extraction is" in page.text(".lrs-panel:visible"))
    page.until(lambda: "than box extraction" in page.text(".lrs-panel:visible"))
    page.screenshot("optimal-against-box")
