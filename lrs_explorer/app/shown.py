"""What is on the screen: one frozen value, which is swapped whole."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lrs_explorer.app.showing import delivered_aperture
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import SpectralImage, Spectrum, Trace
from lrs_explorer.model.data.systematic import Systematic
from lrs_explorer.model.live.extractor import Placement
from lrs_explorer.model.live.references import References
from lrs_explorer.model.measure.uncertainty import believed
from lrs_explorer.model.recipe.recipe import Aperture, Background, Recipe
from lrs_explorer.model.recipe.scope import with_image_of
from lrs_explorer.model.slit.positions import Positions
from lrs_explorer.model.stages.detector_pixels import DetectorPixels
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.model.sweep.sweep import Sweep

__all__ = ["NOTHING", "Shown", "look", "opened"]

Region = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Shown:
    """Everything that views show of one observation and one recipe, as of one moment.

    Parameters
    ----------
    stages : Stages or None
        Of the open observation; None where none is open.
    recipe : Recipe
        What the user chose.
    drawn : Recipe
        The recipe that image and spectrum follow: ``recipe``, once the pipeline has run as that
        says; until then the bands move on the image before.
    image : SpectralImage or None
        The image of ``drawn``; None where the observation has none.
    delivered : Spectrum or None
        The archive's spectrum of that image.
    references : References or None
        Reference files in use.
    trace : Trace or None
        Measured on the image; None where there is none, or it is not known yet.
    placement : Placement or None
        Where aperture and background are; None until the pipeline is loaded.
    spectrum : Spectrum or None
        The live spectrum of ``drawn``; None until the pipeline is loaded.
    preview : Spectrum or None
        What the pipeline will about make of ``spectrum`` by running as ``recipe`` says, where that
        can be told beforehand.
    remark : str
        What the preview rests on.
    problem : str
        Why ``spectrum`` is only the last good one; "" where it is not.
    columns : tuple of (float, float)
        Where the bands of a 2-D background are; none unless it is subtracted.
    pixels : DetectorPixels or None
        The detector pixels behind the image, once they are known.
    positions : Positions or None
        Where the source is in the slit, once that is known.
    made_by : str
        How the image was made; "" for a delivered one.
    sweep : Sweep or None
        The last one over choices, whatever recipe that was for; see `systematic`.
    """

    stages: Stages | None = None
    recipe: Recipe = field(default_factory=Recipe)
    drawn: Recipe = field(default_factory=Recipe)
    image: SpectralImage | None = None
    delivered: Spectrum | None = None
    references: References | None = None
    trace: Trace | None = None
    placement: Placement | None = None
    spectrum: Spectrum | None = None
    preview: Spectrum | None = None
    remark: str = ""
    problem: str = ""
    columns: tuple[Region, ...] = ()
    pixels: DetectorPixels | None = None
    positions: Positions | None = None
    made_by: str = ""
    sweep: Sweep | None = None

    @property
    def waits(self) -> bool:
        """Whether the pipeline has yet to made with this recipe."""
        return self.drawn != self.recipe

    @property
    def number(self) -> int | str | None:
        """Which exposure the image is of, or "combined"."""
        return None if self.stages is None else self.stages.observation.number(self.drawn.nods)

    @property
    def own_spectrum(self) -> Spectrum | None:
        """What is pinned and saved: the live spectrum; without an image the delivered one."""
        if self.image is None or self.spectrum is None:
            return self.delivered if self.image is None else None
        systematic = self.systematic
        return replace(self.spectrum, systematic=systematic) if systematic else self.spectrum

    def spectrum_with_errors(self) -> Spectrum | None:
        """Return `own_spectrum` with the errors that the recipe asks for; may take seconds."""
        own = self.own_spectrum
        if own is None or self.spectrum is None or self.drawn.uncertainty.method != "bootstrap":
            return own
        assert self.stages is not None
        return believed(own, self.stages.bootstrap(self.drawn))

    @property
    def systematic(self) -> Systematic | None:
        """How much the live spectrum changes with choices, if that is known of this very one."""
        sweep, spectrum = self.sweep, self.spectrum
        if sweep is None or spectrum is None or self.waits:
            return None
        # Where errors come from changes nothing of the flux.
        if sweep.recipe.replace(uncertainty=self.recipe.uncertainty) != self.recipe:
            return None
        same = all(
            np.array_equal(spectrum.columns[name], sweep.spectrum.columns[name], equal_nan=True)
            for name in ("WAVELENGTH", "FLUX")
        )
        return sweep.systematic if same else None

    @property
    def aperture(self) -> Aperture | None:
        """Where the aperture is, whoever placed it; None where that is not known."""
        if self.placement is not None:
            return self.placement.aperture
        if self.recipe.aperture is not None or self.delivered is None:
            return self.recipe.aperture
        return delivered_aperture(self.delivered)

    @property
    def background(self) -> Background:
        """The background as explicit regions; no regions where none is subtracted."""
        if self.placement is not None:
            return self.placement.background
        return self.recipe.background or Background()


NOTHING = Shown()
"""What is on the screen before anything has been opened."""


def opened(stages: Stages, recipe: Recipe, image: SpectralImage | None) -> Shown:
    """Return what can be shown at once of an observation: nothing that needs the pipeline."""
    return Shown(
        stages,
        recipe,
        recipe,
        image,
        delivered=stages.delivered(recipe.nods),
        references=stages.references,
        columns=_columns(recipe),
    )


def look(before: Shown, recipe: Recipe, *, extract: bool, preview: bool) -> Shown:
    """Return what is to be shown of another recipe of the open observation.

    Parameters
    ----------
    before : Shown
        What is on the screen.
    recipe : Recipe
    extract : bool
        Whether the pipeline is loaded, so that placement and spectrum can be had at once.
    preview : bool
        Whether to tell beforehand what the pipeline will make of the spectrum.

    Raises
    ------
    LRSExplorerError
        No observation is open, or the recipe is for another mode or does not fit the image.
    """
    stages = before.stages
    if stages is None:
        raise LRSExplorerError("no observation is open; open an LRS product or a folder first.")
    made = stages.find_image(recipe)
    drawn = recipe if made is not None else _waiting(before.drawn, recipe)
    image = before.image if made is None else made
    same = image is before.image
    spectrum = stages.spectrum(drawn) if extract else None
    positions = before.positions
    if stages.observation.number(drawn.nods) != before.number:
        positions = None
    expected, remark = None, ""
    if preview and made is None and spectrum is not None and positions is not None:
        expected, remark = _previewed(spectrum, drawn, recipe, positions)
    return Shown(
        stages,
        recipe,
        drawn,
        image,
        delivered=stages.delivered(drawn.nods),
        references=stages.references,
        trace=before.trace if same else stages.trace(drawn),
        placement=stages.placement(drawn) if extract else None,
        spectrum=spectrum,
        preview=expected,
        remark=remark,
        columns=_columns(recipe),
        pixels=before.pixels if same else None,
        positions=positions,
        made_by=before.made_by if made is None else stages.made_by(recipe),
        sweep=before.sweep,
    )


def _waiting(drawn: Recipe, recipe: Recipe) -> Recipe:
    """Return what is drawn of a recipe until its image is there, on the image that is shown.

    Background bands that are switched off because the next image has a 2-D background, or on
    because it has none, wait with it: else none would be subtracted meanwhile, or two.
    """
    waiting = with_image_of(drawn, recipe)
    if drawn.slitless.subtract != recipe.slitless.subtract:
        waiting = waiting.replace(background=drawn.background)
    return waiting


def _previewed(
    spectrum: Spectrum, drawn: Recipe, recipe: Recipe, positions: Positions
) -> tuple[Spectrum | None, str]:
    """Return what another pathloss correction makes of a spectrum, and what that rests on."""
    if drawn.replace(pathloss=recipe.pathloss) != recipe:
        return None, ""  # the pipeline is to do more than that
    return positions.preview(spectrum, drawn.pathloss, recipe.pathloss)


def _columns(recipe: Recipe) -> tuple[Region, ...]:
    return recipe.slitless.columns if recipe.slitless.subtract else ()
