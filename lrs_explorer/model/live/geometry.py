"""Where apertures lie on an image: limits per dispersion element, and weights per pixel.

The floating-point operations are those of ``jwst.extract_1d.extract.box_profile`` (jwst 3.0), done
once per dispersion element or once for the image where the result is the same for all its pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.live.parameters import Coefficients, Parameters

__all__ = ["EdgePair", "background_regions", "center_at", "source_regions", "weights"]

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class EdgePair:
    """Inclusive limits of a region along the cross-dispersion axis.

    Parameters
    ----------
    lower, upper : ndarray, shape (), (n_wave, 1) or (n_wave, n_cross), pixels
        Pixels whose centers lie between the two count in full. The edges of the region lie half a
        pixel further out.
    """

    lower: FloatArray
    upper: FloatArray

    def rows(self, rows: slice) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper limits for some dispersion elements only."""
        return _rows(self.lower, rows), _rows(self.upper, rows)


def _rows(limit: FloatArray, rows: slice) -> FloatArray:
    return limit[rows] if limit.ndim else limit


def source_regions(
    parameters: Parameters, wavelength: FloatArray, trace: FloatArray | None
) -> list[EdgePair]:
    """Return the regions of the source aperture: more than one only from ``src_coeff``.

    Parameters
    ----------
    parameters : Parameters
    wavelength : ndarray, shape (n_wave, n_cross), micron
    trace : ndarray, shape (n_wave,), pixels, or None
        The source's position by the header, if it is known.
    """
    if parameters.src_coeff is not None:
        return _from_coefficients(parameters.src_coeff, parameters, wavelength)
    width = parameters.extract_width
    if width is None:
        return [EdgePair(np.asarray(parameters.xstart), np.asarray(parameters.xstop))]
    middle: Any = (parameters.xstart + parameters.xstop) / 2.0
    if trace is not None:
        middle = trace[:, np.newaxis]
    lower = middle - (width - 1.0) / 2.0
    return [EdgePair(np.asarray(lower), np.asarray(lower + width - 1))]


def background_regions(parameters: Parameters, wavelength: FloatArray) -> list[EdgePair]:
    """Return the background regions; none when no background is subtracted."""
    if parameters.bkg_coeff is None or not parameters.subtract_background:
        return []
    return _from_coefficients(parameters.bkg_coeff, parameters, wavelength)


def _from_coefficients(
    coefficients: Coefficients, parameters: Parameters, wavelength: FloatArray
) -> list[EdgePair]:
    variable: FloatArray
    if parameters.by_wavelength:
        variable = np.asarray(wavelength, dtype=np.float64)
    else:
        variable = np.arange(wavelength.shape[0], dtype=np.float64)[:, np.newaxis]
    pairs = zip(coefficients[::2], coefficients[1::2], strict=True)
    return [
        EdgePair(
            np.asarray(_polynomial(lower, variable) + 0.5),
            np.asarray(_polynomial(upper, variable) - 0.5),
        )
        for lower, upper in pairs
    ]


def _polynomial(coefficients: tuple[float, ...], x: FloatArray) -> Any:
    """Evaluate a polynomial by Horner's rule, as `astropy.modeling` does."""
    value: Any = np.float64(coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = coefficient + value * x
    return value


def weights(
    regions: list[EdgePair],
    parameters: Parameters,
    shape: tuple[int, int],
    rows: slice,
    partial: bool = True,
) -> FloatArray:
    """Return the weight of each pixel: 1 within a region, a fraction at its edges, 0 outside.

    Where regions overlap the greater weight counts.

    Parameters
    ----------
    regions : list of EdgePair
    parameters : Parameters
        ``ystart`` and ``ystop`` end the regions along the dispersion axis.
    shape : (int, int)
        Of the whole image, (n_wave, n_cross).
    rows : slice
        Dispersion elements wanted.
    partial : bool
        False leaves out pixels that are only partly within a region.

    Returns
    -------
    ndarray, shape (n_rows, n_cross), contiguous
    """
    index = np.arange(shape[1])
    limits = [region.rows(rows) for region in regions]
    extent = np.broadcast_shapes((1, shape[1]), *(limit.shape for pair in limits for limit in pair))
    weight = np.zeros(extent)
    for lower, upper in limits:
        np.copyto(weight, 1.0, where=(index >= lower) & (index <= upper))
        if partial:
            for part in (index - lower + 1, upper - index + 1):
                np.copyto(weight, part, where=(part > 0) & (part < 1) & (weight < part))
    first, last = math.ceil(parameters.ystart), math.floor(parameters.ystop)
    within = np.ones((shape[0], 1))
    within[:first] = 0
    within[last + 1 :] = 0
    return weight * within[rows]


def center_at(
    row: int, regions: list[EdgePair], parameters: Parameters, shape: tuple[int, int]
) -> float:
    """Return the weighted center (pixels) of an aperture at one dispersion element.

    The same as jwst's ``aperture_center`` with ``middle_pix``: where the aperture has no weight
    there, the middle of the image.
    """
    weight = weights(regions, parameters, shape, slice(row, row + 1))[0]
    if np.sum(weight) == 0:
        weight = np.ones(shape[1])
    return float(np.average(np.arange(shape[1]), weights=weight))
