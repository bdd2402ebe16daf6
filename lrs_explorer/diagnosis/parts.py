"""What diagnoses measure on: aperture, source, light and detector pixels, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.measure.pixels.map import PixelMap

__all__ = ["SPECTRUM_RANGE", "Edges", "Exposure", "Signal", "Source"]

SPECTRUM_RANGE: Final = NOMINAL_RANGE
"""Micron; where a change of the spectrum counts."""


@dataclass(frozen=True, eq=False)
class Edges:
    """An aperture row by row.

    Parameters
    ----------
    lower, upper : ndarray, shape (n_wave,), pixels of the image
    center, width : float, pixels
        Of the straight aperture.
    origin : str
        Where they are from, in words.
    """

    lower: FloatArray
    upper: FloatArray
    center: float
    width: float
    origin: str


@dataclass(frozen=True)
class Source:
    """Where the source is along the slit.

    Parameters
    ----------
    center, uncertainty : float, pixels
    by_nod : int or None
        The exposure whose trace tells, where the image itself shows none.
    """

    center: float
    uncertainty: float
    by_nod: int | None = None


@dataclass(frozen=True, eq=False)
class Signal:
    """The source's light in a box on its trace, row by row of the image.

    Parameters
    ----------
    wavelength : ndarray, shape (n_wave,), micron
    flux, error : ndarray, shape (n_wave,), unit of the image times pixels
        The error is scaled to the scatter that is seen.
    """

    wavelength: FloatArray
    flux: FloatArray
    error: FloatArray

    @property
    def counts(self) -> NDArray[np.bool_]:
        """Rows within `SPECTRUM_RANGE` that have a value."""
        low, high = SPECTRUM_RANGE
        inside = (self.wavelength >= low) & (self.wavelength <= high)
        return inside & np.isfinite(self.flux) & (self.error > 0)

    @property
    def signal_to_noise(self) -> FloatArray:
        """Of each row, shape (n_wave,); 0 where it does not count or nothing positive is seen."""
        found = np.zeros_like(self.flux)
        np.divide(self.flux, self.error, out=found, where=self.counts)
        return np.clip(found, 0.0, None)


@dataclass(frozen=True, eq=False)
class Exposure:
    """The detector pixels of one exposure and where the trace runs on them.

    Parameters
    ----------
    number : int
    image : SpectralImage
        Calibrated, in detector pixels.
    map : PixelMap
        To the shown image.
    offset : ndarray, shape of the image, pixels
        From the trace, along the slit; NaN outside the slit.
    dq : ndarray of uint32, shape of the image
        Flags of the rate where it is at hand, else those of ``image``.
    """

    number: int
    image: SpectralImage
    map: PixelMap
    offset: FloatArray
    dq: NDArray[np.uint32]
