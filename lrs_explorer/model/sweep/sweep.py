"""How much do my choices matter? `lrs.sweep`: a spectrum for every combination of values.

What acts in the extraction is done in memory by the live kernel; what acts on the image is run by
the real pipeline, once for each image, and kept in its cache.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import FloatArray, Spectrum
from lrs_explorer.model.data.systematic import Systematic, SystematicBin
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.image_file import write_spectrum
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.live.placement import Placement
from lrs_explorer.model.measure.uncertainty import believed
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.recipe.recipe import Recipe, Wavelength
from lrs_explorer.model.recipe.scope import image_of, with_image_of
from lrs_explorer.model.runs.reprocessor import Report, StepProgress
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.stages.extract import kept_stages
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.model.sweep.choices import Values, checked, in_words, varied
from lrs_explorer.model.sweep.defaults import default_values, offered_values, why_not
from lrs_explorer.model.sweep.effects import Effects, effects

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["MOST", "Sweep", "Variant", "sweep", "swept"]

MOST: Final = 20_000
"""Variants of one sweep: so many have taken 38 s, and half a gigabyte."""

REPORTED: Final = 0.2
"""Seconds between two reports of the extraction's progress."""

SAME: Final = 1e-3
"""Part of an element by which wavelengths may differ that are the same but for rounding."""

MUCH: Final = 0.3
"""Part of the variance from which it is told that box and optimal extraction differ."""

CANCELLED: Final = "the sweep over choices was cancelled."


@dataclass(frozen=True, eq=False)
class Variant:
    """One spectrum of a sweep.

    Parameters
    ----------
    label : str
        What is otherwise than in the recipe, in words; "as chosen" where nothing is.
    recipe : Recipe
    values : Mapping of str to str
        The value of each choice, in words.
    flux : ndarray, shape (n_wave,)
        At the wavelengths of the recipe's own spectrum, in its unit; NaN where it has none.
    problem : str
        Why it could not be extracted; "" where it could.
    """

    label: str
    recipe: Recipe
    values: Mapping[str, str]
    flux: FloatArray
    problem: str = ""


@dataclass(frozen=True, eq=False)
class Sweep:
    """What a spectrum would be with other choices.

    Parameters
    ----------
    recipe : Recipe
        Whose spectrum is asked about.
    spectrum : Spectrum
        Its own spectrum, with the systematic error; `write` writes both.
    systematic : Systematic
        The band of the variants, the systematic error, and which choice matters where.
    variants : tuple of Variant
        Every combination of values; those that could not be extracted say why.
    log : str
        What the pipeline logged, where it was run.
    """

    recipe: Recipe
    spectrum: Spectrum
    systematic: Systematic
    variants: tuple[Variant, ...]
    log: str = ""

    def __repr__(self) -> str:
        return f"<Sweep: {self.systematic.sentence}>"

    @property
    def failed(self) -> tuple[Variant, ...]:
        """Variants that could not be extracted."""
        return tuple(variant for variant in self.variants if variant.problem)

    @property
    def wavelength(self) -> FloatArray:
        """Wavelengths of all variants, micron, ascending, shape (n_wave,)."""
        return self.systematic.wavelength

    def table(self) -> Table:
        """Return which choice matters where; see `Systematic.table`."""
        return self.systematic.table()

    def write(
        self, path: PathLike, overwrite: bool = False, without_references: bool = False
    ) -> Path:
        """Write the spectrum with its systematic error, as x1d (``.fits``) or table (``.ecsv``).

        Parameters
        ----------
        path : path
            The ending chooses the format.
        overwrite : bool
            Replace an existing file.
        without_references : bool
            Write it also where reference files could not be had that would have changed it.

        Returns
        -------
        Path
            ``path``.

        Raises
        ------
        LRSExplorerError
            The ending is neither, the file exists and ``overwrite`` is False, reference files are
            missing, or it cannot be written.
        """
        return write_spectrum(self.spectrum, path, overwrite, without_references)


