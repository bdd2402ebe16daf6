"""The tab "Time" and the views below the spectrum: a series in time."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np

from lrs_explorer.app.comparing import pin_all_beside_live
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.shown import Shown
from lrs_explorer.app.tabs.time_options import TimeOptions
from lrs_explorer.app.tabs.time_sky import TimeSky
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import NOMINAL_RANGE
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.files.disk import replacing
from lrs_explorer.model.recipe.recipe import Aperture, Recipe
from lrs_explorer.model.runs.reprocessor import Made
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.series.images import TimeSeriesImages
from lrs_explorer.model.series.light_curve import LightCurve
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.time import breaks
from lrs_explorer.model.series.width_scan import WidthScan
from lrs_explorer.model.stages.extract import extracted
from lrs_explorer.model.stages.series_stages import TWO_DIMENSIONAL, SeriesStages
from lrs_explorer.widgets.time_panel import IntegrationControls, LightControls
from lrs_explorer.widgets.time_plot import Binned, Course
from lrs_explorer.widgets.time_view import TimeView

__all__ = ["TimeTab"]

DEBOUNCE = 0.4
"""Seconds without a change after which the dynamic spectrum is drawn anew."""

NOTEWORTHY = 0.02
"""Part of the source's flux from which sky in a light curve is told."""

READING = "all integrations are being read …"

Range = tuple[float, float]


