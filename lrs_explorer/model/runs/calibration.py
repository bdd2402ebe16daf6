"""The exact path: what each stage runs, real jwst steps on the pipeline's own data models.

The steps, their order and their parameters are those of Detector1Pipeline, Spec2Pipeline and
Spec3Pipeline. Each stage opens its input files, runs a few steps on the data model and returns it.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, SUBARRAYS, Subarray, subarray_of
from lrs_explorer.model.runs import series_calibration as series_calibration

__all__ = ["STAGES", "StepParameters", "extraction_references", "keep_open", "step_class"]

StepParameters = dict[str, Any]

DO_NOT_USE = 1

SLIT_ROWS = (0, 400)
SLIT_COLUMNS = (290, 362)
"""Detector pixels, 0-indexed, end excluded, on which the slit's light falls, with a margin."""


def step_class(alias: str) -> Any:
    """Return the step or pipeline class with an alias."""
    from jwst.stpipe.integration import get_steps

    for path, name, _ in get_steps():
        if name == alias:
            module, class_name = path.rsplit(".", 1)
            return getattr(importlib.import_module(module), class_name)
    raise LRSExplorerError(f"jwst has no step called {alias!r}")


class _Steps:
    """Runs steps as a pipeline does: with the parameters of CRDS, and on the model given, uncopied.

    Parameters
    ----------
    pipeline : str
        Its alias.
    model : data model
        What is to be processed.
    """

    def __init__(self, pipeline: str, model: Any) -> None:
        cls = step_class(pipeline)
        config, _ = cls.build_config(model)
        self._crds = {name: dict(chosen) for name, chosen in config.get("steps", {}).items()}
        # Without an alias of its own it leaves each step's log in the product under its name.
        quiet: Any = type(cls.__name__, (cls,), {"class_alias": None})
        for name in ("class", "name"):
            config.pop(name, None)
        self._pipeline = quiet.from_config_section(config)

    def __call__(self, alias: str, *inputs: Any, **parameters: Any) -> Any:
        """Run a step, whether or not CRDS has it skipped, and return what it returns."""
        step = getattr(self._pipeline, alias)
        for name, value in ({"skip": False} | parameters).items():
            setattr(step, name, value)
        return step.run(*inputs)

    def says(self, alias: str, parameter: str, value: str) -> bool:
        """Tell whether CRDS sets a parameter of a step to ``value``."""
        return str(self._crds.get(alias, {}).get(parameter)).lower() == value


LARGE = 200_000_000
"""Bytes of a file whose model is not kept in memory: a time series."""

_last: dict[tuple[int, ...], Any] = {}
"""The model of the last stage, by its file."""


def keep_open(path: Path, model: Any) -> None:
    """Keep the model of a stage for the next one, which will most often begin with it."""
    for other in _last.values():
        other.close()
    _last.clear()
    if path.stat().st_size < LARGE:
        _last[_file(path)] = model
    else:
        model.close()


def _file(path: str | Path) -> tuple[int, ...]:
    """Identify a file, which may have been moved since."""
    status = os.stat(path)
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _open(path: str) -> Any:
    """Return the data model of a file, to be changed at will."""
    from stdatamodels.jwst import datamodels

    model = _last.pop(_file(path), None)
    return datamodels.open(path) if model is None else model


