"""Which observations a folder holds: one answer for lists, pages, commands and Python."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.disk import PathLike, located
from lrs_explorer.model.files.recognition import ProductFile, are_series, root_of
from lrs_explorer.model.observation.associations import Association
from lrs_explorer.model.observation.exposures import apart, exposure_notes, exposures_of
from lrs_explorer.model.observation.folders import TIME_LIMIT, Folders
from lrs_explorer.model.observation.gathering import Gathered
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.reductions import Reduction, is_of_several, reductions
from lrs_explorer.model.observation.series import SeriesObservation
from lrs_explorer.model.observation.siblings import key_of

__all__ = [
    "Found",
    "SeveralObservationsError",
    "each_series",
    "list_observations",
    "observation_of",
    "only_observation",
]

MOST_NAMED: Final = 3
"""Files that one sentence names."""


class Found(list[Observation]):
    """What `list_observations` found: an entry for each reduction, and each series of its own.

    Attributes
    ----------
    folder : Path
        Where it was looked for.
    number : int
        Of observations, whatever reductions there are of each.
    unreadable : list of str
        Why files and folders could not be read, a sentence each.
    stopped : list of str
        Why not all of it was looked at, a sentence each.
    """

    def __init__(
        self,
        observations: Iterable[Observation],
        folder: Path,
        number: int,
        unreadable: list[str],
        stopped: list[str],
    ) -> None:
        super().__init__(observations)
        self.folder = folder
        self.number = number
        self.unreadable = unreadable
        self.stopped = stopped

    @property
    def complete(self) -> bool:
        """Whether all that there is was looked at."""
        return not self.stopped

    @property
    def counted(self) -> str:
        """How many there are, in words."""
        told = f"{self.number} LRS observation{'s' if self.number != 1 else ''}"
        if self.number == len(self):
            return told
        kinds = "reductions or exposures" if any(one.is_series for one in self) else "reductions"
        return f"{told} in {len(self)} {kinds}"


class SeveralObservationsError(LRSExplorerError):
    """Where one observation was asked for there are several.

    Attributes
    ----------
    found : Found
    """

    def __init__(self, found: Found) -> None:
        folder, here = found.folder, _working_folder()
        below = here is not None and folder.is_relative_to(here)
        start = here if below else folder
        named = os.path.relpath(folder, here) if below and folder != here else str(folder)
        files = [os.path.relpath(one.representative.path, start) for one in found[:MOST_NAMED]]
        more = len(found) - len(files)
        others = f" and {more} more (lrs-explorer inspect lists them)" if more else ""
        super().__init__(f"{named} holds {found.counted}; name one of: {', '.join(files)}{others}.")
        self.found = found


def _working_folder() -> Path | None:
    try:
        return Path.cwd()
    except OSError:  # it is gone
        return None


def list_observations(
    folder: PathLike, time_limit: float = TIME_LIMIT, *, join: bool = False
) -> Found:
    """Return the LRS observations in a folder and its sub-folders.

    Folders of single exposures, as MAST makes them, are taken together, with those of the same
    observation beside ``folder``. Only primary headers are read, about a millisecond for each file.

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
    return _Search(located(folder), time_limit).found(join)


def only_observation(folder: PathLike, join: bool = False) -> Observation:
    """Return the one observation that a folder holds; of its reductions the first that is listed.

    Parameters
    ----------
    folder : path
    join : bool, optional
        Take time series as one, also those of several observations.

    Raises
    ------
    LRSExplorerError
        It holds none, or several (`SeveralObservationsError`), or cannot be read.
    """
    search = _Search(located(folder), TIME_LIMIT)
    search.check_not_empty(folder)
    everything = [product for products in search.groups for product in products]
    if len(search.groups) > 1:
        if not (join and are_series(everything)):
            raise SeveralObservationsError(search.found(join))
        search.groups = [everything]
    observation = search.found(join)[0]
    observation.notes = (*search.notes(observation), *observation.notes)
    return observation


