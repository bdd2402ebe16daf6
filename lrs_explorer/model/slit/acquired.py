"""Where all acquisition images together show the source, and whether acquisition failed.

Each image gives a place with a covariance: of its centroid, of its filter's shift where that is not
known, and of the telescope's own account of where it looked, where the image was not taken through
the slit that counts. Places that contradict the verification image that counts are left out, and
said. See docs/positions.md.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import scipy
from astropy.stats import mad_std
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import SCALE_ACROSS
from lrs_explorer.model.slit.frame import Pointing, SlitFrame, SlitPosition
from lrs_explorer.model.slit.geometry import PIXEL_SCALE, outside_slit
from lrs_explorer.model.slit.ta_centroid import Centroid, centroid, rival
from lrs_explorer.model.slit.ta_image import TAImage

__all__ = ["Acquired", "acquired", "place_without_slit", "shift_error", "ta_position"]

FloatArray = NDArray[np.floating[Any]]

SHIFT_UNKNOWN: Final = {"F560W": 0.01, "F770W": 0.01, "FND": 0.03}
LARGEST_SHIFT: Final = 0.09
"""Arcsec by which a filter may shift an image, taken as an error where no filter offset reference
is at hand: the size of that shift in the flight reference; for filters that are not named the
largest of an acquisition filter (F1000W, F1500W)."""

POINTING: Final = 0.02
"""Arcsec per axis by which two exposures' RA_REF, DEC_REF may be wrong against each other, and the
places of the apertures in the SIAF: assumed, about what target acquisition reaches."""

OTHER_TARGET: Final = 0.3
"""Arcsec between the targets of two exposures (TARG_RA, TARG_DEC) from which they are two."""

CATALOGUE: Final = 0.05
"""Arcsec per axis by which the catalogue positions of two targets may be wrong against each other:
assumed; what is acquired on another star rests on them."""

CONTRADICTION: Final = 0.0027
"""Chance, of 3 standard deviations, below which two places are not one."""

EXPECTED: Final = 10.0
"""Signal-to-noise ratio that is to be expected of a source before its absence tells something."""

PASSED: Final = 0.5
"""Part of a source's light that passes the slit at least, as long as it is inside."""


@dataclass(frozen=True, eq=False)
class Acquired:
    """Where target acquisition put the source, by all its images together.

    Parameters
    ----------
    position : SlitPosition or None
        The mean, weighted by covariance; None where no image tells.
    covariance : ndarray, shape (2, 2), arcsec squared
        Of along and across. Larger than the images' own where they scatter more than that.
    used : tuple of str
        Names of the files that it rests on.
    failures : tuple of str
        Sentences: what shows that acquisition failed.
    doubts : tuple of str
        Sentences: what may be wrong, or was left out.
    """

    position: SlitPosition | None
    covariance: FloatArray
    used: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[float, float]:
        """Standard errors of along and across, arcsec."""
        along, across = np.sqrt(np.diag(self.covariance))
        return float(along), float(across)

    @property
    def correlation(self) -> float:
        """Of the errors of along and across."""
        both = float(np.prod(self.errors))
        return float(self.covariance[0, 1]) / both if both > 0 else 0.0


@dataclass(frozen=True, eq=False)
class _Sighting:
    """One image's answer: a place for each source that may be the target, the brightest first."""

    name: str
    places: tuple[FloatArray, ...]
    own: FloatArray
    """Covariance of its own errors, arcsec squared."""
    filter: str
    shift: float
    """Error by its filter's shift, arcsec: one and the same for all images in that filter."""
    counts: bool

    def covariance(self, other: _Sighting) -> FloatArray:
        """Return the covariance of its place and another's, shape (2, 2)."""
        shared = np.eye(2) * self.shift**2 if self.filter == other.filter else np.zeros((2, 2))
        return shared + self.own if other is self else shared

    def beside(self, other: _Sighting) -> tuple[float, FloatArray]:
        """Return the distance squared, in standard deviations, and place nearest to another's."""
        spread = self.covariance(self) + other.covariance(other) - 2 * self.covariance(other)
        inverse, there = np.linalg.inv(spread), other.places[0]
        found = [(float((one - there) @ inverse @ (one - there)), one) for one in self.places]
        return min(found, key=lambda pair: pair[0])


