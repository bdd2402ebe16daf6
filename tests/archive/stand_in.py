"""A server that speaks as MAST does, with the files of the demos.

The shapes of its answers are those of astroquery's own tests (astroquery/mast/tests/data:
mission_columns, mission_results, mission_products), with the names that JWST has there:
fileSetName, observtn, exp_type, file_suffix "_rate", category "2a".
"""

from __future__ import annotations

import functools
import gzip
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import lrs_explorer

DATA = Path(lrs_explorer.__file__).parent / "data"

COLUMNS = (
    "search_pos",
    "fileSetName",
    "productLevel",
    "program",
    "observtn",
    "instrume",
    "exp_type",
)

CATEGORIES = {"uncal": "1b", "rate": "2a", "rateints": "2a", "cal": "2b", "calints": "2b"}

MADE = 1_790_000_000
"""When the files were made, in seconds since 1970."""

TOKEN = "0123456789abcdef"

Fault = Callable[["Handler", bytes], bool]
"""Answers otherwise than with the file, and returns True; or returns False."""


@dataclass
class StandIn:
    """What the server has, and what it was asked."""

    address: str = ""
    program: int = 90010
    sets: dict[str, str] = field(default_factory=dict)  # file set: EXP_TYPE
    files: dict[str, bytes] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)  # where the listing says otherwise
    closed: set[str] = field(default_factory=set)  # files that are not public
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # in turn, for a file or a service
    ranges: bool = True
    dates: bool = True
    made: int = MADE
    most_rows: int = 5000
    nested: bool = False  # astroquery knows lists of products in a list
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)  # set when a test has ended

    def add_demo(self, name: str, exposures: dict[str, str]) -> None:
        """Take the files of a demo, called as the archive calls them."""
        self.files |= _demo(name)
        self.sets |= exposures

    def get(self, name: str) -> list[dict[str, str]]:
        """Return the headers with which a file, or a service, was asked for."""
        return [headers for asked, headers in self.asked if asked == name]

    def set_of(self, name: str) -> str:
        """Return the file set that a file is listed with."""
        if name.endswith("_asn.json") and b'"products"' in self.files[name]:
            name = json.loads(self.files[name])["products"][0]["name"]
        own = [one for one in self.sets if re.match(rf"{re.escape(one)}(?![0-9])", name)]
        return max(own, key=len) if own else next(iter(self.sets))


class Handler(BaseHTTPRequestHandler):
    """Answers; the server has the stand-in."""

    protocol_version = "HTTP/1.1"

    @property
    def has(self) -> StandIn:
        return self.server.stand_in  # type: ignore[attr-defined, no-any-return]

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(address.query).items()}
        if address.path == "/search/util/api/v0.1/column_list" and query == {"mission": "jwst"}:
            columns = [
                {"field_name": name, "column_name": name, "qual_type": "string", "description": ""}
                for name in COLUMNS
            ]
            self._service("column_list", columns)
        elif address.path == "/search/jwst/api/v0.1/retrieve_product":
            self._retrieve(query["product_name"])
        else:
            self.send(404, b"no such address", "text/plain")

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/search/jwst/api/v0.1/search":
            self._service("search", self._search(content))
        elif self.path == "/search/jwst/api/v0.1/post_list_products":
            self._service("post_list_products", self._products(content["dataset_ids"]))
        else:
            self.send(404, b"no such address", "text/plain")

    def send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _faulty(self, name: str, content: bytes) -> bool:
        self.has.asked.append((name, dict(self.headers)))
        faults = self.has.faults.get(name)
        return bool(faults) and faults.pop(0)(self, content)

    def _service(self, name: str, answer: Any) -> None:
        content = json.dumps(answer).encode()
        if not self._faulty(name, content):
            self.send(200, content, "application/json")

    def _search(self, asked: dict[str, Any]) -> dict[str, Any]:
        conditions = {key: str(value) for one in asked["conditions"] for key, value in one.items()}
        assert conditions.keys() == {"program", "instrume"}
        rows = [
            {
                "ArchiveFileID": number,
                "fileSetName": name,
                "productLevel": "3" if "_p750l" in name else "2b",
                "observtn": _observation(name),
                "exp_type": kind,
            }
            for number, (name, kind) in enumerate(sorted(self.has.sets.items()))
            if conditions["program"] == str(self.has.program)
        ]
        first, many = asked["offset"], min(asked["limit"], self.has.most_rows)
        return {
            "messages": [],
            "info": [{"name": name, "type": "VARCHAR"} for name in (rows or [{}])[0]],
            "search_params": asked,
            "totalResults": len(rows),
            "results": rows[first : first + many],
        }

    def _products(self, sets: Sequence[str]) -> dict[str, Any]:
        products = []
        for name, content in self.has.files.items():
            own = self.has.set_of(name)
            if own not in sets:
                continue
            suffix = name.rpartition("_")[2].partition(".")[0]
            products.append(
                {
                    "product_key": f"{own}_{name}",
                    "access": "PRIVATE" if name in self.has.closed else "PUBLIC",
                    "dataset": own,
                    "instrument_name": "MIRI",
                    "filters": "P750L",
                    "filename": name,
                    "uri": f"{own}/{name}",
                    "authz_primary_identifier": own,
                    "authz_secondary_identifier": own,
                    "file_suffix": f"_{suffix}",
                    "category": CATEGORIES.get(suffix, "AUX"),
                    "size": self.has.sizes.get(name, len(content)),
                    "type": "science",
                }
            )
        products *= 2  # files of several file sets are listed several times
        return {"products": [products] if self.has.nested else products}

    def _retrieve(self, uri: str) -> None:
        name = uri.rpartition("/")[2]
        content = self.has.files.get(name)
        if content is None or uri != f"{self.has.set_of(name)}/{name}":
            self.send(404, b"no such file", "text/plain")
        elif name in self.has.closed and self.headers["Authorization"] != f"token {TOKEN}":
            self.has.asked.append((name, dict(self.headers)))
            self.send(401, b"Unauthorized", "text/plain")
        elif not self._faulty(name, content):
            self.file(content)

    def file(self, content: bytes, *, until: int | None = None) -> None:
        """Send a file or what is asked of it; ``until``: break off after these bytes."""
        date = formatdate(self.has.made, usegmt=True)
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        wanted = self.headers.get("If-Range")
        first = int(asked[1]) if asked and self.has.ranges and wanted in (None, date) else 0
        if first and first >= len(content):
            self.send(416, b"", "text/plain")
            return
        self.send_response(206 if first else 200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(content) - first))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        if self.has.dates:
            self.send_header("Last-Modified", date)
        self.end_headers()
        self.wfile.write(content[first:until])
        if until is not None:
            self.close_connection = True


