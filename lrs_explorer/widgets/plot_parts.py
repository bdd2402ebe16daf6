"""Parts that the figures with a wavelength axis have in common."""

from __future__ import annotations

import math

import numpy as np
from bqplot import LinearScale, Lines
from numpy.typing import NDArray

from lrs_explorer.model.data.instrument import NOMINAL_RANGE

__all__ = [
    "FAR",
    "TICK_FORMAT",
    "WAVELENGTH_LABEL",
    "log_ticks",
    "nice_ticks",
    "outside_nominal",
    "set_line",
    "shaded_ranges",
]

FAR = (0.0, 50.0)
"""Wavelengths, micron, well beyond what any view shows: ends of shadings and level lines."""

WAVELENGTH_LABEL = "wavelength [µm]"

TICK_FORMAT = "~g"
"""Six digits without trailing zeros: no axis mixes 5e-4 with 0.001, as bqplot's own choice does."""


def outside_nominal(x_scale: LinearScale) -> Lines:
    """Return a shading of the wavelengths outside the nominal range, from bottom to top."""
    return Lines(
        x=[[FAR[0], NOMINAL_RANGE[0]], [NOMINAL_RANGE[1], FAR[1]]],
        y=[[1.0, 1.0], [1.0, 1.0]],
        scales={"x": x_scale, "y": LinearScale(min=0.0, max=1.0, allow_padding=False)},
        fill="bottom",
        colors=["#888888"],
        fill_colors=["#888888", "#888888"],
        opacities=[0.0, 0.0],
        fill_opacities=[0.13, 0.13],
        stroke_width=0.0,
    )


def shaded_ranges(x_scale: LinearScale, color: str) -> Lines:
    """Return a shading of wavelength ranges from bottom to top; none until it has any."""
    return Lines(
        x=[0.0, 0.0],
        y=[1.0, 1.0],
        scales={"x": x_scale, "y": LinearScale(min=0.0, max=1.0, allow_padding=False)},
        fill="bottom",
        colors=[color],
        opacities=[0.0],
        fill_opacities=[0.25],
        stroke_width=0.0,
        visible=False,
    )


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Return at most ``most`` multiples of 1, 2 or 5 times a power of ten, from low to high.

    bqplot itself draws about ten, however small the figure, or divides the range evenly.
    """
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(m * power for m in (1, 2, 5, 10, 20) if (high - low) / (m * power) < most)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return powers of ten from low to high; within three decades twice and five times them too."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    steps = (1, 2, 5) if last - first <= 4 else (1,)
    ticks = [float(f"{m}e{power}") for power in range(first, last + 1) for m in steps]
    return [tick for tick in ticks if low <= tick <= high]


def set_line(line: Lines, x: NDArray[np.floating], y: NDArray[np.floating]) -> None:
    """Draw ``y`` over ``x`` in one message, which holds ``x`` only where it has changed.

    Parameters
    ----------
    x : ndarray, shape (n_wave,), micron
    y : ndarray, shape (n_wave,) or (n_lines, n_wave)
        NaN leaves a gap. Those at the end are left out: bqplot would put the hidden label that
        stands behind each line's last point at an undefined place, and complain in the console.
    """
    drawn = np.flatnonzero(np.isfinite(y if y.ndim == 1 else y.sum(axis=0)))
    stop = int(drawn[-1]) + 1 if drawn.size else 0
    x, y = x[:stop], y[..., :stop]
    with line.hold_sync():
        if not np.array_equal(line.x, x):
            line.x = x
        line.y = y
        line.visible = True
