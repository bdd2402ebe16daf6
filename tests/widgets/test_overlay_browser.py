"""The overlay and the banded views in a real browser, against a real kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page
from voila_server import SCREENSHOTS, launch_chromium, open_page, voila

pytestmark = pytest.mark.browser

N_WAVE, N_CROSS = 60, 25
WAVELENGTH = (4.5, 14.0)
APERTURE = (11.0, 15.0)
REGIONS = ((2.0, 5.0), (19.0, 23.0))

CELLS = [
    f"""
import json
import bqplot, ipywidgets, numpy as np
from lrs_explorer.model.products import SpatialProfile, SpectralImage, Trace
from lrs_explorer.widgets.display import Display
from lrs_explorer.widgets.image_view import ImageView
from lrs_explorer.widgets.layout import figure_layout
from lrs_explorer.widgets.overlay import PlotOverlay
from lrs_explorer.widgets.profile_view import ProfileView

n_wave, n_cross = {N_WAVE}, {N_CROSS}
# Row edges from 14 down to 4.5 micron, closer together at the long end, as in LRS.
edges = 14.0 - 9.5 * np.linspace(0, 1, n_wave + 1) ** 2
rows = (edges[1:] + edges[:-1]) / 2
cross = np.arange(n_cross)
data = np.exp(-0.5 * ((cross - 13.0) / 1.5) ** 2) * np.linspace(1, 3, n_wave)[:, None]
data[20, 18] = np.nan
dq = np.zeros(data.shape, np.uint32)
dq[40, 7], dq[30, 9], dq[10, 3] = 1, 1 << 28, 4
image = SpectralImage(data, np.repeat(rows[:, None], n_cross, 1), data, data, data, dq=dq)
profile = SpatialProfile(cross.astype(float), data.mean(axis=0), (5.0, 12.0))
""",
    f"""
x_scale, y_scale = bqplot.LinearScale(), bqplot.LinearScale()
image_view, profile_view = ImageView(x_scale, y_scale), ProfileView(y_scale)
image_view.show_image(image, Display(), show_dq=True)
profile_view.show_profile(profile)
profile_view.show_trace(Trace(13.0, 0.3, (), 50.0))
profile_view.limit_bands(-0.5, n_cross - 0.5)

line = bqplot.Lines(
    x=rows, y=rows, scales={{"x": x_scale, "y": bqplot.LinearScale(min=0, max=15)}}
)
spectrum = PlotOverlay(
    bqplot.Figure(
        marks=[line], axes=[bqplot.Axis(scale=x_scale, label="wavelength [µm]")],
        fig_margin=dict(image_view.figure.fig_margin), display_toolbar=False,
        interaction=bqplot.PanZoom(scales={{"x": [x_scale]}}),
        layout=figure_layout("840px", 200),
    ),
    x_scale, line.scales["y"], marker_axes="x",
)
ipywidgets.jsdlink((image_view.overlay, "cursor"), (spectrum, "marker"))
ipywidgets.jsdlink((image_view.overlay, "cursor"), (profile_view.overlay, "marker"))

state = dict(aperture={APERTURE}, regions={REGIONS}, calls=0, releases=0, centers=0, clicks=[],
             cursor=None)
text = ipywidgets.Label(layout={{"width": "1200px"}}).add_class("state")
snapping = ipywidgets.Checkbox(description="snap")

def show():
    for view in (image_view, profile_view):
        view.show_bands(state["aperture"], state["regions"])
    text.value = json.dumps(
        state | {{"x": [x_scale.min, x_scale.max], "y": [y_scale.min, y_scale.max]}}
    )

def moved(aperture, regions, released):
    if snapping.value:
        aperture = tuple(float(round(edge)) for edge in aperture)
    state.update(aperture=aperture, regions=regions, calls=state["calls"] + 1,
                 releases=state["releases"] + released)
    line.y = rows * np.mean(aperture) / 13
    show()

def cursor(wavelength, position):
    state["cursor"] = [wavelength, position]
    show()

def clicked(wavelength, position):
    state["clicks"].append([wavelength, position])
    show()

def center():
    state["centers"] += 1
    show()

def reset(_button):
    state.update(aperture={APERTURE}, regions={REGIONS}, calls=0, releases=0, centers=0, clicks=[])
    image_view.zoom_out()
    show()

for view in (image_view, profile_view):
    view.on_bands(moved)
    view.on_center_request(center)
image_view.on_cursor(cursor)
image_view.on_click(clicked)
for scale in (x_scale, y_scale):
    scale.observe(lambda _: show(), ["min", "max"])
button = ipywidgets.Button(description="reset")
button.on_click(reset)

def action(name, act):
    one = ipywidgets.Button(description=name)
    one.on_click(lambda _: act())
    return one

