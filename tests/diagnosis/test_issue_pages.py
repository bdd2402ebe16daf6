"""A page for each known issue: docs/issues, what is in it, and what was measured for it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lrs_explorer as lrs
from lrs_explorer.diagnosis.diagnose import JUDGES

DOCS = Path(__file__).parents[2] / "docs"
PAGES = DOCS / "issues"
TITLES = {judge.issue: judge.title for judge in JUDGES}
SECTIONS = [
    "Symptom",
    "Cause",
    "Evidence",
    "Remedy",
    "Before and after",
    "How often it is right",
    "What it cannot tell",
]


@pytest.fixture(scope="module")
def pictures() -> ModuleType:
    """Return what makes the pictures and the numbers of the pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(DOCS), *sys.path])
        import pictures

        return pictures


def page(issue: str) -> Path:
    return PAGES / f"{issue.lower().replace('_', '-')}.md"


def block(text: str, name: str) -> str:
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    return found[1] if found else ""


def test_each_issue_has_a_page_and_each_page_an_issue(pictures: ModuleType) -> None:
    pages = {path for path in PAGES.glob("*.md") if path.name != "index.md"}
    assert pages == {page(issue) for issue in TITLES}
    assert set(pictures.CASES) == set(TITLES)
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    listed = index.split("```{toctree}")[1].split()[2:-1]
    assert listed == [page(issue).stem for issue in pictures.CASES]


@pytest.mark.parametrize("issue", TITLES)
def test_a_page_is_whole(issue: str, pictures: ModuleType) -> None:
    text = page(issue).read_text(encoding="utf-8")
    title = f"{issue}: {TITLES[issue]}" if issue.startswith("MR") else TITLES[issue]
    assert text.startswith(f"# {title}\n")
    assert f"[{title}]({page(issue).name})" in (PAGES / "index.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert all(block(text, name) for name in ("evidence", "result"))
    assert block(text, "right") == pictures.right(issue)
    for written in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        recipe = lrs.Recipe.from_dict(json.loads(written))
        assert recipe != lrs.Recipe(mode=recipe.mode)
    image = DOCS / "images" / "issues" / f"{page(issue).stem}.png"
    assert f"](../images/issues/{image.name})" in text
    assert image.stat().st_size < 100_000


@pytest.mark.parametrize("path", [*PAGES.glob("*.md"), DOCS / "tour.md"], ids=lambda p: p.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).is_file(), target


def test_what_a_page_says_is_what_is_measured(pictures: ModuleType) -> None:
    """Of one that needs no pipeline; `python docs/pictures.py` writes all anew."""
    shown = pictures.CASES["foldover"](None)
    text = page("foldover").read_text(encoding="utf-8")
    assert block(text, "evidence") == pictures.evidence(shown)
    assert block(text, "result") == pictures.result("foldover", shown)
