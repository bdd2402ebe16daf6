"""``lrs-explorer apply``: one recipe over many observations."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lrs_explorer.cli.parsing import (
    add_crds_option,
    add_extract1d_option,
    add_join_option,
    new_parser,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["apply"]


def apply(arguments: Sequence[str]) -> int:
    """Run the pipeline with one recipe on many observations; return 2 when one has failed."""
    parser = new_parser(
        "lrs-explorer apply",
        "Run the real pipeline with one recipe on many observations. Each has a line of its own, "
        "with its spectra (of a time series, one file for each segment); one that fails does not "
        "stop the others.",
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
    parser.add_argument("--overwrite", action="store_true", help="replace existing products")
    options = parser.parse_args(arguments)

    from lrs_explorer.batch import Applied
    from lrs_explorer.batch import apply as apply_recipe
    from lrs_explorer.model.recipe.rules import Rules

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as tidily as after Ctrl-C
    recipe = Rules.from_json(options.recipe)

    with ProgressLine() as line:

        def finished(result: Applied) -> None:
            line.clear()
            if result.run is None:
                print(f"{result.path}: failed", flush=True)
            else:
                spectra = ", ".join(map(str, result.run.spectra))
                print(f"{result.path}: {spectra}", flush=True)
            for note in result.notes:
                print(f"note: {result.path}: {note}", file=sys.stderr)

        results = apply_recipe(
            recipe,
            options.files,
            options.output,
            overwrite=options.overwrite,
            crds=options.crds,
            join=options.join,
            extract1d=options.extract1d,
            progress=lambda _, step: line(step),
            finished=finished,
        )
    failures = [result for result in results if result.error]
    if failures:
        print(f"lrs-explorer: {len(failures)} of {len(results)} failed:", file=sys.stderr)
    for result in failures:
        print(f"  {result.path}: {result.error}", file=sys.stderr)
    return 2 if failures else 0
