"""The package of a paper: all that a spectrum is, and was made with, in one zip: `lrs.package`."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import re
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np

import lrs_explorer
from lrs_explorer._version import __version__
from lrs_explorer.diagnosis.settle import settle
from lrs_explorer.handover.contents import (
    Content,
    image_content,
    light_curves_content,
    spectrum_content,
)
from lrs_explorer.handover.exporting import export
from lrs_explorer.handover.figures import WIDTHS, drawn, picture
from lrs_explorer.handover.readme import citation_text, readme_text
from lrs_explorer.handover.report import Draft
from lrs_explorer.handover.report import draft as report_draft
from lrs_explorer.handover.script import relative_names
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.products import Spectrum
from lrs_explorer.model.files.disk import PathLike, check_free, replacing
from lrs_explorer.model.files.fitsfile import primary_header
from lrs_explorer.model.files.image_file import write_spectrum
from lrs_explorer.model.files.package_file import FORMAT, KEY, MANIFEST, checksum, write_package
from lrs_explorer.model.files.recognition import COMBINED_NAME, EXPOSURE_NAME, tag_of
from lrs_explorer.model.files.spectrum_file import check_complete
from lrs_explorer.model.observation.exposures import exposures_of
from lrs_explorer.model.observation.given import Given, given_observation
from lrs_explorer.model.observation.opening import Observation
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.recipe.recipe import Recipe
from lrs_explorer.model.recipe.rules import Rules
from lrs_explorer.model.reprocess import reprocess
from lrs_explorer.model.runs.output import associations_of, write_json
from lrs_explorer.model.runs.plan import PlannedProduct
from lrs_explorer.model.runs.reprocessor import Report, StepProgress
from lrs_explorer.model.runs.targets import targets
from lrs_explorer.model.runs.worker import CancelledError
from lrs_explorer.model.series.products import TimeSeries
from lrs_explorer.model.series.spectrum_file import write_series
from lrs_explorer.model.stages.extract import extracted, kept_stages
from lrs_explorer.model.stages.stages import Stages
from lrs_explorer.model.sweep.sweep import Sweep

__all__ = ["PackageDraft", "Packaged", "check_package_path", "package", "package_draft"]

SOFTWARE: Final = (
    "jwst",
    "stdatamodels",
    "stcal",
    "stpipe",
    "crds",
    "gwcs",
    "asdf",
    "astropy",
    "numpy",
    "scipy",
    "matplotlib",
)

MOST_IN_TEXT: Final = 500
"""Integrations whose spectra are also written as a text table; each takes 130 kB."""

KINDS_AT_MAST: Final = (
    "uncal", "rate", "rateints", "cal", "calints", "crf", "crfints", "s2d", "x1d", "x1dints", "c1d",
)  # fmt: skip

ASSOCIATION_AT_MAST: Final = re.compile(r"jw\d{5}-[oc]\d{3,4}_\d{8}t\d{6}_\w+_\d{5}_asn\.json")

REFERENCE: Final = re.compile(r"jwst_[a-z]+_(?P<type>[a-z0-9-]+)_\d+\.\w+")
"""Name of a reference file in CRDS."""


OTHER_TYPES: Final = {"R_EXTR1D": "extract1d"}
"""Types of reference files by cards that are called otherwise."""

LIVE_TYPES: Final = ("extract1d", "apcorr", "psf")


@dataclass(frozen=True)
class Packaged:
    """What `package` wrote.

    Parameters
    ----------
    path : Path
    files : dict of str to str
        What each file in it is, by its name.
    notes : tuple of str
        What must be known of it, plain sentences.
    """

    path: Path
    files: dict[str, str]
    notes: tuple[str, ...]


def package(
    observation: Given,
    recipe: Recipe | Rules | None,
    path: PathLike,
    progress: Report | None = None,
    *,
    overwrite: bool = False,
    cancelled: threading.Event | None = None,
    sweep: Sweep | None = None,
    extract1d: PathLike | None = None,
    without_references: bool = False,
) -> Packaged:
    """Write the package of a paper: a zip with a spectrum and all that it was made with.

    The recipe; what gives the same spectrum without LRS Explorer (`lrs.export`); the spectra as the
    pipeline writes them and as `lrs.extract` gives them; figures and the numbers in them; the
    report; names, checksums and MAST identifiers of the files that all was made of; reference
    files, versions, what to cite; and a README of every file, HDU and column. What the recipe
    changes before the extraction is made first, as by `lrs.reprocess`.

    `lrs.open_observation` and the explorer open it again. Where there are spectra and no image, it
    holds the delivered spectrum, its figure and the report: no recipe, and no script.

    Parameters
    ----------
    observation : Observation or path
        As it is, or what `lrs.open_observation` opens.
    recipe : Recipe, Rules or None
        Rules are followed first (`lrs.settle`), and packed as well. None = what the pipeline does
        by default.
    path : path
        File to write, ``.zip``.
    progress : callable, optional
        Called with a `StepProgress`.
    overwrite : bool
        Replace an existing file.
    cancelled : threading.Event, optional
        Stops it when set; what was at ``path`` stays.
    sweep : Sweep, optional
        Of this recipe (`lrs.sweep`): its systematic error goes with the spectrum.
    extract1d : path, optional
        Extract1d reference file (JSON) of your own, in place of that of CRDS.
    without_references : bool
        Write it also where reference files could not be had that would have changed the spectrum.

    Returns
    -------
    Packaged
        The zip, what each file in it is, and what must be known of it.

    Raises
    ------
    LRSExplorerError
        The recipe cannot be followed, a product or reference is missing, the sweep is of another
        recipe, it was cancelled, or the file exists or cannot be written.
    """
    observation = given_observation(observation)
    path = check_package_path(path, overwrite)
    stages = kept_stages(observation)
    stages.find_references(again=stages.may_try_again)
    stages.use_extract1d(extract1d)
    given = Recipe.from_observation(observation) if recipe is None else recipe
    try:
        settled = settle(observation, given, stages=stages, report=progress, cancelled=cancelled)
        made = package_draft(
            stages,
            settled.recipe,
            path,
            progress,
            cancelled,
            sweep=sweep,
            rules=given if isinstance(given, Rules) and given else None,
            without_references=without_references,
        )
    finally:
        stages.use_extract1d(None)
    try:
        for _ in made.draw():
            _go_on(cancelled)
        return made.write(overwrite)
    finally:
        made.discard()


def check_package_path(path: PathLike, overwrite: bool = False) -> Path:
    """Return where a package is to be written, absolute, with its ending checked.

    Raises
    ------
    LRSExplorerError
        The ending is not ``.zip``, or the file may not be replaced.
    """
    path = Path(os.path.expanduser(path)).absolute()
    if path.suffix.lower() != ".zip":
        raise LRSExplorerError(f"{path.name or path} must end in .zip: a package is a zip file.")
    check_free(path, overwrite)
    return path


@dataclass(eq=False)
class PackageDraft:
    """A package of which all is known, and whose figures are yet to be drawn.

    Its files lie in a folder beside ``path``, which goes with it, or by ``discard()``.

    Parameters
    ----------
    path : Path
        Where it is to be written.
    folder : Path
    told : dict
        What each file in the folder is, by its name.
    manifest : dict
        All of the manifest but the files.
    contents : sequence of Content
        What figures show.
    report : Draft
    notes : tuple of str
    log : str
        What the pipeline logged.
    """

    path: Path
    folder: Path
    told: dict[str, str] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    contents: Sequence[Content] = ()
    report: Draft | None = None
    notes: tuple[str, ...] = ()
    log: str = ""

    def __post_init__(self) -> None:
        self.discard = weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def add(self, name: str, what: str) -> Path:
        """Take note of a file, and return where it is to be written."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        self.told[name] = what
        return place

    def draw(self) -> Iterator[None]:
        """Draw one figure after the other, so that something else can be done in between."""
        for shown in self.contents:
            made = drawn(shown, WIDTHS["page"])
            for kind in ("pdf", "png"):
                place = self.add(f"figures/{shown.kind}.{kind}", f"figure: {shown.caption}")
                place.write_bytes(picture(made, kind, shown.name, shown.caption))
            yield
        if self.report is not None:
            yield from self.report.draw()

    def write(self, overwrite: bool = False) -> Packaged:
        """Write the package, in one move; its folder goes, whatever comes of it.

        Raises
        ------
        LRSExplorerError
            It exists, or cannot be written.
        """
        try:
            return self._write(overwrite)
        finally:
            self.discard()

    def _write(self, overwrite: bool) -> Packaged:
        with _staged(self.path), replacing(self.path, overwrite) as temporary:
            if self.report is not None:
                place = self.add("report.html", "what was delivered, found and changed, a web page")
                place.write_text(self.report.html(), encoding="utf-8")
            observation = self.manifest["observation"]
            self.add("CITATION.md", "what to cite").write_text(
                citation_text(observation, self.manifest["versions"]), encoding="utf-8"
            )
            shutil.copyfile(_citation_file(), self.add("CITATION.cff", "how to cite LRS Explorer"))
            readme = self.add("README.md", "each file, HDU, column and unit: this file")
            told = {MANIFEST: "names, sizes and checksums of all files, for programs", **self.told}
            readme.write_text(readme_text(self.folder, told, self.manifest), encoding="utf-8")
            files = [
                {
                    "name": name,
                    "bytes": (self.folder / name).stat().st_size,
                    "sha256": checksum(self.folder / name),
                    "what": what,
                }
                for name, what in sorted(self.told.items())
            ]
            write_package(temporary, {**self.manifest, "files": files}, self.folder)
        return Packaged(self.path, {MANIFEST: told[MANIFEST], **self.told}, self.notes)


