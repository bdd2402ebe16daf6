"""What can be redone with an observation: which parts of a recipe say it, which products it needs.

By the kind of observation: through the slit or not, a time series or not.
"""

from __future__ import annotations

from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import Mode

__all__ = ["image_parts", "products_for", "redoable"]

_CALIBRATED: Final = ("s2d", "cal")
_INTEGRATIONS: Final = ("calints", "crfints")

NEEDS: Final[dict[tuple[Mode, bool], dict[str, tuple[str, ...]]]] = {
    ("slit", False): {
        "extract_1d": _CALIBRATED,
        "adaptive_trace_model": ("cal",),
        "pixel_replace": ("cal",),
        "resample": ("cal",),
        "pathloss": ("rate",),
        "nods": ("rate",),
        "backgrounds": ("rate",),
        "jump": ("uncal", "ramp"),
        "level_3": ("cal",),
    },
    ("slitless", False): {"extract_1d": _CALIBRATED},
    ("slit", True): {
        "extract_1d": _INTEGRATIONS,
        "pixel_replace": ("calints", "rateints"),
        "pathloss": ("rateints", "calints"),
        "backgrounds": ("rateints",),
        "outliers": ("calints", "rateints"),
    },
    ("slitless", True): {
        "extract_1d": (*_INTEGRATIONS, "rateints"),
        "pixel_replace": ("calints", "rateints"),
        "slitless_background": ("rateints",),
        "backgrounds": ("rateints",),
        "outliers": ("calints", "rateints"),
    },
}
"""By mode, and whether it is a time series: for each thing that can be redone, the products of
which every exposure needs one; the first is the one to download."""

PARTS: Final = {
    "adaptive_trace_model": "adaptive_trace_model",
    "pixel_replace": "pixel_replace",
    "resample": "resample",
    "pathloss": "pathloss",
    "nods": "nods",
    "jump": "jump",
    "slitless_background": "slitless",
    "outliers": "series",
}
"""For what is redone to an image, the part of a recipe that says how."""


def redoable(mode: Mode, is_series: bool) -> tuple[str, ...]:
    """Return what can be redone with observations of this kind."""
    return tuple(NEEDS[mode, is_series])


def image_parts(mode: Mode, is_series: bool) -> set[str]:
    """Return the parts of a recipe that change the images of such observations."""
    parts = PARTS | {"backgrounds": "nods" if mode == "slit" else "slitless"}
    return {parts[name] for name in NEEDS[mode, is_series] if name in parts}


def products_for(name: str, mode: Mode, is_series: bool) -> tuple[str, ...]:
    """Return kinds of products of which each exposure needs one to redo ``name``.

    The first is the one to download. Empty where it is not done with observations of this kind.

    Raises
    ------
    LRSExplorerError
        ``name`` is nothing that can be redone.
    """
    known = NEEDS[mode, is_series]
    if name in known:
        return known[name]
    if any(name in needs for needs in NEEDS.values()):
        return ()
    raise LRSExplorerError(f"{name!r} cannot be reprocessed; choose from {', '.join(known)}.")
