"""The explorer's page as a user sees it: figures, fields, words."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Error, Locator, Page
from plot_reader import Plot, number, ticks
from voila_server import PATIENCE, SCREENSHOTS

import lrs_explorer
from lrs_explorer.widgets.layout import LIVE_COLOR, TRUTH_COLOR

T = TypeVar("T")

DEMO = Path(lrs_explorer.__file__).parent / "data" / "demo_slit"
"""The demo's products."""

IMAGE, SPECTRUM, COMPARISON, PROFILE = range(4)
"""The figures, in the order in which they stand in the page."""

LINKED = ".lrs-plot:not(.lrs-series *)"
"""Where they are; those of a time series stand among them."""

TRACE = 18.331
"""Measured position of the demo's trace in nod 1, pixels."""

PASSED = 0.980
"""Live over true spectrum of the demo's first nod with the aperture on its trace: the source is a
bit off the middle of the slit, and what that costs no aperture brings back."""

DELIVERED = 2.353
"""Flux in the demo's delivered spectrum of the first nod at 10 micron, mJy."""


FIRST_DISPLAY = {
    "stretch": "linear",
    "colours": "viridis",
    "limits": "percentile",
    "unit": "mJy",
    "flux axis": "linear",
    "lower panel": "ratio",
    "against": "truth",
}
"""How the demo is drawn at first."""


