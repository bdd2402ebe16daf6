"""Random extractions: a recipe, and an extract1d reference file for what the recipe leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from allpairspy import AllPairs

import lrs_explorer as lrs
from lrs_explorer.model.data.instrument import EXP_TYPES
from lrs_explorer.model.data.products import SpectralImage

Random = np.random.Generator
Range = tuple[float, float]
Options = Mapping[str, str]
"""A choice for each of `OPTIONS`."""

Pair = tuple[tuple[str, str], tuple[str, str]]
"""Two options and a kind of each."""

OPTIONS: dict[str, tuple[str, ...]] = {
    "image": ("nod 1", "nod 2", "combined"),
    "aperture": ("of the file", "straight", "on whole pixels", "along a trace"),
    "width": ("of the file", "below a pixel", "some pixels"),
    "background": (
        *("none", "constant", "sloping", "curved", "steep", "mean", "median"),
        *("none of the file", "default of the file", "constant of the file"),
        *("sloping of the file", "median of the file"),
    ),
    "regions": ("none", "one", "several"),
    "smoothing": ("none", "short", "long"),
    "use_source_posn": ("None", "True", "False"),
    "position_offset": ("none", "some"),
    "apply_apcorr": ("True", "False"),
    "source in the file": ("limits", "width", "limits and coefficients", "coefficients"),
    "edges in the file": ("straight", "bent"),
    "independent_var in the file": ("pixel", "wavelength"),
    "use_source_posn in the file": ("None", "True", "False"),
    "rows in the file": ("all", "some"),
}
"""What there is to choose, and kinds of choices; numbers are drawn within their kind.

