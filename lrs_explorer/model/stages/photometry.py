"""Is the flux right? A spectrum through filters against photometry of the same star.

The spectrum is never changed: what is given is its ratio to the photometry, and what both rest on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.live.apcorr import ApertureCorrection
from lrs_explorer.model.measure.bandpass import COMPLETE, LEAST, Bandpass, bandpass, through
from lrs_explorer.model.measure.catalogue import CatalogueFlux, catalogue_flux
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.slit.count_rates import RateFactor
from lrs_explorer.model.slit.pathloss import UNCORRECTED, Correction
from lrs_explorer.model.slit.positions import Positions
from lrs_explorer.model.slit.slit_loss import Transmission, transmission
from lrs_explorer.model.slit.ta_flux import conversion, imager_aperture
from lrs_explorer.model.slit.ta_image import TAImage
from lrs_explorer.model.slit.ta_photometry import CIRCLE, StarLight, star_light
from lrs_explorer.model.stages.extract import extracted, kept_stages
from lrs_explorer.model.stages.stages import Stages

__all__ = ["FluxComparison", "Photometry", "compared_fluxes", "photometry"]

AGREE: Final = 2.0
"""Standard errors within which spectrum and photometry are said to agree."""

Status = Literal["comparable", "limited", "not comparable"]
Light = Literal["whole star", "light in the slit"]

APERTURE_ERROR: Final = 0.02
"""Relative error of the star's light on an acquisition image beside its noise: how it lies on the
pixel grid, and how well an aperture correction is known."""


@dataclass(frozen=True)
class FluxComparison:
    """A spectrum against one measurement of the same star.

    Parameters
    ----------
    source : str
        "verification image", "acquisition image" or "catalogue".
    filter : str
    light : {"whole star", "light in the slit"}
        What is compared: the star's flux outside the slit, or what the slit lets through, on both
        sides.
    wavelength : float, micron
        Pivot wavelength of the filter; NaN where its bandpass is not known.
    edges : (float, float), micron
        Where the filter's response is half of its peak.
    flux, error : float, Jy
        Of the spectrum in the filter, over the part that it covers.
    photometry, photometry_error : float, Jy
        NaN where they are not known.
    ratio, ratio_error : float
        Flux over photometry; NaN where they are not comparable. An error that the photometry does
        not tell is not in it.
    covered : float
        Part of the bandpass, in photons, at which there is spectrum.
    status : {"comparable", "limited", "not comparable"}
    why : str
        A plain sentence: the result, or why there is none.
    origin : str
        Where the photometry is from: file, aperture, conversion; or the catalogue entry.
    count_rate, count_rate_error : float
        Of the star on the image, as it is before any correction, in ``count_unit``; NaN for a
        catalogue.
    count_unit : str
    transmission : float
        Part of the light that passes the slit in this filter at the star's place; NaN where it does
        not matter or is not known.
    notes : tuple of str
        Plain sentences the user must see.
    """

    source: str
    filter: str
    light: Light = "whole star"
    wavelength: float = math.nan
    edges: tuple[float, float] = (math.nan, math.nan)
    flux: float = math.nan
    error: float = math.nan
    photometry: float = math.nan
    photometry_error: float = math.nan
    ratio: float = math.nan
    ratio_error: float = math.nan
    covered: float = math.nan
    status: Status = "not comparable"
    why: str = ""
    origin: str = ""
    count_rate: float = math.nan
    count_rate_error: float = math.nan
    count_unit: str = "DN/s"
    transmission: float = math.nan
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What is compared, in words."""
        return f"{self.filter}, {self.source}, {self.light}"

    @property
    def result(self) -> str:
        """The ratio and its error, and how far they hold; in words where there is none."""
        if math.isnan(self.ratio):
            return "flux not known" if math.isnan(self.photometry) else self.status
        remarks: list[str] = [] if self.status == "comparable" else [self.status]
        if math.isnan(self.photometry_error):
            remarks.append("error of the spectrum alone")
        told = f" ({', '.join(remarks)})" if remarks else ""
        return f"{_pair(self.ratio, self.ratio_error)}{told}"

    def to_dict(self) -> dict[str, Any]:
        """Return all as plain JSON values; NaN becomes None."""
        names = self.__dataclass_fields__
        return {name: _plain(getattr(self, name)) for name in names}


