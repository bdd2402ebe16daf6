"""Calibrate simulated slit exposures as calwebb_spec2 does, in a fraction of its time.

With the same pointing, what the pipeline does to a rate image is the same every time: the other nod
is subtracted, pixels are multiplied by factors (flat field, pathloss, photom), resampled with
weights of 1 / VAR_RNOISE, and extracted. The factors are read off one real run on images of ones,
the geometry off its products; the resampling is the pipeline's own (`drizzle`), the extraction the
live kernel, which has the bits of the pipeline's step. `check` compares with real runs.

Products are real files: those of the real run, with other pixels in them.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from drizzle.resample import Drizzle
from numpy.typing import NDArray

from lrs_explorer.model.data.products import SpectralImage, Spectrum
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.live.plan import ExtractionPlan
from lrs_explorer.model.live.references import References
from lrs_explorer.model.measure.pixels.map import pixel_map
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.simulator.detector_image import SimulatedExposure
from lrs_explorer.simulator.observation import expose_nods, simulate_slit
from lrs_explorer.simulator.processing import process_slit
from lrs_explorer.simulator.references import build_crds_cache, reference_path
from lrs_explorer.simulator.scene import SlitScene

Array = NDArray[np.float64]

DO_NOT_USE = 1
MARGIN = 2
PLANES = ("SCI", "VAR_POISSON", "VAR_RNOISE", "VAR_FLAT")


@dataclasses.dataclass
class Nod:
    """A calibrated nod, cut to the slit.

    ``planes`` holds SCI and the variances, shape of ``dq``, MJy/sr.
    """

    planes: dict[str, Array]
    dq: NDArray[np.uint32]


class Calibration:
    """The factors of one pointing.

    Parameters
    ----------
    folder : Path
        Where the real run is kept; it is used again when it is there.
    scene : SlitScene
        Its pointing counts.
    """

    def __init__(self, folder: Path, scene: SlitScene) -> None:
        self.folder = folder
        self.scene = scene
        self.cache = folder / "crds"
        if not (folder / "done").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            build_crds_cache(self.cache)
            files = simulate_slit(scene, folder)
            for path, level in zip(files.rates, (2.0, 1.0), strict=True):
                with fits.open(path, mode="update") as hdus:
                    inside = np.isfinite(hdus["SCI"].data)
                    hdus["SCI"].data[inside] = level
                    hdus["VAR_POISSON"].data[inside] = 1.0
                    hdus["VAR_RNOISE"].data[inside] = 1.0
                    hdus["ERR"].data[inside] = np.sqrt(2.0)
                    hdus["DQ"].data[inside] = 0
            process_slit(files, self.cache, folder, combine=False)
            (folder / "done").touch()
        self.references = self._references()
        self._load()

    def _references(self) -> References:
        return References(
            extract1d=json.loads(reference_path(self.cache, "extract1d").read_text()),
            apcorr=reference_path(self.cache, "apcorr"),
            psf=reference_path(self.cache, "psf"),
            names={},
            notes=(),
        )

    def product(self, number: int, kind: str) -> Path:
        """Return a product of the real run."""
        return self.folder / f"{self.scene.exposure_name(number)}_{kind}.fits"

    def _load(self) -> None:
        self._factor: dict[int, Array] = {}
        self._flat_error: dict[int, Array] = {}
        self._pixmap: dict[int, Array] = {}
        self._empty: dict[int, NDArray[np.uint32]] = {}
        self._settled: dict[tuple[int, Recipe], ExtractionPlan] = {}
        self._templates: dict[int, Extractor] = {}
        self.images: dict[int, SpectralImage] = {}
        for number in (1, 2):
            cal = read_image(self.product(number, "cal"))
            s2d = read_image(self.product(number, "s2d"))
            valid = np.isfinite(cal.wavelength)
            rows = np.flatnonzero(valid.any(axis=1))
            columns = np.flatnonzero(valid.any(axis=0))
            self.cut = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
            sign = 1.0 if number == 1 else -1.0
            self._factor[number] = sign * cal.data[self.cut].astype(float)
            # var_flat is the square of the data times this.
            self._flat_error[number] = (
                np.asarray(cal.var_flat[self.cut], dtype=float) / cal.data[self.cut] ** 2
            )
            geometry = pixel_map(cal, s2d)
            assert geometry.corner == (rows[0], columns[0])
            pixmap = np.stack([geometry.column, geometry.row], axis=-1)
            # As in the full frame, pixels without a place lie around.
            self._pixmap[number] = np.pad(
                pixmap, ((MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0)), constant_values=np.nan
            )
            assert cal.dq is not None
            self._empty[number] = cal.dq[self.cut]
            self.images[number] = s2d
            self._templates[number] = self.extractor(s2d)

    def calibrate(self, exposures: list[SimulatedExposure], *, subtract: bool = True) -> list[Nod]:
        """Return both nods as the pipeline calibrates them."""
        nods = []
        for number, (own, other) in enumerate(
            ((exposures[0], exposures[1]), (exposures[1], exposures[0])), start=1
        ):
            rate = own.rate[self.cut].astype(float)
            dq = own.dq[self.cut] | self._empty[number]
            if subtract:
                rate = rate - other.rate[self.cut]
                # A background pixel without a value takes the science pixel with it.
                dq = dq | other.dq[self.cut]
            factor = self._factor[number]
            data = rate * factor
            planes = {
                "SCI": data,
                "VAR_POISSON": own.var_poisson[self.cut] * factor**2,
                "VAR_RNOISE": own.var_rnoise[self.cut] * factor**2,
                "VAR_FLAT": self._flat_error[number] * data**2,
            }
            missing = ~np.isfinite(data)
            dq = np.where(missing, dq | DO_NOT_USE, dq).astype(np.uint32)
            lost = (dq & DO_NOT_USE) != 0
            for plane in planes.values():
                plane[lost] = np.nan
            nods.append(Nod(planes, dq))
        return nods

    def resample(self, nod: Nod, number: int) -> SpectralImage:
        """Return the s2d image of a nod."""
        template = self.images[number]
        read = nod.planes["VAR_RNOISE"]
        good = ((nod.dq & DO_NOT_USE) == 0) & np.isfinite(read) & (read > 0)
        weight = np.divide(1.0, read, out=np.zeros_like(read), where=good)
        made = {}
        for name in PLANES:
            plane = nod.planes[name]
            values = np.where(good, plane if name == "SCI" else np.sqrt(plane), 0.0)
            drizzle = Drizzle(
                kernel="square", out_shape=template.shape, fillval=np.nan, disable_ctx=True
            )
            drizzle.add_image(
                np.pad(values, MARGIN).astype(np.float32),
                exptime=1.0,
                pixmap=self._pixmap[number],
                weight_map=np.pad(weight, MARGIN).astype(np.float32),
                pixfrac=1.0,
                in_units="cps",
            )
            made[name] = drizzle.out_img.astype(np.float32)
        variances = {
            f"var_{name}": made[f"VAR_{name.upper()}"] ** 2
            for name in ("poisson", "rnoise", "flat")
        }
        error = np.sqrt(sum(np.nan_to_num(v) for v in variances.values()))
        error[~np.isfinite(made["SCI"])] = np.nan
        return dataclasses.replace(template, data=made["SCI"], err=error, **variances)

    def extractor(self, image: SpectralImage) -> Extractor:
        """Return the live kernel for a resampled image."""
        return Extractor(image, self.references)

    def extract(self, image: SpectralImage, recipe: Recipe | None = None) -> Spectrum:
        """Return the spectrum of an image, by default as the pipeline places its aperture."""
        recipe = recipe or Recipe()
        number = next(n for n, template in self.images.items() if template.path == image.path)
        # Where the aperture lies is the same for all images of a nod.
        if (number, recipe) not in self._settled:
            self._settled[number, recipe] = self._templates[number].settle(recipe)
        settled = self._settled[number, recipe]
        columns, _ = settled.columns(self.extractor(image).pixels(settled.rows))
        return Spectrum(columns=columns, unit=settled.unit, header=settled.header)

    def write(
        self,
        folder: Path,
        nods: list[Nod],
        images: list[SpectralImage],
        spectra: list[Spectrum],
        change: Callable[[fits.HDUList, str], None] | None = None,
        cals: tuple[int, ...] = (1, 2),
    ) -> None:
        """Write s2d and x1d of both nods, and the cal of some.

        Parameters
        ----------
        folder : Path
        nods, images, spectra : list
        change : callable, optional
            Changes the contents of each file (HDUs and kind) before they are written.
        """
        for number, (nod, image, spectrum) in enumerate(
            zip(nods, images, spectra, strict=True), start=1
        ):
            if number in cals:
                self._write_cal(folder, number, nod, change)
            with fits.open(self.product(number, "s2d"), memmap=False) as hdus:
                hdus["SCI"].data[...] = image.data
                hdus["ERR"].data[...] = image.err
                for name in PLANES[1:]:
                    hdus[name].data[...] = getattr(image, name.lower())
                self._save(folder, number, "s2d", hdus, change)
            path = folder / self.product(number, "x1d").name
            # Headers of the real x1d, which has all that the pipeline writes.
            with fits.open(self.product(number, "x1d"), memmap=False) as hdus:
                table = hdus["EXTRACT1D"]
                for name, values in spectrum.columns.items():
                    table.data[name] = values
                for card in ("EXTRXSTR", "EXTRXSTP", "EXTRYSTR", "EXTRYSTP"):
                    table.header[card] = spectrum.header[card]
                if change is not None:
                    change(hdus, "x1d")
                hdus.writeto(path, overwrite=True)

    def _write_cal(
        self,
        folder: Path,
        number: int,
        nod: Nod,
        change: Callable[[fits.HDUList, str], None] | None,
    ) -> None:
        with fits.open(self.product(number, "cal"), memmap=False) as hdus:
            for name, plane in nod.planes.items():
                hdus[name].data[self.cut] = plane
            hdus["DQ"].data[self.cut] = nod.dq
            hdus["ERR"].data[self.cut] = np.sqrt(sum(nod.planes[name] for name in PLANES[1:]))
            self._save(folder, number, "cal", hdus, change)

    def _save(
        self,
        folder: Path,
        number: int,
        kind: str,
        hdus: fits.HDUList,
        change: Callable[[fits.HDUList, str], None] | None,
    ) -> None:
        if change is not None:
            change(hdus, kind)
        hdus.writeto(folder / self.product(number, kind).name, overwrite=True)


def check(calibration: Calibration, scenes: list[SlitScene], folder: Path) -> dict[str, float]:
    """Compare with real runs of calwebb_spec2; return the largest relative differences."""
    worst = {"cal": 0.0, "s2d": 0.0, "x1d": 0.0}
    for scene in scenes:
        shutil.rmtree(folder, ignore_errors=True)
        files = simulate_slit(scene, folder)
        process_slit(files, calibration.cache, folder, combine=False)
        exposures, _ = expose_nods(scene)
        nods = calibration.calibrate(exposures)
        for number, nod in enumerate(nods, start=1):
            name = scene.exposure_name(number)
            cal = read_image(folder / f"{name}_cal.fits")
            s2d = read_image(folder / f"{name}_s2d.fits")
            image = calibration.resample(nod, number)
            made: dict[str, tuple[Any, Any]] = {
                "cal": (nod.planes["SCI"], cal.data[calibration.cut]),
                "s2d": (image.data, s2d.data),
                "x1d": (
                    calibration.extract(image).flux,
                    calibration.extractor(s2d).extract(Recipe()).flux,
                ),
            }
            for kind, (own, real) in made.items():
                assert (np.isfinite(own) == np.isfinite(real)).all(), kind
                scale = np.nanmax(np.abs(real)) * 1e-3 + np.abs(real)
                worst[kind] = max(worst[kind], float(np.nanmax(np.abs(own - real) / scale)))
            variance = [getattr(image, f"var_{k}") for k in ("poisson", "rnoise", "flat")]
            other = [getattr(s2d, f"var_{k}") for k in ("poisson", "rnoise", "flat")]
            ratio = np.nanmax(np.abs(np.array(variance) / np.array(other) - 1))
            worst["s2d variances"] = max(worst.get("s2d variances", 0.0), float(ratio))
    return worst
