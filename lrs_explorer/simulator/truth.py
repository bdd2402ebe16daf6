"""The truth of a simulated observation: its spectrum, and everything that was planted in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lrs_explorer.simulator import detector_image, instrument, pointing
from lrs_explorer.simulator.acquisition import ACQUISITIONS, AcquisitionImage
from lrs_explorer.simulator.detector_image import Defects, SimulatedExposure
from lrs_explorer.simulator.ramps import Ramp
from lrs_explorer.simulator.scene import SlitScene
from lrs_explorer.simulator.spectra import source_flux

_WAVELENGTHS = np.arange(3.0, 15.0005, 0.01)  # micron


def true_spectrum(scene: SlitScene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return wavelength (micron), flux at the prism's resolution and intrinsic flux (Jy)."""
    intrinsic = source_flux(scene.spectrum, scene.flux_level, _WAVELENGTHS)
    seen = instrument.blur_to_resolution(_WAVELENGTHS, intrinsic)
    return _WAVELENGTHS, seen, intrinsic


def describe_defects(
    scene: SlitScene,
    exposures: Sequence[SimulatedExposure | Ramp],
    defects: Defects,
    acquired: Sequence[AcquisitionImage],
) -> dict[str, Any]:
    """Return what is wrong in an observation and where its source truly is, ready for JSON."""
    source_ra, source_dec = pointing.offset_sky(
        scene.ra, scene.dec, scene.roll, scene.position_error, scene.slit_offset
    )
    rows = np.arange(*detector_image.REGION_ROWS)
    record = {
        "simulated": True,
        "conventions": "pixels are 0-indexed [row, column] of the full detector; groups and "
        "integrations count from 0",
        "seed": scene.seed,
        "header_position": {"ra_deg": scene.ra, "dec_deg": scene.dec},
        "true_position": {"ra_deg": source_ra, "dec_deg": source_dec},
        "position_error_along_slit_arcsec": scene.position_error,
        "position_error_along_slit_pixels": scene.position_error / instrument.SCALE_ALONG,
        "slit_offset_across_arcsec": scene.slit_offset,
        "trace_residual_pixels": scene.trace_residual,
        "true_scatter_over_reported_error": scene.error_factor,
        "acquisition": {
            f"{scene.acquisition_name(taken.activity)}_rate.fits": {
                "column": image.column,
                "row": image.row,
                "true_count_rate_DN_s": image.count_rate,
                "stored_rate_is_true_times": taken.frames,
            }
            for taken, image in zip(ACQUISITIONS, acquired, strict=True)
        },
        "bad_pixels_flagged": [list(pixel) for pixel in defects.bad],
        "hot_pixels_unflagged": [list(pixel) for pixel in defects.hot],
        "dead_pixels_unflagged": [list(pixel) for pixel in defects.dead],
        "true_trace": {
            f"{scene.exposure_name(number)}_rate.fits": {
                "row": rows[::8].tolist(),
                "column": np.round(exposure.trace[::8], 4).tolist(),
            }
            for number, exposure in enumerate(exposures, start=1)
        },
    }
    ramps = {
        scene.exposure_name(number): ramp
        for number, ramp in enumerate(exposures, start=1)
        if isinstance(ramp, Ramp)
    }
    if ramps:
        record["jump_false_positives"] = {
            name: [list(pixel) for pixel in ramp.pattern] for name, ramp in ramps.items()
        }
        record["cosmic_rays"] = {
            name: [
                {
                    "pixel": [hit.row, hit.column],
                    "integration": hit.integration,
                    "group": hit.group,
                    "height_DN": round(hit.height, 1),
                }
                for hit in ramp.cosmic_rays
            ]
            for name, ramp in ramps.items()
        }
    return record


def write_truth(scene: SlitScene, path: Path) -> None:
    """Write the true spectrum as a table."""
    from astropy.table import Table

    wavelength, seen, intrinsic = true_spectrum(scene)
    table = Table(
        {
            "wavelength": np.round(wavelength, 4),
            "flux": seen,
            "flux_intrinsic": intrinsic,
            "background": instrument.thermal_background(wavelength, scene.background_level),
        },
        units={"wavelength": "um", "flux": "Jy", "flux_intrinsic": "Jy", "background": "MJy/sr"},
        meta={
            "comment": "SIMULATED (LRS Explorer). flux: whole point source before slit loss, at "
            "the resolution of the prism; flux_intrinsic: before blurring; background: surface "
            "brightness in the first exposure"
        },
    )
    for name in table.colnames[1:]:
        table[name].info.format = ".8g"
    table.write(path, format="ascii.ecsv", overwrite=True)
