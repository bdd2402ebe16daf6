"""``lrs-explorer extract``: a spectrum without a screen."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lrs_explorer.cli.parsing import (
    add_extraction_options,
    new_parser,
    opened,
    pipeline_recipe,
    placed,
)
from lrs_explorer.cli.progress import ProgressLine

__all__ = ["extract"]


def extract(arguments: Sequence[str]) -> int:
    """Extract a spectrum and write it."""
    parser = new_parser(
        "lrs-explorer extract",
        "Extract a spectrum without a screen, identical to what the pipeline would write.\n\n"
        "Exit status: 0 written, 2 not written, 3 written without reference files that it needs.",
        "lrs-explorer extract jw01234005001_04103_00001_mirimage_s2d.fits -o mine_x1d.fits "
        "--center 31.2 --width 8",
    )
    add_extraction_options(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        help="file to write: .fits (x1d) or .ecsv; of a time series .ecsv",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    parser.add_argument(
        "--without-references",
        action="store_true",
        help="write the spectrum also where reference files could not be had, such as that of the "
        "aperture correction",
    )
    options = parser.parse_args(arguments)

    from lrs_explorer.model.files.image_file import check_spectrum_path, write_spectrum
    from lrs_explorer.model.series.products import TimeSeries
    from lrs_explorer.model.series.spectrum_file import check_series_path, write_series
    from lrs_explorer.model.stages.extract import extracted, stages_of
    from lrs_explorer.model.stages.series_stages import SeriesStages

    observation = opened(options)
    stages = stages_of(observation)
    series = isinstance(stages, SeriesStages)
    check = check_series_path if series else check_spectrum_path
    check(options.output, overwrite=options.overwrite)  # before the long work
    recipe = pipeline_recipe(options, observation)
    with ProgressLine() as line:
        stages.find_references(line.fetching)
        stages.use_extract1d(options.extract1d)
        recipe = placed(recipe, options, stages, line)
    spectrum = extracted(stages, recipe)
    how = {"overwrite": options.overwrite, "without_references": options.without_references}
    if isinstance(spectrum, TimeSeries):
        path = write_series(spectrum, options.output, **how)
    else:
        path = write_spectrum(spectrum, options.output, **how)
    further = (note for note in spectrum.notes if f"{note}." not in observation.notes)
    for note in (*observation.notes, *further):
        print(f"note: {note}", file=sys.stderr)
    print(path)
    return 3 if spectrum.missing else 0
