"""How well `lrs_explorer.find_trace` does on simulated slit images with known traces.

Run ``python benchmarks/trace_finding.py``; it takes about half a minute. The scenes come from
`lrs_explorer.simulator.simulate_s2d_scene`: PSF that widens with wavelength and has wings, tilted
and bent trace anywhere but the outer six pixels, 0 to 2 negative nod traces, sky, NaN pixels and
unflagged hot and dead ones. The thresholds in `lrs_explorer.model.measure.trace` were set with
other seeds (``--first-seed 0``) than those reported by default.

The signal-to-noise ratio per row of a scene is the flux in an aperture of 8 pixels over its
error, median over 5.5-11.5 micron.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.polynomial import polynomial
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.simulator import S2DScene, instrument, simulate_s2d_scene

Array = NDArray[np.float64]

GOAL = 0.05  # pixels


def without_errors(image: SpectralImage) -> SpectralImage:
    """Return an image whose errors are not known."""
    unknown = np.full(image.shape, np.nan)
    return replace(image, var_poisson=unknown, var_rnoise=unknown, var_flat=unknown)


def noise(scene: S2DScene) -> Array:
    """Noise of a pixel of sky in each row, MJy/sr, shape (n_wave,)."""
    return np.sqrt(np.nanmedian(scene.var_rnoise + scene.var_poisson, axis=1))


def aperture_signal_to_noise(scene: S2DScene) -> float:
    """Median over 5.5-11.5 micron of the S/N in a row of an aperture 8 pixels wide."""
    flux = scene.flux / instrument.JY_PER_MJY_SR
    inside = flux * instrument.enclosed_fraction(scene.wavelength, 8.0)
    rows = (scene.wavelength >= 5.5) & (scene.wavelength <= 11.5)
    return float(np.median((inside / noise(scene) / np.sqrt(8.0))[rows]))


def simulate(seed: int, signal_to_noise: float) -> S2DScene:
    """Simulate a scene of a given S/N per row in the aperture."""
    n_cross = 63 if seed % 4 == 0 else 45  # combined nods, or one
    scene = simulate_s2d_scene(seed, 10.0, n_cross=n_cross)
    matched = 10.0 * signal_to_noise / aperture_signal_to_noise(scene)
    return simulate_s2d_scene(seed, matched, n_cross=n_cross)


def true_center(scene: S2DScene) -> float:
    """Mean position of the true trace, rows weighted as the documentation of find_trace says."""
    assert scene.trace is not None
    edges = (np.arange(-15, 16) - 0.5) * instrument.SCALE_ALONG
    profile = instrument.profile_integral(scene.wavelength[:, None], edges[:-1], edges[1:])
    sharpness = (profile**2).sum(axis=1) / profile.sum(axis=1) ** 2
    ratio = scene.flux / instrument.JY_PER_MJY_SR * np.sqrt(sharpness) / noise(scene)
    weight = ratio**2 / (ratio**2 + 100.0) * nominal(scene)
    return float(weight @ scene.trace / weight.sum())


def nominal(scene: S2DScene) -> NDArray[np.bool_]:
    """Rows of the range in which LRS spectra are used."""
    return (scene.wavelength >= NOMINAL_RANGE[0]) & (scene.wavelength <= NOMINAL_RANGE[1])


def measure(seeds: range, lowest: float, highest: float, title: str) -> None:
    """Find the traces of scenes with S/N per row from ``lowest`` to ``highest`` and print."""
    ratios = np.exp(
        np.random.default_rng(seeds.start).uniform(np.log(lowest), np.log(highest), len(seeds))
    )
    error, uncertainty, shape, seconds = (np.full(len(seeds), np.nan) for _ in range(4))
    for i, (seed, ratio) in enumerate(zip(seeds, ratios, strict=True)):
        scene = simulate(seed, ratio)
        image = scene.image
        begin = time.perf_counter()
        trace = find_trace(image)
        seconds[i] = time.perf_counter() - begin
        if trace is None:
            continue
        assert scene.trace is not None
        rows = np.arange(len(scene.trace))
        fitted = trace.center + polynomial.polyval(rows, trace.coefficients)
        error[i] = trace.center - true_center(scene)
        uncertainty[i] = trace.uncertainty
        shape[i] = np.sqrt(np.mean((fitted - scene.trace)[nominal(scene)] ** 2))
    print(f"{title}: {len(seeds)} scenes, {1e3 * np.median(seconds):.0f} ms each")
    print(
        "   S/N per row   scenes  missed  within 0.05 px  |error| median    max   "
        "within 1 sigma  2 sigma  rms of curve"
    )
    limits = np.geomspace(lowest, highest, 5)
    groups = [(lowest, highest), *pairwise(limits)]
    for low, high in groups:
        group = (ratios >= low) & (ratios <= high)
        found = group & np.isfinite(error)
        size = np.abs(error[found])
        print(
            f"   {low:5.1f} - {high:5.1f}   {group.sum():5d} {group.sum() - found.sum():7d}"
            f"   {(size <= GOAL).sum() / group.sum():11.1%}   {np.median(size):13.4f} "
            f"{size.max():7.4f}   {np.mean(size <= uncertainty[found]):13.1%}"
            f"{np.mean(size <= 2 * uncertainty[found]):9.1%}   {np.median(shape[found]):11.4f}"
        )


def count_false(seeds: range) -> None:
    """Count traces that are found where there is none, and print."""

    def smoothed(scene: S2DScene) -> Array:
        # Resampling shares noise between neighbours; here its errors are quoted far too small.
        data = np.where(np.isfinite(scene.data), scene.data, 0.0)
        level = np.median(data, axis=1, keepdims=True)
        data = data - level
        for axis in (0, 1):
            data = 0.5 * (data + np.roll(data, 1, axis))
        return 4.0 * data + level

    def tilted(scene: S2DScene) -> Array:
        across = np.linspace(-1.0, 1.0, scene.data.shape[1])
        sky = instrument.thermal_background(scene.wavelength, 12.0)[:, None]
        return scene.data + sky * (0.02 * across - 0.01 * across**2)

    def two_negative(seed: int) -> SpectralImage:
        first, second = (
            simulate_s2d_scene(s, strength(seed), negative_traces=0, center=center)
            for s, center in ((seed, 11.0), (seed + 1, 33.0))
        )
        return replace(first.image, data=-first.data - 0.5 * second.data)

    def remade(scene: S2DScene, change: Callable[[S2DScene], Array]) -> SpectralImage:
        return replace(scene.image, data=change(scene))

    kinds = {
        "blank sky": lambda seed: blank(seed).image,
        "blank, 60 hot and dead pixels": lambda seed: blank(seed, hot_pixel_count=60).image,
        "blank, curved background, no nods": lambda seed: remade(
            blank(seed, negative_traces=0), tilted
        ),
        "blank, errors unknown": lambda seed: without_errors(blank(seed).image),
        "blank, correlated noise, errors half": lambda seed: remade(blank(seed), smoothed),
        "one negative trace, S/N 5-100": lambda seed: remade(
            simulate_s2d_scene(seed, strength(seed), negative_traces=0), lambda scene: -scene.data
        ),
        "two negative traces, S/N 5-100": two_negative,
    }
    print("Traces found where there is none")
    for title, make in kinds.items():
        found = sum(find_trace(make(seed)) is not None for seed in seeds)
        print(f"   {title:<40} {found:4d} of {len(seeds)}")


def blank(seed: int, **changes: int) -> S2DScene:
    """Simulate sky without any source."""
    return simulate_s2d_scene(seed, blank=True, n_cross=63 if seed % 4 == 0 else 45, **changes)


def strength(seed: int) -> float:
    """S/N per row from 5 to 100."""
    return float(5.0 * 20.0 ** np.random.default_rng(seed).uniform())


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=100_000)
    first = parser.parse_args().first_seed
    measure(range(first, first + 500), 5.0, 100.0, "S/N per row of 5 to 100")
    measure(range(first + 1000, first + 1200), 1.0, 5.0, "S/N per row of 1 to 5")
    count_false(range(first + 2000, first + 2200))


if __name__ == "__main__":
    main()
