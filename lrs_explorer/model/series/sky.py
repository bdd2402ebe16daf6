"""What the 2-D background of a series is measured on, and what calibration makes of it.

The pipeline run subtracts it from rateints, which spec2 then divides by the flat field and
multiplies by the flux conversion. Both are factors of a pixel, the same in all integrations: what
they make of a background is known without a run, from calibrated over uncalibrated pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.products import FloatArray, Trace
from lrs_explorer.model.data.robust import median, quantile
from lrs_explorer.model.live.background import BackgroundFit
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.series_parts import SlitlessBackground
from lrs_explorer.model.series.background import SeriesBackground, measure_background
from lrs_explorer.model.series.columns import PixelColumns, ReadOnce
from lrs_explorer.model.series.images import TimeSeriesImages

__all__ = ["SkySource", "response_of"]

AS_FIT: Final = {"median": "median", "mean": "poly"}
"""The fit of a box extraction, of order 0, that gives a statistic of columns."""

LOOKED_AT: Final = 16
"""Integrations from which a response is taken."""

PROPORTIONAL: Final = 2e-3
"""Part by which 99 % of the pixels may differ from proportionality, e.g. where values are rounded.

A background that was subtracted before the calibration is 10 % and more of most pixels."""


class SkySource:
    """Rateints where they go with the calibrated images, else these themselves.

    May be used from several threads.

    Parameters
    ----------
    series : TimeSeriesImages
        The images that are shown.
    rates : TimeSeriesImages or None

    Attributes
    ----------
    images : TimeSeriesImages
        What is measured on.
    response : ndarray, shape (n_wave, n_cross), or None
        What calibration makes of a unit of ``images`` in each pixel of the series; None where they
        are the same.
    """

    def __init__(self, series: TimeSeriesImages, rates: TimeSeriesImages | None) -> None:
        self.response = None if rates is None else response_of(series, rates)
        self.images = series if rates is None or self.response is None else rates
        self._pixels, self._rows = ReadOnce(self.images), slice(0, self.images.shape[1])

    def measure(self, choice: SlitlessBackground, trace: Trace | None) -> SeriesBackground:
        """Measure a background; see `measure_background`."""
        return replace(measure_background(self.images, choice, trace), response=self.response)

    @property
    def is_prepared(self) -> bool:
        """Whether all pixels have been read for `level`."""
        return self._pixels.known(self._rows)

    def prepare(self) -> PixelColumns:
        """Read all pixels for `level`, once."""
        return self._pixels.read(self._rows)

    def level(self, choice: SlitlessBackground, ranges: Sequence[NDArray[np.intp]]) -> FloatArray:
        """Return `SeriesBackground.level`, shape (n_integrations, n_wave), at once.

        Parameters
        ----------
        choice : SlitlessBackground
        ranges : sequence of ndarray of int
            The columns of each range; those of ``choice`` do not count.
        """
        _, n_wave, n_cross = self.images.shape
        weight = np.zeros((n_wave, n_cross))
        weight[:, np.concatenate(ranges)] = 1.0
        fit = AS_FIT.get(choice.statistic)
        if fit is None:
            raise unknown("background statistic", choice.statistic)
        (level,) = self.prepare().levels(BackgroundFit(weight, fit, 0, 0), slice(0, n_wave)).terms
        if not choice.per_integration:
            level = np.broadcast_to(median(level), level.shape)
        return np.nan_to_num(level).astype(float)


def response_of(
    calibrated: TimeSeriesImages, source: TimeSeriesImages, subtracted: FloatArray | None = None
) -> FloatArray | None:
    """Return what calibration has made of a unit in each pixel, from some integrations.

    Parameters
    ----------
    calibrated, source : TimeSeriesImages
        After and before the calibration.
    subtracted : ndarray, shape (n_integrations, n_wave), optional
        What was subtracted from ``source`` before it.

    Returns
    -------
    ndarray, shape (n_wave, n_cross), or None
        0 where no pixel of a row has a value. None where the two are not the same integrations, or
        the one is not in proportion to the other.
    """
    together = calibrated.shape == source.shape and calibrated.time_scale == source.time_scale
    if not together or not np.allclose(calibrated.time, source.time, rtol=0, atol=1e-6):
        return None
    ratios = []
    for i in np.unique(np.linspace(0, len(source) - 1, LOOKED_AT).astype(int)).tolist():
        before, after = source.read(i, i + 1).valid_data[0], calibrated.read(i, i + 1).valid_data[0]
        if subtracted is not None:
            before = before - subtracted[i][:, np.newaxis]
        ratio = np.full(before.shape, np.nan)
        ratios.append(np.divide(after, before, out=ratio, where=before != 0))
    stacked = np.array(ratios)
    response = median(stacked)
    scale = np.broadcast_to(np.abs(response), stacked.shape)
    away = np.divide(
        np.abs(stacked - response), scale, out=np.full(scale.shape, np.nan), where=scale > 0
    )
    if not quantile(away.reshape(-1), 0.99) < PROPORTIONAL:
        return None
    # A pixel without a value in these integrations may have one in others: what its row has.
    usual = median(response.T)[:, np.newaxis]
    return np.nan_to_num(np.where(np.isnan(response), usual, response))
