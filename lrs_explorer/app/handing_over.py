"""All that leaves the page: spectrum, recipe, files for the pipeline, package, report, figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lrs_explorer.app.controller import Controller
from lrs_explorer.app.shown import Shown
from lrs_explorer.handover.contents import (
    Content,
    content,
    spectrum_content,
)
from lrs_explorer.handover.exporting import Exported, export
from lrs_explorer.handover.figures import check_figure_path, drawn, figure_width, load, save_figure
from lrs_explorer.handover.packaging import (
    Packaged,
    PackageDraft,
    check_package_path,
    package_draft,
)
from lrs_explorer.handover.report import Draft, check_report_path, draft
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike
from lrs_explorer.model.files.image_file import write_spectrum
from lrs_explorer.widgets.export_form import ExportChoice

__all__ = ["HandingOver"]

UNDER_WAY = "{} being made …"
DRAWING = "the package: figures are being drawn, then it is written …"


class HandingOver:
    """Writes what is chosen in the form of the toolbar, of what is shown.

    Numbers are computed in threads, figures drawn between the page's messages: matplotlib's
    settings belong to all threads, and a notebook's own figures must not see ours.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._messages = controller.screen.messages
        self.form = controller.screen.toolbar.form
        self._writers: dict[str, Callable[[ExportChoice], None]] = {
            "spectrum": self._spectrum,
            "recipe": self._recipe,
            "pipeline": self._pipeline,
            "package": self._package,
            "report": self._report,
        }
        self.form.answer(self._asked)

    def changed(self, before: Shown, now: Shown) -> None:
        """Offer what can be had of another observation or image."""
        stages = now.stages
        if stages is None:
            return
        same = stages is before.stages and now.image is before.image
        if same and now.delivered is before.delivered:
            return
        observation, image, delivered = stages.observation, now.image, now.delivered
        path = image.path if image is not None else delivered.path if delivered else None
        stem = path.name.split(".")[0].rpartition("_")[0] if path else ""
        stem, name = f"{stem or observation.name}_explorer", observation.name
        suggested = {
            "spectrum": f"{stem}_x1d.fits",
            "recipe": f"{stem}_recipe.json",
            "package": f"{name}_package.zip",
            "report": f"{name}_report.html",
            "figure spectrum": f"{name}_spectrum.pdf",
        }
        if image is not None:
            suggested["figure image"] = f"{name}_image.pdf"
        if image is not None or any(observation.can_reprocess.values()):
            suggested["pipeline"] = f"{name}_pipeline"
        if observation.is_series:
            suggested["figure light_curves"] = f"{name}_light_curves.pdf"
        self.form.offer(suggested)

    def _asked(self, choice: ExportChoice) -> None:
        self._writers.get(choice.what, self._figure)(choice)

    # -- at once -------------------------------------------------------------------------------

    def save_spectrum(
        self, path: PathLike, overwrite: bool = False, without_references: bool = False
    ) -> Path:
        """Write the live spectrum, with the errors that the recipe asks for.

        Without an image it is the delivered one.

        Returns
        -------
        Path
            Absolute.

        Raises
        ------
        LRSExplorerError
            There is none, reference files are missing, or it cannot be written.
        """
        spectrum = self._controller.shown.spectrum_with_errors()
        if spectrum is None:
            raise LRSExplorerError(
                "there is no live spectrum to save; wait until it is shown, or correct the recipe."
            )
        return write_spectrum(
            spectrum,
            Path(path).expanduser(),
            overwrite=overwrite,
            without_references=without_references,
        ).absolute()

    def _spectrum(self, choice: ExportChoice) -> None:
        def write() -> str:
            how = choice.overwrite, choice.without_references
            return f"spectrum written to {self.save_spectrum(choice.path, *how)}"

        self._finish(choice, write)

    def _recipe(self, choice: ExportChoice) -> None:
        def write() -> str:
            path = Path(choice.path).expanduser()
            written = self._controller.shown.recipe.to_json(path, overwrite=choice.overwrite)
            return f"recipe written to {written.absolute()}"

        self._finish(choice, write)

    # -- in a thread ---------------------------------------------------------------------------

    def _pipeline(self, choice: ExportChoice) -> None:
        stages, recipe = self._controller.shown.stages, self._controller.shown.recipe
        if stages is None:
            return
        folder = Path(choice.path).expanduser()

        def written(made: Exported) -> None:
            where = f"{len(made.files)} files written to {next(iter(made.files)).parent}"
            told = [f"{path.name}: {what}" for path, what in made.files.items()]
            self._finish(choice, lambda: where, "\n".join([*told, *made.notes]))

        self._start(
            choice,
            "files are",
            lambda: None,
            lambda: export(
                stages.observation,
                recipe,
                folder,
                overwrite=choice.overwrite,
                references=stages.references,
            ),
            written,
        )

    def _figure(self, choice: ExportChoice) -> None:
        shown = self._controller.shown
        path = Path(choice.path).expanduser()
        how = {"data": choice.data, "overwrite": choice.overwrite}
        without = choice.without_references

        def write(made: Content) -> str:
            figure = drawn(made, figure_width(choice.width))
            save_figure(figure, made, path, **how, without_references=without)
            return f"figure written to {path.absolute()}"

        self._start(
            choice,
            "the figure is",
            lambda: check_figure_path(path, **how),
            lambda: _shown_content(shown, choice.figure),
            lambda made: self._finish(choice, lambda: write(made)),
        )

    def _report(self, choice: ExportChoice) -> None:
        shown = self._controller.shown
        path = Path(choice.path).expanduser()
        stages, recipe = shown.stages, shown.drawn
        if stages is None:
            return

        def write(made: Draft) -> str:
            made.write(path, choice.overwrite, choice.without_references)
            return f"report written to {path.absolute()}"

        self._start(
            choice,
            "the report is",
            lambda: check_report_path(path, choice.overwrite),
            lambda: draft(stages, recipe),
            lambda made: self._draw(made.draw(), lambda: self._finish(choice, lambda: write(made))),
        )

    # -- a package: a run that can be cancelled, figures between messages, then the zip ---------

    def _package(self, choice: ExportChoice) -> None:
        shown = self._controller.shown
        stages, recipe = shown.stages, shown.recipe
        if stages is None:
            return
        try:
            path = check_package_path(choice.path, choice.overwrite)
        except LRSExplorerError as error:
            self._failed(choice, error)
            return
        sweep = None if shown.systematic is None else shown.sweep

        def drafted(future: Future[PackageDraft]) -> None:
            if self._controller.shown.stages is not stages:
                return
            made = self._result(choice, future)
            if made is None:
                self.form.reopen(choice.what)
            else:
                self._messages.show(DRAWING)
                self._draw(made.draw(), lambda: self._write_package(choice, made))

        def run(*told: Any) -> PackageDraft:
            load()
            return package_draft(
                stages,
                recipe,
                path,
                *told,
                sweep=sweep,
                without_references=choice.without_references,
            )

        self.form.close()  # it lies over the bar that tells how far the run is
        self._controller.runs.start(run, drafted, recipe, wanted="package")

    def _write_package(self, choice: ExportChoice, made: PackageDraft) -> None:
        def written(future: Future[Packaged]) -> None:
            self._messages.clear("info")
            packed = self._result(choice, future)
            if packed is not None:
                size = packed.path.stat().st_size / 1e6
                where = f"package written to {packed.path} ({size:.1f} MB)"
                told = [f"{name}: {what}" for name, what in sorted(packed.files.items())]
                self._messages.show(where, "info", "\n".join([*packed.notes, *told]))
            self._controller.refresh()  # it may have made the image that is waited for

        self._controller.start(lambda: made.write(choice.overwrite), written)

    # -- how it goes on ------------------------------------------------------------------------

    def _draw(self, left: Iterator[None], then: Callable[[], None]) -> None:
        """Draw a figure, and go on when the page has had its turn."""
        try:
            next(left)
        except StopIteration:
            then()
        else:
            self._controller.start(lambda: None, lambda _: self._draw(left, then))

    def _start(
        self,
        choice: ExportChoice,
        words: str,
        check: Callable[[], object],
        compute: Callable[[], Any],
        then: Callable[[Any], None],
    ) -> None:
        """Check what can be checked at once, compute in a thread, and go on where widgets are."""

        def loaded() -> Any:
            if choice.what != "pipeline":
                load()
            return compute()

        def computed(future: Future[Any]) -> None:
            made = self._result(choice, future)
            if made is not None:
                then(made)

        try:
            check()
        except LRSExplorerError as error:
            self._failed(choice, error)
            return
        self.form.show_result(UNDER_WAY.format(words))
        self._controller.start(loaded, computed)

    def _result(self, choice: ExportChoice, future: Future[Any]) -> Any:
        """Return what background work gave; None where it went wrong, which is said."""
        error = future.exception()
        if isinstance(error, LRSExplorerError):
            self._failed(choice, error)
        elif self._controller.succeeded(future):
            return future.result()
        else:
            self._tell(choice, "")
        return None

    def _finish(self, choice: ExportChoice, write: Callable[[], str], details: str = "") -> None:
        """Write, close the form, and say what was written."""
        try:
            where = write()
        except LRSExplorerError as error:
            self._failed(choice, error)
            return
        self._tell(choice, "")
        if self.form.what.value == choice.what:
            self.form.close()
        self._messages.show(where, "info", details)

    def _failed(self, choice: ExportChoice, error: LRSExplorerError) -> None:
        self._tell(choice, str(error))
        self._messages.show(str(error), "error")
        if self.form.what.value == choice.what and "without_references=True" in str(error):
            self.form.offer_without()

    def _tell(self, choice: ExportChoice, text: str) -> None:
        """Say how it went, unless the form is about something else by now."""
        if self.form.what.value == choice.what:
            self.form.show_result(text)


def _shown_content(shown: Shown, kind: str) -> Content:
    """Return what is to be drawn of what is shown; the spectrum is that on the screen."""
    assert shown.stages is not None
    if kind == "spectrum" and shown.image is not None:
        own = shown.spectrum_with_errors()
        return spectrum_content(shown.stages, shown.drawn, spectrum=own)
    return content(shown.stages, shown.drawn, kind)
