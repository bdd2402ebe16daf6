"""Opening observations: which files belong together, whatever the user points at."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, Mode
from lrs_explorer.model.files.crds_cache import checked_cache
from lrs_explorer.model.files.image_file import hdrtab_members
from lrs_explorer.model.files.recognition import ProductFile, are_series, root_of
from lrs_explorer.model.observation.associations import (
    Association,
    find_associations,
    read_association,
)
from lrs_explorer.model.observation.exposures import apart, exposure_notes, exposures_of
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.reductions import Reduction, reductions
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.observation.siblings import (
    Listing,
    entries,
    folders_of,
    group,
    key_of,
    list_products,
    named_key,
    product_of,
)

__all__ = ["Found", "Observation", "demo", "list_observations", "open_observation"]

PathLike = str | os.PathLike[str]

DEPTH: Final = 3
"""Levels of folders that are looked into: MAST's are mastDownload/JWST/<exposure>."""

TIME_LIMIT: Final = 10.0
"""Seconds for which folders are looked through."""


def open_observation(
    path: PathLike | Iterable[PathLike], *, crds: PathLike | None = None, join: bool = False
) -> Observation:
    """Open an LRS observation: any of its products, a folder, an association, or several paths.

    Products of the same observation in the same folder are found too, by their headers. Of time
    series of several exposures one is opened, and notes name the others, unless they are joined.

    Parameters
    ----------
    path : path or iterable of paths
    crds : path, optional
        CRDS cache to take all reference files from, as it is and without a server. A cache beside
        the data is never used unasked: who wrote it decides what the pipeline does.
    join : bool, optional
        Open time series of all exposures and visits as one, with gaps in time, also of several
        observations of one target that are named, or lie in the folder. So does a level 3
        association.

    Raises
    ------
    LRSExplorerError
        Nothing there is MIRI LRS, files are of more than one observation, or cannot be read; files
        of several exposures of a time series were named without ``join``; or ``crds`` is no CRDS
        cache.
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
    observation = _open(paths, join)
    observation.crds = cache
    return observation


def _path(path: PathLike) -> Path:
    """Return ``path`` as a `Path`, with ``~`` for the home folder."""
    return Path(os.path.expanduser(path))


def _open(paths: Sequence[Path], join: bool) -> Observation:
    """Open what lies at ``paths``, with the siblings of each."""
    seeds: list[ProductFile] = []
    asked: list[Association] = []
    for path in paths:
        if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
            found = _only_observation(path, join)
            if len(paths) == 1:
                return found
            seeds += found.files
        elif path.suffix.lower() == ".json":
            association = read_association(path)
            asked.append(association)
            seeds += _recognised(association)
        else:
            seeds.append(product_of(path))
    all_of = _Gathered(seeds, asked, join)
    apart = {key_of(seed) for seed in seeds} - all_of.joined
    if len(apart) + bool(all_of.joined) > 1 and not (join and are_series(seeds)):
        raise LRSExplorerError(
            "the files belong to different observations ("
            + ", ".join(f"{seed.path.name}" for seed in _first_of_each(seeds))
            + "); open one observation at a time."
        )
    preferred = [seed.path for seed in seeds]
    chosen, *others = reductions(all_of.products.values(), preferred, joined=bool(all_of.joined))
    if all(product.mode is None for product in chosen.products):
        raise LRSExplorerError(
            f"{seeds[0].path.name} is a target acquisition image "
            f"(EXP_TYPE {seeds[0].header['EXP_TYPE']}) and no LRS product of its observation lies "
            "beside it; download the LRS products too."
        )
    level_3 = any(association.level == 3 for association in asked)
    opened = next((p for p in chosen.products if level_3 and p.combined), seeds[0])
    join = join or level_3
    if not join:
        _check_one_exposure(seeds, chosen, opened)
    chosen, said = _series_of(chosen, opened, join)
    associations = all_of.associations.values()
    found = _observation(chosen, associations, opened, [*all_of.notes, *said], others)
    found.notes += tuple(note for one in asked if one.level != 3 for note in found.set_aside(one))
    return found


def _check_one_exposure(
    seeds: Sequence[ProductFile], chosen: Reduction, opened: ProductFile
) -> None:
    """Check that files that were named are not of several time series.

    Raises
    ------
    LRSExplorerError
        They are.
    """
    named = exposures_of(seeds)
    if len(named) > 1 and are_series(chosen.products, opened):
        listed = " and ".join(own[0].path.name for own in named.values())
        raise LRSExplorerError(
            f"{listed} are time series of different exposures; open one of them, or ask for all as "
            "one series (join=True, --join)."
        )


class _Gathered:
    """What belongs to some products: their siblings, and what associations name, wherever it is.

    Parameters
    ----------
    seeds : list of ProductFile
        What the user named.
    asked : list of Association
        Those that the user named.
    join : bool
        Whether the seeds are asked for as one series.

    Attributes
    ----------
    products : dict of Path to ProductFile
    associations : dict of Path to Association
    joined : set of (str, str)
        Programs and observations that a combined product, or its association, joins.
    notes : list of str
    """

    def __init__(
        self, seeds: list[ProductFile], asked: list[Association], join: bool = False
    ) -> None:
        self.products = {seed.path: seed for seed in seeds}
        self.associations = {a.path.absolute(): a for a in asked}
        self.joined = {key_of(s) for s in seeds if s.mode} if _level_3(asked) else set()
        self.notes: list[str] = []
        self._keys = {key_of(seed) for seed in seeds}
        folders: dict[Path, None] = {}
        followed: set[Path] = set()
        while True:
            for folder in folders_of(self.products.values()):
                if folder not in folders:
                    folders[folder] = None
                    found = {a.path.absolute(): a for a in find_associations([folder])}
                    self.associations = found | self.associations
            further = [a for path, a in self.associations.items() if path not in followed]
            followed |= set(self.associations)
            if not further:
                break
            for association in further:
                self._follow(association, seeds)
        for seed in seeds:
            if seed.combined and not self.joined:
                members = map(named_key, map(Path, hdrtab_members(seed.path)))
                self._join(seed, {key for key in members if key is not None})
        listings = [list_products(folder, self._keys) for folder in folders]
        for listing in listings:
            self.products |= {p.path: p for p in listing.products if p.path not in self.products}
        self.notes += _notes(listings)
        self.notes += [note for association in asked for note in association.notes]
        self._tell_targets(asked, join)

    def _follow(self, association: Association, seeds: list[ProductFile]) -> None:
        """Take in what an association names, if it is about any product that is known."""
        if not association.names({root_of(path) for path in self.products}):
            return
        made = next((s for s in seeds if s.combined and association.makes(s.path)), None)
        for path, role in association.with_roles():
            try:
                product = product_of(path)
            except LRSExplorerError:  # said when it is needed
                continue
            if made is not None and role == "science":
                self._join(made, {key_of(product)})
            if key_of(product) in self._keys or role == "target_acquisition":
                self.products.setdefault(path, product)

    def _join(self, combined: ProductFile, keys: set[tuple[str, str]]) -> None:
        """Have the observations of a combined product's members belong to it."""
        self._keys |= keys
        if keys - {key_of(combined)}:
            self.joined |= keys | {key_of(combined)}

    def _tell_targets(self, asked: list[Association], join: bool) -> None:
        """Tell, or refuse where it is asked for, that targets are joined."""
        targets: dict[str, Path] = {}
        for product in self.products.values():
            name = str(product.header.get("TARGNAME") or product.header.get("TARGPROP") or "")
            if product.mode is not None and name:
                targets.setdefault(name, product.path)
        if len(targets) < 2:
            return
        listed = ", ".join(f"{name}: {path.name}" for name, path in targets.items())
        if join:
            raise LRSExplorerError(
                f"exposures of different targets are no one time series ({listed}); join those of "
                "one target."
            )
        if _level_3(asked):
            raise LRSExplorerError(
                f"{asked[0].path.name} joins exposures of different targets ({listed}); take "
                "those of other targets out of it, or open one observation by a file of it."
            )
        self.notes.append(f"exposures of different targets are joined here ({listed}).")


