"""One recipe over many: what was made is not made again, and what is killed takes nothing along."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from astropy.table import Table
from filelock import FileLock

import lrs_explorer as lrs
from lrs_explorer.batch import engines
from lrs_explorer.batch.apply import LOCK
from lrs_explorer.batch.summary import PAGE, TABLE
from lrs_explorer.cli import main
from lrs_explorer.model.files.image_file import read_spectrum

pytestmark = pytest.mark.pipeline

RECIPE = lrs.Recipe(aperture=lrs.Aperture(18.3, 8.0))


def times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.fits")}


def test_processes_give_what_one_gives(several: list[Path], tmp_path: Path) -> None:
    told: list[lrs.Applied] = []
    files = [several[0], tmp_path / "nowhere.fits", several[1], several[0]]
    results = lrs.apply(RECIPE, files, tmp_path / "mine", processes=2, finished=told.append)
    assert [result.state for result in results] == ["done", "failed", "done", "done"]
    assert results[0] is results[3]
    assert len(told) == 3, "what is given twice is done once"
    assert "nowhere.fits does not exist" in results[1].error
    for result in (results[0], results[2]):
        (path,) = result.spectra
        expected = lrs.extract(lrs.open_observation(result.path), RECIPE)
        np.testing.assert_array_equal(read_spectrum(path).flux, expected.flux)
        assert result.recipe == RECIPE
        assert set(result.products) <= set((tmp_path / "mine").iterdir())


def test_it_goes_on_where_it_stopped(several: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    lrs.apply(RECIPE, several[:1], folder)
    before = times(folder)
    first, second = lrs.apply(RECIPE, several[:2], folder)
    assert (first.state, second.state) == ("done before", "done")
    assert first.recipe == RECIPE
    assert before.items() <= times(folder).items()
    # A product that is gone, or cut off, is made again.
    (spectrum,) = first.spectra
    spectrum.write_bytes(spectrum.read_bytes()[:-2880])
    (again,) = lrs.apply(RECIPE, several[0], folder)
    assert again.state == "done"
    assert len(read_spectrum(spectrum).flux) > 300
    # Another recipe does not replace it, unless asked to.
    other = RECIPE.replace(aperture=lrs.Aperture(18.3, 6.0))
    (refused,) = lrs.apply(other, several[0], folder)
    assert "already; choose another folder" in refused.error
    (replaced,) = lrs.apply(other, several[0], folder, overwrite=True)
    assert replaced.state == "done"
    (made_anew,) = lrs.apply(other, several[0], folder, overwrite=True)
    assert made_anew.state == "done"


def test_what_a_killed_process_left_is_written_over(several: list[Path], tmp_path: Path) -> None:
    """Killed after the products were moved into place, before that was noted."""
    folder = tmp_path / "mine"
    (made,) = lrs.apply(RECIPE, several[0], folder)
    (record,) = folder.glob("*_apply.json")
    content = json.loads(record.read_text())
    begun = {name: content[name] for name in ("lrs_explorer_apply", "key", "apply", "source")}
    record.write_text(json.dumps(begun | {"state": "begun"}))
    made.spectra[0].unlink()
    (again,) = lrs.apply(RECIPE, several[0], folder)
    assert again.state == "done"
    assert again.spectra[0].is_file()
    # What cannot be read tells nothing, and nothing is replaced.
    record.write_text("{")
    (refused,) = lrs.apply(RECIPE, several[0], folder)
    assert "already; choose another folder" in refused.error


def test_two_of_the_same_names_do_not_replace_each_other(
    several: list[Path], tmp_path: Path
) -> None:
    twin = tmp_path / "twin" / several[0].name
    twin.parent.mkdir()
    twin.write_bytes(several[0].read_bytes())
    results = lrs.apply(RECIPE, [several[0], twin], tmp_path / "mine")
    assert [result.state for result in results] == ["done", "failed"]
    assert f"{several[0]} has the products of the same names" in results[1].error


def test_two_applies_into_one_folder_are_kept_apart(several: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    with FileLock(folder / LOCK), pytest.raises(lrs.LRSExplorerError, match="another apply is wri"):
        lrs.apply(RECIPE, several[0], folder)
    assert lrs.apply(RECIPE, several[0], folder)[0].state == "done"


def test_a_folder_that_cannot_be_made(several: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(lrs.LRSExplorerError, match=r"file/mine cannot be written \(Not a dir"):
        lrs.apply(RECIPE, several[0], tmp_path / "file" / "mine")


def killed_while(folder: Path, command: list[str]) -> subprocess.Popen[str]:
    """Start a command and kill one of the processes that run tasks once one has begun."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    parent = psutil.Process(process.pid)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        # Whoever has a pipeline's process below it runs a task.
        for child in parent.children(recursive=True):
            if any("runs.child" in " ".join(c.cmdline()) for c in _children(child)):
                os.kill(child.pid, signal.SIGKILL)
                return process
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"no task has begun: {process.communicate()[0]}")


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [child for child in process.children() if child.is_running() and child.cmdline()]
    except psutil.Error:
        return []


