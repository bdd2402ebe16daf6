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
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

import lrs_explorer as lrs
from lrs_explorer.model.references.crds_settings import crds_settings
from lrs_explorer.model.runs.worker import Worker
from lrs_explorer.model.stages.stages import Stages

SHARED = Path(__file__).parents[2] / "shared" / "data" / "slit-90001"

FULL_FRAME = (1024, 1032)


@dataclass
class Contender:
    """Something that is measured: what it does, and its times in each round."""

    change: str
    what: str
    work: Callable[[int], object]
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)


def compare(
    ours: Sequence[Contender], theirs: Contender, worker: Callable[[], Worker], repeat: int
) -> None:
    """Do all in turns and print the medians and their ratios."""

    def cpu() -> float:
        """CPU seconds that this process and the worker have used."""
        used = psutil.Process(worker().pid).cpu_times()
        return time.process_time() + used.user + used.system

    for i in range(-1, repeat):
        for contender in (*ours, theirs):
            begun, used = time.perf_counter(), cpu() if i >= 0 else 0.0
            contender.work(i)
            if i >= 0:  # modules and reference files are loaded
                contender.wall.append(time.perf_counter() - begun)
                contender.cpu.append(cpu() - used)
    wall, used = statistics.median(theirs.wall), statistics.median(theirs.cpu)
    for contender in ours:
        mine, spent = statistics.median(contender.wall), statistics.median(contender.cpu)
        print(
            f"| {contender.change} | {contender.what} | {mine:.3g} | {spent:.3g} | {theirs.what} "
            f"| {wall:.3g} | {used:.3g} | {wall / mine:.1f} | {used / spent:.1f} |",
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
    beside = [scratch / name for name in ("crds", "crds_cache") if (scratch / name).is_dir()]
    observation = lrs.open_observation(folder, crds=beside[0] if beside else None)
    # The pipeline is to find the same references as the worker does.
    os.environ |= crds_settings(observation)[0]
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

    print("| change | ours | s | CPU s | the pipeline | s | CPU s | ratio | CPU ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    runner.worker.start()
    compare(
        [
            Contender(
                "pathloss",
                "pathloss, photom, resample_spec; live x1d",
                lambda i: runner.make(offset(i)) and stages.spectrum(offset(i)),
            ),
            Contender(
                "pathloss",
                "the same, and extract_1d; all products copied",
                lambda i: lrs.reprocess(
                    observation, offset(100 + i), scratch / f"mine{i}", references=stages.references
                ),
            ),
            Contender(
                "pixel_replace",
                "pixel_replace (fit_profile), resample_spec",
                lambda i: runner.make(
                    recipe.replace(pixel_replace=lrs.PixelReplace("fit_profile", 10 + i))
                ),
            ),
        ],
        Contender("", "Spec2Pipeline", spec2),
        lambda: runner.worker,
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
        [Contender("jump threshold", "jump, ramp_fit on the slit, pasted into the rate", jump)],
        Contender("", "the same steps on the full frame", detector1),
        lambda: runner.worker,
        repeat,
    )

    made = offset(0)
    path = runner.make(made).image

    def moved(start: lrs.Recipe, center: float, i: int) -> lrs.Recipe:
        return start.replace(aperture=lrs.Aperture(center + i / 100, 8.0))

    compare(
        [
            Contender("aperture, then", "live", lambda i: stages.spectrum(moved(made, 25.0, i))),
            Contender(
                "aperture, as delivered", "live", lambda i: stages.spectrum(moved(recipe, 25.0, i))
            ),
        ],
        Contender("", "Extract1dStep", lambda _: Extract1dStep.call(str(path))),
        lambda: runner.worker,
        max(repeat, 20),
    )


if __name__ == "__main__":
    main()
