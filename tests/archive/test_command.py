"""``lrs-explorer fetch``."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.cli import main

from .stand_in import Handler, StandIn, settings

S2D = "jw90010001001_03102_00001_mirimage_s2d.fits"


@pytest.fixture
def environment(archive: StandIn, tmp_path: Path) -> dict[str, str]:
    """Return an environment in which astroquery is configured to ask the stand-in."""
    return os.environ | settings(archive, tmp_path / "settings")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lrs_explorer.cli", "fetch", *arguments]


def test_fetching_and_opening(
    mast: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my data"
    assert main(["fetch", "90010/1", "-o", str(folder), "--level", "spectra"]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"lrs-explorer '{folder}'\n"
    assert "jw90010001 at MAST: 9 files, " in printed.err
    assert "science     s2d         2" in printed.err
    assert lrs.open_observation(folder).products["s2d"]
    assert main(["fetch", "90010/1", "-o", str(folder)]) == 0
    printed = capsys.readouterr()
    assert f"9 of them are in {folder}." in printed.err


def test_the_default_folder(mast: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["fetch", "90010/1", "--level", "spectra"]) == 0
    assert (tmp_path / "jw90010001" / S2D).exists()


def test_listing(mast: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mast.closed = {S2D}
    assert main(["fetch", "90010/1", "--list", "-o", str(tmp_path / "no")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if S2D in line)
    assert line.split() == [str(len(mast.files[S2D])), "science", S2D, "not", "public"]
    assert lines[-1].endswith("MB")
    assert not (tmp_path / "no").exists()


def test_much_is_not_fetched_unasked(
    mast: StandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mast.sizes[S2D] = 2 * 10**9
    assert main(["fetch", "90010/1", "-o", str(tmp_path / "no")]) == 2
    assert "2.1 GB are to be fetched; say --yes" in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    main(["fetch", "90010/1", "-o", str(tmp_path / "some"), "--yes"])
    assert "but lists it with 2000000000" in capsys.readouterr().err


def test_a_question_is_asked_where_somebody_can_answer(
    archive: StandIn, environment: dict[str, str], tmp_path: Path
) -> None:
    archive.sizes[S2D] = 2 * 10**9
    terminal, inside = pty.openpty()
    os.write(terminal, b"n\n")
    run = subprocess.run(
        command("90010/1"), env=environment, cwd=tmp_path, stdin=inside, stderr=inside, check=False
    )
    os.close(inside)
    asked = os.read(terminal, 100_000).decode()
    os.close(terminal)
    assert run.returncode == 0
    assert "Fetch 2.1 GB? [y/N]" in asked
    assert not (tmp_path / "jw90010001").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nonsense"], "is no JWST program or observation"),
        (["90010/9"], "has no LRS observation 9"),
        (["90010/1", "--level", "all"], "is no level of files"),
    ],
)
def test_bad_input(
    mast: StandIn, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert main(["fetch", *arguments]) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out


def test_no_network(tmp_path: Path, environment: dict[str, str]) -> None:
    config = Path(environment["XDG_CONFIG_HOME"]) / "astropy" / "astroquery.cfg"
    config.write_text("[mast]\nserver = https://no-such-host.invalid\n")
    run = subprocess.run(
        command("1536/22"),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr == (
        "lrs-explorer: the archive MAST (no-such-host.invalid) cannot be reached; check the "
        "network connection and try again.\n"
    )


@pytest.fixture
def stalled(archive: StandIn) -> Iterator[threading.Event]:
    """Have the archive stop in the middle of a file; return what is set when it does."""
    reached, go_on = threading.Event(), threading.Event()

    def stall(handler: Handler, content: bytes) -> bool:
        handler.file(content, until=len(content) // 2)
        reached.set()
        go_on.wait(60)
        return True

    archive.faults[S2D] = [stall]
    yield reached
    go_on.set()


@pytest.mark.parametrize(("by", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopping_and_going_on(
    archive: StandIn,
    stalled: threading.Event,
    environment: dict[str, str],
    tmp_path: Path,
    by: signal.Signals,
    status: int,
) -> None:
    run = subprocess.Popen(
        command("90010/1"), env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    assert stalled.wait(60)
    part = tmp_path / "jw90010001" / f"{S2D}.part"
    half = len(archive.files[S2D]) // 2
    while not part.exists() or part.stat().st_size < half // 65536 * 65536:
        assert run.poll() is None
    run.send_signal(by)
    _, said = run.communicate(timeout=60)
    assert run.returncode == status
    assert "Traceback" not in said
    if by == signal.SIGINT:
        assert "the same command goes on" in said
    there = part.stat().st_size
    assert there > 0
    archive.asked.clear()
    again = subprocess.run(
        command("90010/1"),
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert again.stdout == "lrs-explorer jw90010001\n"
    assert [one.get("Range") for one in archive.get(S2D)] == [f"bytes={there}-"]
    assert (tmp_path / "jw90010001" / S2D).read_bytes() == archive.files[S2D]
