"""What `lrs.apply` costs over many observations: time for each, memory, and the engine's own part.

Run ``python benchmarks/apply.py``. Observations are the demo's first nod under other names, with an
aperture of their own, so that each is a run of extract_1d; with ``--full`` what is found is fixed,
too. The overhead is the time of tasks that find their observation made before.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from astropy.io import fits

import lrs_explorer as lrs

ROOT = "jw{:05d}001001_03102_00001_mirimage"


def make(folder: Path, number: int) -> list[Path]:
    """Write observations, those that are missing, and return their s2d."""
    demo = lrs.demo("slit")
    found = []
    for program in range(91000, 91000 + number):
        place = folder / str(program)
        place.mkdir(parents=True, exist_ok=True)
        for kind in ("s2d", "x1d"):
            source = next(p for p in demo.products[kind] if "_03102_00001_" in p.name)
            path = place / f"{ROOT.format(program)}_{kind}.fits"
            if not path.is_file():
                with fits.open(source, memmap=False) as hdus:
                    hdus[0].header.update(PROGRAM=str(program), FILENAME=path.name)
                    hdus.writeto(path)
        found.append(place / f"{ROOT.format(program)}_s2d.fits")
    return found


class Memory:
    """The largest private memory of this process and all below it, sampled."""

    def __init__(self) -> None:
        self.largest = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        own = psutil.Process()
        while not self._stop.wait(0.5):
            total = 0
            for process in (own, *own.children(recursive=True)):
                try:
                    total += process.memory_full_info().uss
                except psutil.Error:
                    continue
            self.largest = max(self.largest, total / 1e9)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def timed(call: Callable[[], list[lrs.Applied]]) -> tuple[float, float, list[lrs.Applied]]:
    """Return seconds, gigabytes and results."""
    begin = time.perf_counter()
    with Memory() as memory:
        results = call()
    return time.perf_counter() - begin, memory.largest, results


def kill_one(after: int) -> Callable[[lrs.Applied], None]:
    """Return a callback that kills a process with a task once so many are known."""
    known = []

    def finished(result: lrs.Applied) -> None:
        known.append(result)
        if len(known) == after:
            for process in psutil.Process().children(recursive=True):
                with_task = any("runs.child" in " ".join(c.cmdline()) for c in process.children())
                if with_task:
                    print(f"killed process {process.pid} after {after}")
                    os.kill(process.pid, signal.SIGKILL)
                    return

    return finished


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--numbers", type=int, nargs="+", default=[4, 40, 400])
    parser.add_argument("--engines", nargs="+", default=["1", "2", "local:1", "local:2"])
    parser.add_argument("--full", action="store_true", help="fix what is found")
    parser.add_argument("--kill", type=int, help="kill a process after so many observations")
    parser.add_argument("--folder", type=Path, default=Path("/tmp/lrs-explorer-benchmark/apply"))
    options = parser.parse_args()
    rules = lrs.Rules(lrs.Recipe(), "trace", 8.0, fix="found" if options.full else ())
    print("| observations | engine | s each | GB | made before: s each | states |")
    print("|---|---|---|---|---|---|")
    for number in options.numbers:
        files = make(options.folder / "data", number)
        for engine in options.engines:
            output = options.folder / "mine"
            shutil.rmtree(output, ignore_errors=True)
            where = {"processes": int(engine)} if engine.isdecimal() else {"dask": engine}
            kill = kill_one(options.kill) if options.kill else None
            seconds, memory, results = timed(
                lambda: lrs.apply(rules, files, output, finished=kill, **where)  # noqa: B023
            )
            again, _, _ = timed(lambda: lrs.apply(rules, files, output, **where))  # noqa: B023
            states = [result.state for result in results]
            told = ", ".join(f"{states.count(s)} {s}" for s in sorted(set(states)))
            median = statistics.median(result.seconds for result in results)
            each = f"{seconds / number:.2f} (task {median:.2f})"
            cells = (number, engine, each, f"{memory:.2f}", f"{again / number:.2f}", told)
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
