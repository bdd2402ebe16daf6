"""The 2-D background of a series on the screen: its columns as bands, its drift, what it leaves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import numpy as np

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import reference_columns
from lrs_explorer.model.data.products import FloatArray
from lrs_explorer.model.observation.backgrounds import BackgroundCandidate
from lrs_explorer.model.recipe.recipe import Aperture, Background, Nods, SlitlessBackground
from lrs_explorer.model.series.background import SeriesBackground, columns_beside, light_of
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.series_stages import SeriesStages
from lrs_explorer.widgets.background_choice import Subtracted
from lrs_explorer.widgets.background_controls import free_region
from lrs_explorer.widgets.banded_plot import Region, have_moved
from lrs_explorer.widgets.sky_panel import SkyActions, SkyControls
from lrs_explorer.widgets.time_plot import Course
from lrs_explorer.widgets.time_view import TimeView

__all__ = ["TimeSky"]

MEASURED = "the background is being measured …"

NEW_WIDTH = 8.0
"""Pixels of a range of columns that is added."""


class TimeSky:
    """Measures the 2-D background off the page's way, and shows it.

    Parameters
    ----------
    controller : Controller
    view : TimeView
    on_compare : callable()
        Called when the ways to a background are to be compared.
    on_light : callable(TimeSeries)
        Called with the spectra of all integrations while columns are being dragged.

    Attributes
    ----------
    dragged : tuple of (float, float), or None
        The columns that are being dragged, or were last and are now being applied.
    """

    def __init__(
        self,
        controller: Controller,
        view: TimeView,
        on_compare: Callable[[], None],
        on_light: Callable[[TimeSeries], None],
    ) -> None:
        self._controller, self._view = controller, view
        self._stages: SeriesStages | None = None
        self._shown: SlitlessBackground | None = None
        self._wanted: SlitlessBackground | None = None  # by the user, and being measured
        self._regions: Background | None = None  # of extract_1d, while they are switched off
        self._on_light = on_light
        self.dragged: tuple[Region, ...] | None = None
        self._held = False  # by the pointer
        self.controls = SkyControls(
            SkyActions(
                self._choose,
                self._subtract,
                controller.background_name,
                self._add_columns,
                self._take_columns,
                on_compare,
            )
        )
        controller.screen.image.on_bands(self._bands_moved)
        controller.screen.profile.on_bands(self._bands_moved)

    @property
    def _recipe(self) -> SlitlessBackground:
        return self._controller.shown.recipe.slitless

    def open(self, stages: SeriesStages | None) -> None:
        """Take note that another series is shown, or none."""
        self._stages, self._shown, self._wanted = stages, None, None
        self.dragged, self._held, self._regions = None, False, None
        self.controls.background.clear()
        if stages is None:
            return
        observation = stages.observation
        self.controls.background.enable(observation.why_not("backgrounds"))

        def listed(future: Future[list[BackgroundCandidate]]) -> None:
            if self._controller.succeeded(future):
                found = [(one.name, one.words) for one in future.result()]
                self.controls.background.offer(found)

        self._controller.start(lambda: observation.background_candidates(1), listed)

    def changed(self, before: Shown, now: Shown) -> None:
        """Show the recipe's choice; another one ends the wait for what the user has chosen."""
        old, new = before.recipe, now.recipe
        if now.stages is before.stages and new.slitless == old.slitless:
            return
        self._wanted = None
        if new.slitless.subtract and not old.slitless.subtract:
            self._regions = old.background
        if not self._held:
            self.controls.show(new.slitless)

    def follow(self) -> bool:
        """Draw the light curve of the columns that are held, on the images that are shown.

        Return whether there is one.
        """
        if not self._held:
            self.dragged = None  # what is drawn now is the recipe's
        if self._stages is None or self.dragged is None:
            return False
        try:
            sky = dataclasses.replace(self._recipe, columns=self.dragged)
            light = self._stages.light_of_columns(self._controller.shown.drawn, self.dragged)
        except LRSExplorerError as error:
            self.controls.show(self._recipe, [str(error)])
            return False
        if light is not None:
            self._on_light(light)  # first: where the fields tell of columns, their curve is there
        self.controls.show(sky, ["let go to measure the background of these columns"])
        return light is not None

    def rest(self) -> None:
        """Measure the background of the recipe, subtracted or not, and show it."""
        sky = self._recipe
        if self._held or self._shown == sky or not sky.columns:
            return
        self._shown = sky
        if self._wanted is None:
            self.controls.show(sky, [MEASURED])
        self._measure(sky, self._show, lambda: self._shown == sky and self._wanted is None)

    def _measure(
        self,
        sky: SlitlessBackground,
        then: Callable[[SeriesBackground], None],
        awaited: Callable[[], bool],
    ) -> None:
        """Measure off the page's way; call ``then(background)`` if it is still awaited."""
        stages = self._stages
        if stages is None:
            return

        def measured(future: Future[SeriesBackground]) -> None:
            if not awaited():
                return
            error = future.exception()
            if isinstance(error, LRSExplorerError):
                self._refuse(error)
            elif self._controller.succeeded(future):
                then(future.result())

        self._controller.start(lambda: stages.background(sky), measured)

    def _show(self, background: SeriesBackground) -> None:
        recipe, unit = self._recipe, background.unit
        drift = 100 * (background.drift - 1)
        left = 100 * background.left_over
        courses = [Course("background", drift)]
        told = _drift(drift)
        if recipe.subtract:
            courses.append(Course("left after subtraction", left))
            told += f" After subtraction it varies by {np.ptp(left):.2f} %."
        names = [f"columns {low:.1f}–{high:.1f}" for low, high in background.choice.columns]
        left_in = [Course(*pair) for pair in zip(names, background.residuals, strict=True)]
        means = ", ".join(f"{np.nanmean(one.values):+.3g} ({one.name})" for one in left_in)
        if_done = "" if recipe.subtract else ", if it were subtracted"
        lines = [told, f"Residual sky{if_done} [{unit}]: {means}.".replace("-", "−")]
        chosen = None if self._stages is None else self._stages.observation.chosen_columns
        if chosen is not None and chosen.columns == background.choice.columns:
            lines.insert(0, chosen.why)
        self.controls.show(recipe, lines)
        self._view.show_background(courses, left_in, unit)

    # -- what the user does ------------------------------------------------------------------------

    def _bands_moved(
        self,
        _aperture: Region | None,
        _regions: tuple[Region, ...],
        columns: tuple[Region, ...],
        released: bool,
    ) -> None:
        moved = have_moved(columns, self._controller.shown.columns)
        if moved or (released and self._held):
            self._columns_moved(columns, released)

    def _columns_moved(self, columns: tuple[Region, ...], released: bool) -> None:
        """Let the bands of the columns and the light curve go along; measure in the end."""
        self._held, self._shown, self.dragged = not released, None, columns
        self._show_bands(columns)
        if released:
            self._choose(columns=columns)
        else:
            self.follow()

    def _subtract(self, subtracted: Subtracted) -> None:
        """Subtract the 2-D background, other exposures, nothing, or what was."""
        if subtracted is True:
            self._choose(subtract=True)
        else:
            self._choose(subtract=False, backgrounds=subtracted)

    def _choose(self, **changes: Any) -> None:
        """Change fields of the choice that holds, or that is being measured."""
        sky = self._wanted or self._recipe
        if changes.get("subtract"):
            changes["backgrounds"] = None
        try:
            if self._stages is not None and changes.get("subtract") and not sky.subtract:
                series, trace = self._stages.observation.series(), self._stages.trace(Nods())
                changes["columns"] = columns_beside(series, sky, trace)
            sky = dataclasses.replace(sky, **changes)
        except LRSExplorerError as error:
            self._refuse(error)
        else:
            self._measure_and_apply(sky)

    def _measure_and_apply(self, sky: SlitlessBackground) -> None:
        """Apply a choice, once its background is known."""

        def apply(_background: SeriesBackground | None = None) -> None:
            self._wanted = None
            self._controller.change(**self._with(sky))
            self.rest()

        if sky.subtract:
            self._wanted, self._shown = sky, None
            self.controls.show(sky, [MEASURED])
            self._measure(sky, apply, lambda: self._wanted is sky)
        else:
            apply()

    def _with(self, sky: SlitlessBackground) -> dict[str, Any]:
        """Return what to change for this choice: one background at a time, unless asked for two."""
        recipe = self._controller.shown.recipe
        parts: dict[str, Any] = {"slitless": sky}
        if sky.subtract and not recipe.slitless.subtract:
            parts["background"] = Background()
        elif not sky.subtract and recipe.slitless.subtract and recipe.background == Background():
            parts["background"] = self._regions
        return parts

    def _refuse(self, error: LRSExplorerError) -> None:
        """Say what is wrong; what held before holds on, and is shown after the next change."""
        stages, drawn = self._stages, self._controller.shown.drawn
        if stages is not None and self.dragged is not None and stages.is_prepared(drawn):
            self._on_light(stages.light(drawn))
        self._wanted = self._shown = self.dragged = None
        messages = self._controller.screen.messages
        messages.clear("error")  # of what was tried before
        messages.show(str(error), "error")
        self.controls.show(self._recipe, [str(error)])
        self._show_bands(self._recipe.columns if self._recipe.subtract else ())

    def _show_bands(self, columns: tuple[Region, ...]) -> None:
        self._controller.learn(self._controller.shown.image, columns=columns)

    def _add_columns(self) -> None:
        shown, stages, columns = self._controller.shown, self._stages, self._recipe.columns
        if shown.aperture is None or shown.image is None or stages is None:
            return
        n_wave, n_cross = shown.image.shape
        lower, upper = shown.aperture.lower, shown.aperture.upper
        if shown.trace is not None:
            left, right = light_of(shown.trace, n_wave)
            lower, upper = min(lower, left), max(upper, right)
        bright = Aperture((lower + upper) / 2, upper - lower)
        limits = reference_columns(shown.image.header) - 1.5, n_cross - 0.5
        profile = stages.profile(shown.drawn)
        region = free_region(bright, columns, limits, profile, NEW_WIDTH)
        if region is None:
            self._controller.screen.messages.show(
                "there is no free column beside trace and columns.", "warning"
            )
        else:
            self._choose(columns=(*columns, region))

    def _take_columns(self) -> None:
        regions = self._controller.shown.background.regions
        if regions:
            self._choose(columns=regions)
        else:
            self._controller.screen.messages.show(
                "there are no background bands to take; add some in the tab Extraction.", "warning"
            )


def _drift(drift: FloatArray) -> str:
    """Say how the sky changes during the series, percent, in a sentence."""
    tenth = max(len(drift) // 10, 1)
    change = float(np.nanmedian(drift[-tenth:]) - np.nanmedian(drift[:tenth]))
    if abs(change) < 0.5 * np.ptp(drift):
        return f"The sky varies by {np.ptp(drift):.2f} % during the series."
    return f"The sky {'rises' if change > 0 else 'falls'} by {abs(change):.2f} % during the series."
