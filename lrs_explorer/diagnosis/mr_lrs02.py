"""MR-LRS02: bad pixels in the aperture, flagged ones not replaced and others without a flag.

Flagged ones: the pipeline fills the hole that a DO_NOT_USE pixel leaves with the light of its
neighbours, silently. What that makes of the row's flux is computed from the shape of the row that a
star has. Pixels that the jump step rejected on the trace are left to MR-LRS03, where that is found,
and saturated ones to "saturation".
Unflagged ones: `lrs_explorer.model.measure.pixels.outliers.find_outliers`. Statistic: by how many
standard errors of a spectral element the worst pixel changes the spectrum, in the recipe's aperture
or in one on the trace: where an aperture is misplaced, that is where it belongs.
"""

from __future__ import annotations

import dataclasses
from typing import Final

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from lrs_explorer.diagnosis import mr_lrs03
from lrs_explorer.diagnosis.case import MATTERS, Case
from lrs_explorer.diagnosis.finding import Evidence, Figure, Finding
from lrs_explorer.diagnosis.light import pixel_share
from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE, Exposure
from lrs_explorer.diagnosis.words import counted, judged_range
from lrs_explorer.model.data.dq import flagged, unusable
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.measure.pixels.outliers import find_outliers

ISSUE: Final = "MR-LRS02"
TITLE: Final = "Bad pixels in the aperture"

ALGORITHM: Final = "fit_profile"
"""Proposed for pixels of a point source: it leaves the least error on simulated stars (the other
algorithms interpolate along the spectrum or need a bright trace)."""

RUN: Final = 3
"""Missing pixels in a row along the dispersion that leave the profile unknown..."""

ROWS_BESIDE: Final = 10
"""... for so many rows: the slit's model takes a profile from eight rows either side."""

FROM_END: Final = 3
"""Pixels from the slit's ends, where they cut the star's profile."""

CHANGE = tuple[int, int, int, float]
"""Exposure, row, column, change of the spectrum there in standard errors."""


def judge(case: Case) -> Finding:
    """Look for pixels that change the spectrum."""
    holes: list[CHANGE] = []
    unflagged: list[CHANGE] = []
    rejected = set(mr_lrs03.judge(case).figure.pixels)
    for exposure in case.exposures:
        noise = _Noise(case, exposure)
        elsewhere = flagged(exposure.dq, "SATURATED")
        for number, row, column in rejected:
            elsewhere[row, column] |= number == exposure.number
        holes += _holes(exposure, noise, elsewhere)
        unflagged += _unflagged(case, exposure, noise)
    bad = [pixel for pixel in holes if pixel[3] >= MATTERS]
    hidden = [pixel for pixel in unflagged if pixel[3] >= MATTERS]
    worst_hole = max((pixel[3] for pixel in holes), default=0.0)
    worst_hidden = max((pixel[3] for pixel in unflagged), default=0.0)
    evidence = (
        Evidence(
            "largest change of the spectrum",
            max(worst_hole, worst_hidden),
            "standard errors",
            MATTERS,
        ),
        Evidence("flagged pixels that matter, not replaced", len(bad), "pixels"),
        Evidence("unflagged hot and dead pixels that matter", len(hidden), "pixels"),
        Evidence("flagged pixels in the aperture", len(holes), "pixels"),
    )
    chosen = bad + hidden
    figure = Figure(
        wavelengths=_wavelengths(case, chosen),
        pixels=tuple((n, r, c) for n, r, c, _ in chosen),
    )
    if not chosen:
        why = (
            f"{counted(len(holes), 'flagged pixel')} in the aperture, and none that changes the "
            f"spectrum at {judged_range()} by {MATTERS:g} standard errors; no unflagged one does."
        )
        return Finding(ISSUE, TITLE, "ok", why, evidence, figure)
    why = (
        f"{counted(len(bad), 'flagged pixel')} not replaced and "
        f"{counted(len(hidden), 'unflagged hot or dead pixel')} change the spectrum at "
        f"{judged_range()}, by up to {max(worst_hole, worst_hidden):.0f} standard errors."
    )
    replace = case.recipe.pixel_replace
    remedy = case.recipe.replace(
        pixel_replace=dataclasses.replace(
            replace,
            algorithm=ALGORITHM if replace.algorithm == "off" else replace.algorithm,
            flagged=(*replace.flagged, *((n, r, c) for n, r, c, _ in hidden)),
        )
    )
    if remedy == case.recipe:  # asked for already, and not run, or no algorithm could
        remedy = case.recipe.replace(
            pixel_replace=dataclasses.replace(replace, algorithm=_OTHER[replace.algorithm])
        )
        if case.pending:
            return _waiting(why, evidence, figure)
    return Finding(
        ISSUE,
        TITLE,
        "found",
        why,
        evidence,
        figure,
        remedy,
        f"Flags {counted(len(hidden), 'pixel')} and replaces all flagged ones "
        f"({remedy.pixel_replace.algorithm}).",
    )


