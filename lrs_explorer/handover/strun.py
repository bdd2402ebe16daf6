"""A plan of the pipeline as parameter files and lines for ``strun``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lrs_explorer._version import __version__
from lrs_explorer.handover.script import Extraction, Written
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.runs.plan import PlannedProduct

__all__ = ["Parameters", "parameter_files", "shell_lines", "write_parameters"]

CLASSES: Final = {
    "adaptive_trace_model": "jwst.step.AdaptiveTraceModelStep",
    "bkg_subtract": "jwst.step.BackgroundStep",
    "calwebb_detector1": "jwst.pipeline.Detector1Pipeline",
    "calwebb_spec2": "jwst.pipeline.Spec2Pipeline",
    "calwebb_spec3": "jwst.pipeline.Spec3Pipeline",
    "calwebb_tso3": "jwst.pipeline.Tso3Pipeline",
    "extract_1d": "jwst.step.Extract1dStep",
    "jump": "jwst.step.JumpStep",
    "outlier_detection": "jwst.step.OutlierDetectionStep",
    "pathloss": "jwst.step.PathLossStep",
    "photom": "jwst.step.PhotomStep",
    "pixel_replace": "jwst.step.PixelReplaceStep",
    "resample_spec": "jwst.step.ResampleSpecStep",
    "targ_centroid": "jwst.step.TargCentroidStep",
}
"""Class of each pipeline and step by its alias."""

NUMPY: Final = {
    "jump": "jump and ramp_fit on the slit's part of the ramp alone",
    "recal": "another pathloss correction of a calibrated exposure",
    "background": "the sky beside the trace",
    "outliers": "outliers in time",
    "outlier_detection": "outlier_detection alone, whose mode strun cannot set",
}
"""Stages that no line of strun does."""


@dataclass(frozen=True)
class Parameters:
    """A parameter file.

    Parameters
    ----------
    name : str
        File name.
    alias : str
        Of the pipeline or step.
    parameters : Mapping
        Of a step; of a pipeline, ``{"steps": {alias: parameters}}``.
    """

    name: str
    alias: str
    parameters: Mapping[str, Any]


def parameter_files(
    root: str, pipelines: Mapping[str, Any], extraction: Extraction
) -> list[Parameters]:
    """Return the parameter files of a recipe: of each pipeline, and of extract_1d alone.

    Parameters
    ----------
    root : str
        With which their names begin.
    pipelines : Mapping
        Of `lrs_explorer.model.runs.output.pipeline_parameters`.
    extraction : Extraction
    """
    found = []
    for alias, chosen in pipelines.items():
        steps = {name: dict(given) for name, given in chosen["steps"].items()}
        if "ta_file" in steps.get("targ_centroid", {}):
            steps["targ_centroid"]["ta_file"] = Path(steps["targ_centroid"]["ta_file"]).name
        if "extract_1d" in steps:
            steps["extract_1d"]["override_extract1d"] = extraction.reference
        if steps.keys() != {"extract_1d"}:
            kind = CLASSES[alias].rpartition(".")[2].lower()
            found.append(Parameters(f"{root}_pars-{kind}.asdf", alias, {"steps": steps}))
    own = {**extraction.parameters, "override_extract1d": extraction.reference}
    return [*found, Parameters(f"{root}_pars-extract1dstep.asdf", "extract_1d", own)]


def write_parameters(path: Path, chosen: Parameters) -> None:
    """Write a parameter file as stpipe reads it (schema stpipe/step_config-1.0.0).

    An ASDF file of plain values is text; asdf would first load the extensions of all packages,
    which takes seconds.
    """
    told = f"Parameters of {chosen.alias}, by LRS Explorer {__version__}"
    tree = {**_config(chosen.alias, chosen.parameters), "meta": {"description": told}}
    path.write_text("\n".join([*ASDF_HEAD, *_yaml(tree), "...", ""]), encoding="utf-8")


ASDF_HEAD: Final = (
    "#ASDF 1.0.0",
    "#ASDF_STANDARD 1.6.0",
    "%YAML 1.1",
    "%TAG ! tag:stsci.edu:asdf/",
    "--- !core/asdf-1.1.0",
)
"""With which an ASDF file begins."""


def _yaml(tree: Mapping[str, Any], indent: str = "") -> list[str]:
    """Return lines of YAML for mappings and lists of mappings down to plain values."""
    lines = []
    for name, value in tree.items():
        if isinstance(value, list):
            lines.append(f"{indent}{name}:")
            for one in value:
                first, *rest = _yaml(one, f"{indent}  ")
                lines += [f"{indent}- {first.lstrip()}", *rest]
        elif isinstance(value, Mapping) and value:
            lines += [f"{indent}{name}:", *_yaml(value, f"{indent}  ")]
        else:
            lines.append(f"{indent}{name}: {_scalar(value)}")
    return lines


def _scalar(value: Any) -> str:
    """Return a plain value as YAML 1.1 has it, where a float has a point."""
    text = json.dumps(value)
    if isinstance(value, float) and "." not in text:
        text = text.replace("e", ".0e") if "e" in text else f"{text}.0"
    return text


def _config(alias: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    steps = parameters.get("steps", {})
    own = {name: value for name, value in parameters.items() if name != "steps"}
    name = CLASSES[alias].rpartition(".")[2] if alias.startswith("calwebb") else alias
    tree: dict[str, Any] = {"class": CLASSES[alias], "name": name, "parameters": own}
    if steps:
        tree["steps"] = [_config(step, given) for step, given in steps.items()]
    return tree


def shell_lines(
    extractions: Sequence[Extraction],
    files: Iterable[Parameters],
    written: Written,
    script: str,
    after: Sequence[str],
) -> str:
    """Return a shell script with a line of strun for each step or pipeline.

    Parameters
    ----------
    extractions : sequence of Extraction
    files : iterable of Parameters
    written : Written
        The Python script, and where it finds its files.
    script : str
        Its name.
    after : sequence of str
        What is done to spectra in numpy.
    """
    lines = _Lines(written, {one.alias: one.name for one in files}, extractions[0])
    plans = [
        [*one.part.target.in_order()] if isinstance(one.part.target, PlannedProduct) else []
        for one in extractions
    ]
    needed = [_not_by_strun(stage, stages) for stages in plans for stage in stages]
    others = [*dict.fromkeys(what for what in needed if what), *after]
    head = [
        "#!/bin/sh",
        f"# The same as {script}, by strun of the JWST pipeline.",
        f"#     sh {script.removesuffix('.py')}.sh DATA_FOLDER OUTPUT_FOLDER",
        f"# Written by LRS Explorer {__version__}.",
        "set -eu",
        'HERE=$(cd "$(dirname "$0")" && pwd)',
        'DATA=$(cd "$1" && pwd)',
        'mkdir -p "$2"',
        'OUT=$(cd "$2" && pwd)',
        "",
    ]
    if others:
        body = [
            f"# strun alone cannot: {'; '.join(others)}.",
            "# The Python script does so between the steps of the pipeline:",
            f'python "$HERE"/{shlex.quote(script)} "$DATA" "$OUT"',
            "",
            "# To extract again from its image, with other parameters:",
            *(f"# {line}" for one in extractions for line in lines.extraction(one)),
        ]
    else:
        body = [
            line
            for one, stages in zip(extractions, plans, strict=True)
            for line in lines.of(one, stages)
        ]
    return "\n".join([*head, *body]) + "\n"


def _not_by_strun(stage: PlannedProduct, stages: Sequence[PlannedProduct]) -> str:
    """Return what strun cannot do of a stage among others; "" where it can."""
    if stage.parameters.get("flagged"):
        return "pixels flagged by hand"
    alone = not any(other.name in ("flat", "level_3") for other in stages)
    if alone and not stage.parameters.get("trace_model", {"skip": True})["skip"]:
        return "adaptive_trace_model once for pixel_replace and resample_spec"
    return NUMPY.get(stage.name, "")


class _Lines:
    """Makes lines of strun.

    Parameters
    ----------
    written : Written
    pars : Mapping
        Names of parameter files by alias.
    first : Extraction
        Whose parameters they hold.
    """

    def __init__(self, written: Written, pars: Mapping[str, str], first: Extraction) -> None:
        self._names = {path: name for name, path in written.inputs.items()}
        self._first = first
        self._products, self._pars = written.products, pars

    def of(self, one: Extraction, stages: Sequence[PlannedProduct]) -> list[str]:
        """Return the lines for one target."""
        kinds = [stage.name for stage in stages]
        if "level_3" in kinds:
            return [*self._members(stages), *self._combination(one, stages[-1])]
        if "flat" in kinds or "calints" in kinds:
            return self._spec2(one, stages)
        return [line for stage in stages for line in self._step(stage)] + self.extraction(one)

    def extraction(self, one: Extraction) -> list[str]:
        """Return the line that extracts from the image of a target."""
        root = one.part.root
        options = [
            f'--override_extract1d="$HERE"/{shlex.quote(one.reference)}',
            f"--output_file={shlex.quote(f'{root}.fits')}",
            f"--suffix={one.part.spectrum.removesuffix('.fits').rpartition('_')[2]}",
            *_options(one.differing(self._first)),
        ]
        return self._strun(self._own("extract_1d"), self._file(one.part.target), *options)

    def _file(self, product: Path | PlannedProduct) -> str:
        if isinstance(product, Path):
            return f'"$DATA"/{shlex.quote(self._names[product])}'
        return f'"$OUT"/{shlex.quote(self._products.get(product.identity, product.product))}'

    def _own(self, alias: str) -> str:
        return f'"$HERE"/{shlex.quote(self._pars[alias])}'

    def _strun(self, what: str, source: str, *options: str) -> list[str]:
        return [" ".join(["strun", what, source, *options, '--output_dir="$OUT"'])]

    def _step(self, stage: PlannedProduct) -> list[str]:
        """Return the lines of a stage after photom; its product has the name of the stage."""
        given, source = stage.parameters, self._file(stage.inputs[0])
        root, kind = root_of(Path(stage.product)), stage.name
        name = f"--output_use_model=false --output_file={shlex.quote(f'{root}.fits')}"
        alias = "pixel_replace" if kind == "pixel_replace" else "resample_spec"
        chosen = given["step"] if kind == "pixel_replace" else given.get("resample", {})
        return self._strun(alias, source, *_options(chosen), name, f"--suffix={kind}")

    def _spec2(self, one: Extraction, stages: Sequence[PlannedProduct]) -> list[str]:
        """Return calwebb_spec2 on the rate of a target, with what is subtracted from it."""
        reference = f'"$HERE"/{shlex.quote(one.reference)}'
        own = {f"steps.extract_1d.{k}": v for k, v in one.differing(self._first).items()}
        chosen = f"--steps.extract_1d.override_extract1d={reference}"
        return self._on_rate(stages, chosen, *_options(own))

    def _on_rate(self, stages: Sequence[PlannedProduct], *options: str) -> list[str]:
        flat = next(stage for stage in stages if stage.name in ("flat", "calints"))
        science, *backgrounds = flat.inputs
        ta = [s.inputs[1] for s in stages if s.name == "cal" and len(s.inputs) > 1]
        if ta:
            options = (*options, f"--steps.targ_centroid.ta_file={self._file(ta[0])}")
        root = root_of(Path(flat.product))
        kind = "tso-spec2" if flat.name == "calints" else "spec2"
        lines, association = self._association(f"{root}_spec2", kind, root, science, backgrounds)
        return lines + self._strun(self._own("calwebb_spec2"), association, *options)

    def _members(self, stages: Sequence[PlannedProduct]) -> list[str]:
        """Return the lines that calibrate the exposures of a combination, where that is asked."""
        lines = []
        for stage in stages:
            if stage.name == "cal":
                off = [f"--steps.{n}.skip=true" for n in ("resample_spec", "extract_1d")]
                lines += self._on_rate([*stage.in_order()], *off, "--steps.pixel_replace.skip=true")
        return lines

    def _combination(self, one: Extraction, stage: PlannedProduct) -> list[str]:
        reference = f'"$HERE"/{shlex.quote(one.reference)}'
        name = str(stage.parameters["name"])
        lines, association = self._association(f"{name}_spec3", "spec3", name, *stage.inputs)
        option = f"--steps.extract_1d.override_extract1d={reference}"
        return lines + self._strun(self._own("calwebb_spec3"), association, option)

    def _association(self, file: str, kind: str, name: str, *members: Any) -> tuple[list[str], str]:
        """Return lines that write an association, and its path."""
        backgrounds = members[-1] if isinstance(members[-1], list) else []
        science = [one for one in members if not isinstance(one, list)]
        told = [(one, "science") for one in science] + [(b, "background") for b in backgrounds]
        rule = "Asn_Lv3MIRSpec" if kind == "spec3" else "DMSLevel2bBase"
        path = f'"$OUT"/{shlex.quote(f"{file}_asn.json")}'
        entries = [
            f'  {{"expname": "{self._member(one)}", "exptype": "{what}"}}' for one, what in told
        ]
        return [
            f"cat > {path} <<END",
            f'{{"asn_type": "{kind}", "asn_rule": "{rule}", "asn_id": "a3001",',
            ' "asn_pool": "none", "program": "noprogram", "target": "none",',
            f' "products": [{{"name": "{_in_document(name)}", "members": [',
            ",\n".join(entries),
            "]}]}",
            "END",
        ], path

    def _member(self, product: Path | PlannedProduct) -> str:
        """Return a member's path as it stands in a here-document."""
        if isinstance(product, Path):
            return f"$DATA/{_in_document(self._names[product])}"
        return f"$OUT/{_in_document(self._products.get(product.identity, product.product))}"


def _in_document(name: str) -> str:
    """Return a name for a JSON string in a here-document, of which the shell runs nothing."""
    text = json.dumps(name, ensure_ascii=False)[1:-1]
    for special in ("\\", "$", "`"):
        text = text.replace(special, f"\\{special}")
    return text


def _options(parameters: Mapping[str, Any]) -> list[str]:
    return [f"--{name}={shlex.quote(str(value))}" for name, value in parameters.items()]