def sweep(
    observation: Given,
    recipe: Recipe | None = None,
    *,
    choices: Values | Sequence[str] | None = None,
    exact: bool = False,
    progress: Report | None = None,
    cancelled: threading.Event | None = None,
    extract1d: PathLike | None = None,
) -> Sweep:
    """Extract a spectrum with every combination of choices, and tell how much each matters, where.

    Every value counts alike, so the error is as wide as the values are: vary what you could have
    chosen as well. Of a time series the spectrum is that of its typical image, the median of up to
    32 integrations, as the page shows it.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe or None
        None = what the pipeline does by default.
    choices : Mapping of str to sequence, or sequence of str, optional
        What is varied (`lrs_explorer.model.sweep.choices.CHOICES`), and over which values: numbers
        and words as in a `Recipe`; for "background" tuples of regions, () or "none" for no
        background; None for what the recipe has. By default, and for names without values, values
        that the observation suggests (`lrs_explorer.model.sweep.defaults.default_values`).
    exact : bool
        By default also vary what needs runs of the pipeline: the replacement of bad pixels, and the
        jump threshold. Those that are named are varied in any case.
    progress : callable, optional
        Called with a `StepProgress`, for steps of the pipeline and for variants.
    cancelled : threading.Event, optional
        Ends the sweep when set.
    extract1d : path, optional
        Extract1d reference file (JSON) of your own, in place of that of CRDS.

    Returns
    -------
    Sweep
        Variants that cannot be extracted, as an aperture that leaves the image, are counted, and
        say why.

    Raises
    ------
    LRSExplorerError
        A choice is not known, has no values, or cannot be varied for this observation; the recipe's
        own spectrum cannot be extracted or has no flux, or fewer than two variants can; there are
        too many; or it was cancelled.
    """
    observation = given_observation(observation)
    recipe = given_recipe(recipe, observation)
    stages = kept_stages(observation)
    stages.find_references(again=stages.may_try_again)
    stages.use_extract1d(extract1d)
    try:
        return swept(
            stages, recipe, choices=choices, exact=exact, progress=progress, cancelled=cancelled
        )
    finally:
        stages.use_extract1d(None)


def swept(
    stages: Stages,
    recipe: Recipe | None = None,
    *,
    choices: Values | Sequence[str] | None = None,
    exact: bool = False,
    progress: Report | None = None,
    cancelled: threading.Event | None = None,
) -> Sweep:
    """Return what `sweep` does, of stages that have their references.

    Raises
    ------
    LRSExplorerError
        As `sweep`.
    """
    recipe = recipe or Recipe.from_observation(stages.observation)
    work = _Work(stages, progress, cancelled or threading.Event())
    work.make([recipe])
    spectrum = _own(stages, recipe)
    values = _values(stages, recipe, choices, exact)
    placement = stages.placement(recipe)
    wanted = _combined(recipe, placement, values)
    problems = work.make([one for _, one in wanted])
    # Wavelengths are corrected for all alike, and after the extraction.
    elements = stages.spectrum(recipe.replace(wavelength=Wavelength()))
    flux, problems = work.extract([one for _, one in wanted], elements, problems)
    systematic = _summarised(spectrum, wanted, values, flux, problems)
    notes = (
        *_notes(stages, recipe, placement, wanted),
        *_weighted(systematic, recipe, [one for _, one in wanted], flux),
    )
    systematic = dataclasses.replace(systematic, notes=notes)
    words = {name: [in_words(name, value) for value in of] for name, of in values.items()}
    variants = []
    for (levels, one), values_of, why in zip(wanted, flux, problems, strict=True):
        told = {name: words[name][level] for name, level in zip(words, levels, strict=True)}
        variants.append(Variant(_label(one, recipe, told), one, told, values_of, why))
    own = dataclasses.replace(spectrum, systematic=systematic)
    return Sweep(recipe, own, systematic, tuple(variants), work.log)


Wanted = list[tuple[tuple[int, ...], Recipe]]
"""Variants: which value of each choice, and the recipe."""


