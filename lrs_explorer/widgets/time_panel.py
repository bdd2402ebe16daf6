"""Controls of a time series: integrations, wavelength bins, output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)
from lrs_explorer.widgets.layout import CONTROLS_WIDTH
from lrs_explorer.widgets.scan_plot import ScanPlot

__all__ = ["IntegrationControls", "LightControls"]

IMAGES = (
    ("typical", "typical"),
    ("median in time", "median"),
    ("mean in time", "mean"),
    ("scatter in time", "std"),
    ("one integration", "integration"),
    ("integration − median", "difference"),
    ("2-D background", "background"),
)


class IntegrationControls:
    """Which image of the series is shown.

    Parameters
    ----------
    on_image : callable(str, int)
        Called with one of the values of `IMAGES`, and the integration, from 0.

    Attributes
    ----------
    widget : ipywidgets.Widget
    image : ipywidgets.Dropdown
    integration : ipywidgets.IntSlider
    play : ipywidgets.Play
    """

    def __init__(self, on_image: Callable[[str, int], None]) -> None:
        self._user = UserChanges()
        self._on_image = on_image
        self.image = ipywidgets.Dropdown(
            options=IMAGES,
            tooltip="Which image of the series is shown. Display only: no pipeline parameter.",
        )
        self.integration = ipywidgets.IntSlider(
            min=1,
            max=1,
            tooltip="Integration, from 1. Display only: no pipeline parameter.",
        )
        self.play = ipywidgets.Play(min=1, max=1, interval=400, show_repeat=False)
        self._user.watch(self.image, self._changed)
        self._user.watch(self.integration, self._stepped)
        self._user.watch(self.play, self._played)
        self.widget = ipywidgets.VBox(
            [
                row(field("image", self.image, width="170px")),
                row(field("integration", self.integration, width="230px")),
                row(self.play),
            ]
        )

    def show_count(self, count: int) -> None:
        """Offer so many integrations."""
        with self._user.silence():
            self.integration.max = self.play.max = count
            self.image.value = "typical"

    def again(self) -> None:
        """Ask once more for the image that is chosen: the series behind it is another one."""
        if self.image.value != "typical":
            self._changed()

    def show_integration(self, integration: int) -> None:
        """Show this integration (from 0), as a click on a light curve asks."""
        with self._user.silence():
            self.integration.value = integration + 1
            if self.image.value not in ("integration", "difference"):
                self.image.value = "integration"
        self._changed()

    def _stepped(self) -> None:
        self.show_integration(self.integration.value - 1)

    def _played(self) -> None:
        self.show_integration(self.play.value - 1)

    def _changed(self) -> None:
        self._on_image(self.image.value, self.integration.value - 1)


class LightControls:
    """Wavelength bins, the scan for a quiet aperture, and files.

    Parameters
    ----------
    on_bin, on_clear, on_scan, on_use : callable()
    on_save : callable(str, bool)
        Called with a file name and whether it may be replaced.

    Attributes
    ----------
    widget : ipywidgets.Widget
    add, clear, scan, use, save : ipywidgets.Button
    plot : ScanPlot
    file_name : ipywidgets.Text
    overwrite : ipywidgets.Checkbox
    result : ipywidgets.HTML
    """

    def __init__(
        self,
        on_bin: Callable[[], None],
        on_clear: Callable[[], None],
        on_scan: Callable[[], None],
        on_use: Callable[[], None],
        on_save: Callable[[str, bool], None],
    ) -> None:
        self.add = button(
            "add the wavelengths in view",
            "Draw a light curve of the wavelengths that are in view. Or hold Shift and drag across "
            "the spectrum or the dynamic spectrum. Display only: no pipeline parameter.",
            on_bin,
        )
        self.clear = button("white light only", "Remove all bins.", on_clear)
        self.scan = button(
            "scan apertures",
            "Extract with many widths and centers, and tell which aperture gives a quiet white "
            "light curve and lies on the trace.",
            on_scan,
        )
        self.use = button(
            "use the recommended",
            "Take the aperture that the scan has found, and replace outliers in time if it did.",
            on_use,
        )
        self.plot = ScanPlot(f"calc({CONTROLS_WIDTH} - 24px)", "190px")
        self.file_name = ipywidgets.Text(
            continuous_update=True,
            tooltip="File for the light curves (ECSV); a relative path starts at the working "
            "folder.",
        )
        self.overwrite = checkbox("replace an existing table", "Replace the file of this name.")
        self.save = button(
            "save light curves",
            "Write time, flux and error of all light curves as an ECSV table.",
            lambda: on_save(self.file_name.value.strip(), self.overwrite.value),
        )
        self.result = note_box()
        brush = note_html("Shift and drag across a spectrum adds those wavelengths.", "hint")
        self.widget = ipywidgets.VBox(
            [
                row(self.add, self.clear),
                ipywidgets.HTML(brush),
                row(self.scan, self.use),
                self.plot.widget,
                self.result,
                row(field("table", self.file_name, width="260px")),
                row(self.save, self.overwrite),
            ]
        )

    def show_result(self, lines: Sequence[str], *, usable: bool = False) -> None:
        """Show what came out of a scan, or of saving; ``usable`` = an aperture to take."""
        self.use.disabled = not usable
        self.result.value = "".join(f"<div>{note_html(line)}</div>" for line in lines)