def package_draft(
    stages: Stages,
    recipe: Recipe,
    path: Path,
    progress: Report | None = None,
    cancelled: threading.Event | None = None,
    *,
    sweep: Sweep | None = None,
    rules: Rules | None = None,
    without_references: bool = False,
) -> PackageDraft:
    """Return a package, of stages that have their references: all but its figures.

    ``rules`` are those that have led to the recipe.

    Raises
    ------
    LRSExplorerError
        As `package`.
    """
    work = _Work(stages, path, progress, cancelled)
    observation = stages.observation
    default = Recipe.from_observation(observation)
    try:
        with _staged(path):
            if _is_alone(observation, recipe) and recipe == default:
                work.delivered()
                work.figures(recipe, None)
                work.describe(None, None, without_references)
            else:
                work.made(recipe, sweep)
                work.describe(recipe, rules, without_references)
    except BaseException:
        work.draft.discard()
        raise
    return work.draft


class _Work:
    """Makes what a package holds, a part after the other."""

    def __init__(
        self,
        stages: Stages,
        path: Path,
        progress: Report | None,
        cancelled: threading.Event | None,
    ) -> None:
        self._stages, self.observation = stages, stages.observation
        self._progress, self._cancelled = progress, cancelled
        with _staged(path):
            folder = Path(tempfile.mkdtemp(prefix=".lrs-explorer-", dir=path.parent))
        self.draft = PackageDraft(path, folder)
        self._missing: Mapping[str, str] = {}
        self._needed: list[Path] = []
        self._spectra: list[str] = []
        self._context = ""
        self._references: dict[str, str] = {}
        self._notes: list[str] = list(self.observation.notes)

    # -- what is in it -----------------------------------------------------------------------------

    def made(self, recipe: Recipe, sweep: Sweep | None) -> None:
        """Put in what a recipe makes: script, spectra, figures, report."""
        draft, observation, stages = self.draft, self.observation, self._stages
        wanted = targets(observation, recipe)
        stages.find_image(recipe)  # one that cannot be had is said before anything is run
        place = draft.folder / "spectra"
        run = reprocess(
            observation,
            recipe,
            place,
            self._progress,
            cancelled=self._cancelled,
            references=stages.references,
            images=False,
        )
        for one in run.products:
            if one not in run.spectra:
                one.unlink()
        for one in run.spectra:
            draft.told[f"spectra/{one.name}"] = (
                f"{observation.spectrum_kind} of the pipeline: what the script writes"
            )
        draft.log = run.log
        self._spectra = [f"spectra/{one.name}" for one in run.spectra]
        self._context = str(run.provenance["context"] or "")
        self._references = dict(run.provenance["references"])
        self._notes += run.provenance["notes"]
        self._tell("script")
        exported = export(
            observation, recipe, draft.folder / "pipeline", references=stages.references
        )
        for one, what in exported.files.items():
            if one.name.endswith("_recipe.json"):
                one.unlink()
            else:
                draft.told[f"pipeline/{one.name}"] = what
        self._notes += exported.notes
        self._associations(wanted)
        self._needed = _inputs_of(wanted)
        self._tell("spectrum")
        own = extracted(stages, recipe)
        self._missing = own.missing
        if isinstance(own, Spectrum):
            own = _with_systematic(own, recipe, sweep)
            self._own_spectrum(own, run.spectra[0].name.removesuffix("_x1d.fits"), recipe)
        else:
            self._series(own, sweep)
        self.figures(recipe, own if isinstance(own, Spectrum) else None)

    def _series(self, own: TimeSeries, sweep: Sweep | None = None) -> None:
        """Write the spectra of all integrations as text, where that is not too long."""
        root = self.observation.name
        if len(own) <= MOST_IN_TEXT:
            write_series(
                own,
                self.draft.add(f"spectra/{root}_x1dints.ecsv", LIVE),
                without_references=True,
            )
        else:
            self._notes.append(
                f"the spectra of {len(own)} integrations are not repeated as text: lrs-explorer "
                "extract writes them (.ecsv)"
            )
        if sweep is not None:
            place = self.draft.add(
                f"spectra/{root}_typical_x1d.fits",
                "the spectrum of the typical image of the series, with the systematic error",
            )
            write_spectrum(sweep.spectrum, place, without_references=True)

    def _own_spectrum(self, own: Spectrum, root: str, recipe: Recipe) -> None:
        """Write the spectrum that `lrs.extract` gives, also as FITS where that holds more."""
        name = f"spectra/{root}_x1d.ecsv"
        write_spectrum(own, self.draft.add(name, LIVE), without_references=True)
        more = []
        if own.correlation:
            more.append("the covariance of the flux")
        if own.systematic is not None:
            more.append("the systematic error")
        if recipe.wavelength.source_offset:
            more.append("wavelengths of a source off the middle")
        if more:
            name = f"spectra/{root}_explorer_x1d.fits"
            what = f"the same as the table beside it, with {' and '.join(more)}"
            write_spectrum(own, self.draft.add(name, what), without_references=True)
            self._spectra.insert(0, name)

    def delivered(self) -> None:
        """Put in the delivered spectra, where there is no image to extract from."""
        of = self.observation
        spectrum: Spectrum | TimeSeries | None
        if isinstance(of, SeriesObservation):
            spectrum = of.delivered_series()
            paths: Sequence[Path] = spectrum.paths if spectrum is not None else ()
        else:
            spectrum = of.delivered()
            paths = [spectrum.path] if spectrum is not None and spectrum.path else []
        if spectrum is None:
            raise LRSExplorerError(
                f"{of.name} has neither an image nor a spectrum to pack; download its products."
            )
        for one in paths:
            name = f"spectra/{one.name}"
            shutil.copyfile(one, self.draft.add(name, "the delivered spectrum, as it was"))
            self._spectra.append(name)
        if isinstance(spectrum, Spectrum):
            table = f"spectra/{paths[0].name.split('.')[0]}.ecsv"
            write_spectrum(spectrum, self.draft.add(table, "the delivered spectrum as a table"))
        else:
            self._series(spectrum)
        self._context = str(of.reference_header().get("CRDS_CTX") or "")
        self._notes.append(
            "there is no image to extract from: the package holds the delivered spectrum, its "
            "figures and the report, no recipe and no script"
        )

    def figures(self, recipe: Recipe, own: Spectrum | None) -> None:
        """Put in the numbers of figures; the report is judged."""
        draft, stages = self.draft, self._stages
        self._tell("numbers of figures")
        shown: list[Content] = [spectrum_content(stages, recipe, spectrum=own)]
        with suppress(LRSExplorerError):  # spectra alone
            shown.append(image_content(stages, recipe))
        if self.observation.is_series:
            with suppress(LRSExplorerError):  # a subarray that ends before the last bin
                shown.append(light_curves_content(stages, recipe))
        for one in shown:
            place = draft.add(f"figures/{one.kind}.ecsv", f"the numbers in figures/{one.kind}.pdf")
            one.table().write(place, format="ascii.ecsv")
        draft.contents = shown
        self._tell("judging, for the report")
        draft.report = report_draft(stages, recipe)
        _go_on(self._cancelled)

    def _associations(self, wanted: Sequence[Path | PlannedProduct]) -> None:
        """Write the associations that the pipeline takes, members by name, and those delivered."""
        for target in wanted:
            for name, content in associations_of(target).items():
                for product in content["products"]:
                    for member in product["members"]:
                        member["expname"] = Path(member["expname"]).name
                place = self.draft.add(f"associations/{name}", "association: what is subtracted")
                write_json(place, content)
        for path in self.observation.products.get("asn", ()):
            name = f"associations/{path.name}"
            if name not in self.draft.told:
                shutil.copyfile(path, self.draft.add(name, "association, as it was delivered"))

    # -- what is told of it ------------------------------------------------------------------------

    def describe(
        self, recipe: Recipe | None, rules: Rules | None, without_references: bool
    ) -> None:
        """Write down recipe, inputs, references and versions."""
        draft, of = self.draft, self.observation
        check_complete(self._missing, draft.path, without_references)
        self._tell("checksums of inputs")
        if recipe is not None:
            write_json(draft.add("recipe.json", "the recipe, for LRS Explorer"), recipe.to_dict())
        if rules is not None:
            what = "the rules that led to the recipe, for other observations"
            write_json(draft.add("rules.json", what), rules.to_dict())
        own = self._stages.own_extract1d
        if own is not None and recipe is not None:
            place = draft.add(
                "own_extract1d.json", "extract1d reference file of the author's own, as it was"
            )
            shutil.copyfile(own, place)
        inputs, opened = self._inputs(recipe)
        header = of.reference_header()
        several = of.is_series and len(exposures_of(of.files)) > 1
        draft.notes = tuple(dict.fromkeys(self._notes))
        draft.manifest = {
            KEY: FORMAT,
            "observation": {
                "name": of.name,
                "target": of.target,
                "mode": of.mode,
                "what": of.what,
                "date": of.date,
                "simulated": of.simulated,
                "program": str(header.get("PROGRAM") or ""),
                "title": str(header.get("TITLE") or ""),
                "pi": str(header.get("PI_NAME") or ""),
                "fetch": _fetched_by(of),
            },
            "opened": opened,
            "join": several,
            "recipe": None if recipe is None else json.loads(json.dumps(recipe.to_dict())),
            "extract1d": "own_extract1d.json" if "own_extract1d.json" in draft.told else None,
            "spectra": self._shown(),
            "inputs": inputs,
            "crds": {"context": self._context or None, "references": self._used()},
            "versions": {
                "lrs_explorer": __version__,
                "python": platform.python_version(),
                "system": platform.platform(),
                **{name: version(name) for name in SOFTWARE},
            },
            "notes": list(draft.notes),
        }

    def _shown(self) -> list[str]:
        """Return which spectra are opened where inputs are missing."""
        return self._spectra if self.observation.is_series else self._spectra[:1]

    def _inputs(self, recipe: Recipe | None) -> tuple[list[dict[str, Any]], str]:
        """Return what is told of the files that all was made of, and which of them is opened."""
        of = self.observation
        kinds = {product.path: product.kind for product in of.files}
        kinds |= dict.fromkeys(of.products.get("asn", ()), "asn")
        kinds = {path: kinds.get(path, "background") for path in (*kinds, *self._needed)}
        truth = of.representative.path.parent / "truth.ecsv"
        if of.simulated and truth.is_file():
            kinds[truth] = "truth"
        first = of.representative.path if of.opened is not None else of.reference_path()
        needed = {first, *self._needed, *self._told_by(recipe)} if recipe is not None else set()
        names = relative_names(list(kinds))
        told = [
            {
                "name": names[path],
                "kind": kind,
                "bytes": path.stat().st_size,
                "sha256": checksum(path),
                "mast": None if of.simulated else mast_identifier(path.name),
                "needed": path in needed,
            }
            for path, kind in kinds.items()
        ]
        return sorted(told, key=lambda one: str(one["name"])), names[first]

    def _told_by(self, recipe: Recipe | None) -> list[Path]:
        """Return the products whose headers tell how things were delivered."""
        of = self.observation
        found = [of.reference_path(None if recipe is None else recipe.nods)]
        headers = [of.delivered_header(number) for number in self._numbers(recipe)]
        found += [one.path for one in of.files if any(one.header is told for told in headers)]
        return found

    def _numbers(self, recipe: Recipe | None) -> list[int | str]:
        of = self.observation
        if of.is_series:
            return [*range(1, of.exposures + 1)]
        number = of.number(None if recipe is None else recipe.nods)
        members: list[int] = []
        if number == "combined":
            with suppress(LRSExplorerError):
                members = of.combined_members()
        return [number, *members]

    def _used(self) -> list[dict[str, Any]]:
        """Return the reference files that headers of spectra name, and those of the extraction."""
        found: dict[tuple[str, str], set[str]] = {}

        def add(kind: str, given: str, by: str) -> None:
            name = given.strip().rpartition("/")[2]
            if name and given.strip().upper() != "N/A":
                match = REFERENCE.fullmatch(name)
                found.setdefault((match["type"] if match else kind, name), set()).add(by)

        for spectrum in self._spectra:
            if spectrum.endswith((".fits", ".fits.gz")):
                for key, value in primary_header(self.draft.folder / spectrum).items():
                    if key.startswith("R_") and isinstance(value, str):
                        add(OTHER_TYPES.get(key, key[2:].lower()), value, spectrum)
        for kind, name in self._references.items():
            add(kind, str(name), "the pipeline")
        live = self._stages.references.names
        for kind in LIVE_TYPES:
            add(kind, live.get(kind, ""), "the live extraction")
        return [
            {"type": kind, "name": name, "named_by": sorted(by)}
            for (kind, name), by in sorted(found.items())
        ]

    def _tell(self, what: str) -> None:
        _go_on(self._cancelled)
        if self._progress is not None:
            self._progress(StepProgress(what, 1, 1, 0.0, 0.0))


