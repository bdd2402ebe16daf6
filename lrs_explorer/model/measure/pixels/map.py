"""Which resampled pixels and wavelengths a detector pixel reaches, and the way back.

Resampling (drizzle, jwst's ``resample_spec``) spreads a pixel of the calibrated image (cal) over
the pixels of the s2d image that it overlaps, so a bad pixel can be seen in the s2d only by where it
went. The map follows the WCS of both products, as ``resample_spec`` does: from a detector pixel to
the sky and its wavelength, and from there to the s2d image.

Rows are dispersion elements, columns cross-dispersion pixels, 0-indexed; pixel *i* covers
[i - 0.5, i + 0.5], in both images.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.files.fitsfile import open_fits
from lrs_explorer.model.files.wcs import stored_wcs

__all__ = ["Footprint", "PixelMap", "Reached", "pixel_map", "same_pixels"]

NOTHING = 1e-3
"""Share of a pixel below which an overlap is rounding."""


@dataclass(frozen=True, eq=False)
class Footprint:
    """Where the light of one detector pixel went.

    Parameters
    ----------
    rows, columns : slice
        Pixels of the s2d image that it overlaps.
    share : ndarray, shape (n_rows, n_columns)
        Part of the detector pixel in each of them; less than 1 in all where it lies on the edge
        of the s2d image.
    wavelengths : (float, float), micron
        Lower and upper edge of the spectral elements (rows of the x1d) that it affects.
    """

    rows: slice
    columns: slice
    share: FloatArray
    wavelengths: tuple[float, float]


@dataclass(frozen=True)
class Reached:
    """A detector pixel that contributes to a place in the s2d image.

    Parameters
    ----------
    row, column : int
        Of the detector (cal) image.
    share : float
        Part of the detector pixel that went to that place.
    """

    row: int
    column: int
    share: float


@dataclass(frozen=True, eq=False)
class PixelMap:
    """All detector pixels of a slit on the s2d image; made by `pixel_map`.

    Parameters
    ----------
    corner : (int, int)
        First row and column of the detector image that the arrays hold.
    row, column : ndarray, shape (n_rows, n_columns)
        Position of each detector pixel's center in the s2d image; NaN outside the slit.
    row_edges, column_edges : ndarray, shape (2, n_rows, n_columns)
        Lower and upper edge of each detector pixel in the s2d image.
    shape : (int, int)
        Shape of the s2d image.
    row_wavelength : ndarray, shape (n_wave,), micron
        Wavelength of each row of the s2d image.
    """

    corner: tuple[int, int]
    row: FloatArray
    column: FloatArray
    row_edges: FloatArray
    column_edges: FloatArray
    shape: tuple[int, int]
    row_wavelength: FloatArray

    def position(self, row: int, column: int) -> tuple[float, float] | None:
        """Return row and column in the s2d image of a detector pixel's center; None outside."""
        i, j = row - self.corner[0], column - self.corner[1]
        if not (0 <= i < self.row.shape[0] and 0 <= j < self.row.shape[1]):
            return None
        found = float(self.row[i, j]), float(self.column[i, j])
        return found if np.isfinite(found).all() else None

    def footprint(self, row: int, column: int) -> Footprint | None:
        """Return where a detector pixel's light went; None where it reaches no s2d pixel."""
        if self.position(row, column) is None:
            return None
        i, j = row - self.corner[0], column - self.corner[1]
        along = _overlap(self.row_edges[:, i, j], self.shape[0])
        across = _overlap(self.column_edges[:, i, j], self.shape[1])
        if along is None or across is None:
            return None
        (rows, row_share), (columns, column_share) = along, across
        lower, upper = self._wavelengths(np.array([rows.start, rows.stop]) - 0.5)
        return Footprint(
            rows,
            columns,
            np.outer(row_share, column_share),
            (float(min(lower, upper)), float(max(lower, upper))),
        )

    def wavelengths(self, rows: ArrayLike, columns: ArrayLike) -> FloatArray:
        """Return the wavelengths that detector pixels affect in the x1d.

        Parameters
        ----------
        rows, columns : array_like of int, shape (n,)
            Of the detector image.

        Returns
        -------
        ndarray, shape (n, 2), micron
            Lower and upper edge; NaN for pixels that reach none.
        """
        i, j = np.asarray(rows) - self.corner[0], np.asarray(columns) - self.corner[1]
        inside = (i >= 0) & (i < self.row.shape[0]) & (j >= 0) & (j < self.row.shape[1])
        edges = np.full((i.size, 2), np.nan)
        lower, upper = self.row_edges[:, i[inside], j[inside]]
        first = np.maximum(np.floor(lower + 0.5 + NOTHING), 0) - 0.5
        last = np.minimum(np.ceil(upper - 0.5 - NOTHING), self.shape[0] - 1) + 0.5
        found = self._wavelengths(np.stack([first, last], axis=1))
        found[first >= last] = np.nan
        edges[inside] = found
        return np.sort(edges, axis=1)

    def pixels_at(self, row: int, column: int) -> list[Reached]:
        """Return the detector pixels that contribute to an s2d pixel, the largest share first."""
        share = self._share(self.row_edges, row, row) * self._share(
            self.column_edges, column, column
        )
        return self._reached(share)

    def to_s2d(self, rows: ArrayLike, columns: ArrayLike) -> NDArray[np.bool_]:
        """Return which s2d pixels hold light of detector pixels.

        Parameters
        ----------
        rows, columns : array_like of int, shape (n,)
            Of the detector image.

        Returns
        -------
        ndarray of bool, shape of the s2d image
        """
        touched = np.zeros(self.shape, dtype=bool)
        for row, column in zip(np.asarray(rows), np.asarray(columns), strict=True):
            footprint = self.footprint(int(row), int(column))
            if footprint is not None:
                touched[footprint.rows, footprint.columns] = True
        return touched

    def in_aperture(
        self, rows: ArrayLike, columns: ArrayLike, lower: FloatArray, upper: FloatArray
    ) -> NDArray[np.bool_]:
        """Return which detector pixels reach into an aperture on the s2d image.

        Parameters
        ----------
        rows, columns : array_like of int, shape (n,)
            Of the detector image.
        lower, upper : ndarray, shape (n_wave,), s2d pixels
            Edges of the aperture at each row, as in ``Placement``; NaN where it has none.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        pixels = zip(np.asarray(rows), np.asarray(columns), strict=True)
        inside = []
        for row, column in pixels:
            footprint = self.footprint(int(row), int(column))
            if footprint is None:
                inside.append(False)
                continue
            left, right = self.column_edges[:, row - self.corner[0], column - self.corner[1]]
            along = footprint.rows
            reaches = (right > lower[along] + NOTHING) & (left < upper[along] - NOTHING)
            inside.append(bool(reaches.any()))
        return np.array(inside, dtype=bool)

    def _share(self, edges: FloatArray, first: float, last: float) -> FloatArray:
        """Part of each detector pixel's width within s2d pixels ``first`` to ``last``."""
        lower, upper = edges
        within = np.minimum(upper, last + 0.5) - np.maximum(lower, first - 0.5)
        return np.nan_to_num(np.clip(within / (upper - lower), 0.0, 1.0))

    def _reached(self, share: FloatArray) -> list[Reached]:
        found = np.argwhere(share > NOTHING)
        return sorted(
            (
                Reached(int(i) + self.corner[0], int(j) + self.corner[1], float(share[i, j]))
                for i, j in found
            ),
            key=lambda reached: -reached.share,
        )

    def _wavelengths(self, rows: FloatArray) -> FloatArray:
        """Wavelength at fractional s2d rows, half a row beyond either end by extrapolation."""
        known = np.flatnonzero(np.isfinite(self.row_wavelength))
        wavelength = self.row_wavelength[known]
        before = 1.5 * wavelength[0] - 0.5 * wavelength[1]
        after = 1.5 * wavelength[-1] - 0.5 * wavelength[-2]
        grid = np.concatenate([[known[0] - 0.5], known, [known[-1] + 0.5]])
        return np.interp(rows, grid, np.concatenate([[before], wavelength, [after]]))


