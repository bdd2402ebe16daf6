"""``lrs-explorer apply``: one recipe over many observations."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from lrs_explorer.cli.parsing import (
    add_crds_option,
    add_extract1d_option,
    add_join_option,
    new_parser,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["apply"]

MEMORY: Final = 2.5e9
"""Bytes that a process takes with the pipeline loaded and a full frame in it."""


def apply(arguments: Sequence[str]) -> int:
    """Run the pipeline with one recipe on many observations; return 2 when one has failed."""
    parser = new_parser(
        "lrs-explorer apply",
        "Run the real pipeline with one recipe, or rules, on many observations. Each has a line of "
        "its own, with its spectra (of a time series, one file for each segment); one that fails "
        "does not stop the others, and what was made before is not made again.",
        "lrs-explorer apply mine_recipe.json jw01234005001_04103_00001_mirimage_s2d.fits "
        "jw01234006001_04103_00001_mirimage_s2d.fits -o mine",
    )
    parser.add_argument("recipe", type=Path, help="recipe, or rules (JSON)")
    parser.add_argument("files", nargs="+", type=Path, help="LRS products, folders or associations")
    add_join_option(parser)
    add_crds_option(parser)
    add_extract1d_option(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for the products; made if missing"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="make all anew, and replace existing products"
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="processes of this machine, an observation each at a time; default: as many as it has "
        "processors and memory for",
    )
    where.add_argument("--dask", metavar="local:N", help="N workers of Dask on this machine")
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="scheduler of Dask, such as tcp://login01:8786"
    )
    options = parser.parse_args(arguments)

    from lrs_explorer.batch.applied import Applied
    from lrs_explorer.batch.apply import apply as apply_recipe
    from lrs_explorer.batch.summary import write_summary
    from lrs_explorer.model.recipe.rules import Rules

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as tidily as after Ctrl-C
    recipe = Rules.from_json(options.recipe)
    dask = options.dask or options.scheduler
    number = len({os.path.abspath(file) for file in options.files})
    processes = options.processes or (1 if dask else min(number, _processes()))
    known: list[Applied] = []

    with ProgressLine() as line:

        def finished(result: Applied) -> None:
            known.append(result)
            line.clear()
            spectra = ", ".join(map(str, result.spectra))
            print(f"{result.path}: {spectra or 'failed'}", flush=True)
            for note in result.notes:
                print(f"note: {result.path}: {note}", file=sys.stderr)
            if number > 1:
                failed = sum(one.state == "failed" for one in known)
                line.count(len(known), number, f"{failed} failed" if failed else "done")

        results = apply_recipe(
            recipe,
            options.files,
            options.output,
            overwrite=options.overwrite,
            processes=processes,
            dask=dask,
            crds=options.crds,
            join=options.join,
            extract1d=options.extract1d,
            progress=lambda _, step: line(step),
            fetching=line.say,
            finished=finished,
        )
    before = sum(result.state == "done before" for result in results)
    if before:
        print(f"lrs-explorer: {before} of {len(results)} were made before", file=sys.stderr)
    if len(results) > 1:
        for path in write_summary(results, options.output):
            print(f"note: summary in {path}", file=sys.stderr)
    failures = [result for result in results if result.error]
    if failures:
        print(f"lrs-explorer: {len(failures)} of {len(results)} failed:", file=sys.stderr)
    for result in failures:
        print(f"  {result.path}: {result.error}", file=sys.stderr)
    return 2 if failures else 0


def _processes() -> int:
    """Return how many processes this machine has processors and memory for."""
    processors = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # those that a batch system leaves to it
        processors = len(os.sched_getaffinity(0))
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # not told by this system
        return 1
    return max(1, min(processors, int(memory / MEMORY)))
