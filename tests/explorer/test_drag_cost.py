"""What a drag costs besides the extraction: no widget is made, and only what changed is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from ipywidgets.widgets import widget as registry

import lrs_explorer as lrs
from lrs_explorer.widgets.overlay import PlotOverlay


@pytest.fixture
def ui() -> Iterator[lrs.Explorer]:
    explorer = lrs.Explorer()
    assert explorer.spectrum is not None  # waits for all that is done in the background
    yield explorer
    for made in list(registry._instances.values()):
        made.close()


def drag(ui: lrs.Explorer, upwards: float, released: bool) -> None:
    """Move the aperture as the browser does: by a message of the image's overlay."""
    overlay = ui._screen.image.overlay
    assert isinstance(overlay, PlotOverlay)
    (band,) = (one for one in overlay.bands if one.id == "aperture")
    last = overlay.gesture
    overlay.set_state(
        {
            "gesture": {
                "n": max(last["n"], overlay.shown["after"]) + 1,
                "bands": [
                    {
                        **asdict(band),
                        "lower": band.lower + upwards,
                        "upper": band.upper + upwards,
                    }
                ],
                "releases": last["releases"] + released,
            }
        }
    )


def test_no_widget_is_made_while_dragging(ui: lrs.Explorer) -> None:
    """The score card of positions once made all its lines anew for every pointer move."""
    drag(ui, 0.5, released=True)  # what a first placement by hand shows for good
    before = Counter(type(one).__name__ for one in registry._instances.values())
    for step in range(20):
        drag(ui, 0.1 if step < 10 else -0.1, released=step % 5 == 4)
    assert ui.recipe.aperture is not None
    after = Counter(type(one).__name__ for one in registry._instances.values())
    assert after == before


def test_a_drag_sends_what_changed_and_no_more(
    ui: lrs.Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    drag(ui, 0.5, released=True)
    sent: list[tuple[Any, tuple[str, ...]]] = []
    for one in list(registry._instances.values()):
        monkeypatch.setattr(
            type(one),
            "send_state",
            lambda self, key=None: sent.append((self, tuple(key or ()))),
        )
    drag(ui, 0.1, released=False)
    flux = ui._screen.spectrum.flux
    keys = {widget: key for widget, key in sent if widget in (flux.lines["live"], flux.band)}
    assert set(keys) == {flux.lines["live"], flux.band}
    assert not {"image", "marks", "children", "scales"} & {k for _, keys in sent for k in keys}
    assert len(sent) < 20
