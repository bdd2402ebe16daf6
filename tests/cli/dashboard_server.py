"""A dashboard that is served as a user does, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from pathlib import Path

import psutil
from voila_server import ADDRESS

COMMAND = [sys.executable, "-m", "lrs_explorer.cli"]
"""The command ``lrs-explorer``, installed or not."""


@contextmanager
def served(
    folder: Path,
    *arguments: str,
    command: Sequence[str] = COMMAND,
    scratch: Path | None = None,
    **environment: str,
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command in ``folder``; yield its process and the address that it prints.

    Temporary files, and what kernels are called with, lie in ``scratch``, where they can be
    counted; without it, in the folder.
    """
    scratch = scratch or folder
    own = {"TMPDIR": str(scratch), "IPYTHONDIR": str(scratch / "ipython")}
    process = subprocess.Popen(
        [*command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        env=os.environ | own | environment,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = ADDRESS.search(line)
        assert address, line + process.communicate(timeout=30)[0]
        yield process, address[0]
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def visit(address: str) -> HTTPResponse:
    """Ask for a page as a browser does, which keeps cookies and goes where it is sent."""
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    answer: HTTPResponse = opener.open(address, timeout=60)
    return answer


def kernels(folder: Path) -> list[str]:
    """Return the command lines of the kernels whose connection files lie in ``folder``."""
    lines = (" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
    return [line for line in lines if "ipykernel" in line and str(folder) in line]
