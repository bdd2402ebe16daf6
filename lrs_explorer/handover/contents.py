"""What figures show: plain values out of `Stages`, the table of each, and its caption."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from lrs_explorer._version import __version__
from lrs_explorer.diagnosis.parts import SPECTRUM_RANGE
from lrs_explorer.diagnosis.spikes import SIGNIFICANT, sharp_elements
from lrs_explorer.diagnosis.words import counted
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray, SpectralImage, Spectrum, Trace
from lrs_explorer.model.live.placement import Placement
from lrs_explorer.model.observation.information import MODE_NAMES
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.light_curve import LightCurve
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.extract import extracted
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.units import FLUX_UNITS, Curve, curve, flux_band

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = [
    "BINS",
    "KINDS",
    "Content",
    "ImageContent",
    "Kind",
    "LightCurvesContent",
    "SpectrumContent",
    "content",
    "delivered_content",
    "image_content",
    "light_curves_content",
    "spectrum_content",
]

Kind = Literal["spectrum", "image", "light_curves"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

BINS: Final = ((5.0, 6.0), (6.0, 8.0), (8.0, 10.0), (10.0, 12.0))
"""Wavelengths, micron, of the light curves that are drawn below the white one, unless told."""

Range = tuple[float, float]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Content(ABC):
    """What a figure shows: ``kind`` tells which figure it is for.

    Parameters
    ----------
    observation : Observation
    recipe : Recipe
    missing : Mapping of str to str
        Reference files, by type, that would have changed it and could not be had, and why.
    """

    observation: Observation
    recipe: Recipe
    missing: Mapping[str, str]

    kind: ClassVar[Kind]

    @property
    @abstractmethod
    def caption(self) -> str:
        """What is seen, in sentences."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What must be known of what is seen, plain sentences."""

    @property
    def name(self) -> str:
        """Target, mode and observation, in a line."""
        of = self.observation
        parts = [of.target, f"MIRI {MODE_NAMES[of.mode]}", of.name]
        if of.simulated:
            parts.append("simulated")
        return ", ".join(filter(None, parts))

    @abstractmethod
    def table(self) -> Table:
        """Return the numbers behind the figure, with units."""

    def _meta(self) -> dict[str, Any]:
        """Return what the table tells of its origin."""
        return {
            "figure": self.kind,
            "observation": self.observation.name,
            "target": self.observation.target,
            "caption": self.caption,
            "notes": list(self.notes),
            "recipe": json.loads(json.dumps(self.recipe.to_dict())),
            "lrs_explorer": __version__,
        }


