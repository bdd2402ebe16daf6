"""The button "export for the pipeline" of the tab "Recipe"."""

from __future__ import annotations

import json
from pathlib import Path

from live_kernel import LiveKernel, live_kernel

import lrs_explorer as lrs


def said(kernel: LiveKernel) -> str:
    return " ".join(message.text for message in kernel.ui._screen.messages.messages)


def test_the_shown_recipe_is_handed_over(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    with live_kernel() as kernel:
        kernel.drag(4.0)
        products = kernel.tab("RecipeTab").products
        recipe = kernel.do(lambda: kernel.ui.recipe)
        kernel.do(lambda: setattr(products.folder, "value", str(folder)))
        kernel.do(products.export.click)
        kernel.until(lambda: f"files written to {folder}" in said(kernel))
        assert "_pipeline.py: Python script" in products.result.value
        (written,) = folder.glob("*_recipe.json")
        assert lrs.Recipe.from_json(written) == recipe
        (reference,) = folder.glob("*_extract1d.json")
        (aperture,) = json.loads(reference.read_text())["apertures"]
        assert recipe.aperture is not None
        assert aperture["xstart"] == recipe.aperture.center - (recipe.aperture.width - 1) / 2
        kernel.do(products.export.click)
        kernel.until(lambda: "choose another folder" in said(kernel))