again = ipywidgets.VBox().add_class("again")
actions = [
    button, snapping,
    action("curve", lambda: image_view.show_curve([(5.0, 0.0), (13.0, 2.0)])),
    action("straight", lambda: image_view.show_curve()),
    action("widen", lambda: image_view.figure.layout.set_trait("width", "900px")),
    action("narrow", lambda: image_view.figure.layout.set_trait("width", "840px")),
    action("again", lambda: again.set_trait("children", [image_view.overlay.widget])),
    action("once", lambda: again.set_trait("children", [])),
    action("gray", lambda: image_view.show_image(image, Display(color_map="gray"))),
    action("no background", lambda: (state.update(regions=()), show())),
]
show()
ipywidgets.VBox([
    ipywidgets.HBox([image_view.widget, profile_view.widget]), spectrum.widget, text,
    ipywidgets.HBox(actions, layout={{"flex_flow": "row wrap"}}), again,
])
""",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launch_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def whole_page(browser: Browser) -> Iterator[Page]:
    with voila(CELLS) as url:
        page = open_page(browser, url)
        page.locator(".lrs-band").nth(5).wait_for()
        yield page


@pytest.fixture
def page(whole_page: Page) -> Iterator[Page]:
    """Return the page with bands and zoom as in the beginning."""
    whole_page.get_by_role("button", name="reset").click()
    wait(
        whole_page,
        "s.calls === 0 && s.clicks.length === 0 && s.y[1] === 24.5 && Math.abs(s.x[1] - 14) < 0.01",
    )
    yield whole_page
    assert whole_page.problems == []  # type: ignore[attr-defined]


def state(page: Page) -> dict[str, Any]:
    """Return what the kernel knows."""
    content: dict[str, Any] = json.loads(page.locator(".state").inner_text())
    return content


def wait(page: Page, condition: str) -> dict[str, Any]:
    """Wait until a condition on the kernel's state ``s`` holds; return the state."""
    page.wait_for_function(
        f"() => {{const s = JSON.parse(document.querySelector('.state').innerText); "
        f"return {condition}}}",
        timeout=10_000,
    )
    return state(page)


class Plot:
    """Data coordinates of a figure on the page, by its place among the figures."""

    def __init__(self, page: Page, number: int) -> None:
        self.page = page
        self.root = page.locator(".lrs-plot").nth(number)
        box = self.root.locator(".plotarea_events").bounding_box()
        assert box is not None
        self.left, self.top = box["x"], box["y"]
        self.width, self.height = box["width"], box["height"]
        known = state(page)
        self.x_limits, self.y_limits = known["x"], known["y"]

    @property
    def pixel(self) -> float:
        """Cross-dispersion pixels to a screen pixel."""
        return (self.y_limits[1] - self.y_limits[0]) / self.height

    def at(self, wavelength: float, position: float) -> tuple[float, float]:
        """Return the nearest whole screen pixel."""
        low, high = self.x_limits
        x = self.left + (wavelength - low) / (high - low) * self.width
        y = self.top + (self.y_limits[1] - position) / self.pixel
        return round(x), round(y)

    def drag(self, start: tuple[float, float], dx: float, dy: float, steps: int = 5) -> None:
        x, y = self.at(*start)
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + dx, y + dy, steps=steps)
        self.page.mouse.up()

    def band(self, name: str) -> Locator:
        return self.root.locator(f"[data-band='{name}']")

    def edges(self, name: str) -> tuple[float, float]:
        """Return where a band is drawn, cross-dispersion pixels."""
        box = self.band(name).locator(".lrs-body").bounding_box()
        assert box is not None
        upper = self.y_limits[1] - (box["y"] - self.top) * self.pixel
        return upper - box["height"] * self.pixel, upper


IMAGE, PROFILE, SPECTRUM = 0, 1, 2


def close(value: Any) -> Any:
    """Return ``value`` to within the thousandth of a pixel that a drag is rounded to."""
    return pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize("number", [IMAGE, PROFILE])
def test_body_moves_by_what_the_pointer_moves(page: Page, number: int) -> None:
    plot = Plot(page, number)
    plot.drag((9.0, 13.0), 0, -37)
    moved = 37 * plot.pixel
    known = wait(page, "s.releases === 1")
    assert known["aperture"] == close([APERTURE[0] + moved, APERTURE[1] + moved])
    assert known["regions"] == [list(region) for region in REGIONS]
    for other in (IMAGE, PROFILE):
        assert Plot(page, other).edges("aperture") == pytest.approx(known["aperture"], abs=0.01)


