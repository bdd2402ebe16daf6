"""How bright the star is on a target acquisition image.

Beside the slit: the light in a circle less a local background from a ring. Through the slit: the
light of the slit's rows within some columns of the star, less the background that each row has
further along the slit, so that it need not be known how much of a row the slit's edge leaves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy
from astropy.stats import mad_std
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, SLIT_LENGTH
from lrs_explorer.model.slit.geometry import HALF_WIDTH, PIXEL_SCALE
from lrs_explorer.model.slit.ta_centroid import REACH, Centroid, centroid
from lrs_explorer.model.slit.ta_image import TAImage

__all__ = ["CIRCLE", "HALF_LENGTH", "Circle", "StarLight", "star_light"]

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]

HALF_LENGTH: Final = 6.5
"""Pixels on each side of the star that count along the slit: 13 in all."""

SKY_FROM: Final = 9.5
"""Pixels from the star, along the slit, from which on there is sky."""

LEAST_SKY: Final = 6
"""Pixels of sky that a row, or a ring, has to have."""

EDGE_ROWS: Final = 1.5
"""Rows beyond the slit's edges into which the detector blurs its light."""

ANOTHER: Final = 0.1
"""Height of another star, as part of that of the star, from which on it is told. Structure of the
PSF is fainter from `APART` on."""

APART: Final = 4.0
"""Pixels from the star beyond which another one is told from it."""

MOST_MISSING: Final = 0.1
"""Part of the circle that may be without values."""

REACH_OF_LIGHT: Final = 3
"""Pixels from another star within which its light counts."""

FILLED: Final = 0.3
"""Error of what is put in place of a bad pixel, as part of it."""


@dataclass(frozen=True)
class Circle:
    """The aperture for an image beside the slit.

    Parameters
    ----------
    radius : float, pixels
    sky : (float, float), pixels
        Inner and outer radius of the ring that the background is from.
    """

    radius: float
    sky: tuple[float, float]


CIRCLE: Final = Circle(6.0, (9.0, 15.0))
"""Where no reference file gives one."""


@dataclass(frozen=True)
class StarLight:
    """The light of the star on an acquisition image.

    Parameters
    ----------
    value, error : float, unit of the image
        Sum over the pixels of the aperture less the background, as `TAImage.data` has it (divided
        by the rate factor), and its standard error. No correction for what the aperture leaves
        out, nor for what the slit cuts.
    column, row : float
        Place on the full detector, pixels, 0-indexed.
    place_error : (float, float), pixels
        Standard errors of it.
    aperture : str
        What was summed, in words.
    length : float, pixels
        Length of the aperture along the slit; radius of a circle.
    notes : tuple of str
        Plain sentences the user must see.
    """

    value: float
    error: float
    column: float
    row: float
    place_error: tuple[float, float]
    aperture: str
    length: float
    notes: tuple[str, ...] = ()

    @property
    def in_slit(self) -> tuple[float, float]:
        """Where the star is from the slit's center, along and across, arcsec."""
        column, row = REFERENCE_PIXELS["MIRIM_SLIT"]
        return (self.column - column) * PIXEL_SCALE, (self.row - row) * PIXEL_SCALE


