"""The reference files of the simulated slitless mode, one function each."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lrs_explorer.model.data.instrument import Subarray
from lrs_explorer.simulator import slitless_instrument
from lrs_explorer.simulator.reference_models import (
    SLITLESS,
    WAVELENGTHS,
    apcorr_file,
    distortion_file,
    extract1d_file,
    flat_file,
    photom_file,
    specwcs_file,
)
from lrs_explorer.simulator.slitless_instrument import PRISM


def write_distortion(path: Path) -> None:
    """Write the map from pixels of the full detector to V2, V3 in arcsec around SLITLESSPRISM."""
    distortion_file(
        path,
        SLITLESS,
        (
            PRISM.reference[1] + PRISM.origin[1],
            PRISM.reference[0] + PRISM.origin[0],
        ),
        (slitless_instrument.SCALE_ALONG, slitless_instrument.SCALE_ACROSS),
        (slitless_instrument.V2_REF, slitless_instrument.V3_REF),
        slitless_instrument.V3_IDEAL_Y_ANGLE,
    )


def write_specwcs(path: Path, subarray: Subarray = PRISM) -> None:
    """Write trace and wavelength of each row, relative to where the source is placed."""
    first, last = slitless_instrument.lit_rows(subarray)
    rows = np.arange(last, first - 1, -1, dtype=float)
    specwcs_file(
        path,
        subarray,
        rows - subarray.reference[0],
        slitless_instrument.trace_shift(rows, subarray),
        slitless_instrument.wavelength_at_row(rows, subarray),
    )


def write_flat(path: Path, subarray: Subarray = PRISM) -> None:
    """Write the flat field of a subarray, a part of the same detector."""
    flat_file(path, subarray)


def write_photom(path: Path) -> None:
    """Write the same conversion without the slit, where pixels are a little smaller."""
    first, last = slitless_instrument.lit_rows(PRISM)
    rows = np.linspace(last + 0.5, first - 0.5, 775)
    photom_file(
        path,
        SLITLESS,
        slitless_instrument.wavelength_at_row(rows),
        (slitless_instrument.SCALE_ALONG, slitless_instrument.SCALE_ACROSS),
        slitless_instrument.PIXEL_AREA_SR,
    )


def write_apcorr(path: Path) -> None:
    """Write the same without a slit that cuts the halo of the PSF."""
    size = np.arange(1, 69)
    enclosed = slitless_instrument.enclosed_fraction(WAVELENGTHS[:, None], size[None, :])
    apcorr_file(path, SLITLESS, size, enclosed)


def write_extract1d(path: Path, subarray: Subarray = PRISM) -> None:
    """Write the default aperture and background, as the 2025 flight file has them for slitless."""
    extract1d_file(path, subarray)
