"""Simulated slitless series: the noise is what it claims, the truth is what is in the pixels."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lrs_explorer.simulator import slitless_instrument
from lrs_explorer.simulator.make_slitless_demo import rounded
from lrs_explorer.simulator.slitless_scene import (
    Integrations,
    SlitlessScene,
    simulate_integrations,
)

QUIET = SlitlessScene(
    n_integrations=20, cosmic_rays=0, bad_pixels=0, hot_pixels=0, jitter=0, width_change=0,
    position_drift=0, seed=4,
)  # fmt: skip


def everything(scene: SlitlessScene, first: int = 0, last: int | None = None) -> Integrations:
    pieces = list(simulate_integrations(scene, first, last))
    joined = {
        field.name: np.concatenate([getattr(piece, field.name) for piece in pieces])
        for field in dataclasses.fields(Integrations)
        if field.name != "first"
    }
    return Integrations(first, **joined)


def test_wavelength_falls_and_follows_the_flight_solution() -> None:
    rows = np.arange(6.5, 395)
    wavelength = slitless_instrument.wavelength_at_row(rows)
    assert (np.diff(wavelength) < 0).all()
    # jwst_miri_specwcs_0006
    flight = [11.215, 8.997, 6.482, 5.151]
    assert slitless_instrument.wavelength_at_row([185, 285, 360, 384]) == pytest.approx(flight)


def test_all_light_is_in_the_columns() -> None:
    edges = np.arange(-60, 60)
    share = slitless_instrument.pixel_share(np.array([[5.0], [12.0]]), edges, edges + 1)
    np.testing.assert_allclose(share.sum(axis=1), 1, atol=1e-12)
    assert slitless_instrument.enclosed_fraction(12.0, 8.0) < 0.97


def test_an_integration_does_not_depend_on_where_a_piece_begins() -> None:
    whole = everything(QUIET)
    part = everything(QUIET, 11, 14)
    assert np.array_equal(whole.rate[11:14], part.rate)
    other = everything(dataclasses.replace(QUIET, bad_pixels=5))
    good = (other.dq & 1) == 0
    assert np.array_equal(whole.rate[good], other.rate[good])
    assert not np.array_equal(
        everything(dataclasses.replace(QUIET, seed=5), 0, 1).rate, whole.rate[:1]
    )


def test_the_noise_is_that_of_the_variances() -> None:
    scene = dataclasses.replace(
        QUIET, depth=0, features=(), systematic=0, background_drift=0, background_settling=0,
        n_integrations=200,
    )  # fmt: skip
    made = everything(scene)
    variance = (made.var_poisson + made.var_rnoise)[0]
    ratio = made.rate[:, ::10, 4::5].var(axis=0, ddof=1) / variance[::10, 4::5]
    assert ratio.mean() == pytest.approx(1.0, abs=0.01)


def test_the_transit_is_as_deep_as_the_truth_says() -> None:
    scene = dataclasses.replace(QUIET, background_level=0, systematic=0, flux_level=20.0)
    rate = everything(scene).rate
    out, full = scene.transit_shape == 0, scene.transit_shape == 1
    assert out.sum() > 5
    assert full.sum() > 3
    rows = slice(100, 350)
    lost = 1 - rate[full].mean(axis=0)[rows].sum(axis=1) / rate[out].mean(axis=0)[rows].sum(axis=1)
    truth = scene.seen_depth(slitless_instrument.wavelength_at_row(np.arange(100, 350)))
    assert np.abs(lost - truth).mean() < 2e-4
    assert lost.mean() == pytest.approx(truth.mean(), abs=2e-5)
    assert truth.max() - truth.min() > 1e-3


def test_the_sky_drifts_by_what_it_should_and_skips_reference_pixels() -> None:
    scene = dataclasses.replace(QUIET, flux_level=0, background_settling=0, n_integrations=40)
    rate = everything(scene).rate
    assert (np.abs(rate[..., :4].mean()) < 0.5).all()
    edge = rate[:, 190:226, 50:].mean(axis=(1, 2))
    drift = edge[-4:].mean() / edge[:4].mean() - 1
    factor = scene.background_factor(np.array([208.0]))[:, 0]
    assert drift == pytest.approx(factor[-4:].mean() / factor[:4].mean() - 1, abs=2e-3)


def test_defects_are_where_the_record_says() -> None:
    scene = dataclasses.replace(QUIET, bad_pixels=12, hot_pixels=3, cosmic_rays=6.0)
    made, clean = everything(scene), everything(QUIET)
    bad, hot = scene.defects
    flagged = np.argwhere(((made.dq & 1) == 1).all(axis=0))
    assert {tuple(pixel) for pixel in flagged.tolist()} == set(bad)
    for row, column in hot:
        assert (made.rate[:, row, column] - clean.rate[:, row, column] > 59).all()
    hits = made.cosmic_rays
    assert len(hits) == pytest.approx(6 * 20, abs=40)
    extra = made.rate[tuple(hits.T)] - clean.rate[tuple(hits.T)]
    assert (extra[np.isfinite(extra)] > 14).all()
    jumps = ((made.dq & 4) != 0).sum()
    assert 0.3 < jumps / len(hits) < 0.7


def test_a_scene_needs_integrations_for_its_segments() -> None:
    with pytest.raises(ValueError, match="for each segment"):
        SlitlessScene(n_integrations=2, n_segments=3)
    with pytest.raises(ValueError, match="negative"):
        SlitlessScene(flux_level=-1)


def test_rounding_keeps_as_many_bits_as_it_says() -> None:
    values = np.array([1.0, 1.5, np.pi, -np.pi, 1e-12, 0.0, np.nan], np.float32)
    again = rounded(values, 11)
    assert np.isnan(again[-1])
    np.testing.assert_allclose(again[:-1], values[:-1], rtol=2.0**-12)
    assert again[:2].tolist() == [1.0, 1.5]
    assert not (again.view(np.uint32)[:-1] & ((1 << 12) - 1)).any()
