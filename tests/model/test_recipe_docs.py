"""docs/recipes.md tells of every field of a recipe what its docstring says."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path

import lrs_explorer as lrs

PAGE = Path(__file__).parents[2] / "docs" / "recipes.md"


def parameters(kind: type) -> dict[str, tuple[str, str]]:
    """Return kind and meaning of each parameter in a class's docstring."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("Parameters\n----------\n")[2]
    found: dict[str, tuple[str, str]] = {}
    for block in re.split(r"\n(?=\S)", text):
        head, _, body = block.partition("\n")
        names, _, of = head.partition(" : ")
        for name in names.split(", "):
            found[name] = of.strip(), " ".join(body.split())
    return found


def table(kind: type) -> str:
    """Return the fields of a part as a table in Markdown."""
    told = parameters(kind)
    lines = ["| field | value | default | |", "|---|---|---|---|"]
    for field in dataclasses.fields(kind):
        if field.name == "recipe":
            continue
        of, meaning = told[field.name]
        default = "" if field.default is dataclasses.MISSING else json.dumps(field.default)
        meaning = meaning.replace("``", "`")
        lines.append(f"| `{field.name}` | {of} | {default and f'`{default}`'} | {meaning} |")
    return "\n".join(lines)


def test_each_field_is_told() -> None:
    text = PAGE.read_text()
    for part in dataclasses.fields(lrs.Recipe):
        if part.name != "mode":
            kind = lrs.Aperture if part.name == "aperture" else part.default_factory
            kind = lrs.Background if part.name == "background" else kind
            assert f"## {part.name}\n" in text
            assert table(kind) in text, f"{part.name}:\n{table(kind)}"  # type: ignore[arg-type]
    assert table(lrs.Rules) in text, table(lrs.Rules)


def test_the_examples_are_read(tmp_path: Path) -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 2
    for number, text in enumerate(examples):
        path = tmp_path / f"{number}.json"
        path.write_text(text)
        rules = lrs.Rules.from_json(path)
        assert bool(rules) == ('"rules"' in text)
