"""What the commands share: parsers, and options that become a recipe."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

from lrs_explorer.cli.progress import ProgressLine
from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.recipe.recipe import (
    Aperture,
    Nods,
    Pathloss,
    PixelReplace,
    Recipe,
    Resample,
    SlitlessBackground,
)
from lrs_explorer.model.recipe.rules import Rules

if TYPE_CHECKING:
    from lrs_explorer.model.observation.opening import Observation
    from lrs_explorer.model.stages.stages import Stages

__all__ = [
    "add_crds_option",
    "add_extract1d_option",
    "add_extraction_options",
    "add_inputs_option",
    "add_join_option",
    "add_pipeline_options",
    "new_parser",
    "opened",
    "pipeline_recipe",
    "placed",
    "places",
    "rules_of",
]


NOT_FOR_ALL: Final = {
    "pathloss": "pathloss",
    "user_slit_loc": "pathloss",
    "rejection_threshold": "jump",
    "weight_type": "resample",
    "nod_subtraction": "nods",
    "subtract": "backgrounds",
}
"""Options for what is not done in every observing mode."""


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def new_parser(name: str, description: str, example: str) -> argparse.ArgumentParser:
    """Return the parser of a command."""
    return _Parser(
        prog=name,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_crds_option(parser: argparse.ArgumentParser) -> None:
    """Add where reference files come from."""
    parser.add_argument(
        "--crds",
        type=Path,
        metavar="FOLDER",
        help="CRDS cache to take reference files from, without a server; default: that of "
        "CRDS_PATH, else the JWST server. One beside the data is not used unasked",
    )


def add_inputs_option(parser: argparse.ArgumentParser) -> None:
    """Add where the inputs of a package are."""
    parser.add_argument(
        "--inputs",
        type=Path,
        metavar="FOLDER",
        help="of a package: folder in which, and below which, its input files are; default: its "
        "own",
    )


def opened(options: argparse.Namespace) -> Observation:
    """Return the observation that the options name."""
    from lrs_explorer.model.observation.opening import open_observation

    return open_observation(options.file, crds=options.crds, join=options.join, data=options.inputs)


def add_join_option(parser: argparse.ArgumentParser) -> None:
    """Add whether time series of several exposures are one."""
    parser.add_argument(
        "--join",
        action="store_true",
        help="take time series of several exposures or visits as one, with gaps in time; default: "
        "each is its own",
    )


def add_extract1d_option(parser: argparse.ArgumentParser) -> None:
    """Add a reference file of the user's own."""
    parser.add_argument(
        "--extract1d",
        type=Path,
        metavar="FILE",
        help="extract1d reference file (JSON) of your own, in place of that of CRDS",
    )


def add_extraction_options(parser: argparse.ArgumentParser) -> None:
    """Add what to extract, and how."""
    parser.add_argument(
        "file", type=Path, help="an LRS product, a folder, an association, or a package (.zip)"
    )
    add_join_option(parser)
    add_inputs_option(parser)
    add_crds_option(parser)
    add_extract1d_option(parser)
    parser.add_argument(
        "--recipe",
        type=Path,
        help="recipe to begin with, or rules (JSON); default: that of a package, else what the "
        "pipeline does",
    )
    parser.add_argument("--exposure", help='exposure (nod) from 1, or "combined"')
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--center", type=float, help="aperture center, pixels, 0-indexed")
    place.add_argument(
        "--on-trace", action="store_true", help="center the aperture on the measured trace"
    )
    parser.add_argument("--width", type=float, help="aperture width, pixels")
    parser.add_argument(
        "--background",
        nargs=2,
        type=float,
        action="append",
        metavar=("LOWER", "UPPER"),
        help="edges of a background region, pixels; may be repeated",
    )
    parser.add_argument("--bkg-fit", choices=["poly", "mean", "median"])
    parser.add_argument("--bkg-order", type=int)
    parser.add_argument("--smoothing-length", type=int)
    parser.add_argument("--extraction-type", choices=["box", "optimal"])
    parser.add_argument("--no-apcorr", action="store_true", help="no aperture correction")
    parser.add_argument(
        "--source-offset",
        type=float,
        metavar="ARCSEC",
        help="correct the wavelengths for a source so far from the slit's middle, or without the "
        "slit from the subarray's reference point, towards larger detector rows",
    )


