"""Exposures that can be subtracted as background: which there are, which ones a recipe names."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.fitsfile import open_fits
from lrs_explorer.model.files.recognition import (
    COMBINED_NAME,
    EXPOSURE_NAME,
    KINDS,
    ProductFile,
    root_of,
    suffix_of,
)
from lrs_explorer.model.observation.membership import Membership
from lrs_explorer.model.observation.siblings import entries, is_fits, is_named, product_of

__all__ = ["BackgroundCandidate", "Backgrounds"]

TIME_LIMIT: Final = 10.0
"""Seconds for which folders are looked through."""

SUBARRAY: Final = ("SUBARRAY", "SUBSTRT1", "SUBSTRT2", "SUBSIZE1", "SUBSIZE2")
"""Keywords that tell which pixels of the detector were read."""


@dataclass(frozen=True)
class BackgroundCandidate:
    """An exposure that can be subtracted from another as its background.

    Parameters
    ----------
    name : str
        By which a recipe names it: its file's name, or its path where the name does not lead to it.
    path : Path
        Its rate, or rateints.
    what : str
        In a few words: its nod, or its target, observation and date.
    told_by : str
        The association that names it as background; "" where none does.
    """

    name: str
    path: Path
    what: str
    told_by: str = ""

    @property
    def words(self) -> str:
        """What it is, and what says that it is a background."""
        return self.what + (f", named by {self.told_by}" if self.told_by else "")


class Backgrounds:
    """What can be subtracted from the exposures of one observation.

    Parameters
    ----------
    membership : Membership
    kind : {"rate", "rateints"}
        Of the products that the step subtracts here, and from which it does.
    """

    def __init__(self, membership: Membership, kind: str) -> None:
        self._membership = membership
        self._kind = kind
        self._chosen: dict[tuple[int, tuple[str, ...]], list[int | Path]] = {}

    def candidates(self, number: int, label: Callable[[int], str]) -> Iterator[BackgroundCandidate]:
        """Yield what can be subtracted from an exposure; see `Observation.background_candidates`.

        Parameters
        ----------
        number : int
        label : callable(int)
            Returns what an exposure of the observation is called.
        """
        own = {n: self._rate(n) for n in self._membership.other_nods(number)}
        labels = {rate.path: label(n) for n, rate in own.items() if rate is not None}
        members = self._membership.background_members(number)
        named = {m.path: m.association.name for m in members if m.path is not None}
        told = {path.resolve(): association for path, association in named.items()}
        seen: set[Path] = set()
        for product in (
            *(rate for rate in own.values() if rate is not None),
            *_readable(named),
            *self._others(number),
        ):
            path = product.path
            with suppress(LRSExplorerError):  # what cannot be read is said when it is chosen
                if path.resolve() in seen or self._why_not(number, product):
                    continue
                seen.add(path.resolve())
                what = labels.get(path) or _described(product)
                name = self.name(path, number)
                yield BackgroundCandidate(name, path, what, told.get(path.resolve(), ""))

    def chosen(self, number: int, names: Sequence[str]) -> list[int | Path]:
        """Return what a recipe names; see `Observation.chosen_backgrounds`."""
        key = number, tuple(names)
        if key not in self._chosen:
            found = [self._checked(number, name) for name in names]
            self._chosen[key] = list(dict.fromkeys(found))
        return self._chosen[key]

    def file(self, number: int) -> Path:
        """Return the product of an exposure that the step subtracts.

        Raises
        ------
        LRSExplorerError
            It is not at hand.
        """
        rate = self._rate(number)
        if rate is None:
            root = self._membership.root(number)
            raise LRSExplorerError(
                f"{root}_{self._kind}.fits, which is to be subtracted as background, is not at "
                "hand; download it."
            )
        return rate.path

    def _rate(self, number: int) -> ProductFile | None:
        """Return the product of an exposure from which, or which, the step subtracts."""
        return next((p for p in self._membership.of(number) if p.kind == self._kind), None)

    def _others(self, number: int) -> Iterator[ProductFile]:
        """Yield products of other observations in the same folders, and in those of a download."""
        deadline = time.monotonic() + TIME_LIMIT
        own = {product.exposure[:2] for product in self._membership.of(number)}
        places: dict[Path, None] = {}
        for folder in self._membership.folders:
            places[folder] = None
            if is_named(folder):
                places |= {p: None for p in entries(folder.parent) if is_named(p) and p.is_dir()}
        for place in places:
            with suppress(LRSExplorerError):  # a neighbour that cannot be read
                likely = (path for path in entries(place) if _may_be(path, self._kind))
                for product in _readable(likely):
                    if product.exposure[:2] not in own:
                        yield product
                    if time.monotonic() > deadline:
                        return

    def name(self, path: Path, number: int) -> str:
        """Return how a recipe names a file: by its name where that leads to it, else its path."""
        with suppress(LRSExplorerError):
            if self._find(path.name, number).resolve() == path.resolve():
                return path.name
        return str(path.absolute())

    def _checked(self, number: int, name: str) -> int | Path:
        """Return an exposure of the observation, or the file of another one, if it fits."""
        membership = self._membership
        roots = {n: membership.root(n) for n in membership.numbers}
        called = {n: (root, *_called(root, self._kind)) for n, root in roots.items()}
        own = next((n for n, names in called.items() if name in names), None)
        rate = None if own is None else self._rate(own)
        if own is not None and own != number and rate is None:
            return own  # it can be made of its ramp, or what is missing is said
        product = rate or product_of(self._find(name, number))
        why = self._why_not(number, product)
        if why:
            raise LRSExplorerError(
                f"{product.path.name} cannot be subtracted from {membership.root(number)} as "
                f"background: {why}; choose another."
            )
        return own or self._number_or_path(product.path)

    def _number_or_path(self, path: Path) -> int | Path:
        """Return the exposure whose rate is in a file, or the file."""
        rates = {n: rate.path for n in self._membership.numbers if (rate := self._rate(n))}
        return next((n for n, own in rates.items() if own.resolve() == path.resolve()), path)

    def _find(self, name: str, number: int) -> Path:
        """Return the file of a name.

        A path is as it is, or begins where the exposure is. A name is looked for beside the
        exposure, where associations lead, and in the other folders of the observation.

        Raises
        ------
        LRSExplorerError
            There is no such file, or several are called so.
        """
        membership = self._membership
        first = membership.of(number)[0].path.absolute().parent
        if os.sep in name:
            paths = [Path(os.path.expanduser(one)) for one in (name, *_called(name, self._kind))]
            places = [place for path in paths for place in (first / path, path.absolute())]
            found = [place for place in places if place.is_file()][:1]
        else:
            called = _called(name, self._kind)
            members = [m.path for m in membership.background_members(number) if m.path is not None]
            named = [path for path in members if path.name in called]
            found = _in([first], called) or named or _in(membership.folders, called)
        unique = {path.resolve(): path for path in reversed(found)}
        if len(unique) > 1:
            raise LRSExplorerError(
                f"several files are called {name}: {', '.join(map(str, unique.values()))}; give "
                "the path of the one that is to be subtracted."
            )
        if not found and Path(os.path.expanduser(name)).is_dir():
            raise LRSExplorerError(
                f"{name}, which is to be subtracted as background, is a folder; give an exposure."
            )
        if not found:
            raise LRSExplorerError(
                f"{name}, which is to be subtracted as background, is not at hand: neither in "
                f"{first} nor where associations lead; download it, or give its path."
            )
        return found[0]

    def _why_not(self, number: int, other: ProductFile) -> str:
        """Say why the step cannot subtract a product from an exposure; "" where it can.

        The step needs as many dimensions, and fills with NaN where the pixels are others. How a
        background was read out (READPATT, NGROUPS) does not matter to it.
        """
        science = self._rate(number) or self._membership.of(number)[0]
        if other.exposure[:-1] == science.exposure[:-1]:
            return "no exposure can be its own background"
        if other.mode != science.mode or other.header.get("FILTER", "P750L") != "P750L":
            return f"it is not a MIRI LRS exposure of the same mode, {science.mode}"
        if other.kind != self._kind:
            return f"it is a {other.kind}, and here the step subtracts a {self._kind}"
        for card in SUBARRAY:
            ours, theirs = science.header.get(card), other.header.get(card)
            if ours != theirs and None not in (ours, theirs):
                return f"its {card} is {theirs}, not {ours}"
        told = all(card in p.header for card in ("SUBSIZE1", "SUBSIZE2") for p in (science, other))
        if science.kind == self._kind and not told:
            (rows, columns), (own_rows, own_columns) = _shape(other.path), _shape(science.path)
            if (rows, columns) != (own_rows, own_columns):
                return f"its images have {rows} × {columns} pixels, not {own_rows} × {own_columns}"
        return ""


def _shape(path: Path) -> tuple[int, int]:
    """Return rows and columns of the images in a file."""
    with open_fits(path) as hdus:
        shape: tuple[int, ...] = hdus["SCI"].shape if "SCI" in hdus else ()
    if len(shape) < 2:
        raise LRSExplorerError(f"{path} has no image (extension SCI); choose another background.")
    rows, columns = shape[-2:]
    return rows, columns


def _may_be(path: Path, kind: str) -> bool:
    """Tell by its name whether a file may be of a kind; one that the archive has not named may."""
    named = EXPOSURE_NAME.match(path.name) or COMBINED_NAME.match(path.name)
    return is_fits(path) and (named is None or suffix_of(path) == kind)


def _readable(paths: Iterable[Path]) -> Iterator[ProductFile]:
    for path in paths:
        with suppress(LRSExplorerError):  # said when it is chosen
            yield product_of(path)


def _described(product: ProductFile) -> str:
    """Return in a few words what an exposure of another observation is."""
    header = product.header
    target = str(header.get("TARGNAME") or header.get("TARGPROP") or "unnamed target")
    if header.get("BKGDTARG") is True:
        target += " (background target)"
    known = [target, f"observation {product.observation}" if product.observation else ""]
    offset = header.get("XOFFSET")
    if isinstance(offset, (int, float)):
        known.append(f"dither {offset:+.2f}″".replace("-", "−"))
    return ", ".join(filter(None, [*known, str(header.get("DATE-OBS") or "")]))


def _called(name: str, kind: str) -> list[str]:
    """Return what the file of a name may be called, the likeliest first."""
    plain = name.removesuffix(".gz")
    if plain.endswith(".fits"):
        return [plain, f"{plain}.gz"]
    folder, stem = os.path.split(plain)
    root = root_of(Path(stem)) if suffix_of(Path(stem)) in KINDS else stem
    roots = [root] if root.endswith("_mirimage") else [root, f"{root}_mirimage"]
    return [os.path.join(folder, f"{one}_{kind}.fits{end}") for one in roots for end in ("", ".gz")]


def _in(folders: Iterable[Path], called: list[str]) -> list[Path]:
    """Return the files of these names in folders, and in that of their exposure in a download."""
    found = []
    for folder in folders:
        places = [folder, folder.parent / root_of(Path(called[0]))]
        paths = [place / name for place in places for name in called]
        found += [path for path in paths if path.is_file()][:1]
    return found
