"""A stand-in for MAST that has the demos, and astroquery asking it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lrs_explorer.archive import download

from .stand_in import StandIn, serving

SLIT, TACQ, TACONFIRM = "MIR_LRS-FIXEDSLIT", "MIR_TACQ", "MIR_TACONFIRM"


@pytest.fixture
def archive() -> Iterator[StandIn]:
    """Return the archive with the demo of the slit and much that is of no use."""
    has = StandIn()
    has.add_demo(
        "demo_slit",
        {
            "jw90010-o001_t001_miri_p750l": SLIT,
            "jw90010001001_02101_00001": TACQ,
            "jw90010001001_03101_00001": TACONFIRM,
            "jw90010001001_03102_00001": SLIT,
            "jw90010001001_03102_00002": SLIT,
            # Another mode, and its acquisition.
            "jw90010007001_02101_00001": "MIR_IMAGE",
            "jw90010007001_03101_00001": TACQ,
        },
    )
    for name in (
        "jw90010001001_03102_00001_mirimage_uncal.fits",
        "jw90010001001_03102_00001_mirimage_rateints.fits",
        "jw90010001001_03102_00001_mirimage_s2d.jpg",
        "jw90010001001_03102_00001_mirimage_s2d_thumb.jpg",
        "jw90010001001_02101_00001_mirimage_uncal.fits",
        "jw90010001001_gs-fg_2026244120000_cal.fits",
        "jw90010-o001_20260901t120000_image2_00001_asn.json",
        "jw90010_20260901t120000_pool.csv",
        "jw90010007001_02101_00001_mirimage_rate.fits",
        "../jw90010001001_03102_00001_mirimage_rate.fits",
    ):
        has.files[name] = b"of no use"
    with serving(has):
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