@dataclass(frozen=True, eq=False)
class Photometry:
    """A spectrum against all photometry of its star that there is.

    Parameters
    ----------
    spectrum : Spectrum
        As it is: nothing was scaled.
    comparisons : tuple of FluxComparison
        Acquisition images by time, then the catalogue's entries as they were given.
    errors : str
        Where the error of the spectrum's flux is from.
    notes : tuple of str
        Plain sentences the user must see.
    """

    spectrum: Spectrum
    comparisons: tuple[FluxComparison, ...]
    errors: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "\n".join([f"<Photometry, {len(self.comparisons)} comparisons>", *self.lines])

    @property
    def lines(self) -> list[str]:
        """Result by result in words, then what all of them rest on."""
        said = [f"{one.title}: {one.why}" for one in self.comparisons]
        said += [f"note ({one.title}): {note}" for one in self.comparisons for note in one.notes]
        said += [f"note: {note}" for note in (self.errors, *self.notes)]
        return said

    def to_dict(self) -> dict[str, Any]:
        """Return the comparisons, and what they rest on, as plain JSON values."""
        return {
            "comparisons": [one.to_dict() for one in self.comparisons],
            "errors": self.errors,
            "notes": list(self.notes),
        }


def photometry(
    observation: Given,
    recipe: Recipe | None = None,
    catalogue: Iterable[str | CatalogueFlux] = (),
) -> Photometry:
    """Compare the flux of a spectrum with photometry of the same star.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe or None
        None = what the pipeline does by default.
    catalogue : iterable of str or CatalogueFlux
        Such as ``["F770W = 12.3 mJy ± 0.2", "F1000W = 8.1 AB mag"]``.

    Returns
    -------
    Photometry
        With the star on the acquisition images of the observation, as far as reference files tell
        their flux, and with the catalogue. The spectrum is as `lrs.extract` gives it; of a time
        series its mean.

    Raises
    ------
    LRSExplorerError
        The spectrum cannot be had, or a catalogue entry cannot be read.
    """
    observation = given_observation(observation)
    entries = _entries(catalogue)
    stages = kept_stages(observation)
    stages.find_references(again=stages.may_try_again)
    return compared_fluxes(stages, given_recipe(recipe, observation), entries)


def compared_fluxes(
    stages: Stages, recipe: Recipe, catalogue: Iterable[str | CatalogueFlux] = ()
) -> Photometry:
    """Return what `photometry` does, of stages that have their references.

    Raises
    ------
    LRSExplorerError
        As by `photometry`.
    """
    entries = _entries(catalogue)
    work = _Work(stages, recipe)
    found: list[FluxComparison] = []
    for rate in work.rates():
        found += work.image(rate)
    found += [work.entry(entry) for entry in entries]
    notes = list(work.notes)
    if not found:
        notes.append(
            "there is nothing to compare with: no acquisition image, and no catalogue flux"
        )
    return Photometry(work.spectrum, tuple(found), work.errors, tuple(dict.fromkeys(notes)))


def _entries(catalogue: Iterable[str | CatalogueFlux]) -> list[CatalogueFlux]:
    """Return the catalogue's entries, all of which are in order."""
    if isinstance(catalogue, (str, CatalogueFlux)):
        catalogue = [catalogue]
    entries = [catalogue_flux(entry) for entry in catalogue]
    for entry in entries:
        bandpass(entry.filter)  # an unknown one is said before the long work
    return entries


