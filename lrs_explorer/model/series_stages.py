"""From a recipe to the products of a time series, each computed once per key."""

from __future__ import annotations

from collections.abc import Callable

from lrs_explorer.model.background import SeriesBackground, measure_background
from lrs_explorer.model.position import find_trace
from lrs_explorer.model.products import SpectralImage, Trace
from lrs_explorer.model.recipe import Nods, Recipe, SlitlessBackground
from lrs_explorer.model.series import TimeSeriesImages
from lrs_explorer.model.series_products import TimeSeries
from lrs_explorer.model.slitless import SlitlessObservation
from lrs_explorer.model.stages import Stages
from lrs_explorer.model.timeseries import SeriesExtractor

__all__ = ["SeriesStages"]

Progress = Callable[[int, int], None]
"""Told how many of how many integrations are done."""

PREVIEW = (
    "preview of the 2-D background: measured on calibrated images; the pipeline run measures it on "
    "the rateints"
)


class SeriesStages(Stages):
    """The products of one slitless observation; see `Stages`."""

    observation: SlitlessObservation

    def series(self, recipe: Recipe | None = None) -> TimeSeriesImages:
        """Return the images of all integrations, changed as a recipe says.

        Raises
        ------
        LRSExplorerError
            There are none, or the recipe cannot be followed.
        """
        series = self.observation.series()
        if recipe is None or not recipe.slitless.subtract:
            return series
        choice = recipe.slitless
        return self._pull("series", choice, lambda: self._without_background(series, choice))

    def _without_background(
        self, series: TimeSeriesImages, choice: SlitlessBackground
    ) -> TimeSeriesImages:
        background = self.background(choice)
        notes = () if series.kind == "rateints" else (PREVIEW,)
        return series.adjusted(background.subtract_from, *notes)

    def background(self, choice: SlitlessBackground) -> SeriesBackground:
        """Return the 2-D background of the images that are shown, whether subtracted or not.

        Raises
        ------
        LRSExplorerError
            A range of columns lies over the trace or outside the image.
        """
        series = self.observation.series()
        return self._pull(
            "background",
            (choice.columns, choice.statistic, choice.per_integration),
            lambda: measure_background(series, choice, self.trace(Nods())),
        )

    def find_image(self, recipe: Recipe) -> SpectralImage | None:
        """Return a typical image of the series that a recipe asks for."""
        return self.series(recipe).typical

    def trace(self, choice: Nods | Recipe) -> Trace | None:
        """Return the trace measured on a typical image, None where there is none."""
        return self._pull("trace", None, lambda: find_trace(self.observation.image()))

    def series_extractor(self, recipe: Recipe) -> SeriesExtractor:
        """Return the live kernel, prepared for the series that a recipe asks for."""
        references, series = self.references, self.series(recipe)
        return self._pull(
            "series_extractor",
            (series, references),
            lambda: SeriesExtractor(series, references),
        )

    def light(self, recipe: Recipe) -> TimeSeries:
        """Return wavelength and flux of all integrations, for light curves under a drag.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        extractor = self.series_extractor(recipe)
        return self._pull("light", (recipe, extractor), lambda: extractor.flux(recipe))

    def spectra(self, recipe: Recipe, progress: Progress | None = None) -> TimeSeries:
        """Return the spectra of all integrations, as the pipeline would write them.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        extractor = self.series_extractor(recipe)
        return self._pull(
            "spectra",
            (recipe, extractor),
            lambda: extractor.extract(recipe, progress=progress),
        )
