"""Columns for the 2-D background, chosen from images whose sky is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import SUBARRAYS
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.series.background import check_columns
from lrs_explorer.model.series.sky_columns import WIDEST, choose_columns


@pytest.fixture(scope="module")
def demo() -> SeriesObservation:
    observation = lrs.demo("slitless")
    assert isinstance(observation, SeriesObservation)
    return observation


def simulated(name: str, **changes: float) -> SpectralImage:
    """Return the median of some simulated integrations of a subarray."""
    from lrs_explorer.simulator.slitless_scene import SlitlessScene, simulate_integrations

    scene = SlitlessScene(subarray=name, n_integrations=8, seed=5, **changes)
    (piece,) = simulate_integrations(scene)
    return SpectralImage(
        data=np.median(piece.rate, axis=0),
        var_poisson=piece.var_poisson[0],
        var_rnoise=piece.var_rnoise[0],
        var_flat=np.zeros_like(piece.var_rnoise[0]),
        dq=piece.dq[0],
        wavelength=np.ones(scene.region.shape),
        unit="DN/s",
        kind="rateints",
        header=scene.region.cards,
    )


@pytest.mark.parametrize("flux", [0.0005, 0.02, 0.2])
@pytest.mark.parametrize("name", [n for n, one in SUBARRAYS.items() if one.mode == "slitless"])
def test_both_sides_of_the_trace_in_each_subarray(name: str, flux: float) -> None:
    chosen = choose_columns(simulated(name, flux_level=flux))
    assert chosen is not None
    (left, right), center = chosen.columns, SUBARRAYS[name].reference[1]
    assert left[1] < center - 7 < center + 7 < right[0]
    # The halo of the brightest star is 2 % of the sky 22 pixels from the trace: between that and
    # the dip fewer columns are left.
    for lower, upper in chosen.columns:
        assert (10 if flux < 0.2 else 5) <= upper - lower <= WIDEST
    if name == "SLITLESSPRISM":
        assert left[0] > 12, "clear of the dip at the detector's edge"
        assert right[1] < 67, "and of two odd columns"


def test_brighter_sources_have_wider_wings() -> None:
    inner = []
    for flux in (0.002, 0.2):
        chosen = choose_columns(simulated("SLITLESSPRISM", flux_level=flux, background_level=20.0))
        assert chosen is not None
        inner.append(chosen.columns[1][0] - chosen.columns[0][1])
    assert inner[1] > inner[0] + 4


def test_an_odd_column_and_a_dip_are_left_out_and_named() -> None:
    image = simulated("SLITLESSPRISM")
    image.data[:, 15] *= 1.05
    image.data[:, 58:64] *= 0.9
    chosen = choose_columns(image)
    assert chosen is not None
    for lower, upper in chosen.columns:
        assert not lower < 15 < upper
        assert upper < 58 or lower > 63
    assert "column 15, which is 5 % brighter" in chosen.why
    assert "columns 58–63, which are 10 % darker" in chosen.why


def test_without_a_trace_nothing_is_chosen() -> None:
    assert choose_columns(simulated("SLITLESSPRISM", flux_level=0.0)) is None


def test_the_choice_is_that_of_recipe_and_check(demo: SeriesObservation) -> None:
    chosen, recipe = demo.chosen_columns, lrs.Recipe.from_observation(demo)
    assert chosen is not None
    assert recipe.slitless == lrs.SlitlessBackground(columns=chosen.columns)
    subtracted = dataclasses.replace(recipe.slitless, subtract=True)
    check_columns(demo.series(), subtracted, lrs.find_trace(demo))
    assert chosen.why.startswith("columns 14.5–24.5 and 56.5–66.5: clear of")
