"""The tab "Slit": where the source is, and for which place the pathloss is corrected."""

from __future__ import annotations

import math
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np

from lrs_explorer.controller import Controller
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.instrument import SLIT_LENGTH, SLIT_WIDTH
from lrs_explorer.model.pathloss import (
    PathlossChoice,
    PathlossReference,
    preview,
    read_pathloss,
    resolve,
)
from lrs_explorer.model.products import Spectrum
from lrs_explorer.model.recipe import Aperture, Pathloss, Recipe
from lrs_explorer.model.recipe_scope import with_image_of
from lrs_explorer.model.slit.frame import SlitPosition
from lrs_explorer.model.slit.geometry import psf_fwhm
from lrs_explorer.model.slit.ta_centroid import Method, centroid
from lrs_explorer.model.slit.ta_image import TAImage
from lrs_explorer.model.slit.target import Candidate, ScoreCard
from lrs_explorer.model.stages import Stages
from lrs_explorer.settling import Settling
from lrs_explorer.widgets.slit_drawing import Marker, slit_svg
from lrs_explorer.widgets.slit_panel import PathlossControls, PositionRow, PositionTable
from lrs_explorer.widgets.ta_view import TAPicture, TAView

__all__ = ["SlitTab"]

AROUND = 20
"""Pixels of an acquisition image that are shown on each side of the expected place."""

METHODS: dict[Method, str] = {"gaussian": "2-D Gaussian", "flux": "flux-weighted"}

SETTLED = 0.5
"""Seconds without a move of the slider after which the pipeline runs."""


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of the source's position on one image."""

    card: ScoreCard
    reference: PathlossReference | None
    pictures: tuple[TAPicture, ...]


class SlitTab:
    """Shows every position of the source; one choice drives extraction and pathloss together.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._stages: Stages | None = None
        self._exposure: object = None
        self._known: _Known | None = None
        self._told: Recipe | None = None
        self._warned = ""
        self._settling = Settling(SETTLED, controller.page)
        self.positions = PositionTable(self._use)
        self.pathloss = PathlossControls(self._correct, self._draw_at)
        self.acquisition = TAView()
        controller.screen.add_tab(
            "Slit",
            ("Source position", self.positions.widget),
            ("Pathloss", self.pathloss.widget),
            ("Target acquisition", self.acquisition.widget),
            mode="slit",
        )

    # -- what is known -----------------------------------------------------------------------------

    def changed(self) -> None:
        """Show the recipe's choice; measure anew when another image is shown."""
        stages = self._controller.stages
        if stages is None or self._controller.image is None or stages.observation.mode != "slit":
            return
        recipe = self._controller.state.recipe
        exposure = stages.observation.number(recipe.nods)
        if stages is not self._stages or exposure != self._exposure:
            self._stages, self._exposure, self._known, self._told = stages, exposure, None, None
            self._warned = ""
            self.positions.show((), "positions are being measured …")
            self._controller.work.start(
                lambda: _measure(stages, recipe),
                lambda future: self._measured(stages, exposure, future),
            )
        upstream = recipe.replace(background=None)
        if upstream != self._told and self._known is not None:
            self._told = upstream
            self._show(recipe)
        if self._controller.runs.running is not None:
            corrected = self._controller.shown.replace(pathloss=recipe.pathloss)
            if with_image_of(corrected, recipe) == recipe:
                self._preview(recipe.pathloss)  # until the pipeline has done so

    def _measured(self, stages: Stages, exposure: object, future: Future[_Known]) -> None:
        if stages is not self._stages or exposure != self._exposure:
            return
        error = future.exception()
        if isinstance(error, LRSExplorerError):
            self.positions.show((), str(error))
            self._show_pathloss(self._controller.state.recipe)
        elif self._controller.succeeded(future):
            self._known = future.result()
            self.acquisition.show(self._known.pictures)
            self._show(self._controller.state.recipe)

    def _show(self, recipe: Recipe) -> None:
        known = self._known
        assert known is not None
        candidates = [*known.card.candidates]
        aperture = self._controller.aperture
        if aperture is not None:
            choice = self._choice(recipe.pathloss)
            across = choice.position.across if choice and choice.position else math.nan
            candidates.append(known.card.user(known.card.frame.along(aperture.center), across))
        self.positions.show([_row(c) for c in candidates], "; ".join(known.card.notes))
        self._show_pathloss(recipe)

    def _choice(self, pathloss: Pathloss) -> PathlossChoice | None:
        """Return what a choice of pathloss means; None where that cannot be told."""
        if self._known is None:
            return None
        card = self._known.card
        verified = card.verified
        position = None
        if verified is not None:
            position = _position(verified)
        try:
            return resolve(pathloss, card.frame, position)
        except LRSExplorerError:
            return None

    def _show_pathloss(self, recipe: Recipe) -> None:
        stages = self._stages
        assert stages is not None
        choice = self._choice(recipe.pathloss)
        across = recipe.pathloss.user_slit_loc if recipe.pathloss.mode == "offset" else math.nan
        if choice is not None and choice.position is not None:
            across = choice.position.across
        self.pathloss.show(
            recipe.pathloss,
            across=across,
            sentence=choice.sentence if choice else "",
            warnings=choice.warnings if choice else (),
            why_not=stages.observation.why_not("pathloss"),
        )
        loud = "; ".join(choice.warnings) if choice else ""
        if loud and loud != self._warned:
            self._controller.screen.messages.show(loud, "warning")
        self._warned = loud
        self._draw(choice)

    def _draw_at(self, _wavelength: float) -> None:
        self._draw(self._choice(self._controller.state.recipe.pathloss))

    def _draw(self, choice: PathlossChoice | None) -> None:
        if self._known is None:
            return
        markers = [
            Marker(
                c.name,
                c.along,
                None if math.isnan(c.across) else c.across,
                0.0 if math.isnan(c.along_uncertainty) else c.along_uncertainty,
            )
            for c in self._known.card.candidates
        ]
        if choice is not None and choice.position is not None:
            along, across = choice.position.along, choice.position.across
            aperture = self._controller.aperture
            if aperture is not None:
                along = self._known.card.frame.along(aperture.center)
            markers.append(Marker("corrected for", along, across, chosen=True))
        wavelength = self.pathloss.wavelength.value
        self.pathloss.show_drawing(
            slit_svg(
                markers,
                length=SLIT_LENGTH,
                width=SLIT_WIDTH,
                wavelength=wavelength,
                fwhm=float(psf_fwhm(wavelength)),
            )
        )

    # -- what the user does ------------------------------------------------------------------------

    def _use(self, key: str) -> None:
        """Let one position drive the aperture and the pathloss correction, as one step."""
        controller, known = self._controller, self._known
        candidate = known.card.get(key) if known else None  # type: ignore[arg-type]
        if candidate is None or controller.aperture is None:
            return
        recipe = controller.state.recipe
        if math.isfinite(candidate.pixel):
            aperture = Aperture(candidate.pixel, controller.aperture.width)
            background = recipe.background
            if background is None and controller.background.regions:
                background = controller.background
            recipe = recipe.replace(aperture=aperture, background=background)
        stages = self._stages
        can = stages is not None and not stages.observation.why_not("pathloss")
        if candidate.user_slit_loc is not None and can:
            offset = round(candidate.user_slit_loc, 3)
            recipe = recipe.replace(pathloss=Pathloss("offset", offset))
        controller.attempt(recipe)

    def _correct(self, pathloss: Pathloss, sliding: bool) -> None:
        """Correct for another place: a preview at once, the pipeline when the slider rests."""
        recipe = self._controller.state.recipe.replace(pathloss=pathloss)
        if not sliding:
            self._settling.forget()
            self._controller.attempt(recipe)
            return
        self._preview(pathloss)
        self._settling.call(lambda: self._controller.attempt(recipe))

    def _preview(self, pathloss: Pathloss) -> None:
        """Show what the correction would make of the live spectrum, marked as approximate."""
        spectrum: Spectrum | None = self._controller.state.spectrum
        old = self._choice(self._controller.shown.pathloss)
        new = self._choice(pathloss)
        if spectrum is None or old is None or new is None or self._known is None:
            return
        reference = self._known.reference
        if reference is None:
            return
        scale = self._known.card.frame.pixel_scale
        shown = preview(
            spectrum, old.correction(reference, scale), new.correction(reference, scale)
        )
        self._controller.screen.spectrum.show_live(
            shown, "approximate", f"{new.sentence}: by the ratio of the corrections", dragging=True
        )
        self._draw(new)