class _Work:
    """A spectrum, and what it is compared with, one by one."""

    def __init__(self, stages: Stages, recipe: Recipe) -> None:
        self._stages, self._recipe = stages, recipe
        self.notes: list[str] = []
        self.spectrum, self.errors, self._covariance = _spectrum(stages, recipe)
        if self.spectrum.unit != "Jy":
            self.notes.append(
                f"the spectrum is in {self.spectrum.unit}, not in Jy: it has no flux to compare; "
                "calibrate it (photom) first"
            )
        self._in_it = self._correction()

    # -- the spectrum --------------------------------------------------------------------------

    def _correction(self) -> Correction | None:
        """Return the pathloss correction that is in the spectrum; None where not known."""
        stages, recipe = self._stages, self._recipe
        if stages.observation.mode != "slit":
            return UNCORRECTED
        try:
            card = stages.score_card(recipe.nods)
            positions = Positions(card, stages.pathloss_reference())
        except LRSExplorerError as error:
            self.notes.append(f"the spectrum's pathloss correction is not known: {_bare(error)}")
            return None
        choice = positions.choice(recipe.pathloss)
        if choice is None or (
            recipe.pathloss.mode == "as_delivered" and card.frame.corrected is None
        ):
            self.notes.append("whether the spectrum is corrected for pathloss is not known")
            return None
        self.notes.append(f"pathloss of the spectrum: {choice.sentence}")
        self.notes += choice.warnings
        if choice.position is None:
            return UNCORRECTED
        if positions.reference is None:
            self.notes.append("there is no pathloss reference: what the slit takes is not known")
            return None
        try:
            return choice.correction(positions.reference, card.frame.pixel_scale)
        except LRSExplorerError as error:
            self.notes.append(f"the spectrum's pathloss correction is not known: {_bare(error)}")
            return None

    @property
    def _whole(self) -> bool | None:
        """Whether the spectrum is of the star's whole light; None where that is not known."""
        if self._stages.observation.mode != "slit":
            return True
        return None if self._in_it is None else self._in_it is not UNCORRECTED

    def _through(self, one: FluxComparison, band: Bandpass) -> FluxComparison:
        """Return a comparison with what the spectrum gives, its status and its ratio."""
        spectrum = self.spectrum
        wavelength = np.asarray(spectrum.wavelength, dtype=float)
        flux = np.asarray(spectrum.flux, dtype=float)
        error = np.asarray(spectrum.flux_error, dtype=float)
        covariance = self._covariance
        if one.light == "light in the slit" and self._in_it is not None:
            passed = 1.0 / self._in_it.at(wavelength)
            flux, error = flux * passed, error * passed
            if covariance is not None:
                covariance = covariance * np.outer(passed, passed)
        seen = through(band, wavelength, flux, error, covariance)
        one = replace(
            one,
            wavelength=band.pivot,
            edges=band.edges,
            covered=seen.covered,
        )
        if spectrum.unit != "Jy":
            return replace(one, why=f"the spectrum is in {spectrum.unit}: it has no flux")
        if seen.covered == 0:
            return replace(
                one,
                why=f"the spectrum does not reach {one.filter} ({_range(band)}): not comparable",
            )
        one = replace(one, flux=seen.flux, error=seen.error)
        if seen.covered < LEAST:
            return replace(
                one,
                flux=math.nan,
                error=math.nan,
                why=f"the spectrum covers {100 * seen.covered:.0f} % of {one.filter}: not "
                f"comparable (from {100 * LEAST:.0f} % on)",
            )
        status: Status = "comparable"
        limits = []
        if seen.covered < COMPLETE:
            status = "limited"
            limits.append(
                f"the spectrum covers {100 * seen.covered:.0f} % of {one.filter}, and nothing is "
                f"known of the rest ({100 * COMPLETE:.0f} % are needed)"
            )
        if seen.nominal < min(seen.covered, COMPLETE):
            status = "limited"
            low, high = NOMINAL_RANGE
            limits.append(
                f"{100 * (1 - seen.nominal / seen.covered):.0f} % of what is covered lies beyond "
                f"{low:g}–{high:g} µm, where the LRS is hardly calibrated"
            )
        return _with_ratio(replace(one, status=status), limits)

    # -- acquisition images --------------------------------------------------------------------

    def rates(self) -> list[RateFactor]:
        """Return the acquisition images of the exposure, with the count rates that count."""
        observation = self._stages.observation
        if not observation.products.get("ta"):
            self.notes.append("no acquisition image lies beside the observation")
            return []
        try:
            wanted = observation.acquisition_images(self._recipe.nods)
        except LRSExplorerError as error:
            self.notes.append(_bare(error))
            return []
        rates = {rate.image.path: rate for rate in self._stages.count_rates()}
        missing = [path.name for path in wanted if path not in rates]
        self.notes += [f"{name} cannot be read" for name in missing]
        return [rates[path] for path in wanted if path in rates]

    def image(self, rate: RateFactor) -> list[FluxComparison]:
        """Compare with the star on one image."""
        image = rate.image
        source = "verification image" if image.through_slit else "acquisition image"
        name = image.path.name if image.path else source
        light: Light = "light in the slit" if image.through_slit else "whole star"
        one = FluxComparison(source, image.filter, light, origin=name, count_unit=image.unit)
        one = replace(one, notes=(rate.why,) if rate.why else ())
        try:
            references = self._stages.imager_references(image)
            aperture = imager_aperture(image, references.get("apcorr"))
            star = star_light(image, aperture.circle if aperture else CIRCLE)
            made = conversion(image, references.get("photom"))
        except LRSExplorerError as error:
            return [replace(one, why=f"not comparable: {_bare(error)}")]
        one = replace(
            one,
            count_rate=star.value,
            count_rate_error=star.error,
            origin=f"{name}: {star.aperture}",
            notes=(*one.notes, *star.notes, *_flat(image)),
        )
        try:
            band = bandpass(image.filter)
        except LRSExplorerError as error:
            return [replace(one, why=f"count rate {_rate(one)}; not comparable: {_bare(error)}")]
        if made is None:
            why = (
                f"count rate {_rate(one)}; its flux is not known: neither a header nor a reference "
                f"file tells what a count of {image.filter} is worth (PHOTMJSR)"
            )
            return [replace(one, why=why, wavelength=band.pivot, edges=band.edges)]
        factor, words, limits = made.factor, [made.words], []
        if image.through_slit:
            correction = self._along_slit(star, band)
            if correction is None:
                limits.append("light beyond its aperture is not corrected for")
            else:
                factor *= correction
                words.append(f"aperture correction {correction:.3f} of the slit's spectra")
        elif aperture is None:
            limits.append(
                "there is no aperture correction for it: its flux is that in the circle, and too "
                "faint"
            )
        else:
            factor *= aperture.factor
            words.append(aperture.words)
        noise = star.error / star.value if star.value > 0 else math.inf
        relative = math.hypot(noise, APERTURE_ERROR, made.error)
        flux = factor * star.value
        one = replace(one, origin=f"{one.origin}; {'; '.join(words)}")
        if not flux > 0:
            return [replace(one, why=f"count rate {_rate(one)}: no flux to compare with")]
        if not image.through_slit:
            return [self._whole_star(one, band, flux, relative, limits)]
        return self._behind_slit(one, band, (flux, relative), star, limits)

    def _whole_star(
        self,
        one: FluxComparison,
        band: Bandpass,
        flux: float,
        relative: float,
        limits: list[str],
    ) -> FluxComparison:
        """Compare with the star's whole light."""
        one = replace(one, photometry=flux, photometry_error=flux * relative)
        return _limited(self._through(one, band), [*limits, *self._slit_in_it()])

    def _slit_in_it(self) -> list[str]:
        """Say what the slit does to a comparison with the whole star."""
        if self._whole:
            return []
        if self._whole is None:
            return ["whether the spectrum is corrected for pathloss is not known"]
        return ["the spectrum is not corrected for pathloss: the ratio has the slit's loss in it"]

    def _behind_slit(
        self,
        one: FluxComparison,
        band: Bandpass,
        light: tuple[float, float],
        star: StarLight,
        limits: list[str],
    ) -> list[FluxComparison]:
        """Compare with the star behind the slit: both behind it, and both as though there was none.

        Of the first the correction in the spectrum is taken out, so that no position matters but
        that the star stayed where it was. The second tests the correction too.
        """
        flux, relative = light
        try:
            passed = transmission(star, one.filter, self._stages.pathloss_reference())
        except LRSExplorerError as error:
            limits = [*limits, _bare(error)]
            passed = transmission(star, one.filter, None)
        known = passed.value if passed.known else math.nan
        one = replace(one, transmission=known)
        cut = replace(
            one,
            photometry=flux,
            photometry_error=flux * relative,
            notes=(*one.notes, passed.words),
        )
        if self._in_it is None:
            why = "how much of the spectrum's light was given back for the slit is not known"
            cut = replace(
                cut, why=f"not comparable: {why}", wavelength=band.pivot, edges=band.edges
            )
        else:
            cut = _limited(self._through(cut, band), limits)
        whole = replace(one, light="whole star", notes=())
        if not passed.known:
            why = f"not comparable: what the slit takes of the star is not known ({passed.words})"
            whole = replace(whole, why=why, wavelength=band.pivot, edges=band.edges)
            return [cut, whole]
        return [cut, self._restored(whole, band, light, passed, limits)]

    def _restored(
        self,
        one: FluxComparison,
        band: Bandpass,
        light: tuple[float, float],
        passed: Transmission,
        limits: list[str],
    ) -> FluxComparison:
        """Compare with the star behind the slit, what the slit took given back."""
        flux = light[0] / passed.value
        relative = math.hypot(light[1], passed.error / passed.value)
        one = replace(one, origin=f"{one.origin}; over {passed.value:.3f}, which passes the slit")
        return self._whole_star(one, band, flux, relative, limits)

    def _along_slit(self, star: StarLight, band: Bandpass) -> float | None:
        """Return what the star's light beyond its aperture along the slit is corrected by.

        That of the spectra: the same slit, the same star, the same wavelengths.
        """
        path = self._stages.references.apcorr
        if path is None:
            return None
        subarray = str(self._stages.observation.reference_header().get("SUBARRAY", ""))
        try:
            table = ApertureCorrection(path, subarray)
        except LRSExplorerError as error:
            self.notes.append(_bare(error))
            return None
        factor = table.factor(np.array([star.length]), np.array([band.pivot]))
        return float(factor[0]) if np.isfinite(factor[0]) else None

    # -- the catalogue -------------------------------------------------------------------------

    def entry(self, entry: CatalogueFlux) -> FluxComparison:
        """Compare with a catalogue's flux."""
        band = bandpass(entry.filter)
        flux, error = entry.jansky(band)
        one = FluxComparison("catalogue", band.name, origin=entry.words)
        one = replace(one, photometry=flux, photometry_error=error)
        if entry.unit == "Vega mag":
            note = f"Vega is {band.vega:.4g} Jy in {band.name} ({band.source})"
            one = replace(one, notes=(note,))
        return _limited(self._through(one, band), self._slit_in_it())


