"""The numbers of an extraction: arrays in, x1d columns out.

Sums are made by jwst's own kernel, ``jwst.extract_1d.extract1d``; only the background of a box
extraction is fitted by a faster formulation with the same bits, in `live.background`.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from astropy.utils.exceptions import AstropyUserWarning
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.live.background import (
    MOST_TERMS,
    BackgroundFit,
    Pixels,
    counted_columns,
    fit_background,
    take,
)
from lrs_explorer.model.recipe.checks import unknown

__all__ = ["BackgroundFit", "Pixels", "Sums", "extract", "jwst_module", "x1d_columns"]

FloatArray = NDArray[np.floating[Any]]

ALL = slice(None)

DO_NOT_USE = 1
"""Value of that flag in ``stdatamodels.jwst.datamodels.dqflags.pixel``."""


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
class Sums:
    """Sums over the aperture at each dispersion element, shape (n_wave,) each.

    Variances are those of read noise, Poisson noise and flat, in this order. ``unfitted`` counts
    the dispersion elements with too few pixels for the polynomial: the pipeline takes no
    background there.
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
    background: BackgroundFit | None,
    extraction_type: str = "box",
) -> Sums:
    """Sum, or fit, the pixels along the cross-dispersion axis.

    Parameters
    ----------
    pixels : Pixels
    profiles : list of ndarray, shape (n_wave, n_cross)
        Weights of the aperture; for an optimal extraction the PSF, and that of a negative nod.
    background : BackgroundFit or None
    extraction_type : {"box", "optimal"}
    """
    if extraction_type not in ("box", "optimal"):
        raise unknown("extraction_type", extraction_type)
    if background is None and extraction_type == "optimal":
        return _sums(pixels, pixels.data, profiles, extraction_type=extraction_type)
    if background is None:
        counted = counted_columns(profiles[0])
        return _sums(pixels, take(pixels.data, counted), profiles, counted)
    if extraction_type == "optimal" or background.order >= MOST_TERMS:
        with warnings.catch_warnings():
            # Gaps wider than the smoothing stay NaN: no pixels to fit, as everywhere else.
            warnings.filterwarnings("ignore", "nan_treatment='interpolate'", AstropyUserWarning)
            return _sums(
                pixels,
                pixels.data,
                profiles,
                extraction_type=extraction_type,
                profile_bg=background.weight.T,
                fit_bkg=True,
                bkg_fit_type=background.fit,
                bkg_order=background.order,
                bg_smooth_length=background.smoothing_length,
            )
    (profile,) = profiles
    fit = fit_background(pixels, profile, background)
    counted = counted_columns(profile)
    level = fit.level if fit.level.shape[1] == 1 else take(fit.level, counted)
    subtracted = take(pixels.data, counted) - level
    sums = _sums(pixels, subtracted, profiles, counted)
    within = take(profile, counted).T.copy()
    within[~np.isfinite(subtracted.T)] = 0
    total = np.sum(level.T * within, axis=0)
    total[~np.isfinite(total)] = 0.0
    rnoise, poisson, flat = (
        own + more for own, more in zip(sums.flux_variances, fit.variances, strict=True)
    )
    return Sums(
        flux=sums.flux,
        flux_variances=(rnoise, poisson, flat),
        background=total,
        background_variances=fit.variances,
        npixels=sums.npixels,
        unfitted=fit.unfitted,
    )


def _sums(
    pixels: Pixels,
    data: FloatArray,
    profiles: list[FloatArray],
    counted: NDArray[np.intp] | slice = ALL,
    **options: Any,
) -> Sums:
    """Call jwst's kernel, which has the dispersion along the second axis.

    ``data`` has some columns only, the others all.
    """
    found = jwst_module("extract1d").extract1d(
        data.T,
        [take(profile, counted).T for profile in profiles],
        take(pixels.var_rnoise, counted).T,
        take(pixels.var_poisson, counted).T,
        take(pixels.var_flat, counted).T,
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
