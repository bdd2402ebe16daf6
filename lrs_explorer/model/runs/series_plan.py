"""Which stages lead from the segments of a slitless series to what a recipe asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lrs_explorer.model.files.recognition import root_of
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.parts import step_parameters
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.runs.plan import PlannedProduct, association_parameter, own_association

__all__ = ["plan_series"]


def plan_series(observation: SeriesObservation, recipe: Recipe) -> list[Path | PlannedProduct]:
    """Return what gives the calibrated integrations of each segment, in time order.

    The delivered file, or the last of some stages.

    Raises
    ------
    LRSExplorerError
        A product is missing; the message says which, and how to come by it.
    """
    delivered = list(observation.series("calints").paths) if _has(observation, "calints") else []
    rates = list(observation.series("rateints").paths) if _has(observation, "rateints") else []
    if recipe.slitless.subtract or recipe.slitless.backgrounds is not None or not delivered:
        if not rates:
            # Says how to come by them.
            observation.series("rateints")
        calibrated: list[Path | PlannedProduct] = [
            _calints(observation, path, rates, recipe) for path in rates
        ]
    else:
        calibrated = list(delivered)
    return [_replaced(_without_outliers(target, recipe), recipe) for target in calibrated]


def _has(observation: SeriesObservation, kind: str) -> bool:
    return bool(observation.products.get(kind))


def _stage(
    name: str, target: Path | PlannedProduct, parameters: dict[str, Any], suffix: str
) -> PlannedProduct:
    file = target if isinstance(target, Path) else Path(target.product)
    return PlannedProduct(name, 1, (target,), parameters, f"{root_of(file)}_{suffix}.fits")


def _calints(
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
