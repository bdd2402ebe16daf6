"""Detector images in memory: calibrated nod pairs with unflagged hot and dead pixels, and truth.

`simulate_detector_scene` runs no pipeline and reads no file, so that hundreds of scenes can be made
in a minute, for instance to measure how well bad pixels are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.simulator import detector_image, instrument
from lrs_explorer.simulator.detector_image import REGION_COLUMNS, REGION_ROWS, Defects
from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.spectra import SPECTRA, source_flux

_APERTURE = 8.0  # pixels
_GROUPS, _INTEGRATIONS = 20, 4
_FINE = np.arange(3.0, 15.0005, 0.01)  # micron


@dataclass(frozen=True, eq=False)
class DetectorScene:
    """A calibrated nod pair in detector pixels and what is wrong with it.

    Attributes
    ----------
    images : tuple of SpectralImage
        The nods, cut to the slit's neighbourhood: MJy/sr, with variances and DQ.
    subtracted : bool
        Whether each nod has the other subtracted.
    hot, dead : tuple of (row, column)
        Unflagged, in pixels of the images.
    change : tuple of dict
        For each nod, what each unflagged pixel changes in a sum over an aperture of 8 pixels on
        the trace, in true standard errors of that sum; 0 for pixels outside it.
    """

    images: tuple[SpectralImage, SpectralImage]
    subtracted: bool
    hot: tuple[tuple[int, int], ...]
    dead: tuple[tuple[int, int], ...]
    change: tuple[dict[tuple[int, int], float], ...]


def simulate_detector_scene(
    seed: int,
    *,
    subtracted: bool = True,
    n_hot: int = 6,
    n_dead: int = 4,
    n_flagged: int = 70,
    underestimated: float | None = None,
    spectrum: str | None = None,
    flux_level: float | None = None,
) -> DetectorScene:
    """Simulate both nods of a slit observation after photom, with unflagged bad pixels.

    Half of the unflagged pixels lie within 4 pixels of a trace. Hot ones have an excess, different
    in each nod, that is drawn evenly in its logarithm from 3 to 1000 quoted standard errors; dead
    ones count nothing but noise.

    Parameters
    ----------
    seed : int
        The same arguments give the same scene.
    subtracted : bool
        Subtract the nods from each other, as calwebb_spec2 does.
    n_hot, n_dead, n_flagged : int
        Numbers of unflagged hot and dead pixels, and of pixels flagged DO_NOT_USE.
    underestimated : float, optional
        True scatter over quoted error, at least 1; drawn from 1 to 2 when not given.
    spectrum : str, optional
        A name in `lrs_explorer.simulator.spectra.SPECTRA`; drawn when not given.
    flux_level : float, Jy, optional
        At 8 micron; drawn evenly in its logarithm from 1e-5 to 3e-2 when not given.

    Returns
    -------
    DetectorScene
    """
    rng = np.random.default_rng(seed)
    drawn = float(rng.uniform(1.0, 2.0)), str(rng.choice(sorted(SPECTRA)))
    level = float(np.exp(rng.uniform(np.log(1e-5), np.log(3e-2))))
    factor = drawn[0] if underestimated is None else underestimated
    source = spectrum or drawn[1]
    level = level if flux_level is None else flux_level
    position_error, across = float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.15, 0.15))
    residual = float(rng.uniform(-0.4, 0.4))

    rows = np.arange(*REGION_ROWS, dtype=float)
    wavelength = instrument.wavelength_at_row(rows)
    seen = instrument.blur_to_resolution(_FINE, source_flux(source, level, _FINE))
    flux = np.interp(wavelength, _FINE, seen)
    sky = instrument.thermal_background(wavelength, 12.0)
    conversion = (instrument.PHOTMJSR * instrument.relative_response(wavelength))[:, None]
    flat = 1.0 + 0.005 * rng.standard_normal(instrument.DETECTOR_SHAPE)
    region = (slice(*REGION_ROWS), slice(*REGION_COLUMNS))

    traces, rates, variances = [], [], []
    for number, nod in enumerate((-instrument.NOD_OFFSET, instrument.NOD_OFFSET)):
        along = nod + position_error
        trace = detector_image.true_trace(along, residual, rows)
        expected = detector_image.expected_rate(
            flux, sky * (1.0 + 0.003 * number), wavelength, trace, along, across
        )
        exposure = detector_image.expose(
            expected * flat[region],
            trace,
            Defects((), (), ()),
            np.random.default_rng(rng.integers(2**32)),
            n_groups=_GROUPS,
            n_integrations=_INTEGRATIONS,
        )
        variance = np.stack([exposure.var_poisson[region], exposure.var_rnoise[region]])
        noise = np.sqrt(variance.sum(axis=0))
        extra = np.sqrt(factor**2 - 1.0) * rng.standard_normal(noise.shape) * noise
        traces.append(trace)
        rates.append(exposure.rate[region].astype(float) + extra)
        variances.append(variance.astype(float))

    in_slit = _in_slit(rows)
    places = _draw_places(rng, in_slit, traces, n_hot + n_dead)
    hot, dead = places[:n_hot], places[n_hot:]
    clean = [rate.copy() for rate in rates]
    _spoil(rng, rates, variances, hot, dead)
    flagged = rng.random(in_slit.shape) < n_flagged / in_slit.sum()
    flagged[tuple(np.transpose(places))] = False

    def calibrated(values: list[Array], nod: int) -> Array:
        difference = values[nod] - (values[1 - nod] if subtracted else 0.0)
        return np.asarray(difference / flat[region] * conversion)

    images, changes = [], []
    for nod in (0, 1):
        data, without = calibrated(rates, nod), calibrated(clean, nod)
        quoted = variances[nod] + (variances[1 - nod] if subtracted else 0.0)
        quoted = quoted * (conversion / flat[region]) ** 2
        truth = factor**2 * quoted.sum(axis=0)
        aperture = _aperture(traces[nod])
        sigma = np.sqrt((aperture * truth).sum(axis=1))
        effect = aperture * (data - without) / sigma[:, None]
        changes.append({(int(i), int(j)): float(effect[i, j]) for i, j in places})
        images.append(_image(data, quoted, wavelength, in_slit, flagged))
    first, second = images
    return DetectorScene((first, second), subtracted, hot, dead, tuple(changes))


def _in_slit(rows: Array) -> NDArray[np.bool_]:
    """Pixels of the calibrated region, as jwst's WCS has it."""
    center = instrument.REFERENCE_COLUMN + instrument.trace_shift(rows)
    offset = np.arange(*REGION_COLUMNS)[None, :] - center[:, None]
    calibrated = (rows >= instrument.FIRST_ROW) & (rows <= instrument.LAST_ROW)
    return np.asarray((np.abs(offset) <= instrument.HALF_WIDTH) & calibrated[:, None])


