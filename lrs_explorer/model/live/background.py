"""The background of a box extraction: a polynomial or a median across the dispersion.

The same bits as ``jwst.extract_1d.extract1d`` gives (jwst 3.0) in a third of the time. jwst builds
design matrices of all pixels of the image; here only the columns of the background regions are
fitted. Sums run over the same values in the same order, so that they are rounded alike: numpy adds
one column after the other where the columns lie apart in memory, and in pairs where they are
neighbours. tests/extraction holds both to each other.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning
from numpy.typing import NDArray

from lrs_explorer.model.data.robust import median
from lrs_explorer.model.recipe.checks import unknown

__all__ = ["BackgroundFit", "Fit", "Pixels", "counted_columns", "fit_background", "take"]

FloatArray = NDArray[np.floating[Any]]

SINGULAR = 1e10
"""Condition number from which the pipeline fits no background (``jwst.extract_1d.extract1d``)."""

MEDIAN_NOISE = 1.2
"""Noise of a median over that of a mean, as the pipeline takes it."""

LANES = 8
LONGEST_RUN = 128
"""How numpy sums values that are neighbours in memory (``pairwise_sum`` in its loops): in eight
lanes, up to so many at once."""

MOST_TERMS = 7
"""Terms of a polynomial up to which numpy adds them one after the other; it pairs longer sums."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixels to extract from; those that the pipeline ignores are NaN in every array.

    Parameters
    ----------
    data, var_rnoise, var_poisson, var_flat : ndarray, shape (n_wave, n_cross), contiguous
    """

    data: FloatArray
    var_rnoise: FloatArray
    var_poisson: FloatArray
    var_flat: FloatArray
    usable: NDArray[np.bool_] = field(init=False)
    _smoothed: dict[int, FloatArray] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        variance = self.var_rnoise + self.var_poisson + self.var_flat
        object.__setattr__(self, "usable", np.isfinite(variance) & np.isfinite(self.data))

    def smoothed(self, length: int) -> FloatArray:
        """Return the data smoothed along the dispersion axis, as the pipeline does for a fit.

        The last one is kept: it depends on no aperture.
        """
        if length <= 1:
            return self.data
        smoothed = self._smoothed.get(length)
        if smoothed is None:
            from astropy.convolution import convolve

            with warnings.catch_warnings():
                # Gaps wider than the kernel stay NaN: no pixels to fit, as everywhere else.
                warnings.filterwarnings("ignore", "nan_treatment='interpolate'", AstropyUserWarning)
                smoothed = convolve(self.data, np.ones((length, 1)) / length, boundary="extend")
            self._smoothed.clear()
            self._smoothed[length] = smoothed
        return smoothed


@dataclass(frozen=True, eq=False)
class BackgroundFit:
    """Where and how a background is found.

    Parameters
    ----------
    weight : ndarray, shape (n_wave, n_cross)
        More than zero in the background regions.
    fit : {"poly", "median"}
    order : int
        Of the polynomial.
    smoothing_length : int
        Pixels; 0 for none.
    """

    weight: FloatArray
    fit: str
    order: int
    smoothing_length: int


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted background.

    Parameters
    ----------
    level : ndarray, shape (n_wave, n_cross) or (n_wave, 1)
        The background in each pixel.
    variances : tuple of ndarray, shape (n_wave,)
        Of the background summed over the aperture: read noise, Poisson, flat.
    unfitted : int
        Dispersion elements with too few pixels for the polynomial: no background there.
    """

    level: FloatArray
    variances: tuple[FloatArray, FloatArray, FloatArray]
    unfitted: int = 0


def fit_background(pixels: Pixels, profile: FloatArray, background: BackgroundFit) -> Fit:
    """Fit a background at each dispersion element.

    Parameters
    ----------
    pixels : Pixels
    profile : ndarray, shape (n_wave, n_cross)
        Weights of the aperture, which decide how much of the background's noise enters.
    background : BackgroundFit
        Its order must be less than `MOST_TERMS`.
    """
    in_region = background.weight != 0
    columns = np.flatnonzero(in_region.any(axis=0))
    image = pixels.smoothed(background.smoothing_length)[:, columns]
    inside = in_region[:, columns]
    match background.fit:
        case "median":
            return _median(pixels, profile, in_region, np.where(inside, image, np.nan))
        case "poly":
            fitted = inside & np.isfinite(image) & pixels.usable[:, columns]
            return _polynomial(pixels, profile, columns, image, fitted, background.order + 1)
        case _:
            raise unknown("bkg_fit", background.fit)