@dataclass(frozen=True, eq=False)
class SpectrumContent(Content):
    """A spectrum, with the delivered one.

    Parameters
    ----------
    spectrum : Spectrum
    delivered : Spectrum or None
        None where none was delivered, or the spectrum itself is the delivered one.
    unit : str
        Unit to draw in, one of `FLUX_UNITS`; what has no flux stays in its own.
    of : str
        Which spectrum it is, in words.
    errors : str
        Where its errors are from, in words.
    """

    spectrum: Spectrum
    delivered: Spectrum | None
    unit: str
    of: str
    errors: str

    kind: ClassVar[Kind] = "spectrum"

    @cached_property
    def curve(self) -> Curve:
        """The spectrum in the unit that it is drawn in."""
        return curve(self.spectrum, self.unit)

    @cached_property
    def delivered_curve(self) -> Curve | None:
        """The delivered one; None where there is none in the same unit."""
        if self.delivered is None:
            return None
        one = curve(self.delivered, self.unit)
        return one if one.unit == self.curve.unit and np.isfinite(one.value).any() else None

    @cached_property
    def systematic(self) -> FloatArray | None:
        """Lower and upper edge of the systematic error's band, shape (2, n_wave), if known."""
        found = self.spectrum.systematic
        if found is None or not np.array_equal(found.wavelength, self.spectrum.wavelength):
            return None
        return flux_band(found, self.unit)

    @cached_property
    def spikes(self) -> NDArray[np.bool_]:
        """Elements, 5 to 12 micron, that are sharper than a line can be, shape (n_wave,)."""
        height, sharp = sharp_elements(self.spectrum)
        low, high = SPECTRUM_RANGE
        inside = (self.spectrum.wavelength >= low) & (self.spectrum.wavelength <= high)
        return sharp & inside & (np.abs(height) >= SIGNIFICANT)

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of what is seen."""
        return tuple(dict.fromkeys((*self.spectrum.notes, *self.curve.notes)))

    @property
    def caption(self) -> str:
        """What is seen, in sentences."""
        low, high = NOMINAL_RANGE
        told = [f"{self.name}: {self.of}, with ± 1 standard error ({self.errors})."]
        if self.systematic is not None:
            assert self.spectrum.systematic is not None
            told.append(f"Hatched: {self.spectrum.systematic.sentence}.")
        if self.delivered_curve is not None:
            path = None if self.delivered is None else self.delivered.path
            told.append(f"Grey line: delivered spectrum{f' ({path.name})' if path else ''}.")
        if self.spikes.any():
            what = counted(int(self.spikes.sum()), "element")
            told.append(f"Circles: {what} sharper than a line can be (spikes and divots).")
        told.append(f"Shaded: outside the nominal range, {low:g}–{high:g} µm.")
        return " ".join(told)

    def table(self) -> Table:
        """Return all curves, one below the other; ``curve`` tells which a row is of."""
        from astropy.table import vstack

        own = _curve_table("spectrum", self.curve)
        own["spike"] = self.spikes
        if self.systematic is not None:
            for name, edge in zip(("low", "high"), self.systematic, strict=True):
                own[f"systematic_{name}"] = edge
                own[f"systematic_{name}"].unit = own["flux"].unit
        tables = [own]
        if self.delivered_curve is not None:
            tables.append(_curve_table("delivered", self.delivered_curve))
        together: Table = vstack(tables)
        together.meta = self._meta()
        return together


def _curve_table(name: str, one: Curve) -> Table:
    from astropy.table import Table

    return Table(
        {
            "curve": [name] * len(one.wavelength),
            "wavelength": one.wavelength,
            "flux": one.value,
            "flux_error": one.error,
        },
        units={"wavelength": "um", "flux": one.unit, "flux_error": one.unit},
    )


@dataclass(frozen=True, eq=False)
class ImageContent(Content):
    """An image, with where the spectrum is taken from.

    Parameters
    ----------
    image : SpectralImage
    placement : Placement
    trace : Trace or None
        None where none was found.
    of : str
        Which image it is, in words.
    """

    image: SpectralImage
    placement: Placement
    trace: Trace | None
    of: str

    kind: ClassVar[Kind] = "image"

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Dispersion elements that have a wavelength, by ascending wavelength."""
        known = np.flatnonzero(np.isfinite(self.image.row_wavelength))
        return known[np.argsort(self.image.row_wavelength[known], kind="stable")]

    @cached_property
    def columns(self) -> NDArray[np.intp]:
        """Cross-dispersion pixels that have a wavelength somewhere: the slit, of a full frame."""
        used = np.flatnonzero(np.isfinite(self.image.wavelength).any(axis=0))
        return np.arange(used[0], used[-1] + 1) if used.size else used

    @property
    def wavelength(self) -> FloatArray:
        """Of `rows`, micron."""
        return self.image.row_wavelength[self.rows]

    @property
    def signal(self) -> FloatArray:
        """Pixels of `rows` and `columns`."""
        return self.image.data[np.ix_(self.rows, self.columns)]

    @cached_property
    def lines(self) -> dict[str, FloatArray]:
        """Positions along `rows`, pixels: edges of aperture and background regions, the trace."""
        count = len(self.rows)
        found = {
            "aperture_lower": self.placement.lower[self.rows],
            "aperture_upper": self.placement.upper[self.rows],
        }
        for number, (low, high) in enumerate(self.placement.background.regions, start=1):
            found[f"background_{number}_lower"] = np.full(count, low)
            found[f"background_{number}_upper"] = np.full(count, high)
        if self.trace is not None:
            bend = np.polynomial.Polynomial(self.trace.coefficients or (0.0,))
            found["trace"] = self.trace.center + bend(self.rows.astype(float))
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of what is seen."""
        return self.placement.notes

    @property
    def caption(self) -> str:
        """What is seen, in sentences."""
        placed = self.placement.aperture
        told = [
            f"{self.name}: {self.of}. Solid lines: aperture, {placed.width:.2f} px wide at "
            f"{placed.center:.2f} px."
        ]
        regions = self.placement.background.regions
        if regions:
            spans = ", ".join(f"{low:.1f}–{high:.1f}" for low, high in regions)
            told.append(f"Dashed lines: background regions, {spans} px.")
        if self.trace is not None:
            told.append(
                f"Dotted line: measured trace, {self.trace.center:.3f} ± "
                f"{self.trace.uncertainty:.3f} px."
            )
        if not np.isfinite(self.signal).all():
            told.append("Hatched: pixels without a value.")
        return " ".join(told)

    def table(self) -> Table:
        """Return a row for each dispersion element: wavelength, lines, and its pixels."""
        from astropy.table import Table

        columns: dict[str, Any] = {"wavelength": self.wavelength, **self.lines}
        units = dict.fromkeys(self.lines, "pix") | {"wavelength": "um", "signal": self.image.unit}
        columns["signal"] = self.signal
        meta = self._meta() | {"first_column": int(self.columns[0])}
        return Table(columns, units=units, meta=meta)


@dataclass(frozen=True, eq=False)
class LightCurvesContent(Content):
    """Light curves of a time series, the white one first.

    Parameters
    ----------
    series : TimeSeries
    bins : tuple of (float, float)
        Wavelengths of each curve, micron.
    of : str
        Which spectra they are made of, in words.
    """

    series: TimeSeries
    bins: tuple[Range, ...]
    of: str

    kind: ClassVar[Kind] = "light_curves"

    @cached_property
    def curves(self) -> list[LightCurve]:
        """One for each of `bins`."""
        return [self.series.light_curve(limits) for limits in self.bins]

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known of what is seen."""
        return self.series.notes

    @property
    def caption(self) -> str:
        """What is seen, in sentences."""
        scatter = ", ".join(
            f"{curve.name} {1e6 * curve.scatter.point_to_point:.0f}"
            for curve in self.curves
            if np.isfinite(curve.scatter.point_to_point)
        )
        told = (
            f"{self.name}: light curves of {len(self.series)} integrations ({self.of}), each over "
            "its median, with ± 1 standard error, moved apart."
        )
        return f"{told} Scatter from point to point, ppm: {scatter}." if scatter else told

    def table(self) -> Table:
        """Return all curves, one below the other, without the offsets that move them apart."""
        from astropy.table import vstack

        tables = []
        for one in self.curves:
            table: Table = one.table
            if one.relative_error is not None:
                table["relative_flux_error"] = one.relative_error
            low, high = table.meta.pop("wavelength_min_um"), table.meta.pop("wavelength_max_um")
            table.add_column(np.full(len(table), low), name="wavelength_min", index=0)
            table.add_column(np.full(len(table), high), name="wavelength_max", index=1)
            table["wavelength_min"].unit = table["wavelength_max"].unit = "um"
            tables.append(table)
        together: Table = vstack(tables)
        together.meta |= self._meta()
        return together


