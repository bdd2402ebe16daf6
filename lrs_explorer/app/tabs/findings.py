"""The tab "Findings": known issues, their evidence on the views, and their remedies."""

from __future__ import annotations

import dataclasses
from concurrent.futures import Future
from dataclasses import dataclass

from lrs_explorer.app.comparing import pin_all_beside_live, pin_beside_live
from lrs_explorer.app.controller import Controller
from lrs_explorer.app.kernel.debounce import Debounce
from lrs_explorer.app.shown import Shown
from lrs_explorer.diagnosis.diagnose import diagnose
from lrs_explorer.diagnosis.finding import Finding
from lrs_explorer.diagnosis.fix import fix
from lrs_explorer.diagnosis.gain import Gain, gained
from lrs_explorer.diagnosis.report import Findings, groups, names, summary
from lrs_explorer.diagnosis.rounds import ROUNDS, next_round
from lrs_explorer.diagnosis.words import capital, counted
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

LOOKING = "Checking for known problems …"
AGAIN = "Checking again …"
NOT_CHECKED = "Not checked:"

CHANGED = "the recipe has changed since it was checked; press again once it has been checked anew."

BEFORE = "before the fix"


@dataclass(frozen=True, eq=False)
class _Judged:
    """Findings, the recipe that they were judged for, and what there is in a line."""

    recipe: Recipe
    findings: dict[str, Finding]
    summary: str

    @property
    def found(self) -> list[Finding]:
        """What was found and can be fixed."""
        return [f for f in self.findings.values() if f.is_open and f.remedy is not None]

    @property
    def problems(self) -> list[Finding]:
        """What was found and is not corrected, the first of the list first."""
        return [f for f in self.findings.values() if f.is_open]

    @property
    def attention(self) -> list[Finding]:
        """Problems and warnings, problems first."""
        return self.problems + [f for f in self.findings.values() if f.status == "suspect"]

    @property
    def others(self) -> str:
        """What there is beside problems, in a line."""
        _, _, rest = self.summary.partition(", ")
        return f"{capital(rest)}." if rest else ""

    @property
    def groups(self) -> dict[str, list[Finding]]:
        """Findings as they are listed, by the issue of the first of those that stand together."""
        return {group[0].issue: group for group in groups(self.findings.values())}


