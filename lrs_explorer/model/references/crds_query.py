"""Asking CRDS for reference files, in a child process with an environment of its own.

With an empty cache some hundred small mapping files come first, then the references: minutes on a
slow network. Nothing gives up while bytes arrive; what has arrived stays for the next time.
"""

from __future__ import annotations

import json
import os
import queue
import re
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Final

from lrs_explorer.model.references.crds_settings import child_environment

__all__ = ["CANCELLED", "Fetching", "ask_crds", "crds_parameters"]

SILENCE: Final = 45
"""Seconds without a single byte after which a connection is given up, and tried anew."""

CANCELLED: Final = "it was cancelled"

_TICK: Final = 0.1


@dataclass(frozen=True)
class Fetching:
    """A file that is being fetched.

    Parameters
    ----------
    file : str
    number, total : int
        It is the number-th of total files that are fetched together.
    """

    file: str
    number: int
    total: int

    @property
    def sentence(self) -> str:
        """What to tell the user."""
        return f"fetching reference files: {self.file} ({self.number} of {self.total})"


_LINE: Final = re.compile(
    r"Fetching\s+(?P<path>.+?)\s+[\d.]+ *\S* bytes +\( *(\d+) */ *(\d+) files\)"
)
"""What crds logs of each file."""


def fetching_in(line: str) -> Fetching | None:
    """Return what a line of the log of crds says about a file that is fetched; None if nothing."""
    match = _LINE.search(line)
    if match is None:
        return None
    return Fetching(os.path.basename(match["path"]), int(match[2]), int(match[3]))


_QUERY: Final = """
import json, socket, sys
request = json.load(sys.stdin)
socket.setdefaulttimeout(request["silence"])
import crds
from crds.client import api
from crds.core.exceptions import CrdsError, CrdsLookupError
from lrs_explorer.model.references.complete_files import keep_complete_files
keep_complete_files()
answer = {"context": None, "files": {}, "problems": {}}
try:
    answer["context"] = crds.get_context_name("jwst")
    for kind in request["types"]:
        try:
            found = crds.getreferences(request["parameters"], reftypes=[kind], observatory="jwst")
            answer["files"][kind] = found[kind]
        except CrdsLookupError as error:  # there is none
            answer["files"][kind] = "NOT FOUND " + str(error)
        except CrdsError as error:
            answer["problems"][kind] = str(error)
            if "mapping" in str(error):  # without them there is no use in asking on
                raise
except (CrdsError, OSError, SystemExit) as error:
    if isinstance(error, SystemExit):
        error = "the CRDS server cannot be reached, and the CRDS cache holds nothing of it"
    for kind in request["types"]:
        if kind not in answer["files"]:
            answer["problems"].setdefault(kind, str(error))
    answer["problems"]["context"] = str(error)
print("\\n" + json.dumps(answer))
"""


def crds_parameters(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return what CRDS chooses reference files by, of the cards of a product."""
    return {
        "META.TELESCOPE": "JWST",
        "META.INSTRUMENT.NAME": "MIRI",
        "META.INSTRUMENT.DETECTOR": header.get("DETECTOR", "MIRIMAGE"),
        "META.INSTRUMENT.FILTER": header.get("FILTER", "P750L"),
        "META.EXPOSURE.TYPE": header.get("EXP_TYPE"),
        "META.EXPOSURE.READPATT": header.get("READPATT", "N/A"),
        "META.SUBARRAY.NAME": header.get("SUBARRAY", "N/A"),
        "META.OBSERVATION.DATE": header.get("DATE-OBS", "N/A"),
        "META.OBSERVATION.TIME": header.get("TIME-OBS", "N/A"),
        "META.VISIT.TSOVISIT": "T" if header.get("TSOVISIT") else "F",
    }


def ask_crds(
    header: Mapping[str, Any],
    settings: Mapping[str, str],
    types: Sequence[str],
    progress: Callable[[Fetching], None] | None = None,
    cancelled: threading.Event | None = None,
) -> dict[str, Any]:
    """Ask CRDS in a child process; return "context", "files" and "problems" by reference type.

    Parameters
    ----------
    header : Mapping
        Cards of the product.
    settings : Mapping
        Environment variables on top of the user's.
    types : sequence of str
    progress : callable, optional
        Told of each file that is fetched.
    cancelled : threading.Event, optional
        Ends it within a fraction of a second when set.
    """
    parameters = crds_parameters(header)
    request = json.dumps({"parameters": parameters, "types": list(types), "silence": SILENCE})
    try:
        child = subprocess.Popen(
            [sys.executable, "-P", "-c", _QUERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=child_environment(settings),
        )
    except OSError as error:
        return {"files": {}, "problems": {"context": str(error)}}
    with child:
        return _answer(child, request, progress, cancelled)


def _answer(
    child: subprocess.Popen[str],
    request: str,
    progress: Callable[[Fetching], None] | None,
    cancelled: threading.Event | None,
) -> dict[str, Any]:
    """Send a request and return what comes back."""
    said: deque[str] = deque(maxlen=20)
    fetched: queue.Queue[Fetching] = queue.Queue()
    printed: list[str] = []
    readers = [
        threading.Thread(target=_listen, args=(child.stderr, said, fetched), daemon=True),
        threading.Thread(target=_collect, args=(child.stdout, printed), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        assert child.stdin is not None
        with suppress(OSError):  # it has died: seen below
            child.stdin.write(request)
            child.stdin.close()
        while any(reader.is_alive() for reader in readers):
            if cancelled is not None and cancelled.is_set():
                return {"files": {}, "problems": {"context": CANCELLED}}
            with suppress(queue.Empty):
                one = fetched.get(timeout=_TICK)
                if progress is not None:
                    progress(one)
        status = child.wait()
    finally:  # also on KeyboardInterrupt: streams are not to be closed under those who read them
        child.kill()
        for reader in readers:
            reader.join()
    try:
        answer: dict[str, Any] = json.loads("".join(printed).rstrip().rpartition("\n")[2])
        answer["problems"] = {kind: _short(why) for kind, why in answer["problems"].items()}
    except json.JSONDecodeError:
        last = next((line for line in reversed(said) if line.strip()), f"exit status {status}")
        return {"files": {}, "problems": {"context": last.strip()}}
    return answer


def _short(reason: str) -> str:
    """Return what matters of a message of crds: which file, and the last of the causes."""
    file = re.search(r"data for '([^']+)'", reason)
    cause = reason.rpartition(" : ")[2].strip()
    return f"{file[1]}: {cause}" if file else cause


def _listen(stream: IO[str] | None, said: deque[str], fetched: queue.Queue[Fetching]) -> None:
    assert stream is not None
    for line in stream:
        said.append(line)
        one = fetching_in(line)
        if one is not None:
            fetched.put(one)


def _collect(stream: IO[str] | None, printed: list[str]) -> None:
    assert stream is not None
    printed.append(stream.read())
