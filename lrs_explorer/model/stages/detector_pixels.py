"""The detector pixels behind an image: what is wrong with them, and where they went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data import dq
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, SpectralImage
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.measure.pixels.bad import CATEGORIES, BadPixels, bad_pixels
from lrs_explorer.model.measure.pixels.map import PixelMap, pixel_map, same_pixels
from lrs_explorer.model.measure.pixels.outliers import Outlier, find_outliers
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.stages.jumps import JumpChange, jump_changes
from lrs_explorer.model.stages.stages import Stages

__all__ = ["DetectorPixels", "series_pixels", "slit_pixels"]


@dataclass(frozen=True, eq=False)
class DetectorPixels:
    """Detector pixels of each exposure that the image on the screen was made of.

    That image is an s2d; of a slitless series it is a typical one, of detector pixels itself.

    Parameters
    ----------
    images : Mapping of int to SpectralImage
        The calibrated slit by exposure, from 1, as it went into resampling; a typical image of a
        series.
    maps : Mapping of int to PixelMap
    bad : Mapping of int to BadPixels
    jumps : Mapping of int to JumpChange
        Where jumps were detected anew, by exposure.
    """

    images: Mapping[int, SpectralImage]
    maps: Mapping[int, PixelMap]
    bad: Mapping[int, BadPixels]
    jumps: Mapping[int, JumpChange]

    def layers(self) -> dict[str, NDArray[np.bool_]]:
        """Return which pixels of the s2d image hold light of bad pixels, by category.

        "jumps" are those whose flags another threshold of the jump step has changed.
        """
        layers: dict[str, NDArray[np.bool_]] = {}
        for number, bad in self.bad.items():
            for name, mask in bad.on_s2d(self.maps[number]).items():
                layers[name] = layers[name] | mask if name in layers else mask
        changed = [
            self.maps[number].to_s2d(*change.every.T)
            for number, change in self.jumps.items()
            if number in self.maps
        ]
        if changed:
            layers["jumps"] = np.any(changed, axis=0)
        return layers

    def counts(self) -> dict[str, int]:
        """Return how many pixels there are of each category, in all exposures."""
        return {name: sum(b.counts()[name] for b in self.bad.values()) for name in CATEGORIES}

    def affected(self, lower: FloatArray, upper: FloatArray) -> dict[str, FloatArray]:
        """Return, by category, wavelengths (micron) that bad pixels in an aperture affect.

        Parameters
        ----------
        lower, upper : ndarray, shape (n_wave,), s2d pixels
        """
        found: dict[str, list[FloatArray]] = {name: [] for name in CATEGORIES}
        for number, bad in self.bad.items():
            inside = bad.in_aperture(self.maps[number], lower, upper)
            for name in CATEGORIES:
                edges = inside.of(name).wavelengths(self.maps[number])
                found[name].append(edges.mean(axis=1))
        return {name: np.concatenate(parts) for name, parts in found.items() if parts}

    def at(self, row: int, column: int) -> tuple[int, int, int] | None:
        """Return (exposure, row, column) of the detector pixel with the largest share there."""
        best, share = None, 0.0
        for number, pixels in self.maps.items():
            for reached in pixels.pixels_at(row, column)[:1]:
                if reached.share > share:
                    best, share = (number, reached.row, reached.column), reached.share
        return best

    def describe(self, row: int, column: int) -> str:
        """Say which detector pixel lies at an s2d pixel, its flags, and what it affects."""
        pixel = self.at(row, column)
        if pixel is None:
            return ""
        number, i, j = pixel
        image = self.images[number]
        flags = "" if image.dq is None else ", ".join(dq.names(int(image.dq[i, j])))
        if not np.isfinite(image.data[i, j]):
            flags = f"no value{', ' if flags else ''}{flags}"
        lower, upper = self.maps[number].wavelengths([i], [j])[0]
        exposure = f"exposure {number}, " if len(self.maps) > 1 else ""
        return f"{exposure}detector ({i}, {j}) {flags or 'good'}: {lower:.3f}–{upper:.3f} µm"

    def outliers(self) -> list[tuple[int, Outlier]]:
        """Return proposed hot and dead pixels with their exposures, most significant first."""
        found = []
        for number, image in self.images.items():
            others = [other for n, other in self.images.items() if n != number]
            proposed = find_outliers(image, others[0] if others else None)
            found += [(number, outlier) for outlier in proposed]
        return sorted(found, key=lambda pair: -abs(pair[1].significance))


def slit_pixels(stages: Stages, recipe: Recipe) -> DetectorPixels:
    """Read the detector pixels behind the image of a recipe.

    Parameters
    ----------
    stages : Stages
    recipe : Recipe
        Its image must be there already.

    Raises
    ------
    LRSExplorerError
        A calibrated exposure (cal) is missing or cannot be read.
    """
    observation, s2d = stages.observation, stages.image(recipe)
    chosen = observation.number(recipe.nods)
    every = range(1, observation.exposures + 1)
    numbers = list(every) if chosen == "combined" else [int(chosen)]
    made = stages.reprocessor.made(recipe)
    paths: dict[int, Path] = {}
    for number in numbers:
        cal = observation.find("cal", number)
        for stage, path in made.products if made else ():
            if stage.exposure == number and stage.name in ("cal", "recal", "pixel_replace"):
                cal = path
            if stage.name == "level_3":  # which replaces pixels itself
                members = path.parent.glob(f"{observation.root(number)}*_pixel_replace.fits")
                cal = next(members, cal)
        if cal is None:
            raise LRSExplorerError(
                f"bad pixels cannot be shown: {observation.missing('cal', number)}."
            )
        paths[number] = cal
    flags = recipe.pixel_replace.flagged
    images = {number: read_image(path) for number, path in paths.items()}
    return DetectorPixels(
        images=images,
        maps={number: pixel_map(image, s2d) for number, image in images.items()},
        bad={
            number: bad_pixels(image, [(r, c) for e, r, c in flags if e == number])
            for number, image in images.items()
        },
        jumps=jump_changes(stages, recipe),
    )


def series_pixels(stages: Stages, recipe: Recipe) -> DetectorPixels:
    """Return the detector pixels of a slitless series: those that are bad in most integrations.

    Parameters
    ----------
    stages : Stages
    recipe : Recipe

    Raises
    ------
    LRSExplorerError
        The recipe's images are not there, or have no usable pixel.
    """
    image = stages.image(recipe)
    flagged = {(row, column) for _, row, column in recipe.pixel_replace.flagged}
    return DetectorPixels(
        images={1: image},
        maps={1: same_pixels(image)},
        bad={1: bad_pixels(image, flagged)},
        jumps={},
    )
