"""Paint one exposure: source, sky, noise and defects on the detector.

Arrays have the full detector's shape (1024 rows, 1032 columns), DN/s. Only the slit's
neighbourhood is simulated; the rest is NaN and flagged DO_NOT_USE.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model import slit
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.instrument import Array

MARGIN_ROWS = 6
REGION_ROWS = (instrument.FIRST_ROW - MARGIN_ROWS, instrument.LAST_ROW + MARGIN_ROWS + 1)
REGION_COLUMNS = (296, 354)  # the slit, its bend and a few pixels beyond its ends


@dataclass(frozen=True, eq=False)
class Exposure:
    """One rate image with its variances.

    Attributes
    ----------
    rate, var_poisson, var_rnoise : ndarray of float32, shape (1024, 1032), DN/s and (DN/s)**2
    dq : ndarray of uint32, shape (1024, 1032)
    trace : ndarray, shape (n_rows,), pixels
        True column of the source at each row of `REGION_ROWS`.
    """

    rate: NDArray[np.float32]
    var_poisson: NDArray[np.float32]
    var_rnoise: NDArray[np.float32]
    dq: NDArray[np.uint32]
    trace: Array


@dataclass(frozen=True)
class Defects:
    """Pixels that are wrong in every exposure of an observation.

    Attributes
    ----------
    bad : tuple of (row, column)
        Flagged DO_NOT_USE, no value.
    hot : tuple of (row, column)
        Not flagged; their level differs from exposure to exposure, so nod subtraction leaves it.
    """

    bad: tuple[tuple[int, int], ...]
    hot: tuple[tuple[int, int], ...]


def true_trace(along: float, residual: float, rows: Array) -> Array:
    """Column of the source at each row.

    Parameters
    ----------
    along : float, arcsec
        Position of the source from the slit centre.
    residual : float, pixels
        Amplitude of the departure from the trace in the specwcs reference: nothing at the
        reference row, this much 200 rows away.
    rows : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n,), pixels
    """
    departure = residual * ((rows - instrument.REFERENCE_ROW) / 200.0) ** 2
    shift = instrument.trace_shift(rows) + departure
    return np.asarray(instrument.REFERENCE_COLUMN + along / instrument.SCALE_ALONG + shift)


def draw_defects(rng: np.random.Generator, n_bad: int, n_hot: int) -> Defects:
    """Choose distinct pixels of the calibrated region at random."""
    rows = np.arange(instrument.FIRST_ROW, instrument.LAST_ROW + 1)
    n_columns = int(2 * instrument.HALF_WIDTH)
    chosen = rng.choice(rows.size * n_columns, size=n_bad + n_hot, replace=False)
    row = rows[chosen // n_columns]
    left = instrument.REFERENCE_COLUMN + instrument.trace_shift(row) - instrument.HALF_WIDTH
    column = np.ceil(left).astype(int) + chosen % n_columns
    pixels = [(int(r), int(c)) for r, c in zip(row, column, strict=True)]
    return Defects(bad=tuple(pixels[:n_bad]), hot=tuple(pixels[n_bad:]))


def expected_rate(
    flux: Array, background: Array, wavelength: Array, trace: Array, along: float, across: float
) -> Array:
    """Noiseless count rate in the region, flat field not yet applied.

    Parameters
    ----------
    flux : ndarray, shape (n_rows,), Jy
        Flux density of the whole source at each row's wavelength, at the prism's resolution.
    background : ndarray, shape (n_rows,), MJy/sr
    wavelength : ndarray, shape (n_rows,), micron
    trace : ndarray, shape (n_rows,), pixels
    along, across : float, arcsec
        Source from the slit centre.

    Returns
    -------
    ndarray, shape (n_rows, n_columns), DN/s
    """
    columns = np.arange(*REGION_COLUMNS)[None, :]
    # Edges of each pixel from the source, cut where the slit ends.
    offset = (columns - trace[:, None]) * instrument.SCALE_ALONG
    half = 0.5 * instrument.SCALE_ALONG
    ends = (-slit.SLIT_LENGTH / 2 - along, slit.SLIT_LENGTH / 2 - along)
    lower, upper = np.clip(offset - half, *ends), np.clip(offset + half, *ends)
    share = instrument.profile_integral(wavelength[:, None], lower, upper, across)
    inside = (upper - lower) / instrument.SCALE_ALONG  # part of the pixel that the slit lights
    brightness = flux[:, None] * share / instrument.JY_PER_MJY_SR + background[:, None] * inside
    conversion = instrument.PHOTMJSR * instrument.relative_response(wavelength)
    return np.asarray(brightness / conversion[:, None])


def expose(
    expected: Array,
    trace: Array,
    flat: NDArray[np.float32],
    defects: Defects,
    rng: np.random.Generator,
    *,
    n_groups: int,
    n_integrations: int,
) -> Exposure:
    """Add flat field, photon and read noise, and defects to an expected rate.

    The variances are those of a slope fitted to `n_groups` equally spaced reads (the pipeline's
    ramp_fit: Poisson rate / (gain t (n - 1)), read noise 12 R**2 / ((n**3 - n) t**2)), averaged
    over the integrations. They are those of the expected rate, not of the noisy one.
    """
    region = (slice(*REGION_ROWS), slice(*REGION_COLUMNS))
    rate = np.full(instrument.DETECTOR_SHAPE, np.nan, dtype=np.float32)
    var_poisson, var_rnoise = rate.copy(), rate.copy()
    dq = np.full(instrument.DETECTOR_SHAPE, instrument.BAD_PIXEL_BIT, dtype=np.uint32)

    seen = expected * flat[region]
    interval = instrument.FRAME_TIME
    photon = seen / (instrument.GAIN * interval * (n_groups - 1) * n_integrations)
    read = 12.0 * instrument.READ_NOISE**2 / ((n_groups**3 - n_groups) * interval**2)
    read_map = np.full(seen.shape, read / n_integrations)
    rate[region] = seen + rng.standard_normal(seen.shape) * np.sqrt(photon + read_map)
    var_poisson[region], var_rnoise[region] = photon, read_map
    dq[region] = 0

    for row, column in defects.hot:
        rate[row, column] += rng.uniform(5.0, 60.0)
    for row, column in defects.bad:
        dq[row, column] = instrument.BAD_PIXEL_BIT
        for array in (rate, var_poisson, var_rnoise):
            array[row, column] = np.nan
    return Exposure(rate, var_poisson, var_rnoise, dq, trace)
