"""Stars of either sign in the profile along the slit."""

from __future__ import annotations

from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from lrs_explorer.diagnosis.case import Case
from lrs_explorer.diagnosis.light import pixel_share
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.measure.position import spatial_profile

__all__ = ["WAVELENGTH", "negative_images", "star_height"]

WAVELENGTH: Final = 8.0
"""Micron, of which the star's width is taken for the profile of 5 to 12 micron."""

_REACH: Final = 4.0  # pixels from a star that are fitted
_APART: Final = 6.0  # pixels between two stars that can be told apart
_LEAST: Final = 0.02  # of the source's light that a negative image must have


def star_height(
    value: FloatArray,
    position: FloatArray,
    center: float,
    used: NDArray[np.bool_] | None = None,
) -> float:
    """Return the light of a star at ``center`` in a profile, by least squares.

    Parameters
    ----------
    value, position : ndarray, shape (n_cross,)
    center : float, pixels
    used : ndarray of bool, shape (n_cross,), optional
    """
    near = (np.abs(position - center) <= _REACH) & np.isfinite(value)
    if used is not None:
        near &= used
    share = pixel_share(WAVELENGTH, position[near] - center)
    total = float((share**2).sum())
    return float(share @ value[near] / total) if total > 0 else 0.0


def negative_images(case: Case) -> list[float]:
    """Return where nod subtraction has left negative images, pixels, the deepest first.

    Raises
    ------
    LRSExplorerError
        There is no image.
    """
    if case.trace is None:
        return []
    profile = spatial_profile(case.image)
    trunk = star_height(profile.value, profile.position, case.trace.center)
    heights = np.array(
        [star_height(profile.value, profile.position, center) for center in profile.position]
    )
    # At the slit's end a star that little is seen of could have any height: its light counts.
    lit = profile.position[np.isfinite(profile.value)]
    seen = pixel_share(WAVELENGTH, lit - profile.position[:, None])
    depth = heights * np.sqrt((seen**2).sum(axis=1))
    lowest = scipy.ndimage.minimum_filter1d(depth, 3, mode="nearest") == depth
    found: list[float] = []
    for index in np.flatnonzero(lowest)[np.argsort(depth[lowest])]:
        if heights[index] > -_LEAST * trunk:
            continue
        if all(abs(profile.position[index] - other) > _APART for other in found):
            found.append(float(profile.position[index]) + _vertex(depth, index))
    return found


def _vertex(value: FloatArray, index: np.intp) -> float:
    """Return where a parabola through a value and its neighbours has its vertex, from ``index``."""
    if not 0 < index < len(value) - 1:
        return 0.0
    before, here, after = value[index - 1 : index + 2]
    bend = before - 2 * here + after
    return float(np.clip(0.5 * (before - after) / bend, -0.5, 0.5)) if bend > 0 else 0.0