def slit_archive() -> StandIn:
    """Return an archive with the demo of the slit and much that is of no use."""
    has = StandIn()
    has.add_demo(
        "demo_slit",
        {
            "jw90010-o001_t001_miri_p750l": "MIR_LRS-FIXEDSLIT",
            "jw90010001001_02101_00001": "MIR_TACQ",
            "jw90010001001_03101_00001": "MIR_TACONFIRM",
            "jw90010001001_03102_00001": "MIR_LRS-FIXEDSLIT",
            "jw90010001001_03102_00002": "MIR_LRS-FIXEDSLIT",
            # Another mode, and its acquisition.
            "jw90010007001_02101_00001": "MIR_IMAGE",
            "jw90010007001_03101_00001": "MIR_TACQ",
        },
    )
    for name in (
        "jw90010001001_03102_00001_mirimage_uncal.fits",
        "jw90010001001_03102_00001_mirimage_rateints.fits",
        "jw90010001001_03102_00001_mirimage_s2d.jpg",
        "jw90010001001_03102_00001_mirimage_s2d_thumb.jpg",
        "jw90010001001_02101_00001_mirimage_uncal.fits",
        "jw90010001001_gs-fg_2026244120000_cal.fits",
        "jw90010-o001_20260901t120000_image2_00001_asn.json",
        "jw90010_20260901t120000_pool.csv",
        "jw90010007001_02101_00001_mirimage_rate.fits",
        "jw90010007001_03101_00001_mirimage_rate.fits",
        "../jw90010001001_03102_00001_mirimage_rate.fits",
    ):
        has.files[name] = b"of no use"
    return has


@functools.cache
def _demo(name: str) -> dict[str, bytes]:
    files = {}
    for path in sorted((DATA / name).glob("jw*")):
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
        if path.suffix == ".json":
            content = content.replace(b".fits.gz", b".fits")
        called = path.name.removesuffix(".gz").replace("_spec", "_20260901t120000_spec")
        files[called] = content
    return files


def _observation(name: str) -> int | None:
    match = re.match(r"jw\d{5}(?:-o)?(\d{3})", name)
    return int(match[1]) if match else None


def cut(at: float) -> Fault:
    """Return what breaks the connection off after a fraction of a file."""

    def fault(handler: Handler, content: bytes) -> bool:
        handler.file(content, until=int(at * len(content)))
        return True

    return fault


def stalls(at: float, seconds: float) -> Fault:
    """Return what sends nothing for a while after a fraction of a file."""

    def fault(handler: Handler, content: bytes) -> bool:
        if at:
            handler.file(content, until=int(at * len(content)))
        handler.has.left.wait(seconds)
        handler.close_connection = True
        return True

    return fault


def answers(status: int, text: str = "<html>not now</html>", kind: str = "text/html") -> Fault:
    """Return what answers with a page."""

    def fault(handler: Handler, content: bytes) -> bool:
        handler.send(status, text.encode(), kind)
        return True

    return fault


def settings(archive: StandIn, folder: Path) -> dict[str, str]:
    """Return the environment in which astroquery is configured to ask a stand-in."""
    (folder / "astropy").mkdir(parents=True)
    (folder / "astropy" / "astroquery.cfg").write_text(f"[mast]\nserver = {archive.address}\n")
    return {"XDG_CONFIG_HOME": str(folder), "MAST_API_TOKEN": ""}


class Server(ThreadingHTTPServer):
    """Does not mind when a client goes away: they are tested for that."""

    daemon_threads = True

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stand_in = stand_in

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """Serve on a free port of this machine."""
    server = Server(stand_in)
    stand_in.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.left.set()
        server.shutdown()
        server.server_close()
        thread.join()
