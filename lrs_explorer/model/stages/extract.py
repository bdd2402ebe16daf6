"""Extraction in one call: `lrs.extract`."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.measure.uncertainty import believed, believed_series
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.series_stages import SeriesStages
from lrs_explorer.model.stages.stages import Stages

__all__ = ["extract", "extracted", "kept_stages", "stages_of"]


@overload
def stages_of(observation: SeriesObservation) -> SeriesStages: ...
@overload
def stages_of(observation: Observation) -> Stages: ...
def stages_of(observation: Observation) -> Stages:
    """Return new stages for an observation, of the class for its mode."""
    if isinstance(observation, SeriesObservation):
        return SeriesStages(observation)
    return Stages(observation)


def kept_stages(observation: Observation) -> Stages:
    """Return the stages that are kept with an observation: nothing is computed twice."""
    if "stages" not in observation.kept:
        observation.kept["stages"] = stages_of(observation)
    stages: Stages = observation.kept["stages"]
    return stages


def extract(
    observation: Given,
    recipe: Recipe | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    extract1d: PathLike | None = None,
) -> Spectrum | TimeSeries:
    """Extract a spectrum in memory, identical to what the pipeline would write.

    The first call for an observation looks for its reference files and imports the pipeline's
    numeric functions, which takes seconds; the next ones take milliseconds (a time series: two for
    each integration).

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe or None
        None = what the pipeline does by default.
    progress : callable, optional
        Told how many of how many draws of a bootstrap, or integrations, are done.
    extract1d : path, optional
        Extract1d reference file (JSON) of your own, in place of that of CRDS.

    Returns
    -------
    Spectrum or TimeSeries
        ``wavelength`` in micron ascending, ``flux`` and ``flux_error`` in ``unit`` (Jy; DN/s where
        photom has not been run), and ``table`` with the 18 x1d columns. For a slitless series
        ``flux`` has shape (n_integrations, n_wave), and there is ``time``.

    Raises
    ------
    LRSExplorerError
        The recipe is for another mode, or cannot be extracted from this observation; or the
        reference file cannot be used.
    """
    observation = given_observation(observation)
    stages = kept_stages(observation)
    stages.find_references(again=stages.may_try_again)
    recipe = given_recipe(recipe, observation)
    stages.use_extract1d(extract1d)
    try:
        return extracted(stages, recipe, progress)
    finally:
        stages.use_extract1d(None)  # for this call alone: whoever diagnoses uses these stages too


def extracted(
    stages: Stages, recipe: Recipe, progress: Callable[[int, int], None] | None = None
) -> Spectrum | TimeSeries:
    """Return what `extract` does, of stages that have their references.

    Raises
    ------
    LRSExplorerError
        As `extract`.
    """
    method = recipe.uncertainty.method
    if method not in ("pipeline", "bootstrap"):
        raise unknown("uncertainty method", method)
    by_scatter = method == "bootstrap"
    if isinstance(stages, SeriesStages):
        series = stages.spectra(recipe, progress)
        return believed_series(series) if by_scatter else series
    if by_scatter:
        return believed(stages.spectrum(recipe), stages.bootstrap(recipe, progress))
    return stages.spectrum(recipe)
