"""How often the 68 % band of bootstrapped errors holds the truth.

Run ``python benchmarks/uncertainty.py``; it takes about five minutes. Each simulated observation
has a random spectrum, brightness, sky and aperture, and errors that are wrong by a random factor
from 0.4 to 2.5. It is calibrated like calwebb_spec2 (`fast_calibration`) and extracted on its
trace. The truth is the extraction of the same image without noise, resampled with equal weights:
that the weights of resample_spec, which follow the flat field, move light from row to row is an
error of the spectrum like others. Elements from 5 to 12 micron count.

Then as many slitless series, of 40 integrations each, with errors that are wrong by such a factor
too, and a tenth of the integrations up to four times as noisy as the rest. Their truth is the
extraction of the images without noise; an error holds it that is larger than the difference.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np
from fast_calibration import Calibration
from transit import write_rates

from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.model.measure.uncertainty import believed_series, bootstrap
from lrs_explorer.model.recipe.recipe import Aperture, Background, Recipe, Uncertainty
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import open_series
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.simulator import detector_image, instrument
from lrs_explorer.simulator.detector_image import SimulatedExposure
from lrs_explorer.simulator.observation import expose_nods, paint_nods
from lrs_explorer.simulator.reference_models import flat_field
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.slitless_scene import (
    SlitlessScene,
    expected_rates,
    simulate_integrations,
)
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
    seeds = range(options.first_seed, options.first_seed + options.observations)
    calibration = Calibration(options.folder / "slit", SlitScene(bad_pixels=0, hot_pixels=0))
    measure_slit(seeds, calibration)
    measure_series(seeds)


def measure_slit(seeds: range, calibration: Calibration) -> None:
    """Measure how often the bootstrap's band holds the truth, and print."""
    inside: list[float] = []
    bins = np.zeros((2, len(EDGES) - 1))
    inside_quoted: list[float] = []
    ratios: list[float] = []
    factors: list[float] = []
    seconds: list[float] = []
    for seed in seeds:
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
    print(f"{count} simulated observations, seeds from {seeds.start}")
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


def measure_series(seeds: range) -> None:
    """Measure how often the errors of integrations hold the truth, and print."""
    bins, quoted = np.zeros((2, 2, len(EDGES) - 1))
    noisy, others = np.zeros((2, 2))
    with tempfile.TemporaryDirectory() as name:
        for seed in seeds:
            random = np.random.default_rng(seed)
            factor = float(np.exp(random.uniform(np.log(0.4), np.log(2.5))))
            scene = SlitlessScene(
                n_integrations=40,
                flux_level=float(np.exp(random.uniform(np.log(5e-3), np.log(0.2)))),
                background_level=float(random.uniform(30, 150)),
                cosmic_rays=0.0,
                bad_pixels=0,
                hot_pixels=0,
                seed=seed,
            )
            pieces = list(simulate_integrations(scene))
            rate, poisson, rnoise = (
                np.concatenate([getattr(piece, plane) for piece in pieces])
                for plane in ("rate", "var_poisson", "var_rnoise")
            )
            expected = expected_rates(scene) * scene.region.part(flat_field())
            noisier = np.where(random.random(40) < 0.1, random.uniform(1.5, 4.0, 40), 1.0)
            rate = expected + (rate - expected) * noisier[:, np.newaxis, np.newaxis]
            variances = poisson / factor**2, rnoise / factor**2
            found = believed_series(_extracted(Path(name), rate, *variances))
            right = _extracted(Path(name), expected, *variances)
            off, used = np.abs(found.flux - right.flux), right.flux_error > 0
            wavelength = np.broadcast_to(found.wavelength, off.shape)
            inside = off <= found.flux_error
            bins += binned(wavelength[used], inside[used])
            quoted += binned(wavelength[used], (off <= right.flux_error)[used])
            nominal = (wavelength > EDGES[0]) & (wavelength < EDGES[-1]) & used
            for total, chosen in ((noisy, noisier > 1), (others, noisier == 1)):
                total += inside[chosen][nominal[chosen]].sum(), nominal[chosen].sum()
    print(f"{len(seeds)} simulated series: errors of integrations hold the truth")
    print("   by wavelength: " + described(bins))
    print("   as quoted: " + described(quoted))
    print(
        f"   in noisy integrations {noisy[0] / noisy[1]:.1%}, in the others "
        f"{others[0] / others[1]:.1%}"
    )


def _extracted(folder: Path, rate: np.ndarray, *variances: np.ndarray) -> TimeSeries:
    """Return the spectra of rates, in an aperture on the trace, without any background."""
    calints, _ = write_rates(folder, rate, *variances, np.zeros(rate.shape, np.uint32))
    extractor = SeriesExtractor(open_series("calints", [calints]), packaged_references("slitless"))
    recipe = Recipe(mode="slitless", background=Background(), aperture=Aperture(37.5, 9.0))
    return extractor.extract(recipe)


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
