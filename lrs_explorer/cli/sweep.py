"""``lrs-explorer sweep``: how much choices matter, without a screen."""

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
)
from lrs_explorer.cli.progress import ProgressLine
from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["sweep"]

DESCRIPTION = """\
Extract a spectrum with every combination of choices, and tell the systematic error: how much the
flux changes with what could have been chosen as well, and which choice matters where.

A row of the table is the mean flux over a micron: its systematic error; of the variance, in per
cent, what each choice causes alone / alone or with others, and what choices cause only together.

Exit status: 0 written, 2 not written, 3 written without reference files that it needs."""


def sweep(arguments: Sequence[str]) -> int:
    """Vary choices, print which matters where, and write the spectrum with its systematic error."""
    parser = new_parser(
        "lrs-explorer sweep",
        DESCRIPTION,
        "lrs-explorer sweep jw01234005001_04103_00001_mirimage_s2d.fits -o mine_x1d.fits "
        "--on-trace --vary width=6,8,10 --vary center --vary background=none,2:6+25:29",
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "--vary",
        action="append",
        metavar="NAME[=VALUES]",
        help="what to vary, and over which values, between commas; may be repeated. Without "
        'values: those that the observation suggests; "as chosen" is what the recipe has. Default: '
        "all choices of the extraction that the observation suggests",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help="by default also vary what needs runs of the pipeline: pixel_replace, and the jump "
        "threshold",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        help="file to write: .fits (x1d with the extension SYSTEMATIC) or .ecsv",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    parser.add_argument(
        "--without-references",
        action="store_true",
        help="write the spectrum also where reference files could not be had, such as that of the "
        "aperture correction",
    )
    options = parser.parse_args(arguments)

    from lrs_explorer.model.files.image_file import check_spectrum_path
    from lrs_explorer.model.stages.extract import stages_of
    from lrs_explorer.model.sweep.choices import read_choice
    from lrs_explorer.model.sweep.sweep import swept

    # A batch system's way to stop a job: leave as tidily as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    choices: dict[str, Sequence[object] | None] = {}
    for text in options.vary or ():
        name, values = read_choice(text)
        if name in choices:
            raise LRSExplorerError(f"{name} is given twice to --vary; give all its values at once.")
        choices[name] = values
    observation = opened(options)
    stages = stages_of(observation)
    if options.output is not None:
        check_spectrum_path(options.output, overwrite=options.overwrite)  # before the long work
    recipe = pipeline_recipe(options, observation)
    with ProgressLine() as line:
        stages.find_references(line.fetching)
        stages.use_extract1d(options.extract1d)
        if stages.find_image(recipe) is None:
            stages.make(recipe, line)
        recipe = placed(recipe, options, stages, line)
        found = swept(stages, recipe, choices=choices or None, exact=options.exact, progress=line)
    systematic, spectrum = found.systematic, found.spectrum
    sentence = systematic.sentence
    print(f"{sentence[:1].upper()}{sentence[1:]}.")
    for name, of in systematic.values.items():
        print(f"{name}: {', '.join(of)}")
    for row in _columns(*systematic.cells()):
        print(row)
    further = (note for note in spectrum.notes if f"{note}." not in observation.notes)
    notes = (*observation.notes, *further, *systematic.notes, *systematic.failures)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    if options.output is None:
        return 0
    path = found.write(options.output, options.overwrite, options.without_references)
    print(path)
    return 3 if spectrum.missing else 0


def _columns(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines of text in which the cells of a column are as wide as its widest."""
    table = [heading, *rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(map(str.rjust, row, widths)) for row in table]
