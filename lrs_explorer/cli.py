"""The command ``lrs-explorer``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lrs_explorer import __version__
from lrs_explorer.model.errors import LRSExplorerError
from lrs_explorer.model.recipe import Aperture, Nods, Recipe

if TYPE_CHECKING:
    from lrs_explorer.model.stages import Stages

__all__ = ["main"]

HOST = "127.0.0.1"

DESCRIPTION = "See, drag and trust JWST MIRI LRS spectra."


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 2 after bad input."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    commands = {"extract": _extract, "demo": _demo}
    try:
        if arguments and arguments[0] in commands:
            commands[arguments[0]](arguments[1:])
        else:
            _dashboard(arguments)
    except LRSExplorerError as error:
        print(f"lrs-explorer: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help.\n")


def _parser(name: str, description: str, example: str) -> argparse.ArgumentParser:
    return _Parser(
        prog=name,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")


def _dashboard(arguments: Sequence[str]) -> None:
    parser = _parser(
        "lrs-explorer",
        f"{DESCRIPTION}\n\nOpens the dashboard in a browser. Other commands: "
        "lrs-explorer extract, lrs-explorer demo (each has --help).",
        "lrs-explorer jw01234005001_04103_00001_mirimage_s2d.fits",
    )
    parser.add_argument(
        "file",
        nargs="*",
        type=Path,
        help="an s2d, cal, rate or x1d file, a folder or an association; none = the demo",
    )
    parser.add_argument("--version", action="version", version=f"LRS Explorer {__version__}")
    _add_server_options(parser)
    options = parser.parse_args(arguments)
    paths = [str(path.absolute()) for path in options.file]
    if paths:
        from lrs_explorer.model.extract import stages_of
        from lrs_explorer.model.observation import open_observation

        # What cannot be opened is said here, not in a browser.
        stages_of(open_observation(paths)).image_or_reason(Nods())
    _serve(paths[0] if len(paths) == 1 else paths or None, options.port, not options.no_browser)


def _demo(arguments: Sequence[str]) -> None:
    parser = _parser(
        "lrs-explorer demo",
        "Open the dashboard on a simulated observation whose truth is known.",
        "lrs-explorer demo slit",
    )
    parser.add_argument("name", nargs="?", default="slit", choices=["slit"])
    _add_server_options(parser)
    options = parser.parse_args(arguments)
    _serve(None, options.port, not options.no_browser)


def _serve(source: str | list[str] | None, port: int | None, open_browser: bool) -> None:
    """Serve the dashboard with Voilà until it is interrupted."""
    from tornado.ioloop import IOLoop
    from voila.app import Voila

    port = _checked_port(port)
    cells = (
        # Files are listed and saved where the command was given, not where this notebook lies.
        f"import os\nos.chdir({os.getcwd()!r})",
        f"import lrs_explorer as lrs\nlrs.Explorer({source!r})",
    )
    notebook = {
        "cells": [
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"cell-{number}",
                "metadata": {},
                "outputs": [],
                "source": cell,
            }
            for number, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    with tempfile.TemporaryDirectory(prefix="lrs-explorer-") as folder:
        path = Path(folder) / "LRS Explorer.ipynb"
        path.write_text(json.dumps(notebook), encoding="utf-8")
        ready = f"LRS Explorer is at http://{HOST}:{port}/ (stop it with Ctrl-C)"
        IOLoop.current().add_callback(print, ready, flush=True)  # once the server listens
        if hasattr(signal, "SIGHUP"):
            # A closed terminal: Voilà stops its kernels on SIGTERM only.
            signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGTERM))
        Voila.launch_instance(
            argv=[
                str(path),
                f"--Voila.ip={HOST}",
                f"--port={port}",
                "--Voila.port_retries=0",
                f"--Voila.open_browser={open_browser}",
                # A kernel that has run the notebook before the page asks for it.
                "--preheat_kernel=True",
                "--pool_size=1",
                "--Voila.log_level=ERROR",
                "--KernelManager.transport_encryption=auto",  # ipykernel warns without it
            ]
        )


def _checked_port(port: int | None) -> int:
    """Return ``port`` if it is free, or a free one for None."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port or 0))
        except (OSError, OverflowError) as error:
            raise LRSExplorerError(
                f"port {port} on {HOST} cannot be used ({error}); choose another --port."
            ) from None
        return int(probe.getsockname()[1])


