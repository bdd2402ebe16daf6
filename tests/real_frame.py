"""A real frame of the slitless LRS as a series that can be opened: what no simulation here shows.

The frame and what is measured on it: ``shared/data/third_party/README.md``. Its flux is not
calibrated, its brightest pixels are clipped.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from astropy.io import fits
from common import SHARED
from numpy.typing import NDArray

FRAME = SHARED / "third_party" / "wasp43" / "wasp43_lrs_slitless_8bit_det.npy"
STEP = 460 / 255
"""DN/s between two levels of the frame."""

DIP = (61, 67)
"""First and last column of a dip of its sky by 10 to 12 per cent."""


def write_real_series(
    folder: Path,
    *,
    mirrored: bool = False,
    integrations: int = 8,
    seed: int = 43,
    frame: NDArray[np.floating] | None = None,
) -> Path:
    """Write rateints and calints of a series whose integrations are the real frame and noise.

    Flat field and photom are skipped, as their factors are not known: calints are in DN/s. Return
    the calints.

    Parameters
    ----------
    folder : Path
    mirrored : bool
        Whether columns are in the opposite order, so that what is odd lies at the other edge.
    integrations, seed : int
    frame : ndarray, shape (416, 72), optional
        Another frame than the real one.
    """
    from lrs_explorer.simulator import instrument
    from lrs_explorer.simulator.series_file import Times, write_rateints
    from lrs_explorer.simulator.slitless_instrument import lit_rows, wavelength_at_row
    from lrs_explorer.simulator.slitless_observation import _identify
    from lrs_explorer.simulator.slitless_scene import SlitlessScene

    frame = np.load(FRAME).astype(float) if frame is None else frame
    frame = frame[:, ::-1] if mirrored else frame
    scene = SlitlessScene(
        n_integrations=integrations, n_groups=64, program=1366, target="WASP-43", seed=seed
    )
    interval, n = scene.region.frame_time, scene.n_groups
    photon = frame / (instrument.GAIN * interval * (n - 1))
    read = 12.0 * instrument.READ_NOISE**2 / ((n**3 - n) * interval**2) + STEP**2 / 12
    shape = (integrations, *frame.shape)
    noise = np.random.default_rng(seed).standard_normal(shape) * np.sqrt(photon + read)
    planes = {
        "rate": (frame + noise).astype(np.float32),
        "dq": np.zeros(shape, np.uint32),
        "var_poisson": np.broadcast_to(photon, shape).astype(np.float32),
        "var_rnoise": np.full(shape, read, np.float32),
    }
    path = folder / "jw01366002001_04103_00001-seg001_mirimage_rateints.fits"
    times = Times(replace(scene, n_segments=1), n, interval)
    write_rateints(path, planes, times, 1, partial(_identify, scene=scene))
    rows = np.arange(frame.shape[0])
    first, last = lit_rows(scene.region)  # beyond them the specwcs reference has none
    wavelength = np.where((rows >= first) & (rows <= last), wavelength_at_row(rows), np.nan)
    calints = path.with_name(path.name.replace("rateints", "calints"))
    with fits.open(path) as hdus:
        hdus[0].header.update(FILENAME=calints.name, DATAMODL="SlitModel", SRCTYPE="POINT")
        hdus[0].header.update(S_WCS="COMPLETE", S_SRCTYP="COMPLETE")
        hdus[0].header.update(S_FLAT="SKIPPED", S_PHOTOM="SKIPPED")
        across = np.repeat(wavelength[:, None], frame.shape[1], axis=1)
        hdus.insert(2, fits.ImageHDU(across.astype(np.float32), name="WAVELENGTH"))
        hdus.writeto(calints)
    return calints
