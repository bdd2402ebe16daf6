"""docs/citing.md says what CITATION.cff says."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def test_entries_are_those_of_the_citation_file() -> None:
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    page = (ROOT / "docs" / "citing.md").read_text()
    works = [told, *told["references"]]
    entries = re.findall(r"```bibtex\n(.*?)```", page, re.DOTALL)
    assert len(entries) == len(works)
    for entry, work in zip(entries, works, strict=True):
        fields = dict(re.findall(r"(\w+) = \{+(.*?)\}+,", entry))
        assert fields.pop("author") == " and ".join(author["name"] for author in work["authors"])
        assert fields == {name: str(work[name]) for name in fields}
        assert {name for name in ("title", "version", "license", "doi") if name in work} == set(
            fields
        )
    assert f"version {told['version']}" in page
    assert ("it has no DOI yet" in page) == ("doi" not in told)
