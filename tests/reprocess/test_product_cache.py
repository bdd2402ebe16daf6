"""Products on disk: made once, found again, forgotten in order, and never half there."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lrs_explorer import LRSExplorerError
from lrs_explorer.model.runs.product_cache import ABANDONED, MAKING, RECORD, ProductCache

from .conftest import Disk


def maker(content: bytes = b"product") -> Any:
    def make(folder: Path) -> dict[str, Any]:
        (folder / "made.fits").write_bytes(content)
        return {"product": "made.fits", "log": "it was made"}

    return make


def unwanted(folder: Path) -> dict[str, Any]:
    raise AssertionError("it was in the cache")


def age(cache: ProductCache, key: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(cache.folder / key, (then, then))


def keys(cache: ProductCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()}


def test_what_was_made_is_found(tmp_path: Path) -> None:
    cache = ProductCache(tmp_path / "deep" / "cache")
    assert cache.find("a") is None
    made = cache.add("a", maker())
    assert made.path.read_bytes() == b"product"
    assert made.record["log"] == "it was made"
    assert cache.find("a") == made
    assert cache.find("b") is None


def test_it_survives_a_restart(tmp_path: Path) -> None:
    ProductCache(tmp_path).add("a", maker())
    code = (
        "import sys; from pathlib import Path;"
        "from lrs_explorer.model.runs.product_cache import ProductCache;"
        "print(ProductCache(Path(sys.argv[1])).find('a').path.read_text())"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert found.stdout == "product\n"


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    cache = ProductCache(tmp_path, limit=3500)
    for seconds, key in ((30, "a"), (20, "b"), (10, "c")):
        cache.add(key, maker(b"x" * 1000))
        age(cache, key, seconds)
    assert cache.find("a") is not None  # used now
    cache.add("d", maker(b"x" * 1000))
    assert keys(cache) == {"a", "c", "d"}


def test_the_newest_stays_however_large(tmp_path: Path) -> None:
    cache = ProductCache(tmp_path, limit=100)
    cache.add("a", maker(b"x" * 1000))
    assert cache.add("b", maker(b"x" * 1000)).path.is_file()
    assert keys(cache) == {"b"}


def test_what_a_killed_process_left_goes_when_it_is_old(tmp_path: Path) -> None:
    cache = ProductCache(tmp_path)
    for name, seconds in ((f"{MAKING}old", ABANDONED + 60), (f"{MAKING}new", 60)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half.fits").write_bytes(b"half")
        age(cache, name, seconds)
    cache.add("a", maker())
    assert keys(cache) == {"a", f"{MAKING}new"}


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    cache = ProductCache(tmp_path)

    def fail(folder: Path) -> dict[str, Any]:
        (folder / "half.fits").write_bytes(b"half")
        raise LRSExplorerError("the step failed")

    with pytest.raises(LRSExplorerError, match="the step failed"):
        cache.add("a", fail)
    assert keys(cache) == set()


@pytest.mark.parametrize("damage", ["record", "no record", "no product", "empty"])
def test_a_damaged_entry_is_made_again(tmp_path: Path, damage: str) -> None:
    cache = ProductCache(tmp_path)
    entry = cache.add("a", maker())
    if damage == "record":
        (tmp_path / "a" / RECORD).write_text("{")
    elif damage == "no record":
        (tmp_path / "a" / RECORD).unlink()
    elif damage == "no product":
        entry.path.unlink()
    else:
        shutil.rmtree(tmp_path / "a")
        (tmp_path / "a").mkdir()
    assert cache.find("a") is None
    assert cache.add("a", maker(b"again")).path.read_bytes() == b"again"
    assert keys(cache) == {"a"}


@pytest.mark.parametrize("record", ["[]", "null", '"text"', '{"product": 5}', '{"product": ""}'])
def test_a_record_of_another_form_is_no_entry(tmp_path: Path, record: str) -> None:
    cache = ProductCache(tmp_path)
    cache.add("a", maker())
    (tmp_path / "a" / RECORD).write_text(record)
    assert cache.find("a") is None


def test_an_entry_that_vanishes_is_made_again(tmp_path: Path) -> None:
    cache = ProductCache(tmp_path)
    cache.add("a", maker())
    shutil.rmtree(tmp_path)
    assert cache.find("a") is None
    assert cache.add("a", maker()).path.is_file()


def _add(folder: Path, content: bytes, barrier: Any, answers: Any) -> None:
    def make(scratch: Path) -> dict[str, Any]:
        barrier.wait(30)  # both are at it
        return maker(content)(scratch)

    answers.put(ProductCache(folder).add("a", make).path.read_bytes())


def test_two_processes_may_make_the_same(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=_add, args=(tmp_path, content, barrier, answers))
        for content in (b"one", b"two")
    ]
    for process in processes:
        process.start()
    found = {answers.get(timeout=60) for _ in processes}
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(found) == 1
    assert keys(ProductCache(tmp_path)) == {"a"}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = ProductCache(tmp_path / "file" / "cache")
    assert cache.find("a") is None
    with pytest.raises(LRSExplorerError, match=r"cannot be kept in .*file/cache.*LRS_EXPLORER_C"):
        cache.add("a", unwanted)


def test_a_read_only_cache_can_be_read(disk: Disk) -> None:
    folder = disk("64k")
    cache = ProductCache(folder)
    cache.add("a", maker())
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    entry = cache.find("a")
    assert entry is not None
    assert entry.path.read_bytes() == b"product"
    with pytest.raises(LRSExplorerError, match="read-only file system") as caught:
        cache.add("b", unwanted)
    assert "LRS_EXPLORER_CACHE" in str(caught.value)


def test_a_full_disk_is_reported_and_nothing_is_left(disk: Disk) -> None:
    cache = ProductCache(disk("64k"))
    cache.add("a", maker())
    with pytest.raises(LRSExplorerError, match="no space left on device; make room"):
        cache.add("b", maker(b"x" * 100_000))
    assert keys(cache) == {"a"}
    assert cache.find("a") is not None