def _level_3(associations: Iterable[Association]) -> bool:
    return any(association.level == 3 for association in associations)


def _series_of(
    whole: Reduction, opened: ProductFile | None, join: bool
) -> tuple[Reduction, list[str]]:
    """Return which exposures are opened together, and what is to be said of the others.

    All that are no time series; of one, the exposure that was opened, or the first, or all.
    """
    if not are_series(whole.products, opened):
        return whole, []
    if join:
        joined = exposures_of(whole.products)
        note = f"{len(joined)} exposures are joined here to one time series."
        return whole, [note] if len(joined) > 1 else []
    parts = apart(whole)
    chosen = next((part for part in parts if opened in part.products), parts[0])
    return chosen, exposure_notes(chosen, parts)


def _observation(
    chosen: Reduction,
    associations: Iterable[Association],
    opened: ProductFile | None = None,
    notes: Sequence[str] = (),
    others: Sequence[Reduction] = (),
) -> Observation:
    """Return the observation of some products: a time series, or images.

    Of the associations those count that name any of its products, or what it was made of.
    """
    kind = SeriesObservation if are_series(chosen.products, opened) else Observation
    roots = {root_of(product.path) for product in chosen.products}
    own = [association for association in associations if association.names(roots)]
    return kind(chosen.products, opened, own, notes, chosen, others)