@pytest.mark.parametrize(
    ("start", "dy", "expected"),
    [(APERTURE[0], 21, (1, 0)), (APERTURE[1], -13, (0, 1)), (APERTURE[0], -11, (1, 0))],
)
def test_edge_moves_alone(page: Page, start: float, dy: float, expected: tuple[int, int]) -> None:
    plot = Plot(page, IMAGE)
    plot.drag((7.0, start), 0, dy)
    known = wait(page, "s.releases === 1")
    assert known["aperture"] == close(
        [edge - dy * plot.pixel * part for edge, part in zip(APERTURE, expected, strict=True)]
    )


def test_background_band_is_its_own(page: Page) -> None:
    plot = Plot(page, IMAGE)
    plot.drag((7.0, 3.5), 0, -8)
    known = wait(page, "s.releases === 1")
    moved = 8 * plot.pixel
    assert known["regions"] == [close([2.0 + moved, 5.0 + moved]), [19.0, 23.0]]
    assert known["aperture"] == list(APERTURE)


def test_bands_stay_on_the_image(page: Page) -> None:
    plot = Plot(page, IMAGE)
    plot.drag((9.0, 13.0), 0, -2000)
    known = wait(page, "s.releases === 1")
    assert known["aperture"] == close([N_CROSS - 4.5, N_CROSS - 0.5])
    plot.drag((9.0, N_CROSS - 4.5), 0, 2000)
    known = wait(page, "s.releases === 2")
    assert known["aperture"] == close([-0.5, N_CROSS - 0.5])


def test_arrow_keys_nudge(page: Page) -> None:
    band = Plot(page, IMAGE).band("aperture")
    band.focus()
    page.keyboard.press("ArrowUp")
    assert wait(page, "s.releases === 1")["aperture"] == [11.1, 15.1]
    page.keyboard.press("Shift+ArrowDown")
    assert wait(page, "s.releases === 2")["aperture"] == [10.1, 14.1]
    page.keyboard.press("Alt+ArrowUp")
    assert wait(page, "s.releases === 3")["aperture"] == [10.05, 14.15]
    assert band.get_attribute("aria-valuetext") == "center 12.1, width 4.1 pixels"
    assert band.get_attribute("aria-label") == "aperture"


def test_held_key_is_one_gesture(page: Page) -> None:
    Plot(page, IMAGE).band("background-2").focus()
    for _ in range(4):
        page.keyboard.down("ArrowDown")
    page.keyboard.up("ArrowDown")
    known = wait(page, "s.releases === 1")
    assert known["regions"][1] == [18.6, 22.6]


def test_wheel_on_a_band_zooms_and_the_band_stays_exact(page: Page) -> None:
    page.mouse.move(*Plot(page, IMAGE).at(9.0, 13.0))
    page.mouse.wheel(0, -500)
    wait(page, "s.y[1] - s.y[0] < 20")
    plot = Plot(page, IMAGE)
    assert plot.edges("aperture") == pytest.approx(APERTURE, abs=0.01)
    assert Plot(page, PROFILE).edges("aperture") == pytest.approx(APERTURE, abs=0.01)
    plot.drag((9.0, 13.0), 0, 31)
    known = wait(page, "s.releases === 1")
    moved = -31 * plot.pixel
    assert known["aperture"] == close([APERTURE[0] + moved, APERTURE[1] + moved])
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "overlay-zoomed.png")


def test_empty_area_pans_all_linked_figures(page: Page) -> None:
    plot = Plot(page, IMAGE)
    plot.drag((9.0, 8.0), 50, 0)
    shift = 50 / plot.width * (WAVELENGTH[1] - WAVELENGTH[0])
    known = wait(page, f"Math.abs({plot.x_limits[0] - shift} - s.x[0]) < 1e-6")
    assert known["x"][1] == pytest.approx(plot.x_limits[1] - shift)
    assert (known["calls"], known["clicks"]) == (0, [])
    ticks = [
        page.locator(".lrs-plot").nth(number).get_by_text("9", exact=True).first.bounding_box()
        for number in (IMAGE, SPECTRUM)
    ]
    assert ticks[0] is not None
    assert ticks[1] is not None
    assert ticks[0]["x"] == pytest.approx(ticks[1]["x"], abs=0.1)


def test_hover_tells_wavelength_and_position_everywhere(page: Page) -> None:
    plot = Plot(page, IMAGE)
    x, y = plot.at(10.0, 20.0)
    page.mouse.move(x, y)
    page.mouse.move(x + 3, y + 2)
    low, high = plot.x_limits
    wavelength = low + (x + 3 - plot.left) / plot.width * (high - low)
    position = plot.y_limits[1] - (y + 2 - plot.top) * plot.pixel
    known = wait(page, f"s.cursor[0] !== null && Math.abs(s.cursor[0] - {wavelength}) < 1e-6")
    assert known["cursor"] == pytest.approx([wavelength, position], abs=1e-6)
    marker = page.locator(".lrs-plot").nth(SPECTRUM).locator("line.lrs-marker").nth(0)
    box = marker.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] / 2 == pytest.approx(x + 3, abs=0.6)
    page.mouse.move(5, 5)
    wait(page, "s.cursor[0] === null")


