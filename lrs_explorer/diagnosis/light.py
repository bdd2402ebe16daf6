"""How much of a star's light an aperture holds and a slit lets through.

The point-spread function is that of `lrs_explorer.model.data.instrument`: a core of JDox's width,
a ring and a halo, in which a fifth of the light lies. Enough to say whether a loss matters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy
from numpy.typing import ArrayLike

from lrs_explorer.model.data.instrument import PSF_CORE_WIDTH, PSF_HALO, PSF_RING
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.slit.geometry import HALF_WIDTH, PIXEL_SCALE, psf_fwhm

__all__ = ["enclosed", "passed", "pixel_share"]

_SIGMA_PER_FWHM: Final = 1 / 2.3548


def _between(lower: FloatArray, upper: FloatArray, sigma: ArrayLike) -> FloatArray:
    root = np.sqrt(2.0) * np.asarray(sigma)
    return np.asarray(0.5 * (scipy.special.erf(upper / root) - scipy.special.erf(lower / root)))


def enclosed(wavelength: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> FloatArray:
    """Return the share of a star's light between two edges along the slit.

    Parameters
    ----------
    wavelength : array_like, micron
    lower, upper : array_like, pixels
        Edges, from the star.
    """
    lower, upper = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    # JDox's widths are those that pixels show: what is summed up over pixels is blurred once more,
    # as by resampling.
    core = PSF_CORE_WIDTH * psf_fwhm(wavelength) * _SIGMA_PER_FWHM / PIXEL_SCALE
    scale = np.asarray(wavelength, dtype=float) / 10.0 / PIXEL_SCALE
    (in_ring, distance, width), (in_halo, halo) = PSF_RING, PSF_HALO
    away, spot = distance * scale, width * scale
    ring = 0.5 * (
        _between(lower - away, upper - away, spot) + _between(lower + away, upper + away, spot)
    )
    held = (1.0 - in_ring - in_halo) * _between(lower, upper, core)
    return held + in_ring * ring + in_halo * _between(lower, upper, halo * scale)


def pixel_share(wavelength: ArrayLike, offset: ArrayLike) -> FloatArray:
    """Return the share of a star's light in a pixel ``offset`` pixels from it, along the slit."""
    offset = np.asarray(offset, dtype=float)
    return enclosed(wavelength, offset - 0.5, offset + 0.5)


def passed(wavelength: ArrayLike, across: float) -> FloatArray:
    """Return the share of a star's light that passes the slit, which is cut across.

    Of a Gaussian: how much of the wings passes is not known.

    Parameters
    ----------
    wavelength : array_like, micron
    across : float, arcsec
        Of the star, from the slit's centre line.
    """
    sigma = np.asarray(psf_fwhm(wavelength) * _SIGMA_PER_FWHM)
    return _between(np.asarray(-HALF_WIDTH - across), np.asarray(HALF_WIDTH - across), sigma)
