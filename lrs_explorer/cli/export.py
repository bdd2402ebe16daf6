"""``lrs-explorer export``: a recipe as files that the pipeline alone runs."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lrs_explorer.cli.parsing import (
    add_extraction_options,
    add_pipeline_options,
    new_parser,
    pipeline_recipe,
    placed,
    places,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["export"]


def export(arguments: Sequence[str]) -> int:
    """Write a script, strun lines and parameter files that make the same spectrum."""
    parser = new_parser(
        "lrs-explorer export",
        "Write what makes the same spectrum without LRS Explorer: a Python script that uses the "
        "pipeline alone, lines for strun, parameter files (pars-*.asdf) and the extract1d "
        "reference file.",
        "lrs-explorer export jw01234005001_04103_00001_mirimage_s2d.fits -o mine "
        "--recipe mine.json",
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for the files; made if missing"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    options = parser.parse_args(arguments)

    from lrs_explorer.handover.exporting import export
    from lrs_explorer.model.observation.opening import open_observation
    from lrs_explorer.model.stages.extract import stages_of

    # A batch system's way to stop a job: leave as tidily as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stages = stages_of(open_observation(options.file, crds=options.crds, join=options.join))
    recipe = pipeline_recipe(options, stages.observation)
    with ProgressLine() as line:
        stages.find_references(line.fetching)
        stages.use_extract1d(options.extract1d)
        if places(options):
            stages.make(recipe, line)
            recipe = placed(recipe, options, stages, line)
        written = export(
            stages.observation,
            recipe,
            options.output,
            line,
            overwrite=options.overwrite,
            references=stages.references,
        )
    for note in written.notes:
        print(f"note: {note}", file=sys.stderr)
    for path in written.files:
        print(path)
    return 0
