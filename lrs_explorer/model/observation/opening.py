"""Opening observations: which files belong together, whatever the user points at."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, Mode
from lrs_explorer.model.files.crds_cache import checked_cache
from lrs_explorer.model.files.disk import PathLike, located
from lrs_explorer.model.files.recognition import ProductFile, are_series
from lrs_explorer.model.observation.associations import Association, read_association
from lrs_explorer.model.observation.exposures import exposures_of
from lrs_explorer.model.observation.gathering import Gathered
from lrs_explorer.model.observation.listing import (
    Found,
    SeveralObservationsError,
    each_series,
    list_observations,
    observation_of,
    only_observation,
)
from lrs_explorer.model.observation.observation import Observation
from lrs_explorer.model.observation.packages import Unpacked, is_package, unpacked
from lrs_explorer.model.observation.reductions import Reduction, reductions
from lrs_explorer.model.observation.siblings import is_named, key_of, list_products, product_of

__all__ = [
    "Found",
    "Observation",
    "SeveralObservationsError",
    "demo",
    "leads_to_package",
    "list_observations",
    "open_observation",
    "top_of",
]


def open_observation(
    path: PathLike | Iterable[PathLike],
    *,
    crds: PathLike | None = None,
    join: bool = False,
    data: PathLike | None = None,
) -> Observation:
    """Open an LRS observation: any of its products, a folder, an association, or several paths.

    Products of the same observation in the same folder are found too, by their headers. Of time
    series of several exposures one is opened, and notes name the others, unless they are joined.

    Of a package (`lrs.package`) the files that it was made of are opened, by their checksums, and
    `Observation.recipe` is that of the package; where they are not at hand, the spectrum in it
    alone, and a note says what is missing.

    Parameters
    ----------
    path : path or iterable of paths
        A FITS product (``.fits``, ``.fits.gz``), a folder, an association (JSON), or several of
        them.
    crds : path, optional
        CRDS cache to take all reference files from, as it is and without a server. A cache beside
        the data is never used unasked: who wrote it decides what the pipeline does.
    join : bool, optional
        Open time series of all exposures and visits as one, with gaps in time, also of several
        observations of one target that are named, or lie in the folder. So does a level 3
        association.
    data : path, optional
        Folder in which, and below which, the files are that a package was made of; default: that
        of the package.

    Returns
    -------
    Observation
        Headers are read at once, pixels when they are asked for.

    Raises
    ------
    LRSExplorerError
        Nothing there is MIRI LRS, files are of more than one observation, or cannot be read; files
        of several exposures of a time series were named without ``join``; or ``crds`` is no CRDS
        cache. A file in a package is missing or has changed, or ``data`` does not hold the files
        that it was made of.
    """
    if isinstance(path, (str, os.PathLike)):
        paths = [located(path)]
    else:
        try:
            paths = [located(p) for p in path]
        except TypeError:
            raise LRSExplorerError(f"{path!r} is neither a path nor several paths.") from None
    if not paths:
        raise LRSExplorerError("no file was given; give an LRS product or a folder.")
    cache = None if crds is None else checked_cache(crds)
    package = _package(paths, data)
    if package is None:
        observation = _open(paths, join)
    else:
        observation = _open_products([product_of(one) for one in package.paths], [], package.join)
        observation.recipe = package.recipe
        observation.notes = (*package.notes, *observation.notes)
    observation.crds = cache
    return observation


def _package(paths: Sequence[Path], data: PathLike | None) -> Unpacked | None:
    """Return what is to be opened of a package; None where the paths lead to products."""
    if not any(map(is_package, paths)):
        if data is not None:
            raise LRSExplorerError(
                f"{paths[0]} is no package (zip), whose inputs data= and --inputs are for; leave "
                "them out."
            )
        return None
    if len(paths) > 1:
        raise LRSExplorerError(
            f"{paths[0].name} and {len(paths) - 1} other paths were given, and a package is opened "
            "alone; name the folder of its inputs by data= (--inputs)."
        )
    return unpacked(paths[0], data)


def leads_to_package(source: object) -> bool:
    """Tell whether what a user gave to be opened is a package."""
    return isinstance(source, (str, os.PathLike)) and is_package(located(source))


def top_of(source: object, observation: Observation) -> Path:
    """Return where the neighbours of an observation are listed.

    The folder that was opened, else that of its file, or of the package; of a download from MAST
    all of it.
    """
    folder = observation.folder
    if isinstance(source, (str, os.PathLike)):
        place = located(source)
        if os.path.isdir(place):
            folder = place
        elif leads_to_package(place):
            folder = place.parent
    return folder.parent if is_named(folder) else folder


def _open(paths: Sequence[Path], join: bool) -> Observation:
    """Open what lies at ``paths``, with the siblings of each."""
    seeds: list[ProductFile] = []
    asked: list[Association] = []
    for path in paths:
        if os.path.isdir(path):  # Path.is_dir raises for a name that is too long
            found = only_observation(path, join)
            if len(paths) == 1:
                return found
            seeds += found.files
        elif path.suffix.lower() == ".json":
            association = read_association(path)
            asked.append(association)
            seeds += _recognised(association)
        else:
            seeds.append(_leading_on(product_of(path)))
    return _open_products(seeds, asked, join)


def _open_products(
    seeds: Sequence[ProductFile], asked: Sequence[Association], join: bool
) -> Observation:
    """Open products, with the siblings of each, as some associations say."""
    all_of = Gathered(seeds, asked, join)
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
    parts = each_series(chosen, join, opened)
    chosen, said = next((part for part in parts if opened in part[0].products), parts[0])
    notes = [*all_of.unread, *all_of.notes, *said]
    found = observation_of(chosen, all_of.associations.values(), opened, notes, others)
    found.notes += tuple(note for one in asked if one.level != 3 for note in found.set_aside(one))
    return found


def _leading_on(product: ProductFile) -> ProductFile:
    """Return what a link leads to, if nothing of its observation lies beside it."""
    path, key = product.path, key_of(product)
    if not path.is_symlink() or len(list_products(path.parent, {key}).products) > 1:
        return product
    return product_of(Path(os.path.realpath(path)))


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


def demo(name: Mode = "slit") -> Observation:
    """Open a simulated observation that comes with LRS Explorer.

    Parameters
    ----------
    name : {"slit", "slitless"}
        A pair of nods in the slit, or a slitless time series of a transit.

    Returns
    -------
    Observation
        Its ``truth`` is known.

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
    return only_observation(folder)
