"""What can be redone with the products of an observation, and what is missing where it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lrs_explorer.model.errors import LRSExplorerError

if TYPE_CHECKING:
    from lrs_explorer.model.files.dataset import Observation

__all__ = ["needs_of", "why_not"]

NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "extract_1d": ("s2d", "cal"),
    "pixel_replace": ("cal",),
    "pathloss": ("rate",),
    "nods": ("rate",),
    "jump": ("uncal", "ramp"),
    "level_3": ("cal",),
}
"""For each thing that can be redone, the products of which every exposure needs one; the first is
the one to download."""


SERIES: Final[dict[str, tuple[str, ...]]] = {
    "extract_1d": ("calints", "crfints", "rateints"),
    "pixel_replace": ("calints", "rateints"),
    "slitless_background": ("rateints",),
}
"""The same for time series without the slit."""

SLIT_SERIES: Final[dict[str, tuple[str, ...]]] = {"extract_1d": ("calints", "crfints")}
"""The same for time series in the slit."""

SLITLESS_IMAGES: Final[dict[str, tuple[str, ...]]] = {"extract_1d": ("s2d", "cal")}
"""The same for exposures without the slit that are no time series."""

OF: Final = {
    ("slit", False): NEEDS,
    ("slitless", False): SLITLESS_IMAGES,
    ("slit", True): SLIT_SERIES,
    ("slitless", True): SERIES,
}
"""By mode, and whether it is a time series."""


def needs_of(observation: Observation) -> dict[str, tuple[str, ...]]:
    """Return what can be redone with observations of this kind, and the products it needs."""
    return OF[observation.mode, observation.is_series]


def why_not(observation: Observation, name: str) -> str:
    """Say in a sentence what is missing to redo ``name``; "" when nothing is.

    Raises
    ------
    LRSExplorerError
        ``name`` is nothing that can be redone.
    """
    known = needs_of(observation)
    if name not in known:
        if any(name in needs for needs in OF.values()):
            return f"{name} cannot be redone here for {observation.what}."
        raise LRSExplorerError(f"{name!r} cannot be reprocessed; what can is {', '.join(known)}.")
    if name in ("nods", "level_3") and observation.exposures < 2:
        return f"{name} cannot be redone: it needs two nods, and only one exposure is here."
    kinds = known[name]
    numbers: list[int | str] = [*range(1, observation.exposures + 1)] or ["combined"]
    for number in numbers:
        if not any(observation.find(kind, number) for kind in kinds):
            return f"{name} cannot be redone: {observation.missing(kinds[0], number)}."
    return ""
