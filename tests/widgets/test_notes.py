"""What is said of a typed number stays to be read: the page is drawn anew for many reasons."""

from __future__ import annotations

from dataclasses import replace

from lrs_explorer.model.recipe.recipe import Aperture, Background
from lrs_explorer.widgets.aperture_controls import ApertureControls
from lrs_explorer.widgets.background_controls import BackgroundControls

LIMITS = (-0.5, 44.5)


def test_a_note_on_the_aperture_stays_until_it_is_placed_otherwise() -> None:
    controls = ApertureControls(lambda aperture: aperture and show(aperture))

    def show(placed: Aperture, source: str = "chosen by you") -> None:
        controls.show(placed, source=source, limits=LIMITS)

    show(Aperture(18.3, 8.0))
    controls.width.value = -3.0
    assert "The width -3 was kept" in controls.note.value
    kept = Aperture(18.3, controls.width.value)
    show(kept, "as before, and drawn anew")
    assert "The width -3 was kept" in controls.note.value
    show(replace(kept, width=8.0))
    assert controls.note.value == ""


def test_a_note_on_the_background_stays_until_another_is_chosen() -> None:
    controls = BackgroundControls(lambda background: show(background))

    def show(background: Background, source: str = "chosen by you") -> None:
        controls.show(background, source=source, limits=LIMITS, aperture=Aperture(18.3, 8.0))

    show(Background(regions=((2.5, 8.5),)))
    controls.smoothing_length.value = 4
    assert "5 is used, not 4" in controls.note.value
    show(Background(regions=((2.5, 8.5),), smoothing_length=5), "as before, and drawn anew")
    assert "5 is used, not 4" in controls.note.value
    controls.smoothing_length.value = 7
    assert controls.note.value == ""
