"""Which files belong together, what they are, and what can be redone with them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.io import read_image, read_spectrum
from lrs_explorer.model.products import SpectralImage, Spectrum
from lrs_explorer.model.recipe import Mode, Nods
from lrs_explorer.model.recognition import Product
from lrs_explorer.model.siblings import (
    Listing,
    choose,
    group,
    key_of,
    list_products,
    members,
    product_of,
)

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["Observation", "demo", "open_observation"]

PathLike = str | os.PathLike[str]

NEEDS: dict[str, tuple[tuple[str, ...], str]] = {
    "extract_1d": (("s2d", "cal"), "s2d"),
    "pixel_replace": (("cal",), "cal"),
    "pathloss": (("rate",), "rate"),
    "nods": (("rate",), "rate"),
    "jump": (("ramp", "uncal"), "uncal"),
    "level_3": (("cal",), "cal"),
}
"""For each thing that can be redone: products of which one is needed, and the one to download."""


class Observation:
    """The products of one MIRI LRS observation.

    Made by `open_observation` and `demo`. Headers are read at once, pixels when they are asked for.

    Parameters
    ----------
    products : sequence of Product
        Products of one observation, one for each kind and exposure.
    opened : Product or None
        The product it was opened on; None for a folder.
    associations : sequence of Path
        Association files that name its products.
    notes : sequence of str
        Plain sentences about files that were left out.
    """

    def __init__(
        self,
        products: Sequence[Product],
        opened: Product | None = None,
        associations: Sequence[Path] = (),
        notes: Sequence[str] = (),
    ) -> None:
        science = [product for product in products if product.mode is not None]
        assert science
        assert science[0].mode is not None
        self._mode: Mode = science[0].mode
        self._files = {product.path: product for product in products}
        self._opened = opened
        self._associations = list(associations)
        self._images: dict[Path, SpectralImage] = {}
        self._spectra: dict[Path, Spectrum] = {}
        self.notes = tuple(notes)
        self._exposures = sorted(
            {p.exposure for p in science if not p.combined},
            key=lambda exposure: (self._start(exposure), exposure),
        )

    def _start(self, exposure: tuple[int, ...]) -> float:
        """Return when an exposure began (MJD), infinity if no header says."""
        starts = [p.header.get("EXPSTART") for p in self._files.values() if p.exposure == exposure]
        return min((float(s) for s in starts if isinstance(s, (int, float))), default=float("inf"))

    def __repr__(self) -> str:
        return f"<Observation {self.name}: {self.target}, {self.mode}, {len(self._files)} files>"

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
            found["asn"] = list(self._associations)
        return found

    @property
    def files(self) -> list[Product]:
        """All products."""
        return list(self._files.values())

    @property
    def exposures(self) -> int:
        """Number of exposures (nods)."""
        return len(self._exposures)

    @property
    def name(self) -> str:
        """Program and observation, such as "jw01536-o027"; a file's name where they are unknown."""
        product = self._representative()
        if product.program.isdigit() and product.observation.isdigit():
            return f"jw{product.program:0>5}-o{product.observation:0>3}"
        return product.path.name.split(".")[0]

    @property
    def target(self) -> str:
        """Name of the target, "" where the header has none."""
        header = self._representative().header
        return str(header.get("TARGNAME") or header.get("TARGPROP") or "")

    @property
    def date(self) -> str:
        """Date of the observation (UTC), ISO 8601; "" where the header has none."""
        return str(self._representative().header.get("DATE-OBS", ""))

    @property
    def simulated(self) -> bool:
        """Whether the headers say that the data are simulated."""
        title = str(self._representative().header.get("TITLE", ""))
        return title.upper().startswith("SIMULATED")

    @property
    def truth(self) -> Table | None:
        """What went into a simulated observation (``truth.ecsv`` beside it); None for real data."""
        path = self._representative().path.parent / "truth.ecsv"
        if not (self.simulated and path.is_file()):
            return None
        from astropy.table import Table

        return Table.read(path, format="ascii.ecsv")

    def _representative(self) -> Product:
        """Return the product that stands for the observation: the opened one, else the first."""
        if self._opened is not None and self._opened.mode is not None:
            return self._opened
        return next(p for p in self._files.values() if p.mode is not None)

    def header(self, path: Path) -> Mapping[str, Any]:
        """Return the primary header cards of one of the products."""
        return self._files[path].header

    def _find(self, kind: str, exposure: tuple[int, ...]) -> Path | None:
        for product in self._files.values():
            if product.kind == kind and product.exposure == exposure:
                return product.path
        return None

    def _selected(self, nods: Nods) -> tuple[int, ...]:
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
        if self._opened is not None and self._opened.mode is not None:
            return self._opened.exposure
        for exposure in [*self._exposures, ()]:
            if self._find("s2d", exposure):
                return exposure
        return self._exposures[0] if self._exposures else ()

    def image_path(self, nods: Nods | None = None) -> Path:
        """Return the file of the resampled image (s2d) that ``nods`` selects.

        Raises
        ------
        LRSExplorerError
            There is no such image; the message says what to download.
        """
        if self.mode == "slitless":
            raise LRSExplorerError(
                f"{self.name} is a slitless time series; this version cannot show time series yet."
            )
        exposure = self._selected(nods or Nods())
        path = self._find("s2d", exposure)
        if path is None:
            raise LRSExplorerError(
                f"{self._label(exposure)} has no s2d image: {self._missing('s2d', exposure)}."
            )
        return path

    def image(self, nods: Nods | None = None) -> SpectralImage:
        """Return the image that ``nods`` selects, read once.

        Raises
        ------
        LRSExplorerError
            There is no such image, or it cannot be read.
        """
        path = self.image_path(nods)
        if path not in self._images:
            self._images[path] = read_image(path)
        return self._images[path]

    def delivered(self, nods: Nods | None = None) -> Spectrum | None:
        """Return the x1d spectrum delivered with the image that ``nods`` selects, None if absent.

        Raises
        ------
        LRSExplorerError
            There is a file, but it cannot be read.
        """
        path = self._find("x1d", self._selected(nods or Nods()))
        if path is None:
            return None
        if path not in self._spectra:
            self._spectra[path] = read_spectrum(path)
        return self._spectra[path]

    def choices(self) -> list[tuple[str, Nods]]:
        """Return label and selection of every image that can be viewed."""
        found = []
        for number, exposure in enumerate(self._exposures, start=1):
            path = self._find("s2d", exposure)
            if path is not None:
                found.append((self._label(exposure), Nods(exposure=number)))
        if self._find("s2d", ()) is not None:
            found.append((self._label(()), Nods(exposure="combined")))
        return found

    def _label(self, exposure: tuple[int, ...]) -> str:
        """Return what an exposure is called on the screen."""
        if not exposure:
            return "Combined (level 3)"
        number = self._exposures.index(exposure) + 1
        header = next(p.header for p in self._files.values() if p.exposure == exposure)
        offset = header.get("XOFFSET")
        if isinstance(offset, (int, float)) and len(self._exposures) > 1:
            return f"Nod {number} ({offset:+.2f}″)".replace("-", "−")
        return f"Exposure {number}"

    def _missing(self, kind: str, exposure: tuple[int, ...]) -> str:
        """Say what to download to have ``kind`` of an exposure."""
        for product in self._files.values():
            if product.exposure == exposure and product.mode is not None:
                stem, _, _ = product.path.name.split(".")[0].rpartition("_")
                if stem:
                    return f"download {stem}_{kind}.fits into {product.path.parent}"
        return f"download its {kind} file"

    @property
    def can_reprocess(self) -> dict[str, bool]:
        """What can be redone with the products at hand, for all exposures."""
        return {name: not self.why_not(name) for name in NEEDS}

    def why_not(self, name: str) -> str:
        """Say in a sentence what is missing to redo ``name``; "" when nothing is.

        Raises
        ------
        LRSExplorerError
            ``name`` is no key of `can_reprocess`.
        """
        if name not in NEEDS:
            raise LRSExplorerError(
                f"{name!r} cannot be reprocessed; what can is {', '.join(NEEDS)}."
            )
        if self.mode == "slitless":
            return f"{name} cannot be redone: this version cannot reprocess time series yet."
        kinds, download = NEEDS[name]
        if name in ("nods", "level_3") and len(self._exposures) < 2:
            return f"{name} cannot be redone: it needs two nods, and only one exposure is here."
        for exposure in self._exposures or [()]:
            if not any(self._find(kind, exposure) for kind in kinds):
                return f"{name} cannot be redone: {self._missing(download, exposure)}."
        return ""


