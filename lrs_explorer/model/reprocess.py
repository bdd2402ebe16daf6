"""The exact path: a recipe's image and spectrum by the real pipeline, as the files it writes."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lrs_explorer._version import __version__
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.extraction import Extractor
from lrs_explorer.model.files.dataset import Observation
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.io import read_image, read_spectrum
from lrs_explorer.model.products import Spectrum
from lrs_explorer.model.recipe import Recipe
from lrs_explorer.model.references import References, find_references
from lrs_explorer.model.runs.chain import Stage, plan
from lrs_explorer.model.runs.reprocessor import Made, Report, Reprocessor
from lrs_explorer.model.series.observation import SlitlessObservation
from lrs_explorer.model.series.products import TimeSeries

__all__ = [
    "Run",
    "check_free",
    "check_output",
    "copy_product",
    "pipeline_parameters",
    "provenance_of",
    "reprocess",
    "scratch",
    "write_json",
]

KEPT: Final = ("jump", "cal", "recal")
"""Stages whose products are kept beside image and spectrum."""


@dataclass(frozen=True)
class Run:
    """What `reprocess` made.

    Parameters
    ----------
    products : tuple of Path
        Files in the output folder: rate (where jumps were found anew), cal (where it was made
        anew), s2d and x1d; the recipe, the extract1d reference, the parameters of the pipeline,
        the provenance ("run") and the log.
    spectrum : Spectrum or TimeSeries
        The x1d, or x1dints, that the pipeline wrote.
    log : str
    provenance : dict
        Versions, CRDS context, reference files by type, and notes.
    """

    products: tuple[Path, ...]
    spectrum: Spectrum | TimeSeries
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
    if isinstance(observation, SlitlessObservation):
        from lrs_explorer.model.series.reprocess import reprocess_series

        return reprocess_series(
            observation,
            recipe,
            output_dir,
            progress,
            overwrite=overwrite,
            cancelled=cancelled,
            references=references,
        )
    output, names = check_output(observation, recipe, output_dir, overwrite=overwrite)
    runner = Reprocessor(observation)
    with scratch(output) as folder:
        counter = runner.counter(recipe, progress, "extract_1d")
        made = runner.make(recipe, counter, cancelled)
        references = references or find_references(observation, recipe.nods)
        extractor = Extractor(read_image(made.image), references)
        reference, step = extractor.step_parameters(recipe)
        write_json(folder / names["extract1d"], reference)
        (folder / "x1d").mkdir()
        job = {
            "kind": "stage",
            "stage": "x1d",
            "inputs": [made.image.resolve()],
            "folder": folder / "x1d",
            "name": names["x1d"],
            "parameters": {**step, "override_extract1d": str(folder / names["extract1d"])},
        }
        name = f"the extraction from {made.image.name}"
        result, log = runner.worker.run(job, name, counter.tick, cancelled)
        log = made.log + log
        provenance = provenance_of(made, result, references, recipe)
        (folder / "x1d" / names["x1d"]).rename(folder / names["x1d"])
        (folder / names["log"]).write_text(log, encoding="utf-8")
        write_json(folder / names["recipe"], recipe.to_dict())
        write_json(folder / names["pipeline"], pipeline_parameters(made.target, step))
        write_json(folder / names["run"], provenance)
        copy_product(made.image, folder / names["image"])
        for stage, path in made.products:
            if names.get(stage.name) == stage.product:
                copy_product(path, folder / stage.product)
        # Same file system: each product appears whole or not at all.
        products = [(folder / name).replace(output / name) for name in names.values()]
    return Run(
        products=tuple(sorted(products)),
        spectrum=dataclasses.replace(read_spectrum(output / names["x1d"]), origin="pipeline"),
        log=log,
        provenance=provenance,
    )


def check_output(
    observation: Observation, recipe: Recipe, output_dir: PathLike, *, overwrite: bool = False
) -> tuple[Path, dict[str, str]]:
    """Check that `reprocess` may write its files; return the folder and what they are called.

    Parameters
    ----------
    observation, recipe, output_dir, overwrite
        As in `reprocess`.

    Returns
    -------
    Path, dict of str to str
        Names by "image", "x1d", "recipe", "extract1d", "pipeline", "run", "log", and by the stages
        whose products are kept too.

    Raises
    ------
    LRSExplorerError
        A file is in the way, or is one of the observation's own, which are never replaced.
    """
    output = Path(os.path.expanduser(output_dir)).absolute()
    target, number = plan(observation, recipe), observation.number(recipe.nods)
    names = {"image": target.name if isinstance(target, Path) else target.product}
    root = root_of(Path(names["image"]))
    names |= {"x1d": f"{root}_x1d.fits", "log": f"{root}_run.log"}
    names |= {part: f"{root}_{part}.json" for part in ("recipe", "extract1d", "pipeline", "run")}
    if isinstance(target, Stage):
        kept = [stage for stage in target.in_order() if stage.name in KEPT]
        names |= {stage.name: stage.product for stage in kept if stage.exposure == number}
    check_free(observation, output, names.values(), overwrite=overwrite)
    return output, names


def check_free(
    observation: Observation, output: Path, names: Iterable[str], *, overwrite: bool
) -> None:
    """Check that files may be written.

    Raises
    ------
    LRSExplorerError
        A file is in the way, or is one of the observation's own, which are never replaced.
    """
    own = {product.path.resolve() for product in observation.files}
    for name in names:
        path = output / name
        if path.resolve() in own:
            raise LRSExplorerError(
                f"{path} is a product of the observation itself and is not replaced; choose "
                "another folder."
            )
        if path.is_dir():
            raise LRSExplorerError(f"{path} is a folder; choose another folder for the products.")
        if path.exists() and not overwrite:
            raise LRSExplorerError(
                f"{output} holds {name} already; choose another folder or allow overwriting."
            )


@contextmanager
def scratch(output: Path) -> Iterator[Path]:
    """Give a folder within ``output``; when something fails, ``output`` is as it was before."""
    existed = output.exists()
    try:
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".lrs-explorer-", dir=output) as folder:
            yield Path(folder)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise LRSExplorerError(
            f"products cannot be written into {output}: {reason}; choose another folder or make "
            "room."
        ) from None
    finally:
        if not existed:
            with suppress(OSError):  # only an empty folder goes
                output.rmdir()


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON."""
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def copy_product(source: Path, target: Path) -> None:
    """Copy a product, or say that it went."""
    try:
        shutil.copyfile(source, target)
    except FileNotFoundError:
        raise LRSExplorerError(f"{source} vanished while it was needed; run it again.") from None


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
    tso3: dict[str, dict[str, Any]] = {}
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
        elif stage.name == "outlier_detection":
            tso3 = {"outlier_detection": {"skip": False}}
    steps["extract_1d"] = dict(extract_1d)
    pipelines = {"calwebb_detector1": {"jump": steps.pop("jump")} if "jump" in steps else {}}
    third = {}
    if target is not None and target.name == "level_3":
        third = {name: steps.pop(name) for name in ("pixel_replace", "extract_1d")}
    pipelines |= {"calwebb_spec2": steps, "calwebb_spec3": third, "calwebb_tso3": tso3}
    return {name: {"steps": value} for name, value in pipelines.items() if value}


def provenance_of(
    made: Made, extraction: Mapping[str, Any], references: References, recipe: Recipe
) -> dict[str, Any]:
    """Tell what a spectrum was made with; its model names the references of all steps before."""
    notes = [*made.notes, *extraction["notes"], *references.notes]
    if any(stage.parameters.get("flagged") for stage, _ in made.products):
        notes.append("pixels were flagged by hand, which no parameter of the pipeline can say")
    if any(stage.name in ("background", "outliers") for stage, _ in made.products):
        notes.append(
            "the integrations were changed between steps: HISTORY of their files tells how"
        )
    if recipe.uncertainty.method == "bootstrap":
        notes.append("errors are the pipeline's: those of the bootstrap come with lrs.extract")
    if recipe.wavelength.slit_offset:
        notes.append("wavelengths are the pipeline's: the shift that the recipe asks for is not in")
    return {
        "lrs_explorer": __version__,
        "jwst": version("jwst"),
        "crds": version("crds"),
        "context": extraction["context"],
        "references": extraction["references"],
        "notes": notes,
    }