def pixel_map(cal: SpectralImage, s2d: SpectralImage) -> PixelMap:
    """Map the pixels of a detector image onto the s2d image made from it.

    Parameters
    ----------
    cal : SpectralImage
        A calibrated exposure (cal or crf) in detector pixels.
    s2d : SpectralImage
        The exposure's own s2d image, or the combined one that it is a part of.

    Returns
    -------
    PixelMap

    Raises
    ------
    LRSExplorerError
        A product was not read from a file, has no usable WCS, or the two show different places; or
        the target moved, and the exposure does not tell where it was.
    """
    valid = np.isfinite(cal.wavelength)
    rows, columns = np.flatnonzero(valid.any(axis=1)), np.flatnonzero(valid.any(axis=0))
    if len(rows) < 2 or len(columns) < 2 or np.isfinite(s2d.row_wavelength).sum() < 2:
        raise LRSExplorerError("the images have no wavelengths, so their pixels cannot be mapped.")
    if cal.path is None or s2d.path is None:
        raise LRSExplorerError("only images that were read from files can be mapped.")
    corner = int(rows[0]), int(columns[0])
    y, x = np.mgrid[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(float)
    with _wcs(cal.path) as wcs:
        ra, dec, wavelength = wcs(x, y)
    east, north = _target_shift(cal, s2d)
    sky = ra + east, dec + north, wavelength
    with _wcs(s2d.path) as wcs:
        column, row = wcs.backward_transform(*sky)
    column, row = np.asarray(column, dtype=float), np.asarray(row, dtype=float)
    outside = ~(np.isfinite(row) & np.isfinite(column))
    row[outside] = column[outside] = np.nan
    on_image = (np.abs(row) < s2d.shape[0]) & (np.abs(column) < s2d.shape[1])
    if not on_image.any():
        raise LRSExplorerError(
            f"{cal.path.name} and {s2d.path.name} show different places on the sky; take the s2d "
            "that was made from this exposure."
        )
    return PixelMap(
        corner=corner,
        row=row,
        column=column,
        row_edges=_edges(row, axis=0),
        column_edges=_edges(column, axis=1),
        shape=s2d.shape,
        row_wavelength=s2d.row_wavelength,
    )


def same_pixels(image: SpectralImage) -> PixelMap:
    """Map an image onto itself: slitless spectra are extracted from detector pixels."""
    row, column = np.mgrid[: image.shape[0], : image.shape[1]].astype(float)
    return PixelMap(
        corner=(0, 0),
        row=row,
        column=column,
        row_edges=_edges(row, axis=0),
        column_edges=_edges(column, axis=1),
        shape=image.shape,
        row_wavelength=image.row_wavelength,
    )


def _target_shift(cal: SpectralImage, s2d: SpectralImage) -> tuple[float, float]:
    """Return by how much a combined image of a moving target has moved an exposure, degrees.

    See ``jwst.assign_mtwcs``: to the mean of where the target was in all exposures. Zero for images
    whose WCS is that of the sky.

    Raises
    ------
    LRSExplorerError
        The exposure does not tell where the target was.
    """
    mean, own = (
        [header[card] for card in cards if isinstance(header.get(card), (int, float))]
        for header, cards in (
            (s2d.header, ("MT_AVRA", "MT_AVDEC")),
            (cal.header, ("MT_RA", "MT_DEC")),
        )
    )
    if len(mean) < 2:
        return 0.0, 0.0
    if len(own) < 2:
        names = [image.path.name if image.path else "it" for image in (cal, s2d)]
        raise LRSExplorerError(
            f"where the pixels of {names[0]} are in {names[1]} cannot be told: the target moved, "
            "and MT_RA and MT_DEC are missing; choose a single exposure."
        )
    return mean[0] - own[0], mean[1] - own[1]


@contextmanager
def _wcs(path: Path) -> Iterator[Any]:
    with open_fits(path) as hdus, stored_wcs(hdus, path) as wcs:
        if wcs is None:
            raise LRSExplorerError(
                f"{path.name} has no WCS, so its pixels cannot be mapped; download it again or "
                "make it with calwebb_spec2."
            )
        yield wcs


def _edges(position: FloatArray, axis: int) -> FloatArray:
    """Edges of pixels along ``axis``, half-way between their centers, as drizzle has them.

    Returns
    -------
    ndarray, shape (2, n_rows, n_columns)
        The lower and the upper one; the last one is as far from the center as the one before.
    """
    step = np.diff(position, axis=axis)
    missing = np.full_like(np.take(step, [0], axis=axis), np.nan)
    before = np.concatenate([missing, step], axis=axis)
    after = np.concatenate([step, missing], axis=axis)
    before, after = (
        np.where(np.isnan(before), after, before),
        np.where(np.isnan(after), before, after),
    )
    return np.sort(np.stack([position - before / 2, position + after / 2]), axis=0)


def _overlap(edges: FloatArray, size: int) -> tuple[slice, FloatArray] | None:
    """Pixels of a row of ``size`` that an interval covers, and its share in each."""
    lower, upper = float(edges[0]), float(edges[1])
    first = max(int(np.floor(lower + 0.5 + NOTHING)), 0)
    last = min(int(np.ceil(upper - 0.5 - NOTHING)), size - 1)
    if not first <= last:
        return None
    pixel = np.arange(first, last + 1)
    within = np.minimum(upper, pixel + 0.5) - np.maximum(lower, pixel - 0.5)
    return slice(first, last + 1), within / (upper - lower)
