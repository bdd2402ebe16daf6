"""The reference files of the simulated slit, one function each, written with stdatamodels.

All numbers come from `lrs_explorer.simulator.instrument`, so that what the references undo is
exactly what the simulated optics did. Each file says PEDIGREE DUMMY and that it is simulated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from stdatamodels.jwst import datamodels

from lrs_explorer.model import slit
from lrs_explorer.simulator import instrument

DESCRIPTION = "SIMULATED (LRS Explorer): not a calibration of any real instrument"
SLIT = "MIR_LRS-FIXEDSLIT"

_WAVELENGTHS = np.linspace(3.0, 15.0, 61)  # micron; smooth curves need no more
_FLAT_SEED = 20220701  # the flat is part of the instrument, not of an observation


def _describe(model: Any, reftype: str, *, exp_type: str | None = SLIT, full: bool = False) -> None:
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
    if full:
        rows, columns = instrument.DETECTOR_SHAPE
        meta.subarray.name = "FULL"
        meta.subarray.xstart = meta.subarray.ystart = 1
        meta.subarray.xsize, meta.subarray.ysize = columns, rows
        meta.subarray.fastaxis, meta.subarray.slowaxis = 1, 2


def write_distortion(path: Path) -> None:
    """Write the affine map from detector pixels to V2, V3 in arcsec, with its inverse.

    Pixels to ideal coordinates by the slit's two scales, then the rotation and parity of the
    SIAF aperture MIRIM_SLIT. Over the 4.7 arcsec of the slit the real distortion polynomial
    differs from this by less than a hundredth of a pixel of scale change.
    """
    from astropy import units
    from astropy.modeling import models

    angle = np.deg2rad(instrument.V3_IDEAL_Y_ANGLE)
    rotation = np.array(
        [
            [instrument.IDEAL_PARITY * np.cos(angle), np.sin(angle)],
            [-instrument.IDEAL_PARITY * np.sin(angle), np.cos(angle)],
        ]
    )
    matrix = rotation @ np.diag([instrument.SCALE_ALONG, instrument.SCALE_ACROSS])
    to_slit = models.Shift(-instrument.REFERENCE_COLUMN) & models.Shift(-instrument.REFERENCE_ROW)
    forward = to_slit | models.AffineTransformation2D(
        matrix=matrix, translation=[instrument.V2_REF, instrument.V3_REF]
    )
    # The written-out inverse keeps the file usable by readers that do not invert matrices.
    inverse = forward.inverse
    forward.inverse = inverse
    model = datamodels.DistortionModel(
        model=forward, input_units=units.pixel, output_units=units.arcsec
    )
    _describe(model, "distortion")
    model.meta.exposure.p_exptype = f"{SLIT}|MIR_TACQ|MIR_TACONFIRM|"
    model.meta.title = DESCRIPTION
    model.save(path)
    model.close()


def write_filteroffset(path: Path) -> None:
    """Write zero boresight offsets for the filters used in target acquisition."""
    filters = [
        {"filter": name, "pupil": "N/A", "row_offset": 0.0, "column_offset": 0.0}
        for name in ("F560W", "F1000W", "F1500W", "FND")
    ]
    model = datamodels.FilteroffsetModel(filters=filters, instrument="MIRI", detector="MIRIMAGE")
    _describe(model, "filteroffset", exp_type="MIR_TACQ")
    model.save(path)
    model.close()


def write_specwcs(path: Path) -> None:
    """Write trace and wavelength of each row, relative to the slit's reference pixel."""
    # Rows must fall: the pipeline reverses the table to make it ascend.
    rows = np.arange(instrument.LAST_ROW, instrument.FIRST_ROW - 1, -1, dtype=float)
    center = instrument.trace_shift(rows)
    offset = rows - instrument.REFERENCE_ROW
    left, right = center - instrument.HALF_WIDTH, center + instrument.HALF_WIDTH
    columns = {
        "x_center": center,
        "y_center": offset,
        "wavelength": instrument.wavelength_at_row(rows),
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
    table = np.zeros(rows.size, dtype=[(name, np.float64) for name in columns])
    for name, values in columns.items():
        table[name] = values
    model = datamodels.MiriLRSSpecwcsModel(wavetable=table)
    _describe(model, "specwcs", full=True)
    model.meta.instrument.filter = "P750L"
    model.meta.x_ref = instrument.REFERENCE_COLUMN + 1
    model.meta.y_ref = instrument.REFERENCE_ROW + 1
    model.meta.x_ref_slitless, model.meta.y_ref_slitless = 38.5, 829.0
    for number, (v2, v3) in enumerate(slit_corners(), start=1):
        setattr(model.meta, f"v2_vert{number}", v2)
        setattr(model.meta, f"v3_vert{number}", v3)
    model.save(path)
    model.close()


def slit_corners() -> list[tuple[float, float]]:
    """Return the slit's four corners in V2, V3 (arcsec), going round."""
    angle = np.deg2rad(instrument.V3_IDEAL_Y_ANGLE)
    half_x, half_y = slit.SLIT_LENGTH / 2, slit.SLIT_WIDTH / 2
    corners = []
    for x, y in ((-half_x, -half_y), (-half_x, half_y), (half_x, half_y), (half_x, -half_y)):
        v2 = instrument.V2_REF + instrument.IDEAL_PARITY * x * np.cos(angle) + y * np.sin(angle)
        v3 = instrument.V3_REF - instrument.IDEAL_PARITY * x * np.sin(angle) + y * np.cos(angle)
        corners.append((float(v2), float(v3)))
    return corners


def flat_field() -> np.ndarray:
    """Return the pixel-to-pixel response, shape `DETECTOR_SHAPE`: 1 with 0.5 % rms, seeded."""
    rng = np.random.default_rng(_FLAT_SEED)
    return (1.0 + 0.005 * rng.standard_normal(instrument.DETECTOR_SHAPE)).astype(np.float32)


def write_flat(path: Path) -> None:
    """Write the flat field, known to 0.1 %."""
    data = flat_field()
    model = datamodels.FlatModel(
        data=data, err=np.full_like(data, 0.001), dq=np.zeros(data.shape, dtype=np.uint32)
    )
    _describe(model, "flat", full=True)
    model.meta.instrument.filter = "P750L"
    model.save(path)
    model.close()


def write_gain(path: Path) -> None:
    """Write the gain, e/DN, the same everywhere."""
    model = datamodels.GainModel(
        data=np.full(instrument.DETECTOR_SHAPE, instrument.GAIN, dtype=np.float32)
    )
    _describe(model, "gain", full=True)
    model.save(path)
    model.close()


def write_readnoise(path: Path) -> None:
    """Write the read noise in DN (correlated double sampling), the same everywhere."""
    model = datamodels.ReadnoiseModel(
        data=np.full(instrument.DETECTOR_SHAPE, instrument.READ_NOISE, dtype=np.float32)
    )
    _describe(model, "readnoise", full=True)
    model.save(path)
    model.close()


def write_photom(path: Path) -> None:
    """Write the conversion from DN/s to MJy/sr against wavelength."""
    rows = np.linspace(instrument.LAST_ROW + 0.5, instrument.FIRST_ROW - 0.5, 775)
    wavelength = instrument.wavelength_at_row(rows)
    response = instrument.relative_response(wavelength)
    n_wave = rows.size
    table = np.zeros(
        1,
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
    table["filter"], table["subarray"] = "P750L", "FULL"
    table["photmjsr"], table["nelem"] = instrument.PHOTMJSR, n_wave
    table["wavelength"][0], table["relresponse"][0] = wavelength, response
    model = datamodels.MirLrsPhotomModel(phot_table=table)
    _describe(model, "photom")
    model.meta.photometry.pixelarea_steradians = instrument.PIXEL_AREA_SR
    model.meta.photometry.pixelarea_arcsecsq = instrument.SCALE_ALONG * instrument.SCALE_ACROSS
    model.save(path)
    model.close()


def write_pathloss(path: Path) -> None:
    """Write the factor that restores a point source's slit loss, by position in the slit.

    Axis 1 runs along the slit in steps of one pixel, axis 2 across it in quarters of a pixel,
    both from the slit centre; wavelengths fall, as in the flight file.
    """
    along = np.arange(-23, 24) * instrument.SCALE_ALONG
    step = 0.25
    across = np.arange(-20, 21) * step * instrument.SCALE_ACROSS
    wavelength = _WAVELENGTHS[::-1]
    shape = (across.size, along.size)
    table = np.zeros(
        wavelength.size,
        dtype=[("wavelength", "f4"), ("pathloss", "f4", shape), ("pathloss_err", "f4", shape)],
    )
    table["wavelength"] = wavelength
    table["pathloss"] = 1.0 / instrument.slit_transmission(
        wavelength[:, None, None], across[None, :, None], along[None, None, :]
    )
    model = datamodels.MirLrsPathlossModel(pathloss_table=table)
    _describe(model, "pathloss")
    wcsinfo = model.meta.wcsinfo
    wcsinfo.crpix1, wcsinfo.crpix2 = 24.0, 21.0
    wcsinfo.crval1 = wcsinfo.crval2 = 0.0
    wcsinfo.cdelt1, wcsinfo.cdelt2 = 1.0, step
    model.save(path)
    model.close()


def write_apcorr(path: Path) -> None:
    """Write the factor that restores what an aperture of 1 to 44 pixels leaves out."""
    size = np.arange(1, 45)
    shape = (_WAVELENGTHS.size, size.size)
    table = np.zeros(
        1,
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
    table["subarray"], table["nelem_wl"], table["nelem_size"] = "FULL", *shape
    table["wavelength"][0], table["size"][0] = _WAVELENGTHS, size
    table["apcorr"][0] = 1.0 / instrument.enclosed_fraction(_WAVELENGTHS[:, None], size[None, :])
    model = datamodels.MirLrsApcorrModel(apcorr_table=table)
    model.sizeunit = "pixels"
    _describe(model, "apcorr")
    model.save(path)
    model.close()


def write_psf(path: Path) -> None:
    """Write the profile along the slit against wavelength, sampled four times a pixel.

    Each value is already integrated over one whole pixel, so that reading it at pixel centres
    gives what the pixels hold.
    """
    subpix, center = 4, 120
    rows = np.arange(instrument.FIRST_ROW, instrument.LAST_ROW + 1, 3, dtype=float)
    wavelength = instrument.wavelength_at_row(rows)
    offset = (np.arange(2 * center + 1) - center) / subpix * instrument.SCALE_ALONG
    half = 0.5 * instrument.SCALE_ALONG
    profile = instrument.profile_integral(
        wavelength[:, None], offset[None, :] - half, offset[None, :] + half
    )
    profile /= instrument.profile_integral(wavelength, -np.inf, np.inf)[:, None]
    model = datamodels.SpecPsfModel()
    _describe(model, "psf")
    model.apertures.append(
        {
            "name": "ANY",
            "subpix": float(subpix),
            "center_col": float(center),
            "center_row": float(rows.size // 2),
            "data": profile,
            "wave": wavelength,
        }
    )
    model.save(path)
    model.close()


def write_extract1d(path: Path) -> None:
    """Write the default apertures, as the 2025 flight file has them for the slit.

    Columns 27 to 34 inclusive; whether the source position moves them is left to the pipeline,
    which then does so for point sources.
    """
    reference = {
        "reftype": "EXTRACT1D",
        "instrument": "MIRI",
        "telescope": "JWST",
        "pedigree": "DUMMY",
        "description": DESCRIPTION,
        "author": "LRS Explorer simulator",
        "history": DESCRIPTION,
        "useafter": "2020-01-01T00:00:00",
        "exp_type": SLIT,
        "apertures": [
            {
                "id": SLIT,
                "region_type": "target",
                "bkg_order": 0,
                "dispaxis": 2,
                "xstart": 27,
                "xstop": 34,
            }
        ],
    }
    path.write_text(json.dumps(reference, indent=2) + "\n", encoding="utf-8")
