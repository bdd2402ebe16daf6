"""One observation: which products it has, what can be seen, and what can be redone with them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.html import facts_html
from lrs_explorer.model.data.instrument import Mode, moved_ranges
from lrs_explorer.model.data.products import SpectralImage, Spectrum
from lrs_explorer.model.files.image_file import read_image, read_spectrum
from lrs_explorer.model.files.recognition import COMBINED_NAME, Exposure, ProductFile, root_of
from lrs_explorer.model.observation.associations import Association
from lrs_explorer.model.observation.backgrounds import BackgroundCandidate, Backgrounds
from lrs_explorer.model.observation.information import describe
from lrs_explorer.model.observation.membership import MadeOf, Membership
from lrs_explorer.model.observation.needs import products_for, redoable
from lrs_explorer.model.observation.reductions import Reduction
from lrs_explorer.model.recipe.recipe import Nods, PixelReplace, Recipe, SlitlessBackground

if TYPE_CHECKING:
    from astropy.table import Table

    from lrs_explorer.model.series.products import TimeSeries

__all__ = ["Observation"]

IMAGES: Final = ("s2d", "cal")
"""Kinds of products with an image to extract from, the one that is shown first."""

SPECTRA: Final = ("x1d", "c1d", "live")
"""Kinds of products with one spectrum, the one that is shown first."""


class Observation:
    """The products of one MIRI LRS observation.

    Made by `open_observation` and `demo`. Headers are read at once, pixels when they are asked for.

    Parameters
    ----------
    products : sequence of ProductFile
        Products of one observation, one for each kind and exposure.
    opened : ProductFile or None
        The product it was opened on; None for a folder.
    associations : sequence of Association
        Those that name its products.
    notes : sequence of str
        Plain sentences about files that were left out.
    reduction : Reduction, optional
        That the products are of.
    others : sequence of Reduction
        Other ones of the same observation.

    Attributes
    ----------
    crds : Path or None
        CRDS cache that was chosen for it; None: the user's, or that of the JWST server.
    recipe : Recipe or None
        That it came with, in a package; None: with none.
    kept : dict
        What was made of the observation and is to live as long as it does.
    """

    crds: Path | None = None
    recipe: Recipe | None = None

    def __init__(
        self,
        products: Sequence[ProductFile],
        opened: ProductFile | None = None,
        associations: Sequence[Association] = (),
        notes: Sequence[str] = (),
        reduction: Reduction | None = None,
        others: Sequence[Reduction] = (),
    ) -> None:
        science = [product for product in products if product.mode is not None]
        assert science
        assert science[0].mode is not None
        self._mode: Mode = science[0].mode
        self._files = {product.path: product for product in products}
        self._opened = opened
        self._associations = list(associations)
        self.kept: dict[str, Any] = {}
        self._images: dict[Path, SpectralImage] = {}
        self._spectra: dict[Path, Spectrum] = {}
        self._reduction = reduction or Reduction(list(products))
        self.notes = (*notes, *(_other_note(other) for other in others), *self._c1d_notes())
        self._exposures = sorted(
            {p.exposure for p in science if not p.combined},
            key=lambda exposure: (self._start(exposure), exposure),
        )
        self._membership = Membership(list(products), self._exposures, self._associations)
        rates = "rateints" if self.is_series else "rate"
        self._backgrounds = Backgrounds(self._membership, rates)

    def _c1d_notes(self) -> list[str]:
        """Name a combined spectrum that is not shown, since there is one of an image."""
        path = self._find("c1d", ())
        if path is None or self._spectrum_of(()) == path:
            return []
        return [
            f"{path.name} is the mean of several spectra (c1d); open it by that file to see it."
        ]

    def _start(self, exposure: Exposure) -> float:
        """Return when an exposure began (MJD), infinity if no header says."""
        starts = [p.header.get("EXPSTART") for p in self._files.values() if p.exposure == exposure]
        return min((float(s) for s in starts if isinstance(s, (int, float))), default=float("inf"))

    def __repr__(self) -> str:
        return f"<Observation {self.name}: {self.target}, {self.mode}, {len(self._files)} files>"

    def _repr_html_(self) -> str:
        return facts_html(f"Observation {self.name}", self.information())

    @property
    def mode(self) -> Mode:
        """The observing mode: "slit" or "slitless"."""
        return self._mode

    @property
    def products(self) -> dict[str, list[Path]]:
        """Files by kind ("rate", "cal", "s2d", "x1d", "ta", …) in exposure order, level 3 last."""
        order = {exposure: number for number, exposure in enumerate(self._exposures)}
        found: dict[str, list[Path]] = {}
        for product in sorted(
            self._files.values(),
            key=lambda p: (p.combined, order.get(p.exposure, 0), p.exposure, p.path.name),
        ):
            found.setdefault(product.kind, []).append(product.path)
        if self._associations:
            found["asn"] = [association.path for association in self._associations]
        return found

    @property
    def folder(self) -> Path:
        """Where the products are; of several folders, that of the product it was opened on."""
        return self.representative.path.parent

    @property
    def files(self) -> list[ProductFile]:
        """All products."""
        return list(self._files.values())

    @property
    def opened(self) -> ProductFile | None:
        """The product that it was opened on; None for a folder."""
        return self._opened

    @property
    def exposures(self) -> int:
        """Number of exposures (nods)."""
        return len(self._exposures)

    @property
    def name(self) -> str:
        """Program and observation, such as "jw01536-o027"; a file's name where they are unknown.

        Of a time series that is one exposure of several, the root of its file names.
        """
        if self._reduction.name:
            return self._reduction.name
        product = self.representative
        match = COMBINED_NAME.match(product.path.name)
        if match and match["kind"].lower() == "c":
            return f"jw{match['program']}-{match['kind']}{match['observation']}".lower()
        if product.program.isdigit() and product.observation.isdigit():
            return f"jw{product.program:0>5}-o{product.observation:0>3}"
        return product.path.name.split(".")[0] or product.path.name

    @property
    def target(self) -> str:
        """Name of the target, "" where the header has none."""
        header = self.representative.header
        return str(header.get("TARGNAME") or header.get("TARGPROP") or "")

    @property
    def date(self) -> str:
        """Date of the observation (UTC), ISO 8601; "" where the header has none."""
        return str(self.representative.header.get("DATE-OBS", ""))

    @property
    def simulated(self) -> bool:
        """Whether the headers say that the data are simulated."""
        title = str(self.representative.header.get("TITLE", ""))
        return title.upper().startswith("SIMULATED")

    @property
    def truth(self) -> Table | None:
        """What went into a simulated observation (``truth.ecsv`` beside it); None for real data."""
        path = self.representative.path.parent / "truth.ecsv"
        if not (self.simulated and path.is_file()):
            return None
        from astropy.table import Table

        return Table.read(path, format="ascii.ecsv")

    @property
    def representative(self) -> ProductFile:
        """The product that opens this observation, in this reduction."""
        if self._opened is not None and self._opened.mode is not None:
            return self._opened
        return self._reduction.representative

    @property
    def reduction(self) -> str:
        """What tells it from other reductions of the same observation; "" if there is no other."""
        return self._reduction.label

    @property
    def is_series(self) -> bool:
        """Whether its products hold integrations one by one: a time series."""
        return False

    @property
    def is_slit_image(self) -> bool:
        """Whether it was taken through the slit, and its products are images: nods, mostly."""
        return self.mode == "slit" and not self.is_series

    @property
    def what(self) -> str:
        """What it is in a few words, such as "slit exposures" or "a slitless time series"."""
        return f"a {self.mode} time series" if self.is_series else f"{self.mode} exposures"

    @property
    def spectrum_kind(self) -> str:
        """What its spectra are called in file names: "x1d" or "x1dints"."""
        return "x1dints" if self.is_series else "x1d"

    def image_in(self, path: Path) -> SpectralImage:
        """Return the image in a file that was made of this observation.

        Raises
        ------
        LRSExplorerError
            It cannot be read.
        """
        return read_image(path)

    def spectrum_in(self, paths: Sequence[Path]) -> Spectrum | TimeSeries:
        """Return the spectrum in files that were made of this observation.

        Raises
        ------
        LRSExplorerError
            They cannot be read.
        """
        (path,) = paths
        return read_spectrum(path)

    def header(self, path: Path) -> Mapping[str, Any]:
        """Return the primary header cards of one of the products.

        Parameters
        ----------
        path : Path
            One of `products`.
        """
        return self._files[path].header

    def _find(self, kind: str, exposure: Exposure) -> Path | None:
        for product in self._files.values():
            if product.kind == kind and product.exposure == exposure:
                return product.path
        return None

    def _selected(self, nods: Nods) -> Exposure:
        """Return the exposure that ``nods`` means, () for the combined product."""
        if nods.exposure == "combined":
            return ()
        if isinstance(nods.exposure, int):
            if nods.exposure > len(self._exposures):
                raise LRSExplorerError(
                    f"{self.name} has {len(self._exposures)} exposure(s), no number "
                    f"{nods.exposure}."
                )
            return self._exposures[nods.exposure - 1]
        everything: list[Exposure] = [*self._exposures, ()]
        if self._opened is not None and self._opened.mode is not None:
            opened = self._opened.exposure
            if self._image_of(opened) or self._spectrum_of(opened):
                return opened
            everything.insert(0, opened)
        for kind in IMAGES:
            found = next((e for e in everything if self._find(kind, e)), None)
            if found is not None:
                return found
        return everything[0]

    def number(self, nods: Nods | None = None) -> int | str:
        """Return the number of the exposure that ``nods`` selects, from 1, or "combined"."""
        exposure = self._selected(nods or Nods())
        return self._exposures.index(exposure) + 1 if exposure else "combined"

    def find(self, kind: str, number: int | str) -> Path | None:
        """Return the product of this kind of an exposure (from 1) or "combined"; None if absent."""
        return self._find(kind, () if number == "combined" else self._exposures[int(number) - 1])

    def missing(self, kind: str, number: int | str) -> str:
        """Say how to come by a product that `find` does not find."""
        return self._missing(kind, () if number == "combined" else self._exposures[int(number) - 1])

    def delivered_header(self, number: int | str) -> Mapping[str, Any]:
        """Return the header that tells how the pipeline calibrated an exposure, or "combined"."""
        for kind in ("s2d", "x1d", "cal", "c1d"):
            path = self.find(kind, number)
            if path is not None:
                return self._files[path].header
        return {}

    def verification_image(self, number: int) -> Path | None:
        """Return the verification image (MIR_TACONFIRM) of an exposure.

        The one that its association names; else the last of its visit before it, None where there
        is none.

        Parameters
        ----------
        number : int
            Of the exposure, from 1.

        Raises
        ------
        LRSExplorerError
            What counts is not at hand, or cannot be told.
        """
        return self._membership.verification(number)[0]

    def acquisition_images(self, nods: Nods | None = None) -> list[Path]:
        """Return the acquisition images that tell where the source of an exposure is, by time.

        For the combined product those of its first exposure.

        Raises
        ------
        LRSExplorerError
            See `verification_image`.
        """
        number = self.number(nods)
        if not self._exposures:
            return self.products.get("ta", [])
        return self._membership.acquisitions(number if isinstance(number, int) else 1)

    def backgrounds(self, number: int, asked: bool = False) -> tuple[list[int | Path], str]:
        """Return what the pipeline subtracts from exposure ``number``, and how that is known.

        Parameters
        ----------
        number : int
        asked : bool
            Whether the user asks for subtraction, rather than for what was delivered.

        Returns
        -------
        list of int or Path
            Numbers of its own exposures, and rates of other observations.
        str
            The association that says so; "" where none does: then those at another nod position.

        Raises
        ------
        LRSExplorerError
            The association names an exposure that is not at hand, or several contradict each
            other; or there is none, the exposures do not look like nods, and they were not asked
            for.
        """
        return self._membership.backgrounds(number, asked)

    def dedicated_backgrounds(self, path: Path, names: Sequence[str] | None = None) -> list[Path]:
        """Return the files that are subtracted as background from the exposure of ``path``.

        Parameters
        ----------
        path : Path
        names : sequence of str, optional
            What a recipe names; else what an association does.

        Raises
        ------
        LRSExplorerError
            One of them is not at hand, or cannot be subtracted from this exposure.
        """
        if names is None:
            return self._membership.dedicated(path)
        chosen = self.chosen_backgrounds(self._membership.number_of(path), names)
        return [self._backgrounds.file(one) if isinstance(one, int) else one for one in chosen]

    def background_candidates(self, number: int | str) -> list[BackgroundCandidate]:
        """Return the exposures that can be subtracted from an exposure as its background.

        Its own ones at other positions, those that associations name, and those of other
        observations in the same folders. For the combined product those of all its members.

        Parameters
        ----------
        number : int or "combined"

        Raises
        ------
        LRSExplorerError
            The members of the combined product are not known, or a folder cannot be read.
        """
        if isinstance(number, int):
            return list(self._backgrounds.candidates(number, self._numbered))
        first, *others = map(self.background_candidates, self.combined_members())
        common = [{one.path for one in those} for those in others]
        return [one for one in first if all(one.path in paths for paths in common)]

    def chosen_backgrounds(self, number: int, names: Sequence[str]) -> list[int | Path]:
        """Return what a recipe names as background of an exposure.

        Parameters
        ----------
        number : int
        names : sequence of str
            Files or exposures by name, or paths.

        Returns
        -------
        list of int or Path
            Numbers of its own exposures, and rates, or rateints, of others.

        Raises
        ------
        LRSExplorerError
            One is not at hand, or cannot be subtracted from this exposure.
        """
        return self._backgrounds.chosen(number, names)

    def background_name(self, given: str) -> str:
        """Return how a recipe names a background, so that it can be found on another machine.

        Parameters
        ----------
        given : str
            A path, or already a name. A file that no name leads to keeps its absolute path.
        """
        path = Path(os.path.expanduser(given))
        return self._backgrounds.name(path, 1) if path.is_file() and self._exposures else given

    def other_nods(self, number: int) -> list[int]:
        """Return the exposures at other positions than that of an exposure."""
        return self._membership.other_nods(number)

    def subtracted(self, number: int | str) -> bool | None:
        """Tell whether backgrounds were subtracted from what was delivered; None = not known."""
        status = self.delivered_header(number).get("S_BKDSUB")
        return None if status is None else status == "COMPLETE"

    def subtracts(self, number: int | str) -> bool:
        """Tell whether backgrounds are subtracted by default: as delivered, else as associated."""
        delivered = self.subtracted(number)
        if delivered is not None or self.delivered_header(number) or not isinstance(number, int):
            return bool(delivered)
        return self._membership.names_backgrounds(number)

    def subtraction(self, number: int | str) -> str:
        """Return in words whether backgrounds are subtracted by default, and how that is known."""
        delivered = self.subtracted(number)
        if delivered is not None:
            return f"as delivered ({'on' if delivered else 'off'})"
        if self.delivered_header(number):
            return "as delivered (not known)"
        return "as associated (on)" if self.subtracts(number) else "not known (off)"

    def not_known(self, recipe: Recipe | None = None) -> list[str]:
        """Return what a recipe leaves as it was, and nothing delivered tells how that is.

        Parameters
        ----------
        recipe : Recipe, optional
            Default: that which leaves all as it was; headers alone are then read.

        Returns
        -------
        list of str
            In a few words each, with the keyword that is missing.
        """
        if recipe is None:
            replace = PixelReplace(algorithm=self.delivered_algorithm)
            recipe = Recipe(mode=self.mode, pixel_replace=replace)
        number = self.number(recipe.nods)
        header = self.delivered_header(number)
        left = {
            "background (S_BKDSUB)": recipe.nods.subtract is None
            and recipe.slitless == SlitlessBackground(columns=recipe.slitless.columns)
            and self.subtraction(number).endswith(("(not known)", "not known (off)")),
            "pathloss (S_PTHLOS)": recipe.pathloss.mode == "as_delivered"
            and self.mode == "slit"
            and "S_PTHLOS" not in header,
            "pixel replacement (S_PXREPL)": recipe.pixel_replace.algorithm == "off"
            and "S_PXREPL" not in header
            and (not header or header.get("S_RESAMP") == "COMPLETE"),
        }
        return [what for what, unknown in left.items() if unknown]

    def combined_members(self) -> list[int]:
        """Return the exposures that the combined product is made of.

        As its association says, or its own table of members (HDRTAB); else all.

        Raises
        ------
        LRSExplorerError
            An exposure that it is made of is not at hand, or it cannot be told which they are.
        """
        return self._membership.combined_members()

    def set_aside(self, asked: Association) -> list[str]:
        """Say what an association that was opened names as background, and what is not followed."""
        subtracted = {n: self.subtracted(n) for n in self._membership.numbers}
        return list(self._membership.set_aside(asked, subtracted))

    def number_of(self, path: Path) -> int:
        """Return the number of the exposure that a product is of, or of the segment."""
        return self._membership.number_of(path)

    def combined_association(self, root: str) -> tuple[str, str]:
        """Return names of association and pool for a combined product (ASNTABLE, ASNPOOL)."""
        return self._membership.combined_association(root)

    def association_of(self, product: int | Path) -> tuple[str, str] | None:
        """Return the same for an exposure, by number or by a product; None where not known."""
        number = product if isinstance(product, int) else self.number_of(product)
        return self._membership.association_of(number)

    @property
    def made_of(self) -> list[MadeOf]:
        """What its products are made of, and what says so."""
        labels = {n: self._numbered(n) for n in self._membership.numbers}
        subtracted = {number: self.subtracted(number) for number in labels}
        return list(self._membership.tree(labels, subtracted))

    def root(self, number: int) -> str:
        """Return the file name root of an exposure."""
        return self._membership.root(number)

    def _image_of(self, exposure: Exposure) -> Path | None:
        """Return the image of an exposure that is shown; None where there is none."""
        return next((p for kind in IMAGES if (p := self._find(kind, exposure))), None)

    def _spectrum_of(self, exposure: Exposure) -> Path | None:
        """Return the delivered spectrum of an exposure that is shown; None where there is none.

        A mean of several spectra (c1d), or one that was saved from here, is shown where it was
        opened, or there is no other.
        """
        opened = self._opened
        if opened is not None and opened.kind in SPECTRA and opened.exposure == exposure:
            return opened.path
        return next((p for kind in SPECTRA if (p := self._find(kind, exposure))), None)

    def shows_spectrum_alone(self, nods: Nods) -> bool:
        """Tell whether ``nods`` selects what has a delivered spectrum, and no image.

        False where there is no such exposure.
        """
        try:
            exposure = self._selected(nods)
        except LRSExplorerError:
            return False
        return self._image_of(exposure) is None and self._spectrum_of(exposure) is not None

    @property
    def has_images(self) -> bool:
        """Whether there is any image to extract from."""
        return any(self.products.get(kind) for kind in IMAGES)

    def image_path(self, nods: Nods | None = None) -> Path:
        """Return the file of the image that ``nods`` selects: its s2d, else its cal.

        Raises
        ------
        LRSExplorerError
            There is no such image; the message says what to download.
        """
        exposure = self._selected(nods or Nods())
        path = self._image_of(exposure)
        if path is None:
            remedy = self._missing("s2d", exposure)
            if exposure and self._find("rate", exposure):
                remedy += "; it can be made from the rate (lrs.reprocess, lrs-explorer reprocess)"
            raise LRSExplorerError(f"{self._label(exposure)} has no image to show: {remedy}.")
        return path

    def image(self, nods: Nods | None = None) -> SpectralImage:
        """Return the image that ``nods`` selects, read once.

        Parameters
        ----------
        nods : Nods, optional
            Default: the image that the observation was opened on.

        Raises
        ------
        LRSExplorerError
            There is no such image, or it cannot be read.
        """
        path = self.image_path(nods)
        if path not in self._images:
            self._images[path] = read_image(self._still_there(path))
        return self._images[path]

    def _still_there(self, path: Path) -> Path:
        """Return ``path``, or say that it went after the observation was opened."""
        if not path.exists():
            raise LRSExplorerError(
                f"{path} has vanished since {self.name} was opened; put it back or open it again."
            )
        return path

    def delivered(self, nods: Nods | None = None) -> Spectrum | None:
        """Return the spectrum delivered with the image that ``nods`` selects, None if absent.

        Its x1d; of the combined product else its c1d, the mean of several spectra.

        Parameters
        ----------
        nods : Nods, optional
            Default: the image that the observation was opened on.

        Raises
        ------
        LRSExplorerError
            There is a file, but it cannot be read.
        """
        path = self._spectrum_of(self._selected(nods or Nods()))
        if path is None:
            return None
        if path not in self._spectra:
            self._spectra[path] = read_spectrum(self._still_there(path))
        return self._spectra[path]

    def choices(self) -> list[tuple[str, Nods]]:
        """Return label and selection of every image that can be viewed.

        Of exposures without an image, that of their spectrum.
        """
        found = []
        exposures: list[tuple[int | str, Exposure]] = [
            *enumerate(self._exposures, start=1),
            ("combined", ()),
        ]
        for number, exposure in exposures:
            path = self._image_of(exposure) or self._spectrum_of(exposure)
            if path is not None:
                kind = self._files[path].kind
                note = "" if kind == "s2d" else f", {kind}"
                found.append((self._label(exposure) + note, Nods(exposure=number)))
        return found

    def _numbered(self, number: int) -> str:
        return self._label(self._exposures[number - 1])

    def _label(self, exposure: Exposure) -> str:
        """Return what an exposure is called on the screen."""
        if not exposure:
            return "Combined (level 3)"
        number = self._exposures.index(exposure) + 1
        header = next(p.header for p in self._files.values() if p.exposure == exposure)
        offset = header.get("XOFFSET")
        if isinstance(offset, (int, float)) and len(self._exposures) > 1:
            return f"Nod {number} ({offset:+.2f}″)".replace("-", "−")
        return f"Exposure {number}"

    @property
    def _parts(self) -> str:
        """What its exposures are called together."""
        labels = [self._label(exposure) for exposure in self._exposures]
        return "Nods" if any(label.startswith("Nod ") for label in labels) else "Exposures"

    def _missing(self, kind: str, exposure: Exposure) -> str:
        """Say how to come by the product ``kind`` of an exposure."""
        here = next((p for p in self.files if p.exposure == exposure and p.mode), None)
        stem = root_of(here.path) if here else ""
        wanted = f"{stem}_{kind}.fits" if stem else f"its {kind} file"
        if self.simulated:
            return f"this simulated observation comes without {wanted}"
        return f"download {wanted}"

    @property
    def delivered_algorithm(self) -> str:
        """Algorithm of ``pixel_replace`` in the delivered image or spectrum, "off" where none ran.

        Headers say whether the step ran, not how: it was "fit_profile" by default until jwst 3.0,
        "mingrad" since.
        """
        header = self.reference_header()
        if header.get("S_PXREPL") != "COMPLETE":
            return "off"
        return (
            "fit_profile" if str(header.get("CAL_VER", "")).startswith(("1.", "2.")) else "mingrad"
        )

    @property
    def sky_columns(self) -> tuple[tuple[float, float], ...]:
        """Columns beside the source of a slitless image, where a recipe takes the sky by default.

        Lower and upper edges, pixels.
        """
        columns = SlitlessBackground().columns
        return (
            moved_ranges(columns, self.reference_header()) if self.mode == "slitless" else columns
        )

    @property
    def can_reprocess(self) -> dict[str, bool]:
        """What can be redone with the products at hand, for all exposures."""
        return {name: not self.why_not(name) for name in redoable(self.mode, self.is_series)}

    def why_not(self, name: str) -> str:
        """Say in a sentence what is missing to redo ``name``; "" when nothing is.

        Parameters
        ----------
        name : str
            A key of `can_reprocess`.

        Raises
        ------
        LRSExplorerError
            ``name`` is no key of `can_reprocess`.
        """
        kinds = products_for(name, self.mode, self.is_series)
        if not kinds:
            return f"{name} cannot be redone here for {self.what}."
        if name in ("nods", "level_3") and self.exposures < 2:
            return f"{name} cannot be redone: it needs two nods, and only one exposure is here."
        for number in self._redone:
            if not any(self.find(kind, number) for kind in kinds):
                return f"{name} cannot be redone: {self.missing(kinds[0], number)}."
        return ""

    @property
    def _redone(self) -> list[int | str]:
        """The exposures that are redone."""
        return [*range(1, self.exposures + 1)] or ["combined"]

    def information(self, nods: Nods | None = None) -> list[tuple[str, str]]:
        """Return what the headers say of an image and its observation, as label and value.

        Parameters
        ----------
        nods : Nods, optional
            Default: the image that the observation was opened on.
        """
        header = dict(self.reference_header(nods))
        path = self._image_of(self._selected(nods or Nods()))
        if path is not None and path.exists():
            header |= self.image(nods).header
        files = ", ".join(f"{len(paths)} {kind}" for kind, paths in self.products.items())
        return [
            *describe(header, self._mode),
            (self._parts, ", ".join(self._label(e) for e in self._exposures)),
            ("Files", files),
            *(("Note", note) for note in self.notes),
        ]

    def reference_header(self, nods: Nods | None = None) -> Mapping[str, Any]:
        """Return the primary header that stands for an image: its own, else the nearest one."""
        return self._files[self.reference_path(nods)].header

    def reference_path(self, nods: Nods | None = None) -> Path:
        """Return the product whose header `reference_header` returns."""
        exposure = self._selected(nods or Nods())
        path = self._image_of(exposure) or self._spectrum_of(exposure)
        return path or self.representative.path


def _other_note(other: Reduction) -> str:
    """Say that there is another reduction, and how to come by it."""
    path = other.representative.path
    return f"another reduction of this observation is here ({other.label}); open it by {path}."
