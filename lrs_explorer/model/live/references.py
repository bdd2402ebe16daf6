"""The reference files that an extraction uses, whoever has found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike, read_json

__all__ = ["PUBLISHED_APERTURE", "References", "with_extract1d"]

PUBLISHED_APERTURE: Final = (
    "extraction aperture from the published values: extract1d reference file not available"
)
"""Said where there is no extract1d reference."""


@dataclass(frozen=True, eq=False)
class References:
    """Reference files of one extraction.

    Parameters
    ----------
    extract1d : dict
        Content of the extract1d reference, ``{"apertures": [...], ...}``; not to be changed.
    apcorr, psf : Path or None
        Aperture correction and PSF reference files; None where there is none.
    names : dict
        For provenance: file name by type ("extract1d", "apcorr", "psf"), "context", "source", and
        "problem" where CRDS could not be asked.
    notes : tuple of str
        Plain sentences on what is missing and what is used instead.
    missing : Mapping of str to str
        By type, why a file could not be had that there may be; without those that CRDS says there
        are none of.
    """

    extract1d: dict[str, Any]
    apcorr: Path | None
    psf: Path | None
    names: dict[str, str]
    notes: tuple[str, ...]
    missing: Mapping[str, str] = field(default_factory=dict)


def with_extract1d(references: References, path: PathLike) -> References:
    """Return the same with an extract1d reference file of the user's own.

    Raises
    ------
    LRSExplorerError
        The file cannot be read, or is no such reference.
    """
    path = Path(path)
    content = read_json(path)
    apertures = content.get("apertures") if isinstance(content, dict) else None
    if not isinstance(apertures, list) or not all(isinstance(one, dict) for one in apertures):
        raise LRSExplorerError(
            f"{path} is no extract1d reference file (no list of apertures in it); give one as CRDS "
            "has it, or as reprocess writes it."
        )
    return replace(
        references,
        extract1d=content,
        names={**references.names, "extract1d": path.name},
        notes=tuple(note for note in references.notes if note != PUBLISHED_APERTURE),
        missing={kind: why for kind, why in references.missing.items() if kind != "extract1d"},
    )
