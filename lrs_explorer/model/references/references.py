"""Where reference files of the live extraction come from: the user's CRDS, a cache, or the demo's.

See `lrs_explorer.model.references.crds_query` for how CRDS is asked.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import (
    EXP_TYPES,
    Mode,
    moved_ranges,
    source_shift,
    subarray_of,
)
from lrs_explorer.model.files.disk import read_json
from lrs_explorer.model.live.references import PUBLISHED_APERTURE, References
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.references.crds_query import Fetching, ask_crds
from lrs_explorer.model.references.crds_settings import (
    crds_settings,
    own_simulation,
    unused_cache,
)

if TYPE_CHECKING:
    from lrs_explorer.model.observation.observation import Observation

__all__ = [
    "PUBLISHED",
    "References",
    "built_in_references",
    "find_references",
    "packaged_references",
    "published_apertures",
]

TYPES: Final = ("extract1d", "apcorr", "psf")

PUBLISHED: Final[dict[Mode, dict[str, Any]]] = {
    "slit": {
        "id": EXP_TYPES["slit"],
        "region_type": "target",
        "bkg_order": 0,
        "dispaxis": 2,
        "xstart": 27,
        "xstop": 34,
    },
    "slitless": {
        "id": EXP_TYPES["slitless"],
        "region_type": "target",
        "bkg_fit": "median",
        "bkg_coeff": [[9.5], [17.5], [53.5], [61.5]],
        "dispaxis": 2,
        "xstart": 30,
        "xstop": 41,
        "use_source_posn": False,
    },
}
"""Apertures of the extract1d reference that CRDS has delivered for MIRI LRS since 2025: for the
whole detector, and for SLITLESSPRISM."""

BEFORE_2025: Final = "jwst_miri_extract1d_0005.json"
"""The reference before that: the same slit aperture, placed without the source position."""


def find_references(
    observation: Observation,
    nods: Nods | None = None,
    progress: Callable[[Fetching], None] | None = None,
    cancelled: threading.Event | None = None,
) -> References:
    """Find the reference files for an image of ``observation``.

    Blocks while CRDS is asked, for as long as bytes arrive; may be called from a thread.

    The first of these that applies is asked, and no other: the CRDS cache that was chosen for the
    observation; the files packaged with the demo, for the products of this project's own simulator;
    the user's CRDS, when ``CRDS_PATH`` or ``CRDS_SERVER_URL`` is set; ``~/crds_cache`` with the
    JWST server. The CRDS context is the user's ``CRDS_CONTEXT``, else that of the product's header,
    so that the live spectrum is made like the delivered one.

    Parameters
    ----------
    observation : Observation
    nods : Nods, optional
        Which image; the one the observation was opened on by default.
    progress : callable, optional
        Told of each file that is fetched.
    cancelled : threading.Event, optional
        Ends the search when set; what has been fetched is kept.

    The answer is complete in any case: what cannot be found is replaced by the published apertures
    or left out, and ``notes`` say so.
    """
    header = observation.reference_header(nods)
    if observation.crds is None and own_simulation(header):
        return packaged_references(observation.mode, header)
    try:
        settings, source = crds_settings(observation, nods)
    except LRSExplorerError as error:
        source, note = "", str(error).rstrip(".")
        answer: dict[str, Any] = {"files": {}, "problems": dict.fromkeys(TYPES, note)}
    else:
        note = unused_cache(observation)
        answer = ask_crds(header, settings, TYPES, progress, cancelled)
    return _assemble(answer, source, observation, header, note)


def built_in_references(observation: Observation) -> References:
    """Return what can be had without looking anywhere: the published apertures, no corrections."""
    return References(
        extract1d=_published(observation),
        apcorr=None,
        psf=None,
        names={"extract1d": "published values (built in)"},
        notes=("reference files are still being looked for: no aperture correction yet",),
        missing=dict.fromkeys(TYPES, "reference files are still being looked for"),
    )


def packaged_references(mode: Mode, header: Mapping[str, Any] | None = None) -> References:
    """Return the reference files of the simulated instrument.

    Parameters
    ----------
    mode : {"slit", "slitless"}
    header : Mapping, optional
        Of the product, which tells its subarray.
    """
    folder = Path(str(files("lrs_explorer"))) / "data" / f"demo_{mode}" / "references"
    found = {kind: next(iter(sorted(folder.glob(f"*{kind}*"))), None) for kind in TYPES}
    subarray = subarray_of(header or {})
    for path in folder.glob("*extract1d*"):
        if subarray is not None and read_json(path).get("subarray") == subarray.name:
            found["extract1d"] = path
    missing = [kind for kind in ("extract1d", "apcorr") if found[kind] is None]
    if missing:
        raise LRSExplorerError(
            f"the demo's reference files ({', '.join(missing)}) are missing from {folder}; "
            "install LRS Explorer again."
        )
    names = {kind: path.name for kind, path in found.items() if path is not None}
    assert found["extract1d"] is not None
    return References(
        extract1d=read_json(found["extract1d"]),
        apcorr=found["apcorr"],
        psf=found["psf"],
        names=names | {"source": "packaged with the demo (simulated instrument)"},
        notes=(),
    )


def _assemble(
    answer: Mapping[str, Any],
    source: str,
    observation: Observation,
    header: Mapping[str, Any],
    note: str,
) -> References:
    """Turn what CRDS answered into `References`, with published values for what is missing."""
    found = {
        kind: Path(path)
        for kind, path in answer["files"].items()
        if isinstance(path, str) and not path.startswith("N/A") and Path(path).is_file()
    }
    notes = [note] if note else []
    names = {kind: path.name for kind, path in found.items()}
    if answer.get("context"):
        names["context"] = str(answer["context"])
    if found:
        names["source"] = source
    missing = {kind: why for kind in TYPES if (why := _why_missing(kind, answer))}
    if "context" in answer["problems"]:
        notes.append(f"reference files could not be looked up in {source}")
        names["problem"] = str(answer["problems"]["context"])
    wanted = header.get("CRDS_CTX")
    if found and wanted and names.get("context") != wanted:
        notes.append(
            f"reference files of {names.get('context')} are used; "
            f"the product was made with {wanted}"
        )
    if "extract1d" in found:
        extract1d = read_json(found["extract1d"])
    else:
        extract1d = _published(observation)
        names["extract1d"] = "published values (built in)"
        notes.append(PUBLISHED_APERTURE)
    if "apcorr" not in found:
        notes.append("no aperture correction: reference file not available")
    if "psf" not in found:
        notes.append("no optimal extraction: PSF reference file not available")
    return References(
        extract1d, found.get("apcorr"), found.get("psf"), names, tuple(notes), missing
    )


def _why_missing(kind: str, answer: Mapping[str, Any]) -> str:
    """Say why a file could not be had; "" where it is there, or CRDS says that there is none."""
    name = answer["files"].get(kind)
    if name is not None:
        there = not isinstance(name, str) or name.startswith(("N/A", "NOT FOUND"))
        return "" if there or Path(name).is_file() else f"{Path(name).name} is not in the cache"
    return str(answer["problems"].get(kind, answer["problems"].get("context", "")))


def published_apertures(mode: Mode, header: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the published aperture of a mode, where the source is placed in an image.

    Parameters
    ----------
    mode : {"slit", "slitless"}
    header : Mapping
        Of the image.
    """
    aperture = dict(PUBLISHED[mode])
    moved = round(source_shift(header))
    if mode == "slit" or not moved:
        return [aperture]
    for name in ("xstart", "xstop"):
        aperture[name] += moved
    edges = [edge for (edge,) in aperture.pop("bkg_coeff")]
    kept = moved_ranges(list(zip(edges[::2], edges[1::2], strict=True)), header)
    if kept:
        aperture["bkg_coeff"] = [[edge] for region in kept for edge in region]
    else:
        del aperture["bkg_fit"]
    return [aperture]


def _published(observation: Observation) -> dict[str, Any]:
    """Return an extract1d reference with the published aperture of the observation's mode."""
    apertures = published_apertures(observation.mode, observation.reference_header())
    for path in observation.products.get("x1d", []):
        if str(observation.header(path).get("R_EXTR1D", "")).endswith(BEFORE_2025):
            apertures[0]["use_source_posn"] = False
            break
    return {"apertures": apertures}
