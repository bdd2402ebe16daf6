"""Paint one exposure: source, sky, noise and defects on the detector.

Arrays have the full detector's shape (1024 rows, 1032 columns), DN/s. Only the slit's
neighbourhood is simulated; the rest is NaN and flagged DO_NOT_USE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.model.data import instrument as flight
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.instrument import Array

MARGIN_ROWS = 6
REGION_ROWS = (instrument.FIRST_ROW - MARGIN_ROWS, instrument.LAST_ROW + MARGIN_ROWS + 1)
REGION_COLUMNS = (296, 354)  # the slit, its bend and a few pixels beyond its ends

Pixel = tuple[int, int]
_DEAD_RESPONSE = 1.0 / 30.0
_ON_TRACE = 1.5  # pixels from its center
_TRACE_WAVELENGTHS = (5.0, 12.0)  # micron


@dataclass(frozen=True, eq=False)
class SimulatedExposure:
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
    dead : tuple of (row, column)
        Not flagged; they see a thirtieth of the light.
    """

    bad: tuple[Pixel, ...]
    hot: tuple[Pixel, ...]
    dead: tuple[Pixel, ...]


def true_trace(along: float, residual: float, rows: Array) -> Array:
    """Column of the source at each row.

    Parameters
    ----------
    along : float, arcsec
        Position of the source from the slit center.
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


@cache
def flight_bad_pixels() -> tuple[tuple[Pixel, ...], ...]:
    """Return bad pixels of the slit that were found in flight, (row, column) of the full detector.

    Those of the calibrated region; each cluster of pixels that touch each other, also by a corner,
    is one tuple. Where they are from stands in ``slit_bad_pixels.txt``; how each of them is wrong
    it does not say.
    """
    text = files("lrs_explorer.simulator").joinpath("slit_bad_pixels.txt").read_text("utf-8")
    bad = np.zeros(flight.DETECTOR_SHAPE, dtype=bool)
    for line in text.splitlines():
        if not line.startswith("#"):
            row, *columns = map(int, line.split())
            bad[row, columns] = True
    bad &= calibrated_region()
    clusters, _ = scipy.ndimage.label(bad, np.ones((3, 3)))
    found: dict[int, list[Pixel]] = {}
    for row, column in np.argwhere(bad).tolist():
        found.setdefault(int(clusters[row, column]), []).append((row, column))
    return tuple(map(tuple, found.values()))


def calibrated_region() -> NDArray[np.bool_]:
    """Return which pixels of the full detector the slit's reference files calibrate."""
    region = np.zeros(flight.DETECTOR_SHAPE, dtype=bool)
    for row in range(instrument.FIRST_ROW, instrument.LAST_ROW + 1):
        shift = float(instrument.trace_shift(row))
        left = int(np.ceil(instrument.REFERENCE_COLUMN + shift - instrument.HALF_WIDTH))
        region[row, left : left + int(2 * instrument.HALF_WIDTH)] = True
    return region


def draw_defects(
    rng: np.random.Generator,
    numbers: tuple[int, int, int],
    traces: Sequence[Array] = (),
    on_trace: float = 0.0,
) -> Defects:
    """Choose distinct pixels of those that are bad in flight, cluster by cluster.

    When these are used up, pixels of the calibrated region at random.

    Parameters
    ----------
    rng : numpy.random.Generator
    numbers : tuple of int
        How many bad, hot and dead ones.
    traces : sequence of ndarray, shape (n_rows,), pixels
        Columns of the source in each exposure at the rows of `REGION_ROWS`.
    on_trace : float
        Share of each kind that lies on a trace.
    """
    known = flight_bad_pixels()
    ordered = [pixel for index in rng.permutation(len(known)) for pixel in known[index]]
    elsewhere = [(int(r), int(c)) for r, c in np.argwhere(calibrated_region())]
    ordered += [elsewhere[index] for index in rng.permutation(len(elsewhere))]
    ordered = list(dict.fromkeys(ordered))
    wanted = [round(on_trace * number) for number in numbers]
    near = set(_near_traces(traces)) if any(wanted) else set()
    first = [pixel for pixel in ordered if pixel in near][: sum(wanted)]
    taken = set(first)
    others = [pixel for pixel in ordered if pixel not in taken]
    kinds = []
    for number, share in zip(numbers, wanted, strict=True):
        kinds.append((*first[:share], *others[: number - share]))
        first, others = first[share:], others[number - share :]
    return Defects(*kinds)


