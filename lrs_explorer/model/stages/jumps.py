"""What another jump threshold changes: the pixels whose flags differ between two rate images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import flagged
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.fitsfile import array, open_fits
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.stages.stages import Stages

__all__ = ["JumpChange", "jump_change", "jump_changes"]

Pixels = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class JumpChange:
    """Pixels of a rate image whose flags a run of jump and ramp_fit has changed.

    Parameters
    ----------
    recovered : ndarray, shape (n, 2)
        Row and column (detector, 0-indexed) of pixels that were DO_NOT_USE and are used again.
    lost : ndarray, shape (n, 2)
        The reverse.
    unflagged, flagged : ndarray, shape (n, 2)
        Pixels that lost, or got, JUMP_DET and are used before and after.
    """

    recovered: Pixels
    lost: Pixels
    unflagged: Pixels
    flagged: Pixels

    @property
    def every(self) -> Pixels:
        """All of them, shape (n, 2)."""
        return np.concatenate([self.recovered, self.lost, self.unflagged, self.flagged])

    @property
    def sentence(self) -> str:
        """Counts in words."""
        parts = [
            (self.recovered, "usable again"),
            (self.lost, "no longer usable"),
            (self.unflagged, "without a jump now"),
            (self.flagged, "with a jump now"),
        ]
        said = [f"{len(pixels)} pixels {what}" for pixels, what in parts if len(pixels)]
        return ", ".join(said) or "no pixel's flags have changed"


def jump_change(before: Path, after: Path) -> JumpChange:
    """Compare the flags of two rate images of the same exposure.

    Raises
    ------
    LRSExplorerError
        A file cannot be read, has no DQ, or their shapes differ.
    """
    old, new = _dq(before), _dq(after)
    if old.shape != new.shape:
        raise LRSExplorerError(
            f"{before.name} has shape {old.shape}, {after.name} {new.shape}; give rate images of "
            "the same exposure."
        )
    was_bad, is_bad = flagged(old, "DO_NOT_USE"), flagged(new, "DO_NOT_USE")
    had, has = flagged(old, "JUMP_DET"), flagged(new, "JUMP_DET")
    used = ~was_bad & ~is_bad
    return JumpChange(
        recovered=np.argwhere(was_bad & ~is_bad),
        lost=np.argwhere(~was_bad & is_bad),
        unflagged=np.argwhere(used & had & ~has),
        flagged=np.argwhere(used & ~had & has),
    )


def jump_changes(stages: Stages, recipe: Recipe) -> dict[int, JumpChange]:
    """Compare, by exposure, the delivered rate images with those that a recipe's run has made.

    Empty where the recipe detects no jumps anew, or has not been run.

    Raises
    ------
    LRSExplorerError
        As `jump_change`.
    """
    if recipe.jump.rejection_threshold is None:
        return {}
    changes: dict[int, JumpChange] = {}
    made = stages.reprocessor.made(recipe)
    for stage, path in made.products if made else ():
        before = stages.observation.find("rate", stage.exposure)
        if stage.name == "jump" and isinstance(stage.exposure, int) and before is not None:
            changes[stage.exposure] = jump_change(before, path)
    return changes


def _dq(path: Path) -> NDArray[Any]:
    with open_fits(path) as hdus:
        values = array(hdus, "DQ", path) if "DQ" in hdus else None
    if values is None:
        raise LRSExplorerError(f"{path.name} has no DQ extension; give a rate image.")
    return values
