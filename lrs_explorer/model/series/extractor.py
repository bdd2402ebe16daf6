"""The live path for time series: thousands of integrations and a recipe in, their spectra out.

Two ways to the same flux:

- `SeriesExtractor.extract` gives all 18 columns of the x1dints that ``Extract1dStep`` writes, bit
  for bit, by jwst's own kernel: integrations are stacked along the dispersion axis, so that one
  call serves many.
- `SeriesExtractor.flux` gives the flux alone, in milliseconds, from sums that are organised anew
  (`series.columns`): equal to 1e-10.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import COLUMN_UNITS, FloatArray
from lrs_explorer.model.live import kernel
from lrs_explorer.model.live.extractor import Extractor, Placement
from lrs_explorer.model.live.plan import ExtractionPlan, unfitted_note
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.columns import Levels, PixelColumns, ReadOnce, moved
from lrs_explorer.model.series.images import Chunk, TimeSeriesImages
from lrs_explorer.model.series.products import TimeSeries

if TYPE_CHECKING:
    from lrs_explorer.model.live.references import References

__all__ = ["SeriesExtractor"]

STACKED: Final = 8
"""Integrations that the kernel takes at once; more would fill the processor's cache."""


class SeriesExtractor:
    """The live kernel, prepared for one series.

    It may be used from several threads.

    Parameters
    ----------
    series : TimeSeriesImages
    references : References
    pixels : ReadOnce, optional
        Those of the series, where another extractor wants them as well.

    Attributes
    ----------
    token : object
        Stands for this extractor where its pixels must not be kept.

    Raises
    ------
    LRSExplorerError
        The series is not from LRS, or has no valid pixel.
    """

    def __init__(
        self, series: TimeSeriesImages, references: References, pixels: ReadOnce | None = None
    ) -> None:
        self.series, self.token = series, object()
        self._extractor = Extractor(series.typical, references)
        self._pixels = pixels or ReadOnce(series)

    def resolve(self, recipe: Recipe) -> Placement:
        """Return where the pipeline puts aperture and background.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or the aperture or a background region lies wholly
            outside the image.
        """
        return self._extractor.resolve(recipe)

    def step_parameters(self, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what makes the real ``Extract1dStep`` give the same; see `Extractor`."""
        return self._extractor.step_parameters(recipe)

    def _settle(self, recipe: Recipe) -> ExtractionPlan:
        settled = self._extractor.settle(recipe)
        if settled.extraction_type != "box":
            raise LRSExplorerError(
                "time series are extracted with a box: an optimal extraction of them is not "
                'supported; set extraction_type to "box".'
            )
        return settled

    # -- everything, to the bit ----------------------------------------------------------------

    def extract(
        self,
        recipe: Recipe,
        shifts: FloatArray | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> TimeSeries:
        """Return the spectra of all integrations.

        Parameters
        ----------
        recipe : Recipe
        shifts : ndarray, shape (n_integrations,), pixels, optional
            By how much the aperture moves in each integration.
        progress : callable, optional
            Told how many of how many integrations are done; what it raises ends the extraction.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        settled = self._settle(recipe)
        valid = np.isfinite(settled.wavelength)
        shape = (len(self.series), int(valid.sum()))
        columns: dict[str, NDArray[Any]] = {
            name: np.empty(shape, np.uint32 if name == "DQ" else np.float64)
            for name in COLUMN_UNITS
        }
        columns["WAVELENGTH"] = settled.wavelength[valid]
        background = settled.background
        smoothed = background is not None and background.smoothing_length > 1
        size = 1 if smoothed else STACKED
        whole = self.series.is_adjusted  # an adjustment may need whole images
        unfitted = done = 0
        for chunk in self.series.chunks(rows=slice(None) if whole else settled.rows):
            for start in range(0, len(chunk), size):
                part = slice(start, min(start + size, len(chunk)))
                first = chunk.first + start
                count = part.stop - part.start
                moves = None if shifts is None else shifts[first : first + count]
                pixels = _stacked(chunk, part, settled.rows if whole else slice(None))
                found, missing = _repeated(settled, count, moves).columns(pixels)
                unfitted = max(unfitted, missing)
                for name, values in found.items():
                    if name != "WAVELENGTH":
                        columns[name][first : first + count] = values.reshape(count, -1)
            done += len(chunk)
            if progress is not None:
                progress(done, len(self.series))
        return TimeSeries(
            columns=columns,
            time=self.series.time,
            time_scale=self.series.time_scale,
            origin="live",
            unit=settled.unit,
            header=settled.header,
            notes=self._notes(settled, unfitted_note(unfitted), columns["FLUX"]),
            missing=settled.missing,
            shared_error=self._shared_error(settled, columns["NPIXELS"], columns["WAVELENGTH"]),
        )

    def _shared_error(
        self, settled: ExtractionPlan, npixels: FloatArray, wavelength: FloatArray
    ) -> FloatArray | None:
        """Return the error of the flux that comes from the background which all pixels share.

        The part of it that is not in FLUX_ERROR, for which the pipeline adds variances as if each
        pixel had a background of its own: n pixels with one background of variance v have n² v in
        common, not n v. Shape like ``npixels``, (n_integrations, n_wave), or (n_wave,) for a
        typical integration.
        """
        variance = self.series.shared_variance
        if variance is None:
            return None
        variance = variance[:, settled.rows][:, np.isfinite(settled.wavelength)]
        if npixels.ndim == 1:
            variance = np.median(variance, axis=0)
        error = np.sqrt(np.clip(npixels**2 - npixels, 0.0, None) * variance)
        if settled.pixel_area is not None:
            error *= settled.pixel_area * 1.0e6
        if settled.apcorr is not None:
            error *= settled.apcorr.factor(npixels, np.broadcast_to(wavelength, npixels.shape))
        return error

    def _notes(
        self, settled: ExtractionPlan, further: list[str], flux: FloatArray
    ) -> tuple[str, ...]:
        empty = np.flatnonzero(~np.isfinite(flux).any(axis=1)) + 1
        notes = [*self.series.notes, *settled.notes, *further]
        if self.series.nominal_wavelengths:
            notes.append(
                "wavelengths are those of the published solution (± 0.02 µm): the files have none"
            )
        if empty.size:
            listed = ", ".join(map(str, empty[:5])) + (", …" if empty.size > 5 else "")
            notes.append(f"{empty.size} integration(s) without a usable pixel: {listed}")
        return tuple(dict.fromkeys(notes))

    # -- the flux, at once ---------------------------------------------------------------------

    @property
    def is_prepared(self) -> bool:
        """Whether all pixels have been read for `flux`."""
        return self._pixels.known(self._extractor.rows)

    def prepare(self) -> PixelColumns:
        """Read all pixels for `flux`, once: about a second for a thousand integrations."""
        return self._pixels.read(self._extractor.rows)

    def flux(
        self, recipe: Recipe, shifts: FloatArray | None = None, less: Levels | None = None
    ) -> TimeSeries:
        """Return wavelength and flux of all integrations, for light curves under a drag.

        Parameters
        ----------
        recipe : Recipe
        shifts : ndarray, shape (n_integrations,), pixels, optional
            By how much the aperture moves in each integration.
        less : Levels, optional
            Of all dispersion elements of the image, subtracted from its pixels where the recipe
            has no background.

        Returns
        -------
        TimeSeries
            With WAVELENGTH and FLUX alone; ``flux_error`` is that of a typical integration.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this series.
        """
        store = self.prepare()
        settled = self._settle(recipe)
        inner = slice(store.rows.start - settled.rows.start, store.rows.stop - settled.rows.start)
        levels = None
        if settled.background is not None:
            levels = store.levels(settled.background, settled.rows)
        elif less is not None:
            response = None if less.response is None else less.response[store.rows]
            levels = Levels(tuple(term[:, store.rows] for term in less.terms), response)
        flux, npixels = store.sums(settled.profiles[0][inner], levels, shifts)
        wavelength = settled.wavelength[inner]
        valid = np.isfinite(wavelength)
        if not valid.all():
            flux, npixels, wavelength = flux[:, valid], npixels[:, valid], wavelength[valid]
        if settled.pixel_area is not None:
            flux *= settled.pixel_area * 1.0e6
        if settled.apcorr is not None:
            flux *= _correction(settled, npixels, wavelength)
        typical, unfitted = settled.columns(self._extractor.pixels(settled.rows))
        shared = self._shared_error(settled, typical["NPIXELS"], typical["WAVELENGTH"])
        return TimeSeries(
            columns={"WAVELENGTH": wavelength, "FLUX": flux},
            time=self.series.time,
            time_scale=self.series.time_scale,
            origin="live",
            unit=settled.unit,
            header=settled.header,
            notes=self._notes(settled, unfitted_note(unfitted), flux),
            typical_error=typical["FLUX_ERROR"],
            shared_error=shared,
        )


def _stacked(chunk: Chunk, part: slice, rows: slice) -> kernel.Pixels:
    """Return the pixels of some integrations, one below the other."""
    invalid = chunk.invalid[part, rows]
    planes = (chunk.data, chunk.var_rnoise, chunk.var_poisson, chunk.var_flat)
    n_cross = invalid.shape[-1]
    return kernel.Pixels(
        *(np.where(invalid, np.nan, plane[part, rows]).reshape(-1, n_cross) for plane in planes)
    )


def _repeated(settled: ExtractionPlan, count: int, shifts: FloatArray | None) -> ExtractionPlan:
    """Return the extraction of ``count`` integrations one below the other."""
    (profile,) = settled.profiles
    background = settled.background
    if shifts is None:
        profiles = np.tile(profile, (count, 1))
    else:
        by_column = [moved(profile, column, shifts) for column in range(profile.shape[1])]
        profiles = np.ascontiguousarray(np.stack(by_column, axis=-1)).reshape(-1, profile.shape[1])
    if background is not None:
        background = replace(background, weight=np.tile(background.weight, (count, 1)))
    return replace(
        settled,
        profiles=[profiles],
        background=background,
        wavelength=np.tile(settled.wavelength, count),
    )


def _correction(settled: ExtractionPlan, npixels: FloatArray, wavelength: FloatArray) -> FloatArray:
    """Return the aperture correction, which hangs on how many pixels were summed."""
    assert settled.apcorr is not None
    usual = np.median(npixels[:: max(1, len(npixels) // 31)], axis=0)
    factor = np.repeat(settled.apcorr.factor(usual, wavelength)[np.newaxis], len(npixels), axis=0)
    other = npixels != usual
    if other.any():
        at = np.broadcast_to(wavelength, npixels.shape)[other]
        factor[other] = settled.apcorr.factor(npixels[other], at)
    return factor