class ExplorerPage:
    """An explorer in a browser.

    Parameters
    ----------
    page : Page
        A page that shows one explorer, or is about to.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".lrs-explorer").first
        try:
            # Spectra without images have no bands, but a legend that says what they are.
            self.root.locator(
                ".lrs-band, [data-curve=delivered], .lrs-open:visible"
            ).first.wait_for()
        except Error:
            self.screenshot("never-shown")
            raise

    # -- looking -------------------------------------------------------------------------------

    def plot(self, figure: int) -> Plot:
        """Return a figure, IMAGE, PROFILE, SPECTRUM or COMPARISON, that is in view."""
        place = self.root.locator(LINKED).nth(figure)
        place.scroll_into_view_if_needed()
        return Plot(place)

    def plot_ticks(self, figure: int) -> list[tuple[str, float]]:
        """Return the vertical axis' ticks of a figure: text and pixel from the top."""
        return ticks(self.root.locator(LINKED).nth(figure), "end")

    def text(self, selector: str) -> str:
        """Return what is written in an element."""
        return self.root.locator(selector).first.inner_text().replace("\u00a0", " ")

    @property
    def legend(self) -> str:
        """What stands beside the curves."""
        return self.text(".lrs-legend")

    @property
    def messages(self) -> list[str]:
        """The messages, newest first."""
        return self.root.locator(".lrs-message").all_inner_texts()

    @property
    def median(self) -> float:
        """Median of the lower panel, as it is written."""
        return number(re.search(r"median (\S+)", self.text(".lrs-statistics")).group(1))

    def aperture(self) -> tuple[float, float]:
        """Return center and width, as the number fields say."""
        return number(self.field("center").input_value()), number(self.field("width").input_value())

    def regions(self) -> list[tuple[float, float]]:
        """Return the background regions, as the number fields say."""
        values = self.root.locator("input[title*='edge of background region']").evaluate_all(
            "fields => fields.map(field => field.value)"
        )
        edges = [number(value) for value in values]
        return list(zip(edges[::2], edges[1::2], strict=True))

    def live_to_truth(self) -> float:
        """Return the median of live over true flux in 5.5 to 11.5 micron, as they are drawn."""
        figure = self.plot(SPECTRUM)
        wavelength, flux = figure.curve(LIVE_COLOR)
        inside = (wavelength > 5.5) & (wavelength < 11.5)
        true = np.interp(wavelength[inside], *figure.curve(TRUTH_COLOR))
        return float(np.median(flux[inside] / true))

    def picture(self) -> NDArray[np.uint8]:
        """Return what is seen in the image's plot area, shape (n_down, n_across, 3)."""
        figure = self.plot(IMAGE)
        place = {"x": figure.left, "y": figure.top, "width": figure.width, "height": figure.height}
        return np.array(Image.open(io.BytesIO(self.page.screenshot(clip=place))).convert("RGB"))

    def places_of(self, color: str) -> NDArray[np.floating]:
        """Return where in the window a colour is seen in the image, shape (n, 2), x and y."""
        wanted = tuple(bytes.fromhex(color.lstrip("#")))
        figure = self.plot(IMAGE)
        down, across = np.nonzero((self.picture() == wanted).all(axis=2))
        return np.column_stack([figure.left + across + 0.5, figure.top + down + 0.5])

    # -- doing ---------------------------------------------------------------------------------

    def button(self, name: str, within: str = "") -> Locator:
        """Return the button of this name."""
        scope = self.root.locator(within) if within else self.root
        return scope.get_by_role("button", name=name, exact=True)

    def field(self, label: str) -> Locator:
        """Return the input or chooser that this label stands before."""
        fields = self.root.locator(".lrs-field").filter(
            has=self.page.get_by_text(label, exact=True)
        )
        return fields.locator("input, select").first

    def type(self, label: str, value: float | str) -> None:
        """Type a value into a field."""
        self.field(label).fill(str(value))
        self.field(label).press("Enter")

    def tab(self, name: str) -> None:
        """Bring a tab to the front; behind its name may stand how much is found."""
        self.root.get_by_role("tab", name=re.compile(rf"^{name}( \(\d+\))?$")).click()

    def dismiss_messages(self) -> None:
        """Take away the messages of what went before."""
        left = self.root.locator(".lrs-message-list > *")
        while count := left.count():
            left.first.get_by_role("button").click()
            self.until(lambda count=count: left.count() < count)

    def start_over(self) -> None:
        """Go back to what the pipeline does, all of it in view, drawn as at first."""
        self.tab("Pins")
        for _pin in range(self.root.locator(".lrs-pins input[type=color]").count()):
            self.button("✕", ".lrs-pins").first.click()
        self.tab("Display")
        for label, value in FIRST_DISPLAY.items():
            self.field(label).select_option(value)
        self.tab("Extraction")
        for one in self.root.get_by_role("button", name="pipeline default").all():
            if one.is_visible():
                one.click()
        self.button("reset zoom").click()
        self.page.mouse.move(2, 2)

    # -- waiting -------------------------------------------------------------------------------

    def until(self, condition: Callable[[], object], timeout: float = PATIENCE) -> None:
        """Wait until ``condition()`` holds; what cannot be read yet does not hold yet."""
        end = time.monotonic() + timeout
        while True:
            why: Exception | None = None
            try:
                if condition():
                    return
            except (ArithmeticError, AssertionError, AttributeError, LookupError, ValueError) as e:
                why = e
            if time.monotonic() > end:
                raise AssertionError(f"still not so after {timeout} s; {self.said}") from why
            self.page.wait_for_timeout(30)

    @property
    def said(self) -> str:
        """What the page says of itself, for whoever reads why a test failed."""
        places = (".lrs-status", ".lrs-run-text", ".lrs-message", ".lrs-popup:visible")
        try:
            said = {place: self.root.locator(place).all_inner_texts() for place in places}
            self.screenshot("still-not-so")
        except Error as error:  # it is gone
            return str(error)
        return f"the page says {said}"

    def at_rest(self, read: Callable[[], T], looks: int = 20) -> T:
        """Return what ``read()`` tells once it has told the same this many times in a row."""
        seen: list[T] = []

        def rested() -> bool:
            seen.append(read())
            return seen[-looks:].count(seen[-1]) == looks

        self.until(rested)
        return seen[-1]

    def until_live(self) -> None:
        """Wait until there is a live spectrum."""
        self.root.locator("[data-curve=live][data-state=live]").wait_for()

    def screenshot(self, name: str) -> None:
        """Save what is seen, for a person to judge."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


Open = Callable[..., ExplorerPage]
"""Opens an explorer on a source, at a width and a height of the window: see the fixtures."""
