"""Observations with known issues, planted at random, for `benchmarks/diagnosis.py`."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from diagnosis_plans import Plan
from fast_calibration import Calibration
from numpy.typing import NDArray

from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.model.data.dq import FLAGS
from lrs_explorer.model.data.instrument import SOLUTIONS
from lrs_explorer.model.data.products import SpectralImage, Spectrum
from lrs_explorer.model.recipe.recipe import Aperture, Recipe
from lrs_explorer.simulator import acquisition, detector_image, instrument
from lrs_explorer.simulator.detector_image import (
    REGION_COLUMNS,
    REGION_ROWS,
    Defects,
    SimulatedExposure,
    expected_rate,
)
from lrs_explorer.simulator.exposure_file import write_acquisition
from lrs_explorer.simulator.observation import acquire, paint_nods
from lrs_explorer.simulator.truth import true_spectrum

Array = NDArray[np.float64]
REGION = (slice(*REGION_ROWS), slice(*REGION_COLUMNS))
ROWS = np.arange(*REGION_ROWS, dtype=float)
WAVELENGTH = instrument.wavelength_at_row(ROWS)
WIDTH = 8.0


@dataclass
class Simulated:
    """One observation's exposures, with and without noise."""

    noisy: list[SimulatedExposure]
    noiseless: list[SimulatedExposure]


def expose(plan: Plan, *, without: frozenset[str] = frozenset()) -> Simulated:
    """Make both nods of a plan, leaving out some of its issues; the noise is always the same."""
    scene = plan.scene
    if "MR-LRS02" in without:
        scene = dataclasses.replace(scene, bad_pixels=0, hot_pixels=0, dead_pixels=0)
    seen, traces, defects, seeds = paint_nods(scene)
    if plan.second[0] and "second_source" not in without:
        seen = [image + star for image, star in zip(seen, _second_star(plan, traces), strict=True)]
    noisy, noiseless = [], []
    for image, trace, seed in zip(seen, traces, seeds, strict=True):
        exposure = detector_image.expose(
            image,
            trace,
            defects,
            np.random.default_rng(seed),
            n_groups=scene.n_groups,
            n_integrations=scene.n_integrations,
        )
        quiet = _quiet(exposure, image, defects, seed)
        for one in (exposure, quiet):
            _reject(one, plan, without)
        noisy.append(_rescaled(exposure, plan.error_factor))
        noiseless.append(quiet)
    return Simulated(noisy, noiseless)


def _second_star(plan: Plan, traces: list[Array]) -> list[Array]:
    from lrs_explorer.simulator.reference_models import flat_field

    scene = plan.scene
    brightness, away = plan.second
    grid, flux, _ = true_spectrum(scene)
    light = brightness * np.interp(WAVELENGTH, grid, flux)
    flat = flat_field()[REGION]
    stars = []
    for along, trace in zip(scene.true_positions, traces, strict=True):
        other = trace + away / instrument.SCALE_ALONG
        star = expected_rate(light, 0 * light, WAVELENGTH, other, along + away, scene.slit_offset)
        stars.append(star * flat)
    return stars


def _quiet(
    exposure: SimulatedExposure, image: Array, defects: Defects, seed: Any
) -> SimulatedExposure:
    """Return an exposure without its noise."""
    rate = exposure.rate.copy()
    # The same draws as in `detector_image.expose`: noise first, then the hot pixels' level.
    random = np.random.default_rng(seed)
    random.standard_normal(image.shape)
    rate[REGION] = detector_image.hot_and_dead(image, defects, random)
    for row, column in defects.bad:
        rate[row, column] = np.nan
    return dataclasses.replace(exposure, rate=rate)


def _reject(exposure: SimulatedExposure, plan: Plan, without: frozenset[str]) -> None:
    """Plant what the jump step and saturation do to the trace's peak."""
    lost = FLAGS["DO_NOT_USE"]
    kinds = [("MR-LRS03", plan.runs, FLAGS["JUMP_DET"])]
    if plan.saturated[1]:
        kinds.append(("saturation", (plan.saturated,), FLAGS["SATURATED"]))
    for issue, runs, flag in kinds:
        if issue in without:
            continue
        for first, number in runs:
            for row in range(first, first + number):
                column = round(float(exposure.trace[row - REGION_ROWS[0]]))
                exposure.dq[row, column] |= lost | flag
                for plane in (exposure.rate, exposure.var_poisson, exposure.var_rnoise):
                    plane[row, column] = np.nan


