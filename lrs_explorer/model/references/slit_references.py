"""Reference files that tell of the slit and of the imager beside it.

The pathloss table, the shifts of the filters; photometry and aperture correction of images.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.references.crds_query import ask_crds
from lrs_explorer.model.references.crds_settings import crds_settings, own_simulation

__all__ = ["find_imager_references", "find_slit_references"]

TYPES = ("pathloss", "filteroffset")
IMAGER_TYPES = ("photom", "apcorr")


def find_slit_references(observation: Observation) -> dict[str, Path]:
    """Return path by type, "pathloss" and "filteroffset", of those that can be had.

    Blocks while CRDS is asked; may be called from a thread.

    Parameters
    ----------
    observation : Observation

    Raises
    ------
    LRSExplorerError
        The references of the simulated instrument cannot be made.
    """
    return _ask(observation, observation.reference_header(), TYPES)


def find_imager_references(observation: Observation, header: Mapping[str, Any]) -> dict[str, Path]:
    """Return path by type, "photom" and "apcorr", for an acquisition image.

    Blocks while CRDS is asked; may be called from a thread. Where there is none for acquisition
    images, that of the imager's own is taken: it is the same detector and the same filters.

    Parameters
    ----------
    observation : Observation
    header : Mapping
        Of the acquisition image.

    Raises
    ------
    LRSExplorerError
        The references of the simulated instrument cannot be made.
    """
    found = _ask(observation, header, IMAGER_TYPES)
    missing = [kind for kind in IMAGER_TYPES if kind not in found]
    if missing:
        found |= _ask(observation, {**header, "EXP_TYPE": "MIR_IMAGE"}, missing)
    return found


def _ask(
    observation: Observation, header: Mapping[str, Any], types: Sequence[str]
) -> dict[str, Path]:
    """Return the reference files that can be had for a header, by type."""
    try:
        settings, _ = crds_settings(observation)
    except LRSExplorerError:
        if own_simulation(observation.reference_header()):
            raise
        return {}  # the reference files of the extraction are missing too, and tell why
    answer = ask_crds(header, settings, types)
    return {
        kind: Path(path)
        for kind, path in answer["files"].items()
        if isinstance(path, str) and Path(path).is_file()
    }