def test_click_and_double_click(page: Page) -> None:
    plot = Plot(page, IMAGE)
    x, y = plot.at(8.0, 13.0)  # on the aperture
    page.mouse.click(x, y)
    known = wait(page, "s.clicks.length === 1")
    assert known["clicks"][0] == pytest.approx([8.0, 13.0], abs=0.1)
    page.mouse.dblclick(x, y)
    known = wait(page, "s.centers === 1")
    assert len(known["clicks"]) == 2
    assert known["calls"] == 0, "a click is no gesture"


def test_a_kernel_that_corrects_does_not_pull_the_band_away(page: Page) -> None:
    page.get_by_label("snap").check()
    plot = Plot(page, IMAGE)
    x, y = plot.at(9.0, 13.0)
    page.mouse.move(x, y)
    page.mouse.down()
    for way in range(0, 35, 2):
        page.mouse.move(x, y - way)
        moved = APERTURE[0] + way * plot.pixel
        assert plot.edges("aperture")[0] == pytest.approx(moved, abs=0.01)
    page.mouse.up()
    known = wait(page, "s.releases === 1")
    snapped = [round(edge + 34 * plot.pixel) for edge in APERTURE]
    assert known["aperture"] == snapped
    page.wait_for_function(
        "wanted => document.querySelector(\"[data-band='aperture']\")"
        ".getAttribute('aria-valuenow') === wanted",
        arg=f"{sum(snapped) / 2:g}",
    )
    page.get_by_label("snap").uncheck()


def test_aperture_follows_a_curved_trace(page: Page) -> None:
    page.get_by_role("button", name="curve").click()
    body = Plot(page, IMAGE).band("aperture").locator(".lrs-body")
    page.wait_for_function(
        "e => e.getAttribute('d').split('L').length === 4", arg=body.element_handle()
    )
    assert Plot(page, IMAGE).edges("aperture") == pytest.approx((11.0, 17.0), abs=0.01)
    assert Plot(page, IMAGE).edges("background-1") == pytest.approx(REGIONS[0], abs=0.01)
    page.screenshot(path=SCREENSHOTS / "overlay-curve.png")
    page.get_by_role("button", name="straight").click()
    page.wait_for_function("e => e.getBoundingClientRect().height < 45", arg=body.element_handle())


def test_figure_grows_and_bands_with_it(page: Page) -> None:
    body = Plot(page, IMAGE).band("aperture").locator(".lrs-body").element_handle()
    page.get_by_role("button", name="widen").click()
    page.wait_for_function("e => Math.abs(e.getBoundingClientRect().width - 810) < 1", arg=body)
    assert Plot(page, IMAGE).edges("aperture") == pytest.approx(APERTURE, abs=0.01)
    page.get_by_role("button", name="narrow").click()
    page.wait_for_function("e => Math.abs(e.getBoundingClientRect().width - 750) < 1", arg=body)


def test_shown_twice_and_taken_away(page: Page) -> None:
    page.get_by_role("button", name="again").click()
    copy = page.locator(".again [data-band='aperture']")
    copy.wait_for()
    assert page.locator("[data-band='aperture']").count() == 3
    copy.focus()
    page.keyboard.press("Shift+ArrowUp")
    assert wait(page, "s.releases === 1")["aperture"] == [12.0, 16.0]
    assert Plot(page, IMAGE).edges("aperture") == pytest.approx((12, 16), abs=0.01)
    page.get_by_role("button", name="once").click()
    copy.wait_for(state="detached")
    Plot(page, IMAGE).drag((9.0, 14.0), 0, -10)
    assert wait(page, "s.releases === 2")["aperture"][0] > 12.0


def test_bands_and_colours_change_from_python(page: Page) -> None:
    image = page.locator(".lrs-plot").nth(IMAGE).locator("image")
    before = image.get_attribute("href")
    page.get_by_role("button", name="gray").click()
    page.wait_for_function(
        "([e, old]) => e.getAttribute('href') !== old", arg=[image.element_handle(), before]
    )
    page.get_by_role("button", name="no background").click()
    page.locator("[data-band='background-1']").first.wait_for(state="detached")
    assert page.locator("[data-band]").count() == 2
    assert state(page)["calls"] == 0, "what Python does is no gesture"
    page.screenshot(path=SCREENSHOTS / "overlay-gray.png")


def test_page_looks_whole(page: Page) -> None:
    assert page.locator(".lrs-profile-legend").inner_text().split("\n") == [
        "5.00 to 12.00 µm trace 13.00 ± 0.30"
    ]
    page.screenshot(path=SCREENSHOTS / "overlay.png")