def _measure(stages: Stages, recipe: Recipe) -> _Known:
    """Collect all positions, and the reference that the preview needs."""
    card = stages.score_card(recipe.nods)
    path = stages.slit_references().get("pathloss")
    pictures = tuple(_picture(image) for image in card.images)
    return _Known(card, read_pathloss(path) if path else None, pictures)


def _picture(image: TAImage) -> TAPicture:
    """Cut out what is around the place where the source was meant to be."""
    ny, nx = image.data.shape
    column, line = image.expected or (nx / 2, ny / 2)
    left, low = max(0, round(column) - AROUND), max(0, round(line) - AROUND)
    data = np.where(image.usable, image.data, np.nan)
    remarks, marks = list(image.notes), []
    for method in METHODS:
        try:
            found = centroid(image, method)
        except LRSExplorerError as error:
            remarks.append(str(error))
        else:
            marks.append((METHODS[method], found.column, found.row))
    kind = "verification" if image.through_slit else "acquisition"
    return TAPicture(
        name=f"{kind}, {image.filter} {image.readpatt}",
        data=data[low : low + 2 * AROUND + 1, left : left + 2 * AROUND + 1],
        corner=(image.origin[0] + left, image.origin[1] + low),
        marks=tuple(marks),
        remarks=tuple(dict.fromkeys(remarks)),
        unit=image.unit,
    )


def _position(candidate: Candidate) -> SlitPosition:
    return SlitPosition(candidate.along, candidate.across)


def _row(candidate: Candidate) -> PositionRow:
    offset = candidate.position_offset
    follows = f"position_offset {offset:+.2f} px" if math.isfinite(offset) else ""
    if candidate.user_slit_loc is not None:
        follows += f", user_slit_loc {candidate.user_slit_loc:+.3f}″"
    details = ". ".join(part for part in (candidate.source, follows, *candidate.notes) if part)
    return PositionRow(
        candidate.key,
        candidate.name,
        candidate.along,
        candidate.across,
        candidate.along_uncertainty,
        candidate.across_uncertainty,
        details + ".",
        usable=candidate.key != "user",
        loud=candidate.outside,
    )