@pytest.mark.parametrize("engine", [["--processes", "2"], ["--dask", "local:2"]])
def test_a_killed_worker_takes_nothing_along(
    engine: list[str], several: list[Path], tmp_path: Path
) -> None:
    folder, recipe = tmp_path / "mine", str(RECIPE.to_json(tmp_path / "recipe.json"))
    files = list(map(str, several))
    command = [sys.executable, "-m", "lrs_explorer.cli", "apply", recipe, *files]
    process = killed_while(folder, [*command, "-o", str(folder), *engine])
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    table = Table.read(folder / TABLE)
    assert sorted(table["file"]) == sorted(files)
    assert set(table["state"]) <= {"done", "done before"}
    spectra = sorted(folder.glob("*_x1d.fits"))
    assert len(spectra) == len(files)
    expected = lrs.extract(lrs.open_observation(several[0]), RECIPE)
    for path in spectra:
        np.testing.assert_array_equal(read_spectrum(path).flux, expected.flux)
    left = [path for path in folder.iterdir() if path.is_dir()]
    assert len(left) <= 1, "the scratch folder of the killed process"
    page = (folder / PAGE).read_text()
    assert page.count("<figure>") == len(files)
    assert "6 made, 0 failed" in page


def test_a_scheduler_that_goes_away_leaves_what_is_done(
    several: list[Path], tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    address = f"tcp://127.0.0.1:{port}"
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1"]
    work = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    folder, recipe = tmp_path / "mine", str(RECIPE.to_json(tmp_path / "recipe.json"))
    command = [sys.executable, "-m", "lrs_explorer.cli", "apply", recipe, *map(str, several)]
    command += ["-o", str(folder)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with (
        subprocess.Popen([*dask, "--port", port, "--no-dashboard"], **quiet) as scheduler,
        subprocess.Popen([*work, "--no-dashboard", "--death-timeout", "5"], **quiet) as worker,
    ):
        try:
            end = time.monotonic() + 60
            with socket.socket() as listening:
                while listening.connect_ex(("127.0.0.1", int(port))):
                    assert time.monotonic() < end, "the scheduler does not listen"
                    time.sleep(0.2)
            applying = subprocess.Popen(
                [*command, "--scheduler", address],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            assert applying.stdout is not None
            first = applying.stdout.readline()
            scheduler.kill()
            said = first + applying.communicate(timeout=120)[0]
        finally:
            scheduler.kill()
            worker.terminate()
    assert applying.returncode == 2
    last = said.splitlines()[-1]
    assert re.search(r"the scheduler tcp://\S+ is gone; \d of 6 are done and kept", last), said
    assert "Traceback" not in said


def test_no_scheduler_is_one_sentence(
    several: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = str(RECIPE.to_json(tmp_path / "recipe.json"))
    command = ["apply", recipe, str(several[0]), "-o", str(tmp_path / "mine")]
    assert main([*command, "--scheduler", "tcp://127.0.0.1:9"]) == 2
    error = capsys.readouterr().err
    assert "no Dask scheduler can be reached at tcp://127.0.0.1:9" in error
    assert main([*command, "--dask", "local:many"]) == 2
    assert "local:N needs a number of workers from 1" in capsys.readouterr().err


def test_a_worker_with_other_versions_is_named() -> None:
    class Client:
        def get_versions(self, packages: list[str]) -> dict[str, object]:
            own = dict.fromkeys(packages, "1.0")
            workers = {"tcp://there:1": {"packages": own | {"jwst": "0.9"}}}
            return {"client": {"packages": own}, "workers": workers}

    with pytest.raises(lrs.LRSExplorerError, match=r"tcp://there:1 has jwst 0\.9, here it is 1\.0"):
        engines._check_versions(Client())
