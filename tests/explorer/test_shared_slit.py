"""A slit observation with every known defect: as delivered, dragged, with DQ flags."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from explorer_page import IMAGE, ExplorerPage, Open
from test_reprocessing import go_back

from lrs_explorer.model.references.crds_settings import SERVERLESS
from lrs_explorer.widgets.layout import DQ_COLORS


@pytest.fixture(scope="module")
def slit(slit_page: ExplorerPage) -> ExplorerPage:
    """Return an explorer on the folder of the observation, as the archive left it."""
    go_back(slit_page)
    slit_page.until_live()
    return slit_page


@pytest.fixture(scope="module")
def cal(
    open_explorer: Open, shared_slit: Path, tmp_path_factory: pytest.TempPathFactory
) -> ExplorerPage:
    """Return an explorer on a cal that has no s2d beside it."""
    name = "jw90001001001_03102_00001_mirimage_cal.fits.gz"
    alone = Path(shutil.copy(shared_slit / name, tmp_path_factory.mktemp("alone")))
    crds = {"CRDS_PATH": str(shared_slit.parent / "crds"), "CRDS_SERVER_URL": SERVERLESS}
    return open_explorer(alone, **crds)


def test_aperture_alone_brings_the_delivered_spectrum_near_the_truth(slit: ExplorerPage) -> None:
    # 56 % too low as delivered
    slit.until(lambda: slit.median == pytest.approx(1 - 0.564, abs=0.01))
    slit.until(lambda: slit.live_to_truth() == pytest.approx(slit.median, abs=0.02))
    slit.screenshot("slit-1280-delivered")
    figure = slit.plot(IMAGE)
    mouse = slit.page.mouse
    mouse.move(*figure.at(9.0, 13.6))
    mouse.down()
    mouse.move(*figure.at(9.0, 17.7), steps=8)
    slit.until(lambda: slit.median == pytest.approx(1 - 0.103, abs=0.01))
    # the rest is the slit's loss
    slit.until(lambda: slit.live_to_truth() == pytest.approx(0.9, abs=0.02))
    mouse.up()
    slit.screenshot("slit-1280-dragged")


def test_references_of_the_cache_beside_the_data_are_used(slit: ExplorerPage) -> None:
    slit.tab("Info")
    slit.until(lambda: "jwst_miri_apcorr_simslit.fits" in slit.text(".lrs-information"))
    assert "no aperture correction" not in slit.text(".lrs-spectrum")


def test_flags_of_a_cal_are_seen_and_named(cal: ExplorerPage) -> None:
    cal.tab("Display")
    cal.root.get_by_label("show DQ flags").check()
    cal.until(lambda: "DO_NOT_USE: left out" in cal.text(".lrs-image-legend"))
    legend = cal.at_rest(lambda: cal.text(".lrs-image-legend"))
    count = int(re.search(r"left out \((\d+)\)", legend).group(1))
    assert 50 < count < 5000
    assert "other flags" in legend
    cal.screenshot("cal-1280-flags")
    cal.until(lambda: len(cal.places_of(DQ_COLORS["DO_NOT_USE"])))
    places = cal.places_of(DQ_COLORS["DO_NOT_USE"])
    x, y = (float(value) for value in places[len(places) // 2])
    cal.page.mouse.move(x, y)
    cal.until(lambda: "DO_NOT_USE" in cal.text(".lrs-readout"))
