"""A stand-in for MAST that has the demos, and astroquery asking it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lrs_explorer.archive import download

from .stand_in import StandIn, serving, slit_archive


@pytest.fixture
def archive() -> Iterator[StandIn]:
    """Return the archive with the demo of the slit."""
    with serving(slit_archive()) as has:
        yield has


@pytest.fixture
def mast(archive: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return the archive that astroquery asks in this process."""
    from astroquery.mast import conf
    from astroquery.mast.services import ServiceAPI

    monkeypatch.setattr(ServiceAPI, "SERVICE_URL", archive.address)
    monkeypatch.setattr(ServiceAPI, "MISSIONS_DOWNLOAD_URL", f"{archive.address}/search/")
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    monkeypatch.delenv("MAST_API_TOKEN", raising=False)
    monkeypatch.setattr(conf.__class__, "server", archive.address)
    return archive
