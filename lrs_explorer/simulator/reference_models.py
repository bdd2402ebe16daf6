"""Reference files of either mode, from the numbers that differ between them.

All numbers come from `lrs_explorer.simulator.instrument` and its slitless counterpart, so that what
the references undo is exactly what the simulated optics did. Each file says PEDIGREE DUMMY and that
it is simulated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from stdatamodels.jwst import datamodels

from lrs_explorer.model.data import instrument as flight
from lrs_explorer.model.data.instrument import EXP_TYPES, SUBARRAYS, Subarray
from lrs_explorer.model.references.references import published_apertures
from lrs_explorer.simulator import instrument
from lrs_explorer.simulator.exposure_file import describe_subarray

DESCRIPTION = "SIMULATED (LRS Explorer): not a calibration of any real instrument"
SLIT = "MIR_LRS-FIXEDSLIT"
SLITLESS = "MIR_LRS-SLITLESS"
DEFAULT = {SLIT: SUBARRAYS["FULL"], SLITLESS: SUBARRAYS["SLITLESSPRISM"]}

WAVELENGTHS = np.linspace(3.0, 15.0, 61)  # micron; smooth curves need no more
FLAT_SEED = 20220701  # the flat is part of the instrument, not of an observation


def describe(
    model: Any, reftype: str, *, exp_type: str | None = SLIT, subarray: Subarray | None = None
) -> None:
    """Fill the keywords that every reference file carries."""
    meta = model.meta
    meta.telescope = "JWST"
    meta.reftype = reftype.upper()
    meta.pedigree = "DUMMY"
    meta.description = DESCRIPTION
    meta.author = "LRS Explorer simulator"
    meta.useafter = "2020-01-01T00:00:00"
    meta.instrument.name = "MIRI"
    meta.instrument.detector = "MIRIMAGE"
    if exp_type is not None:
        meta.exposure.type = exp_type
    if subarray is not None:
        describe_subarray(meta, subarray)


def distortion_file(
    path: Path,
    exp_type: str,
    reference_pixel: tuple[float, float],
    scales: tuple[float, float],
    v2v3: tuple[float, float],
    ideal_y_angle: float,
) -> None:
    """Write an affine map from pixels (column, row) to V2, V3 in arcsec, with its inverse.

    Pixels to ideal coordinates by two scales, then the rotation and parity of the SIAF aperture.
    Over the 4.7 arcsec of the slit the real distortion polynomial differs from this by less than a
    hundredth of a pixel of scale change.
    """
    from astropy import units
    from astropy.modeling import models

    angle = np.deg2rad(ideal_y_angle)
    rotation = np.array(
        [
            [instrument.IDEAL_PARITY * np.cos(angle), np.sin(angle)],
            [-instrument.IDEAL_PARITY * np.sin(angle), np.cos(angle)],
        ]
    )
    matrix = rotation @ np.diag(scales)
    to_pixel = models.Shift(-reference_pixel[0]) & models.Shift(-reference_pixel[1])
    forward = to_pixel | models.AffineTransformation2D(matrix=matrix, translation=list(v2v3))
    # The written-out inverse keeps the file usable by readers that do not invert matrices.
    inverse = forward.inverse
    forward.inverse = inverse
    model = datamodels.DistortionModel(
        model=forward, input_units=units.pixel, output_units=units.arcsec
    )
    describe(model, "distortion", exp_type=exp_type)
    model.meta.exposure.p_exptype = f"{exp_type}|"
    if exp_type == SLIT:
        model.meta.exposure.p_exptype += "MIR_TACQ|MIR_TACONFIRM|"
    model.meta.title = DESCRIPTION
    model.save(path)
    model.close()


def specwcs_file(
    path: Path, subarray: Subarray, offset: np.ndarray, center: np.ndarray, wavelength: np.ndarray
) -> None:
    """Write trace and wavelength, micron, of each row (``offset`` from the reference pixel)."""
    exp_type = EXP_TYPES[subarray.mode]
    row, column = subarray.reference
    left, right = center - instrument.HALF_WIDTH, center + instrument.HALF_WIDTH
    columns = {
        "x_center": center,
        "y_center": offset,
        "wavelength": wavelength,
        # Corners of each row's box: upper left, upper right, lower right, lower left.
        "x0": left,
        "y0": offset + 0.5,
        "x1": right,
        "y1": offset + 0.5,
        "x2": right,
        "y2": offset - 0.5,
        "x3": left,
        "y3": offset - 0.5,
    }
    table = np.zeros(offset.size, dtype=[(name, np.float64) for name in columns])
    for name, values in columns.items():
        table[name] = values
    model = datamodels.MiriLRSSpecwcsModel(wavetable=table)
    describe(model, "specwcs", exp_type=exp_type, subarray=subarray)
    model.meta.instrument.filter = "P750L"
    # assign_wcs of jwst 3.0 takes the one in pixels of the subarray, the other of the detector.
    slit, slitless = (DEFAULT[kind].reference for kind in (SLIT, SLITLESS))
    if subarray.mode == "slit":
        slit = row, column
    else:
        slitless = row, column
    begins = (subarray if subarray.mode == "slitless" else DEFAULT[SLITLESS]).origin
    model.meta.y_ref, model.meta.x_ref = slit[0] + 1, slit[1] + 1
    model.meta.y_ref_slitless = slitless[0] + begins[0] + 1
    model.meta.x_ref_slitless = slitless[1] + begins[1] + 1
    for number, (v2, v3) in enumerate(slit_corners(), start=1):
        setattr(model.meta, f"v2_vert{number}", v2)
        setattr(model.meta, f"v3_vert{number}", v3)
    model.save(path)
    model.close()


def slit_corners() -> list[tuple[float, float]]:
    """Return the slit's four corners in V2, V3 (arcsec), going round."""
    angle = np.deg2rad(instrument.V3_IDEAL_Y_ANGLE)
    half_x, half_y = flight.SLIT_LENGTH / 2, flight.SLIT_WIDTH / 2
    corners = []
    for x, y in ((-half_x, -half_y), (-half_x, half_y), (half_x, half_y), (half_x, -half_y)):
        v2 = instrument.V2_REF + instrument.IDEAL_PARITY * x * np.cos(angle) + y * np.sin(angle)
        v3 = instrument.V3_REF - instrument.IDEAL_PARITY * x * np.sin(angle) + y * np.cos(angle)
        corners.append((float(v2), float(v3)))
    return corners


