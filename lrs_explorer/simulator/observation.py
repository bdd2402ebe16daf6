"""Simulate a slit observation: two nods as rate files, their associations and their truth."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrs_explorer.simulator import acquisition, detector_image, instrument, pointing
from lrs_explorer.simulator.acquisition import AcquisitionImage
from lrs_explorer.simulator.detector_image import Defects, Exposure
from lrs_explorer.simulator.rate_file import write_acquisition, write_rate
from lrs_explorer.simulator.spectra import SpectrumFunction, source_flux

_TRUTH_WAVELENGTHS = np.arange(3.0, 15.0005, 0.01)  # micron


@dataclass(frozen=True)
class SlitScene:
    """Everything that defines a simulated two-nod slit observation.

    Attributes
    ----------
    spectrum : str or callable
        A name in `lrs_explorer.simulator.spectra.SPECTRA`, or a function of wavelength (micron).
    flux_level : float, Jy
        Flux density at 8 micron.
    nod_offsets : tuple of float, arcsec
        Where the header says the source is along the slit in each exposure (XOFFSET).
    position_error : float, arcsec
        How much further along the slit the source really is: header positions are wrong by this.
    slit_offset : float, arcsec
        True position of the source across the slit; it loses light the header knows nothing of.
    trace_residual : float, pixels
        Departure of the trace from the specwcs reference 200 rows from the reference row.
    background_level : float, MJy/sr
        Sky and telescope at 10 micron.
    background_drift : float
        Relative change of the background from one exposure to the next.
    n_groups, n_integrations : int
        Ramp of each exposure; they set the noise.
    bad_pixels, hot_pixels : int
        Numbers of flagged pixels without a value and of unflagged pixels with a wrong one.
    ra, dec, roll : float, degrees
        Target in the header, and position angle of V3.
    program, observation : int
        Numbers in the file names; programs from 90000 on do not exist.
    target : str
    seed : int
        The same scene gives the same pixels.
    """

    spectrum: str | SpectrumFunction = "dust_shell"
    flux_level: float = 1.5e-3
    nod_offsets: tuple[float, float] = (-instrument.NOD_OFFSET, instrument.NOD_OFFSET)
    position_error: float = 0.45
    slit_offset: float = 0.0
    trace_residual: float = 0.2
    background_level: float = 12.0
    background_drift: float = 0.003
    n_groups: int = 20
    n_integrations: int = 4
    bad_pixels: int = 70
    hot_pixels: int = 6
    ra: float = 150.0
    dec: float = 20.0
    roll: float = 30.0
    program: int = 90010
    observation: int = 1
    target: str = "SIM-DUSTY-STAR"
    seed: int = 20260214

    def __post_init__(self) -> None:
        if self.n_groups < 2 or self.n_integrations < 1:
            raise ValueError("an exposure needs at least two groups and one integration")
        if self.flux_level < 0:
            raise ValueError("flux_level must not be negative")

    @property
    def true_positions(self) -> tuple[float, ...]:
        """True offset of the source along the slit in each exposure, arcsec from its centre."""
        return tuple(offset + self.position_error for offset in self.nod_offsets)

    def exposure_name(self, number: int) -> str:
        """Return the JWST file name root of exposure 1 or 2."""
        return f"jw{self.program:05d}{self.observation:03d}001_03102_{number:05d}_mirimage"

    def acquisition_name(self, activity: str) -> str:
        """Return the JWST file name root of an acquisition exposure."""
        return f"jw{self.program:05d}{self.observation:03d}001_{activity}_00001_mirimage"

    @property
    def product_name(self) -> str:
        """JWST file name root of the combined (level 3) products."""
        return f"jw{self.program:05d}-o{self.observation:03d}_t001_miri_p750l"


@dataclass(frozen=True)
class SlitFiles:
    """Paths of what `simulate_slit` wrote."""

    rates: tuple[Path, ...]
    acquisitions: tuple[Path, ...]
    spec2_associations: tuple[Path, ...]
    spec3_association: Path
    truth: Path
    defects: Path


def simulate_slit(scene: SlitScene, output_dir: str | Path) -> SlitFiles:
    """Simulate both nods of a slit observation and write them as pipeline input.

    Parameters
    ----------
    scene : SlitScene
    output_dir : str or Path
        Folder for the files; made when it does not exist, files of the same name are replaced.

    Returns
    -------
    SlitFiles
        Rate files of the nods and of the target acquisition, spec2 associations (each nod with the
        other as its background, and the verification image), the spec3 association (of the cal
        files that spec2 will make), ``truth.ecsv`` and ``defects.json``.
    """
    folder = Path(output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    exposures, defects = expose_nods(scene)
    rates = []
    for number, exposure in enumerate(exposures, start=1):
        path = folder / f"{scene.exposure_name(number)}_rate.fits"
        write_rate(scene, exposure, number, path)
        rates.append(path)
    seen, acquisitions = acquire(scene), []
    for taken, image in zip(acquisition.ACQUISITIONS, seen, strict=True):
        path = folder / f"{scene.acquisition_name(taken.activity)}_rate.fits"
        write_acquisition(scene, taken, image, path)
        acquisitions.append(path)
    spec2, spec3 = _write_associations(scene, folder)
    truth = folder / "truth.ecsv"
    _write_truth(scene, truth)
    record = folder / "defects.json"
    record.write_text(
        json.dumps(describe_defects(scene, exposures, defects, seen), indent=1) + "\n",
        encoding="utf-8",
    )
    return SlitFiles(tuple(rates), tuple(acquisitions), spec2, spec3, truth, record)


def expose_nods(scene: SlitScene) -> tuple[list[Exposure], Defects]:
    """Make the rate images of both nods in memory."""
    # Imported here: the flat lives with the reference files, which need stdatamodels.
    from lrs_explorer.simulator.reference_files import flat_field

    # One stream per purpose: more bad pixels must not change the noise.
    streams = np.random.SeedSequence(scene.seed).spawn(1 + len(scene.nod_offsets))
    defects = detector_image.draw_defects(
        np.random.default_rng(streams[0]), scene.bad_pixels, scene.hot_pixels
    )
    flat = flat_field()
    rows = np.arange(*detector_image.REGION_ROWS, dtype=float)
    wavelength = instrument.wavelength_at_row(rows)
    _, seen, _ = true_spectrum(scene)
    flux = np.interp(wavelength, _TRUTH_WAVELENGTHS, seen)
    background = instrument.thermal_background(wavelength, scene.background_level)
    exposures = []
    for number, along in enumerate(scene.true_positions):
        trace = detector_image.true_trace(along, scene.trace_residual, rows)
        sky = background * (1.0 + scene.background_drift * number)
        expected = detector_image.expected_rate(
            flux, sky, wavelength, trace, along, scene.slit_offset
        )
        exposures.append(
            detector_image.expose(
                expected,
                trace,
                flat,
                defects,
                np.random.default_rng(streams[number + 1]),
                n_groups=scene.n_groups,
                n_integrations=scene.n_integrations,
            )
        )
    return exposures, defects


def acquire(scene: SlitScene) -> list[AcquisitionImage]:
    """Paint the target acquisition images, in the order of `acquisition.ACQUISITIONS`."""
    wavelength, seen, _ = true_spectrum(scene)
    flux = float(np.interp(acquisition.FILTER_WAVELENGTH, wavelength, seen))
    # A stream of their own: without them the nods have the same noise.
    streams = np.random.SeedSequence([scene.seed, 1]).spawn(len(acquisition.ACQUISITIONS))
    return [
        acquisition.paint(
            exposure,
            flux,
            scene.position_error,
            scene.slit_offset,
            np.random.default_rng(stream),
        )
        for exposure, stream in zip(acquisition.ACQUISITIONS, streams, strict=True)
    ]


def true_spectrum(scene: SlitScene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return wavelength (micron), flux at the prism's resolution and intrinsic flux (Jy)."""
    intrinsic = source_flux(scene.spectrum, scene.flux_level, _TRUTH_WAVELENGTHS)
    seen = instrument.blur_to_resolution(_TRUTH_WAVELENGTHS, intrinsic)
    return _TRUTH_WAVELENGTHS, seen, intrinsic