class TimeTab:
    """Keeps light curves in step with the aperture, and lets integrations be browsed.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._stages: SeriesStages | None = None
        self._bins: list[Range] = []
        self._curves: list[LightCurve] = []
        self._comparison: Future[Any] | None = None  # shown, or on its way
        self._scan_found: WidthScan | None = None
        self._scanned_for: Recipe | None = None  # with any aperture
        self._reading: Future[TimeSeries] | None = None
        self._delivered: TimeSeries | None = None  # where there are spectra without images
        self._count = 0
        self._debounce = Debounce(DEBOUNCE, controller.page)
        screen = controller.screen
        self.view = TimeView(screen.spectrum.x_scale, self._clicked, self._add_bin)
        screen.spectrum.flux.overlay.on_brush(self._add_bin)
        screen.add_views(self.view.first, self.view.widget)
        self.integrations = IntegrationControls(self._show_image)
        self.light = LightControls(
            self._add_view, self._clear_bins, self._scan, self._use_scanned, self._save
        )
        self.options = TimeOptions(controller, self.view)
        self.sky = TimeSky(controller, self.view, self._compare, self._show_light)
        screen.add_tab(
            "Time",
            ("Integrations", self.integrations.widget),
            ("Light curves", self.light.widget),
            ("Background", self.sky.controls.widget),
            ("Outliers and motion", self.options.controls.widget),
            shown=False,
        )

    @property
    def light_curves(self) -> tuple[LightCurve, ...]:
        """The light curves that are shown, the white one first."""
        return tuple(self._curves)

    def changed(self, before: Shown, now: Shown) -> None:
        """Draw the light curves of the recipe; called at every step of a drag."""
        stages = now.stages
        other = stages is not before.stages
        if other:
            self._open(now)
        if self._stages is None:
            return
        if self._delivered is None:
            self._forget_scan(now)
            self.sky.changed(before, now)
            self.options.changed(before, now)
            if now.spectrum is None:
                return  # the pipeline is still being loaded
        if (
            other
            or now.drawn != before.drawn
            or now.image is not before.image
            or now.references is not before.references
            or before.spectrum is None
        ):
            again = self._comparison is not None and now.drawn == before.drawn and not other
            self._comparison = None
            self._draw(self._stages, now.drawn)
            if again:  # what it was made with has changed, reference files perhaps
                self._compare()
        if now.image is not before.image and not other:
            self.integrations.again()

    def _open(self, now: Shown) -> None:
        """Begin with another observation; there are light curves of a series, if it can be read."""
        stages = now.stages if isinstance(now.stages, SeriesStages) else None
        self._controller.screen.show_tab("Time", stages is not None)
        self._delivered = self._scan_found = self._scanned_for = self._reading = None
        if stages is not None and now.image is None:
            self._delivered = stages.observation.delivered_series()
            if self._delivered is None:
                stages = None
        self._stages, self._bins, self._comparison = stages, [], None
        slitless = stages is not None and stages.observation.mode == "slitless"
        self.sky.open(stages if slitless else None)
        images = stages is not None and self._delivered is None
        self._controller.screen.show_section("Time", "Background", slitless and images)
        self._controller.screen.show_section("Time", "Outliers and motion", images)
        self.integrations.image.disabled = self.light.scan.disabled = not images
        self.options.open(stages)
        self._controller.screen.spectrum.flux.overlay.brushes = stages is not None
        if stages is None:
            self.view.show_nothing()
            return
        series = self._delivered or stages.series()
        self._show_times(series)
        self.light.file_name.value = f"{stages.observation.name}_light_curves.ecsv"
        self.light.show_result(series.notes)
        self.light.plot.show(None)

    def _show_times(self, series: TimeSeries | TimeSeriesImages) -> None:
        """Make room for the integrations of a series."""
        timed = series.time_scale != "index"
        hours = (series.time - series.time[0]) * (24.0 if timed else 1.0)
        self.view.show_series(hours, breaks(series.time), timed)
        self.integrations.show_count(len(series))
        self._count = len(series)

    def _draw(self, stages: SeriesStages, recipe: Recipe) -> None:
        try:
            if self._delivered is None and not stages.is_prepared(recipe):
                self._read(stages, recipe)
                return
            light = self._delivered or stages.light(recipe)
            if self._delivered is not None or not self.sky.follow():
                self._show_light(light)
        except LRSExplorerError as error:
            self._controller.screen.messages.show(str(error), "error")
            return
        self._debounce.call(lambda: self._rest(stages, recipe, light))

    def _show_light(self, light: TimeSeries) -> None:
        if len(light) != self._count:  # the pipeline has made segments that were not here, or undo
            self._show_times(light)
        self._curves = [light.light_curve(limits) for limits in (NOMINAL_RANGE, *self._bins)]
        if self._comparison is None:  # else what has only now been read changes nothing
            self._show_curves({curve.name: curve for curve in self._curves})
        self.options.follow(self._curves[0])

    def _show_curves(self, curves: dict[str, LightCurve], source: LightCurve | None = None) -> None:
        """Draw light curves; ``source`` = the one of the source alone, with which to compare."""
        scatters = [curve.scatter for curve in curves.values()]
        self.view.show_curves(
            [Course(name, curve.relative) for name, curve in curves.items()],
            [Binned(s.bin_sizes, 1e6 * s.binned, 1e6 * s.white) for s in scatters],
            [_words(curve, source) for curve in curves.values()],
        )

    def _read(self, stages: SeriesStages, recipe: Recipe) -> None:
        """Read all integrations off the page's way; the light curves follow."""
        if self.sky.dragged is None:  # else the curve of what is dragged is there
            self.view.tell(READING)

        def read(future: Future[TimeSeries]) -> None:
            if future is self._reading and self._controller.succeeded(future):
                self._redraw()

        self._reading = self._controller.start(lambda: stages.light(recipe), read)

    def _rest(self, stages: SeriesStages, recipe: Recipe, light: TimeSeries) -> None:
        """Draw what takes longer, once the recipe rests."""
        if stages is not self._stages or recipe != self._controller.shown.drawn:
            return
        self.view.show_dynamic(light.wavelength, light.dynamic_spectrum)
        if self._delivered is None:
            self.sky.rest()
            self.options.rest(light)

    # -- what the user does ------------------------------------------------------------------------

    def _clicked(self, integration: int) -> None:
        self.integrations.show_integration(integration)

    def _show_image(self, kind: str, integration: int) -> None:
        """Show another image of the series; the aperture stays what it is."""
        stages, screen = self._stages, self._controller.screen
        if stages is None:
            return
        if self._delivered is not None:
            self.view.mark(integration)
            return
        try:
            series = stages.series(self._controller.shown.drawn)
            if kind == "integration":
                image = series.image(integration)
            elif kind == "difference":
                image = series.difference(integration)
            elif kind == "typical":
                image = series.typical
            elif kind == "background":
                image = stages.background_image(self._controller.shown.drawn.slitless)
            else:
                image = series.statistic(kind)
        except LRSExplorerError as error:
            screen.messages.show(str(error), "error")
            return
        screen.show_image(image)
        self.view.mark(integration if kind in ("integration", "difference") else None)

    def _add_view(self) -> None:
        scale = self._controller.screen.spectrum.x_scale
        self._add_bin(float(scale.min), float(scale.max))

    def _add_bin(self, low: float, high: float) -> None:
        """Draw a light curve of these wavelengths as well, if any were measured there."""
        stages, limits = self._stages, (low, high)
        if stages is None or not self._curves or limits in self._bins:
            return
        try:
            light = self._delivered or stages.light(self._controller.shown.drawn)
            light.light_curve(limits)
        except LRSExplorerError as error:
            self._controller.screen.messages.show(str(error), "error")
            return
        self._bins.append(limits)
        self._comparison = None
        self._redraw()

    def _clear_bins(self) -> None:
        self._bins, self._comparison = [], None
        self._redraw()

    def _redraw(self) -> None:
        shown = self._controller.shown
        if self._stages is not None and (shown.spectrum or self._delivered):
            self._draw(self._stages, shown.drawn)

    def _scan(self) -> None:
        """Look, in the background, for the aperture of the quietest white light curve."""
        stages, recipe = self._stages, self._controller.shown.drawn
        if stages is None:
            return
        self.light.plot.show(None)
        self.light.show_result(["apertures are being tried …"])
        self._scan_found, self._scanned_for = None, _scanned(self._controller.shown)
        wanted = self._scanned_for
        self._controller.start(
            lambda: stages.scan(recipe), lambda future: self._show_scan(future, wanted)
        )

    def _show_scan(self, future: Future[WidthScan], wanted: Recipe) -> None:
        if wanted is not self._scanned_for:
            return  # what was scanned is no longer what is shown, and this has been said
        if not self._controller.succeeded(future):
            self.light.show_result([])
            return
        scan = future.result()
        if not np.isfinite(scan.scatter).any():
            self.light.show_result(["too few integrations to tell which aperture is quietest"])
            return
        self._scan_found = scan
        self.light.plot.show(scan)
        self.light.show_result(_scan_words(scan), usable=True)

    def _forget_scan(self, now: Shown) -> None:
        """Let nobody take the aperture of a scan that was made for another recipe."""
        if self._scanned_for is None or self._scanned_for == _scanned(now):
            return
        self._scan_found = self._scanned_for = None
        self.light.plot.show(None)
        self.light.show_result(["the recipe has changed since the scan: scan again"])

    def _use_scanned(self) -> None:
        scan, wanted = self._scan_found, self._scanned_for
        if scan is None or wanted is None:
            return
        # Without cosmic rays it is quiet; with them it may be noisier than what was.
        series = self._controller.shown.recipe.series
        if scan.cleaned:
            series = dataclasses.replace(series, outliers="replace")
        self._scanned_for = wanted.replace(series=series)
        self._controller.change(aperture=scan.best, series=series)

    def _compare(self) -> None:
        """Compare the ways to a background; with other exposures the pipeline runs before."""
        stages, recipe = self._stages, self._controller.shown.drawn
        if stages is None:
            return
        exposures = self.sky.controls.background.checked
        try:
            ways = stages.ways_to_background(recipe, exposures)
        except LRSExplorerError as error:
            self._controller.screen.messages.show(str(error), "error")
            return

        def made(future: Future[Made]) -> None:
            self._controller.refresh()  # it has made the image that is waited for, too
            if isinstance(future.exception(), CancelledError):
                self._redraw()
            elif self._controller.succeeded(future):
                self._show_ways(stages, ways, pinned=True)

        if not exposures:
            self._show_ways(stages, ways)
            return
        to_make = [self._controller.shown.recipe, [*ways.values()][-1]]
        self.view.tell("the pipeline subtracts the exposures that are checked …")
        self._controller.runs.start(
            lambda report, cancelled: stages.make_all(to_make, report, cancelled),
            made,
            recipe,
            wanted="comparison",
        )

    def _show_ways(
        self, stages: SeriesStages, ways: dict[str, Recipe], *, pinned: bool = False
    ) -> None:
        """Show the light curves of ways to a background, until something is changed."""
        self.view.tell("ways to the background are being compared …")

        def compare() -> tuple[dict[str, LightCurve], dict[str, Spectrum]]:
            curves = {name: stages.light(way).light_curve() for name, way in ways.items()}
            return curves, {name: stages.spectrum(way) for name, way in ways.items() if pinned}

        def compared(future: Future[tuple[dict[str, LightCurve], dict[str, Spectrum]]]) -> None:
            if future is not self._comparison:
                return
            if self._controller.succeeded(future):
                curves, spectra = future.result()
                self._show_curves(curves, curves[TWO_DIMENSIONAL])
                pin_all_beside_live(self._controller, spectra)
            else:
                self._comparison = None
                self._redraw()

        self._comparison = self._controller.start(compare, compared)

    def _save(self, path: str, overwrite: bool) -> None:
        """Write the light curves with the error of each integration, which takes whole spectra."""
        stages, drawn = self._stages, self._controller.shown.drawn
        if not (path and self._curves) or stages is None:
            return
        ranges = [curve.wavelength_range for curve in self._curves]
        delivered, target = self._delivered, Path(path).expanduser()

        def written() -> Path:
            series = delivered or extracted(stages, drawn)
            assert isinstance(series, TimeSeries)
            return _write_curves([series.light_curve(r) for r in ranges], target, overwrite)

        def told(future: Future[Path]) -> None:
            done = self._controller.succeeded(future)
            self.light.show_result([f"light curves written to {future.result()}"] if done else [])

        self.light.show_result(["the errors of all integrations are being computed …"])
        self._controller.start(written, told)


