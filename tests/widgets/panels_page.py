"""A page with the spectrum view and all controls on synthetic spectra, for the browser tests.

It plays the part of the application: each callback changes a frozen value and shows it everywhere.
"""

from __future__ import annotations

from dataclasses import replace

import ipywidgets
import numpy as np

from lrs_explorer.model.products import COLUMN_UNITS, Spectrum, Trace
from lrs_explorer.model.recipe import Aperture, Background, Extraction
from lrs_explorer.widgets.aperture_controls import ApertureControls, ExtractionControls
from lrs_explorer.widgets.background_controls import BackgroundControls
from lrs_explorer.widgets.display import Display
from lrs_explorer.widgets.display_controls import ImageDisplayControls, SpectrumDisplayControls
from lrs_explorer.widgets.information import InformationPanel
from lrs_explorer.widgets.layout import CONTROLS_WIDTH
from lrs_explorer.widgets.message_bar import MessageBar
from lrs_explorer.widgets.open_panel import OpenChoice, OpenPanel
from lrs_explorer.widgets.pins import PinList
from lrs_explorer.widgets.readout import Reading, Readout
from lrs_explorer.widgets.spectrum_display import SpectrumDisplay
from lrs_explorer.widgets.spectrum_view import SpectrumView
from lrs_explorer.widgets.style import ROOT_CLASS, style_widget
from lrs_explorer.widgets.toolbar import Toolbar

N_WAVE = 390
LIMITS = (-0.5, 47.5)
TRACE = Trace(31.2, 0.04, (0.3, -0.0015), 120.0)


def true_flux(wavelength: np.ndarray) -> np.ndarray:
    """Return a falling continuum in Jy with a broad absorption band near 9.7 micron."""
    band = 1 - 0.45 * np.exp(-0.5 * ((wavelength - 9.7) / 0.8) ** 2)
    return 0.012 * (8 / wavelength) ** 1.5 * band


def make_spectrum(
    scale: float = 1.0, seed: int = 1, origin: str = "live", notes: tuple[str, ...] = ()
) -> Spectrum:
    """Return ``scale`` times the true flux with seeded noise, two gaps and a spike."""
    rng = np.random.default_rng(seed)
    wavelength = 14.0 - 9.5 * np.linspace(0, 1, N_WAVE) ** 1.3
    error = 1.5e-4 * (1 + ((wavelength - 8) / 3) ** 4)
    flux = scale * true_flux(wavelength) + error * rng.normal(size=N_WAVE)
    flux[[150, 151, 152, 220]] = np.nan
    flux[250] *= 4
    columns = {name: np.zeros(N_WAVE) for name in COLUMN_UNITS}
    columns.update(
        WAVELENGTH=wavelength,
        FLUX=flux,
        FLUX_ERROR=error,
        SURF_BRIGHT=flux * 4e5,
        SB_ERROR=error * 4e5,
    )
    return Spectrum(columns, origin=origin, notes=notes)


