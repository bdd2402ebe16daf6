"""The live kernel gives, bit for bit, what ``Extract1dStep`` gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from lrs_explorer.model.data.products import COLUMN_UNITS, SpectralImage
from lrs_explorer.model.live.extractor import Extractor
from lrs_explorer.model.live.references import References

from .random_cases import Options, all_pairs, pairs, possible_pairs, random_case, random_options
from .real_step import RealStep

PAIRS = all_pairs()
"""Choices in which each two kinds that go together do so."""


def bits(values: NDArray[np.generic]) -> bytes:
    """Return the bits of ``values``, all NaN being alike."""
    return np.where(np.isnan(values), np.nan, values).astype(float).tobytes()


def assert_same(
    seed: int,
    image: SpectralImage,
    references: References,
    real_step: RealStep,
    extraction_type: str = "box",
    options: Options | None = None,
) -> None:
    """Hold the live kernel and the real step to each other in one random case."""
    case = random_case(seed, options or random_options(seed), image, extraction_type)
    references = replace(references, extract1d=case.reference)
    extractor = Extractor(image, references)
    spectrum = extractor.extract(case.recipe)
    assert image.path is not None
    real = real_step.run(image.path, *extractor.step_parameters(case.recipe), references)
    assert list(spectrum.columns) == list(COLUMN_UNITS) == list(real.table)
    different = [
        name for name, values in spectrum.columns.items() if bits(values) != bits(real.table[name])
    ]
    assert not different, case
    limits = {name: spectrum.header[name] for name in real.limits}
    assert limits == pytest.approx(real.limits, rel=1e-15), case


def test_each_pair_of_options_is_tried() -> None:
    tried = set().union(*map(pairs, PAIRS))
    assert tried == possible_pairs()
    assert len(tried) > 1000


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_box(
    number: int,
    demo_images: dict[str, SpectralImage],
    demo_references: References,
    real_step: RealStep,
) -> None:
    options = PAIRS[number]
    image = demo_images[options["image"]]
    assert_same(100 + number, image, demo_references, real_step, options=options)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_box_with_options_drawn_at_random(
    seed: int,
    demo_images: dict[str, SpectralImage],
    demo_references: References,
    real_step: RealStep,
) -> None:
    image = demo_images[random_options(seed)["image"]]
    assert_same(seed, image, demo_references, real_step)


@pytest.mark.parametrize("seed", range(200, 208))
def test_box_on_a_full_frame(
    seed: int, cal: SpectralImage, demo_references: References, real_step: RealStep
) -> None:
    assert_same(seed, cal, demo_references, real_step)


@pytest.mark.parametrize(
    ("name", "seed"),
    [("nod 1", seed) for seed in range(300, 314)]
    + [("combined", seed) for seed in range(320, 326)],
)
def test_optimal(
    name: str,
    seed: int,
    demo_images: dict[str, SpectralImage],
    demo_references: References,
    real_step: RealStep,
) -> None:
    assert_same(seed, demo_images[name], demo_references, real_step, "optimal")


@pytest.mark.parametrize("seed", range(400, 402))
def test_optimal_on_a_full_frame(
    seed: int, cal: SpectralImage, demo_references: References, real_step: RealStep
) -> None:
    assert_same(seed, cal, demo_references, real_step, "optimal")


@pytest.mark.parametrize("seed", range(510, 520))
@pytest.mark.parametrize("name", ["nod 1", "combined"])
def test_box_on_90001(
    name: str,
    seed: int,
    shared_images: dict[str, SpectralImage],
    shared_references: References,
    real_step: RealStep,
) -> None:
    assert_same(seed, shared_images[name], shared_references, real_step)


@pytest.mark.parametrize("seed", range(600, 602))
@pytest.mark.parametrize("extraction_type", ["box", "optimal"])
def test_full_frame_of_90001(
    extraction_type: str,
    seed: int,
    shared_cal: SpectralImage,
    shared_references: References,
    real_step: RealStep,
) -> None:
    assert_same(seed, shared_cal, shared_references, real_step, extraction_type)