def _write_curves(curves: list[LightCurve], target: Path, overwrite: bool) -> Path:
    """Write light curves side by side as ECSV; return the whole path."""
    from astropy.table import hstack

    tables = [curve.table for curve in curves]
    names = [curve.name for curve in curves]
    together = hstack(tables, table_names=names) if len(tables) > 1 else tables[0]
    with replacing(target, overwrite) as temporary:
        together.write(temporary, format="ascii.ecsv")
    return target.absolute()


def _scanned(shown: Shown) -> Recipe:
    """Return what a scan of apertures is made for: the recipe whatever its aperture is."""
    return shown.drawn.replace(aperture=None, background=shown.background)


def _scan_words(scan: WidthScan) -> list[str]:
    """Say which aperture a scan recommends, and why it is that one."""

    def described(aperture: Aperture) -> str:
        ppm = 1e6 * scan.of(aperture)
        return f"center {aperture.center:.2f}, width {aperture.width:g}: {ppm:.0f} ppm"

    lines = [f"Recommended: {described(scan.best)} of scatter."]
    if scan.best != scan.quietest:
        lines.append(
            f"The least scatter is at {described(scan.quietest)}; within its uncertainty of "
            f"{100 * scan.tolerance:.0f} % it equals that of the recommended one, which lies "
            "nearer to the trace."
        )
    if scan.cleaned:
        lines.append(
            "The scan replaced outliers in time, which the recipe does not: the recommendation "
            "includes that."
        )
    return lines


def _words(curve: LightCurve, source: LightCurve | None = None) -> str:
    """Say how quiet a light curve is, of the source's own flux where sky is in it."""
    scatter = curve.scatter
    text = "too few integrations to tell its scatter"
    if np.isfinite(scatter.point_to_point):
        text = f"scatter {1e6 * scatter.point_to_point:.0f} ppm"
        if source is not None:
            times = float(np.nanmedian(curve.flux) / np.nanmedian(source.flux))
            if abs(times - 1) > NOTEWORTHY:
                of_source = 1e6 * scatter.point_to_point * times
                added = f"{100 * (times - 1):+.0f}".replace("-", "−")
                text += (
                    f" of source and sky, {of_source:.0f} ppm of the source (sky adds {added} %)"
                )
    if np.isfinite(curve.expected_scatter):
        text += f" (errors predict {1e6 * curve.expected_scatter:.0f})"
    if len(scatter.binned) > 1:
        size, binned, white = scatter.bin_sizes[-1], scatter.binned[-1], scatter.white[-1]
        text += f"; binned by {size}: {1e6 * binned:.0f} ppm (white noise: {1e6 * white:.0f})"
    return text
