"""Simulate a slit observation: two nods as pipeline input, their associations and their truth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lrs_explorer.simulator import acquisition, detector_image, instrument
from lrs_explorer.simulator.acquisition import AcquisitionImage
from lrs_explorer.simulator.detector_image import Defects, SimulatedExposure
from lrs_explorer.simulator.exposure_file import write_acquisition, write_ramp, write_rate
from lrs_explorer.simulator.instrument import Array
from lrs_explorer.simulator.ramps import Ramp, read_ramp
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.truth import describe_defects, true_spectrum, write_truth

__all__ = [
    "SlitFiles",
    "SlitScene",
    "acquire",
    "expose_nods",
    "paint_nods",
    "read_nods",
    "simulate_slit",
]


@dataclass(frozen=True)
class SlitFiles:
    """Paths of what `simulate_slit` wrote.

    Attributes
    ----------
    rates : tuple of Path
        With ramps these do not exist until `lrs_explorer.simulator.processing.fit_ramps` has
        made them.
    ramps : tuple of Path
        Empty where the scene has none.
    acquisitions : tuple of Path
        Rate files of the target acquisition and of its verification.
    spec2_associations : tuple of Path
    spec3_association, truth, defects : Path
    """

    rates: tuple[Path, ...]
    ramps: tuple[Path, ...]
    acquisitions: tuple[Path, ...]
    spec2_associations: tuple[Path, ...]
    spec3_association: Path
    truth: Path
    defects: Path


def simulate_slit(scene: SlitScene, output_dir: str | Path) -> SlitFiles:
    """Simulate both nods of a slit observation and write them as pipeline input.

    Parameters
    ----------
    scene : SlitScene
    output_dir : str or Path
        Folder for the files; made when it does not exist, files of the same name are replaced.

    Returns
    -------
    SlitFiles
        Rate files or ramps of the nods, rate files of the target acquisition, spec2 associations
        (each nod with the other as its background, and the verification image), the spec3
        association (of the cal files that spec2 will make), ``truth.ecsv`` and ``defects.json``.
    """
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    numbers = range(1, len(scene.nod_offsets) + 1)
    rates = tuple(folder / f"{scene.exposure_name(number)}_rate.fits" for number in numbers)
    ramps: tuple[Path, ...] = ()
    exposures: Sequence[SimulatedExposure | Ramp]
    if scene.ramps:
        readings, defects = read_nods(scene)
        # Named as the pipeline names what its last step before jump saves.
        ramps = tuple(folder / f"{scene.exposure_name(n)}_dark_current.fits" for n in numbers)
        for number, ramp, path in zip(numbers, readings, ramps, strict=True):
            write_ramp(scene, ramp, number, path)
        exposures = readings
    else:
        images, defects = expose_nods(scene)
        for number, exposure, path in zip(numbers, images, rates, strict=True):
            write_rate(scene, exposure, number, path)
        exposures = images
    seen, acquisitions = acquire(scene), []
    for taken, view in zip(acquisition.ACQUISITIONS, seen, strict=True):
        path = folder / f"{scene.acquisition_name(taken.activity)}_rate.fits"
        write_acquisition(scene, taken, view, path)
        acquisitions.append(path)
    spec2, spec3 = _write_associations(scene, folder)
    truth = folder / "truth.ecsv"
    write_truth(scene, truth)
    record = folder / "defects.json"
    record.write_text(
        json.dumps(describe_defects(scene, exposures, defects, seen), indent=1) + "\n",
        encoding="utf-8",
    )
    return SlitFiles(rates, ramps, tuple(acquisitions), spec2, spec3, truth, record)


def expose_nods(scene: SlitScene) -> tuple[list[SimulatedExposure], Defects]:
    """Make the rate images of both nods in memory, without ramps."""
    seen, traces, defects, seeds = paint_nods(scene)
    exposures = [
        detector_image.expose(
            image,
            trace,
            defects,
            np.random.default_rng(seed),
            n_groups=scene.n_groups,
            n_integrations=scene.n_integrations,
            error_factor=scene.error_factor,
            frame_time=scene.region.frame_time,
        )
        for image, trace, seed in zip(seen, traces, seeds, strict=True)
    ]
    return exposures, defects


def read_nods(scene: SlitScene) -> tuple[list[Ramp], Defects]:
    """Make the ramps of both nods in memory."""
    seen, traces, defects, seeds = paint_nods(scene)
    ramps = [
        read_ramp(image, trace, defects, scene, seed)
        for image, trace, seed in zip(seen, traces, seeds, strict=True)
    ]
    return ramps, defects


def acquire(scene: SlitScene) -> list[AcquisitionImage]:
    """Paint the target acquisition images, in the order of `acquisition.ACQUISITIONS`."""
    wavelength, _, intrinsic = true_spectrum(scene)
    flux = acquisition.flux_in_filter(wavelength, intrinsic)
    # A stream of their own: without them the nods have the same noise.
    streams = np.random.SeedSequence([scene.seed, 1]).spawn(len(acquisition.ACQUISITIONS))
    return [
        acquisition.paint(
            exposure,
            flux,
            scene.position_error,
            scene.slit_offset,
            np.random.default_rng(stream),
        )
        for exposure, stream in zip(acquisition.ACQUISITIONS, streams, strict=True)
    ]


def paint_nods(
    scene: SlitScene,
) -> tuple[list[Array], list[Array], Defects, list[np.random.SeedSequence]]:
    """Paint the nods without noise.

    Returns
    -------
    seen : list of ndarray, shape of the region, DN/s
        Count rates with their flat field.
    traces : list of ndarray, shape (n_rows,), pixels
    defects : Defects
    seeds : list of SeedSequence
        For the noise of each nod.
    """
    # Imported here: the flat lives with the reference files, which need stdatamodels.
    from lrs_explorer.simulator.reference_models import flat_field

    # One stream per purpose: more bad pixels must not change the noise.
    seed, *seeds = np.random.SeedSequence(scene.seed).spawn(1 + len(scene.nod_offsets))
    rows = np.arange(*detector_image.REGION_ROWS, dtype=float)
    traces = [
        detector_image.true_trace(along, scene.trace_residual, rows)
        for along in scene.true_positions
    ]
    defects = detector_image.draw_defects(
        np.random.default_rng(seed),
        (scene.bad_pixels, scene.hot_pixels, scene.dead_pixels),
        traces,
        scene.on_trace,
    )
    flat = flat_field()[slice(*detector_image.REGION_ROWS), slice(*detector_image.REGION_COLUMNS)]
    wavelength = instrument.wavelength_at_row(rows)
    grid, true_flux, _ = true_spectrum(scene)
    flux = np.interp(wavelength, grid, true_flux)
    background = instrument.thermal_background(wavelength, scene.background_level)
    seen = []
    for number, (along, trace) in enumerate(zip(scene.true_positions, traces, strict=True)):
        sky = background * (1.0 + scene.background_drift * number)
        expected = detector_image.expected_rate(
            flux, sky, wavelength, trace, along, scene.slit_offset
        )
        seen.append(expected * flat)
    return seen, traces, defects, seeds


def _write_associations(scene: SlitScene, folder: Path) -> tuple[tuple[Path, ...], Path]:
    numbers = range(1, len(scene.nod_offsets) + 1)
    program = f"{scene.program:05d}"
    root = f"jw{program}-o{scene.observation:03d}"

    def write(kind: str, number: int, product: str, members: list[tuple[str, str]]) -> Path:
        path = folder / f"{root}_{kind}_{number:05d}_asn.json"
        association = {
            "asn_type": kind,
            "asn_id": f"o{scene.observation:03d}",
            "asn_rule": "simulated",
            "asn_pool": "none",
            "program": program,
            "target": "t001",
            "products": [
                {
                    "name": product,
                    "members": [{"expname": name, "exptype": use} for name, use in members],
                }
            ],
        }
        path.write_text(json.dumps(association, indent=1) + "\n", encoding="utf-8")
        return path

    confirm = acquisition.ACQUISITIONS[-1]
    seen_in_slit = f"{scene.acquisition_name(confirm.activity)}_rate.fits"
    spec2 = []
    for number in numbers:
        science = (f"{scene.exposure_name(number)}_rate.fits", "science")
        others = [
            (f"{scene.exposure_name(other)}_rate.fits", "background")
            for other in numbers
            if other != number
        ]
        members = [science, *others, (seen_in_slit, "target_acquisition")]
        spec2.append(write("spec2", number, scene.exposure_name(number), members))
    cals = [(f"{scene.exposure_name(number)}_cal.fits", "science") for number in numbers]
    return tuple(spec2), write("spec3", 1, scene.product_name, cals)
