"""Light curves under a drag: pixels of all integrations, column by column, summed in milliseconds.

An aperture is a few columns of the detector, so its flux in all integrations is a sum of a few
arrays of shape (n_integrations, n_wave). The sums are those of jwst's kernel in another order: they
agree to 1e-10 of the flux and better (tests/timeseries holds them to that), not to the bit.
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.data.robust import median
from lrs_explorer.model.live.background import BackgroundFit, Pixels, fit_background
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.series.images import TimeSeriesImages
from lrs_explorer.model.series.selection import median_of

__all__ = ["Levels", "PixelColumns", "ReadOnce"]

IN_MEMORY: Final = 400_000_000
"""Bytes up to which pixels are kept in memory; more go to a temporary file, mapped."""

BLOCK: Final = 64
"""Integrations summed at once: few enough for the processor's cache."""


@dataclass(frozen=True, eq=False)
class Levels:
    """The background of each dispersion element of each integration.

    Parameters
    ----------
    terms : tuple of ndarray, shape (n_integrations, n_rows)
        Coefficients of a polynomial in y, which runs from -1 to 1 across the image.
    response : ndarray, shape (n_rows, n_cross), or None
        In place of y, by which a single term is multiplied in each pixel.
    """

    terms: tuple[FloatArray, ...]
    response: FloatArray | None = None


