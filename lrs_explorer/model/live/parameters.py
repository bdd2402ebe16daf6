"""Extraction parameters as ``jwst.extract_1d`` understands them, without importing it.

An extract1d reference file and the parameters of ``Extract1dStep`` are combined here by the rules
of ``jwst.extract_1d.extract.get_extract_parameters`` (jwst 3.0), but into a frozen value: moving an
aperture gives a new value and leaves the reference as it was.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.checks import unknown
from lrs_explorer.model.recipe.recipe import Aperture, Background

__all__ = [
    "Coefficients",
    "Parameters",
    "combine",
    "draw_aperture",
    "draw_background",
    "fixed_edges",
    "matching_aperture",
]

Coefficients = tuple[tuple[float, ...], ...]
"""Polynomials, constant term first, of the lower and upper edge of each region in turn."""

DEFAULT_SOURCE_POSITION = ("MIR_LRS-FIXEDSLIT",)
"""LRS exposure types whose aperture follows the header's source position by default."""


@dataclass(frozen=True)
class Parameters:
    """What defines one extraction; fields are named as in an extract1d reference file.

    Limits are 0-indexed pixels and inclusive: ``xstart = 27``, ``xstop = 34`` are eight pixels.
    Coefficients are edges: a region from 26.5 to 34.5 is the same eight pixels.
    """

    xstart: float
    xstop: float
    ystart: float
    ystop: float
    extract_width: float | None
    src_coeff: Coefficients | None
    bkg_coeff: Coefficients | None
    independent_var: str
    subtract_background: bool
    bkg_fit: str | None
    bkg_order: int
    smoothing_length: int
    use_source_posn: bool
    position_offset: float
    extraction_type: str

    def shifted(self, offset: float) -> Parameters:
        """Return the parameters with source and background moved by ``offset`` pixels.

        The sums are those of ``jwst.extract_1d.extract.shift_by_offset``, to the bit.
        """
        return replace(
            self,
            xstart=self.xstart + offset,
            xstop=self.xstop + offset,
            src_coeff=_shifted(self.src_coeff, offset),
            bkg_coeff=_shifted(self.bkg_coeff, offset),
        )

    @property
    def by_wavelength(self) -> bool:
        """Whether coefficients are polynomials in wavelength (micron), not in pixels."""
        return self.independent_var.startswith("wavelength")


def _shifted(coefficients: Coefficients | None, offset: float) -> Coefficients | None:
    if coefficients is None:
        return None
    return tuple((c[0] + offset, *c[1:]) for c in coefficients)


def matching_aperture(
    reference: Mapping[str, Any], exp_type: str, spectral_order: int
) -> dict[str, Any]:
    """Return a copy of the aperture that the pipeline would take from an extract1d reference.

    Raises
    ------
    LRSExplorerError
        The reference has none for this exposure type.
    """
    for aperture in reference.get("apertures", ()):
        if (
            aperture.get("id") in (exp_type, "ANY")
            and aperture.get("region_type", "target") == "target"
            and aperture.get("spectral_order", spectral_order) in (spectral_order, "ANY")
        ):
            return copy.deepcopy(dict(aperture))
    raise LRSExplorerError(
        f"the extract1d reference file has no aperture for {exp_type}; "
        "choose a reference file for this mode."
    )


def draw_aperture(entry: dict[str, Any], aperture: Aperture, own_background: bool) -> None:
    """Put an explicit aperture into an aperture entry of a reference file.

    Parameters
    ----------
    entry : dict
        Changed in place.
    aperture : Aperture
    own_background : bool
        Whether the reference file's background regions are used as well.

    Raises
    ------
    LRSExplorerError
        The reference file's background follows the wavelength, the aperture the pixels: a
        reference file cannot hold both.
    """
    entry.pop("extract_width", None)
    entry.pop("src_coeff", None)
    entry["xstart"] = aperture.center - (aperture.width - 1) / 2
    entry["xstop"] = aperture.center + (aperture.width - 1) / 2
    entry["use_source_posn"] = False
    if aperture.trace is None:
        return
    constant, *higher = aperture.trace
    entry["src_coeff"] = [
        [aperture.center - aperture.width / 2 + constant, *higher],
        [aperture.center + aperture.width / 2 + constant, *higher],
    ]
    background = entry.get("bkg_coeff") or [] if own_background else []
    by_wavelength = str(entry.get("independent_var", "pixel")).lower().startswith("wavelength")
    if by_wavelength and any(any(c[1:]) for c in background):
        raise LRSExplorerError(
            "the reference file's background regions are polynomials in wavelength, which cannot "
            "be combined with a trace in pixels; draw background regions or a straight aperture."
        )
    entry["independent_var"] = "pixel"


def draw_background(entry: dict[str, Any], step: dict[str, Any], background: Background) -> None:
    """Put an explicit background into an aperture entry and the step parameters, in place.

    Both hold it, so that the reference file alone gives the same as with the parameters.
    """
    for name in ("bkg_coeff", "bkg_fit", "bkg_order", "smoothing_length"):
        entry.pop(name, None)
    step["subtract_background"] = bool(background.regions)
    if not background.regions:
        return
    mean = background.bkg_fit == "mean"
    entry["bkg_coeff"] = [[edge] for region in background.regions for edge in region]
    entry["bkg_fit"] = "poly" if mean else background.bkg_fit
    entry["bkg_order"] = 0 if mean else background.bkg_order
    entry["smoothing_length"] = background.smoothing_length
    step["bkg_fit"] = background.bkg_fit
    step["bkg_order"] = entry["bkg_order"]
    step["smoothing_length"] = background.smoothing_length


