"""Where aperture and background of a recipe really lie on an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.files.recognition import MOVED, target_moved
from lrs_explorer.model.live.geometry import EdgePair, background_regions, source_regions
from lrs_explorer.model.live.parameters import Parameters
from lrs_explorer.model.live.source import HeaderSource
from lrs_explorer.model.recipe.recipe import Aperture, Background, Recipe

__all__ = ["Located", "Placement", "locate", "placement"]

FloatArray = NDArray[np.floating[Any]]

STRAIGHT = 1e-6
"""Pixels by which the edges of a straight aperture may differ along the spectrum (rounding)."""

TRACE_ORDER = 3
"""Order of the polynomial that stands for a curved trace from the header."""


@dataclass(frozen=True, eq=False)
class Placement:
    """Where aperture and background really are, as the pipeline takes them.

    Positions are image pixels along the cross-dispersion axis, 0-indexed; pixel *i* covers
    [i - 0.5, i + 0.5].

    Parameters
    ----------
    lower, upper : ndarray, shape (n_wave,), pixels
        Edges of the aperture at each dispersion element; NaN where it has none.
    aperture : Aperture
        The recipe's aperture, or an explicit one at the same place: straight, or with a polynomial
        for a trace that is curved.
    background : Background
        The background as explicit regions; no regions where none is subtracted.
    placed_by : {"user", "header", "reference"}
        The recipe's aperture, the source position in the header, or the reference file alone.
    source : float or None
        The source by the header at the middle of the spectrum, pixels. None where the recipe does
        not use it (asking would need the WCS) or the header does not tell, as of a target that
        moved between the exposures of a combined image.
    notes : tuple of str
        Plain sentences the user must see.
    """

    lower: FloatArray
    upper: FloatArray
    aperture: Aperture
    background: Background
    placed_by: Literal["user", "header", "reference"]
    source: float | None
    notes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Located:
    """An extraction's parameters after the pipeline has moved everything to its place."""

    parameters: Parameters
    regions: list[EdgePair]
    background: list[EdgePair]
    trace: FloatArray | None
    source: HeaderSource | None

    def limits(self, shape: tuple[int, int]) -> tuple[float, float]:
        """Return the mean inclusive limits that the pipeline writes down (pixels, 0-indexed).

        Means are taken over arrays as large, and laid out in memory, as in jwst's ``box_profile``:
        that decides how they are rounded.
        """
        if self.parameters.src_coeff is not None:
            means = [
                [np.mean(np.broadcast_to(limit, shape).copy()) for limit in (r.lower, r.upper)]
                for r in self.regions
            ]
            return float(np.min(means, axis=0)[0]), float(np.max(means, axis=0)[1])
        (region,) = self.regions
        if region.lower.ndim:
            tiled = [np.tile(limit[:, 0], (shape[1], 1)) for limit in (region.lower, region.upper)]
            return float(np.nanmean(tiled[0])), float(np.nanmean(tiled[1]))
        return float(region.lower), float(region.upper)


def locate(
    parameters: Parameters,
    offsets: list[float],
    source: HeaderSource | None,
    wavelength: FloatArray,
) -> Located:
    """Move an aperture and its background as the pipeline does.

    Parameters
    ----------
    parameters : Parameters
    offsets : list of float
        Shifts, in the order in which the pipeline adds them, pixels.
    source : HeaderSource or None
        The source by the header, where the extraction uses it.
    wavelength : ndarray, shape (n_wave, n_cross), micron
    """
    for offset in offsets:
        parameters = parameters.shifted(offset)
    trace = source.trace if source else None
    if trace is not None and parameters.position_offset != 0.0:
        trace = trace + parameters.position_offset
    return Located(
        parameters=parameters,
        regions=source_regions(parameters, wavelength, trace),
        background=background_regions(parameters, wavelength),
        trace=trace,
        source=source,
    )