class PixelColumns:
    """The pixels of a series, transposed.

    Parameters
    ----------
    series : TimeSeriesImages
    rows : slice
        Dispersion elements wanted.

    Attributes
    ----------
    data : ndarray, shape (n_cross, n_integrations, n_rows)
        0 where the pipeline ignores a pixel.
    invalid : list of ndarray of int
        For each column, indices of its ignored pixels within (n_integrations, n_rows).
    """

    def __init__(self, series: TimeSeriesImages, rows: slice) -> None:
        n_integrations, _, n_cross = series.shape
        n_rows = rows.stop - rows.start
        self.series, self.rows = series, rows
        self.data: NDArray[Any] | None = None
        found: list[list[NDArray[np.intp]]] = [[] for _ in range(n_cross)]
        for chunk in series.chunks(rows=slice(None) if series.is_adjusted else rows):
            data, invalid = chunk.data, chunk.invalid
            if series.is_adjusted:
                data, invalid = data[:, rows], invalid[:, rows]
            if self.data is None:
                self.data = _room((n_cross, n_integrations, n_rows), data.dtype)
            part = self.data[:, chunk.first : chunk.first + len(chunk)]
            part[...] = data.transpose(2, 0, 1)
            bad = np.ascontiguousarray(invalid.transpose(2, 0, 1))
            part[bad] = 0
            for column in np.flatnonzero(bad.any(axis=(1, 2))):
                found[column].append(np.flatnonzero(bad[column]) + chunk.first * n_rows)
        self.invalid = [np.concatenate(i) if i else np.zeros(0, np.intp) for i in found]
        self._levels: dict[Any, Levels] = {}

    @property
    def shape(self) -> tuple[int, int, int]:
        """(n_cross, n_integrations, n_rows)."""
        assert self.data is not None
        n_cross, n_integrations, n_rows = self.data.shape
        return n_cross, n_integrations, n_rows

    # -- the background ------------------------------------------------------------------------

    def levels(self, background: BackgroundFit, pixel_rows: slice) -> Levels:
        """Return the background at each dispersion element; the last few are kept.

        Parameters
        ----------
        background : BackgroundFit
        pixel_rows : slice
            Dispersion elements that its weights are for; more than those here where the pipeline
            smooths along the dispersion axis first.
        """
        key = (
            background.weight.tobytes(),
            background.fit,
            background.order,
            background.smoothing_length,
        )
        if key not in self._levels:
            if len(self._levels) >= 4:
                self._levels.pop(next(iter(self._levels)))
            whole = background.fit, background.smoothing_length > 1, background.order > 0
            match whole:
                case ("poly" | "median", True, _) | ("poly", False, True):
                    self._levels[key] = self._fitted(background, pixel_rows)
                case ("median", False, _):
                    self._levels[key] = Levels((self._median(background.weight),))
                case ("poly", False, False):
                    self._levels[key] = Levels((self._mean(background.weight),))
                case _:
                    raise unknown("bkg_fit", background.fit)
        return self._levels[key]

    def _mean(self, weight: FloatArray) -> FloatArray:
        """Return the mean of the pixels with weight: a polynomial of order 0."""
        assert self.data is not None
        total = np.zeros(self.shape[1:])
        count = np.zeros(self.shape[1:])
        for column in np.flatnonzero(weight.any(axis=0)).tolist():
            counted = weight[:, column] != 0
            total += self.data[column] * counted
            count += counted
            self._take_back(count, column, counted.astype(float))
        # Without a pixel the pipeline subtracts nothing.
        return np.divide(total, count, out=np.zeros_like(total), where=count > 0)

    def _median(self, weight: FloatArray) -> FloatArray:
        """Return the median of the pixels with weight, in the data's own type like the pipeline."""
        assert self.data is not None
        _, n_integrations, n_rows = self.shape
        columns = np.flatnonzero(weight.any(axis=0)).tolist()
        outside = weight[:, columns] == 0
        found = np.empty((n_integrations, n_rows), self.data.dtype)
        for first in range(0, n_integrations, BLOCK):
            block = slice(first, min(first + BLOCK, n_integrations))
            planes = [self.data[c, block] for c in columns]
            missing = np.zeros((*planes[0].shape, len(columns)), bool)
            missing[:, outside] = True
            for place, column in enumerate(columns):
                index = self._invalid_in(column, block)
                missing[index // n_rows, index % n_rows, place] = True
            part = found[block]
            part[...] = median_of(planes)
            holes = missing.any(axis=-1)
            if holes.any():
                values = np.stack([plane[holes] for plane in planes], axis=-1)
                values[missing[holes]] = np.nan
                part[holes] = median(values, axis=-1)
        return found

    def _fitted(self, background: BackgroundFit, pixel_rows: slice) -> Levels:
        """Fit a background as the live kernel does, integration by integration."""
        assert self.data is not None
        _, n_integrations, n_rows = self.shape
        n_terms = 1 if background.fit == "median" else background.order + 1
        terms: list[FloatArray] = []
        inner = slice(self.rows.start - pixel_rows.start, self.rows.stop - pixel_rows.start)
        y = np.linspace(-1, 1, self.shape[0])
        # A polynomial is known from its values at as many places as it has terms.
        at = np.unique(np.linspace(0, self.shape[0] - 1, n_terms).astype(int))
        solve = np.linalg.inv(np.vander(y[at], n_terms, increasing=True))
        for chunk in self.series.chunks():
            for i in range(len(chunk)):
                pixels = Pixels(
                    *(
                        np.where(chunk.invalid[i, pixel_rows], np.nan, plane[i, pixel_rows])
                        for plane in (
                            chunk.data,
                            chunk.var_rnoise,
                            chunk.var_poisson,
                            chunk.var_flat,
                        )
                    )
                )
                level = fit_background(pixels, background.weight, background).level[inner]
                values = level[:, at] @ solve.T if n_terms > 1 else level[:, :1]
                terms = terms or [
                    np.empty((n_integrations, n_rows), values.dtype) for _ in range(n_terms)
                ]
                for term, coefficients in zip(terms, values.T, strict=True):
                    term[chunk.first + i] = coefficients
        return Levels(tuple(terms))

    def _invalid_in(self, column: int, block: slice) -> NDArray[np.intp]:
        """Return the ignored pixels of a column in some integrations, counted from the first."""
        n_rows = self.shape[2]
        index = self.invalid[column]
        first, last = np.searchsorted(index, (block.start * n_rows, block.stop * n_rows))
        return index[first:last] - block.start * n_rows

    def _take_back(self, total: FloatArray, column: int, weight: FloatArray) -> None:
        """Subtract a weight, shape (n_rows,), from a total wherever the column is ignored."""
        index = self.invalid[column]
        if index.size:
            total.reshape(-1)[index] -= weight[index % self.shape[2]]

    # -- the aperture --------------------------------------------------------------------------

    def sums(
        self, profile: FloatArray, levels: Levels | None, shifts: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Sum the pixels of an aperture, less the background.

        Parameters
        ----------
        profile : ndarray, shape (n_rows, n_cross)
            Weights.
        levels : Levels or None
        shifts : ndarray, shape (n_integrations,), pixels, or None
            By how much the aperture moves in each integration.

        Returns
        -------
        flux, npixels : ndarray, shape (n_integrations, n_rows)
            In the unit of the data; number of pixels that were summed.
        """
        assert self.data is not None
        n_cross, n_integrations, n_rows = self.shape
        flux = np.zeros((n_integrations, n_rows))
        npixels = np.zeros((n_integrations, n_rows))
        y = np.linspace(-1, 1, n_cross)
        in_kind = levels is not None and levels.terms[0].dtype != np.float64
        response = None if levels is None else levels.response
        of_pixels = response is not None or (levels is not None and len(levels.terms) > 1)
        used = np.flatnonzero(profile.any(axis=0))
        if shifts is not None:
            margin = int(np.ceil(np.abs(shifts).max(initial=0.0))) + 1
            used = np.arange(max(used[0] - margin, 0), min(used[-1] + margin + 1, n_cross))
        for first in range(0, n_integrations, BLOCK):
            block = slice(first, min(first + BLOCK, n_integrations))
            total, count = flux[block], npixels[block]
            moments = [np.zeros(total.shape) for _ in (levels.terms if levels else ())]
            for column in used.tolist():
                weight: Any = profile[:, column]
                if shifts is not None:
                    weight = moved(profile, column, shifts[block])
                plane: Any = self.data[column, block]
                if in_kind:
                    assert levels is not None
                    plane = plane - levels.terms[0][block]
                whole = shifts is None and (weight == 1).all()
                total += plane if whole else plane * weight
                count += weight
                index = self._invalid_in(column, block)
                if index.size:
                    lost = np.broadcast_to(weight, total.shape).reshape(-1)[index]
                    total.reshape(-1)[index] -= lost * plane.reshape(-1)[index]
                    count.reshape(-1)[index] -= lost
                for power, moment in enumerate(moments if of_pixels and not in_kind else ()):
                    factor: Any = y[column] ** power if response is None else response[:, column]
                    share = np.broadcast_to(weight * factor, total.shape)
                    moment += share
                    if index.size:
                        moment.reshape(-1)[index] -= share.reshape(-1)[index]
            if levels is not None and not in_kind:
                if not of_pixels:
                    moments = [count]
                for term, moment in zip(levels.terms, moments, strict=True):
                    total -= term[block] * moment
            count[np.isnan(total)] = 0
            total[np.isclose(count, 0)] = np.nan
        return flux, npixels


class ReadOnce:
    """The `PixelColumns` of a series, read when they are first wanted, for all that want them.

    It may be used from several threads.

    Parameters
    ----------
    series : TimeSeriesImages
    """

    def __init__(self, series: TimeSeriesImages) -> None:
        self._series = series
        self._columns: PixelColumns | None = None
        self._lock = threading.Lock()

    def known(self, rows: slice) -> bool:
        """Tell whether these dispersion elements have been read."""
        columns = self._columns
        return columns is not None and columns.rows == rows

    def read(self, rows: slice) -> PixelColumns:
        """Return these dispersion elements: about a second for a thousand integrations, once."""
        with self._lock:
            if self._columns is None or self._columns.rows != rows:
                self._columns = PixelColumns(self._series, rows)
            return self._columns


def moved(profile: FloatArray, column: int, shifts: FloatArray) -> FloatArray:
    """Return the weight of a column in a profile that is moved, shape (n_shifts, n_rows).

    A pixel that is shared between two counts in part: linear interpolation, which for a box is the
    length of the pixel within it.
    """
    n_cross = profile.shape[1]
    source = column - shifts
    low = np.floor(source).astype(int)
    part = (source - low)[:, np.newaxis]

    def weight(at: NDArray[np.intp]) -> FloatArray:
        inside = (at >= 0) & (at < n_cross)
        return np.where(inside[:, np.newaxis], profile[:, np.clip(at, 0, n_cross - 1)].T, 0.0)

    return weight(low) * (1 - part) + weight(low + 1) * part


def _room(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an empty array: in memory, or in a temporary file that goes with it."""
    if np.prod(shape, dtype=float) * dtype.itemsize <= IN_MEMORY:
        return np.empty(shape, dtype)
    with tempfile.TemporaryFile(prefix="lrs-explorer-") as stream:
        return np.memmap(stream, dtype=dtype, mode="w+", shape=shape)