LIVE: Final = "the same as a table, as lrs.extract gives it, with the errors of the recipe"


def mast_identifier(name: str) -> str | None:
    """Return the identifier that a product of this name has at MAST; None where it has none."""
    stem, _, ending = name.partition(".")
    product = (
        ending == "fits"
        and stem.rpartition("_")[2] in KINDS_AT_MAST
        and bool(EXPOSURE_NAME.fullmatch(stem) or COMBINED_NAME.match(stem))
        and not tag_of(Path(name))
    )
    if not (product or ASSOCIATION_AT_MAST.fullmatch(name)):
        return None
    return f"mast:JWST/product/{name}"


def _fetched_by(of: Observation) -> str:
    """Return what `lrs-explorer fetch` takes for an observation; "" where that is not known."""
    product = of.representative
    known = product.program.isdigit() and product.observation.isdigit() and not of.simulated
    return f"{product.program}/{product.observation}" if known else ""


def _inputs_of(wanted: Sequence[Path | PlannedProduct]) -> list[Path]:
    """Return the files that targets are made of."""
    found = [one for one in wanted if isinstance(one, Path)]
    for target in wanted:
        if isinstance(target, PlannedProduct):
            for stage in target.in_order():
                found += [one for one in stage.inputs if isinstance(one, Path)]
    return list(dict.fromkeys(found))


