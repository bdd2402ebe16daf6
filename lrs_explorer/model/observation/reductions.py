"""Which products of an observation were made together: its reductions."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product as product_of_sets
from pathlib import Path
from typing import Any, Final

from lrs_explorer.model.files.recognition import (
    CALIBRATED_INTEGRATIONS,
    CALIBRATED_SUMS,
    Exposure,
    ProductFile,
    root_of,
    suffix_of,
    tag_of,
)
from lrs_explorer.model.observation.siblings import is_named, named_kind

__all__ = ["Reduction", "is_of_several", "reductions", "version_of"]

Slot = tuple[str, str | None, Exposure]
"""Kind, mode and exposure: of each, a reduction has one product."""

CALIBRATED: Final = frozenset((*CALIBRATED_INTEGRATIONS, *CALIBRATED_SUMS))
"""Kinds of products in which reductions differ; what they are made of may be common to all."""

IMAGES: Final = ("cal", "s2d", "calints", "crfints")


def version_of(product: ProductFile) -> tuple[str, str]:
    """Return the pipeline's version and CRDS context that a product names, "" for none."""
    version, context = (str(product.header.get(card) or "") for card in ("CAL_VER", "CRDS_CTX"))
    return version, context


def _slot(product: ProductFile) -> Slot:
    return product.kind, product.mode, product.exposure


def _folder(product: ProductFile) -> Path:
    """Return the folder of a product; of a download from MAST, the one that holds all exposures."""
    own = product.path.absolute().parent
    return own.parent if is_named(own) else own


@dataclass
class Reduction:
    """Products that were made together, one for each kind and exposure.

    Parameters
    ----------
    products : list of ProductFile
        With what they may have been made of: ramps, rates, target acquisition images.
    label : str
        What tells it from others of the same observation: versions, a word in the names, the
        folder; "" for the only one.
    shared : list of ProductFile
        Those of the products that another reduction has as well, calibrated ones.
    name : str
        What its observation is called; "": by its program and number.
    """

    products: list[ProductFile] = field(default_factory=list)
    label: str = ""
    shared: list[ProductFile] = field(default_factory=list)
    name: str = ""

    @property
    def calibrated(self) -> list[ProductFile]:
        """The products in which reductions differ."""
        return [product for product in self.products if product.kind in CALIBRATED]

    @property
    def representative(self) -> ProductFile:
        """The product that opens this reduction, and no other."""
        own = [product for product in self.calibrated if product not in self.shared]
        known = own or self.products
        return min(
            known, key=lambda p: (p.mode is None, p.kind not in IMAGES, p.combined, p.exposure)
        )


def reductions(
    products: Iterable[ProductFile], preferred: Iterable[Path] = (), *, joined: bool = False
) -> list[Reduction]:
    """Return the reductions of one observation, first the one of a preferred file.

    Else the first is one with images, with the archive's names, the newest. Products that differ
    in version of the pipeline, CRDS context, folder or name belong together as long as no two of
    them are of the same kind and exposure, and those of one exposure agree in the versions.

    Parameters
    ----------
    products : iterable of ProductFile
        Of one observation.
    preferred : iterable of Path
        Files that the user named: they are taken whatever else there is.
    joined : bool
        Whether several observations are asked for together: else a combination of several (c1001)
        is none of the products of one.
    """
    everything = list({product.path: product for product in products}.values())
    given = set(preferred)
    rank = _Rank(given)
    named = [p for p in everything if p.kind in CALIBRATED and p.path in given]
    found = [Reduction(list(_best(named, rank)))] if named else []
    apart = [p for p in everything if p.kind in CALIBRATED and p not in named]
    for alike in _binned(apart, lambda p: (tag_of(p.path), _folder(p), version_of(p)), rank):
        together: list[Reduction] = []
        for content in _binned(alike, lambda p: root_of(p.path), rank):
            _add(together, list(_best(content, rank)), joined)
        found += together
    found = _merged(found, joined) or [Reduction()]
    for one in found:
        one.shared = _borrowed(one, found)
        one.products += one.shared
    common = [product for product in everything if product.kind not in CALIBRATED]
    for one in found:
        one.products += _made_of(one, common, rank)
    _label(found)
    return found


def _binned(
    products: Iterable[ProductFile], by: Callable[[ProductFile], Any], rank: _Rank
) -> list[list[ProductFile]]:
    """Return products sorted into bins, the bin that is to be preferred first."""
    bins: dict[Any, list[ProductFile]] = {}
    for product in products:
        bins.setdefault(by(product), []).append(product)
    return sorted(bins.values(), key=lambda own: max(map(rank.of_bin, own)), reverse=True)


def _add(found: list[Reduction], products: list[ProductFile], joined: bool) -> None:
    """Add products to the first reduction that they may belong to, or as one of their own."""
    home = next((one for one in found if _compatible(one, products, joined)), None)
    if home is None:
        found.append(Reduction(list(products)))
    else:
        home.products += products


def _merged(found: list[Reduction], joined: bool) -> list[Reduction]:
    """Return reductions with those made one that may be, the most alike before others."""
    found = list(found)
    while True:
        pairs = [
            (_likeness(one, other.products), -first, -second)
            for second, other in enumerate(found)
            for first, one in enumerate(found[:second])
            if _compatible(one, other.products, joined)
        ]
        if not pairs:
            return found
        _, first, second = max(pairs)
        found[-first].products += found.pop(-second).products


