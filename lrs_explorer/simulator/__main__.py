"""Simulate from the command line.

``python -m lrs_explorer.simulator slit FOLDER`` simulates a slit observation and processes it,
``python -m lrs_explorer.simulator series FOLDER`` a time series in any subarray,
``python -m lrs_explorer.simulator crds FOLDER`` makes the reference files alone.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.model.data.instrument import EXP_TYPES, SUBARRAYS
from lrs_explorer.simulator.observation import SlitScene, simulate_slit
from lrs_explorer.simulator.processing import fit_ramps, process_slit
from lrs_explorer.simulator.reference_models import subarrays_for
from lrs_explorer.simulator.references import build_crds_cache
from lrs_explorer.simulator.slit_series import (
    SlitSeriesScene,
    process_slit_series,
    simulate_slit_series,
)
from lrs_explorer.simulator.slitless_observation import process_slitless, simulate_slitless
from lrs_explorer.simulator.slitless_scene import SlitlessScene
from lrs_explorer.simulator.spectra import SPECTRA

# Fields of the scene that a command line can set, with their help.
_OPTIONS = {
    "flux_level": "flux density at 8 micron, Jy",
    "position_error": "error of the header position along the slit, arcsec",
    "slit_offset": "position of the source across the slit, arcsec",
    "trace_residual": "departure of the trace from the reference, pixels",
    "background_level": "sky at 10 micron, MJy/sr",
    "n_groups": "groups per integration",
    "n_integrations": "integrations per exposure",
    "error_factor": "true scatter over the error reported",
    "bad_pixels": "number of flagged pixels",
    "hot_pixels": "number of unflagged bright pixels",
    "dead_pixels": "number of unflagged dark pixels",
    "on_trace": "share of these pixels that is on a trace",
    "cosmic_rays": "hits in each exposure (with --ramps)",
    "jump_runs": "runs of rows that the jump step rejects (with --ramps)",
    "seed": "the same seed gives the same pixels",
}


_SERIES_OPTIONS = {
    "n_integrations": "integrations of the series",
    "n_segments": "files in which they are",
    "depth": "of the transit at wavelengths without features",
    "flux_level": "flux density at 8 micron out of transit, Jy",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lrs_explorer.simulator",
        description="Simulate MIRI LRS observations with known truth.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    slit = commands.add_parser(
        "slit",
        help="simulate an observation",
        description="Simulate a MIRI LRS slit observation with known truth and run the real "
        "pipeline on it.",
        epilog="example: python -m lrs_explorer.simulator slit my_scene --slit-offset 0.12 "
        "--ramps --n-groups 15 --n-integrations 1 --jump-runs 5 --cosmic-rays 40",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    slit.add_argument("output_dir", type=Path, help="folder for the files; made when missing")
    slit.add_argument("--spectrum", choices=sorted(SPECTRA), default=SlitScene.spectrum)
    defaults = {field.name: field.default for field in fields(SlitScene)}
    for name, text in _OPTIONS.items():
        default = defaults[name]
        slit.add_argument(
            f"--{name.replace('_', '-')}", type=type(default), default=default, help=text
        )
    slit.add_argument("--subarray", choices=subarrays_for(EXP_TYPES["slit"]), default="FULL")
    slit.add_argument(
        "--ramps", action="store_true", help="simulate ramps, and make the rates from them"
    )
    slit.add_argument(
        "--rate-only", action="store_true", help="make the rate files and no further products"
    )
    series = commands.add_parser(
        "series",
        help="simulate a time series",
        description="Simulate a transit with known truth, in the slit or without, and run the real "
        "pipeline on it.",
        epilog="example: python -m lrs_explorer.simulator series my_series --subarray SUBSLIT",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    series.add_argument("output_dir", type=Path, help="folder for the files; made when missing")
    series.add_argument("--subarray", choices=list(SUBARRAYS), default="SLITLESSPRISM")
    for name, text in _SERIES_OPTIONS.items():
        default = getattr(SlitlessScene, name)
        series.add_argument(
            f"--{name.replace('_', '-')}", type=type(default), default=default, help=text
        )
    crds = commands.add_parser(
        "crds",
        help="make the reference files",
        description="Make the CRDS cache of the simulated instrument, or leave it as it is when "
        "it is there.",
        epilog="example: python -m lrs_explorer.simulator crds ~/simulated_crds",
    )
    crds.add_argument("folder", type=Path, help="folder for the cache; made when missing")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    chosen = vars(_parser().parse_args(arguments))
    try:
        command = chosen.pop("command")
        if command == "crds":
            made = [build_crds_cache(chosen["folder"])]
        elif command == "series":
            made = _series(chosen.pop("output_dir"), **chosen)
        else:
            made = _slit(chosen.pop("output_dir"), chosen.pop("rate_only"), SlitScene(**chosen))
    except (LRSExplorerError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(*made, sep="\n")
    return 0


def _slit(output_dir: Path, rate_only: bool, scene: SlitScene) -> list[Path]:
    """Simulate and process an observation; return the files that were made."""
    files = simulate_slit(scene, output_dir)
    products: tuple[Path, ...] = ()
    if files.ramps or not rate_only:
        cache = build_crds_cache(output_dir / "crds")
        if not rate_only:
            products = process_slit(files, cache, output_dir)
        else:
            fit_ramps(files, cache)
    simulated = (*files.acquisitions, *files.ramps, *files.rates, files.truth, files.defects)
    return [*simulated, *products]


def _series(output_dir: Path, subarray: str, flux_level: float, **light: Any) -> list[Path]:
    """Simulate and process a time series; return the files that were made."""
    cache = build_crds_cache(output_dir / "crds")
    if SUBARRAYS[subarray].mode == "slit":
        slit = replace(SlitSeriesScene().slit, subarray=subarray, flux_level=flux_level)
        files = simulate_slit_series(SlitSeriesScene(slit=slit, **light), output_dir)
        products = process_slit_series(files, cache, output_dir)
    else:
        scene = SlitlessScene(subarray=subarray, flux_level=flux_level, **light)
        files = simulate_slitless(scene, output_dir)
        products = process_slitless(files, cache, output_dir)
    return [*files.simulated, *products]


if __name__ == "__main__":
    sys.exit(main())
