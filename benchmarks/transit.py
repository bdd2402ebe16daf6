"""How well transit depths come out of simulated slitless series, with known truth.

Run as ``python benchmarks/transit.py``; 50 series of 60 integrations take some minutes. Each seed
has its own noise, cosmic rays, bad pixels, motion of the source and drift of the sky. Rates are
calibrated by the simulated flat and photom as the pipeline's steps do. In bins of 0.5 µm a
constant, a slope in time, the transit's shape and the shape of the start-up systematic are fitted
to the light curve, each integration weighted by its error. Four ways:

- none: no background is subtracted;
- extract_1d: the median of the regions of the reference file;
- 2-D: the 2-D background of each integration, from columns beside the trace;
- 2-D, cleaned: the same after outliers in time were replaced.

Printed for each: the mean of found less true depth, in ppm and in standard errors of that mean;
the part of depths within one and two errors of the truth (68 and 95 % if errors can be believed);
and the scatter of the residuals over the limit set by photons and detector.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.model.references.references import packaged_references
from lrs_explorer.model.series.extractor import SeriesExtractor
from lrs_explorer.model.series.images import TimeSeriesImages, open_series
from lrs_explorer.model.series.outliers import find_outliers
from lrs_explorer.model.series.sky import SkySource
from lrs_explorer.simulator import instrument, slitless_instrument
from lrs_explorer.simulator.reference_models import flat_field
from lrs_explorer.simulator.slitless_scene import SlitlessScene, simulate_integrations

EDGES = np.arange(5.0, 12.01, 0.5)  # micron
BACKGROUND = lrs.SlitlessBackground(True)
PLAIN = lrs.Recipe(mode="slitless")
WITHOUT = PLAIN.replace(background=lrs.Background())


def write_series(scene: SlitlessScene, folder: Path) -> tuple[Path, Path]:
    """Write a scene as calints and rateints."""
    pieces = list(simulate_integrations(scene))
    planes = (
        np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("rate", "var_poisson", "var_rnoise", "dq")
    )
    return write_rates(folder, *planes)


def write_rates(
    folder: Path, data: np.ndarray, poisson: np.ndarray, rnoise: np.ndarray, dq: np.ndarray
) -> tuple[Path, Path]:
    """Write rates and their variances as calints and rateints.

    The former are the rates over the flat, times the photometric conversion.
    """
    prism = slitless_instrument.PRISM
    flat = prism.part(flat_field())
    rows = np.clip(np.arange(prism.shape[0]), *slitless_instrument.lit_rows(prism))
    wavelength = slitless_instrument.wavelength_at_row(rows)
    conversion = instrument.PHOTMJSR * instrument.relative_response(wavelength)[:, None] / flat
    rates = {"SCI": data, "VAR_POISSON": poisson, "VAR_RNOISE": rnoise}
    calints = {
        "SCI": data * conversion,
        "VAR_POISSON": poisson * conversion**2,
        "VAR_RNOISE": rnoise * conversion**2,
        "VAR_FLAT": (data * conversion * 0.001 / flat) ** 2,
    }
    return _write(folder, "calints", calints, dq), _write(folder, "rateints", rates, dq)


def _write(folder: Path, kind: str, values: dict[str, np.ndarray], dq: np.ndarray) -> Path:
    path = folder / f"jw90011001001_04103_00001-seg001_mirimage_{kind}.fits"
    values["ERR"] = np.sqrt(sum(values[name] for name in values if name != "SCI"))
    with fits.open(lrs.demo("slitless").products[kind][0]) as hdus:
        hdus[0].header["INTSTART"], hdus[0].header["INTEND"] = 1, len(dq)
        hdus[0].header["EXSEGTOT"] = 1
        for name, array in values.items():
            hdus[name].data = array.astype(np.float32)
        hdus["DQ"].data = dq
        times = np.zeros(len(dq), hdus["INT_TIMES"].data.dtype)
        times["integration_number"] = 1 + np.arange(len(dq))
        for column in times.dtype.names[1:]:
            times[column] = 61085.2 + np.arange(len(dq)) * 1.1e-4
        hdus["INT_TIMES"].data = times
        hdus.writeto(path, overwrite=True)
    return path


def ways(
    series: TimeSeriesImages, rates: TimeSeriesImages
) -> dict[str, tuple[TimeSeriesImages, lrs.Recipe]]:
    """Return the series and the recipe of each way."""
    sky = SkySource(series, rates)
    assert sky.images is rates
    flat = sky.measure(BACKGROUND, None)
    found = find_outliers(series)
    cleaned = series.adjusted(lambda chunk: found.fix(chunk, "replace"))
    return {
        "none": (series, WITHOUT),
        "extract_1d": (series, PLAIN),
        "2-D": (flat.subtracted(series), WITHOUT),
        "2-D, cleaned": (flat.subtracted(cleaned), WITHOUT),
    }


def fitted(scene: SlitlessScene, flux: np.ndarray, error: np.ndarray) -> tuple[float, float, float]:
    """Return depth, its error, and the scatter of the residuals over the expected one."""
    systematic = np.exp(-scene.phase / scene.systematic_scale)
    slope = scene.phase - scene.mid
    design = np.column_stack([np.ones_like(flux), -scene.transit_shape, systematic, slope])
    weighted = design / error[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    found = covariance @ weighted.T @ (flux / error)
    level, lost = found[:2]
    depth = lost / level
    # Of the quotient; level and loss go together.
    variance = covariance[1, 1] - 2 * depth * covariance[0, 1] + depth**2 * covariance[0, 0]
    residual = flux - design @ found
    scatter = np.sqrt(np.mean((residual / error) ** 2) * len(flux) / (len(flux) - len(found)))
    return depth, float(np.sqrt(variance)) / level, float(scatter)


def true_depth(scene: SlitlessScene, lower: float, upper: float) -> float:
    """Return the depth of a bin, weighted by the flux of its rows."""
    rows = np.arange(slitless_instrument.FIRST_ROW, slitless_instrument.LAST_ROW + 1)
    wavelength = slitless_instrument.wavelength_at_row(rows)
    inside = (wavelength >= lower) & (wavelength <= upper)
    flux = scene.flux_at(wavelength[inside])
    return float((flux * scene.seen_depth(wavelength[inside])).sum() / flux.sum())


def main() -> None:
    """Run all seeds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=50)
    options = parser.parse_args()
    references = packaged_references("slitless")
    results: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as name:
        for seed in range(options.seeds):
            scene = SlitlessScene(seed=seed)
            calints, rateints = write_series(scene, Path(name))
            both = open_series("calints", [calints]), open_series("rateints", [rateints])
            for way, (series, recipe) in ways(*both).items():
                spectra = SeriesExtractor(series, references).extract(recipe)
                for lower, upper in pairwise(EDGES):
                    curve = spectra.light_curve((lower, upper))
                    assert curve.flux_error is not None
                    depth, error, scatter = fitted(scene, curve.flux, curve.flux_error)
                    off = depth - true_depth(scene, lower, upper)
                    results.setdefault(way, []).append((off, error, scatter))
    print(f"{options.seeds} series, {len(EDGES) - 1} bins of 0.5 µm")
    print("| | bias, ppm | in its errors | within 1 σ | within 2 σ | scatter / limit |")
    print("|---|---|---|---|---|---|")
    for way, found in results.items():
        off, error, scatter = np.array(found).T
        mean = off.mean()
        own = off.std(ddof=1) / np.sqrt(len(off))
        near = [np.mean(np.abs(off) < n * error) for n in (1, 2)]
        print(
            f"| {way} | {mean * 1e6:+.0f} | {mean / own:+.1f} | {near[0]:.1%} | {near[1]:.1%} "
            f"| {np.median(scatter):.2f} |"
        )


if __name__ == "__main__":
    main()