def _ramp(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Run Detector1Pipeline as far as the jump step."""
    left_out = {name: {"skip": True} for name in ("jump", "ramp_fit", "gain_scale")}
    model = step_class("calwebb_detector1").call(inputs[0], configure_log=False, steps=left_out)
    for name in left_out:
        setattr(model.meta.cal_step, name, None)
    return model


def _jump(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Run jump and ramp_fit on the slit's part of a ramp and paste the result into the rate."""
    from stdatamodels.jwst import datamodels

    ramp_file, *rate_files = inputs
    with datamodels.open(ramp_file) as ramp:
        read = subarray_of(_geometry(ramp)) or SUBARRAYS["FULL"]  # else a cutout of that
        cutout = _cut_to_slit(ramp)
    run = _Steps("calwebb_detector1", cutout)
    for name in ("find_showers", "expand_large_events"):
        if run.says("jump", name, "true"):
            notes.append(f"{name} saw the surroundings of the slit alone, not the whole detector")
    cutout = run("jump", cutout, **parameters)
    fitted, *_ = run("ramp_fit", cutout)
    if rate_files:
        rate = datamodels.open(rate_files[0])
    else:
        rate = _blank_rate(fitted, read)
        notes.append("outside the slit the rate is blank: only the ramp was at hand")
    first_row = fitted.meta.subarray.ystart - rate.meta.subarray.ystart
    first_column = fitted.meta.subarray.xstart - rate.meta.subarray.xstart
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


def _geometry(model: Any) -> dict[str, Any]:
    """Return the cards that say which part of the detector a model is of."""
    place = model.meta.subarray
    names = {"SUBSTRT1": "xstart", "SUBSTRT2": "ystart", "SUBSIZE1": "xsize", "SUBSIZE2": "ysize"}
    return {card: getattr(place, name) for card, name in names.items()}


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


def _blank_rate(fitted: Any, subarray: Subarray) -> Any:
    """Return a rate of a subarray without any pixel, to paste the slit into."""
    import numpy as np
    from stdatamodels.jwst import datamodels

    blank = np.full(subarray.shape, np.nan, dtype=np.float32)
    planes = {name: blank.copy() for name in ("data", "err", "var_poisson", "var_rnoise")}
    rate = datamodels.ImageModel(dq=np.full(subarray.shape, DO_NOT_USE, dtype=np.uint32), **planes)
    rate.update(fitted)
    place = rate.meta.subarray
    place.name, (place.ysize, place.xsize) = subarray.name, subarray.shape
    place.ystart, place.xstart = (pixel + 1 for pixel in subarray.origin)
    return rate


NOT_FOR_LRS = (
    "badpix_selfcal",
    "barshadow",
    "clean_flicker_noise",
    "fringe",
    "imprint",
    "msa_flagging",
    "residual_fringe",
    "straylight",
)
"""Steps of calwebb_spec2 that are for other modes or off, and leave that in the product."""


def _flat(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """From a rate, and those that are its background, to the flat-fielded slit."""
    from stdatamodels.jwst import datamodels

    science, *partners = inputs
    model = _open(science)
    for name in NOT_FOR_LRS:
        if getattr(model.meta.cal_step, name) is None:
            setattr(model.meta.cal_step, name, "SKIPPED")
    if "association" in parameters:
        model.meta.asn.table_name, model.meta.asn.pool_name = parameters["association"]
    run = _Steps("calwebb_spec2", model)
    model = run("assign_wcs", model)
    _check_wcs(model)
    if partners:
        model = run("bkg_subtract", model, partners)
    else:
        model.meta.cal_step.bkg_subtract = "SKIPPED"
    slit = datamodels.SlitModel(model)
    for name in ("xstart", "ystart", "xsize", "ysize"):
        setattr(slit, name, getattr(model.meta.subarray, name))
    slit = run("srctype", slit)
    return run("flat_field", slit)


def _cal(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """From the flat-fielded slit, and a TA verification image, to the calibrated one."""
    flat, *ta = inputs
    model = _open(flat)
    run = _Steps("calwebb_spec2", model)
    return _photom(run, _pathloss(run, model, ta, parameters, notes), parameters)


def _photom(run: _Steps, model: Any, parameters: StepParameters) -> Any:
    """Calibrate the flux, unless what was delivered went without."""
    if parameters.get("photom") == "skip":
        model.meta.cal_step.photom = "SKIPPED"
        return model
    return run("photom", model)


def _recal(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Exchange the pathloss correction of a calibrated slit.

    Both corrections and photom's are factors, so the result differs from that of the pipeline by
    rounding of single-precision numbers alone: values and errors by less than 4e-7 of themselves,
    variances by less than 1e-6, and the flux extracted from them by less than 1e-4 of its error.
    """
    cal, *ta = inputs
    model = _open(cal)
    if model.meta.cal_step.pathloss is None:
        raise LRSExplorerError(
            f"{Path(cal).name} does not tell whether its pathloss was corrected (S_PTHLOS), so it "
            "cannot be exchanged; put its rate beside it, or leave pathloss as it was delivered"
        )
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
    return _pathloss(_Steps("calwebb_spec2", model), model, ta, parameters, notes)


def _pathloss(
    run: _Steps, model: Any, ta: list[str], parameters: StepParameters, notes: list[str]
) -> Any:
    """Correct for light lost at the slit, for the position that the parameters tell."""
    model.source_xpos = model.source_ypos = None
    model.meta.cal_step.targ_centroid = "SKIPPED"
    if parameters["mode"] == "off":
        model.meta.cal_step.pathloss = "SKIPPED"
        return model
    if ta:
        _check_subarray(model, ta[0])
        model = run("targ_centroid", model, ta_file=ta[0])
        if model.meta.cal_step.targ_centroid != "COMPLETE":
            raise LRSExplorerError(
                "targ_centroid found no position in the verification image; choose another "
                "pathloss mode"
            )
    with _heard("jwst.pathloss.pathloss") as said:
        model = run("pathloss", model, user_slit_loc=parameters["user_slit_loc"])
    if any("outside slit" in line for line in said):
        notes.append(
            "the source lies outside the pathloss reference: the pipeline corrected it as if it "
            "were in the center of the slit"
        )
    return model


def _check_subarray(model: Any, ta: str) -> None:
    """Check that jwst does not mix up pixels of two subarrays.

    Raises
    ------
    LRSExplorerError
        It does: targ_centroid takes the verification image's corner for the exposure's.
    """
    from stdatamodels.jwst import datamodels

    with datamodels.open(ta) as image:
        begin = [(m.meta.subarray.xstart, m.meta.subarray.ystart) for m in (model, image)]
    if begin[0] != begin[1]:
        raise LRSExplorerError(
            f"targ_centroid of jwst {version('jwst')} counts pixels of the verification image as "
            f"those of {model.meta.subarray.name}, so it would correct pathloss for a wrong place; "
            "correct it for the offset that the explorer measures on that image (Slit, MR-LRS04)"
        )


def _check_wcs(model: Any) -> None:
    """Check that the WCS of a slit exposure lies on its pixels.

    Raises
    ------
    LRSExplorerError
        It does not: of a subarray, jwst 3.0 takes the reference pixel of the whole detector.
    """
    if model.meta.exposure.type != EXP_TYPES["slit"]:
        return
    columns, rows = model.meta.wcs.bounding_box.bounding_box(order="F")
    n_rows, n_columns = model.data.shape[-2:]
    if columns[0] >= n_columns - 1 or rows[0] >= n_rows - 1:
        name = str(model.meta.ref_file.specwcs.name).removeprefix("crds://")
        raise LRSExplorerError(
            f"jwst {version('jwst')} cannot calibrate the slit in {model.meta.subarray.name} with "
            f"{name}, which places it for the whole detector; use a specwcs reference for this "
            "subarray, or a later jwst"
        )


@contextmanager
def _heard(logger: str) -> Iterator[list[str]]:
    """Collect what a logger of the pipeline says: some things it says nowhere else."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    listener = Listener()
    logging.getLogger(logger).addHandler(listener)
    try:
        yield lines
    finally:
        logging.getLogger(logger).removeHandler(listener)


def _replace(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Flag pixels of a calibrated slit by hand and replace those that are flagged."""
    import numpy as np

    model = _open(inputs[0])
    rows, columns = model.data.shape[-2:]
    for row, column in parameters["flagged"]:
        if row >= rows or column >= columns:
            raise LRSExplorerError(f"pixel ({row}, {column}) is not on the detector")
        model.dq[..., row, column] |= np.uint32(DO_NOT_USE)
        for name in ("data", "err", "var_poisson", "var_rnoise", "var_flat"):
            plane = getattr(model, name)
            if plane is not None and plane.shape == model.data.shape:
                plane[..., row, column] = np.nan
    step = parameters["step"]
    if step["skip"]:
        return model
    run = _Steps("calwebb_spec2", model)
    return run("pixel_replace", _with_trace_model(run, model, parameters), **step)


def _with_trace_model(run: _Steps, model: Any, parameters: StepParameters) -> Any:
    """Model the trace where the recipe asks for it, or CRDS, before pixels are replaced, once."""
    if model.meta.cal_step.adaptive_trace_model is None:
        wanted = parameters.get("trace_model", {})
        asked = run.says("adaptive_trace_model", "skip", "false")
        if not wanted.get("skip", not asked):
            return run("adaptive_trace_model", model, **wanted)
        model.meta.cal_step.adaptive_trace_model = "SKIPPED"
    return model


def _s2d(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Resample a calibrated slit."""
    model = _open(inputs[0])
    run = _Steps("calwebb_spec2", model)
    model = _with_trace_model(run, model, parameters)
    if model.meta.cal_step.pixel_replace is None:
        model.meta.cal_step.pixel_replace = "SKIPPED"
    return run("resample_spec", model, **parameters.get("resample", {}))


def _level_3(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Combine calibrated slits with Spec3Pipeline and return the resampled image."""
    from stdatamodels.jwst import datamodels

    members = [{"expname": path, "exptype": "science"} for path in inputs]
    table, pool = parameters["association"]
    association = {
        "asn_type": "spec3",
        "asn_rule": "Asn_Lv3MIRSpec",
        "asn_pool": pool,
        "asn_id": "o000",
        "products": [{"name": parameters["name"], "members": members}],
    }
    # The members go with the combined image: diagnoses look at what was resampled.
    steps = {
        "pixel_replace": {**parameters["step"], "save_results": True},
        "extract_1d": {"skip": True},
    }
    if "trace_model" in parameters:
        steps["adaptive_trace_model"] = parameters["trace_model"]
    if "resample" in parameters:
        steps["resample_spec"] = parameters["resample"]
    path = Path.cwd() / table
    path.write_text(json.dumps(association), encoding="utf-8")
    step_class("calwebb_spec3").call(
        str(path),
        configure_log=False,
        output_dir=str(Path.cwd()),
        save_results=True,
        steps=steps,
    )
    return datamodels.open(Path.cwd() / f"{parameters['name']}_s2d.fits")


def _x1d(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Extract a spectrum."""
    model = step_class("extract_1d").call(inputs[0], configure_log=False, **parameters)
    for name in ("adaptive_trace_model", "pixel_replace"):  # of integrations they have not been run
        if getattr(model.meta.cal_step, name) is None:
            setattr(model.meta.cal_step, name, "SKIPPED")
    # The reference of a recipe lies beside the spectrum: its name says where to find it.
    model.meta.ref_file.extract1d.name = Path(model.meta.ref_file.extract1d.name).name
    return model


def _calints(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """From rateints to calibrated integrations, as Spec2Pipeline does for slitless data."""
    model = _flat(inputs, parameters, notes)
    model.meta.cal_step.targ_centroid = model.meta.cal_step.pathloss = "SKIPPED"
    return _photom(_Steps("calwebb_spec2", model), model, parameters)


def _outlier_detection(inputs: list[str], parameters: StepParameters, notes: list[str]) -> Any:
    """Flag outliers in time by the pipeline's own step, as Tso3Pipeline does."""
    model = _open(inputs[0])
    # The pipeline sets the mode too: it is no parameter of the step.
    flagged = _Steps("calwebb_tso3", model)("outlier_detection", model, mode="tso")
    if flagged.meta.cal_step.outlier_detection != "COMPLETE":
        raise LRSExplorerError("outlier_detection was skipped; choose another way with outliers")
    return flagged


def extraction_references(path: str) -> dict[str, str]:
    """Return the names of the references that extract_1d uses and does not write down."""
    from stdatamodels.jwst import datamodels

    step = step_class("extract_1d")()
    with datamodels.open(path) as model:
        found = {kind: step.get_reference_file(model, kind) for kind in ("apcorr", "psf")}
    return {kind: Path(name).name for kind, name in found.items() if name not in (None, "N/A")}


STAGES: dict[str, Callable[[list[str], StepParameters, list[str]], Any]] = {
    "ramp": _ramp,
    "jump": _jump,
    "flat": _flat,
    "cal": _cal,
    "recal": _recal,
    "pixel_replace": _replace,
    "s2d": _s2d,
    "level_3": _level_3,
    "x1d": _x1d,
    "background": series_calibration.subtract_background,
    "calints": _calints,
    "outliers": series_calibration.fix_outliers,
    "outlier_detection": _outlier_detection,
}
