"""Target acquisition images: their true count rate, and where the source is on them.

Two kinds exist for the slit. MIR_TACQ is taken beside the slit, before the telescope moves the
source into it; MIR_TACONFIRM, the verification image, is taken through the slit afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.data.dq import flagged, unusable
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import REFERENCE_PIXELS, SLIT_LENGTH
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.fitsfile import DAMAGED, array, cards, open_fits
from lrs_explorer.model.files.recognition import TARGET_ACQUISITION
from lrs_explorer.model.slit.frame import SlitPosition
from lrs_explorer.model.slit.geometry import HALF_WIDTH, PIXEL_SCALE

__all__ = ["FRAMES_AVERAGED", "TAImage", "count_rate_factor", "read_filter_offset", "read_ta_image"]

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]

FRAMES_AVERAGED: Final = {
    "FASTGRPAVG": 4,
    "FASTGRPAVG8": 8,
    "FASTGRPAVG16": 16,
    "FASTGRPAVG32": 32,
    "FASTGRPAVG64": 64,
}
"""Frames that each readout pattern averages into one group (JDox "MIRI Target Acquisition")."""

BLANK: Final = 0.5
"""Part of the slit that must be without value for an image to count as blank there."""


@dataclass(frozen=True, eq=False)
class TAImage:
    """A target acquisition image of the slit.

    Parameters
    ----------
    data, err : ndarray, shape (ny, nx), ``unit``
        Count rate and its error, divided by ``rate_factor``.
    usable : ndarray of bool, shape (ny, nx)
        Pixels with a value, neither flagged DO_NOT_USE nor saturated.
    saturated : ndarray of bool, shape (ny, nx)
    exp_type : {"MIR_TACQ", "MIR_TACONFIRM"}
    filter : str
    readpatt : str
        Readout pattern.
    origin : (int, int)
        Column and row on the full detector of the first pixel, 0-indexed.
    reference : (float, float) or None
        Column and row on the full detector, 0-indexed, where the source was meant to be but for
        ``dither``; None for an aperture that is not known here.
    dither : SlitPosition
        XOFFSET and YOFFSET of this exposure.
    rate_factor : float
        What the stored count rate was divided by (known issue MR-LRS06).
    blank : bool
        Whether the slit region has no values (jwst #8906): no source can be seen.
    notes : tuple of str
        Plain sentences the user must see.
    unit : str
    path : Path or None
    header : Mapping
    """

    data: FloatArray
    err: FloatArray
    usable: BoolArray
    saturated: BoolArray
    exp_type: str
    filter: str
    readpatt: str
    origin: tuple[int, int]
    reference: tuple[float, float] | None
    dither: SlitPosition
    rate_factor: float = 1.0
    blank: bool = False
    notes: tuple[str, ...] = ()
    unit: str = "DN/s"
    path: Path | None = None
    header: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return self.path.name if self.path else "the acquisition image"

    @property
    def through_slit(self) -> bool:
        """Whether the slit cuts what the image shows."""
        return self.exp_type == "MIR_TACONFIRM" and not self.without_slit

    @property
    def without_slit(self) -> bool:
        """Whether it was taken where spectra are taken without the slit."""
        return str(self.header.get("APERNAME", "")).startswith("MIRIM_SLITLESS")

    @property
    def expected(self) -> tuple[float, float] | None:
        """Column and row of ``data``, 0-indexed, where the source was meant to be."""
        if self.reference is None:
            return None
        return (
            self.reference[0] + self.dither.along / PIXEL_SCALE - self.origin[0],
            self.reference[1] + self.dither.across / PIXEL_SCALE - self.origin[1],
        )


def count_rate_factor(header: Mapping[str, Any]) -> tuple[float, str]:
    """Return what the count rate of an exposure must be divided by, and why.

    The ramp fit divides by the time between groups that the header gives (TGROUP). A group of N
    averaged frames takes N frame times; products in which TGROUP is that of a single frame are too
    bright by N (jwst #8069, JDox MR-LRS06). Where TGROUP is right, nothing is to be done.

    Parameters
    ----------
    header : Mapping
        Cards READPATT, TFRAME, TGROUP; S_GRPSCL, NFRAMES and FRMDIVSR where there are such.

    Returns
    -------
    factor : float
        1 where the stored rate is right.
    note : str
        A sentence; "" for readout patterns without averaging.
    """
    pattern = str(header.get("READPATT", ""))
    frames = FRAMES_AVERAGED.get(pattern)
    if frames is None:
        return 1.0, ""
    frame, group = _positive(header.get("TFRAME")), _positive(header.get("TGROUP"))
    if not (frame and group):
        return float(frames), (
            f"count rate divided by the {frames} frames that {pattern} averages (MR-LRS06); the "
            "header does not give the group time, so this could not be checked"
        )
    factor = frames * frame / group
    note = ""
    nframes, divisor = _positive(header.get("NFRAMES")), _positive(header.get("FRMDIVSR"))
    if header.get("S_GRPSCL") == "COMPLETE" and nframes and divisor:
        # MIRI averages rightly on board: what group_scale did for these patterns is undone.
        factor *= divisor / nframes
        note = "; group_scale has multiplied it needlessly"
    if abs(factor - 1) < 0.02:
        return 1.0, (
            f"the pipeline has used the group time of the {frames} frames that {pattern} averages: "
            "the count rate is right as it is"
        )
    return factor, (
        f"count rate divided by {factor:.4g}: {pattern} averages {frames} frames, and the header "
        f"gives a group time of {group:.4g} s where {frames} frames take {frames * frame:.4g} s "
        f"(MR-LRS06){note}"
    )


def _positive(value: Any) -> float:
    """Return a positive number as it is, 0 for anything else."""
    good = isinstance(value, (int, float)) and np.isfinite(value) and value > 0
    return float(value) if good else 0.0


def read_ta_image(path: PathLike) -> TAImage:
    """Read a target acquisition image (rate or cal).

    Raises
    ------
    LRSExplorerError
        The file cannot be read, is no target acquisition image or holds no pixels.
    """
    path = Path(path)
    with open_fits(path) as hdus:
        header = cards(hdus[0].header)
        if header.get("EXP_TYPE") not in TARGET_ACQUISITION:
            raise LRSExplorerError(
                f"{path.name} is no target acquisition image (EXP_TYPE {header.get('EXP_TYPE')}); "
                "give one with MIR_TACQ or MIR_TACONFIRM."
            )
        data = array(hdus, "SCI", path)
        if data is None or data.ndim != 2:
            raise LRSExplorerError(f"{path.name} holds no image; give its rate product.")
        header |= {k: v for k, v in cards(hdus["SCI"].header).items() if k not in header}
        dq, err = array(hdus, "DQ", path), array(hdus, "ERR", path)
    dq = np.zeros(data.shape, np.uint32) if dq is None or dq.shape != data.shape else dq
    err = np.full(data.shape, np.nan) if err is None or err.shape != data.shape else err
    factor, note = count_rate_factor(header)
    notes = [note] if note else []
    data, err = data / factor, err / factor
    saturated = flagged(dq, "SATURATED")
    usable = np.isfinite(data) & ~unusable(dq) & ~saturated
    aperture = str(header.get("APERNAME", ""))
    exp_type = str(header["EXP_TYPE"])
    reference = REFERENCE_PIXELS.get(aperture)
    if reference is None:
        notes.append(f"the reference point of the aperture {aperture or 'it names'} is not known")
    origin = int(header.get("SUBSTRT1", 1)) - 1, int(header.get("SUBSTRT2", 1)) - 1
    blank = (
        exp_type == "MIR_TACONFIRM"
        and not aperture.startswith("MIRIM_SLITLESS")
        and _blank(usable | saturated, origin)
    )
    if blank:
        is_rate = header.get("S_WCS") != "COMPLETE"
        notes.append(
            "the slit region of this verification image has no values, so the source cannot be "
            "seen"
            + ("" if is_rate else ": the flat field of its cal product blanks it; open the rate")
        )
    return TAImage(
        data=data,
        err=err,
        usable=usable,
        saturated=saturated,
        exp_type=exp_type,
        filter=str(header.get("FILTER", "")),
        readpatt=str(header.get("READPATT", "")),
        origin=origin,
        reference=reference,
        dither=SlitPosition(float(header.get("XOFFSET", 0.0)), float(header.get("YOFFSET", 0.0))),
        rate_factor=factor,
        blank=blank,
        notes=tuple(notes),
        unit=str(header.get("BUNIT", "DN/s")),
        path=path,
        header=header,
    )


def _blank(seen: BoolArray, origin: tuple[int, int]) -> bool:
    """Tell whether the slit's region has hardly any values."""
    column, row = REFERENCE_PIXELS["MIRIM_SLIT"]
    half = SLIT_LENGTH / 2 / PIXEL_SCALE, HALF_WIDTH / PIXEL_SCALE
    left, low = round(column - half[0]) - origin[0], round(row - half[1]) - origin[1]
    right, high = round(column + half[0]) - origin[0], round(row + half[1]) - origin[1]
    region = seen[max(low, 0) : high + 1, max(left, 0) : right + 1]
    return region.size == 0 or float(region.mean()) < 1 - BLANK


def read_filter_offset(path: PathLike, name: str) -> tuple[float, float] | None:
    """Return how far a filter shifts the image, from a filteroffset reference file.

    Parameters
    ----------
    path : path
        ASDF file (``FilteroffsetModel``).
    name : str
        The filter, such as "F560W".

    Returns
    -------
    (float, float) or None
        Columns and rows to add to a position on the image to have it in the frame of the slit, as
        ``jwst.targ_centroid`` does; None for a filter that is not in the file.

    Raises
    ------
    LRSExplorerError
        The file cannot be read.
    """
    import asdf

    path = Path(path)
    try:
        with asdf.open(path) as tree:
            for entry in tree["filters"]:
                if entry["filter"] == name:
                    return float(entry["column_offset"]), float(entry["row_offset"])
    except DAMAGED as error:
        raise LRSExplorerError(
            f"the filter offset reference {path.name} cannot be read ({error})."
        ) from None
    return None