def acquired(
    images: Sequence[TAImage],
    frame: SlitFrame,
    shifts: dict[str, tuple[float, float]],
) -> Acquired:
    """Find where all acquisition images together show the source.

    Parameters
    ----------
    images : sequence of TAImage
        Those of an exposure, by time; a verification image that counts comes last.
    frame : SlitFrame
        Of the exposure.
    shifts : dict of str to (float, float), pixels
        What each filter shifts the image by; see
        `lrs_explorer.model.slit.ta_image.read_filter_offset`. Filters may be missing.
    """
    sightings: list[_Sighting] = []
    failures: list[str] = []
    doubts: list[str] = []
    for number, image in enumerate(images):
        name = image.name
        counts = image.through_slit and number == len(images) - 1
        try:
            found = centroid(image)
            other = rival(image)
        except LRSExplorerError as error:
            if not image.blank and image.expected is not None:
                said = _missing(image, images)
                (failures if said == "failed" else doubts).append(_unseen(error, image, said))
            continue
        why_not = "" if counts else _pointing_unknown(image, frame.pointing)
        if why_not:
            doubts.append(f"{name} is not counted: {why_not}")
            continue
        seen = [found]
        if other is not None:
            column, row, part = other
            doubts.append(
                f"{name} shows a second source of {part:.0%} of the light, "
                f"{_apart(found, image, other):.1f}″ away: the telescope may have taken that one "
                "for the target"
            )
            with contextlib.suppress(LRSExplorerError):
                seen.append(centroid(image, near=(column, row)))
        shift = shifts.get(image.filter, (0.0, 0.0))
        places = [_place(image, one, frame, shift, counts) for one in seen]
        own = found.covariance * frame.pixel_scale**2
        if not counts:
            own = own + np.eye(2) * POINTING**2
            apart = _to_target(image, frame)
            if np.hypot(*apart) > OTHER_TARGET:
                own = own + np.eye(2) * CATALOGUE**2
                places = [place + apart for place in places]
                doubts.append(
                    f"{name} is of another target, {np.hypot(*apart):.1f}″ away: the place of this "
                    "one follows from both catalogue positions (TARG_RA, TARG_DEC)"
                )
        unknown = shift_error(image.filter, shifts)
        sightings.append(_Sighting(name, tuple(places), own, image.filter, unknown, counts))
    if not sightings:
        return Acquired(None, np.full((2, 2), np.nan), (), tuple(failures), tuple(doubts))
    kept, contradictions = _agreeing(sightings)
    doubts += contradictions
    position, covariance = _combined(kept)
    where = SlitPosition(float(position[0]), float(position[1]))
    outside = outside_slit(where.across, where.along)
    if outside:
        failures.append(outside)
    used = tuple(one.name for one, _ in kept)
    return Acquired(where, covariance, used, tuple(failures), tuple(doubts))


def ta_position(
    image: TAImage,
    found: Centroid,
    frame: SlitFrame,
    filter_offset: tuple[float, float] = (0.0, 0.0),
) -> SlitPosition:
    """Return where a source seen on an acquisition image is in the slit in a science exposure.

    As ``jwst.targ_centroid`` has it: the filter's shift is added, the offset that the acquisition
    exposure was given is taken off, that of the science exposure is added.

    Parameters
    ----------
    image : TAImage
    found : Centroid
    frame : SlitFrame
        Of the science exposure.
    filter_offset : (float, float), pixels
        See `lrs_explorer.model.slit.ta_image.read_filter_offset`.
    """
    assert image.reference is not None
    reference = frame.reference if image.through_slit else image.reference
    column = found.column + filter_offset[0] - reference[0]
    row = found.row + filter_offset[1] - reference[1]
    return SlitPosition(
        column * frame.pixel_scale - image.dither.along + frame.nominal.along,
        row * frame.pixel_scale - image.dither.across + frame.nominal.across,
    )


def place_without_slit(
    image: TAImage, header: Mapping[str, Any], shift: tuple[float, float] = (0.0, 0.0)
) -> tuple[float, float]:
    """Return how far along the dispersion a slitless source is from its reference point.

    Parameters
    ----------
    image : TAImage
        A verification image in the subarray of the exposure (`TAImage.without_slit`).
    header : Mapping
        Of the exposure: YOFFSET.
    shift : (float, float), pixels
        Of the image's filter.

    Returns
    -------
    across, error : float, arcsec
        Towards larger rows, and the standard error of the centroid.

    Raises
    ------
    LRSExplorerError
        There is no source to be seen.
    """
    found = centroid(image)
    assert image.reference is not None
    scale = SCALE_ACROSS["slitless"]
    across = (found.row + shift[1] - image.reference[1]) * scale - image.dither.across
    offset = header.get("YOFFSET")
    across += float(offset) if isinstance(offset, (int, float)) else 0.0
    return across, found.row_uncertainty * scale


def shift_error(name: str, shifts: dict[str, tuple[float, float]]) -> float:
    """Return the error of a position, arcsec, by a shift of its filter that is not known."""
    return 0.0 if name in shifts else SHIFT_UNKNOWN.get(name, LARGEST_SHIFT)


def _place(
    image: TAImage,
    found: Centroid,
    frame: SlitFrame,
    shift: tuple[float, float],
    counts: bool,
) -> FloatArray:
    """Return along and across of a source in the exposure's slit, arcsec."""
    if counts:
        place = ta_position(image, found, frame, shift)
        return np.array([place.along, place.across])
    assert image.reference is not None
    pointing = Pointing.from_header(image.header, image.name)
    ideal = SlitPosition(
        (found.column + shift[0] - image.reference[0]) * frame.pixel_scale,
        (found.row + shift[1] - image.reference[1]) * frame.pixel_scale,
    )
    place = frame.pointing.slit(*pointing.sky(ideal))
    return np.array([place.along, place.across])


