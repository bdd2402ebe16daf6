"""A complete, tiny CRDS cache for the simulated instrument, usable with no server.

The pipeline looks its references up by *reference type* and exposure type through three layers
of mapping files (context, instrument, reference type). Types that LRS does not need are listed as
'N/A', because CRDS treats an unlisted type as an error.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from pprint import pformat
from typing import Any

from lrs_explorer.model.data.instrument import EXP_TYPES, SUBARRAYS, Mode

CONTEXT = "jwst_0001.pmap"
INSTRUMENT_MAPPING = "jwst_miri_0001.imap"
SERVERLESS = "https://crds-serverless-mode.stsci.edu"  # crds' own name for "ask nobody"

_SLIT, _SLITLESS = EXP_TYPES["slit"], EXP_TYPES["slitless"]
_ACQUISITION = ("MIR_TACONFIRM", "MIR_TACQ")
_EXPOSURE_TYPES = (_SLIT, _SLITLESS, *_ACQUISITION)


@dataclass(frozen=True)
class _Reference:
    """One reference file of the cache and the exposure types that use it."""

    reftype: str
    suffix: str = "fits"
    exposure_types: tuple[str, ...] = (_SLIT,)
    subarray: str = "*"  # any

    @property
    def name(self) -> str:
        number = {(_SLITLESS,): 2, _ACQUISITION: 9}.get(self.exposure_types, 1)
        if self.subarray not in ("*", "FULL", "SLITLESSPRISM"):
            number = 2 + list(SUBARRAYS).index(self.subarray)
        return f"jwst_miri_{self.reftype}_{number:04d}.{self.suffix}"

    @property
    def writer(self) -> Callable[[Path], None]:
        # Imported here because stdatamodels takes a second to load and the names above do not.
        from lrs_explorer.simulator import reference_files, slitless_reference_files

        slitless = self.exposure_types == (_SLITLESS,)
        module = slitless_reference_files if slitless else reference_files
        kind = f"imager_{self.reftype}" if self.exposure_types == _ACQUISITION else self.reftype
        writer: Callable[..., None] = getattr(module, f"write_{kind}")
        return (
            writer if self.subarray == "*" else partial(writer, subarray=SUBARRAYS[self.subarray])
        )


_REFERENCES = (
    _Reference("distortion", "asdf", (_SLIT, *_ACQUISITION)),
    _Reference("filteroffset", "asdf", _EXPOSURE_TYPES),
    _Reference("extract1d", "json"),
    *map(_Reference, ("apcorr", "flat", "pathloss", "photom", "psf")),
    *(_Reference("specwcs", subarray=name) for name in ("FULL", "SUBSLIT")),
    _Reference("gain", exposure_types=(_SLIT, _SLITLESS)),
    _Reference("readnoise", exposure_types=(_SLIT, _SLITLESS)),
    _Reference("distortion", "asdf", (_SLITLESS,)),
    *(
        _Reference(reftype, exposure_types=types)
        for types in ((_SLITLESS,), _ACQUISITION)
        for reftype in ("apcorr", "photom")
    ),
    *(
        _Reference(reftype, suffix, (_SLITLESS,), name)
        for reftype, suffix in (("extract1d", "json"), ("flat", "fits"), ("specwcs", "fits"))
        for name in ("SLITLESSPRISM", "SLITLESSPRISM_IP", "SLITLESSPRISM_IPS")
    ),
)

# Words, as one string each: a list of them would fill a page.
_UNUSED = (
    "area barshadow bkg camera chromcorr collimator cubepar dark dflat disperser fflat fore fpa "
    "fringe ifufore ifupost ifuslicer ipc linearity mask mrsptcorr mrsxartcorr msa msaoper ote "
    "pastasoss refpix regions reset rscd saturation sflat sirskernel speckernel specprofile "
    "straymask superbias trapdensity trappars tsophot wavecorr wavelengthrange wavemap"
)

_STEPS = (
    "adaptivetracemodel assignmtwcs assignwcs background badpixselfcal barshadow "
    "chargemigration cleanflickernoise combine1d cubebuild darkcurrent dqinit emicorr extract1d "
    "extract2d firstframe flatfield fringe gainscale groupscale imprint ipc jump lastframe "
    "linearity masterbackground masterbackgroundmos msaflagopen outlierdetection pathloss "
    "persistence photom pictureframe pixelreplace rampfit refpix resamplespec reset "
    "residualfringe rscd saturation sourcetype spectralleak straylight superbias targcentroid "
    "tsophotometry wavecorr wfsscontam whitelight"
)
_PIPELINES = ("detector1pipeline", "spec2pipeline", "spec3pipeline", "tso3pipeline")


def build_crds_cache(path: str | Path) -> Path:
    """Write the CRDS cache of the simulated instrument.

    Parameters
    ----------
    path : str or Path
        Folder to make. An existing complete cache is left as it is (its files never change for
        one version of the package); anything else in the way is an error. Two processes may ask
        for the same folder at once.

    Returns
    -------
    Path
        The absolute path of the cache, about 23 MB, to be used with `crds_environment`.

    Raises
    ------
    FileExistsError
        When `path` exists and is not such a cache.
    """
    target = Path(path).expanduser().resolve()
    if _is_complete(target):
        return target
    if target.exists() and any(target.iterdir()):
        raise FileExistsError(
            f"{target} exists and is not a complete CRDS cache of the simulated instrument; "
            "choose another folder or delete it"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed, so that a half-written cache is never taken for a complete one.
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".crds-") as scratch:
        root = Path(scratch) / "cache"
        _write_config(root)
        _write_mappings(root / "mappings" / "jwst")
        folder = root / "references" / "jwst" / "miri"
        folder.mkdir(parents=True)
        for reference in _REFERENCES:
            reference.writer(folder / reference.name)
        try:
            root.replace(target)
        except OSError:
            if not _is_complete(target):  # else another process was faster
                raise
    return target


def crds_environment(cache: str | Path) -> dict[str, str]:
    """Return the environment variables with which the pipeline uses a cache and asks no server.

    They are meant for a child process (`lrs_explorer.simulator.pipeline_run.run_pipeline`): set in
    the kernel they would also redirect the user's own data.
    """
    return {
        "CRDS_PATH": str(Path(cache).resolve()),
        "CRDS_CONTEXT": CONTEXT,
        "CRDS_SERVER_URL": SERVERLESS,
        "CRDS_READONLY_CACHE": "1",
    }


def reference_path(cache: str | Path, reftype: str, mode: Mode = "slit") -> Path:
    """Return the reference file of one type in a cache built by `build_crds_cache`.

    For the whole detector, or SLITLESSPRISM.

    Raises
    ------
    IndexError
        When the simulated instrument has no reference of this type.
    """
    return reference_paths(cache, reftype, mode)[0]


def reference_paths(cache: str | Path, reftype: str, mode: Mode) -> list[Path]:
    """Return the reference files of one type for all subarrays of a mode."""
    folder = Path(cache) / "references" / "jwst" / "miri"
    fitting = [r for r in _REFERENCES if EXP_TYPES[mode] in r.exposure_types]
    return [folder / reference.name for reference in fitting if reference.reftype == reftype]


def _is_complete(cache: Path) -> bool:
    files = ["config/jwst/server_config", f"mappings/jwst/{CONTEXT}"]
    files += [f"references/jwst/miri/{reference.name}" for reference in _REFERENCES]
    return all((cache / name).is_file() for name in files)


def _write_config(root: Path) -> None:
    config = root / "config" / "jwst"
    config.mkdir(parents=True)
    settings = {
        "observatory": "jwst",
        "operational_context": CONTEXT,
        "latest_context": CONTEXT,
        "last_synced": "never (simulated)",
        "bad_files_list": [],
    }
    (config / "server_config").write_text(json.dumps(settings, indent=1), encoding="utf-8")
    (config / "ref_cache_subdir_mode").write_text("instrument", encoding="utf-8")


def _write_mappings(folder: Path) -> None:
    folder.mkdir(parents=True)
    _write_mapping(
        folder / CONTEXT,
        {"mapping": "PIPELINE", "parkey": ("META.INSTRUMENT.NAME",)},
        pformat({"MIRI": INSTRUMENT_MAPPING}),
    )
    by_type = dict.fromkeys(_UNUSED.split(), "N/A")
    by_type |= {f"pars-{name}step": "N/A" for name in _STEPS.split()}
    by_type |= {f"pars-{name}": "N/A" for name in _PIPELINES}
    by_type |= {ref.reftype: f"jwst_miri_{ref.reftype}_0001.rmap" for ref in _REFERENCES}
    _write_mapping(
        folder / INSTRUMENT_MAPPING,
        {"mapping": "INSTRUMENT", "instrument": "MIRI", "parkey": ("REFTYPE",)},
        pformat(by_type),
    )
    for reftype in dict.fromkeys(reference.reftype for reference in _REFERENCES):
        files = {
            (exposure_type, reference.subarray): reference.name
            for reference in _REFERENCES
            for exposure_type in reference.exposure_types
            if reference.reftype == reftype
        }
        # Beside a name, "*" would be as good a match.
        listed = {exposure_type for exposure_type, _ in files}
        files |= {(other, "*"): "N/A" for other in _EXPOSURE_TYPES if other not in listed}
        _write_mapping(
            folder / by_type[reftype],
            {
                "mapping": "REFERENCE",
                "instrument": "MIRI",
                "filekind": reftype.upper(),
                "parkey": (("META.EXPOSURE.TYPE", "META.SUBARRAY.NAME"),),
            },
            f"Match({pformat(files)})",
        )


def _write_mapping(path: Path, header: dict[str, Any], selector: str) -> None:
    """Write one CRDS mapping with the checksum CRDS verifies it by."""
    header = header | {
        "name": path.name,
        "observatory": "JWST",
        "derived_from": "simulated",
        "sha1sum": "",
    }

    def text(checksum: str) -> str:
        return f"header = {pformat(header | {'sha1sum': checksum})}\n\nselector = {selector}\n"

    # CRDS leaves out every line that names the checksum, so the value cannot affect itself.
    lines = text("0" * 40).splitlines(keepends=True)
    hashed = "".join(line for line in lines if "sha1sum" not in line)
    checksum = hashlib.sha1(hashed.encode()).hexdigest()
    path.write_text(text(checksum), encoding="utf-8")
