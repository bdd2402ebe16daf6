"""One Voilà server for all tests of the whole explorer, and pages of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from explorer_page import DEMO, ExplorerPage, Open
from playwright.sync_api import Browser
from voila_server import at, open_page, voila, write_notebook


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Return the folder of notebooks that is served, and the server's address."""
    folder = tmp_path_factory.mktemp("notebooks")
    with voila(folder) as address:
        yield folder, address


@pytest.fixture(scope="session")
def open_explorer(
    served: tuple[Path, str], browser: Browser, request: pytest.FixtureRequest
) -> Open:
    """Return a function that opens an explorer on a source in a new browser page."""
    folder, address = served
    sharpness = 1.5 if request.config.getoption("--pictures") else 1.0
    made = iter(range(1000))

    def open_one(
        source: object = None, width: int = 1280, height: int = 900, **environment: str
    ) -> ExplorerPage:
        name = f"explorer-{next(made)}.ipynb"
        shown = str(source) if isinstance(source, Path) else source
        cells = [
            f"import os\nos.environ.update({environment!r})",
            f"import lrs_explorer as lrs\nlrs.Explorer({shown!r})",
        ]
        write_notebook(cells, folder / name)
        url = at(address, f"voila/render/{name}")
        return ExplorerPage(open_page(browser, url, width, height, sharpness))

    return open_one


@pytest.fixture(scope="session")
def demo_page(open_explorer: Open) -> Iterator[ExplorerPage]:
    """Return a page with the demo that tests share; use `demo`."""
    explorer = open_explorer()
    yield explorer
    explorer.page.close()


@pytest.fixture
def demo(demo_page: ExplorerPage) -> Iterator[ExplorerPage]:
    """Return the demo as the pipeline left it, all of it in view; the page must stay sound."""
    demo_page.until_live()
    demo_page.start_over()
    demo_page.until(lambda: demo_page.aperture() == (14.222, 8.0) and not demo_page.regions())
    yield demo_page
    assert demo_page.page.problems == []  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def slit_page(open_explorer: Open, shared_slit: Path) -> Iterator[ExplorerPage]:
    """Return a page with the simulated slit observation 90001 for the tests of a module."""
    explorer = open_explorer(shared_slit)
    explorer.until_live()
    yield explorer
    explorer.page.close()


@pytest.fixture(scope="module")
def series_page(open_explorer: Open) -> Iterator[ExplorerPage]:
    """Return a page with the demo of a time series for the tests of a module."""
    explorer = open_explorer(DEMO.parent / "demo_slitless")
    explorer.until_live()
    yield explorer
    explorer.page.close()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a copy of the demo's products, to read only."""
    folder = tmp_path_factory.mktemp("data") / "observation"
    shutil.copytree(DEMO, folder)
    return folder
