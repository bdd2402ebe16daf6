"""The numbers of an extraction: arrays in, x1d columns out.

Sums are made by jwst's own kernel, ``jwst.extract_1d.extract1d``, except the polynomial background,
where this module's formulation takes a quarter of the time and gives the same bits.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.errors import LRSExplorerError

__all__ = ["Background", "Pixels", "Sums", "extract", "jwst_module", "x1d_columns"]

FloatArray = NDArray[np.floating[Any]]

DO_NOT_USE = 1
"""Value of that flag in ``stdatamodels.jwst.datamodels.dqflags.pixel``."""

MOST_TERMS = 7
"""Terms of a polynomial up to which numpy adds them one after the other; it pairs longer sums."""

SINGULAR = 1e10
"""Condition number from which the pipeline fits no background (``jwst.extract_1d.extract1d``)."""


@cache
def jwst_module(name: str) -> ModuleType:
    """Load one module of ``jwst.extract_1d`` without the package around it.

    Importing ``jwst.extract_1d`` imports its pipeline step and with it CRDS, photutils and
    associations: 4 s, of which the modules wanted here need 1 s at most. They are loaded from the
    installed jwst under a private name. What they log becomes notes of ours, so it is not logged.
    """
    package = importlib.util.find_spec("jwst")
    folder = Path(next(iter((package and package.submodule_search_locations) or ("",))))
    path = folder / "extract_1d" / f"{name}.py"
    private = f"lrs_explorer_jwst_{name}"
    spec = importlib.util.spec_from_file_location(private, path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise LRSExplorerError(
            f"the installed jwst has no {path.name} in extract_1d; install jwst 3.0."
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[private] = module
    logging.getLogger(private).disabled = True
    spec.loader.exec_module(module)
    return module


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pixels to extract from; those that the pipeline ignores are NaN in every array.

    Parameters
    ----------
    data, var_rnoise, var_poisson, var_flat : ndarray, shape (n_wave, n_cross)
    """

    data: FloatArray
    var_rnoise: FloatArray
    var_poisson: FloatArray
    var_flat: FloatArray
    usable: NDArray[np.bool_] = field(init=False)
    _smoothed: dict[int, FloatArray] = field(init=False, default_factory=dict)
    _terms: dict[int, FloatArray] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        variance = self.var_rnoise + self.var_poisson + self.var_flat
        object.__setattr__(self, "usable", np.isfinite(variance) & np.isfinite(self.data))

    def smoothed(self, length: int) -> FloatArray:
        """Return the data smoothed along the dispersion axis, as the pipeline does for a fit.

        The last length asked for is kept: it does not depend on any aperture.
        """
        if length <= 1:
            return self.data
        if length not in self._smoothed:
            kernel = np.ones((1, length)) / length
            convolve = jwst_module("extract1d").convolution.convolve
            image = convolve(self.data.T, kernel, boundary="extend").T
            self._smoothed.clear()
            self._smoothed[length] = image
        return self._smoothed[length]

    def terms(self, order: int) -> FloatArray:
        """Return 1, y, y², ... of each pixel, shape (n_wave, n_cross, order + 1); y in [-1, 1]."""
        if order not in self._terms:
            n_wave, n_cross = self.data.shape
            y = np.linspace(-1, 1, n_cross)
            terms = np.ones((n_wave, n_cross, order + 1))
            for i in range(1, order + 1):
                terms[..., i] = terms[..., i - 1] * y
            self._terms.clear()
            self._terms[order] = terms
        return self._terms[order]


@dataclass(frozen=True, eq=False)
class Background:
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
class Sums:
    """Sums over the aperture at each dispersion element, shape (n_wave,) each.

    Variances are named as in an x1d table, ``rnoise``, ``poisson`` and ``flat`` in this order.
    """

    flux: FloatArray
    flux_variances: tuple[FloatArray, FloatArray, FloatArray]
    background: FloatArray
    background_variances: tuple[FloatArray, FloatArray, FloatArray]
    npixels: FloatArray
    unfitted: int = 0


def extract(
    pixels: Pixels,
    profiles: list[FloatArray],
    background: Background | None,
    extraction_type: str = "box",
) -> Sums:
    """Sum, or fit, the pixels along the cross-dispersion axis.

    Parameters
    ----------
    pixels : Pixels
    profiles : list of ndarray, shape (n_wave, n_cross)
        Weights of the aperture; for an optimal extraction the PSF, and that of a negative nod.
    background : Background or None
    extraction_type : {"box", "optimal"}

    Returns
    -------
    Sums
        ``unfitted`` counts the dispersion elements with too few pixels for the polynomial: the
        pipeline takes no background there.
    """
    if (
        background is not None
        and background.fit == "poly"
        and extraction_type == "box"
        and 0 < background.order < MOST_TERMS
    ):
        return _with_polynomial(pixels, profiles[0], background)
    options: dict[str, Any] = {}
    if background is not None:
        options = {
            "profile_bg": background.weight.T,
            "fit_bkg": True,
            "bkg_fit_type": background.fit,
            "bkg_order": background.order,
            "bg_smooth_length": background.smoothing_length,
        }
    return _sums(pixels, pixels.data, profiles, extraction_type=extraction_type, **options)


def _sums(pixels: Pixels, data: FloatArray, profiles: list[FloatArray], **options: Any) -> Sums:
    """Call jwst's kernel, which has the dispersion along the second axis."""
    found = jwst_module("extract1d").extract1d(
        data.T,
        [profile.T for profile in profiles],
        pixels.var_rnoise.T,
        pixels.var_poisson.T,
        pixels.var_flat.T,
        **options,
    )
    flux, *columns, npixels = (np.asarray(values[0]) for values in found[:9])
    return Sums(
        flux=flux,
        flux_variances=(columns[0], columns[1], columns[2]),
        background=columns[3],
        background_variances=(columns[4], columns[5], columns[6]),
        npixels=npixels,
    )


