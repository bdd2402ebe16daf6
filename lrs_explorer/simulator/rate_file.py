"""Write a simulated exposure as a JWST rate file (stdatamodels ImageModel)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from stdatamodels.jwst import datamodels

from lrs_explorer.simulator import instrument, pointing
from lrs_explorer.simulator.detector_image import Exposure

if TYPE_CHECKING:
    from lrs_explorer.simulator.observation import SlitScene

TITLE = "SIMULATED (LRS Explorer): not a JWST observation"
PROPOSER_NAME = "SIMULATED"  # TARGPROP: a second mark, and it survives the pipeline too
_START_MJD = 61085.1  # 2026-02-14 02:24 UTC
_START_TIME = ("2026-02-14", "02:24:00.000")


def write_rate(scene: SlitScene, exposure: Exposure, number: int, path: Path) -> None:
    """Write one nod.

    Parameters
    ----------
    scene : SlitScene
    exposure : Exposure
    number : int
        Exposure number, from 1; it selects the nod position.
    path : Path
    """
    model = datamodels.ImageModel(
        data=exposure.rate,
        dq=exposure.dq,
        err=np.sqrt(exposure.var_poisson + exposure.var_rnoise),
        var_poisson=exposure.var_poisson,
        var_rnoise=exposure.var_rnoise,
    )
    _identify(model.meta, scene, number)
    _describe_exposure(model.meta, scene)
    _point(model.meta, scene, number)
    model.save(path)
    model.close()


def _identify(meta: Any, scene: SlitScene, number: int) -> None:
    meta.telescope = "JWST"
    meta.origin = "SIMULATION"
    meta.program.title = TITLE
    meta.target.proposer_name = PROPOSER_NAME
    meta.target.catalog_name = scene.target
    meta.target.type = "FIXED"
    meta.target.source_type_apt = "POINT"
    meta.observation.date, meta.observation.time = _START_TIME
    meta.observation.program_number = f"{scene.program:05d}"
    meta.observation.observation_number = f"{scene.observation:03d}"
    meta.observation.visit_number = "001"
    meta.observation.visit_group = "03"
    meta.observation.sequence_id = "1"
    meta.observation.activity_id = "02"
    meta.observation.exposure_number = str(number)
    meta.visit.type = "PRIME_TARGETED_FIXED"
    meta.instrument.name = "MIRI"
    meta.instrument.detector = "MIRIMAGE"
    meta.instrument.filter = "P750L"
    rows, columns = instrument.DETECTOR_SHAPE
    meta.subarray.name = "FULL"
    meta.subarray.xstart = meta.subarray.ystart = 1
    meta.subarray.xsize, meta.subarray.ysize = columns, rows
    meta.subarray.fastaxis, meta.subarray.slowaxis = 1, 2
    meta.aperture.name = "MIRIM_SLIT"


def _describe_exposure(meta: Any, scene: SlitScene) -> None:
    seconds = scene.n_groups * scene.n_integrations * instrument.FRAME_TIME
    days = seconds / 86400.0
    exposure = meta.exposure
    exposure.type = "MIR_LRS-FIXEDSLIT"
    exposure.readpatt = "FASTR1"
    exposure.noutputs = 5
    exposure.nints = exposure.integration_end = scene.n_integrations
    exposure.integration_start = 1
    exposure.ngroups = scene.n_groups
    exposure.nframes = 1
    exposure.groupgap = exposure.drop_frames1 = 0
    exposure.sample_time = 10.0
    exposure.frame_time = exposure.group_time = instrument.FRAME_TIME
    exposure.integration_time = scene.n_groups * instrument.FRAME_TIME
    exposure.exposure_time = exposure.measurement_time = exposure.effective_exposure_time = seconds
    exposure.duration = seconds + scene.n_integrations * instrument.FRAME_TIME
    exposure.start_time = _START_MJD
    exposure.mid_time, exposure.end_time = _START_MJD + days / 2, _START_MJD + days
    meta.bunit_data = meta.bunit_err = "DN/s"
    for step in ("dq_init", "saturation", "refpix", "linearity", "dark_sub", "jump", "ramp_fit"):
        setattr(meta.cal_step, step, "COMPLETE")
    meta.cal_step.gain_scale = "SKIPPED"


def _point(meta: Any, scene: SlitScene, number: int) -> None:
    """Say where the telescope looked, as it believed: the header's error is not known to it."""
    nod = scene.nod_offsets[number - 1]
    # The pointing that puts the header's target at the nod position.
    ra_ref, dec_ref = pointing.offset_sky(scene.ra, scene.dec, scene.roll, -nod, 0.0)
    meta.target.ra, meta.target.dec = scene.ra, scene.dec
    meta.dither.primary_type = "ALONG-SLIT-NOD"
    meta.dither.primary_points = meta.dither.total_points = len(scene.nod_offsets)
    meta.dither.position_number = number
    meta.dither.x_offset, meta.dither.y_offset = nod, 0.0
    wcsinfo = meta.wcsinfo
    wcsinfo.wcsaxes = 3
    wcsinfo.v2_ref, wcsinfo.v3_ref = instrument.V2_REF, instrument.V3_REF
    wcsinfo.vparity, wcsinfo.v3yangle = instrument.IDEAL_PARITY, instrument.V3_IDEAL_Y_ANGLE
    wcsinfo.ra_ref, wcsinfo.dec_ref, wcsinfo.roll_ref = ra_ref, dec_ref, scene.roll
    wcsinfo.velosys = 0.0
    wcsinfo.spectral_order = 1
    meta.aperture.position_angle = scene.roll + instrument.V3_IDEAL_Y_ANGLE
    meta.velocity_aberration.scale_factor = 1.0
    meta.velocity_aberration.va_ra_ref = scene.ra
    meta.velocity_aberration.va_dec_ref = scene.dec
