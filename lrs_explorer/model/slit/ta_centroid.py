"""Where the source is on a target acquisition image, in two ways, with uncertainties.

The Gaussian takes only pixels that the slit leaves whole; the flux-weighted mean takes all there
are. A source that is not in the middle of the slit is cut on one side, which draws the mean to the
middle: on verification images the two differ systematically across the slit (jwst #7728).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import scipy
from astropy.stats import mad_std
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, SLIT_LENGTH
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.slit.geometry import HALF_WIDTH, PIXEL_SCALE
from lrs_explorer.model.slit.ta_image import TAImage

__all__ = ["Centroid", "centroid", "rival"]

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
Method = Literal["gaussian", "flux"]

REACH: Final = 24
"""Pixels around the expected position in which the source is looked for: half the length of the
slit, and of the region in which targets are acquired (48 × 48 pixels)."""

RADIUS: Final = 4
"""Half the side, in pixels, of the box that a centroid is taken from."""

SIGNIFICANT: Final = 5.0
"""Signal-to-noise ratio in 3 × 3 pixels from which on there is a source."""

SHARP: Final = 4.0
"""Ratio to the brightest neighbour beyond which a pixel cannot be a star: it is about 2 for the
narrowest PSF of the imager (F560W, 1.9 pixels), whatever its place on the pixel grid."""

MODEL_ERROR: Final = 0.03
"""What a Gaussian is wrong by as a PSF, as part of its peak."""

RIVAL: Final = 0.2
"""Light in 3 × 3 pixels, as part of the brightest source's, from which another one may have been
taken for the target. Rings and spikes of the PSF of the acquisition filters stay below a tenth."""

APART: Final = 2 * RADIUS - 1
"""Pixels between the brightest source and another one, at least: what is nearer is one centroid."""


@dataclass(frozen=True)
class Centroid:
    """A source on a target acquisition image.

    Parameters
    ----------
    method : {"gaussian", "flux"}
        Two-dimensional Gaussian, or flux-weighted mean.
    column, row : float
        Position on the full detector, pixels, 0-indexed.
    column_uncertainty, row_uncertainty : float, pixels
        Standard errors.
    count_rate : float
        Of the source, unit of the image.
    correlation : float
        Of the errors of column and row.
    notes : tuple of str
        Plain sentences the user must see.
    """

    method: Method
    column: float
    row: float
    column_uncertainty: float
    row_uncertainty: float
    count_rate: float
    correlation: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def covariance(self) -> FloatArray:
        """Covariance of column and row, shape (2, 2), pixels squared."""
        column, row = self.column_uncertainty, self.row_uncertainty
        mixed = self.correlation * column * row
        return np.array([[column**2, mixed], [mixed, row**2]])


def centroid(
    image: TAImage, method: Method = "gaussian", near: tuple[int, int] | None = None
) -> Centroid:
    """Measure where the source is.

    Parameters
    ----------
    image : TAImage
    method : {"gaussian", "flux"}
        A two-dimensional elliptical Gaussian, integrated over pixels, on a constant background; or
        the flux-weighted mean of the same pixels less the background.
    near : (int, int), optional
        Column and row of ``image.data`` of the source that is meant, see `rival`; the brightest
        one by default.

    Returns
    -------
    Centroid

    Raises
    ------
    LRSExplorerError
        There is no source to be seen; the message says why.
    """
    good = _seen(image)
    x, y = near or _brightest(image, good)
    box = _Box(image, good, x, y)
    notes = []
    if box.saturated:
        notes.append("the source is saturated: its position rests on its wings")
    if method == "gaussian":
        found, errors, count_rate, correlation = _gaussian(box)
    elif method == "flux":
        found, errors, count_rate = _flux_weighted(box)
        correlation = 0.0
        if image.through_slit:
            notes.append("the slit cuts the image: the mean is drawn towards the slit's middle")
    else:
        raise unknown("centroid method", method)
    if not (np.isfinite(found).all() and box.holds(*found)):
        raise LRSExplorerError(
            f"{image.name}: the source near column {x}, row {y} has no measurable position; choose "
            "another way to tell where it is."
        )
    return Centroid(
        method=method,
        column=float(found[0] + image.origin[0]),
        row=float(found[1] + image.origin[1]),
        column_uncertainty=float(errors[0]),
        row_uncertainty=float(errors[1]),
        count_rate=float(count_rate),
        correlation=correlation,
        notes=tuple(notes),
    )


def rival(image: TAImage) -> tuple[int, int, float] | None:
    """Look for another source that may have been taken for the target.

    Parameters
    ----------
    image : TAImage

    Returns
    -------
    (int, int, float) or None
        Column and row of ``image.data``, 0-indexed, of the brightest source at least `APART` pixels
        from the brightest of all, and its light as part of that one's; None where none has `RIVAL`
        of it and stands out from the noise.

    Raises
    ------
    LRSExplorerError
        There is no source to be seen; the message says why.
    """
    good = _seen(image)
    first = _brightest(image, good)
    y, x = np.ogrid[: image.data.shape[0], : image.data.shape[1]]
    good &= np.hypot(x - first[0], y - first[1]) >= APART
    try:
        other = _brightest(image, good)
    except LRSExplorerError:
        return None
    light = [float(np.sum(_Box(image, image.usable, *place).core)) for place in (first, other)]
    # Where the brightest one is saturated, how much of its light another has is not known.
    part = light[1] / light[0] if light[0] > 0 else np.nan
    return None if part < RIVAL or np.hypot(*np.subtract(other, first)) < APART else (*other, part)


def _seen(image: TAImage) -> BoolArray:
    """Return which pixels of an image show a source, if there is one."""
    if image.blank:
        raise LRSExplorerError(f"{image.name}: {image.notes[-1]}.")
    if image.expected is None:
        raise LRSExplorerError(f"{image.name}: {image.notes[-1]}, so no position follows from it.")
    return image.usable & ~_hot(image.data, image.usable)


def _hot(data: FloatArray, usable: BoolArray) -> BoolArray:
    """Tell pixels that are too sharp for a star: unflagged hot ones."""
    values = np.where(usable, data, -np.inf)
    level = np.median(data[usable]) if usable.any() else 0.0
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    neighbour = scipy.ndimage.maximum_filter(values, footprint=ring, mode="constant", cval=-np.inf)
    spread = mad_std(data[usable]) if usable.any() else 0.0
    surrounded = np.maximum(neighbour - level, spread)
    return np.asarray(usable & (data - level > 10 * spread) & (data - level > SHARP * surrounded))


def _brightest(image: TAImage, good: BoolArray) -> tuple[int, int]:
    """Return column and row of the brightest 3 × 3 pixels near where the source was meant to be."""
    assert image.expected is not None
    column, row = (round(value) for value in image.expected)
    ny, nx = image.data.shape
    rows = slice(max(row - REACH, 0), min(row + REACH + 1, ny))
    columns = slice(max(column - REACH, 0), min(column + REACH + 1, nx))
    values, ok = image.data[rows, columns], good[rows, columns]
    nowhere = LRSExplorerError(
        f"{image.name}: no source is seen within {REACH} pixels of where it was meant to be "
        f"(column {column + image.origin[0]}, row {row + image.origin[1]})."
    )
    if image.through_slit:  # the slit's sky is bright beside its mask, and no star
        lit = _lit(image, *np.mgrid[rows, columns][::-1].astype(float))
        open_, shut = ok & (lit == 1), ok & (lit == 0)
        if open_.sum() >= 10 and shut.any():
            values = values - lit * np.median(values[open_]) - (1 - lit) * np.median(values[shut])
            ok = ok & (lit > 0)
    if ok.sum() < 10:
        raise nowhere
    level = np.median(values[ok])
    spread = mad_std(values[ok])
    drowned = image.saturated[rows, columns]
    if drowned.any():  # of a star's core its neighbours tell that it is bright, of a hot pixel not
        nearest = scipy.ndimage.distance_transform_edt(
            ~ok, return_distances=False, return_indices=True
        )
        values, ok = np.where(drowned, values[tuple(nearest)], values), ok | drowned
    count = scipy.ndimage.uniform_filter(ok.astype(float), 3, mode="constant") * 9
    total = scipy.ndimage.uniform_filter(np.where(ok, values - level, 0.0), 3, mode="constant") * 9
    score = np.where(count > 0, total / np.sqrt(np.maximum(count, 1)), -np.inf)
    if not score.max() > SIGNIFICANT * spread:
        raise nowhere
    peak_row, peak_column = np.unravel_index(int(np.argmax(score)), score.shape)
    cores, _ = scipy.ndimage.label(drowned, structure=np.ones((3, 3)))
    near = cores[
        max(peak_row - 1, 0) : peak_row + 2, max(peak_column - 1, 0) : peak_column + 2
    ].max()
    if near:
        where = scipy.ndimage.center_of_mass(cores == near)
        peak_row, peak_column = (round(value) for value in where)
    return int(columns.start + peak_column), int(rows.start + peak_row)


class _Box:
    """The pixels around a source: what a centroid is taken from."""

    def __init__(self, image: TAImage, good: BoolArray, x: int, y: int) -> None:
        ny, nx = image.data.shape
        rows = slice(max(y - RADIUS, 0), min(y + RADIUS + 1, ny))
        columns = slice(max(x - RADIUS, 0), min(x + RADIUS + 1, nx))
        self.y, self.x = np.mgrid[rows, columns].astype(float)
        self.good = good[rows, columns].copy()
        lit = _lit(image, self.x, self.y)
        self.whole = self.good & (lit == 1)
        self.saturated = bool(image.saturated[rows, columns].any())
        near = np.s_[
            max(y - 3 * RADIUS, 0) : y + 3 * RADIUS + 1, max(x - 3 * RADIUS, 0) : x + 3 * RADIUS + 1
        ]
        around = good & (_lit(image, *np.mgrid[:ny, :nx][::-1]) == 1)
        around[rows, columns] = False
        sky = image.data[near][around[near]]
        self.level = float(np.median(sky)) if sky.size else 0.0
        self.spread = float(mad_std(sky)) if sky.size else 0.0
        self.values = np.where(self.good, image.data[rows, columns] - self.level * lit, 0.0)
        err = np.where(self.good, image.err[rows, columns], np.nan)
        self.err = np.where(np.isfinite(err) & (err > 0), err, self.spread or 1.0)
        self.peak = (x, y)
        self.cut = image.through_slit

    @property
    def core(self) -> FloatArray:
        """The 3 × 3 pixels of the peak, less the sky; 0 where there is no value."""
        near = (np.abs(self.x - self.peak[0]) <= 1) & (np.abs(self.y - self.peak[1]) <= 1)
        return np.asarray(self.values[near])

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a position is inside."""
        return bool(
            self.x.min() - 1 <= x <= self.x.max() + 1 and self.y.min() - 1 <= y <= self.y.max() + 1
        )