def open_observation(path: PathLike | Iterable[PathLike]) -> Observation:
    """Open an LRS observation: any of its products, a folder, an association, or several paths.

    Products of the same observation in the same folder are found too, by their headers.

    Parameters
    ----------
    path : path or iterable of paths

    Raises
    ------
    LRSExplorerError
        Nothing there is MIRI LRS, files are of more than one observation, or cannot be read.
    """
    if isinstance(path, (str, os.PathLike)):
        return _open([Path(path)])
    paths = [Path(p) for p in path]
    if not paths:
        raise LRSExplorerError("no file was given; give an LRS product or a folder.")
    return _open(paths)


def _open(paths: Sequence[Path]) -> Observation:
    """Open what lies at ``paths``, with the siblings of each."""
    seeds: list[Product] = []
    level_3 = False
    for path in paths:
        if path.is_dir():
            found = _only_observation(path)
            if len(paths) == 1:
                return found
            seeds += found.files
        elif path.suffix.lower() == ".json":
            named, level_3 = members(path)
            seeds += _recognised(named, path)
        else:
            seeds.append(product_of(path))
    keys = dict.fromkeys(key_of(seed) for seed in seeds)
    if len(keys) > 1:
        raise LRSExplorerError(
            "the files belong to different observations ("
            + ", ".join(f"{seed.path.name}" for seed in _first_of_each(seeds))
            + "); open one observation at a time."
        )
    listings = [list_products(folder, next(iter(keys))) for folder in _folders(seeds)]
    products = [*seeds, *(p for listing in listings for p in listing.products)]
    chosen = choose({p.path: p for p in products}.values(), [seed.path for seed in seeds])
    if all(product.mode is None for product in chosen):
        raise LRSExplorerError(
            f"{seeds[0].path.name} is a target acquisition image "
            f"(EXP_TYPE {seeds[0].header['EXP_TYPE']}) and no LRS product of its observation lies "
            "beside it; download the LRS products too."
        )
    opened = next((p for p in chosen if level_3 and p.combined), seeds[0])
    return Observation(chosen, opened, _associations(chosen), _notes(listings))