def _spectrum(stages: Stages, recipe: Recipe) -> tuple[Spectrum, str, NDArray[Any] | None]:
    """Return the spectrum, where its errors are from, and their covariance where that is known."""
    observation = stages.observation
    if observation.shows_spectrum_alone(recipe.nods):
        spectrum = stages.delivered(recipe.nods)
        if spectrum is not None:
            return spectrum, f"{_PIPELINE}; the delivered spectrum: there is no image", None
    made = extracted(stages, recipe)
    if isinstance(made, TimeSeries):
        return _mean(made), f"{_PIPELINE}; mean of {len(made)} integrations", None
    if recipe.uncertainty.method == "bootstrap":
        errors = stages.bootstrap(recipe)
        order = np.searchsorted(errors.wavelength, made.wavelength)
        covariance = errors.covariance()
        if len(covariance) == len(made.wavelength):
            order = np.arange(len(covariance))
        order = np.clip(order, 0, len(covariance) - 1)
        words = "error of the spectrum's flux: covariance of the bootstrap"
        return made, words, covariance[np.ix_(order, order)]
    return made, _PIPELINE, None


_PIPELINE: Final = (
    "error of the spectrum's flux: FLUX_ERROR of its elements, taken as independent; that of the "
    "absolute calibration is not in it"
)


