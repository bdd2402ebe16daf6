from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

import lrs_explorer as lrs
from lrs_explorer.diagnosis.finding import Finding

Change = Callable[[fits.HDUList, str], None]
"""Changes the contents of a product: HDUs, and its kind ("s2d", "x1d", "cal", …)."""


@pytest.fixture
def diagnose_changed(tmp_path: Path) -> Callable[..., dict[str, Finding]]:
    """Return a function that diagnoses the demo with some of its files changed."""

    def diagnose(
        change: Change,
        kinds: tuple[str, ...] = ("s2d", "x1d"),
        opened: str = "00001",
        recipe: lrs.Recipe | None = None,
    ) -> dict[str, Finding]:
        demo = lrs.demo("slit")
        for kind, paths in demo.products.items():
            for path in paths:
                if kind not in kinds:
                    continue
                with fits.open(path, memmap=False) as hdus:
                    change(hdus, path.name)
                    hdus.writeto(tmp_path / path.name.removesuffix(".gz"))
        (path,) = tmp_path.glob(f"*{opened}*_{kinds[0]}.fits")
        found = lrs.diagnose(lrs.open_observation(path), recipe)
        return {finding.issue: finding for finding in found}

    return diagnose


@pytest.fixture
def column_profile() -> Callable[[float, int], np.ndarray]:
    """Return a function that makes a star's profile: center and number of columns."""

    def profile(center: float, number: int) -> np.ndarray:
        return np.exp(-0.5 * ((np.arange(number) - center) / 1.4) ** 2)

    return profile