class _Search:
    """The products in a folder and below it, by observation.

    Parameters
    ----------
    top : Path
    time_limit : float
        Seconds.

    Attributes
    ----------
    groups : list of list of ProductFile
        Each of one observation.
    """

    def __init__(self, top: Path, time_limit: float) -> None:
        self._top = top
        self._folders = Folders(time_limit)
        self._others: dict[str, int] = {}
        self._unreadable: dict[str, Path] = {}
        self._associations: list[Association] = []
        together: dict[object, list[ProductFile]] = {}
        for place, listing in self._folders.walk(top):
            self._unreadable |= dict.fromkeys(listing.unreadable, place)
            for kind, count in listing.others.items():
                self._others[kind] = self._others.get(kind, 0) + count
            for product in listing.products:
                key = key_of(product)
                # Without numbers, what has the same name elsewhere need not be of the same one.
                together.setdefault(key if key[0] else (place, key), []).append(product)
            self._associations += self._folders.associations(place)
        groups = list(map(_without_links, together.values()))
        self.groups = [own for own in groups if any(p.mode is not None for p in own)]
        if not self.groups:  # acquisition images alone, of which none has a spectrum
            for product in (product for own in groups for product in own):
                kind = str(product.header["EXP_TYPE"])
                self._others[kind] = self._others.get(kind, 0) + 1

    def check_not_empty(self, named: PathLike) -> None:
        """Check that there is any observation.

        Raises
        ------
        LRSExplorerError
            There is none; the message says what there is instead.
        """
        if self.groups:
            return
        if self._folders.out_of_time:
            raise LRSExplorerError(
                f"{named} holds too much to be searched for LRS products; give the folder that "
                "holds them."
            )
        counts = ", ".join(f"{number} {kind}" for kind, number in sorted(self._others.items()))
        unreadable = f"{len(self._unreadable)} unreadable" if self._unreadable else ""
        held = ", ".join(part for part in (counts, unreadable) if part) or "no FITS files"
        where = "" if not self._folders.stopped else f" down to {self._folders.levels} levels"
        raise LRSExplorerError(
            f"{named} holds no MIRI LRS products{where} ({held}); give the folder that holds them."
        )

    def found(self, join: bool) -> Found:
        """Return the observations."""
        return Found(
            [one for products in self.groups for one in self._observations(products, join)],
            self._top,
            len(self.groups),
            list(self._unreadable),
            self._folders.stopped,
        )

    def notes(self, observation: Observation) -> list[str]:
        """Return what is to be said where one observation is opened, and others are not listed."""
        own = {file.path.parent for file in observation.files} | {self._top}
        near = [why for why, place in self._unreadable.items() if place in own]
        far = len(self._unreadable) - len(near)
        other = [f"{far} more in folders below {self._top} cannot be read."] if far else []
        return [*near, *other, *self._folders.stopped]

    def _observations(self, products: list[ProductFile], join: bool) -> list[Observation]:
        """Return an observation for each reduction of one, and each series that is not joined.

        Others of its files may lie in folders of their own beside this one, or where they are
        named. What lies in the folder itself comes before what is below it.
        """
        gathered = self._gathered(products, join)
        made = reductions(gathered.products.values(), joined=bool(gathered.joined))
        made.sort(key=lambda one: all(p.path.parent != self._top for p in one.calibrated))
        found = []
        for one in made:
            others = [other for other in made if other is not one]
            whole, source, opened = one, gathered, None
            if is_of_several(one.products) and not gathered.joined:  # as its file opens it
                source, opened = self._gathered(one.calibrated, join), one.representative
                given = [product.path for product in one.calibrated]
                joined = reductions(source.products.values(), given, joined=bool(source.joined))
                whole = dataclasses.replace(joined[0], label=one.label)
            known = source.associations.values()
            found += [
                observation_of(part, known, opened, [*source.notes, *said], others)
                for part, said in each_series(whole, join, opened)
            ]
        return found

    def _gathered(self, products: Sequence[ProductFile], join: bool) -> Gathered:
        # A combination of several observations among exposures of one joins nothing to these.
        alone = all(product.combined for product in products if product.mode is not None)
        return Gathered(products, (), join, self._folders, self._associations, alone)


def _without_links(products: list[ProductFile]) -> list[ProductFile]:
    """Return products without links to others of them."""
    files = {product.path for product in products if not product.path.is_symlink()}
    return [p for p in products if p.path in files or Path(os.path.realpath(p.path)) not in files]


def each_series(
    whole: Reduction, join: bool, opened: ProductFile | None = None
) -> list[tuple[Reduction, list[str]]]:
    """Return which exposures are opened together, and what is to be said of the others.

    All that are no time series; of those each by itself, or all as one.
    """
    if not are_series(whole.products, opened):
        return [(whole, [])]
    if join:
        joined = len(exposures_of(whole.products))
        note = f"{joined} exposures are joined here to one time series."
        return [(whole, [note] if joined > 1 else [])]
    parts = apart(whole)
    return [(part, exposure_notes(part, parts)) for part in parts]


def observation_of(
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
