"""What is done to the integrations of a slitless series between the pipeline's own steps.

Like the stages in `lrs_explorer.model.runs.calibration`: input files and parameters in, a data
model of the pipeline out.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from lrs_explorer.model.recipe.series_parts import SlitlessBackground
from lrs_explorer.model.series.background import measure_background
from lrs_explorer.model.series.images import Chunk, open_series
from lrs_explorer.model.series.outliers import find_outliers

__all__ = ["fix_outliers", "subtract_background"]

PLANES = ("data", "var_poisson", "var_rnoise", "var_flat", "dq", "err")


def subtract_background(inputs: list[str], parameters: dict[str, Any], notes: list[str]) -> Any:
    """Subtract the 2-D background from a rateints.

    ``inputs`` are the rateints, and those of the other segments where one background serves all.
    """
    from stdatamodels.jwst import datamodels

    choice = SlitlessBackground(
        subtract=True,
        columns=tuple((lower, upper) for lower, upper in parameters["columns"]),
        statistic=parameters["statistic"],
        per_integration=parameters["per_integration"],
    )
    series = open_series("rateints", [Path(path) for path in inputs])
    background = measure_background(series, choice)
    model = datamodels.open(inputs[0])
    # One background for the whole exposure is the same in every segment, wherever it stands.
    number = series.paths.index(Path(inputs[0]))
    first = sum(len(segment) for segment in series.segments[:number])
    _put(model, background.subtract_from(_chunk(model, first)))
    model.meta.cal_step.bkg_subtract = "COMPLETE"
    each = "each integration" if choice.per_integration else "the whole exposure"
    columns = ", ".join(f"{lower:g} to {upper:g}" for lower, upper in choice.columns)
    _history(
        model,
        f"2-D background of {each} subtracted: {choice.statistic} of columns {columns} (0-indexed "
        "edges) at each row",
    )
    return model


def fix_outliers(inputs: list[str], parameters: dict[str, Any], notes: list[str]) -> Any:
    """Flag outliers in time, or replace them, in a calints."""
    from stdatamodels.jwst import datamodels

    series = open_series("calints", [Path(inputs[0])])
    found = find_outliers(series, parameters["threshold"], parameters["window"])
    model = datamodels.open(inputs[0])
    _put(model, found.fix(_chunk(model, 0), parameters["how"]))
    done = {"mask": "masked", "replace": "replaced"}[parameters["how"]]
    _history(
        model,
        f"{len(found)} outliers in time {done}: more than {parameters['threshold']:g} sigma from "
        f"the running median of {parameters['window']} integrations",
    )
    return model


def _chunk(model: Any, first: int) -> Chunk:
    planes: dict[str, Any] = {}
    for name in PLANES:
        plane = getattr(model, name)
        absent = plane is None or plane.shape != model.data.shape
        if absent and name.startswith("var"):
            planes[name] = np.broadcast_to(np.float32(0), model.data.shape)
        else:
            planes[name] = None if absent else np.asarray(plane)
    return Chunk(first=first, **planes)


def _put(model: Any, chunk: Chunk) -> None:
    for name in PLANES:
        plane = getattr(chunk, name)
        if plane is not None and plane.strides[0]:
            setattr(model, name, plane)


def _history(model: Any, sentence: str) -> None:
    from lrs_explorer._version import __version__

    model.history.append(f"LRS Explorer {__version__}: {sentence}")