def content(
    stages: Stages,
    recipe: Recipe,
    kind: str,
    *,
    unit: str = "mJy",
    bins: Iterable[Range] | None = None,
    spectrum: Spectrum | None = None,
    progress: Progress | None = None,
) -> Content:
    """Return what a figure of a kind shows, of stages that have their references.

    Raises
    ------
    LRSExplorerError
        As `lrs_explorer.handover.figures.figure`.
    """
    if kind == "spectrum":
        return spectrum_content(stages, recipe, unit=unit, spectrum=spectrum, progress=progress)
    if kind == "image":
        return image_content(stages, recipe)
    if kind == "light_curves":
        chosen = BINS if bins is None else tuple(bins)
        return light_curves_content(stages, recipe, chosen, progress=progress)
    raise LRSExplorerError(f"there is no figure {kind!r}; choose one of {', '.join(KINDS)}.")


def spectrum_content(
    stages: Stages,
    recipe: Recipe,
    *,
    unit: str = "mJy",
    spectrum: Spectrum | None = None,
    progress: Progress | None = None,
) -> SpectrumContent:
    """Return a spectrum as `lrs.extract` gives it, and the delivered one.

    Of a time series the median in time; without an image the delivered spectrum alone.

    Raises
    ------
    LRSExplorerError
        The unit is not known, or the spectrum cannot be had.
    """
    if unit not in FLUX_UNITS:
        raise LRSExplorerError(f"unit must be one of {', '.join(FLUX_UNITS)}, not {unit!r}.")
    observation = stages.observation
    method = {"bootstrap": "bootstrap"}.get(recipe.uncertainty.method, "propagated by the pipeline")
    delivered = stages.delivered(recipe.nods)
    if spectrum is None and delivered is not None and _is_alone(stages, recipe):
        return delivered_content(observation, recipe, delivered, unit)
    found = spectrum or extracted(stages, recipe, progress)
    if isinstance(found, TimeSeries):
        of = f"median of {len(found)} integrations{_extracted_how(stages, recipe)}"
        errors = f"{method}, of a single integration"
        own = found.median
        return SpectrumContent(observation, recipe, found.missing, own, delivered, unit, of, errors)
    what = "spectrum of the typical image" if observation.is_series else "spectrum"
    of = f"{what}{_extracted_how(stages, recipe)}"
    return SpectrumContent(observation, recipe, found.missing, found, delivered, unit, of, method)


