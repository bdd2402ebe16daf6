"""What `reprocess` writes: which files, what they are called, and all of them or none."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lrs_explorer._version import __version__
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.html import facts_html
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.live.references import References
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.runs.plan import PlannedProduct, own_association
from lrs_explorer.model.runs.reprocessor import Made
from lrs_explorer.model.series.products import TimeSeries

__all__ = [
    "Part",
    "Run",
    "associations_of",
    "check_free",
    "copy_product",
    "pipeline_parameters",
    "provenance_of",
    "scratch",
    "write_json",
]

KEPT: Final = ("jump", "cal", "recal", "background", "calints", "outliers", "outlier_detection")
"""Stages whose products are kept beside the image that is extracted from, and the spectrum."""


@dataclass(frozen=True)
class Run:
    """What `reprocess` made.

    Parameters
    ----------
    products : tuple of Path
        Files in the output folder: the spectra; what was made anew on the way to them (rate, cal
        and s2d; rateints, calints and crfints of time series), and a delivered s2d; the recipe, the
        extract1d reference, the parameters of the pipeline, the provenance ("run") and the log.
    spectra : tuple of Path
        The spectra alone: the x1d, or the x1dints of each segment of a time series.
    spectrum : Spectrum or TimeSeries
        What the pipeline wrote into them.
    log : str
    provenance : dict
        Versions, CRDS context, reference files by type, and notes.
    """

    products: tuple[Path, ...]
    spectra: tuple[Path, ...]
    spectrum: Spectrum | TimeSeries
    log: str = field(repr=False)
    provenance: dict[str, Any]

    def _repr_html_(self) -> str:
        rows: list[tuple[str, object]] = [("folder", self.products[0].parent)]
        rows += [("product", path.name) for path in self.products]
        rows += [("note", note) for note in self.provenance.get("notes", ())]
        return facts_html("Run of the pipeline", rows)


@dataclass(frozen=True)
class Part:
    """What is written for one target.

    Parameters
    ----------
    target : Path or PlannedProduct
    root : str
        With which the names of its files begin.
    spectrum : str
        File name of the spectrum.
    kept : tuple of Path or PlannedProduct
        Products that are copied beside it.
    """

    target: Path | PlannedProduct
    root: str
    spectrum: str
    kept: tuple[Path | PlannedProduct, ...]

    @classmethod
    def of(cls, observation: Observation, target: Path | PlannedProduct) -> Part:
        """Return what is written for a target of an observation."""
        root = root_of(Path(_file_name(target)))
        kept: tuple[Path | PlannedProduct, ...]
        if isinstance(target, PlannedProduct):
            kept = tuple(
                stage
                for stage in target.in_order()
                if stage is target or (stage.name in KEPT and stage.exposure == target.exposure)
            )
        else:  # what was delivered of a time series is too large to be copied
            kept = () if observation.is_series else (target,)
        return cls(target, root, f"{root}_{observation.spectrum_kind}.fits", kept)

    def name(self, what: str) -> str:
        """Return the name of its "recipe", "extract1d" or "pipeline"."""
        return f"{self.root}_{what}.json"

    @property
    def names(self) -> list[str]:
        """The names of all its files."""
        written = [self.name(what) for what in ("recipe", "extract1d", "pipeline")]
        copied = [_file_name(product) for product in self.kept]
        return [self.spectrum, *written, *copied, *associations_of(self.target)]

    def copies(self) -> Iterator[tuple[Path | PlannedProduct, str]]:
        """Yield each product that is kept, and the name of its copy."""
        for product in self.kept:
            yield product, _file_name(product)


def _file_name(product: Path | PlannedProduct) -> str:
    return product.name if isinstance(product, Path) else product.product


def check_free(
    observation: Observation, output: Path, names: Iterable[str], *, overwrite: bool
) -> None:
    """Check that files may be written into a folder.

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
                f"{output} holds {name} already; choose another folder or allow overwriting "
                "(overwrite=True, --overwrite)."
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


