"""How fast and how large the live path of time series is, beside the pipeline's step.

Run as ``python benchmarks/timeseries.py``; it takes some minutes and up to 8 GB of disk in the
temporary folder (``--integrations`` for less). Series of any length are the demo's integrations
over and over, in segments of 500.

- The step: ``Extract1dStep`` and `SeriesExtractor.extract` take turns in one process, on the same
  calints, with the same result in all 18 columns. Both use one processor; the ratio is that of
  processor times, which other processes on the machine disturb least.
- Length: each length has a process of its own, so that its peak memory is its own. A drag is a new
  aperture, the flux of all integrations, the white light curve and its scatter.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.data.products import COLUMN_UNITS
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import open_series
from lrs_explorer.model.stages.series_stages import SeriesStages

SEGMENT = 500
RECIPE = lrs.Recipe(mode="slitless")


def write_series(folder: Path, count: int, kind: str = "calints") -> list[Path]:
    """Write calints or rateints with ``count`` integrations, those of the demo over and over."""
    planes: dict[str, list[np.ndarray]] = {}
    for path in lrs.demo("slitless").products[kind]:
        with fits.open(path) as hdus:
            for hdu in hdus:
                if hdu.header.get("NAXIS") == 3:
                    planes.setdefault(hdu.name, []).append(hdu.data.copy())
    source = lrs.demo("slitless").products[kind][0]
    written = []
    for number, first in enumerate(range(0, count, SEGMENT), start=1):
        length = min(SEGMENT, count - first)
        path = folder / f"jw90011001001_04103_00001-seg{number:03d}_mirimage_{kind}.fits"
        with fits.open(source) as hdus:
            header = hdus[0].header
            header["INTSTART"], header["INTEND"] = first + 1, first + length
            header["EXSEGNUM"], header["NINTS"] = number, count
            header["EXSEGTOT"] = -(-count // SEGMENT)
            for name, parts in planes.items():
                whole = np.concatenate(parts)
                order = (first + np.arange(length)) % len(whole)
                hdus[name].data = whole[order]
            times = np.zeros(length, hdus["INT_TIMES"].data.dtype)
            times["integration_number"] = first + 1 + np.arange(length)
            for column in times.dtype.names[1:]:
                times[column] = 61085.2 + (first + np.arange(length)) * 1.1e-4
            hdus["INT_TIMES"].data = times
            hdus.writeto(path)
        written.append(path)
    return written


def measure(paths: list[Path]) -> dict[str, float]:
    """Time everything on one series; times in seconds, memory in MB."""
    found: dict[str, float] = {}
    clock = time.perf_counter

    def timed(name: str, work: Any) -> Any:
        begun = clock()
        result = work()
        found[name] = clock() - begun
        return result

    # What is loaded before counts neither as time nor as memory of the series.
    small = SeriesExtractor(lrs.demo("slitless").series(), packaged_references("slitless"))
    small.extract(RECIPE)
    small.flux(RECIPE)
    del small
    forget_peak()
    before = peak()
    series = timed("open", lambda: open_series("calints", paths))
    extractor = timed(
        "typical image", lambda: SeriesExtractor(series, packaged_references("slitless"))
    )
    timed("read for dragging", extractor.prepare)
    timed("first light curve", lambda: extractor.flux(RECIPE).light_curve().scatter)
    rng = np.random.default_rng(1)
    drags = []
    for _ in range(20):
        aperture = lrs.Aperture(36 + rng.uniform(-2, 2), rng.uniform(6, 14))
        begun = clock()
        extractor.flux(RECIPE.replace(aperture=aperture)).light_curve().scatter  # noqa: B018
        drags.append(clock() - begun)
    found["drag"], found["slowest drag"] = statistics.median(drags), max(drags)
    regions = (9.5, 17.5), (53.5, 61.5)
    dragged = {
        "a mean background": (regions, "mean"),
        "a median background": (regions, "median"),
    }
    for name, ((left, right), fit) in dragged.items():
        drags = []
        for shift in range(5):
            background = lrs.Background(((left[0] + shift, left[1]), right), fit)
            begun = clock()
            extractor.flux(RECIPE.replace(background=background)).light_curve()
            drags.append(clock() - begun)
        found[f"drag of {name}"] = statistics.median(drags)
    timed("all 18 columns", lambda: extractor.extract(RECIPE).flux.shape)
    found["peak memory"] = peak() - before
    measure_columns(paths[0].parent, found, timed)
    found["peak memory with a 2-D background"] = peak() - before
    return found


def measure_columns(folder: Path, found: dict[str, float], timed: Callable[..., Any]) -> None:
    """Time a 2-D background that is measured on rateints, and drags of its columns."""
    stages = SeriesStages(lrs.open_observation(folder))
    stages.references = packaged_references("slitless")
    sky = lrs.SlitlessBackground(subtract=True)
    recipe = RECIPE.replace(slitless=sky, background=lrs.Background())
    timed("2-D background", lambda: stages.background(sky))
    timed("read less the background", lambda: stages.light(recipe))
    drags = []
    (lower, upper), right = sky.columns
    for shift in range(1, 6):
        begun = time.perf_counter()
        light = stages.light_of_columns(recipe, ((lower - shift, upper - shift), right))
        assert light is not None
        light.light_curve()
        drags.append(time.perf_counter() - begun)
    found["drag of the columns of a 2-D background"] = statistics.median(drags)


def peak() -> float:
    """Return the most memory that this process has had since `forget_peak`, MB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise SystemExit("memory can be measured on Linux only")


