"""A plan of the pipeline as a Python script that uses nothing but the pipeline."""

from __future__ import annotations

import json
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lrs_explorer._version import __version__
from lrs_explorer.handover.source import text_of
from lrs_explorer.model.data.instrument import SCALE_ACROSS
from lrs_explorer.model.files.disk import located
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.runs.output import Part
from lrs_explorer.model.runs.plan import PlannedProduct

__all__ = ["Extraction", "Setting", "Written", "write_script"]

WIDTH: Final = 100
"""Characters of a line."""

TOLD: Final = {
    "ramp": "run calwebb_detector1 as far as the jump step",
    "jump": "run jump and ramp_fit anew on the slit's part of the ramp",
    "flat": "run assign_wcs, bkg_subtract, srctype and flat_field",
    "cal": "run pathloss and photom",
    "recal": "exchange the pathloss correction of the calibrated exposure",
    "pixel_replace": "run pixel_replace",
    "s2d": "run resample_spec",
    "level_3": "combine the exposures by calwebb_spec3",
    "background": "subtract the sky that columns beside the trace see, in plain numpy",
    "calints": "run assign_wcs, srctype, flat_field and photom",
    "outliers": "flag or replace outliers in time, in plain numpy",
    "outlier_detection": "flag outliers in time by outlier_detection of calwebb_tso3",
}
"""What a script says of each stage."""

MAIN: Final = '''
def found(data, names):
    """Return where each file is in the data folder, or end with a sentence on what is missing."""
    places = {}
    for name in names:
        at = [data / name]
        if not at[0].is_file():
            at = [path for path in data.rglob(Path(name).name) if path.is_file()]
        if not at:
            sys.exit(f"{Path(name).name} is not in {data}; download it, or give its folder.")
        if len(at) > 1:
            sys.exit(f"{Path(name).name} is in {data} {len(at)} times; give the folder of one.")
        places[name] = at[0]
    return places


def checked(output):
    """Make the output folder; end with a sentence where a file is in the way."""
    for name in OUTPUTS:
        if (output / name).exists():
            sys.exit(f"{output} holds {name} already; choose another folder, or remove it.")
    output.mkdir(parents=True, exist_ok=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {Path(__file__).name} DATA_FOLDER OUTPUT_FOLDER")
    if jwst.__version__ != JWST_VERSION:
        print(f"note: made for jwst {JWST_VERSION}; this is {jwst.__version__}", file=sys.stderr)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    data, output = Path(sys.argv[1]), Path(sys.argv[2])
    given = found(data, INPUTS)
    checked(output)
    main(given, output)
'''


@dataclass(frozen=True)
class Extraction:
    """How the spectrum of one target is extracted.

    Parameters
    ----------
    part : Part
        The target, and the names of its files.
    reference : str
        Name of the extract1d reference file, beside the script.
    parameters : Mapping
        All of extract_1d.
    margin : int
        Rows beyond the spectrum that smoothing looks at.
    """

    part: Part
    reference: str
    parameters: Mapping[str, Any]
    margin: int

    def differing(self, other: Extraction) -> dict[str, Any]:
        """Return the parameters that another extraction has otherwise."""
        return {k: v for k, v in self.parameters.items() if other.parameters[k] != v}


@dataclass(frozen=True)
class Setting:
    """What a script says of how it was made.

    Parameters
    ----------
    name : str
        Name of the script.
    jwst : str
        Version.
    context : str
        Of CRDS; "" where it is not known.
    notes : tuple of str
        Sentences for its head.
    blanks : Mapping
        For the ramps of which no rate is at hand: subarray name, shape and origin by product.
    """

    name: str
    jwst: str
    context: str
    notes: tuple[str, ...]
    blanks: Mapping[str, tuple[str, tuple[int, int], tuple[int, int]]]


@dataclass(frozen=True)
class Written:
    """A script.

    Parameters
    ----------
    text : str
    inputs : dict
        Input files by the names under which the script looks for them.
    products : dict
        What the script writes, file names by the identity of each stage.
    """

    text: str
    inputs: dict[str, Path]
    products: dict[str, str]


