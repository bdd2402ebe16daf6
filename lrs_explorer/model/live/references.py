"""The reference files that an extraction uses, whoever has found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["References"]


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