def forget_peak() -> None:
    """Let `peak` begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


def beside_the_step(folder: Path, count: int, rounds: int) -> None:
    """Print how the live extraction compares with the step."""
    from lrs_explorer.simulator.references import build_crds_cache, crds_environment

    os.environ.update(crds_environment(build_crds_cache(folder / "crds")))
    from jwst.extract_1d import Extract1dStep

    paths = write_series(folder, count)
    extractor = SeriesExtractor(open_series("calints", paths), packaged_references("slitless"))
    references = packaged_references("slitless")
    (folder / "extract1d.json").write_text(json.dumps(references.extract1d))
    live: list[tuple[float, float]] = []
    step: list[tuple[float, float]] = []
    spectra = extractor.extract(RECIPE)
    for _ in range(rounds):
        begun = now()
        (real,) = Extract1dStep.call(
            str(paths[0]),
            override_extract1d=str(folder / "extract1d.json"),
            override_apcorr=str(references.apcorr),
        ).spec
        step.append(since(begun))
        begun = now()
        # With the opening of the file, which the step does too.
        extractor = SeriesExtractor(open_series("calints", paths), references)
        spectra = extractor.extract(RECIPE)
        live.append(since(begun))
    for name in COLUMN_UNITS:
        expected = real.spec_table[name]
        expected = expected[0] if name == "WAVELENGTH" else expected
        assert np.array_equal(spectra.columns[name], expected, equal_nan=True), name
    print(f"{count} integrations, all 18 columns bit-identical, seconds of wall / processor:")
    medians = {}
    for name, turns in (("Extract1dStep", step), ("live", live)):
        wall, processor = (statistics.median(values) for values in zip(*turns, strict=True))
        medians[name] = processor
        print(f"  {name} {wall:.2f} / {processor:.2f}")
    print(f"  ratio {medians['Extract1dStep'] / medians['live']:.0f}")


def now() -> tuple[float, float]:
    """Return clock and processor time, s."""
    return time.perf_counter(), time.process_time()


def since(begun: tuple[float, float]) -> tuple[float, float]:
    """Return clock and processor time since ``begun``, s."""
    clock, processor = now()
    return clock - begun[0], processor - begun[1]


def main() -> None:
    """Run everything, or one length when called by itself."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--integrations", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--rounds", type=int, default=2, help="turns of step and live path")
    parser.add_argument("--measure", type=Path, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(options.measure)))
        return
    with tempfile.TemporaryDirectory() as name:
        beside_the_step(Path(name), 100, options.rounds)
    rows = {}
    for count in options.integrations:
        with tempfile.TemporaryDirectory() as name:
            paths = write_series(Path(name), count)
            write_series(Path(name), count, "rateints")
            command = [sys.executable, __file__, "--measure", *map(str, paths)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows[count] = json.loads(done.stdout.splitlines()[-1])
    print("| | " + " | ".join(f"{count}" for count in rows) + " |")
    print("|---|" + "---|" * len(rows))
    for key in next(iter(rows.values())):
        unit = "MB" if "memory" in key else "s"
        values = [
            f"{row[key]:.0f} {unit}" if unit == "MB" else f"{row[key]:.3f} s"
            for row in rows.values()
        ]
        print(f"| {key} | " + " | ".join(values) + " |")


if __name__ == "__main__":
    main()
