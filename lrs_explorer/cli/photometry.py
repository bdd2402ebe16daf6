"""``lrs-explorer photometry``: whether the flux of a spectrum is right."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from lrs_explorer.cli.parsing import (
    add_extraction_options,
    add_pipeline_options,
    new_parser,
    opened,
    pipeline_recipe,
    placed,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["photometry"]


def photometry(arguments: Sequence[str]) -> int:
    """Print ratios of a spectrum to photometry; return 0, or 1 where there is none to be had."""
    parser = new_parser(
        "lrs-explorer photometry",
        "Compare the flux of a spectrum, through filters, with the star on the acquisition images "
        "of its observation and with catalogue fluxes. The spectrum is never changed.\n\n"
        "Exit status: 0 there is a ratio, 1 there is none, 2 bad input.",
        "lrs-explorer photometry jw01234005001_04103_00001_mirimage_s2d.fits --on-trace \\\n"
        '    --catalogue "F770W = 12.3 mJy ± 0.2" --catalogue "wise_w3 = 5.2 Vega mag"',
    )
    add_extraction_options(parser)
    add_pipeline_options(parser)
    parser.add_argument(
        "--catalogue",
        action="append",
        default=[],
        metavar="FLUX",
        help='"FILTER = VALUE UNIT ± ERROR" with Jy, mJy, µJy (uJy), AB mag or Vega mag; "+-" is '
        "as good as ±, the error may be left out; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)

    from lrs_explorer.model.measure.catalogue import catalogue_flux
    from lrs_explorer.model.stages.extract import kept_stages
    from lrs_explorer.model.stages.photometry import compared_fluxes

    catalogue = list(map(catalogue_flux, options.catalogue))  # before the long work
    observation = opened(options)
    stages = kept_stages(observation)
    recipe = pipeline_recipe(options, observation)
    with ProgressLine() as line:
        stages.find_references(line.fetching)
        stages.use_extract1d(options.extract1d)
        recipe = placed(recipe, options, stages, line)
    found = compared_fluxes(stages, recipe, catalogue)
    if options.json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        print("\n".join(found.lines))
    for note in observation.notes:
        print(f"note: {note}", file=sys.stderr)
    return 0 if any(one.ratio == one.ratio for one in found.comparisons) else 1
