"""``lrs-explorer fetch``: an observation from the archive MAST."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from lrs_explorer.cli.parsing import new_parser
from lrs_explorer.cli.progress import ProgressLine
from lrs_explorer.model.data.errors import LRSExplorerError

if TYPE_CHECKING:
    from lrs_explorer.archive.listing import ArchiveListing

__all__ = ["fetch"]

UNASKED: Final = 1e9
"""Bytes that are fetched without a question."""


def fetch(arguments: Sequence[str]) -> int:
    """List what MAST has of an observation, fetch it, and say how it is opened."""
    parser = new_parser(
        "lrs-explorer fetch",
        "Fetch an LRS observation from the archive MAST: the files that LRS Explorer can use, "
        "with their acquisition images, associations and background exposures. What is there "
        "already is kept; what broke off goes on where it stopped.\n\n"
        "Files that are not public yet need a token of your MAST account in the environment "
        "variable MAST_API_TOKEN; it is kept nowhere.",
        "lrs-explorer fetch 1536/22 --list",
    )
    parser.add_argument(
        "what",
        metavar="PROGRAM[/OBS]",
        help="1536/22 or jw01536022; 1536 = all LRS observations of the program; the beginning of "
        "file names (jw01536022001_03102_00001) = one exposure",
    )
    parser.add_argument(
        "-o", "--output", type=Path, help="folder; made if missing (default: ./jw01536022)"
    )
    parser.add_argument(
        "--level",
        default="reruns",
        metavar="{spectra,reruns,ramps}",
        help="spectra: what is needed to see and extract them; reruns (default): also count rates "
        "for steps of the pipeline; ramps: also uncal, for jumps",
    )
    parser.add_argument("--list", action="store_true", help="list files and sizes, fetch nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask, however much it is")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files of the same name and another size"
    )
    options = parser.parse_args(arguments)

    from lrs_explorer.archive.fetching import fetch, missing_files
    from lrs_explorer.archive.listing import archive_listing, size_words

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    listing = archive_listing(options.what, options.level)
    if options.list:
        _print_files(listing)
        return 0
    folder = listing.folder if options.output is None else options.output
    print(f"{listing.name} at MAST: {listing.words}", *listing.lines, sep="\n  ", file=sys.stderr)
    missing = missing_files(listing, folder)
    size = sum(file.size for file in missing)
    if len(missing) < len(listing.files):
        print(f"{len(listing.files) - len(missing)} of them are in {folder}.", file=sys.stderr)
    if size > UNASKED and not options.yes and not _agreed(size_words(size)):
        return 0
    try:
        with ProgressLine() as line:
            fetched = fetch(listing, folder, overwrite=options.overwrite, progress=line.arriving)
    except KeyboardInterrupt:
        print(
            "lrs-explorer: stopped; what has arrived is kept, the same command goes on with it.",
            file=sys.stderr,
        )
        return 130
    for note in fetched.notes:
        print(f"note: {note}", file=sys.stderr)
    print(f"lrs-explorer {shlex.quote(str(folder))}")
    return 0


def _print_files(listing: ArchiveListing) -> None:
    for file in listing.files:
        closed = "" if file.public else "  not public"
        print(f"{file.size:>12}  {file.role:<11}  {file.name}{closed}")
    print(f"{listing.size:>12}  {listing.words}")
    for note in listing.notes:
        print(f"note: {note}", file=sys.stderr)


def _agreed(size: str) -> bool:
    """Ask whether so much shall be fetched, where there is somebody to ask."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        raise LRSExplorerError(f"{size} are to be fetched; say --yes, or choose a smaller --level.")
    print(f"Fetch {size}? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