@dataclass(frozen=True, eq=False)
class _Fixed:
    """Remedies that were applied: the recipe with them, for what, and the spectrum before.

    What came of them is told once the result has been judged.
    """

    recipe: Recipe
    findings: tuple[Finding, ...]
    before: Spectrum | None
    headline: str = ""
    more: str = ""
    sentence: str = ""


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
        self._fixed: _Fixed | None = None
        self._rounds: list[Recipe] = []  # of "fix all": the recipe before, and that of each round
        self._debounce = Debounce(DEBOUNCE, controller.page)
        self.panel = FindingsPanel(self._show, self._fix, self._judge)
        self.errors = ErrorControls(
            lambda uncertainty: controller.change(uncertainty=uncertainty), self._compare
        )
        status = controller.screen.status
        status.answer("show", self._show_all)
        status.answer("fix", self._fix_all)
        status.answer("changed", self._what_changed)
        controller.screen.add_tab(
            "Findings", ("Known issues", self.panel.widget), ("Errors", self.errors.widget)
        )

    def changed(self, before: Shown, now: Shown) -> None:
        """Judge anew once the recipe rests; remedies of another recipe are not offered."""
        if now.stages is None:
            return
        other = now.stages is not before.stages
        if other:
            self._fixed, self._rounds = None, []
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
            if self._fixed is not None and now.recipe != self._fixed.recipe:
                self._fixed = None
        if now.waits and self._controller.runs.has_stopped(now.recipe):
            self._rounds, self._fixed = [], None
        self._tell(now)
        if not self._at_rest:
            self._debounce.call(self._rest)

    def _tell(self, now: Shown) -> None:
        """Say how things are, in the tab and on the line under the title."""
        judged, line = self._judged, self._controller.screen.status
        fresh = judged is not None and judged.recipe == now.recipe
        fixed = self._fixed if fresh else None
        if self._fixed is not None and not self._fixed.headline:
            number = len(self._fixed.findings)
            what = names(self._fixed.findings) if number == 1 else counted(number, "problem")
            rounds = f"Round {len(self._rounds) - 1} of at most {ROUNDS}." if self._rounds else ""
            self.panel.offer(False, f"Fixing … {rounds}")
            line.show("fixing", f"Fixing: {what} …", rounds)
        elif now.waits and self._controller.runs.has_stopped(now.recipe):
            self.panel.offer(False, "")
            line.show("unknown", NOT_CHECKED, "the pipeline has not run for this recipe.")
        elif judged is None:
            self.panel.offer(False, LOOKING)
            line.show("checking", LOOKING)
        elif not fresh:
            self.panel.offer(False, AGAIN)
            line.show("checking", AGAIN, "", _offered(judged), pressable=False)
        elif fixed is not None and fixed.headline:
            told = f"{fixed.headline} {fixed.sentence}".strip()
            self.panel.offer(True, f"{told} {capital(judged.summary)}.")
            more = fixed.more or f"{capital(judged.summary)}."
            buttons = ["undo", *(["changed"] if fixed.before is not None else [])]
            line.show("fixed", fixed.headline, more, [*buttons, *_offered(judged)])
        else:
            self.panel.offer(True, f"{capital(judged.summary)}.")
            if problems := judged.problems:
                headline = f"{counted(len(problems), 'problem')} found:"
                said = "; ".join(f.why.rstrip(".") for f in problems)
                line.show("problems", headline, f"{said}.", _offered(judged))
            else:
                line.show("fine", "No problems found.", judged.others, _offered(judged))

    @property
    def findings(self) -> Findings:
        """What is found of the recipe that is shown, judged now where that was not done yet.

        Raises
        ------
        LRSExplorerError
            Nothing is open.
        """
        shown, judged = self._controller.shown, self._judged
        if shown.stages is None:
            raise LRSExplorerError("nothing is open, so nothing is found; open an observation.")
        if judged is not None and judged.recipe == shown.recipe:
            return Findings(judged.findings.values())
        return diagnose(shown.stages.observation, shown.recipe, stages=shown.stages)

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
        if recipe != self._controller.shown.recipe:
            return  # another one is judged once it rests
        screen = self._controller.screen
        if not self._controller.succeeded(future):
            self._rounds, self._fixed = [], None
            self.panel.offer(False, "")
            screen.status.show("unknown", NOT_CHECKED, str(future.exception()))
            return
        findings = future.result()
        self._judged = judged = _Judged(recipe, {f.issue: f for f in findings}, summary(findings))
        if self._rounds and self._next_round(judged):
            return
        self._conclude(judged)
        self.panel.show([_verdict(group) for group in judged.groups.values()], "")
        screen.count_on_tab("Findings", sum(finding.is_open for finding in findings))
        screen.spectrum.flux.show_ranges(())
        screen.show_marker(None, None)
        self._tell(self._controller.shown)

    def _conclude(self, judged: _Judged) -> None:
        """Note what came of remedies, if it is their result that was judged."""
        fixed, shown = self._fixed, self._controller.shown
        rounds, self._rounds = len(self._rounds) - 1, []
        if fixed is None or fixed.headline or fixed.recipe != shown.recipe:
            return
        left = [f for f in judged.findings.values() if f.is_open and f.issue in _issues(fixed)]
        done = [f for f in fixed.findings if f.issue not in {one.issue for one in left}]
        gain = _gained(fixed, shown.spectrum)
        more = "" if gain is None else f"{capital(gain.headline)}."
        sentence = "" if gain is None else capital(gain.sentence)
        if left:
            more = f"{names(left)}. {more}".strip()
            if done:
                more = f"Not fixed: {more}"
        headline = "Not fixed:"
        if done:
            what = names(done) if len(done) == 1 else counted(len(done), "problem")
            headline = f"Fixed: {what}."
        if rounds > 1:
            sentence = f"In {rounds} rounds. {sentence}"
        self._fixed = dataclasses.replace(fixed, headline=headline, more=more, sentence=sentence)

    # -- showing and fixing -----------------------------------------------------------------------

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

    def _show_all(self) -> None:
        """Bring the list to the front, and show the evidence of the first of what was found."""
        self._controller.screen.bring_to_front("Findings")
        if self._judged is not None and self._judged.attention:
            self._show(self._judged.attention[0].issue)

    def _fix(self, key: str) -> None:
        finding = self._judged.findings.get(key) if self._judged else None
        if finding is not None and finding.remedy is not None:
            self._apply([dataclasses.replace(finding, status="found")])

    def _fix_all(self) -> None:
        """Begin with the first round; the others follow when its result has been judged."""
        if self._judged is not None:
            self._apply(self._judged.found, self._judged.problems)

    def _next_round(self, judged: _Judged) -> bool:
        """Fix what a round has left, as part of the same step to undo; tell whether it can be."""
        recipe = next_round(self._rounds, judged.found)
        if recipe is None:
            return False
        self._rounds.append(recipe)
        if self._fixed is not None:
            known = _issues(self._fixed)
            more = tuple(f for f in judged.problems if f.issue not in known)
            self._fixed = dataclasses.replace(
                self._fixed, recipe=recipe, findings=(*self._fixed.findings, *more)
            )
        self._controller.attempt(recipe, same_step=True)
        return self._controller.shown.recipe == recipe

    def _apply(self, findings: list[Finding], hoped: list[Finding] | None = None) -> None:
        """Apply remedies, as one step to undo, to the recipe that they were judged for.

        With ``hoped``, problems that they may all solve, in rounds until no more is found.
        """
        shown, judged = self._controller.shown, self._judged
        if judged is None or not findings:
            return
        if judged.recipe != shown.recipe:  # clicked while something else was being changed
            self._controller.screen.messages.show(CHANGED, "warning")
            return
        recipe = fix(judged.recipe, findings)
        if recipe == judged.recipe:
            return
        self._fixed = _Fixed(recipe, tuple(hoped or findings), shown.spectrum)
        self._rounds = [judged.recipe, recipe] if hoped else []
        self._controller.attempt(recipe)
        if self._controller.shown.recipe != recipe:
            self._fixed, self._rounds = None, []
            self._tell(self._controller.shown)

    def _what_changed(self) -> None:
        """Pin the spectrum as it was before the last remedies, and show the ratio to it."""
        fixed = self._fixed
        if fixed is None or fixed.before is None:
            return
        pin_all_beside_live(self._controller, {BEFORE: fixed.before})
        self._fixed = dataclasses.replace(fixed, before=None)  # it is pinned
        self._tell(self._controller.shown)

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


def _issues(fixed: _Fixed) -> set[str]:
    return {finding.issue for finding in fixed.findings}


def _offered(judged: _Judged) -> list[str]:
    """Return which buttons the line under the title has."""
    return [*(["show"] if judged.attention else []), *(["fix"] if judged.found else [])]


def _gained(fixed: _Fixed, after: Spectrum | None) -> Gain | None:
    """Return what remedies have gained, if that can be told."""
    if fixed.before is None or after is None:
        return None
    try:
        return gained(fixed.findings[0], fixed.before, after)
    except LRSExplorerError:
        return None


def _verdict(group: list[Finding]) -> Verdict:
    finding = group[0]
    alone = len(group) == 1
    return Verdict(
        key=finding.issue,
        title=finding.name if alone else names(group),
        status=finding.state,
        word=finding.verdict,
        why=finding.why,
        code=finding.issue if alone and finding.issue.startswith("MR") else "",
        evidence=tuple(evidence.describe() for evidence in finding.evidence),
        advice=finding.advice,
        fixable=finding.remedy is not None,
    )
