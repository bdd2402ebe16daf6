"""From a recipe to its products: each is pulled on demand and computed once per key.

A product's key is what it depends on, so moving the aperture extracts anew and reads no file, and
going back to an earlier recipe computes nothing.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpatialProfile, SpectralImage, Spectrum, Trace
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.image_file import read_image
from lrs_explorer.model.live.extractor import Extractor, Placement
from lrs_explorer.model.live.references import References, with_extract1d
from lrs_explorer.model.measure.position import find_trace, spatial_profile
from lrs_explorer.model.measure.uncertainty import Bootstrap, bootstrap
from lrs_explorer.model.measure.wavelength import shifted
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.recipe.recipe import Nods, Recipe
from lrs_explorer.model.recipe.scope import extraction_of, image_of
from lrs_explorer.model.references.crds_query import Fetching
from lrs_explorer.model.references.references import built_in_references, find_references
from lrs_explorer.model.references.slit_references import (
    find_imager_references,
    find_slit_references,
)
from lrs_explorer.model.runs.plan import is_delivered
from lrs_explorer.model.runs.reprocessor import Made, Report, Reprocessor, together
from lrs_explorer.model.slit.count_rates import RateFactor, judged_rates, with_rates
from lrs_explorer.model.slit.pathloss import PathlossReference, read_pathloss
from lrs_explorer.model.slit.ta_image import TAImage, read_ta_image
from lrs_explorer.model.slit.target import ScoreCard, score_card

__all__ = ["Stages"]

T = TypeVar("T")

AGAIN: Final = 60.0
"""Seconds after which reference files that could not be had are looked for again."""

KEPT: Final = {
    "spectrum": 64,  # about 60 kB each
    "shifted": 4,
    # Of time series; five thousand integrations are 16, 280, 70 and up to 600 MB each.
    "light": 8,
    "spectra": 1,
    "background": 4,
    "pixels": 2,
    "series_extractor": 2,  # holds pixels
    "series": 4,  # holds a background
    "motion": 4,  # and "response" hold a series each
    "response": 4,
}
"""How many products of a stage are kept at most; those of other stages are few and stay."""


class Stages:
    """The products of one observation.

    Methods may be called from any thread: two threads that want the same product compute it once,
    and neither waits for a product that it did not ask for.

    Parameters
    ----------
    observation : Observation

    Attributes
    ----------
    reprocessor : Reprocessor
        Makes images that were not delivered.
    computed : Counter
        How often each stage was really computed, by its name.
    """

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.reprocessor = Reprocessor(observation)
        self._references: References = built_in_references(observation)
        self._extract1d: Path | None = None
        self._own: tuple[References, References] | None = None  # made of which, with that file
        self._found: References | None = None
        self._asked = 0.0
        self._searching = threading.Lock()
        self.computed: Counter[str] = Counter()
        # Oldest first. An OrderedDict would hash each key, a whole recipe, when it is listed.
        self._cache: dict[tuple[str, Hashable], Any] = {}
        self._locks: dict[tuple[str, Hashable], threading.Lock] = {}
        self._made: dict[Recipe, Path] = {}
        self._guard = threading.Lock()

    def _pull(self, stage: str, key: Hashable, compute: Callable[[], T]) -> T:
        full_key = (stage, key)
        with self._guard:
            lock = self._locks.setdefault(full_key, threading.Lock())
        with lock:
            if full_key in self._cache:
                product: T = self._cache[full_key]
            else:
                product = compute()
            with self._guard:
                self.computed[stage] += full_key not in self._cache
                self._cache.pop(full_key, None)
                self._cache[full_key] = product
                self._forget_oldest()
            return product

    def _forget_oldest(self) -> None:
        for stage, limit in KEPT.items():
            for key in [key for key in self._cache if key[0] == stage][:-limit]:
                del self._cache[key], self._locks[key]

    def image(self, choice: Nods | Recipe) -> SpectralImage:
        """Return the image that a recipe asks for; for `Nods`, the delivered one.

        Raises
        ------
        LRSExplorerError
            There is no such image, it cannot be read, or the pipeline has not been run as the
            recipe says.
        """
        if isinstance(choice, Nods):
            return self._pull("image", choice, lambda: self.observation.image(choice))
        image = self.find_image(choice)
        if image is None:
            raise LRSExplorerError(
                "the recipe changes more than the extraction: run the pipeline with "
                "lrs.reprocess, or lrs-explorer reprocess, first."
            )
        return image

    def find_image(self, recipe: Recipe) -> SpectralImage | None:
        """Return the image that a recipe asks for, None where the pipeline has to be run first.

        Raises
        ------
        LRSExplorerError
            It cannot be had or read: a product is missing.
        """
        upstream = image_of(recipe)
        path = self._made.get(upstream)
        if path is None:
            if is_delivered(self.observation, upstream):
                return self.image(upstream.nods)
            made = self.reprocessor.made(upstream)
            if made is None:
                return None
            path = self._made[upstream] = made.image
        return self._pull("image", path, lambda: read_image(path))

    def make(
        self,
        recipe: Recipe,
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Made:
        """Run the pipeline for what `find_image` has not found.

        Raises
        ------
        LRSExplorerError
            A product is missing, a step failed, the process died, or it was cancelled.
        """
        counter = self.reprocessor.counter(recipe, report)
        return self.reprocessor.make(recipe, counter, cancelled)

    def make_all(
        self,
        recipes: Sequence[Recipe],
        report: Report | None = None,
        cancelled: threading.Event | None = None,
    ) -> Made:
        """Run the pipeline for several recipes, and count their steps together; see `make`.

        Raises
        ------
        LRSExplorerError
            As by `make`, for any of them.
        """
        counter = self.reprocessor.counter(recipes, report)
        return together([self.reprocessor.make(one, counter, cancelled) for one in recipes])

    def made_by(self, recipe: Recipe) -> str:
        """Say how the image of a recipe was made; "" for a delivered one."""
        return "" if is_delivered(self.observation, recipe) else "made with this recipe"

    def image_or_reason(self, nods: Nods) -> tuple[SpectralImage | None, str]:
        """Return the image, or None and why there is none where something else can be shown.

        Raises
        ------
        LRSExplorerError
            There is an image, which cannot be read, and no x1d beside it.
        """
        try:
            return self.image(nods), ""
        except LRSExplorerError as error:
            # Without any image there are still spectra, headers, or what an image is made from.
            if self.observation.has_images and self.delivered(nods) is None:
                raise
            return None, str(error)

    def delivered(self, nods: Nods) -> Spectrum | None:
        """Return the archive's x1d that belongs to that image, None where there is none."""
        return self._pull("delivered", nods, lambda: self.observation.delivered(nods))

    def trace(self, choice: Nods | Recipe) -> Trace | None:
        """Return the measured trace, None where there is none."""
        image = self.image(choice)
        return self._pull("trace", image, lambda: find_trace(image))

    def profile(self, choice: Nods | Recipe) -> SpatialProfile:
        """Return the spatial profile, combined over the nominal wavelength range."""
        image = self.image(choice)
        return self._pull("profile", image, lambda: spatial_profile(image))

    def find_references(
        self,
        progress: Callable[[Fetching], None] | None = None,
        cancelled: threading.Event | None = None,
        *,
        again: bool = False,
    ) -> References:
        """Look for the observation's reference files and use them from now on.

        CRDS may be asked, which takes seconds, and minutes where files have to be fetched.

        Parameters
        ----------
        progress : callable, optional
            Told of each file that is fetched.
        cancelled : threading.Event, optional
            Ends the search when set.
        again : bool
            Try again where some could not be had.
        """
        with self._searching:
            if self._found is None or (self._found.missing and again):
                self._found = find_references(self.observation, None, progress, cancelled)
                self._asked = time.monotonic()
                self.computed["references"] += 1
        self._references = self._found
        return self.references

    @property
    def may_try_again(self) -> bool:
        """Whether it is a while since reference files were looked for."""
        return time.monotonic() > self._asked + AGAIN

    @property
    def references(self) -> References:
        """Reference files in use: built-in values until `find_references` has been called."""
        if self._extract1d is None:
            return self._references
        if self._own is None or self._own[0] is not self._references:  # they have been found since
            self._own = self._references, with_extract1d(self._references, self._extract1d)
        return self._own[1]

    @property
    def own_extract1d(self) -> Path | None:
        """The extract1d reference file of the user's own that is in use."""
        return self._extract1d

    def use_extract1d(self, path: PathLike | None) -> None:
        """Take an extract1d reference file of the user's own from now on; None: that of CRDS.

        Raises
        ------
        LRSExplorerError
            The file cannot be read, or is no such reference; what was in use stays.
        """
        if path is not None:
            own = with_extract1d(self._references, path)
            kept = None if self._own is None else self._own[1]
            # What has been prepared with the same content is to be found again.
            if kept is None or (own.extract1d, own.names) != (kept.extract1d, kept.names):
                self._own = self._references, own
        self._extract1d = None if path is None else Path(path)

    def slit_references(self) -> dict[str, Path]:
        """Return the reference files that tell of the slit; see `find_slit_references`.

        CRDS may be asked.
        """
        return self._pull("slit_references", None, lambda: find_slit_references(self.observation))

    def score_card(self, nods: Nods) -> ScoreCard:
        """Return every answer to where the source is in the slit; CRDS may be asked.

        Raises
        ------
        LRSExplorerError
            There is no image, or it does not tell where the slit is.
        """

        def collect() -> ScoreCard:
            seen = self.observation.products.get("ta")  # nothing else needs the filters' shifts
            offsets = self.slit_references().get("filteroffset") if seen else None
            card = score_card(self.observation, nods, filter_offsets=offsets)
            return with_rates(card, self.count_rates()) if seen else card

        return self._pull("score_card", nods, collect)

    def pathloss_reference(self) -> PathlossReference | None:
        """Return the table of the light that the slit takes; None where it cannot be had.

        CRDS may be asked.

        Raises
        ------
        LRSExplorerError
            It cannot be read.
        """
        path = self.slit_references().get("pathloss")
        if path is None:
            return None
        return self._pull("pathloss", path, lambda: read_pathloss(path))

    def count_rates(self) -> tuple[RateFactor, ...]:
        """Return all acquisition images with the count rates that star and headers tell.

        Images that cannot be read are left out. CRDS may be asked.
        """

        def judge() -> tuple[RateFactor, ...]:
            images: list[TAImage] = []
            for path in self.observation.products.get("ta", []):
                with suppress(LRSExplorerError):  # the score card says why
                    images.append(read_ta_image(path))
            pathloss = None
            if self.observation.mode == "slit" and any(image.through_slit for image in images):
                with suppress(LRSExplorerError):  # then the slit's loss is not known
                    pathloss = self.pathloss_reference()
            return tuple(judged_rates(images, pathloss))

        return self._pull("count_rates", None, judge)

    def imager_references(self, image: TAImage) -> dict[str, Path]:
        """Return the reference files of the imager for an acquisition image, by type.

        CRDS may be asked.
        """
        keys = ("EXP_TYPE", "FILTER", "READPATT", "SUBARRAY", "DATE-OBS")
        key = tuple(str(image.header.get(card)) for card in keys)
        return self._pull(
            "imager_references",
            key,
            lambda: find_imager_references(self.observation, image.header),
        )

    def extractor(self, choice: Nods | Recipe) -> Extractor:
        """Return the live kernel, prepared for that image; the first one imports ``jwst``."""
        references, image = self.references, self.image(choice)
        return self._pull("extractor", (image, references), lambda: Extractor(image, references))

    def placement(self, recipe: Recipe) -> Placement:
        """Return where ``recipe`` puts the aperture and the background.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or lies outside the image.
        """
        return self.extractor(recipe).resolve(recipe)

    def spectrum(self, recipe: Recipe) -> Spectrum:
        """Return the live spectrum.

        Raises
        ------
        LRSExplorerError
            The recipe is for another mode, or cannot be extracted from this image.
        """
        extractor = self.extractor(recipe)
        key = extraction_of(recipe), extractor
        spectrum = self._pull("spectrum", key, lambda: extractor.extract(recipe))
        offset, mode = recipe.wavelength.source_offset, recipe.mode
        if not offset:
            return spectrum
        return self._pull("shifted", (spectrum, offset), lambda: shifted(spectrum, offset, mode))

    def bootstrap(
        self, recipe: Recipe, progress: Callable[[int, int], None] | None = None
    ) -> Bootstrap:
        """Return errors from the scatter of the pixels; takes seconds.

        Raises
        ------
        LRSExplorerError
            The recipe cannot be extracted from this image, or the image is too small.
        """
        extractor = self.extractor(recipe)
        return self._pull(
            "bootstrap", (recipe, extractor), lambda: bootstrap(extractor, recipe, progress)
        )