def _lit(image: TAImage, x: FloatArray, y: FloatArray) -> FloatArray:
    """Return which part of each pixel the slit leaves open."""
    if not image.through_slit:
        return np.ones(x.shape)
    parts = []
    for place, middle, half in zip(
        (x + image.origin[0], y + image.origin[1]),
        REFERENCE_PIXELS["MIRIM_SLIT"],
        (SLIT_LENGTH / 2 / PIXEL_SCALE, HALF_WIDTH / PIXEL_SCALE),
        strict=True,
    ):
        lower = np.maximum(place - 0.5, middle - half)
        upper = np.minimum(place + 0.5, middle + half)
        parts.append(np.clip(upper - lower, 0.0, 1.0))
    return np.asarray(parts[0] * parts[1]).round(9)


def _gaussian(box: _Box) -> tuple[FloatArray, FloatArray, float, float]:
    """Fit a Gaussian; return position, its errors, the count rate and the errors' correlation."""
    use = box.whole
    if use.sum() < 8:
        return np.full(2, np.nan), np.full(2, np.nan), np.nan, 0.0
    x, y, values = box.x[use], box.y[use], box.values[use]
    top = max(float(values.max()), box.spread)
    noise = np.hypot(box.err[use], MODEL_ERROR * top)

    def model(p: FloatArray) -> FloatArray:
        total, x0, y0, level, *widths = p
        # Cut by the slit, a source shows too little of itself across it to tell its width there.
        shape_x, shape_y = _pixel(x - x0, widths[0]), _pixel(y - y0, widths[-1])
        return np.asarray(total * shape_x * shape_y + level)

    widths = 1 if box.cut else 2
    reach = RADIUS + 2
    start = np.array([top * 5, *box.peak, 0.0, *[0.85] * widths])
    bounds = (
        [0.0, box.peak[0] - reach, box.peak[1] - reach, -top, *[0.5] * widths],
        [np.inf, box.peak[0] + reach, box.peak[1] + reach, top, *[3.0] * widths],
    )
    fit = scipy.optimize.least_squares(
        lambda p: (model(p) - values) / noise,
        start,
        bounds=bounds,
        loss="soft_l1",
        x_scale=[top * 5, 1.0, 1.0, top, *[1.0] * widths],
    )
    residual = (model(fit.x) - values) / noise
    chi_square = float(np.sum(residual**2)) / max(use.sum() - fit.x.size, 1)
    covariance = np.linalg.pinv(fit.jac.T @ fit.jac) * max(chi_square, 1.0)
    errors = np.sqrt(np.diag(covariance)[1:3])
    both = float(np.prod(errors))
    correlation = float(covariance[1, 2]) / both if both > 0 else 0.0
    return fit.x[1:3], errors, float(fit.x[0]), correlation


def _pixel(offset: FloatArray, sigma: float) -> FloatArray:
    """Return the part of a unit Gaussian in a pixel ``offset`` pixels away."""
    root = np.sqrt(2) * sigma
    return np.asarray(
        0.5 * (scipy.special.erf((offset + 0.5) / root) - scipy.special.erf((offset - 0.5) / root))
    )


def _flux_weighted(box: _Box) -> tuple[FloatArray, FloatArray, float]:
    """Return flux-weighted position, its errors and the count rate."""
    weight = box.values
    total = float(weight.sum())
    if total <= 0:
        return np.full(2, np.nan), np.full(2, np.nan), np.nan
    place = [float((weight * axis).sum() / total) for axis in (box.x, box.y)]
    errors = [
        float(np.sqrt(np.sum((box.err * box.good * (axis - at)) ** 2)) / total)
        for axis, at in zip((box.x, box.y), place, strict=True)
    ]
    return np.array(place), np.array(errors), total
