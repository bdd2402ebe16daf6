"""From a count rate on an acquisition image to a flux, by reference files of the imager.

Nothing is guessed: without PHOTMJSR in a header, or a photom reference, there is no flux. The
arithmetic is that of ``jwst.photom`` and of the aperture corrections of ``jwst.source_catalog``; no
pipeline is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.fitsfile import array, cards, open_fits
from lrs_explorer.model.slit.ta_image import TAImage
from lrs_explorer.model.slit.ta_photometry import Circle

__all__ = ["Conversion", "ImagerAperture", "conversion", "imager_aperture"]

ENCLOSED: Final = 0.7
"""Part of the light within the circle that is taken from an aperture correction."""

YEAR: Final = 365.0
"""Days, of jwst.photom.time_dependence."""


@dataclass(frozen=True)
class Conversion:
    """What turns a sum over pixels of an acquisition image into Jy.

    Parameters
    ----------
    factor : float, Jy per unit of the image
    error : float
        Relative; 0 where the source does not tell.
    words : str
        Where it is from.
    """

    factor: float
    error: float
    words: str


@dataclass(frozen=True)
class ImagerAperture:
    """A circle and what it leaves out, by an apcorr reference of the imager.

    Parameters
    ----------
    circle : Circle
    factor : float
        By which the sum is multiplied.
    words : str
    """

    circle: Circle
    factor: float
    words: str


def conversion(image: TAImage, photom: Path | None) -> Conversion | None:
    """Return what turns the light on an acquisition image into Jy; None where that is not known.

    Parameters
    ----------
    image : TAImage
    photom : Path or None
        Photom reference of the imager (``MirImgPhotomModel``).

    The first of these that tells: the image's own unit (MJy/sr) with its PIXAR_SR; PHOTMJSR and
    PIXAR_SR in its header; the same in a cal of the same exposure beside it; the reference, at the
    time of the exposure.

    Raises
    ------
    LRSExplorerError
        The reference cannot be read.
    """
    area = _number(image.header, "PIXAR_SR")
    if image.unit == "MJy/sr":
        if not area:
            return None
        name = image.path.name if image.path else "the image"
        return Conversion(area * 1e6, 0.0, f"calibrated in {name}")
    value = _number(image.header, "PHOTMJSR")
    if value and area:
        return Conversion(value * area * 1e6, 0.0, f"PHOTMJSR {value:.4g} of its header")
    beside = _cal_beside(image)
    if beside is not None:
        return beside
    return None if photom is None else _of_reference(image, photom)


def _cal_beside(image: TAImage) -> Conversion | None:
    """Return what the cal of the same exposure says."""
    if image.path is None or "_rate.fits" not in image.path.name:
        return None
    name = image.path.name.replace("_rate.fits", "_cal.fits").removesuffix(".gz")
    for path in (image.path.with_name(name), image.path.with_name(f"{name}.gz")):
        if path.is_file():
            with open_fits(path) as hdus:
                header = cards(hdus[0].header)
                if "SCI" in hdus:
                    header |= cards(hdus["SCI"].header)
            value, area = _number(header, "PHOTMJSR"), _number(header, "PIXAR_SR")
            same = header.get("FILTER") == image.filter
            if value and area and same:
                words = f"PHOTMJSR {value:.4g} of {path.name}"
                return Conversion(value * area * 1e6, 0.0, words)
    return None


def _of_reference(image: TAImage, path: Path) -> Conversion | None:
    """Return what a photom reference says of the image's filter and subarray."""
    with open_fits(path) as hdus:
        table = array(hdus, "PHOTOM", path)
        area = _number(cards(hdus[0].header), "PIXAR_SR")
        times = {
            kind: array(hdus, f"TIMECOEFF_{kind}", path)
            for kind in ("LINEAR", "EXPONENTIAL", "POWERLAW")
        }
    names = () if table is None or table.dtype.names is None else table.dtype.names
    if not {"filter", "subarray", "photmjsr"} <= set(names):
        raise LRSExplorerError(
            f"{path.name} is no photom reference of the imager: it has no table PHOTOM with filter "
            "and photmjsr."
        )
    assert table is not None
    row = _row(table, image)
    if row is None or not area:
        return None
    value = float(table["photmjsr"][row])
    share = 1.0
    moment = image.header.get("EXPMID")
    for kind, coefficients in times.items():
        if coefficients is None:
            continue
        if not isinstance(moment, (int, float)):
            return None  # the sensitivity changes with time, and the time is not known
        share *= _left(kind, coefficients[row], float(moment))
    value /= share
    error = float(table["uncertainty"][row]) if "uncertainty" in names else 0.0
    if not (np.isfinite(value) and value > 0):
        return None
    relative = error / value if np.isfinite(error) and error > 0 else 0.0
    return Conversion(value * area * 1e6, relative, f"PHOTMJSR {value:.4g} by {path.name}")


