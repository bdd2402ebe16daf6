"""The LRS slit: which places are in it, and how large a star is in it.

Positions are offsets in arcsec from the slit's center: *along* the slit with the detector columns,
*across* it with the rows (the dispersion axis). Both grow with the pixel number, as the pipeline's
``user_slit_loc`` does. See docs/positions.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.instrument import PSF_FWHM, SCALE_ALONG, SLIT_LENGTH, SLIT_WIDTH

__all__ = [
    "HALF_WIDTH",
    "PIXEL_SCALE",
    "PsfImage",
    "outside_slit",
    "psf_fwhm",
    "psf_image",
]

FloatArray = NDArray[np.floating[Any]]

HALF_WIDTH: Final = SLIT_WIDTH / 2
"""Distance of the slit's edges from its center line, arcsec."""

PIXEL_SCALE: Final = SCALE_ALONG["slit"]
"""Arcsec per pixel along the slit; taken for both axes, as ``jwst.pathloss`` does."""


def psf_fwhm(wavelength: ArrayLike) -> NDArray[np.float64]:
    """Return the full width at half maximum of the point-spread function.

    Parameters
    ----------
    wavelength : array_like, micron

    Returns
    -------
    ndarray, same shape, arcsec
        Interpolated in JDox's table; proportional to wavelength beyond its end, where the
        telescope is diffraction limited.
    """
    wave = np.asarray(wavelength, dtype=float)
    fwhm = np.interp(wave, *PSF_FWHM)
    longest, widest = PSF_FWHM[0][-1], PSF_FWHM[1][-1]
    return np.asarray(np.where(wave > longest, widest * wave / longest, fwhm))


@dataclass(frozen=True, eq=False)
class PsfImage:
    """A star in the focal plane of the slit, before the slit cuts it.

    Parameters
    ----------
    along : ndarray, shape (n_along,), arcsec
    across : ndarray, shape (n_across,), arcsec
    intensity : ndarray, shape (n_across, n_along)
        1 at the star.
    wavelength : float, micron
    fwhm : float, arcsec
    """

    along: FloatArray
    across: FloatArray
    intensity: FloatArray
    wavelength: float
    fwhm: float


def psf_image(wavelength: float, along: float = 0.0, across: float = 0.0) -> PsfImage:
    """Return a star as it falls on the slit, to draw it: a round Gaussian of JDox's width.

    Parameters
    ----------
    wavelength : float, micron
    along, across : float, arcsec
        Where the star is.

    Returns
    -------
    PsfImage
        The whole slit and half its width beyond each edge, in steps of 0.02 arcsec.
    """
    fwhm = float(psf_fwhm(wavelength))
    sigma = fwhm / np.sqrt(8 * np.log(2))
    x = np.linspace(-SLIT_LENGTH / 2 - HALF_WIDTH, SLIT_LENGTH / 2 + HALF_WIDTH, 262)
    y = np.linspace(-SLIT_WIDTH, SLIT_WIDTH, 52)
    square = (x[None, :] - along) ** 2 + (y[:, None] - across) ** 2
    return PsfImage(x, y, np.exp(-0.5 * square / sigma**2), float(wavelength), fwhm)


def outside_slit(across: float, along: float = 0.0) -> str:
    """Say that a position lies outside the slit; "" for one inside it, or an unknown one.

    Parameters
    ----------
    across, along : float, arcsec
        NaN where unknown.
    """
    if abs(across) > HALF_WIDTH:
        return (
            f"the source lies {abs(across):.2f}″ from the slit's center line, outside the slit "
            f"(±{HALF_WIDTH:.3f}″): most of its light is lost, and no pathloss correction can be "
            "trusted"
        )
    if abs(along) > SLIT_LENGTH / 2:
        return (
            f"the source lies {abs(along):.2f}″ from the slit's center along it, beyond its end "
            f"(±{SLIT_LENGTH / 2:.2f}″): most of its light is lost, and no pathloss correction "
            "can be trusted"
        )
    return ""
