"""How much of a star's light an aperture holds and a slit lets through: Gaussians of JDox's width.

Good to a few per cent of the light that is lost, which is enough to say whether a loss matters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy
from numpy.typing import ArrayLike

from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.slit.geometry import HALF_WIDTH, PIXEL_SCALE, psf_fwhm

__all__ = ["enclosed", "passed", "pixel_share"]

_PIXEL_BLUR: Final = 0.5
"""Pixels, rms, by which pixels and resampling widen the PSF (as in model.trace)."""


def _sigma_pixels(wavelength: ArrayLike) -> FloatArray:
    return np.hypot(psf_fwhm(wavelength) / 2.3548 / PIXEL_SCALE, _PIXEL_BLUR)


def _between(lower: FloatArray, upper: FloatArray, sigma: FloatArray) -> FloatArray:
    root = np.sqrt(2.0) * sigma
    return np.asarray(0.5 * (scipy.special.erf(upper / root) - scipy.special.erf(lower / root)))


def enclosed(wavelength: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> FloatArray:
    """Return the share of a star's light between two edges along the slit.

    Parameters
    ----------
    wavelength : array_like, micron
    lower, upper : array_like, pixels
        Edges, from the star.
    """
    return _between(np.asarray(lower), np.asarray(upper), _sigma_pixels(wavelength))


def pixel_share(wavelength: ArrayLike, offset: ArrayLike) -> FloatArray:
    """Return the share of a star's light in a pixel ``offset`` pixels from it, along the slit."""
    offset = np.asarray(offset, dtype=float)
    return enclosed(wavelength, offset - 0.5, offset + 0.5)


def passed(wavelength: ArrayLike, across: float) -> FloatArray:
    """Return the share of a star's light that passes the slit, which is cut across.

    Parameters
    ----------
    wavelength : array_like, micron
    across : float, arcsec
        Of the star, from the slit's centre line.
    """
    sigma = np.asarray(psf_fwhm(wavelength) / 2.3548)
    return _between(np.asarray(-HALF_WIDTH - across), np.asarray(HALF_WIDTH - across), sigma)