def _own(stages: Stages, recipe: Recipe) -> Spectrum:
    """Return the recipe's own spectrum, which has to have flux."""
    spectrum = stages.spectrum(recipe)
    if recipe.uncertainty.method == "bootstrap":
        spectrum = believed(spectrum, stages.bootstrap(recipe))
    if not np.isfinite(spectrum.flux).any():
        raise LRSExplorerError(
            f"the spectrum of {stages.observation.name} has no finite flux: there is nothing that "
            "choices could change; move the aperture, or look at the image."
        )
    return spectrum


def _values(
    stages: Stages, recipe: Recipe, choices: Values | Sequence[str] | None, exact: bool
) -> dict[str, tuple[Any, ...]]:
    """Return what is varied, and over which values."""
    if choices is None:
        return default_values(stages, recipe, exact=exact)
    if isinstance(choices, str):
        choices = [choices]
    named: Values = choices if isinstance(choices, Mapping) else dict.fromkeys(choices)
    if not named:
        raise LRSExplorerError("no choice is given that could be varied; name at least one.")
    found = checked({name: (None,) if of is None else of for name, of in named.items()})
    for name in found:
        if problem := why_not(stages, name):
            raise LRSExplorerError(f"{name} cannot be varied: {problem}")
    if all(of is not None for of in named.values()):
        return found
    suggested = offered_values(stages, recipe)
    for name in found:
        if named[name] is not None:
            continue
        if name not in suggested:
            raise LRSExplorerError(
                f"{name} has no values by default for {stages.observation.name}; give some."
            )
        found[name] = suggested[name]
    return found


def _combined(recipe: Recipe, placement: Placement, values: Mapping[str, Sequence[Any]]) -> Wanted:
    """Return every combination of values."""
    number = math.prod(len(of) for of in values.values())
    if number > MOST:
        raise LRSExplorerError(
            f"these choices make {number} variants, more than {MOST}; give fewer values, or leave "
            "a choice out."
        )
    wanted = []
    for levels in itertools.product(*(range(len(of)) for of in values.values())):
        chosen = {name: values[name][level] for name, level in zip(values, levels, strict=True)}
        wanted.append((levels, varied(recipe, placement, chosen)))
    return wanted


class _Work:
    """Makes images and extracts from them, and tells how far that is."""

    def __init__(self, stages: Stages, report: Report | None, cancelled: threading.Event) -> None:
        self._stages, self._report, self._cancelled = stages, report, cancelled
        self.log = ""

    def make(self, recipes: Sequence[Recipe]) -> list[str]:
        """Run the pipeline for images that are missing; return what is wrong with each recipe's.

        Raises
        ------
        LRSExplorerError
            All fail, or it was cancelled.
        """
        first = {image_of(one): one for one in reversed(recipes)}
        missing, problems = [], {}
        for image, one in reversed(first.items()):
            try:
                if self._stages.find_image(one) is None:
                    missing.append(one)
            except LRSExplorerError as error:
                problems[image] = str(error)
        reprocessor = self._stages.reprocessor
        counter = reprocessor.counter(missing, self._report) if missing else None
        for one in missing:
            self._stop_if_cancelled()
            try:
                self.log += reprocessor.make(one, counter, self._cancelled).log
            except CancelledError:
                raise
            except LRSExplorerError as error:
                problems[image_of(one)] = str(error)
        if len(problems) == len(first):
            raise LRSExplorerError(next(iter(problems.values())))
        return [problems.get(image_of(one), "") for one in recipes]

    def extract(
        self, recipes: Sequence[Recipe], spectrum: Spectrum, problems: Sequence[str]
    ) -> tuple[FloatArray, list[str]]:
        """Extract with each recipe, once where several come to the same.

        Returns
        -------
        ndarray, shape (n_recipes, n_wave)
            Flux at the wavelengths of ``spectrum``.
        list of str
            What is wrong with each.
        """
        begun = told = time.monotonic()
        found: dict[Recipe, tuple[FloatArray, str]] = {}
        nothing = np.full(len(spectrum.wavelength), np.nan)
        flux, whys = np.empty((len(recipes), len(nothing))), []
        extractors: dict[Recipe, Extractor] = {}
        for number, (recipe, why) in enumerate(zip(recipes, problems, strict=True)):
            self._stop_if_cancelled()
            if why:
                flux[number] = nothing
                whys.append(why)
                continue
            image = image_of(recipe)
            key = with_image_of(image, recipe)
            if key not in found:
                try:
                    if image not in extractors:
                        extractors[image] = self._stages.extractor(recipe)
                    found[key] = _flux(extractors[image], recipe, spectrum), ""
                except LRSExplorerError as error:
                    found[key] = nothing, str(error)
            flux[number], why = found[key]
            whys.append(why)
            now = time.monotonic()
            if self._report is not None and (now - told > REPORTED or number + 1 == len(recipes)):
                told = now
                passed = now - begun
                self._report(StepProgress("extract_1d", number + 1, len(recipes), passed, passed))
        return flux, whys

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError(CANCELLED)


