"""The explorer in a cell of a real JupyterLab, in its light and its dark theme."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from explorer_page import IMAGE, PASSED, ExplorerPage
from jupyter_server_process import jupyter
from playwright.sync_api import Browser, Page
from voila_server import open_page, write_notebook


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a JupyterLab that serves one notebook and sees no settings."""
    folder = tmp_path_factory.mktemp("lab")
    cells = ["import lrs_explorer as lrs", "ui = lrs.Explorer()\nui"]
    write_notebook(cells, folder / "explorer.ipynb")
    with jupyter(folder) as (_, address):
        yield address


@pytest.fixture(scope="module")
def lab(browser: Browser, address: str) -> Iterator[Page]:
    """Return a page with the notebook open and its cells run."""
    page = open_page(browser, f"{address}/lab/tree/explorer.ipynb", 1600, 1000)
    page.locator(".jp-Notebook .jp-Cell").nth(1).wait_for()
    # The kernel must be there before cells can be run.
    page.get_by_text("Python 3").first.wait_for()
    page.locator(".jp-Notebook .jp-Cell").first.click()
    page.keyboard.press("Control+Enter")
    page.locator("#jp-main-statusbar").get_by_text("Idle").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    yield page
    page.close()


def test_it_works_in_a_cell(lab: Page) -> None:
    explorer = ExplorerPage(lab)
    explorer.until_live()
    explorer.root.scroll_into_view_if_needed()
    figure = explorer.plot(IMAGE)
    before, down = explorer.aperture()[0], round(-4.1 / figure.pixel)
    figure.drag((9.0, 14.2), 0, down)
    released = pytest.approx(before - down * figure.pixel, abs=2e-2)
    explorer.until(lambda: explorer.aperture()[0] == released)
    explorer.until(lambda: explorer.median == pytest.approx(PASSED, abs=0.02))
    explorer.plot(IMAGE).band("aperture").focus()
    center = explorer.aperture()[0]
    lab.keyboard.press("Shift+ArrowUp")
    explorer.until(lambda: explorer.aperture()[0] == pytest.approx(center + 1, abs=2e-3))
    assert lab.locator(".jp-Notebook .jp-Cell").count() == 2, "keys of the band are no commands"
    explorer.screenshot("lab-light")


def contrast(page: Page, selector: str) -> float:
    """Return the contrast (WCAG) of a text with what is behind it."""
    value: float = page.evaluate(
        """selector => {
          const parse = text => text.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
            .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
          const one = document.querySelector(selector);
          const style = getComputedStyle(one);
          const text = parse(one instanceof SVGElement ? style.fill : style.color);
          let behind = one;
          while (behind) {
            const color = parse(getComputedStyle(behind).backgroundColor);
            if (color.length < 4 || color[3] > 0.9) { behind = color; break; }
            behind = behind.parentElement;
          }
          const [a, b] = [light(text), light(behind ?? [255, 255, 255])];
          return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        }""",
        selector,
    )
    return value


def test_it_can_be_read_in_the_dark(lab: Page) -> None:
    lab.get_by_role("menuitem", name="Settings", exact=True).click()
    lab.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).hover()
    lab.locator(".lm-Menu-itemLabel").get_by_text("JupyterLab Dark", exact=True).click()
    lab.locator("body[data-jp-theme-light=false]").wait_for(state="attached")
    explorer = ExplorerPage(lab)
    explorer.root.scroll_into_view_if_needed()
    for selector in (
        ".lrs-title",
        ".lrs-curve-name",
        ".lrs-label",
        ".lrs-readout pre",
        ".lrs-explorer .jupyter-button",
        ".lrs-explorer input[type=number]",
        ".lrs-explorer .tick text",
        ".lrs-explorer .axislabel",
    ):
        explorer.until(lambda selector=selector: contrast(lab, selector) > 4.5)
    explorer.screenshot("lab-dark")
    assert lab.problems == []  # type: ignore[attr-defined]