@dataclass
class _Script:
    """Lines of ``main``, as they come about.

    A model stays in memory for the next step, as in the pipeline: a WCS that is written and read
    again differs in its last digits. Those of a time series would not fit.
    """

    inputs: dict[Path, str]
    setting: Setting
    keeps: str
    lines: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    products: dict[str, str] = field(default_factory=dict)
    _variables: dict[str, str] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)

    def file(self, product: Path | PlannedProduct) -> str:
        """Return what a script calls a file at hand, or that of the product of a stage."""
        if isinstance(product, Path):
            return f"given[{_text(self.inputs[product])}]"
        return f"output / {_text(self.products[product.identity])}"

    def of(self, product: Path | PlannedProduct) -> str:
        """Return what a script calls a file at hand, or the product of a stage."""
        if isinstance(product, Path):
            return self.file(product)
        return self._variables[product.identity]

    def call(self, variable: str, function: str, *given: str, **parameters: Any) -> None:
        """Write down a call; parameters are plain values, or text in a list of one."""
        if function not in self.functions:
            self.functions.append(function)
        told = [*given, *(f"{name}={_text(value)}" for name, value in parameters.items())]
        self.lines += _wrapped(f"{variable} = {function}(" if variable else f"{function}(", told)

    def tell(self, step: str) -> None:
        """Say what is done, once."""
        if step not in self.steps:
            self.steps.append(step)

    def variable(self, kind: str) -> str:
        """Return a new name."""
        self._count[kind] += 1
        return f"{kind}_{self._count[kind]}"

    def made(self, stage: PlannedProduct, variable: str, *, saved: bool = True) -> None:
        """Take note of the product of a stage, and write it."""
        self._variables[stage.identity] = variable
        if saved:
            self.call(variable, self.keeps, variable, self.output(stage))

    def output(self, stage: PlannedProduct) -> str:
        """Return the path of a product in the script."""
        name = self.free(stage.product)
        self.products[stage.identity] = name
        return f"output / {_text(name)}"

    def free(self, name: str) -> str:
        """Return the name of a new product: one that another has gets a word more."""
        if name in self.outputs:
            root, _, kind = name.rpartition("_")
            name = f"{root}_flagged_{kind}"
        self.outputs.append(name)
        return name

    def knows(self, stage: PlannedProduct) -> bool:
        """Tell whether a stage has been written down."""
        return stage.identity in self._variables


def _text(value: Any) -> str:
    """Return a value as a script has it: strings in double quotes; text in a list as it is."""
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case Verbatim(text):
            return text
        case float():  # numpy's too
            return repr(float(value))
        case list():
            return "[" + ", ".join(map(_text, value)) + "]"
        case tuple():
            return "(" + ", ".join(map(_text, value)) + ("," if len(value) == 1 else "") + ")"
        case Mapping():
            return "{" + ", ".join(f"{_text(k)}: {_text(v)}" for k, v in value.items()) + "}"
        case _:
            return repr(value)


@dataclass(frozen=True)
class Verbatim:
    """Text that a script has as it is."""

    text: str


def _wrapped(head: str, arguments: Sequence[str], indent: str = "    ") -> list[str]:
    """Return a call in one line, or its arguments each in a line of their own."""
    line = f"{indent}{head}{', '.join(arguments)})"
    if len(line) <= WIDTH:
        return [line]
    return [f"{indent}{head}", *(f"{indent}    {one}," for one in arguments), f"{indent})"]


def relative_names(paths: Sequence[Path]) -> dict[Path, str]:
    """Return how a script names files: by the path from the folder that they share.

    A link keeps its name and place.
    """
    every = {path: located(path) for path in paths}
    parents = [set(real.parents) for real in every.values()]
    shared = max(set.intersection(*parents), key=lambda folder: len(folder.parts))
    return {path: real.relative_to(shared).as_posix() for path, real in every.items()}


