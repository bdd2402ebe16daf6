"""Where the source is in the slit, and what another pathloss correction makes of a spectrum."""

from __future__ import annotations

from dataclasses import dataclass

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.recipe.recipe import Pathloss
from lrs_explorer.model.slit.frame import SlitPosition
from lrs_explorer.model.slit.pathloss import (
    PathlossChoice,
    PathlossReference,
    preview,
    resolve,
)
from lrs_explorer.model.slit.target import ScoreCard

__all__ = ["Positions"]


@dataclass(frozen=True, eq=False)
class Positions:
    """What is known of the source's position on one image.

    Parameters
    ----------
    card : ScoreCard
    reference : PathlossReference or None
        None where there is no such reference file.
    """

    card: ScoreCard
    reference: PathlossReference | None

    def choice(self, pathloss: Pathloss) -> PathlossChoice | None:
        """Return what a choice of pathloss means; None where that cannot be told."""
        verified = self.card.verified
        position = None
        if verified is not None:
            position = SlitPosition(verified.along, verified.across)
        try:
            return resolve(pathloss, self.card.frame, position)
        except LRSExplorerError:
            return None

    def preview(
        self, spectrum: Spectrum, old: Pathloss, new: Pathloss
    ) -> tuple[Spectrum | None, str]:
        """Return a spectrum as another pathloss correction would about leave it, and a remark.

        None where that cannot be told.
        """
        if self.card.frame.corrected is None and "as_delivered" in (old.mode, new.mode):
            return None, ""
        before, after = self.choice(old), self.choice(new)
        if before is None or after is None or self.reference is None:
            return None, ""
        scale = self.card.frame.pixel_scale
        return (
            preview(
                spectrum,
                before.correction(self.reference, scale),
                after.correction(self.reference, scale),
            ),
            f"{after.sentence}: estimated from the ratio of the two corrections",
        )
