"""Write simulated slitless series as rateints files with their truth, and process them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from lrs_explorer.simulator import instrument, pointing, slitless_instrument
from lrs_explorer.simulator.exposure_file import PROPOSER_NAME, TITLE, describe_subarray
from lrs_explorer.simulator.pipeline_run import run_pipeline
from lrs_explorer.simulator.references import crds_environment
from lrs_explorer.simulator.slitless_scene import (
    TRUTH_WAVELENGTHS,
    Integrations,
    SlitlessScene,
    simulate_integrations,
)

__all__ = ["SlitlessFiles", "process_slitless", "simulate_slitless"]

START_MJD = 61085.2
BARYCENTRIC = 0.002  # days that light takes to the solar system's barycentre
RA, DEC, ROLL = 287.0, 64.18, 21.0  # degrees


@dataclass(frozen=True)
class SlitlessFiles:
    """Paths of what `simulate_slitless` wrote."""

    rateints: tuple[Path, ...]
    truth: Path
    light_curve: Path
    defects: Path


def simulate_slitless(scene: SlitlessScene, output_dir: str | Path) -> SlitlessFiles:
    """Simulate a series and write it as pipeline input.

    Parameters
    ----------
    scene : SlitlessScene
    output_dir : str or Path
        Folder for the files; made when it does not exist, files of the same name are replaced.

    Returns
    -------
    SlitlessFiles
        Rateints, one for each segment; ``truth.ecsv`` (flux and transit depth by wavelength),
        ``truth_lightcurve.ecsv`` (by integration) and ``defects.json`` (exact pixels).
    """
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    ends = np.linspace(0, scene.n_integrations, scene.n_segments + 1).astype(int)
    rateints, hits = [], []
    for segment in range(scene.n_segments):
        first, last = int(ends[segment]), int(ends[segment + 1])
        pieces = list(simulate_integrations(scene, first, last))
        hits += [hit for piece in pieces for hit in piece.cosmic_rays.tolist()]
        path = folder / f"{_root(scene, segment + 1)}_rateints.fits"
        _write_rateints(scene, pieces, segment + 1, first, last, path)
        rateints.append(path)
    truth, curve, defects = (
        folder / name for name in ("truth.ecsv", "truth_lightcurve.ecsv", "defects.json")
    )
    _write_truth(scene, truth, curve)
    bad, hot = scene.defects
    record = {
        "simulated": True,
        "conventions": f"pixels are 0-indexed [row, column] of {scene.subarray}; cosmic rays are "
        "[integration, row, column], all from 0",
        "seed": scene.seed,
        "bad_pixels_flagged": [list(pixel) for pixel in bad],
        "hot_pixels_unflagged": [list(pixel) for pixel in hot],
        "cosmic_rays": hits,
    }
    defects.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return SlitlessFiles(tuple(rateints), truth, curve, defects)


def process_slitless(
    files: SlitlessFiles, cache: str | Path, output_dir: str | Path
) -> tuple[Path, ...]:
    """Run calwebb_spec2 on every segment with default parameters.

    Parameters
    ----------
    files : SlitlessFiles
    cache : path
        CRDS cache from `lrs_explorer.simulator.references.build_crds_cache`.
    output_dir : path

    Returns
    -------
    tuple of Path
        calints and x1dints of each segment.

    Raises
    ------
    LRSExplorerError
        When the pipeline fails.
    """
    environment = crds_environment(cache)
    products: list[Path] = []
    for path in files.rateints:
        products += run_pipeline("calwebb_spec2", path, output_dir, crds=environment).products
    return tuple(products)


def _root(scene: SlitlessScene, segment: int) -> str:
    return f"jw{scene.program:05d}{scene.observation:03d}001_04103_00001-seg{segment:03d}_mirimage"


def _write_rateints(
    scene: SlitlessScene,
    pieces: list[Integrations],
    segment: int,
    first: int,
    last: int,
    path: Path,
) -> None:
    from stdatamodels.jwst import datamodels

    planes = {
        name: np.concatenate([getattr(piece, plane) for piece in pieces])
        for name, plane in (
            ("data", "rate"),
            ("dq", "dq"),
            ("var_poisson", "var_poisson"),
            ("var_rnoise", "var_rnoise"),
        )
    }
    model = datamodels.CubeModel(
        err=np.sqrt(planes["var_poisson"] + planes["var_rnoise"]), **planes
    )
    model.int_times = _int_times(scene, first, last)
    _describe(model.meta, scene, segment, first, last)
    model.save(path)
    model.close()


def _times(scene: SlitlessScene) -> tuple[np.ndarray, float]:
    """Return when each integration began (MJD), and how long it took (days)."""
    length = scene.n_groups * scene.region.frame_time / 86400.0
    reset = scene.region.frame_time / 86400.0
    return START_MJD + np.arange(scene.n_integrations) * (length + reset), length


def _int_times(scene: SlitlessScene, first: int, last: int) -> np.ndarray:
    begun, length = _times(scene)
    begun = begun[first:last]
    moments = {"start": 0.0, "mid": 0.5, "end": 1.0}
    names = [f"int_{moment}_{scale}" for scale in ("MJD_UTC", "BJD_TDB") for moment in moments]
    table = np.zeros(
        last - first, dtype=[("integration_number", "<i4"), *((name, "<f8") for name in names)]
    )
    table["integration_number"] = np.arange(first + 1, last + 1)
    for name in names:
        part = moments[name.split("_")[1]]
        late = BARYCENTRIC if name.endswith("TDB") else 0.0
        table[name] = begun + part * length + late
    return table


def _describe(meta: Any, scene: SlitlessScene, segment: int, first: int, last: int) -> None:
    _identify(meta, scene)
    begun, length = _times(scene)
    exposure = meta.exposure
    exposure.type = "MIR_LRS-SLITLESS"
    exposure.readpatt = "FASTR1"
    exposure.noutputs = 4
    exposure.nints, exposure.ngroups, exposure.nframes = scene.n_integrations, scene.n_groups, 1
    exposure.segment_number, exposure.total_segments = segment, scene.n_segments
    exposure.integration_start, exposure.integration_end = first + 1, last
    exposure.groupgap = exposure.drop_frames1 = 0
    exposure.sample_time = 10.0
    exposure.frame_time = exposure.group_time = scene.region.frame_time
    exposure.integration_time = length * 86400.0
    exposure.exposure_time = exposure.effective_exposure_time = (
        length * 86400.0 * scene.n_integrations
    )
    exposure.measurement_time = exposure.exposure_time
    exposure.start_time, exposure.end_time = float(begun[0]), float(begun[-1] + length)
    exposure.mid_time = (exposure.start_time + exposure.end_time) / 2
    exposure.duration = (exposure.end_time - exposure.start_time) * 86400.0
    meta.bunit_data = meta.bunit_err = "DN/s"
    for step in ("dq_init", "saturation", "refpix", "linearity", "dark_sub", "jump", "ramp_fit"):
        setattr(meta.cal_step, step, "COMPLETE")
    meta.cal_step.gain_scale = "SKIPPED"


def _identify(meta: Any, scene: SlitlessScene) -> None:
    meta.telescope = "JWST"
    meta.origin = "SIMULATION"
    meta.program.title = TITLE
    meta.target.proposer_name = PROPOSER_NAME
    meta.target.catalog_name = scene.target
    meta.target.type = "FIXED"
    meta.target.source_type_apt = "POINT"
    meta.target.ra, meta.target.dec = RA, DEC
    meta.observation.date, meta.observation.time = "2026-02-14", "04:48:00.000"
    meta.observation.program_number = f"{scene.program:05d}"
    meta.observation.observation_number = f"{scene.observation:03d}"
    meta.observation.visit_number = "001"
    meta.observation.visit_group = "04"
    meta.observation.sequence_id = "1"
    meta.observation.activity_id = "03"
    meta.observation.exposure_number = "1"
    meta.visit.type = "PRIME_TARGETED_FIXED"
    meta.visit.tsovisit = True
    meta.instrument.name, meta.instrument.detector = "MIRI", "MIRIMAGE"
    meta.instrument.filter = "P750L"
    describe_subarray(meta, scene.region)
    meta.aperture.name = f"MIRIM_{scene.subarray}"
    wcsinfo = meta.wcsinfo
    wcsinfo.wcsaxes = 3
    wcsinfo.v2_ref, wcsinfo.v3_ref = slitless_instrument.pointing_at(scene.region)
    wcsinfo.vparity = instrument.IDEAL_PARITY
    wcsinfo.v3yangle = slitless_instrument.V3_IDEAL_Y_ANGLE
    # The target is on the reference point; the truth is up to the scene's offset from it.
    wcsinfo.ra_ref, wcsinfo.dec_ref = pointing.offset_sky(RA, DEC, ROLL, 0.0, 0.0)
    wcsinfo.roll_ref = ROLL
    wcsinfo.velosys = 0.0
    wcsinfo.spectral_order = 1
    meta.aperture.position_angle = ROLL + slitless_instrument.V3_IDEAL_Y_ANGLE
    meta.velocity_aberration.scale_factor = 1.0
    meta.velocity_aberration.va_ra_ref, meta.velocity_aberration.va_dec_ref = RA, DEC


def _write_truth(scene: SlitlessScene, truth: Path, curve: Path) -> None:
    wavelength = TRUTH_WAVELENGTHS
    table = Table(
        {
            "wavelength": np.round(wavelength, 4),
            "flux": scene.flux_at(wavelength),
            "transit_depth": scene.seen_depth(wavelength),
        },
        units={"wavelength": "um", "flux": "Jy"},
        meta={
            "comment": "SIMULATED (LRS Explorer). flux: out of transit; transit_depth: in full "
            "transit; both at the resolution of the prism"
        },
    )
    for name in ("flux", "transit_depth"):
        table[name].info.format = ".8g"
    table.write(truth, format="ascii.ecsv", overwrite=True)
    begun, length = _times(scene)
    rows = np.round(np.array([60.0, 208.0, 350.0]) / 416.0 * scene.region.shape[0])
    sky = scene.background_factor(rows)
    times = Table(
        {
            "integration": np.arange(1, scene.n_integrations + 1),
            "mid_bjd_tdb": begun + length / 2 + BARYCENTRIC,
            "transit_shape": scene.transit_shape,
            "source_factor": scene.source_factor,
            "position": scene.position,
            **{f"background_factor_row{row:.0f}": sky[:, i] for i, row in enumerate(rows)},
        },
        units={"mid_bjd_tdb": "d", "position": "pix"},
        meta={
            "comment": "SIMULATED (LRS Explorer). Flux is source_factor * (1 - transit_shape * "
            "transit_depth) times that out of transit; position: column of the source at row "
            f"{scene.region.reference[0]:.0f}"
        },
    )
    for name in times.colnames[2:]:
        times[name].info.format = ".9g"
    times.write(curve, format="ascii.ecsv", overwrite=True)
