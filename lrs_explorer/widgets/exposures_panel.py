"""Controls of what happens before the slit is calibrated: backgrounds and jump detection."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from lrs_explorer.model.recipe.recipe import Jump
from lrs_explorer.widgets.background_choice import BackgroundChoice, Subtracted
from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    checkbox,
    field,
    note_box,
    note_html,
    row,
)

__all__ = ["JumpControls", "NodControls"]


class NodControls:
    """What is subtracted as background, and comparisons of nods and of backgrounds.

    Parameters
    ----------
    on_subtract : callable(Subtracted)
    name_of : callable(str) -> str
        Returns how a recipe names the exposure at a path.
    on_compare, on_compare_backgrounds : callable()

    Attributes
    ----------
    widget : ipywidgets.Widget
    background : BackgroundChoice
    compare, compare_backgrounds : ipywidgets.Button
    note, result : ipywidgets.HTML
    """

    def __init__(
        self,
        on_subtract: Callable[[Subtracted], None],
        name_of: Callable[[str], str],
        on_compare: Callable[[], None],
        on_compare_backgrounds: Callable[[], None],
    ) -> None:
        self.background = BackgroundChoice("Pipeline: bkg_subtract.", on_subtract, name_of)
        self.compare = button(
            "compare nods",
            "Extract the other nod as well, on its own trace, pin it, and show the ratio.",
            on_compare,
        )
        self.compare_backgrounds = button(
            "compare backgrounds",
            "Run the pipeline with the other nods subtracted, with the exposures that are checked, "
            "and with nothing, and pin each spectrum beside the live one.",
            on_compare_backgrounds,
        )
        self.note, self.result = note_box(), note_box()
        self.widget = ipywidgets.VBox(
            [
                self.background.widget,
                row(self.compare_backgrounds, self.compare),
                self.note,
                self.result,
            ]
        )

    def show(
        self,
        subtracted: Subtracted,
        ways: Sequence[tuple[str, Subtracted]],
        *,
        why_not: str,
        alone: str | None,
    ) -> None:
        """Show the recipe's choice.

        Parameters
        ----------
        subtracted : Subtracted
        ways : sequence of (str, Subtracted)
            What is offered beside dedicated exposures, such as "as delivered (on)".
        why_not : str
            Why it cannot be changed; "" when it can.
        alone : str or None
            Why there are no two nods to compare; "" when there are, None where nods are unknown.
        """
        self.background.show(subtracted, ways)
        self.background.enable(why_not)
        self.compare.disabled, self.compare_backgrounds.disabled = bool(alone), bool(why_not)
        self.compare.layout.display = "none" if alone is None else ""
        self.note.value = note_html(alone or "", "hint")

    def show_result(self, *lines: str) -> None:
        """Show what a comparison gave, each line for itself."""
        self.result.value = "".join(f"<div>{note_html(line)}</div>" for line in lines if line)


class JumpControls:
    """The threshold of jump detection.

    Parameters
    ----------
    on_jump : callable(Jump)
    on_mark : callable()
        The user wants to see on the image which pixels have changed.

    Attributes
    ----------
    widget : ipywidgets.Widget
    again : ipywidgets.Checkbox
    threshold : ipywidgets.FloatSlider
    mark : ipywidgets.Button
    note, result : ipywidgets.HTML
    """

    def __init__(self, on_jump: Callable[[Jump], None], on_mark: Callable[[], None]) -> None:
        self._user = UserChanges()
        self._on_jump = on_jump
        self.again = checkbox(
            "detect jumps anew",
            "Run jump and ramp_fit again on the slit, for both nods. Pipeline: jump.",
        )
        self.threshold = ipywidgets.FloatSlider(
            value=15.0,
            min=3.0,
            max=40.0,
            step=0.5,
            readout_format=".1f",
            continuous_update=False,
            tooltip="A difference between groups beyond so many sigma is a jump (default of the "
            "pipeline: 4). Pipeline: jump.rejection_threshold.",
        )
        self.mark = button(
            "mark them on the image",
            "Colour pixels by their flags; black are those that the new threshold has changed. "
            "Display only: no pipeline parameter.",
            on_mark,
        )
        self.mark.layout.display = "none"
        self.note, self.result = note_box(), note_box()
        for control in (self.again, self.threshold):
            self._user.watch(control, self._changed)
        self.widget = ipywidgets.VBox(
            [
                row(self.again),
                row(field("threshold", self.threshold, width="250px")),
                self.note,
                self.result,
                row(self.mark),
            ]
        )

    def _changed(self) -> None:
        self.threshold.disabled = not self.again.value
        self._on_jump(Jump(self.threshold.value if self.again.value else None))

    def show(self, jump: Jump, *, why_not: str) -> None:
        """Show the recipe's threshold; ``why_not`` says why it cannot be changed."""
        with self._user.silence():
            self.again.value = jump.rejection_threshold is not None
            if jump.rejection_threshold is not None:
                self.threshold.max = max(40.0, jump.rejection_threshold)
                self.threshold.value = jump.rejection_threshold
        self.again.disabled = bool(why_not)
        self.threshold.disabled = bool(why_not) or not self.again.value
        self.note.value = note_html(why_not, "hint")

    def show_result(self, text: str) -> None:
        """Show which pixels a run has changed."""
        self.result.value = note_html(text)
        self.mark.layout.display = "" if text else "none"
