"""``lrs-explorer figure``: a figure for print."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from lrs_explorer.model.observation.opening import Observation
    from lrs_explorer.model.recipe.recipe import Recipe
    from lrs_explorer.model.stages.stages import Stages

__all__ = ["chosen", "figure"]


def figure(arguments: Sequence[str]) -> int:
    """Draw a figure and write it."""
    parser = new_parser(
        "lrs-explorer figure",
        "Draw a figure for print: PDF, SVG or PNG, by the ending of the output's name. What the "
        "recipe changes before the extraction the pipeline makes first.\n\n"
        "Exit status: 0 written, 2 not written, 3 written without reference files that it needs.",
        "lrs-explorer figure jw01234005001_04103_00001_mirimage_s2d.fits -o spectrum.pdf "
        "--on-trace",
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "--kind",
        choices=["spectrum", "image", "light_curves"],
        default="spectrum",
        help="what to draw; default: the spectrum",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="file to write: .pdf, .svg or .png",
    )
    parser.add_argument(
        "--figure-width",
        default="column",
        metavar="WIDTH",
        help='"column" (3.5 inches, the default), "page" (7.1 inches), or inches',
    )
    parser.add_argument(
        "--unit", choices=["mJy", "Jy", "MJy/sr"], default="mJy", help="unit of a spectrum"
    )
    parser.add_argument(
        "--bin",
        nargs=2,
        type=float,
        action="append",
        metavar=("LOWER", "UPPER"),
        help="wavelengths of a light curve beside the white one, µm; may be repeated",
    )
    parser.add_argument(
        "--numbers",
        action="store_true",
        help="also write the numbers that are drawn, as a table beside the figure (.ecsv)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument(
        "--without-references",
        action="store_true",
        help="write it also where reference files could not be had, such as that of the aperture "
        "correction",
    )
    options = parser.parse_args(arguments)

    from lrs_explorer.handover.contents import content
    from lrs_explorer.handover.figures import check_figure_path, drawn, figure_width, save_figure
    from lrs_explorer.model.stages.extract import stages_of

    how = {"data": options.numbers, "overwrite": options.overwrite}
    inches = figure_width(options.figure_width)
    check_figure_path(options.output, **how)  # before the long work
    observation = opened(options)
    stages = stages_of(observation)
    recipe = chosen(options, observation, stages)
    shown = content(stages, recipe, options.kind, unit=options.unit, bins=options.bin)
    for note in dict.fromkeys((*observation.notes, *shown.notes)):
        print(f"note: {note}", file=sys.stderr)
    how["without_references"] = options.without_references
    for path in save_figure(drawn(shown, inches), shown, options.output, **how):
        print(path)
    return 3 if shown.missing else 0


def chosen(options: argparse.Namespace, observation: Observation, stages: Stages) -> Recipe:
    """Return the recipe that the options ask for, with the images that it needs made.

    Reference files are looked for, and the pipeline is run where the recipe asks for it.
    """
    # A batch system's way to stop a job: leave as tidily as after Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    recipe = pipeline_recipe(options, observation)
    with ProgressLine() as line:
        stages.find_references(line.fetching)
        stages.use_extract1d(options.extract1d)
        alone = not observation.has_images and not places(options)
        if not alone and stages.find_image(recipe) is None:
            stages.make(recipe, line)
    return placed(recipe, options, stages)
