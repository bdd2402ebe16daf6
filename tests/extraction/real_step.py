"""The real ``Extract1dStep``, many times in one child process.

Importing jwst takes seconds, one run of the step a quarter of one. The child has CRDS settings of
its own, so this process stays as it is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lrs_explorer.model.live.references import References


@dataclass(frozen=True)
class Extracted:
    """What the step gave: its columns, and the aperture it writes down (1-indexed, inclusive)."""

    table: dict[str, NDArray[Any]]
    limits: dict[str, float]


class RealStep:
    """A child process that runs the step on request.

    Parameters
    ----------
    environment : Mapping
        Settings of CRDS.
    scratch : Path
        A folder for its files.
    """

    def __init__(self, environment: Mapping[str, str], scratch: Path) -> None:
        self._scratch = scratch
        self._log = (scratch / "log").open("w")
        self._child = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=scratch,
            env={**os.environ, **environment},
        )

    def run(
        self,
        image: Path,
        reference: Mapping[str, Any],
        parameters: Mapping[str, Any],
        references: References,
    ) -> Extracted:
        """Run the step on ``image`` with the content of an extract1d reference file."""
        (self._scratch / "extract1d.json").write_text(json.dumps(reference))
        overrides = {
            "override_extract1d": str(self._scratch / "extract1d.json"),
            "override_apcorr": str(references.apcorr or "N/A"),
            "override_psf": str(references.psf or "N/A"),
        }
        request = {
            "image": str(image),
            "parameters": {**parameters, **overrides},
            "table": str(self._scratch / "table.npz"),
        }
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(json.dumps(request), file=self._child.stdin, flush=True)
        line = self._child.stdout.readline()
        assert line, f"the child died; see {self._log.name}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        with np.load(self._scratch / "table.npz") as table:
            return Extracted(dict(table), answer["limits"])

    def close(self) -> None:
        """End the child."""
        self._child.communicate()
        self._log.close()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    """Run one request: the child's side."""
    from jwst.extract_1d import Extract1dStep

    try:
        (spectrum,) = Extract1dStep(**request["parameters"]).run(request["image"]).spec
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, the test shows it
        return {"error": f"{type(error).__name__}: {error}"}
    table = spectrum.spec_table
    np.savez(request["table"], **{name: np.asarray(table[name]) for name in table.dtype.names})
    names = {
        "EXTRXSTR": spectrum.extraction_xstart,
        "EXTRXSTP": spectrum.extraction_xstop,
        "EXTRYSTR": spectrum.extraction_ystart,
        "EXTRYSTP": spectrum.extraction_ystop,
    }
    return {"limits": {name: float(value) for name, value in names.items()}}


def _serve() -> None:
    import gc

    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what jwst prints must not come between the answers
    import jwst.extract_1d  # noqa: F401

    gc.collect()
    gc.freeze()  # each run of a step collects garbage; what imports left need not be searched
    for line in sys.stdin:
        print(json.dumps(_answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
