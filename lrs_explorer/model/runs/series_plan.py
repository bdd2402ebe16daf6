"""Which stages lead from the segments of a time series to what a recipe asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.parts import step_parameters
from lrs_explorer.model.recipe.recipe import Nods, Recipe
from lrs_explorer.model.recipe.scope import image_of
from lrs_explorer.model.runs.plan import (
    PlannedProduct,
    association_parameter,
    is_subtracted,
    not_told,
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
    calibrated = _slitless if observation.mode == "slitless" else _slit
    return [
        _replaced(_without_outliers(target, recipe), recipe)
        for target in calibrated(observation, recipe)
    ]


def _in_order(observation: SeriesObservation, kind: str) -> list[Path]:
    """Return the segments of a kind in time order."""
    return list(observation.integrations(kind).paths) if observation.products.get(kind) else []


def _rateints(observation: SeriesObservation) -> list[Path]:
    """Return the rateints in time order, of each segment that was calibrated."""
    rates = _in_order(observation, "rateints")
    if not rates:
        observation.integrations("rateints")  # says how to come by them
    here = set(map(observation.number_of, rates))
    for number in map(observation.number_of, _in_order(observation, "calints")):
        if number not in here:
            raise LRSExplorerError(
                f"the background of a part of {observation.name} cannot be chosen alone: "
                f"{observation.missing('rateints', number)}."
            )
    return rates


def _stage(
    name: str, target: Path | PlannedProduct, parameters: dict[str, Any], suffix: str
) -> PlannedProduct:
    file = target if isinstance(target, Path) else Path(target.product)
    return PlannedProduct(name, 1, (target,), parameters, f"{root_of(file)}_{suffix}.fits")


def _slit(observation: SeriesObservation, recipe: Recipe) -> list[Path | PlannedProduct]:
    """Return the calibrated segments of a series seen through the slit."""
    segments, rates = (_in_order(observation, kind) for kind in ("calints", "rateints"))
    numbers = {observation.number_of(path) for path in segments}
    if not numbers or not all(is_subtracted(observation, recipe.nods, n) for n in numbers):
        segments = _rateints(observation)
    elif image_of(recipe).pathloss.mode != "as_delivered":
        every = numbers <= {observation.number_of(path) for path in rates}
        segments = rates if every else segments
    return [_slit_calints(observation, path, recipe) for path in segments]


def _slit_calints(
    observation: SeriesObservation, segment: Path, recipe: Recipe
) -> Path | PlannedProduct:
    number, nods = observation.number_of(segment), recipe.nods
    delivered, rateints = (observation.find(kind, number) for kind in ("calints", "rateints"))
    if delivered is not None and is_subtracted(observation, nods, number):
        if image_of(recipe).pathloss.mode == "as_delivered":
            return delivered
        told = nods.subtract is not None or observation.subtracted(number) is not None
        if rateints is None or not told or not _is_at_hand(observation, rateints, nods):
            return _with_pathloss("recal", observation, delivered, delivered, recipe)
    if rateints is None:
        raise LRSExplorerError(
            f"a part of {observation.name} cannot be calibrated: "
            f"{observation.missing('rateints', number)}."
        )
    inputs = (rateints, *_backgrounds(observation, rateints, nods))
    parameters = association_parameter(observation, rateints)
    if nods.backgrounds is not None:
        parameters = {"association": [own_association(root_of(rateints)), "none"]}
    elif nods.subtract is None and len(inputs) == 1:
        parameters |= not_told(observation, number)
    product = f"{root_of(rateints)}_flat_field.fits"
    flat = PlannedProduct("flat", 1, inputs, parameters, product)
    return _with_pathloss("cal", observation, rateints, flat, recipe)


def _backgrounds(observation: SeriesObservation, rateints: Path, nods: Nods) -> list[Path]:
    """Return what is subtracted from a segment, as the recipe or an association says."""
    if nods.backgrounds is not None:
        return observation.dedicated_backgrounds(rateints, tuple(nods.backgrounds))
    subtract = nods.subtract
    if subtract is None:
        subtract = observation.subtracts(observation.number_of(rateints))
    found = observation.dedicated_backgrounds(rateints) if subtract else []
    if subtract and not found:
        raise LRSExplorerError(
            f"no association at hand tells what is to be subtracted from {rateints.name}; put its "
            "spec2 association beside it, or name the exposures (nods.backgrounds)."
        )
    return found


def _is_at_hand(observation: SeriesObservation, rateints: Path, nods: Nods) -> bool:
    """Tell whether what was subtracted from a segment is known and here."""
    try:
        _backgrounds(observation, rateints, nods)
    except LRSExplorerError:
        return False
    return True


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


def _slitless(observation: SeriesObservation, recipe: Recipe) -> list[Path | PlannedProduct]:
    """Return the calibrated segments of a series taken without the slit."""
    delivered = _in_order(observation, "calints")
    if delivered and not recipe.slitless.subtract and recipe.slitless.backgrounds is None:
        return [*delivered]
    rates = _rateints(observation)
    return [_slitless_calints(observation, path, rates, recipe) for path in rates]


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
