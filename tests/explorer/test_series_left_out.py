"""Series of which something is missing: images, rateints, all but two integrations."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from explorer_page import Open
from test_time_series import DEMO_SERIES, LIGHT, figure, panel, points, statistics, values


def test_spectra_without_images_have_light_curves(open_explorer: Open, tmp_path: Path) -> None:
    for path in DEMO_SERIES.glob("*x1dints.fits*"):
        shutil.copy(path, tmp_path)
    series = open_explorer(tmp_path)
    series.until(lambda: "ppm" in statistics(series))
    series.until(lambda: points(figure(series, LIGHT)) == 30)
    flux = series.at_rest(lambda: values(figure(series, LIGHT)).tolist())
    assert 1 - np.median(flux[12:17]) / np.median(flux[:8]) == pytest.approx(0.0106, abs=2e-3)
    series.tab("Time")
    assert series.button("scan apertures").is_disabled()
    assert any("no calints" in one for one in series.messages)
    series.screenshot("series-spectra-alone")
    assert series.page.problems == []  # type: ignore[attr-defined]
    series.page.close()


def test_two_integrations_without_rateints_are_enough(open_explorer: Open, tmp_path: Path) -> None:
    first = sorted(DEMO_SERIES.glob("*calints.fits*"))[0]
    with fits.open(first) as hdus:
        for hdu in hdus[1:]:
            if hdu.name == "INT_TIMES" or (hdu.is_image and len(hdu.shape) == 3):
                hdu.data = hdu.data[:2]
        hdus[0].header["INTEND"] = 2
        hdus.writeto(tmp_path / first.name.removesuffix(".gz"))
    series = open_explorer(tmp_path)
    series.until(lambda: "too few integrations to tell its scatter" in statistics(series))
    series.tab("Time")
    series.button("measure motion").click()
    series.until(lambda: "too few integrations to correlate" in series.text(".lrs-motion"))
    series.button("scan apertures").click()
    series.until(lambda: "too few integrations to tell which" in panel(series))
    series.page.get_by_label("subtract a 2-D background").check()
    series.until(lambda: "After subtraction" in panel(series))
    assert series.messages == []
    assert "nan" not in series.root.inner_text()
    series.screenshot("series-two")
    series.page.close()
