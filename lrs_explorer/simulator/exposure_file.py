"""Write a simulated exposure as a JWST rate file or ramp (stdatamodels)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stdatamodels.jwst import datamodels

from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, SUBARRAYS, Subarray
from lrs_explorer.simulator import instrument, pointing
from lrs_explorer.simulator.acquisition import FILTER, N_GROUPS, Acquisition, AcquisitionImage
from lrs_explorer.simulator.detector_image import REGION_COLUMNS, REGION_ROWS, SimulatedExposure
from lrs_explorer.simulator.ramps import Ramp
from lrs_explorer.simulator.scene import SlitScene

TITLE = "SIMULATED (LRS Explorer): not a JWST observation"
PROPOSER_NAME = "SIMULATED"  # TARGPROP: a second mark, and it survives the pipeline too
_START_MJD = 61085.1  # 2026-02-14 02:24 UTC
_START_TIME = ("2026-02-14", "02:24:00.000")
_NEIGHBOURHOOD = Subarray(
    "FULL",
    "slit",
    (REGION_ROWS[1] - REGION_ROWS[0], REGION_COLUMNS[1] - REGION_COLUMNS[0]),
    (REGION_ROWS[0], REGION_COLUMNS[0]),
    (instrument.REFERENCE_ROW - REGION_ROWS[0], instrument.REFERENCE_COLUMN - REGION_COLUMNS[0]),
    instrument.FRAME_TIME,
)  # a cutout of the full frame, which keeps its name
_DONE_BEFORE_JUMP = ("dq_init", "saturation", "reset", "linearity", "rscd", "dark_sub", "refpix")


def write_rate(scene: SlitScene, exposure: SimulatedExposure, number: int, path: Path) -> None:
    """Write one nod.

    Parameters
    ----------
    scene : SlitScene
    exposure : SimulatedExposure
    number : int
        SimulatedExposure number, from 1; it selects the nod position.
    path : Path
    """
    planes = {
        name: scene.region.part(getattr(exposure, plane))
        for name, plane in (
            ("data", "rate"),
            ("dq", "dq"),
            ("var_poisson", "var_poisson"),
            ("var_rnoise", "var_rnoise"),
        )
    }
    model = datamodels.ImageModel(
        err=np.sqrt(planes["var_poisson"] + planes["var_rnoise"]), **planes
    )
    describe_nod(model.meta, scene, number)
    _fitted(model.meta)
    model.save(path)
    model.close()


def write_ramp(scene: SlitScene, ramp: Ramp, number: int, path: Path) -> None:
    """Write one nod as it is just before the jump step.

    That of a full frame is cut to the slit's neighbourhood.

    Parameters
    ----------
    scene : SlitScene
    ramp : Ramp
    number : int
        SimulatedExposure number, from 1.
    path : Path
    """
    region, data, pixel_dq = _NEIGHBOURHOOD, ramp.data, ramp.pixel_dq
    if scene.region != SUBARRAYS["FULL"]:
        region = scene.region
        data, pixel_dq = (
            placed(data, 0, region),
            placed(pixel_dq, instrument.BAD_PIXEL_BIT, region),
        )
    model = datamodels.RampModel(
        data=data, pixeldq=pixel_dq, groupdq=np.zeros(data.shape, dtype=np.uint8)
    )
    describe_nod(model.meta, scene, number)
    describe_subarray(model.meta, region)
    model.meta.bunit_data = "DN"
    model.save(path)
    model.close()


def placed(values: NDArray[Any], fill: float, region: Subarray) -> NDArray[Any]:
    """Return the pixels of the slit's neighbourhood in a subarray, others filled."""
    whole = np.full((*values.shape[:-2], *region.shape), fill, values.dtype)
    begins = [a - b for a, b in zip(_NEIGHBOURHOOD.origin, region.origin, strict=True)]
    first = [max(begin, 0) for begin in begins]
    last = np.minimum(np.add(begins, values.shape[-2:]), region.shape)
    whole[..., first[0] : last[0], first[1] : last[1]] = values[
        ..., first[0] - begins[0] : last[0] - begins[0], first[1] - begins[1] : last[1] - begins[1]
    ]
    return whole


