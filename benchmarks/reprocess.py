"""What a changed recipe costs beside the pipeline itself, both measured in one run.

Run ``python benchmarks/reprocess.py [FOLDER]`` on a slit observation with rates, ramps from before
the jump step (or of the slit's part of the detector) and spec2 associations; it takes some minutes.
Default: the shared simulated observation beside the repository.

The pipeline runs in this process with its modules loaded; the stages run in the worker process, as
they do for the explorer, and their times include starting jobs, reading and writing files. Each
figure is the median of ``--repeat`` runs, taken in turns.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import lrs_explorer as lrs
from lrs_explorer.model.crds_settings import crds_settings
from lrs_explorer.model.stages import Stages

SHARED = Path(__file__).parents[2] / "shared" / "data" / "slit-90001"

FULL_FRAME = (1024, 1032)


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def compare(
    name: str,
    ours: Callable[[int], object],
    theirs: Callable[[int], object],
    labels: Sequence[str],
    repeat: int,
) -> None:
    """Print the medians of two things done in turns, and their ratio."""
    ours(-1), theirs(-1)  # modules and reference files are loaded
    pairs = [(timed(lambda i=i: ours(i)), timed(lambda i=i: theirs(i))) for i in range(repeat)]
    mine, other = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"| {name} | {labels[0]} | {mine:.3g} s | {labels[1]} | {other:.3g} s "
        f"| {other / mine:.1f} |",
        flush=True,
    )


def unpack(folder: Path, scratch: Path) -> Path:
    """Copy an observation, uncompressed as archives deliver it, and link its references."""
    target = scratch / "data"
    target.mkdir()
    for path in folder.iterdir():
        if path.name.endswith(".fits.gz"):
            (target / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        elif path.suffix == ".json":
            (target / path.name).write_text(path.read_text().replace(".fits.gz", ".fits"))
        elif path.is_file():
            shutil.copy(path, target)
    for name in ("crds", "crds_cache"):
        if (folder.parent / name).is_dir():
            (scratch / name).symlink_to((folder.parent / name).resolve())
    return target


def full_frame(ramp: Path, target: Path) -> None:
    """Write a ramp of the whole detector: that of the slit, with noise around it."""
    from stdatamodels.jwst import datamodels

    with datamodels.RampModel(ramp) as cutout:
        integrations, groups, n_rows, n_columns = cutout.data.shape
        shape = (integrations, groups, *FULL_FRAME)
        data = np.random.default_rng(1).normal(0.0, 6.0, shape).astype(np.float32)
        full = datamodels.RampModel(data=data)
        full.update(cutout)
        row, column = cutout.meta.subarray.ystart - 1, cutout.meta.subarray.xstart - 1
        place = (slice(row, row + n_rows), slice(column, column + n_columns))
        full.data[..., *place] = cutout.data
        full.groupdq[..., *place] = cutout.groupdq
        full.pixeldq[place] = cutout.pixeldq
        full.meta.subarray.name = "FULL"
        full.meta.subarray.xstart = full.meta.subarray.ystart = 1
        full.meta.subarray.ysize, full.meta.subarray.xsize = FULL_FRAME
        full.save(target)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=SHARED)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lrs-benchmark-") as scratch:
        os.environ["LRS_EXPLORER_CACHE"] = scratch
        measure(unpack(options.folder, Path(scratch)), Path(scratch), options.repeat)


def measure(folder: Path, scratch: Path, repeat: int) -> None:
    """Measure one observation."""
    observation = lrs.open_observation(folder)
    # The pipeline is to find the same references as the worker does.
    os.environ |= crds_settings(observation.folder, observation.reference_header())[0]
    from jwst.extract_1d import Extract1dStep
    from jwst.jump import JumpStep
    from jwst.pipeline import Spec2Pipeline
    from jwst.ramp_fitting import RampFitStep

    recipe = lrs.Recipe(aperture=lrs.Aperture(26.0, 8.0), nods=lrs.Nods(1))
    stages = Stages(observation)
    runner = stages.reprocessor
    stages.find_references()
    association = next(path for path in observation.products["asn"] if "spec2" in path.name)
    theirs = str(scratch / "theirs")
    Path(theirs).mkdir()

    def offset(i: int) -> lrs.Recipe:
        return recipe.replace(pathloss=lrs.Pathloss("offset", 0.1 + 0.01 * i))

    def spec2(_: int) -> None:
        Spec2Pipeline.call(str(association), save_results=True, output_dir=theirs)

    print("| change | ours | time | the pipeline | time | ratio |")
    print("|---|---|---|---|---|---|")
    compare(
        "pathloss",
        lambda i: runner.make(offset(i)) and stages.spectrum(offset(i)),
        spec2,
        ("pathloss, photom, resample_spec; live x1d", "Spec2Pipeline"),
        repeat,
    )
    compare(
        "pathloss",
        lambda i: lrs.reprocess(
            observation, offset(100 + i), scratch / f"mine{i}", references=stages.references
        ),
        spec2,
        ("the same, x1d by extract_1d, all products written", "Spec2Pipeline"),
        repeat,
    )
    compare(
        "pixel_replace",
        lambda i: runner.make(
            recipe.replace(pixel_replace=lrs.PixelReplace("fit_profile", 10 + i))
        ),
        spec2,
        ("pixel_replace, resample_spec", "Spec2Pipeline"),
        repeat,
    )

    ramp = observation.find("ramp", 1)
    assert ramp is not None
    whole = scratch / "whole_dark_current.fits"
    full_frame(ramp, whole)

    rate = observation.find("rate", 1)

    def jump(i: int) -> None:
        made = scratch / f"jump{i}"
        made.mkdir()
        job = {
            "kind": "stage",
            "stage": "jump",
            "inputs": [str(ramp), str(rate)],
            "folder": str(made),
            "name": "made_rate.fits",
            "parameters": {"rejection_threshold": 10.0 + i},
        }
        runner.worker.run(job, "jump")

    def detector1(i: int) -> None:
        RampFitStep.call(JumpStep.call(str(whole), rejection_threshold=10.0 + i))

    compare(
        "jump threshold",
        jump,
        detector1,
        ("jump, ramp_fit on the slit, pasted into the rate", "the steps on the full frame"),
        repeat,
    )

    made = offset(0)
    path = runner.make(made).image
    compare(
        "aperture, after that",
        lambda i: stages.spectrum(made.replace(aperture=lrs.Aperture(26.0 + i / 100, 8.0))),
        lambda _: Extract1dStep.call(str(path)),
        ("live", "Extract1dStep"),
        max(repeat, 20),
    )
    compare(
        "aperture, after that",
        lambda i: stages.spectrum(made.replace(aperture=lrs.Aperture(25.0 + i / 100, 8.0))),
        lambda i: stages.spectrum(recipe.replace(aperture=lrs.Aperture(25.0 + i / 100, 8.0))),
        ("live", "live, on the delivered image"),
        max(repeat, 20),
    )


if __name__ == "__main__":
    main()
