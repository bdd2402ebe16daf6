"""Simulated slitless time series: a transit, a sky that drifts, a source that moves, and the truth.

`simulate_integrations` makes the images in memory, some at a time, so that series of any length
take no more memory than one piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import SUBARRAYS, Subarray
from lrs_explorer.simulator import instrument, slitless_instrument
from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.sky_structure import FLIGHT_SKY, SkyStructure
from lrs_explorer.simulator.slitless_instrument import row_of_prism
from lrs_explorer.simulator.spectra import SpectrumFunction, source_flux
from lrs_explorer.simulator.transit import Transit

__all__ = ["Integrations", "SlitlessScene", "expected_rates", "simulate_integrations"]

JUMP_DET = 4
PIECE = 16  # integrations made at once
TRUTH_WAVELENGTHS = np.arange(3.6, 15.0005, 0.01)  # micron


@dataclass(frozen=True)
class SlitlessScene(Transit):
    """Everything that defines a simulated slitless series, beside its light curve.

    Attributes
    ----------
    spectrum : str or callable
        See `lrs_explorer.simulator.spectra.source_flux`.
    flux_level : float, Jy
        At 8 micron, out of transit.
    n_groups : int
    background_level : float, DN/s
        In the middle of SLITLESSPRISM.
    sky : SkyStructure
        How it is spread over the subarray; that of a real frame by default, `PLAIN_SKY` for none.
    background_drift : float
        Relative change of the sky over the series; half as much again at the top row, half at the
        bottom.
    background_settling : float
        Sky at the start above the end, decaying over a tenth of the series.
    jitter : float, pixels
        Standard deviation of the source's position along the columns.
    position_drift : float, pixels
        Change of its position over the series.
    width_change : float
        Relative change of the PSF's width over the series.
    offset : float, pixels
        Where the source is, from where the reference files have it.
    cosmic_rays : float
        Hits that the jump step left, in each integration; half of them flagged JUMP_DET.
    bad_pixels, hot_pixels : int
        Flagged and unflagged wrong pixels.
    subarray : str
        SLITLESSPRISM, SLITLESSPRISM_IP or SLITLESSPRISM_IPS.
    program, observation : int
    target : str
    seed : int
        The same scene gives the same pixels.
    """

    spectrum: str | SpectrumFunction = "star"
    flux_level: float = 0.02
    n_groups: int = 60
    background_level: float = 80.0
    sky: SkyStructure = FLIGHT_SKY
    background_drift: float = 0.04
    background_settling: float = 0.02
    jitter: float = 0.01
    position_drift: float = 0.03
    width_change: float = 0.004
    offset: float = 0.0
    cosmic_rays: float = 7.0
    bad_pixels: int = 40
    hot_pixels: int = 4
    subarray: str = "SLITLESSPRISM"
    program: int = 90011
    observation: int = 1
    target: str = "SIM-TRANSIT-HOST"
    seed: int = 20260301

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_groups < 2:
            raise ValueError("a series needs at least two groups")
        if self.flux_level < 0:
            raise ValueError("flux_level must not be negative")
        if self.subarray not in SUBARRAYS or self.region.mode != "slitless":
            raise ValueError(f"{self.subarray} is no subarray for slitless series")

    @property
    def region(self) -> Subarray:
        """What of the detector is read."""
        return SUBARRAYS[self.subarray]

    def background_factor(self, row: Array) -> Array:
        """Return the brightness of the sky, shape (n_integrations, n_rows)."""
        phase = self.phase[:, np.newaxis]
        n_rows = slitless_instrument.PRISM.shape[0]
        tilt = 1.0 + (row_of_prism(row, self.region) - n_rows / 2) / n_rows
        return np.asarray(
            1.0
            + self.background_drift * tilt * phase
            + self.background_settling * np.exp(-phase / 0.1)
        )

    @cached_property
    def _streams(self) -> list[np.random.Generator]:
        # One stream per purpose: more bad pixels must not change the noise.
        return [np.random.default_rng(s) for s in np.random.SeedSequence(self.seed).spawn(2)]

    @cached_property
    def position(self) -> Array:
        """Column of the source at the reference row in each integration, pixels."""
        moved = self._streams[0].standard_normal(self.n_integrations) * self.jitter
        drift = self.position_drift * (self.phase - 0.5)
        return np.asarray(self.region.reference[1] + self.offset + drift + moved)

    @cached_property
    def defects(self) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        """Flagged and unflagged wrong pixels, (row, column): a quarter of them near the trace."""
        rng = self._streams[1]
        wanted = self.bad_pixels + self.hot_pixels
        rows = rng.integers(*slitless_instrument.lit_rows(self.region), wanted)
        columns = rng.integers(self.region.reference_columns, self.region.shape[1], wanted)
        center = round(self.region.reference[1])
        near = np.arange(wanted) % 4 == 0
        columns[near] = rng.integers(center - 6, center + 7, near.sum())
        pixels = list(dict.fromkeys(zip(rows.tolist(), columns.tolist(), strict=True)))
        return tuple(pixels[: self.bad_pixels]), tuple(pixels[self.bad_pixels :])

    @cached_property
    def _seen(self) -> tuple[Array, Array]:
        """Flux out of transit, and flux missing in full transit, at the prism's resolution."""
        intrinsic = source_flux(self.spectrum, self.flux_level, TRUTH_WAVELENGTHS)
        lost = intrinsic * self.transit_depth(TRUTH_WAVELENGTHS)
        return (
            instrument.blur_to_resolution(TRUTH_WAVELENGTHS, intrinsic),
            instrument.blur_to_resolution(TRUTH_WAVELENGTHS, lost),
        )

    def flux_at(self, wavelength: Array) -> Array:
        """Return the flux density out of transit, Jy, at the prism's resolution."""
        return np.asarray(np.interp(wavelength, TRUTH_WAVELENGTHS, self._seen[0]))

    def seen_depth(self, wavelength: Array) -> Array:
        """Return the transit depth at each wavelength at the prism's resolution."""
        seen, lost = self._seen
        part = np.divide(lost, seen, out=np.zeros_like(seen), where=seen > 0)
        return np.asarray(np.interp(wavelength, TRUTH_WAVELENGTHS, part))