class Page:
    """All panels, wired to one aperture, one background and one display."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self.aperture, self.background = Aperture(30.0, 8.0), Background(((4.0, 9.0), (40.0, 44.5)))
        self.extraction, self.display = Extraction(), SpectrumDisplay()
        self.view = SpectrumView()
        self.pins = PinList(self.on_pins)
        self.aperture_controls = ApertureControls(self.on_aperture)
        self.extraction_controls = ExtractionControls(self.on_extraction)
        self.background_controls = BackgroundControls(self.on_background)
        self.image_controls = ImageDisplayControls(self.on_image_display, self.events.append)
        self.spectrum_controls = SpectrumDisplayControls(self.on_display)
        self.messages, self.readout, self.information = MessageBar(), Readout(), InformationPanel()
        self.open_panel = OpenPanel(self.events.append)
        self.toolbar = Toolbar(
            on_undo=lambda: self.events.append("undo"),
            on_redo=lambda: self.events.append("redo"),
            on_reset_zoom=self.reset_zoom,
            on_pin=self.pin,
            on_open=lambda: self.events.append("open"),
            on_image=self.events.append,
            on_save_spectrum=lambda name, overwrite: self.events.append((name, overwrite)),
            on_save_recipe=lambda name, overwrite: self.events.append((name, overwrite)),
        )
        self.view.on_hover(self.on_hover)
        self.fill()
        tabs = ipywidgets.Tab(
            [
                ipywidgets.VBox([self.aperture_controls.widget, self.extraction_controls.widget]),
                self.background_controls.widget,
                ipywidgets.VBox([self.spectrum_controls.widget, self.image_controls.widget]),
                self.pins.widget,
                self.information.widget,
            ],
            titles=("Aperture", "Background", "Display", "Pins", "Information"),
            layout={"width": CONTROLS_WIDTH, "flex": "0 0 auto"},
        )
        self.widget = ipywidgets.VBox(
            [
                style_widget(),
                self.toolbar.widget,
                self.messages.widget,
                ipywidgets.HBox([self.view.widget, tabs]),
                self.readout.widget,
                self.open_panel.widget,
            ]
        ).add_class(ROOT_CLASS)

    def fill(self) -> None:
        """Show something in each panel."""
        wavelength = np.linspace(4, 15, 800)
        self.view.show_truth(wavelength, true_flux(wavelength))
        self.view.show_delivered(make_spectrum(1.0, 2, "delivered"))
        self.extract()
        self.pins.add(make_spectrum(0.85, 3), "center 30.0, width 5.0")
        self.pins.add(make_spectrum(1.1, 4), "<b>wide</b>")
        self.on_pins(self.pins.pins)
        self.show_controls()
        self.toolbar.show_history("aperture moved", None)
        self.toolbar.show_images([("nod 1", 1), ("nod 2", 2), ("combined", "combined")], 1)
        self.messages.show("This demo is simulated; its true spectrum is known.")
        self.messages.show(
            "No aperture correction was made: <none> found for SUBARRAY FULL.",
            "warning",
            "apcorr reference: N/A\n<script>document.title = 'broken'</script>",
        )
        self.information.show(
            [
                ("Observation", [("target", "HD 0 <b>"), ("mode", "slit"), ("date", "2026-01-02")]),
                ("Reference files", [("extract1d", "jwst_miri_extract1d_0005.json"), ("psf", "")]),
            ]
        )
        self.open_panel.show(
            [
                OpenChoice(
                    "/a", "jw01536-o027", "BD+60-1753", "2022-06-08", "slit", ("s2d", "x1d")
                ),
                OpenChoice("/b", "jw01033-o005", "L168-9", "2022-05-29", "slitless", ("x1dints",)),
            ],
            "/data",
        )

    def show_controls(self) -> None:
        self.aperture_controls.show(
            self.aperture, source="placed by you", limits=LIMITS, trace=TRACE
        )
        self.extraction_controls.show(self.extraction, drawn=True)
        self.background_controls.show(
            self.background, source="chosen by you", limits=LIMITS, aperture=self.aperture
        )
        self.image_controls.show(Display(), used=(-1.25, 40.5), no_dq="s2d has no DQ extension")
        self.spectrum_controls.show(self.display, self.view.references, has_truth=True)

    def extract(self) -> None:
        """Show a spectrum that grows with the aperture's width."""
        notes = ("no aperture correction: reference file not available",)
        self.view.show_live(make_spectrum(1.0 + 0.02 * (self.aperture.width - 8), notes=notes))

    def on_aperture(self, aperture: Aperture | None) -> None:
        self.events.append(aperture)
        self.aperture = aperture or Aperture(30.5, 8.0)
        self.show_controls()
        self.extract()

    def on_background(self, background: Background | None) -> None:
        self.events.append(background)
        self.background = background or Background(((2.0, 6.0),))
        self.show_controls()

    def on_extraction(self, extraction: Extraction) -> None:
        self.events.append(extraction)
        self.extraction = extraction

    def on_image_display(self, display: Display) -> None:
        self.events.append(display)

    def on_display(self, display: SpectrumDisplay) -> None:
        self.display = display
        self.view.show_display(display)

    def on_pins(self, pins: object) -> None:
        self.view.show_pins(self.pins.pins)
        keys = [value for _, value in self.view.references]
        if self.display.reference not in keys:
            self.on_display(replace(self.display, reference="delivered"))
        self.spectrum_controls.show(self.display, self.view.references, has_truth=True)

    def on_hover(self, wavelength: float | None) -> None:
        self.view.show_marker(wavelength)
        if wavelength is None:
            self.readout.show(None)
            return
        flux, error, unit = self.view.live_at(wavelength) or (None, None, "Jy")
        self.readout.show(
            Reading(wavelength=wavelength, flux=flux, flux_error=error, flux_unit=unit)
        )

    def pin(self) -> None:
        self.pins.add(make_spectrum(0.95, 9), "pinned by hand")
        self.on_pins(self.pins.pins)

    def reset_zoom(self) -> None:
        with self.view.x_scale.hold_sync():
            self.view.x_scale.min, self.view.x_scale.max = 4.5, 14.0