def write_acquisition(
    scene: SlitScene, acquisition: Acquisition, image: AcquisitionImage, path: Path
) -> None:
    """Write one target acquisition image.

    Its count rate and its group time are those of known issue MR-LRS06 where frames are averaged:
    TGROUP is that of a single frame.

    Parameters
    ----------
    scene : SlitScene
    acquisition : Acquisition
    image : AcquisitionImage
    path : Path
    """
    model = datamodels.ImageModel(data=image.rate, dq=image.dq, err=image.err)
    meta = model.meta
    _identify(meta, scene, 1)
    describe_subarray(meta, SUBARRAYS["FULL"])
    observation = meta.observation
    observation.visit_group = acquisition.activity[:2]
    observation.sequence_id = acquisition.activity[2]
    observation.activity_id = acquisition.activity[3:]
    meta.instrument.filter = FILTER
    meta.aperture.name = acquisition.aperture
    _describe_exposure(meta, N_GROUPS, 1, instrument.FRAME_TIME)
    meta.exposure.type = acquisition.kind
    meta.exposure.readpatt = acquisition.readout
    meta.exposure.nframes = meta.exposure.frame_divisor = acquisition.frames
    # Before the science exposures, and the verification image after the acquisition.
    for name in ("start_time", "mid_time", "end_time"):
        earlier = 0.03 if acquisition.kind == "MIR_TACQ" else 0.02
        setattr(meta.exposure, name, getattr(meta.exposure, name) - earlier)
    _point(meta, scene, 0.0)
    meta.wcsinfo.wcsaxes = 2
    column, row = REFERENCE_PIXELS[acquisition.aperture]
    away = (
        (column - instrument.REFERENCE_COLUMN) * instrument.SCALE_ALONG,
        (row - instrument.REFERENCE_ROW) * instrument.SCALE_ACROSS,
    )
    v2, v3 = pointing.ideal_to_v2v3(*away)
    meta.wcsinfo.v2_ref, meta.wcsinfo.v3_ref = instrument.V2_REF + v2, instrument.V3_REF + v3
    _fitted(meta)
    model.save(path)
    model.close()


def describe_nod(meta: Any, scene: SlitScene, number: int) -> None:
    """Say what instrument, observation and pointing of an exposure are."""
    _identify(meta, scene, number)
    describe_subarray(meta, scene.region)
    meta.instrument.filter = "P750L"
    meta.aperture.name = "MIRIM_SLIT"
    _describe_exposure(meta, scene.n_groups, scene.n_integrations, scene.region.frame_time)
    meta.exposure.type = "MIR_LRS-FIXEDSLIT"
    _point(meta, scene, scene.nod_offsets[number - 1])
    dither = meta.dither
    dither.primary_type = "ALONG-SLIT-NOD"
    dither.primary_points = dither.total_points = len(scene.nod_offsets)
    dither.position_number = number


def _fitted(meta: Any) -> None:
    """Say that slopes have been fitted to the ramps."""
    meta.cal_step.jump = meta.cal_step.ramp_fit = "COMPLETE"
    meta.cal_step.gain_scale = "SKIPPED"


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


def describe_subarray(meta: Any, subarray: Subarray) -> None:
    """Say which part of the detector was read."""
    meta.subarray.name = subarray.name
    meta.subarray.ystart, meta.subarray.xstart = (pixel + 1 for pixel in subarray.origin)
    meta.subarray.ysize, meta.subarray.xsize = subarray.shape
    meta.subarray.fastaxis, meta.subarray.slowaxis = 1, 2


def _describe_exposure(meta: Any, n_groups: int, n_integrations: int, frame_time: float) -> None:
    seconds = n_groups * n_integrations * frame_time
    days = seconds / 86400.0
    exposure = meta.exposure
    exposure.readpatt = "FASTR1"
    exposure.noutputs = 5
    exposure.nints = exposure.integration_end = n_integrations
    exposure.integration_start = 1
    exposure.ngroups = n_groups
    exposure.nframes = 1
    exposure.groupgap = exposure.drop_frames1 = 0
    exposure.sample_time = 10.0
    exposure.frame_time = exposure.group_time = frame_time
    exposure.integration_time = n_groups * frame_time
    exposure.exposure_time = exposure.measurement_time = exposure.effective_exposure_time = seconds
    exposure.duration = seconds + n_integrations * frame_time
    exposure.start_time = _START_MJD
    exposure.mid_time, exposure.end_time = _START_MJD + days / 2, _START_MJD + days
    meta.bunit_data = meta.bunit_err = "DN/s"
    for step in _DONE_BEFORE_JUMP:
        setattr(meta.cal_step, step, "COMPLETE")


def _point(meta: Any, scene: SlitScene, nod: float) -> None:
    """Say where the telescope looked, as it believed: the header's error is not known to it."""
    # The pointing that puts the header's target at the nod position.
    ra_ref, dec_ref = pointing.offset_sky(scene.ra, scene.dec, scene.roll, -nod, 0.0)
    meta.target.ra, meta.target.dec = scene.ra, scene.dec
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
