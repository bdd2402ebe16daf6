"""Is the flux right? As a user asks it on the page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from explorer_page import ExplorerPage

import lrs_explorer as lrs

ENTRIES = ["F770W = 2.75 mJy ± 0.05", "F2100W = 3 mJy"]
RESULTS = ".lrs-flux-results"


@pytest.fixture
def page(demo: ExplorerPage) -> Iterator[ExplorerPage]:
    demo.tab("Flux")
    yield demo
    demo.tab("Extraction")


def compare(page: ExplorerPage, *entries: str) -> None:
    """Type catalogue fluxes and press the button."""
    field = page.root.locator(".lrs-catalogue textarea")
    field.fill("\n".join(entries))
    field.blur()
    page.button("compare").click()


def test_page_says_what_python_says(page: ExplorerPage) -> None:
    observation = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(observation)
    found = lrs.photometry(observation, recipe, ENTRIES)
    compare(page, *ENTRIES)
    page.until(lambda: "F2100W" in page.text(RESULTS))
    said = page.text(RESULTS)
    for one in found.comparisons:
        assert f"{one.title}: {one.result}" in said
    assert "does not reach F2100W" in said  # open, for it limits
    assert "error of the spectrum's flux: FLUX_ERROR" in said
    page.root.locator(f"{RESULTS} summary").first.click()
    page.until(lambda: "circle of " in page.text(RESULTS))
    assert "measured 7.9" in page.text(RESULTS)
    assert "header says 8" in page.text(RESULTS)
    figure = page.root.locator(".lrs-photometry")
    page.until(lambda: figure.locator("path.line").count() >= 8)
    key = page.text(".lrs-photometry-key")
    for source in ("acquisition image", "verification image", "catalogue"):
        assert source in key
    page.screenshot("flux")


def test_a_result_of_another_spectrum_is_called_so(page: ExplorerPage) -> None:
    compare(page, ENTRIES[0])
    page.until(lambda: "F770W, catalogue" in page.text(RESULTS))
    page.tab("Extraction")
    page.button("center on trace").click()
    page.tab("Flux")
    page.until(lambda: "of another spectrum" in page.text(".lrs-panel:visible"))
    page.button("compare").click()
    observation = lrs.demo("slit")
    recipe = lrs.Recipe.from_observation(observation).replace(
        aperture=lrs.Aperture(*page.aperture())
    )
    found = lrs.photometry(observation, recipe, ENTRIES[:1])
    (expected,) = (one for one in found.comparisons if "catalogue" in one.title)
    page.until(lambda: f"{expected.title}: {expected.result}" in page.text(RESULTS))
    page.until(lambda: "of another spectrum" not in page.text(".lrs-panel:visible"))


@pytest.mark.parametrize(
    ("entry", "why"),
    [("F770W = 3 stone", 'the unit "stone"'), ("FND = 3 Jy", "bandpass of FND is not known")],
)
def test_what_cannot_be_read_is_said(page: ExplorerPage, entry: str, why: str) -> None:
    compare(page, entry)
    page.until(lambda: why in page.text(".lrs-panel:visible"))
