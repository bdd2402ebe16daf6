"""The documentation site: it builds without a warning, and holds what it promises."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from common import Once
from numpydoc.validate import validate

import lrs_explorer as lrs
from lrs_explorer.cli import COMMANDS

ROOT = Path(__file__).parents[2]

FUNCTIONS = sorted(name for name in lrs.__all__ if inspect.isfunction(getattr(lrs, name)))

PARTS = {"GL07", "GL08", "PR01", "PR02", "PR03", "RT01", "RT03", "SS01"}
"""What numpydoc finds wrong: no docstring, no summary, or parameters and results untold."""


class Page(HTMLParser):
    """What a page links to, what can be linked to in it, and its images."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.anchors.add(values.get("id") or "")
        self.links += [value for name in ("href", "src") if (value := values.get(name))]


@pytest.fixture(scope="module")
def site(once: Once) -> Path:
    """Return the site, built as on any machine without a network."""

    def build(folder: Path) -> Path:
        command = [
            sys.executable, "-m", "sphinx", "-W", "--keep-going", "-n", "-q",
            "-c", "docs", "-d", str(folder / "doctrees"), ".", str(folder / "html"),
        ]  # fmt: skip
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr
        return folder / "html"

    return once("site", build)


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in site.rglob("*.html") if "_static" not in path.parts}


def test_every_link_within_the_site_leads_somewhere(pages: dict[Path, Page]) -> None:
    assert len(pages) > 30
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            fragment = unquote(parts.fragment)
            if not target.is_file():
                broken.append(f"{path.name}: {link}")
            elif fragment and target in pages and fragment not in pages[target].anchors:
                broken.append(f"{path.name}: {link} (anchor)")
    assert not broken


def test_every_page_is_of_the_site() -> None:
    """Every Markdown page is of the site, which checks its links."""
    text = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    of_the_site = re.compile(r"(README|CONTRIBUTING|CHANGELOG|docs/.+)\.md")
    assert [name for name in text.splitlines() if not of_the_site.fullmatch(name)] == []


def test_every_public_name_is_documented(site: Path) -> None:
    told = "".join(path.read_text() for path in (site / "docs" / "reference").glob("*.html"))
    assert [
        n for n in lrs.__all__ if n != "__version__" and f'id="lrs_explorer.{n}"' not in told
    ] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_tell_parameters_and_results(name: str) -> None:
    errors = validate(f"lrs_explorer.{name}")["errors"]
    assert [(code, text) for code, text in errors if code in PARTS] == []
    assert "Raises\n" in inspect.getdoc(getattr(lrs, name)) or name in ("diagnose", "fix")


def test_methods_that_are_shown_tell_their_parameters(site: Path) -> None:
    told = "".join(path.read_text() for path in (site / "docs" / "reference").glob("*.html"))
    shown = re.findall(r'id="(lrs_explorer\.[\w.]+)"', told)
    assert len(shown) > 150
    untold = [
        (name, text)
        for name in shown
        for code, text in validate(name)["errors"]
        if code in {"GL08", "PR01", "PR02"}
    ]
    assert untold == []


def test_commands_tell_what_their_help_says(site: Path) -> None:
    text = (site / "docs" / "commands.html").read_text()
    for command in COMMANDS:
        assert f'id="lrs-explorer-{command}"' in text
        assert f"usage: lrs-explorer {command} " in text
    assert "usage: lrs-explorer [-h]" in text
