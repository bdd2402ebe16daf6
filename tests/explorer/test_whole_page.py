"""The page as a whole: nothing cut off, everything within reach, and what happens when it ends."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest
from explorer_page import IMAGE, PASSED, ExplorerPage, Open

CONTROLS = ".lrs-explorer :is(input, select, button)"


@pytest.fixture(scope="module")
def wide(open_explorer: Open) -> ExplorerPage:
    """Return the demo on a wide screen."""
    explorer = open_explorer(width=1920, height=1080)
    explorer.until_live()
    return explorer


def overlaps(explorer: ExplorerPage) -> list[str]:
    """Return what covers, or is cut off from, what; the page is looked at as it is."""
    found: list[str] = explorer.page.evaluate(
        """() => {
          const found = [];
          const root = document.querySelector('.lrs-explorer').getBoundingClientRect();
          const seen = e => e.getBoundingClientRect().height > 1;
          const parts = [...document.querySelectorAll(
            '.lrs-explorer :is(.lrs-plot, .lrs-tabs, .lrs-legend, .lrs-readout, .lrs-head, ' +
            '.lrs-image-legend, .lrs-profile-legend, .lrs-statistics)')].filter(seen);
          const name = e => e.className.toString().replace(/.*(lrs-[a-z-]+).*/, '$1');
          for (const [i, one] of parts.entries()) {
            const a = one.getBoundingClientRect();
            if (a.right > Math.min(root.right, innerWidth) + 1)
              found.push(`${name(one)} is cut off`);
            for (const other of parts.slice(i + 1)) {
              const b = other.getBoundingClientRect();
              const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
              const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
              if (across > 1 && down > 1) found.push(`${name(one)} over ${name(other)}`);
            }
          }
          for (const plot of document.querySelectorAll('.lrs-explorer .lrs-plot')) {
            const box = plot.getBoundingClientRect();
            if (!seen(plot)) continue;
            const texts = [...plot.querySelectorAll('.axis text')].filter(e => e.textContent);
            for (const text of texts) {
              const t = text.getBoundingClientRect();
              if (t.left < box.left - 1 || t.right > box.right + 1 || t.bottom > box.bottom + 1)
                found.push(`label ${text.textContent} is cut off`);
            }
            for (const anchor of ['middle', 'end']) {
              const boxes = [...plot.querySelectorAll(`.axis[text-anchor=${anchor}] .tick text`)]
                .filter(e => e.textContent).map(e => [e.textContent, e.getBoundingClientRect()]);
              for (const [i, [text, a]] of boxes.entries())
                for (const [other, b] of boxes.slice(i + 1))
                  if (Math.min(a.right, b.right) > Math.max(a.left, b.left) &&
                      Math.min(a.bottom, b.bottom) > Math.max(a.top, b.top) + 2)
                    found.push(`tick ${text} over ${other}`);
            }
          }
          return found;
        }"""
    )
    return found


def lasting_overlaps(explorer: ExplorerPage) -> list[str]:
    """Return what is still covered or cut off when the page has come to rest.

    While the axes move to a new range, bqplot draws ticks beyond their ends for a few frames.
    """
    found: list[list[str]] = []

    def rested() -> bool:
        found.append(overlaps(explorer))
        return len(found) > 20 and not any(found[-20:])

    with contextlib.suppress(AssertionError):
        explorer.until(rested, 10.0)
    return next((one for one in reversed(found[-20:]) if one), [])


@pytest.mark.parametrize("tab", ["Extraction", "Display", "Pins", "Info"])
@pytest.mark.parametrize("width", [1280, 1920])
def test_nothing_is_cut_off_or_covered(
    demo: ExplorerPage, wide: ExplorerPage, width: int, tab: str
) -> None:
    explorer = demo if width == 1280 else wide
    explorer.button("center on trace").click()
    explorer.until(lambda: explorer.median == pytest.approx(PASSED, abs=0.01))
    explorer.tab(tab)
    assert lasting_overlaps(explorer) == []
    assert explorer.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    explorer.screenshot(f"demo-{width}-{tab.lower()}")
    explorer.tab("Extraction")


def test_the_width_is_used(demo: ExplorerPage, wide: ExplorerPage) -> None:
    assert demo.plot(IMAGE).width > 700
    assert wide.plot(IMAGE).width > 1300


def test_every_control_says_what_it_does(demo: ExplorerPage) -> None:
    controls: list[dict[str, str]] = demo.page.locator(CONTROLS).evaluate_all(
        """all => all.filter(e => !e.closest('.toolbar_div')).map(e => ({
             tip: e.title,
             name: e.textContent || e.ariaLabel || '',
             markup: e.outerHTML,
             kind: e.type,
           }))"""
    )
    assert len(controls) > 40
    for control in controls:
        if 'type="text"' in control["markup"] and "for=" not in control["markup"]:
            continue
        assert control["tip"], control["markup"]
        assert "<" not in control["tip"], control["markup"]
        unnamed = 'size="10"' in control["markup"]  # the list of observations, while empty
        assert control["name"] or unnamed, control["markup"]
    tips = " ".join(control["tip"] for control in controls)
    for parameter in (
        *("xstart", "extract_width", "src_coeff", "use_source_posn", "position_offset"),
        *("bkg_coeff", "bkg_fit", "bkg_order", "smoothing_length", "subtract_background"),
        *("extraction_type", "apply_apcorr"),
    ):
        assert parameter in tips
    bands = demo.plot(IMAGE).root.locator(".lrs-band title").all_text_contents()
    assert all("Arrow keys" in text for text in bands)


def test_every_control_is_reached_by_keyboard(demo: ExplorerPage) -> None:
    demo.button("add region").click()
    demo.until(lambda: len(demo.regions()) == 1)
    # Buttons of the status line are off while that is checked.
    demo.until(lambda: "found" in demo.at_rest(lambda: demo.text(".lrs-status")))
    reachable = set(
        demo.page.locator(CONTROLS).evaluate_all(
            """all => all.filter(e => e.getBoundingClientRect().width > 0 && !e.disabled &&
                                      !e.closest('.toolbar_div'))
                         .map((e, i) => e.dataset.number = String(i))"""
        )
    )
    demo.button("open…").focus()
    reached, bands, tabs = set(), set(), 0
    for _ in range(len(reachable) + 40):
        found = demo.page.evaluate(
            """() => { const e = document.activeElement;
                       return [e.dataset.number, e.dataset.band, e.getAttribute('role')] }"""
        )
        reached.add(found[0])
        bands.add(found[1])
        tabs += found[2] == "tab"
        demo.page.keyboard.press("Tab")
    assert reachable <= reached
    assert {"aperture", "background-1"} <= bands
    assert tabs


def kernels(folder: Path) -> set[int]:
    """Return the processes of the kernels whose working folder this is (Linux)."""
    found = set()
    for process in Path("/proc").iterdir():
        try:
            command = (process / "cmdline").read_bytes()
            if b"ipykernel_launcher" in command and (process / "cwd").resolve() == folder:
                found.add(int(process.name))
        except (OSError, ValueError):
            continue
    return found


def test_a_kernel_that_goes_away_is_told(open_explorer: Open, served: tuple[Path, str]) -> None:
    folder = served[0].resolve()
    before = kernels(folder)
    explorer = open_explorer()
    explorer.until_live()
    (kernel,) = kernels(folder) - before
    os.kill(kernel, signal.SIGKILL)
    explorer.root.get_by_text("The kernel").wait_for()
    explorer.until(lambda: "Reload the page" in explorer.text(".lrs-gone"))
    explorer.screenshot("kernel-gone")
    explorer.page.close()
