"""Where the source is: its spatial profile and its trace, measured from the image itself.

Nothing here looks at the header, so that a wrong header position (known issue MR-LRS01) cannot
mislead it. Positions are cross-dispersion pixels, 0-indexed, pixel *i* covers [i - 0.5, i + 0.5].
"""

from __future__ import annotations

import numpy as np

from lrs_explorer.model.data.dq import unusable
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import SpatialProfile, SpectralImage, Trace
from lrs_explorer.model.measure.trace import detect, fit, usable_pixels
from lrs_explorer.model.observation.given import Given, given_observation
from lrs_explorer.model.recipe.recipe import Nods

__all__ = ["find_trace", "spatial_profile"]


def find_trace(source: Given | SpectralImage, nods: Nods | None = None) -> Trace | None:
    """Measure where the positive trace runs on an image.

    Parameters
    ----------
    source : Observation, path or SpectralImage
        An observation, or what `lrs.open_observation` opens, whose image for ``nods`` is taken; or
        an image.
    nods : Nods, optional
        Which of the observation's images; the one it was opened on when not given.

    Returns
    -------
    Trace or None
        None where no positive trace is significant, and where fewer than 48 rows hold data.
        ``center`` is the mean position of the trace
        over 5-12 micron, each row weighted by s**2 / (s**2 + 10**2), where s is its
        signal-to-noise ratio: bright rows count equally, faint ones by their information. So
        ``Aperture(center, width)`` is the best straight aperture, and
        ``Aperture(center, width, coefficients)`` lies on the trace everywhere. ``uncertainty``
        is the standard error of ``center``, from the scatter of the rows about the fit.
        ``coefficients`` are those of a quadratic in the row number; tilt and bend that the data
        do not support tend to zero. ``signal_to_noise`` is the median over 5-12 micron of that
        of a PSF-weighted extraction of one row.

    Raises
    ------
    LRSExplorerError
        The image has no wavelengths.
    """
    if isinstance(source, SpectralImage):
        image = source
    else:
        image = given_observation(source).image(nods or Nods())
    if not np.isfinite(image.row_wavelength).any():
        raise LRSExplorerError(
            f"{_name(image)} has no wavelengths, so no trace can be measured; give a product of "
            "the spectroscopic pipeline (cal or s2d)."
        )
    pixels = usable_pixels(image)
    if pixels is None:
        return None
    start = detect(pixels)
    return None if start is None else fit(pixels, start, rectified=image.kind == "s2d")


def spatial_profile(
    image: SpectralImage, wavelength_range: tuple[float, float] | None = None
) -> SpatialProfile:
    """Combine an image over wavelength into its profile along the cross-dispersion axis.

    Parameters
    ----------
    image : SpectralImage
    wavelength_range : (float, float), micron, optional
        Range to combine, in either order; 5-12 micron when not given.

    Returns
    -------
    SpatialProfile
        Mean of the middle half of the values of each column, which single bad pixels and noisy
        rows cannot shift. NaN where a column has no usable pixel,
        as have those outside the slit on a full frame.

    Raises
    ------
    LRSExplorerError
        No row of the image has a wavelength in the range.
    """
    lower, upper = sorted(wavelength_range or NOMINAL_RANGE)
    rows = (image.row_wavelength >= lower) & (image.row_wavelength <= upper)
    if not rows.any():
        raise LRSExplorerError(
            f"{_name(image)} has no data between {lower:g} and {upper:g} micron; choose a "
            "wavelength range inside the image."
        )
    values = np.where(np.isfinite(image.wavelength[rows]), image.data[rows], np.nan).astype(float)
    if image.dq is not None:
        values[unusable(image.dq[rows])] = np.nan
    values[~np.isfinite(values)] = np.nan
    values.sort(axis=0)  # NaN goes to the end
    count = np.isfinite(values).sum(axis=0)
    rank = np.arange(len(values))[:, None]
    middle = (rank >= count // 4) & (rank < count - count // 4)
    total = np.where(middle, values, 0.0).sum(axis=0)
    number = middle.sum(axis=0)
    value = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
    position = np.arange(image.shape[1], dtype=float)
    return SpatialProfile(position, value, (float(lower), float(upper)), image.unit)


def _name(image: SpectralImage) -> str:
    return f"the {image.kind} image" if image.path is None else str(image.path)
