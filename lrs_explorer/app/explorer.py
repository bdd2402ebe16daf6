"""The widget that users display."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import ipywidgets
from IPython.core.getipython import get_ipython
from ipywidgets.widgets.widget import _instances as _widgets

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
from lrs_explorer.diagnosis.report import Findings
from lrs_explorer.handover.contents import delivered_content, spectrum_content
from lrs_explorer.handover.figures import sketch
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum, Trace
from lrs_explorer.model.observation.opening import (
    Observation,
    SeveralObservationsError,
    top_of,
)
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.series.light_curve import LightCurve
from lrs_explorer.widgets.fields import close_all
from lrs_explorer.widgets.screen import Screen

__all__ = ["Explorer"]

_in_cells: dict[str, list[tuple[str, Explorer]]] = {}
"""Explorers by the notebook cell that made them, with the request that the cell was run by."""


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
        before = set(_widgets)
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
            findings := FindingsTab(self._controller),
            SlitTab(self._controller),
            PixelsTab(self._controller),
            ExposuresTab(self._controller),
            time := TimeTab(self._controller),
            ChoicesTab(self._controller),
            FluxTab(self._controller),
            RecipeTab(self._controller),
        ]
        self._findings, self._time = findings, time
        self._handing_over = HandingOver(self._controller)
        self._controller.panels.append(self._handing_over)
        self._archive = ArchiveFiles(self._controller, self._open_fetched)
        self._screen.bring_to_front("Extraction")
        self._made = [widget for key, widget in _widgets.items() if key not in before]
        self._closed = False
        _close_replaced(self)
        try:
            self.open(source)
        except LRSExplorerError as error:
            self._screen.messages.show(str(error), "error")
            self._screen.messages.make_room()

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse what an explorer does not have: it would be kept, and change nothing."""
        if not name.startswith("_") and not hasattr(type(self), name):
            raise AttributeError(
                f"an Explorer has no {name!r} to set; set its recipe, as in "
                "ui.recipe = ui.recipe.replace(aperture=lrs.Aperture(18.3, 8.0))."
            )
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        """Return in a line what is open, and what is shown of it."""
        shown = self._controller.shown
        if self._closed:
            return "LRS Explorer (closed)"
        if shown.stages is None:
            return "LRS Explorer: nothing is open"
        observation, spectrum = shown.stages.observation, shown.spectrum
        told = [f"LRS Explorer: {observation.name}"]
        if observation.target:
            told.append(observation.target)
        told.append(f"{observation.mode} mode")
        if shown.aperture is not None:
            told.append(f"aperture at {shown.aperture.center:.2f}, {shown.aperture.width:g} wide")
        if spectrum is not None:
            told.append(f"spectrum of {len(spectrum.wavelength)} elements")
        return ", ".join(told)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Return the widget, and a line and a picture for where there is no kernel any more."""
        bundle = self.widget._repr_mimebundle_(**options)
        if not isinstance(bundle, dict) or self._closed:
            return {"text/plain": repr(self)}
        bundle["text/plain"] = repr(self)
        if not os.environ.get("VOILA_BASE_URL"):  # there it is never seen
            picture = self._picture()
            if picture is not None:
                bundle["image/png"] = picture
        return bundle

    def _picture(self) -> str | None:
        """Return the spectrum as it is known now, as PNG in base 64; None where there is none.

        Before the first live one that is the delivered one: a cell waits for nothing.
        """
        shown = self._controller.shown
        stages, recipe = shown.stages, shown.recipe
        if stages is None:
            return None
        if shown.spectrum is not None:
            seen = spectrum_content(stages, shown.drawn, spectrum=shown.spectrum)
        elif shown.delivered is not None:
            seen = delivered_content(stages.observation, recipe, shown.delivered)
        else:
            return None
        return base64.b64encode(sketch(seen)).decode()

    def close(self) -> None:
        """Take it from the page, stop what it does, and free its memory.

        The observation, recipe and spectra that you took from it stay. Running a notebook cell
        again closes the explorer that the cell made before.
        """
        if self._closed:
            return
        self._closed = True
        self._controller.close()
        close_all([self._screen.widget, *self._made])
        self._made = []

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

    @property
    def findings(self) -> Findings:
        """What is found of the recipe on the screen; see `lrs.diagnose`. Waits for it.

        Raises
        ------
        LRSExplorerError
            Nothing is open.
        """
        self._controller.finish()
        return self._findings.findings

    @property
    def light_curves(self) -> tuple[LightCurve, ...]:
        """The light curves on the screen, the white one first; none without a time series."""
        self._controller.finish()
        return self._time.light_curves

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

    def save_recipe(self, path: str | os.PathLike[str], overwrite: bool = False) -> Path:
        """Write the recipe as a file (``.json``), to be applied to other observations.

        Parameters
        ----------
        path : path
        overwrite : bool
            Replace an existing file.

        Returns
        -------
        Path
            ``path``.

        Raises
        ------
        LRSExplorerError
            The file exists and ``overwrite`` is False, or it cannot be written.
        """
        return self.recipe.to_json(path, overwrite)

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


def _close_replaced(explorer: Explorer) -> None:
    """Close what the same notebook cell has made before, when it was run another time."""
    shell = get_ipython()
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return
    parent = kernel.get_parent("shell")
    cell, request = parent.get("metadata", {}).get("cellId"), parent["header"].get("msg_id")
    if not cell:
        return
    kept = []
    for made_by, one in _in_cells.get(cell, ()):
        if made_by == request:
            kept.append((made_by, one))
        else:
            one.close()
    _in_cells[cell] = [*kept, (request, explorer)]