def flat_field() -> np.ndarray:
    """Return the response of pixels, shape `DETECTOR_SHAPE`: 1 with 0.5 % rms, seeded.

    Every other row and column responds a little better.
    """
    rng = np.random.default_rng(FLAT_SEED)
    flat = 1.0 + 0.005 * rng.standard_normal(instrument.DETECTOR_SHAPE)
    flat[::2] *= 1.0 + instrument.ODD_EVEN_ROWS / 2
    flat[1::2] *= 1.0 - instrument.ODD_EVEN_ROWS / 2
    flat[:, 1::2] *= 1.0 + instrument.ODD_EVEN_COLUMNS / 2
    flat[:, ::2] *= 1.0 - instrument.ODD_EVEN_COLUMNS / 2
    return flat.astype(np.float32)


def flat_file(path: Path, subarray: Subarray) -> None:
    """Write the flat field of a subarray, known to 0.1 %."""
    data = subarray.part(flat_field())
    model = datamodels.FlatModel(
        data=data, err=np.full_like(data, 0.001), dq=np.zeros(data.shape, dtype=np.uint32)
    )
    describe(model, "flat", exp_type=EXP_TYPES[subarray.mode], subarray=subarray)
    model.meta.instrument.filter = "P750L"
    model.save(path)
    model.close()


def photom_file(
    path: Path, exp_type: str, wavelength: np.ndarray, scales: tuple[float, float], area: float
) -> None:
    """Write the conversion from DN/s to MJy/sr against wavelength (falling, micron)."""
    response = instrument.relative_response(wavelength)
    n_wave = wavelength.size
    names = subarrays_for(exp_type)
    table = np.zeros(
        len(names),
        dtype=[
            ("filter", "S12"),
            ("subarray", "S17"),
            ("photmjsr", "f4"),
            ("uncertainty", "f4"),
            ("nelem", "i2"),
            ("wavelength", "f4", (n_wave,)),
            ("relresponse", "f4", (n_wave,)),
            ("reluncertainty", "f4", (n_wave,)),
        ],
    )
    table["filter"], table["subarray"] = "P750L", names
    table["photmjsr"], table["nelem"] = instrument.PHOTMJSR, n_wave
    table["wavelength"], table["relresponse"] = wavelength, response
    model = datamodels.MirLrsPhotomModel(phot_table=table)
    describe(model, "photom", exp_type=exp_type)
    model.meta.photometry.pixelarea_steradians = area
    model.meta.photometry.pixelarea_arcsecsq = scales[0] * scales[1]
    model.save(path)
    model.close()


def apcorr_file(path: Path, exp_type: str, size: np.ndarray, enclosed: np.ndarray) -> None:
    """Write the inverse of the enclosed light, shape (n_wavelengths, n_sizes)."""
    shape = (WAVELENGTHS.size, size.size)
    names = subarrays_for(exp_type)
    table = np.zeros(
        len(names),
        dtype=[
            ("subarray", "S17"),
            ("wavelength", "f4", shape[:1]),
            ("nelem_wl", "i2"),
            ("size", "u1", shape[1:]),
            ("nelem_size", "i2"),
            ("apcorr", "f4", shape),
            ("apcorr_err", "f4", shape),
        ],
    )
    table["subarray"], table["nelem_wl"], table["nelem_size"] = names, *shape
    table["wavelength"], table["size"] = WAVELENGTHS, size
    table["apcorr"] = 1.0 / enclosed
    model = datamodels.MirLrsApcorrModel(apcorr_table=table)
    model.sizeunit = "pixels"
    describe(model, "apcorr", exp_type=exp_type)
    model.save(path)
    model.close()


def subarrays_for(exp_type: str) -> list[str]:
    """Return the names of the subarrays that an exposure type uses."""
    return [one.name for one in SUBARRAYS.values() if EXP_TYPES[one.mode] == exp_type]


def extract1d_file(path: Path, subarray: Subarray) -> None:
    """Write an extract1d reference with the published aperture, where the source is placed."""
    reference = {
        "reftype": "EXTRACT1D",
        "instrument": "MIRI",
        "telescope": "JWST",
        "pedigree": "DUMMY",
        "description": DESCRIPTION,
        "author": "LRS Explorer simulator",
        "history": DESCRIPTION,
        "useafter": "2020-01-01T00:00:00",
        "exp_type": EXP_TYPES[subarray.mode],
        "subarray": subarray.name,
        "apertures": published_apertures(subarray.mode, subarray.cards),
    }
    path.write_text(json.dumps(reference, indent=2) + "\n", encoding="utf-8")
