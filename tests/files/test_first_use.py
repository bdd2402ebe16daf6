"""First use with real data: an empty CRDS cache, on networks as they are."""

from __future__ import annotations

import http.server
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import lrs_explorer as lrs
from lrs_explorer.cli import main
from lrs_explorer.model.files.spectrum_file import write_spectrum
from lrs_explorer.model.references import crds_query
from lrs_explorer.model.references.crds_query import Fetching, fetching_in
from lrs_explorer.model.references.references import find_references

Serve = Callable[..., str]
Use = Callable[[str], None]


@pytest.fixture
def s2d(shared_data: Path) -> Path:
    return shared_data / "slit-90001" / "jw90001001001_03102_00001_mirimage_s2d.fits"


def test_each_file_is_told(crds_server: Serve, first_use: Use, s2d: Path) -> None:
    first_use(crds_server("--mappings", "30", "--delay", "0.02"))
    told: list[Fetching] = []
    found = find_references(lrs.open_observation(s2d), progress=told.append)
    assert found.apcorr is not None
    assert found.missing == {}
    assert [(one.number, one.total) for one in told[:30]] == [(n, 30) for n in range(1, 31)]
    assert told[-1].file.startswith("jwst_miri_")
    again: list[Fetching] = []
    find_references(lrs.open_observation(s2d), progress=again.append)
    assert again == []  # all is in the cache


def test_nothing_is_written_that_lacks_a_correction_unless_asked(
    crds_server: Serve, first_use: Use, s2d: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "mine_x1d.fits"
    command = ["extract", str(s2d), "-o", str(output)]
    first_use(crds_server("--mappings", "40", "--fail-after", "20"))
    assert main(command) == 2
    told = capfd.readouterr().err
    assert "1/40 fetching" in told
    last = told.strip().splitlines()[-1]
    assert "reference files for the aperture (extract1d) and the aperture correction" in last
    assert "HTTP Error 503: Service Unavailable" in last
    assert not output.exists()
    assert main([*command, "--without-references"]) == 3
    assert "note: no aperture correction" in capfd.readouterr().err
    output.unlink()

    first_use(crds_server("--mappings", "40"))  # it goes on where it stopped
    assert main(command) == 0
    assert "1/20 fetching" in capfd.readouterr().err
    assert output.exists()


def test_a_server_that_falls_silent(
    crds_server: Serve, first_use: Use, s2d: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crds_query, "SILENCE", 1)
    first_use(crds_server("--mappings", "20", "--fail-after", "5", "--hang"))
    spectrum = lrs.extract(lrs.open_observation(s2d))
    assert set(spectrum.missing) == {"extract1d", "apcorr"}
    assert "timed out" in spectrum.missing["apcorr"]
    with pytest.raises(lrs.LRSExplorerError, match=r"was not written: .* Try again"):
        write_spectrum(spectrum, tmp_path / "x1d.fits")


def test_a_slow_server_is_waited_for_and_can_be_cancelled(
    crds_server: Serve, first_use: Use, s2d: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crds_query, "SILENCE", 2)
    first_use(crds_server("--mappings", "250", "--delay", "0.7"))
    cancelled = threading.Event()
    told: list[Fetching] = []

    def progress(one: Fetching) -> None:
        told.append(one)
        if one.number == 5:  # longer than it may be silent
            cancelled.set()

    found = find_references(lrs.open_observation(s2d), progress=progress, cancelled=cancelled)
    assert told[-1].total == 250
    assert found.missing["apcorr"] == "it was cancelled"


def test_no_network(first_use: Use, s2d: Path) -> None:
    first_use("http://localhost:9")
    found = find_references(lrs.open_observation(s2d))
    assert found.missing["apcorr"].startswith("the CRDS server cannot be reached")


@pytest.fixture
def cutting(crds_server: Serve) -> Iterator[str]:
    """Return the address of a server whose connection breaks once, in the aperture correction."""
    address = crds_server()
    cut: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(urllib.request.Request(address + self.path, body, dict(self.headers)))

        def do_GET(self) -> None:
            self._answer(urllib.request.Request(address + self.path))

        def _answer(self, request: urllib.request.Request) -> None:
            with urllib.request.urlopen(request) as response:
                content = response.read().replace(address.encode(), own.encode())
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if "apcorr" in self.path and self.path.endswith(".fits") and not cut:
                cut.append(self.path)
                content = content[: len(content) // 2]
            self.wfile.write(content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    own = f"http://localhost:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield own
    server.shutdown()
    thread.join()
    server.server_close()


def test_half_a_file_is_not_kept(cutting: str, first_use: Use, s2d: Path, tmp_path: Path) -> None:
    first_use(cutting)
    found = find_references(lrs.open_observation(s2d))
    assert "apcorr" in found.missing
    assert not list((tmp_path / "crds").rglob("*apcorr*.fits"))
    assert find_references(lrs.open_observation(s2d)).missing == {}


def test_what_crds_logs_is_understood() -> None:
    line = (
        "CRDS - INFO -  Fetching  /home/some one/crds/mappings/jwst/jwst_0001.pmap     "
        "1.7 K bytes  (12 / 250 files) (3.2 K / 1.0 M bytes)\n"
    )
    assert fetching_in(line) == Fetching("jwst_0001.pmap", 12, 250)
    assert fetching_in("CRDS - INFO - something else") is None
