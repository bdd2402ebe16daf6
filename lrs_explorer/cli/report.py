"""``lrs-explorer report``: what was delivered, found and changed, on one page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lrs_explorer.cli.figure import chosen
from lrs_explorer.cli.parsing import (
    add_extraction_options,
    add_pipeline_options,
    new_parser,
    opened,
)

__all__ = ["report"]


def report(arguments: Sequence[str]) -> int:
    """Write a report."""
    parser = new_parser(
        "lrs-explorer report",
        "Write one HTML page that stands alone: what was delivered, what is wrong with it, what a "
        "recipe changes and by how much, how well errors hold, the flux against photometry, what "
        "remains, the recipe, versions. What the recipe changes before the extraction the pipeline "
        "makes first.\n\n"
        "Exit status: 0 written, 2 not written, 3 written without reference files that it needs.",
        "lrs-explorer report jw01234005001_04103_00001_mirimage_s2d.fits -o report.html "
        "--recipe mine.json",
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "--catalogue",
        action="append",
        default=[],
        metavar="FLUX",
        help='"FILTER = VALUE UNIT ± ERROR" to compare the flux with; may be repeated',
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write: .html")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    parser.add_argument(
        "--without-references",
        action="store_true",
        help="write it also where reference files could not be had, such as that of the aperture "
        "correction",
    )
    options = parser.parse_args(arguments)

    from lrs_explorer.handover.report import check_report_path, draft
    from lrs_explorer.model.measure.catalogue import catalogue_flux
    from lrs_explorer.model.stages.extract import kept_stages

    catalogue = list(map(catalogue_flux, options.catalogue))  # before the long work
    check_report_path(options.output, options.overwrite)
    observation = opened(options)
    stages = kept_stages(observation)
    recipe = chosen(options, observation, stages)
    made = draft(stages, recipe, catalogue)
    path = made.write(options.output, options.overwrite, options.without_references)
    for note in observation.notes:
        print(f"note: {note}", file=sys.stderr)
    print(path)
    return 3 if made.missing else 0