def _with_polynomial(pixels: Pixels, profile: FloatArray, background: Background) -> Sums:
    """Fit and subtract a polynomial across the dispersion, then sum over the aperture.

    Instead of whole images of design matrices, only the columns of the background regions are
    fitted; sums run over the same values in the same order as in jwst's kernel, so that they are
    rounded alike.
    """
    n_terms = background.order + 1
    image = pixels.smoothed(background.smoothing_length)
    terms = pixels.terms(background.order)

    in_region = background.weight != 0
    columns = np.flatnonzero(in_region.any(axis=0))
    chosen = np.ix_(np.arange(image.shape[0]), columns)
    fitted = in_region[chosen] & np.isfinite(image[chosen]) & pixels.usable[chosen]
    # Contiguous along the dispersion, so that numpy adds one column after the other.
    target = np.ascontiguousarray(np.where(fitted, image[chosen], 0.0).T)
    fitted = np.ascontiguousarray(fitted.T)
    power = terms[0, columns].T[:, :, np.newaxis]  # (n_terms, n_columns, 1)

    matrix = np.empty((image.shape[0], n_terms, n_terms))
    vector = np.empty((image.shape[0], n_terms))
    for i in range(n_terms):
        vector[:, i] = np.sum(power[i] * target, axis=0)
        for k in range(i, n_terms):
            matrix[:, i, k] = matrix[:, k, i] = np.sum(power[i] * power[k] * fitted, axis=0)

    regular = np.linalg.cond(matrix) < SINGULAR
    covariance = np.zeros(matrix.shape)
    covariance[regular] = np.linalg.inv(matrix[regular])
    coefficients = np.einsum("ijk,ij->ik", covariance, vector)

    # The weight with which each pixel of the regions enters the background of the aperture.
    moments = np.sum(np.swapaxes(terms, 0, 1) * profile.T[:, :, np.newaxis], axis=0)
    share: Any = 0.0
    for k in range(n_terms):
        weight: Any = 0.0
        for j in range(n_terms):
            weight = weight + covariance[:, j, k] * (power[j] * fitted)
        share = share + moments[:, k] * weight
    squared = np.zeros(image.shape)
    squared[chosen] = (share**2).T
    variances = [
        np.nansum(variance * squared, axis=1)
        for variance in (pixels.var_rnoise, pixels.var_poisson, pixels.var_flat)
    ]

    level = np.sum(coefficients[:, np.newaxis, :] * terms, axis=-1)
    subtracted = pixels.data - level
    sums = _sums(pixels, subtracted, [profile])

    within = profile.T.copy()
    within[~np.isfinite(subtracted.T)] = 0
    total = np.sum(level.T * within, axis=0)
    total[~np.isfinite(total)] = 0.0
    own = sums.flux_variances
    return Sums(
        flux=sums.flux,
        flux_variances=(own[0] + variances[0], own[1] + variances[1], own[2] + variances[2]),
        background=total,
        background_variances=(variances[0], variances[1], variances[2]),
        npixels=sums.npixels,
        unfitted=int(np.sum(~regular)),
    )


def x1d_columns(
    sums: Sums, wavelength: FloatArray, pixel_area: float | None, optimal: bool
) -> dict[str, NDArray[Any]]:
    """Turn sums into the columns of an x1d table, as ``jwst.extract_1d.extract`` does.

    Parameters
    ----------
    sums : Sums
    wavelength : ndarray, shape (n_wave,), micron
        NaN where the aperture has no wavelength: these rows are left out.
    pixel_area : float or None
        Steradian; turns MJy/sr into Jy. None = the data are not calibrated, flux stays DN/s.
    optimal : bool
        An optimal extraction has no surface brightness: zeros.
    """
    area = np.where(sums.npixels > 0.0, sums.npixels, 1.0)
    squared = area**2
    if optimal:
        surface = np.zeros_like(sums.flux)
        surface_variances = [np.zeros_like(sums.flux)] * 3
    else:
        surface = sums.flux / area
        surface_variances = [variance / squared for variance in sums.flux_variances]
    background_variances = [variance / squared for variance in sums.background_variances]
    flux, variances = sums.flux, list(sums.flux_variances)
    if pixel_area is not None:
        flux = flux * pixel_area * 1.0e6
        variances = [variance * (pixel_area**2 * 1.0e12) for variance in variances]
    columns = {"WAVELENGTH": wavelength}
    columns |= _group(("FLUX", "FLUX_ERROR", "FLUX_VAR"), flux, variances)
    columns |= _group(("SURF_BRIGHT", "SB_ERROR", "SB_VAR"), surface, surface_variances)
    columns["DQ"] = np.where(np.isnan(flux), np.uint32(DO_NOT_USE), np.uint32(0))
    columns |= _group(
        ("BACKGROUND", "BKGD_ERROR", "BKGD_VAR"), sums.background / area, background_variances
    )
    columns["NPIXELS"] = sums.npixels
    valid = np.isfinite(wavelength)
    return {name: values[valid] for name, values in columns.items()}


def _group(
    names: tuple[str, str, str], value: FloatArray, variances: list[FloatArray]
) -> dict[str, FloatArray]:
    rnoise, poisson, flat = variances
    name, error, variance = names
    return {
        name: value,
        error: np.sqrt(poisson + rnoise + flat),
        f"{variance}_POISSON": poisson,
        f"{variance}_RNOISE": rnoise,
        f"{variance}_FLAT": flat,
    }
