"""Which part of a star's light passes the slit in an imaging filter."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.measure.bandpass import bandpass
from lrs_explorer.model.slit.geometry import PIXEL_SCALE, outside_slit
from lrs_explorer.model.slit.pathloss import PathlossReference
from lrs_explorer.model.slit.ta_photometry import StarLight

__all__ = ["BOUNDS", "Transmission", "transmission"]

BOUNDS: Final = (0.5, 1.0)
"""What a slit passes of a star in it, at least and at most, where no reference tells."""


@dataclass(frozen=True)
class Transmission:
    """The part of a star's light that passes the slit.

    Parameters
    ----------
    value : float
        In the middle between the bounds where it is not known.
    error : float
        By the place's error; 0 where only bounds are known.
    bounds : (float, float)
    words : str
        What it rests on.
    known : bool
        Whether a reference file tells.
    """

    value: float
    error: float
    bounds: tuple[float, float]
    words: str
    known: bool


def transmission(star: StarLight, name: str, reference: PathlossReference | None) -> Transmission:
    """Return the part of a star's light that passes the slit, where it is seen in it.

    Parameters
    ----------
    star : StarLight
        On a verification image.
    name : str
        The filter.
    reference : PathlossReference or None

    Returns
    -------
    Transmission
        By the pathloss reference at the star's place, mean over the bandpass; how well that
        reference knows it is not told by it. Without a reference, or where it does not hold, within
        `BOUNDS`; of a star outside the slit anything.
    """
    along, across = star.in_slit
    outside = outside_slit(across, along)
    if outside:
        return Transmission(0.5, 0.0, (0.0, 1.0), outside, False)
    if reference is None:
        return _bounded(
            f"there is no pathloss reference: between {BOUNDS[0]:g} and {BOUNDS[1]:g} of the light "
            "passes"
        )
    try:
        band = bandpass(name)
    except LRSExplorerError:
        return _bounded(f"the bandpass of {name} is not known: between {BOUNDS[0]:g} and 1 passes")

    def passed(x: float, y: float) -> float:
        correction = reference.correction(y, x)
        factor = correction.at(band.wavelength)
        weight = np.where(np.isfinite(factor), band.response / band.wavelength, 0.0)
        weight = weight * np.gradient(band.wavelength)
        total = float(weight.sum())
        return float((weight / np.nan_to_num(factor, nan=1.0)).sum() / total) if total else math.nan

    value = passed(along, across)
    if not math.isfinite(value):
        return _bounded(
            f"{reference.name} does not hold {name}: between {BOUNDS[0]:g} and 1 passes"
        )
    # Near its maximum a symmetric step tells more than a derivative.
    step = max(star.place_error[1] * PIXEL_SCALE, 1e-3)
    error = max(abs(passed(along, across + sign * step) - value) for sign in (1, -1))
    return Transmission(
        value,
        error,
        (value, value),
        f"{100 * value:.1f} % of the light passes the slit at {across:+.2f}″ across and "
        f"{along:+.2f}″ along ({reference.name})".replace("-0.", "−0."),
        True,
    )


def _bounded(words: str) -> Transmission:
    low, high = BOUNDS
    return Transmission((low + high) / 2, 0.0, BOUNDS, words, False)