def write_script(
    extractions: Sequence[Extraction], recipe: Recipe, setting: Setting, spectrum: str
) -> Written:
    """Return a script that makes the spectra of a recipe.

    Parameters
    ----------
    extractions : sequence of Extraction
        One for each target.
    recipe : Recipe
    setting : Setting
    spectrum : str
        Name of the table with what is done to the spectra after extract_1d.

    Raises
    ------
    LRSExplorerError
        A stage is not known here.
    """
    stages = _stages(extractions)
    paths = [one for stage in stages for one in stage.inputs if isinstance(one, Path)]
    paths += [e.part.target for e in extractions if isinstance(e.part.target, Path)]
    keeps = "saved" if extractions[0].part.spectrum.endswith("x1dints.fits") else "kept"
    script = _Script(relative_names(list(dict.fromkeys(paths))), setting, keeps)
    for stage in stages:
        if not script.knows(stage):
            _write_stage(script, stage)
    after = recipe.wavelength.source_offset or recipe.uncertainty.method == "bootstrap"
    script.tell("run extract_1d with the extract1d reference file beside this script")
    for one in extractions:
        image, name = script.file(one.part.target), script.free(one.part.spectrum)
        reference = f"HERE / {_text(one.reference)}"
        own = one.differing(extractions[0])
        step = f"**(EXTRACT_1D | {_text(own)})" if own else "**EXTRACT_1D"
        parameters = [image, f"output / {_text(name)}", reference, step]
        script.call(script.variable("spectrum") if after else "", "extracted", *parameters)
    if after:
        _write_after(script, extractions, recipe, spectrum)
    inputs = {name: path for path, name in script.inputs.items()}
    return Written(_assembled(script, extractions[0], inputs), inputs, script.products)


def _stages(extractions: Sequence[Extraction]) -> list[PlannedProduct]:
    """Return all stages in order."""
    return [
        stage
        for one in extractions
        if isinstance(one.part.target, PlannedProduct)
        for stage in one.part.target.in_order()
    ]


def _write_stage(script: _Script, stage: PlannedProduct) -> None:
    """Write down one stage."""
    given, first = stage.parameters, script.of(stage.inputs[0])
    inputs = [first, *(script.file(one) for one in stage.inputs[1:])]
    if given.get("flagged"):
        script.tell("flag pixels by hand, in plain numpy")
    if not given.get("step", {}).get("skip") or stage.name != "pixel_replace":
        script.tell(TOLD.get(stage.name, stage.name))
    match stage.name:
        case "ramp":
            variable = script.variable("ramp")
            script.call(variable, "ramp_of", *inputs)
            script.made(stage, variable, saved=False)
        case "jump":
            variable = script.variable("rate")
            _write_jump(script, stage, variable, inputs)
            script.made(stage, variable)
        case "flat":
            script.made(stage, _flat(script, inputs), saved=False)
        case "calints":
            variable = script.variable("calints")
            flat = _flat(script, inputs)
            script.call(variable, "calibrated", flat, pathloss=False, **_photom(given))
            script.made(stage, variable)
        case "cal" | "recal":
            variable = script.variable("cal")
            function = "calibrated" if stage.name == "cal" else "recalibrated"
            parameters = {**_pathloss(given, inputs[1:]), **_photom(given)}
            script.call(variable, function, inputs[0], **parameters)
            script.made(stage, variable)
        case "pixel_replace":
            _write_replacing(script, stage, inputs[0])
        case "s2d":
            variable = script.variable("s2d")
            parameters = {**_trace_model(given), **given.get("resample", {})}
            script.call(variable, "resampled", inputs[0], **parameters)
            script.made(stage, variable)
        case "level_3":
            _write_level_3(script, stage)
        case _:
            _write_series_stage(script, stage, inputs)


def _flat(script: _Script, inputs: Sequence[str]) -> str:
    variable = script.variable("flat")
    backgrounds = [f"[{', '.join(inputs[1:])}]"] if inputs[1:] else []
    script.call(variable, "flat_fielded", inputs[0], *backgrounds)
    return variable


def _write_jump(
    script: _Script, stage: PlannedProduct, variable: str, inputs: Sequence[str]
) -> None:
    """Write down jump and ramp_fit; without a rate the result lies on a blank one."""
    rate = inputs[1] if len(inputs) > 1 else None
    if rate is None:
        name, shape, origin = script.setting.blanks[stage.product]
        rate = _text({"name": name, "shape": shape, "origin": origin})
    script.call(variable, "rate_of", inputs[0], rate, **stage.parameters)


