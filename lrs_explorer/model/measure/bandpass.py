"""Synthetic photometry: what a spectrum gives through a filter, and how much of the filter it sees.

Bandpasses and zero points are those that astro-sedpy ships (for MIRI the photon-to-electron
conversion efficiencies that were measured on the ground). sedpy projects a spectrum onto a filter
whatever it covers; here the projection is written as weights of the spectrum's elements, so that
the part of the bandpass without spectrum is known, and errors follow from a covariance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray

__all__ = [
    "COMPLETE",
    "LEAST",
    "BandFlux",
    "Bandpass",
    "bandpass",
    "through",
]

COMPLETE: Final = 0.95
"""Part of a bandpass that a spectrum has to cover to be compared with photometry. A spectrum from
5 micron on covers 0.98 of F560W."""

LEAST: Final = 0.5
"""Part of a bandpass below which no number is given."""

GAP: Final = 3.0
"""Steps between elements, in units of the usual one there, over which a spectrum is not bridged."""

AB_JANSKY: Final = 3631.0
"""Flux density of AB magnitude 0, Jy."""


@dataclass(frozen=True, eq=False)
class Bandpass:
    """The response of a filter.

    Parameters
    ----------
    name : str
        As it was asked for.
    wavelength : ndarray, shape (n,), micron, ascending
    response : ndarray, shape (n,)
        Signal per photon, in any unit.
    pivot : float, micron
        Pivot wavelength.
    vega : float, Jy
        Flux density of Vega in it.
    source : str
        Where it is from.
    """

    name: str
    wavelength: FloatArray
    response: FloatArray
    pivot: float
    vega: float
    source: str

    @property
    def edges(self) -> tuple[float, float]:
        """Wavelengths, micron, at which the response has fallen to half of its peak."""
        high = np.flatnonzero(self.response >= 0.5 * self.response.max())
        return float(self.wavelength[high[0]]), float(self.wavelength[high[-1]])


@dataclass(frozen=True, eq=False)
class BandFlux:
    """The flux density of a spectrum in a bandpass.

    Parameters
    ----------
    flux : float
        Mean flux density, weighted with the photons that the filter counts, over the part of the
        bandpass that is covered; unit of the spectrum. NaN where nothing is covered.
    error : float
        Standard error, same unit.
    covered : float
        Part of the response, counted in photons of a spectrum that is flat in frequency, at which
        there is spectrum.
    nominal : float
        The same for what lies within the nominal range of the LRS.
    """

    flux: float
    error: float
    covered: float
    nominal: float


@lru_cache(maxsize=64)
def bandpass(name: str) -> Bandpass:
    """Return the bandpass of a filter.

    Parameters
    ----------
    name : str
        A MIRI imaging filter ("F770W"), or any filter by the name that sedpy gives it ("wise_w3").

    Raises
    ------
    LRSExplorerError
        sedpy has no such filter.
    """
    from sedpy import observate  # takes a third of a second

    known = observate.list_available_filters()
    wanted = name.strip().lower()
    ours = wanted if wanted in known else f"jwst_{wanted}"
    if ours not in known:
        miri = [one[5:].upper() for one in known if _is_miri(one)]
        miri.sort(key=lambda one: int(one[1:-1]))
        raise LRSExplorerError(
            f"the bandpass of {name.strip() or 'a filter without a name'} is not known: choose "
            f"one of {', '.join(miri)}, or the name of another filter in astro-sedpy (wise_w3, "
            "spitzer_irac_ch4)."
        )
    (made,) = observate.load_filters([ours])
    wavelength, response = np.asarray(made.wavelength) / 1e4, np.asarray(made.transmission)
    from importlib.metadata import version

    return Bandpass(
        name=ours[5:].upper() if ours.startswith("jwst_") else ours,
        wavelength=wavelength,
        response=response,
        pivot=float(made.wave_pivot) / 1e4,
        vega=float(AB_JANSKY * made.vega_zero_counts / made.ab_zero_counts),
        source=f"{ours} of astro-sedpy {version('astro-sedpy')}",
    )


def _is_miri(name: str) -> bool:
    """Tell whether sedpy's filter is one of MIRI's imager."""
    head, _, middle = name.partition("jwst_f")
    digits = middle.rstrip("w")
    return not head and middle.endswith("w") and digits.isdigit() and int(digits) >= 500


def through(
    band: Bandpass,
    wavelength: FloatArray,
    flux: FloatArray,
    error: FloatArray,
    covariance: NDArray[Any] | None = None,
) -> BandFlux:
    """Return what a spectrum gives through a filter.

    The flux density is the mean over frequency weighted with the photons counted, ∫ f_ν R dν/ν /
    ∫ R dν/ν: that of the AB system, of photometry that is calibrated at the pivot wavelength, and
    sedpy's (Bessell & Murphy 2012, PASP 124, 140, eq. A11).

    Parameters
    ----------
    band : Bandpass
    wavelength : ndarray, shape (n_wave,), micron, ascending
    flux : ndarray, shape (n_wave,)
        Flux density per frequency. Elements that are NaN are bridged where they are few.
    error : ndarray, shape (n_wave,)
        Standard errors, taken as independent where there is no ``covariance``; an element without
        one counts, as though it had none.
    covariance : ndarray, shape (n_wave, n_wave), optional

    Returns
    -------
    BandFlux
    """
    whole, weights, nominal = _weights(band, wavelength, np.isfinite(flux))
    covered = float(weights.sum())
    if not (whole > 0 and covered > 0):
        return BandFlux(np.nan, np.nan, 0.0, 0.0)
    share = weights / covered
    mean = float(share @ np.where(weights > 0, np.nan_to_num(flux), 0.0))
    if covariance is None:
        variance = float(share**2 @ np.nan_to_num(error) ** 2)
    else:
        variance = float(share @ np.nan_to_num(covariance) @ share)
    deviation = float(np.sqrt(max(variance, 0.0)))
    return BandFlux(mean, deviation, min(covered / whole, 1.0), min(nominal / whole, 1.0))


def _weights(
    band: Bandpass, wavelength: FloatArray, usable: NDArray[np.bool_]
) -> tuple[float, FloatArray, float]:
    """Return the whole response, the weight of each element, and the covered nominal response.

    Response and spectrum are linear between their samples, on a grid that holds both.
    """
    at = np.flatnonzero(usable)
    weights = np.zeros(len(wavelength))
    grid = np.union1d(band.wavelength, wavelength)
    grid = grid[(grid >= band.wavelength[0]) & (grid <= band.wavelength[-1])]
    middle = 0.5 * (grid[1:] + grid[:-1])
    # Three points of each interval (Simpson): the product of two lines is of second order.
    points = np.concatenate([grid[:-1], middle, grid[1:]])
    thirds = np.concatenate([np.diff(grid) / 6, np.diff(grid) * 4 / 6, np.diff(grid) / 6])
    photons = np.interp(points, band.wavelength, band.response) / points * thirds
    whole = float(photons.sum())
    if len(at) < 2:
        return whole, weights, 0.0
    known = wavelength[at]
    usual = np.diff(wavelength, append=np.nan)
    usual[-1] = usual[-2]
    cell = np.tile(np.searchsorted(known, middle, side="right") - 1, 3)
    inside = (cell >= 0) & (cell < len(known) - 1)
    cell = np.clip(cell, 0, len(known) - 2)
    step = known[cell + 1] - known[cell]
    # A spectrum with a hole is not continued across it.
    inside &= step <= GAP * np.median(usual) * np.maximum(1.0, usual[at[cell]] / np.median(usual))
    above = np.clip((points - known[cell]) / step, 0.0, 1.0)
    taken = np.where(inside, photons, 0.0)
    np.add.at(weights, at[cell], taken * (1 - above))
    np.add.at(weights, at[cell + 1], taken * above)
    low, high = NOMINAL_RANGE
    nominal = np.tile((middle >= low) & (middle <= high), 3)
    return whole, weights, float(taken[nominal].sum())