"The file" is the extract1d reference file.
"""

_NO_BACKGROUND = ("none", "none of the file")
_SOME_BACKGROUND = tuple(one for one in OPTIONS["background"] if one not in _NO_BACKGROUND)

IMPOSSIBLE = (
    ("aperture", OPTIONS["aperture"][:1], "width", OPTIONS["width"][1:]),
    ("aperture", OPTIONS["aperture"][1:], "width", OPTIONS["width"][:1]),
    ("background", _NO_BACKGROUND, "regions", OPTIONS["regions"][1:]),
    ("background", _SOME_BACKGROUND, "regions", OPTIONS["regions"][:1]),
    ("background", _NO_BACKGROUND, "smoothing", OPTIONS["smoothing"][1:]),
    ("regions", OPTIONS["regions"][:1], "smoothing", OPTIONS["smoothing"][1:]),
    # A reference file cannot hold a background by wavelength and a trace in pixels.
    ("aperture", ("along a trace",), "independent_var in the file", ("wavelength",)),
)
"""Choices that do not go together: an option, some of its kinds, and the same of another."""

_ORDERS = {"constant": (0,), "sloping": (1,), "curved": (2, 3), "steep": (4, 6, 8)}
_FITS_OF_THE_FILE: dict[str, tuple[dict[str, Any], ...]] = {
    "default of the file": ({}, {"bkg_fit": "poly"}),
    "constant of the file": ({"bkg_fit": "poly", "bkg_order": 0}, {"bkg_order": 0}),
    "sloping of the file": ({"bkg_fit": "poly", "bkg_order": 1}, {"bkg_order": 2}),
    "median of the file": ({"bkg_fit": "median"}, {"bkg_fit": "median", "bkg_order": 1}),
}


def possible(options: Options) -> bool:
    """Tell whether choices, of all options or of some, go together."""
    return not any(
        options.get(one) in kinds and options.get(other) in its_kinds
        for one, kinds, other, its_kinds in IMPOSSIBLE
    )


def pairs(options: Options) -> set[Pair]:
    """Return the pairs of kinds in choices of all options."""
    return set(combinations(options.items(), 2))


def possible_pairs() -> set[Pair]:
    """Return the pairs of kinds that go together."""
    kinds = [(name, kind) for name, its_kinds in OPTIONS.items() for kind in its_kinds]
    return {
        (one, other)
        for one, other in combinations(kinds, 2)
        if one[0] != other[0] and possible(dict((one, other)))
    }


def all_pairs() -> list[Options]:
    """Return few choices of all options with each pair of kinds that go together."""
    names = list(OPTIONS)
    rows = AllPairs(
        list(OPTIONS.values()),
        filter_func=lambda row: possible(dict(zip(names, row, strict=False))),
    )
    found = [dict(zip(names, row, strict=True)) for row in rows]
    # What is impossible may keep it from a few pairs at the end.
    for pair in sorted(possible_pairs()):
        if not any(pair in pairs(options) for options in found):
            found.append(random_options(len(found), **dict(pair)))
    return found


def random_options(seed: int, **fixed: str) -> dict[str, str]:
    """Draw each option but those that are given; the same seed gives the same."""
    random = np.random.default_rng(seed)
    while True:
        options = {name: pick(random, *kinds) for name, kinds in OPTIONS.items()} | fixed
        if possible(options):
            return options


@dataclass(frozen=True)
class Case:
    """What is extracted, and with which extract1d reference file."""

    reference: dict[str, Any]
    recipe: lrs.Recipe


def random_case(
    seed: int, options: Options, image: SpectralImage, extraction_type: str = "box"
) -> Case:
    """Return a case whose aperture and background regions lie on the spectrum of ``image``.

    Parameters
    ----------
    seed : int
        The same seed gives the same case.
    options : Mapping
        What is chosen for each of `OPTIONS`; "image" is not looked at.
    image : SpectralImage
    extraction_type : {"box", "optimal"}
    """
    random = np.random.default_rng(seed)
    rows, columns = (np.flatnonzero(np.isfinite(image.wavelength).any(axis=a)) for a in (1, 0))
    inside = (float(columns[0]) + 1, float(columns[-1]) - 1)
    posn = {"None": None, "True": True, "False": False}
    recipe = lrs.Recipe(
        aperture=random_aperture(random, options, inside, rows),
        background=random_background(random, options, inside),
        extraction=lrs.Extraction(
            extraction_type=extraction_type,
            use_source_posn=posn[options["use_source_posn"]],
            position_offset=(
                random.uniform(-3, 3) if options["position_offset"] == "some" else 0.0
            ),
            apply_apcorr=options["apply_apcorr"] == "True",
        ),
    )
    entry: dict[str, Any] = {"id": EXP_TYPES["slit"], "region_type": "target", "dispaxis": 2}
    entry |= random_source(random, options, inside, rows)
    entry |= random_background_of_the_file(random, options, inside, rows)
    if options["independent_var in the file"] == "wavelength":
        entry["independent_var"] = pick(random, "wavelength", "WAVELENGTH")
    if options["use_source_posn in the file"] != "None":
        entry["use_source_posn"] = posn[options["use_source_posn in the file"]]
    if options["rows in the file"] == "some":
        entry["ystart"] = float(rows[0] + random.uniform(0, 60))
        entry["ystop"] = float(rows[-1] - random.uniform(0, 60))
    return Case({"apertures": [entry]}, recipe)


def pick(random: Random, *choices: Any) -> Any:
    return choices[random.integers(len(choices))]


def random_aperture(
    random: Random, options: Options, inside: Range, rows: Any
) -> lrs.Aperture | None:
    """Straight or along a trace, on whole pixels or between them, from 0.3 pixels wide."""
    if options["aperture"] == "of the file":
        return None
    narrow = options["width"] == "below a pixel"
    center = random.uniform(inside[0] + 2, inside[1] - 2)
    width = random.uniform(0.3, 1.0) if narrow else random.uniform(1, pick(random, 12, 25))
    if options["aperture"] == "on whole pixels":
        center = round(2 * center) / 2
        width = 0.5 if narrow else float(max(1, round(width)))
    trace = None
    if options["aperture"] == "along a trace":
        trace = random_polynomial(random, 1.5, rows)
    return lrs.Aperture(center, width, trace)


def random_polynomial(random: Random, amplitude: float, rows: Any) -> tuple[float, ...]:
    """A polynomial in the row of order 1 to 3, of about ``amplitude`` pixels on the spectrum."""
    order = int(random.integers(1, 4))
    return tuple(
        float(random.uniform(-amplitude, amplitude) / float(rows[-1]) ** k)
        for k in range(order + 1)
    )


def random_regions(random: Random, number: int, inside: Range) -> tuple[Range, ...]:
    """Regions, on whole pixels or between them; they may overlap each other."""
    regions = []
    for _ in range(number):
        lower = random.uniform(inside[0], inside[1] - 6)
        upper = min(lower + random.uniform(2.2, 12), inside[1])
        if random.random() < 0.3:
            lower, upper = np.floor(lower) + 0.5, np.ceil(upper) + 0.5
        regions.append((float(lower), float(upper)))
    return tuple(regions)


def number_of_regions(random: Random, options: Options) -> int:
    return {"none": 0, "one": 1, "several": int(random.integers(2, 5))}[options["regions"]]


def random_background(random: Random, options: Options, inside: Range) -> lrs.Background | None:
    kind = options["background"]
    if kind.endswith("of the file"):
        return None
    return lrs.Background(
        random_regions(random, number_of_regions(random, options), inside),
        bkg_fit=kind if kind in ("mean", "median") else "poly",
        bkg_order=pick(random, *_ORDERS.get(kind, (0, 1))),
        smoothing_length={"none": 0, "short": pick(random, 3, 7), "long": 21}[options["smoothing"]],
    )


def random_source(random: Random, options: Options, inside: Range, rows: Any) -> dict[str, Any]:
    """An aperture as reference files give it: limits, a width about them, or polynomials."""
    start = random.uniform(inside[0], inside[1] - 8)
    stop = min(start + random.uniform(0, 12), inside[1])
    if random.random() < 0.4:
        start, stop = int(start), int(stop) + 1
    limits = {"xstart": start, "xstop": stop}
    kind = options["source in the file"]
    if kind == "width":
        return limits | {"extract_width": pick(random, 8, random.uniform(2, 10))}
    if kind == "limits and coefficients":
        return limits | {"src_coeff": coefficients(random, options, [(start, stop + 1)], rows)}
    if kind == "coefficients":
        regions = random_regions(random, int(random.integers(1, 3)), inside)
        return {"src_coeff": coefficients(random, options, regions, rows)}
    return limits


def coefficients(random: Random, options: Options, regions: Any, rows: Any) -> list[list[float]]:
    """Edges of regions as a reference file gives them, straight or not."""
    by_wavelength = options["independent_var in the file"] == "wavelength"
    edges: list[list[float]] = []
    for number, (lower, upper) in enumerate(regions):
        higher: tuple[float, ...] = ()
        bent = number == 0 or random.random() < 0.6
        if bent and options["edges in the file"] == "bent":
            scale = 1.5 if not by_wavelength else 0.5
            higher = random_polynomial(random, scale, [10.0] if by_wavelength else rows)[1:]
        edges += [[lower, *higher], [upper, *higher]]
    return edges


def random_background_of_the_file(
    random: Random, options: Options, inside: Range, rows: Any
) -> dict[str, Any]:
    """What the recipe leaves open, or something that the recipe's own background stands for."""
    kind = options["background"]
    if kind == "none of the file":
        return {}
    if kind.endswith("of the file"):
        number, smoothing = number_of_regions(random, options), options["smoothing"]
    else:
        kind, number = pick(random, *_FITS_OF_THE_FILE), int(random.integers(0, 5))
        smoothing = pick(random, *OPTIONS["smoothing"])
    regions = random_regions(random, number, (inside[0] + 2, inside[1] - 2))
    if not regions:
        return {}
    entry: dict[str, Any] = {"bkg_coeff": coefficients(random, options, regions, rows)}
    entry |= pick(random, *_FITS_OF_THE_FILE[kind])
    length = {
        "none": pick(random, None, 0),
        "short": pick(random, 2, 3),
        "long": pick(random, 8, 4.6),
    }
    if length[smoothing] is not None:
        entry["smoothing_length"] = length[smoothing]
    return entry