def _pathloss(given: Mapping[str, Any], ta: Sequence[str]) -> dict[str, Any]:
    """Return the parameters of the pathloss correction."""
    if given["mode"] == "off":
        return {"pathloss": False}
    location = given["user_slit_loc"]
    found: dict[str, Any] = {} if location is None else {"user_slit_loc": location}
    return found | ({"ta_file": Verbatim(ta[0])} if ta else {})


def _photom(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"photom": False} if given.get("photom") == "skip" else {}


def _trace_model(given: Mapping[str, Any]) -> dict[str, Any]:
    return {"trace_model": given["trace_model"]} if "trace_model" in given else {}


def _write_replacing(script: _Script, stage: PlannedProduct, source: str) -> None:
    """Write down the flags that were set by hand, and pixel_replace."""
    given = stage.parameters
    variable = script.variable("replaced")
    if given["flagged"]:
        pixels = [tuple(pixel) for pixel in given["flagged"]]
        script.lines += [
            "    pixels = [",
            *textwrap.wrap(
                ", ".join(map(_text, pixels)) + ",",
                WIDTH,
                initial_indent=" " * 8,
                subsequent_indent=" " * 8,
                break_on_hyphens=False,
            ),
            "    ]  # (row, column), 0-indexed",
        ]
        script.call(variable, "flagged", source, "pixels")
        source = variable
    if not given["step"]["skip"]:
        parameters = {k: v for k, v in given["step"].items() if k != "skip"}
        script.call(variable, "replaced", source, **_trace_model(given), **parameters)
    script.made(stage, variable)


def _write_level_3(script: _Script, stage: PlannedProduct) -> None:
    """Write down the combination of several exposures."""
    given = stage.parameters
    steps = {"pixel_replace": given["step"]}
    if "trace_model" in given:
        steps["adaptive_trace_model"] = given["trace_model"]
    if "resample" in given:
        steps["resample_spec"] = given["resample"]
    variable = script.variable("s2d")
    members = f"[{', '.join(map(script.file, stage.inputs))}]"
    script.call(variable, "combined", members, script.output(stage), **steps)
    script.made(stage, variable, saved=False)


def _write_series_stage(script: _Script, stage: PlannedProduct, inputs: Sequence[str]) -> None:
    """Write down a stage that only integrations have."""
    given, source = stage.parameters, inputs[0]
    match stage.name:
        case "background":
            variable = script.variable("rateints")
            columns = [tuple(edges) for edges in given["columns"]]
            others = {} if given["per_integration"] else {"others": _listed(inputs[1:])}
            script.call(
                variable,
                "without_sky",
                source,
                columns=columns,
                statistic=given["statistic"],
                **others,
            )
        case "outliers":
            variable = script.variable("crfints")
            script.call(variable, "fixed", source, **given)
        case "outlier_detection":
            variable = script.variable("crfints")
            script.call(variable, "cleaned", source)
        case _:
            raise unknown("stage", stage.name)
    script.made(stage, variable)


def _listed(names: Sequence[str]) -> Verbatim:
    return Verbatim(f"[{', '.join(names)}]")


def _write_after(
    script: _Script, extractions: Sequence[Extraction], recipe: Recipe, spectrum: str
) -> None:
    """Write down what is done to the spectra that extract_1d gave."""
    names = [f"spectrum_{number}" for number in range(1, len(extractions) + 1)]
    script.lines += [
        "",
        "    # What the pipeline has no parameter for, on the table of extract_1d.",
    ]
    script.call("table", "spectra_in", f"[{', '.join(names)}]")
    offset, chosen = recipe.wavelength.source_offset, recipe.uncertainty
    if chosen.method == "bootstrap":
        first = extractions[0]
        if extractions[0].part.spectrum.endswith("x1dints.fits"):
            script.tell("scale the errors to the scatter in time, in plain numpy")
            script.call("", "scaled_to_scatter", "table")
        else:
            script.tell(f"take the errors from {chosen.draws} draws of the bootstrap")
            image, reference = script.file(first.part.target), f"HERE / {_text(first.reference)}"
            values = {"draws": chosen.draws, "seed": chosen.seed, "margin": first.margin}
            told = [image, reference, *(f"{k}={v}" for k, v in values.items()), "**EXTRACT_1D"]
            script.call("error", "bootstrapped", *told)
            script.call("", "with_errors", "table", "error")
    if offset:
        script.tell("correct the wavelengths for the source's offset, in plain numpy")
        scale = SCALE_ACROSS[recipe.mode]
        script.call(
            'table["WAVELENGTH"]', "moved", 'table["WAVELENGTH"]', offset=offset, scale=scale
        )
    path = script.free(spectrum)
    script.lines.append(f'    table.write(output / {_text(path)}, format="ascii.ecsv")')


