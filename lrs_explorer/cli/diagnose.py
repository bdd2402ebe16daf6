"""``lrs-explorer diagnose``: what is wrong with observations."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lrs_explorer.cli.parsing import add_crds_option, add_join_option, new_parser
from lrs_explorer.model.data.errors import LRSExplorerError

__all__ = ["diagnose"]


def diagnose(arguments: Sequence[str]) -> int:
    """Print findings; return 0 with none, 1 with some, 2 where a file could not be judged."""
    parser = new_parser(
        "lrs-explorer diagnose",
        "Look for the known issues of MIRI LRS, without running the pipeline.\n\n"
        "Exit status: 0 nothing found, 1 something found, 2 a file could not be judged.",
        "lrs-explorer diagnose jw01234005001_04103_00001_mirimage_s2d.fits",
    )
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="LRS products, folders or associations"
    )
    add_join_option(parser)
    add_crds_option(parser)
    parser.add_argument("--recipe", type=Path, help="recipe to be judged (JSON)")
    parser.add_argument("--json", action="store_true", help="print JSON: a list, an entry a file")
    options = parser.parse_args(arguments)

    from lrs_explorer.diagnosis.diagnose import diagnose as look
    from lrs_explorer.diagnosis.report import table
    from lrs_explorer.diagnosis.settle import settle
    from lrs_explorer.model.observation.opening import open_observation
    from lrs_explorer.model.recipe.rules import Rules

    rules = Rules.from_json(options.recipe) if options.recipe else None
    status = 0
    entries: list[dict[str, Any]] = []
    for path in options.files:
        try:
            observation = open_observation(path, crds=options.crds, join=options.join)
            settled = None if rules is None else settle(observation, rules)
            findings = look(observation, None if settled is None else settled.recipe)
        except LRSExplorerError as error:
            status = 2
            entries.append({"file": str(path), "error": str(error)})
            print(f"lrs-explorer: {error}", file=sys.stderr)
            continue
        for note in (*observation.notes, *(settled.lines if settled else ())):
            print(f"note: {note}", file=sys.stderr)
        status = max(status, int(any(finding.is_open for finding in findings)))
        entries.append({"file": str(path), "findings": [f.to_dict() for f in findings]})
        if not options.json:
            print(f"{path}\n{table(findings)}")
    if options.json:
        print(json.dumps(entries, indent=1))
    return status
