"""The exact path: what a recipe asks for by the real pipeline, as the files it writes."""

from __future__ import annotations

import dataclasses
import os
import threading
from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.live.extractor import Extractor, finer_pixels
from lrs_explorer.model.live.references import References, with_extract1d
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.references.references import find_references
from lrs_explorer.model.runs.output import (
    Part,
    Run,
    associations_of,
    check_free,
    copy_product,
    pipeline_parameters,
    provenance_of,
    scratch,
    write_json,
)
from lrs_explorer.model.runs.reprocessor import Report, Reprocessor
from lrs_explorer.model.runs.targets import check_recipe, targets

__all__ = ["Run", "check_output", "check_placed", "reprocess"]


def reprocess(
    observation: Given,
    recipe: Recipe,
    output_dir: PathLike,
    progress: Report | None = None,
    *,
    overwrite: bool = False,
    cancelled: threading.Event | None = None,
    references: References | None = None,
    extract1d: PathLike | None = None,
    images: bool = True,
) -> Run:
    """Run the real pipeline as a recipe says and keep its products.

    Only the stages that the recipe changes are run; those run before, in this session or another,
    are taken from a cache on disk. Steps run in a process of their own. Of a time series, every
    segment is run. An aperture that follows its trace is left to the live path: the pipeline has
    one for all integrations, and a note says so.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe
    output_dir : path
        Folder for the products, made where it does not exist.
    progress : callable, optional
        Called with a `StepProgress` five times a second.
    overwrite : bool
        Replace files of the same name in ``output_dir``.
    cancelled : threading.Event, optional
        Stops the run within a second when set.
    references : References, optional
        Reference files of the extraction; looked for when not given.
    extract1d : path, optional
        Extract1d reference file (JSON) of your own, in place of that of CRDS.
    images : bool
        Write the images, too, that spectra are extracted from, and what was made on the way.

    Returns
    -------
    Run
        The files, and the spectrum that the pipeline wrote.

    Raises
    ------
    LRSExplorerError
        The recipe cannot be followed, a product or reference is missing, a step failed, the run was
        cancelled, or a file exists or cannot be written. What was in ``output_dir`` is then as
        before.
    """
    observation = given_observation(observation)
    recipe = given_recipe(recipe, observation)
    output, parts = check_output(observation, recipe, output_dir, overwrite=overwrite)
    if not images:
        parts = [dataclasses.replace(part, kept=()) for part in parts]
    runner = Reprocessor(observation)
    counter = runner.counter(recipe, progress, *(["extract_1d"] * len(parts)))
    log, notes = "", []
    provenance: dict[str, Any] = {}
    with scratch(output) as folder:
        for part in parts:
            made = runner.make_target(part.target, counter, cancelled)
            references = references or find_references(observation, recipe.nods)
            if extract1d is not None:
                references, extract1d = with_extract1d(references, extract1d), None
            check_placed(references, recipe)
            image = observation.image_in(made.image)
            extractor, finer = Extractor(image, references), finer_pixels(image)
            reference, step = extractor.step_parameters(recipe)
            write_json(folder / part.name("extract1d"), reference)
            place = folder / "x1d"
            place.mkdir()
            job = {
                "kind": "stage",
                "stage": "x1d",
                "inputs": [made.image.resolve()],
                "folder": place,
                "name": part.spectrum,
                "parameters": {**step, "override_extract1d": str(folder / part.name("extract1d"))},
            }
            what = f"the extraction from {made.image.name}"
            result, said = runner.worker.run(job, what, counter.tick, cancelled)
            log += made.log + said
            provenance = provenance_of(made, result, references, recipe)
            notes += [n for n in (*provenance["notes"], finer) if n and n not in notes]
            (place / part.spectrum).rename(folder / part.spectrum)
            place.rmdir()
            write_json(folder / part.name("recipe"), recipe.to_dict())
            write_json(folder / part.name("pipeline"), pipeline_parameters(part.target, step))
            for name, association in associations_of(part.target).items():
                write_json(folder / name, association)
            for product, name in part.copies():
                copy_product(runner.make_target(product, counter, cancelled).image, folder / name)
        if observation.is_series and recipe.series.follow_trace:
            notes.append("the pipeline's aperture does not follow the trace")
        provenance["notes"] = notes
        log_name, run_name = _names_of_all(observation, parts)
        (folder / log_name).write_text(log, encoding="utf-8")
        write_json(folder / run_name, provenance)
        # Same file system: each product appears whole or not at all.
        names = _names(observation, parts)
        products = [(folder / name).replace(output / name) for name in names]
    spectra = tuple(output / part.spectrum for part in parts)
    return Run(
        products=tuple(sorted(products)),
        spectra=spectra,
        spectrum=dataclasses.replace(observation.spectrum_in(spectra), origin="pipeline"),
        log=log,
        provenance=provenance,
    )


def check_placed(references: References, recipe: Recipe) -> None:
    """Check that aperture and background are those of the reference file, or of the recipe."""
    why = references.missing.get("extract1d")
    if why and (recipe.aperture is None or recipe.background is None):
        raise LRSExplorerError(
            f"nothing was written: the extract1d reference file, which places the aperture, could "
            f"not be had ({why.rstrip('.')}); try again, or give one (extract1d=, --extract1d), or "
            "choose aperture and background yourself."
        )


def check_output(
    observation: Observation, recipe: Recipe, output_dir: PathLike, *, overwrite: bool = False
) -> tuple[Path, list[Part]]:
    """Check that `reprocess` can follow a recipe and may write its files.

    Parameters
    ----------
    observation, recipe, output_dir, overwrite
        As in `reprocess`.

    Returns
    -------
    Path, list of Part
        The folder, and what is written for each target.

    Raises
    ------
    LRSExplorerError
        The recipe cannot be followed, or a product is missing; a file is in the way, or is one of
        the observation's own, which are never replaced.
    """
    output = Path(os.path.expanduser(output_dir)).absolute()
    parts = [Part.of(observation, target) for target in targets(observation, recipe)]
    check_recipe(observation, recipe)
    check_free(observation, output, _names(observation, parts), overwrite=overwrite)
    return output, parts


def _names(observation: Observation, parts: list[Part]) -> list[str]:
    """Return the names of all files."""
    return [name for part in parts for name in part.names] + _names_of_all(observation, parts)


def _names_of_all(observation: Observation, parts: list[Part]) -> list[str]:
    """Return the names of the log and the provenance, of which there is one for all targets."""
    root = observation.name if observation.is_series else parts[0].root
    return [f"{root}_run.log", f"{root}_run.json"]
