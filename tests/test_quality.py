"""Lint, types, import contracts and the packaging's promises."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lrs_explorer

ROOT = Path(__file__).parents[1]


def run(*command: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_finds_nothing() -> None:
    run("ruff", "check", ".")


def test_code_is_formatted() -> None:
    run("ruff", "format", "--check", ".")


def test_types_hold() -> None:
    run("mypy")


def test_import_contracts_hold() -> None:
    run("importlinter.cli", "lint")


def test_public_names_are_exactly_those_of_all() -> None:
    assert sorted(lrs_explorer.__all__) == lrs_explorer.__all__
    stub = ast.parse((ROOT / "lrs_explorer" / "__init__.pyi").read_text())
    told = [line.names for line in stub.body if isinstance(line, ast.ImportFrom)]
    assert {name.asname for names in told for name in names} == set(lrs_explorer.__all__)
    for name in lrs_explorer.__all__:
        assert getattr(lrs_explorer, name) is not None


@pytest.mark.parametrize(
    "module",
    [
        "jwst",
        "bqplot",
        "ipywidgets",
        "astropy",
        "astroquery",
        "crds",
        "sedpy",
        "photutils",
        "matplotlib",
        "jinja2",
    ],
)
def test_import_is_light(module: str) -> None:
    code = f"import sys, lrs_explorer; sys.exit({module!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_versions_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == lrs_explorer.__version__
    assert f"version: {lrs_explorer.__version__}" in (ROOT / "CITATION.cff").read_text()
    assert f"## {lrs_explorer.__version__}" in (ROOT / "CHANGELOG.md").read_text()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = 'python3 -m venv .venv && .venv/bin/pip install -q -e ".[test]" && .venv/bin/pytest'
    assert command in (ROOT / "README.md").read_text().splitlines()
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_marks_are_true(request: pytest.FixtureRequest) -> None:
    """That a test without the mark runs no pipeline is seen to in conftest.py, as it runs."""
    for item in request.session.items:
        assert isinstance(item, pytest.Function)
        marked = item.get_closest_marker("browser") is not None
        assert marked == ("browser" in item.fixturenames), item.nodeid
