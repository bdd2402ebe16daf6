"""A file of rules in the tab "Recipe": followed for the observation that is open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from live_kernel import LiveKernel, live_kernel

import lrs_explorer as lrs


@pytest.fixture(scope="module")
def kernel() -> Iterator[LiveKernel]:
    with live_kernel() as kernel:
        yield kernel


def load(kernel: LiveKernel, path: Path) -> None:
    panel = kernel.tab("RecipeTab").recipe
    kernel.do(lambda: setattr(panel.path, "value", str(path)))
    kernel.do(panel.load.click)


@pytest.mark.pipeline
def test_rules_become_the_recipe_that_python_makes_of_them(
    kernel: LiveKernel, tmp_path: Path
) -> None:
    panel, before = kernel.tab("RecipeTab").recipe, kernel.ui.recipe
    rules = lrs.Rules(lrs.Recipe(), center="trace", width=8.0, fix="found")
    load(kernel, rules.to_json(tmp_path / "rules.json"))
    kernel.until(lambda: "nothing more is found" in panel.result.value)
    expected = lrs.settle(lrs.demo("slit"), rules)
    assert kernel.ui.recipe == expected.recipe
    assert "(trace), width 8 pixels" in panel.result.value
    kernel.until(lambda: kernel.run[0] == "done" and kernel.curve == "live")
    kernel.do(kernel.ui.undo)  # one step
    assert kernel.ui.recipe == before
    kernel.do(kernel.ui.redo)
    assert kernel.ui.recipe == expected.recipe
    kernel.do(kernel.ui.undo)


def test_rules_that_cannot_be_followed_change_nothing(kernel: LiveKernel, tmp_path: Path) -> None:
    before = kernel.ui.recipe
    rules = lrs.Rules(lrs.Recipe(), fix=("MR-LRS99",))
    load(kernel, rules.to_json(tmp_path / "rules.json"))
    panel = kernel.tab("RecipeTab").recipe
    kernel.until(lambda: "MR-LRS99, which is no issue" in panel.result.value)
    assert any("MR-LRS99" in one.text for one in kernel.ui._screen.messages.messages)
    assert kernel.ui.recipe == before
    assert kernel.curve == "live"
