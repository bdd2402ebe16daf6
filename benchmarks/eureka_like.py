"""The same extraction as stage 3 of Eureka! is set to do it, beside the live path.

Run as ``python benchmarks/eureka_like.py``; it takes some ten seconds. Eureka! (Bell et al. 2022,
JOSS 7, 4503) is not on PyPI, so its steps are written here with numpy alone. Settings are those of
its template for MIRI LRS (``S3_miri_lrs_template.ecf``), but all wavelengths are extracted:

- ``bg_thresh = [4, 4]``: pixels of the background 4 sigma off their mean in time are left out,
  twice;
- ``bg_hw = 10``, ``bg_deg = 0``, ``p3thresh = 5``: a constant is fitted to the background at each
  wavelength of each integration, the worst pixel beyond 5 times the mean difference of neighbours
  (``bg_method = mean``) is left out, until there is none;
- ``spec_hw = 4``: 8 pixels around the trace; a box, or an optimal extraction (Horne 1986) with the
  median frame as profile (``fittype = meddata``), the worst pixel of a wavelength beyond
  ``p7thresh = 10`` sigma left out, until there is none.

The background is fitted twice over: wavelength by wavelength with ``numpy.polyfit``, as Eureka!
does, and at all wavelengths of an integration at once. All take turns in one process; ratios are
those of processor times. What is compared with is the live path with the same columns and
aperture, without aperture correction, and the same with outliers in time replaced.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from timeseries import now, since, write_series

import lrs_explorer as lrs
from lrs_explorer.model.data.robust import median
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import TimeSeriesImages, open_series
from lrs_explorer.model.series.light_curve import TimeScatter
from lrs_explorer.model.series.outliers import find_outliers

Fit = Callable[[np.ndarray, np.ndarray], np.ndarray]

CENTER, HALF_WIDTH, BG_HW = 37.5, 4, 10
REGIONS = ((12.5, CENTER - BG_HW), (CENTER + BG_HW, 64.5))  # xwindow = [13, 64]
BG_THRESH, P3THRESH, P7THRESH = 4.0, 5.0, 10.0
RECIPE = lrs.Recipe(
    mode="slitless",
    aperture=lrs.Aperture(CENTER, 2.0 * HALF_WIDTH),
    background=lrs.Background(REGIONS, "mean"),
    extraction=lrs.Extraction(apply_apcorr=False),
)


def eureka_like(series: TimeSeriesImages, optimal: bool, fit: Fit) -> np.ndarray:
    """Return the flux of all integrations, shape (n_integrations, n_wave), unit of the images."""
    chunks = list(series.chunks())
    data = np.concatenate([chunk.valid_data for chunk in chunks]).astype(float)
    variance = np.concatenate([chunk.var_poisson + chunk.var_rnoise for chunk in chunks])
    columns = np.arange(data.shape[2])
    outside = np.any([(columns > low) & (columns < high) for low, high in REGIONS], axis=0)
    good = np.isfinite(data)
    good[..., outside] &= steady(data[..., outside], good[..., outside])
    inside = slice(round(CENTER - HALF_WIDTH + 0.5), round(CENTER + HALF_WIDTH + 0.5))
    less = np.empty((*data.shape[:2], 2 * HALF_WIDTH))
    for i in range(len(data)):
        level = fit(data[i][:, outside], good[i][:, outside])
        less[i] = data[i, :, inside] - level[:, None]
    usable = good[..., inside]
    if not optimal:
        return np.where(usable, less, 0.0).sum(axis=2)
    typical = median(np.where(usable, less, np.nan))
    typical = np.maximum(np.nan_to_num(typical), 0.0)
    total = typical.sum(axis=1, keepdims=True)
    profile = np.divide(typical, total, out=np.zeros_like(typical), where=total > 0)
    return np.stack(
        [
            optimally(one, mask, profile, noise[:, inside])
            for one, mask, noise in zip(less, usable, variance, strict=True)
        ]
    )


def steady(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Return which pixels stay within ``bg_thresh`` of their mean in time, looked at twice."""
    good = good.copy()
    for _ in range(2):
        known = np.where(good, values, 0.0)
        count = np.maximum(good.sum(axis=0), 1)
        middle = known.sum(axis=0) / count
        square = np.where(good, (values - middle) ** 2, 0.0)
        good &= np.abs(values - middle) <= BG_THRESH * np.sqrt(square.sum(axis=0) / count)
    return good


