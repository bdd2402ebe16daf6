"""The fast background fit has the bits of jwst's own, on harder profiles than a recipe can make."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray

from lrs_explorer.model.live import kernel

Array = NDArray[np.floating]


def weights(random: np.random.Generator, n_wave: int, n_cross: int, most_width: float) -> Array:
    """Weights of a region that runs slightly askew."""
    index = np.arange(n_cross)
    lower = random.uniform(0, n_cross - 6) + random.normal(0, 0.05) * np.arange(n_wave)[:, None]
    upper = lower + random.uniform(0.5, most_width)
    return np.clip(np.minimum(index - lower + 1, upper - index + 1), 0, 1)


@pytest.mark.parametrize("fit", ["median", *range(kernel.MOST_TERMS + 2)])
@pytest.mark.parametrize("seed", range(40))
def test_background_is_that_of_jwst(fit: str | int, seed: int) -> None:
    random = np.random.default_rng(seed)
    n_wave, n_cross = 30, int(random.choice([45, 48, 63, 200, 1032]))
    scale = 10.0 ** random.uniform(-4, 3, (4, 1, 1))
    planes = (random.gamma(2, size=(4, n_wave, n_cross)) * scale).astype(np.float32)
    planes[:, random.random((n_wave, n_cross)) < 0.03] = np.nan
    profile = weights(random, n_wave, n_cross, 20)
    if seed % 2:
        profile *= random.random(profile.shape)
    regions = [weights(random, n_wave, n_cross, 12) for _ in range(random.integers(1, 5))]
    weight = np.max(regions, axis=0)
    if fit == "median":
        weight = np.floor(weight)
    length = int(random.choice([0, 0, 3, 7]))
    name, order = ("median", 0) if fit == "median" else ("poly", int(fit))

    ours = kernel.extract(
        kernel.Pixels(*planes), [profile], kernel.BackgroundFit(weight, name, order, length)
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "nan_treatment='interpolate'")
        theirs = kernel.jwst_module("extract1d").extract1d(
            planes[0].T,
            [profile.T],
            *(plane.T for plane in planes[1:]),
            profile_bg=weight.T,
            fit_bkg=True,
            bkg_fit_type=name,
            bkg_order=order,
            bg_smooth_length=length,
        )
    expected = [np.asarray(values[0]) for values in theirs[:9]]
    found = [
        ours.flux,
        *ours.flux_variances,
        ours.background,
        *ours.background_variances,
        ours.npixels,
    ]
    for mine, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, other)
