"""The optics and detector of the simulated LRS fixed slit: numbers and pure functions.

Every other file of the simulator asks this one, so that scenes and reference files describe the
same instrument: the pathloss, aperture correction and PSF references are integrals of the very
profile the source is painted with.

Coordinates
-----------
*row* and *column* are 0-indexed detector pixels of the full MIRIM array (1024 rows, 1032
columns); pixel *i* covers [i - 0.5, i + 0.5]. Rows are the dispersion axis, wavelength falls as
the row rises. *along* and *across* are offsets in arcsec from the slit center, along (columns)
and across (rows) the slit.

Sources of the numbers
----------------------
`lrs_explorer.model.data.instrument`, JDox "MIRI Low Resolution Spectroscopy" and "MIRI Detector
Overview", and the header of a 2026 flight product for PHOTMJSR and PIXAR_SR. The pattern of rows
and columns in the flat field was measured on a real frame of the slitless mode: see
`lrs_explorer.simulator.sky_structure`. The throughput curve is a choice of this simulator, and so
is what the slit lets pass of the PSF's wings, which the frame shows in one direction only: ring and
halo are taken to be round spots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erf

from lrs_explorer.model.data import instrument as flight
from lrs_explorer.model.data.instrument import SLIT_LENGTH, SLIT_WIDTH
from lrs_explorer.model.slit.geometry import psf_fwhm

Array = NDArray[np.float64]

# Detector ------------------------------------------------------------------------------------
DETECTOR_SHAPE: Final = flight.DETECTOR_SHAPE
GAIN: Final = 5.0  # e / DN
READ_NOISE: Final = 6.0  # DN, correlated double sampling
FRAME_TIME: Final = flight.SUBARRAYS["FULL"].frame_time
BAD_PIXEL_BIT: Final = 1  # DO_NOT_USE
ODD_EVEN_ROWS: Final = 0.0175
"""By which a row of even number, from 0, responds better than its neighbours: in the real frame
the sky shows it at all levels, and the star at its brightest by 1.67 +- 0.08 %. It is taken to be
in the flat field, as the frame is in DN/s: neither flat nor photom are likely to have been run."""
ODD_EVEN_COLUMNS: Final = 0.010
"""By which a column of odd number, from 0, responds better than its neighbours."""

# Slit geometry -------------------------------------------------------------------------------
REFERENCE_COLUMN, REFERENCE_ROW = flight.REFERENCE_PIXELS["MIRIM_SLIT"]
SCALE_ALONG: Final = flight.SCALE_ALONG["slit"]
SCALE_ACROSS: Final = flight.SCALE_ACROSS["slit"]
V2_REF, V3_REF, V3_IDEAL_Y_ANGLE = flight.POINTING["slit"]
IDEAL_PARITY: Final = -1
NOD_OFFSET: Final = 0.2 * SLIT_LENGTH  # nods sit at 30 % and 70 % of the slit

# The calibrated region, which is also what the pipeline resamples. The half width in columns is
# a little less than half the slit, so that its blurred ends stay outside.
FIRST_ROW: Final = 7
LAST_ROW: Final = 393
HALF_WIDTH: Final = 20.0  # columns either side of the trace

# Photometry ----------------------------------------------------------------------------------
PHOTMJSR: Final = 13.85  # MJy/sr per DN/s where the relative response is 1
PIXEL_AREA_SR: Final = 2.861e-13
JY_PER_MJY_SR: Final = PIXEL_AREA_SR * 1e6  # one pixel of 1 MJy/sr holds this flux density
RESPONSE_WAVELENGTH: Final = 7.5  # micron, where the relative response is 1 by definition

_RESOLVING_POWER = np.array(
    [
        [4.9, 38.0],
        [5.9, 62.0],
        [7.1, 92.0],
        [8.2, 118.0],
        [9.7, 153.0],
        [11.3, 192.0],
        [13.1, 234.0],
    ]
)


def wavelength_at_row(row: ArrayLike) -> Array:
    """Wavelength at a detector row.

    Parameters
    ----------
    row : array_like
        Detector row, 0-indexed, between `FIRST_ROW` - 0.5 and `LAST_ROW` + 0.5.

    Returns
    -------
    ndarray, same shape, micron
        Strictly falling with the row: 14.02 at row 7, 3.2 at row 393.
    """
    return flight.wavelength_at_row(row, "slit")


def trace_shift(row: ArrayLike) -> Array:
    """Column of the trace less its column at the reference row, in pixels.

    The spectrum is bent by about two pixels from end to end, like the flight trace.
    """
    offset = np.asarray(row, dtype=float) - REFERENCE_ROW
    return np.asarray(3.0e-3 * offset - 1.1e-5 * offset**2)


def resolving_power(wavelength: ArrayLike) -> Array:
    """Return the prism's resolving power: a straight line through the JDox values."""
    wave = np.asarray(wavelength, dtype=float)
    slope, intercept = np.polyfit(_RESOLVING_POWER[:, 0], _RESOLVING_POWER[:, 1], 1)
    return np.asarray(np.maximum(slope * wave + intercept, 15.0))