def _recognised(paths: Iterable[Path], association: Path) -> list[Product]:
    """Return the LRS products among the files of an association."""
    products, reason = [], ""
    for path in paths:
        try:
            products.append(product_of(path))
        except LRSExplorerError as error:
            reason = reason or str(error)
    if not products:
        raise LRSExplorerError(f"{association.name} names no MIRI LRS product: {reason}")
    return products


def _first_of_each(products: Iterable[Product]) -> list[Product]:
    return list({key_of(p): p for p in reversed(list(products))}.values())[::-1]


def _folders(products: Iterable[Product]) -> list[Path]:
    return list(dict.fromkeys(product.path.parent for product in products))


def _notes(listings: Iterable[Listing]) -> list[str]:
    """Say what was left out of an observation."""
    notes = []
    for listing in listings:
        notes += listing.unreadable
        if not listing.complete:
            notes.append("the folder holds too many files; not all were looked at.")
    return notes


def _associations(products: Sequence[Product]) -> list[Path]:
    """Return the association files beside the products that name any of them."""
    wanted = {product.path for product in products}
    found = []
    for folder in _folders(products):
        for path in sorted(folder.glob("*_asn.json")):
            try:
                named, _ = members(path)
            except LRSExplorerError:  # of other products, or broken: not needed
                continue
            if wanted.intersection(named):
                found.append(path)
    return found


def _only_observation(folder: Path) -> Observation:
    """Open the one observation that a folder holds."""
    listing = list_products(folder)
    groups = group(listing.products)
    if not groups:
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(listing.others.items()))
        unreadable = f"{len(listing.unreadable)} unreadable" if listing.unreadable else ""
        held = ", ".join(part for part in (counts, unreadable) if part) or "no FITS files"
        raise LRSExplorerError(
            f"{folder} holds no MIRI LRS products ({held}); give the folder that holds them."
        )
    observations = [
        Observation((chosen := choose(found)), None, _associations(chosen), _notes([listing]))
        for found in groups.values()
    ]
    if len(observations) > 1:
        listed = "; ".join(
            f"{o.name} ({o.target}, {o.date}): {next(iter(o.files)).path.name}"
            for o in observations
        )
        raise LRSExplorerError(
            f"{folder} holds {len(observations)} LRS observations; open one by a file of it. "
            f"They are {listed}."
        )
    return observations[0]


def demo(name: str = "slit") -> Observation:
    """Open a simulated observation that comes with LRS Explorer.

    Parameters
    ----------
    name : {"slit"}
        The observing mode.

    Raises
    ------
    LRSExplorerError
        There is no such demo.
    """
    if name == "slitless":
        raise LRSExplorerError("the slitless demo is not available in this version yet.")
    if name != "slit":
        raise LRSExplorerError(f'there is no demo {name!r}; there is "slit".')
    folder = Path(str(files("lrs_explorer"))) / "data" / "demo_slit"
    if not folder.is_dir():
        raise LRSExplorerError(
            f"the demo's files are missing from {folder}; install LRS Explorer again."
        )
    return _only_observation(folder)