def _to_target(image: TAImage, frame: SlitFrame) -> FloatArray:
    """Return along and across from an image's target to the exposure's, arcsec; 0 if not known."""
    ra, dec = (image.header.get(key) for key in ("TARG_RA", "TARG_DEC"))
    if frame.header is None or not (isinstance(ra, float) and isinstance(dec, float)):
        return np.zeros(2)
    there = frame.pointing.slit(ra, dec)
    return np.array([frame.header.along - there.along, frame.header.across - there.across])


def _pointing_unknown(image: TAImage, science: Pointing) -> str:
    """Say why the pointings of an image and an exposure cannot be compared; "" where they can."""
    try:
        own = Pointing.from_header(image.header, image.name)
    except LRSExplorerError as error:
        return str(error).rstrip(".")
    if "PLANNED" in (own.quality, science.quality):
        return "its pointing, or the exposure's, is the planned one and not measured (ENGQLPTG)"
    if image.header.get("TARGTYPE") == "MOVING":
        return "the target moves, so pointings at two times do not tell where it is"
    if own.guide_star and science.guide_star and own.guide_star != science.guide_star:
        return "it was guided on another star than the exposure (GDSTARID)"
    for mode in (own.guiding, science.guiding):
        if mode not in ("", "FINEGUIDE"):
            return f"the telescope was not guiding finely (PCS_MODE {mode})"
    return ""


def _agreeing(
    sightings: Sequence[_Sighting],
) -> tuple[list[tuple[_Sighting, FloatArray]], list[str]]:
    """Return the sightings that agree, each with its place, and what is said of the others."""
    # What counts decides, else what shows one source, else what has the smallest error.
    first = min(
        sightings,
        key=lambda s: (not s.counts, len(s.places) > 1, float(np.trace(s.covariance(s)))),
    )
    kept, said = [(first, first.places[0])], []
    for one in sightings:
        if one is first:
            continue
        distance, place = one.beside(first)
        if scipy.stats.chi2.sf(distance, 2) < CONTRADICTION:
            along, across = (f"{value:+.2f}″".replace("-", "−") for value in one.places[0])
            said.append(
                f"{one.name} puts the source {across} across and {along} along the slit, "
                f"{np.sqrt(distance):.0f} standard deviations from where {first.name} shows it: "
                "it is not counted, and the telescope may have moved otherwise than its headers say"
            )
            continue
        if place is not one.places[0]:
            said.append(f"in {one.name} the fainter of two sources is the one in the slit")
        kept.append((one, place))
    return kept, said


def _combined(kept: Sequence[tuple[_Sighting, FloatArray]]) -> tuple[FloatArray, FloatArray]:
    """Return the weighted mean of places and its covariance, enlarged where they scatter more."""
    places = np.concatenate([place for _, place in kept])
    weight = np.linalg.inv(
        np.block([[one.covariance(other) for other, _ in kept] for one, _ in kept])
    )
    design = np.tile(np.eye(2), (len(kept), 1))
    covariance = np.linalg.inv(design.T @ weight @ design)
    mean = covariance @ design.T @ weight @ places
    off = places - design @ mean
    excess = float(off @ weight @ off) / max(2 * len(kept) - 2, 1)
    return mean, covariance * max(1.0, excess)


def _missing(image: TAImage, images: Sequence[TAImage]) -> str:
    """Tell what the absence of a source means: "failed" or "faint"."""
    if not image.through_slit:
        return "failed"
    noise = float(mad_std(image.data[image.usable])) if image.usable.any() else np.inf
    for other in images:
        if other.through_slit or other.filter != image.filter:
            continue
        try:
            expected = centroid(other).count_rate * PASSED
        except LRSExplorerError:
            continue
        # Half of the light is in 3 × 3 pixels, about, and the noise there three times a pixel's.
        if 0.5 * expected > EXPECTED * 3 * noise:
            return "failed"
    return "faint"


def _unseen(error: LRSExplorerError, image: TAImage, said: str) -> str:
    text = str(error).rstrip(".")
    if not image.through_slit:
        return f"{text}: the telescope cannot have found it there"
    if said == "failed":
        return f"{text}, where the image before the move lets expect it to be bright"
    return f"{text}: it may be too faint for this image, or not in the slit"


def _apart(found: Centroid, image: TAImage, other: tuple[int, int, float]) -> float:
    """Return the distance of two sources on an image, arcsec."""
    column, row = other[0] + image.origin[0], other[1] + image.origin[1]
    return float(np.hypot(found.column - column, found.row - row) * PIXEL_SCALE)
