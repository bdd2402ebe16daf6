"""The exact path: real jwst steps on real files. The only module that runs pipeline steps.

It is the program of the process that `lrs_explorer.model.worker` starts:
``python -m lrs_explorer.model.steps`` reads jobs from standard input, a line of JSON each, and
answers with lines of JSON: the steps as they begin, then the result or what went wrong. Whatever
steps print goes to standard error, with their log.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from lrs_explorer.model.errors import LRSExplorerError

__all__ = ["main"]

Parameters = dict[str, Any]

DO_NOT_USE = 1

FULL_FRAME = (1024, 1032)
"""Rows and columns of the detector."""

SLIT_ROWS = (0, 400)
SLIT_COLUMNS = (290, 362)
"""Detector pixels, 0-indexed, end excluded, on which the slit's light falls, with a margin."""


class _Channel:
    """The way back to the process that asked."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.step = "loading the pipeline"

    def send(self, **event: Any) -> None:
        """Send one event."""
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()

    def begin(self, step: str) -> None:
        """Say that a step begins."""
        self.step = step
        self.send(event="step", name=step)


def main() -> None:
    """Answer jobs until standard input ends."""
    channel = _Channel(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # what steps print must not be taken for an answer
    _announce_steps(channel)
    for line in sys.stdin:
        job = json.loads(line)
        try:
            # A CRDS step parameter file may make a step save something where it runs.
            with contextlib.chdir(job["folder"]):
                result = _JOBS[job["kind"]](job)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - everything goes back to the user
            channel.send(
                event="failed",
                step=channel.step,
                type=type(error).__name__,
                module=type(error).__module__,
                message=str(error),
            )
        else:
            channel.send(event="done", result=result)


def _announce_steps(channel: _Channel) -> None:
    """Have every step, also those within pipelines, tell when it begins."""
    from stpipe import Step

    run = Step.run

    @functools.wraps(run)
    def announced(self: Any, *args: Any) -> Any:
        channel.begin(str(self.class_alias or self.name))
        return run(self, *args)

    Step.run = announced
    import jwst.pipeline

    # Steps collect garbage at each start; what the imports left need not be searched again.
    assert jwst.pipeline
    gc.collect()
    gc.freeze()


# -- whole pipelines and single steps --------------------------------------------------------------


def _pipeline(job: Parameters) -> Parameters:
    """Run a step or pipeline by its alias; its products go to the job's folder."""
    cls = _step(job["step"])
    inputs = job["inputs"]
    cls.call(
        inputs[0] if len(inputs) == 1 else inputs,
        **{"output_dir": job["folder"], "save_results": True, **job["parameters"]},
    )
    return {}


def _step(alias: str) -> Any:
    """Return the step or pipeline class with an alias."""
    from jwst.stpipe.integration import get_steps

    for path, name, _ in get_steps():
        if name == alias:
            module, class_name = path.rsplit(".", 1)
            return getattr(importlib.import_module(module), class_name)
    raise LRSExplorerError(f"jwst has no step called {alias!r}")


# -- stages of the reprocessing --------------------------------------------------------------------
#
# Each opens its input files, runs a few steps on the data model and writes one product. The steps,
# their order and their defaults are those of Detector1Pipeline and Spec2Pipeline; Step.call takes
# the parameters that CRDS has for a step, as the pipelines do.


def _stage(job: Parameters) -> Parameters:
    """Run one stage, write its product and return where it is and what it was made with."""
    notes: list[str] = []
    model = _STAGES[job["stage"]](job["inputs"], job["parameters"], notes)
    path = Path(job["folder"]) / job["name"]
    model.meta.filename = path.name
    model.save(path)
    for other in path.parent.iterdir():
        if other != path:  # what a step saved on its own account
            other.unlink()
    references = {
        name: str(reference["name"])
        for name, reference in model.meta.ref_file.instance.items()
        if isinstance(reference, dict) and reference.get("name") not in (None, "N/A")
    }
    context = model.meta.ref_file.crds.context_used
    steps = {k: v for k, v in model.meta.cal_step.instance.items() if v is not None}
    model.close()
    if job["stage"] == "x1d":
        references |= _extraction_references(job["inputs"][0])
    return {"references": references, "context": context, "steps": steps, "notes": notes}


def _call(alias: str, *inputs: Any, **parameters: Any) -> Any:
    return _step(alias).call(*inputs, **parameters)