def placement(recipe: Recipe, located: Located, image: SpectralImage) -> Placement:
    """Describe a located extraction for those who show it.

    Raises
    ------
    LRSExplorerError
        The aperture or a background region lies wholly outside the image.
    """
    n_wave, n_cross = image.shape
    parameters = located.parameters
    edges = [_edges(region, n_wave) for region in located.regions]
    lower = np.min([low for low, _ in edges], axis=0)
    upper = np.max([high for _, high in edges], axis=0)
    _check_inside("the aperture", lower, upper, n_cross)
    bands, notes = [], []
    moved = image.path is not None and target_moved(image.path, image.header)
    for region in located.background:
        low, high = _edges(region, n_wave)
        if recipe.background is None and not _is_inside(low, high, n_cross):
            notes.append("a background region of the reference file lies outside the image")
            continue
        _check_inside("a background region", low, high, n_cross)
        bands.append((float(np.nanmean(low)), float(np.nanmean(high))))

    placed_by: Literal["user", "header", "reference"] = "reference"
    if recipe.aperture is not None:
        placed_by = "user"
    elif located.source is not None:
        placed_by = "header"
        if moved:
            notes.append(
                f"where the source is {MOVED}; the pipeline places the aperture by them all the "
                "same: put it on the trace"
            )
    elif parameters.use_source_posn:
        notes.append(
            "the header gives no usable source position: the aperture is where the reference file "
            "has it"
        )
    if np.nanmin(lower) < -0.5 or np.nanmax(upper) > n_cross - 0.5:
        notes.append("the aperture reaches beyond the image")
    background = recipe.background
    if background is None and bands:
        background = Background(
            tuple(bands),
            bkg_fit=str(parameters.bkg_fit),
            bkg_order=parameters.bkg_order,
            smoothing_length=parameters.smoothing_length,
        )
    return Placement(
        lower=lower,
        upper=upper,
        aperture=recipe.aperture or _equivalent(lower, upper),
        background=background or Background(),
        placed_by=placed_by,
        source=located.source.location if located.source and not moved else None,
        notes=tuple(notes),
    )


def _edges(region: EdgePair, n_wave: int) -> tuple[FloatArray, FloatArray]:
    """Return the edges of a region at each dispersion element, shape (n_wave,)."""
    edges = []
    for limit, outward in ((region.lower, -0.5), (region.upper, 0.5)):
        edge = limit + outward
        if edge.ndim == 2:
            finite = np.isfinite(edge)
            count = finite.sum(axis=1)
            total = np.where(finite, edge, 0.0).sum(axis=1)
            edge = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        edges.append(np.broadcast_to(edge, n_wave))
    return edges[0], edges[1]


def _is_inside(lower: FloatArray, upper: FloatArray, n_cross: int) -> bool:
    return bool(np.any((upper > -0.5) & (lower < n_cross - 0.5)))


def _check_inside(what: str, lower: FloatArray, upper: FloatArray, n_cross: int) -> None:
    if not _is_inside(lower, upper, n_cross):
        raise LRSExplorerError(
            f"{what} ({np.nanmean(lower):.1f} to {np.nanmean(upper):.1f} px) lies outside the "
            f"image (-0.5 to {n_cross - 0.5} px); move it onto the image."
        )


def _equivalent(lower: FloatArray, upper: FloatArray) -> Aperture:
    """Return an explicit aperture with the given edges."""
    center, width = (lower + upper) / 2, upper - lower
    rows = np.flatnonzero(np.isfinite(center))
    middle = float(center[rows[len(rows) // 2]])
    mean_width = float(np.mean(width[rows]))
    if np.ptp(center[rows]) < STRAIGHT:
        return Aperture(middle, mean_width)
    fitted = np.polynomial.Polynomial.fit(rows, center[rows] - middle, TRACE_ORDER).convert()
    return Aperture(middle, mean_width, tuple(float(c) for c in fitted.coef))
