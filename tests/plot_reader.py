"""Reading a bqplot figure on a page as a person does: by its axes, bands and curves."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator

TICKS = """(root, [anchor, place]) =>
  [...root.querySelectorAll(`.axis[text-anchor=${anchor}] .tick`)].map(tick =>
    [tick.textContent, Number(tick.getAttribute('transform').match(/[-.\\d]+/g)[place])])"""


class Plot:
    """Data coordinates of a figure inside an ``.lrs-plot``, from the ticks that it shows.

    Parameters
    ----------
    root : Locator
        The ``.lrs-plot``.
    """

    def __init__(self, root: Locator) -> None:
        self.root = root
        self.page = root.page
        box = root.locator(".plotarea_events").bounding_box()
        assert box is not None
        self.left, self.top = box["x"], box["y"]
        self.width, self.height = box["width"], box["height"]
        self.x_limits = _limits(ticks(root, "middle"), 0, self.width)
        self.y_limits = _limits(ticks(root, "end"), self.height, 0)

    @property
    def pixel(self) -> float:
        """Units of the vertical axis to a screen pixel."""
        return (self.y_limits[1] - self.y_limits[0]) / self.height

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the whole screen pixel nearest to data coordinates."""
        low, high = self.x_limits
        across = self.left + (x - low) / (high - low) * self.width
        return round(across), round(self.top + (self.y_limits[1] - y) / self.pixel)

    def drag(self, start: tuple[float, float], dx: float, dy: float, steps: int = 5) -> None:
        """Drag by this many screen pixels, from data coordinates."""
        x, y = self.at(*start)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=steps)
        self.page.mouse.up()

    def band(self, name: str) -> Locator:
        """Return the band of this identity."""
        return self.root.locator(f"[data-band='{name}']")

    def edges(self, name: str) -> tuple[float, float]:
        """Return where a band is drawn, data coordinates."""
        box = self.band(name).locator(".lrs-body").bounding_box()
        assert box is not None
        upper = self.y_limits[1] - (box["y"] - self.top) * self.pixel
        return upper - box["height"] * self.pixel, upper

    def curve(self, color: str) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return the points of the curve of this colour, data coordinates; gaps are run over.

        Of several, such as a bar of the same grey, the one with most points.
        """
        seen = f"path.line[style*='{_css(color)}']:not([style*='opacity: 0;'])"
        paths = self.root.locator(f".curve {seen}").evaluate_all(
            "paths => paths.map(path => path.getAttribute('d') ?? '')"
        )
        points = re.findall(r"[ML]([^,ML]+),([^,ML]+)", max(paths, key=len))
        x, y = np.array(points, float).T
        low, high = self.x_limits
        return low + x / self.width * (high - low), self.y_limits[1] - y * self.pixel


def ticks(root: Locator, anchor: str) -> list[tuple[str, float]]:
    """Return text and place, in pixels of the plot area, of each tick of an axis.

    d3 writes the labels of a horizontal axis with the anchor "middle", of a left axis with "end".
    """
    found = root.evaluate(TICKS, [anchor, int(anchor == "end")])
    # Ticks stand half a pixel off, so that their lines are sharp.
    return [(text, pixel - 0.5) for text, pixel in found]


def _limits(marks: list[tuple[str, float]], first: float, last: float) -> tuple[float, float]:
    """Return the values at two pixels of an axis, from its ticks (text, pixel)."""
    known = [(number(text), pixel) for text, pixel in marks if text]
    (low, start), (high, end) = known[0], known[-1]
    slope = (high - low) / (end - start)
    return low + (first - start) * slope, low + (last - start) * slope


def number(text: str) -> float:
    """Return the number that a text shows, whichever minus sign it has."""
    return float(text.replace("−", "-").replace(",", ""))


def _css(color: str) -> str:
    """Return a colour as a browser writes it in a style."""
    parts = re.findall("..", color.lstrip("#"))
    return f"rgb({', '.join(str(int(part, 16)) for part in parts)})"


def close(value: Any) -> Any:
    """Return ``value`` to within the thousandth of a pixel that a drag is rounded to."""
    return pytest.approx(value, abs=6e-4)
