"""The report: one HTML page that stands alone, of what was delivered, found and changed.

Every value on it is escaped: headers and file names are anybody's.
"""

from __future__ import annotations

import json
import platform
import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lrs_explorer._version import __version__
from lrs_explorer.diagnosis.diagnose import diagnose
from lrs_explorer.diagnosis.finding import Evidence, Finding
from lrs_explorer.diagnosis.gain import Gain, spectrum_change
from lrs_explorer.diagnosis.report import groups, names, summary
from lrs_explorer.diagnosis.words import counted, signed
from lrs_explorer.handover.contents import (
    Content,
    ImageContent,
    SpectrumContent,
    image_content,
    light_curves_content,
    spectrum_content,
)
from lrs_explorer.handover.figures import drawn, plain
from lrs_explorer.handover.report_figures import (
    WIDE,
    data_uri,
    drawn_panels,
    drawn_ratio,
    drawn_scatter,
    finding_panels,
)
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import FloatArray, Spectrum
from lrs_explorer.model.files.disk import PathLike, check_free, write_text
from lrs_explorer.model.files.spectrum_file import check_complete
from lrs_explorer.model.measure.catalogue import CatalogueFlux, catalogue_flux
from lrs_explorer.model.measure.scatter import scatter
from lrs_explorer.model.observation.given import Given, given_observation, given_recipe
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Nods, Recipe
from lrs_explorer.model.recipe.words import changes_in_words
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.stages.extract import extracted, kept_stages
from lrs_explorer.model.stages.photometry import compared_fluxes
from lrs_explorer.model.stages.stages import Stages

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Draft", "check_report_path", "draft", "report"]

MICRONS: Final = tuple((float(low), float(low + 1)) for low in range(5, 12))
"""Bins in which changes and errors are told."""

PACKAGES: Final = ("jwst", "stdatamodels", "stcal", "crds", "astropy", "numpy", "scipy")


def report(
    observation: Given,
    recipe: Recipe | None = None,
    *,
    path: PathLike,
    catalogue: Iterable[str | CatalogueFlux] = (),
    overwrite: bool = False,
    without_references: bool = False,
) -> Path:
    """Write a report of an observation and a recipe: one HTML page that stands alone.

    What was delivered, what is wrong with it, what the recipe changes and by how much, how well
    errors hold, the flux against photometry, what remains, the recipe, versions. It loads nothing,
    runs nothing and prints well. Takes half a minute: all issues are judged, with the recipe and
    without.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe or None
        None = what the pipeline does by default. What it changes before the extraction the pipeline
        must have made (`lrs.reprocess`).
    path : path
        File to write, ``.html``.
    catalogue : iterable of str or CatalogueFlux
        As `lrs.photometry` takes them.
    overwrite : bool
        Replace an existing file.
    without_references : bool
        Write it also where reference files could not be had that would have changed the spectrum.

    Returns
    -------
    Path
        ``path``.

    Raises
    ------
    LRSExplorerError
        The spectrum cannot be had, reference files are missing, a catalogue entry cannot be read,
        or the file cannot be written.
    """
    observation = given_observation(observation)
    path = check_report_path(path, overwrite)  # before the long work
    if isinstance(catalogue, (str, CatalogueFlux)):
        catalogue = [catalogue]
    entries = [catalogue_flux(entry) for entry in catalogue]
    stages = kept_stages(observation)
    stages.find_references(again=stages.may_try_again)
    chosen = given_recipe(recipe, observation)
    return draft(stages, chosen, entries).write(path, overwrite, without_references)