def _extract(arguments: Sequence[str]) -> None:
    parser = _parser(
        "lrs-explorer extract",
        "Extract a spectrum without a screen, identical to what the pipeline would write.",
        "lrs-explorer extract jw01234005001_04103_00001_mirimage_s2d.fits -o mine_x1d.fits "
        "--center 31.2 --width 8",
    )
    parser.add_argument("file", type=Path, help="an LRS product, a folder or an association")
    parser.add_argument(
        "-o", "--output", type=Path, required=True, help="file to write: .fits (x1d) or .ecsv"
    )
    parser.add_argument("--recipe", type=Path, help="recipe to begin with (JSON)")
    parser.add_argument("--exposure", help='exposure (nod) from 1, or "combined"')
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--center", type=float, help="aperture centre, pixels, 0-indexed")
    place.add_argument(
        "--on-trace", action="store_true", help="centre the aperture on the measured trace"
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
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output file")
    options = parser.parse_args(arguments)

    from lrs_explorer.model.extract import stages_of
    from lrs_explorer.model.io import check_spectrum_path, write_spectrum
    from lrs_explorer.model.observation import open_observation

    check_spectrum_path(options.output, overwrite=options.overwrite)  # before the long work
    stages = stages_of(open_observation(options.file))
    stages.find_references()
    recipe = _recipe_of(options, stages)
    spectrum = stages.spectrum(recipe)
    path = write_spectrum(spectrum, options.output, overwrite=options.overwrite)
    for note in spectrum.notes:
        print(f"note: {note}", file=sys.stderr)
    print(path)


def _recipe_of(options: argparse.Namespace, stages: Stages) -> Recipe:
    """Return the recipe that the options ask for; what they do not name stays as it was."""
    recipe = (
        Recipe.from_json(options.recipe)
        if options.recipe
        else Recipe.from_observation(stages.observation)
    )
    if options.exposure:
        exposure = options.exposure
        recipe = recipe.replace(
            nods=Nods(exposure=int(exposure) if exposure.isdecimal() else exposure)
        )
    extraction = recipe.extraction
    if options.extraction_type:
        extraction = dataclasses.replace(extraction, extraction_type=options.extraction_type)
    if options.no_apcorr:
        extraction = dataclasses.replace(extraction, apply_apcorr=False)
    recipe = recipe.replace(extraction=extraction)

    changes = {
        "regions": tuple(map(tuple, options.background)) if options.background else None,
        "bkg_fit": options.bkg_fit,
        "bkg_order": options.bkg_order,
        "smoothing_length": options.smoothing_length,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if changes:
        background = stages.placement(recipe).background
        recipe = recipe.replace(background=dataclasses.replace(background, **changes))

    if options.on_trace or options.center is not None or options.width is not None:
        aperture = stages.placement(recipe).aperture
        if options.on_trace:
            trace = stages.trace(recipe.nods)
            if trace is None:
                raise LRSExplorerError(
                    f"no trace found in {stages.image(recipe.nods).path}; give --center instead."
                )
            aperture = Aperture(trace.center, aperture.width)
        elif options.center is not None:
            aperture = Aperture(options.center, aperture.width, aperture.trace)
        if options.width is not None:
            aperture = dataclasses.replace(aperture, width=options.width)
        recipe = recipe.replace(aperture=aperture)
    return recipe


if __name__ == "__main__":
    sys.exit(main())
