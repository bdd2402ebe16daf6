"""``lrs-explorer inspect``: which observations there are, and what each is made of."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lrs_explorer.cli.parsing import add_join_option, new_parser
from lrs_explorer.model.data.errors import LRSExplorerError

if TYPE_CHECKING:
    from lrs_explorer.model.observation.backgrounds import BackgroundCandidate
    from lrs_explorer.model.observation.opening import Observation

__all__ = ["inspect"]


def inspect(arguments: Sequence[str]) -> int:
    """Print observations and what they are made of; return 2 where a path holds none.

    As JSON such a path has an entry too, which says why.
    """
    parser = new_parser(
        "lrs-explorer inspect",
        "Tell which LRS observations there are, which files belong to each, what was subtracted "
        "from them, and what says so. Headers alone are read.",
        "lrs-explorer inspect mastDownload",
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help="LRS products, folders or associations"
    )
    add_join_option(parser)
    parser.add_argument(
        "--backgrounds",
        action="store_true",
        help="also list the exposures that can be subtracted from each one as background",
    )
    parser.add_argument("--json", action="store_true", help="print JSON: a list, an entry each")
    options = parser.parse_args(arguments)
    status, entries = 0, []
    for path in options.paths:
        try:
            for observation in _observations(path, options.join):
                found = _backgrounds(observation) if options.backgrounds else {}
                if options.json:
                    entries.append(_entry(observation, found))
                else:
                    print("\n".join(_lines(observation, found)))
        except LRSExplorerError as error:
            status = 2
            entries.append({"path": str(path), "error": str(error)})
            print(f"lrs-explorer: {error}", file=sys.stderr)
    if options.json:
        print(json.dumps(entries, indent=1))
    return status


def _observations(path: Path, join: bool) -> list[Observation]:
    """Return the observations in a folder, or that of a file."""
    from lrs_explorer.model.observation.opening import list_observations, open_observation

    if not os.path.isdir(path):
        return [open_observation(path, join=join)]
    found = list_observations(path, join=join)
    for sentence in found.unreadable:
        print(f"lrs-explorer: {sentence}", file=sys.stderr)
    for sentence in found.stopped:
        print(f"lrs-explorer: {sentence}", file=sys.stderr)
    return list(found) or [open_observation(path, join=join)]  # which says what there is instead


def _backgrounds(observation: Observation) -> dict[str, list[BackgroundCandidate]]:
    """Return what can be subtracted, by the exposure from which it can."""
    if "backgrounds" not in observation.can_reprocess:
        return {}
    numbers = range(1, observation.exposures + 1)
    return {observation.root(n): observation.background_candidates(n) for n in numbers}


def _lines(
    observation: Observation, backgrounds: dict[str, list[BackgroundCandidate]]
) -> Iterator[str]:
    known = (observation.target, observation.date, observation.mode, observation.reduction)
    yield " · ".join((observation.name, *filter(None, known)))
    for one in observation.made_of:
        label, text = one.line
        yield f"  {label}: {text}" if one.role == "product" else f"    {label}: {text}"
    unknown = observation.not_known()
    if unknown:
        yield f"  not known: {'; '.join(unknown)}"
    for root, candidates in backgrounds.items():
        yield f"  {root} can have subtracted:"
        yield from (f"    · {one.name}: {one.words}" for one in candidates)
    yield from (f"  note: {note}" for note in observation.notes)


def _entry(
    observation: Observation, backgrounds: dict[str, list[BackgroundCandidate]]
) -> dict[str, Any]:
    products = {kind: list(map(str, paths)) for kind, paths in observation.products.items()}
    return {
        "name": observation.name,
        "target": observation.target,
        "date": observation.date,
        "mode": observation.mode,
        "reduction": observation.reduction,
        "opens by": str(observation.representative.path),
        "products": products,
        "made of": [dataclasses.asdict(one) for one in observation.made_of],
        "backgrounds": {
            root: [dataclasses.asdict(one) | {"path": str(one.path)} for one in candidates]
            for root, candidates in backgrounds.items()
        },
        "not known": observation.not_known(),
        "notes": list(observation.notes),
    }
