"""Which count rates of acquisition images are right: judged by the star (known issue MR-LRS06).

The header of an image tells by which factor its count rate should be wrong
(`lrs_explorer.model.slit.ta_image.count_rate_factor`). The same star on another image in the same
filter tells by which it is: where the two contradict each other, the star decides.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.slit.pathloss import PathlossReference
from lrs_explorer.model.slit.slit_loss import transmission
from lrs_explorer.model.slit.ta_image import FRAMES_AVERAGED, TAImage, count_rate_factor
from lrs_explorer.model.slit.ta_photometry import StarLight, star_light
from lrs_explorer.model.slit.target import ScoreCard

__all__ = ["RateFactor", "judged_rates", "with_rates"]

SINGLE: Final = ("FASTR1", "SLOWR1", "FAST", "SLOW", "FASTR100", "SLOWR100")
"""Readout patterns that average nothing: their count rates cannot be wrong in this way."""

SYSTEMATIC: Final = 0.05
"""Relative error of the ratio of one star's light in two apertures, one of them behind the slit."""

AGREES: Final = 3.0
"""Standard errors within which a measured factor is taken for one that can be."""

LEAST_SIGNAL: Final = 5.0
"""Signal-to-noise ratio of the star below which it decides nothing."""


@dataclass(frozen=True)
class RateFactor:
    """By what the count rate of an acquisition image is divided, and what says so.

    Parameters
    ----------
    image : TAImage
        Divided by ``factor``; its notes say why.
    factor : float
        1 where the stored rate is taken for right.
    header : float
        The factor by the header.
    measured, error : float
        The factor by the star, and its standard error; NaN where it was not measured.
    bounds : (float, float)
        Of ``measured``, where the slit's loss is not known: its smallest and largest value.
    decided_by : {"header", "star"}
    agrees : bool or None
        Whether the star agrees with the header; None where it was not measured or cannot tell.
    why : str
        A plain sentence; "" for an image of which there is nothing to say.
    """

    image: TAImage
    factor: float
    header: float
    measured: float
    error: float
    bounds: tuple[float, float]
    decided_by: Literal["header", "star"]
    agrees: bool | None
    why: str


@dataclass(frozen=True)
class _Ratio:
    """The stored count rate of one image over that of another, with the slit's loss given back."""

    value: float
    error: float
    bounds: tuple[float, float]

    def allows(self, factor: float) -> bool:
        """Tell whether it can be this factor."""
        noise = AGREES * self.error / self.value
        return self.bounds[0] * (1 - noise) <= factor <= self.bounds[1] * (1 + noise)

    def over(self, factor: float) -> _Ratio:
        """Return it for another factor of the image that it is compared with."""
        low, high = self.bounds
        return _Ratio(self.value * factor, self.error * factor, (low * factor, high * factor))

    @property
    def inverse(self) -> _Ratio:
        low, high = self.bounds
        return _Ratio(1 / self.value, self.error / self.value**2, (1 / high, 1 / low))

    @property
    def words(self) -> str:
        """The number and its error."""
        low, high = self.bounds
        if high > low:
            return f"{low:.3g} to {high:.3g}"
        digits = max(0, 1 - math.floor(math.log10(max(self.error, 1e-6))))
        return f"{self.value:.{min(digits, 2)}f} ± {self.error:.{min(digits, 2)}f}"


def judged_rates(
    images: Iterable[TAImage], pathloss: PathlossReference | None = None
) -> list[RateFactor]:
    """Return acquisition images with the count rates that star and headers tell.

    Parameters
    ----------
    images : iterable of TAImage
        As `read_ta_image` gives them, by time.
    pathloss : PathlossReference or None
        What the slit passes; without it a verification image is uncertain by a factor of two.

    Returns
    -------
    list of RateFactor
        In the same order. An image beside the slit and the last one through it are compared where
        filter and target are the same.
    """
    given = list(images)
    found = [_by_header(image) for image in given]
    behind = next((n for n in reversed(range(len(given))) if given[n].through_slit), None)
    for number, image in enumerate(given):
        if image.through_slit:
            continue
        if behind is None:
            found[number] = _remark(found[number], "no verification image is here to compare with")
            continue
        found[number], found[behind] = _compared(found[number], found[behind], pathloss)
    return [_applied(one) for one in found]


