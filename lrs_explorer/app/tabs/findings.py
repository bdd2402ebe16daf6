"""The tab "Findings": known issues, their evidence on the views, and their remedies."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from dataclasses import dataclass

from lrs_explorer.app.comparing import pin_beside_live
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.shown import Shown
from lrs_explorer.diagnosis.diagnose import diagnose
from lrs_explorer.diagnosis.finding import STATUSES, Finding
from lrs_explorer.diagnosis.gain import gained
from lrs_explorer.diagnosis.mend import mend
from lrs_explorer.diagnosis.report import groups, names
from lrs_explorer.diagnosis.rounds import ROUNDS, next_round
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.measure.box_and_optimal import compare_extractions
from lrs_explorer.model.measure.nods import SpectrumComparison
from lrs_explorer.model.measure.uncertainty import Bootstrap, believed
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.widgets.findings_panel import ErrorControls, FindingsPanel, Verdict

__all__ = ["FindingsTab"]

DEBOUNCE = 1.5
"""Seconds without a change after which a recipe is judged, and its errors are bootstrapped."""

LOOKING = "looking for known issues …"

CHANGED = "the recipe has changed since it was judged; mend again once it has been judged anew."


@dataclass(frozen=True, eq=False)
class _Judged:
    """Findings, the recipe that they were judged for, and what there is in a line."""

    recipe: Recipe
    findings: dict[str, Finding]
    summary: str

    @property
    def found(self) -> list[Finding]:
        """What was found and can be mended."""
        return [f for f in self.findings.values() if f.is_open and f.remedy is not None]

    @property
    def groups(self) -> dict[str, list[Finding]]:
        """Findings as they are listed, by the issue of the first of those that stand together."""
        return {group[0].issue: group for group in groups(self.findings.values())}


@dataclass(frozen=True, eq=False)
class _Mended:
    """A remedy that was applied: the recipe with it, and the spectrum before."""

    recipe: Recipe
    finding: Finding
    before: Spectrum


class FindingsTab:
    """Judges the observation in the background and turns remedies into recipes.

    Parameters
    ----------
    controller : Controller
    """

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._judged: _Judged | None = None
        self._at_rest = False  # what was to be done for this recipe is under way, or done
        self._mended: _Mended | None = None
        self._rounds: list[Recipe] = []  # of "mend all": the recipe before, and that of each round
        self._debounce = Debounce(DEBOUNCE, controller.page)
        self.panel = FindingsPanel(self._show, self._mend, self._mend_all, self._judge)
        self.errors = ErrorControls(
            lambda uncertainty: controller.change(uncertainty=uncertainty), self._compare
        )
        controller.screen.add_tab(
            "Findings", ("Known issues", self.panel.widget), ("Errors", self.errors.widget)
        )

    def changed(self, before: Shown, now: Shown) -> None:
        """Judge anew once the recipe rests; remedies of another recipe are not offered."""
        if now.stages is None:
            return
        other = now.stages is not before.stages
        if other:
            self._mended, self._rounds = None, []
            self.panel.show((), LOOKING)
        if other or now.references is not before.references:
            self._judged, self._at_rest = None, False
            names = now.stages.references.names
            self.errors.show_optimal("" if "psf" in names else "no PSF reference file")
        if other or now.image is not before.image:
            self.errors.offer(now.image is not None)
        if other or now.recipe.uncertainty != before.recipe.uncertainty:
            self.errors.show(now.recipe.uncertainty)
        if other or now.recipe != before.recipe:
            self.errors.show_result("")  # it was of another spectrum
        if now.recipe != before.recipe:
            self._at_rest = False
            if self._rounds and now.recipe != self._rounds[-1]:
                self._rounds = []  # the user goes on otherwise
        judged = self._judged
        if judged is not None and judged.recipe == now.recipe:
            self.panel.offer(True, judged.summary)
        else:
            self.panel.offer(False, LOOKING)
        if not self._at_rest:
            self._debounce.call(self._rest)

    def _rest(self) -> None:
        shown = self._controller.shown
        loading = shown.image is not None and shown.spectrum is None and not shown.problem
        if shown.waits or loading:
            return  # it is judged when the pipeline has run, or is there
        self._at_rest = True
        if self._judged is None or shown.recipe != self._judged.recipe:
            self._judge()
        self._bootstrap(shown)

    # -- judging -----------------------------------------------------------------------------------

    def _judge(self) -> None:
        shown = self._controller.shown
        stages, recipe = shown.stages, shown.recipe
        if stages is None:
            return

        def judge() -> list[Finding]:
            return diagnose(stages.observation, recipe, stages=stages)

        self._controller.start(judge, lambda future: self._told(recipe, future))

    def _told(self, recipe: Recipe, future: Future[list[Finding]]) -> None:
        if recipe != self._controller.shown.recipe or not self._controller.succeeded(future):
            return  # another one is judged once it rests
        findings = future.result()
        summary = _counted(findings)
        self._judged = judged = _Judged(recipe, {f.issue: f for f in findings}, summary)
        if self._rounds and self._next_round(judged):
            return
        summary = f"{self._ended(judged)}{summary}{self._gain()}"
        self._judged = judged = dataclasses.replace(judged, summary=summary)
        self.panel.show([_verdict(group) for group in judged.groups.values()], summary)
        screen = self._controller.screen
        screen.count_on_tab("Findings", sum(finding.is_open for finding in findings))
        screen.spectrum.flux.show_ranges(())
        screen.show_marker(None, None)

    def _gain(self) -> str:
        """Say what the last remedy has gained, if that is what was judged."""
        shown, mended = self._controller.shown, self._mended
        if mended is None or shown.spectrum is None or mended.recipe != shown.recipe:
            return ""
        self._mended = None
        try:
            sentence = gained(mended.finding, mended.before, shown.spectrum).sentence
            return f". {sentence[:1].upper()}{sentence[1:]}"
        except LRSExplorerError:
            return ""

    # -- showing and mending -----------------------------------------------------------------------

    def _show(self, key: str) -> None:
        """Show the evidence of a finding on the linked views."""
        group = self._judged.groups.get(key) if self._judged else None
        screen = self._controller.screen
        if group is None:
            return
        self.panel.show_details(_verdict(group))
        figure = group[0].figure
        screen.spectrum.flux.show_ranges(figure.wavelengths)
        pixels = [place.pixel for place in figure.places if place.pixel is not None]
        middle = None
        if figure.wavelengths:
            low, high = figure.wavelengths[0]
            middle = (low + high) / 2
        screen.show_marker(middle, pixels[-1] if pixels else None)

    def _mend(self, key: str) -> None:
        finding = self._judged.findings.get(key) if self._judged else None
        if finding is not None and finding.remedy is not None:
            self._apply([dataclasses.replace(finding, status="found")])

    def _mend_all(self) -> None:
        """Begin with the first round; the others follow when its result has been judged."""
        if self._judged is not None and self._apply(self._judged.found):
            self._rounds = [self._judged.recipe, self._controller.shown.recipe]

    def _next_round(self, judged: _Judged) -> bool:
        """Mend what a round has left, as part of the same step to undo; tell whether it can be."""
        recipe = next_round(self._rounds, judged.found)
        if recipe is None:
            return False
        self._rounds.append(recipe)
        if self._mended is not None:
            self._mended = dataclasses.replace(self._mended, recipe=recipe)
        self.panel.offer(False, f"round {len(self._rounds) - 1} of at most {ROUNDS} …")
        self._controller.attempt(recipe, same_step=True)
        return self._controller.shown.recipe == recipe

    def _ended(self, judged: _Judged) -> str:
        """Say how many rounds were needed, if any were, and what they have not mended."""
        number, self._rounds = len(self._rounds) - 1, []
        if number < 1:
            return ""
        told = f"mended in {number} round{'s' if number > 1 else ''}. "
        if judged.found:
            told += f"Not mended: {names(judged.found)}. "
        return told

    def _apply(self, findings: list[Finding]) -> bool:
        """Apply remedies, as one step to undo, to the recipe that they were judged for.

        Return whether they hold.
        """
        shown, judged = self._controller.shown, self._judged
        if judged is None or not findings:
            return False
        if judged.recipe != shown.recipe:  # clicked while something else was being changed
            self._controller.screen.messages.show(CHANGED, "warning")
            return False
        mended = mend(judged.recipe, findings)
        if shown.spectrum is not None:
            self._mended = _Mended(mended, findings[0], shown.spectrum)
        self._controller.attempt(mended)
        return self._controller.shown.recipe == mended

    # -- errors ------------------------------------------------------------------------------------

    def _bootstrap(self, shown: Shown) -> None:
        """Work out errors in the background, where the recipe wants them."""
        controller, stages, recipe = self._controller, shown.stages, shown.recipe
        controller.screen.spectrum.show_believed(None)
        if recipe.uncertainty.method != "bootstrap" or stages is None:
            return
        self.errors.show_result("errors are being worked out …")

        def told(future: Future[Bootstrap]) -> None:
            now = controller.shown
            if now.drawn != recipe:
                return
            if not controller.succeeded(future):
                self.errors.show_result("")
                return
            errors = future.result()
            self.errors.show_result(errors.sentence)
            if now.spectrum is not None:
                controller.screen.spectrum.show_believed(believed(now.spectrum, errors))

        controller.start(lambda: stages.bootstrap(recipe), told)

    def _compare(self) -> None:
        """Extract the other way as well, pin it, and say where the two disagree."""
        controller, shown = self._controller, self._controller.shown
        stages, recipe = shown.stages, shown.drawn
        if stages is None:
            return
        box = recipe.extraction.extraction_type == "box"
        extraction = dataclasses.replace(
            recipe.extraction, extraction_type="optimal" if box else "box"
        )
        other = recipe.replace(extraction=extraction)
        name = f"{extraction.extraction_type} extraction"

        def compare(live: Spectrum, pinned: Spectrum) -> SpectrumComparison:
            return compare_extractions(*((live, pinned) if box else (pinned, live)))

        controller.start(
            lambda: (name, stages.spectrum(other)),
            lambda future: self.errors.show_result(pin_beside_live(controller, future, compare)),
        )


def _counted(findings: list[Finding]) -> str:
    """Say how many findings there are of each kind."""
    counts = {status: sum(f.status == status for f in findings) for status in STATUSES}
    corrected = sum(finding.corrected for finding in findings)
    told = [
        f"{counts['found'] - corrected} found",
        f"{corrected} corrected by itself" if corrected else "",
        f"{counts['suspect']} suspect",
        f"{counts['ok']} in order",
        f"{counts['unknown']} that cannot be told",
    ]
    return ", ".join(filter(None, told))


def _verdict(group: list[Finding]) -> Verdict:
    finding = group[0]
    title = f"{finding.issue}: {finding.title}" if finding.issue.startswith("MR") else finding.title
    return Verdict(
        finding.issue,
        title if len(group) == 1 else names(group),
        finding.verdict,
        finding.why,
        tuple(evidence.describe() for evidence in finding.evidence),
        finding.advice,
        finding.remedy is not None,
    )
