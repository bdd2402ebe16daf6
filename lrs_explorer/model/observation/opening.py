"""Opening observations: which files belong together, whatever the user points at."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, Mode
from lrs_explorer.model.files.crds_cache import checked_cache
from lrs_explorer.model.files.recognition import ProductFile, are_series, root_of
from lrs_explorer.model.observation.associations import (
    Association,
    find_associations,
    read_association,
)
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.observation.siblings import (
    Listing,
    choose,
    entries,
    folders_of,
    group,
    is_named,
    key_of,
    list_products,
    product_of,
)

__all__ = ["Found", "Observation", "demo", "list_observations", "open_observation"]

PathLike = str | os.PathLike[str]

DEPTH: Final = 3
"""Levels of folders that are looked into: MAST's are mastDownload/JWST/<exposure>."""


def open_observation(
    path: PathLike | Iterable[PathLike], *, crds: PathLike | None = None
) -> Observation:
    """Open an LRS observation: any of its products, a folder, an association, or several paths.

    Products of the same observation in the same folder are found too, by their headers.

    Parameters
    ----------
    path : path or iterable of paths
    crds : path, optional
        CRDS cache to take all reference files from, as it is and without a server. A cache beside
        the data is never used unasked: who wrote it decides what the pipeline does.

    Raises
    ------
    LRSExplorerError
        Nothing there is MIRI LRS, files are of more than one observation, or cannot be read; or
        ``crds`` is no CRDS cache.
    """
    if isinstance(path, (str, os.PathLike)):
        paths = [_path(path)]
    else:
        try:
            paths = [_path(p) for p in path]
        except TypeError:
            raise LRSExplorerError(f"{path!r} is neither a path nor several paths.") from None
    if not paths:
        raise LRSExplorerError("no file was given; give an LRS product or a folder.")
    cache = None if crds is None else checked_cache(crds)
    observation = _open(paths)
    observation.crds = cache
    return observation


def _path(path: PathLike) -> Path:
    """Return ``path`` as a `Path`, with ``~`` for the home folder."""
    return Path(os.path.expanduser(path))


def _open(paths: Sequence[Path]) -> Observation:
    """Open what lies at ``paths``, with the siblings of each."""
    seeds: list[ProductFile] = []
    asked: list[Association] = []
    for path in paths:
        if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
            found = _only_observation(path)
            if len(paths) == 1:
                return found
            seeds += found.files
        elif path.suffix.lower() == ".json":
            association = read_association(path)
            asked.append(association)
            products = _recognised(association)
            # Members of other observations (a background) are the pipeline's affair.
            seeds += [p for p in products if key_of(p) == key_of(products[0])]
        else:
            seeds.append(product_of(path))
    keys = dict.fromkeys(key_of(seed) for seed in seeds)
    if len(keys) > 1:
        raise LRSExplorerError(
            "the files belong to different observations ("
            + ", ".join(f"{seed.path.name}" for seed in _first_of_each(seeds))
            + "); open one observation at a time."
        )
    listings = [list_products(folder, next(iter(keys))) for folder in folders_of(seeds)]
    products = [*seeds, *(p for listing in listings for p in listing.products)]
    chosen = choose({p.path: p for p in products}.values(), [seed.path for seed in seeds])
    if all(product.mode is None for product in chosen):
        raise LRSExplorerError(
            f"{seeds[0].path.name} is a target acquisition image "
            f"(EXP_TYPE {seeds[0].header['EXP_TYPE']}) and no LRS product of its observation lies "
            "beside it; download the LRS products too."
        )
    level_3 = any(association.level == 3 for association in asked)
    opened = next((p for p in chosen if level_3 and p.combined), seeds[0])
    known = {a.path.absolute(): a for a in (*asked, *find_associations(folders_of(seeds)))}
    notes = [*_notes(listings), *(note for a in asked if (note := a.missing))]
    return _observation(chosen, known.values(), opened, notes)


def _observation(
    products: Sequence[ProductFile],
    associations: Iterable[Association],
    opened: ProductFile | None = None,
    notes: Sequence[str] = (),
) -> Observation:
    """Return the observation of some products: a time series, or images.

    Of the associations those count that name any of its products, or what it was made of.
    """
    kind = SeriesObservation if are_series(products, opened) else Observation
    roots = {root_of(product.path) for product in products}
    own = [association for association in associations if association.names(roots)]
    return kind(products, opened, own, notes)


def _recognised(association: Association) -> list[ProductFile]:
    """Return the LRS products among the files of an association.

    Raises
    ------
    LRSExplorerError
        None of its files is at hand, or none is MIRI LRS.
    """
    named = association.files()
    if not named:
        first = next(iter(association.members), None)
        raise LRSExplorerError(
            f"none of the files that {association.path.name} names is at hand, neither where it "
            f"says nor in {association.path.parent} "
            f"(first missing: {first.name if first else 'no members'}); download them."
        )
    products, reason = [], ""
    for path in named:
        try:
            products.append(product_of(path))
        except LRSExplorerError as error:
            reason = reason or str(error)
    if not products:
        raise LRSExplorerError(f"{association.path.name} names no MIRI LRS product: {reason}")
    return products


