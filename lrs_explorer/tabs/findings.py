"""The tab "Findings": known issues, their evidence on the views, and their remedies."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future

from lrs_explorer.comparing import pin_beside_live
from lrs_explorer.controller import Controller
from lrs_explorer.diagnosis.diagnose import diagnose
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.diagnosis.gain import gained
from lrs_explorer.diagnosis.mend import mend
from lrs_explorer.model.box_and_optimal import compare_extractions
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.nods import SpectrumComparison
from lrs_explorer.model.products import Spectrum
from lrs_explorer.model.recipe import Recipe, Uncertainty
from lrs_explorer.model.stages import Stages
from lrs_explorer.model.uncertainty import Bootstrap, believed
from lrs_explorer.settling import Settling
from lrs_explorer.widgets.findings_panel import ErrorControls, FindingsPanel, Verdict

__all__ = ["FindingsTab"]

SETTLED = 1.5
"""Seconds without a change after which a recipe is judged, and its errors are bootstrapped."""


class FindingsTab:
    """Judges the observation in the background and turns remedies into recipes.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._stages: Stages | None = None
        self._judged: Recipe | None = None
        self._findings: dict[str, Finding] = {}
        self._mended: tuple[Finding, Spectrum] | None = None
        self._bootstrapped: Recipe | None = None
        self._settling = Settling(SETTLED, controller.page)
        self.panel = FindingsPanel(self._show, self._mend, self._mend_all, self._judge)
        self.errors = ErrorControls(self._choose_errors, self._compare)
        controller.screen.add_tab(
            "Findings", ("Known issues", self.panel.widget), ("Errors", self.errors.widget)
        )

    def changed(self) -> None:
        """Judge anew once the recipe rests."""
        controller = self._controller
        stages, recipe = controller.stages, controller.state.recipe
        if stages is None:
            return
        if stages is not self._stages:
            self._stages, self._judged, self._findings = stages, None, {}
            self._mended = self._bootstrapped = None
            self.panel.show((), "looking for known issues …")
        names = stages.references.names
        self.errors.show(
            recipe.uncertainty, no_optimal="" if "psf" in names else "no PSF reference file"
        )
        if recipe != self._judged or recipe != self._bootstrapped:
            self._settling.call(self._rest)

    def _rest(self) -> None:
        controller = self._controller
        recipe = controller.state.recipe
        if controller.runs.running is not None or controller.shown != recipe:
            return  # the pipeline is at work: it is judged when that is done
        if recipe != self._judged:
            self._judge()
        if recipe != self._bootstrapped:
            self._bootstrap(recipe)

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self) -> None:
        controller, stages = self._controller, self._stages
        if stages is None:
            return
        recipe = self._judged = controller.state.recipe

        def judge() -> list[Finding]:
            return diagnose(stages.observation, recipe, stages=stages)

        controller.work.start(judge, lambda future: self._told(stages, recipe, future))

    def _told(self, stages: Stages, recipe: Recipe, future: Future[list[Finding]]) -> None:
        if stages is not self._controller.stages or not self._controller.succeeded(future):
            return
        self._findings = {finding.issue: finding for finding in future.result()}
        order = ("found", "suspect", "unknown", "ok")
        findings = sorted(self._findings.values(), key=lambda f: order.index(f.status))
        counts = {status: sum(f.status == status for f in findings) for status in order}
        summary = (
            f"{counts['found']} found, {counts['suspect']} suspect, {counts['ok']} in order, "
            f"{counts['unknown']} that cannot be told"
        )
        self.panel.show([_verdict(f) for f in findings], summary + self._gain())
        screen = self._controller.screen
        screen.count_on_tab("Findings", counts["found"])
        screen.spectrum.flux.show_ranges(())
        screen.show_marker(None, None)

    def _gain(self) -> str:
        """Say what the last remedy has gained."""
        spectrum: Spectrum | None = self._controller.state.spectrum
        if self._mended is None or spectrum is None:
            return ""
        finding, before = self._mended
        self._mended = None
        try:
            return f". {gained(finding, before, spectrum).sentence}"
        except LRSExplorerError:
            return ""

    # -- showing and mending -----------------------------------------------------------------------

    def _show(self, key: str) -> None:
        """Show the evidence of a finding on the linked views."""
        finding, screen = self._findings.get(key), self._controller.screen
        if finding is None:
            return
        self.panel.show_details(_verdict(finding))
        figure = finding.figure
        screen.spectrum.flux.show_ranges(figure.wavelengths)
        pixels = [place.pixel for place in figure.places if place.pixel is not None]
        middle = None
        if figure.wavelengths:
            low, high = figure.wavelengths[0]
            middle = (low + high) / 2
        screen.show_marker(middle, pixels[-1] if pixels else None)

    def _mend(self, key: str) -> None:
        finding = self._findings.get(key)
        if finding is None or finding.remedy is None or self._judged is None:
            return
        self._apply(finding, [dataclasses.replace(finding, status="found")])

    def _mend_all(self) -> None:
        found = [f for f in self._findings.values() if f.status == "found" and f.remedy is not None]
        if found:
            self._apply(found[0], found)

    def _apply(self, finding: Finding, findings: list[Finding]) -> None:
        """Apply remedies, as one step to undo; what the user changed since is kept."""
        controller = self._controller
        before: Spectrum | None = controller.state.spectrum
        if before is not None:
            self._mended = finding, before
        now, judged = controller.state.recipe, self._judged
        assert judged is not None
        controller.attempt(mend(now, [_rebased(now, judged, one) for one in findings]))

    # -- errors ------------------------------------------------------------------------------------

    def _choose_errors(self, uncertainty: Uncertainty) -> None:
        recipe = self._controller.state.recipe
        self._controller.attempt(recipe.replace(uncertainty=uncertainty))

    def _bootstrap(self, recipe: Recipe) -> None:
        """Work out errors in the background, where the recipe wants them."""
        controller, stages = self._controller, self._stages
        self._bootstrapped = recipe
        controller.screen.spectrum.show_believed(None)
        if recipe.uncertainty.method != "bootstrap" or stages is None:
            self.errors.show_result("")
            return
        self.errors.show_result("errors are being worked out …")

        def told(future: Future[Bootstrap]) -> None:
            if recipe != controller.state.recipe:
                return
            if not controller.succeeded(future):
                self.errors.show_result("")
                return
            errors = future.result()
            self.errors.show_result(errors.sentence)
            spectrum: Spectrum | None = controller.state.spectrum
            if spectrum is not None:
                controller.screen.spectrum.show_believed(believed(spectrum, errors))

        controller.work.start(lambda: stages.bootstrap(recipe), told)

    def _compare(self) -> None:
        """Extract the other way as well, pin it, and say where the two disagree."""
        controller, stages = self._controller, self._stages
        if stages is None:
            return
        recipe = controller.state.recipe
        box = recipe.extraction.extraction_type == "box"
        extraction = dataclasses.replace(
            recipe.extraction, extraction_type="optimal" if box else "box"
        )
        other = recipe.replace(extraction=extraction)
        name = f"{extraction.extraction_type} extraction"

        def compare(live: Spectrum, pinned: Spectrum) -> SpectrumComparison:
            return compare_extractions(*((live, pinned) if box else (pinned, live)))

        controller.work.start(
            lambda: (name, stages.spectrum(other)),
            lambda future: self.errors.show_result(pin_beside_live(controller, future, compare)),
        )


def _rebased(now: Recipe, judged: Recipe, finding: Finding) -> Finding:
    """Return a finding whose remedy changes of ``now`` what it changed of ``judged``."""
    assert finding.remedy is not None
    changes = {
        part.name: getattr(finding.remedy, part.name)
        for part in dataclasses.fields(Recipe)
        if getattr(finding.remedy, part.name) != getattr(judged, part.name)
    }
    return dataclasses.replace(finding, remedy=now.replace(**changes))


def _verdict(finding: Finding) -> Verdict:
    return Verdict(
        finding.issue,
        f"{finding.issue}: {finding.title}" if finding.issue.startswith("MR") else finding.title,
        finding.status,
        finding.why,
        tuple(evidence.describe() for evidence in finding.evidence),
        finding.advice,
        finding.remedy is not None,
    )
