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


def pictures(notebook: Any) -> int:
    """Return how many figures a notebook shows."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return sum("image/png" in output.get("data", {}) for output in outputs)


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


@pytest.mark.pipeline
def test_a_slit_observation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed("slit.ipynb", tmp_path, monkeypatch)
    found = "\n".join(printed(cell) for cell in notebook.cells if cell.cell_type == "code")
    assert pictures(notebook) == 2
    assert "aperture − trace: -4.1" in found
    assert "nothing more is found that needs fixing" in found
    errors = re.search(r"fixed: ([+-]\d+\.\d)%, (\d+)% within the errors", found)
    assert errors
    assert abs(float(errors[1])) < 1
    assert 45 < int(errors[2]) < 75
    assert "they agree" in found
    offsets = dict(re.findall(r"^ *([a-z' ]+?) +([+-]\d+\.\d)% +\+\d", found, re.MULTILINE))
    assert set(offsets) > {"as fixed", "bad pixels left", "pathloss for the slit's middle"}
    assert float(offsets["pathloss for the slit's middle"]) < float(offsets["as fixed"]) - 1
    assert "(387, 387), 120)" in found  # covariance and systematic error come back from the file
    results = tmp_path / "slit"
    assert (results / "report.html").stat().st_size > 500_000
    assert len(list((results / "pipeline").iterdir())) == 7


@pytest.mark.pipeline
def test_a_time_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed("time_series.ipynb", tmp_path, monkeypatch)
    found = "\n".join(printed(cell) for cell in notebook.cells if cell.cell_type == "code")
    assert pictures(notebook) == 1
    before, after = (int(n) for n in re.findall(r"^(\d+) ppm from point", found, re.MULTILINE)[:2])
    assert after < 0.7 * before
    assert "clear of the trace and its wings" in found
    bins = re.findall(r"µm (0\.\d+) (0\.\d+) (0\.\d+)", found)
    assert len(bins) == 5
    for depth, error, truth in bins:
        assert abs(float(depth) - float(truth)) < 4 * float(error)
    assert len(list((tmp_path / "time_series").glob("*_x1dints.fits"))) == 2


@pytest.mark.pipeline
def test_many_observations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = executed("batch.ipynb", tmp_path, monkeypatch)
    found = "\n".join(printed(cell) for cell in notebook.cells if cell.cell_type == "code")
    assert found.count(" done jw9002") == 2
    assert "jw90023 failed" in found
    assert "is truncated or damaged; download it again." in found
    fluxes = [float(value) for value in re.findall(r"(\d\.\d+) mJy at", found)]
    assert fluxes == pytest.approx([fluxes[0], 4 * fluxes[0]], rel=1e-3)
    assert "2 of 3 were made before" in found
    assert found.count("done before") == 2
    gallery = next(o for c in notebook.cells for o in c.get("outputs", ()) if "iframe" in str(o))
    assert gallery.data["text/html"].count("&lt;polyline") == 3
