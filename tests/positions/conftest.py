"""The reference cache of the shared observation, and products with chosen contents."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrs_explorer.model.slit.pathloss import PathlossReference, read_pathloss

NOD_1 = "jw90001001001_03102_00001_mirimage"
NOD_2 = "jw90001001001_03102_00002_mirimage"


@pytest.fixture(scope="session")
def shared_reference(shared_crds: Path) -> PathlossReference:
    folder = shared_crds / "references" / "jwst" / "miri"
    return read_pathloss(folder / "jwst_miri_pathloss_simslit.fits")


@pytest.fixture(scope="session")
def filter_offsets(shared_crds: Path) -> Path:
    return shared_crds / "references" / "jwst" / "miri" / "jwst_miri_filteroffset_sim.asdf"
