"""The dashboard in JupyterLab's launcher: Jupyter starts it, and shows it under a path of its own.

jupyter-server-proxy asks each visitor for who he is, as for a notebook, and reaches the dashboard
by a socket in a folder that is the user's alone: unlike a port, no other user of the machine can
ask there, so no token is needed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final

__all__ = ["launcher"]

NAME: Final = "lrs-explorer"
"""Of the entry point, and so the last part of the path."""

PATIENCE: Final = 120
"""Seconds that a busy machine may take to start the server."""

ICON: Final = Path(__file__).parents[1] / "data" / "icon.svg"


def launcher() -> dict[str, Any]:
    """Return what jupyter-server-proxy is to start, and what stands in the launcher."""
    return {
        "command": [sys.executable, "-P", "-m", __name__, "{unix_socket}", "{base_url}"],
        "unix_socket": True,
        "absolute_url": True,
        "timeout": PATIENCE,
        "launcher_entry": {"title": "LRS Explorer", "icon_path": str(ICON)},
    }


def _serve(socket: str, base_url: str) -> None:
    """Serve the dashboard on a socket, under Jupyter's own path, as long as Jupyter lives."""
    from lrs_explorer.cli.dashboard import serve_explorer
    from lrs_explorer.cli.server import Reach

    threading.Thread(target=_end_after, args=(os.getppid(),), daemon=True).start()
    reach = Reach(base_url=f"{base_url}{NAME}/", unix_socket=Path(socket))
    serve_explorer("", reach, open_browser=False)


def _end_after(parent: int) -> None:
    """End this process when its parent is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(2)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(*sys.argv[1:])
