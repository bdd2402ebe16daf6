"""Pixels of a detector image that the pipeline drops, estimates, or was told to distrust."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data import dq
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.measure.pixels.map import PixelMap

__all__ = ["CATEGORIES", "BadPixels", "bad_pixels"]

CATEGORIES: Final = ("unusable", "replaced", "flagged")
"""Flagged DO_NOT_USE or without a value; estimated by pixel_replace (FLUX_ESTIMATED); by hand."""


@dataclass(frozen=True, eq=False)
class BadPixels:
    """Bad pixels of one detector image; made by `bad_pixels`.

    Parameters
    ----------
    row, column : ndarray of int, shape (n,)
        Of the detector image, 0-indexed, in order of row and column.
    category : ndarray of str, shape (n,)
        One of `CATEGORIES`. A pixel flagged by hand stays "flagged" whatever became of it.
    dq : ndarray of uint32, shape (n,)
        The image's DQ value.
    """

    row: NDArray[np.intp]
    column: NDArray[np.intp]
    category: NDArray[np.str_]
    dq: NDArray[np.uint32]

    def __len__(self) -> int:
        return len(self.row)

    def select(self, chosen: NDArray[np.bool_]) -> BadPixels:
        """Return those of the pixels for which ``chosen``, shape (n,), is true."""
        return BadPixels(
            self.row[chosen], self.column[chosen], self.category[chosen], self.dq[chosen]
        )

    def of(self, category: str) -> BadPixels:
        """Return the pixels of one category."""
        return self.select(self.category == category)

    def counts(self) -> dict[str, int]:
        """Return how many pixels there are of each category."""
        return {name: int((self.category == name).sum()) for name in CATEGORIES}

    def names(self, index: int) -> list[str]:
        """Return the names of the DQ flags of pixel number ``index``."""
        return dq.names(self.dq[index])

    def describe(self, index: int) -> str:
        """Say which pixel number ``index`` is and what is known of it."""
        meaning = {
            "unusable": "not used",
            "replaced": "replaced by an estimate",
            "flagged": "flagged by hand",
        }[str(self.category[index])]
        flags = ", ".join(self.names(index)) or "no DQ flag"
        return f"row {self.row[index]}, column {self.column[index]}: {meaning} ({flags})"

    def in_aperture(self, pixels: PixelMap, lower: FloatArray, upper: FloatArray) -> BadPixels:
        """Return those that reach into an aperture on the s2d image.

        Parameters
        ----------
        pixels : PixelMap
            From this detector image to the s2d image.
        lower, upper : ndarray, shape (n_wave,), s2d pixels
            Edges of the aperture at each row, as in ``Placement``.
        """
        return self.select(pixels.in_aperture(self.row, self.column, lower, upper))

    def on_s2d(self, pixels: PixelMap) -> dict[str, NDArray[np.bool_]]:
        """Return, for each category, which s2d pixels its pixels reach, shape of the s2d image."""
        found = {name: self.of(name) for name in CATEGORIES}
        return {name: pixels.to_s2d(bad.row, bad.column) for name, bad in found.items()}

    def wavelengths(self, pixels: PixelMap) -> FloatArray:
        """Return lower and upper edge of what each pixel affects in the x1d, micron, (n, 2)."""
        return pixels.wavelengths(self.row, self.column)


def bad_pixels(image: SpectralImage, flagged: Iterable[tuple[int, int]] = ()) -> BadPixels:
    """Sort out the bad pixels within the slit.

    Parameters
    ----------
    image : SpectralImage
        In detector pixels (cal, crf, or any before it that has wavelengths).
    flagged : iterable of (row, column)
        Pixels flagged by hand; those outside the slit are left out.

    Returns
    -------
    BadPixels
    """
    in_slit = np.isfinite(image.wavelength)
    values: NDArray[np.uint32] = (
        np.zeros(image.shape, dtype=np.uint32) if image.dq is None else image.dq
    )
    category: NDArray[Any] = np.full(image.shape, "", dtype="<U8")
    category[dq.flagged(values, "FLUX_ESTIMATED")] = "replaced"
    category[dq.unusable(values) | ~np.isfinite(image.data)] = "unusable"
    for i, j in flagged:
        if 0 <= i < image.shape[0] and 0 <= j < image.shape[1]:
            category[i, j] = "flagged"
    row, column = np.nonzero(in_slit & (category != ""))
    return BadPixels(row, column, category[row, column], values[row, column])