def _flux(extractor: Extractor, recipe: Recipe, spectrum: Spectrum) -> FloatArray:
    """Return the flux of a recipe at the wavelengths of another spectrum."""
    one = extractor.extract(recipe)
    if one.unit != spectrum.unit:
        raise LRSExplorerError(f"its flux is in {one.unit}, not in {spectrum.unit}.")
    return at_wavelengths(one.wavelength, np.asarray(one.flux, float), spectrum.wavelength)


def at_wavelengths(wavelength: FloatArray, flux: FloatArray, wanted: FloatArray) -> FloatArray:
    """Return flux at other wavelengths, which differ by a fraction of an element.

    Those of a rectified image differ only by how they are rounded: there it is that of the same
    element. On another image they change with the aperture: between two elements that have flux it
    is taken from the line through them.

    Parameters
    ----------
    wavelength, wanted : ndarray, shape (n_wave,) and (n_wanted,), micron, ascending
    flux : ndarray, shape (n_wave,)

    Returns
    -------
    ndarray, shape (n_wanted,)
        NaN where there is no flux, beyond the ends and across gaps.
    """
    if np.array_equal(wavelength, wanted):
        return flux
    if len(wavelength) < 2:
        return np.full(len(wanted), np.nan)
    upper = np.clip(np.searchsorted(wavelength, wanted), 1, len(wavelength) - 1)
    lower = upper - 1
    step = wavelength[upper] - wavelength[lower]
    nearer = np.where(wanted - wavelength[lower] < wavelength[upper] - wanted, lower, upper)
    same = np.abs(wavelength[nearer] - wanted) < SAME * step
    between = np.interp(wanted, wavelength, flux, left=np.nan, right=np.nan)
    gap = step > 1.5 * np.gradient(wanted) if len(wanted) > 1 else np.zeros(len(wanted), bool)
    return np.where(same, flux[nearer], np.where(gap, np.nan, between))


def _summarised(
    spectrum: Spectrum,
    wanted: Wanted,
    values: Mapping[str, Sequence[Any]],
    flux: FloatArray,
    problems: Sequence[str],
) -> Systematic:
    """Return what the variants say of the spectrum."""
    good = np.array([not why for why in problems], dtype=bool)
    levels = np.array([levels for levels, _ in wanted], dtype=np.intp).reshape(len(wanted), -1)
    failed = Counter(why for why in problems if why)
    if good.sum() < 2:
        why = f": {failed.most_common(1)[0][0]}" if failed else "; give a choice more values."
        raise LRSExplorerError(
            f"{int(good.sum())} of {len(wanted)} variants could be extracted, and two are needed "
            f"to tell how much choices matter{why}"
        )
    found = effects(flux[good], levels[good])
    own = np.asarray(spectrum.flux, float)
    return Systematic(
        wavelength=spectrum.wavelength,
        flux=own,
        low=found.low,
        high=found.high,
        error=found.error,
        parts=dict(zip(values, found.parts, strict=True)),
        with_others=dict(zip(values, found.with_others, strict=True)),
        together=found.together,
        unit=spectrum.unit,
        values={n: tuple(in_words(n, value) for value in of) for n, of in values.items()},
        variants=int(good.sum()),
        failed=dict(failed.most_common()),
        bins=_bins(spectrum.wavelength, own, flux[good], levels[good], tuple(values)),
    )


