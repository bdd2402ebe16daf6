"""Simulated time series in the slit: a transit, seen through what the slit lets pass."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.simulator import acquisition, detector_image, instrument
from lrs_explorer.simulator.detector_image import REGION_COLUMNS, REGION_ROWS, Defects
from lrs_explorer.simulator.exposure_file import describe_nod, placed, write_acquisition
from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.observation import acquire
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.series_file import (
    SeriesFiles,
    Times,
    process_series,
    write_light_curve,
    write_rateints,
)
from lrs_explorer.simulator.transit import Transit
from lrs_explorer.simulator.truth import true_spectrum, write_truth

__all__ = ["SlitSeriesScene", "process_slit_series", "simulate_slit_series"]

JUMP_DET = 4


@dataclass(frozen=True)
class SlitSeriesScene(Transit):
    """Everything that defines a simulated series in the slit, beside its light curve.

    Attributes
    ----------
    slit : SlitScene
        The one exposure, without nods; its integrations are those of the light curve.
    jitter : float, arcsec
        Standard deviation of the source's position across the slit: it loses more light, or less.
    cosmic_rays : float
        Hits that the jump step left, in each integration; half of them flagged JUMP_DET.
    """

    slit: SlitScene = field(
        default_factory=lambda: SlitScene(
            nod_offsets=(0.0,), subarray="SUBSLIT", flux_level=0.02, n_groups=60, program=90012
        )
    )
    jitter: float = 0.005
    cosmic_rays: float = 2.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.slit.nod_offsets) != 1:
            raise ValueError("a series in the slit is one exposure: it has no nods")

    @cached_property
    def across(self) -> Array:
        """Position of the source across the slit in each integration, arcsec."""
        moved = np.random.default_rng((self.slit.seed, 1)).standard_normal(self.n_integrations)
        return np.asarray(self.slit.slit_offset + self.jitter * moved)

    @cached_property
    def defects(self) -> Defects:
        """Wrong pixels of the detector."""
        numbers = self.slit.bad_pixels, self.slit.hot_pixels, self.slit.dead_pixels
        rng = np.random.default_rng((self.slit.seed, 3))
        return detector_image.draw_defects(rng, numbers, [self.trace], self.slit.on_trace)

    @property
    def trace(self) -> Array:
        """Column of the source at each row of the slit's neighbourhood, pixels."""
        (along,) = self.slit.true_positions
        rows = np.arange(*REGION_ROWS, dtype=float)
        return detector_image.true_trace(along, self.slit.trace_residual, rows)

    def name(self, segment: int) -> str:
        """Return the JWST file name root of a segment."""
        return self.slit.exposure_name(1).replace("_mirimage", f"-seg{segment:03d}_mirimage")


def simulate_slit_series(scene: SlitSeriesScene, output_dir: str | Path) -> SeriesFiles:
    """Simulate a series and write it as pipeline input.

    Parameters
    ----------
    scene : SlitSeriesScene
    output_dir : str or Path
        Folder for the files; made when it does not exist, files of the same name are replaced.

    Returns
    -------
    SeriesFiles
        Rateints, one for each segment; rate files of the target acquisition; ``truth.ecsv``,
        ``truth_lightcurve.ecsv`` (by integration) and ``defects.json`` (exact pixels).
    """
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    times = Times(scene, scene.slit.n_groups, scene.slit.region.frame_time)
    rateints, hits = [], []
    for segment, (first, last) in enumerate(scene.segments, start=1):
        planes, rays = _integrations(scene, first, last)
        hits += rays
        path = folder / f"{scene.name(segment)}_rateints.fits"
        identify = partial(describe_nod, scene=scene.slit, number=1)
        write_rateints(path, planes, times, segment, identify)
        rateints.append(path)
    acquisitions = []
    for taken, view in zip(acquisition.ACQUISITIONS, acquire(scene.slit), strict=True):
        acquisitions.append(folder / f"{scene.slit.acquisition_name(taken.activity)}_rate.fits")
        write_acquisition(scene.slit, taken, view, acquisitions[-1])
    files = SeriesFiles(folder, tuple(rateints), tuple(acquisitions))
    write_truth(scene.slit, files.truth)
    write_light_curve(
        files.light_curve,
        times,
        {"across": scene.across},
        {"across": "arcsec"},
        "Flux is source_factor * (1 - transit_shape * depth) times that of truth.ecsv, with a "
        f"depth of {scene.depth:g} and features {scene.features} (center, sigma, more depth); "
        "across: position across the slit",
    )
    record = {
        "simulated": True,
        "conventions": "pixels are 0-indexed [row, column] of the full detector; cosmic rays are "
        "[integration, row, column], all from 0",
        "seed": scene.slit.seed,
        "bad_pixels_flagged": [list(pixel) for pixel in scene.defects.bad],
        "hot_pixels_unflagged": [list(pixel) for pixel in scene.defects.hot],
        "dead_pixels_unflagged": [list(pixel) for pixel in scene.defects.dead],
        "cosmic_rays": hits,
    }
    files.defects.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return files


