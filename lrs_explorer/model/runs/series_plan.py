"""Which stages lead from the segments of a time series to what a recipe asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.parts import step_parameters
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.recipe.scope import image_of
from lrs_explorer.model.runs.plan import (
    PlannedProduct,
    association_parameter,
    own_association,
    pathloss_inputs,
    photom_parameter,
)

__all__ = ["plan_series"]


def plan_series(observation: SeriesObservation, recipe: Recipe) -> list[Path | PlannedProduct]:
    """Return what gives the calibrated integrations of each segment, in time order.

    The delivered file, or the last of some stages.

    Raises
    ------
    LRSExplorerError
        A product is missing; the message says which, and how to come by it.
    """
    delivered, rates = _in_order(observation, "calints"), _in_order(observation, "rateints")
    again = image_of(recipe).pathloss.mode != "as_delivered"
    other_sky = recipe.slitless.subtract or recipe.slitless.backgrounds is not None
    calibrated: list[Path | PlannedProduct]
    numbers = {observation.number_of(path) for path in rates}
    all_rates = all(observation.number_of(path) in numbers for path in delivered)
    if not delivered or other_sky or (again and all_rates):
        if not rates:
            observation.integrations("rateints")  # says how to come by them
        make = _slitless_calints if observation.mode == "slitless" else _slit_calints
        calibrated = [make(observation, path, rates, recipe) for path in rates]
    elif again:
        calibrated = [
            _with_pathloss("recal", observation, path, path, recipe) for path in delivered
        ]
    else:
        calibrated = list(delivered)
    return [_replaced(_without_outliers(target, recipe), recipe) for target in calibrated]


def _in_order(observation: SeriesObservation, kind: str) -> list[Path]:
    """Return the segments of a kind in time order."""
    return list(observation.integrations(kind).paths) if observation.products.get(kind) else []


def _stage(
    name: str, target: Path | PlannedProduct, parameters: dict[str, Any], suffix: str
) -> PlannedProduct:
    file = target if isinstance(target, Path) else Path(target.product)
    return PlannedProduct(name, 1, (target,), parameters, f"{root_of(file)}_{suffix}.fits")


def _slit_calints(
    observation: SeriesObservation, rateints: Path, rates: list[Path], recipe: Recipe
) -> PlannedProduct:
    """Return the calibration of a segment seen through the slit."""
    inputs = (rateints, *observation.dedicated_backgrounds(rateints))
    parameters = association_parameter(observation, rateints)
    product = f"{root_of(rateints)}_flat_field.fits"
    flat = PlannedProduct("flat", 1, inputs, parameters, product)
    return _with_pathloss("cal", observation, rateints, flat, recipe)


def _with_pathloss(
    stage: str,
    observation: SeriesObservation,
    segment: Path,
    source: Path | PlannedProduct,
    recipe: Recipe,
) -> PlannedProduct:
    number = observation.number_of(segment)
    inputs, parameters = pathloss_inputs(observation, recipe.pathloss, number)
    parameters |= photom_parameter(observation, number)
    product = f"{root_of(segment)}_calints.fits"
    return PlannedProduct(stage, 1, (source, *inputs), parameters, product)


def _slitless_calints(
    observation: SeriesObservation, rateints: Path, rates: list[Path], recipe: Recipe
) -> PlannedProduct:
    """Return the calibration of a segment, without its background.

    That is what the recipe measures beside the trace, or names; else what an association names.
    """
    source: Path | PlannedProduct = rateints
    choice = recipe.slitless
    if choice.subtract:
        others = [] if choice.per_integration else [p for p in rates if p != rateints]
        parameters = {
            "columns": [list(edges) for edges in choice.columns],
            "statistic": choice.statistic,
            "per_integration": choice.per_integration,
        }
        product = f"{root_of(rateints)}_rateints.fits"
        source = PlannedProduct("background", 1, (rateints, *others), parameters, product)
    product = f"{root_of(rateints)}_calints.fits"
    parameters = association_parameter(observation, rateints)
    if choice.backgrounds is not None:
        parameters = {"association": [own_association(root_of(rateints)), "none"]}
    parameters |= photom_parameter(observation, observation.number_of(rateints))
    dedicated: list[Path] = []
    if not choice.subtract:
        dedicated = observation.dedicated_backgrounds(rateints, choice.backgrounds)
    return PlannedProduct("calints", 1, (source, *dedicated), parameters, product)


def _without_outliers(target: Path | PlannedProduct, recipe: Recipe) -> Path | PlannedProduct:
    series = recipe.series
    match series.outliers:
        case "off":
            return target
        case "outlier_detection":
            return _stage("outlier_detection", target, {}, "crfints")
        case "mask" | "replace":
            parameters = {
                "how": series.outliers,
                "threshold": series.outlier_threshold,
                "window": series.outlier_window,
            }
            return _stage("outliers", target, parameters, "crfints")
        case _:
            raise unknown("treatment of outliers", series.outliers)


def _replaced(target: Path | PlannedProduct, recipe: Recipe) -> Path | PlannedProduct:
    step = step_parameters(recipe.pixel_replace)
    # Flagged in all integrations, whatever the exposure.
    flagged = sorted({(row, column) for _, row, column in recipe.pixel_replace.flagged})
    if step["skip"] and not flagged:
        return target
    parameters = {"step": step, "flagged": flagged}
    return _stage("pixel_replace", target, parameters, "pixel_replace")
