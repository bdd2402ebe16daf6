"""MR-LRS02: bad pixels in the aperture, flagged ones not replaced and others without a flag.

Flagged ones: the pipeline fills the hole that a DO_NOT_USE pixel leaves with the light of its
neighbours, silently. What that makes of the row's flux is computed from the shape of the row that a
star has. Pixels that the jump step rejected on the trace are left to MR-LRS03, where that is found,
and saturated ones to "saturation".
Unflagged ones: `lrs_explorer.model.measure.pixels.outliers.find_outliers`. Statistic: by how many
standard errors of a spectral element the worst pixel changes the spectrum, in the recipe's aperture
or in one on the trace: where an aperture is misplaced, that is where it belongs.
Unflagged ones beside the aperture count where they spoil what is put in place of others of their
row (`lrs_explorer.diagnosis.replacing`).
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
from lrs_explorer.diagnosis.replacing import ALGORITHM, spoiled
from lrs_explorer.diagnosis.words import counted, judged_range
from lrs_explorer.model.data.dq import flagged, unusable
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.measure.pixels.outliers import Outlier, find_outliers
from lrs_explorer.model.recipe.recipe import Recipe

ISSUE: Final = "MR-LRS02"
TITLE: Final = "Bad pixels in the aperture"

RUN: Final = 3
"""Missing pixels in a row along the dispersion that leave the profile unknown..."""

ROWS_BESIDE: Final = 10
"""... for so many rows: the slit's model takes a profile from eight rows either side."""

FROM_END: Final = 3
"""Pixels from the slit's ends, where they cut the star's profile."""

BEYOND_DOUBT: Final = 0.5
"""Of what is expected of a pixel or, at the slit's ends, of its row's pixels round about: by more
than that it can differ only if it is bad, though its surroundings do not tell its profile."""

CHANGE = tuple[int, int, int, float]
"""Exposure, row, column, change of the spectrum there in standard errors."""


def judge(case: Case) -> Finding:
    """Look for pixels that change the spectrum."""
    holes: list[CHANGE] = []
    unflagged: list[CHANGE] = []
    spoiling: list[CHANGE] = []
    would_spoil: list[CHANGE] = []
    rejected = set(mr_lrs03.judge(case).figure.pixels)
    for exposure in case.exposures:
        noise = _Noise(case, exposure)
        elsewhere = flagged(exposure.dq, "SATURATED")
        for number, row, column in rejected:
            elsewhere[row, column] |= number == exposure.number
        proposed = _proposed(case, exposure)
        wrong = _holes(exposure, noise, elsewhere)
        hidden = _unflagged(exposure, noise, proposed)
        holes += wrong
        unflagged += hidden
        if case.measured.pixel_replace.algorithm == ALGORITHM:
            spoiling += _spoiling(exposure, noise, proposed, _estimated(exposure, noise))
        would_spoil += _spoiling(exposure, noise, proposed, wrong + hidden)
    bad = [pixel for pixel in holes if pixel[3] >= MATTERS]
    hidden = [pixel for pixel in unflagged + spoiling if pixel[3] >= MATTERS]
    worst = max((pixel[3] for pixel in holes + unflagged + spoiling), default=0.0)
    evidence = (
        Evidence("largest change of the spectrum", worst, "standard errors", MATTERS),
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
        f"{judged_range()}, by up to {worst:.0f} standard errors."
    )
    remedy = _remedy(case, hidden, would_spoil)
    if remedy == case.recipe:  # asked for already, and not run, or no algorithm could
        if case.pending:
            return _waiting(why, evidence, figure)
        replace = case.recipe.pixel_replace
        remedy = case.recipe.replace(
            pixel_replace=dataclasses.replace(replace, algorithm=_OTHER[replace.algorithm])
        )
    new = len(remedy.pixel_replace.flagged) - len(case.recipe.pixel_replace.flagged)
    return Finding(
        ISSUE,
        TITLE,
        "found",
        why,
        evidence,
        figure,
        remedy,
        f"Flags {counted(new, 'pixel')} and replaces all flagged ones "
        f"({remedy.pixel_replace.algorithm}).",
    )


