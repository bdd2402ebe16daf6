"""How often the 68 % band of bootstrapped errors holds the truth.

Run ``python benchmarks/uncertainty.py``; it takes about five minutes. Each simulated observation
has a random spectrum, brightness, sky and aperture, and errors that are wrong by a random factor
from 0.4 to 2.5. It is calibrated like calwebb_spec2 (`fast_calibration`) and extracted on its
trace. The truth is the extraction of the same image without noise, resampled with equal weights:
that the weights of resample_spec, which follow the flat field, move light from row to row is an
error of the spectrum like others. Elements from 5 to 12 micron count.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path

import numpy as np
from fast_calibration import Calibration

from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.model.measure.uncertainty import bootstrap
from lrs_explorer.model.recipe.recipe import Aperture, Background, Recipe, Uncertainty
from lrs_explorer.simulator import detector_image, instrument
from lrs_explorer.simulator.detector_image import SimulatedExposure
from lrs_explorer.simulator.observation import expose_nods, paint_nods
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.spectra import SPECTRA


def noiseless(scene: SlitScene) -> list[SimulatedExposure]:
    """Return both nods as they would be without noise."""
    seen, traces, _, _ = paint_nods(scene)
    exposures = []
    for image, trace in zip(seen, traces, strict=True):
        region = (slice(*detector_image.REGION_ROWS), slice(*detector_image.REGION_COLUMNS))
        rate = np.full(instrument.DETECTOR_SHAPE, np.nan, dtype=np.float32)
        rate[region] = image
        ones = np.ones(instrument.DETECTOR_SHAPE, dtype=np.float32)
        zeros = np.zeros(instrument.DETECTOR_SHAPE, dtype=np.uint32)
        exposures.append(SimulatedExposure(rate, ones, ones, zeros, trace))
    return exposures


def rescaled(exposure: SimulatedExposure, factor: float) -> SimulatedExposure:
    """Return an exposure whose quoted errors are those of the noise divided by ``factor``."""
    return dataclasses.replace(
        exposure,
        var_poisson=exposure.var_poisson / np.float32(factor**2),
        var_rnoise=exposure.var_rnoise / np.float32(factor**2),
    )


EDGES = np.arange(5.0, 12.01, 1.0)
"""Micron: bins in which the band must hold the truth as often."""


def binned(wavelength: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return how many elements of each bin are inside, and how many there are."""
    counted = [np.histogram(wavelength[inside], EDGES)[0], np.histogram(wavelength, EDGES)[0]]
    return np.array(counted, dtype=float)


def described(bins: np.ndarray) -> str:
    """Return the part that is inside in each bin."""
    return ", ".join(
        f"{a:g}–{b:g} µm {part:.1%}"
        for a, b, part in zip(EDGES[:-1], EDGES[1:], bins[0] / bins[1], strict=True)
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=400_000)
    parser.add_argument("--observations", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/lrs-explorer-benchmark"))
    options = parser.parse_args()
    calibration = Calibration(options.folder / "slit", SlitScene(bad_pixels=0, hot_pixels=0))
    inside: list[float] = []
    bins = np.zeros((2, len(EDGES) - 1))
    inside_quoted: list[float] = []
    ratios: list[float] = []
    factors: list[float] = []
    seconds: list[float] = []
    for seed in range(options.first_seed, options.first_seed + options.observations):
        random = np.random.default_rng(seed)
        factor = float(np.exp(random.uniform(np.log(0.4), np.log(2.5))))
        scene = SlitScene(
            spectrum=str(random.choice(sorted(SPECTRA))),
            flux_level=float(np.exp(random.uniform(np.log(3e-5), np.log(1e-2)))),
            position_error=0.0,
            slit_offset=float(random.uniform(-0.1, 0.1)),
            trace_residual=float(random.uniform(-0.3, 0.3)),
            background_level=float(random.uniform(5, 30)),
            bad_pixels=0,
            hot_pixels=0,
            seed=seed,
        )
        exposures, _ = expose_nods(scene)
        image = _image(calibration, [rescaled(e, factor) for e in exposures])
        truth = _image(calibration, noiseless(scene), alike=True)
        trace = find_trace(truth)
        assert trace is not None
        regions: tuple[tuple[float, float], ...] = ()
        if random.random() < 0.3:
            regions = ((trace.center - 13, trace.center - 8),)
        recipe = Recipe(
            aperture=Aperture(trace.center, float(random.uniform(4, 10))),
            background=Background(regions),
            uncertainty=Uncertainty("bootstrap", seed=seed),
        )
        extractor = calibration.extractor(image)
        begin = time.perf_counter()
        errors = bootstrap(extractor, recipe)
        seconds.append(time.perf_counter() - begin)
        found, right = extractor.extract(recipe), calibration.extract(truth, recipe)
        low, high = SPECTRUM_RANGE
        used = (errors.wavelength > low) & (errors.wavelength < high)
        off = (found.flux - right.flux)[used]
        band = (errors.lower[used] <= right.flux[used]) & (right.flux[used] <= errors.upper[used])
        inside.append(float(band.mean()))
        bins += binned(errors.wavelength[used], band)
        inside_quoted.append(float((np.abs(off) <= found.flux_error[used]).mean()))
        ratios.append(errors.ratio)
        factors.append(factor)
    count = len(inside)
    coverage = np.array(inside)
    print(f"{count} simulated observations, seeds from {options.first_seed}")
    print(
        f"68 % band of the bootstrap holds the truth in {coverage.mean():.1%} of elements "
        f"(standard error {coverage.std() / np.sqrt(count):.1%}); observations between "
        f"{np.quantile(coverage, 0.05):.0%} and {np.quantile(coverage, 0.95):.0%}"
    )
    print(f"quoted errors hold it in {np.mean(inside_quoted):.1%}")
    print("   by wavelength: " + described(bins))
    groups = np.digitize(factors, [0.8, 1.25])
    for group, name in enumerate(("too large", "about right", "too small")):
        chosen = groups == group
        if chosen.any():
            print(
                f"   quoted errors {name}: {coverage[chosen].mean():.1%} with the bootstrap, "
                f"{np.array(inside_quoted)[chosen].mean():.1%} as quoted ({chosen.sum()})"
            )
    print(f"a bootstrap of 200 draws takes {1e3 * np.median(seconds):.0f} ms")


def _image(
    calibration: Calibration, exposures: list[SimulatedExposure], *, alike: bool = False
) -> SpectralImage:
    """Return the s2d image of the first nod; ``alike``: each pixel weighs as much as another."""
    nod = calibration.calibrate(exposures)[0]
    if alike:
        read = np.where(nod.planes["VAR_RNOISE"] > 0, 1.0, nod.planes["VAR_RNOISE"])
        nod = dataclasses.replace(nod, planes={**nod.planes, "VAR_RNOISE": read})
    return calibration.resample(nod, 1)


if __name__ == "__main__":
    main()
