"""Source spectra of the simulated observations.

Each is a plain function of wavelength (micron) that gives the flux density relative to its value
at 8 micron, so that a scene's flux level means the same for all of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SpectrumFunction = Callable[[Array], Array]


def _gaussian(wavelength: Array, center: float, fwhm: float) -> Array:
    return np.asarray(np.exp(-4.0 * np.log(2.0) * ((wavelength - center) / fwhm) ** 2))


def star(wavelength: Array) -> Array:
    """Rayleigh-Jeans tail of a hot star."""
    return np.asarray(wavelength**-2.0)


def dust_shell(wavelength: Array) -> Array:
    """Warm dust around a young star: silicate emission, PAH bands and one narrow line.

    The 9.7 micron silicate band (FWHM 2.2 micron), the PAH bands at 6.2, 7.7, 8.6 and 11.3 micron
    and [Ne II] at 12.81 micron stand on a continuum that rises gently. Positions and widths are
    the usual textbook ones (Tielens 2008, ARA&A 46, 289); strengths are chosen to be seen.
    """
    continuum = (wavelength / 8.0) ** 0.6
    bands = (
        0.75 * _gaussian(wavelength, 9.7, 2.2)
        + 0.30 * _gaussian(wavelength, 6.22, 0.19)
        + 0.35 * _gaussian(wavelength, 7.7, 0.6)
        + 0.15 * _gaussian(wavelength, 8.6, 0.35)
        + 0.45 * _gaussian(wavelength, 11.27, 0.25)
    )
    line = 1.2 * _gaussian(wavelength, 12.81, 0.02)
    return np.asarray(continuum * (1.0 + bands) + line)


def embedded(wavelength: Array) -> Array:
    """Protostar in a cold envelope: deep silicate and ice absorption at 6.0 and 6.85 micron."""
    depth = (
        1.2 * _gaussian(wavelength, 9.7, 2.4)
        + 0.35 * _gaussian(wavelength, 6.0, 0.35)
        + 0.25 * _gaussian(wavelength, 6.85, 0.25)
    )
    return np.asarray((wavelength / 8.0) ** 1.5 * np.exp(-depth))


SPECTRA: dict[str, SpectrumFunction] = {
    "star": star,
    "dust_shell": dust_shell,
    "embedded": embedded,
}


def source_flux(spectrum: str | SpectrumFunction, flux_level: float, wavelength: Array) -> Array:
    """Flux density of a source.

    Parameters
    ----------
    spectrum : str or callable
        A name in `SPECTRA`, or a function of wavelength in micron.
    flux_level : float, Jy
        Flux density at 8 micron.
    wavelength : ndarray, micron

    Returns
    -------
    ndarray, same shape, Jy

    Raises
    ------
    ValueError
        When the name is not known, or the function is not positive at 8 micron.
    """
    if isinstance(spectrum, str):
        if spectrum not in SPECTRA:
            raise ValueError(f"no spectrum named {spectrum!r}; choose from {sorted(SPECTRA)}")
        spectrum = SPECTRA[spectrum]
    at_reference = float(spectrum(np.array([8.0]))[0])
    if not at_reference > 0:
        raise ValueError("the source spectrum must be positive at 8 micron")
    return np.asarray(flux_level * spectrum(np.asarray(wavelength, dtype=float)) / at_reference)