def relative_response(wavelength: ArrayLike) -> Array:
    """Photom "relresponse": what PHOTMJSR is multiplied by at each wavelength.

    It is the inverse of throughput times band width per row, 1 at `RESPONSE_WAVELENGTH`. The
    throughput is a plateau that ends at 4.6 micron (detector and prism cut-off) and falls above
    11.5 micron; only this trend follows the LRS.
    """
    reference = _counts_per_flux(np.asarray(RESPONSE_WAVELENGTH))
    return np.asarray(reference / _counts_per_flux(np.asarray(wavelength, dtype=float)))


def _counts_per_flux(wavelength: Array) -> Array:
    throughput = 1.0 / (1.0 + np.exp(-(wavelength - 4.6) / 0.3))
    throughput = throughput / (1.0 + np.exp((wavelength - 11.8) / 0.8))
    rows = np.linspace(FIRST_ROW - 0.5, LAST_ROW + 0.5, 2000)
    waves = wavelength_at_row(rows)
    # Photons per row go as flux density x d(wavelength) / wavelength.
    per_row = -np.gradient(waves, rows) / waves
    return np.asarray(throughput * np.interp(wavelength, waves[::-1], per_row[::-1]))


@dataclass(frozen=True, eq=False)
class PsfPart:
    """A part of the point-spread function: a round Gaussian, or two on either side of the source.

    Attributes
    ----------
    share : float
        Of the light.
    sigma : ndarray, arcsec
    distance : ndarray, arcsec
        From the source to either side along the columns' axis; 0 for one Gaussian on the source.
    """

    share: float
    sigma: Array
    distance: Array

    def along(self, lower: ArrayLike, upper: ArrayLike) -> Array:
        """Return how much of it lies between two positions along the slit, arcsec."""
        lower, upper = np.asarray(lower), np.asarray(upper)
        left = gaussian_integral(lower + self.distance, upper + self.distance, self.sigma)
        right = gaussian_integral(lower - self.distance, upper - self.distance, self.sigma)
        return np.asarray(0.5 * (left + right))

    def across(self, lower: ArrayLike, upper: ArrayLike) -> Array:
        """Return how much of it lies between two positions across the slit, arcsec."""
        return gaussian_integral(lower, upper, self.sigma)


def psf_parts(wavelength: ArrayLike, fwhm: ArrayLike | None = None) -> tuple[PsfPart, ...]:
    """Return core, ring and halo of the point-spread function.

    Parameters
    ----------
    wavelength : array_like, micron
    fwhm : array_like, arcsec, optional
        As pixels show it; that of the LRS by default.
    """
    scale = np.asarray(wavelength, dtype=float) / 10.0
    seen = psf_fwhm(wavelength) if fwhm is None else np.asarray(fwhm)
    core = np.sqrt((flight.PSF_CORE_WIDTH * seen / 2.3548) ** 2 - SCALE_ALONG**2 / 12.0)
    in_ring, distance, width = flight.PSF_RING
    in_halo, halo = flight.PSF_HALO
    return (
        PsfPart(1.0 - in_ring - in_halo, core, np.zeros(())),
        PsfPart(in_ring, width * scale, distance * scale),
        PsfPart(in_halo, halo * scale, np.zeros(())),
    )


