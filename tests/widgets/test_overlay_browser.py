"""The overlay and the banded views in a real browser, against a real kernel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from overlay_page import (
    APERTURE,
    CELLS,
    IMAGE,
    N_CROSS,
    PROFILE,
    REGIONS,
    SPECTRUM,
    WAVELENGTH,
    plot,
    state,
    wait,
)
from playwright.sync_api import Browser, Page
from plot_reader import close
from voila_server import SCREENSHOTS, open_page, voila

OLDEST = "0.12.45"
"""The oldest bqplot that is supported; jdaviz wants one before 0.13."""


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a process that finds the oldest bqplot, installed for it."""
    prefix = tmp_path_factory.mktemp("bqplot")
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    # Without --ignore-installed pip would take away the one that the tests run with.
    command = [*install, "--ignore-installed", "--prefix", str(prefix), f"bqplot=={OLDEST}"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"bqplot {OLDEST} cannot be had here: {done.stderr.decode().strip()[-200:]}")
    (packages,) = prefix.glob("lib*/python*/site-packages")
    return {"PYTHONPATH": str(packages), "JUPYTER_PATH": str(prefix / "share" / "jupyter")}


@pytest.fixture(scope="module", params=["installed", OLDEST])
def whole_page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    version = request.param
    environment = {} if version == "installed" else request.getfixturevalue("oldest")
    with voila(CELLS, **environment) as address:
        page = open_page(browser, address)
        page.locator(".lrs-band").nth(5).wait_for()
        if version != "installed":
            assert state(page)["bqplot"] == version
        yield page


@pytest.fixture
def page(whole_page: Page) -> Iterator[Page]:
    """Return the page with bands and zoom as in the beginning."""
    whole_page.get_by_role("button", name="reset").click()
    wait(
        whole_page,
        "s.calls === 0 && s.clicks.length === 0 && s.y[1] === 24.5 && Math.abs(s.x[1] - 14) < 0.01",
    )
    while plot(whole_page, IMAGE).x_limits[1] != pytest.approx(WAVELENGTH[1], abs=1e-2):
        whole_page.wait_for_timeout(20)  # the browser follows the kernel
    yield whole_page
    assert whole_page.problems == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [IMAGE, PROFILE])
def test_body_moves_by_what_the_pointer_moves(page: Page, number: int) -> None:
    figure = plot(page, number)
    figure.drag((sum(figure.x_limits) / 2, 13.0), 0, -37)
    moved = 37 * figure.pixel
    known = wait(page, "s.releases === 1")
    assert known["aperture"] == close([APERTURE[0] + moved, APERTURE[1] + moved])
    assert known["regions"] == [list(region) for region in REGIONS]
    for other in (IMAGE, PROFILE):
        assert plot(page, other).edges("aperture") == pytest.approx(known["aperture"], abs=0.01)


@pytest.mark.parametrize(
    ("start", "dy", "expected"),
    [(APERTURE[0], 21, (1, 0)), (APERTURE[1], -13, (0, 1)), (APERTURE[0], -11, (1, 0))],
)
def test_edge_moves_alone(page: Page, start: float, dy: float, expected: tuple[int, int]) -> None:
    figure = plot(page, IMAGE)
    figure.drag((7.0, start), 0, dy)
    known = wait(page, "s.releases === 1")
    assert known["aperture"] == close(
        [edge - dy * figure.pixel * part for edge, part in zip(APERTURE, expected, strict=True)]
    )


def test_columns_stay_off_the_reference_pixels_and_others_need_not(page: Page) -> None:
    page.get_by_role("button", name="columns", exact=True).click()
    figure = plot(page, IMAGE)
    figure.band("columns-1").wait_for()
    figure.drag((7.0, 17.5), 0, 30 / figure.pixel)
    known = wait(page, "s.releases === 1")
    assert known["columns"] == [close([3.5, 6.5])]
    assert known["aperture"] == list(APERTURE)
    figure.drag((7.0, 13.0), 0, 30 / figure.pixel)
    known = wait(page, "s.releases === 2")
    assert known["aperture"] == close([-0.5, 3.5])
    assert known["columns"] == [close([3.5, 6.5])]


