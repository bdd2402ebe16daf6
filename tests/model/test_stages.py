"""What is computed for a change, and what is not: calls are counted."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import lrs_explorer as lrs
from lrs_explorer.model.data.products import SpectralImage
from lrs_explorer.model.observation import observation as dataset
from lrs_explorer.model.stages import stages
from lrs_explorer.model.stages.stages import KEPT, Stages

SECOND = lrs.Nods(2)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the files that are read."""
    counted: Counter[str] = Counter()
    for name in ("read_image", "read_spectrum"):
        original = getattr(dataset, name)

        def count(path: Path, original=original) -> object:
            counted[path.name] += 1
            return original(path)

        monkeypatch.setattr(dataset, name, count)
    return counted


@pytest.fixture
def demo() -> Stages:
    return Stages(lrs.demo("slit"))


def at(center: float, **parts: object) -> lrs.Recipe:
    return lrs.Recipe(aperture=lrs.Aperture(center, 8), **parts)


def pull(pulled: Stages, recipe: lrs.Recipe) -> lrs.Spectrum:
    """Pull all that a screen shows of a recipe."""
    pulled.image(recipe)
    pulled.profile(recipe)
    pulled.trace(recipe)
    pulled.delivered(recipe.nods)
    pulled.placement(recipe)
    return pulled.spectrum(recipe)


def test_moving_the_aperture_extracts_and_does_nothing_else(
    demo: Stages, read: Counter[str]
) -> None:
    pull(demo, at(20))
    assert sum(read.values()) == 2  # image and delivered spectrum
    before = demo.computed.copy()
    for center in (20.5, 21, 22):
        pull(demo, at(center))
    assert demo.computed - before == Counter(spectrum=3)
    assert sum(read.values()) == 2


@pytest.mark.parametrize(
    "recipe",
    [
        at(20, background=lrs.Background(((4, 9),))),
        at(20, extraction=lrs.Extraction(apply_apcorr=False)),
        lrs.Recipe(extraction=lrs.Extraction(position_offset=2.0)),
    ],
)
def test_a_change_of_the_extraction_computes_one_spectrum(
    demo: Stages, read: Counter[str], recipe: lrs.Recipe
) -> None:
    pull(demo, at(20))
    before, files = demo.computed.copy(), read.copy()
    pull(demo, recipe)
    assert demo.computed - before == Counter(spectrum=1)
    assert read == files


def test_undo_computes_nothing(demo: Stages, read: Counter[str]) -> None:
    first = pull(demo, at(20))
    pull(demo, at(25))
    before, files = demo.computed.copy(), read.copy()
    assert pull(demo, lrs.Recipe(aperture=lrs.Aperture(20.0, 8.0))) is first
    assert demo.computed == before
    assert read == files


def test_another_nod_is_read_once(demo: Stages, read: Counter[str]) -> None:
    pull(demo, at(20))
    pull(demo, at(20, nods=SECOND))
    assert sum(read.values()) == 4
    before = demo.computed.copy()
    pull(demo, at(20))
    pull(demo, at(21, nods=SECOND))
    assert demo.computed - before == Counter(spectrum=1)
    assert sum(read.values()) == 4


def test_found_references_extract_anew_and_read_no_image(demo: Stages, read: Counter[str]) -> None:
    without = pull(demo, at(20))
    before, files = demo.computed.copy(), read.copy()
    demo.find_references()
    with_apcorr = pull(demo, at(20))
    assert demo.computed - before == Counter(references=1, extractor=1, spectrum=1)
    assert read == files
    assert np.nanmedian(with_apcorr.flux / without.flux) > 1.01
    demo.find_references()
    assert demo.computed["references"] == 1


def test_a_refused_recipe_leaves_everything_as_it_was(demo: Stages) -> None:
    good = pull(demo, at(20))
    before = demo.computed.copy()
    for recipe in (at(4000), lrs.Recipe(mode="slitless"), at(20, nods=lrs.Nods(9))):
        with pytest.raises(lrs.LRSExplorerError):
            pull(demo, recipe)
    assert pull(demo, at(20)) is good
    assert demo.computed == before


def test_a_file_that_could_not_be_read_is_tried_again(
    demo: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path) -> object:
        raise lrs.LRSExplorerError(f"{path.name} may not be read.")

    with monkeypatch.context() as patched:
        patched.setattr(dataset, "read_image", fail)
        with pytest.raises(lrs.LRSExplorerError, match="may not be read"):
            demo.image(lrs.Nods())
    assert demo.image(lrs.Nods()).kind == "s2d"


def test_old_spectra_are_forgotten_images_are_not(demo: Stages) -> None:
    first = demo.spectrum(at(20))
    for step in range(1, KEPT["spectrum"] + 1):
        demo.spectrum(at(20 + step / 64))
    assert len([key for key in demo._cache if key[0] == "spectrum"]) == KEPT["spectrum"]
    before = demo.computed.copy()
    again = demo.spectrum(at(20))
    np.testing.assert_array_equal(again.flux, first.flux)
    assert demo.computed - before == Counter(spectrum=1)


def test_threads_compute_a_product_once(demo: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go = threading.Event(), threading.Event()
    original = stages.find_trace

    def slow(image: SpectralImage) -> lrs.Trace | None:
        entered.set()
        assert go.wait(60)
        return original(image)

    monkeypatch.setattr(stages, "find_trace", slow)
    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(demo.trace, lrs.Nods()) for _ in range(2)]
        assert entered.wait(60)
        # Meanwhile other products can be had.
        assert pool.submit(demo.profile, lrs.Nods()).result(60) is not None
        assert not any(future.done() for future in futures)
        go.set()
        first, second = (future.result(60) for future in futures)
    assert first is second
    assert demo.computed["trace"] == 1


def test_extract_keeps_what_it_has_of_an_observation(read: Counter[str]) -> None:
    observation = lrs.demo("slit")
    one = lrs.extract(observation, at(20))
    assert lrs.extract(observation, at(20)) is one
    lrs.extract(observation, at(21))
    assert sum(read.values()) == 1
    with pytest.raises(lrs.LRSExplorerError, match="slitless"):
        lrs.extract(observation, lrs.Recipe(mode="slitless"))
