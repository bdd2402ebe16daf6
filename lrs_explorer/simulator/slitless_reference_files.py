"""The reference files of the simulated slitless mode, one function each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lrs_explorer.simulator import slitless_instrument
from lrs_explorer.simulator.reference_models import (
    SLITLESS,
    WAVELENGTHS,
    apcorr_file,
    distortion_file,
    extract1d_file,
    flat_field,
    flat_file,
    photom_file,
    specwcs_file,
)


def write_distortion(path: Path) -> None:
    """Write the map from pixels of the full detector to V2, V3 in arcsec around SLITLESSPRISM."""
    distortion_file(
        path,
        SLITLESS,
        (
            slitless_instrument.REFERENCE_COLUMN,
            slitless_instrument.REFERENCE_ROW + slitless_instrument.ROW_OFFSET,
        ),
        (slitless_instrument.SCALE_ALONG, slitless_instrument.SCALE_ACROSS),
        (slitless_instrument.V2_REF, slitless_instrument.V3_REF),
        slitless_instrument.V3_IDEAL_Y_ANGLE,
    )


def write_specwcs(path: Path) -> None:
    """Write trace and wavelength of each row, relative to the reference pixel of SLITLESSPRISM."""
    rows = np.arange(
        slitless_instrument.LAST_ROW, slitless_instrument.FIRST_ROW - 1, -1, dtype=float
    )
    specwcs_file(
        path,
        SLITLESS,
        rows - slitless_instrument.REFERENCE_ROW,
        slitless_instrument.trace_shift(rows),
        slitless_instrument.wavelength_at_row(rows),
    )


def write_flat(path: Path) -> None:
    """Write the flat field of SLITLESSPRISM, a part of the same detector."""
    flat_file(path, SLITLESS, slitless_instrument.subarray_of(flat_field()))


def write_photom(path: Path) -> None:
    """Write the same conversion for SLITLESSPRISM, whose pixels are a little smaller."""
    rows = np.linspace(slitless_instrument.LAST_ROW + 0.5, slitless_instrument.FIRST_ROW - 0.5, 775)
    photom_file(
        path,
        SLITLESS,
        slitless_instrument.wavelength_at_row(rows),
        (slitless_instrument.SCALE_ALONG, slitless_instrument.SCALE_ACROSS),
        slitless_instrument.PIXEL_AREA_SR,
    )


def write_apcorr(path: Path) -> None:
    """Write the same for SLITLESSPRISM, where no slit cuts the halo of the PSF."""
    size = np.arange(1, 69)
    enclosed = slitless_instrument.enclosed_fraction(WAVELENGTHS[:, None], size[None, :])
    apcorr_file(path, SLITLESS, size, enclosed)


def write_extract1d(path: Path) -> None:
    """Write the default aperture and background, as the 2025 flight file has them for slitless."""
    extract1d_file(path, "slitless")