_OTHER: Final = {
    "fit_profile": "mingrad",
    "mingrad": "fit_profile",
    "trace_model": "fit_profile",
    "off": ALGORITHM,
}


def _waiting(why: str, evidence: tuple[Evidence, ...], figure: Figure) -> Finding:
    return Finding(
        ISSUE,
        TITLE,
        "ok",
        f"{why[:-1]} in the delivered image; the recipe replaces them.",
        evidence,
        figure,
        advice="Run the pipeline to see it.",
    )


class _Noise:
    """Standard errors of spectral elements, for the pixels of one exposure."""

    def __init__(self, case: Case, exposure: Exposure) -> None:
        signal, pixels = case.signal, exposure.map
        self._rows = np.arange(len(signal.flux), dtype=float)
        self._map = pixels
        self._error = _filled(signal.error, signal.error > 0)
        self._flux = np.clip(_filled(signal.flux, signal.counts), 0.0, None)
        # Of several exposures that are combined each carries its part.
        self.part = 1.0 / len(case.pixels.images)
        self.boxes = case.boxes

    def inside(self, rows: ArrayLike, columns: ArrayLike) -> NDArray[np.bool_]:
        """Tell which detector pixels reach into either aperture."""
        one, other = (self._map.in_aperture(rows, columns, *box) for box in self.boxes)
        return one | other

    def row(self, row: int, column: int) -> float:
        i, j = row - self._map.corner[0], column - self._map.corner[1]
        return float(self._map.row[i, j])

    def error(self, row: float) -> float:
        return float(np.interp(row, self._rows, self._error))

    def flux(self, row: float) -> float:
        return float(np.interp(row, self._rows, self._flux))


