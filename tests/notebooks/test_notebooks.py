"""The notebooks, run from top to bottom in a real kernel."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def executed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a notebook in an empty folder and return it with its outputs; an error fails."""
    monkeypatch.setenv("IPYTHONDIR", str(folder / "ipython"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def printed(cell: Any) -> str:
    """Return what a cell printed and what its last line gave, as text."""
    return "".join(
        output.get("text", "") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
    )


def widgets(notebook: Any) -> list[dict[str, Any]]:
    """Return the states of all widgets that a notebook made."""
    state = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    return [model["state"] for model in state.values()]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_is_kept_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert "widgets" not in notebook.metadata
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_the_dashboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed("explorer.ipynb", tmp_path, monkeypatch)
    first, second = notebook.cells  # two cells, no more
    assert first.outputs == []
    (shown,) = second.outputs
    assert "application/vnd.jupyter.widget-view+json" in shown.data
    texts = [str(state.get("value", "")) for state in widgets(notebook)]
    assert any("SIM-DUSTY-STAR" in text and "simulated" in text for text in texts)


@pytest.mark.pipeline
def test_the_quickstart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed("quickstart.ipynb", tmp_path, monkeypatch)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    found = "\n".join(map(printed, code))
    center = re.search(r"trace at (\d+\.\d+) ± (\d+\.\d+) pixels", found)
    assert center
    assert float(center[1]) == pytest.approx(18.32, abs=0.02)
    errors = re.search(r"([+-]\d+\.\d)% by default, ([+-]\d+\.\d)% on the trace", found)
    assert errors
    assert -60 < float(errors[1]) < -40
    assert -3 < float(errors[2]) < -1.5
    exact = re.search(r"([+-]\d+\.\d)% by the pipeline", found)
    assert exact
    assert abs(float(exact[1])) < 1
    assert "application/vnd.jupyter.widget-view+json" in code[-1].outputs[-1].data
    # Nothing was written.
    assert {path.name for path in tmp_path.iterdir()} <= {"ipython", "runtime"}
