"""The reference files of the simulated slit, one function each, written with stdatamodels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from stdatamodels.jwst import datamodels

from lrs_explorer.model.data.instrument import SUBARRAYS, Subarray
from lrs_explorer.simulator import acquisition, instrument
from lrs_explorer.simulator.reference_models import (
    SLIT,
    WAVELENGTHS,
    apcorr_file,
    describe,
    distortion_file,
    extract1d_file,
    flat_file,
    photom_file,
    specwcs_file,
)


def write_distortion(path: Path) -> None:
    """Write the map from detector pixels to V2, V3 in arcsec around the slit."""
    distortion_file(
        path,
        SLIT,
        (instrument.REFERENCE_COLUMN, instrument.REFERENCE_ROW),
        (instrument.SCALE_ALONG, instrument.SCALE_ACROSS),
        (instrument.V2_REF, instrument.V3_REF),
        instrument.V3_IDEAL_Y_ANGLE,
    )


def write_filteroffset(path: Path) -> None:
    """Write zero boresight offsets for the filters used in target acquisition."""
    filters = [
        {"filter": name, "pupil": "N/A", "row_offset": 0.0, "column_offset": 0.0}
        for name in ("F560W", "F1000W", "F1500W", "FND")
    ]
    model = datamodels.FilteroffsetModel(filters=filters, instrument="MIRI", detector="MIRIMAGE")
    describe(model, "filteroffset", exp_type="MIR_TACQ")
    model.save(path)
    model.close()


def write_specwcs(path: Path, subarray: Subarray = SUBARRAYS["FULL"]) -> None:
    """Write trace and wavelength of each row, relative to the slit's reference pixel."""
    # Rows must fall: the pipeline reverses the table to make it ascend.
    read = subarray.origin[0] + subarray.shape[0]
    first, last = max(instrument.FIRST_ROW, subarray.origin[0]), min(instrument.LAST_ROW, read - 1)
    rows = np.arange(last, first - 1, -1, dtype=float)
    specwcs_file(
        path,
        subarray,
        rows - instrument.REFERENCE_ROW,
        instrument.trace_shift(rows),
        instrument.wavelength_at_row(rows),
    )


def write_flat(path: Path) -> None:
    """Write the flat field, known to 0.1 %."""
    flat_file(path, SUBARRAYS["FULL"])


def write_gain(path: Path) -> None:
    """Write the gain, e/DN, the same everywhere."""
    model = datamodels.GainModel(
        data=np.full(instrument.DETECTOR_SHAPE, instrument.GAIN, dtype=np.float32)
    )
    describe(model, "gain", subarray=SUBARRAYS["FULL"])
    model.save(path)
    model.close()


def write_readnoise(path: Path) -> None:
    """Write the read noise in DN (correlated double sampling), the same everywhere."""
    model = datamodels.ReadnoiseModel(
        data=np.full(instrument.DETECTOR_SHAPE, instrument.READ_NOISE, dtype=np.float32)
    )
    describe(model, "readnoise", subarray=SUBARRAYS["FULL"])
    model.save(path)
    model.close()


def write_photom(path: Path) -> None:
    """Write the conversion from DN/s to MJy/sr against wavelength."""
    rows = np.linspace(instrument.LAST_ROW + 0.5, instrument.FIRST_ROW - 0.5, 775)
    photom_file(
        path,
        SLIT,
        instrument.wavelength_at_row(rows),
        (instrument.SCALE_ALONG, instrument.SCALE_ACROSS),
        instrument.PIXEL_AREA_SR,
    )


def write_imager_photom(path: Path) -> None:
    """Write the conversion from DN/s to MJy/sr of the filter that the star is acquired in."""
    table = np.zeros(
        1,
        dtype=[
            ("filter", "S12"),
            ("subarray", "S17"),
            ("photmjsr", "f4"),
            ("uncertainty", "f4"),
        ],
    )
    table["filter"], table["subarray"] = acquisition.FILTER, "FULL"
    table["photmjsr"] = acquisition.PHOTMJSR
    model = datamodels.MirImgPhotomModel(phot_table=table)
    describe(model, "photom", exp_type="MIR_TACONFIRM")
    model.meta.photometry.pixelarea_steradians = instrument.PIXEL_AREA_SR
    model.meta.photometry.pixelarea_arcsecsq = instrument.SCALE_ALONG * instrument.SCALE_ACROSS
    model.save(path)
    model.close()


def write_imager_apcorr(path: Path) -> None:
    """Write what circles leave out of a star in the filter that it is acquired in."""
    radii, (inner, outer) = (1.2, 1.8, 2.5, 4.0), (9.0, 15.0)
    table = np.zeros(
        len(radii),
        dtype=[
            ("filter", "S12"),
            ("subarray", "S17"),
            *((name, "f4") for name in ("eefraction", "radius", "apcorr", "skyin", "skyout")),
        ],
    )
    table["filter"], table["subarray"] = acquisition.FILTER, "FULL"
    held = np.array([acquisition.enclosed_in_circle(radius, inner, outer) for radius in radii])
    table["radius"], table["eefraction"], table["apcorr"] = radii, held, 1.0 / held
    table["skyin"], table["skyout"] = inner, outer
    model = datamodels.MirImgApcorrModel(apcorr_table=table)
    describe(model, "apcorr", exp_type="MIR_TACONFIRM")
    model.save(path)
    model.close()


def write_pathloss(path: Path) -> None:
    """Write the factor that restores a point source's slit loss, by position in the slit.

    Axis 1 runs along the slit in steps of one pixel, axis 2 across it in quarters of a pixel,
    both from the slit center; wavelengths fall, as in the flight file.
    """
    along = np.arange(-23, 24) * instrument.SCALE_ALONG
    step = 0.25
    across = np.arange(-20, 21) * step * instrument.SCALE_ACROSS
    wavelength = WAVELENGTHS[::-1]
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
    describe(model, "pathloss")
    wcsinfo = model.meta.wcsinfo
    wcsinfo.crpix1, wcsinfo.crpix2 = 24.0, 21.0
    wcsinfo.crval1 = wcsinfo.crval2 = 0.0
    wcsinfo.cdelt1, wcsinfo.cdelt2 = 1.0, step
    model.save(path)
    model.close()


def write_apcorr(path: Path) -> None:
    """Write the factor that restores what an aperture of 1 to 44 pixels leaves out."""
    size = np.arange(1, 45)
    enclosed = instrument.enclosed_fraction(WAVELENGTHS[:, None], size[None, :])
    apcorr_file(path, SLIT, size, enclosed)


def write_psf(path: Path) -> None:
    """Write the profile along the slit against wavelength, sampled four times a pixel.

    Each value is already integrated over one whole pixel, so that reading it at pixel centers
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
    describe(model, "psf")
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
    """Write the default aperture, as the 2025 flight file has it for the slit.

    Columns 27 to 34 inclusive; whether the source position moves them is left to the pipeline,
    which then does so for point sources.
    """
    extract1d_file(path, SUBARRAYS["FULL"])