def one_by_one(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Fit a constant to each wavelength in turn, the worst pixel left out until none is beyond."""
    level = np.zeros(len(values))
    for row, (pixels, usable) in enumerate(zip(values, good, strict=True)):
        left = np.flatnonzero(usable)
        while left.size > 1:
            level[row] = np.polyfit(left, pixels[left], 0)[0]
            residual = pixels[left] - level[row]
            sigma = np.abs(np.diff(residual)).mean()
            worst = np.abs(residual).argmax()
            if abs(residual[worst]) <= P3THRESH * sigma:
                break
            left = np.delete(left, worst)
    return level


def at_once(values: np.ndarray, good: np.ndarray) -> np.ndarray:
    """Do the same as `one_by_one` at all wavelengths at once, to rounding."""
    good = good.copy()
    rows, places = np.arange(len(values)), np.arange(values.shape[1])
    while True:
        level = np.where(good, values, 0.0).sum(axis=1) / np.maximum(good.sum(axis=1), 1)
        residual = np.where(good, values - level[:, None], 0.0)
        # The usable pixel before each: differences are between neighbours that are left.
        before = np.maximum.accumulate(np.where(good, places, -1), axis=1)[:, :-1]
        pair = good[:, 1:] & (before >= 0)
        steps = np.abs(residual[:, 1:] - np.take_along_axis(residual, np.maximum(before, 0), 1))
        sigma = np.where(pair, steps, 0.0).sum(axis=1) / np.maximum(pair.sum(axis=1), 1)
        worst = np.abs(residual).argmax(axis=1)
        beyond = (np.abs(residual[rows, worst]) > P3THRESH * sigma) & (good.sum(axis=1) > 2)
        if not beyond.any():
            return level
        good[rows[beyond], worst[beyond]] = False


def optimally(
    data: np.ndarray, good: np.ndarray, profile: np.ndarray, variance: np.ndarray
) -> np.ndarray:
    """Return the optimal flux of one integration, shape (n_wave,)."""
    good = good & (variance > 0)
    rows = np.arange(len(data))
    weight = np.where(good, 1.0 / np.where(good, variance, 1.0), 0.0)
    filled = np.where(good, data, 0.0)
    while True:
        kept = weight * good
        norm = (profile**2 * kept).sum(1)
        flux = (profile * filled * kept).sum(1) / np.where(norm > 0, norm, np.inf)
        square = np.where(good, (filled - flux[:, None] * profile) ** 2 * weight, 0.0)
        worst = square.argmax(axis=1)
        beyond = square[rows, worst] > P7THRESH**2
        if not beyond.any():
            return flux
        good[rows[beyond], worst[beyond]] = False


def white_scatter(wavelength: np.ndarray, flux: np.ndarray) -> float:
    """Return the scatter of the white light curve from point to point, ppm."""
    inside = (wavelength >= 5.0) & (wavelength <= 12.0)
    return 1e6 * TimeScatter.of(np.nansum(flux[:, inside], axis=1)).point_to_point


def main() -> None:
    """Let all take turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--integrations", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    references = packaged_references("slitless")
    with tempfile.TemporaryDirectory() as name:
        paths = write_series(Path(name), options.integrations)
        dragged = SeriesExtractor(open_series("calints", paths), references)
        dragged.flux(RECIPE)
        shifts = iter(np.linspace(0.1, 0.9, 2 * options.rounds + 1))

        def live() -> np.ndarray:
            return SeriesExtractor(open_series("calints", paths), references).extract(RECIPE).flux

        def drag() -> np.ndarray:
            moved = lrs.Aperture(CENTER + float(next(shifts)), 2.0 * HALF_WIDTH)
            return dragged.flux(RECIPE.replace(aperture=moved)).flux

        def clean() -> np.ndarray:
            series = open_series("calints", paths)
            found = find_outliers(series)
            fixed = series.adjusted(lambda chunk: found.fix(chunk, "replace"))
            return SeriesExtractor(fixed, references).extract(RECIPE).flux

        def like(optimal: bool, fit: Fit) -> Callable[[], np.ndarray]:
            return lambda: eureka_like(open_series("calints", paths), optimal, fit)

        ways: dict[str, Callable[[], np.ndarray]] = {
            "live, all 18 columns, with opening": live,
            "live, a drag": drag,
            "live, all 18 columns, outliers replaced": clean,
            "Eureka!-like, box, by wavelength": like(False, one_by_one),
            "Eureka!-like, optimal, by wavelength": like(True, one_by_one),
            "Eureka!-like, box, all wavelengths at once": like(False, at_once),
            "Eureka!-like, optimal, all wavelengths at once": like(True, at_once),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        found = {way: work() for way, work in ways.items()}
        for kind in ("box", "optimal"):
            one, other = (
                found[f"Eureka!-like, {kind}, {how}"]
                for how in ("by wavelength", "all wavelengths at once")
            )
            assert np.allclose(one, other, rtol=1e-9, atol=1e-9 * np.abs(one).max()), kind
        for _ in range(options.rounds):
            for way, work in ways.items():
                begun = now()
                work()
                taken[way].append(since(begun)[1])
        rows = dragged.series.typical.row_wavelength
    order = np.argsort(rows[np.isfinite(rows)])
    usable = np.flatnonzero(np.isfinite(rows))[order]
    base = statistics.median(taken["live, all 18 columns, with opening"])
    print(f"{options.integrations} integrations, seconds of processor time:")
    print("| | s | / live | scatter of the white light, ppm |\n|---|---|---|---|")
    for way, seconds in taken.items():
        flux = found[way] if "live" in way else found[way][:, usable]
        middle = statistics.median(seconds)
        scatter = white_scatter(rows[usable], flux)
        print(f"| {way} | {middle:.3f} | {middle / base:.2f} | {scatter:.0f} |")


if __name__ == "__main__":
    main()
