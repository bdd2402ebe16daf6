"""``lrs-explorer reprocess``: the real pipeline without a screen."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from lrs_explorer.cli.parsing import (
    add_extraction_options,
    add_pipeline_options,
    new_parser,
    opened,
    pipeline_recipe,
    placed,
    places,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["reprocess"]


def reprocess(arguments: Sequence[str]) -> int:
    """Run the pipeline as a recipe or options say, and keep its products."""
    parser = new_parser(
        "lrs-explorer reprocess",
        "Run the real pipeline, only the steps that the options change, and keep its products.",
        "lrs-explorer reprocess jw01234005001_04103_00001_mirimage_s2d.fits -o mine "
        "--on-trace --user-slit-loc 0.12 --pixel-replace fit_profile",
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "--fix-all",
        action="store_true",
        help="fix all that is found, judge the result, and so on until nothing more is found",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="folder for the products; made if missing"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing products")
    options = parser.parse_args(arguments)

    from lrs_explorer.diagnosis.rounds import fix_all
    from lrs_explorer.model.reprocess import check_output, reprocess
    from lrs_explorer.model.stages.extract import stages_of

    # A batch system's way to stop a job: leave as tidily as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stages = stages_of(opened(options))
    recipe = pipeline_recipe(options, stages.observation)
    check_output(stages.observation, recipe, options.output, overwrite=options.overwrite)
    told: list[str] = []
    with ProgressLine() as line:
        if places(options):
            stages.make(recipe, line)
            stages.find_references(line.fetching)
            stages.use_extract1d(options.extract1d)
            recipe = placed(recipe, options, stages, line)
        if options.fix_all:
            stages.find_references(line.fetching)
            stages.use_extract1d(options.extract1d)
            fixed = fix_all(stages.observation, recipe, stages=stages, report=line)
            recipe, told = fixed.recipe, fixed.lines
        run = reprocess(
            stages.observation,
            recipe,
            options.output,
            line,
            overwrite=options.overwrite,
            extract1d=options.extract1d,
        )
    for sentence in told:
        print(sentence, file=sys.stderr)
    for note in (*stages.observation.notes, *run.provenance["notes"]):
        print(f"note: {note}", file=sys.stderr)
    for path in run.products:
        print(path)
    return 0