def gaussian_integral(lower: ArrayLike, upper: ArrayLike, sigma: ArrayLike) -> Array:
    """Return the part of a centered unit Gaussian between two positions."""
    root = np.sqrt(2.0) * np.asarray(sigma)
    return np.asarray(0.5 * (erf(np.asarray(upper) / root) - erf(np.asarray(lower) / root)))


def slit_transmission(
    wavelength: ArrayLike, across: ArrayLike = 0.0, along: ArrayLike = 0.0
) -> Array:
    """Fraction of a point source's light that passes the slit.

    Parameters
    ----------
    wavelength : array_like, micron
    across, along : array_like, arcsec
        Position of the source from the slit center. All three broadcast.

    Returns
    -------
    ndarray
        Between 0 and 1; about 0.9 for a centered source at 7 micron.
    """
    total = np.zeros(())
    across, along = np.asarray(across), np.asarray(along)
    for part in psf_parts(wavelength):
        passed = part.across(-SLIT_WIDTH / 2 - across, SLIT_WIDTH / 2 - across)
        inside = part.along(-SLIT_LENGTH / 2 - along, SLIT_LENGTH / 2 - along)
        total = total + part.share * passed * inside
    return np.asarray(total)


def profile_integral(
    wavelength: ArrayLike, lower: ArrayLike, upper: ArrayLike, across: float = 0.0
) -> Array:
    """Light of a point source between two positions along the slit, behind the slit.

    Parameters
    ----------
    wavelength : array_like, micron
    lower, upper : array_like, arcsec
        Edges along the slit, measured from the source.
    across : float, arcsec
        Position of the source across the slit. The slit cuts the halo more than the core, so the
        profile behind it depends on this.

    Returns
    -------
    ndarray
        Fraction of the source's whole light, slit loss included. Over all positions it adds up
        to `slit_transmission` without the slit's ends.
    """
    total = np.zeros(())
    for part in psf_parts(wavelength):
        passed = part.across(-SLIT_WIDTH / 2 - across, SLIT_WIDTH / 2 - across)
        total = total + part.share * passed * part.along(lower, upper)
    return np.asarray(total)


def enclosed_fraction(wavelength: ArrayLike, width: ArrayLike) -> Array:
    """Fraction of the light behind the slit inside a centered aperture `width` pixels wide."""
    half = 0.5 * np.asarray(width, dtype=float) * SCALE_ALONG
    inside = profile_integral(wavelength, -half, half)
    return np.asarray(inside / profile_integral(wavelength, -np.inf, np.inf))


def blur_to_resolution(wavelength: Array, flux: Array) -> Array:
    """Convolve a spectrum with the Gaussian line-spread function of the prism.

    Parameters
    ----------
    wavelength : ndarray, shape (n,), micron, ascending
    flux : ndarray, shape (n,), any unit

    Returns
    -------
    ndarray, shape (n,)
        The spectrum seen at `resolving_power`; a constant stays constant.
    """
    sigma = wavelength / resolving_power(wavelength) / 2.3548
    weights = np.exp(-0.5 * ((wavelength[None, :] - wavelength[:, None]) / sigma[:, None]) ** 2)
    weights *= np.gradient(wavelength)[None, :]
    return np.asarray(weights @ flux / weights.sum(axis=1))


def thermal_background(wavelength: ArrayLike, level: float) -> Array:
    """Surface brightness of sky and telescope in MJy/sr.

    Parameters
    ----------
    wavelength : array_like, micron
    level : float, MJy/sr
        Value at 10 micron. The colour is that of 270 K zodiacal dust seen through a flat mirror.
    """
    wave = np.asarray(wavelength, dtype=float)

    def planck(micron: Array | float) -> Array:
        return np.asarray(1.0 / (np.asarray(micron) ** 3 * np.expm1(14387.77 / (micron * 270.0))))

    return np.asarray(level * planck(wave) / planck(10.0))
