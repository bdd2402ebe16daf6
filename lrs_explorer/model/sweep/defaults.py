"""Values of choices that an observation itself suggests: those between which one could waver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from lrs_explorer.model.data.products import SpatialProfile, SpectralImage, Trace
from lrs_explorer.model.live.placement import Placement
from lrs_explorer.model.recipe.parts import Aperture
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.model.sweep.choices import CHOICES

__all__ = ["default_values", "offered_values", "why_not"]

Region = tuple[float, float]

LEAST_SHIFT: Final = 0.25
"""Pixels by which the center is moved at least: as well as an aperture is placed by eye."""

SIGMAS: Final = 2.0
"""Standard errors of the trace's position by which the center is moved, where that is more."""

WIDTHS: Final = (0.75, 0.875, 1.125, 1.25)
"""Widths of the aperture over that of the recipe."""

NARROWEST: Final = 2.0
"""Pixels of the narrowest aperture; jwst does not sum less than one as it is asked to."""

GAP: Final = 2.0
"""Pixels that background regions keep clear of the aperture."""

REGION: Final = 4.0
"""Width in pixels of background regions where the recipe has none."""

REGION_SHIFT: Final = 1.0
"""Pixels by which background regions are moved away from the aperture, and towards it."""

THRESHOLDS: Final = (6.0, 8.0)
"""Of the jump step, sigma; 4 is the pipeline's default."""


def default_values(
    stages: Stages, recipe: Recipe, *, exact: bool = False
) -> dict[str, tuple[Any, ...]]:
    """Return the choices that a sweep varies unless told otherwise, with their values.

    Those of `offered_values`, but for the extraction where a nod was subtracted: the pipeline's
    model of the point-spread function has no negative trace, so that optimal is not a choice as
    good as box there.

    Parameters
    ----------
    stages : Stages
        Of the observation.
    recipe : Recipe
    exact : bool
        Also what needs runs of the pipeline.

    Raises
    ------
    LRSExplorerError
        The recipe cannot be extracted, or its image cannot be had.
    """
    left_out = {name for name, choice in CHOICES.items() if choice.step and not exact}
    if recipe.mode == "slit" and _subtracted(stages.image(recipe)):
        left_out.add("extraction_type")
    offered = offered_values(stages, recipe)
    return {name: of for name, of in offered.items() if name not in left_out}


def offered_values(stages: Stages, recipe: Recipe) -> dict[str, tuple[Any, ...]]:
    """Return the choices that a sweep can vary, with the values that an observation suggests.

    The center within two standard errors of the trace's position, a quarter of a pixel at least;
    widths from three quarters of the recipe's to five quarters; background regions where they are
    and moved by a pixel, where there are none such beside the aperture, and without a background
    where an earlier step has subtracted one already; median and polynomial, of order 0 and, with
    regions on both sides, 1; box and optimal, where there is a PSF reference file; algorithms of
    ``pixel_replace``, and thresholds of ``jump`` where ramps are at hand.

    Parameters
    ----------
    stages : Stages
        Of the observation.
    recipe : Recipe

    Raises
    ------
    LRSExplorerError
        The recipe cannot be extracted, or its image cannot be had.
    """
    placement, image = stages.placement(recipe), stages.image(recipe)
    aperture = placement.aperture
    shift = _shift(stages.trace(recipe), aperture)
    widths = sorted({max(round(aperture.width * factor, 2), NARROWEST) for factor in WIDTHS})
    values: dict[str, tuple[Any, ...]] = {
        "center": (round(aperture.center - shift, 3), None, round(aperture.center + shift, 3)),
        "width": (
            *(width for width in widths if width < aperture.width),
            None,
            *(width for width in widths if width > aperture.width),
        ),
    }
    regions = _regions(placement, image, stages.profile(recipe), recipe)
    if len(regions) > 1 or placement.background.regions:
        values["background"] = regions
        values["bkg_fit"] = _others(placement.background.bkg_fit, ("poly", "median"))
        if all(_both_sides(of or placement.background.regions, aperture) for of in regions):
            values["bkg_order"] = _others(placement.background.bkg_order, (0, 1))
    if "psf" in stages.references.names:
        values["extraction_type"] = _others(recipe.extraction.extraction_type, ("box", "optimal"))
    if not why_not(stages, "pixel_replace"):
        values["pixel_replace"] = _others(
            recipe.pixel_replace.algorithm, ("fit_profile", "mingrad", "trace_model")
        )
    if not why_not(stages, "rejection_threshold"):
        values["rejection_threshold"] = _others(recipe.jump.rejection_threshold, THRESHOLDS)
    return {name: of for name, of in values.items() if len(of) > 1}


