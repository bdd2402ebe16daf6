"""An extraction with everything decided: what is left to do is the same for any pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.live import kernel
from lrs_explorer.model.live.apcorr import ApertureCorrection
from lrs_explorer.model.live.placement import Placement

__all__ = ["ExtractionPlan", "unfitted_note"]

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class ExtractionPlan:
    """All that an extraction needs but pixels.

    Parameters
    ----------
    rows : slice
        Dispersion elements of the image that are wanted.
    profiles : list of ndarray, shape (n_rows, n_cross)
        Weights of the aperture; for an optimal extraction the PSF, and that of a negative nod.
    background : kernel.BackgroundFit or None
    extraction_type : {"box", "optimal"}
    wavelength : ndarray, shape (n_rows,), micron
        NaN where the aperture has none.
    pixel_area : float or None
        Steradian; None for data that are not calibrated.
    apcorr : ApertureCorrection or None
    unit : str
        Of the flux.
    header : dict
        See `Extractor.extract`.
    notes : tuple of str
    placement : Placement
    missing : Mapping of str to str
        Reference files that could not be had, see `Spectrum`.
    """

    rows: slice
    profiles: list[FloatArray]
    background: kernel.BackgroundFit | None
    extraction_type: str
    wavelength: FloatArray
    pixel_area: float | None
    apcorr: ApertureCorrection | None
    unit: str
    header: dict[str, Any]
    notes: tuple[str, ...]
    placement: Placement
    missing: Mapping[str, str]

    def columns(self, pixels: kernel.Pixels) -> tuple[dict[str, NDArray[Any]], int]:
        """Return the columns of an x1d table, and the number of rows without a background fit.

        Parameters
        ----------
        pixels : Pixels
            Those of `rows`.
        """
        sums = kernel.extract(pixels, self.profiles, self.background, self.extraction_type)
        columns = kernel.x1d_columns(
            sums, self.wavelength, self.pixel_area, self.extraction_type == "optimal"
        )
        if self.apcorr is not None:
            columns = self.apcorr.apply(columns)
        return columns, sums.unfitted


def unfitted_note(count: int) -> list[str]:
    """Say at how many wavelengths no polynomial could be fitted to the background."""
    if not count:
        return []
    return [
        f"at {count} wavelengths the background regions have too few pixels for the polynomial: "
        "no background is subtracted there"
    ]
