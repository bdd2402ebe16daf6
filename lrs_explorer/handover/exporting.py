"""A recipe, handed over: what the pipeline alone needs to give the same spectrum."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from lrs_explorer.handover.script import Extraction, Setting, write_script
from lrs_explorer.handover.strun import parameter_files, shell_lines, write_parameters
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import SUBARRAYS, subarray_of
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.live.extractor import NO_APCORR, NO_PSF, Extractor
from lrs_explorer.model.live.references import References, with_extract1d
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.references.crds_settings import crds_settings, own_simulation
from lrs_explorer.model.references.references import find_references
from lrs_explorer.model.reprocess import check_placed
from lrs_explorer.model.runs.output import (
    Part,
    check_free,
    pipeline_parameters,
    scratch,
    write_json,
)
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.reprocessor import Report, Reprocessor
from lrs_explorer.model.runs.targets import check_recipe, targets

__all__ = ["Exported", "export"]

FOLLOWS: Final = (
    "the aperture that follows the trace is left out: the pipeline has one aperture for all "
    "integrations"
)

STEPWISE: Final = (
    "the script runs all steps at once, as calwebb_spec2 does: bit for bit what LRS Explorer makes "
    "at once. What it has run before it takes from its cache, with a WCS that was written and "
    "read, and so rounded: the flux then differs by less than 1e-6 of itself (7e-8 measured)"
)


@dataclass(frozen=True)
class Exported:
    """What `export` wrote.

    Parameters
    ----------
    files : dict
        What each file is for, by its path.
    notes : tuple of str
        What the pipeline has no parameter for, how the script does it and how exactly.
    """

    files: dict[Path, str]
    notes: tuple[str, ...]


def export(
    observation: Given,
    recipe: Recipe | None,
    output_dir: PathLike,
    progress: Report | None = None,
    *,
    overwrite: bool = False,
    cancelled: threading.Event | None = None,
    references: References | None = None,
    extract1d: PathLike | None = None,
) -> Exported:
    """Write what makes the same spectrum without LRS Explorer.

    A Python script that uses the pipeline alone, lines for ``strun``, parameter files
    (``pars-*.asdf``) and the extract1d reference file (for ``override_extract1d``). Nothing is run,
    but where the reference file depends on an image that is not at hand: that is made first, as by
    `reprocess`.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe or None
        None = what the pipeline does by default.
    output_dir : path
        Folder for the files, made where it does not exist.
    progress : callable, optional
        Called with a `StepProgress` where an image has to be made.
    overwrite : bool
        Replace files of the same name in ``output_dir``.
    cancelled : threading.Event, optional
        Stops the making of an image within a second when set.
    references : References, optional
        Reference files of the extraction; looked for when not given.
    extract1d : path, optional
        Extract1d reference file (JSON) of your own, in place of that of CRDS.

    Returns
    -------
    Exported
        The files, what each is for, and what the pipeline has no parameter for.

    Raises
    ------
    LRSExplorerError
        The recipe cannot be followed, a product or reference is missing, or a file exists or cannot
        be written. What was in ``output_dir`` is then as before.
    """
    observation = given_observation(observation)
    recipe = given_recipe(recipe, observation)
    output = Path(os.path.expanduser(output_dir)).absolute()
    parts = [Part.of(observation, target) for target in targets(observation, recipe)]
    check_recipe(observation, recipe)
    _check_names(parts)
    references = references or find_references(observation, recipe.nods)
    if extract1d is not None:
        references = with_extract1d(references, extract1d)
    check_placed(references, recipe)
    root = observation.name if observation.is_series else parts[0].root
    check_free(observation, output, [f"{root}_pipeline.py"], overwrite=overwrite)
    extractions, contents = _extractions(
        observation, recipe, parts, root, references, progress, cancelled
    )
    notes = _notes(observation, recipe, parts, references)
    setting = Setting(
        name=f"{root}_pipeline.py",
        jwst=version("jwst"),
        context=_context(observation, recipe),
        notes=notes,
        blanks=_blanks(observation, parts),
    )
    script = write_script(extractions, recipe, setting, f"{root}_spectrum.ecsv")
    first = extractions[0]
    pipelines = pipeline_parameters(first.part.target, dict(first.parameters))
    pars = parameter_files(root, pipelines, first)
    shell = shell_lines(extractions, pars, script, setting.name, _after(recipe))
    told = {
        setting.name: "Python script: python FILE DATA_FOLDER OUTPUT_FOLDER",
        f"{root}_pipeline.sh": "the same by strun: sh FILE DATA_FOLDER OUTPUT_FOLDER",
        **dict.fromkeys(contents, "extract1d reference file, for override_extract1d"),
        **{one.name: f"parameters of {one.alias}, for strun" for one in pars},
        f"{root}_recipe.json": "the recipe, for LRS Explorer",
    }
    check_free(observation, output, told, overwrite=overwrite)
    with scratch(output) as folder:
        (folder / setting.name).write_text(script.text, encoding="utf-8")
        (folder / f"{root}_pipeline.sh").write_text(shell, encoding="utf-8")
        for name, content in contents.items():
            write_json(folder / name, content)
        for one in pars:
            write_parameters(folder / one.name, one)
        write_json(folder / f"{root}_recipe.json", recipe.to_dict())
        for name in told:  # same file system: each file appears whole or not at all
            (folder / name).replace(output / name)
    return Exported({output / name: what for name, what in told.items()}, notes)


def _check_names(parts: list[Part]) -> None:
    """Check that a script can name all files in one line."""
    named = [part.target for part in parts if isinstance(part.target, Path)]
    named += [one for stage in _stages(parts) for one in stage.inputs if isinstance(one, Path)]
    for path in named:
        if any(ord(character) < 32 or ord(character) == 127 for character in str(path)):
            raise LRSExplorerError(
                f"{str(path)!r} has a control character in its name, which no script can hold in a "
                "line; rename it."
            )


def _extractions(
    observation: Observation,
    recipe: Recipe,
    parts: list[Part],
    root: str,
    references: References,
    progress: Report | None,
    cancelled: threading.Event | None,
) -> tuple[list[Extraction], dict[str, dict[str, Any]]]:
    """Return how each target is extracted, and extract1d references by file name."""
    runner = Reprocessor(observation)
    found: list[Extraction] = []
    contents: dict[str, dict[str, Any]] = {}
    for part in parts:
        path = _image(observation, recipe, part, runner, progress, cancelled)
        extractor = Extractor(observation.image_in(path), references)
        content, step = extractor.step_parameters(recipe)
        same = [name for name, other in contents.items() if other == content]
        name = same[0] if same else f"{part.root if contents else root}_extract1d.json"
        contents[name] = content
        length = recipe.background.smoothing_length if recipe.background else 0
        if recipe.background is None:
            length = int(content["apertures"][0].get("smoothing_length") or 0)
        found.append(Extraction(part, name, step, length // 2))
    return found, contents


def _image(
    observation: Observation,
    recipe: Recipe,
    part: Part,
    runner: Reprocessor,
    progress: Report | None,
    cancelled: threading.Event | None,
) -> Path:
    """Return an image that tells how a target is extracted.

    Its own where that is at hand or decides, else the delivered one.
    """
    made = runner.made_target(part.target)
    if made is not None:
        return made.image
    if not _depends_on_image(recipe):
        kind = "calints" if observation.is_series else "s2d"
        for delivered in observation.products.get(kind, []):
            if delivered.name.startswith(part.root):
                return delivered
    counter = runner.counter(recipe, progress)
    return runner.make_target(part.target, counter, cancelled).image


def _depends_on_image(recipe: Recipe) -> bool:
    """Tell whether the source's place in the image decides what is written for extract_1d."""
    if recipe.aperture is None:
        return recipe.background is not None and bool(recipe.background.regions)
    return recipe.extraction.extraction_type == "optimal"


