"""Make the slitless demo: ``python -m lrs_explorer.simulator.make_slitless_demo [FOLDER]``.

A star with a transiting planet, under a sky that drifts and is brighter at the left edge, with
cosmic rays and bad pixels, goes through the real pipeline with its default parameters.

To be small enough to ship, its images are rounded: what is in the rateints and calints files is
the simulation, or the pipeline's product, to 11 bits of the data and 5 bits of the errors. The
spectra are those of the pipeline's extract_1d from the rounded calints.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import (
    build_crds_cache,
    crds_environment,
    reference_paths,
)
from lrs_explorer.simulator.slitless_observation import process_slitless, simulate_slitless
from lrs_explorer.simulator.slitless_scene import SlitlessScene

DEMO_FOLDER: Final = Path(__file__).resolve().parents[1] / "data" / "demo_slitless"
DEMO_SCENE: Final = SlitlessScene(n_integrations=30, n_segments=2)
KEPT_REFERENCES: Final = ("extract1d", "apcorr")  # what extraction reads

DATA_BITS: Final = 11  # a rounding error of 1.4e-4, against a noise of 5e-3 in the brightest pixels
ERROR_BITS: Final = 5  # a rounding error of 0.9 %
BITS: Final = {"SCI": DATA_BITS} | dict.fromkeys(
    ("ERR", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT"), ERROR_BITS
)
HISTORY: Final = (
    f"Rounded to {DATA_BITS} bits (SCI) and {ERROR_BITS} bits (errors) to be shipped as a demo"
)


def make_slitless_demo(folder: str | Path = DEMO_FOLDER, scene: SlitlessScene = DEMO_SCENE) -> Path:
    """Simulate and process the demo observation and keep what a session needs.

    Parameters
    ----------
    folder : str or Path
        Replaced by the new demo when everything has worked.
    scene : SlitlessScene

    Returns
    -------
    Path
        The folder: rateints, calints and x1dints of each segment, compressed; ``truth.ecsv``,
        ``truth_lightcurve.ecsv``, ``defects.json``, and the references of the extraction under
        ``references/``.
    """
    target = Path(folder)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name) / "work"
        kept = Path(name) / "kept"
        (kept / "references").mkdir(parents=True)
        cache = build_crds_cache(Path(name) / "crds")
        files = simulate_slitless(scene, work)
        for path in files.rateints:
            _round(path)
        products = process_slitless(files, cache, work)
        calints = [path for path in products if path.stem.endswith("_calints")]
        for path in calints:
            _round(path)
            root = path.name.removesuffix("_calints.fits")
            made = run_pipeline(
                "extract_1d", path, work / "x1d", crds=crds_environment(cache)
            ).products
            made[0].replace(work / f"{root}_x1dints.fits")
        for path in (*files.rateints, *calints, *sorted(work.glob("*_x1dints.fits"))):
            _pack(path, kept / f"{path.name}.gz")
        for path in (files.truth, files.light_curve, files.defects):
            shutil.copyfile(path, kept / path.name)
        for reftype in KEPT_REFERENCES:
            for source in reference_paths(cache, reftype, "slitless"):
                shutil.copyfile(source, kept / "references" / source.name)
        if target.exists():
            shutil.rmtree(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(kept, target)
    return target


def _round(path: Path) -> None:
    """Round the images of a product in place, and say so in its history."""
    with fits.open(path, mode="update", memmap=False) as hdus:
        for name, bits in BITS.items():
            if name in hdus:
                hdus[name].data = rounded(hdus[name].data, bits)
        hdus[0].header.add_history(HISTORY)


def rounded(values: NDArray[Any], bits: int) -> NDArray[np.float32]:
    """Return single-precision numbers with ``bits`` bits after the leading one, others zero."""
    native = np.ascontiguousarray(values, dtype=np.float32)
    dropped = 23 - bits
    patterns = native.view(np.uint32) + np.uint32(1 << (dropped - 1))
    near = (patterns & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)).view(np.float32)
    return np.where(np.isfinite(native), near, np.float32(np.nan)).astype(np.float32)


def _pack(path: Path, packed: Path) -> None:
    """Compress a file; the same content gives the same bytes."""
    with packed.open("wb") as stream, gzip.GzipFile("", "wb", 9, stream, mtime=0) as out:
        out.write(path.read_bytes())


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m lrs_explorer.simulator.make_slitless_demo",
        description="Make the simulated slitless observation that ships with LRS Explorer.",
    )
    parser.add_argument("folder", nargs="?", default=DEMO_FOLDER, type=Path)
    print(make_slitless_demo(parser.parse_args().folder))


if __name__ == "__main__":
    main()
