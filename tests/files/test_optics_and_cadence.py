"""Slit or slitless, time series or not: two questions, and the subarray is a third."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import (
    SUBARRAYS,
    corner,
    reference_columns,
    subarray_of,
)
from lrs_explorer.model.files.recognition import ProductFile, are_series
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.model.series.background import columns_beside
from tests.timeseries.series_files import write_segment

DEMO = Path(lrs.__file__).parent / "data" / "demo_slitless"


def product(kind: str, mode: str | None = "slit", tso: bool | None = None) -> ProductFile:
    header = {} if tso is None else {"TSOVISIT": tso}
    return ProductFile(Path(f"{kind}.fits"), kind, mode, "1", "1", (1,), header)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kinds", "mode", "tso", "expected"),
    [
        (("rate", "cal", "s2d", "x1d"), "slit", None, False),
        (("rate", "rateints", "cal", "s2d"), "slit", False, False),
        (("rate", "rateints"), "slit", False, False),
        (("calints", "x1dints"), "slit", True, True),
        (("calints",), "slit", False, True),  # somebody ran calwebb_spec2 on the rateints
        (("rate", "uncal"), "slit", True, True),
        (("rateints", "calints", "x1dints"), "slitless", True, True),
        (("rateints",), "slitless", None, True),
        (("rateints",), "slitless", False, True),
        (("rate", "rateints"), "slitless", False, False),
        (("rate", "cal", "x1d"), "slitless", False, False),
        (("s2d",), "slitless", False, False),
    ],
)
def test_whether_it_is_a_series_is_told_by_tsovisit_and_the_products(
    kinds: tuple[str, ...], mode: str, tso: bool | None, expected: bool
) -> None:
    products = [product("ta", None), *(product(kind, mode, tso) for kind in kinds)]
    assert are_series(products) is expected


def test_what_was_opened_counts_most() -> None:
    products = [product(kind, tso=False) for kind in ("rate", "cal", "s2d", "calints")]
    assert not are_series(products)
    assert not are_series(products, products[1])
    assert are_series(products, products[3])


def slitless_image(folder: Path) -> Path:
    """Write the demo's typical image as a cal of an exposure that is no time series."""
    series = lrs.demo("slitless")
    typical = series.image()
    (source,) = series.products["calints"][:1]
    path = folder / "jw90099001001_04103_00001_mirimage_cal.fits"
    with fits.open(source) as hdus:
        header = hdus[0].header.copy()
        science = hdus["SCI"].header.copy()
    header["TSOVISIT"], header["DATAMODL"] = False, "ImageModel"
    del header["EXSEGNUM"]
    planes = {"SCI": typical.data, "WAVELENGTH": typical.wavelength, "DQ": typical.dq}
    variances = {name: getattr(typical, name.lower()) for name in ("VAR_POISSON", "VAR_RNOISE")}
    images = [fits.ImageHDU(np.asarray(v), name=k) for k, v in (planes | variances).items()]
    for card in ("BUNIT", "PIXAR_SR", "SRCTYPE", "DISPAXIS"):
        if card in science:
            images[0].header[card] = science[card]
    fits.HDUList([fits.PrimaryHDU(header=header), *images]).writeto(path)
    return path


def test_slitless_exposures_that_are_no_series_are_images(tmp_path: Path) -> None:
    observation = lrs.open_observation(slitless_image(tmp_path))
    assert (observation.mode, observation.is_series) == ("slitless", False)
    assert observation.can_reprocess == {"extract_1d": True}
    assert "cannot be redone here for slitless exposures" in observation.why_not("pathloss")
    spectrum = lrs.extract(observation)
    assert isinstance(spectrum, lrs.Spectrum)
    series = lrs.extract(lrs.demo("slitless"))
    assert isinstance(series, lrs.TimeSeries)
    inside = (spectrum.wavelength > 6) & (spectrum.wavelength < 11)
    ratio = spectrum.flux[inside] / series.median.flux[inside]
    assert np.nanmedian(ratio) == pytest.approx(1.0, abs=0.01)
    recipe = lrs.Recipe(mode="slitless", pixel_replace=lrs.PixelReplace("mingrad"))
    with pytest.raises(lrs.LRSExplorerError, match="pixel_replace cannot be redone here"):
        targets(observation, recipe)


def slit_series(folder: Path) -> SeriesObservation:
    cards = {"EXP_TYPE": "MIR_LRS-FIXEDSLIT", "SUBARRAY": "FULL", "TSOVISIT": True}
    observation = lrs.open_observation(write_segment(folder, cards=cards))
    assert isinstance(observation, SeriesObservation)
    return observation


