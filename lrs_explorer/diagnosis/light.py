"""How much of a star's light an aperture holds and a slit lets through.

The point-spread function is that of `lrs_explorer.model.data.instrument`: a core of JDox's width,
a ring and a halo, in which a fifth of the light lies. Enough to say whether a loss matters.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy
from numpy.typing import ArrayLike

from lrs_explorer.model.data.instrument import PSF_CORE_WIDTH, PSF_HALO, PSF_RING, Mode
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.slit.geometry import HALF_WIDTH, PIXEL_SCALE, psf_fwhm

__all__ = ["enclosed", "passed", "pixel_share"]

_SIGMA_PER_FWHM: Final = 1 / 2.3548


def _between(lower: FloatArray, upper: FloatArray, sigma: ArrayLike) -> FloatArray:
    root = np.sqrt(2.0) * np.asarray(sigma)
    return np.asarray(0.5 * (scipy.special.erf(upper / root) - scipy.special.erf(lower / root)))


def enclosed(
    wavelength: ArrayLike, lower: ArrayLike, upper: ArrayLike, mode: Mode = "slitless"
) -> FloatArray:
    """Return the share of a star's light between two edges along the slit.

    Parameters
    ----------
    wavelength : array_like, micron
    lower, upper : array_like, pixels
        Edges, from the star.
    mode : {"slit", "slitless"}
        A slit cuts more from ring and halo than from the core, and the share is of what it lets
        pass of a star on its center line.
    """
    lower, upper = np.asarray(lower, dtype=float), np.asarray(upper, dtype=float)
    # JDox's widths are those that pixels show: what is summed up over pixels is blurred once more,
    # as by resampling.
    core = PSF_CORE_WIDTH * psf_fwhm(wavelength) * _SIGMA_PER_FWHM / PIXEL_SCALE
    scale = np.asarray(wavelength, dtype=float) / 10.0 / PIXEL_SCALE
    (in_ring, away, spot), (in_halo, halo) = PSF_RING, PSF_HALO
    parts = (
        (1.0 - in_ring - in_halo, core, np.zeros(())),
        (in_ring, spot * scale, away * scale),
        (in_halo, halo * scale, np.zeros(())),
    )
    total, held = np.zeros(()), np.zeros(())
    for share, sigma, distance in parts:
        edge = HALF_WIDTH / PIXEL_SCALE if mode == "slit" else np.inf
        weight = share * _between(np.asarray(-edge), np.asarray(edge), sigma)
        left = _between(lower + distance, upper + distance, sigma)
        right = _between(lower - distance, upper - distance, sigma)
        total, held = total + weight, held + weight * 0.5 * (left + right)
    return np.asarray(held / total)


def pixel_share(wavelength: ArrayLike, offset: ArrayLike, mode: Mode = "slitless") -> FloatArray:
    """Return the share of a star's light in a pixel ``offset`` pixels from it, along the slit."""
    offset = np.asarray(offset, dtype=float)
    return enclosed(wavelength, offset - 0.5, offset + 0.5, mode)


def passed(wavelength: ArrayLike, across: float) -> FloatArray:
    """Return the share of a star's light that passes the slit, which is cut across.

    Of a Gaussian: how much of the wings passes is not known.

    Parameters
    ----------
    wavelength : array_like, micron
    across : float, arcsec
        Of the star, from the slit's center line.
    """
    sigma = np.asarray(psf_fwhm(wavelength) * _SIGMA_PER_FWHM)
    return _between(np.asarray(-HALF_WIDTH - across), np.asarray(HALF_WIDTH - across), sigma)