def _mean(series: TimeSeries) -> Spectrum:
    """Return the mean spectrum of a series and its error; NaN are left out."""
    flux, error = (np.asarray(series.column(name), dtype=float) for name in ("FLUX", "FLUX_ERROR"))
    known = np.isfinite(flux)
    count = known.sum(axis=0)
    some = np.maximum(count, 1)
    mean = np.where(count > 0, np.where(known, flux, 0.0).sum(axis=0) / some, np.nan)
    spread = np.sqrt(np.where(known, np.nan_to_num(error) ** 2, 0.0).sum(axis=0)) / some
    columns = {"WAVELENGTH": series.wavelength, "FLUX": mean, "FLUX_ERROR": spread}
    return Spectrum(columns, series.origin, series.unit, series.header, series.notes)


def _with_ratio(one: FluxComparison, limits: list[str]) -> FluxComparison:
    """Return a comparison with its ratio, and in words what came of it."""
    if not (one.photometry > 0 and math.isfinite(one.flux)):
        return replace(one, status="not comparable", why="not comparable: one flux is not known")
    ratio = one.flux / one.photometry
    parts = [one.error / one.photometry]
    if math.isfinite(one.photometry_error):
        parts.append(ratio * one.photometry_error / one.photometry)
    error = math.hypot(*parts)
    said = f"spectrum / photometry = {_pair(ratio, error)}"
    said += f" ({_flux(one.flux, one.error)} / {_flux(one.photometry, one.photometry_error)})"
    if error > 0 and math.isfinite(one.photometry_error):
        apart = "agree" if abs(ratio - 1) <= AGREE * error else "differ"
        said += f": they {apart} ({abs(ratio - 1) / error:.1f} standard errors)"
    if not math.isfinite(one.photometry_error):
        limits = [*limits, "the photometry has no error: that of the ratio is the spectrum's alone"]
    return replace(one, ratio=ratio, ratio_error=error, why="; ".join([said, *limits]))


