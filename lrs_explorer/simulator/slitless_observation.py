"""Write simulated slitless series as rateints files with their truth, and process them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table

from lrs_explorer.simulator import instrument, pointing, slitless_instrument
from lrs_explorer.simulator.exposure_file import PROPOSER_NAME, TITLE, describe_subarray
from lrs_explorer.simulator.series_file import (
    PLANES,
    SeriesFiles,
    Times,
    process_series,
    write_light_curve,
    write_rateints,
)
from lrs_explorer.simulator.slitless_scene import (
    TRUTH_WAVELENGTHS,
    SlitlessScene,
    simulate_integrations,
)

__all__ = ["process_slitless", "simulate_slitless"]

RA, DEC, ROLL = 287.0, 64.18, 21.0  # degrees


def simulate_slitless(scene: SlitlessScene, output_dir: str | Path) -> SeriesFiles:
    """Simulate a series and write it as pipeline input.

    Parameters
    ----------
    scene : SlitlessScene
    output_dir : str or Path
        Folder for the files; made when it does not exist, files of the same name are replaced.

    Returns
    -------
    SeriesFiles
        Rateints, one for each segment; ``truth.ecsv`` (flux and transit depth by wavelength),
        ``truth_lightcurve.ecsv`` (by integration) and ``defects.json`` (exact pixels).
    """
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    rateints, hits = [], []
    for segment, (first, last) in enumerate(scene.segments, start=1):
        pieces = list(simulate_integrations(scene, first, last))
        hits += [hit for piece in pieces for hit in piece.cosmic_rays.tolist()]
        path = folder / f"{_root(scene, segment)}_rateints.fits"
        planes = {
            name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in PLANES
        }
        times = Times(scene, scene.n_groups, scene.region.frame_time)
        write_rateints(path, planes, times, segment, partial(_identify, scene=scene))
        rateints.append(path)
    files = SeriesFiles(folder, tuple(rateints))
    _write_truth(scene, files)
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
    files.defects.write_text(json.dumps(record) + "\n", encoding="utf-8")
    return files


def process_slitless(
    files: SeriesFiles, cache: str | Path, output_dir: str | Path
) -> tuple[Path, ...]:
    """Run calwebb_spec2 on every segment with default parameters; see `process_series`."""
    return process_series(files, cache, output_dir)


def _root(scene: SlitlessScene, segment: int) -> str:
    return f"jw{scene.program:05d}{scene.observation:03d}001_04103_00001-seg{segment:03d}_mirimage"


def _identify(meta: Any, scene: SlitlessScene) -> None:
    meta.exposure.type = "MIR_LRS-SLITLESS"
    meta.exposure.noutputs = 4
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


def _write_truth(scene: SlitlessScene, files: SeriesFiles) -> None:
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
    table.write(files.truth, format="ascii.ecsv", overwrite=True)
    times = Times(scene, scene.n_groups, scene.region.frame_time)
    rows = np.round(np.array([60.0, 208.0, 350.0]) / 416.0 * scene.region.shape[0])
    sky = scene.background_factor(rows)
    write_light_curve(
        files.light_curve,
        times,
        {
            "position": scene.position,
            **{f"background_factor_row{row:.0f}": sky[:, i] for i, row in enumerate(rows)},
        },
        {"position": "pix"},
        "Flux is source_factor * (1 - transit_shape * transit_depth) times that out of transit; "
        f"position: column of the source at row {scene.region.reference[0]:.0f}",
    )