def with_rates(card: ScoreCard, rates: Iterable[RateFactor]) -> ScoreCard:
    """Return a score card whose acquisition images have these count rates, and say why.

    Places do not depend on them.
    """
    known = {one.image.path: one.image for one in rates}
    images = tuple(known.get(image.path, image) for image in card.images)
    said: dict[str, str] = {}
    for old, new in zip(card.images, images, strict=True):
        by_header, by_star = count_rate_factor(old.header)[1], new.notes[0] if new.notes else ""
        if by_header and by_header not in new.notes:
            said[by_header] = by_star
    candidates = tuple(
        replace(c, notes=tuple(said.get(note, note) for note in c.notes)) for c in card.candidates
    )
    return replace(card, images=images, candidates=candidates)


def _by_header(image: TAImage) -> RateFactor:
    """Return what the header says."""
    _, why = count_rate_factor(image.header)
    factor, nothing = image.rate_factor, (math.nan, math.nan)
    return RateFactor(image, factor, factor, math.nan, math.nan, nothing, "header", None, why)


def _remark(one: RateFactor, why: str) -> RateFactor:
    """Say why an image was not measured, where its factor matters."""
    if not one.why:
        return one
    return replace(one, why=f"{one.why}; not measured: {why}")


def _compared(
    beside: RateFactor, behind: RateFactor, pathloss: PathlossReference | None
) -> tuple[RateFactor, RateFactor]:
    """Compare the star beside the slit with that behind it."""
    one, other = beside.image, behind.image
    if one.filter != other.filter:
        why = f"the verification image has another filter ({other.filter}, not {one.filter})"
        return _remark(beside, why), _remark(behind, why)
    targets = [str(image.header.get("TARGNAME", "") or "").strip() for image in (one, other)]
    if all(targets) and targets[0] != targets[1]:
        why = f"the images are of different targets ({targets[0]}, {targets[1]})"
        return _remark(beside, why), _remark(behind, why)
    try:
        ratio = _ratio(one, other, pathloss)
    except LRSExplorerError as error:
        why = str(error).rstrip(".")
        return _remark(beside, why), _remark(behind, why)
    if ratio is None:
        why = "the star is too faint"
        return _remark(beside, why), _remark(behind, why)
    if ratio.allows(beside.header / behind.header):
        return _confirmed(beside, behind, ratio)
    return _contradicted(beside, behind, ratio)


def _ratio(one: TAImage, other: TAImage, pathloss: PathlossReference | None) -> _Ratio | None:
    """Return stored rate over stored rate, as though the slit cut neither; None if too faint."""
    lights: list[StarLight] = []
    for image in (one, other):
        light = star_light(image)
        if not light.value > LEAST_SIGNAL * light.error:
            return None
        lights.append(light)
    a, b = lights
    passed = transmission(b, other.filter, pathloss)
    if passed.bounds[0] == 0:
        raise LRSExplorerError(f"{passed.words}.")
    stored = (a.value * one.rate_factor) / (b.value * other.rate_factor)
    low, high = (stored * bound for bound in passed.bounds)
    value = stored * passed.value
    relative = math.hypot(
        a.error / a.value, b.error / b.value, passed.error / passed.value, SYSTEMATIC
    )
    return _Ratio(value, value * relative, (low, high))


