"""Simulate from the command line.

``python -m lrs_explorer.simulator slit FOLDER`` simulates a slit observation and processes it,
``python -m lrs_explorer.simulator crds FOLDER`` makes the reference files alone.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from lrs_explorer.model.data.errors import LRSExplorerError
from lrs_explorer.simulator.observation import SlitScene, simulate_slit
from lrs_explorer.simulator.processing import fit_ramps, process_slit
from lrs_explorer.simulator.references import build_crds_cache
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lrs_explorer.simulator",
        description="Simulate MIRI LRS slit observations with known truth.",
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
    slit.add_argument(
        "--ramps", action="store_true", help="simulate ramps, and make the rates from them"
    )
    slit.add_argument(
        "--rate-only", action="store_true", help="make the rate files and no further products"
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
        if chosen.pop("command") == "crds":
            made = [build_crds_cache(chosen["folder"])]
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


if __name__ == "__main__":
    sys.exit(main())
