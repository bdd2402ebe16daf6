"""Where reference files of the live extraction come from: the user's CRDS, a cache, or the demo's.

CRDS is asked in a child process with an environment of its own, so that simulated and real data can
sit in one kernel and the user's environment is never touched.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, Mode
from lrs_explorer.model.files.disk import read_json
from lrs_explorer.model.live.references import References
from lrs_explorer.model.recipe.recipe import Nods
from lrs_explorer.model.references.crds_settings import (
    child_environment,
    crds_settings,
    own_simulation,
    unused_cache,
)

if TYPE_CHECKING:
    from lrs_explorer.model.observation.observation import Observation

__all__ = ["PUBLISHED", "References", "ask_crds", "built_in_references", "find_references"]

TIME_LIMIT: Final = 120.0
"""Seconds after which CRDS is given up."""

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
"""Apertures of the extract1d reference that CRDS has delivered for MIRI LRS since 2025."""

BEFORE_2025: Final = "jwst_miri_extract1d_0005.json"
"""The reference before that: the same slit aperture, placed without the source position."""


def find_references(observation: Observation, nods: Nods | None = None) -> References:
    """Find the reference files for an image of ``observation``.

    Blocks while CRDS is asked, at most two minutes; may be called from a thread.

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

    The answer is complete in any case: what cannot be found is replaced by the published apertures
    or left out, and ``notes`` say so.
    """
    header = observation.reference_header(nods)
    if observation.crds is None and own_simulation(header):
        return packaged_references(observation.mode)
    try:
        settings, source = crds_settings(observation, nods)
    except LRSExplorerError as error:
        source, note = "", str(error).rstrip(".")
        answer: dict[str, Any] = {"files": {}, "problems": {}}
    else:
        note = unused_cache(observation)
        answer = ask_crds(header, settings)
    return _assemble(answer, source, observation, header, note)


def built_in_references(observation: Observation) -> References:
    """Return what can be had without looking anywhere: the published apertures, no corrections."""
    return References(
        extract1d=_published(observation),
        apcorr=None,
        psf=None,
        names={"extract1d": "published values (built in)"},
        notes=("reference files are still being looked for: no aperture correction yet",),
    )


def packaged_references(mode: Mode) -> References:
    """Return the reference files of the simulated instrument."""
    folder = Path(str(files("lrs_explorer"))) / "data" / f"demo_{mode}" / "references"
    found = {kind: next(iter(sorted(folder.glob(f"*{kind}*"))), None) for kind in TYPES}
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


_QUERY: Final = """
import json, sys
request = json.load(sys.stdin)
import crds
from crds.core.exceptions import CrdsError
answer = {"context": None, "files": {}, "problems": {}}
try:
    answer["context"] = crds.get_context_name("jwst")
    for kind in request["types"]:
        try:
            found = crds.getreferences(request["parameters"], reftypes=[kind], observatory="jwst")
            answer["files"][kind] = found[kind]
        except (CrdsError, OSError, SystemExit) as error:
            answer["problems"][kind] = str(error)
except (CrdsError, OSError, SystemExit) as error:
    answer["problems"]["context"] = str(error)
print("\\n" + json.dumps(answer))
"""


def ask_crds(
    header: Mapping[str, Any], settings: Mapping[str, str], types: Sequence[str] = TYPES
) -> dict[str, Any]:
    """Ask CRDS in a child process; return "context", "files" and "problems" by reference type.

    ``settings`` are environment variables on top of the user's.
    """
    parameters = {
        "META.TELESCOPE": "JWST",
        "META.INSTRUMENT.NAME": "MIRI",
        "META.INSTRUMENT.DETECTOR": header.get("DETECTOR", "MIRIMAGE"),
        "META.INSTRUMENT.FILTER": header.get("FILTER", "P750L"),
        "META.EXPOSURE.TYPE": header.get("EXP_TYPE"),
        "META.EXPOSURE.READPATT": header.get("READPATT", "N/A"),
        "META.SUBARRAY.NAME": header.get("SUBARRAY", "N/A"),
        "META.OBSERVATION.DATE": header.get("DATE-OBS", "N/A"),
        "META.OBSERVATION.TIME": header.get("TIME-OBS", "N/A"),
        "META.VISIT.TSOVISIT": "T" if header.get("TSOVISIT") else "F",
    }
    request = json.dumps({"parameters": parameters, "types": list(types)})
    try:
        child = subprocess.run(
            [sys.executable, "-P", "-c", _QUERY],
            input=request,
            capture_output=True,
            text=True,
            env=child_environment(settings),
            timeout=TIME_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"files": {}, "problems": {"context": f"no answer within {TIME_LIMIT:.0f} s"}}
    except OSError as error:
        return {"files": {}, "problems": {"context": str(error)}}
    try:
        answer: dict[str, Any] = json.loads(child.stdout.rstrip().rpartition("\n")[2])
    except json.JSONDecodeError:
        said = child.stderr.strip().rpartition("\n")[2] or f"exit status {child.returncode}"
        return {"files": {}, "problems": {"context": said}}
    return answer


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
        notes.append(
            "extraction aperture from the published values: extract1d reference file not available"
        )
    if "apcorr" not in found:
        notes.append("no aperture correction: reference file not available")
    if "psf" not in found:
        notes.append("no optimal extraction: PSF reference file not available")
    return References(extract1d, found.get("apcorr"), found.get("psf"), names, tuple(notes))


def _published(observation: Observation) -> dict[str, Any]:
    """Return an extract1d reference with the published aperture of the observation's mode."""
    aperture = dict(PUBLISHED[observation.mode])
    for path in observation.products.get("x1d", []):
        if str(observation.header(path).get("R_EXTR1D", "")).endswith(BEFORE_2025):
            aperture["use_source_posn"] = False
            break
    return {"apertures": [aperture]}