def test_a_time_series_in_the_slit_is_a_series_of_the_slit(tmp_path: Path) -> None:
    observation = slit_series(tmp_path)
    assert (observation.mode, observation.is_series) == ("slit", True)
    can = {"extract_1d": True, "pixel_replace": True, "pathloss": True, "outliers": True}
    assert observation.can_reprocess == can | {"backgrounds": False}
    recipe = lrs.Recipe.from_observation(observation).replace(aperture=lrs.Aperture(11.0, 6.0))
    spectra = lrs.extract(observation, recipe)
    assert isinstance(spectra, lrs.TimeSeries)
    assert len(spectra) == 5
    assert (
        targets(observation, lrs.Recipe.from_observation(observation))
        == (observation.products["calints"])
    )
    recipe = lrs.Recipe(pathloss=lrs.Pathloss("off"), series=lrs.SeriesOptions("replace"))
    (target,) = targets(observation, recipe)
    assert isinstance(target, PlannedProduct)
    assert [stage.name for stage in target.in_order()] == ["recal", "outliers"]
    whys = {"jump cannot be redone here for a slit": {"jump": lrs.Jump(8.0)}}
    for why, part in (whys | {"has no rateints": {"nods": lrs.Nods(subtract=True)}}).items():
        recipe = lrs.Recipe.from_observation(observation).replace(**part)
        with pytest.raises(lrs.LRSExplorerError, match=why):
            targets(observation, recipe)


def tabs_of(source: lrs.Observation | Path) -> set[str]:
    """Return the tabs of an explorer, once all that it does in the background is done."""
    explorer = lrs.Explorer(source)
    explorer._controller.finish()  # its threads would run on beside the next tests
    assert not any("unexpected" in one.text for one in explorer._screen.messages.messages)
    return set(explorer._screen.tabs.titles)


def test_the_tabs_are_those_of_its_optics_and_its_cadence(tmp_path: Path) -> None:
    titles = tabs_of(slit_series(tmp_path))
    assert titles >= {"Time", "Slit", "Nods"}
    assert not tabs_of(slitless_image(tmp_path)) & {"Slit", "Nods", "Time"}


@pytest.mark.parametrize("exposure", [1, 2, "combined"])
def test_a_series_has_no_exposure_to_choose(exposure: int | str) -> None:
    series = lrs.demo("slitless")
    recipe = lrs.Recipe.from_observation(series).replace(nods=lrs.Nods(exposure))
    with pytest.raises(lrs.LRSExplorerError, match="a time series, of which all exposures"):
        targets(series, recipe)
    with pytest.raises(lrs.LRSExplorerError, match="a time series, of which all exposures"):
        lrs.extract(series, recipe)


def test_reference_pixels_are_those_of_the_detector() -> None:
    assert reference_columns({"SUBSTRT1": 1, "SUBSTRT2": 529}) == 4
    assert reference_columns({"SUBSTRT1": 3, "SUBSTRT2": 529}) == 2
    assert reference_columns({"SUBSTRT1": 13, "SUBSTRT2": 631}) == 0
    assert reference_columns({}) == 4, "left out where nothing is known"
    assert corner({"SUBSTRT1": 13, "SUBSTRT2": 631}) == (630, 12)
    assert corner({"SUBSTRT1": "13"}) is None


IP = {"SUBARRAY": "SLITLESSPRISM_IP", "SUBSTRT1": 13, "SUBSTRT2": 631}


def test_wavelengths_of_another_subarray_are_not_guessed(tmp_path: Path) -> None:
    data = np.ones((3, 384, 68), np.float32)
    path = write_segment(tmp_path, kind="rateints", data=data, count=3, cards=IP)
    observation = lrs.open_observation(path)
    assert isinstance(observation, SeriesObservation)
    with pytest.raises(lrs.LRSExplorerError, match="no wavelengths are known"):
        observation.series("rateints")
    assert not observation.can_reprocess["extract_1d"]
    write_segment(tmp_path, data=data, count=3, cards=IP)
    observation = lrs.open_observation(path)
    assert isinstance(observation, SeriesObservation)
    lent = observation.series("rateints").wavelength
    np.testing.assert_array_equal(lent, observation.series("calints").wavelength)


def test_a_size_alone_tells_the_subarray(tmp_path: Path) -> None:
    """Of 72 × 416 there is one subarray alone, so nothing is guessed where no card names it."""
    assert len({one.shape for one in SUBARRAYS.values()}) == len(SUBARRAYS)
    for number, (name, one) in enumerate(SUBARRAYS.items()):
        assert subarray_of({}, one.shape) == one
        if one.mode == "slit":
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        data = np.ones((3, *one.shape), np.float32)
        path = write_segment(folder, kind="rateints", data=data, count=3, cards={"SUBARRAY": None})
        observation = lrs.open_observation(path)
        assert isinstance(observation, SeriesObservation)
        known = observation.integrations("rateints").knows_wavelengths
        assert known == (name == "SLITLESSPRISM")


def test_the_background_has_columns_that_the_images_have(tmp_path: Path) -> None:
    data = np.ones((3, 384, 68), np.float32)
    other = lrs.open_observation(write_segment(tmp_path, data=data, count=3, cards=IP))
    demo = lrs.demo("slitless")
    assert isinstance(other, SeriesObservation)
    assert isinstance(demo, SeriesObservation)
    usual = lrs.SlitlessBackground(columns=((8.5, 20.5), (52.5, 68.5)))
    trace = lrs.find_trace(demo)
    assert columns_beside(demo.series(), usual, trace) == usual.columns
    (left, right) = columns_beside(other.series(), usual, trace)
    assert left[0] == -0.5, "no reference pixels"
    assert right[1] == 67.5
    assert left[1] < trace.center - 6 < trace.center + 6 < right[0]
