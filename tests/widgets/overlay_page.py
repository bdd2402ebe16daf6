"""The page of the overlay tests: image, profile, a line, and a kernel that tells what it heard."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Page
from plot_reader import Plot

N_WAVE, N_CROSS = 60, 25
WAVELENGTH = (4.5, 14.0)
APERTURE = (11.0, 15.0)
REGIONS = ((2.0, 5.0), (19.0, 23.0))

CELLS = [
    f"""
import json
import bqplot, ipywidgets, numpy as np
from lrs_explorer.model.data.products import SpatialProfile, SpectralImage, Trace
from lrs_explorer.widgets.display import Display, flag_layers
from lrs_explorer.widgets.image_view import ImageView
from lrs_explorer.widgets.layout import FIGURE_WIDTH, figure_layout
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
image_view.show_image(image, Display(), flag_layers(image.dq))
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
        layout=figure_layout(FIGURE_WIDTH, "200px"),
    ),
    x_scale, line.scales["y"], marker_axes="x",
)
ipywidgets.jsdlink((image_view.overlay, "cursor"), (spectrum, "marker"))
ipywidgets.jsdlink((image_view.overlay, "cursor"), (profile_view.overlay, "marker"))

state = dict(aperture={APERTURE}, regions={REGIONS}, columns=(), calls=0, releases=0,
             centers=0, clicks=[], cursor=None, bqplot=bqplot.__version__)
text = ipywidgets.Label(layout={{"width": "1200px"}}).add_class("state")
snapping = ipywidgets.Checkbox(description="snap")

def show():
    for view in (image_view, profile_view):
        view.show_bands(state["aperture"], state["regions"], state["columns"])
    text.value = json.dumps(
        state | {{"x": [x_scale.min, x_scale.max], "y": [y_scale.min, y_scale.max]}}
    )

def moved(aperture, regions, columns, released):
    if snapping.value:
        aperture = tuple(float(round(edge)) for edge in aperture)
    state.update(aperture=aperture, regions=regions, columns=columns, calls=state["calls"] + 1,
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
    state.update(aperture={APERTURE}, regions={REGIONS}, columns=(), calls=0, releases=0, centers=0,
                 clicks=[])
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
    action("widen", lambda: image_view.figure.layout.set_trait("width", "960px")),
    action("narrow", lambda: image_view.figure.layout.set_trait("width", FIGURE_WIDTH)),
    action("again", lambda: again.set_trait("children", [image_view.overlay.widget])),
    action("once", lambda: again.set_trait("children", [])),
    action("gray", lambda: image_view.show_image(image, Display(color_map="gray"))),
    action("no background", lambda: (state.update(regions=()), show())),
    action("columns", lambda: (state.update(regions=(), columns=((16.0, 19.0),)), show())),
]
show()
ipywidgets.VBox([
    ipywidgets.HBox([image_view.widget, profile_view.widget]), spectrum.widget, text,
    ipywidgets.HBox(actions, layout={{"flex_flow": "row wrap"}}), again,
])
""",
]


IMAGE, PROFILE, SPECTRUM = 0, 1, 2


def plot(page: Page, number: int) -> Plot:
    """Return a figure by its place among the figures."""
    return Plot(page.locator(".lrs-plot").nth(number))


def state(page: Page) -> dict[str, Any]:
    """Return what the kernel knows."""
    content: dict[str, Any] = json.loads(page.locator(".state").inner_text())
    return content


def wait(page: Page, condition: str) -> dict[str, Any]:
    """Wait until a condition on the kernel's state ``s`` holds; return the state."""
    page.wait_for_function(
        f"() => {{const s = JSON.parse(document.querySelector('.state').innerText); "
        f"return {condition}}}"
    )
    return state(page)