def delivered_content(
    observation: Observation, recipe: Recipe, delivered: Spectrum, unit: str = "mJy"
) -> SpectrumContent:
    """Return the delivered spectrum of an observation alone."""
    errors = "as delivered"
    if observation.is_series:
        errors += ", of a single integration"
    of = f"delivered spectrum{_in_file(delivered)}"
    return SpectrumContent(observation, recipe, {}, delivered, None, unit, of, errors)


def image_content(stages: Stages, recipe: Recipe) -> ImageContent:
    """Return the image that a recipe asks for, and where it puts aperture and background.

    Raises
    ------
    LRSExplorerError
        There is no image, the pipeline has to be run first, or fewer than two of its dispersion
        elements have a wavelength.
    """
    image = stages.image(recipe)
    placement = stages.placement(recipe)
    of = "typical image" if stages.observation.is_series else f"{image.kind} image"
    name = f" ({image.path.name})" if image.path else ""
    made = stages.made_by(recipe)
    missing = stages.references.missing if None in (recipe.aperture, recipe.background) else {}
    told = f"{of}{'' if made else name}"
    found = ImageContent(
        stages.observation,
        recipe,
        {kind: why for kind, why in missing.items() if kind == "extract1d"},
        image,
        placement,
        stages.trace(recipe),
        f"{told}, {made}" if made else told,
    )
    if len(found.rows) < 2:
        raise LRSExplorerError(
            f"{image.path or 'the image'} has a wavelength at {len(found.rows)} dispersion "
            "elements and cannot be drawn; open a product with assigned wavelengths."
        )
    return found


def light_curves_content(
    stages: Stages,
    recipe: Recipe,
    bins: Sequence[Range] = BINS,
    *,
    progress: Progress | None = None,
) -> LightCurvesContent:
    """Return the white light curve and those of ``bins``, micron, with the recipe's errors.

    Raises
    ------
    LRSExplorerError
        The observation is no time series, its spectra cannot be had, or a bin holds none of their
        wavelengths.
    """
    observation = stages.observation
    if not isinstance(observation, SeriesObservation):
        raise LRSExplorerError(
            f"{observation.name} is no time series and has no light curves; choose the figure "
            "spectrum or image."
        )
    series = observation.delivered_series() if _is_alone(stages, recipe) else None
    of = "as delivered"
    if series is None:
        found = extracted(stages, recipe, progress)
        assert isinstance(found, TimeSeries)
        series, of = found, f"spectra{_extracted_how(stages, recipe)}"
    chosen = tuple(dict.fromkeys((NOMINAL_RANGE, *map(_checked, bins))))
    made = LightCurvesContent(observation, recipe, series.missing, series, chosen, of)
    _ = made.curves  # a bin without wavelengths is said before anything is drawn
    return made


def _checked(limits: Sequence[float]) -> Range:
    low, high = map(float, limits)
    if not (np.isfinite([low, high]).all() and low < high):
        raise LRSExplorerError(
            f"a bin reaches from a lower to a higher wavelength, µm, not from {low:g} to {high:g}."
        )
    return low, high


def _is_alone(stages: Stages, recipe: Recipe) -> bool:
    """Tell whether there are delivered spectra and no image to extract from."""
    observation = stages.observation
    if isinstance(observation, SeriesObservation):
        return not observation.has_images
    return observation.shows_spectrum_alone(recipe.nods)


def _extracted_how(stages: Stages, recipe: Recipe) -> str:
    """Say how and from what a spectrum was extracted."""
    optimal = recipe.extraction.extraction_type == "optimal"
    placed = stages.placement(recipe).aperture
    how = "optimal extraction" if optimal else f"box of {placed.width:.2f} px"
    made, path = stages.made_by(recipe), stages.image(recipe).path
    source = f"images {made}" if made else (path.name if path else "the delivered image")
    if stages.observation.is_series and not made:
        source = f"{source} …" if path else source
    return f", {how} at {placed.center:.2f} px, from {source}"


def _in_file(spectrum: Spectrum) -> str:
    return f" {spectrum.path.name}" if spectrum.path else ""
