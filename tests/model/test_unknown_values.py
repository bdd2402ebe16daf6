"""A value that is new in one place raises in all others: nothing takes it for another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.live import kernel
from lrs_explorer.model.live.background import BackgroundFit, fit_background
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.parts import Uncertainty
from lrs_explorer.model.runs.output import pipeline_parameters
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.model.series.background import measure_background
from lrs_explorer.model.series.columns import PixelColumns
from lrs_explorer.model.series.light_curve import as_time
from lrs_explorer.model.series.outliers import Outliers
from lrs_explorer.model.series.sky import SkySource
from lrs_explorer.model.slit.frame import read_slit_frame
from lrs_explorer.model.slit.pathloss import resolve
from lrs_explorer.model.slit.ta_centroid import centroid
from lrs_explorer.model.slit.ta_image import read_ta_image
from lrs_explorer.widgets import display
from lrs_explorer.widgets.units import Curve, compare

SKY = ((8.5, 20.5), (52.5, 68.5))


@pytest.fixture(scope="module")
def series() -> SeriesObservation:
    observation = lrs.demo("slitless")
    assert isinstance(observation, SeriesObservation)
    return observation


@pytest.fixture(autouse=True)
def new_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let recipes take a word more in each of their closed sets."""
    for kind, name in (
        (lrs.SlitlessBackground, "STATISTICS"),
        (lrs.Background, "FITS"),
        (lrs.Extraction, "TYPES"),
        (lrs.Pathloss, "MODES"),
        (lrs.SeriesOptions, "OUTLIERS"),
        (Uncertainty, "METHODS"),
    ):
        monkeypatch.setattr(kind, name, (*getattr(kind, name), "new"))


def refused(call: Callable[[], object]) -> None:
    with pytest.raises((lrs.LRSExplorerError, ValueError), match=r"'new' (is|are) not known here"):
        call()


def test_a_background_statistic(series: SeriesObservation) -> None:
    """It was a mean."""
    choice = lrs.SlitlessBackground(True, SKY, "new")
    images = series.series()
    refused(lambda: measure_background(images, choice))
    refused(lambda: SkySource(images, None).level(choice, [np.arange(10, 20)]))


def test_a_fit_of_the_background(series: SeriesObservation) -> None:
    """It was a polynomial on an image, and a mean in a series."""
    image = series.image()
    pixels = kernel.Pixels(
        *(np.ascontiguousarray(image.data, float) for _ in range(4)),
    )
    weight = np.ones(image.shape)
    refused(lambda: fit_background(pixels, weight, BackgroundFit(weight, "new", 0, 0)))
    columns = PixelColumns(series.series(), slice(0, 10))
    refused(lambda: columns.levels(BackgroundFit(weight[:10], "new", 0, 0), slice(0, 10)))
    refused(lambda: columns.levels(BackgroundFit(weight[:10], "new", 0, 3), slice(0, 10)))
    recipe = lrs.Recipe(mode="slitless", background=lrs.Background(SKY, "new"))
    refused(lambda: lrs.extract(series, recipe))
    slit = lrs.Recipe(background=lrs.Background(((4.0, 9.0),), "new"))
    refused(lambda: lrs.extract(lrs.demo(), slit))


def test_a_type_of_extraction() -> None:
    """It was a box."""
    refused(lambda: lrs.extract(lrs.demo(), lrs.Recipe(extraction=lrs.Extraction("new"))))
    plane = np.ones((4, 8))
    pixels = kernel.Pixels(plane, plane, plane, plane)
    refused(lambda: kernel.extract(pixels, [plane], None, "new"))


def test_errors() -> None:
    """They were the pipeline's."""
    refused(lambda: lrs.extract(lrs.demo(), lrs.Recipe(uncertainty=Uncertainty("new"))))


def test_outliers_in_time(series: SeriesObservation) -> None:
    """They were replaced."""
    recipe = lrs.Recipe(mode="slitless", series=lrs.SeriesOptions("new"))
    refused(lambda: targets(series, recipe))
    none = np.zeros(0, int)
    found = Outliers(none, none, none, np.zeros(0), np.zeros(0))
    refused(lambda: found.fix(series.series().read(0, 1), "new"))


def test_a_place_in_the_slit() -> None:
    """It was that of target acquisition here, and the middle of the slit there."""
    observation, pathloss = lrs.demo(), lrs.Pathloss("new")
    refused(lambda: resolve(pathloss, read_slit_frame(observation.image_path()), None))
    refused(lambda: targets(observation, lrs.Recipe(pathloss=pathloss)))


def test_a_stage() -> None:
    """Its parameters were left out."""
    target = PlannedProduct(
        "s2d", 1, (PlannedProduct("new", 1, (), {}, "new.fits"),), {}, "a_s2d.fits"
    )
    refused(lambda: pipeline_parameters(target, {}))


def test_a_way_to_find_the_middle_of_a_star() -> None:
    """It was the flux-weighted mean."""
    image = read_ta_image(lrs.demo().products["ta"][0])
    refused(lambda: centroid(image, "new"))  # type: ignore[arg-type]


def test_a_time_scale() -> None:
    """It was UTC."""
    refused(lambda: as_time(np.array([60000.0]), "new"))


def test_how_values_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits were percentiles, and a comparison a difference."""
    monkeypatch.setattr(display, "LIMITS", (*display.LIMITS, "new"))
    refused(lambda: display.render(lrs.demo().image(), display.Display(limits="new")))
    one = Curve(np.arange(5.0), np.ones(5), np.zeros(5), "Jy")
    refused(lambda: compare(one, replace(one), "new"))
