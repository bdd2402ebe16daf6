"""Fixtures shared by all layers of tests."""

from __future__ import annotations

from pathlib import Path

import pytest

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
