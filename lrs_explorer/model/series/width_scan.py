"""Which aperture gives a quiet light curve: scatter against width and center.

Of many apertures one is the quietest by chance, and where it lies off the trace it loses light that
comes and goes with the trace's motion. Recommended is therefore, of those that are not noisier than
the scatter itself is uncertain, one whose center is nearest to the trace.
"""

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
    quietest : Aperture
        That of the least scatter.
    best : Aperture
        The recommended one: its scatter is the least one within ``tolerance``.
    tolerance : float
        Relative standard error of a scatter measured on as many integrations.
    cleaned : bool
        Whether pixels that stand out in time were replaced for the scan, and not by the recipe.
    """

    widths: FloatArray
    centers: FloatArray
    scatter: FloatArray
    expected: FloatArray
    quietest: Aperture
    best: Aperture
    tolerance: float = 0.0
    cleaned: bool = False

    def of(self, aperture: Aperture) -> float:
        """Return the scatter of one of the scan's apertures."""
        row = int(np.argmin(np.abs(self.centers - aperture.center)))
        return float(self.scatter[row, int(np.argmin(np.abs(self.widths - aperture.width)))])


def scan_widths(
    extractor: SeriesExtractor,
    recipe: Recipe,
    widths: Sequence[float] = WIDTHS,
    centers: Sequence[float] | None = None,
    wavelength_range: tuple[float, float] = NOMINAL_RANGE,
    shifts: FloatArray | None = None,
    progress: Callable[[int, int], None] | None = None,
    trace: float | None = None,
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
    trace : float, pixels, optional
        Where the trace is; the recipe's aperture by default.

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
    tolerance = 1.0 / np.sqrt(2.0 * max(len(extractor.series) - 1, 1))
    places = np.asarray(centers, float)
    # One integration has no scatter: then nothing is better than the middle.
    least = best = (len(centers) // 2, 0)
    if np.isfinite(scatter).any():
        least = divmod(int(np.nanargmin(scatter)), len(widths))
        alike = scatter <= scatter[least] * (1.0 + tolerance)
        aside = np.abs(places - (placed.aperture.center if trace is None else trace))
        row = int(np.argmin(np.where(alike.any(axis=1), aside, np.inf)))
        best = row, int(np.nanargmin(scatter[row]))

    def aperture_of(at: tuple[int, int]) -> Aperture:
        return Aperture(float(centers[at[0]]), float(widths[at[1]]), placed.aperture.trace)

    return WidthScan(
        np.asarray(widths, float),
        places,
        scatter,
        expected,
        aperture_of(least),
        aperture_of(best),
        float(tolerance),
    )
