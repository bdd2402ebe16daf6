"""Paint the target acquisition images of a simulated observation.

The MIR_TACQ image shows the source beside the slit, off the middle of the acquisition region by as
much as it is off in the slit: as when the telescope does not act on what it has measured. The
MIR_TACONFIRM image is taken through the slit, whose mask darkens all around it. The star's count
rate is its true spectrum through the bandpass of the filter over PHOTMJSR, and of that the slit
passes without the prism what it passes with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, SLIT_LENGTH, SLIT_WIDTH
from lrs_explorer.model.measure.bandpass import bandpass, through
from lrs_explorer.model.slit.ta_image import FRAMES_AVERAGED
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.instrument import Array

FILTER: Final = "F560W"
PSF_FWHM: Final = 0.207  # arcsec, JDox "MIRI Imaging"
PSF_PARTS: Final = ((0.875, PSF_FWHM / 2.4234), (0.125, 3 * PSF_FWHM / 2.4234))
"""Share of the light and standard deviation (arcsec) of a core and a halo: a choice of this
simulator. The wings of the spectrum were measured at longer wavelengths, through the prism."""
PHOTMJSR: Final = 0.46  # MJy/sr per DN/s, about that of F560W in flight
SKY: Final = 2.5  # DN/s
HALF_REGION: Final = 32  # pixels around the reference point; the rest has no values


@dataclass(frozen=True)
class Acquisition:
    """One acquisition exposure.

    Attributes
    ----------
    kind : {"MIR_TACQ", "MIR_TACONFIRM"}
    aperture : str
        SIAF aperture, key of `lrs_explorer.model.slit.geometry.REFERENCE_PIXELS`.
    activity : str
        Visit group, sequence and activity of the file name.
    readout : str
        Readout pattern.
    """

    kind: str
    aperture: str
    activity: str
    readout: str

    @property
    def frames(self) -> int:
        """Frames averaged into a group."""
        return FRAMES_AVERAGED.get(self.readout, 1)


ACQUISITIONS: Final = (
    Acquisition("MIR_TACQ", "MIRIM_TALRS", "02101", "FASTGRPAVG8"),
    Acquisition("MIR_TACONFIRM", "MIRIM_SLIT", "03101", "FASTR1"),
)
N_GROUPS: Final = 10


@dataclass(frozen=True, eq=False)
class AcquisitionImage:
    """A painted acquisition image and its truth.

    Attributes
    ----------
    rate, err : ndarray of float32, shape `instrument.DETECTOR_SHAPE`, DN/s
        As they are stored: too bright by the number of frames averaged (MR-LRS06).
    dq : ndarray of uint32
    column, row : float, pixels
        Where the source truly is, 0-indexed.
    count_rate : float, DN/s
        Its true count rate, before the slit cuts it.
    """

    rate: NDArray[np.float32]
    err: NDArray[np.float32]
    dq: NDArray[np.uint32]
    column: float
    row: float
    count_rate: float


def flux_in_filter(wavelength: Array, flux: Array) -> float:
    """Return the flux density of a spectrum (micron, per frequency) in `FILTER`, its own unit."""
    return through(bandpass(FILTER), wavelength, flux, np.zeros_like(flux)).flux


def filter_transmission(along: float, across: float) -> float:
    """Return the part of a star's light in `FILTER` that passes the slit, by its place in arcsec.

    Its shape on the detector is sharper without the prism; what the slit takes is the same.
    """
    band = bandpass(FILTER)
    passed = instrument.slit_transmission(band.wavelength, across, along)
    return through(band, band.wavelength, passed, np.zeros_like(passed)).flux


def enclosed_in_circle(radius: float, inner: float, outer: float) -> float:
    """Return the part of a star's light that a circle holds, less the sky that a ring tells.

    Radii in pixels; mean over places of the star on the pixel grid.
    """
    from photutils.aperture import CircularAnnulus, CircularAperture

    middle, held = HALF_REGION, []
    pixels = np.arange(2 * middle + 1)
    everything = (-np.inf, np.inf)
    for step_x in np.arange(-0.4, 0.5, 0.2):
        for step_y in np.arange(-0.4, 0.5, 0.2):
            x, y = middle + step_x, middle + step_y
            star = np.zeros((pixels.size, pixels.size))
            for fraction, width in PSF_PARTS:
                star += fraction * np.outer(
                    _share(pixels, y, width / instrument.SCALE_ACROSS, everything),
                    _share(pixels, x, width / instrument.SCALE_ALONG, everything),
                )
            circle = CircularAperture((x, y), radius)
            ring = CircularAnnulus((x, y), inner, outer).to_mask(method="center").multiply(star)
            sky = float(np.median(ring[ring > 0]))
            held.append(circle.do_photometry(star)[0][0] - sky * circle.area)
    return float(np.mean(held))


def paint(
    acquisition: Acquisition,
    flux: float,
    along: float,
    across: float,
    rng: np.random.Generator,
) -> AcquisitionImage:
    """Paint one acquisition image.

    Parameters
    ----------
    acquisition : Acquisition
    flux : float, Jy
        Flux density in `FILTER`; see `flux_in_filter`.
    along, across : float, arcsec
        How far the source is off the aperture's reference point.
    rng : numpy.random.Generator
    """
    reference = REFERENCE_PIXELS[acquisition.aperture]
    column = reference[0] + along / instrument.SCALE_ALONG
    row = reference[1] + across / instrument.SCALE_ACROSS
    count_rate = flux / (PHOTMJSR * instrument.JY_PER_MJY_SR)
    rows = np.arange(round(reference[1]) - HALF_REGION, round(reference[1]) + HALF_REGION + 1)
    columns = np.arange(round(reference[0]) - HALF_REGION, round(reference[0]) + HALF_REGION + 1)
    edges: tuple[tuple[float, float], tuple[float, float]] = ((-np.inf, np.inf), (-np.inf, np.inf))
    if acquisition.kind == "MIR_TACONFIRM":
        half = (
            SLIT_LENGTH / 2 / instrument.SCALE_ALONG,
            SLIT_WIDTH / 2 / instrument.SCALE_ACROSS,
        )
        edges = (
            (reference[0] - half[0], reference[0] + half[0]),
            (reference[1] - half[1], reference[1] + half[1]),
        )
    lit_x, lit_y = (_lit(axis, edge) for axis, edge in zip((columns, rows), edges, strict=True))
    shape = np.zeros((rows.size, columns.size))
    for fraction, width in PSF_PARTS:
        share_x = _share(columns, column, width / instrument.SCALE_ALONG, edges[0])
        share_y = _share(rows, row, width / instrument.SCALE_ACROSS, edges[1])
        shape += fraction * np.outer(share_y, share_x)
    if acquisition.kind == "MIR_TACONFIRM":
        shape *= filter_transmission(along, across) / shape.sum()
    expected = count_rate * shape + SKY * np.outer(lit_y, lit_x)
    interval = instrument.FRAME_TIME * acquisition.frames
    photon = expected / (instrument.GAIN * interval * (N_GROUPS - 1))
    read = 12.0 * instrument.READ_NOISE**2 / ((N_GROUPS**3 - N_GROUPS) * interval**2)
    sigma = np.sqrt(photon + read / acquisition.frames)
    region = np.ix_(rows, columns)
    rate = np.full(instrument.DETECTOR_SHAPE, np.nan, dtype=np.float32)
    err = rate.copy()
    dq = np.full(instrument.DETECTOR_SHAPE, instrument.BAD_PIXEL_BIT, dtype=np.uint32)
    rate[region] = (expected + rng.standard_normal(sigma.shape) * sigma) * acquisition.frames
    err[region] = sigma * acquisition.frames
    dq[region] = 0
    return AcquisitionImage(rate, err, dq, float(column), float(row), float(count_rate))


def _lit(pixels: NDArray[np.int_], edge: tuple[float, float]) -> Array:
    """Part of each pixel between two edges."""
    lower, upper = np.clip(pixels - 0.5, *edge), np.clip(pixels + 0.5, *edge)
    return np.asarray(upper - lower)


def _share(
    pixels: NDArray[np.int_], center: float, sigma: ArrayLike, edge: tuple[float, float]
) -> Array:
    """Part of a Gaussian in each pixel between two edges."""
    lower, upper = np.clip(pixels - 0.5, *edge), np.clip(pixels + 0.5, *edge)
    return instrument.gaussian_integral(lower - center, upper - center, sigma)
