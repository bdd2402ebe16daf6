"""What can be redone with an observation, and which products that needs."""

from __future__ import annotations

from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import Mode

__all__ = ["products_for", "redoable"]

NEEDS: Final[dict[str, tuple[str, ...]]] = {
    "extract_1d": ("s2d", "cal"),
    "pixel_replace": ("cal",),
    "pathloss": ("rate",),
    "nods": ("rate",),
    "backgrounds": ("rate",),
    "jump": ("uncal", "ramp"),
    "level_3": ("cal",),
}
"""For each thing that can be redone, the products of which every exposure needs one; the first is
the one to download."""


SERIES: Final[dict[str, tuple[str, ...]]] = {
    "extract_1d": ("calints", "crfints", "rateints"),
    "pixel_replace": ("calints", "rateints"),
    "slitless_background": ("rateints",),
    "backgrounds": ("rateints",),
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


def redoable(mode: Mode, is_series: bool) -> tuple[str, ...]:
    """Return what can be redone with observations of this kind."""
    return tuple(OF[mode, is_series])


def products_for(name: str, mode: Mode, is_series: bool) -> tuple[str, ...]:
    """Return kinds of products of which each exposure needs one to redo ``name``.

    The first is the one to download. Empty where it is not done with observations of this kind.

    Raises
    ------
    LRSExplorerError
        ``name`` is nothing that can be redone.
    """
    known = OF[mode, is_series]
    if name in known:
        return known[name]
    if any(name in needs for needs in OF.values()):
        return ()
    raise LRSExplorerError(f"{name!r} cannot be reprocessed; what can is {', '.join(known)}.")
