"""Fetching an observation from the archive: what, how much, where to, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from lrs_explorer.widgets.fields import (
    UserChanges,
    button,
    field,
    heading,
    note_box,
    note_html,
    row,
)

__all__ = ["ArchivePanel"]


class ArchivePanel:
    """Lists what the archive has, then fetches it; see `answer` for who does so.

    Attributes
    ----------
    widget : ipywidgets.Widget
    what : ipywidgets.Text
        Program and observation.
    level : ipywidgets.ToggleButtons
        How much of it.
    folder : ipywidgets.Text
        Where it is put.
    list, fetch, stop : ipywidgets.Button
    progress : ipywidgets.FloatProgress
    note : ipywidgets.HTML
    busy : bool
        Whether something is going on.
    """

    def __init__(self) -> None:
        self._suggested = ""
        self._user = UserChanges()
        self._on_list: Callable[[], None] = _nothing
        self._on_fetch: Callable[[], None] = _nothing
        self._on_stop: Callable[[], None] = _nothing
        self.what = ipywidgets.Text(
            placeholder="1536/22",
            tooltip="Program and observation at MAST: 1536/22 or jw01536022; 1536 is all LRS "
            "observations of the program.",
        )
        self.level = ipywidgets.ToggleButtons(
            tooltips=[
                "What is needed to see spectra and extract them.",
                "Also what steps of the pipeline are run from again.",
                "Also uncal, from which jumps are looked for.",
            ],
            style={"button_width": "auto"},
        )
        self.folder = ipywidgets.Text(tooltip="Folder for the files; made if missing.")
        self.list = button(
            "list files",
            "Ask MAST which files there are, and how large they are; nothing is fetched.",
            lambda: self._on_list(),
        )
        self.fetch = button(
            "fetch",
            "Fetch the files that are listed, then open them. What is there already is kept.",
            lambda: self._on_fetch(),
        )
        self.stop = button(
            "stop",
            "Stop fetching. What has arrived is kept, and fetched no second time.",
            lambda: self._on_stop(),
        )
        self.progress = ipywidgets.FloatProgress(
            min=0.0, max=1.0, layout={"width": "160px", "flex": "0 0 auto", "height": "14px"}
        )
        self.note = note_box()
        self._user.watch(self.what, self._changed)
        self._user.watch(self.level, self._changed)
        self.widget = ipywidgets.VBox(
            [
                heading("From the archive"),
                row(
                    field("MAST", self.what, width="180px"),
                    field("files", self.level, width="auto"),
                    self.list,
                ),
                row(field("into", self.folder, width="520px"), self.fetch),
                row(self.progress, self.stop, self.note),
            ]
        ).add_class("lrs-archive")
        self.show("")

    def answer(
        self,
        *,
        levels: Sequence[str],
        level: str,
        on_list: Callable[[], None],
        on_fetch: Callable[[], None],
        on_stop: Callable[[], None],
    ) -> None:
        """Offer these levels and call these when the buttons are pressed."""
        with self._user.silence():
            self.level.options = list(levels)
            self.level.value = level
        self._on_list, self._on_fetch, self._on_stop = on_list, on_fetch, on_stop

    def show(self, text: str, kind: str = "note", *, listed: bool = False) -> None:
        """Say something at rest; ``listed``: what is to be fetched is known."""
        self.busy = False
        self.progress.layout.display = self.stop.layout.display = "none"
        self.list.disabled = False
        self.fetch.disabled = not listed
        self.note.value = note_html(text, kind)

    def show_busy(self, text: str, fraction: float | None = None) -> None:
        """Say what is going on, and how far it is; it can be stopped where that is told."""
        self.busy = True
        hidden = "none" if fraction is None else ""
        self.progress.layout.display = self.stop.layout.display = hidden
        self.progress.value = fraction or 0.0
        self.list.disabled = self.fetch.disabled = True
        self.note.value = note_html(text, "hint")

    def suggest_folder(self, folder: str) -> None:
        """Put a folder into its field, unless another one was typed there."""
        if self.folder.value.strip() in ("", self._suggested):
            self.folder.value = self._suggested = folder

    def _changed(self) -> None:
        """Have what was typed listed before it is fetched."""
        if not self.busy:
            self.show("")


def _nothing() -> None:
    """Do nothing: nobody answers yet."""