def _limited(one: FluxComparison, limits: list[str]) -> FluxComparison:
    """Return a comparison that these sentences limit."""
    if not limits or one.status == "not comparable":
        return one
    return replace(one, status="limited", why="; ".join([one.why, *limits]))


def _flat(image: TAImage) -> tuple[str, ...]:
    """Say that an image is not flat-fielded."""
    if image.header.get("S_FLAT") == "COMPLETE":
        return ()
    return ("the image is not flat-fielded (a rate product)",)


def _rate(one: FluxComparison) -> str:
    return f"{_pair(one.count_rate, one.count_rate_error)} {one.count_unit}"


def _pair(value: float, error: float) -> str:
    """Return a number and its error: two digits of the error, but no more than four of both."""
    if not (math.isfinite(error) and error > 0 and value):
        return f"{value:.4g}"
    most = 3 - math.floor(math.log10(abs(value)))
    digits = max(0, min(1 - math.floor(math.log10(error)), most))
    if error < 0.5 * 10.0**-digits:
        return f"{value:.{digits}f} ± {error:.1g}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _flux(value: float, error: float) -> str:
    """Return a flux density in a unit of its size."""
    unit, scale = next(
        ((unit, scale) for unit, scale in (("Jy", 1.0), ("mJy", 1e3)) if abs(value) * scale >= 0.1),
        ("µJy", 1e6),
    )
    return f"{_pair(value * scale, error * scale)} {unit}"


def _range(band: Bandpass) -> str:
    low, high = band.edges
    return f"{low:.1f}–{high:.1f} µm"


def _bare(error: LRSExplorerError) -> str:
    return str(error).rstrip(".")


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [_plain(part) for part in value] if isinstance(value, tuple) else value
