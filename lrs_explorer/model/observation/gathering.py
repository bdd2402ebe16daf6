"""What belongs to some products: their siblings, and what associations name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.files.image_file import hdrtab_members
from lrs_explorer.model.files.recognition import ProductFile, root_of
from lrs_explorer.model.observation.associations import Association
from lrs_explorer.model.observation.folders import Folders
from lrs_explorer.model.observation.siblings import Listing, key_of, named_key

__all__ = ["Gathered", "level_3"]


class Gathered:
    """What belongs to some products: their siblings, and what associations name, wherever it is.

    Parameters
    ----------
    seeds : list of ProductFile
        What the user named.
    asked : list of Association
        Those that the user named.
    join : bool
        Whether the seeds are asked for as one series.
    folders : Folders, optional
        What is known already.
    near : sequence of Association
        Others that may name the seeds, wherever they lie.
    follow_combined : bool
        Whether all observations that a combined product joins are asked for.

    Attributes
    ----------
    products : dict of Path to ProductFile
    associations : dict of Path to Association
    joined : set of (str, str)
        Programs and observations that a combined product, or its association, joins.
    notes : list of str
    unread : list of str
        What of their folders could not be looked at, a sentence each.
    """

    def __init__(
        self,
        seeds: Sequence[ProductFile],
        asked: Sequence[Association] = (),
        join: bool = False,
        folders: Folders | None = None,
        near: Sequence[Association] = (),
        follow_combined: bool = True,
    ) -> None:
        self._known = folders or Folders()
        self.products = {seed.path: seed for seed in seeds}
        self.associations = {a.path: a for a in (*near, *asked)}
        self.joined = {key_of(s) for s in seeds if s.mode} if level_3(asked) else set()
        self.notes: list[str] = []
        self._keys = {key_of(seed) for seed in seeds}
        self._roots = set(map(root_of, self.products))
        combined = [seed for seed in seeds if seed.combined and follow_combined]
        places: dict[Path, None] = {}
        followed: set[Path] = set()
        while True:
            for folder in self._known.of(self.products.values()):
                if folder not in places:
                    places[folder] = None
                    found = {a.path: a for a in self._known.associations(folder)}
                    self.associations = found | self.associations
            further = [a for path, a in self.associations.items() if path not in followed]
            followed |= set(self.associations)
            if not further:
                break
            for association in further:
                self._follow(association, combined)
        for seed in combined:
            if not self.joined:
                members = map(named_key, map(Path, hdrtab_members(seed.path)))
                self._join(seed, {key for key in members if key is not None})
        listings = [self._known.products(place, self._keys) for place in places]
        for listing in listings:
            self.products |= {p.path: p for p in listing.products if p.path not in self.products}
        self.unread = list(unread(listings))
        self.notes += [note for association in asked for note in association.notes]
        self._tell_targets(asked, join)

    def _follow(self, association: Association, combined: Sequence[ProductFile]) -> None:
        """Take in what an association names, if it is about any product that is known."""
        if not association.names(self._roots):
            return
        made = next((s for s in combined if association.makes(s.path)), None)
        for path, role in association.with_roles():
            try:
                product = self._known.product(path)
            except LRSExplorerError:  # said when it is needed
                continue
            if made is not None and role == "science":
                self._join(made, {key_of(product)})
            if key_of(product) in self._keys or role == "target_acquisition":
                self.products.setdefault(path, product)
                self._roots.add(root_of(path))

    def _join(self, combined: ProductFile, keys: set[tuple[str, str]]) -> None:
        """Have the observations of a combined product's members belong to it."""
        self._keys |= keys
        if keys - {key_of(combined)}:
            self.joined |= keys | {key_of(combined)}

    def _tell_targets(self, asked: Sequence[Association], join: bool) -> None:
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
        if level_3(asked):
            raise LRSExplorerError(
                f"{asked[0].path.name} joins exposures of different targets ({listed}); take "
                "those of other targets out of it, or open one observation by a file of it."
            )
        self.notes.append(f"exposures of different targets are joined here ({listed}).")


def level_3(associations: Iterable[Association]) -> bool:
    """Tell whether any of some associations is of level 3."""
    return any(association.level == 3 for association in associations)


def unread(listings: Iterable[Listing]) -> Iterator[str]:
    """Say what of some folders could not be looked at."""
    for listing in listings:
        yield from listing.unreadable
        if not listing.complete:
            yield "the folder holds too many files; not all were looked at."