def pipeline_parameters(
    target: Path | PlannedProduct, extract_1d: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the parameters with which the pipelines give the same result.

    Parameters
    ----------
    target : Path or PlannedProduct
        What made the image; a path for the delivered one.
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
    stages = [*target.in_order()] if isinstance(target, PlannedProduct) else []
    for stage in stages:
        given = stage.parameters
        match stage.name:
            case "jump":
                steps["jump"] = dict(given)
            case "flat":
                steps["bkg_subtract"] = {"skip": len(stage.inputs) < 2}
            case "cal" | "recal":
                steps |= _pathloss_steps(stage)
                if not _is_image(stages):  # on integrations it stops (jwst 3.0)
                    steps["resample_spec"] = {"skip": True}
            case "pixel_replace" | "level_3":
                steps["pixel_replace"] = dict(given["step"])
            case "outlier_detection":
                tso3 = {"outlier_detection": {"skip": False}}
            case "ramp" | "s2d" | "calints":
                pass  # by the pipeline's own parameters
            case "background" | "outliers":
                pass  # no step of the pipeline: HISTORY tells
            case _:
                raise unknown("stage", stage.name)
        if "trace_model" in given:
            steps["adaptive_trace_model"] = dict(given["trace_model"])
        if "resample" in given:
            steps["resample_spec"] = dict(given["resample"])
        if given.get("photom") == "skip":
            steps["photom"] = {"skip": True}
    steps["extract_1d"] = dict(extract_1d)
    pipelines = {"calwebb_detector1": {"jump": steps.pop("jump")} if "jump" in steps else {}}
    third = {}
    if isinstance(target, PlannedProduct) and target.name == "level_3":
        of_third = ("adaptive_trace_model", "pixel_replace", "resample_spec", "extract_1d")
        third = {name: steps.pop(name) for name in of_third if name in steps}
    pipelines |= {"calwebb_spec2": steps, "calwebb_spec3": third, "calwebb_tso3": tso3}
    return {name: {"steps": value} for name, value in pipelines.items() if value}


def _pathloss_steps(stage: PlannedProduct) -> dict[str, dict[str, Any]]:
    """Return the parameters of the steps that correct for the place of a source in the slit."""
    given = stage.parameters
    steps: dict[str, dict[str, Any]] = {
        "targ_centroid": {"skip": given["mode"] != "ta"},
        "pathloss": {"skip": given["mode"] == "off"},
    }
    if given["mode"] == "ta":
        steps["targ_centroid"]["ta_file"] = str(stage.inputs[1])
    if given["user_slit_loc"] is not None:
        steps["pathloss"]["user_slit_loc"] = given["user_slit_loc"]
    return steps


def _is_image(stages: Iterable[PlannedProduct]) -> bool:
    """Tell whether stages lead to an image of the slit, rather than to integrations."""
    return any(stage.name in ("s2d", "level_3") for stage in stages)


def associations_of(target: Path | PlannedProduct) -> dict[str, dict[str, Any]]:
    """Return the associations by which calwebb_spec2 subtracts what a recipe names.

    Parameters
    ----------
    target : Path or PlannedProduct

    Returns
    -------
    dict
        Contents by file name: one for each exposure, none where the recipe names no backgrounds.
        Members are named by their paths; those that were made anew, by their names.
    """
    found: dict[str, dict[str, Any]] = {}
    stages = [*target.in_order()] if isinstance(target, PlannedProduct) else []
    kind = "spec2" if _is_image(stages) else "tso-spec2"
    for stage in stages:
        root = root_of(Path(stage.product))
        name, pool = stage.parameters.get("association", ("", ""))
        if stage.name not in ("flat", "calints") or name != own_association(root):
            continue
        members = [
            {
                "expname": str(one.resolve()) if isinstance(one, Path) else one.product,
                "exptype": "background" if number else "science",
            }
            for number, one in enumerate(stage.inputs)
        ]
        found[name] = {
            "asn_type": kind,
            "asn_rule": "DMSLevel2bBase",
            "asn_id": "a3001",
            "asn_pool": pool,
            "program": "noprogram",
            "target": "none",
            "products": [{"name": root, "members": members}],
        }
    return found


def provenance_of(
    made: Made, extraction: Mapping[str, Any], references: References, recipe: Recipe
) -> dict[str, Any]:
    """Tell what a spectrum was made with; its model names the references of all steps before."""
    notes = [*made.notes, *extraction["notes"], *references.notes]
    if any(stage.parameters.get("flagged") for stage, _ in made.products):
        notes.append("pixels were flagged by hand, which has no pipeline parameter")
    if any(stage.name in ("background", "outliers") for stage, _ in made.products):
        notes.append(
            "the integrations were changed between steps: HISTORY of their files tells how"
        )
    if recipe.uncertainty.method == "bootstrap":
        notes.append("errors are the pipeline's: those of the bootstrap come with lrs.extract")
    if recipe.wavelength.source_offset:
        notes.append("wavelengths are the pipeline's: the recipe's shift is not applied")
    return {
        "lrs_explorer": __version__,
        "jwst": version("jwst"),
        "crds": version("crds"),
        "context": extraction["context"],
        "references": extraction["references"],
        "notes": notes,
    }