def _confirmed(
    beside: RateFactor, behind: RateFactor, ratio: _Ratio
) -> tuple[RateFactor, RateFactor]:
    """Say that the star agrees with both headers, of those of which there is something to say."""
    done = []
    for one, other, seen in (
        (beside, behind, ratio.over(behind.header)),
        (behind, beside, ratio.inverse.over(beside.header)),
    ):
        trusted = _single(other.image)
        if not one.why or not trusted:
            why = one.why and f"{one.why}; the ratio of both images agrees with their headers"
            done.append(replace(one, why=why, agrees=None))
            continue
        why = f"measured {seen.words}, header says {one.header:.4g}: {one.why}"
        done.append(_measured(one, seen, why, agrees=True))
    return done[0], done[1]


def _contradicted(
    beside: RateFactor, behind: RateFactor, ratio: _Ratio
) -> tuple[RateFactor, RateFactor]:
    """Find which header is wrong, and what its image's factor is."""
    seen = (ratio.over(behind.header), ratio.inverse.over(beside.header))
    pair = (beside, behind)
    suspects = [n for n in (0, 1) if not _single(pair[n].image)] or [0, 1]
    for kinds in (_likely, _all):
        answers = [
            (n, factor)
            for n in suspects
            for factor in kinds(pair[n])
            if factor != pair[n].header and seen[n].allows(factor)
        ]
        if len(answers) == 1:
            ((number, factor),) = answers
            done = list(pair)
            done[number] = _overruled(pair[number], seen[number], factor)
            return done[0], done[1]
        if answers:
            break
    first = suspects[0]
    told = f"measured {seen[first].words}, header says {pair[first].header:.4g}"
    if len({number for number, _ in answers}) > 1:
        told += ": the images do not tell which of their headers is wrong"
    elif answers:
        fitting = " or ".join(f"{factor:g}" for _, factor in answers)
        told += f": it may be {fitting}, and what the slit takes is not known well enough to tell"
    else:
        told += ": that is no number of averaged frames, so it may be another star or a damaged one"
    told += "; the headers are followed"
    done = list(pair)
    number = suspects[0]  # one contradiction is told once
    one = pair[number]
    why = f"{told} ({one.why})" if one.why else told
    done[number] = _measured(one, seen[number], why, agrees=False)
    return done[0], done[1]


def _overruled(one: RateFactor, seen: _Ratio, factor: float) -> RateFactor:
    """Say that the star decides against the header."""
    pattern = one.image.readpatt or "no readout pattern"
    if factor == 1:
        means = "it is left as it is, as though somebody had divided it already"
    else:
        means = f"it is divided by {factor:.4g}"
    why = (
        f"measured {seen.words}, header says {one.header:.4g} ({pattern}): the count rate "
        f"contradicts the header, and the star decides: {means}"
    )
    told = _measured(one, seen, why, agrees=False)
    return replace(told, factor=factor, decided_by="star")


def _measured(one: RateFactor, seen: _Ratio, why: str, *, agrees: bool) -> RateFactor:
    return replace(
        one, measured=seen.value, error=seen.error, bounds=seen.bounds, why=why, agrees=agrees
    )


def _single(image: TAImage) -> bool:
    """Tell whether an image's readout averages nothing, by its header."""
    return image.readpatt.upper() in SINGLE and image.rate_factor == 1


def _likely(one: RateFactor) -> Sequence[float]:
    """Return the factors that go with the readout pattern."""
    frames = FRAMES_AVERAGED.get(one.image.readpatt)
    return sorted({1.0, float(frames), one.header} if frames else {one.header})


def _all(one: RateFactor) -> Sequence[float]:
    """Return all factors that there are."""
    return sorted({1.0, *map(float, FRAMES_AVERAGED.values()), one.header})


def _applied(one: RateFactor) -> RateFactor:
    """Divide the image by what was decided, and let its notes say why."""
    image = one.image
    scale = image.rate_factor / one.factor
    _, by_header = count_rate_factor(image.header)
    notes = tuple(note for note in image.notes if note != by_header)
    notes = (one.why, *notes) if one.why else notes
    image = replace(
        image,
        data=image.data * scale if scale != 1 else image.data,
        err=image.err * scale if scale != 1 else image.err,
        rate_factor=one.factor,
        notes=notes,
    )
    return replace(one, image=image)
