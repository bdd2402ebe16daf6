"""Fetching from the archive on the screen: lists, fetches in the background, opens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.background_work import BackgroundWork
from lrs_explorer.archive.fetching import Fetched, FetchProgress, fetch, missing_files
from lrs_explorer.archive.listing import LEVELS, ArchiveListing, archive_listing, size_words
from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["ArchiveFiles"]


class ArchiveFiles:
    """Answers the part of the panel *open…* that fetches from MAST.

    Parameters
    ----------
    controller : Controller
    open_folder : callable(Path)
        Opens what was fetched.
    """

    def __init__(self, controller: Controller, open_folder: Callable[[Path], None]) -> None:
        self._controller = controller
        self._open_folder = open_folder
        self._work = BackgroundWork(controller.page)
        self._listing: ArchiveListing | None = None
        self._cancelled = threading.Event()
        self._panel = controller.screen.open.archive
        self._panel.answer(
            levels=LEVELS,
            level="reruns",
            on_list=self._list,
            on_fetch=self._fetch,
            on_stop=self._stop,
        )

    def finish(self) -> None:
        """Wait for what is under way."""
        self._work.finish()

    def _list(self) -> None:
        what, level = self._panel.what.value, str(self._panel.level.value)
        self._panel.show_busy("asking MAST …")
        self._work.start(lambda: archive_listing(what, level), self._listed)

    def _listed(self, future: Future[ArchiveListing]) -> None:
        if not self._went_well(future):
            return
        listing = self._listing = future.result()
        self._panel.suggest_folder(str(listing.folder.absolute()))
        missing = missing_files(listing, self._panel.folder.value.strip())
        there = len(listing.files) - len(missing)
        left = f"; {there} are there, {size_words(sum(f.size for f in missing))} to fetch"
        notes = " ".join(listing.notes)
        self._panel.show(f"{listing.words}{left if there else ''}. {notes}", listed=True)

    def _fetch(self) -> None:
        listing, folder = self._listing, self._panel.folder.value.strip()
        if listing is None:
            return
        cancelled = self._cancelled = threading.Event()
        self._panel.show_busy("fetching …", 0.0)

        def report(one: FetchProgress) -> None:
            self._work.hand_over(lambda: self._show(one, cancelled))

        self._work.start(
            lambda: fetch(listing, folder or None, progress=report, cancelled=cancelled),
            self._fetched,
        )

    def _show(self, one: FetchProgress, cancelled: threading.Event) -> None:
        if cancelled is self._cancelled and not cancelled.is_set() and self._panel.busy:
            text = f"{one.words}: {one.file} ({one.number} of {one.total}), {one.elapsed:.0f} s"
            self._panel.show_busy(text, one.fraction)

    def _stop(self) -> None:
        self._cancelled.set()
        self._panel.show_busy("stopping …")

    def _fetched(self, future: Future[Fetched]) -> None:
        if not self._went_well(future, listed=True):
            return
        found, open_panel = future.result(), self._controller.screen.open
        self._panel.show(f"all {len(found.files)} files are in {found.folder}.")
        if open_panel.shown:
            self._open_folder(found.folder)
        else:  # the user has gone on with something else
            self._controller.screen.messages.show(f"{found.folder} was fetched: open… opens it.")

    def _went_well(self, future: Future[Any], *, listed: bool = False) -> bool:
        """Tell whether work went well; if not, say in the panel what went wrong."""
        error = future.exception()
        if error is None:
            return True
        if isinstance(error, LRSExplorerError):
            self._panel.show(str(error), "warning", listed=listed)
        else:
            self._panel.show("")
            self._controller.succeeded(future)
        return False