def _ramp(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """Run Detector1Pipeline as far as the jump step."""
    from stdatamodels.jwst import datamodels

    _call(
        "calwebb_detector1",
        inputs[0],
        output_dir=str(Path.cwd()),
        save_calibrated_ramp=True,
        steps={"jump": {"skip": True}, "ramp_fit": {"skip": True}},
    )
    (made,) = Path.cwd().glob("*_ramp.fits")
    model = datamodels.open(made)
    model.meta.cal_step.jump = model.meta.cal_step.ramp_fit = None
    return model


def _jump(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """Run jump and ramp_fit on the slit's part of a ramp and paste the result into the rate."""
    from stdatamodels.jwst import datamodels

    ramp_file, *rate_files = inputs
    with datamodels.open(ramp_file) as ramp:
        cutout = _cut_to_slit(ramp)
    cutout = _call("jump", cutout, rejection_threshold=parameters["rejection_threshold"])
    fitted, *_ = _call("ramp_fit", cutout)
    if rate_files:
        rate = datamodels.open(rate_files[0])
    else:
        rate = _blank_rate(fitted)
        notes.append("outside the slit the rate is blank: only the ramp was at hand")
    first_row, first_column = fitted.meta.subarray.ystart - 1, fitted.meta.subarray.xstart - 1
    n_rows, n_columns = fitted.data.shape
    place = (
        slice(first_row, first_row + n_rows),
        slice(first_column, first_column + n_columns),
    )
    for name in ("data", "err", "dq", "var_poisson", "var_rnoise"):
        getattr(rate, name)[place] = getattr(fitted, name)
    rate.meta.cal_step.jump = fitted.meta.cal_step.jump
    rate.meta.cal_step.ramp_fit = fitted.meta.cal_step.ramp_fit
    return rate


def _cut_to_slit(ramp: Any) -> Any:
    """Return a ramp of the slit's surroundings only, or of what there is of them."""
    from stdatamodels.jwst import datamodels

    subarray = ramp.meta.subarray
    first_column, first_row = subarray.xstart - 1, subarray.ystart - 1
    n_rows, n_columns = ramp.data.shape[-2:]
    rows = slice(max(SLIT_ROWS[0] - first_row, 0), min(SLIT_ROWS[1] - first_row, n_rows))
    columns = slice(
        max(SLIT_COLUMNS[0] - first_column, 0), min(SLIT_COLUMNS[1] - first_column, n_columns)
    )
    if rows.stop <= rows.start or columns.stop <= columns.start:
        raise LRSExplorerError("the ramp does not cover the slit; give the full-frame ramp")
    cutout = datamodels.RampModel(
        data=ramp.data[..., rows, columns].copy(),
        pixeldq=ramp.pixeldq[rows, columns].copy(),
        groupdq=ramp.groupdq[..., rows, columns].copy(),
    )
    cutout.update(ramp)
    cutout.meta.subarray.xstart = first_column + columns.start + 1
    cutout.meta.subarray.ystart = first_row + rows.start + 1
    cutout.meta.subarray.ysize, cutout.meta.subarray.xsize = cutout.data.shape[-2:]
    return cutout


def _blank_rate(fitted: Any) -> Any:
    """Return a full-frame rate without any pixel, to paste the slit into."""
    import numpy as np
    from stdatamodels.jwst import datamodels

    blank = np.full(FULL_FRAME, np.nan, dtype=np.float32)
    planes = {name: blank.copy() for name in ("data", "err", "var_poisson", "var_rnoise")}
    rate = datamodels.ImageModel(dq=np.full(FULL_FRAME, DO_NOT_USE, dtype=np.uint32), **planes)
    rate.update(fitted)
    rate.meta.subarray.name = "FULL"
    rate.meta.subarray.xstart = rate.meta.subarray.ystart = 1
    rate.meta.subarray.ysize, rate.meta.subarray.xsize = FULL_FRAME
    return rate


def _flat(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """From a rate, and those of the other nods to subtract, to the flat-fielded slit."""
    from stdatamodels.jwst import datamodels

    science, *partners = inputs
    model = _call("assign_wcs", science)
    if partners:
        model = _call("bkg_subtract", model, partners)
    slit = datamodels.SlitModel(model)
    for name in ("xstart", "ystart", "xsize", "ysize"):
        setattr(slit, name, getattr(model.meta.subarray, name))
    slit = _call("srctype", slit)
    return _call("flat_field", slit)


def _cal(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """From the flat-fielded slit, and a TA verification image, to the calibrated one."""
    from stdatamodels.jwst import datamodels

    flat, *ta = inputs
    return _call("photom", _pathloss(datamodels.open(flat), ta, parameters))


def _recal(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """Exchange the pathloss correction of a calibrated slit.

    Both corrections and photom's are factors, so the result differs from that of the pipeline by
    rounding of single-precision numbers alone.
    """
    from stdatamodels.jwst import datamodels

    cal, *ta = inputs
    model = datamodels.open(cal)
    if model.meta.cal_step.pathloss == "COMPLETE":
        factor = model.pathloss_point
        for name in ("data", "err"):
            setattr(model, name, getattr(model, name) / factor)
        for name in ("var_poisson", "var_rnoise", "var_flat"):
            plane = getattr(model, name)
            if plane is not None and plane.size:
                setattr(model, name, plane / factor**2)
        model.pathloss_point = None
        model.meta.cal_step.pathloss = None
    return _pathloss(model, ta, parameters)


def _pathloss(model: Any, ta: list[str], parameters: Parameters) -> Any:
    """Correct for light lost at the slit, for the position that the parameters tell."""
    model.source_xpos = model.source_ypos = None
    if parameters["mode"] == "off":
        model.meta.cal_step.pathloss = "SKIPPED"
        return model
    if ta:
        model = _call("targ_centroid", model, ta_file=ta[0])
        if model.meta.cal_step.targ_centroid != "COMPLETE":
            raise LRSExplorerError(
                "targ_centroid found no position in the TA verification image; choose another "
                "pathloss mode"
            )
    return _call("pathloss", model, user_slit_loc=parameters["user_slit_loc"])


def _replace(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """Flag pixels of a calibrated slit by hand and replace those that are flagged."""
    import numpy as np
    from stdatamodels.jwst import datamodels

    model = datamodels.open(inputs[0])
    rows, columns = model.data.shape
    for row, column in parameters["flagged"]:
        if row >= rows or column >= columns:
            raise LRSExplorerError(f"pixel ({row}, {column}) is not on the detector")
        model.dq[row, column] |= np.uint32(DO_NOT_USE)
        for name in ("data", "err", "var_poisson", "var_rnoise", "var_flat"):
            plane = getattr(model, name)
            if plane is not None and plane.shape == model.data.shape:
                plane[row, column] = np.nan
    if parameters["algorithm"] == "off":
        return model
    return _call(
        "pixel_replace",
        model,
        algorithm=parameters["algorithm"],
        n_adjacent_cols=parameters["n_adjacent_cols"],
    )


def _s2d(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    return _call("resample_spec", inputs[0])


def _level_3(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    """Combine calibrated slits with Spec3Pipeline and return the resampled image."""
    from stdatamodels.jwst import datamodels

    members = [{"expname": path, "exptype": "science"} for path in inputs]
    association = {
        "asn_type": "spec3",
        "asn_rule": "Asn_Lv3MIRSpec",
        "asn_pool": "none",
        "asn_id": "o000",
        "products": [{"name": parameters["name"], "members": members}],
    }
    path = Path.cwd() / "spec3_asn.json"
    path.write_text(json.dumps(association), encoding="utf-8")
    replace = {key: parameters[key] for key in ("algorithm", "n_adjacent_cols")}
    if replace["algorithm"] == "off":
        replace = {"skip": True}
    else:
        replace["skip"] = False
    _call(
        "calwebb_spec3",
        str(path),
        output_dir=str(Path.cwd()),
        save_results=True,
        steps={"pixel_replace": replace, "extract_1d": {"skip": True}},
    )
    return datamodels.open(Path.cwd() / f"{parameters['name']}_s2d.fits")


def _x1d(inputs: list[str], parameters: Parameters, notes: list[str]) -> Any:
    model = _call("extract_1d", inputs[0], **parameters)
    # The reference of a recipe lies beside the spectrum: its name says where to find it.
    model.meta.ref_file.extract1d.name = Path(model.meta.ref_file.extract1d.name).name
    return model


def _extraction_references(path: str) -> dict[str, str]:
    """Return the names of the references that extract_1d uses and does not write down."""
    from stdatamodels.jwst import datamodels

    step = _step("extract_1d")()
    with datamodels.open(path) as model:
        found = {kind: step.get_reference_file(model, kind) for kind in ("apcorr", "psf")}
    return {kind: Path(name).name for kind, name in found.items() if name not in (None, "N/A")}


_STAGES: dict[str, Callable[[list[str], Parameters, list[str]], Any]] = {
    "ramp": _ramp,
    "jump": _jump,
    "flat": _flat,
    "cal": _cal,
    "recal": _recal,
    "pixel_replace": _replace,
    "s2d": _s2d,
    "level_3": _level_3,
    "x1d": _x1d,
}

_JOBS: dict[str, Callable[[Parameters], Parameters]] = {"pipeline": _pipeline, "stage": _stage}


if __name__ == "__main__":
    main()
