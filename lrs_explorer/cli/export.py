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
    opened,
    pipeline_recipe,
    placed,
    places,
    rules_of,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["export"]


def export(arguments: Sequence[str]) -> int:
    """Write what makes the same spectrum by the pipeline alone, or all of it as a package."""
    parser = new_parser(
        "lrs-explorer export",
        "Write what makes the same spectrum without LRS Explorer: a Python script that uses the "
        "pipeline alone, lines for strun, parameter files (pars-*.asdf) and the extract1d "
        "reference file. With --package: one zip with that and spectra, figures, the numbers in "
        "them, report, checksums of all inputs, reference files, versions and what to cite, which "
        "opens again here.\n\n"
        "Exit status: 0 written, 2 not written.",
        "lrs-explorer export jw01234005001_04103_00001_mirimage_s2d.fits -o mine "
        "--recipe mine.json",
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="folder for the files, made if missing; of a package its file: .zip",
    )
    parser.add_argument("--package", action="store_true", help="write the package of a paper")
    parser.add_argument(
        "--without-references",
        action="store_true",
        help="write a package also where reference files could not be had, such as that of the "
        "aperture correction",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    options = parser.parse_args(arguments)

    from lrs_explorer.handover.exporting import export
    from lrs_explorer.handover.packaging import check_package_path, package_draft
    from lrs_explorer.model.stages.extract import stages_of

    # A batch system's way to stop a job: leave as tidily as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.package:  # before the long work
        path = check_package_path(options.output, options.overwrite)
    stages = stages_of(opened(options))
    recipe = pipeline_recipe(options, stages.observation)
    with ProgressLine() as line:
        stages.find_references(line.fetching)
        stages.use_extract1d(options.extract1d)
        if places(options):
            stages.make(recipe, line)
            recipe = placed(recipe, options, stages, line)
        if options.package:
            draft = package_draft(
                stages,
                recipe,
                path,
                line,
                rules=(rules_of(options) if options.recipe else None) or None,
                without_references=options.without_references,
            )
            line.say("figures")
            for _ in draft.draw():
                pass
            packed = draft.write(options.overwrite)
            notes, paths = packed.notes, [packed.path]
        else:
            written = export(
                stages.observation,
                recipe,
                options.output,
                line,
                overwrite=options.overwrite,
                references=stages.references,
            )
            notes, paths = written.notes, [*written.files]
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    for one in paths:
        print(one)
    return 0