def check_report_path(path: PathLike, overwrite: bool = False) -> Path:
    """Return where a report is to be written, with its ending checked.

    Raises
    ------
    LRSExplorerError
        The ending is not ``.html``, or the file may not be replaced.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm"):
        raise LRSExplorerError(f"{path.name or path} must end in .html: a report is an HTML page.")
    check_free(path, overwrite)
    return path


@dataclass(frozen=True, eq=False)
class Draft:
    """A report of which all is known, and whose figures are yet to be drawn.

    Parameters
    ----------
    title, subtitle : str
    summary : sequence of str
    sections : sequence
    missing : Mapping of str to str
        Reference files, by type, that would have changed the spectrum, and why they are missing.
    """

    title: str
    subtitle: str
    summary: Sequence[str]
    sections: Sequence[_Section]
    missing: Mapping[str, str]

    def draw(self) -> Iterator[None]:
        """Draw one figure after the other, so that something else can be done in between."""
        for section in self.sections:
            for block in section.blocks:
                if isinstance(block, _Picture):
                    _ = block.uri
                    yield

    def html(self) -> str:
        """Return the page; what is not drawn yet is."""
        from jinja2 import Environment, StrictUndefined

        environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_written)
        source = files("lrs_explorer.handover").joinpath("report.html").read_text(encoding="utf-8")
        html: str = environment.from_string(source).render(
            draft=self, generator=f"LRS Explorer {__version__}"
        )
        return html

    def write(
        self, path: PathLike, overwrite: bool = False, without_references: bool = False
    ) -> Path:
        """Write the page and return its path.

        Raises
        ------
        LRSExplorerError
            Reference files are missing, or it cannot be written.
        """
        path = check_report_path(path, overwrite)
        check_complete(self.missing, path, without_references)
        return write_text(path, self.html(), overwrite)


def draft(stages: Stages, recipe: Recipe, catalogue: Sequence[CatalogueFlux] = ()) -> Draft:
    """Return a report, of stages that have their references; takes seconds.

    Raises
    ------
    LRSExplorerError
        The spectrum cannot be had.
    """
    work = _Work(stages, recipe, catalogue)
    of, now = stages.observation, datetime.now(UTC)
    return Draft(
        title=f"{of.target or of.name}: report",
        subtitle=f"{work.after.name}. Made {now:%Y-%m-%d %H:%M} UTC by LRS Explorer {__version__}.",
        summary=work.summary(),
        sections=work.sections(),
        missing=work.after.missing,
    )


def _written(value: Any) -> Any:
    """Return a value as it can be encoded; file names may hold what is no character."""
    return plain(value) if type(value) is str else value  # what is escaped already stays so


# -- what a section is made of ---------------------------------------------------------------------


@dataclass(frozen=True)
class _Text:
    text: str
    kind: str = "text"


@dataclass(frozen=True)
class _Verdict:
    state: str
    verdict: str
    text: str
    kind: str = "verdict"


@dataclass(frozen=True)
class _Items:
    items: Sequence[str]
    kind: str = "items"


@dataclass(frozen=True)
class _Table:
    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: bool = False
    kind: str = "table"


@dataclass(frozen=True)
class _Picture:
    draw: Callable[[], Figure]
    caption: str
    kind: str = "picture"

    @cached_property
    def uri(self) -> str:
        return data_uri(self.draw(), self.caption)


@dataclass(frozen=True)
class _Code:
    text: str
    kind: str = "code"


Block = _Text | _Verdict | _Items | _Table | _Picture | _Code


@dataclass(frozen=True)
class _Section:
    key: str
    title: str
    blocks: Sequence[Block]


class _Work:
    """What a report is made of, each computed once, and its sections."""

    def __init__(
        self, stages: Stages, recipe: Recipe, catalogue: Sequence[CatalogueFlux] = ()
    ) -> None:
        self._stages, self._recipe, self._catalogue = stages, recipe, catalogue
        self.observation = stages.observation
        default = Recipe.from_observation(self.observation)
        self._default = default.replace(nods=_same_image(default, recipe))
        self.after = spectrum_content(stages, recipe)

    # -- results -----------------------------------------------------------------------------------

    @property
    def _is_default(self) -> bool:
        return self._recipe == self._default

    @cached_property
    def _findings(self) -> list[Finding]:
        """What is wrong with what was delivered."""
        return diagnose(self.observation, self._default, stages=self._stages)

    @cached_property
    def _left(self) -> list[Finding]:
        """What is still wrong with the recipe."""
        if self._is_default:
            return self._findings
        return diagnose(self.observation, self._recipe, stages=self._stages)

    @cached_property
    def _before(self) -> SpectrumContent | None:
        """The delivered spectrum, else the pipeline's default one; None where there is neither."""
        if self.after.delivered is not None:
            delivered = self.after.delivered
            return SpectrumContent(
                self.observation, self._default, {}, delivered, None, "mJy", "", "as delivered"
            )
        with suppress(LRSExplorerError):  # the delivered image is not here
            return spectrum_content(self._stages, self._default)
        return None

    @cached_property
    def _image(self) -> ImageContent | None:
        with suppress(LRSExplorerError):  # spectra alone, say
            return image_content(self._stages, self._recipe)
        return None

    @cached_property
    def _delivered_image(self) -> ImageContent | None:
        with suppress(LRSExplorerError):
            return image_content(self._stages, self._default)
        return None

    @cached_property
    def _gain(self) -> Gain | None:
        before, after = self._before, self.after.spectrum
        if before is None or before.spectrum.unit != after.unit or self._is_default:
            return None
        with suppress(LRSExplorerError):  # they have no wavelength in common
            return spectrum_change(before.spectrum, after)
        return None

    # -- the page ----------------------------------------------------------------------------------

    def summary(self) -> list[str]:
        """Return what is to be known first, in sentences."""
        told = [f"What was delivered: {_counts(self._findings)}."]
        if not self._is_default:
            told.append(f"With the recipe of this report: {_counts(self._left)}.")
        if self._gain is not None:
            told.append(_sentence(self._gain.sentence))
        open_ones = [one for one in self._left if one.is_open]
        if open_ones:
            told.append(f"Still found: {names(open_ones)}.")
        return told

    def sections(self) -> list[_Section]:
        """Return all sections in their order."""
        return [
            _Section("delivered", "What was delivered", list(self._delivered())),
            _Section("result", "The result", list(self._result())),
            _Section("found", "What was found", list(self._found())),
            _Section("changed", "What was changed, and by how much", list(self._changed())),
            _Section("errors", "How well errors hold", list(self._errors())),
            _Section("flux", "Is the flux right?", list(self._flux())),
            _Section("remains", "What remains", list(self._remains())),
            _Section("recipe", "The recipe, and how to repeat this", list(self._repeat())),
            _Section("versions", "Versions", list(self._versions())),
        ]

    def _delivered(self) -> Iterator[Block]:
        nods = self._recipe.nods
        yield _Table("What the headers say", ("", "value"), self.observation.information(nods))
        rows = [
            (one.path.name, one.kind, _card(one.header, "CAL_VER"), _card(one.header, "CRDS_CTX"))
            for one in sorted(self.observation.files, key=lambda one: one.path.name)
        ]
        yield _Table("Files", ("file", "product", "jwst", "CRDS context"), rows)
        made_of = [one.line for one in self.observation.made_of]
        if made_of:
            yield _Table("What it is made of, and what says so", ("", "files"), made_of)
        box = None if self.after.delivered is None else self.after.delivered.box
        if box is not None:
            yield _Text(
                f"Aperture of the delivered spectrum: {box[0] - 0.5:.2f} to {box[1] + 0.5:.2f} px "
                "across the dispersion, counted from 0."
            )
        if self.observation.notes:
            yield _Items(self.observation.notes)

    def _result(self) -> Iterator[Block]:
        yield _drawn(self.after)
        if self._image is not None:
            yield _drawn(self._image)
        if isinstance(self.observation, SeriesObservation):
            with suppress(LRSExplorerError):  # a subarray that ends before the last bin
                light = light_curves_content(self._stages, self._recipe)
                yield _drawn(light)
                rows = [
                    (
                        one.name,
                        _number(1e6 * one.scatter.point_to_point, 0),
                        _number(1e6 * one.expected_scatter, 0),
                    )
                    for one in light.curves
                ]
                yield _Table(
                    "Scatter of the light curves from point to point, and what the quoted errors "
                    "let expect, ppm",
                    ("wavelengths", "scatter", "expected"),
                    rows,
                    numbers=True,
                )
        notes = dict.fromkeys(
            note for one in (self.after, self._image) if one is not None for note in one.notes
        )
        if notes:
            yield _Text("What must be known of the spectrum:")
            yield _Items([_sentence(note) for note in notes])

    def _found(self) -> Iterator[Block]:
        yield _Text(
            "Known issues of the instrument and of the pipeline, looked for in what was delivered "
            f"at 5–12 µm: {_counts(self._findings)}."
        )
        quiet = []
        for group in groups(self._findings):
            finding = group[0]
            if len(group) > 1 or finding.status in ("unknown", "ok"):
                quiet.append((names(group), finding.verdict, finding.why))
                continue
            yield _Verdict(finding.state, finding.verdict, names(group))
            yield _Text(f"{_sentence(finding.why)} {finding.advice}".strip())
            if finding.evidence:
                yield _evidence(finding.evidence)
            panels = finding_panels(finding, self._before, self._delivered_image)
            if panels:
                yield _Picture(partial(drawn_panels, panels), _shown_of(finding))
        if quiet:
            yield _Table("OK, or undetermined", ("issue", "verdict", "why"), quiet)

    def _changed(self) -> Iterator[Block]:
        changes = changes_in_words(self._default, self._recipe)
        if not changes:
            yield _Text("Nothing: the recipe is what the pipeline does by default.")
            return
        yield _Text("Against what the pipeline does by default, the recipe has:")
        yield _Items(changes)
        made = self._stages.made_by(self._recipe)
        if made:
            yield _Text(f"Images: {made}.")
        gain, before = self._gain, self._before
        if gain is None or before is None:
            yield _Text("By how much is not known: there is no spectrum to compare with.")
            return
        which = "delivered spectrum" if self.after.delivered is not None else "default extraction"
        yield _Text(f"Against the {which}: {gain.sentence}")
        caption = (
            f"Flux with the recipe over that of the {which}, 5–12 µm. The axis leaves out spikes."
        )
        yield _Picture(partial(drawn_ratio, gain.ratio), caption)
        rows = []
        for low, high in MICRONS:
            inside = (gain.ratio.wavelength >= low) & (gain.ratio.wavelength < high)
            ratio = gain.ratio.value[inside & np.isfinite(gain.ratio.value)]
            middle = float(np.median(ratio)) if ratio.size else np.nan
            rms = float(np.sqrt(np.mean((ratio - middle) ** 2))) if ratio.size else np.nan
            rows.append(
                (
                    f"{low:g}–{high:g}",
                    str(ratio.size),
                    _number(100 * (middle - 1), 2, sign=True),
                    _number(100 * rms, 2),
                    _number(100 * _relative_error(before.spectrum, low, high), 2),
                    _number(100 * _relative_error(self.after.spectrum, low, high), 2),
                )
            )
        yield _Table(
            "Change of the flux in bins of a micron: median, and rms of the elements about it; "
            "median error of an element, before and after. Per cent",
            ("µm", "elements", "median", "rms", "error before", "error after"),
            rows,
            numbers=True,
        )

    def _errors(self) -> Iterator[Block]:
        yield _Text(f"Errors of the spectrum: {self.after.errors}.")
        held = next((one for one in self._left if one.issue == "MR-LRS05"), None)
        if held is not None:
            yield _Text(f"{held.issue} ({held.verdict}): {held.why}")
        measured: dict[str, FloatArray] = {}
        if self._before is not None and not self._is_default:
            label = "delivered" if self.after.delivered is not None else "default"
            measured[label] = self._held(self._before, self._default)
        measured["this report"] = self._held(self.after, self._recipe)
        along = (
            "in time"
            if isinstance(self.observation, SeriesObservation)
            else ("from element to element")
        )
        text = (
            f"Scatter {along} over the quoted error, by fourth differences: 1 for errors that can "
            "be believed, more where they are too small. Spikes hardly count."
        )
        if not any(np.isfinite(values).any() for values in measured.values()):
            yield _Text(f"{text} There are too few elements with errors to tell.")
            return
        yield _Picture(partial(drawn_scatter, MICRONS, measured), text)
        rows = [
            (f"{low:g}–{high:g}", *(_number(values[i], 2) for values in measured.values()))
            for i, (low, high) in enumerate(MICRONS)
        ]
        yield _Table(
            "Scatter over quoted error in bins of a micron",
            ("µm", *measured),
            rows,
            numbers=True,
        )

    def _held(self, shown: SpectrumContent, recipe: Recipe) -> FloatArray:
        """Return scatter over error in each of `MICRONS`; NaN where too few elements tell."""
        series = self._series(recipe) if isinstance(self.observation, SeriesObservation) else None
        found = []
        for low, high in MICRONS:
            if series is not None:
                inside = (series.wavelength >= low) & (series.wavelength < high)
                one = scatter(series.flux[:, inside], series.flux_error[:, inside])
            else:
                spectrum = shown.spectrum
                inside = (spectrum.wavelength >= low) & (spectrum.wavelength < high)
                one = scatter(spectrum.flux, spectrum.flux_error, inside)
            found.append(one.ratio)
        return np.array(found)

    def _series(self, recipe: Recipe) -> TimeSeries | None:
        """Return the spectra of all integrations; the delivered ones for the default recipe."""
        assert isinstance(self.observation, SeriesObservation)
        if recipe == self._default or not self.observation.has_images:
            delivered = self.observation.delivered_series()
            if delivered is not None:
                return delivered
        found = extracted(self._stages, recipe)
        assert isinstance(found, TimeSeries)
        return found

    def _flux(self) -> Iterator[Block]:
        if not (self.observation.products.get("ta") or self._catalogue):
            yield _Text(
                "Not known: there is no acquisition image here, and no catalogue flux was given."
            )
            return
        try:
            found = compared_fluxes(self._stages, self._recipe, self._catalogue)
        except LRSExplorerError as error:
            yield _Text(f"Not known: {error}")
            return
        yield _Text(
            "The spectrum through filters over photometry of the same star. Nothing is scaled."
        )
        rows = [(one.title, one.result, one.why) for one in found.comparisons]
        if rows:
            yield _Table(
                "Spectrum over photometry", ("compared with", "ratio", "what that means"), rows
            )
        yield _Items([_sentence(note) for note in (found.errors, *found.notes)])

    def _remains(self) -> Iterator[Block]:
        rows = [
            (names(group), group[0].verdict, f"{_sentence(group[0].why)} {group[0].advice}".strip())
            for group in groups(self._left)
            if group[0].status != "ok" and not group[0].corrected
        ]
        if rows:
            yield _Table(
                "Of the issues looked for, with the recipe of this report",
                ("issue", "verdict", "why, and what helps"),
                rows,
            )
        else:
            yield _Text("Nothing of what was looked for.")
        unknown = self.observation.not_known(self._recipe)
        if unknown:
            yield _Text(f"Not known, as nothing delivered tells: {'; '.join(unknown)}.")

    def _repeat(self) -> Iterator[Block]:
        path = self.observation.representative.path
        with suppress(LRSExplorerError):  # a spectrum without an image
            path = self.observation.image_path(self._recipe.nods)
        name = shlex.quote(path.name)
        yield _Text("Save the recipe below as recipe.json; then, beside the data,")
        series = isinstance(self.observation, SeriesObservation)
        output = "mine.ecsv" if series else "mine_x1d.fits"
        yield _Code(
            f"lrs-explorer reprocess {name} --recipe recipe.json -o products\n"
            f"lrs-explorer extract {name} --recipe recipe.json -o {output}"
        )
        yield _Text(
            "The first has the pipeline's steps make all products; the second extracts the "
            "spectrum alone, in memory."
        )
        yield _Code(json.dumps(self._recipe.to_dict(), indent=1))

    def _versions(self) -> Iterator[Block]:
        used = self._stages.references
        rows = [("LRS Explorer", __version__), ("Python", platform.python_version())]
        rows += [(package, version(package)) for package in PACKAGES]
        yield _Table("Software that made this report", ("package", "version"), rows)
        if used.names:
            yield _Table(
                "Reference files of the extraction",
                ("type", "file"),
                [(kind, str(name)) for kind, name in used.names.items()],
            )
        if used.notes:
            yield _Items([_sentence(note) for note in used.notes])


