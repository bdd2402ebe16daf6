"""The tab "Slit": where the source is, and for which place the pathloss is corrected."""

from __future__ import annotations

import math
from concurrent.futures import Future
from typing import Any

import numpy as np

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import SLIT_LENGTH, SLIT_WIDTH
from lrs_explorer.model.recipe.recipe import Aperture, Pathloss
from lrs_explorer.model.slit.geometry import psf_fwhm
from lrs_explorer.model.slit.pathloss import PathlossChoice, read_pathloss
from lrs_explorer.model.slit.positions import Positions
from lrs_explorer.model.slit.ta_centroid import Method, centroid
from lrs_explorer.model.slit.ta_image import TAImage
from lrs_explorer.model.slit.target import Candidate
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.widgets.slit_drawing import Marker, slit_svg
from lrs_explorer.widgets.slit_panel import PathlossControls, PositionRow, PositionTable
from lrs_explorer.widgets.ta_view import TAPicture, TAView

__all__ = ["SlitTab"]

AROUND = 20
"""Pixels of an acquisition image that are shown on each side of the expected place."""

METHODS: dict[Method, str] = {"gaussian": "2-D Gaussian", "flux": "flux-weighted"}

DEBOUNCE = 0.5
"""Seconds without a move of the slider after which the pipeline runs."""


class SlitTab:
    """Shows every position of the source; one choice drives extraction and pathloss together.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._warned, self._sliding = "", False
        self._debounce = Debounce(DEBOUNCE, controller.page)
        self.positions = PositionTable(self._use)
        self.pathloss = PathlossControls(self._correct, lambda _wavelength: self._draw())
        self.acquisition = TAView()
        controller.screen.add_tab(
            "Slit",
            ("Source position", self.positions.widget),
            ("Pathloss", self.pathloss.widget),
            ("Target acquisition", self.acquisition.widget),
            shown=False,
        )

    # -- what is known -----------------------------------------------------------------------------

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe's choice; measure anew when another exposure is shown."""
        stages = now.stages
        if stages is None:
            return
        through_slit = stages.observation.mode == "slit"
        self._controller.screen.show_tab("Slit", through_slit)
        if now.image is None or not through_slit:
            return
        if stages is not before.stages or now.number != before.number:
            self._warned = ""
            self.positions.show((), "positions are being measured …")
            self._measure(stages, now)
        if (
            now.positions is not before.positions
            or now.aperture != before.aperture
            or now.recipe.pathloss != before.recipe.pathloss
        ):
            self._show(now)

    def _measure(self, stages: Stages, now: Shown) -> None:
        """Collect all positions, in the background."""

        def measure() -> tuple[Positions, tuple[TAPicture, ...]]:
            card = stages.score_card(now.drawn.nods)
            path = stages.slit_references().get("pathloss")
            positions = Positions(card, read_pathloss(path) if path else None)
            return positions, tuple(_picture(image) for image in card.images)

        def measured(future: Future[tuple[Positions, tuple[TAPicture, ...]]]) -> None:
            shown, error = self._controller.shown, future.exception()
            if shown.number != now.number:
                return
            if isinstance(error, LRSExplorerError):
                self.positions.show((), str(error))
            elif self._controller.succeeded(future):
                positions, pictures = future.result()
                self.acquisition.show(pictures)
                self._controller.learn(shown.image, positions=positions)

        self._controller.start(measure, measured)

    def _show(self, now: Shown) -> None:
        stages, pathloss, positions = now.stages, now.recipe.pathloss, now.positions
        assert stages is not None
        choice = positions.choice(pathloss) if positions else None
        if positions is not None:
            candidates = [*positions.card.candidates]
            if now.aperture is not None:
                along = positions.card.frame.along(now.aperture.center)
                across = choice.position.across if choice and choice.position else math.nan
                candidates.append(positions.card.user(along, across))
            self.positions.show([_row(c) for c in candidates], "; ".join(positions.card.notes))
        across = pathloss.user_slit_loc if pathloss.mode == "offset" else math.nan
        if choice is not None and choice.position is not None:
            across = choice.position.across
        self.pathloss.show(
            pathloss,
            across=across,
            sentence=choice.sentence if choice else "",
            warnings=choice.warnings if choice else (),
            why_not=stages.observation.why_not("pathloss"),
        )
        self._draw()
        if not self._sliding:
            self._warn(choice)

    def _warn(self, choice: PathlossChoice | None) -> None:
        """Say loudly what is wrong with a place, once."""
        loud = "; ".join(choice.warnings) if choice else ""
        if loud and loud != self._warned:
            self._controller.screen.messages.show(loud, "warning")
        self._warned = loud

    def _draw(self) -> None:
        """Draw where the source may be in the slit."""
        shown = self._controller.shown
        if shown.positions is None:
            return
        card, choice = shown.positions.card, shown.positions.choice(shown.recipe.pathloss)
        markers = [
            Marker(
                c.name,
                c.along,
                None if math.isnan(c.across) else c.across,
                0.0 if math.isnan(c.along_uncertainty) else c.along_uncertainty,
            )
            for c in card.candidates
        ]
        if choice is not None and choice.position is not None:
            along, across = choice.position.along, choice.position.across
            if shown.aperture is not None:
                along = card.frame.along(shown.aperture.center)
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
        shown = self._controller.shown
        candidate = shown.positions.card.get(key) if shown.positions else None  # type: ignore[arg-type]
        if candidate is None or shown.aperture is None or shown.stages is None:
            return
        parts: dict[str, Any] = {}
        if math.isfinite(candidate.pixel):
            parts["aperture"] = Aperture(candidate.pixel, shown.aperture.width)
        if candidate.user_slit_loc is not None and not shown.stages.observation.why_not("pathloss"):
            parts["pathloss"] = Pathloss("offset", round(candidate.user_slit_loc, 3))
        self._controller.change(**parts)

    def _correct(self, pathloss: Pathloss, sliding: bool) -> None:
        """Correct for another place: the pipeline runs when the slider rests."""
        self._sliding = sliding
        self._controller.change(pathloss=pathloss, dragging=sliding)
        if sliding:
            self._debounce.call(self._rested)
        else:
            self._debounce.forget()

    def _rested(self) -> None:
        self._sliding = False
        self._controller.rest()
        shown = self._controller.shown
        if shown.positions is not None:
            self._warn(shown.positions.choice(shown.recipe.pathloss))


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
