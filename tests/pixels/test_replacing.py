"""A wrong pixel beside the aperture spoils what fit_profile puts in place of others in its row."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.diagnosis.replacing import spoiled
from lrs_explorer.model.data.dq import FLAGS
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.outliers import Outlier, find_outliers

pytestmark = pytest.mark.pipeline

ROW = 333


@pytest.fixture(scope="module")
def image() -> SpectralImage:
    demo = lrs.demo("slit")
    return read_image(next(path for path in demo.products["cal"] if "00001" in path.name))


def replaced(image: SpectralImage, hole: int, hot: tuple[int, float] | None) -> float:
    """Return what the pipeline puts in place of a pixel of `ROW`, with another that is hot."""
    from jwst.pixel_replace.pixel_replace import PixelReplacement
    from stdatamodels.jwst.datamodels import ImageModel

    data = np.where(np.isfinite(image.wavelength), image.data, np.nan).astype(np.float32)
    assert image.dq is not None
    dq = np.array(image.dq)
    dq[~np.isfinite(image.wavelength)] |= FLAGS["DO_NOT_USE"] | FLAGS["NON_SCIENCE"]
    dq[ROW, hole] |= FLAGS["DO_NOT_USE"]
    data[ROW, hole] = np.nan
    if hot is not None:
        data[ROW, hot[0]] += hot[1]
    model = ImageModel(data=data, dq=dq)
    variances = (image.var_poisson, image.var_rnoise)
    for name, variance in zip(("var_poisson", "var_rnoise"), variances, strict=True):
        setattr(model, name, np.asarray(variance, dtype=np.float32))
    model.err = np.sqrt(model.var_poisson + model.var_rnoise)
    model.meta.exposure.type = "MIR_LRS-FIXEDSLIT"
    model.meta.wcsinfo.dispersion_direction = 2
    step = PixelReplacement(model, algorithm="fit_profile")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of rows without a value
        step.replace()
    return float(model.data[ROW, hole])


def test_what_is_told_is_what_the_pipeline_does(image: SpectralImage) -> None:
    row = np.where(np.isfinite(image.wavelength[ROW]), image.data[ROW], np.nan)
    peak, negative = int(np.nanargmax(row)), int(np.nanargmin(row))
    hole, excess = peak + 1, 40.0 * float(row[peak])
    change = replaced(image, hole, (negative, excess)) - replaced(image, hole, None)
    assert change > 0.3 * row[hole]  # it matters
    expected = float(row[negative])
    outlier = Outlier(ROW, negative, "hot", 99.0, expected + excess, expected)
    mask = np.zeros(len(row), dtype=bool)
    mask[hole] = True
    data = np.where(np.isfinite(image.wavelength), image.data, np.nan)
    assert spoiled(data, outlier, mask) == pytest.approx(change, rel=0.15)


def test_nothing_is_spoiled_where_nothing_is_replaced(image: SpectralImage) -> None:
    outlier = find_outliers(image)[0]
    nothing = np.zeros(image.shape[1], dtype=bool)
    assert spoiled(image.data, outlier, nothing) == 0
    empty = replace(image, data=np.full_like(image.data, np.nan))
    assert spoiled(empty.data, outlier, ~nothing) == 0


@pytest.mark.parametrize("hot", [False, True])
def test_of_a_series_it_is_told_and_flagged_too(tmp_path: Path, hot: bool) -> None:
    source, n = lrs.demo("slitless").products["calints"][0], 4
    planes = ("SCI", "ERR", "DQ", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT", "INT_TIMES")
    row, peak = 320, 38
    with fits.open(source, memmap=False) as hdus:
        for name in planes:
            hdus[name].data = hdus[name].data[:n]
        hdus[0].header.update(NINTS=n, INTSTART=1, INTEND=n)
        pixels = hdus["SCI"].data
        assert np.nanargmax(np.median(pixels[:, row], axis=0)[8:-4]) + 8 == peak
        if hot:
            pixels[:, row, peak + 7] += 20 * pixels[:, row, peak]
        pixels[:, row, peak + 1] = np.nan
        hdus["DQ"].data[:, row, peak + 1] |= FLAGS["DO_NOT_USE"]
        hdus.writeto(tmp_path / source.name.removesuffix(".gz"))
    observation = lrs.open_observation(tmp_path)
    recipe = lrs.Recipe.from_observation(observation).replace(
        aperture=lrs.Aperture(float(peak), 7.0), pixel_replace=lrs.PixelReplace("fit_profile")
    )
    (found,) = (one for one in lrs.diagnose(observation, recipe) if one.issue == "MR-LRS02")
    assert found.figure is not None
    assert (1, row, peak + 1) in found.figure.pixels
    assert ((1, row, peak + 7) in found.figure.pixels) is hot
    assert found.status == ("found" if hot else "ok")
    if hot:
        assert found.remedy is not None
        assert found.remedy.pixel_replace.flagged == ((1, row, peak + 7),)