def _bins(
    wavelength: FloatArray,
    own: FloatArray,
    flux: FloatArray,
    levels: NDArray[np.intp],
    names: tuple[str, ...],
) -> tuple[SystematicBin, ...]:
    """Return the same for means over 1 micron, of elements at which all variants have flux."""
    edges = np.arange(NOMINAL_RANGE[0], NOMINAL_RANGE[1] + 0.5)
    known = np.isfinite(flux).all(axis=0) & np.isfinite(own)
    means = np.full((len(flux), len(edges) - 1), np.nan)
    middle = np.full(len(edges) - 1, np.nan)
    for i, (lower, upper) in enumerate(itertools.pairwise(edges)):
        inside = known & (wavelength >= lower) & (wavelength < upper)
        if inside.any():
            means[:, i] = flux[:, inside].mean(axis=1)
            middle[i] = own[inside].mean()
    found: Effects = effects(means, levels)
    return tuple(
        SystematicBin(
            float(lower),
            float(upper),
            float(middle[i]),
            float(found.error[i]),
            {name: float(found.parts[n, i]) for n, name in enumerate(names)},
            {name: float(found.with_others[n, i]) for n, name in enumerate(names)},
            float(found.together[i]),
        )
        for i, (lower, upper) in enumerate(itertools.pairwise(edges))
    )


def _notes(stages: Stages, recipe: Recipe, placement: Placement, wanted: Wanted) -> tuple[str, ...]:
    """Return what must be known of the variants as a whole."""
    notes = []
    if stages.observation.is_series:
        notes.append("of the typical image of the series, the median of up to 32 integrations")
    trace = stages.trace(recipe)
    centers = [one.aperture.center for _, one in wanted if one.aperture is not None]
    centers.append(placement.aperture.center)
    if trace is not None:
        margin = 0.5 + 2 * trace.uncertainty
        if not min(centers) - margin <= trace.center <= max(centers) + margin:
            notes.append(
                f"the trace is at {trace.center:.2f} px, the apertures are centered at "
                f"{min(centers):.2f} to {max(centers):.2f}: put the aperture right first"
            )
    return tuple(notes)


def _weighted(
    found: Systematic, recipe: Recipe, recipes: Sequence[Recipe], flux: FloatArray
) -> list[str]:
    """Say by how much box and optimal differ by themselves, where most of the spread is by that."""
    shares = [one.shares_with_others.get("extraction_type", 0.0) for one in found.bins]
    if not shares or np.median(shares) < MUCH:
        return []
    own = recipe.extraction.extraction_type
    for one, values in zip(recipes, flux, strict=True):
        other = one.extraction.extraction_type
        alone = recipe.replace(extraction=one.extraction)
        if other == own or one != alone:
            continue
        low, high = NOMINAL_RANGE
        inside = (found.wavelength >= low) & (found.wavelength <= high) & (found.flux != 0)
        ratio = values[inside] / found.flux[inside]
        if not np.isfinite(ratio).any():
            continue
        change = f"{100 * (np.nanmedian(ratio) - 1):+.1f} %".replace("-", "−")
        return [
            f"{other} against {own} extraction, all else as chosen, is {change} (median, {low:g}–"
            f"{high:g} µm), and much of the spread comes with it: leave out extraction_type to see "
            "what the other choices do"
        ]
    return []


def _label(one: Recipe, recipe: Recipe, told: Mapping[str, str]) -> str:
    """Say what is otherwise in a variant."""
    if one == recipe:
        return in_words("", None)
    other = [f"{name} {word}" for name, word in told.items() if word != in_words(name, None)]
    return ", ".join(other)
