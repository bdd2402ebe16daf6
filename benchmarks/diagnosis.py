"""How well `lrs.diagnose` finds the known issues, and how much "fix all" gains.

Run ``python benchmarks/diagnosis.py``. It makes 500 simulated observations, each with a random set
of issues at random strength, and 200 with none, calibrates them like calwebb_spec2
(`fast_calibration`) and asks for a diagnosis of the first nod. What each issue changes of the
spectrum is known by leaving it out, without noise. Results are kept in the folder, so that a run
that was interrupted goes on; they are printed as the tables of docs/diagnosis.md.

Thresholds were set with seeds from 0; those reported begin at 800,000.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
from diagnosis_cases import Maker
from diagnosis_plans import PLANTED, STRONG, draw
from fast_calibration import Calibration

import lrs_explorer as lrs
from lrs_explorer.diagnosis.case import MATTERS
from lrs_explorer.model.data.instrument import SLIT_LENGTH
from lrs_explorer.simulator.references import CONTEXT
from lrs_explorer.simulator.scene import SlitScene

CLEAN_SEED = 100_000
"""Added to the first seed for observations without issues."""

Record = dict[str, Any]


def measure(maker: Maker, seed: int, folder: Path, *, clean: bool) -> Record:
    """Make one observation, diagnose it and return what came out."""
    plan = draw(seed, clean=clean)
    shutil.rmtree(folder, ignore_errors=True)
    path = maker.make(plan, folder)
    begin = time.process_time()
    findings = lrs.diagnose(lrs.open_observation(path, crds=maker.calibration.cache))
    seconds = time.process_time() - begin
    return {
        "seed": seed,
        "clean": clean,
        "planted": sorted(plan.issues),
        "size": plan.size,
        "status": {f.issue: f.status for f in findings},
        "value": {f.issue: f.evidence[0].value if f.evidence else None for f in findings},
        "why": {f.issue: f.why for f in findings},
        "seconds": seconds,
    }


def table(records: list[Record]) -> str:
    """Return the rates as a table in Markdown."""
    lines = [
        "| issue | present from | found where present | found where weaker | false, clean | "
        "false, others planted |",
        "|---|---|---|---|---|---|",
    ]
    for issue in (*PLANTED, "spikes", "combined", "nod_disagreement"):
        groups: dict[str, list[bool]] = {"present": [], "weaker": [], "clean": [], "absent": []}
        for record in records:
            group = _group(record, issue)
            if group is not None:
                groups[group].append(record["status"].get(issue) == "found")
        if issue not in PLANTED:  # consequences of others
            groups["absent"] = []
        least, unit = STRONG.get(issue, (0.0, ""))
        lines.append(
            f"| {issue} | {f'{least:g} {unit}' if unit else '–'} | "
            + " | ".join(_share(values) for values in groups.values())
            + " |"
        )
    return "\n".join(lines)


def _group(record: Record, issue: str) -> str | None:
    """Tell whether an issue is present in an observation; None where it is a matter of taste."""
    size = record["size"].get(issue)
    plan = draw(record["seed"], clean=record["clean"])
    if issue == "second_source" and size is not None:
        along = plan.scene.true_positions[0] + plan.second[1]
        if abs(along) > SLIT_LENGTH / 2 - 0.2:  # the other nod alone sees it
            return None
    if size is not None and issue in STRONG and size >= STRONG[issue][0]:
        return "present"
    if issue == "MR-LRS05" and size > 1.15:
        return "weaker"  # spectra of faint sources: nods share no variances
    if issue == "MR-LRS04" and size >= MATTERS:
        return "weaker"  # also what target acquisition has left matters for a bright star
    if size is not None and issue in plan.issues:
        return "weaker"
    return "clean" if record["clean"] else "absent"


def _share(values: list[bool]) -> str:
    return f"{np.mean(values):.1%} ({sum(values)}/{len(values)})" if values else "–"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--first-seed", type=int, default=800_000)
    parser.add_argument("--observations", type=int, default=500)
    parser.add_argument("--clean", type=int, default=200)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/lrs-explorer-benchmark"))
    parser.add_argument("--table", action="store_true", help="only print what is there")
    options = parser.parse_args()
    results = options.folder / f"diagnosis-{options.first_seed}.jsonl"
    done: dict[tuple[int, bool], Record] = {}
    if results.is_file():
        for line in results.read_text().splitlines():
            record = json.loads(line)
            done[record["seed"], record["clean"]] = record
    wanted = [(options.first_seed + n, False) for n in range(options.observations)]
    wanted += [(options.first_seed + CLEAN_SEED + n, True) for n in range(options.clean)]
    os.environ["CRDS_CONTEXT"] = CONTEXT  # headers name others, to plant old versions
    if not options.table:
        scene = SlitScene(bad_pixels=0, hot_pixels=0)
        maker = Maker(Calibration(options.folder / "slit", scene))
        work = options.folder / f"work-{options.first_seed}"
        with results.open("a") as stream:
            for seed, clean in wanted:
                if (seed, clean) not in done:
                    done[seed, clean] = measure(maker, seed, work, clean=clean)
                    stream.write(json.dumps(done[seed, clean]) + "\n")
                    stream.flush()
        shutil.rmtree(work, ignore_errors=True)
    records = [done[key] for key in wanted if key in done]
    planted = sum(not record["clean"] for record in records)
    print(f"{planted} observations with issues and {len(records) - planted} without\n")
    print(table(records))
    seconds = [record["seconds"] for record in records]
    print(f"\na diagnosis takes {np.median(seconds):.1f} s of processor time")


if __name__ == "__main__":
    main()