def _near_traces(traces: Sequence[Array]) -> list[Pixel]:
    """Return the pixels within `_ON_TRACE` of any trace, between `_TRACE_WAVELENGTHS`."""
    rows = np.arange(*REGION_ROWS)
    wavelength = instrument.wavelength_at_row(rows)
    useful = (wavelength > _TRACE_WAVELENGTHS[0]) & (wavelength < _TRACE_WAVELENGTHS[1])
    columns = np.arange(*REGION_COLUMNS)
    near = np.zeros((rows.size, columns.size), dtype=bool)
    for trace in traces:
        near |= np.abs(columns[None, :] - trace[:, None]) < _ON_TRACE
    near &= useful[:, None]
    return [(int(rows[i]), int(columns[j])) for i, j in np.argwhere(near)]


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
        Source from the slit center.

    Returns
    -------
    ndarray, shape (n_rows, n_columns), DN/s
    """
    columns = np.arange(*REGION_COLUMNS)[None, :]
    # Edges of each pixel from the source, cut where the slit ends.
    offset = (columns - trace[:, None]) * instrument.SCALE_ALONG
    half = 0.5 * instrument.SCALE_ALONG
    ends = (-flight.SLIT_LENGTH / 2 - along, flight.SLIT_LENGTH / 2 - along)
    lower, upper = np.clip(offset - half, *ends), np.clip(offset + half, *ends)
    share = instrument.profile_integral(wavelength[:, None], lower, upper, across)
    inside = (upper - lower) / instrument.SCALE_ALONG  # part of the pixel that the slit lights
    brightness = flux[:, None] * share / instrument.JY_PER_MJY_SR + background[:, None] * inside
    conversion = instrument.PHOTMJSR * instrument.relative_response(wavelength)
    return np.asarray(brightness / conversion[:, None])


def hot_and_dead(seen: Array, defects: Defects, rng: np.random.Generator) -> Array:
    """Return a count rate with its hot and its dead pixels."""
    rate = seen.copy()
    origin = np.array([REGION_ROWS[0], REGION_COLUMNS[0]])
    for row, column in np.array(defects.hot, dtype=int).reshape(-1, 2) - origin:
        rate[row, column] += rng.uniform(5.0, 60.0)
    for row, column in np.array(defects.dead, dtype=int).reshape(-1, 2) - origin:
        rate[row, column] *= _DEAD_RESPONSE
    return rate


def slope_variances(
    rate: Array, n_groups: int, interval: float = instrument.FRAME_TIME
) -> tuple[Array, Array]:
    """Variances of a slope fitted to equally spaced reads, as the pipeline's ramp_fit has them.

    Poisson rate / (gain t (n - 1)) and read noise 12 R**2 / ((n**3 - n) t**2), R being the noise
    of one read.

    Parameters
    ----------
    rate : ndarray, DN/s
    n_groups : int
    interval : float, s
        Time between two reads.

    Returns
    -------
    photon, read : ndarray, same shape, (DN/s)**2
    """
    photon = rate / (instrument.GAIN * interval * (n_groups - 1))
    one_read = instrument.READ_NOISE / np.sqrt(2.0)
    read = 12.0 * one_read**2 / ((n_groups**3 - n_groups) * interval**2)
    return np.asarray(photon), np.full(np.shape(rate), read)


def expose(
    seen: Array,
    trace: Array,
    defects: Defects,
    rng: np.random.Generator,
    *,
    n_groups: int,
    n_integrations: int,
    error_factor: float = 1.0,
    frame_time: float = instrument.FRAME_TIME,
) -> SimulatedExposure:
    """Add noise and defects to a noiseless count rate that has its flat field.

    The variances are those of `slope_variances`, averaged over the integrations, for the expected
    rate and not the noisy one; the noise has `error_factor` times their standard deviation.
    """
    region = (slice(*REGION_ROWS), slice(*REGION_COLUMNS))
    rate = np.full(instrument.DETECTOR_SHAPE, np.nan, dtype=np.float32)
    var_poisson, var_rnoise = rate.copy(), rate.copy()
    dq = np.full(instrument.DETECTOR_SHAPE, instrument.BAD_PIXEL_BIT, dtype=np.uint32)

    photon, read = (v / n_integrations for v in slope_variances(seen, n_groups, frame_time))
    noise = rng.standard_normal(seen.shape) * np.sqrt(photon + read) * error_factor
    rate[region] = hot_and_dead(seen, defects, rng) + noise
    var_poisson[region], var_rnoise[region] = photon, read
    dq[region] = 0

    for row, column in defects.bad:
        dq[row, column] = instrument.BAD_PIXEL_BIT
        for array in (rate, var_poisson, var_rnoise):
            array[row, column] = np.nan
    return SimulatedExposure(rate, var_poisson, var_rnoise, dq, trace)
