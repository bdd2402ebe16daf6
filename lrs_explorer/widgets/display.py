"""How an image is coloured: data in, PNG out, every pixel over its own wavelengths."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lrs_explorer.model.data.dq import FLAGS
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.widgets.layout import DQ_COLORS, NAN_COLOR

__all__ = ["COLOR_MAPS", "LIMITS", "STRETCHES", "Display", "Picture", "flag_layers", "render"]

FloatArray = NDArray[np.floating[Any]]

N_COLUMNS = 2500
"""Columns of a picture: three to a screen pixel, 0.004 micron each over the whole LRS range."""

COLOR_MAPS: Final = ("viridis", "cividis", "inferno", "gray")
"""Colour maps that are monotonic in lightness and safe for colour-blind readers."""

STRETCHES: Final = ("linear", "log", "asinh")
LIMITS: Final = ("zscale", "percentile")

N_LEVELS = 248
"""Palette entries of the colour map; the rest of the 256 is for NaN and flags."""

_NAN = N_LEVELS
_FIRST_LAYER = N_LEVELS + 1


@dataclass(frozen=True)
class Display:
    """How the user wants an image to be coloured.

    Parameters
    ----------
    stretch : {"linear", "log", "asinh"}
        From limits to colours, as `astropy.visualization` defines them.
    limits : {"zscale", "percentile"} or tuple of float
        How the values of the darkest and the brightest colour are found; a pair gives them.
    percentile : float
        Share of the pixels, in per cent, within the limits "percentile".
    color_map : {"viridis", "cividis", "inferno", "gray"}
    """

    stretch: str = "linear"
    limits: str | tuple[float, float] = "percentile"
    percentile: float = 99.5
    color_map: str = "viridis"

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("stretch", self.stretch, STRETCHES),
            ("color map", self.color_map, COLOR_MAPS),
        ):
            if value not in choices:
                raise LRSExplorerError(
                    f"{name} must be one of {', '.join(choices)}, not {value!r}."
                )
        if isinstance(self.limits, str):
            if self.limits not in LIMITS:
                raise LRSExplorerError(
                    f"limits must be {', '.join(LIMITS)} or a pair of numbers, not {self.limits!r}."
                )
        else:
            low, high = self.limits
            if not (np.isfinite([low, high]).all() and low < high):
                raise LRSExplorerError(
                    f"the lower limit must be below the upper one, not {low:g} and {high:g}."
                )
        if not 0 < self.percentile <= 100:
            raise LRSExplorerError(
                f"percentile must be above 0 and at most 100, not {self.percentile:g}."
            )


@dataclass(frozen=True, eq=False)
class Picture:
    """A coloured image and where its edges are.

    Parameters
    ----------
    png : bytes
        Wavelength rises to the right, cross-dispersion upward.
    wavelength : (float, float)
        Left and right edge, micron.
    position : (float, float)
        Lower and upper edge, image pixels; pixel *i* covers [i - 0.5, i + 0.5].
    limits : (float, float)
        Values drawn in the darkest and the brightest colour, unit of the image.
    flags : dict of str to int
        Number of pixels drawn in each DQ colour, named as in `layout.DQ_COLORS`.
    """

    png: bytes
    wavelength: tuple[float, float]
    position: tuple[float, float]
    limits: tuple[float, float]
    flags: dict[str, int]


def flag_layers(dq: NDArray[np.uint32]) -> dict[str, NDArray[np.bool_]]:
    """Return which pixels are drawn in which DQ colour; a pixel is in one layer at most.

    Parameters
    ----------
    dq : ndarray of uint32, shape (n_wave, n_cross)

    Returns
    -------
    dict of str to ndarray of bool, shape (n_wave, n_cross)
        "FLUX_ESTIMATED": replaced by the pipeline; "DO_NOT_USE"; "other": any other flag.
    """
    estimated = (dq & np.uint32(FLAGS["FLUX_ESTIMATED"])) != 0
    unusable = ((dq & np.uint32(FLAGS["DO_NOT_USE"])) != 0) & ~estimated
    return {
        "DO_NOT_USE": unusable,
        "FLUX_ESTIMATED": estimated,
        "other": (dq != 0) & ~unusable & ~estimated,
    }


def render(
    image: SpectralImage,
    display: Display,
    *,
    layers: Mapping[str, NDArray[np.bool_]] | None = None,
    n_columns: int = N_COLUMNS,
) -> Picture:
    """Colour an image on a linear wavelength axis.

    Each dispersion element is drawn over its own wavelengths, whose edges are midway between the
    median wavelengths of neighbouring elements (nearest neighbour, nothing is interpolated).
    Elements with no wavelength are left out, and so are cross-dispersion pixels that have a
    wavelength nowhere: of a full-frame image the slit remains, in coordinates of the full frame.
    Limits that are found are those of the nominal range: beyond 12 micron sky and noise would leave
    nothing for the source.

    Parameters
    ----------
    image : SpectralImage
    display : Display
    layers : Mapping of str to ndarray of bool, shape (n_wave, n_cross), optional
        Pixels to draw in the colours of `layout.DQ_COLORS`, as `flag_layers` gives them.
    n_columns : int
        Width of the picture.

    Raises
    ------
    LRSExplorerError
        Fewer than two dispersion elements have a wavelength.
    """
    rows = np.flatnonzero(np.isfinite(image.row_wavelength))
    if len(rows) < 2:
        raise LRSExplorerError(
            f"{image.path or 'the image'} has a wavelength at {len(rows)} of {image.shape[0]} "
            "dispersion elements and cannot be drawn; open a product with assigned wavelengths."
        )
    rows = rows[np.argsort(image.row_wavelength[rows], kind="stable")]
    used = np.flatnonzero(np.isfinite(image.wavelength).any(axis=0))
    left, right = int(used[0]), int(used[-1]) + 1

    def cut(array: NDArray[Any]) -> NDArray[Any]:
        return array[rows, left:right]

    data = cut(image.data)
    nominal = (image.row_wavelength[rows] >= NOMINAL_RANGE[0]) & (
        image.row_wavelength[rows] <= NOMINAL_RANGE[1]
    )
    judged = data[nominal]
    limits = _limits(judged if np.isfinite(judged).any() else data, display)
    index = _levels(data, limits, display.stretch)
    flags: dict[str, int] = {}
    for name, pixels in (layers or {}).items():
        mask = cut(pixels)
        index[mask] = _FIRST_LAYER + tuple(DQ_COLORS).index(name)
        flags[name] = int(mask.sum())

    edges = _edges(image.row_wavelength[rows])
    width = (edges[-1] - edges[0]) / n_columns
    centers = edges[0] + width * (np.arange(n_columns) + 0.5)
    element = np.searchsorted(edges[1:-1], centers, side="right")
    picture = Image.fromarray(np.ascontiguousarray(index[element].T[::-1]))
    picture.putpalette(_palette(display.color_map))
    png = io.BytesIO()
    picture.save(png, format="png", compress_level=1)
    return Picture(
        png=png.getvalue(),
        wavelength=(float(edges[0]), float(edges[-1])),
        position=(left - 0.5, right - 0.5),
        limits=limits,
        flags=flags,
    )


def _edges(centers: FloatArray) -> FloatArray:
    """Return the edges of intervals around ascending ``centers``, midway between them."""
    middle = (centers[1:] + centers[:-1]) / 2
    first = centers[0] - (middle[0] - centers[0])
    last = centers[-1] + (centers[-1] - middle[-1])
    return np.concatenate([[first], middle, [last]])


def _limits(data: FloatArray, display: Display) -> tuple[float, float]:
    """Return the values of the darkest and the brightest colour."""
    if not isinstance(display.limits, str):
        return display.limits
    finite = data[np.isfinite(data)]
    if finite.size == 0:
        return 0.0, 1.0
    if display.limits == "zscale":
        from astropy.visualization import ZScaleInterval

        low, high = map(float, ZScaleInterval().get_limits(finite))
    elif display.limits == "percentile":
        outside = (100 - display.percentile) / 2
        low, high = map(float, np.percentile(finite, [outside, 100 - outside]))
    else:
        raise ValueError(f"limits {display.limits!r} are not known here")
    return (low, high) if low < high else (low - 0.5, low + 0.5)


def _levels(data: FloatArray, limits: tuple[float, float], stretch: str) -> NDArray[np.uint8]:
    """Return the palette entry of each pixel."""
    from astropy.visualization import AsinhStretch, LinearStretch, LogStretch

    stretches: dict[str, Callable[[], Any]] = {
        "linear": LinearStretch,
        "log": LogStretch,
        "asinh": AsinhStretch,
    }
    low, high = limits
    missing = ~np.isfinite(data)
    share = np.clip((np.where(missing, low, data) - low) / (high - low), 0, 1)
    stretched = np.asarray(stretches[stretch]()(share))
    levels: NDArray[np.uint8] = np.rint(stretched * (N_LEVELS - 1)).astype(np.uint8)
    levels[missing] = _NAN
    return levels


@cache
def _palette(color_map: str) -> bytes:
    """Return the 256 colours of a picture, RGB after RGB."""
    from cmap import Colormap

    colors = Colormap(color_map)(np.linspace(0, 1, N_LEVELS))[:, :3]
    extra = "".join(color.lstrip("#") for color in (NAN_COLOR, *DQ_COLORS.values()))
    mapped: bytes = np.rint(255 * colors).astype(np.uint8).tobytes()
    return mapped + bytes.fromhex(extra)
