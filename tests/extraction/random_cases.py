"""Random extractions: a recipe, and an extract1d reference file for what the recipe leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import lrs_explorer as lrs
from lrs_explorer.model.products import SpectralImage
from lrs_explorer.model.recipe import EXP_TYPES

Random = np.random.Generator
Range = tuple[float, float]


@dataclass(frozen=True)
class Case:
    """What is extracted, and with which extract1d reference file."""

    reference: dict[str, Any]
    recipe: lrs.Recipe


def random_case(seed: int, image: SpectralImage, extraction_type: str = "box") -> Case:
    """Return a case whose aperture and background regions lie on the spectrum of ``image``.

    Parameters
    ----------
    seed : int
        The same seed gives the same case.
    image : SpectralImage
    extraction_type : {"box", "optimal"}
    """
    random = np.random.default_rng(seed)
    rows, columns = (np.flatnonzero(np.isfinite(image.wavelength).any(axis=a)) for a in (1, 0))
    inside = (float(columns[0]) + 1, float(columns[-1]) - 1)
    aperture = None
    if random.random() < 0.6:
        aperture = random_aperture(random, inside, rows)
    background = None
    if random.random() < 0.65:
        background = random_background(random, inside)
    recipe = lrs.Recipe(
        aperture=aperture,
        background=background,
        extraction=lrs.Extraction(
            extraction_type=extraction_type,
            use_source_posn=pick(random, None, True, False),
            position_offset=pick(random, 0.0, 0.0, random.uniform(-3, 3)),
            apply_apcorr=bool(random.random() < 0.75),
        ),
    )
    # A reference file cannot hold a background by wavelength and a trace in pixels.
    by_wavelength = (aperture is None or aperture.trace is None) and random.random() < 0.2
    entry: dict[str, Any] = {"id": EXP_TYPES["slit"], "region_type": "target", "dispaxis": 2}
    entry |= random_source(random, inside, rows, by_wavelength)
    if random.random() < 0.6:
        entry |= random_reference_background(random, inside, rows, by_wavelength)
    if by_wavelength:
        entry["independent_var"] = pick(random, "wavelength", "WAVELENGTH")
    if random.random() < 0.6:
        entry["use_source_posn"] = bool(random.random() < 0.5)
    if random.random() < 0.25:
        entry["ystart"] = float(rows[0] + random.uniform(0, 60))
        entry["ystop"] = float(rows[-1] - random.uniform(0, 60))
    return Case({"apertures": [entry]}, recipe)


def pick(random: Random, *choices: Any) -> Any:
    return choices[random.integers(len(choices))]


def random_aperture(random: Random, inside: Range, rows: Any) -> lrs.Aperture:
    """Straight or along a trace, on whole pixels or between them, from 0.3 pixels wide."""
    center = random.uniform(inside[0] + 2, inside[1] - 2)
    width = pick(random, random.uniform(0.3, 1.0), random.uniform(1, 12), random.uniform(2, 25))
    if random.random() < 0.25:
        center, width = round(2 * center) / 2, float(max(1, round(width)))
    trace = None
    if random.random() < 0.4:
        trace = random_polynomial(random, 1.5, rows)
    return lrs.Aperture(center, width, trace)


def random_polynomial(random: Random, amplitude: float, rows: Any) -> tuple[float, ...]:
    """A polynomial in the row of order 1 to 3, of about ``amplitude`` pixels on the spectrum."""
    order = int(random.integers(1, 4))
    return tuple(
        float(random.uniform(-amplitude, amplitude) / float(rows[-1]) ** k)
        for k in range(order + 1)
    )


def random_regions(random: Random, inside: Range, most: int = 4) -> tuple[Range, ...]:
    """Up to ``most`` regions, on whole pixels or between them; they may overlap each other."""
    regions = []
    for _ in range(int(random.integers(0, most + 1))):
        lower = random.uniform(inside[0], inside[1] - 6)
        upper = min(lower + random.uniform(2.2, 12), inside[1])
        if random.random() < 0.3:
            lower, upper = np.floor(lower) + 0.5, np.ceil(upper) + 0.5
        regions.append((float(lower), float(upper)))
    return tuple(regions)


def random_background(random: Random, inside: Range) -> lrs.Background:
    return lrs.Background(
        random_regions(random, inside),
        bkg_fit=pick(random, "poly", "poly", "poly", "mean", "median"),
        bkg_order=pick(random, 0, 0, 1, 1, 2, 3, 4, 6, 8),
        smoothing_length=pick(random, 0, 0, 3, 7, 21),
    )


def random_source(random: Random, inside: Range, rows: Any, by_wavelength: bool) -> dict[str, Any]:
    """An aperture as reference files give it: limits, a width about them, or polynomials."""
    start = random.uniform(inside[0], inside[1] - 8)
    stop = min(start + random.uniform(0, 12), inside[1])
    if random.random() < 0.4:
        start, stop = int(start), int(stop) + 1
    limits = {"xstart": start, "xstop": stop}
    kind = random.integers(5)
    if kind == 0:
        return limits | {"extract_width": pick(random, 8, random.uniform(2, 10))}
    if kind == 1:
        return limits | {
            "src_coeff": coefficients(random, [(start, stop + 1)], rows, by_wavelength)
        }
    if kind == 2:
        regions = random_regions(random, inside, most=2) or ((start, stop + 1),)
        return {"src_coeff": coefficients(random, regions, rows, by_wavelength)}
    return limits


def coefficients(random: Random, regions: Any, rows: Any, by_wavelength: bool) -> list[list[float]]:
    """Edges of regions as a reference file gives them, straight or not."""
    edges: list[list[float]] = []
    for lower, upper in regions:
        higher: tuple[float, ...] = ()
        if random.random() < 0.6:
            scale = 1.5 if not by_wavelength else 0.5
            higher = random_polynomial(random, scale, [10.0] if by_wavelength else rows)[1:]
        edges += [[lower, *higher], [upper, *higher]]
    return edges


def random_reference_background(
    random: Random, inside: Range, rows: Any, by_wavelength: bool
) -> dict[str, Any]:
    regions = random_regions(random, (inside[0] + 2, inside[1] - 2))
    if not regions:
        return {}
    entry: dict[str, Any] = {"bkg_coeff": coefficients(random, regions, rows, by_wavelength)}
    for name, choices in (
        ("bkg_fit", ("poly", "median")),
        ("bkg_order", (0, 1, 2)),
        ("smoothing_length", (0, 2, 3, 8, 4.6)),
    ):
        if random.random() < 0.7:
            entry[name] = pick(random, *choices)
    return entry
