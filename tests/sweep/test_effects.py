"""Which choice makes spectra differ: numbers known by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from lrs_explorer.model.data.systematic import Systematic, SystematicBin
from lrs_explorer.model.sweep.effects import effects


def factorial(*sizes: int) -> NDArray[np.intp]:
    return np.array(list(itertools.product(*map(range, sizes))), dtype=np.intp)


def test_choices_that_add_up() -> None:
    """The first moves the flux by ±1, the second by ±3 at one wavelength, the third by nothing."""
    levels = factorial(2, 2, 3)
    first, second = 2.0 * levels[:, 0] - 1, 2.0 * levels[:, 1] - 1
    flux = np.stack([10 + first + 3 * second, 10 + first], axis=1)
    found = effects(flux, levels)
    np.testing.assert_allclose(found.error, [np.sqrt(10), 1])
    np.testing.assert_allclose(found.parts, [[1, 1], [3, 0], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(found.with_others, found.parts, atol=1e-12)
    np.testing.assert_allclose(found.together, 0, atol=1e-6)
    np.testing.assert_allclose((found.low[1], found.high[1]), (9, 11))


def test_what_two_do_only_together() -> None:
    levels = factorial(2, 2)
    flux = np.where(levels[:, 0] == levels[:, 1], 1.0, -1.0)[:, np.newaxis]
    found = effects(flux, levels)
    np.testing.assert_allclose(found.parts, 0, atol=1e-12)
    np.testing.assert_allclose(found.together, 1)
    np.testing.assert_allclose(found.with_others, 1)


def test_a_choice_is_not_held_responsible_where_variants_are_missing() -> None:
    """Of the first's second value only one variant is left, at the second's highest flux."""
    levels = factorial(2, 3)
    flux = np.array([[0.0], [5.0], [10.0], [np.nan], [np.nan], [10.0]])
    found = effects(flux, levels)
    assert found.parts[0, 0] == pytest.approx(0, abs=1e-12)
    assert found.with_others[0, 0] == pytest.approx(0, abs=1e-12)
    assert found.parts[1, 0] == pytest.approx(np.std([0, 5, 10]))


def test_squares_of_the_parts_add_up() -> None:
    levels = factorial(3, 4, 2, 2)
    flux = np.random.default_rng(5).normal(size=(len(levels), 7))
    found = effects(flux, levels)
    total = (found.parts**2).sum(axis=0) + found.together**2
    np.testing.assert_allclose(total, found.error**2)
    np.testing.assert_allclose(found.error, flux.std(axis=0))
    assert (found.with_others >= found.parts).all()
    low, high = np.percentile(flux, (15.87, 84.13), axis=0)
    np.testing.assert_allclose((found.low, found.high), (low, high))


def test_one_variant_has_no_spread() -> None:
    flux = np.array([[1.0, 1.0], [np.nan, 2.0]])
    found = effects(flux, factorial(2))
    assert np.isnan([found.low[0], found.error[0], found.parts[0, 0], found.together[0]]).all()
    assert found.error[1] == pytest.approx(0.5)


def test_shares_and_words() -> None:
    one = SystematicBin(5.0, 6.0, -2.0, 0.5, {"width": 0.3, "center": 0.0}, {"width": 0.5,
                        "center": 0.4}, 0.4)  # fmt: skip
    assert one.relative == pytest.approx(0.25)
    assert one.shares == pytest.approx({"width": 0.36, "center": 0.0, "together": 0.64})
    assert one.shares_with_others == pytest.approx({"width": 1.0, "center": 0.64})
    empty = SystematicBin(6.0, 7.0, np.nan, np.nan, {"width": np.nan, "center": np.nan},
                          {"width": np.nan, "center": np.nan}, np.nan)  # fmt: skip
    nothing = np.zeros(0)
    values = {"width": ("6", "8"), "center": ("as chosen", "20")}
    found = Systematic(
        nothing, nothing, nothing, nothing, nothing, {}, {}, nothing, "Jy", values, 3, {"why": 1},
        (one, empty),
    )  # fmt: skip
    assert found.sentence == (
        "systematic error by 3 variants of width, center: 25 % in bins of 1 µm; most at 5–6 µm, "
        "above all by width (36% of the variance alone, 100% with others)"
    )
    assert found.failures == ("1 of 4 variants could not be extracted: why",)
