"""Folders, each looked at once: what lies in them, below them, and beside them in a download."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Final

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.recognition import ProductFile
from lrs_explorer.model.observation.associations import (
    Association,
    FilesAtHand,
    find_associations,
)
from lrs_explorer.model.observation.siblings import (
    Listing,
    ObservationKey,
    entries,
    key_of,
    list_products,
    named_key,
    product_of,
)

__all__ = ["DEPTH", "TIME_LIMIT", "Folders"]

DEPTH: Final = 8
"""Levels of folders that are looked into; a download from MAST alone has three."""

TIME_LIMIT: Final = 10.0
"""Seconds for which folders are looked through."""


class Folders:
    """What is known of folders: nothing is read twice.

    Parameters
    ----------
    time_limit : float
        Seconds after which `walk` stops.

    Attributes
    ----------
    stopped : list of str
        Why `walk` has not looked at all that there is, a sentence each.
    out_of_time : bool
        Whether that is for want of time.
    levels : int
        How deep it goes.
    """

    def __init__(self, time_limit: float = TIME_LIMIT) -> None:
        self.stopped: list[str] = []
        self.out_of_time = False
        self.levels = DEPTH
        self._limit = time_limit
        self._deadline = time.monotonic() + time_limit
        self._listings: dict[Path, Listing] = {}
        self._products: dict[Path, ProductFile] = {}
        self._associations: dict[Path, list[Association]] = {}
        self._named: dict[Path, dict[ObservationKey, list[Path]]] = {}
        self._at_hand = FilesAtHand()

    def walk(self, top: Path) -> Iterator[tuple[Path, Listing]]:
        """Yield a folder and those below it, the nearest first, each with what it holds.

        Hidden ones are left out. One that cannot be read holds a sentence that says so.

        Raises
        ------
        LRSExplorerError
            ``top`` cannot be read.
        """
        entries(top)
        seen, level = {os.path.realpath(top)}, [top]
        for depth in range(self.levels + 1):
            below: list[Path] = []
            for folder in level:
                if time.monotonic() > self._deadline:
                    self._stop_for_time(top)
                    return
                try:
                    listing = list_products(folder, deadline=self._deadline)
                    below += _within(folder, seen)
                except LRSExplorerError as error:
                    listing = Listing(unreadable=[str(error)])
                if not listing.complete and time.monotonic() > self._deadline:
                    self._stop_for_time(top)
                elif not listing.complete:
                    self.stopped.append(f"{folder} holds too many files; not all were looked at.")
                self._listings[folder] = listing
                self._products |= {product.path: product for product in listing.products}
                yield folder, listing
            if below and depth == self.levels:
                self.stopped.append(
                    f"{top} was looked through down to {self.levels} levels of folders."
                )
            level = below

    def _stop_for_time(self, top: Path) -> None:
        if not self.out_of_time:
            self.stopped.append(
                f"not all of {top} was looked at within {self._limit:g} s; name a folder in it."
            )
        self.out_of_time = True

    def products(self, folder: Path, keys: Collection[ObservationKey]) -> Listing:
        """Return what a folder holds of some programs and observations.

        Raises
        ------
        LRSExplorerError
            It cannot be read.
        """
        known = self._listings.get(folder)
        if known is None:
            return list_products(folder, keys)
        own = [product for product in known.products if key_of(product) in keys]
        return Listing(own, known.others, known.unreadable, known.complete)

    def product(self, path: Path) -> ProductFile:
        """Return what the file at ``path`` is.

        Raises
        ------
        LRSExplorerError
            It cannot be read or is no MIRI LRS product.
        """
        return self._products.get(path) or product_of(path)

    def associations(self, folder: Path) -> list[Association]:
        """Return the associations in a folder."""
        if folder not in self._associations:
            self._associations[folder] = find_associations([folder], self._at_hand)
        return self._associations[folder]

    def of(self, products: Iterable[ProductFile]) -> list[Path]:
        """Return the folders that may hold products of the same observation.

        Beside a product's own folder those are its neighbours in a download from MAST, which makes
        a folder for each exposure, named like its files.
        """
        folders: dict[Path, None] = {}
        for product in products:
            own, key = product.path.parent, key_of(product)
            if own not in folders:
                folders[own] = None
                if named_key(own) == key:
                    folders |= dict.fromkeys(self._neighbours(own.parent).get(key, ()))
        return list(folders)

    def _neighbours(self, parent: Path) -> dict[ObservationKey, list[Path]]:
        """Return the folders in one that are named like products, by what they may hold."""
        if parent not in self._named:
            found: dict[ObservationKey, list[Path]] = {}
            for path in entries(parent):
                key = named_key(path)
                if key is not None and path.is_dir():
                    found.setdefault(key, []).append(path)
            self._named[parent] = found
        return self._named[parent]


def _within(folder: Path, seen: set[str]) -> Iterator[Path]:
    """Yield the folders in one, by their real place, that are neither hidden nor seen before."""
    with os.scandir(folder) as found:
        names = sorted(e.name for e in found if not e.name.startswith(".") and e.is_dir())
    for name in names:
        real = os.path.realpath(folder / name)
        if real not in seen:
            seen.add(real)
            yield Path(real)
