"""What the headers of an observation say, in words for the information panel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lrs_explorer.model.data.instrument import Mode

__all__ = ["describe"]

MODE_NAMES: Final[dict[Mode, str]] = {"slit": "LRS fixed slit", "slitless": "LRS slitless"}

STEPS: Final = {
    "S_SATURA": "saturation",
    "S_LINEAR": "linearity",
    "S_DARK": "dark_current",
    "S_JUMP": "jump",
    "S_RAMP": "ramp_fit",
    "S_WCS": "assign_wcs",
    "S_TACNTR": "targ_centroid",
    "S_BKDSUB": "bkg_subtract",
    "S_FLAT": "flat_field",
    "S_SRCTYP": "srctype",
    "S_PTHLOS": "pathloss",
    "S_PHOTOM": "photom",
    "S_PXREPL": "pixel_replace",
    "S_OUTLIR": "outlier_detection",
    "S_RESAMP": "resample_spec",
    "S_EXTR1D": "extract_1d",
}
"""Cards that tell what became of a step, in the order in which steps run on LRS data."""


def describe(header: Mapping[str, Any], mode: Mode) -> list[tuple[str, str]]:
    """Return label and value of what a user wants to know of a product, as far as it is known.

    Parameters
    ----------
    header : Mapping
        Cards of the product.
    mode : {"slit", "slitless"}
    """
    simulated = str(header.get("TITLE", "")).upper().startswith("SIMULATED")
    done = [name for card, name in STEPS.items() if header.get(card) == "COMPLETE"]
    skipped = [name for card, name in STEPS.items() if header.get(card) == "SKIPPED"]
    references = [
        str(value).removeprefix("crds://")
        for card, value in header.items()
        if card.startswith("R_") and str(value).strip() not in ("", "N/A")
    ]
    lines = [
        ("Data", "simulated, not a JWST observation" if simulated else "JWST"),
        ("Target", header.get("TARGNAME") or header.get("TARGPROP")),
        ("Program", _joined(header, "program {PROGRAM}, observation {OBSERVTN}, visit {VISIT}")),
        ("Mode", MODE_NAMES[mode]),
        ("Date", _joined(header, "{DATE-OBS} {TIME-OBS} UTC") or header.get("DATE-OBS")),
        ("Exposure time", _seconds(header.get("EFFEXPTM"))),
        ("Groups", _joined(header, "{NGROUPS} groups, {NINTS} integration(s)")),
        ("Readout", _joined(header, "{READPATT}, subarray {SUBARRAY}")),
        ("Source type", header.get("SRCTYPE") or header.get("SRCTYAPT")),
        ("Pipeline", _joined(header, "jwst {CAL_VER}")),
        ("CRDS context", header.get("CRDS_CTX")),
        ("Steps done (as delivered)", ", ".join(done)),
        ("Steps skipped (as delivered)", ", ".join(skipped)),
        ("Reference files", ", ".join(references)),
    ]
    return [(label, str(value)) for label, value in lines if value not in (None, "")]


def _joined(header: Mapping[str, Any], pattern: str) -> str:
    """Fill a pattern with header values; "" when one of them is missing."""
    try:
        return pattern.format_map(header)
    except KeyError:
        return ""


def _seconds(value: Any) -> str:
    return f"{value:.1f} s" if isinstance(value, (int, float)) else ""
