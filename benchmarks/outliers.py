"""How well unflagged hot and dead pixels are found (`measure.pixels.outliers.find_outliers`).

Run ``python benchmarks/outliers.py``; it takes about a minute. The scenes come from
`lrs_explorer.simulator.detector_scenes`: nod pairs of all brightnesses, continua with bands, ice
and a narrow line, a bent trace, errors that are up to twice too small, flagged pixels, and 6 hot
and 4 dead pixels that no flag tells. The thresholds in `measure.pixels.outliers` were set with
other seeds (``--first-seed 0``) than those reported by default.

What a bad pixel changes is given in true standard errors of the flux in an aperture of 8 pixels on
the trace, at the pixel's wavelength.
"""

from __future__ import annotations

import argparse
import time
from itertools import pairwise
from pathlib import Path

import numpy as np

from lrs_explorer.model.files.disk import read_json
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.outliers import find_outliers
from lrs_explorer.simulator.detector_scenes import DetectorScene, simulate_detector_scene

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "slit-90001"
LIMITS = (0.0, 1.0, 2.0, 3.0, 5.0, 10.0, np.inf)


def measure(seeds: range, title: str, *, subtracted: bool, partner: bool) -> None:
    """Search both nods of simulated scenes and print what was found."""
    change: list[float] = []
    found: list[bool] = []
    false: list[int] = []
    false_nominal: list[int] = []
    seconds: list[float] = []
    for seed in seeds:
        scene = simulate_detector_scene(seed, subtracted=subtracted)
        for nod, image in enumerate(scene.images):
            begin = time.perf_counter()
            other = scene.images[1 - nod] if partner else None
            proposed = {(o.row, o.column) for o in find_outliers(image, other)}
            seconds.append(time.perf_counter() - begin)
            planted = scene.change[nod]
            change += [abs(c) for c in planted.values()]
            found += [pixel in proposed for pixel in planted]
            wrong = proposed - set(planted)
            false.append(len(wrong))
            false_nominal.append(sum(_nominal(scene, nod, pixel) for pixel in wrong))
    print(f"{title}: {len(false)} images, {1e3 * np.median(seconds):.0f} ms each")
    size, hit = np.array(change), np.array(found)
    for lower, upper in pairwise(LIMITS):
        group = (size >= lower) & (size < upper)
        if group.any():
            print(
                f"   change {lower:4.0f} to {upper:4.0f} sigma: {hit[group].sum():5d} of "
                f"{group.sum():5d} found ({hit[group].mean():6.1%})"
            )
    print(
        f"   false: {np.mean(false):.2f} per image ({np.mean(false_nominal):.2f} at 5-12 micron), "
        f"at most {max(false)}; {np.mean(np.array(false) == 0):.0%} of images without any"
    )


def _nominal(scene: DetectorScene, nod: int, pixel: tuple[int, int]) -> bool:
    return bool(5.0 <= scene.images[nod].wavelength[pixel] <= 12.0)


def measure_shared() -> None:
    """Search the nods of the simulated observation 90001, which another simulator made."""
    record = read_json(SHARED / "defects.json")
    hot = {tuple(pixel) for pixel in record["unflagged_hot_yx0"]}
    dead = {tuple(pixel) for pixel in record["unflagged_dead_yx0"]}
    for path in sorted(SHARED.glob("*_0310[2]_*_cal.fits.gz")):
        image = read_image(path)
        proposed = {(o.row, o.column): o for o in find_outliers(image)}
        wrong = [o for pixel, o in proposed.items() if pixel not in hot | dead]
        print(
            f"{path.name}: {len(hot & set(proposed))} of {len(hot)} hot, "
            f"{len(dead & set(proposed))} of {len(dead)} dead, {len(wrong)} false"
        )
        for outlier in wrong:
            wavelength = image.wavelength[outlier.row, outlier.column]
            print(f"   {wavelength:.2f} micron: {outlier.describe()}")


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=400_000)
    parser.add_argument("--scenes", type=int, default=100)
    arguments = parser.parse_args()
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.scenes)
    measure(seeds, "Nods subtracted", subtracted=True, partner=False)
    measure(seeds, "Nods not subtracted, one alone", subtracted=False, partner=False)
    measure(seeds, "Nods not subtracted, with the partner", subtracted=False, partner=True)
    if SHARED.is_dir():
        measure_shared()


if __name__ == "__main__":
    main()