def describe_defects(
    scene: SlitScene,
    exposures: list[Exposure],
    defects: Defects,
    acquired: list[AcquisitionImage],
) -> dict[str, Any]:
    """Return what is wrong in an observation and where its source truly is, ready for JSON."""
    source_ra, source_dec = pointing.offset_sky(
        scene.ra, scene.dec, scene.roll, scene.position_error, scene.slit_offset
    )
    rows = np.arange(*detector_image.REGION_ROWS)
    return {
        "simulated": True,
        "conventions": "pixels are 0-indexed [row, column] of the full detector",
        "seed": scene.seed,
        "header_position": {"ra_deg": scene.ra, "dec_deg": scene.dec},
        "true_position": {"ra_deg": source_ra, "dec_deg": source_dec},
        "position_error_along_slit_arcsec": scene.position_error,
        "position_error_along_slit_pixels": scene.position_error / instrument.SCALE_ALONG,
        "slit_offset_across_arcsec": scene.slit_offset,
        "trace_residual_pixels": scene.trace_residual,
        "acquisition": {
            f"{scene.acquisition_name(exposure.activity)}_rate.fits": {
                "column": image.column,
                "row": image.row,
                "true_count_rate_DN_s": image.count_rate,
                "stored_rate_is_true_times": exposure.frames,
            }
            for exposure, image in zip(acquisition.ACQUISITIONS, acquired, strict=True)
        },
        "bad_pixels_flagged": [list(pixel) for pixel in defects.bad],
        "hot_pixels_unflagged": [list(pixel) for pixel in defects.hot],
        "true_trace": {
            f"{scene.exposure_name(number)}_rate.fits": {
                "row": rows[::8].tolist(),
                "column": np.round(exposure.trace[::8], 4).tolist(),
            }
            for number, exposure in enumerate(exposures, start=1)
        },
    }


