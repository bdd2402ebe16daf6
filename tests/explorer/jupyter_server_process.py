"""A real Jupyter server in a process of its own, as JupyterLab, JupyterHub and Binder start it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from voila_server import PATIENCE

LISTENS = re.compile(r"https?://127\.0\.0\.1:\d+\S*")
"""What the server says when it listens."""

LAB = (sys.executable, "-m", "jupyterlab")


@contextmanager
def jupyter(
    folder: Path,
    *options: str,
    token: str = "",
    command: Sequence[str] = LAB,
    **environment: str,
) -> Iterator[tuple[psutil.Process, str]]:
    """Run a Jupyter server in ``folder``; yield its process and its address, as far as the port.

    It sees no settings of the user's, and with it ends all that it has started.
    """
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR")
    settings = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": "0",
        "ServerApp.open_browser": "False",
        "ServerApp.allow_root": "True",  # in a container
        "IdentityProvider.token": token,
        "LabApp.news_url": "",
        "LabApp.workspaces_dir": str(folder / "workspaces"),
    }
    process = subprocess.Popen(
        [*command, *(f"--{name}={value}" for name, value in settings.items()), *options],
        cwd=folder,
        env=os.environ | {name: str(folder / name) for name in own} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    log: list[str] = []
    for line in process.stderr:
        log.append(line)
        if address := LISTENS.search(line):
            break
    else:
        pytest.fail(f"Jupyter did not start: {''.join(log)}")
    # A full pipe would stop the server.
    drain = threading.Thread(target=log.extend, args=(process.stderr,), daemon=True)
    drain.start()
    started = psutil.Process(process.pid)
    try:
        yield started, "/".join(address[0].split("/")[:3])
    finally:
        others = started.children(recursive=True)
        process.terminate()
        process.wait(timeout=60)
        _, left = psutil.wait_procs(others, timeout=PATIENCE)
        for one in left:
            one.kill()
        drain.join()
        process.stderr.close()
        (folder / "log").write_text("".join(log))
    assert left == [], "something goes on when the server has ended"


class Memory:
    """The most memory that a process and all that it started had at once.

    Memory that several of them share counts once (PSS).

    Parameters
    ----------
    process : psutil.Process
    """

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.most = 0
        self.parts: dict[str, int] = {}

    def __enter__(self) -> Memory:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._ended.wait(0.2):
            parts: dict[str, int] = {}
            for one in (self._process, *self._process.children(recursive=True)):
                try:
                    parts[f"{one.pid} {' '.join(one.cmdline())}"] = one.memory_full_info().pss
                except psutil.Error:  # it has ended meanwhile
                    continue
            if (total := sum(parts.values())) > self.most:
                self.most, self.parts = total, parts
