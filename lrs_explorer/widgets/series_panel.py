"""Controls of what is done to a time series along time: outliers, and following the trace."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets

from lrs_explorer.model.recipe.recipe import SeriesOptions
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)

__all__ = ["SeriesControls"]


class SeriesControls:
    """Outliers in time, and the motion of the trace.

    Parameters
    ----------
    on_series : callable(SeriesOptions)
    on_motion : callable()

    Attributes
    ----------
    widget : ipywidgets.Widget
    outliers : ipywidgets.Dropdown
    threshold : ipywidgets.BoundedFloatText
    window : ipywidgets.BoundedIntText
    follow : ipywidgets.Checkbox
    motion : ipywidgets.Button
    result : ipywidgets.HTML
    """

    def __init__(
        self, on_series: Callable[[SeriesOptions], None], on_motion: Callable[[], None]
    ) -> None:
        self._user = UserChanges()
        self._on_series = on_series
        self._options = SeriesOptions()
        self.outliers = ipywidgets.Dropdown(
            options=SeriesOptions.OUTLIERS,
            tooltip="Pixels far from their neighbours in time: kept, left out, replaced by their "
            "median in time, or left to a run of the pipeline. Recipe: series.outliers; pipeline: "
            "outlier_detection.",
        )
        self.threshold = ipywidgets.BoundedFloatText(
            value=5.0,
            min=2.0,
            max=50.0,
            step=0.5,
            tooltip="Noise sigmas from which a pixel is an outlier. Recipe: "
            "series.outlier_threshold.",
        )
        self.window = ipywidgets.BoundedIntText(
            value=11,
            min=3,
            max=999,
            step=2,
            tooltip="Integrations in the running median that pixels are compared with: less than "
            "an ingress takes, or the source is left behind there. Recipe: series.outlier_window.",
        )
        self.follow = checkbox(
            "the aperture follows the trace",
            "Move the aperture with the trace from integration to integration. Live only: the "
            "pipeline's extract_1d has one aperture for all. Recipe: series.follow_trace.",
        )
        self.motion = button(
            "measure motion",
            "Measure position and width of the trace in each integration, and how the flux goes "
            "with them.",
            on_motion,
        )
        self.result = note_box()
        for control in (self.outliers, self.threshold, self.window, self.follow):
            self._user.watch(control, self._changed)
        self.widget = ipywidgets.VBox(
            [
                row(
                    field("outliers", self.outliers, width="140px"),
                    field("sigma", self.threshold, width="60px"),
                    field("window", self.window, width="60px"),
                ),
                row(self.follow, self.motion),
                self.result,
            ]
        )

    def _changed(self) -> None:
        if self.window.value % 2 == 0:  # a median of an even number lies between two
            with self._user.silence():
                self.window.value += 1
        self._on_series(
            SeriesOptions(
                self.outliers.value,
                self.threshold.value,
                self.window.value,
                self.follow.value,
            )
        )

    def show(self, options: SeriesOptions) -> None:
        """Show the recipe's choice; what was told of another one is gone."""
        if options.outliers != self._options.outliers:
            self.show_result("")
        self._options = options
        with self._user.silence():
            self.outliers.value = options.outliers
            self.threshold.value = options.outlier_threshold
            self.window.value = options.outlier_window
            self.follow.value = options.follow_trace

    def show_result(self, text: str) -> None:
        """Show what came out of a measurement."""
        self.result.value = note_html(text)
