"""What all commands have in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from lrs_explorer.cli import COMMANDS, main

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def help_of(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    with pytest.raises(SystemExit) as end:
        main([*command, "--help"])
    assert end.value.code == 0
    return capsys.readouterr().out


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line.split() for line in help_of(capsys).splitlines()]
    assert {"extract", "reprocess", "apply", "diagnose", "demo"} <= set(COMMANDS)
    for name, (_, gives) in COMMANDS.items():
        assert [name, *gives.split()] in lines
        assert f"usage: lrs-explorer {name} " in help_of(capsys, name)
        assert f"`lrs-explorer {name}" in README


def test_help_says_that_the_address_is_printed_and_for_whom(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for command in ((), ("demo",)):
        told = help_of(capsys, *command)
        assert "The address of the page is printed. It is for you alone" in told
        assert "ssh -L PORT:127.0.0.1:PORT" in told
