"""Reference files that tell of the slit: the pathloss table, and the shifts of the filters."""

from __future__ import annotations

from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.references.crds_query import ask_crds
from lrs_explorer.model.references.crds_settings import crds_settings, own_simulation

__all__ = ["find_slit_references"]

TYPES = ("pathloss", "filteroffset")


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
    header = observation.reference_header()
    try:
        settings, _ = crds_settings(observation)
    except LRSExplorerError:
        if own_simulation(header):
            raise
        return {}  # the reference files of the extraction are missing too, and tell why
    answer = ask_crds(header, settings, TYPES)
    return {
        kind: Path(path)
        for kind, path in answer["files"].items()
        if isinstance(path, str) and Path(path).is_file()
    }
