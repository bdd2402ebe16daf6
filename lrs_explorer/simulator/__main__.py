"""Simulate and process a slit observation: ``python -m lrs_explorer.simulator OUTPUT_DIR``."""

from __future__ import annotations

import argparse
import sys
from dataclasses import fields
from pathlib import Path

from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.simulator.observation import SlitScene, simulate_slit
from lrs_explorer.simulator.processing import process_slit
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
    "bad_pixels": "number of flagged pixels",
    "hot_pixels": "number of unflagged wrong pixels",
    "seed": "the same seed gives the same pixels",
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lrs_explorer.simulator",
        description="Simulate a MIRI LRS slit observation with known truth and run the real "
        "pipeline on it.",
        epilog="example: python -m lrs_explorer.simulator my_scene --slit-offset 0.12 --seed 7",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("output_dir", type=Path, help="folder for the files; made when missing")
    parser.add_argument("--spectrum", choices=sorted(SPECTRA), default=SlitScene.spectrum)
    defaults = {field.name: field.default for field in fields(SlitScene)}
    for name, text in _OPTIONS.items():
        default = defaults[name]
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=type(default), default=default, help=text
        )
    parser.add_argument(
        "--rate-only", action="store_true", help="write the rate files and do not run the pipeline"
    )
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status."""
    chosen = vars(_parser().parse_args(arguments))
    output_dir, rate_only = chosen.pop("output_dir"), chosen.pop("rate_only")
    try:
        files = simulate_slit(SlitScene(**chosen), output_dir)
        for path in (*files.rates, files.truth, files.defects):
            print(path)
        if not rate_only:
            cache = build_crds_cache(output_dir / "crds")
            for path in process_slit(files, cache, output_dir):
                print(path)
    except (LRSExplorerError, ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