def _filled(values: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    index = np.arange(len(values))
    if not known.any():
        return np.zeros(len(values))
    return np.interp(index, index[known], values[known])


def _counts(exposure: Exposure, row: int, column: int) -> bool:
    low, high = SPECTRUM_RANGE
    return bool(low <= exposure.image.wavelength[row, column] <= high)


def _holes(exposure: Exposure, noise: _Noise, elsewhere: NDArray[np.bool_]) -> list[CHANGE]:
    """Return flagged pixels in the aperture, and what their holes change.

    But for those that other issues tell of.
    """
    image = exposure.image
    missing = ~np.isfinite(image.data)
    if image.dq is not None:
        missing |= unusable(image.dq)
    missing &= np.isfinite(exposure.offset) & ~elsewhere
    found = []
    for row in np.flatnonzero(missing.any(axis=1)):
        columns = np.flatnonzero(missing[row])
        inside = noise.inside(np.full(len(columns), row), columns)
        if not inside.any():
            continue
        change = _refilled(exposure, noise, int(row), missing[row])
        for column in columns[inside]:
            size = change if _counts(exposure, int(row), int(column)) else 0.0
            found.append((exposure.number, int(row), int(column), size))
    return found


def _refilled(exposure: Exposure, noise: _Noise, row: int, missing: NDArray[np.bool_]) -> float:
    """Return by how much the holes of one detector row change its flux, in standard errors.

    A resampled pixel is the mean of the detector pixels that it overlaps, weighted by overlap, of
    those that have a value.
    """
    pixels = exposure.map
    i = row - pixels.corner[0]
    seen = np.isfinite(pixels.column[i])
    columns = np.flatnonzero(seen) + pixels.corner[1]
    lower, upper = pixels.column_edges[:, i, seen]
    wavelength = np.nan_to_num(exposure.image.wavelength[row, columns], nan=10.0)
    value = pixel_share(wavelength, exposure.offset[row, columns])
    target = np.arange(pixels.shape[1])[:, None]
    overlap = np.minimum(upper, target + 0.5) - np.maximum(lower, target - 0.5)
    overlap = np.clip(overlap, 0.0, None)
    good = ~missing[columns]
    whole, partial = overlap.sum(axis=1), (overlap * good).sum(axis=1)
    before = np.divide(overlap @ value, whole, out=np.zeros(len(whole)), where=whole > 0)
    after = np.divide(
        (overlap * good) @ value, partial, out=np.zeros(len(whole)), where=partial > 1e-3
    )
    at = float(np.nanmedian(pixels.row[i, seen]))
    change = 0.0
    for lower, upper in noise.boxes:
        image_row = int(np.clip(round(at), 0, len(lower) - 1))
        low, high = lower[image_row], upper[image_row]
        part = np.minimum(high, target[:, 0] + 0.5) - np.maximum(low, target[:, 0] - 0.5)
        change = max(change, abs(float(np.clip(part, 0.0, 1.0) @ (after - before))))
    error = noise.error(at)
    return change * noise.flux(at) * noise.part / error if error > 0 else 0.0


def _unflagged(case: Case, exposure: Exposure, noise: _Noise) -> list[CHANGE]:
    """Return hot and dead pixels without a flag in the aperture, and what they change."""
    others = [image for n, image in case.pixels.images.items() if n != exposure.number]
    proposed = find_outliers(exposure.image, others[0] if others else None)
    proposed = [o for o in proposed if _counts(exposure, o.row, o.column)]
    if not proposed:
        return []
    rows, columns = [o.row for o in proposed], [o.column for o in proposed]
    inside = noise.inside(rows, columns) & _told(exposure)[rows, columns]
    known = {(r, c) for n, r, c in case.measured.pixel_replace.flagged if n == exposure.number}
    found = []
    for outlier, is_inside in zip(proposed, inside, strict=True):
        if not is_inside or (outlier.row, outlier.column) in known:
            continue
        error = noise.error(noise.row(outlier.row, outlier.column))
        if error > 0:
            change = abs(outlier.value - outlier.expected) * noise.part / error
            found.append((exposure.number, outlier.row, outlier.column, change))
    return found


def _told(exposure: Exposure) -> NDArray[np.bool_]:
    """Tell which pixels have surroundings that tell what is expected of them.

    Those of a run of missing pixels do not, nor those at the slit's ends.
    """
    rows, columns = (
        slice(first, first + number)
        for first, number in zip(exposure.map.corner, exposure.map.row.shape, strict=True)
    )
    in_slit = np.isfinite(exposure.offset[rows, columns])
    missing = in_slit & ~np.isfinite(exposure.image.data[rows, columns])
    runs = scipy.ndimage.binary_opening(missing, np.ones((RUN, 1), dtype=bool))
    beside = scipy.ndimage.binary_dilation(runs, np.ones((2 * ROWS_BESIDE + 1, 3), dtype=bool))
    inner = scipy.ndimage.binary_erosion(in_slit, np.ones((1, 2 * FROM_END + 1), dtype=bool))
    told = np.zeros(exposure.image.shape, dtype=bool)
    told[rows, columns] = inner & ~beside
    return told


def _wavelengths(case: Case, pixels: list[CHANGE]) -> tuple[tuple[float, float], ...]:
    found = []
    for number, row, column, _ in pixels:
        ((low, high),) = case.pixels.maps[number].wavelengths([row], [column])
        if np.isfinite(low + high):
            found.append((float(low), float(high)))
    return tuple(sorted(found))
