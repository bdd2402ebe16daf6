"""Which aperture gives the quietest light curve: scatter against width and center."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.recipe.recipe import Aperture, Recipe
from lrs_explorer.model.series.extractor import SeriesExtractor

__all__ = ["OFFSETS", "WidthScan", "scan_widths"]

WIDTHS = tuple(np.arange(3.0, 21.0, 1.0))
OFFSETS = (-1.0, -0.5, 0.0, 0.5, 1.0)
"""Of centers from the aperture's, pixels."""


@dataclass(frozen=True, eq=False)
class WidthScan:
    """Scatter of the light curve for a grid of apertures.

    Parameters
    ----------
    widths : ndarray, shape (n_widths,), pixels
    centers : ndarray, shape (n_centers,), pixels
    scatter : ndarray, shape (n_centers, n_widths)
        From point to point, relative to the flux; NaN where the aperture does not fit.
    expected : ndarray, shape (n_centers, n_widths)
        The limit set by photons and detector.
    best : Aperture
        That of the least scatter.
    """

    widths: FloatArray
    centers: FloatArray
    scatter: FloatArray
    expected: FloatArray
    best: Aperture


def scan_widths(
    extractor: SeriesExtractor,
    recipe: Recipe,
    widths: Sequence[float] = WIDTHS,
    centers: Sequence[float] | None = None,
    wavelength_range: tuple[float, float] = NOMINAL_RANGE,
    shifts: FloatArray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> WidthScan:
    """Measure the scatter of the light curve for each width and center.

    Parameters
    ----------
    extractor : SeriesExtractor
    recipe : Recipe
        Its background and other choices are kept.
    widths : sequence of float, pixels
    centers : sequence of float, pixels, optional
        By default the recipe's aperture and up to a pixel on either side.
    wavelength_range : (float, float), micron
    shifts : ndarray, shape (n_integrations,), pixels, optional
        See `SeriesExtractor.flux`.
    progress : callable, optional
        Told how many of how many apertures are done; what it raises ends the scan.

    Raises
    ------
    LRSExplorerError
        An aperture lies outside the image, or cannot be extracted.
    """
    placed = extractor.resolve(recipe)
    if centers is None:
        centers = [placed.aperture.center + offset for offset in OFFSETS]
    # A background of the reference file would move with the aperture.
    recipe = recipe.replace(background=placed.background)
    scatter = np.full((len(centers), len(widths)), np.nan)
    expected = scatter.copy()
    for i, center in enumerate(centers):
        for j, width in enumerate(widths):
            aperture = Aperture(center, width, placed.aperture.trace)
            spectra = extractor.flux(recipe.replace(aperture=aperture), shifts)
            curve = spectra.light_curve(wavelength_range)
            scatter[i, j] = curve.scatter.point_to_point
            expected[i, j] = curve.expected_scatter
            if progress is not None:
                progress(i * len(widths) + j + 1, scatter.size)
    # One integration has no scatter: then nothing is better than the middle.
    row, column = len(centers) // 2, 0
    if np.isfinite(scatter).any():
        row, column = divmod(int(np.nanargmin(scatter)), len(widths))
    return WidthScan(
        np.asarray(widths, float),
        np.asarray(centers, float),
        scatter,
        expected,
        Aperture(float(centers[row]), float(widths[column]), placed.aperture.trace),
    )
