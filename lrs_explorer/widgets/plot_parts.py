"""Parts that the figures with a wavelength axis have in common."""

from __future__ import annotations

import numpy as np
from bqplot import LinearScale, Lines
from numpy.typing import NDArray

from lrs_explorer.widgets.units import NOMINAL_RANGE

__all__ = ["FAR", "WAVELENGTH_LABEL", "outside_nominal", "set_line"]

FAR = (0.0, 50.0)
"""Wavelengths, micron, well beyond what any view shows: ends of shadings and level lines."""

WAVELENGTH_LABEL = "wavelength [µm]"


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


def set_line(line: Lines, x: NDArray[np.floating], y: NDArray[np.floating]) -> None:
    """Draw ``y`` over ``x`` in one message, which holds ``x`` only where it has changed.

    Parameters
    ----------
    x : ndarray, shape (n_wave,), micron
    y : ndarray, shape (n_wave,) or (n_lines, n_wave)
        NaN leaves a gap.
    """
    with line.hold_sync():
        if not np.array_equal(line.x, x):
            line.x = x
        line.y = y
        line.visible = True