def process_slit_series(
    files: SeriesFiles, cache: str | Path, output_dir: str | Path
) -> tuple[Path, ...]:
    """Run calwebb_spec2 on every segment (`process_series`), with default parameters but for one.

    Its resample_spec is left out: that of jwst 3.0 stops on integrations.
    """
    return process_series(files, cache, output_dir, {"steps": {"resample_spec": {"skip": True}}})


def _integrations(
    scene: SlitSeriesScene, first: int, last: int
) -> tuple[dict[str, NDArray[Any]], list[list[int]]]:
    """Return the planes of some integrations in their subarray, and the cosmic rays in them."""
    # Imported here: the flat lives with the reference files, which need stdatamodels.
    from lrs_explorer.simulator.reference_models import flat_field

    slit, region = scene.slit, (slice(*REGION_ROWS), slice(*REGION_COLUMNS))
    rows = np.arange(*REGION_ROWS, dtype=float)
    wavelength = instrument.wavelength_at_row(rows)
    grid, true_flux, _ = true_spectrum(slit)
    flux = np.interp(wavelength, grid, true_flux)
    lost = scene.transit_depth(wavelength)
    sky = instrument.thermal_background(wavelength, slit.background_level)
    (along,) = slit.true_positions
    made: dict[str, list[NDArray[Any]]] = {
        name: [] for name in ("rate", "dq", "var_poisson", "var_rnoise")
    }
    hits: list[list[int]] = []
    for number in range(first, last):
        seen = flux * scene.source_factor[number] * (1 - scene.transit_shape[number] * lost)
        expected = detector_image.expected_rate(
            seen, sky, wavelength, scene.trace, along, float(scene.across[number])
        )
        rng = np.random.default_rng((slit.seed, 2, number))
        exposure = detector_image.expose(
            expected * flat_field()[region],
            scene.trace,
            scene.defects,
            rng,
            n_groups=slit.n_groups,
            n_integrations=1,
            error_factor=slit.error_factor,
            frame_time=slit.region.frame_time,
        )
        for name, planes in made.items():
            planes.append(getattr(exposure, name)[region])
        hits += _hit(made["rate"][-1], made["dq"][-1], number, scene.cosmic_rays, rng)
    fills = {"dq": instrument.BAD_PIXEL_BIT}
    return {
        name: placed(np.stack(planes), fills.get(name, np.nan), slit.region)
        for name, planes in made.items()
    }, hits


def _hit(
    rate: NDArray[np.float32],
    dq: NDArray[np.uint32],
    integration: int,
    mean: float,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Let cosmic rays hit an image; every other one is flagged."""
    count = rng.poisson(mean)
    row, column = (rng.integers(0, size, count) for size in rate.shape)
    rate[row, column] += rng.uniform(15.0, 400.0, count).astype(np.float32)
    dq[row[::2], column[::2]] |= JUMP_DET
    on_detector = np.column_stack([row + REGION_ROWS[0], column + REGION_COLUMNS[0]])
    return [[integration, *pixel] for pixel in on_detector.tolist()]