def star_light(image: TAImage, circle: Circle = CIRCLE) -> StarLight:
    """Measure how bright the star is.

    Parameters
    ----------
    image : TAImage
    circle : Circle
        For an image beside the slit.

    Raises
    ------
    LRSExplorerError
        No star is seen, it is saturated, at the edge, or not alone in the aperture; the slit's
        region has no values, or there is no sky beside the star.
    """
    found = centroid(image)
    name = image.path.name if image.path else "the acquisition image"
    x, y = found.column - image.origin[0], found.row - image.origin[1]
    if image.through_slit:
        part = _slit_part(image, x, y, name)
    else:
        part = _circle_part(image, x, y, circle, name)
    if (image.saturated & (part.share > 0)).any():
        raise LRSExplorerError(
            f"{name}: the star is saturated, so its brightness cannot be measured there."
        )
    notes = _others(image, found, part, name)
    data, filled = _filled(image, x, y, part, name)
    if filled.any():
        count = int(filled.sum())
        notes.append(
            f"{count} bad pixel{'s' if count > 1 else ''} of the aperture filled from the opposite "
            "side of the star"
        )
    light = part.share * (data - part.level)
    err = np.where(np.isfinite(image.err) & (image.err > 0), image.err, part.spread)
    err = np.where(filled, np.abs(FILLED * (data - part.level)), err)
    variance = float(np.nansum(np.where(part.share > 0, (part.share * err) ** 2, 0.0)))
    value = float(np.sum(np.where(part.share > 0, light, 0.0)))
    return StarLight(
        value=value,
        error=math.sqrt(variance + part.sky_variance),
        column=found.column,
        row=found.row,
        place_error=(found.column_uncertainty, found.row_uncertainty),
        aperture=part.words,
        length=part.length,
        notes=tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """The pixels that are summed: the share of each, and the background below them.

    ``field`` are those that see the sky, for which the background holds.
    """

    share: FloatArray
    field: BoolArray
    level: FloatArray
    sky_variance: float
    spread: float
    length: float
    words: str


def _edge(name: str, where: str) -> LRSExplorerError:
    return LRSExplorerError(
        f"{name}: the star is so near the edge of the {where} that its brightness cannot be "
        "measured there."
    )


def _circle_part(image: TAImage, x: float, y: float, circle: Circle, name: str) -> _Part:
    """Return the circle around a star, and its ring of sky."""
    from photutils.aperture import CircularAnnulus, CircularAperture

    radius, (inner, outer) = circle.radius, circle.sky
    mask = CircularAperture((x, y), radius).to_mask(method="exact")
    box = mask.bbox
    ny, nx = image.data.shape
    if box.ixmin < 0 or box.iymin < 0 or box.ixmax > nx or box.iymax > ny:
        raise _edge(name, "image")
    share = np.asarray(mask.to_image(image.data.shape), dtype=float)
    # A wide border without values is the end of the field, not bad pixels.
    lit = share > 0
    if (lit & ~np.isfinite(image.data) & ~image.saturated).sum() > MOST_MISSING * lit.sum():
        raise _edge(name, "field of the image")
    ring = CircularAnnulus((x, y), inner, outer).to_mask(method="center").to_image(image.data.shape)
    sky = image.data[(np.asarray(ring) > 0) & image.usable]
    if len(sky) < LEAST_SKY:
        raise LRSExplorerError(f"{name}: there is no sky around the star to tell its level from.")
    level, spread = _level(sky)
    area = float(share.sum())
    return _Part(
        share=share,
        field=np.ones(image.data.shape, dtype=bool),
        level=np.full(image.data.shape, level),
        sky_variance=(area * spread) ** 2 / len(sky) * np.pi / 2,  # of a median
        spread=spread,
        length=radius,
        words=f"circle of {radius:.3g} px, background from {inner:.3g} to {outer:.3g} px",
    )


def _slit_part(image: TAImage, x: float, y: float, name: str) -> _Part:
    """Return the rows of the slit beside a star, and their sky along the slit."""
    ny, nx = image.data.shape
    column, row = REFERENCE_PIXELS["MIRIM_SLIT"]
    middle = column - image.origin[0], row - image.origin[1]
    half = SLIT_LENGTH / 2 / PIXEL_SCALE, HALF_WIDTH / PIXEL_SCALE
    first, last = (
        math.ceil(middle[1] - half[1] - EDGE_ROWS),
        math.floor(middle[1] + half[1] + EDGE_ROWS),
    )
    ends = middle[0] - half[0], middle[0] + half[0]
    if abs(x - middle[0]) > half[0]:
        raise _edge(name, "slit")
    lower, upper = x - HALF_LENGTH, x + HALF_LENGTH
    if first < 0 or last >= ny or lower < -0.5 or upper > nx - 0.5:
        raise _edge(name, "image")
    columns = np.arange(nx)
    along = np.clip(np.minimum(columns + 0.5, upper) - np.maximum(columns - 0.5, lower), 0.0, 1.0)
    rows = np.arange(first, last + 1)
    share = np.zeros(image.data.shape)
    share[rows] = along
    lit = np.clip(np.minimum(columns + 0.5, ends[1]) - np.maximum(columns - 0.5, ends[0]), 0.0, 1.0)
    in_sky = (np.abs(columns - x) > SKY_FROM) & (columns > ends[0] + 1) & (columns < ends[1] - 1)
    level, variance, spreads = np.zeros(image.data.shape), 0.0, []
    for line in rows:
        sky = image.data[line][in_sky & image.usable[line]]
        if len(sky) < LEAST_SKY:
            raise LRSExplorerError(
                f"{name}: there is no sky beside the star in the slit to tell its level from."
            )
        height, spread = _level(sky)
        level[line] = height * lit
        variance += (along.sum() * spread) ** 2 / len(sky) * np.pi / 2
        spreads.append(spread)
    field = np.zeros(image.data.shape, dtype=bool)
    field[rows] = (columns > ends[0] + 1) & (columns < ends[1] - 1)
    return _Part(
        share=share,
        field=field,
        level=level,
        sky_variance=variance,
        spread=float(np.median(spreads)),
        length=2 * HALF_LENGTH,
        words=f"{2 * HALF_LENGTH:.3g} px along the slit, background further along it",
    )


def _level(sky: FloatArray) -> tuple[float, float]:
    """Return level and spread of sky, without what stands out of it."""
    level, spread = float(np.median(sky)), float(mad_std(sky))
    kept = sky[np.abs(sky - level) <= 4 * spread] if spread > 0 else sky
    return float(np.median(kept)), spread


def _filled(
    image: TAImage, x: float, y: float, part: _Part, name: str
) -> tuple[FloatArray, BoolArray]:
    """Return the pixels with bad ones of the aperture filled, and which those are.

    A star is much the same on its opposite side; of a slit, on the opposite side along it.
    """
    bad = (part.share > 0) & ~image.usable
    data = np.where(image.usable, image.data, 0.0).astype(float)
    if not bad.any():
        return data, bad
    ny, nx = image.data.shape
    for line, column in np.argwhere(bad):
        across = line if image.through_slit else round(2 * y - line)
        along = round(2 * x - column)
        inside = 0 <= across < ny and 0 <= along < nx
        if not inside or not image.usable[across, along]:
            raise LRSExplorerError(
                f"{name}: bad pixels in the middle of the star or on both of its sides leave its "
                "brightness open."
            )
        data[line, column] = data[across, along]
    return data, bad


def _others(image: TAImage, found: Centroid, part: _Part, name: str) -> list[str]:
    """Tell of another star; raise where it is in the aperture."""
    x, y = found.column - image.origin[0], found.row - image.origin[1]
    ny, nx = image.data.shape
    rows = slice(max(round(y) - REACH, 0), min(round(y) + REACH + 1, ny))
    columns = slice(max(round(x) - REACH, 0), min(round(x) + REACH + 1, nx))
    seen = (image.usable & part.field)[rows, columns]
    above = np.where(seen, (image.data - part.level)[rows, columns], 0.0)
    # One hot pixel is no star: the second brightest of three by three tells.
    height = scipy.ndimage.rank_filter(above, rank=-3, size=3, mode="constant")
    lines, places = np.ogrid[rows, columns]
    distance = np.hypot(lines - y, places - x)
    star = float(height[distance <= 2].max(initial=0.0))
    far = np.where(distance >= APART, height, -np.inf)
    line, column = np.unravel_index(int(np.argmax(far)), far.shape)
    ratio = float(far[line, column]) / star if star > 0 else 0.0
    if ratio < ANOTHER or far[line, column] < 5 * part.spread:
        return []
    away = float(distance[line, column])
    told = f"another star, {100 * ratio:.0f} % as bright, {away:.0f} px away"
    place = (rows.start + int(line), columns.start + int(column))
    low, left = (max(n - REACH_OF_LIGHT, 0) for n in place)
    window = np.s_[low : place[0] + REACH_OF_LIGHT + 1, left : place[1] + REACH_OF_LIGHT + 1]
    if (part.share[window] > 0).any():
        raise LRSExplorerError(
            f"{name}: {told}, shines into the aperture, so the brightness of the star cannot be "
            "measured there."
        )
    return [f"{told}, is not counted"]
