"""Within a process that fetches from CRDS: no file is kept that did not arrive whole."""

from __future__ import annotations

import functools
import os
from contextlib import suppress
from typing import Any

__all__ = ["keep_complete_files"]


def keep_complete_files() -> None:
    """Have crds remove a file that it finds damaged after the transfer.

    It leaves it in the cache, where it is taken for good the next time.
    """
    from crds.client.api import FileCacher  # type: ignore[import-untyped]

    verify = FileCacher.verify_file

    @functools.wraps(verify)
    def checked(self: Any, filename: str, localpath: str) -> None:
        try:
            verify(self, filename, localpath)
        except BaseException:
            with suppress(OSError):
                os.remove(localpath)
            raise

    FileCacher.verify_file = checked