def test_background_band_is_its_own(page: Page) -> None:
    figure = plot(page, IMAGE)
    figure.drag((7.0, 3.5), 0, -8)
    known = wait(page, "s.releases === 1")
    moved = 8 * figure.pixel
    assert known["regions"] == [close([2.0 + moved, 5.0 + moved]), [19.0, 23.0]]
    assert known["aperture"] == list(APERTURE)


def test_bands_stay_on_the_image(page: Page) -> None:
    figure = plot(page, IMAGE)
    figure.drag((9.0, 13.0), 0, -2000)
    known = wait(page, "s.releases === 1")
    assert known["aperture"] == close([N_CROSS - 4.5, N_CROSS - 0.5])
    figure.drag((9.0, N_CROSS - 4.5), 0, 2000)
    known = wait(page, "s.releases === 2")
    assert known["aperture"] == close([-0.5, N_CROSS - 0.5])


def test_arrow_keys_nudge(page: Page) -> None:
    band = plot(page, IMAGE).band("aperture")
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
    plot(page, IMAGE).band("background-2").focus()
    for _ in range(4):
        page.keyboard.down("ArrowDown")
    page.keyboard.up("ArrowDown")
    known = wait(page, "s.releases === 1")
    assert known["regions"][1] == [18.6, 22.6]


def test_wheel_on_a_band_zooms_and_the_band_stays_exact(page: Page) -> None:
    page.mouse.move(*plot(page, IMAGE).at(9.0, 13.0))
    page.mouse.wheel(0, -500)
    wait(page, "s.y[1] - s.y[0] < 20")
    figure = plot(page, IMAGE)
    assert figure.edges("aperture") == pytest.approx(APERTURE, abs=0.01)
    assert plot(page, PROFILE).edges("aperture") == pytest.approx(APERTURE, abs=0.01)
    figure.drag((9.0, 13.0), 0, 31)
    known = wait(page, "s.releases === 1")
    moved = -31 * figure.pixel
    assert known["aperture"] == close([APERTURE[0] + moved, APERTURE[1] + moved])
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / "overlay-zoomed.png")


def test_empty_area_pans_all_linked_figures(page: Page) -> None:
    page.mouse.move(*plot(page, IMAGE).at(9.0, 8.0))
    page.mouse.wheel(0, -500)  # all in view there is nowhere to pan to
    known = wait(page, f"s.x[0] > {WAVELENGTH[0] + 0.5}")
    figure = plot(page, IMAGE)
    figure.drag((9.0, 8.0), 50, 0)
    shift = 50 / figure.width * (known["x"][1] - known["x"][0])
    known = wait(page, f"Math.abs({figure.x_limits[0] - shift} - s.x[0]) < 1e-4")
    assert known["x"][1] == pytest.approx(figure.x_limits[1] - shift, abs=1e-4)
    assert (known["calls"], known["clicks"]) == (0, [])
    ticks = [
        page.locator(".lrs-plot").nth(number).get_by_text("9", exact=True).first.bounding_box()
        for number in (IMAGE, SPECTRUM)
    ]
    assert ticks[0] is not None
    assert ticks[1] is not None
    assert ticks[0]["x"] == pytest.approx(ticks[1]["x"], abs=0.1)


def test_hover_tells_wavelength_and_position_everywhere(page: Page) -> None:
    figure = plot(page, IMAGE)
    x, y = figure.at(10.0, 20.0)
    page.mouse.move(x, y)
    page.mouse.move(x + 3, y + 2)
    low, high = figure.x_limits
    wavelength = low + (x + 3 - figure.left) / figure.width * (high - low)
    position = figure.y_limits[1] - (y + 2 - figure.top) * figure.pixel
    known = wait(page, f"s.cursor[0] !== null && Math.abs(s.cursor[0] - {wavelength}) < 1e-4")
    assert known["cursor"] == pytest.approx([wavelength, position], abs=1e-4)
    marker = page.locator(".lrs-plot").nth(SPECTRUM).locator("line.lrs-marker").nth(0)
    box = marker.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] / 2 == pytest.approx(x + 3, abs=0.6)
    page.mouse.move(5, 5)
    wait(page, "s.cursor[0] === null")