def add_pipeline_options(parser: argparse.ArgumentParser) -> None:
    """Add how the image is made."""
    parser.add_argument("--pixel-replace", choices=PixelReplace.ALGORITHMS)
    parser.add_argument("--n-adjacent-cols", type=int, help="neighbours that make a profile")
    parser.add_argument(
        "--flag-pixel",
        nargs=3,
        type=int,
        action="append",
        default=[],
        metavar=("EXPOSURE", "ROW", "COLUMN"),
        help="take a pixel of the cal product (0-indexed) as bad; may be repeated",
    )
    parser.add_argument(
        "--weight-type",
        choices=Resample.TYPES,
        help="of resample_spec: how detector pixels weigh that fall into one of the s2d",
    )
    parser.add_argument(
        "--pathloss", choices=Pathloss.MODES, help="source position of the pathloss correction"
    )
    parser.add_argument(
        "--user-slit-loc",
        type=float,
        metavar="ARCSEC",
        help="source position across the slit (implies --pathloss offset)",
    )
    parser.add_argument(
        "--rejection-threshold", type=float, metavar="SIGMA", help="of the jump step"
    )
    parser.add_argument(
        "--nod-subtraction",
        action=argparse.BooleanOptionalAction,
        help="subtract the other nod, or do not",
    )
    parser.add_argument(
        "--subtract",
        action="append",
        metavar="EXPOSURE",
        help='exposure to subtract as background, by its name or path, may be repeated; or "nods" '
        '(those at other nod positions), "none"; `lrs-explorer inspect --backgrounds` lists them',
    )


def pipeline_recipe(options: argparse.Namespace, observation: Observation) -> Recipe:
    """Return the recipe that the options ask for, but for places in the image.

    What they do not name stays as it was.

    Parameters
    ----------
    options : Namespace
        Of `add_extraction_options`, and of `add_pipeline_options` where the command has them.
    observation : Observation
    """
    own = observation.recipe or Recipe.from_observation(observation)
    recipe = rules_of(options).recipe if options.recipe else own
    given = vars(options)
    for option, step in NOT_FOR_ALL.items():
        if given.get(option) is not None and step not in observation.can_reprocess:
            raise LRSExplorerError(
                f"--{option.replace('_', '-')} is not for {observation.name}: "
                f"{observation.why_not(step)}"
            )
    exposure = options.exposure
    if exposure and exposure.isdecimal():
        exposure = int(exposure)
    flagged = recipe.pixel_replace.flagged + tuple(map(tuple, given.get("flag_pixel", [])))
    mode = given.get("pathloss")
    if given.get("user_slit_loc") is not None:
        if mode not in (None, "offset"):
            raise LRSExplorerError("--user-slit-loc goes with --pathloss offset alone.")
        mode = "offset"
    return recipe.replace(
        nods=_nods(_changed(recipe.nods, exposure=exposure), given, observation),
        slitless=_slitless(recipe.slitless, given, observation),
        extraction=_changed(
            recipe.extraction,
            extraction_type=options.extraction_type,
            apply_apcorr=False if options.no_apcorr else None,
        ),
        pixel_replace=_changed(
            recipe.pixel_replace,
            algorithm=given.get("pixel_replace"),
            n_adjacent_cols=given.get("n_adjacent_cols"),
            flagged=flagged,
        ),
        pathloss=_changed(recipe.pathloss, mode=mode, user_slit_loc=given.get("user_slit_loc")),
        resample=_changed(recipe.resample, weight_type=given.get("weight_type")),
        wavelength=_changed(recipe.wavelength, source_offset=given.get("source_offset")),
        jump=_changed(recipe.jump, rejection_threshold=given.get("rejection_threshold")),
    )


