"""Outliers in time and motion of the trace of a series, on the screen."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future

import numpy as np

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.recipe.recipe import SeriesOptions
from lrs_explorer.model.series.light_curve import LightCurve
from lrs_explorer.model.series.motion import TraceMotion
from lrs_explorer.model.series.outliers import Outliers
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.series_stages import SeriesStages
from lrs_explorer.widgets.series_panel import SeriesControls
from lrs_explorer.widgets.time_plot import Course
from lrs_explorer.widgets.time_view import TimeView

__all__ = ["TimeOptions"]

NOISIER = 1.5
"""Times the scatter from which outlier_detection is said to have taken the source for outliers."""


class TimeOptions:
    """Looks for outliers and measures the trace off the page's way, and tells of them.

    Parameters
    ----------
    controller : Controller
    view : TimeView
    """

    def __init__(self, controller: Controller, view: TimeView) -> None:
        self._controller, self._view = controller, view
        self._stages: SeriesStages | None = None
        self._white: LightCurve | None = None
        self._motion: TraceMotion | None = None
        self._awaited: SeriesOptions | None = None  # chosen, and applied once outliers are known
        self.controls = SeriesControls(self._choose, self._measure_motion)

    def open(self, stages: SeriesStages | None) -> None:
        """Take note that another series is shown, or none."""
        self._stages, self._white, self._motion = stages, None, None

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe's choice; another one ends the wait for what the user has chosen."""
        if now.stages is not before.stages or now.recipe.series != before.recipe.series:
            self._forget()
            self.controls.show(now.recipe.series)

    def follow(self, white: LightCurve) -> None:
        """Tell how a white light curve goes with the motion of the trace."""
        self._white = white
        self._show_motion()

    def rest(self, light: TimeSeries) -> None:
        """Look closer at the spectra of the recipe that is drawn."""
        self._judge(light)
        self._judge_window(light)
        if self._motion is not None:
            self._measure_motion()  # of other images, it may be another one

    def _judge(self, light: TimeSeries) -> None:
        """Tell where the pipeline's outlier_detection has taken the source for outliers."""
        stages, recipe = self._stages, self._controller.shown.drawn
        if stages is None or recipe.series.outliers != "outlier_detection":
            return
        options = dataclasses.replace(recipe.series, outliers="off")

        def judged(future: Future[TimeSeries]) -> None:
            awaited = recipe == self._controller.shown.drawn
            if not awaited or not self._controller.succeeded(future):
                return
            now, before = (
                1e6 * one.light_curve().scatter.point_to_point for one in (light, future.result())
            )
            if now > NOISIER * before:
                self.controls.show_result(
                    f"outlier_detection makes the white light curve {now / before:.1f} times as "
                    f"noisy ({before:.0f} → {now:.0f} ppm): it mistakes source variability for "
                    'outliers. Undo it, or choose "replace".'
                )

        self._controller.start(lambda: stages.light(recipe.replace(series=options)), judged)

    def _judge_window(self, light: TimeSeries) -> None:
        """Tell where the source changes within the window of the outliers' running median."""
        stages, recipe = self._stages, self._controller.shown.drawn
        if stages is None or recipe.series.outliers not in ("mask", "replace"):
            return

        def judged(future: Future[str]) -> None:
            if recipe == self._controller.shown.drawn and self._controller.succeeded(future):
                self.controls.show_result(future.result())

        self._controller.start(lambda: stages.outlier_warning(recipe, light), judged)

    def _choose(self, options: SeriesOptions) -> None:
        stages = self._stages
        self._forget()
        if stages is None or options.outliers not in ("mask", "replace"):
            self._controller.change(series=options)
            return
        self._awaited = options
        recipe = self._controller.shown.recipe.replace(series=options)
        self.controls.show_result("outliers are being looked for …")

        def found(future: Future[Outliers]) -> None:
            if options is not self._awaited:
                return
            self._forget()
            self.controls.show(self._controller.shown.recipe.series)
            if self._controller.succeeded(future):
                self._controller.change(series=options)

        self._controller.start(lambda: stages.outliers(recipe), found)

    def _forget(self) -> None:
        """Wait no longer for outliers, if any were looked for."""
        if self._awaited is not None:
            self._awaited = None
            self.controls.show_result("")

    def _measure_motion(self) -> None:
        stages, recipe = self._stages, self._controller.shown.drawn
        if stages is None or self._white is None:
            return
        if self._motion is None:
            self.controls.show_result("the trace is being measured …")

        def told(future: Future[TraceMotion]) -> None:
            if self._motion is None:
                self.controls.show_result("")
            if self._controller.succeeded(future):
                self._motion = future.result()
                self._show_motion()

        self._controller.start(lambda: stages.motion(recipe), told)

    def _show_motion(self) -> None:
        """Draw how the trace moves and widens, and tell how the white light goes with it."""
        motion, white = self._motion, self._white
        if motion is None or white is None:
            return
        follows = motion.correlation(white.flux)
        text = (
            f"The trace moves by {np.nanstd(motion.position):.4f} px (rms), its FWHM is "
            f"{np.nanmedian(motion.fwhm):.4f} ± {np.nanstd(motion.fwhm):.4f} px; "
        )
        if np.isfinite(list(follows.values())).all():
            text += (
                f"rank correlation of the flux with position {follows['position']:+.2f}, with FWHM "
                f"{follows['fwhm']:+.2f}."
            )
        else:
            text += "too few integrations to correlate them with the flux."
        courses = Course("position", motion.position), Course("FWHM", motion.fwhm)
        self._view.show_motion(courses, text)