def _rescaled(exposure: SimulatedExposure, factor: float) -> SimulatedExposure:
    """Return an exposure whose noise is ``factor`` times what it quotes."""
    return dataclasses.replace(
        exposure,
        var_poisson=exposure.var_poisson / np.float32(factor**2),
        var_rnoise=exposure.var_rnoise / np.float32(factor**2),
    )


class Maker:
    """Makes the products of plans, and tells how large their issues are.

    Parameters
    ----------
    calibration : Calibration
    """

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration

    def make(self, plan: Plan, folder: Path) -> Path:
        """Write an observation; return its first nod's s2d. Sizes are told in ``plan.size``."""
        calibration, subtract = self.calibration, "background" not in plan.issues
        simulated = expose(plan)
        nods = calibration.calibrate(simulated.noisy, subtract=subtract)
        images = [calibration.resample(nod, n) for n, nod in enumerate(nods, start=1)]
        spectra = [calibration.extract(image) for image in images]
        centers = [_center(spectrum) for spectrum in spectra]
        if "nods" in plan.issues:  # both where the first one is
            spectra[1] = calibration.extract(
                images[1], Recipe(aperture=Aperture(centers[0], WIDTH))
            )
        folder.mkdir(parents=True, exist_ok=True)
        calibration.write(folder, nods, images, spectra, self._changes(plan), cals=(1,))
        self._write_acquisitions(plan, folder)
        plan.size = self._sizes(plan, simulated, images[0], centers)
        return folder / calibration.product(1, "s2d").name

    def _changes(self, plan: Plan) -> Callable[[fits.HDUList, str], None]:
        def change(hdus: fits.HDUList, kind: str) -> None:
            header = hdus[0].header
            header["CRDS_CTX"], header["CAL_VER"] = "jwst_1600.pmap", "3.0.0"
            header["DATE"] = "2026-03-01T00:00:00"
            if "versions" in plan.issues:
                header["CRDS_CTX"], header["CAL_VER"] = "jwst_1200.pmap", "1.13.4"
            if "background" in plan.issues:
                header["S_BKDSUB"] = "SKIPPED"
            if "wavelength" in plan.issues:
                _swap_solution(hdus, kind)

        return change

    def _write_acquisitions(self, plan: Plan, folder: Path) -> None:
        """Write the acquisition images; with right count rates where nothing was planted."""
        scene = plan.scene
        images = acquire(scene)
        for taken, image in zip(acquisition.ACQUISITIONS, images, strict=True):
            name = f"{scene.acquisition_name(taken.activity)}_rate.fits"
            template = self.calibration.folder / f"template_{name}"
            if not template.is_file():
                write_acquisition(scene, taken, image, template)
            with fits.open(template, memmap=False) as hdus:
                hdus["SCI"].data[...] = image.rate
                hdus["ERR"].data[...] = image.err
                hdus["DQ"].data[...] = image.dq
                header = hdus[0].header
                if "MR-LRS06" not in plan.issues and taken.frames > 1:
                    header["TGROUP"] = header["TFRAME"] * taken.frames
                    for plane in ("SCI", "ERR"):
                        hdus[plane].data /= taken.frames
                hdus.writeto(folder / name, overwrite=True)

    # -- how large the issues are ------------------------------------------------------------------

    def _sizes(
        self, plan: Plan, simulated: Simulated, image: SpectralImage, centers: list[float]
    ) -> dict[str, float]:
        issues = plan.issues
        size = dict.fromkeys(issues, np.nan)
        subtract = "background" not in issues
        quiet = self._quiet(simulated, subtract=subtract)
        place = self._true_place(plan, quiet)
        there = Recipe(aperture=Aperture(place, WIDTH))
        noise = self._noise(plan, simulated, image, there, subtract=subtract)
        default = self._flux(quiet)
        right = self._flux(quiet, there)
        if "MR-LRS01" in issues or "slit_edge" in issues:
            size["MR-LRS01"] = _largest((right - default) / noise)
        for issue in ("MR-LRS02", "MR-LRS03"):
            if issue in issues:
                other = self._quiet(expose(plan, without=frozenset({issue})), subtract=subtract)
                size[issue] = max(
                    _largest((self._flux(other, there) - right) / noise),
                    _largest((self._flux(other) - default) / noise),
                )
        if "background" in issues:
            other = self._quiet(simulated, subtract=True)
            size["background"] = _largest((self._flux(other, there) - right) / noise)
        # What a good acquisition has left is there without being planted.
        wavelength = _table(self.calibration.extract(quiet, there))[0]
        ratio = instrument.slit_transmission(wavelength) / instrument.slit_transmission(
            wavelength, plan.scene.slit_offset
        )
        size["MR-LRS04"] = _largest((ratio - 1) * right / noise)
        quoted = self._quoted(image)
        ratio = float(np.nanmedian(self._noise_default(plan, simulated, image, subtract) / quoted))
        size["MR-LRS05"] = max(ratio, 1 / ratio)
        if "MR-LRS06" in issues:
            size["MR-LRS06"] = 8.0
        if "wavelength" in issues:
            size["wavelength"] = 0.2
        if "nods" in issues:
            size["nods"] = abs(centers[1] - centers[0])
        if "versions" in issues:
            size["versions"] = 1.0
        if "second_source" in issues:
            size["second_source"] = 100 * plan.second[0]
        if "slit_edge" in issues:
            along = abs(plan.scene.true_positions[0])
            passed = instrument.slit_transmission(10.0, 0.0, along) / instrument.slit_transmission(
                10.0
            )
            size["slit_edge"] = 100 * (1 - float(passed))
        if "saturation" in issues:
            size["saturation"] = float(plan.saturated[1])
        return {name: float(value) for name, value in size.items()}

    def _quiet(self, simulated: Simulated, *, subtract: bool) -> SpectralImage:
        nods = self.calibration.calibrate(simulated.noiseless, subtract=subtract)
        return self.calibration.resample(nods[0], 1)

    def _flux(self, image: SpectralImage, recipe: Recipe | None = None) -> Array:
        return _table(self.calibration.extract(image, recipe))[1]

    def _quoted(self, image: SpectralImage) -> Array:
        return _table(self.calibration.extract(image))[2]

    def _noise(
        self,
        plan: Plan,
        simulated: Simulated,
        image: SpectralImage,
        recipe: Recipe | None,
        *,
        subtract: bool,
    ) -> Array:
        """Return the true standard error of the flux: that of both nods."""
        own, other = simulated.noisy
        both = dataclasses.replace(
            own,
            var_poisson=own.var_poisson + (other.var_poisson if subtract else 0),
            var_rnoise=own.var_rnoise + (other.var_rnoise if subtract else 0),
        )
        nods = self.calibration.calibrate([both, other], subtract=subtract)
        nods[0].planes["VAR_FLAT"] *= 0
        whole = self.calibration.resample(nods[0], 1)
        return plan.error_factor * _table(self.calibration.extract(whole, recipe))[2]

    def _noise_default(
        self, plan: Plan, simulated: Simulated, image: SpectralImage, subtract: bool
    ) -> Array:
        return self._noise(plan, simulated, image, None, subtract=subtract)

    def _true_place(self, plan: Plan, quiet: SpectralImage) -> float:
        """Return the source's place on the first nod's image, at its brightest rows."""
        header = _center(self.calibration.extract(quiet))
        rows = (SPECTRUM_RANGE[0] < WAVELENGTH) & (SPECTRUM_RANGE[1] > WAVELENGTH)
        bend = plan.scene.trace_residual * ((ROWS[rows] - instrument.REFERENCE_ROW) / 200.0) ** 2
        return header + plan.scene.position_error / instrument.SCALE_ALONG + float(np.mean(bend))