def _nods(nods: Nods, given: dict[str, Any], observation: Observation) -> Nods:
    """Return what is subtracted from an exposure of the slit."""
    subtract, names = given.get("nod_subtraction"), given.get("subtract")
    if names is None or observation.mode != "slit":
        same = subtract in (None, nods.subtract)
        return nods if same else dataclasses.replace(nods, subtract=subtract, backgrounds=None)
    if subtract is not None:
        raise LRSExplorerError("--subtract says what to subtract; leave out --nod-subtraction.")
    if names in (["none"], ["nods"]):
        which = "nods" if names == ["nods"] else None
        return dataclasses.replace(nods, subtract=which is not None, backgrounds=which)
    names = tuple(map(observation.background_name, names))
    return dataclasses.replace(nods, subtract=True, backgrounds=names)


def _slitless(
    background: SlitlessBackground, given: dict[str, Any], observation: Observation
) -> SlitlessBackground:
    """Return what is subtracted from a slitless series."""
    names = given.get("subtract")
    if names is None or observation.mode != "slitless":
        return background
    if names == ["nods"]:
        raise LRSExplorerError(
            f"{observation.name} was taken without the slit and has no nods; name the exposures "
            "to --subtract."
        )
    names = () if names == ["none"] else tuple(map(observation.background_name, names))
    return dataclasses.replace(background, subtract=False, backgrounds=names)


def _changed(part: Any, **values: Any) -> Any:
    """Return a part of a recipe with the values that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    return dataclasses.replace(part, **given)


def rules_of(options: argparse.Namespace) -> Rules:
    """Return the recipe file that is given, with its rules."""
    rules: Rules | None = getattr(options, "rules", None)
    if rules is None:
        rules = options.rules = Rules.from_json(options.recipe)
    return rules


def places(options: argparse.Namespace) -> bool:
    """Tell whether `placed` needs the image."""
    if options.recipe and rules_of(options):
        return True
    names = ("center", "width", "background", "bkg_fit", "bkg_order", "smoothing_length")
    return options.on_trace or any(getattr(options, name) is not None for name in names)


def placed(
    recipe: Recipe, options: argparse.Namespace, stages: Stages, line: ProgressLine | None = None
) -> Recipe:
    """Return ``recipe`` with aperture and background where the options of extraction want them.

    First the rules of the recipe file are followed, and what they have decided is noted; ``line``
    tells of steps that are run for them.
    """
    if options.recipe and rules_of(options):
        from lrs_explorer.diagnosis.settle import settle

        rules = rules_of(options).replace(recipe=recipe)
        settled = settle(stages.observation, rules, stages=stages, report=line)
        recipe = settled.recipe
        if line is not None:
            line.clear()
        for sentence in settled.lines:
            print(f"note: {sentence}", file=sys.stderr)
    changes = {
        "regions": tuple(map(tuple, options.background)) if options.background else None,
        "bkg_fit": options.bkg_fit,
        "bkg_order": options.bkg_order,
        "smoothing_length": options.smoothing_length,
    }
    if any(value is not None for value in changes.values()):
        recipe = recipe.replace(background=_changed(stages.placement(recipe).background, **changes))

    if options.on_trace or options.center is not None or options.width is not None:
        aperture = stages.placement(recipe).aperture
        if options.on_trace:
            trace = stages.trace(recipe)
            if trace is None:
                raise LRSExplorerError(
                    f"no trace found in {stages.image(recipe).path}; give --center instead."
                )
            aperture = Aperture(trace.center, aperture.width)
        elif options.center is not None:
            aperture = Aperture(options.center, aperture.width, aperture.trace)
        recipe = recipe.replace(aperture=_changed(aperture, width=options.width))
    return recipe
