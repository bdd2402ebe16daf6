"""How fast the live kernel is, beside the pipeline's step and specreduce, all in one process.

Run as ``python benchmarks/live_kernel.py``; it takes about a minute. The image is the first nod of
the demo, padded to 390 x 48 pixels. All three extract with an aperture of 8 pixels between two
background regions of 7 pixels. The live kernel and ``Extract1dStep`` fit a straight line to them
at each wavelength and correct for the aperture; specreduce, which has neither, takes their mean.
The aperture is at another place in each run, so that nothing is taken from a cache.

The runs of the three take turns: whatever else the machine does meets all alike.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS, SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.simulator.references import build_crds_cache, crds_environment

SHAPE = (390, 48)
CENTER, WIDTH, GAP, SIDE = 20.0, 8.0, 3.0, 7.0  # pixels

Run = Callable[[float], Any]


def padded(source: Path, target: Path) -> Path:
    """Write an s2d with its image planes enlarged to `SHAPE`; the new pixels are NaN."""
    with fits.open(source) as hdus:
        for hdu in hdus:
            if isinstance(hdu, fits.ImageHDU) and hdu.data is not None and hdu.data.ndim == 2:
                more = [(0, n - m) for n, m in zip(SHAPE, hdu.data.shape, strict=True)]
                hdu.data = np.pad(hdu.data, more, constant_values=np.nan)
        hdus.writeto(target)
    return target


def regions(center: float) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the background regions on both sides of the aperture."""
    near, far = WIDTH / 2 + GAP, WIDTH / 2 + GAP + SIDE
    return (center - far, center - near), (center + near, center + far)


def recipe(center: float, **background: Any) -> lrs.Recipe:
    """Return what is extracted; ``background`` as for `lrs_explorer.Background`."""
    return lrs.Recipe(
        aperture=lrs.Aperture(center, WIDTH),
        background=lrs.Background(regions(center), **{"bkg_order": 1, **background}),
    )


def pipeline(extractor: Extractor, image: Path, folder: Path) -> Run:
    """Return the pipeline's step as a function of the aperture's center."""
    from jwst.extract_1d import Extract1dStep

    def run(center: float) -> Any:
        reference, parameters = extractor.step_parameters(recipe(center))
        path = folder / "extract1d.json"
        path.write_text(json.dumps(reference))
        return Extract1dStep.call(str(image), override_extract1d=str(path), **parameters)

    return run


def specreduce(image: SpectralImage) -> Run:
    """Return specreduce's background subtraction and extraction as a function of the center."""
    from specreduce.background import Background
    from specreduce.extract import BoxcarExtract
    from specreduce.tracing import FlatTrace

    data = np.ascontiguousarray(image.data.T)

    def run(center: float) -> Any:
        trace = FlatTrace(data, center)
        separation = WIDTH / 2 + GAP + SIDE / 2
        background = Background.two_sided(data, trace, separation, width=SIDE)
        return BoxcarExtract(background.sub_image(data), trace, width=WIDTH).spectrum

    return run


def milliseconds(run: Run, center: float) -> float:
    """Return how long one run takes."""
    begin = time.perf_counter()
    run(center)
    return 1e3 * (time.perf_counter() - begin)


def take_turns(runs: dict[str, tuple[Run, int]], rounds: int) -> dict[str, np.ndarray]:
    """Time several functions in turn; each comes with the number of its runs in a round."""
    random = np.random.default_rng(1)
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run, _ in runs.values():
        milliseconds(run, CENTER)  # what is done once for an image is not counted
    for _ in range(rounds):
        for name, (run, count) in runs.items():
            times[name] += [milliseconds(run, random.uniform(18, 22)) for _ in range(count)]
    return {name: np.array(values) for name, values in times.items()}


def assert_identical(live: lrs.Spectrum, step: Any) -> None:
    """Make sure that both give the same bits: speed without that is worth nothing."""
    table = step.spec[0].spec_table
    for name in COLUMN_UNITS:
        np.testing.assert_array_equal(live.columns[name], table[name], err_msg=name)


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    logging.disable()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.update(crds_environment(build_crds_cache(folder / "crds")))
        source = lrs.demo("slit").image_path(lrs.Nods(1))
        image = read_image(padded(source, folder / source.name))
        assert image.shape == SHAPE
        assert image.path is not None
        extractor = Extractor(image, packaged_references("slit"))
        step = pipeline(extractor, image.path, folder)
        assert_identical(extractor.extract(recipe(CENTER)), step(CENTER))

        def live(**changes: Any) -> Run:
            return lambda center: extractor.extract(recipe(center, **changes))

        def without(center: float) -> lrs.Spectrum:
            return extractor.extract(replace(recipe(center), background=lrs.Background()))

        times = take_turns(
            {
                "live kernel": (live(), 20),
                "Extract1dStep.call": (step, 1),
                "specreduce": (specreduce(image), 5),
                "live, no background": (without, 10),
                "live, median background": (live(bkg_fit="median"), 10),
                "live, cubic background": (live(bkg_order=3), 10),
                "live, background smoothed": (live(smoothing_length=7), 10),
            },
            rounds,
        )
    versions = ", ".join(f"{p} {version(p)}" for p in ("numpy", "jwst", "specreduce"))
    print(f"{SHAPE[0]} x {SHAPE[1]} pixels; {versions}; {os.cpu_count()} cores")
    print("all 18 columns of the live kernel are those of Extract1dStep, bit for bit\n")
    print(f"{'':28}{'runs':>6}{'median ms':>11}{'p95 ms':>9}{'/ live':>8}")
    reference = np.median(times["live kernel"])
    for title, values in times.items():
        middle, high = np.percentile(values, [50, 95])
        print(f"{title:28}{len(values):6}{middle:11.2f}{high:9.2f}{middle / reference:8.2f}")


if __name__ == "__main__":
    main()