def _aperture(trace: Array) -> Array:
    """Part of each pixel within an aperture on a trace, shape (n_rows, n_columns)."""
    offset = np.abs(np.arange(*REGION_COLUMNS)[None, :] - trace[:, None])
    return np.clip(_APERTURE / 2 + 0.5 - offset, 0.0, 1.0)


def _draw_places(
    rng: np.random.Generator, in_slit: NDArray[np.bool_], traces: list[Array], count: int
) -> tuple[tuple[int, int], ...]:
    """Draw distinct pixels, every other one near a trace."""
    columns = np.arange(*REGION_COLUMNS)[None, :]
    near = in_slit & (np.min([np.abs(columns - t[:, None]) for t in traces], axis=0) < 4.0)
    anywhere = np.argwhere(in_slit)
    beside = np.argwhere(near)
    chosen: dict[tuple[int, int], None] = {}
    while len(chosen) < count:
        pool = beside if len(chosen) % 2 else anywhere
        i, j = pool[rng.integers(len(pool))]
        chosen[int(i), int(j)] = None
    places = list(chosen)
    rng.shuffle(places)
    return tuple((int(i), int(j)) for i, j in places)


def _spoil(
    rng: np.random.Generator,
    rates: list[Array],
    variances: list[Array],
    hot: tuple[tuple[int, int], ...],
    dead: tuple[tuple[int, int], ...],
) -> None:
    """Put hot and dead pixels into both nods."""
    electrons = instrument.GAIN * instrument.FRAME_TIME * (_GROUPS - 1) * _INTEGRATIONS
    for i, j in hot:
        size = np.exp(rng.uniform(np.log(3.0), np.log(1000.0)))
        for rate, variance in zip(rates, variances, strict=True):
            excess = size * rng.uniform(0.3, 1.0) * np.sqrt(variance[:, i, j].sum())
            rate[i, j] += excess
            variance[0, i, j] += excess / electrons
    for i, j in dead:
        for rate, variance in zip(rates, variances, strict=True):
            rate[i, j] = rng.standard_normal() * np.sqrt(variance[1, i, j])
            variance[0, i, j] = 0.0


def _image(
    data: Array,
    variances: Array,
    wavelength: Array,
    in_slit: NDArray[np.bool_],
    flagged: NDArray[np.bool_],
) -> SpectralImage:
    missing = flagged | ~in_slit
    planes: dict[str, Any] = {
        "data": data,
        "var_poisson": variances[0],
        "var_rnoise": variances[1],
        "var_flat": np.zeros_like(data),
    }
    planes = {
        name: np.where(missing, np.nan, plane).astype(np.float32) for name, plane in planes.items()
    }
    return SpectralImage(
        wavelength=np.where(in_slit, wavelength[:, None], np.nan),
        dq=missing.astype(np.uint32),
        kind="cal",
        **planes,
    )
