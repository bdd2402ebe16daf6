"""From a recipe to the products of a time series, each computed once per key."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np

from lrs_explorer.model.data.dq import DO_NOT_USE
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, SpectralImage, Trace
from lrs_explorer.model.measure.position import find_trace
from lrs_explorer.model.measure.wavelength import shifted
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Background, Nods, Recipe, SlitlessBackground
from lrs_explorer.model.recipe.scope import extraction_of, image_of
from lrs_explorer.model.runs.targets import check_parts
from lrs_explorer.model.series.background import (
    SeriesBackground,
    check_columns,
    measure_background,
)
from lrs_explorer.model.series.columns import Levels, ReadOnce
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import Chunk, TimeSeriesImages, open_series
from lrs_explorer.model.series.motion import TraceMotion, trace_motion
from lrs_explorer.model.series.outliers import Outliers, find_outliers, window_warning
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.sky import SkySource, response_of
from lrs_explorer.model.series.width_scan import OFFSETS, WidthScan, scan_widths
from lrs_explorer.model.stages.stages import Stages

__all__ = ["TWO_DIMENSIONAL", "SeriesStages"]

Progress = Callable[[int, int], None]
"""Told how many of how many integrations are done."""

TWO_DIMENSIONAL: Final = "2-D background"
"""What this way to a background is called."""

PREVIEW = (
    "preview of the 2-D background: measured on calibrated images; the pipeline run measures it on "
    "the rateints"
)


class SeriesStages(Stages):
    """The products of one time series; see `Stages`."""

    observation: SeriesObservation

    def series(self, recipe: Recipe | None = None) -> TimeSeriesImages:
        """Return the images of all integrations, changed as a recipe says.

        By the pipeline where it has been run so; else what can be done at once is done, and notes
        say what differs.

        Raises
        ------
        LRSExplorerError
            There are none, or the recipe cannot be followed without a pipeline run.
        """
        series = self.observation.series()
        upstream = None if recipe is None else _upstream(recipe)
        if upstream is None:
            return series
        check_parts(self.observation, upstream)
        made = self._series_made(upstream)
        return made or self._pull("series", upstream, lambda: self._previewed(series, upstream))

    def _series_made(self, upstream: Recipe) -> TimeSeriesImages | None:
        """Return the series that the pipeline made, None where it was not run so."""
        try:
            made = self.reprocessor.made(upstream)
        except LRSExplorerError:
            return None  # there are no rateints to run it on
        if made is None:
            return None
        paths = made.images

        def opened() -> TimeSeriesImages:
            series = open_series("calints", paths)
            if upstream.slitless.subtract:
                subtracted = self._subtracted(upstream.slitless, series)
                series.shared_variance = subtracted.shared_variance
            return series

        return self._pull("series", paths, opened)

    def _subtracted(self, choice: SlitlessBackground, made: TimeSeriesImages) -> SeriesBackground:
        """Return the background that was subtracted from images that the pipeline has made."""
        background = self.background(choice)
        if len(background.level) == len(made):
            return replace(background, response=self._response(made, background.level))
        # Segments of which no calibrated images are here are among those that were made.
        rates = self.observation.integrations("rateints")
        background = measure_background(rates, choice, self.trace(Nods()))
        return replace(background, response=response_of(made, rates, background.level))

    def _previewed(self, series: TimeSeriesImages, recipe: Recipe) -> TimeSeriesImages:
        how, original = recipe.series.outliers, series
        if _other_exposures(recipe):
            raise LRSExplorerError(
                "backgrounds of other exposures are subtracted by the pipeline's bkg_subtract: run "
                "the pipeline with lrs.reprocess, or lrs-explorer reprocess, first."
            )
        if how == "outlier_detection":
            raise LRSExplorerError(
                "outliers are left to the pipeline's outlier_detection: run the pipeline with "
                "lrs.reprocess, or lrs-explorer reprocess, first."
            )
        if recipe.pixel_replace.flagged:
            series = series.adjusted(partial(_flag, recipe.pixel_replace.flagged))
        if how != "off":
            series = series.adjusted(partial(self.outliers(recipe).fix, how=how))
        if recipe.slitless.subtract:
            background = self.background(recipe.slitless)
            exact = original.kind == "rateints" or background.response is not None
            notes = () if exact else (PREVIEW,)
            series = background.subtracted(series, *notes)
        algorithm = recipe.pixel_replace.algorithm
        if algorithm != "off":
            series = series.noted(
                f"pixel_replace ({algorithm}) needs a pipeline run: left out here"
            )
        if recipe.pathloss.mode != "as_delivered":
            series = series.noted(
                f"pathloss ({recipe.pathloss.mode}) needs a pipeline run: as delivered here"
            )
        return series

    def outliers(self, recipe: Recipe) -> Outliers:
        """Return the outliers in time of the images that are shown."""
        series, options = self.observation.series(), recipe.series
        return self._pull(
            "outliers",
            (options.outlier_threshold, options.outlier_window),
            lambda: find_outliers(series, options.outlier_threshold, options.outlier_window),
        )

    def motion(self, recipe: Recipe | None = None) -> TraceMotion:
        """Return position and width of the trace in each integration.

        Raises
        ------
        LRSExplorerError
            There is no trace.
        """
        series = self.series(recipe)
        return self._pull("motion", series, lambda: trace_motion(series, self.trace(Nods())))

    def scan(self, recipe: Recipe, progress: Progress | None = None) -> WidthScan:
        """Return the scatter of the white light curve against width and center of the aperture.

        Centers are that of the recipe, up to a pixel on either side, and that of the trace. Where
        the recipe keeps pixels that stand out in time they are replaced for the scan: a cosmic ray
        on one side of the trace would choose the other.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        placed, trace = self.placement(recipe).aperture, self.trace(Nods())
        shifts = self._shifts(recipe)
        centers = {placed.center + offset for offset in OFFSETS}
        if trace is not None:
            centers.add(trace.center)
        series = self._cleaned(recipe)
        extractor = self.series_extractor(recipe)
        if series is not self.series(recipe):  # not kept: its pixels are as many again
            extractor = SeriesExtractor(series, self.references, ReadOnce(series))

        def scanned() -> WidthScan:
            found = scan_widths(
                extractor,
                recipe,
                centers=sorted(centers),
                shifts=shifts,
                progress=progress,
                trace=None if trace is None else trace.center,
            )
            return replace(found, cleaned=recipe.series.outliers == "off")

        key = recipe.replace(aperture=None), placed, series, self.references
        return self._pull("scan", key, scanned)

    def _cleaned(self, recipe: Recipe) -> TimeSeriesImages:
        """Return the images of a recipe without pixels that stand out in time."""
        if recipe.series.outliers != "off":
            return self.series(recipe)
        options = replace(recipe.series, outliers="replace")
        upstream = _upstream(recipe)
        made = None if upstream is None else self._series_made(upstream)
        if made is None:
            return self.series(recipe.replace(series=options))
        # What the pipeline has made is cleaned as it is, with what it has subtracted.
        return self._pull(
            "cleaned",
            (made, options),
            lambda: made.adjusted(
                partial(
                    find_outliers(made, options.outlier_threshold, options.outlier_window).fix,
                    how="replace",
                )
            ),
        )

    def _shifts(self, recipe: Recipe) -> FloatArray | None:
        return self.motion(recipe).shifts if recipe.series.follow_trace else None

    def background(self, choice: SlitlessBackground) -> SeriesBackground:
        """Return the 2-D background of the images that are shown, whether subtracted or not.

        Raises
        ------
        LRSExplorerError
            A range of columns lies over the trace or outside the image.
        """
        sky = self._sky()
        sky.prepare()  # for light_of_columns, which must not keep the page waiting
        return self._pull(
            "background",
            (choice.columns, choice.statistic, choice.per_integration),
            lambda: sky.measure(choice, self.trace(Nods())),
        )

    def _sky(self) -> SkySource:
        series, rates = self.observation.series(), None
        if series.kind != "rateints":
            with contextlib.suppress(LRSExplorerError):  # there are none that can be read
                rates = self.observation.series("rateints")
        return self._pull("sky", None, lambda: SkySource(series, rates))

    def _response(self, drawn: TimeSeriesImages, subtracted: FloatArray) -> FloatArray | None:
        """Return what calibration has made of the unit of the background in these images."""
        sky = self._sky()
        if sky.response is not None or drawn.kind == sky.images.kind:
            return sky.response
        return self._pull("response", drawn, lambda: response_of(drawn, sky.images, subtracted))

    def light_of_columns(
        self, recipe: Recipe, columns: tuple[tuple[float, float], ...]
    ) -> TimeSeries | None:
        """Return `light` as it would be with other columns of the 2-D background, under a drag.

        From the images that ``recipe`` asks for, less what the background of these columns has
        more than the one that was subtracted from them; equal to 1e-6, and where outliers are
        replaced, to what their median in time had of it. Errors are those of ``recipe``. None where
        extract_1d subtracts a background as well, pixels have not been read, or the pipeline has
        made segments of which no calibrated images are here.

        Raises
        ------
        LRSExplorerError
            A range of columns lies over the trace or outside the image.
        """
        choice, sky = replace(recipe.slitless, columns=columns), self._sky()
        found = check_columns(self.observation.series(), choice, self.trace(Nods()))
        if recipe.background != Background() or not (self.is_prepared(recipe) and sky.is_prepared):
            return None
        less = sky.level(choice, found)
        before = np.zeros_like(less)
        if recipe.slitless.subtract:
            before = self.background(recipe.slitless).level
        extractor = self.series_extractor(recipe)
        if len(extractor.series) != len(less):  # made of more segments than are shown
            return None
        levels = Levels((less - before,), self._response(extractor.series, before))
        return self._at_source(extractor.flux(recipe, self._shifts(recipe), levels), recipe)

    def background_image(self, choice: SlitlessBackground) -> SpectralImage:
        """Return the 2-D background as an image, the median of all integrations.

        Raises
        ------
        LRSExplorerError
            A range of columns lies over the trace or outside the image.
        """
        image = self.observation.series().typical
        level = self.background(choice).image(image.shape[1])
        return replace(image, data=level, kind="background")

    def find_image(self, recipe: Recipe) -> SpectralImage | None:
        """Return a typical image of the series that a recipe asks for.

        None where the pipeline has to be run first: for what nothing else can show.
        """
        upstream = _upstream(recipe)
        if upstream is not None and _needs_pipeline(upstream):
            made = self._series_made(upstream)
            return None if made is None else made.typical
        return self.series(recipe).typical

    def made_by(self, recipe: Recipe) -> str:
        """Say how the images of a recipe were made; "" for delivered ones."""
        upstream = _upstream(recipe)
        if upstream is None:
            return ""
        if self._series_made(upstream) is not None:
            return "made with this recipe"
        alone = upstream == Recipe(mode=recipe.mode, slitless=upstream.slitless)
        if alone and upstream.slitless.subtract and self._sky().response is not None:
            return "identical to a pipeline run"
        return "preview; pipeline not run yet"

    def trace(self, choice: Nods | Recipe) -> Trace | None:
        """Return the trace measured on a typical image, None where there is none."""
        return self._pull("trace", None, lambda: find_trace(self.observation.image()))

    def series_extractor(self, recipe: Recipe) -> SeriesExtractor:
        """Return the live kernel, prepared for the series that a recipe asks for."""
        references, series = self.references, self.series(recipe)
        pixels = self._pull("pixels", series, lambda: ReadOnce(series))
        return self._pull(
            "series_extractor",
            (series, references),
            lambda: SeriesExtractor(series, references, pixels),
        )

    def light(self, recipe: Recipe) -> TimeSeries:
        """Return wavelength and flux of all integrations, for light curves under a drag.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        extractor = self.series_extractor(recipe)
        light = self._pull(
            "light",
            (extraction_of(recipe), extractor.token),
            lambda: extractor.flux(recipe, self._shifts(recipe)),
        )
        return self._at_source(light, recipe)

    def _at_source(self, spectra: TimeSeries, recipe: Recipe) -> TimeSeries:
        """Return spectra at the wavelengths of where the recipe says that the source is."""
        offset, mode = recipe.wavelength.source_offset, recipe.mode
        if not offset:
            return spectra
        return self._pull("shifted", (spectra, offset), lambda: shifted(spectra, offset, mode))

    def is_prepared(self, recipe: Recipe) -> bool:
        """Tell whether `light` answers at once: all that it needs has been read."""
        known = not recipe.series.follow_trace or ("motion", self.series(recipe)) in self._cache
        return known and self.series_extractor(recipe).is_prepared

    def ways_to_background(
        self, recipe: Recipe, exposures: tuple[str, ...] = ()
    ) -> dict[str, Recipe]:
        """Return what a recipe is with each way to a background, by its name.

        Parameters
        ----------
        recipe : Recipe
        exposures : tuple of str
            Dedicated ones; with them the pipeline has to run (`make`).

        Raises
        ------
        LRSExplorerError
            The recipe leaves outliers to the pipeline.
        """
        if recipe.series.outliers == "outlier_detection":
            raise LRSExplorerError(
                "ways to a background cannot be compared at once while outliers are left to the "
                "pipeline's outlier_detection: mask or replace them, or keep them."
            )
        empty = Background()
        plain = replace(recipe.slitless, subtract=False, backgrounds=None)
        regions = recipe.background if recipe.background != empty else None
        without = "as delivered" if self.observation.subtracted(1) else "no background"
        ways = {
            without: recipe.replace(background=empty, slitless=plain),
            "extract_1d's regions": recipe.replace(background=regions, slitless=plain),
            TWO_DIMENSIONAL: recipe.replace(
                background=empty, slitless=replace(plain, subtract=True)
            ),
        }
        if exposures:
            ways["dedicated background"] = recipe.replace(
                background=empty, slitless=replace(plain, backgrounds=exposures)
            )
        return ways

    def spectra(self, recipe: Recipe, progress: Progress | None = None) -> TimeSeries:
        """Return the spectra of all integrations, as the pipeline would write them.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        extractor = self.series_extractor(recipe)

        def extracted() -> TimeSeries:
            spectra = extractor.extract(recipe, self._shifts(recipe), progress)
            warning = self.outlier_warning(recipe, spectra, harmless=False)
            return replace(spectra, notes=(*spectra.notes, warning)) if warning else spectra

        found = self._pull("spectra", (extraction_of(recipe), extractor.token), extracted)
        return self._at_source(found, recipe)

    def outlier_warning(self, recipe: Recipe, light: TimeSeries, *, harmless: bool = True) -> str:
        """Say where the source changes within the window of the outliers' running median.

        "" where it does not, and where the recipe looks for no outliers.

        Parameters
        ----------
        recipe : Recipe
        light : TimeSeries
            Its spectra.
        harmless : bool
            Whether to say so too where that did no harm.
        """
        if recipe.series.outliers not in ("mask", "replace"):
            return ""
        window = recipe.series.outlier_window
        return window_warning(light, self.outliers(recipe), window, harmless=harmless)


def _upstream(recipe: Recipe) -> Recipe | None:
    """Return what of a recipe changes images, None where it takes them as they were delivered."""
    upstream = image_of(recipe)
    return None if upstream == Recipe(mode=recipe.mode) else upstream


def _needs_pipeline(recipe: Recipe) -> bool:
    """Tell whether a recipe asks for a step of the pipeline that cannot be previewed."""
    return (
        recipe.pixel_replace.algorithm != "off"
        or recipe.pathloss.mode != "as_delivered"
        or recipe.series.outliers == "outlier_detection"
        or _other_exposures(recipe)
    )


def _other_exposures(recipe: Recipe) -> bool:
    """Tell whether a recipe says which exposures are subtracted as background, or that none is."""
    return recipe.slitless.backgrounds is not None or recipe.nods.subtract is not None


def _flag(pixels: tuple[tuple[int, int, int], ...], chunk: Chunk) -> Chunk:
    """Flag pixels by hand, in all integrations."""
    rows, columns = np.array([pixel[1:] for pixel in pixels]).T
    dq = np.zeros(chunk.data.shape, np.uint32) if chunk.dq is None else chunk.dq.copy()
    dq[:, rows, columns] |= DO_NOT_USE
    return replace(chunk, dq=dq)