def _assembled(script: _Script, first: Extraction, inputs: Mapping[str, Path]) -> str:
    """Put a script together."""
    imports, functions = text_of(script.functions, "os", "sys", "logging", "jwst", "Path")
    setting, count = script.setting, len(_spectra(script))
    more = f" and {count - 1} more" if count > 1 else ""
    standard = [line for line in imports if line.split()[1] in STANDARD]
    others = [line for line in imports if line.split()[1] not in STANDARD]
    head = [
        f'"""Make {_prose(first.part.spectrum)}{more} by the JWST pipeline.',
        "",
        f"    python {_prose(setting.name)} DATA_FOLDER OUTPUT_FOLDER",
        "",
        "DATA_FOLDER holds the files of INPUTS below. In this order the script does:",
        "",
        *_items(script.steps),
        "",
        *textwrap.wrap(
            f"Written by LRS Explorer {__version__} for jwst {setting.jwst}"
            + (f" and CRDS context {setting.context}" if setting.context else "")
            + ", and needs nothing but jwst. Reference files are those of your CRDS settings"
            + (
                "; where CRDS_CONTEXT is not set, it is set to that context."
                if setting.context
                else "."
            ),
            WIDTH,
        ),
        *(["", *_items(setting.notes)] if setting.notes else []),
        '"""',
    ]
    context = (
        [f'os.environ.setdefault("CRDS_CONTEXT", {_text(setting.context)})']
        if setting.context
        else []
    )
    constants = [
        "HERE = Path(__file__).resolve().parent",
        f"JWST_VERSION = {_text(setting.jwst)}",
        *_block("INPUTS = [", [_text(name) for name in inputs], "]"),
        *_block("OUTPUTS = [", [_text(name) for name in script.outputs], "]"),
        "# All there are: no parameter file of CRDS changes any. None: as the reference file says.",
        *_block(
            "EXTRACT_1D = {", [f"{_text(k)}: {_text(v)}" for k, v in first.parameters.items()], "}"
        ),
    ]
    main = [
        "def main(given, output):",
        '    """Make the products, from the files given by name."""',
        *script.lines,
    ]
    top = [*head, "", FUTURE, "", *standard, "", *_merged(others), "", *context, *constants]
    return "\n".join([*top, "", "", *main, "", "", functions, "", MAIN])


FUTURE: Final = "from __future__ import annotations"

STANDARD: Final = ("json", "logging", "os", "sys", "tempfile", "pathlib", "typing")
"""Modules of Python itself."""


def _merged(imports: Sequence[str]) -> list[str]:
    """Return lines that import, those from one module as one, sorted as is usual."""
    names: dict[str, list[str]] = {}
    for line in imports:
        if line.startswith("from"):
            names.setdefault(line.split()[1], []).append(line.split()[3])
    plain = sorted(line for line in imports if line.startswith("import"))
    return plain + [f"from {module} import {', '.join(names[module])}" for module in sorted(names)]


def _spectra(script: _Script) -> list[str]:
    return [name for name in script.outputs if name.endswith(("_x1d.fits", "_x1dints.fits"))]


def _prose(text: str) -> str:
    """Return text that cannot end the docstring in which it stands, whatever a file is called."""
    return text.replace("\\", "/").replace('"', "'")


def _items(sentences: Sequence[str]) -> list[str]:
    """Return sentences as a list in a docstring."""
    return [
        line
        for one in sentences
        for line in textwrap.wrap(
            _prose(one), WIDTH, initial_indent="- ", subsequent_indent="  ", break_on_hyphens=False
        )
    ]


def _block(head: str, lines: Sequence[str], end: str) -> list[str]:
    """Return a list or mapping, an entry in each line."""
    return [head, *(f"    {line}," for line in lines), end]
