"""What was fixed when, in the pipeline and its reference files, as far as it concerns LRS.

Sources: release notes of jwst, CRDS contexts, JDox "MIRI LRS Known Issues" and "MIRI LRS
Calibration Status".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from lrs_explorer.model.data.instrument import Mode

__all__ = ["FIXES", "Fix", "missing_fixes", "unreadable"]

LEAST_CONTEXT: Final = 100
"""Contexts with lower numbers are somebody's own; operations began at more than 500."""


@dataclass(frozen=True)
class Fix:
    """One change that products from before it lack.

    Parameters
    ----------
    what : str
        What it changed, in words.
    since : str
        When, in words.
    modes : tuple of str
    kind : {"flux", "wavelength", "extraction", "pixels", "position"}
        What it touches.
    severe : bool
        Whether it changes fluxes or wavelengths beyond their accuracy.
    context : int or None
        Number of the CRDS context that brought it.
    jwst : tuple of int or None
        Version of the pipeline that brought it.
    date : str or None
        ISO date from which products have it.
    observed : str or None
        ISO date from which data need it; None = all do.
    """

    what: str
    since: str
    modes: tuple[Mode, ...]
    kind: str
    severe: bool = False
    context: int | None = None
    jwst: tuple[int, int] | None = None
    date: str | None = None
    observed: str | None = None


BOTH: Final[tuple[Mode, ...]] = ("slit", "slitless")
SLIT: Final[tuple[Mode, ...]] = ("slit",)
SLITLESS: Final[tuple[Mode, ...]] = ("slitless",)

FIXES: Final = (
    Fix(
        "separate wavelength solutions of slit and slitless (up to 0.5 µm)",
        "October 2022",
        BOTH,
        "wavelength",
        severe=True,
        date="2022-10-01",
    ),
    Fix("pixel_replace in operations", "24 August 2023", BOTH, "extraction", date="2023-08-24"),
    Fix(
        "photometry from a new wavelength calibration",
        "jwst_1263.pmap, August 2024",
        BOTH,
        "flux",
        context=1263,
    ),
    Fix(
        "the source position is used in spec2 again",
        "jwst_1274.pmap, August 2024",
        SLIT,
        "extraction",
        context=1274,
    ),
    Fix(
        "new slitless wavelength solution",
        "jwst_1293.pmap, September 2024",
        SLITLESS,
        "wavelength",
        severe=True,
        context=1293,
    ),
    Fix(
        "corners of the slit in the wavelength reference",
        "jwst_1336.pmap, February 2025",
        SLIT,
        "position",
        context=1336,
    ),
    Fix(
        "optimal extraction for the slit, and flux that resampling conserves",
        "jwst 1.18",
        SLIT,
        "extraction",
        jwst=(1, 18),
    ),
    Fix(
        "x1dints with its wavelengths filled in", "jwst 1.19", SLITLESS, "extraction", jwst=(1, 19)
    ),
    Fix(
        "aperture correction and photometry of the slit",
        "jwst_1377.pmap, June 2025",
        SLIT,
        "flux",
        severe=True,
        context=1377,
    ),
    Fix(
        "photometry and aperture correction of the slitless mode",
        "jwst_1434.pmap, September 2025",
        SLITLESS,
        "flux",
        severe=True,
        context=1434,
    ),
    Fix(
        "aperture correction and extraction of the slitless mode",
        "jwst_1438.pmap, September 2025",
        SLITLESS,
        "flux",
        severe=True,
        context=1438,
    ),
    Fix(
        "bad-pixel mask for data taken after 6 March 2025",
        "jwst_1446.pmap, September 2025",
        BOTH,
        "pixels",
        context=1446,
        observed="2025-03-07",
    ),
    Fix(
        "flats of the slit's acquisition images",
        "jwst_1463.pmap, October 2025",
        SLIT,
        "position",
        context=1463,
    ),
    Fix(
        "the scale of pathloss's user_slit_loc",
        "jwst 2.0",
        SLIT,
        "flux",
        jwst=(2, 0),
    ),
)
"""All fixes, in the order of time."""


def _context(header: Mapping[str, Any]) -> int | None:
    found = re.fullmatch(r"jwst_(\d+)\.pmap", str(header.get("CRDS_CTX", "")).strip())
    number = int(found[1]) if found else 0
    return number if number >= LEAST_CONTEXT else None


def _version(header: Mapping[str, Any]) -> tuple[int, int] | None:
    found = re.match(r"(\d+)\.(\d+)", str(header.get("CAL_VER", "")))
    return (int(found[1]), int(found[2])) if found else None


def _date(header: Mapping[str, Any]) -> str | None:
    found = re.match(r"\d{4}-\d{2}-\d{2}", str(header.get("DATE", "")))
    return found[0] if found else None


def missing_fixes(header: Mapping[str, Any], mode: Mode, kind: str | None = None) -> list[Fix]:
    """Return the fixes that a product lacks, as far as its header tells.

    Parameters
    ----------
    header : Mapping
        Cards CRDS_CTX, CAL_VER, DATE and DATE-OBS.
    mode : {"slit", "slitless"}
    kind : str, optional
        Only fixes of this kind.
    """
    context, version, date = _context(header), _version(header), _date(header)
    found = []
    for fix in FIXES:
        if mode not in fix.modes or kind not in (None, fix.kind):
            continue
        if fix.observed is not None and str(header.get("DATE-OBS", "")) < fix.observed:
            continue  # also where it is not known when the data were taken
        if (
            (fix.context is not None and context is not None and context < fix.context)
            or (fix.jwst is not None and version is not None and version < fix.jwst)
            or (fix.date is not None and date is not None and date < fix.date)
        ):
            found.append(fix)
    return found


def unreadable(header: Mapping[str, Any]) -> list[str]:
    """Return which of the cards that tell do not, as words."""
    found = []
    if _context(header) is None:
        name = str(header.get("CRDS_CTX", "")).strip()
        found.append(f"{name} is not a context of operations" if name else "CRDS_CTX is missing")
    if _version(header) is None:
        found.append("CAL_VER is missing")
    if _date(header) is None:
        found.append("DATE is missing")
    return found