def _write_truth(scene: SlitScene, path: Path) -> None:
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


def _write_associations(scene: SlitScene, folder: Path) -> tuple[tuple[Path, ...], Path]:
    numbers = range(1, len(scene.nod_offsets) + 1)
    program = f"{scene.program:05d}"
    root = f"jw{program}-o{scene.observation:03d}"

    def write(kind: str, number: int, product: str, members: list[tuple[str, str]]) -> Path:
        path = folder / f"{root}_{kind}_{number:05d}_asn.json"
        association = {
            "asn_type": kind,
            "asn_id": f"o{scene.observation:03d}",
            "asn_rule": "simulated",
            "asn_pool": "none",
            "program": program,
            "target": "t001",
            "products": [
                {
                    "name": product,
                    "members": [{"expname": name, "exptype": use} for name, use in members],
                }
            ],
        }
        path.write_text(json.dumps(association, indent=1) + "\n", encoding="utf-8")
        return path

    confirm = acquisition.ACQUISITIONS[-1]
    seen_in_slit = f"{scene.acquisition_name(confirm.activity)}_rate.fits"
    spec2 = []
    for number in numbers:
        science = (f"{scene.exposure_name(number)}_rate.fits", "science")
        others = [
            (f"{scene.exposure_name(other)}_rate.fits", "background")
            for other in numbers
            if other != number
        ]
        members = [science, *others, (seen_in_slit, "target_acquisition")]
        spec2.append(write("spec2", number, scene.exposure_name(number), members))
    cals = [(f"{scene.exposure_name(number)}_cal.fits", "science") for number in numbers]
    return tuple(spec2), write("spec3", 1, scene.product_name, cals)