def _swap_solution(hdus: fits.HDUList, kind: str) -> None:
    """Give a product the wavelengths of the slitless solution."""
    _, other = np.array(SOLUTIONS["slitless"]).T
    _, own = np.array(SOLUTIONS["slit"]).T
    order = np.argsort(own)

    def swapped(wavelength: Array) -> Array:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            difference = np.interp(wavelength, own[order], (other - own)[order])
        return wavelength + difference

    if kind == "x1d":
        table = hdus["EXTRACT1D"].data
        table["WAVELENGTH"] = swapped(table["WAVELENGTH"])
    elif "WAVELENGTH" in hdus:
        hdus["WAVELENGTH"].data[...] = swapped(hdus["WAVELENGTH"].data)


def _center(spectrum: Spectrum) -> float:
    return (spectrum.header["EXTRXSTR"] + spectrum.header["EXTRXSTP"]) / 2 - 1


def _table(spectrum: Spectrum) -> tuple[Array, Array, Array]:
    """Return wavelength, flux and error in `SPECTRUM_RANGE`."""
    low, high = SPECTRUM_RANGE
    used = (spectrum.wavelength > low) & (spectrum.wavelength < high)
    return spectrum.wavelength[used], spectrum.flux[used], spectrum.flux_error[used]


def _largest(values: Array) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max(initial=0.0))
