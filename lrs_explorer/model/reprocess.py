"""The exact path: a recipe's image and spectrum by the real pipeline, as the files it writes."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lrs_explorer._version import __version__
from lrs_explorer.model.chain import Stage
from lrs_explorer.model.dataset import Observation
from lrs_explorer.model.disk import PathLike
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.extraction import Extractor
from lrs_explorer.model.io import read_image, read_spectrum
from lrs_explorer.model.products import Spectrum
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.recognition import root_of
from lrs_explorer.model.references import References, find_references
from lrs_explorer.model.reprocessor import Made, Report, Reprocessor

__all__ = ["Run", "pipeline_parameters", "reprocess"]


@dataclass(frozen=True)
class Run:
    """What `reprocess` made.

    Parameters
    ----------
    products : tuple of Path
        Files in the output folder: rate (where jumps were found anew), cal, s2d and x1d; the
        recipe, the extract1d reference, the parameters of the pipeline, the log.
    spectrum : Spectrum
        The x1d that the pipeline wrote.
    log : str
    provenance : dict
        Versions, CRDS context, reference files by type, and notes.
    """

    products: tuple[Path, ...]
    spectrum: Spectrum
    log: str
    provenance: dict[str, Any]


def reprocess(
    observation: Observation,
    recipe: Recipe,
    output_dir: PathLike,
    progress: Report | None = None,
    *,
    overwrite: bool = False,
    cancelled: threading.Event | None = None,
    references: References | None = None,
) -> Run:
    """Run the real pipeline as a recipe says and keep its products.

    Only the stages that the recipe changes are run; those run before, in this session or another,
    are taken from a cache on disk. Steps run in a process of their own.

    Parameters
    ----------
    observation : Observation
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

    Returns
    -------
    Run

    Raises
    ------
    LRSExplorerError
        A product or reference is missing, a step failed, the run was cancelled, or a file exists or
        cannot be written. What was in ``output_dir`` is then as before.
    """
    output = Path(os.path.expanduser(output_dir)).absolute()
    runner = Reprocessor(observation)
    number = observation.number(recipe.nods)
    counter = runner.counter(recipe, progress, "extract_1d")
    made = runner.make(recipe, counter, cancelled)
    references = references or find_references(observation, recipe.nods)
    image = read_image(made.image)
    extractor = Extractor(image, references)
    reference, step = extractor.step_parameters(recipe)
    root = root_of(made.image)

    try:
        output.mkdir(parents=True, exist_ok=True)
        scratch = tempfile.TemporaryDirectory(prefix=".lrs-explorer-", dir=output)
    except OSError as error:
        raise _unwritable(output, error) from None
    with scratch as name:
        folder = Path(name)
        files = {f"{root}_s2d.fits": made.image}
        for stage, path in made.products:
            if stage.exposure == number and stage.name in ("jump", "cal", "recal"):
                files[path.name] = path
        own = {
            f"{root}_recipe.json": recipe.to_dict(),
            f"{root}_extract1d.json": reference,
            f"{root}_pipeline.json": pipeline_parameters(made.target, step),
        }
        names = [*files, *own, f"{root}_x1d.fits", f"{root}_run.log"]
        if not overwrite:
            _check_free(output, names)
        try:
            for file, content in own.items():
                (folder / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            job = {
                "kind": "stage",
                "stage": "x1d",
                "inputs": [made.image.resolve()],
                "folder": folder / "x1d",
                "name": f"{root}_x1d.fits",
                "parameters": {
                    **step,
                    "override_extract1d": str(folder / f"{root}_extract1d.json"),
                },
            }
            (folder / "x1d").mkdir()
            result, log = runner.worker.run(
                job, f"extract_1d on {made.image.name}", counter.tick, cancelled
            )
            (folder / "x1d" / f"{root}_x1d.fits").rename(folder / f"{root}_x1d.fits")
            (folder / f"{root}_run.log").write_text(made.log + log, encoding="utf-8")
            for file, source in files.items():
                shutil.copyfile(source, folder / file)
            # Same file system: each product appears whole or not at all.
            products = [(folder / file).replace(output / file) for file in names]
        except OSError as error:
            raise _unwritable(output, error) from None
    spectrum = read_spectrum(output / f"{root}_x1d.fits")
    return Run(
        products=tuple(sorted(products)),
        spectrum=dataclasses.replace(spectrum, origin="pipeline"),
        log=made.log + log,
        provenance=_provenance(made, result, references),
    )


def pipeline_parameters(target: Stage | None, extract_1d: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters with which the pipelines give the same result.

    Parameters
    ----------
    target : Stage or None
        What made the image; None for the delivered one.
    extract_1d : Mapping
        Parameters of that step. The extract1d reference is a file of its own, for its
        ``override_extract1d``.

    Returns
    -------
    dict
        For each pipeline, ``{"steps": {step: parameters}}`` as its ``call`` takes it.
    """
    steps: dict[str, dict[str, Any]] = {}
    for stage in target.in_order() if target else ():
        given = stage.parameters
        if stage.name == "jump":
            steps["jump"] = {"rejection_threshold": given["rejection_threshold"]}
        elif stage.name == "flat":
            steps["bkg_subtract"] = {"skip": len(stage.inputs) < 2}
        elif stage.name in ("cal", "recal"):
            steps["targ_centroid"] = {"skip": given["mode"] != "ta"}
            if given["mode"] == "ta":
                steps["targ_centroid"]["ta_file"] = str(stage.inputs[1])
            steps["pathloss"] = {"skip": given["mode"] == "off"}
            if given["user_slit_loc"] is not None:
                steps["pathloss"]["user_slit_loc"] = given["user_slit_loc"]
        elif stage.name in ("pixel_replace", "level_3"):
            names = ("algorithm", "n_adjacent_cols")
            off = given["algorithm"] == "off"
            chosen = {} if off else {name: given[name] for name in names}
            steps["pixel_replace"] = {"skip": off, **chosen}
    steps["extract_1d"] = dict(extract_1d)
    pipelines = {"calwebb_detector1": {"jump": steps.pop("jump")} if "jump" in steps else {}}
    third = {}
    if target is not None and target.name == "level_3":
        third = {name: steps.pop(name) for name in ("pixel_replace", "extract_1d")}
    pipelines |= {"calwebb_spec2": steps, "calwebb_spec3": third}
    return {name: {"steps": value} for name, value in pipelines.items() if value}


def _provenance(
    made: Made, extraction: Mapping[str, Any], references: References
) -> dict[str, Any]:
    """Tell what a spectrum was made with; its model names the references of all steps before."""
    return {
        "lrs_explorer": __version__,
        "jwst": version("jwst"),
        "crds": version("crds"),
        "context": extraction["context"],
        "references": extraction["references"],
        "notes": [*made.notes, *extraction["notes"], *references.notes],
    }


def _check_free(folder: Path, names: list[str]) -> None:
    taken = [name for name in names if (folder / name).exists()]
    if taken:
        raise LRSExplorerError(
            f"{folder} holds {taken[0]} already; choose another folder or allow overwriting."
        )


def _unwritable(folder: Path, error: OSError) -> LRSExplorerError:
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return LRSExplorerError(
        f"products cannot be written into {folder}: {reason}; choose another folder or make room."
    )