def _recognised(association: Association) -> list[ProductFile]:
    """Return the LRS products among the files of an association, but for those of its backgrounds.

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
            f"(first missing: {(first and first.name) or 'no members'}); download them."
        )
    products, reason = [], ""
    for path in named:
        try:
            products.append(product_of(path))
        except LRSExplorerError as error:
            reason = reason or str(error)
    if not products:
        raise LRSExplorerError(f"{association.path.name} names no MIRI LRS product: {reason}")
    roles = dict(association.with_roles())
    own = [p for p in products if roles[p.path] in ("product", "science")]
    return own or products


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


def _only_observation(folder: Path, join: bool = False) -> Observation:
    """Open the one observation that a folder holds."""
    deadline = time.monotonic() + TIME_LIMIT
    places = [folder]
    listing = list_products(folder, deadline=deadline)
    for _ in range(DEPTH):
        if group(listing.products):
            break
        places = list(_below(places, deadline))
        for place in places:
            listing.add(list_products(place, deadline=deadline))
    groups = group(listing.products)
    if not groups and not listing.complete:
        raise LRSExplorerError(
            f"{folder} holds too much to be searched for LRS products; give the folder that holds "
            "them."
        )
    if not groups:
        held = Counter(listing.others)  # and acquisition images, of which none has a spectrum
        held.update(str(product.header["EXP_TYPE"]) for product in listing.products)
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(held.items()))
        unreadable = f"{len(listing.unreadable)} unreadable" if listing.unreadable else ""
        told = ", ".join(part for part in (counts, unreadable) if part) or "no FITS files"
        raise LRSExplorerError(
            f"{folder} holds no MIRI LRS products ({told}); give the folder that holds them."
        )
    everything = [product for products in groups.values() for product in products]
    if len(groups) > 1 and not (join and are_series(everything)):
        found = [_observation(one, ()) for own in groups.values() for one in reductions(own)]
        listed = "; ".join(
            f"{', '.join(filter(None, (f'{o.name} ({o.target}, {o.date})', o.reduction)))}: "
            f"{o.representative.path}"
            for o in found
        )
        raise LRSExplorerError(
            f"{folder} holds {len(groups)} LRS observations; open one by a file of it. "
            f"They are {listed}."
        )
    # Others may lie in folders of their own, or where they are named.
    all_of = _Gathered(everything, [], join)
    chosen, *others = reductions(all_of.products.values())
    notes = [*_notes([listing]), *all_of.notes]
    associations = {a.path.absolute(): a for a in find_associations(places)} | all_of.associations
    chosen, said = _series_of(chosen, None, join)
    notes = list(dict.fromkeys([*notes, *said]))
    return _observation(chosen, associations.values(), None, notes, others)


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


def list_observations(
    folder: PathLike, time_limit: float = TIME_LIMIT, *, join: bool = False
) -> Found:
    """Return the LRS observations in a folder and its sub-folders, as deep as MAST's downloads.

    Folders of single exposures, as MAST makes them, are taken together. Only primary headers are
    read, about a millisecond for each file.

    Parameters
    ----------
    folder : path
    time_limit : float, optional
        Seconds after which what has been found so far is returned.
    join : bool, optional
        Take time series of several exposures as one; see `open_observation`.

    Raises
    ------
    LRSExplorerError
        The folder cannot be read.
    """
    top = _path(folder)
    deadline = time.monotonic() + time_limit
    found = Found([], [], True)
    together: dict[object, list[ProductFile]] = {}
    associations: list[Association] = []
    for place in _tree(top, deadline):
        try:
            listing = list_products(place, deadline=deadline)
        except LRSExplorerError as error:
            found.unreadable.append(str(error))
            continue
        found.unreadable += listing.unreadable
        found.complete &= listing.complete
        for product in listing.products:
            key = key_of(product)
            # Without numbers, what has the same name elsewhere need not be of the same observation.
            together.setdefault(key if key[0] else (place, key), []).append(product)
        associations += find_associations([place])
    for products in together.values():
        if all(product.mode is None for product in products):
            continue
        made = reductions(products)
        for one in made:
            others = [other for other in made if other is not one]
            parts = apart(one) if are_series(one.products) and not join else [one]
            for part in parts:
                notes = exposure_notes(part, parts)
                found.append(_observation(part, associations, None, notes, others))
    found.complete &= time.monotonic() <= deadline
    return found


def _tree(top: Path, deadline: float) -> Iterator[Path]:
    """Yield a folder and those within, `DEPTH` levels down at most, while there is time."""
    level = [top]
    for _ in range(DEPTH + 1):
        yield from level
        level = list(_below(level, deadline))


def _below(folders: Iterable[Path], deadline: float) -> Iterator[Path]:
    """Yield the folders in some folders, but for hidden ones, while there is time."""
    for folder in folders:
        if time.monotonic() > deadline:
            return
        with suppress(LRSExplorerError):  # said when products are looked for in it
            yield from (p for p in entries(folder) if p.is_dir() and not p.name.startswith("."))


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
