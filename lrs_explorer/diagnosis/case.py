"""What a diagnosis may look at: the products behind one recipe, each read once, no pipeline run."""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.diagnosis.light import enclosed
from lrs_explorer.diagnosis.parts import Edges, Exposure, Signal, Source
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import reference_columns
from lrs_explorer.model.data.products import FloatArray, SpectralImage, Spectrum, Trace
from lrs_explorer.model.files.fitsfile import array, open_fits
from lrs_explorer.model.measure.scatter import scatter
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Nods, Recipe
from lrs_explorer.model.recipe.scope import with_image_of
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.slit.frame import SlitFrame, read_slit_frame
from lrs_explorer.model.slit.target import ScoreCard
from lrs_explorer.model.stages.detector_pixels import DetectorPixels, slit_pixels
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.model.stages.stages import Stages

__all__ = ["MATTERS", "Case"]

MATTERS: Final = 2.0
"""Standard errors of one spectral element that a change must reach somewhere to count as found.
Changes of 3 are to be found; the estimate is made from noisy data, so a little less is asked
for."""

BY_OTHER_NOD: Final = 0.2
"""Pixels by which a trace may differ from what another nod's lets expect: pointing, distortion."""


class Case:
    """One recipe's products, pulled on demand, with the observation's reference files.

    CRDS may be asked. Everything raises `LRSExplorerError` where a product is missing; the message
    becomes the reason why a diagnosis cannot tell.

    Parameters
    ----------
    observation : Observation
    recipe : Recipe
        What is judged, and what remedies begin with.
    stages : Stages, optional
        Those in use, so that nothing is read twice.

    Attributes
    ----------
    measured : Recipe
        The recipe whose image is looked at: that of ``recipe`` where it has been made, otherwise
        the delivered one.
    """

    def __init__(
        self, observation: Observation, recipe: Recipe, stages: Stages | None = None
    ) -> None:
        self.observation = observation
        self.recipe = recipe
        self.stages = stages or kept_stages(observation)
        self.stages.find_references()
        self.measured = self._measured()

    def _measured(self) -> Recipe:
        nods = Nods(exposure=self.recipe.nods.exposure)
        delivered = with_image_of(
            Recipe.from_observation(self.observation).replace(nods=nods), self.recipe
        )
        # Pixels of a delivered series may have been replaced after its calints, for the x1dints.
        plain = with_image_of(Recipe(mode=self.observation.mode, nods=nods), self.recipe)
        for measured in (self.recipe, delivered, plain):
            # No image at all: each diagnosis says so where it needs one.
            with suppress(LRSExplorerError):
                if self.stages.find_image(measured) is not None:
                    return measured
        return delivered

    @property
    def pending(self) -> bool:
        """Whether the recipe asks for an image that has not been made yet."""
        return self.measured != self.recipe

    @cached_property
    def number(self) -> int | str:
        """Exposure of the image, from 1, or "combined"."""
        return self.observation.number(self.recipe.nods)

    @cached_property
    def header(self) -> dict[str, Any]:
        """Header cards that tell how the image was calibrated."""
        found = dict(self.observation.reference_header(self.recipe.nods))
        try:
            return found | dict(self.image.header)
        except LRSExplorerError:
            return found

    @cached_property
    def image(self) -> SpectralImage:
        """The image that is looked at."""
        return self.stages.image(self.measured)

    @property
    def reference_columns(self) -> int:
        """How many columns at the left of the image see no light; none of a resampled one."""
        return 0 if self.image.kind == "s2d" else reference_columns(self.image.header)

    @cached_property
    def trace(self) -> Trace | None:
        """The measured trace."""
        return self.stages.trace(self.measured)

    @cached_property
    def source(self) -> Source:
        """Where the source is along the slit, by its trace, or else by that of another nod.

        Raises
        ------
        LRSExplorerError
            There is no significant trace.
        """
        if self.trace is not None:
            return Source(self.trace.center, self.trace.uncertainty)
        for number in range(1, self.observation.exposures + 1):
            if number == self.number or self.observation.find("s2d", number) is None:
                continue
            nods = Nods(exposure=number)
            trace = self.stages.trace(nods)
            if trace is not None:
                other = read_slit_frame(self.observation.image_path(nods))
                offset = trace.center - other.extraction
                uncertainty = float(np.hypot(trace.uncertainty, BY_OTHER_NOD))
                return Source(self.frame.extraction + offset, uncertainty, by_nod=number)
        raise LRSExplorerError("no trace is significant on the image")

    @cached_property
    def on_trace(self) -> FloatArray:
        """Column of the trace at each row of the image, shape (n_wave,), pixels.

        Raises
        ------
        LRSExplorerError
            There is no significant trace.
        """
        if self.trace is None:
            return np.full(self.image.shape[0], self.source.center)
        rows = np.arange(self.image.shape[0], dtype=float)
        bend = np.polynomial.polynomial.polyval(rows, self.trace.coefficients or (0.0,))
        return np.asarray(self.trace.center + bend)

    @cached_property
    def delivered(self) -> Spectrum | None:
        """The archive's spectrum of the image."""
        return self.stages.delivered(Nods(exposure=self.recipe.nods.exposure))

    @cached_property
    def extracted(self) -> Spectrum:
        """The spectrum of the recipe as far as it can be had without a pipeline run."""
        as_delivered = self.recipe.aperture is None and self.recipe.background is None
        if as_delivered and self._delivered_is_of_image:
            assert self.delivered is not None
            return self.delivered
        return self.stages.spectrum(self.measured)

    @property
    def _delivered_is_of_image(self) -> bool:
        """Whether a spectrum was delivered that is extracted from the image as the recipe says.

        Where there is no image any will do.
        """
        spectrum = self.delivered
        if spectrum is None or not self._image_is_delivered:
            return False
        try:
            self.observation.image_path(self.recipe.nods)
        except LRSExplorerError:
            return True
        asked = self.recipe.extraction.extraction_type
        return spectrum.kind == "x1d" and spectrum.extraction_type in (None, asked)

    @cached_property
    def series(self) -> TimeSeries | None:
        """The delivered spectra of all integrations; None without any."""
        if not isinstance(self.observation, SeriesObservation):
            return None
        return self.observation.delivered_series()

    @property
    def _image_is_delivered(self) -> bool:
        try:
            return self.image.path == self.observation.image_path(self.recipe.nods)
        except LRSExplorerError:
            return True

    @cached_property
    def edges(self) -> Edges:
        """Where the recipe extracts.

        Raises
        ------
        LRSExplorerError
            Neither the recipe nor a delivered spectrum tells.
        """
        recipe, n_wave = self.recipe, self.image.shape[0]
        shift: FloatArray | float = 0.0
        if recipe.aperture is not None:
            center, width, origin = recipe.aperture.center, recipe.aperture.width, "the recipe"
            if recipe.aperture.trace:
                rows = np.arange(n_wave, dtype=float)
                shift = np.polynomial.polynomial.polyval(rows, recipe.aperture.trace)
        else:
            center, width, origin = self._placed_by_pipeline()
        middle = center + shift + np.zeros(n_wave)
        return Edges(middle - width / 2, middle + width / 2, center, width, origin)

    @cached_property
    def boxes(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Edges of the aperture, and of one on the trace: where a misplaced one belongs."""
        half = self.edges.width / 2
        return (
            (self.edges.lower, self.edges.upper),
            (self.on_trace - half, self.on_trace + half),
        )

    def _placed_by_pipeline(self) -> tuple[float, float, str]:
        """Return center, width and origin of the aperture that the pipeline places."""
        extraction = self.recipe.extraction
        box = None if self.delivered is None else self.delivered.box
        if box is not None and extraction.use_source_posn is None:
            center, width = sum(box) / 2, box[1] - box[0] + 1
            return center + extraction.position_offset, width, "the delivered x1d"
        aperture = self.stages.placement(self.measured).aperture
        return aperture.center, aperture.width, "the pipeline's default"

    @cached_property
    def signal(self) -> Signal:
        """The source's light in a box of the aperture's width on the trace."""
        return self.light(
            self.on_trace - self.edges.width / 2, self.on_trace + self.edges.width / 2
        )

    def light(self, lower: FloatArray, upper: FloatArray) -> Signal:
        """Return the light between two edges, less the median of each row.

        Parameters
        ----------
        lower, upper : ndarray, shape (n_wave,), pixels
        """
        image = self.image
        column = np.arange(image.shape[1])
        part = np.minimum(upper[:, None], column + 0.5) - np.maximum(lower[:, None], column - 0.5)
        part = np.clip(part, 0.0, 1.0)
        data = np.where(np.isfinite(image.data), image.data, np.nan).astype(float)
        seen = np.isfinite(data)
        usable = seen.any(axis=1)
        level = np.zeros(len(data))
        outside = np.where(part == 0, data, np.nan)
        rows = np.isfinite(outside).any(axis=1)
        level[rows] = np.nanmedian(outside[rows], axis=1)
        flux = np.where(seen, part * (np.nan_to_num(data) - level[:, None]), 0.0).sum(axis=1)
        variance = sum(
            np.nan_to_num(np.asarray(v, dtype=float), nan=0.0, posinf=0.0, neginf=0.0)
            for v in (image.var_poisson, image.var_rnoise, image.var_flat)
        )
        error = np.sqrt((part**2 * variance).sum(axis=1))
        # Rows in which bad pixels take away half of the light say nothing.
        whole = (part * seen).sum(axis=1) > 0.5 * part.sum(axis=1)
        flux[~(usable & whole)] = np.nan
        # Errors that are too small would make trifles significant.
        ratio = scatter(flux, error).ratio
        if np.isfinite(ratio) and ratio > 0:
            # A typical image of a series is quieter than its integrations, which are what counts.
            error = error * max(ratio, 1.0 if self.observation.is_series else 1e-3)
        return Signal(image.row_wavelength, flux, error)

    @cached_property
    def held(self) -> FloatArray:
        """Share of the star's light within the aperture at each row, shape (n_wave,)."""
        wavelength = np.nan_to_num(self.image.row_wavelength, nan=10.0)
        return enclosed(
            wavelength,
            self.edges.lower - self.on_trace,
            self.edges.upper - self.on_trace,
            self.observation.mode,
        )

    @cached_property
    def frame(self) -> SlitFrame:
        """The slit on the image."""
        card: ScoreCard | None = self.__dict__.get("card")  # has read it already
        if card is not None and self._image_is_delivered:
            return card.frame
        return read_slit_frame(self.image.path or self.observation.image_path(self.recipe.nods))

    @cached_property
    def card(self) -> ScoreCard:
        """All answers to where the source is."""
        return self.stages.score_card(Nods(exposure=self.recipe.nods.exposure))

    @cached_property
    def pixels(self) -> DetectorPixels:
        """The detector pixels behind the image."""
        return slit_pixels(self.stages, self.measured)

    @cached_property
    def exposures(self) -> list[Exposure]:
        """The detector images behind the image, with the trace on them."""
        trace, found = self.on_trace, []
        rows = np.arange(len(trace), dtype=float)
        for number, image in self.pixels.images.items():
            pixels = self.pixels.maps[number]
            offset = np.full(image.shape, np.nan)
            first_row, first_column = pixels.corner
            n_rows, n_columns = pixels.row.shape
            place = (
                slice(first_row, first_row + n_rows),
                slice(first_column, first_column + n_columns),
            )
            offset[place] = pixels.column - np.interp(pixels.row, rows, trace)
            offset[~np.isfinite(image.wavelength)] = np.nan
            found.append(Exposure(number, image, pixels, offset, self._flags(number, image)))
        return found

    def _flags(self, number: int, image: SpectralImage) -> NDArray[np.uint32]:
        """Return what jump and ramp_fit have flagged: pixel replacement clears some of it."""
        path = self.observation.find("rate", number)
        if path is not None and not self.measured.jump.rejection_threshold:
            with open_fits(path) as hdus:
                values = array(hdus, "DQ", path)
            if values is not None and values.shape == image.shape:
                return values.astype(np.uint32)
        return np.zeros(image.shape, np.uint32) if image.dq is None else image.dq