def combine(
    aperture: Mapping[str, Any],
    step: Mapping[str, Any],
    shape: tuple[int, int],
    exp_type: str,
    is_point: bool,
    has_psf: bool,
) -> Parameters:
    """Combine an aperture of a reference file with step parameters as the pipeline does.

    Parameters
    ----------
    aperture : Mapping
        One entry of ``apertures`` in an extract1d reference file; null is as good as absent.
    step : Mapping
        Parameters of ``Extract1dStep``; None means "as the reference file says".
    shape : (int, int)
        Of the whole image, (n_wave, n_cross).
    exp_type : str
    is_point : bool
        Whether the header says that the source is a point (``SRCTYPE``).
    has_psf : bool
        Whether there is a PSF reference file.

    Raises
    ------
    LRSExplorerError
        The reference file holds values that the pipeline would stumble over.
    """
    aperture = {key: value for key, value in aperture.items() if value is not None}
    bkg_coeff = _coefficients(aperture, "bkg_coeff")
    subtract = step["subtract_background"]
    if subtract is None:
        subtract = bkg_coeff is not None
    bkg_fit, bkg_order = step["bkg_fit"], step["bkg_order"]
    if bkg_fit == "mean":
        bkg_fit, bkg_order = "poly", 0
    elif bkg_fit is None:
        bkg_fit = aperture.get("bkg_fit", "poly")
        if subtract and bkg_coeff is not None and bkg_fit not in ("poly", "median"):
            raise LRSExplorerError(
                f"the extract1d reference file has bkg_fit {bkg_fit!r}, which the pipeline takes "
                'only as a step parameter; write "poly" with bkg_order 0, or "median".'
            )
    elif bkg_fit not in ("poly", "median"):
        raise unknown("bkg_fit", bkg_fit)
    if step["extraction_type"] not in ("box", "optimal"):
        raise unknown("extraction_type", step["extraction_type"])
    if bkg_order is None:
        bkg_order = aperture.get("bkg_order", 0)
    length = step["smoothing_length"]
    if length is None:
        length = aperture.get("smoothing_length", 0)
    use_source_posn = step["use_source_posn"]
    if use_source_posn is None and not is_point:
        use_source_posn = False
    elif use_source_posn is None:
        by_default = exp_type in DEFAULT_SOURCE_POSITION
        use_source_posn = aperture.get("use_source_posn")
        use_source_posn = by_default if use_source_posn is None else use_source_posn
    return Parameters(
        xstart=aperture.get("xstart", 0),
        xstop=aperture.get("xstop", shape[1] - 1),
        ystart=aperture.get("ystart", 0),
        ystop=aperture.get("ystop", shape[0] - 1),
        extract_width=aperture.get("extract_width"),
        src_coeff=_coefficients(aperture, "src_coeff"),
        bkg_coeff=bkg_coeff,
        independent_var=str(aperture.get("independent_var", "pixel")).lower(),
        subtract_background=bool(subtract),
        bkg_fit=bkg_fit if subtract else None,
        bkg_order=bkg_order,
        smoothing_length=_smoothing(length),
        use_source_posn=bool(use_source_posn),
        position_offset=step["position_offset"],
        extraction_type=step["extraction_type"] if has_psf else "box",
    )


def _coefficients(aperture: Mapping[str, Any], name: str) -> Coefficients | None:
    value = aperture.get(name)
    if value is None:
        return None
    if len(value) % 2 or not all(isinstance(c, Sequence) and len(c) for c in value):
        raise LRSExplorerError(
            f"the extract1d reference file has an ill-formed {name}: it must hold lists of "
            "polynomial coefficients in pairs of lower and upper edge."
        )
    return tuple(tuple(c) for c in value)


def _smoothing(length: float) -> int:
    """Return the smoothing length that the pipeline makes of a requested one."""
    whole = round(length)
    if whole < 3:
        return 0
    return whole if whole % 2 else whole - 1


def fixed_edges(
    edges: Coefficients, offsets: Sequence[float], whole_pixels: bool
) -> list[list[float]]:
    """Return coefficients that lie at ``edges`` after the pipeline has added ``offsets``.

    A sum of floats cannot always land exactly on a given edge, and one unit in the last place
    beyond a pixel boundary would bring a whole further pixel into a polynomial fit (any weight
    above zero counts), or lose one from a median (only whole pixels count). So regions are made
    smaller by such a unit for a fit, larger for a median.
    """
    fixed = []
    for i, (goal, *higher) in enumerate(edges):
        sign = 1.0 if (i % 2 == 0) != whole_pixels else -1.0
        nearest = goal - math.fsum(offsets)
        unit = max(math.ulp(value) for value in (goal, nearest, *offsets)) if offsets else 0.0
        candidates = (nearest + sign * step * unit for step in range(-8, 9))
        constant = next(c for c in candidates if sign * (_sum(c, offsets) - goal) >= 0)
        fixed.append([constant, *higher])
    return fixed


def _sum(value: float, offsets: Sequence[float]) -> float:
    """Add ``offsets`` one after the other, rounding as the pipeline does."""
    for offset in offsets:
        value = value + offset
    return value