@dataclass(frozen=True)
class _Rank:
    """Says which of several products is to be taken.

    Parameters
    ----------
    given : set of Path
        Files that the user named.
    """

    given: Collection[Path]

    def __call__(self, product: ProductFile) -> tuple[Any, ...]:
        """Of one kind and exposure: of TA images the rate, later ones blank the slit's region."""
        header = product.header
        return (
            product.path in self.given,
            product.kind == "ta" and header.get("S_WCS") != "COMPLETE",  # jwst issue 8906
            suffix_of(product.path) == product.kind,
            product.kind == "ramp" and header.get("S_REFPIX") == "COMPLETE",
            named_kind(product.path) != "",
            str(header.get("DATE", "")),
            not product.path.name.lower().endswith(".gz"),
        )

    def of_bin(self, product: ProductFile) -> tuple[Any, ...]:
        """Of products of different reductions."""
        return (
            product.path in self.given,
            product.kind in IMAGES,
            not tag_of(product.path),
            # c: a combination of several observations, under the numbers of its first
            ("", "c", "o").index(named_kind(product.path)),
            str(product.header.get("DATE", "")),
        )


def _best(
    products: Iterable[ProductFile], rank: Callable[[ProductFile], tuple[Any, ...]]
) -> Iterator[ProductFile]:
    """Yield the best product of each slot."""
    best: dict[Slot, ProductFile] = {}
    for product in products:
        slot = _slot(product)
        if slot not in best or rank(product) > rank(best[slot]):
            best[slot] = product
    yield from best.values()


def _compatible(one: Reduction, products: list[ProductFile], joined: bool) -> bool:
    """Tell whether products may belong to a reduction."""
    if not joined and is_of_several(one.products) != is_of_several(products):
        return False
    slots = {_slot(product) for product in one.products}
    if slots.intersection(map(_slot, products)):
        return False
    versions = {product.exposure: version_of(product) for product in one.products}
    for product in products:
        known, own = versions.get(product.exposure, ("", "")), version_of(product)
        if any(a != b for a, b in zip(known, own, strict=True) if a and b):
            return False
    return True


def is_of_several(products: Iterable[ProductFile]) -> bool:
    """Tell whether products are a combination of several observations."""
    return any(product.combined and named_kind(product.path) == "c" for product in products)


def _likeness(one: Reduction, products: list[ProductFile]) -> tuple[int, ...]:
    """Return in what products are like those of a reduction, what tells most first."""

    def shared(what: Callable[[ProductFile], object]) -> bool:
        return not {what(p) for p in one.products}.isdisjoint(map(what, products))

    near = (
        len(Path(os.path.commonpath(pair)).parts)
        for pair in product_of_sets(set(map(_folder, one.products)), set(map(_folder, products)))
    )
    return shared(lambda p: tag_of(p.path)), max(near, default=0), shared(version_of)


def _borrowed(one: Reduction, others: list[Reduction]) -> list[ProductFile]:
    """Return exposures that a combined product may have been made of, where it has none itself."""
    if not one.products or any(not product.combined for product in one.products):
        return []
    if is_of_several(one.products):
        return []
    versions = {version_of(product) for product in one.products}
    for other in others:
        exposures = [product for product in other.calibrated if not product.combined]
        if exposures and {version_of(product) for product in exposures} == versions:
            return exposures
    return []


def _made_of(one: Reduction, products: Iterable[ProductFile], rank: _Rank) -> Iterator[ProductFile]:
    """Yield what a reduction was made of, as far as it can be told."""
    versions = {version_of(product) for product in one.products}
    folders = {_folder(product) for product in one.products}
    tags = {tag_of(product.path) for product in one.products} or {""}

    def closeness(product: ProductFile) -> tuple[Any, ...]:
        first, *others = rank(product)
        alike = tag_of(product.path) in tags, version_of(product) in versions
        return (first, *alike, _folder(product) in folders, *others)

    yield from _best(products, closeness)


def _label(found: list[Reduction]) -> None:
    """Say in what the reductions of an observation differ."""
    if len(found) < 2:
        return

    shared = os.path.commonpath([_folder(one.representative) for one in found])

    def told(one: Reduction) -> tuple[list[str], ...]:
        of = one.representative
        version, context = version_of(of)
        folder = os.path.relpath(_folder(of), shared)
        return (
            [f"jwst {version}"] if version else [],
            [context] if context else [],
            [tag_of(of.path)] if tag_of(of.path) else [],
            [f"folder {folder if folder != '.' else os.path.basename(shared)}"],
            [of.path.name],
        )

    words = [told(one) for one in found]
    # A name tells as much as folders and versions do, and is long: it stands for want of others.
    for number, one in enumerate(found):
        different: list[str] = []
        for place in range(len(words[number]) - 1):
            if any(other[place] != words[number][place] for other in words):
                different += words[number][place]
        alone = sum(other[:-1] == words[number][:-1] for other in words) == 1
        if alone and not different and named_kind(one.representative.path):
            different = ["as delivered"]  # beside others to whose names the user added something
        one.label = ", ".join(
            different if alone and different else [*different, *words[number][-1]]
        )
