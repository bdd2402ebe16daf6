"""Fixtures shared by all layers of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from voila_server import launch_chromium

SHARED = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of LRS products beside the repository; skip where there is none."""
    if not SHARED.is_dir():
        pytest.skip("no shared/data beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def shared_slit(shared_data: Path) -> Path:
    """Return the folder of the simulated slit observation 90001 (read-only)."""
    return shared_data / "slit-90001"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a Chromium for all browser tests; skip where there is none."""
    with launch_chromium() as browser:
        yield browser
