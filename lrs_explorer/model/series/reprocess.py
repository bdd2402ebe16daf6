"""The exact path for slitless series: segment by segment, by the real pipeline."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.background import check_columns
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.position import find_trace
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.references import References, find_references
from lrs_explorer.model.reprocess import (
    Run,
    check_free,
    copy_product,
    pipeline_parameters,
    provenance_of,
    scratch,
    write_json,
)
from lrs_explorer.model.runs.chain import Stage
from lrs_explorer.model.runs.reprocessor import Report, Reprocessor, StepCounter
from lrs_explorer.model.series.chain import plan_series
from lrs_explorer.model.series.images import open_series
from lrs_explorer.model.series.observation import SlitlessObservation
from lrs_explorer.model.series.spectrum_file import read_series
from lrs_explorer.model.timeseries import SeriesExtractor

__all__ = ["reprocess_series"]

KEPT: Final = ("background", "calints", "outliers", "outlier_detection", "pixel_replace")
"""Stages whose products are kept beside the spectra."""


def reprocess_series(
    observation: SlitlessObservation,
    recipe: Recipe,
    output_dir: PathLike,
    progress: Report | None = None,
    *,
    overwrite: bool = False,
    cancelled: threading.Event | None = None,
    references: References | None = None,
) -> Run:
    """Run the real pipeline on all segments of a series; see `lrs_explorer.model.reprocess`.

    Products are, of each segment, the x1dints and what was made anew on the way: rateints less
    their background, calints, crfints. An aperture that follows the trace is left to the live
    path: the pipeline has one for all integrations, and a note says so.

    Raises
    ------
    LRSExplorerError
        As `reprocess`; or a range of background columns lies over the trace.
    """
    output = Path(os.path.expanduser(output_dir)).absolute()
    targets = plan_series(observation, recipe)
    if recipe.slitless.subtract:
        check_columns(observation.series(), recipe.slitless, find_trace(observation.image()))
    names = _names(observation, targets)
    check_free(
        observation, output, [n for part in names for n in part.values()], overwrite=overwrite
    )
    runner = Reprocessor(observation)
    counter = StepCounter.of(runner.needed(targets), progress, *(["extract_1d"] * len(targets)))
    references = references or find_references(observation, recipe.nods)
    log, provenance, notes = "", {}, []
    with scratch(output) as folder:
        finished: list[str] = []
        for target, name in zip(targets, names, strict=True):
            made = runner.make_target(target, counter, cancelled)
            extractor = SeriesExtractor(open_series("calints", [made.image]), references)
            reference, step = extractor.step_parameters(recipe)
            write_json(folder / name["extract1d"], reference)
            place = folder / "x1d"
            place.mkdir()
            job = {
                "kind": "stage",
                "stage": "x1d",
                "inputs": [made.image.resolve()],
                "folder": place,
                "name": name["x1dints"],
                "parameters": {**step, "override_extract1d": str(folder / name["extract1d"])},
            }
            what = f"the extraction from {made.image.name}"
            result, said = runner.worker.run(job, what, counter.tick, cancelled)
            log += made.log + said
            provenance = provenance_of(made, result, references, recipe)
            notes += provenance["notes"]
            (place / name["x1dints"]).rename(folder / name["x1dints"])
            place.rmdir()
            write_json(folder / name["recipe"], recipe.to_dict())
            write_json(folder / name["pipeline"], pipeline_parameters(made.target, step))
            for stage, path in made.products:
                if stage.name in name:
                    copy_product(path, folder / name[stage.name])
            finished += name.values()
        if recipe.series.follow_trace:
            notes.append("the pipeline's aperture does not follow the trace")
        provenance["notes"] = list(dict.fromkeys(notes))
        (folder / names[0]["log"]).write_text(log, encoding="utf-8")
        write_json(folder / names[0]["run"], provenance)
        products = [(folder / file).replace(output / file) for file in finished]
    spectra = read_series([output / name["x1dints"] for name in names])
    return Run(
        products=tuple(sorted(products)),
        spectrum=dataclasses.replace(spectra, origin="pipeline"),
        log=log,
        provenance=provenance,
    )


def _names(observation: SlitlessObservation, targets: list[Path | Stage]) -> list[dict[str, str]]:
    """Return what the files of each segment are called, by part and by stage.

    The first has those of the whole series as well: log, provenance.
    """
    names: list[dict[str, str]] = []
    for target in targets:
        file = target if isinstance(target, Path) else Path(target.product)
        root = root_of(file)
        part: dict[str, Any] = {"x1dints": f"{root}_x1dints.fits"}
        part |= {kind: f"{root}_{kind}.json" for kind in ("recipe", "extract1d", "pipeline")}
        if isinstance(target, Stage):
            part |= {s.name: s.product for s in target.in_order() if s.name in KEPT}
        names.append(part)
    series = observation.name
    names[0] |= {"log": f"{series}_run.log", "run": f"{series}_run.json"}
    return names