def _is_alone(of: Observation, recipe: Recipe) -> bool:
    """Tell whether there are delivered spectra, and nothing to make an image of."""
    alone = not of.has_images if of.is_series else of.shows_spectrum_alone(recipe.nods)
    if not alone:
        return False
    try:
        targets(of, recipe)
    except LRSExplorerError:
        return True
    return False


def _with_systematic(own: Spectrum, recipe: Recipe, sweep: Sweep | None) -> Spectrum:
    """Return a spectrum with the systematic error of a sweep.

    Raises
    ------
    LRSExplorerError
        The sweep is of another recipe, or another spectrum.
    """
    if sweep is None:
        return own
    same = sweep.recipe.replace(uncertainty=recipe.uncertainty) == recipe and all(
        np.array_equal(own.columns[name], sweep.spectrum.columns[name], equal_nan=True)
        for name in ("WAVELENGTH", "FLUX")
    )
    if not same:
        raise LRSExplorerError(
            "the sweep is of another recipe or other images than the package; vary choices again "
            "with this recipe."
        )
    return dataclasses.replace(own, systematic=sweep.systematic)


def _citation_file() -> Path:
    """Return where the project's CITATION.cff is: installed with it, or beside its source."""
    home = Path(lrs_explorer.__file__).parent
    return next(p for p in (home / "CITATION.cff", home.parent / "CITATION.cff") if p.is_file())


def _go_on(cancelled: threading.Event | None) -> None:
    if cancelled is not None and cancelled.is_set():
        raise CancelledError("the package was cancelled; nothing was written.")


@contextmanager
def _staged(path: Path) -> Iterator[None]:
    """Say in a sentence what goes wrong in writing beside ``path``."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)
        raise LRSExplorerError(
            f"{path} could not be written: {reason}; choose another folder or make room."
        ) from None