def _first_of_each(products: Iterable[ProductFile]) -> list[ProductFile]:
    return list({key_of(p): p for p in reversed(list(products))}.values())[::-1]


def _notes(listings: Iterable[Listing]) -> list[str]:
    """Say what was left out of an observation."""
    notes = []
    for listing in listings:
        notes += listing.unreadable
        if not listing.complete:
            notes.append("the folder holds too many files; not all were looked at.")
    return notes


def _subfolders(folder: Path) -> list[Path]:
    return [p for p in entries(folder) if p.is_dir() and not p.name.startswith(".")]


def _only_observation(folder: Path) -> Observation:
    """Open the one observation that a folder holds."""
    places = [folder]
    listing = list_products(folder)
    for _ in range(DEPTH):
        if group(listing.products):
            break
        places = [within for place in places for within in _subfolders(place)]
        for place in places:
            listing.add(list_products(place))
    groups = group(listing.products)
    if len(groups) == 1:  # its other exposures may lie in folders of their own
        (key,) = groups
        beside = [p for p in folders_of(groups[key]) if p.absolute() not in _absolute(places)]
        for place in beside:
            listing.add(list_products(place, key))
        places += beside
        groups = group(listing.products)
    if not groups:
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(listing.others.items()))
        unreadable = f"{len(listing.unreadable)} unreadable" if listing.unreadable else ""
        held = ", ".join(part for part in (counts, unreadable) if part) or "no FITS files"
        raise LRSExplorerError(
            f"{folder} holds no MIRI LRS products ({held}); give the folder that holds them."
        )
    associations = find_associations(places)
    observations = [
        _observation(choose(found), associations, None, _notes([listing]))
        for found in groups.values()
    ]
    if len(observations) > 1:
        listed = "; ".join(
            f"{o.name} ({o.target}, {o.date}): {o.files[0].path}" for o in observations
        )
        raise LRSExplorerError(
            f"{folder} holds {len(observations)} LRS observations; open one by a file of it. "
            f"They are {listed}."
        )
    return observations[0]


def _absolute(folders: Iterable[Path]) -> set[Path]:
    return {folder.absolute() for folder in folders}


class Found(list[Observation]):
    """Observations that `list_observations` found.

    Attributes
    ----------
    unreadable : list of str
        Why files could not be read, a sentence each.
    complete : bool
        False when there was too much to look at all of it.
    """

    def __init__(
        self, observations: Iterable[Observation], unreadable: list[str], complete: bool
    ) -> None:
        super().__init__(observations)
        self.unreadable = unreadable
        self.complete = complete


def list_observations(folder: PathLike, time_limit: float = 10.0) -> Found:
    """Return the LRS observations in a folder and its sub-folders, as deep as MAST's downloads.

    Folders of single exposures, as MAST makes them, are taken together. Only primary headers are
    read, about a millisecond for each file.

    Parameters
    ----------
    folder : path
    time_limit : float, optional
        Seconds after which what has been found so far is returned.

    Raises
    ------
    LRSExplorerError
        The folder cannot be read.
    """
    top = _path(folder)
    deadline = time.monotonic() + time_limit
    found = Found([], [], True)
    together: dict[Path, list[ProductFile]] = {}
    places: dict[Path, list[Path]] = {}
    for place in _tree(top, deadline):
        try:
            listing = list_products(place, deadline=deadline)
        except LRSExplorerError as error:
            found.unreadable.append(str(error))
            continue
        found.unreadable += listing.unreadable
        found.complete &= listing.complete
        whole = place.parent if is_named(place) and place != top else place
        together.setdefault(whole, []).extend(listing.products)
        places.setdefault(whole, []).append(place)
    for whole, products in together.items():
        associations = find_associations(places[whole]) if products else []
        found += [_observation(choose(own), associations) for own in group(products).values()]
    found.complete &= time.monotonic() <= deadline
    return found


def _tree(top: Path, deadline: float) -> Iterator[Path]:
    """Yield a folder and those within, `DEPTH` levels down at most, while there is time."""
    level = [top]
    for depth in range(DEPTH + 1):
        yield from level
        if depth == DEPTH or time.monotonic() > deadline:
            return
        below = []
        for folder in level:
            try:
                below += _subfolders(folder)
            except LRSExplorerError:  # said when its products were looked for
                continue
        level = below


def demo(name: Mode = "slit") -> Observation:
    """Open a simulated observation that comes with LRS Explorer.

    Parameters
    ----------
    name : {"slit", "slitless"}
        The observing mode.

    Raises
    ------
    LRSExplorerError
        There is no such demo.
    """
    if name not in EXP_TYPES:
        known = " and ".join(f'"{mode}"' for mode in EXP_TYPES)
        raise LRSExplorerError(f"there is no demo {name!r}; there are {known}.")
    folder = Path(str(files("lrs_explorer"))) / "data" / f"demo_{name}"
    if not folder.is_dir():
        raise LRSExplorerError(
            f"the demo's files are missing from {folder}; install LRS Explorer again."
        )
    return _only_observation(folder)
