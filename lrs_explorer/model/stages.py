"""From a recipe to its products: each is pulled on demand and computed once per key.

A product's key is the part of the recipe that it depends on, so moving the aperture extracts anew
and reads no file, and going back to an earlier recipe computes nothing.
"""

from __future__ import annotations

import threading
import weakref
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from lrs_explorer.model.extraction import Extractor, Placement
from lrs_explorer.model.observation import Observation
from lrs_explorer.model.position import find_trace, spatial_profile
from lrs_explorer.model.products import SpatialProfile, SpectralImage, Spectrum, Trace
from lrs_explorer.model.recipe import Nods, Recipe
from lrs_explorer.model.references import References, find_references

__all__ = ["Stages", "extract"]

T = TypeVar("T")

MAX_CHEAP_PRODUCTS = 64
"""Spectra and profiles kept at most; a spectrum takes about 60 kB."""


class Stages:
    """The products of one observation.

    Methods may be called from any thread: two threads that want the same product compute it once,
    and neither waits for a product that it did not ask for.

    Attributes
    ----------
    computed : Counter
        How often each stage was really computed, by its name.
    """

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.computed: Counter[str] = Counter()
        self._cache: OrderedDict[tuple[str, Hashable], Any] = OrderedDict()
        self._locks: dict[tuple[str, Hashable], threading.Lock] = {}
        self._guard = threading.Lock()

    def _pull(self, stage: str, key: Hashable, compute: Callable[[], T]) -> T:
        full_key = (stage, key)
        with self._guard:
            lock = self._locks.setdefault(full_key, threading.Lock())
        with lock:
            if full_key not in self._cache:
                product = compute()
                with self._guard:
                    self._cache[full_key] = product
                    self.computed[stage] += 1
                    self._forget_oldest()
            with self._guard:
                self._cache.move_to_end(full_key)
                kept: T = self._cache[full_key]
                return kept

    def _forget_oldest(self) -> None:
        """Forget what is cheap to make again; images and references are few and stay."""
        cheap = [key for key in self._cache if key[0] in ("spectrum", "profile")]
        for key in cheap[:-MAX_CHEAP_PRODUCTS]:
            del self._cache[key]
            del self._locks[key]

    def image(self, nods: Nods) -> SpectralImage:
        """Return the image that ``nods`` chooses."""
        return self._pull("image", nods, lambda: self.observation.image(nods))

    def delivered(self, nods: Nods) -> Spectrum | None:
        """Return the archive's x1d that belongs to that image, None where there is none."""
        return self._pull("delivered", nods, lambda: self.observation.delivered(nods))

    def trace(self, nods: Nods) -> Trace | None:
        """Return the measured trace, None where there is none."""
        return self._pull("trace", nods, lambda: find_trace(self.image(nods)))

    def profile(self, nods: Nods, wavelength_range: tuple[float, float] | None) -> SpatialProfile:
        """Return the spatial profile, combined over a wavelength range in micron (None = all)."""
        return self._pull(
            "profile",
            (nods, wavelength_range),
            lambda: spatial_profile(self.image(nods), wavelength_range),
        )

    def references(self) -> References:
        """Return the reference files of the observation; may ask CRDS, which takes seconds."""
        return self._pull("references", None, lambda: find_references(self.observation))

    def extractor(self, nods: Nods) -> Extractor:
        """Return the live kernel, prepared for that image; the first one imports ``jwst``."""
        return self._pull("extractor", nods, lambda: Extractor(self.image(nods), self.references()))

    def placement(self, recipe: Recipe) -> Placement:
        """Return where ``recipe`` puts the aperture and the background."""
        return self.extractor(recipe.nods).resolve(recipe)

    def spectrum(self, recipe: Recipe) -> Spectrum:
        """Return the live spectrum.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this image.
        """
        return self._pull("spectrum", recipe, lambda: self.extractor(recipe.nods).extract(recipe))


_STAGES: weakref.WeakKeyDictionary[Observation, Stages] = weakref.WeakKeyDictionary()


def extract(observation: Observation, recipe: Recipe | None = None) -> Spectrum:
    """Extract a spectrum in memory, identical to what the pipeline would write.

    Parameters
    ----------
    observation : Observation
    recipe : Recipe or None
        None = what the pipeline does by default.

    Returns
    -------
    Spectrum
        ``wavelength`` in micron ascending, ``flux`` and ``flux_error`` in Jy, and ``table`` with
        the 18 x1d columns.

    Raises
    ------
    LRSExplorerError
        The recipe is for another mode, or cannot be extracted from this observation.
    """
    if observation not in _STAGES:
        _STAGES[observation] = Stages(observation)
    return _STAGES[observation].spectrum(recipe or Recipe.from_observation(observation))