def _median(
    pixels: Pixels, profile: FloatArray, in_region: NDArray[np.bool_], image: FloatArray
) -> Fit:
    level = median(image, axis=1)
    counted = pixels.usable & in_region
    with np.errstate(invalid="ignore"):
        share = counted / np.sum(counted, axis=1)[:, np.newaxis]
    weight = MEDIAN_NOISE**2 * np.sum(profile, axis=1) ** 2
    rnoise, poisson, flat = (weight * total for total in _summed_variances(pixels, share))
    return Fit(level[:, np.newaxis], (rnoise, poisson, flat))


def _polynomial(
    pixels: Pixels,
    profile: FloatArray,
    columns: NDArray[np.intp],
    image: FloatArray,
    fitted: NDArray[np.bool_],
    n_terms: int,
) -> Fit:
    """Fit a polynomial in y, from -1 to 1 across the image, to ``image``, (n_wave, n_columns).

    ``fitted`` tells which of its pixels count.
    """
    n_wave, n_cross = profile.shape
    powers = [np.ones(n_cross)]
    for _ in range(n_terms - 1):
        powers.append(powers[-1] * np.linspace(-1, 1, n_cross))
    in_columns = [power[columns, np.newaxis] for power in powers]
    # From here on the dispersion is the second axis, contiguous: columns are added one by one.
    counted = np.ascontiguousarray(fitted.T)
    target = np.ascontiguousarray(np.where(fitted, image, 0.0).T)

    matrix = np.empty((n_wave, n_terms, n_terms))
    vector = np.empty((n_wave, n_terms))
    for i in range(n_terms):
        vector[:, i] = np.sum(in_columns[i] * target, axis=0)
        for k in range(i, n_terms):
            products = in_columns[i] * in_columns[k] * counted
            matrix[:, i, k] = matrix[:, k, i] = np.sum(products, axis=0)

    regular = np.linalg.cond(matrix) < SINGULAR
    covariance = np.zeros(matrix.shape)
    covariance[regular] = np.linalg.inv(matrix[regular])
    coefficients = np.einsum("ijk,ij->ik", covariance, vector)

    # The share of each pixel of the regions in the background of the aperture.
    inside = np.flatnonzero(profile.any(axis=0))
    aperture = np.ascontiguousarray(profile[:, inside].T)
    share: Any = 0.0
    for k in range(n_terms):
        weight: Any = 0.0
        for j in range(n_terms):
            weight = weight + covariance[:, j, k] * (in_columns[j] * counted)
        if n_terms == 1:
            # One term per pixel: here the pixels are neighbours in memory, added in pairs.
            total = np.sum(profile, axis=1)
        else:
            total = np.sum(powers[k][inside, np.newaxis] * aperture, axis=0)
        share = share + total * weight
    shares = np.zeros(profile.shape)
    shares[:, columns] = share.T
    rnoise, poisson, flat = _summed_variances(pixels, shares)

    level: Any = 0.0
    for k in range(n_terms):
        level = level + coefficients[:, k, np.newaxis] * powers[k]
    return Fit(level, (rnoise, poisson, flat), unfitted=int(np.sum(~regular)))


def _summed_variances(pixels: Pixels, share: FloatArray) -> list[FloatArray]:
    """Sum the variances of all pixels, each with the square of its share."""
    counted = counted_columns(share)
    squared = take(share, counted) ** 2
    planes = (pixels.var_rnoise, pixels.var_poisson, pixels.var_flat)
    return [np.nansum(take(plane, counted) * squared, axis=1) for plane in planes]


def counted_columns(weight: FloatArray) -> NDArray[np.intp] | slice:
    """Return the columns that a sum over all columns cannot do without.

    Those with weight, in whole groups of eight: numpy sums neighbours in eight lanes, which then
    stay what they are. Images whose width is no multiple of eight, or more than a run of numpy's
    pairwise sum, are summed as a whole.
    """
    n_cross = weight.shape[1]
    if n_cross % LANES or n_cross > LONGEST_RUN:
        return slice(None)
    used = weight.any(axis=0).reshape(-1, LANES).any(axis=1)
    if used.all() or not used.any():
        return slice(None)
    return np.flatnonzero(np.repeat(used, LANES))


def take(plane: FloatArray, columns: NDArray[np.intp] | slice) -> FloatArray:
    """Return some columns, contiguous like the whole."""
    return plane if isinstance(columns, slice) else np.take(plane, columns, axis=1)