def _remedy(case: Case, hidden: list[CHANGE], would_spoil: list[CHANGE]) -> Recipe:
    """Flag what is hidden, and what would spoil its replacement; replace all that is flagged."""
    replace = case.recipe.pixel_replace
    algorithm = ALGORITHM if replace.algorithm == "off" else replace.algorithm
    chosen = [(n, r, c) for n, r, c, _ in hidden]
    if algorithm == ALGORITHM:
        chosen += [(n, r, c) for n, r, c, change in would_spoil if change >= MATTERS]
    new = tuple(pixel for pixel in dict.fromkeys(chosen) if pixel not in replace.flagged)
    return case.recipe.replace(
        pixel_replace=dataclasses.replace(
            replace, algorithm=algorithm, flagged=(*replace.flagged, *new)
        )
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


def _proposed(case: Case, exposure: Exposure) -> list[Outlier]:
    """Return hot and dead pixels without a flag, at wavelengths that count."""
    others = [image for n, image in case.pixels.images.items() if n != exposure.number]
    proposed = find_outliers(exposure.image, others[0] if others else None)
    known = {(r, c) for n, r, c in case.measured.pixel_replace.flagged if n == exposure.number}
    return [o for o in proposed if _counts(exposure, o.row, o.column) and o.place not in known]


def _unflagged(exposure: Exposure, noise: _Noise, proposed: list[Outlier]) -> list[CHANGE]:
    """Return those of the pixels that lie in the aperture, and what they change."""
    if not proposed:
        return []
    told = _told(exposure)
    inside = noise.inside([o.row for o in proposed], [o.column for o in proposed])
    found = []
    for outlier, is_inside in zip(proposed, inside, strict=True):
        excess = abs(outlier.value - outlier.expected)
        if is_inside and (told[outlier.place] or excess > _largest(exposure, outlier)):
            found.append(_change(exposure, noise, outlier, excess))
    return found


def _spoiling(
    exposure: Exposure, noise: _Noise, proposed: list[Outlier], replaced: list[CHANGE]
) -> list[CHANGE]:
    """Return pixels beside the aperture that spoil what is put in place of others in their rows."""
    rows: dict[int, NDArray[np.bool_]] = {}
    for _, row, column, _ in replaced:
        rows.setdefault(row, np.zeros(exposure.image.shape[1], dtype=bool))[column] = True
    beside = [o for o in proposed if o.row in rows]
    if not beside:
        return []
    inside = noise.inside([o.row for o in beside], [o.column for o in beside])
    return [
        _change(exposure, noise, o, spoiled(exposure.image.data, o, rows[o.row]))
        for o in (o for o, within in zip(beside, inside, strict=True) if not within)
    ]


def _estimated(exposure: Exposure, noise: _Noise) -> list[CHANGE]:
    """Return pixels of the aperture that pixel_replace has filled."""
    if exposure.image.dq is None:
        return []
    rows, columns = np.nonzero(flagged(exposure.image.dq, "FLUX_ESTIMATED"))
    inside = noise.inside(rows, columns)
    return [
        (exposure.number, int(r), int(c), 0.0)
        for r, c in zip(rows[inside], columns[inside], strict=True)
    ]


def _change(exposure: Exposure, noise: _Noise, outlier: Outlier, size: float) -> CHANGE:
    """Give a pixel with what a change of the image by ``size`` is in standard errors."""
    error = noise.error(noise.row(*outlier.place))
    change = size * noise.part / error if error > 0 else 0.0
    return (exposure.number, *outlier.place, change)


def _largest(exposure: Exposure, outlier: Outlier) -> float:
    """Return by how much a pixel whose profile is not told could differ and be good."""
    expected = [abs(outlier.expected)]
    offset = exposure.offset[outlier.row]
    ends = np.flatnonzero(np.isfinite(offset))[[0, -1]]
    if np.abs(ends - outlier.column).min() < FROM_END:
        near = [c for c in (outlier.column - 1, outlier.column + 1) if np.isfinite(offset[c])]
        expected += list(np.abs(exposure.image.data[outlier.row, near]))
    return BEYOND_DOUBT * float(np.nanmax(expected))


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
