"""The live path: an image in memory and a recipe in, the spectrum the pipeline would write out.

All 18 columns are bit for bit those of jwst's ``Extract1dStep`` with the parameters that
`Extractor.step_parameters` gives (tests/extraction holds the two together).

What has to be imported decides when a first spectrum can be had. An aperture drawn by the user
needs numpy, scipy.interpolate and jwst's kernel: about a second after the interpreter has
started. An aperture that follows the source position in the header needs the WCS, and with it gwcs,
asdf and the data models: 2–3 s once per session. Only an optimal extraction imports
``jwst.extract_1d`` as a whole, 4–5 s. None of it is imported with ``lrs_explorer``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import (
    EXP_TYPES,
    SCALE_ACROSS,
    SCALE_ALONG,
    subarray_of,
)
from lrs_explorer.model.data.products import SpectralImage, Spectrum
from lrs_explorer.model.live import kernel
from lrs_explorer.model.live.apcorr import ApertureCorrection
from lrs_explorer.model.live.geometry import center_at, source_regions, weights
from lrs_explorer.model.live.image import ExtractionImage
from lrs_explorer.model.live.parameters import (
    Parameters,
    combine,
    draw_aperture,
    draw_background,
    fixed_edges,
    matching_aperture,
)
from lrs_explorer.model.live.placement import Located, Placement, locate, placement
from lrs_explorer.model.live.plan import ExtractionPlan, unfitted_note
from lrs_explorer.model.live.source import SourceFinder
from lrs_explorer.model.recipe.recipe import Recipe

if TYPE_CHECKING:
    from lrs_explorer.model.live.references import References

__all__ = ["Extractor", "Placement", "finer_pixels"]

FloatArray = NDArray[np.floating[Any]]

NO_APCORR = "no aperture correction: reference file not available"
NO_PSF = "no optimal extraction: PSF reference file not available"

FINER = 1.3
"""Pixels for one of the detector from which an image is called oversampled."""

COPIED = (
    "TELESCOP", "INSTRUME", "TARGNAME", "EXP_TYPE", "DATE-OBS", "CAL_VER", "CRDS_CTX", "S_PHOTOM",
)  # fmt: skip
"""Cards of the image that are copied to the spectrum's header."""