def _left(kind: str, row: Any, moment: float) -> float:
    """Return what is left of the sensitivity at a time (MJD), by `jwst.photom.time_dependence`."""
    days = moment - float(row["t0"])
    if kind == "LINEAR":
        return float(1.0 - row["lossperyear"] * days / YEAR)
    if kind == "EXPONENTIAL":
        return float(row["amplitude"] * np.exp(-days / row["tau"]) + row["const"])
    soft, alpha = float(row["tsoft"]), float(row["alpha"])
    return float((days + soft) ** alpha / ((YEAR + soft) ** alpha / row["year1value"]))


def imager_aperture(image: TAImage, apcorr: Path | None) -> ImagerAperture | None:
    """Return circle and aperture correction for an image beside the slit; None where not known.

    Parameters
    ----------
    image : TAImage
    apcorr : Path or None
        Aperture correction of the imager (``MirImgApcorrModel``).

    Raises
    ------
    LRSExplorerError
        The reference cannot be read.
    """
    if apcorr is None:
        return None
    with open_fits(apcorr) as hdus:
        table = array(hdus, "APCORR", apcorr)
    wanted = {"filter", "subarray", "eefraction", "radius", "apcorr", "skyin", "skyout"}
    if table is None or not wanted <= set(table.dtype.names or ()):
        raise LRSExplorerError(
            f"{apcorr.name} is no aperture correction of the imager: it has no table APCORR with "
            "filter, eefraction and radius."
        )
    rows = _rows(table, image)
    if not len(rows):
        return None
    best = table[rows[int(np.argmin(np.abs(table["eefraction"][rows] - ENCLOSED)))]]
    circle = Circle(float(best["radius"]), (float(best["skyin"]), float(best["skyout"])))
    words = f"circle holds {100 * best['eefraction']:.0f} % of the light ({apcorr.name})"
    return ImagerAperture(circle, float(best["apcorr"]), words)


def _row(table: Any, image: TAImage) -> int | None:
    rows = _rows(table, image)
    return int(rows[0]) if len(rows) else None


def _rows(table: Any, image: TAImage) -> Any:
    """Return the rows for an image's filter: of its subarray, else of any."""
    names = np.char.upper(np.char.strip(np.asarray(table["filter"]).astype(str)))
    parts = np.char.upper(np.char.strip(np.asarray(table["subarray"]).astype(str)))
    ours = names == image.filter.upper()
    for part in (str(image.header.get("SUBARRAY", "")).upper(), "GENERIC", "N/A"):
        found = np.flatnonzero(ours & (parts == part))
        if len(found):
            return found
    return np.empty(0, dtype=int)


def _number(header: Mapping[str, Any], card: str) -> float:
    """Return a positive number in a header, 0 for none."""
    value: Any = header.get(card)
    good = isinstance(value, (int, float)) and np.isfinite(value) and value > 0
    return float(value) if good else 0.0