@dataclass(frozen=True, eq=False)
class Integrations:
    """Some rate images that follow each other.

    Attributes
    ----------
    first : int
    rate, var_poisson, var_rnoise : ndarray of float32, shape (n, n_rows, n_columns)
        DN/s and (DN/s)**2.
    dq : ndarray of uint32, shape (n, n_rows, n_columns)
    cosmic_rays : ndarray of int, shape (n_hits, 3)
        Integration, row, column.
    """

    first: int
    rate: NDArray[np.float32]
    var_poisson: NDArray[np.float32]
    var_rnoise: NDArray[np.float32]
    dq: NDArray[np.uint32]
    cosmic_rays: NDArray[np.intp]


def simulate_integrations(
    scene: SlitlessScene, first: int = 0, last: int | None = None
) -> Iterator[Integrations]:
    """Make integrations ``first`` to ``last`` (excluded), a few at a time.

    The noise of an integration does not depend on where a piece begins.
    """
    from lrs_explorer.simulator.reference_models import flat_field

    flat = scene.region.part(flat_field())
    last = scene.n_integrations if last is None else last
    for start in range(first, last, PIECE):
        yield _piece(scene, start, min(start + PIECE, last), flat)


def expected_rates(scene: SlitlessScene, part: slice = slice(None)) -> Array:
    """Return noiseless count rates, flat field not yet applied, DN/s.

    Shape (n, n_rows, n_columns).
    """
    region = scene.region
    rows = np.arange(region.shape[0], dtype=float)
    lit = np.clip(rows, *slitless_instrument.lit_rows(region))
    wavelength = slitless_instrument.wavelength_at_row(lit, region)
    flux = np.where(rows == lit, scene.flux_at(wavelength), 0.0)
    shape = scene.transit_shape[part, np.newaxis]
    source = flux * (1.0 - shape * scene.seen_depth(wavelength))
    source = source * scene.source_factor[part, np.newaxis]

    trace = scene.position[part, np.newaxis] + slitless_instrument.trace_shift(rows, region)
    width = 1.0 + scene.width_change * (scene.phase[part, np.newaxis, np.newaxis] - 0.5)
    offset = np.arange(region.shape[1]) - trace[..., np.newaxis]
    share = slitless_instrument.pixel_share(
        wavelength[:, np.newaxis], (offset - 0.5) / width, (offset + 0.5) / width
    )
    brightness = source[..., np.newaxis] * share / slitless_instrument.JY_PER_MJY_SR
    brightness[..., : region.reference_columns] = 0.0
    conversion = instrument.PHOTMJSR * instrument.relative_response(wavelength)
    sky = scene.sky.rate(scene.background_level, region)
    factor = scene.background_factor(rows)[part, :, np.newaxis]
    return np.asarray(brightness / conversion[:, np.newaxis] + sky * factor)


def _piece(scene: SlitlessScene, first: int, last: int, flat: NDArray[np.float32]) -> Integrations:
    """Add noise and defects, as `lrs_explorer.simulator.detector_image.expose` does."""
    seen = expected_rates(scene, slice(first, last)) * flat
    interval, n, shape = scene.region.frame_time, scene.n_groups, scene.region.shape
    photon = seen / (instrument.GAIN * interval * (n - 1))
    read = 12.0 * instrument.READ_NOISE**2 / ((n**3 - n) * interval**2)
    rate = np.empty(seen.shape, np.float32)
    dq = np.zeros(seen.shape, np.uint32)
    hits = []
    for i in range(last - first):
        rng = np.random.default_rng((scene.seed, 2, first + i))
        rate[i] = seen[i] + rng.standard_normal(shape) * np.sqrt(photon[i] + read)
        count = rng.poisson(scene.cosmic_rays)
        row, column = (
            rng.integers(0, shape[0], count),
            rng.integers(scene.region.reference_columns, shape[1], count),
        )
        rate[i, row, column] += rng.uniform(15.0, 400.0, count)
        dq[i, row[::2], column[::2]] |= JUMP_DET
        hits.append(np.column_stack([np.full(count, first + i), row, column]))
    var_poisson = photon.astype(np.float32)
    var_rnoise = np.full(seen.shape, read, np.float32)
    bad, hot = scene.defects
    for number, (r, c) in enumerate(hot):
        rate[:, r, c] += 60.0 + 40.0 * number
    for r, c in bad:
        dq[:, r, c] |= instrument.BAD_PIXEL_BIT
        for plane in (rate, var_poisson, var_rnoise):
            plane[:, r, c] = np.nan
    return Integrations(first, rate, var_poisson, var_rnoise, dq, np.concatenate(hits))