def _context(observation: Observation, recipe: Recipe) -> str:
    """Return the CRDS context that `reprocess` would use; "" for the newest."""
    settings, _ = crds_settings(observation, recipe.nods)
    return settings.get("CRDS_CONTEXT") or os.environ.get("CRDS_CONTEXT", "")


def _blanks(
    observation: Observation, parts: list[Part]
) -> Mapping[str, tuple[str, tuple[int, int], tuple[int, int]]]:
    """Return subarray, shape and origin of the rates that are made of ramps alone."""
    found = {}
    for stage in _stages(parts):
        if stage.name != "jump" or len(stage.inputs) > 1:
            continue
        source = stage.inputs[0]
        path = source if isinstance(source, Path) else source.inputs[0]
        assert isinstance(path, Path)
        read = subarray_of(observation.header(path)) or SUBARRAYS["FULL"]
        found[stage.product] = (read.name, read.shape, read.origin)
    return found


def _stages(parts: list[Part]) -> list[PlannedProduct]:
    return [
        stage
        for part in parts
        if isinstance(part.target, PlannedProduct)
        for stage in part.target.in_order()
    ]


def _after(recipe: Recipe) -> list[str]:
    """Return what is done to spectra after extract_1d, in words."""
    found = []
    if recipe.uncertainty.method == "bootstrap":
        found.append("errors by the bootstrap")
    if recipe.wavelength.source_offset:
        found.append("wavelengths of a source off the middle")
    return found


