"""Read one exposure out as ramps: groups of counts, cosmic rays, and an odd/even pattern.

A ramp is what the pipeline has just before its jump step: linearised and dark-subtracted counts.
Only the slit's neighbourhood is read, `detector_image.REGION_ROWS` by `REGION_COLUMNS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.detector_image import (
    REGION_COLUMNS,
    REGION_ROWS,
    Defects,
    hot_and_dead,
    slope_variances,
)
from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.scene import SlitScene

PATTERN_SIGMAS: Final = 6.0  # half the swing of the differences between groups
# The pattern's pixels are flagged in every group at the jump step's default threshold of 4, and in
# none at 8.
_ALL_ABOVE, _NONE_ABOVE = 4.4, 7.6
_BRIGHT: Final = 0.5  # of the brightest peak: rows in which the pattern is planted
_FIRST_GROUP_HIT: Final = 2
_HIT_HEIGHTS: Final = (250.0, 3000.0)  # DN


@dataclass(frozen=True)
class CosmicRay:
    """A hit: counts that are there from one group on. Pixels of the full detector, from 0."""

    row: int
    column: int
    integration: int
    group: int
    height: float


@dataclass(frozen=True, eq=False)
class Ramp:
    """One exposure before the jump step.

    Attributes
    ----------
    data : ndarray of float32, shape (n_integrations, n_groups, n_rows, n_columns), DN
        Whole numbers; 0 in pixels without a value.
    pixel_dq : ndarray of uint32, shape (n_rows, n_columns)
    trace : ndarray, shape (n_rows,), pixels
        True column of the source.
    cosmic_rays : tuple of CosmicRay
    pattern : tuple of (row, column)
        Pixels of the full detector with an odd/even pattern.
    """

    data: NDArray[np.float32]
    pixel_dq: NDArray[np.uint32]
    trace: Array
    cosmic_rays: tuple[CosmicRay, ...]
    pattern: tuple[tuple[int, int], ...]


def read_ramp(
    seen: Array, trace: Array, defects: Defects, scene: SlitScene, seed: np.random.SeedSequence
) -> Ramp:
    """Read an exposure out group by group.

    Parameters
    ----------
    seen : ndarray, shape (n_rows, n_columns), DN/s
        Noiseless count rate, flat field applied.
    trace : ndarray, shape (n_rows,), pixels
    defects : Defects
    scene : SlitScene
    seed : numpy.random.SeedSequence
        Each purpose has a stream of its own: more cosmic rays do not change the noise.
    """
    noise, scatter, levels, hits, pattern = map(np.random.default_rng, seed.spawn(5))
    rate = hot_and_dead(seen, defects, levels)
    data = _read_out(
        rate, (scene.n_integrations, scene.n_groups, *rate.shape), noise, scene.region.frame_time
    )
    photon, read = slope_variances(rate, scene.n_groups, scene.region.frame_time)
    excess = np.sqrt((scene.error_factor**2 - 1.0) * (photon + read) / scene.n_integrations)
    times = scene.region.frame_time * np.arange(1, scene.n_groups + 1)[:, None, None]
    data += times * scatter.standard_normal(rate.shape) * excess

    pixels = _bright_pixels(seen, defects, scene.jump_runs, pattern)
    for row, column in pixels:
        for integration in range(scene.n_integrations):
            data[integration, :, row, column] = _odd_even_ramp(
                float(rate[row, column]), scene.n_groups, pattern, scene.region.frame_time
            )
    taken = {*pixels, *map(_in_region, defects.bad)}
    rays: list[CosmicRay] = []
    while len(rays) < scene.cosmic_rays:
        row, column = (int(hits.integers(size)) for size in rate.shape)
        integration = int(hits.integers(scene.n_integrations))
        group = int(hits.integers(_FIRST_GROUP_HIT, scene.n_groups))
        height = float(hits.uniform(*_HIT_HEIGHTS))
        if (row, column) not in taken:
            data[integration, group:, row, column] += height
            rays.append(CosmicRay(*_on_detector((row, column)), integration, group, height))

    pixel_dq = np.zeros(rate.shape, dtype=np.uint32)
    for row, column in map(_in_region, defects.bad):
        pixel_dq[row, column] = instrument.BAD_PIXEL_BIT
        data[:, :, row, column] = 0.0
    return Ramp(
        # Whole counts, as the detector gives them; they also compress.
        data=np.round(data).astype(np.float32),
        pixel_dq=pixel_dq,
        trace=trace,
        cosmic_rays=tuple(rays),
        pattern=tuple(map(_on_detector, pixels)),
    )


def _read_out(
    rate: Array, shape: tuple[int, ...], rng: np.random.Generator, interval: float
) -> Array:
    """Collect photons at a rate (DN/s) and read them; `shape` has the groups on axis 1."""
    photons = rng.poisson(rate * instrument.GAIN * interval, size=shape)
    # The read noise is that of a difference of two reads.
    read = rng.standard_normal(shape) * instrument.READ_NOISE / np.sqrt(2.0)
    return np.asarray(np.cumsum(photons, axis=1) / instrument.GAIN + read)


def _bright_pixels(
    seen: Array, defects: Defects, n_runs: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Choose runs of rows in the brightest part of the trace; region pixels of its peak."""
    if not n_runs:
        return []
    peak = seen.max(axis=1)
    bright = np.flatnonzero(peak > _BRIGHT * peak.max())
    wrong = {_in_region(pixel) for pixel in (*defects.bad, *defects.hot, *defects.dead)}
    pixels = []
    for rows in np.array_split(bright, n_runs):
        length = int(rng.integers(3, 7))
        first = int(rng.integers(0, max(1, rows.size - length)))
        pixels += [(int(row), int(seen[row].argmax())) for row in rows[first : first + length]]
    return [pixel for pixel in pixels if pixel not in wrong]


def _odd_even_ramp(rate: float, n_groups: int, rng: np.random.Generator, interval: float) -> Array:
    """Read one pixel whose odd groups lie higher, until the jump step is sure to reject it all.

    The jump step (stcal `twopoint_difference`) flags a difference that is `rejection_threshold`
    sigmas from the median of all; over an even number of differences that median lies in the
    middle of the swing.
    """
    while True:
        ramp = _read_out(np.array(rate), (1, n_groups), rng, interval)[0]
        counts = rate * interval
        swing = PATTERN_SIGMAS * np.sqrt(counts / instrument.GAIN + instrument.READ_NOISE**2)
        ramp[1::2] += swing
        differences = np.diff(np.round(ramp))
        median = np.median(differences)
        sigma = np.sqrt(abs(median) / instrument.GAIN + instrument.READ_NOISE**2)
        departure = np.abs(differences - median) / sigma
        if departure.min() > _ALL_ABOVE and departure.max() < _NONE_ABOVE:
            return np.asarray(ramp)


def _in_region(pixel: tuple[int, int]) -> tuple[int, int]:
    return pixel[0] - REGION_ROWS[0], pixel[1] - REGION_COLUMNS[0]


def _on_detector(pixel: tuple[int, int]) -> tuple[int, int]:
    return pixel[0] + REGION_ROWS[0], pixel[1] + REGION_COLUMNS[0]
