"""What the Dockerfile says, as far as no container is needed to try it."""

from __future__ import annotations

import fnmatch
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from dashboard_server import served, visit

ROOT = Path(__file__).parents[2]

LINES = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()


def test_what_is_copied_is_there_and_sent() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    sent = [rule[1:] for rule in rules if rule.startswith("!")]
    copied = [
        name
        for line in LINES
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    assert sorted(copied) == sorted(sent)
    assert all((ROOT / name).exists() for name in copied)
    # No more than what a wheel is made of.
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for name in ("README.md", "LICENSE", "lrs_explorer"):
        assert f'"{name}"' in project
        assert any(fnmatch.fnmatch(name, rule) for rule in sent)


def test_it_starts_a_dashboard_that_is_closed_to_others(tmp_path: Path) -> None:
    entry = next(line for line in LINES if line.startswith("ENTRYPOINT "))
    command, *options = json.loads(entry.removeprefix("ENTRYPOINT "))
    assert command == "lrs-explorer"
    port = options[options.index("--port") + 1]
    assert f"EXPOSE {port}" in LINES
    options[options.index("--port") + 1] = "0"  # which is free here
    with served(tmp_path, *options) as (process, address):
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Other machines reach it")
        # As it is published, the page has this machine's own name.
        host = f"localhost:{urlsplit(address).port}"
        with visit(re.sub(r"127\.0\.0\.1:\d+", host, address)) as answer:
            assert answer.status == 200