def test_click_and_double_click(page: Page) -> None:
    figure = plot(page, IMAGE)
    x, y = figure.at(8.0, 13.0)  # on the aperture
    page.mouse.click(x, y)
    known = wait(page, "s.clicks.length === 1")
    assert known["clicks"][0] == pytest.approx([8.0, 13.0], abs=0.1)
    page.mouse.dblclick(x, y)
    known = wait(page, "s.centers === 1")
    assert len(known["clicks"]) == 2
    assert known["calls"] == 0, "a click is no gesture"


def test_a_kernel_that_corrects_does_not_pull_the_band_away(page: Page) -> None:
    page.get_by_label("snap").check()
    figure = plot(page, IMAGE)
    x, y = figure.at(9.0, 13.0)
    page.mouse.move(x, y)
    page.mouse.down()
    for way in range(0, 35, 2):
        page.mouse.move(x, y - way)
        moved = APERTURE[0] + way * figure.pixel
        assert figure.edges("aperture")[0] == pytest.approx(moved, abs=0.01)
    page.mouse.up()
    known = wait(page, "s.releases === 1")
    snapped = [round(edge + 34 * figure.pixel) for edge in APERTURE]
    assert known["aperture"] == snapped
    page.wait_for_function(
        "wanted => document.querySelector(\"[data-band='aperture']\")"
        ".getAttribute('aria-valuenow') === wanted",
        arg=f"{sum(snapped) / 2:g}",
    )
    page.get_by_label("snap").uncheck()


def test_aperture_follows_a_curved_trace(page: Page) -> None:
    page.get_by_role("button", name="curve").click()
    body = plot(page, IMAGE).band("aperture").locator(".lrs-body")
    page.wait_for_function(
        "e => e.getAttribute('d').split('L').length === 4", arg=body.element_handle()
    )
    assert plot(page, IMAGE).edges("aperture") == pytest.approx((11.0, 17.0), abs=0.01)
    assert plot(page, IMAGE).edges("background-1") == pytest.approx(REGIONS[0], abs=0.01)
    page.screenshot(path=SCREENSHOTS / "overlay-curve.png")
    page.get_by_role("button", name="straight").click()
    page.wait_for_function("e => e.getBoundingClientRect().height < 45", arg=body.element_handle())


def test_figure_grows_and_bands_with_it(page: Page) -> None:
    body = plot(page, IMAGE).band("aperture").locator(".lrs-body").element_handle()
    width = plot(page, IMAGE).width
    page.get_by_role("button", name="widen").click()
    page.wait_for_function("e => Math.abs(e.getBoundingClientRect().width - 870) < 1", arg=body)
    assert plot(page, IMAGE).edges("aperture") == pytest.approx(APERTURE, abs=0.01)
    page.get_by_role("button", name="narrow").click()
    page.wait_for_function(
        "([e, width]) => Math.abs(e.getBoundingClientRect().width - width) < 1", arg=[body, width]
    )


def test_shown_twice_and_taken_away(page: Page) -> None:
    page.get_by_role("button", name="again").click()
    copy = page.locator(".again [data-band='aperture']")
    copy.wait_for()
    assert page.locator("[data-band='aperture']").count() == 3
    copy.focus()
    page.keyboard.press("Shift+ArrowUp")
    assert wait(page, "s.releases === 1")["aperture"] == [12.0, 16.0]
    assert plot(page, IMAGE).edges("aperture") == pytest.approx((12, 16), abs=0.01)
    page.get_by_role("button", name="once").click()
    copy.wait_for(state="detached")
    plot(page, IMAGE).drag((9.0, 14.0), 0, -10)
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
        "5–12 µm trace 13.000 ± 0.300 px"
    ]
    page.screenshot(path=SCREENSHOTS / "overlay.png")