class Extractor:
    """The live kernel, prepared for one image.

    It changes nothing that it is given, and may be used from several threads.

    Parameters
    ----------
    image : SpectralImage
    references : References

    Raises
    ------
    LRSExplorerError
        The image is not from LRS, or has no valid pixel or no wavelength.
    """

    def __init__(self, image: SpectralImage, references: References) -> None:
        self.image = image
        self.references = references
        self._prepared = ExtractionImage(image)
        self._finder = SourceFinder(image)

    def extract(self, recipe: Recipe) -> Spectrum:
        """Return the spectrum.

        Its header has the aperture as the pipeline writes it (EXTRXSTR, EXTRXSTP, EXTRYSTR,
        EXTRYSTP, 1-indexed and inclusive), SRCXPIX (the source by the header, pixels, 0-indexed,
        where it was used) and the names of the reference files (R_EXTR1D, R_APCORR, R_PSF).

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, aperture or background cover no usable pixel, or a
            reference file cannot be used.
        """
        settled = self.settle(recipe)
        columns, unfitted = settled.columns(self._prepared.pixels(settled.rows))
        return Spectrum(
            columns=columns,
            origin="live",
            unit=settled.unit,
            header=settled.header,
            notes=(*settled.notes, *unfitted_note(unfitted)),
            missing=settled.missing,
        )

    @property
    def rows(self) -> slice:
        """Dispersion elements with wavelengths."""
        return self._prepared.rows(0)

    def pixels(self, rows: slice) -> kernel.Pixels:
        """Return the image's pixels as the pipeline takes them."""
        return self._prepared.pixels(rows)

    def settle(self, recipe: Recipe) -> ExtractionPlan:
        """Return all that the extraction of ``recipe`` needs but pixels.

        Raises
        ------
        LRSExplorerError
            As `extract`.
        """
        _, step, located = self._located(recipe)
        shown = placement(recipe, located, self.image)
        notes = [*self._standing_notes, *shown.notes]
        parameters = located.parameters
        optimal = parameters.extraction_type == "optimal"
        wanted = {"extract1d"} if recipe.aperture is None or recipe.background is None else set()
        if recipe.extraction.extraction_type == "optimal" and not optimal:
            notes.append(f"{NO_PSF}; box extraction instead")
            wanted.add("psf")

        margin = parameters.smoothing_length // 2 if located.background else 0
        rows = self._prepared.rows(margin)
        if optimal:
            profiles, limits = self._psf_profiles(located, step, rows)
            if recipe.aperture is not None:
                notes.append(
                    "the PSF stands at the aperture's center, along the header's trace; the "
                    "aperture's width and trace are not used"
                )
        else:
            profiles = [weights(located.regions, parameters, self.image.shape, rows)]
            limits = located.limits(self.image.shape)
            if recipe.aperture is not None and recipe.aperture.width < 1:
                notes.append(
                    "the aperture is narrower than a pixel: the pipeline may count more than that"
                )
        profiles[0], wavelength, used = self._prepared.along(profiles[0], rows)
        self._check_covered(profiles[0], self._prepared.pixels(rows), shown)
        apcorr = None
        if recipe.extraction.apply_apcorr and not optimal:
            apcorr = self._aperture_correction
            if self._prepared.source_type.upper() != "POINT":
                notes.append(
                    "no aperture correction: the source type is "
                    f"{self._prepared.source_type or 'unknown'}"
                )
            elif apcorr is None:
                notes.append(NO_APCORR)
                wanted.add("apcorr")
        missing = {k: why for k, why in self.references.missing.items() if k in wanted}
        return ExtractionPlan(
            rows=rows,
            profiles=profiles,
            background=self._background(located, rows),
            extraction_type=parameters.extraction_type,
            wavelength=wavelength,
            pixel_area=self._prepared.pixel_area,
            apcorr=apcorr,
            unit=self._unit,
            header=self._header(shown.source, limits, used, apcorr is not None, optimal)
            | self._origin(recipe),
            notes=tuple(dict.fromkeys(notes)),
            placement=shown,
            missing=missing,
        )

    def resolve(self, recipe: Recipe) -> Placement:
        """Return where the pipeline puts aperture and background.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or the aperture or a background region lies wholly
            outside the image.
        """
        return placement(recipe, self._located(recipe)[2], self.image)

    def step_parameters(self, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what makes the real ``Extract1dStep`` give the same spectrum.

        Returns
        -------
        reference : dict
            Content of an extract1d reference file, for ``override_extract1d``.
        parameters : dict
            Parameters of the step.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be expressed in a reference file.
        """
        entry, step, _ = self._located(recipe)
        rest = {k: v for k, v in self.references.extract1d.items() if k != "apertures"}
        given = {name: value for name, value in entry.items() if value is not None}
        return {**rest, "apertures": [given]}, step

    def _located(self, recipe: Recipe) -> tuple[dict[str, Any], dict[str, Any], Located]:
        """Express a recipe as reference file entry and step parameters, and follow them."""
        prepared = self._prepared
        if EXP_TYPES[recipe.mode] != prepared.exp_type:
            raise LRSExplorerError(
                f"the recipe is for {recipe.mode} data, {prepared.name} is {prepared.exp_type}; "
                "take a recipe of the same mode (save recipe… in the page, Recipe.from_observation "
                "in Python)."
            )
        entry = matching_aperture(self.references.extract1d, prepared.exp_type, prepared.order)
        extraction = recipe.extraction
        step: dict[str, Any] = {
            "subtract_background": None,
            "bkg_fit": None,
            "bkg_order": None,
            "smoothing_length": None,
            "use_source_posn": extraction.use_source_posn,
            "position_offset": extraction.position_offset,
            "extraction_type": extraction.extraction_type,
            "apply_apcorr": extraction.apply_apcorr,
            "optimize_psf_location": True,
        }
        if recipe.aperture is not None:
            draw_aperture(entry, recipe.aperture, own_background=recipe.background is None)
            step |= self._drawn(recipe)
        if recipe.background is not None:
            draw_background(entry, step, recipe.background)
        parameters = self._combined(entry, step)

        source = self._finder.header_source if parameters.use_source_posn else None
        offsets = []
        if source is not None:
            nominal = source_regions(parameters, self.image.wavelength, None)
            center = center_at(source.row, nominal, parameters, self.image.shape)
            offsets.append(source.location - center)
        if parameters.position_offset != 0.0:
            offsets.append(parameters.position_offset)
        stays = recipe.aperture is not None or recipe.background is not None
        if stays and offsets and parameters.bkg_coeff is not None:
            entry["bkg_coeff"] = fixed_edges(
                parameters.bkg_coeff, offsets, whole_pixels=parameters.bkg_fit == "median"
            )
            parameters = self._combined(entry, step)
        return entry, step, locate(parameters, offsets, source, self.image.wavelength)

    def _drawn(self, recipe: Recipe) -> dict[str, Any]:
        """Return the step parameters that keep a drawn aperture where it is."""
        assert recipe.aperture is not None
        if recipe.extraction.extraction_type == "box" or self.references.psf is None:
            return {"use_source_posn": False, "position_offset": 0.0}
        # The PSF stands on the header's trace, so it is brought to the aperture from there.
        source = self._finder.header_source
        if source is None:
            raise LRSExplorerError(
                f"{self._prepared.name} gives no usable source position, from which an optimal "
                "extraction at a drawn aperture starts; choose a box extraction."
            )
        return {
            "use_source_posn": True,
            "position_offset": recipe.aperture.center - source.location,
            "optimize_psf_location": False,
        }

    def _combined(self, entry: dict[str, Any], step: dict[str, Any]) -> Parameters:
        return combine(
            entry,
            step,
            self.image.shape,
            self._prepared.exp_type,
            is_point=self._prepared.source_type == "POINT",
            has_psf=self.references.psf is not None,
        )

    def _check_covered(self, profile: FloatArray, pixels: kernel.Pixels, shown: Placement) -> None:
        where = f"the aperture ({np.nanmean(shown.lower):.1f} to {np.nanmean(shown.upper):.1f} px)"
        if not (profile > 0).any():
            raise LRSExplorerError(f"{where} covers no pixel with a wavelength; move or widen it.")
        if not np.isfinite(pixels.data[profile > 0]).any():
            raise LRSExplorerError(f"{where} covers no valid pixel: all are NaN; move or widen it.")

    def _background(self, located: Located, rows: slice) -> kernel.BackgroundFit | None:
        if not located.background:
            return None
        parameters = located.parameters
        whole = parameters.bkg_fit == "median"
        weight = weights(located.background, parameters, self.image.shape, rows, partial=not whole)
        if not weight.any():
            raise LRSExplorerError(
                f"the background regions cover no {'whole ' if whole else ''}pixel; widen them."
            )
        return kernel.BackgroundFit(
            weight, str(parameters.bkg_fit), parameters.bkg_order, parameters.smoothing_length
        )

    def _psf_profiles(
        self, located: Located, step: dict[str, Any], rows: slice
    ) -> tuple[list[FloatArray], tuple[float, float]]:
        assert self.references.psf is not None
        data, var_rnoise, *_ = self._prepared.masked(slice(None))
        profiles, lower, upper = self._finder.psf_profiles(
            self.references.psf, located.trace, data, var_rnoise, step["optimize_psf_location"]
        )
        finite = np.isfinite(self.image.wavelength[rows])
        return [np.where(finite, profile[rows], 0.0) for profile in profiles], (lower, upper)

    @cached_property
    def _aperture_correction(self) -> ApertureCorrection | None:
        if self.references.apcorr is None or self._prepared.source_type.upper() != "POINT":
            return None
        return ApertureCorrection(self.references.apcorr, _subarray(self.image))

    @property
    def _unit(self) -> str:
        if not self._prepared.calibrated:
            return "DN/s"
        return "Jy" if self.image.pixel_area_sr is not None else "Jy/sr"

    @cached_property
    def _standing_notes(self) -> tuple[str, ...]:
        """What must be said of every spectrum of this image."""
        notes = [n for n in self.references.notes if n not in (NO_APCORR, NO_PSF)]
        if not self._prepared.calibrated:
            notes.append("photom has not been run: the spectrum is in DN/s")
        elif self.image.pixel_area_sr is None:
            notes.append("the pixel area (PIXAR_SR) is missing: flux is in Jy/sr, not Jy")
        finer = finer_pixels(self.image)
        return (*notes, finer) if finer else tuple(notes)

    def _origin(self, recipe: Recipe) -> dict[str, Any]:
        """Return what a spectrum was made by, and of which file."""
        path = self.image.path
        return {"recipe": recipe.to_dict()} | ({} if path is None else {"source": path.name})

    def _header(
        self,
        source: float | None,
        limits: tuple[float, float],
        used: NDArray[np.intp],
        corrected: bool,
        optimal: bool,
    ) -> dict[str, Any]:
        header = {name: self.image.header[name] for name in COPIED if name in self.image.header}
        header |= {
            "SLTNAME": self._prepared.exp_type,
            "SRCTYPE": self._prepared.source_type,
            "SPORDER": self._prepared.order,
            "DISPAXIS": 2,
            "EXTRXSTR": limits[0] + 1,
            "EXTRXSTP": limits[1] + 1,
            "EXTRYSTR": int(used[0]) + 1,
            "EXTRYSTP": int(used[-1]) + 1,
        }
        if source is not None:
            header["SRCXPIX"] = source
        names = self.references.names
        for card, kind, used_here in (
            ("R_EXTR1D", "extract1d", True),
            ("R_APCORR", "apcorr", corrected),
            ("R_PSF", "psf", optimal),
        ):
            if used_here and kind in names:
                header[card] = names[kind]
        return header


def finer_pixels(image: SpectralImage) -> str:
    """Say that an image has finer pixels than the detector; "" where it has not."""
    area = image.header.get("PIXAR_A2")
    if image.header.get("S_TRCMOD") != "COMPLETE" or not isinstance(area, (int, float)) or not area:
        return ""
    finer = SCALE_ALONG["slit"] * SCALE_ACROSS["slit"] / area
    if finer < FINER:
        return ""
    return (
        f"this image has {finer:.1f} pixels for one of the detector (adaptive_trace_model): an "
        "aperture, and the aperture correction for its width, count these"
    )


def _subarray(image: SpectralImage) -> str:
    """Return the name of an image's subarray: as it says, else by its geometry."""
    subarray = subarray_of(image.header)
    return str(image.header.get("SUBARRAY") or (subarray.name if subarray else ""))
