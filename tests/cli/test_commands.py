"""What all commands have in common."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lrs_explorer as lrs
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


DEMO = Path(lrs.__file__).parent / "data" / "demo_slit"


@pytest.mark.parametrize(
    "command",
    [
        ("inspect", str(DEMO), str(DEMO)),
        ("inspect", "--json", str(DEMO)),
        ("diagnose", str(DEMO)),
        ("--help",),
        ("inspect", "--help"),
    ],
)
@pytest.mark.parametrize("buffered", [True, False])
def test_where_nobody_reads_on_it_ends_quietly(command: tuple[str, ...], buffered: bool) -> None:
    program = [sys.executable, "-m", "lrs_explorer.cli", *command]
    environment = os.environ | {"PYTHONUNBUFFERED": "" if buffered else "1"}
    with subprocess.Popen(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read().decode().count("Error") == 0
    # The parser takes no notice of it where help is written at once.
    assert process.returncode == (0 if "--help" in command and not buffered else 141)


def test_another_pipe_that_breaks_is_no_quiet_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise BrokenPipeError

    monkeypatch.setattr("lrs_explorer.cli.inspect.inspect", fail)
    with pytest.raises(BrokenPipeError):
        main(["inspect"])


@pytest.mark.parametrize("more", [(), ("x_s2d.fits", "-o", "mine_x1d.fits")])
def test_a_command_that_there_is_not(
    more: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["frobnicate", *more]) == 2
    assert capsys.readouterr().err == (
        "lrs-explorer: frobnicate is neither a command nor a file or folder here; commands are "
        f"{', '.join(COMMANDS)} (lrs-explorer --help).\n"
    )


def test_a_file_that_is_there_already_is_replaced_by_an_option_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine_x1d.fits"
    path.touch()
    assert main(["extract", str(DEMO), "-o", str(path)]) == 2
    assert capsys.readouterr().err.endswith(
        "exists; choose another name or allow overwriting (overwrite=True, --overwrite).\n"
    )


def test_a_recipe_of_another_mode_is_advised_about_without_python(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = lrs.Recipe.from_observation(lrs.demo("slitless")).to_json(tmp_path / "mine.json")
    assert main(["apply", str(recipe), str(DEMO), "-o", str(tmp_path / "out")]) == 2
    assert "save recipe… in the page" in capsys.readouterr().err


def test_the_dashboard_opens_on_a_folder_of_several_observations(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are listed in the page; what holds none is said before there is one."""
    served: list[str] = []
    monkeypatch.setattr(
        "lrs_explorer.cli.dashboard.serve_explorer", lambda source, *_: served.append(source)
    )
    for name in ("slit", "slitless"):
        shutil.copytree(DEMO.parent / f"demo_{name}", tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert main(["."]) == 0
    assert served == [f"{str(tmp_path)!r}, crds=None, join=False"]
    (tmp_path / "empty").mkdir()
    assert main(["empty"]) == 2
    assert main(["nothing.fits"]) == 2
    assert len(served) == 1
