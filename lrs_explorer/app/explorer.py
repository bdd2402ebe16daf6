"""The widget that users display."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import ipywidgets

from lrs_explorer.app.archive_files import ArchiveFiles
from lrs_explorer.app.controller import Controller, Source
from lrs_explorer.app.gestures import Gestures
from lrs_explorer.app.handing_over import HandingOver
from lrs_explorer.app.tabs.choices import ChoicesTab
from lrs_explorer.app.tabs.exposures import ExposuresTab
from lrs_explorer.app.tabs.extraction import ExtractionTab
from lrs_explorer.app.tabs.findings import FindingsTab
from lrs_explorer.app.tabs.flux import FluxTab
from lrs_explorer.app.tabs.pixels import PixelsTab
from lrs_explorer.app.tabs.recipe import RecipeTab
from lrs_explorer.app.tabs.slit import SlitTab
from lrs_explorer.app.tabs.time import TimeTab
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum, Trace
from lrs_explorer.model.observation.opening import (
    Observation,
    SeveralObservationsError,
    top_of,
)
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.widgets.screen import Screen

__all__ = ["Explorer"]


class Explorer:
    """See an LRS observation, drag its aperture, and have the spectrum at once.

    Display it in a notebook cell, or let it be the cell's last value.

    Parameters
    ----------
    source : path, paths, Observation or None
        An s2d, cal, rate or x1d file, a folder, an association, a package, several paths, or an
        observation that is open already; None = the demo. What cannot be opened is said in the
        message bar; of a folder of several observations there is a list to choose from.
    crds : path, optional
        CRDS cache for whatever is opened here; see `open_observation`.
    join : bool, optional
        Take time series of several exposures as one; see `open_observation`.
    data : path, optional
        Folder with the files that a package was made of; see `open_observation`.

    Examples
    --------
    >>> ui = Explorer("jw01234005001_04103_00001_mirimage_s2d.fits")  # doctest: +SKIP
    >>> ui.recipe, ui.spectrum  # doctest: +SKIP
    """

    def __init__(
        self,
        source: Source = None,
        *,
        crds: str | os.PathLike[str] | None = None,
        join: bool = False,
        data: str | os.PathLike[str] | None = None,
    ) -> None:
        self._gestures = Gestures()
        self._screen = Screen(self._gestures)
        self._controller = Controller(self._screen)
        self._screen.open.crds.value = "" if crds is None else os.fspath(crds)
        self._screen.open.join.value = join
        self._screen.open.data.value = "" if data is None else os.fspath(data)
        self._gestures.controller = self._controller
        self._extraction = ExtractionTab(self._controller)
        self._controller.panels = [
            self._extraction,
            FindingsTab(self._controller),
            SlitTab(self._controller),
            PixelsTab(self._controller),
            ExposuresTab(self._controller),
            TimeTab(self._controller),
            ChoicesTab(self._controller),
            FluxTab(self._controller),
            RecipeTab(self._controller),
        ]
        self._handing_over = HandingOver(self._controller)
        self._controller.panels.append(self._handing_over)
        self._archive = ArchiveFiles(self._controller, self._open_fetched)
        self._screen.bring_to_front("Extraction")
        try:
            self.open(source)
        except LRSExplorerError as error:
            self._screen.messages.show(str(error), "error")

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.widget._repr_mimebundle_(**options)

    @property
    def widget(self) -> ipywidgets.Widget:
        """The widget itself, to put into a layout of your own."""
        return self._screen.widget

    @property
    def observation(self) -> Observation | None:
        """The open observation; None where none could be opened."""
        stages = self._controller.shown.stages
        return stages.observation if stages else None

    @property
    def recipe(self) -> Recipe:
        """What the user chose. Assign another one to apply it, as one step to undo.

        Raises
        ------
        LRSExplorerError
            On assignment: the recipe is for another mode, or does not fit the image. The recipe
            before stays.
        """
        return self._controller.shown.recipe

    @recipe.setter
    def recipe(self, recipe: Recipe) -> None:
        self._controller.finish()
        self._controller.apply(recipe)

    @property
    def spectrum(self) -> Spectrum | None:
        """The live spectrum; None where there is none. Waits for the pipeline to be loaded."""
        self._controller.finish()
        return self._controller.shown.spectrum

    @property
    def trace(self) -> Trace | None:
        """The measured trace; None where there is none."""
        self._controller.finish()
        return self._controller.shown.trace

    def open(self, source: Source = None) -> None:
        """Open another observation, or list those of a folder to choose from.

        Parameters
        ----------
        source : path, paths, Observation or None
            As when the explorer is made; None = the demo.

        Raises
        ------
        LRSExplorerError
            It cannot be opened; what was open stays.
        """
        try:
            self._controller.open(source)
        except SeveralObservationsError as error:
            self._gestures.show_list(error.found, self._screen.open.join.value)
            self._screen.messages.show(
                f"{error.found.folder} holds {error.found.counted}: choose one of the list."
            )
            return
        observation = self.observation
        if observation is not None and source is not None:
            self._gestures.folder = top_of(source, observation)

    def _open_fetched(self, folder: Path) -> None:
        """Open what was fetched, or list it where it is several observations."""
        self._screen.open.close()
        try:
            self.open(folder)
        except LRSExplorerError as error:
            self._screen.messages.show(str(error), "error")

    def undo(self) -> None:
        """Go one step back, if there is one."""
        self._gestures.undo()

    def redo(self) -> None:
        """Go one step forward, if there is one."""
        self._gestures.redo()

    def center_on_trace(self) -> None:
        """Put the aperture on the measured trace; nothing happens where there is none."""
        self._controller.finish()
        self._extraction.center_on_trace()

    def pipeline_default(self) -> None:
        """Let the pipeline place aperture and background."""
        self.recipe = self.recipe.replace(aperture=None, background=None)

    def pin(self, name: str = "") -> None:
        """Keep the live spectrum on the screen, to compare with.

        Parameters
        ----------
        name : str, optional
            What it is called there.
        """
        self._controller.finish()
        self._gestures.pin(name)

    def save_spectrum(
        self,
        path: str | os.PathLike[str],
        overwrite: bool = False,
        without_references: bool = False,
    ) -> Path:
        """Write the live spectrum as an x1d file (``.fits``) or a table (``.ecsv``).

        Parameters
        ----------
        path : path
            The ending chooses the format; spectra of a time series are written as a table.
        overwrite : bool
            Replace an existing file.
        without_references : bool
            Write it also where reference files could not be had that would have changed it.

        Returns
        -------
        Path
            ``path``.

        Raises
        ------
        LRSExplorerError
            There is no spectrum, the ending is neither, the file exists and ``overwrite`` is False,
            reference files are missing, or it cannot be written.
        """
        self._controller.finish()
        return self._handing_over.save_spectrum(path, overwrite, without_references)
