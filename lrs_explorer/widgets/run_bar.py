"""What the pipeline is doing: which step, how far, how long; cancel, run again, and its log."""

from __future__ import annotations

import html
from collections.abc import Callable

import ipywidgets

from lrs_explorer.widgets.fields import button

__all__ = ["RunBar"]


class RunBar:
    """One line that is always there, so that nothing moves when a run begins or ends.

    Parameters
    ----------
    on_cancel, on_again : callable()

    Attributes
    ----------
    widget : ipywidgets.Widget
    text : ipywidgets.HTML
    progress : ipywidgets.FloatProgress
    cancel, again, log_toggle : ipywidgets.Button
    log : ipywidgets.HTML
    """

    def __init__(self, on_cancel: Callable[[], None], on_again: Callable[[], None]) -> None:
        self.text = ipywidgets.HTML().add_class("lrs-run-text")
        self.progress = ipywidgets.FloatProgress(
            min=0.0, max=1.0, layout={"width": "160px", "flex": "0 0 auto", "height": "14px"}
        )
        self.cancel = button("cancel", "Stop what is running at once.", on_cancel)
        self.again = button("run again", "Run it again as the recipe says.", on_again)
        self.log_toggle = button("log", "Show what the pipeline logged.", self._toggle_log)
        self.log = ipywidgets.HTML().add_class("lrs-run-log")
        self.log.layout.display = "none"
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HBox(
                    [self.text, self.progress, self.cancel, self.again, self.log_toggle]
                ).add_class("lrs-run-line"),
                self.log,
            ]
        ).add_class("lrs-run")
        self.show_idle()

    def show_idle(self, text: str = "as delivered") -> None:
        """Say that the delivered image is shown."""
        self._show("delivered", f"pipeline: {text}", None, cancel=False, again=False)

    def show_step(self, step: str, number: int, total: int, seconds: float, elapsed: float) -> None:
        """Say which step runs.

        Parameters
        ----------
        step : str
        number, total : int
            It is the number-th of total steps.
        seconds, elapsed : float
            How long the step, and the whole run, have taken so far.
        """
        text = f"pipeline: {step} ({number} of {total}), {seconds:.0f} s; {elapsed:.0f} s in all"
        self._show("running", text, (number - 0.5) / max(total, 1), cancel=True, again=False)

    def show_looking(self) -> None:
        """Say that reference files are looked for."""
        text = "looking for reference files…"
        self._show("fetching", text, None, cancel=True, again=False)

    def show_fetching(self, file: str, number: int, total: int, elapsed: float) -> None:
        """Say which reference file is being fetched, the number-th of total ones."""
        text = f"fetching reference files: {file} ({number} of {total}), {elapsed:.0f} s in all"
        self._show("fetching", text, (number - 0.5) / max(total, 1), cancel=True, again=False)

    def show_not_fetched(self, text: str) -> None:
        """Say that reference files could not be had; offer to try again."""
        self._show("stopped", f"reference files: {text}", None, cancel=False, again=True)

    def show_done(self, text: str) -> None:
        """Say what the shown image was made with."""
        self._show("done", f"pipeline: {text}", None, cancel=False, again=False)

    def show_stopped(self, text: str) -> None:
        """Say that the run failed or was cancelled; offer to run it again."""
        self._show("stopped", f"pipeline: {text}", None, cancel=False, again=True)

    def show_log(self, log: str) -> None:
        """Keep this log for those who ask for it."""
        self.log.value = f"<pre>{html.escape(log)}</pre>"
        self.log_toggle.disabled = not log
        if not log:
            self.log.layout.display = "none"

    def _show(
        self, state: str, text: str, fraction: float | None, *, cancel: bool, again: bool
    ) -> None:
        value = (
            f'<div class="lrs-line" data-run="{state}" role="status" '
            f'title="{html.escape(text)}">{html.escape(text)}</div>'
        )
        if value != self.text.value:
            self.text.value = value
        self.progress.layout.visibility = "hidden" if fraction is None else "visible"
        self.progress.value = fraction or 0.0
        self.cancel.layout.display = "" if cancel else "none"
        self.again.layout.display = "" if again else "none"

    def _toggle_log(self) -> None:
        hidden = self.log.layout.display == "none"
        self.log.layout.display = "" if hidden else "none"