def _subtracted(image: SpectralImage) -> bool:
    """Tell whether another exposure was subtracted from an image."""
    return image.header.get("S_BKDSUB") == "COMPLETE"


def why_not(stages: Stages, name: str) -> str:
    """Say in a sentence why a choice cannot be varied for an observation; "" where it can."""
    observation, step = stages.observation, CHOICES[name].step
    return observation.why_not(step) if step else ""


def _others(own: Any, known: Sequence[Any]) -> tuple[Any, ...]:
    """Return what the recipe has, as None, and what else is known."""
    return (None, *(value for value in known if value != own))


def _shift(trace: Trace | None, aperture: Aperture) -> float:
    """Return by how many pixels the center is moved."""
    error = np.nan if trace is None else SIGMAS * trace.uncertainty
    shift = max(LEAST_SHIFT, error if np.isfinite(error) else 0.0)
    return float(min(shift, aperture.width / 2))


def _regions(
    placement: Placement, image: SpectralImage, profile: SpatialProfile, recipe: Recipe
) -> tuple[Any, ...]:
    """Return background regions that could be chosen as well as those of the recipe."""
    present = placement.background.regions
    limits = _limits(profile)
    if not present:
        return (None, *_beside(placement.aperture, profile, limits))
    middle = placement.aperture.center
    found: list[Any] = [None]
    for shift in (REGION_SHIFT, -REGION_SHIFT):
        moved = tuple(_moved(region, middle, shift) for region in present)
        if all(limits[0] <= lower and upper <= limits[1] for lower, upper in moved) and all(
            upper <= placement.aperture.lower or lower >= placement.aperture.upper
            for lower, upper in moved
        ):
            found.append(moved)
    if recipe.slitless.subtract or _subtracted(image):
        found.append(())
    return tuple(found)


def _both_sides(regions: Sequence[Region], aperture: Aperture) -> bool:
    """Tell whether there are regions on both sides, or none: a slope is not extrapolated."""
    sides = {sum(region) / 2 > aperture.center for region in regions}
    return len(sides) != 1


def _moved(region: Region, middle: float, away: float) -> Region:
    """Return a region that is moved away from a position, pixels."""
    shift = away if sum(region) / 2 > middle else -away
    return round(region[0] + shift, 3), round(region[1] + shift, 3)


def _limits(profile: SpatialProfile) -> Region:
    """Return between which edges pixels have values, without the outermost on each side.

    Resampling leaves these without full signal.
    """
    known = profile.position[np.isfinite(profile.value)]
    if not known.size:
        return 0.0, 0.0
    return float(known[0]) + 0.5, float(known[-1]) - 0.5


def _beside(
    aperture: Aperture, profile: SpatialProfile, limits: Region
) -> list[tuple[Region, ...]]:
    """Return regions on both sides of the aperture, or one, where there is least signal."""
    below = _quietest(profile, limits[0], aperture.lower - GAP)
    above = _quietest(profile, aperture.upper + GAP, limits[1])
    sides = tuple(side for side in (below, above) if side is not None)
    return [sides] if sides else []


def _quietest(profile: SpatialProfile, first: float, last: float) -> Region | None:
    """Return the region between two edges in which the signal is least, of either sign.

    The trace of another nod is negative, the wings of both reach far: where they are least is told
    by the profile alone, not by the distance.
    """
    starts = np.arange(np.ceil(first - 0.5) + 0.5, last - REGION + 1e-9)
    level = np.nan_to_num(profile.value - np.nanmedian(profile.value), nan=np.inf)
    best: tuple[float, Region] | None = None
    for start in starts:
        inside = (profile.position > start) & (profile.position < start + REGION)
        signal = float(np.abs(level[inside]).max(initial=np.inf if not inside.any() else 0.0))
        if np.isfinite(signal) and (best is None or signal < best[0]):
            best = signal, (float(start), float(start + REGION))
    return None if best is None else best[1]
