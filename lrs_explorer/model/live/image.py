"""An image as the pipeline takes it: which pixels count, and what its header says."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.live import kernel

__all__ = ["ExtractionImage"]

FloatArray = NDArray[np.floating[Any]]


class ExtractionImage:
    """Prepared once for each image; may be used from several threads.

    Parameters
    ----------
    image : SpectralImage

    Attributes
    ----------
    name : str
        For messages.
    exp_type, source_type : str
        EXP_TYPE and SRCTYPE; "" where the header has none.
    order : int
        Spectral order.
    calibrated : bool
        Whether photom has been run.

    Raises
    ------
    LRSExplorerError
        The image is not from LRS, or has no valid pixel or no wavelength.
    """

    def __init__(self, image: SpectralImage) -> None:
        self.image = image
        header = image.header
        self.name = image.path.name if image.path else "the image"
        self.exp_type = str(header.get("EXP_TYPE", ""))
        if self.exp_type not in EXP_TYPES.values():
            raise LRSExplorerError(
                f"{self.name} has EXP_TYPE {self.exp_type or 'missing'}; it must be "
                f"{' or '.join(EXP_TYPES.values())}."
            )
        self.order = int(header.get("SPORDER", 1))
        self.source_type = str(header.get("SRCTYPE", ""))
        self.calibrated = str(header.get("S_PHOTOM", "")).upper() == "COMPLETE"
        in_spectrum = np.isfinite(image.wavelength).any(axis=1)
        if not in_spectrum.any():
            raise LRSExplorerError(
                f"{self.name} has no finite wavelength; run assign_wcs on it or open its s2d."
            )
        self._first, self._last = np.flatnonzero(in_spectrum)[[0, -1]]
        self._invalid = _invalid(image)
        if self._invalid.all():
            raise LRSExplorerError(
                f"{self.name} has no valid pixel: all are NaN or flagged DO_NOT_USE."
            )
        self._pixels: dict[tuple[int, int], kernel.Pixels] = {}
        self._lock = threading.Lock()

    @cached_property
    def pixel_area(self) -> float | None:
        """Pixel area (sr) that turns MJy/sr into Jy; None for data that are not calibrated."""
        if not self.calibrated:
            return None
        area = self.image.pixel_area_sr
        return 1.0 if area is None else area

    def rows(self, margin: int) -> slice:
        """Return the dispersion elements that matter: a cal image is mostly without wavelengths."""
        return slice(
            max(int(self._first) - margin, 0),
            min(int(self._last) + margin + 1, self.image.shape[0]),
        )

    def pixels(self, rows: slice) -> kernel.Pixels:
        """Return the pixels of some dispersion elements, made once."""
        key = (rows.start, rows.stop)
        with self._lock:
            if key not in self._pixels:
                self._pixels[key] = kernel.Pixels(*self.masked(rows))
            return self._pixels[key]

    def masked(self, rows: slice) -> list[FloatArray]:
        """Return data and variances with NaN where the pipeline ignores a pixel."""
        image, invalid = self.image, self._invalid[rows]
        planes = (image.data, image.var_rnoise, image.var_poisson, image.var_flat)
        return [np.where(invalid, np.nan, plane[rows]) for plane in planes]

    def along(
        self, profile: FloatArray, rows: slice
    ) -> tuple[FloatArray, FloatArray, NDArray[np.intp]]:
        """Return the profile where there are wavelengths, and the wavelength of each row.

        As in jwst's ``define_aperture``. Third, the dispersion elements (of the whole image) on
        which the aperture has weight.
        """
        wavelength = self.image.wavelength[rows]
        finite = np.isfinite(wavelength)
        profile = np.where(finite, profile, 0.0)
        weight = np.where(profile > 0, profile, 0.0)
        total = weight.sum(axis=1)
        mean = np.full(total.shape, np.nan)
        products = np.where(finite, wavelength, 0.0) * weight
        np.divide(products.sum(axis=1), total, out=mean, where=total > 0)
        return profile, mean, np.flatnonzero(profile.sum(axis=1) > 0) + rows.start


def _invalid(image: SpectralImage) -> NDArray[np.bool_]:
    """Return the pixels that the pipeline ignores: NaN in any array, or flagged DO_NOT_USE."""
    invalid: NDArray[np.bool_] = np.isnan(image.data)
    for plane in (image.err, image.var_rnoise, image.var_poisson, image.var_flat):
        if plane is not None:
            invalid = invalid | np.isnan(plane)
    if image.dq is not None:
        invalid = invalid | (image.dq & kernel.DO_NOT_USE).astype(bool)
    return invalid