# -- small parts -----------------------------------------------------------------------------------


def _same_image(default: Recipe, recipe: Recipe) -> Nods:
    """Return the nods of the default recipe for the image that a recipe is about."""
    return replace(default.nods, exposure=recipe.nods.exposure)


def _drawn(shown: Content) -> _Picture:
    return _Picture(partial(drawn, shown, WIDE), shown.caption)


def _evidence(evidence: Sequence[Evidence]) -> _Table:
    rows = [
        (
            one.name,
            _significant(one.value),
            one.unit,
            "" if one.threshold is None else _significant(one.threshold),
        )
        for one in evidence
    ]
    return _Table("What the verdict rests on", ("", "value", "unit", "found from"), rows)


def _shown_of(finding: Finding) -> str:
    """Say what the figure of a finding shows."""
    shown, told = finding.figure, []
    if any(place.pixel is not None for place in shown.places):
        told.append("positions on the image")
    if shown.wavelengths:
        told.append(f"the delivered spectrum, shaded where it is affected ({_spans(finding)})")
    if shown.curves:
        told.append(", ".join(one.name for one in shown.curves if one.unit == shown.curves[0].unit))
    return f"{finding.title}: {'; '.join(told)}."


def _spans(finding: Finding) -> str:
    spans = finding.figure.wavelengths
    told = ", ".join(f"{low:.2f}–{high:.2f}" for low, high in spans[:3])
    return f"{told}{', …' if len(spans) > 3 else ''} µm"


def _counts(findings: Sequence[Finding]) -> str:
    """Say how many findings there are of each kind."""
    return f"{counted(len(findings), 'issue')} looked for; {summary(findings)}"


def _relative_error(spectrum: Spectrum, low: float, high: float) -> float:
    """Return the median of error over flux between two wavelengths; NaN where there is none."""
    inside = (spectrum.wavelength >= low) & (spectrum.wavelength < high)
    flux, error = np.abs(spectrum.flux[inside]), spectrum.flux_error[inside]
    known = np.isfinite(flux) & np.isfinite(error) & (flux > 0)
    return float(np.median(error[known] / flux[known])) if known.any() else float("nan")


def _number(value: float, digits: int, *, sign: bool = False) -> str:
    if not np.isfinite(value):
        return "–"
    return signed(value, digits) if sign else f"{value:.{digits}f}".replace("-", "−")


def _significant(value: float) -> str:
    return f"{value:.4g}".replace("-", "−") if np.isfinite(value) else "–"


def _sentence(text: str) -> str:
    told = f"{text[:1].upper()}{text[1:]}"
    return told if told.endswith((".", "!", "?", "…")) else f"{told}."


def _card(header: Mapping[str, Any], name: str) -> str:
    return str(header.get(name) or "–")