def _notes(
    observation: Observation, recipe: Recipe, parts: list[Part], references: References
) -> tuple[str, ...]:
    """Say what the pipeline has no parameter for, and how exactly the script does it."""
    stages = _stages(parts)
    kinds = {stage.name for stage in stages}
    notes = [str(stage.parameters["note"]) for stage in stages if "note" in stage.parameters]
    notes += [note for note in references.notes if note not in (NO_APCORR, NO_PSF)]
    if any(stage.parameters.get("flagged") for stage in stages):
        notes.append(
            "the pipeline has no parameter for pixels flagged by hand: the script flags them in "
            "numpy; the spectrum is the same bit for bit"
        )
    if "background" in kinds:
        notes.append(
            "the pipeline has no step for the sky beside the trace: the script subtracts it in "
            "numpy; the spectra are the same bit for bit"
        )
    if "outliers" in kinds:
        notes.append(
            "the pipeline has no such treatment of outliers in time: the script has it in numpy; "
            "the spectra are the same bit for bit"
        )
    if "recal" in kinds:
        notes.append(
            "pathloss is exchanged in a calibrated exposure, as its rate is not at hand: the "
            "script does so in numpy, bit for bit as LRS Explorer; from the rate the flux would "
            "differ by less than 1e-4 of its error"
        )
    if kinds & {"cal", "recal", "pixel_replace", "s2d"} and not observation.is_series:
        notes.append(STEPWISE)
    if "jump" in kinds:
        notes.append(
            "jump and ramp_fit are run on the slit's part of the ramp and put into the rate, as "
            "in LRS Explorer; the spectrum is the same bit for bit"
        )
    notes += _notes_after(observation, recipe)
    if own_simulation(observation.reference_header(recipe.nods)) and observation.crds is None:
        notes.append(
            "the data are simulated and need the reference files of the simulated instrument: "
            "CRDS_PATH must lead to them (python -m lrs_explorer.simulator crds FOLDER makes them)"
        )
    if observation.crds is not None:
        notes.append(
            "reference files were those of a CRDS cache that was chosen for these data: CRDS_PATH "
            "must lead to it, or to one with the same files"
        )
    return tuple(dict.fromkeys(notes))


def _notes_after(observation: Observation, recipe: Recipe) -> list[str]:
    """Say the same of what is done to the spectra after extract_1d."""
    notes = []
    kind = observation.spectrum_kind
    if recipe.uncertainty.method == "bootstrap":
        notes.append(
            f"the {kind} has the pipeline's errors: the script writes those of the bootstrap into "
            "a table beside it"
        )
    if recipe.wavelength.source_offset:
        notes.append(
            f"the {kind} has the pipeline's wavelengths: the script writes the shifted ones into a "
            "table beside it"
        )
    if observation.is_series and recipe.series.follow_trace:
        notes.append(FOLLOWS)
    return notes
